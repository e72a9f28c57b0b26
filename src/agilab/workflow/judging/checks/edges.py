"""Who makes what: inputs that nothing gives, rings, outputs that collide."""

from __future__ import annotations

import difflib
import fnmatch
from collections.abc import Iterator

from agilab.contracts.lab_stages import Input, Stage, is_file
from agilab.workflow.document.paths import leaves_the_lab, name_of
from agilab.workflow.document.resolved import Problem
from agilab.workflow.judging.checks.case import Case, files_of, item_names
from agilab.workflow.judging.findings import Finding

_CODES = {
    "ambiguous": "012",
    "unknown_stage": "006",
    "left_out": "007",
    "not_made_there": "008",
    "itself": "009",
    "outside": "013",
    "no_list": "014",
}


def problems(case: Case) -> Iterator[Finding]:
    """What `resolve` could not settle."""
    for one in case.resolved.problems:
        at = case.place(one.stage, one.key, one.at)
        code = _CODES.get(one.kind) or ("011" if is_file(one.name) else "010")
        yield case.finding(code, at, one.stage, *_words(case, one))


def _words(case: Case, one: Problem) -> tuple[str, str, str]:
    """What happened, what stands there, and the mend."""
    verb = {"inputs": "takes", "needs": "needs", "foreach": "walks"}[one.key]
    other = one.others[0] if one.others else ""
    if one.kind == "missing":
        kind = "file" if is_file(one.name) else "value"
        mend = _near(case, one)
        if kind == "file" and not mend and set("*?[") & set(one.name):
            mend = f'{{ name = "{one.name}", optional = true }}, if it may find nothing'
        return f"{one.stage} {verb} the {kind} {one.name}, which nothing makes", one.name, mend
    if one.kind == "ambiguous":
        mend = f'{{ name = "{one.name}", from = "{other}" }}'
        return f"{one.stage} {verb} {one.name}, which several stages below make", ", ".join(one.others), mend
    if one.kind == "unknown_stage":
        close = difflib.get_close_matches(other, case.number, n=1)
        thing = f"{one.name} from {other}" if one.key == "inputs" else f"a stage {other}"
        mend = f"did you mean {close[0]}?" if close else ""
        return f"{one.stage} {verb} {thing}, which is not there", other, mend
    if one.kind == "left_out":
        stage = case.stage(other)
        why = "is only text" if stage.enabled else "is disabled"
        return f"{one.stage} {verb} {one.name}, and {other} {why}", other, ""
    if one.kind == "not_made_there":
        gives = ", ".join(case.stage(other).outputs) or "nothing"
        return (
            f"{one.stage} takes {one.name} from {other}, which does not give it",
            f"{other} gives {gives}",
            "",
        )
    if one.kind == "itself":
        return f"{one.stage} {verb} itself", one.name, ""
    if one.kind == "outside":
        return f"{one.stage} {verb} a path that leaves the lab", one.name, ""
    return f"{one.stage} walks the file {one.name}", one.name, ""


def _near(case: Case, one: Problem) -> str:
    given = {name_of(name) for stage in case.file.lab.stages for name in stage.outputs}
    given |= set() if is_file(one.name) else set(case.file.lab.lab.params)
    close = difflib.get_close_matches(one.name, given - {one.name}, n=1)
    if close:
        return f"did you mean {close[0]}?"
    for stage in case.resolved.stages.values():
        names = case.names(stage.stage)
        if (
            stage.stage.id != one.stage
            and not isinstance(names, SyntaxError)
            and names
            and one.name in names.bound
        ):
            return f'add "{one.name}" to the outputs of {stage.stage.id}'
    return ""


def rings(case: Case) -> Iterator[Finding]:
    for ring in case.resolved.cycles:
        arrows = " -> ".join((*ring, ring[0]))
        yield case.finding("005", case.place(ring[0]), ring[0], "these stages wait for each other", arrows)


def inputs(case: Case) -> Iterator[Finding]:
    """Names that two inputs share, names for files, patterns over what stages write."""
    for name, one in case.resolved.stages.items():
        called: dict[str, str] = {axis.name: "an item of foreach" for axis in one.axes}
        for number, (source, given) in enumerate(zip(one.inputs, one.stage.inputs, strict=True)):
            at = case.place(name, "inputs", number)
            if source.kind == "file":
                if isinstance(given, Input) and given.called:
                    what = f"{name} gives the file {source.name} a name"
                    yield case.finding("016", at, name, what, f'as = "{given.called}"')
                if source.origin == "folder":
                    yield from _overlaps(case, one.stage, source.name, number)
                continue
            if source.called in called:
                what = f"two inputs of {name} are called {source.called}"
                yield case.finding("015", at, name, what, f"{source.name} and {called[source.called]}")
            called[source.called] = source.name


def _overlaps(case: Case, stage: Stage, pattern: str, number: int) -> Iterator[Finding]:
    wide = f"{pattern}*" if pattern.endswith("/") else pattern
    if wide == pattern and not set("*?[") & set(pattern):
        return
    given = stage.inputs[number]
    others = [one.stage for one in case.resolved.stages.values() if one.stage.id != stage.id]
    if isinstance(given, Input) and given.optional:  # takes nothing of stages below anyway
        others = [one for one in others if case.number[one.id] < case.number[stage.id]]
    writers = [
        (other.id, path)
        for other in others
        for path in map(name_of, files_of(other.outputs))
        if fnmatch.fnmatch(path, wide)
    ]
    if writers:
        found = ", ".join(f"{path} of {other}" for other, path in writers[:3])
        what = f"{stage.id} reads {pattern} of the folder, and not what stages write there"
        yield case.finding("019", case.place(stage.id, "inputs", number), stage.id, what, found)


def outputs(case: Case) -> Iterator[Finding]:
    """Outputs named twice, files that two stages write, paths that do not tell the items apart."""
    writers: dict[str, str] = {}
    for name, one in case.resolved.stages.items():
        seen: set[str] = set()
        taken = {source.name for source in one.inputs}
        items = {axis.name for axis in one.axes}
        for number, given in enumerate(one.stage.outputs):
            at, output = case.place(name, "outputs", number), name_of(given)
            if output in seen:
                yield case.finding("020", at, name, f"{name} names its output {output} twice", given)
                continue
            seen.add(output)
            if not is_file(given):
                continue
            if leaves_the_lab(given):
                yield case.finding("013", at, name, f"{name} writes a path that leaves the lab", given)
                continue
            if output in writers and output not in taken:
                what = f"{name} writes {output}, and so does {writers[output]}"
                yield case.finding("021", at, name, what, given)
            writers[output] = name
            if one.stage.app is None:
                yield from _items(case, one.stage, given, number, items)


def _items(case: Case, stage: Stage, path: str, number: int, items: set[str]) -> Iterator[Finding]:
    at, named = case.place(stage.id, "outputs", number), item_names(path)
    missing = items - named
    if stage.zip and named & items:
        missing = set()  # side by side, one of them is enough to tell the units apart
    if missing:
        mend = f'name the item in the path: "{_with_item(path, sorted(missing))}"'
        yield case.finding("022", at, stage.id, f"every unit of {stage.id} writes {path}", path, mend)
    if unknown := named - items:
        what = f"{stage.id} has no item {', '.join(sorted(unknown))} to put into {path}"
        yield case.finding("023", at, stage.id, what, path)


def _with_item(path: str, items: list[str]) -> str:
    """
    >>> _with_item("out/a.csv", ["city"]), _with_item("out/", ["city"])
    ('out/a-{city}.csv', 'out/{city}/')
    """
    words = "-".join(f"{{{item}}}" for item in items)
    if path.endswith("/"):
        return f"{path}{words}/"
    begin, dot, end = path.rpartition(".")
    return f"{begin}-{words}{dot}{end}" if dot and "/" not in end else f"{path}-{words}"


def lists(case: Case) -> Iterator[Finding]:
    """Lists side by side of different lengths; a nested list beside another."""
    for name, one in case.resolved.stages.items():
        if one.stage.zip:
            sizes = {axis.name: len(axis.items) for axis in one.foreach if axis.items is not None}
            params = case.file.lab.lab.params
            for axis in one.foreach:
                if (
                    axis.source
                    and axis.source.origin == "param"
                    and isinstance(params[axis.source.name], list)
                ):
                    sizes[axis.name] = len(params[axis.source.name])
            if len(set(sizes.values())) > 1:
                found = ", ".join(f"{key}: {size}" for key, size in sizes.items())
                yield case.finding(
                    "018",
                    case.place(name, "foreach"),
                    name,
                    f"{name} walks lists of different lengths",
                    found,
                )
        nested = [
            axis
            for axis in one.foreach
            if axis.source and axis.source.stage and _is_mapped(case, axis.source.stage)
        ]
        if nested and len(one.foreach) > 1:
            what = f"{name} combines {nested[0].name} with another list"
            found = f"{nested[0].source.stage if nested[0].source else ''}, which makes it, is mapped itself"
            yield case.finding("035", case.place(name, "foreach"), name, what, found)


def shares(case: Case) -> Iterator[Finding]:
    """A `require` where nothing that is read is several units for the stage."""
    for name, one in case.resolved.stages.items():
        if one.stage.require != "all" and not any(_is_several(case, need, name) for need in one.needs):
            found = f"require = {one.stage.require!r}, and it reads {', '.join(one.needs) or 'no stage'}"
            what = f"{name} requires a share of mapped stages and reads none as a whole"
            yield case.finding("057", case.place(name, "require"), name, what, found)


def _is_several(case: Case, need: str, reader: str) -> bool:
    """Whether a stage is several units for another: of one that walks the same it gets its own item's."""
    mine = [axis.name for axis in case.resolved.stages[reader].axes]
    theirs = [axis.name for axis in case.resolved.stages[need].axes]
    return theirs != mine[: len(theirs)]


def _is_mapped(case: Case, name: str) -> bool:
    return bool(case.resolved.stages[name].axes)
