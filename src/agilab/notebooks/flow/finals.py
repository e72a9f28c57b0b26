"""Values that a notebook leaves at its end, and the stages that leave them as well."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from agilab.notebooks.flow.knowledge import AMONG_BUILTINS
from agilab.notebooks.flow.links import Links
from agilab.notebooks.flow.model import is_state
from agilab.notebooks.flow.stage import StageFlow


@dataclass(frozen=True)
class Other:
    """A name that is left, and of which reading does not tell one stage that leaves it so.

    Attributes:
        stages: Those that may, by number, the last one first: where it did not come to it, the next one has it.
        doubt: Why a value that differs there proves nothing; empty where it does.
    """

    stages: tuple[int, ...]
    doubt: str = ""


def finals(links: Links, stages: Sequence[StageFlow], outside: Collection[int]) -> dict[str, int]:
    """By name the number of its stage, also of one that cannot be handed on; `outside` are cells in no stage."""
    flows, count = links.flows, len(links.flows)
    stage_of = {cell: number for number, stage in enumerate(stages) for cell in stage.cells}
    found: dict[str, int] = {}
    for name in sorted(flows[count - 1].bound) if count else ():
        source = links.maker(name, count)
        if source is None or is_state(name) or source in outside or not links.certain(name, count):
            continue
        if name in flows[source].keeps and name not in links.reads[source]:
            continue
        makers = links.value(name, count).makers
        if _is_elsewhere(links, name):
            continue
        if name in flows[source].modules or (makers and links.carries(name, count)):
            continue
        if any(flows.makers[number].name == name for number in makers):
            continue  # a function or class, not a result
        stage = stages[stage_of[source]]
        if stage.idle:
            continue
        here = name in stage.inputs or any(name in flows[cell].binds for cell in stage.cells)
        if here and not _is_stale(links, name, stage):
            found[name] = stage_of[source]
    return found


def others(
    links: Links, stages: Sequence[StageFlow], outside: Collection[int], known: Collection[str]
) -> dict[str, Other]:
    """The names besides those that are `known`; without modules, functions and classes, which are no results."""
    flows, count = links.flows, len(links.flows)
    found: dict[str, Other] = {}
    for name in sorted(flows[count - 1].bound) if count else ():
        if _is_elsewhere(links, name):
            continue
        if name in known or is_state(name) or name in flows[count - 1].modules:
            continue
        if any(flows.makers[number].name == name for number in links.value(name, count).makers):
            continue
        found[name] = _other(links, name, stages, outside)
    return found


def _other(links: Links, name: str, stages: Sequence[StageFlow], outside: Collection[int]) -> Other:
    flows = links.flows
    stage_of = {cell: number for number, stage in enumerate(stages) for cell in stage.cells}
    found: list[int] = []
    undecided: list[tuple[int, str]] = []
    doubt = ""
    for cell in range(len(flows) - 1, -1, -1):
        flow = flows[cell]
        if name in flow.unbinds and not doubt:
            doubt = f"cell {cell} may delete it"
        if not found:
            undecided += [(stage_of.get(cell, -1), one.reason) for one in flow.undecided if one.binds]
        if name not in flow.binds and name not in flow.alters:
            continue
        if cell in outside:
            found += _takers(stages, name)
            doubt = doubt or ("" if found else f"cell {cell} gives it, which is in no stage that is run")
            break
        stage = stages[stage_of[cell]]
        if stage.idle:
            users, direct = _users(stages, name, stage_of[cell])
            found += users
            return Other(
                tuple(dict.fromkeys(found)), doubt or ("" if direct else "no stage needs it, so none has it")
            )
        if not (name in stage.inputs or any(name in flows[one].binds for one in stage.cells)):
            doubt = doubt or f"cell {cell} changes it by another name"
            continue
        found.append(stage_of[cell])
        if name in flow.always or name in stage.inputs:
            break
    stages_ = tuple(dict.fromkeys(found))
    if not doubt:  # one stage's own code decides it when it runs
        doubt = next((why for number, why in undecided if stages_[:1] != (number,)), "")
    if stages_ and not doubt and _is_stale(links, name, stages[stages_[0]]):
        doubt = "what it shares with other names is changed by them later"
    return Other(stages_, doubt)


def _is_elsewhere(links: Links, name: str) -> bool:
    """Whether it was put among Python's own names, so that no namespace of a stage has it."""
    there = links.value(name, len(links.flows)).tied == AMONG_BUILTINS
    return there and any(f"builtins.{name}" in source for source in links.flows.sources)


def _takers(stages: Sequence[StageFlow], name: str) -> list[int]:
    return [number for number, stage in enumerate(stages) if name in stage.inputs and not stage.idle][:1]


def _users(stages: Sequence[StageFlow], name: str, source: int) -> tuple[list[int], bool]:
    """Stages that have a name by its statement: one that takes it; else those that may, with another, and False."""
    below = [number for number in range(source + 1, len(stages)) if not stages[number].idle]
    direct = [number for number in below if any(name in names for names in stages[number].uses.values())]
    return direct[:1] or [number for number in below if stages[number].uses], bool(direct)


def _is_stale(links: Links, name: str, stage: StageFlow) -> bool:
    """Whether what a name holds is changed in a later stage, or was apart from what it shares with another."""
    count = len(links.flows)
    value = links.value(name, count)
    last = max((links.changed.get(region, -1) for region in value.reaches), default=-1)
    if last > stage.cells[-1]:
        return True
    made = links.binder(name, count)
    if made is None or made >= stage.cells[0]:
        # made here: of values that came from elsewhere, nobody else changes these
        return False
    return name not in stage.inputs
