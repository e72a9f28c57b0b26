"""A lab and its notebook that were edited both: joined by what the lab was when the notebook was made of it.

What one side alone changed is taken from there. What both changed, and not alike, is for a person to decide.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from agilab.contracts.lab_stages import Lab, LabStages, Stage
from agilab.notebooks.supervisor.base import Base, digest_of, said, same
from agilab.notebooks.supervisor.changes import Change
from agilab.notebooks.supervisor.read_back import ReadBack
from agilab.workflow.document.locate import FILE

Side = Literal["notebook", "file"]
"""Whose words count where both sides changed the same: the notebook's, or those of the lab's document."""
_FIRST_LINE = frozenset({"inputs", "outputs", "foreach", "app", "file", "code"})
"""What a cell says of its stage also without metadata."""
_TOGETHER = (("code", "file", "app", "args", "runtime"), ("foreach", "zip"))
"""Fields that make sense together alone: what is run, and what is walked."""
_BY_NAME = frozenset({"params", "args", "uses", "extra", "notebook"})
"""Fields whose entries are edited one by one."""
_GONE = f"gone from {FILE}"


@dataclass(frozen=True)
class Joined:
    """A lab that has what both sides say.

    Attributes:
        changes: What the document says otherwise than it did, and what both sides changed.
    """

    document: LabStages
    changes: tuple[Change, ...]

    @property
    def undecided(self) -> tuple[Change, ...]:
        """What both sides changed and nobody decided."""
        return tuple(change for change in self.changes if change.won == "undecided")


def is_of(found: ReadBack, there: LabStages) -> bool:
    """Whether a notebook was made of this lab, or of one that it came from: some stage is as it was then."""
    base = found.base
    return any(base.is_as_it_was(stage) and (stage.code or stage.file or stage.app) for stage in there.stages)


def joined(found: ReadBack, there: LabStages, prefer: Side | None = None) -> Joined:
    """The lab that a notebook gave back, joined with the document that it was made of, as that is now.

    With `prefer` that side counts where both changed the same.
    """
    return _Join(found, there, prefer).join()


def replaced(mine: LabStages, there: LabStages) -> Iterator[Change]:
    """What of a lab is not in another one that is put in its place."""
    by_id = {stage.id: stage for stage in mine.stages}
    for stage in there.stages:
        other = by_id.get(stage.id)
        if other is None:
            yield _told("replaced", stage.id, "a stage of the lab that was there", "cell")
        elif fields := _differing(said(stage), said(other)):
            yield _told("replaced", stage.id, f"its {', '.join(fields)} in the lab that was there", "cell")
    if fields := _differing(said(there.lab), said(mine.lab)):
        yield _told("replaced", "", f"the {', '.join(fields)} of the lab that was there", "cell")


def _told(kind: str, stage: str, what: str, won: str) -> Change:
    return Change(kind, stage, None, what, won)


def _differing(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    return sorted(name for name in {*one, *other} if not _alike(name, one, other))


def _alike(name: str, *sides: Mapping[str, Any]) -> bool:
    first, *others = (side.get(name) for side in sides)
    return all(same(first, other) for other in others)


@dataclass
class _Join:
    found: ReadBack
    there: LabStages
    prefer: Side | None
    changes: list[Change] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._base: Base = self.found.base
        self._mine = {self._key(stage): stage for stage in self.found.document.stages}
        names = {stage.id for stage in self.there.stages}
        # A stage that has another name in the notebook may have it in the document by now.
        again = {new: old for new, old in self.found.came.items() if old not in names}
        self._theirs = {
            stage.id if stage.id in self._base.order else again.get(stage.id, stage.id): stage
            for stage in self.there.stages
        }

    def join(self) -> Joined:
        lab = self._lab()
        kept: dict[str, Stage] = {}
        for key in dict.fromkeys([*self._mine, *self._theirs]):
            stage = self._stage(key)
            if stage is not None:
                kept[key] = stage
        order = [key for key in self._order() if key in kept]
        for key, name in self._names_apart(kept).items():
            kept[key] = kept[key].with_changes(id=name)
        stages = tuple(kept[key] for key in order)
        return Joined(self.found.document.with_changes(lab=lab, stages=stages), tuple(self.changes))

    def _key(self, stage: Stage) -> str:
        """What a stage of the notebook was called, for one that was there; else its name."""
        return self.found.came.get(stage.id, stage.id)

    # -- what both say ---------------------------------------------------------------------------------------------

    def _stage(self, key: str) -> Stage | None:
        mine, theirs = self._mine.get(key), self._theirs.get(key)
        if mine is None:
            return self._only_there(key, self._theirs[key])
        if theirs is None:
            return self._only_here(key, mine)
        if same(said(mine), said(theirs)):
            return mine
        if self._base.is_as_it_was(theirs):
            return mine if self._is_known(mine) else _filled(mine, theirs)
        if key in self.found.stripped:
            return self._decided(key, f"its code cell is gone, and {FILE} has it edited", mine, theirs)
        before = self._base.stages.get(key) if self._is_known(mine) else None
        return mine.with_changes(**self._from_there(mine, theirs, before or {}, mine.id))

    def _is_known(self, mine: Stage) -> bool:
        """Whether the stage's cell has its metadata, so that all its fields are told, or it is new and has none."""
        return mine.id in self.found.came or self._key(mine) in self.found.stripped

    def _only_there(self, key: str, theirs: Stage) -> Stage | None:
        if key not in self._base.order and self._base.is_given(theirs):
            self.changes.append(
                _told("deleted", key, "a stage that was added in the notebook, and is gone", "cell")
            )
            return None
        if key not in self._base.order:
            self._tell("added", key, f"a stage that came into {FILE} since")
            return theirs
        if self._base.is_as_it_was(theirs) or not self._base.knows(key):
            return None  # somebody deleted it in the notebook, as the notebook's own changes say
        return self._decided(key, f"deleted in the notebook, and edited in {FILE}", None, theirs)

    def _only_here(self, key: str, mine: Stage) -> Stage | None:
        if key not in self._base.order:
            return mine
        if mine.id == key and self._base.is_as_it_was(mine):
            self._tell("deleted", key, f"it is {_GONE}")
            return None
        return self._decided(mine.id, f"edited in the notebook, and {_GONE}", mine, None)

    def _lab(self) -> Lab:
        mine, theirs = self.found.document.lab, self.there.lab
        if self._base.is_as_it_was(theirs):
            return mine
        before = dict(self._base.lab)
        if self._base.has_metadata(mine):
            before["notebook"] = said(mine).get("notebook")
        elif self._base.has_metadata(theirs):
            before["notebook"] = said(theirs).get("notebook")
        return mine.with_changes(**self._from_there(mine, theirs, before, ""))

    def _from_there(
        self, mine: Lab | Stage, theirs: Lab | Stage, before: Mapping[str, Any], name: str
    ) -> dict[str, Any]:
        """What a record takes from the document, part by part: what the document alone changed."""
        here, there = said(mine), said(theirs)
        was = {**before, **self._code_then(mine, here, there)}
        mixed: dict[str, Any] = {}
        since: list[str] = []
        for part in _parts([*here, *there, *was]):
            ours, now, then = _values(part, here), _values(part, there), _values(part, was)
            if same(now, ours) or same(now, then):
                continue
            differing = [one for one in part if not _alike(one, here, there, was)]
            if same(ours, then):
                since += [one for one in part if not _alike(one, here, there)]
            elif (entries := _entries(differing, here, there, was)) is not None:
                (one,) = differing
                sides = {True: getattr(mine, one), False: getattr(theirs, one)}
                mixed[one] = {key: sides[own][key] for key, own in entries.items()}
                since.append(one)
                continue
            else:
                self._clash(name, f"{_its(name, differing)}: edited in the notebook and in {FILE}")
                if self.prefer != "file":
                    continue
            mixed |= {one: getattr(theirs, one) for one in part}
        if since:
            self._tell("edited", name, f"{_its(name, sorted(since))} in {FILE}")
        return mixed

    def _code_then(
        self, mine: Lab | Stage, here: Mapping[str, Any], there: Mapping[str, Any]
    ) -> dict[str, str]:
        """The code that a stage had, by its digest: that of one of the sides, or nobody's."""
        digest = (
            self._base.codes.get(self._key(mine))
            if isinstance(mine, Stage) and self._is_known(mine)
            else None
        )
        if digest is None:
            return {}
        texts = [side["code"] for side in (here, there) if "code" in side]
        return {"code": next((one for one in texts if digest_of(one) == digest), digest)}

    def _decided(self, name: str, what: str, mine: Stage | None, theirs: Stage | None) -> Stage | None:
        self._clash(name, what)
        return theirs if self.prefer == "file" else mine

    def _clash(self, name: str, what: str) -> None:
        won = {"file": "file", "notebook": "cell"}.get(self.prefer or "", "undecided")
        self.changes.append(_told("both", name, what, won))

    def _tell(self, kind: str, name: str, what: str) -> None:
        self.changes.append(_told(kind, name, what, "file"))

    # -- order -----------------------------------------------------------------------------------------------------

    def _order(self) -> list[str]:
        """The stages of both sides in the order of that which moved some, each new one behind what it stands behind."""
        here, there = list(self._mine), list(self._theirs)
        common = {*here} & {*there}
        before = self._base.orders()

        def moved(names: Sequence[str]) -> bool:
            known = [common & {*order} & {*names} for order in before]
            return all(
                [one for one in names if one in some] != [one for one in order if one in some]
                for order, some in zip(before, known, strict=True)
            )

        first, second = (there, here) if moved(there) or not moved(here) else (here, there)
        both = [[one for one in names if one in common] for names in (here, there)]
        if moved(there) and both[0] != both[1]:
            if moved(here):
                self._clash("", f"the order of the stages: another in the notebook and in {FILE}")
                first, second = (there, here) if self.prefer == "file" else (here, there)
            else:
                self._tell("moved", "", f"the order of the stages in {FILE}")
        return _woven(first, second)

    def _names_apart(self, kept: Mapping[str, Stage]) -> dict[str, str]:
        """Other names, by key, for stages of the document that two people gave one name: the notebook's keeps it."""
        found: dict[str, str] = {}
        taken = {stage.id for stage in kept.values()}
        names = {kept[key].id for key in self._mine if key in kept}
        for key, stage in kept.items():
            if key in self._mine or stage.id not in names:
                continue
            free = next(f"{stage.id}-{n}" for n in range(2, 10_000) if f"{stage.id}-{n}" not in taken)
            self._tell("copied", free, f"{FILE} and the notebook have two stages called {stage.id}")
            taken.add(free)
            found[key] = free
        return found


def _values(part: Sequence[str], side: Mapping[str, Any]) -> list[Any]:
    return [side.get(one) for one in part]


def _its(name: str, fields: Sequence[str]) -> str:
    return f"its {', '.join(fields)}" if name else f"the lab's {', '.join(fields)}"


def _filled(mine: Stage, theirs: Stage) -> Stage:
    """A stage whose cell has lost its metadata: what cells do not say is as the document has it."""
    told = said(mine)
    keep = [one for one in said(theirs) if one not in told and one not in _FIRST_LINE]
    return mine.with_changes(**{one: getattr(theirs, one) for one in keep})


def _parts(fields: Iterable[str]) -> list[tuple[str, ...]]:
    """Fields by what must come from one side together."""
    return [
        *_TOGETHER,
        *((one,) for one in sorted({*fields} - {name for part in _TOGETHER for name in part})),
    ]


def _entries(
    differing: Sequence[str], here: Mapping[str, Any], there: Mapping[str, Any], was: Mapping[str, Any]
) -> dict[str, bool] | None:
    """For each entry of the one field that differs whether it is the notebook's; None where both changed one."""
    if len(differing) != 1 or differing[0] not in _BY_NAME:
        return None
    mine, theirs, before = ({**(side.get(differing[0]) or {})} for side in (here, there, was))
    found: dict[str, bool] = {}
    for key in dict.fromkeys([*theirs, *mine]):
        ours, now, then = (side.get(key, _NOTHING) for side in (mine, theirs, before))
        if not same(ours, now) and not same(then, ours) and not same(then, now):
            return None
        own = same(now, then)
        if (ours if own else now) is not _NOTHING:
            found[key] = own
    return found


_NOTHING = object()  # of a repr that nothing else has


def _woven(first: Sequence[str], second: Sequence[str]) -> list[str]:
    """The names of the first, and each that only the second has behind the one that it stands behind there.

    >>> _woven("ac", "abc"), _woven("ba", "axb")
    (['a', 'b', 'c'], ['b', 'a', 'x'])
    """
    found = list(first)
    at = 0
    for name in second:
        if name in first:
            at = found.index(name) + 1
        else:
            found.insert(at, name)
            at += 1
    return found
