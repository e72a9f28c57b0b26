"""What is another in two versions of a lab: stages that came, went, moved or are called otherwise, field by field."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from agilab.contracts.lab_stages import LabStages, Stage
from agilab.contracts.toml_matching import equal, longest_rise, matched

_MISSING = object()


@dataclass(frozen=True)
class FieldChange:
    """A field that is another; `before` or `after` is absent where it was not said at all.

    Attributes:
        lines: For a text of several lines, its lines with `+`, `-` and ` ` before them, a few around each change.
    """

    field: str
    before: Any
    after: Any
    lines: tuple[str, ...] = ()

    def to_plain(self) -> dict[str, Any]:
        """The change as JSON; what is absent is left out."""
        values = {"before": self.before, "after": self.after}
        found = {"field": self.field} | {key: value for key, value in values.items() if value is not _MISSING}
        return found | ({"lines": list(self.lines)} if self.lines else {})

    @property
    def shown(self) -> tuple[Any, Any]:
        """Before and after, None for what is absent."""
        return (
            None if self.before is _MISSING else self.before,
            None if self.after is _MISSING else self.after,
        )


@dataclass(frozen=True)
class StageChange:
    """A stage that is not as it was.

    Attributes:
        was: The id that it had before; None for one that is new.
        moved: Whether it stands elsewhere among those that were there before.
    """

    stage: str
    kind: Literal["added", "removed", "changed"]
    was: str | None
    moved: bool
    fields: tuple[FieldChange, ...]

    def to_plain(self) -> dict[str, Any]:
        """The change as JSON."""
        return {
            "stage": self.stage,
            "kind": self.kind,
            "was": self.was,
            "moved": self.moved,
            "fields": [one.to_plain() for one in self.fields],
        }


@dataclass(frozen=True)
class LabDiff:
    """The difference between two versions: of what is said of the whole, and stage by stage."""

    lab: tuple[FieldChange, ...]
    stages: tuple[StageChange, ...]

    @property
    def same(self) -> bool:
        return not self.lab and not self.stages


def compare(before: LabStages, after: LabStages, *, runs: bool = False) -> LabDiff:
    """What changed from one version to the other; what runs wrote back counts only where `runs` says so."""
    old, new = ([_plain(stage, runs) for stage in lab.stages] for lab in (before, after))
    sources = matched(old, new)
    still = longest_rise(sources)
    changes: list[StageChange] = []
    for number, source in enumerate(sources):
        name = new[number]["id"]
        if source is None:
            changes.append(StageChange(name, "added", None, False, _fields({}, new[number])))
            continue
        fields, moved = _fields(old[source], new[number]), source not in still
        if fields or moved:
            changes.append(StageChange(name, "changed", old[source]["id"], moved, fields))
    gone = [number for number in range(len(old)) if number not in sources]
    changes += [StageChange(old[number]["id"], "removed", old[number]["id"], False, ()) for number in gone]
    return LabDiff(_fields(_lab(before), _lab(after)), tuple(changes))


def _plain(stage: Stage, runs: bool) -> dict[str, Any]:
    plain = stage.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    plain.setdefault("id", stage.id)
    if not runs:
        plain.pop("last_run", None)
    return plain


def _lab(lab: LabStages) -> dict[str, Any]:
    return lab.lab.model_dump(mode="json", by_alias=True, exclude_defaults=True)


def _fields(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[FieldChange, ...]:
    found = []
    for key in dict.fromkeys([*old, *new]):
        before, after = old.get(key, _MISSING), new.get(key, _MISSING)
        if not equal(before, after):
            found.append(FieldChange(key, before, after, _lines(before, after)))
    return tuple(found)


def _lines(before: Any, after: Any) -> tuple[str, ...]:
    old, new = (value if isinstance(value, str) else "" for value in (before, after))
    return lines_between(old, new) if "\n" in old + new else ()


def lines_between(old: str, new: str) -> tuple[str, ...]:
    """The lines of two texts that differ, with `+`, `-` and ` ` before them, a few around each change."""
    lines = difflib.unified_diff(old.splitlines(), new.splitlines(), lineterm="", n=2)
    return tuple(lines)[2:]  # without the names of the files
