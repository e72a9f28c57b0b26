"""Where a notebook says something else than it did when its lab was exported."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from agilab.notebooks.document.cells import Cell


@dataclass(frozen=True)
class Change:
    """Where a notebook says something else than it did when it was exported.

    Attributes:
        kind: `edited`, `added`, `deleted`, `moved`, `renamed`, `copied`, `header`, `text`, `params`, `left_out` or
            `unreadable`; where the lab's document is looked at too, also `both` (there and here) and `replaced`.
        cell: Index of the cell, from 0; None for what is of no cell.
        won: What counts now: `cell`, `metadata`, or `file`, the lab's document; `undecided` where a person must say.
    """

    kind: str
    stage: str
    cell: int | None
    what: str
    won: str = "cell"

    @property
    def where(self) -> str:
        """The cell in words, empty for what is of no cell."""
        return "" if self.cell is None else f"cell {self.cell}"

    @property
    def stayed_behind(self) -> bool:
        """Whether somebody wrote what could not be read, so that the lab does not have it."""
        return self.kind == "unreadable"

    def to_plain(self) -> dict[str, Any]:
        """The change as JSON."""
        return {"kind": self.kind, "stage": self.stage, "cell": self.cell, "what": self.what, "won": self.won}


class Changes:
    """Collects changes, in the order in which they are told."""

    def __init__(self) -> None:
        self._told: list[Change] = []
        self._unsaid: dict[str, frozenset[str]] = {}

    def tell(self, kind: str, stage: str, cell: Cell | None, what: str, *, won: str = "cell") -> None:
        self._told.append(Change(kind, stage, cell.index if cell else None, what, won))

    def unread(self, stage: str, cell: Cell, what: str, fields: Iterable[str]) -> None:
        """Tell of what somebody wrote and nobody can read, so that metadata counts for these fields."""
        self.tell("unreadable", stage, cell, what, won="metadata")
        self.not_said(stage, fields)

    def not_said(self, stage: str, fields: Iterable[str]) -> None:
        """Of these fields of a stage, or of the lab (empty), no cell speaks: what metadata has is of the export."""
        self._unsaid[stage] = self._unsaid.get(stage, frozenset()) | {*fields}

    def unsaid(self) -> Mapping[str, frozenset[str]]:
        return dict(self._unsaid)

    def told(self) -> tuple[Change, ...]:
        return tuple(self._told)
