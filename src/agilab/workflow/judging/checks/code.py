"""The code of the stages: its syntax, names that nothing gives, outputs that are never made."""

from __future__ import annotations

import ast
import difflib
import re
from collections.abc import Iterator

from agilab.contracts.lab_stages import Stage, is_file
from agilab.workflow.judging.checks.case import Case
from agilab.workflow.judging.checks.packages import other_python
from agilab.workflow.judging.findings import Finding
from agilab.workflow.judging.names import Names, lines_of


def syntax(case: Case) -> Iterator[Finding]:
    """Code that is not Python, located."""
    for stage in _python(case):
        problem = case.names(stage)
        if not isinstance(problem, SyntaxError):
            continue
        line = problem.lineno or 1
        at = case.code_place(stage, line, problem.offset or 1)
        text = lines_of(case.text_of(stage) or "")
        shown = text[line - 1].strip() if line <= len(text) else ""
        if shown[:1] in ("%", "!"):
            yield case.finding(
                "073", at, stage.id, f"line {line} of {stage.id} means something in Jupyter alone", shown
            )
        elif python := other_python(case, stage):
            what = f"line {line} of {stage.id} is of a Python that AGILab does not run on: {problem.msg}"
            yield case.finding("072", at, stage.id, what, f"requires-python {python}")
        else:
            yield case.finding(
                "070", at, stage.id, f"line {line} of {stage.id} is not Python: {problem.msg}", shown[:120]
            )


def uses(case: Case) -> Iterator[Finding]:
    """Statements that are to be taken from another stage, and cannot."""
    for name, one in case.resolved.stages.items():
        for other, wanted in one.stage.uses.items():
            at = case.place(name, "uses", other)
            if other not in case.number:
                close = difflib.get_close_matches(other, case.number, n=1)
                mend = f"did you mean {close[0]}?" if close else ""
                yield case.finding(
                    "032", at, name, f"{name} uses statements of {other}, which is not there", other, mend
                )
                continue
            taken = case.taken(other, wanted)
            if taken is None and case.text_of(case.stage(other)) is not None:
                continue  # it is no Python, which is said already
            lost = set(wanted) - (taken.found if taken else frozenset())
            for word in sorted(lost):
                if other != name and word in case.stage(other).outputs:
                    mend = f'it is an output there: add "{word}" to the inputs'
                else:
                    mend = ""
                what = f"{name} uses {word}, and {other} has no such import, function, class or constant"
                yield case.finding("032", at, name, what, word, mend)


def names(case: Case) -> Iterator[Finding]:
    """Names that are read and that nothing gives; inputs that are never read; outputs that are never made."""
    for stage in _python(case):
        found = case.names(stage)
        if not isinstance(found, Names):
            continue
        if found.open is None:
            for word, place in found.needed.items():
                at = case.code_place(stage, place.line, place.column)
                what = f"{stage.id} reads {word}, which nothing gives"
                yield case.finding("071", at, stage.id, what, word, _give(case, stage, word))
            yield from _caught(case, stage, found)
            yield from _unmade(case, stage, found)
        yield from _unread(case, stage, found)


def _caught(case: Case, stage: Stage, found: Names) -> Iterator[Finding]:
    """Names that nothing gives and whose lack the code catches; what it binds itself is a matter of its own."""
    for word, place in found.perhaps.items():
        if word not in found.bound:
            at = case.code_place(stage, place.line, place.column)
            what = f"{stage.id} reads {word}, which nothing gives, and catches that it is not there"
            yield case.finding("074", at, stage.id, what, word, _give(case, stage, word))


def _unmade(case: Case, stage: Stage, found: Names) -> Iterator[Finding]:
    there = found.bound | case.given(stage)
    for number, output in enumerate(stage.outputs):
        if output in found.deleted:
            at = case.place(stage.id, "outputs", number)
            what = f"{stage.id} deletes its output {output}"
            yield case.finding("024", at, stage.id, what, f"del {output}", "take out the del, or the output")
        elif not is_file(output) and output not in there:
            close = difflib.get_close_matches(output, found.bound, n=1)
            mend = f"did you mean {close[0]}?" if close else ""
            at = case.place(stage.id, "outputs", number)
            yield case.finding(
                "024", at, stage.id, f"{stage.id} never makes its output {output}", output, mend
            )


def _read_by_what_it_uses(case: Case, stage: Stage) -> Iterator[str]:
    """Names that functions taken from other stages read where they are called: here."""
    for other, names in stage.uses.items():
        if other in case.number and (taken := case.taken(other, names)) is not None:
            yield from taken.missing


def _unread(case: Case, stage: Stage, found: Names) -> Iterator[Finding]:
    if found.open is not None and "(" in found.open:
        return  # exec may read anything
    read = {*found.read, *stage.outputs, *_read_by_what_it_uses(case, stage)}
    for number, source in enumerate(case.resolved.stages[stage.id].inputs):
        if (
            source.kind == "value"
            and source.called not in read
            and not _is_spoken_of(source.called, case, stage)
        ):
            at = case.place(stage.id, "inputs", number)
            yield case.finding(
                "025", at, stage.id, f"{stage.id} never reads its input {source.called}", source.called
            )


def _is_spoken_of(name: str, case: Case, stage: Stage) -> bool:
    """Whether a text in the code of a stage, or in what it uses, has a word of that name: of SQL, or of a formula."""
    taken = (case.taken(other, names) for other, names in stage.uses.items() if other in case.number)
    codes = [case.text_of(stage) or "", *(one.text for one in taken if one is not None)]
    word = re.compile(rf"\b{re.escape(name)}\b")
    return any(
        isinstance(node, ast.Constant) and isinstance(node.value, str) and word.search(node.value)
        for code in codes
        if word.search(code)
        for node in ast.walk(ast.parse(code))
    )


def _give(case: Case, stage: Stage, word: str) -> str:
    """Where a name could come from, best first."""
    if word in case.file.lab.lab.params:
        return f'add "{word}" to its inputs: it is a param'
    others = [one for one in case.resolved.stages.values() if one.stage.id != stage.id]
    for one in others[::-1]:
        if word in one.stage.outputs:
            return f'add "{word}" to its inputs: {one.stage.id} gives it'
    for one in others:
        taken = case.taken(one.stage.id, [word])
        if taken is not None and word in taken.found:
            return f'uses = {{ {one.stage.id} = ["{word}"] }}'
    for one in others:
        known = case.names(one.stage)
        if isinstance(known, Names) and word in known.bound:
            return f'add "{word}" to the outputs of {one.stage.id} and to the inputs here'
    mine = case.names(stage)
    near = [*case.given(stage), *(mine.bound if isinstance(mine, Names) else ())]
    close = difflib.get_close_matches(word, [name for name in near if name != word], n=1, cutoff=0.75)
    if isinstance(mine, Names) and word in mine.bound:
        return "it is read before it is assigned"
    return f"did you mean {close[0]}?" if close else ""


def _python(case: Case) -> list[Stage]:
    return [
        one.stage
        for one in case.resolved.stages.values()
        if one.stage.app is None and one.stage.kind == "python"
    ]
