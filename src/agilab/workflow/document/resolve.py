"""Who makes what a stage takes: the edges of a pipeline, from its document and a listing of the lab's folder.

Pure: nothing is read or run, and nothing is raised. What cannot be settled is a `Problem`, for `validate` to tell and
for a run to refuse.

An input is made by the stage that its `from` names; else by the nearest enabled stage above that has it among its
outputs; else it is one of `lab.params` (a value); else it is made by the only stage below that has it; else it lies in
the lab's folder (a file). So a stage may take `table` and give `table` again: those below get the newer one. A file of
the folder that stages change one after another, such as a database, goes from each to the next: the first takes it
from the folder. What need not be there (`optional`) comes of a stage above or of the folder, and of none below.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Literal

from agi_node.canonical import canonical
from agilab.contracts.lab_stages import Input, LabStages, Stage, is_file
from agilab.workflow.document.order import cycles, ordered
from agilab.workflow.document.paths import leaves_the_lab, name_of
from agilab.workflow.document.resolved import Axis, Problem, ProblemKind, Resolved, ResolvedStage, Source

Exists = Callable[[str], bool]
"""Whether a relative path, a glob (`data/*.csv`) or a folder (`data/`) has anything in the lab's folder."""


def resolve(lab: LabStages, *, exists: Exists) -> Resolved:
    """Who makes each input, and what follows from that; `exists` answers for the lab's folder."""
    return _Resolver(lab, exists).resolved()


class _Resolver:
    def __init__(self, lab: LabStages, exists: Exists) -> None:
        self._lab = lab
        self._exists = exists
        self._active = [stage for stage in lab.stages if stage.enabled and stage.kind != "none"]
        self._position = {stage.id: number for number, stage in enumerate(self._active)}
        self._known = {stage.id for stage in lab.stages}
        self._makers: dict[str, list[str]] = {}
        for stage in self._active:
            for name in dict.fromkeys(map(name_of, stage.outputs)):
                self._makers.setdefault(name, []).append(stage.id)
        self._changers = {  # with what they take of whoever has it, and give again
            (stage.id, name_of(one.name))
            for stage in self._active
            for one in (Input(name=each) if isinstance(each, str) else each for each in stage.inputs)
            if one.source is None and stage.id in self._makers.get(name_of(one.name), ())
        }
        self._problems: list[Problem] = []

    def resolved(self) -> Resolved:
        inputs = {stage.id: self._inputs(stage) for stage in self._active}
        foreach = {stage.id: self._foreach(stage) for stage in self._active}
        needs = {
            stage.id: self._in_order(
                {
                    *self._needs(stage),
                    *(source.stage for source in inputs[stage.id] if source.stage),
                    *(axis.source.stage for axis in foreach[stage.id] if axis.source and axis.source.stage),
                }
            )
            for stage in self._active
        }
        order = ordered(needs)
        axes = _axes(order, foreach)
        return Resolved(
            self._lab,
            {
                stage.id: ResolvedStage(
                    stage,
                    inputs[stage.id],
                    foreach[stage.id],
                    axes.get(stage.id, foreach[stage.id]),
                    needs[stage.id],
                )
                for stage in self._active
            },
            order,
            cycles(needs, set(order)),
            tuple(stage.id for stage in self._lab.stages if stage.id not in self._position),
            tuple(self._problems),
        )

    def _inputs(self, stage: Stage) -> tuple[Source, ...]:
        return tuple(self._source(stage, one, number) for number, one in enumerate(stage.inputs))

    def _source(self, stage: Stage, one: str | Input, number: int) -> Source:
        given = Input(name=one) if isinstance(one, str) else one
        name = name_of(given.name)
        if is_file(given.name):
            kind: Literal["value", "file"] = "file"
            called = name
            if leaves_the_lab(given.name):
                problem = self._problem("outside", stage, "inputs", number, given.name)
                return Source(name, name, "file", None, problem=problem)
        else:
            kind, called = "value", given.called or name
        return self._made(stage, name, called, kind, given.source, "inputs", number, optional=given.optional)

    def _made(
        self,
        stage: Stage,
        name: str,
        called: str,
        kind: Literal["value", "file"],
        source: str | None,
        key: Literal["inputs", "foreach"],
        at: int | str,
        *,
        optional: bool = False,
    ) -> Source:
        def nothing(problem: ProblemKind, *others: str) -> Source:
            return Source(
                name, called, kind, None, None, self._problem(problem, stage, key, at, name, others)
            )

        if source is not None:
            if (wrong := self._wrong(stage, source)) is not None:
                return nothing(wrong, source)
            if source not in self._makers.get(name, ()):
                return nothing("not_made_there", source)
            return Source(name, called, kind, "stage", source)
        here = self._position[stage.id]
        makers = self._makers.get(name, [])
        above = [maker for maker in makers if self._position[maker] < here]
        if above:
            return Source(name, called, kind, "stage", above[-1], optional=optional)
        if kind == "value" and name in self._lab.lab.params:
            return Source(name, called, kind, "param")
        if optional:  # what need not be there is not waited for
            return Source(name, called, kind, "folder", optional=True)
        below = self._below(stage, name, kind)
        if len(below) == 1:
            return Source(name, called, kind, "stage", below[0])
        if below:
            return nothing("ambiguous", *below)
        if kind == "file" and self._exists(name):
            return Source(name, called, kind, "folder")
        return nothing("missing")

    def _below(self, stage: Stage, name: str, kind: Literal["value", "file"]) -> list[str]:
        """The stages below that may make what a stage takes.

        Of a file none where each of them takes it as well, so that it only changes it, nor for a stage that changes a
        file of the folder itself.
        """
        makers = self._makers.get(name, [])
        below = [maker for maker in makers if self._position[maker] > self._position[stage.id]]
        if kind == "file" and (
            self._changers.issuperset((maker, name) for maker in below)
            or (stage.id in makers and self._exists(name))
        ):
            return []
        return below

    def _foreach(self, stage: Stage) -> tuple[Axis, ...]:
        return tuple(self._axis(stage, name, listed) for name, listed in stage.foreach.items())

    def _axis(self, stage: Stage, name: str, listed: str | tuple[object, ...]) -> Axis:
        if not isinstance(listed, str):
            return Axis(name, None, listed, f"items {canonical(list(listed)).decode()}")
        if is_file(listed):
            problem = self._problem("no_list", stage, "foreach", name, listed)
            return Axis(name, Source(listed, listed, "file", None, None, problem), None, f"? {listed}")
        source = self._made(stage, listed, listed, "value", None, "foreach", name)
        return Axis(name, source, None, f"{source.origin} {source.stage or ''} {listed}")

    def _needs(self, stage: Stage) -> Iterator[str]:
        for number, need in enumerate(stage.needs):
            wrong = self._wrong(stage, need)
            if wrong is not None:
                self._problem(wrong, stage, "needs", number, need, (need,))
            else:
                yield need

    def _wrong(self, stage: Stage, other: str) -> ProblemKind | None:
        """Why a stage cannot come after another that it names; None where it can."""
        if other == stage.id:
            return "itself"
        if other not in self._known:
            return "unknown_stage"
        return "left_out" if other not in self._position else None

    def _in_order(self, names: set[str]) -> tuple[str, ...]:
        return tuple(sorted(names, key=self._position.__getitem__))

    def _problem(
        self,
        kind: ProblemKind,
        stage: Stage,
        key: Literal["inputs", "needs", "foreach"],
        at: int | str,
        name: str,
        others: tuple[str, ...] = (),
    ) -> Problem:
        self._problems.append(Problem(kind, stage.id, key, at, name, others))
        return self._problems[-1]


def _axes(order: tuple[str, ...], foreach: Mapping[str, tuple[Axis, ...]]) -> Mapping[str, tuple[Axis, ...]]:
    found: dict[str, tuple[Axis, ...]] = {}
    for name in order:
        outer: dict[str, Axis] = {}
        for axis in foreach[name]:
            maker = axis.source.stage if axis.source else None
            for above in found.get(maker or "", ()):
                outer.setdefault(above.identity, above)
        found[name] = (*outer.values(), *foreach[name])
    return found
