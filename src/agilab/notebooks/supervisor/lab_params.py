"""The params of a lab as the cells of its notebook have them: the lab's own cell, and what papermill puts below it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agilab.contracts.moments import dated_as
from agilab.notebooks.document.cells import Cell
from agilab.notebooks.supervisor.assignments import assignments
from agilab.notebooks.supervisor.changes import Changes
from agilab.notebooks.supervisor.prints import same
from agilab.notebooks.supervisor.stage_cells import set_field


class LabParams:
    """Responsible for: `params` among the fields of a lab. Not for: which cell has them.

    `kinds` says which of its texts are dates and times.
    """

    def __init__(self, fields: dict[str, Any], changes: Changes, kinds: Any) -> None:
        self._fields = fields
        self._changes = changes
        self._kinds = kinds
        if "params" in fields:
            fields["params"] = self._dated(fields["params"])

    @property
    def known(self) -> Mapping[str, Any]:
        """The params so far."""
        params: Mapping[str, Any] = self._fields.get("params", {})
        return params

    def take(self, cell: Cell) -> None:
        """Take the cell that has them all."""
        found = self._read(cell)
        if found is None:
            return
        if not same(found, self.known):
            self._changes.tell("params", "", cell, "the params of the lab")
        set_field(self._fields, "params", found)  # also where they are equal: Jupyter sorts names in metadata

    def inject(self, cell: Cell) -> None:
        """Take what papermill was given in place of some, as a kernel does."""
        found = self._read(cell)
        if found is None:
            return
        given = {name: value for name, value in found.items() if name in self.known}
        if others := ", ".join(sorted({*found} - {*given})):
            self._changes.tell("left_out", "", cell, f"{others}: the lab has no such param")
        if not same({**self.known, **given}, self.known):
            self._changes.tell("params", "", cell, "the params of the lab, as papermill was given them")
        set_field(self._fields, "params", {**self.known, **given})

    def _read(self, cell: Cell) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = self._dated(assignments(cell.source))
        except ValueError as problem:
            self._changes.unread("", cell, f"params are assignments of plain data: {problem}", ["params"])
            return None
        return found

    def _dated(self, params: Any) -> Any:
        """Params with dates in place of texts where they were dates: papermill, for one, writes texts."""
        return dated_as(params, self._kinds)
