"""One record of two people: the lab, or a stage, joined field by field and entry by entry with what it was.

As `git merge` does it: what one side alone changed is taken from there; what both changed, and not alike, is a clash.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from agilab.contracts.lab_stages import Lab, Stage
from agilab.notebooks.supervisor.prints import Prints, prints_of

Side = Literal["notebook", "file"]
"""Whose words count where both sides changed the same: the notebook's, or those of the lab's document."""
_TOGETHER = (("code", "file", "app", "args", "runtime"), ("foreach", "zip"))
"""Fields that make sense together alone: what is run, and what is walked."""
_NONE: Any = object()
"""In the place of a value, or of what is known of it, where there is none."""
One = TypeVar("One", Lab, Stage)


@dataclass
class Threeway:
    """Joins a record of the notebook (`mine`) and of the document (`theirs`), where each field was `then`.

    Attributes:
        unsaid: Fields of which the notebook cannot speak: they are as the document has them.
        undone: Whether the document is again as it was before an import: whether somebody meant that, nobody knows.
        here: What the notebook alone changed, by the fields and entries.
        there: What the document alone changed.
        both: What both changed, and not alike.
    """

    then: Prints
    prefer: Side | None = None
    unsaid: frozenset[str] = frozenset()
    undone: bool = False
    here: list[str] = field(default_factory=list)
    there: list[str] = field(default_factory=list)
    both: list[str] = field(default_factory=list)

    def join(self, mine: One, theirs: One) -> One:
        """What both say. A field that nobody changed is as the document spells it."""
        ours, now = prints_of(mine), prints_of(theirs)
        names = [name for name in {**now, **ours, **self.then} if name not in self.unsaid]
        changes: dict[str, Any] = {}
        for part in _parts(names, ours, now, self.then):
            if len(part) > 1:
                if self._is_ours(part, ours, now):
                    changes |= {name: getattr(mine, name) for name in part}
                continue
            (name,) = part
            values = (_value(mine, name, ours), _value(theirs, name, now))
            digests = (ours.get(name, _NONE), now.get(name, _NONE), self.then.get(name, _NONE))
            value = self._entry(name, values, digests, top=True)
            if value is not values[1]:
                changes[name] = value
        return with_fields(theirs, changes)

    def _is_ours(self, part: tuple[str, ...], ours: Prints, now: Prints) -> bool:
        """Whether fields that belong together are the notebook's."""
        mine, theirs, then = ([side.get(name) for name in part] for side in (ours, now, self.then))
        return self._whose(_differing(part, ours, now), mine, theirs, then) == "notebook"

    def _whose(self, names: Iterable[str], mine: Any, theirs: Any, then: Any) -> Side:
        if mine == theirs:
            return "file"
        if mine == then and not self.undone:
            self.there += names
            return "file"
        if theirs == then:
            self.here += names
            return "notebook"
        self.both += names
        return "file" if self.prefer == "file" else "notebook"

    def _entry(
        self, name: str, values: tuple[Any, Any], digests: tuple[Any, Any, Any], *, top: bool = False
    ) -> Any:
        """A field, or an entry of one: its values in the notebook and the document; digests of these and of then."""
        ours, now, then = digests
        if ours == now:
            return values[1]
        if then not in ((now,) if self.undone else (ours, now)) and _have_entries(digests, empty=top):
            return self._entries(name, values, digests)
        whose = self._whose(_named(name, digests), ours, now, then)
        return values[0 if whose == "notebook" else 1]

    def _entries(self, name: str, values: tuple[Any, Any], digests: tuple[Any, Any, Any]) -> dict[str, Any]:
        mine, theirs = (value if isinstance(value, Mapping) else {} for value in values)
        found: dict[str, Any] = {}
        for key in {**theirs, **mine}:
            below = f"{name} {key}" if name in _FIELDS else f"{name}.{key}"
            some = tuple(_of(digest, key) for digest in digests)
            value = self._entry(
                below, (mine.get(key, _NONE), theirs.get(key, _NONE)), (some[0], some[1], some[2])
            )
            if value is not _NONE:
                found[key] = value
        return found


_FIELDS = frozenset({*Lab.model_fields, *Stage.model_fields})


def with_fields(record: One, changes: Mapping[str, Any]) -> One:
    """A record with some fields replaced; what then says nothing is unsaid, and the rest stays as it was said."""
    kept = {name: getattr(record, name) for name in record.model_fields_set if name not in changes}
    said = {
        name: value
        for name, value in changes.items()
        if value is not _NONE and not _is_default(record, name, value)
    }
    return type(record).model_validate({**kept, **said})


def plainly(record: One) -> One:
    """The same record without what goes without saying."""
    return with_fields(record, {name: getattr(record, name) for name in record.model_fields_set})


def _is_default(record: Lab | Stage, name: str, value: Any) -> bool:
    default = type(record).model_fields[name].get_default(call_default_factory=True)
    return bool(value == default and type(value) is type(default))


def _value(record: Lab | Stage, name: str, digests: Prints) -> Any:
    return getattr(record, name) if name in digests else _NONE


def _named(name: str, digests: tuple[Any, Any, Any]) -> list[str]:
    """What differs of a field, by its entries where all that have it have entries."""
    known = [digest for digest in digests[:2] if digest is not _NONE]
    if name in _FIELDS and known and all(isinstance(one, Mapping) for one in known):
        keys = dict.fromkeys(key for one in known for key in one)
        return [f"{name} {key}" for key in keys if _of(digests[0], key) != _of(digests[1], key)] or [name]
    return [name]


def _have_entries(digests: tuple[Any, Any, Any], *, empty: bool) -> bool:
    """Whether both sides have named entries; `empty` where a side without the field has a field of none."""
    return all(isinstance(one, Mapping) or (empty and one is _NONE) for one in digests[:2])


def _of(digest: Any, key: str) -> Any:
    return digest.get(key, _NONE) if isinstance(digest, Mapping) else _NONE


def _parts(names: Iterable[str], *sides: Prints) -> Iterator[tuple[str, ...]]:
    """Fields by what must come from one side together."""
    left = dict.fromkeys(names)
    for part in _TOGETHER:
        some = tuple(name for name in part if name in left)
        if len(some) > 1 and not _run_alike(part, sides):
            yield some
            for name in some:
                del left[name]
    yield from ((name,) for name in sorted(left))


def _run_alike(part: tuple[str, ...], sides: tuple[Prints, ...]) -> bool:
    """Whether all sides run code, or a file, or one app, so that the rest of what is run can be mixed."""
    if "code" not in part:
        return False
    kinds = [("code" in side, "file" in side, side.get("app")) for side in sides]
    return all(kind == kinds[0] for kind in kinds)


def _differing(names: Iterable[str], *sides: Prints) -> list[str]:
    return [name for name in names if any(side.get(name) != sides[0].get(name) for side in sides[1:])]
