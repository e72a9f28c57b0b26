"""The files of one stage: what it takes, makes, removes, and what its commands are told of."""

from __future__ import annotations

from dataclasses import dataclass, field

from agilab.notebooks.code.turns import certain
from agilab.notebooks.files.file_uses import FileUse
from agilab.notebooks.stages.planned import Planned


@dataclass
class StageFiles:
    """The files of one stage.

    Attributes:
        reads: Those that it takes.
        optional: Those of them that need not be there.
        made: Those that it writes and does not remove, each with the uses that may have written it.
        kept: Those of them that it is asked for although it may not write them, with who asks.
        gone: What it removes, with what lies below, before it writes `made`.
        fills: What puts files into the notebook's folder whose names nobody says.
        unnamed: Patterns of what it writes there so far under names that begin with what is computed.
        above: What stages above leave when it begins.
        told: Words of its commands, which may write a file of that name.
        again: Those of `made` that a stage above leaves as well, with that stage: it is given what it writes again.
    """

    one: Planned
    number: int
    reads: dict[str, None] = field(default_factory=dict)
    optional: set[str] = field(default_factory=set)
    made: dict[str, list[FileUse]] = field(default_factory=dict)
    kept: dict[str, StageFiles] = field(default_factory=dict)
    gone: list[str] = field(default_factory=list)
    fills: list[FileUse] = field(default_factory=list)
    unnamed: list[str] = field(default_factory=list)
    above: frozenset[str] = frozenset()
    told: dict[str, list[FileUse]] = field(default_factory=dict)
    again: dict[str, StageFiles] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return self.one.ids[self.number]

    @property
    def promised(self) -> list[str]:
        """Those that it leaves."""
        return [path for path in self.made if path in self.kept or self.is_sure(path)]

    @property
    def there(self) -> frozenset[str]:
        """What lies beside its notebook, as far as somebody looked."""
        return self.one.inspection.there or frozenset()

    def lies(self, path: str) -> bool | None:
        """Whether a file lies beside its notebook; None where nobody looked."""
        return None if self.one.inspection.there is None else path in self.one.inspection.there

    def is_sure(self, path: str) -> bool:
        """Whether it leaves a file whatever turns out."""
        return certain([use.turns for use in self.made[path] if not use.elsewhere])
