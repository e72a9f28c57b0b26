"""What a notebook says otherwise than when it and its lab last agreed: less than what it says since its export."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from agilab.contracts.lab_stages import Stage
from agilab.notebooks.supervisor.changes import Change
from agilab.notebooks.supervisor.prints import prints_of
from agilab.notebooks.supervisor.read_back import ReadBack
from agilab.workflow.notebooks.woven import moved

_OF_LAB = {"text": ("title", "description"), "params": ("params",)}
"""Of what fields of the lab a change is."""
_STANDS = frozenset({"left_out", "unreadable"})
"""What no import takes over, so that it is told each time."""


def since(found: ReadBack, mine: Mapping[str, Stage], unchanged: Collection[str]) -> tuple[Change, ...]:
    """The changes of a notebook without those that an import took over; `mine` are its stages by key.

    `unchanged` are keys of stages, empty for the lab, that only look new, since their cells have lost their metadata.
    """
    base = found.base
    later = base.exported is not None
    keys = {stage.id: key for key, stage in mine.items()}
    stays = later and base.lab.was_but(found.document.lab, found.unsaid.get("", ()))
    order = list(mine)

    def is_as_it_was(kind: str) -> bool:
        now, then = prints_of(found.document.lab), base.lab.fields or {}
        return all(now.get(name) == then.get(name) for name in _OF_LAB[kind])

    def is_new(change: Change) -> bool:
        if change.kind in _STANDS or change.won == "metadata":
            return True
        if not change.stage:
            same = later and change.kind in _OF_LAB and is_as_it_was(change.kind)
            return not stays and not same and "" not in unchanged
        key = keys.get(change.stage)
        if key in unchanged or (key is None and change.stage in mine):
            return False
        if not later:
            return True
        if change.kind == "moved":
            return moved(order, order, base.order)
        if key is None:  # its cell is gone
            return change.stage in base.stages
        return not base.of_stage(key).was_but(mine[key], found.unsaid.get(mine[key].id, ()))

    told = [change for change in found.changes if is_new(change)]
    # A part of a stage that was split is known by its cell at a later import, whatever its metadata calls it.
    lost = (key for key in base.stages if later and key not in mine and key in found.came.values())
    told += [Change("deleted", key, None, "a stage whose cell is gone") for key in lost]
    return tuple(told)
