"""What the flow of a notebook gives to say: its findings, NB-6xx."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from agilab.notebooks.findings import Finding, in_order
from agilab.notebooks.flow import states
from agilab.notebooks.flow.links import Unmade
from agilab.notebooks.flow.model import Setting
from agilab.notebooks.flow.order import reordered, unused
from agilab.notebooks.flow.plan import Plan
from agilab.notebooks.flow.repeats import lost
from agilab.notebooks.rules import Rule

RULES: dict[str, Rule] = {
    "NB-601": Rule(
        "warning",
        "undecided",
        "What this statement reads or binds is not in the text, so the cells that may depend on it stay in one stage.",
        "say the names in the text: import them one by one, assign instead of exec",
    ),
    "NB-602": Rule(
        "warning",
        "a name that no cell makes",
        "It came from a cell that is no longer there, or was typed elsewhere; run from top to bottom this fails where "
        "it is read, unless the cell catches it.",
        "add the cell that makes it",
    ),
    "NB-603": Rule(
        "warning",
        "a name that only a cell below makes",
        "The notebook was run in another order than it stands; run from top to bottom this fails where it is read, "
        "unless the cell catches it.",
        "move the cell that makes it up",
    ),
    "NB-604": Rule(
        "warning",
        "a name that was deleted",
        "A cell above deletes it, so that it is not there when this cell runs.",
        "delete it later, or make it again",
    ),
    "NB-605": Rule(
        "warning",
        "run in another order",
        "The saved results come from another order of the cells, in which this name had another value.",
        "run all cells from top to bottom and look at the results again",
    ),
    "NB-606": Rule(
        "note",
        "never used",
        "It is defined and no cell uses it.",
        "leave it out, if nothing else needs it",
    ),
    "NB-607": Rule(
        "warning",
        "the history of a session",
        "`_`, `Out` and `In` are what somebody typed before; a stage has none.",
        "give the result a name",
    ),
    "NB-608": Rule(
        "warning",
        "another working directory",
        "Each stage runs in an empty folder with the files that it declares; paths below another one are not found.",
        "write paths from the folder of the notebook",
    ),
    "NB-609": Rule(
        "warning",
        "not Python",
        "The cell cannot be read, so nothing is known of what it makes; it is kept as a comment.",
        "rewrite it, or leave it out",
    ),
    "NB-610": Rule(
        "note",
        "a setting that holds in every cell",
        "A stage is a process of its own; the statement is repeated where it matters.",
    ),
    "NB-611": Rule(
        "warning",
        "made by a cell that is not run",
        "The cell that makes the name is kept as text, so nothing gives it to this stage.",
        "write that cell in Python, or take what it makes from a file or from [lab.params]",
    ),
    "NB-612": Rule(
        "warning",
        "a parameter that stays code",
        "[lab.params] holds texts, numbers, truth values, and lists and tables of these; the name is none that `--set` "
        "could change.",
        "give it such a value in the cell, and make of it what is meant where it is used",
    ),
    "NB-613": Rule(
        "warning",
        "a setting that later stages do not have",
        "Each stage is a process of its own, and this setting is made where it cannot be repeated: in a loop or a "
        "function that does more, or from a value that cannot be handed on.",
        "make it a statement of its own, or repeat it in the cells that need it",
    ),
    "NB-614": Rule(
        "note",
        "random numbers that go on from stage to stage",
        "Several stages draw, or use libraries that may, after one seed; each takes the generator as the one above it "
        "left it, so that the numbers are the notebook's.",
    ),
}
"""Kinds of findings of the flow."""


def flow_findings(plan: Plan, order: Sequence[int], index: Sequence[int]) -> tuple[Finding, ...]:
    """All findings. `order` are indices of cells of the notebook as they ran, `index` says which one each cell of the
    flow is."""
    found = [*_undecided(plan), *_unmade(plan), *_settings(plan), *_unreadable(plan), *_unused(plan)]
    found += _lacking(plan, index)
    numbers = {cell: number for number, cell in enumerate(index)}
    found += _reordered(plan, [numbers[cell] for cell in order if cell in numbers], index)
    return in_order(
        Finding(one.code, one.severity, one.what, one.mend, index[one.cell or 0], one.line) for one in found
    )


def odd_parameter(name: str, why: str, cell: int, line: int) -> Finding:
    """A name of a cell of parameters that a lab's params cannot hold; `cell` is the cell's index."""
    return _finding("NB-612", f"{name} is {why}, so it is no parameter of the lab", cell, line)


def _finding(code: str, what: str, cell: int, line: int | None = None) -> Finding:
    return Finding(code, RULES[code].severity, what, RULES[code].mend, cell, line)


def _undecided(plan: Plan) -> Iterator[Finding]:
    for flow in plan.links.flows.cells:
        for doubt in flow.undecided:
            yield _finding("NB-601", doubt.reason, flow.index, doubt.line)


def _unmade(plan: Plan) -> Iterator[Finding]:
    for one in plan.links.unmade:
        code, what = _said(one)
        found = _finding(code, what, one.cell, one.line)
        loops = code == "NB-603" and one.how == "in a later round"
        yield replace(found, mend="give it a value above the loop") if loops else found


def _said(one: Unmade) -> tuple[str, str]:
    if one.history:
        return "NB-607", f"{one.name} is a result of the session that this was written in"
    if one.deleted is not None:
        return "NB-604", f"{one.name} was deleted by a cell above"
    caught = "; the cell catches that" if one.how == "caught" else ""
    if one.below is not None and one.below != one.cell:
        return "NB-603", f"{one.name} is read here, and only a cell below makes it{caught}"
    if one.below is not None:
        first = ", if the first round of the loop reads it" if one.how == "in a later round" else caught
        return "NB-603", f"{one.name} is read here before this cell makes it{first}"
    return "NB-602", f"{one.name} is read here, and no cell makes it{caught}"


def _lacking(plan: Plan, index: Sequence[int]) -> Iterator[Finding]:
    for stage in plan.stages:
        for name, source in stage.lacks.items():
            reads = (cell for cell in stage.cells if name in plan.links.flows[cell].reads)
            cell = next(reads, stage.cells[0])
            what = f"{name} is read here, and cell {index[source]}, which gives it, is not run"
            yield _finding("NB-611", what, cell, plan.links.flows[cell].reads.get(name))


def _settings(plan: Plan) -> Iterator[Finding]:
    repeated = {(cell, setting) for stage in plan.stages for cell, setting in stage.repeated}
    for flow in plan.links.flows.cells:
        for setting in flow.settings:
            if setting.state == states.FOLDER:
                yield _finding(
                    "NB-608", "the working directory is another one from here on", flow.index, setting.line
                )
            elif (flow.index, setting) in repeated:
                defined = setting.known_as and not setting.runs
                what = f"the definition of {setting.known_as}" if defined else setting.text
                if setting.state == states.LOGGERS:
                    what = "that this logger speaks, which the configuration above would silence,"
                yield _finding("NB-610", f"{what} is repeated in later stages", flow.index, setting.line)
    for each in plan.going_on:
        what = f"{states.STATES[each.state]} go on after this seed in {len(each.stages)} stages"
        yield _finding("NB-614", what, each.cell, each.seed.line)
    gone = {one: None for stage in plan.stages for one in lost(plan.links, stage.cells)}
    for cell, line, what in dict.fromkeys((cell, one.line, _what(one)) for cell, one in gone):
        yield _finding("NB-613", f"{what} holds only in the stage of this cell", cell, line)


def _what(setting: Setting) -> str:
    """What a setting sets, in words."""
    if setting.state.startswith("<import "):
        return f"importing {setting.state.removeprefix('<import ').rstrip('>')} as it is imported here"
    if setting.state == states.LOGGERS:
        return "that a logger speaks which is got here, after the configuration above,"
    library = setting.state.removeprefix("<options ").rstrip(">")
    return f"the setting of {states.STATES.get(setting.state, library)}"


def _unreadable(plan: Plan) -> Iterator[Finding]:
    for flow in plan.links.flows.cells:
        if flow.syntax:
            yield _finding(
                "NB-609", f"the cell is not Python: {flow.syntax}", flow.index, flow.syntax_line or None
            )


def _unused(plan: Plan) -> Iterator[Finding]:
    """Not what stages below are given all the same: an import may be there for what importing it does; and nothing
    where code may read any name, as through `globals()`.
    """
    if any(doubt.reads for flow in plan.links.flows.cells for doubt in flow.undecided):
        return
    given = {name for stage in plan.stages for names in stage.uses.values() for name in names}
    for name, cell in unused(plan.links):
        if name in given or name.startswith(states.SIDE_EFFECTS):
            continue
        yield _finding("NB-606", f"{name} is never used", cell, plan.links.flows[cell].lines.get(name))


def _reordered(plan: Plan, order: Sequence[int], index: Sequence[int]) -> Iterator[Finding]:
    if list(order) == sorted(order):
        return
    for one in reordered(plan.links, order):
        ran = "no cell" if one.ran is None else f"cell {index[one.ran]}"
        stands = "no cell" if one.stands is None else f"cell {index[one.stands]}"
        what = f"{one.name} came from {ran} when this ran, and comes from {stands} from top to bottom"
        yield _finding("NB-605", what, one.cell, plan.links.flows[one.cell].reads.get(one.name))
