"""A pipeline with its edges: where each input comes from, what each stage walks, and what the document leaves open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from agilab.contracts.lab_stages import LabStages, Stage

ProblemKind = Literal[
    "missing",  # nobody makes it, and it is no param and no file
    "ambiguous",  # several stages below make it, and none above
    "unknown_stage",  # `from` or `needs` names no stage
    "left_out",  # `from` or `needs` names a stage that is disabled or only text
    "not_made_there",  # the stage that `from` names does not declare it
    "itself",  # `from` or `needs` names the stage itself
    "outside",  # a path that leaves the lab's folder
    "no_list",  # `foreach` walks a file
]


@dataclass(frozen=True)
class Problem:
    """Something that the document leaves open.

    Attributes:
        stage: The stage that it was met in.
        key: The key of that stage: `inputs`, `needs` or `foreach`.
        at: The position in a list, or the name in `foreach`.
        name: What is taken or needed, as it is spelled.
        others: Stages that have to do with it: those among which nothing decides, or the one that was named.
    """

    kind: ProblemKind
    stage: str
    key: Literal["inputs", "needs", "foreach"]
    at: int | str
    name: str
    others: tuple[str, ...] = ()


@dataclass(frozen=True)
class Source:
    """An input, and where it comes from.

    Attributes:
        name: The value or file, as its maker calls it; a file's path in normal form.
        called: The name that a value is bound to in the stage that takes it; of a file, the same path.
        origin: `stage`, `param` or `folder`; None where nothing gives it, and `problem` says why.
        stage: The stage that makes it, where `origin` is `stage`.
        optional: Whether it need not be there.
    """

    name: str
    called: str
    kind: Literal["value", "file"]
    origin: Literal["stage", "param", "folder"] | None
    stage: str | None = None
    problem: Problem | None = None
    optional: bool = False


@dataclass(frozen=True)
class Axis:
    """A list that a stage runs for each item of.

    Attributes:
        name: What the item is called in the stage.
        source: The value that is the list; None where the items are written out.
        items: The items, where they are written out.
        identity: Equal for two axes that walk the same list, whatever each calls its item.
    """

    name: str
    source: Source | None
    items: tuple[object, ...] | None
    identity: str


@dataclass(frozen=True)
class ResolvedStage:
    """A stage that will run.

    Attributes:
        inputs: One for each of the stage's inputs, in their order.
        foreach: The lists of the stage's own `foreach`, in their order.
        axes: What its units run over, from the outermost in: the axes of a mapped stage that makes a list of
            `foreach`, then its own.
        needs: Stages that come before it, in the order of the document, each once.
    """

    stage: Stage
    inputs: tuple[Source, ...]
    foreach: tuple[Axis, ...]
    axes: tuple[Axis, ...]
    needs: tuple[str, ...]


@dataclass(frozen=True)
class Resolved:
    """A pipeline with its edges.

    Attributes:
        stages: Those that run, by id, in the order of the document.
        order: Their ids, each after what it needs, else as they stand; those of `cycles`, and what hangs on them, are
            not among it.
        cycles: Rings of stages, each of which needs the one before it.
        left_out: Stages that are disabled or only text.
    """

    lab: LabStages
    stages: Mapping[str, ResolvedStage]
    order: tuple[str, ...]
    cycles: tuple[tuple[str, ...], ...] = ()
    left_out: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()

    @property
    def edges(self) -> tuple[tuple[str, str], ...]:
        """(before, after), in the order of the document."""
        return tuple((need, name) for name, one in self.stages.items() for need in one.needs)

    @cached_property
    def params(self) -> frozenset[str]:
        """The params of the lab that some stage takes, or walks."""
        taken = (source for one in self.stages.values() for source in one.inputs)
        walked = (axis.source for one in self.stages.values() for axis in one.foreach if axis.source)
        return frozenset(source.name for source in (*taken, *walked) if source.origin == "param")

    @cached_property
    def users(self) -> Mapping[str, tuple[str, ...]]:
        """For each stage those that need it directly."""
        found: dict[str, list[str]] = {name: [] for name in self.stages}
        for need, name in self.edges:
            found[need].append(name)
        return {name: tuple(after) for name, after in found.items()}
