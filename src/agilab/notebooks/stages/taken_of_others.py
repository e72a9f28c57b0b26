"""Files that a stage takes because it runs statements of other stages: imports, settings, functions that it uses."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from agi_node.source.carried import Statements
from agilab.notebooks.code.named_files import Artifact, where_of
from agilab.notebooks.files.file_uses import FileUse
from agilab.notebooks.flow.stage import StageFlow
from agilab.notebooks.modules.written_modules import files_imported
from agilab.notebooks.stages.own_values import may_hold
from agilab.notebooks.stages.planned import Planned


def modules_taken(one: Planned, flow: StageFlow) -> Iterator[str]:
    """The files of the notebook's modules that a stage so imports, or needs in order to read its values back."""
    modules = one.inspection.modules
    begin = flow.cells[0]
    for name in flow.inputs if modules else ():
        if may_hold(one.plan.links.value(name, begin)):
            for top in sorted(one.held.get(name, ())):
                yield from modules[top]
    for text in _texts_of_others(one, flow) if modules else ():
        yield from files_imported(ast.parse(text), modules)


def settings_taken(one: Planned, flow: StageFlow) -> list[FileUse]:
    """The uses of files of settings (`.env`) that a stage so makes."""
    uses = [use for use in one.inspection.uses if use.is_own and use.artifact.call.startswith("dotenv.")]
    return uses if uses and any("dotenv" in text for text in _texts_of_others(one, flow)) else []


def opened(path: str, flow: StageFlow, one: Planned) -> FileUse:
    """What a stage does to a database that an own module opens when the stage imports it."""
    cell = one.cells[flow.cells[0]].index
    artifact = Artifact(path, False, "both", "database", where_of(path), "import", cell, 1)
    return FileUse(cell, "add", path, (), artifact)


def _texts_of_others(one: Planned, flow: StageFlow) -> Iterator[str]:
    """What a stage runs of others: statements that are repeated in it, and those that it uses."""
    yield from (setting.text for _, setting in flow.repeated)
    wanted = [(number, name) for number, names in flow.uses.items() for name in sorted(names)]
    seen: set[tuple[int, str]] = set()
    while wanted:
        number, name = wanted.pop()
        if (number, name) in seen:
            continue
        seen.add((number, name))
        there = one.plan.stages[number]
        taken = Statements(there.code).take([name])
        wanted += [(other, each) for other, names in there.uses.items() for each in names & taken.missing]
        yield taken.text
