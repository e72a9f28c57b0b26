"""A lab and its notebook that were edited both: joined by what the lab was when the two last agreed.

What one side alone changed is taken from there. What both changed, and not alike, is for a person to decide.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from agilab.contracts.lab_stages import Lab, LabStages, Stage
from agilab.notebooks.supervisor.base import Base
from agilab.notebooks.supervisor.cell_text import Ends
from agilab.notebooks.supervisor.changes import Change
from agilab.notebooks.supervisor.new_names import naming
from agilab.notebooks.supervisor.prints import Prints, prints_of, said
from agilab.notebooks.supervisor.read_back import ReadBack
from agilab.workflow.document.locate import FILE
from agilab.workflow.notebooks.paired import of_the_document, of_the_notebook
from agilab.workflow.notebooks.since import since
from agilab.workflow.notebooks.three_ways import Side, Threeway, plainly, with_fields
from agilab.workflow.notebooks.woven import moved, woven

_FIRST_LINE = frozenset({"id", "inputs", "outputs", "foreach", "app", "file", "code"})
"""What a cell says of its stage also without metadata."""
_GONE = f"gone from {FILE}"


@dataclass(frozen=True)
class Joined:
    """A lab that has what both sides say.

    Attributes:
        changes: What the document says otherwise than it did, and what both sides changed.
        since: What the notebook says otherwise than when the two last agreed.
        names: The key of each stage of the document that comes of it, for `given.remember`.
    """

    document: LabStages
    changes: tuple[Change, ...]
    since: tuple[Change, ...]
    names: Mapping[str, str]

    @property
    def undecided(self) -> tuple[Change, ...]:
        """What both sides changed and nobody decided."""
        return tuple(change for change in self.changes if change.won == "undecided")


def is_of(found: ReadBack, there: LabStages) -> bool:
    """Whether a notebook was made of this lab, or of one that it came from: some stage is as it was then."""
    return any(
        base.of_stage(base.names.get(stage.id, "")).was(stage)
        for base in {id(one): one for one in (found.base, found.base.first)}.values()
        for stage in there.stages
        if stage.code or stage.file or stage.app
    )


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
        elif fields := _differing(prints_of(stage), prints_of(other)):
            yield _told("replaced", stage.id, f"its {', '.join(fields)} in the lab that was there", "cell")
    if fields := _differing(prints_of(there.lab), prints_of(mine.lab)):
        yield _told("replaced", "", f"the {', '.join(fields)} of the lab that was there", "cell")


def _told(kind: str, stage: str, what: str, won: str) -> Change:
    return Change(kind, stage, None, what, won)


def _differing(one: Prints, other: Prints) -> list[str]:
    return sorted(name for name in {*one, *other} if one.get(name) != other.get(name))


@dataclass
class _Join:
    found: ReadBack
    there: LabStages
    prefer: Side | None
    changes: list[Change] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._base: Base = self.found.base
        self._mine = of_the_notebook(self.found, self._base)
        self._unchanged: set[str] = set()
        self._theirs = of_the_document(self.there.stages, self._mine, self._base)

    def join(self) -> Joined:
        lab = self._lab()
        kept: dict[str, Stage] = {}
        for key in dict.fromkeys([*self._mine, *self._theirs]):
            stage = self._stage(key)
            if stage is not None:
                kept[key] = plainly(stage) if stage is self._mine.get(key) else stage
        order = [key for key in self._order() if key in kept]
        for key, name in self._names_apart(kept).items():
            kept[key] = kept[key].with_changes(id=name)
        told = since(self.found, self._mine, self._unchanged)
        self._name_each_other(kept, told)
        stages = tuple(kept[key] for key in order)
        return Joined(
            self.there.with_changes(lab=lab, stages=stages),
            tuple(self.changes),
            told,
            {kept[key].id: key for key in order},
        )

    # -- what both say ---------------------------------------------------------------------------------------------

    def _lab(self) -> Lab:
        mine, theirs = self.found.document.lab, self.there.lab
        looks = frozenset() if self.found.of_lab else frozenset(Lab.model_fields) - {*said(mine)}
        unsaid = looks | self.found.unsaid.get("", frozenset())
        way = Threeway(self._base.of_lab(mine, theirs), self.prefer, unsaid, "" in self._base.undone)
        lab = way.join(mine, theirs)
        if looks and not way.here and not way.both:
            self._unchanged.add("")
        self._tell_of(way, "", self._base.first.of_lab(mine, theirs), prints_of(mine))
        return lab

    def _stage(self, key: str) -> Stage | None:
        mine, theirs = self._mine.get(key), self._theirs.get(key)
        if mine is None:
            return self._only_there(key, self._theirs[key])
        if theirs is None:
            return self._only_here(key, mine)
        then = self._base.of_stage(key)
        if key not in self.found.stripped or then.was(mine) or then.was(theirs):
            return self._both(key, mine, theirs)
        if prints_of(mine) == prints_of(theirs):
            return theirs
        called = f", as {theirs.id}" if theirs.id != mine.id else ""
        what = f"its code cell is gone, and {FILE} has it edited{called}"
        return self._decided(mine.id, what, mine, theirs)

    def _both(self, key: str, mine: Stage, theirs: Stage) -> Stage:
        name, then = self._called(key, mine), self._base.of_stage(key)
        looks: frozenset[str] = frozenset()
        if not self._is_known(key, mine):
            mine = _as_there(mine, theirs)
            looks = frozenset(Stage.model_fields) - _FIRST_LINE - {*said(mine)}
        unsaid = looks | self.found.unsaid.get(mine.id, frozenset())
        undone = self._is_undone(mine.id, theirs.id)
        way = Threeway(then.beside(theirs, mine) or {}, self.prefer, unsaid, undone)
        stage = way.join(mine, theirs)
        if "id" in way.both:
            self._clash(name, f"its name: another in the notebook, and {theirs.id} in {FILE}")
        elif stage.id != name:
            self._tell("renamed", name, f"it is called {theirs.id} in {FILE}")
        way.there, way.both = ([one for one in some if one != "id"] for some in (way.there, way.both))
        if looks:  # of its cell the notebook's own changes say that it is new
            self._unchanged.add(key)
            if way.here:
                self.changes.append(_told("edited", name, _its(name, way.here), "cell"))
        self._tell_of(way, name, self._base.first.of_stage(key).fields, prints_of(mine))
        return stage if mine.last_run is None else stage.with_changes(last_run=mine.last_run)

    def _tell_of(self, way: Threeway, name: str, exported: Prints | None, ours: Prints) -> None:
        """Tell of what was joined as far as the notebook's own changes do not."""
        if way.there:
            self._tell("edited", name, f"{_its(name, way.there)} in {FILE}")
        if way.both:
            where = f"and {FILE} has it as before its import" if way.undone else f"and in {FILE}"
            self._clash(name, f"{_its(name, way.both)}: edited in the notebook{',' * way.undone} {where}")
        if exported is None or self._base.exported is None:
            return
        fields = [one for one in way.here if ours.get(top := one.split(" ")[0]) == exported.get(top)]
        if fields:
            what = f"{_its(name, fields)}, again as at the export"
            self.changes.append(_told("edited", name, what, "cell"))

    def _is_known(self, key: str, mine: Stage) -> bool:
        """Whether the stage's cell has its metadata, so that all its fields are told, or it is new and has none."""
        return mine.id in self.found.came or key in self.found.stripped

    def _only_there(self, key: str, theirs: Stage) -> Stage | None:
        if key not in self._base.stages:
            if self._is_undone(theirs.id):
                return self._decided(theirs.id, f"deleted in the notebook, and back in {FILE}", None, theirs)
            self._tell("added", theirs.id, f"a stage that came into {FILE} since")
            return theirs
        if self._base.of_stage(key).was(theirs) or not self._base.knows(key):
            if key not in self._base.first.stages:  # of any other the notebook's own changes say so
                what = "a stage that was added in the notebook, and is gone"
                self.changes.append(_told("deleted", theirs.id, what, "cell"))
            return None
        return self._decided(theirs.id, f"deleted in the notebook, and edited in {FILE}", None, theirs)

    def _only_here(self, key: str, mine: Stage) -> Stage | None:
        if key not in self._base.stages:
            if self._base.first.of_stage(key).was(mine):
                self.changes.append(_told("added", mine.id, "a stage whose cell is back", "cell"))
            return mine
        name = self._called(key, mine)
        if self._base.of_stage(key).was_but(mine, self.found.unsaid.get(mine.id, ())):
            if self._is_undone(name, mine.id):
                return self._decided(name, f"added in the notebook, and {_GONE} again", mine, None)
            self._tell("deleted", name, f"it is {_GONE}")
            return None
        return self._decided(name, f"edited in the notebook, and {_GONE}", mine, None)

    def _is_undone(self, *names: str) -> bool:
        return not self._base.undone.isdisjoint(names)

    def _called(self, key: str, mine: Stage) -> str:
        """What rows call a stage: by the document's name where its cell has none."""
        if mine.id not in self.found.cells:
            return mine.id
        return next((name for name, known in self._base.names.items() if known == key), mine.id)

    def _decided(self, name: str, what: str, mine: Stage | None, theirs: Stage | None) -> Stage | None:
        self._clash(name, what)
        return theirs if self.prefer == "file" else mine

    def _clash(self, name: str, what: str) -> None:
        won = {"file": "file", "notebook": "cell"}.get(self.prefer or "", "undecided")
        self.changes.append(_told("both", name, what, won))

    def _tell(self, kind: str, name: str, what: str) -> None:
        self.changes.append(_told(kind, name, what, "file"))

    def _name_each_other(self, kept: dict[str, Stage], told: Sequence[Change]) -> None:
        """Let stages name others as these are called by now, not by key; one that is gone as it was called."""
        names = {key: stage.id for side in (self._mine, self._theirs, kept) for key, stage in side.items()}
        before = {stage.id: stage for stage in self.there.stages}
        known = {change.stage for change in told if change.kind == "renamed"}
        for key, stage in kept.items():
            kept[key] = naming(stage, names)
            theirs = self._theirs.get(key)
            renamed = theirs is not None and naming(theirs, names) != before[theirs.id]
            if renamed and stage.id not in known:
                what = "what it names by another name now"
                self.changes.append(_told("renamed", stage.id, what, "cell"))

    # -- order -----------------------------------------------------------------------------------------------------

    def _order(self) -> list[str]:
        """The stages of both sides in the order of that which moved some, each new one behind what it stands behind."""
        here, there = list(self._mine), list(self._theirs)
        mine, theirs = moved(here, there, self._base.order), moved(there, here, self._base.order)
        common = {*here} & {*there}
        both = [[one for one in names if one in common] for names in (here, there)]
        first, second = (here, there) if mine and not theirs else (there, here)
        if theirs and both[0] != both[1]:
            if mine:
                self._clash("", f"the order of the stages: another in the notebook and in {FILE}")
                first, second = (there, here) if self.prefer == "file" else (here, there)
            else:
                self._tell("moved", "", f"the order of the stages in {FILE}")
        return woven(first, second)

    def _names_apart(self, kept: Mapping[str, Stage]) -> dict[str, str]:
        """Other names, by key, for stages of the document that two people gave one name: the notebook's keeps it."""
        found: dict[str, str] = {}
        taken = {stage.id for stage in kept.values()}
        held: set[str] = set()
        for key in sorted(kept, key=lambda key: self._rank(key, kept[key])):
            name = kept[key].id
            if name in held:
                free = next(f"{name}-{n}" for n in range(2, 10_000) if f"{name}-{n}" not in taken)
                self._tell("copied", free, f"{FILE} and the notebook have two stages called {name}")
                found[key] = free
                taken.add(free)
            held.add(found.get(key, name))
        return found

    def _rank(self, key: str, stage: Stage) -> int:
        """Whose name counts: one that somebody wrote in the notebook, one of the document, one that we gave."""
        own = key in self._mine and self._mine[key].id == stage.id
        return 1 if not own else 2 if stage.id in self.found.cells and key not in self._theirs else 0


def _its(name: str, fields: Sequence[str]) -> str:
    return f"its {', '.join(fields)}" if name else f"the lab's {', '.join(fields)}"


def _as_there(mine: Stage, theirs: Stage) -> Stage:
    """A stage whose cell has lost its metadata: a title that is its name is none, and its code ends as it did."""
    found: dict[str, str] = {"title": ""} if mine.title == theirs.id and not theirs.title else {}
    if mine.code is not None and theirs.code is not None:
        found["code"] = Ends.of(theirs.code).code(mine.code)
    return with_fields(mine, found)
