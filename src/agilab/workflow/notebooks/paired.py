"""Which stage of a lab's document is which of its notebook: by the name at the export, whoever renamed it since.

What they say of each other they say by these keys too: where one was renamed, its name in another is no edit of that.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from agilab.contracts.lab_stages import Stage
from agilab.notebooks.supervisor.base import Base
from agilab.notebooks.supervisor.cell_names import DERIVED
from agilab.notebooks.supervisor.new_names import naming
from agilab.notebooks.supervisor.prints import Prints, prints_of
from agilab.notebooks.supervisor.read_back import ReadBack

Run = tuple[str, ...]
_OTHER = "--another-of-this-name"
"""How the key ends of a stage that is called as another one was."""


def of_the_notebook(found: ReadBack, base: Base) -> dict[str, Stage]:
    """The stages of a notebook by key: what they were called at the export, and a new one as it is called now."""
    keys = dict(found.came)
    for (
        name,
        cell,
    ) in found.cells.items():  # which one a cell without a name is does not hang on those above it
        if cell in base.cells and base.cells[cell] not in keys.values():
            keys[name] = base.cells[cell]
    taken = {*keys.values()}
    for stage in found.document.stages:
        if stage.id not in keys:
            cell = found.cells.get(stage.id, DERIVED)
            others = set() if cell.startswith(DERIVED) else {*base.cells.values()}
            keys[stage.id] = _unused(base.names.get(stage.id, stage.id), taken | others)
            taken.add(keys[stage.id])
    exported = base.first.order
    theirs = {name: key for name, key in keys.items() if name != key}
    ours = {name: key for name, key in theirs.items() if name not in exported}
    named = {}
    for stage in found.document.stages:
        key, now = keys[stage.id], naming(stage, theirs)
        if (
            stage.id in found.came
        ):  # what no cell shows names others as at the export, and so does an old first line
            then = naming(stage, ours)
            same = _takes(prints_of(then)) == _takes(base.first.of_stage(key).fields)
            now = then if same else then.with_changes(inputs=now.inputs)
        named[key] = now
    return named


def of_the_document(stages: Iterable[Stage], mine: Mapping[str, Stage], base: Base) -> dict[str, Stage]:
    """The stages of a document by the keys of its notebook's, and by keys of their own where there is none.

    A stage is the one that its name was given to; else one that the notebook calls so by now; else the only one that
    is gone and ran the same.
    """
    stages = list(stages)
    ids = {stage.id for stage in stages}
    keys = {stage.id: key for stage in stages if (key := base.names.get(stage.id)) is not None}
    again = {stage.id: key for key, stage in mine.items() if key not in {*keys.values()} and key not in ids}
    keys |= {stage.id: again[stage.id] for stage in stages if stage.id not in keys and stage.id in again}
    left = [key for key in base.stages if key not in {*keys.values()}]
    gone = {key: {*_ran(base.of_stage(key).fields), *_ran(mine.get(key))} for key in left}
    new = [stage for stage in stages if stage.id not in keys and stage.id not in mine]
    keys |= {stage.id: key for stage, key in _renamed(new, gone)}
    taken = {*keys.values()}
    for stage in stages:
        if stage.id not in keys:
            own = stage.id if stage.id not in mine or mine[stage.id].id == stage.id else f"{stage.id}{_OTHER}"
            keys[stage.id] = _unused(own, taken)
            taken.add(keys[stage.id])
    others = {name: key for name, key in keys.items() if name != key}
    return {keys[stage.id]: naming(stage, others) for stage in stages}


def _takes(fields: Prints | None) -> str:
    return str((fields or {}).get("inputs", ""))


def _renamed(new: Iterable[Stage], gone: Mapping[str, set[Run]]) -> Iterator[tuple[Stage, str]]:
    """New stages that run what one alone ran that is gone, or what that runs in the notebook by now, with its key."""
    run = [(stage, _ran(stage)) for stage in new]
    for stage, what in run:
        same = [key for key, known in gone.items() if what & known]
        if len(same) == 1 and sum(bool(other & gone[same[0]]) for _, other in run) == 1:
            yield stage, same[0]


def _ran(what: Stage | Prints | None) -> set[Run]:
    """What a stage runs, by its fingerprints; nothing of one that runs nothing, or of which nobody knows."""
    if what is None:
        return set()
    fields = prints_of(what) if isinstance(what, Stage) else what
    found = tuple(str(fields.get(name, "")) for name in ("code", "file", "app", "args"))
    return {found} if any(found) else set()


def _unused(key: str, taken: set[str]) -> str:
    """A key that no stage has."""
    while key in taken:
        key += _OTHER
    return key
