"""Every Python cell of a notebook as a syntax tree, with the lines it has in the notebook; or why there is none."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Container, Mapping
from dataclasses import dataclass

from agilab.notebooks.code.bound_above import Bound
from agilab.notebooks.code.syntax import Parse, is_python_2, needs_newer, parse
from agilab.notebooks.document.cells import Cell, Notebook
from agilab.notebooks.document.languages import shown
from agilab.notebooks.findings import Finding
from agilab.notebooks.python.magics import Magic, Translated, translate
from agilab.notebooks.python.meaning import Meaning
from agilab.notebooks.python.pushed_folders import Ways, with_ways_back
from agilab.notebooks.python.shell_lines import asked_as_lines
from agilab.notebooks.rules import found


@dataclass(frozen=True)
class ParsedCell:
    """A Python cell as Python.

    Attributes:
        cell: What it was.
        python: Its text without magics, line for line; equal to the source where there are none.
        tree: None where the cell does not parse.
        magics: What was translated, dropped or left out.
        why_not: Why there is no tree, "" if there is one.
        kept: What a magic says of a cell that is kept as text because nothing of it is run (`%%R`, `%%html`): its
            language, and the names that it takes and gives. Its Python is empty lines. None for any other cell.
    """

    cell: Cell
    python: str
    tree: ast.Module | None
    magics: tuple[Magic, ...] = ()
    why_not: str = ""
    kept: Meaning | None = None


@dataclass(frozen=True)
class ParsedNotebook:
    """The Python of a notebook.

    Attributes:
        cells: The Python cells, in order.
        findings: What magics and syntax gave.
        requirements: (requirement as written, cell, line) of what its cells install.
    """

    notebook: Notebook
    cells: tuple[ParsedCell, ...]
    findings: tuple[Finding, ...]
    requirements: tuple[tuple[str, int, int], ...] = ()


def parse_notebook(notebook: Notebook, brought: Mapping[int, frozenset[str]] | None = None) -> ParsedNotebook:
    """Translate and parse the Python cells; nothing is executed, nothing raised.

    `brought` are names that cells, by their index, bind by running another notebook.
    """
    bound = Bound(_read_as_python(notebook), brought or {})
    names = bound.anywhere()
    asked = asked_as_lines("\n".join(cell.source for cell in _read_as_python(notebook)))
    parsed, findings, requirements = [], _language(notebook), []
    ways: Ways = ()
    for cell in _read_as_python(notebook):
        translated, ways = with_ways_back(translate(cell.source, names, bound.above(cell.index), asked), ways)
        one = _parsed(cell, translated)
        parsed.append(one)
        for magic in one.magics:
            requirements += [(text, cell.index, magic.line) for text in magic.meaning.requirements]
        findings += _of_magics(one)
        findings += _of_syntax(one)
    findings += _unsaid_language(notebook, parsed)
    return ParsedNotebook(notebook, tuple(parsed), tuple(findings), tuple(requirements))


def parse_cell(
    cell: Cell,
    names: Container[str] = (),
    above: Container[str] | None = None,
    lines_of: Container[str] | None = None,
) -> ParsedCell:
    """One cell; `names` are those that the notebook binds somewhere, or `above` it (see `magics.translate`)."""
    return _parsed(cell, with_ways_back(translate(cell.source, names, above, lines_of), ())[0])


def _parsed(cell: Cell, translated: Translated) -> ParsedCell:
    if translated.tree is not None:
        return ParsedCell(cell, translated.python, translated.tree)
    kept = next((one.meaning for one in translated.magics if one.whole_cell and one.meaning.language), None)
    if kept is not None:
        blank = "\n" * translated.python.count("\n")
        return ParsedCell(cell, blank, parse(blank).tree, _with_prompts(translated), kept=kept)
    result = parse(translated.python)
    return ParsedCell(
        cell, translated.python, result.tree, _with_prompts(translated), _why_not(translated.python, result)
    )


def _with_prompts(translated: Translated) -> tuple[Magic, ...]:
    if not translated.prompts:
        return translated.magics
    pasted = Magic(1, ">>>", True, Meaning("", "NB-118", "its prompts were removed"))
    return (pasted, *translated.magics)


def _why_not(python: str, result: Parse) -> str:
    if result.tree is not None:
        return ""
    return f"{result.why} (line {result.line})" if result.line else result.why


def _read_as_python(notebook: Notebook) -> tuple[Cell, ...]:
    """Python cells; where nothing says the language, all code cells, in the hope that they are."""
    return tuple(cell for cell in notebook.code_cells if cell.language in ("python", ""))


def _language(notebook: Notebook) -> list[Finding]:
    """That it is not Python, said once; likewise cells of other languages in a Python notebook."""
    written = [cell for cell in notebook.code_cells if cell.source.strip()]
    others = Counter(cell.language for cell in written if cell.language not in ("python", ""))
    if not others:
        return []
    if notebook.language and not any(cell.language in ("python", "") for cell in written):
        language = shown(notebook.language)
        what = f"the notebook is {language}, not Python: {_cells(len(written))} of code kept, not analysed and not run"
        return [found("NB-101", what)]
    where = {cell.language: cell.index for cell in reversed(written)}
    return [
        found("NB-101", f"{_cells(count)} of code in {shown(language)} kept as text", cell=where[language])
        for language, count in sorted(others.items())
    ]


def _cells(count: int) -> str:
    return "1 cell" if count == 1 else f"{count:,} cells"


def _unsaid_language(notebook: Notebook, parsed: list[ParsedCell]) -> list[Finding]:
    unsaid = [one for one in parsed if not one.cell.language]
    if not unsaid:
        return []
    good = sum(one.tree is not None for one in unsaid)
    return [
        found("NB-102", f"the notebook names no kernel; {good} of {len(unsaid)} code cells parse as Python")
    ]


def _of_magics(one: ParsedCell) -> list[Finding]:
    return [
        found(magic.meaning.code, magic.meaning.what, cell=one.cell.index, line=magic.line)
        for magic in one.magics
        if magic.meaning.code
    ]


def _of_syntax(one: ParsedCell) -> list[Finding]:
    place = one.cell.index
    if one.tree is not None:
        return []
    failure = parse(one.python)
    line = failure.line or None
    if is_python_2(one.python, failure):
        return [found("NB-104", f"Python 2: {failure.why}", cell=place, line=line)]
    newer = needs_newer(one.python, failure)
    if newer:
        return [found("NB-106", f"it may need Python {newer}: {failure.why}", cell=place, line=line)]
    return [found("NB-103", f"the cell does not parse: {failure.why}", cell=place, line=line)]
