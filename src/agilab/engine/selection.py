"""Which units of an earlier run a rerun is asked for."""

from __future__ import annotations

import difflib
import fnmatch
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agi_node.errors import AgiError
from agilab.engine.core import RunState
from agilab.engine.state import Unit
from agilab.store import transitions as t

STATES = (*sorted(t.UNIT_STATES), "unfinished")


@dataclass(frozen=True)
class Selection:
    """Which units of the parent are asked for. Without any of these: whatever cannot be reused as it is.

    Attributes:
        failed: Everything that did not end well, never started included.
        from_node: Every unit of this node and of nodes below its name, and everything that comes after them.
        units: Unit ids; one of a node that gathers stands for what is below its name, too.
        where: Conditions on units, all of which must hold: `state`, `node`, `key` (a pattern such as `lr=0.1*`).
        downstream: Whether what needs an executed unit is executed as well.
        only: Every unit of these nodes and of nodes below their names, together and with nothing else: what needs them
            is declined with it.
    """

    failed: bool = False
    from_node: str | None = None
    units: tuple[str, ...] = ()
    where: Mapping[str, str] = field(default_factory=dict)
    downstream: bool = True
    only: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.only:
            object.__setattr__(self, "downstream", False)

    @property
    def nodes(self) -> tuple[str, ...]:
        """The nodes that are asked for by name, alone or with what comes after them."""
        return self.only if self.from_node is None else (self.from_node, *self.only)

    def names(self, node: str) -> bool:
        """Whether a node is one of those that are asked for, or below the name of one."""
        return any(is_part(node, name) for name in self.nodes)

    @property
    def narrow(self) -> bool:
        """Whether only certain units are meant: what else is undone stays undone."""
        return bool(self.units or self.where or self.alone)

    @property
    def alone(self) -> bool:
        """Whether certain nodes are meant, and nothing else."""
        return bool(self.nodes) and not self.downstream

    def judges(self, node: str) -> bool:
        """Whether what became of a node says how the rerun ended: where nodes alone are meant, the others do not."""
        return not self.alone or self.names(node)

    @property
    def everything(self) -> bool:
        """Whether nothing was selected: results are reused where they would come out the same."""
        return not (self.failed or self.from_node or self.narrow)

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Selection:
        """The selection of which `to_plain` was kept."""
        return cls(
            plain.get("failed", False),
            plain.get("from"),
            tuple(plain.get("units", ())),
            plain.get("where", {}),
            plain.get("downstream", True),
            tuple(plain.get("only", ())),
        )

    def to_plain(self) -> dict[str, Any]:
        """The selection as events and documents carry it: only what was said."""
        said: dict[str, Any] = {
            "failed": self.failed,
            "from": self.from_node,
            "units": list(self.units),
            "where": dict(self.where),
            "only": list(self.only),
        }
        plain = {name: value for name, value in said.items() if value}
        return plain if self.downstream or self.only else {**plain, "downstream": False}


def selected(state: RunState, selection: Selection, run_id: str, now: Sequence[str]) -> dict[str, str]:
    """The units that were asked for by name, node or condition, each with the reason to run it.

    `now` are the nodes that there are by now: one that run `run_id` does not have was never run, and has no units yet.
    Raises AGI-RUN-040 for a node that is not there now, and for a unit that the run does not have; AGI-RUN-041 for a
    condition that is none.
    """
    chosen: dict[str, str] = {}
    for named in selection.nodes:
        if not any(is_part(node, named) for node in now):
            raise _gone(named, run_id, state, now)
        chosen |= {
            unit.unit_id: f"from {named} on" if selection.downstream else "asked for alone"
            for name in _at_or_below(named, state)
            for unit in state.nodes[name].units
        }
    for name in selection.units:
        if name not in state.units:
            raise _unknown("unit", name, run_id, _near(name, state))
        chosen[name] = "selected"
        unit = state.units[name]
        if state.nodes[unit.node].node.gathers:
            chosen |= {
                other.unit_id: f"selected: {name}"
                for below in _at_or_below(unit.node, state)
                for other in state.nodes[below].units
                if other.keys[: len(unit.keys)] == unit.keys and other is not unit
            }
    if selection.where:
        test = _condition(selection.where, state, run_id)
        chosen |= {
            unit.unit_id: f"selected: {said(selection.where)}" for unit in state.units.values() if test(unit)
        }
    return chosen


def _at_or_below(name: str, state: RunState) -> list[str]:
    """The node of this name, and those whose names begin with it and a slash: parts of one step."""
    return [node for node in state.nodes if is_part(node, name)]


def is_part(node: str, name: str) -> bool:
    """Whether a node is that of a name, or one below it."""
    return node == name or node.startswith(f"{name}/")


def _condition(where: Mapping[str, str], state: RunState, run_id: str) -> Callable[[Unit], bool]:
    for name, value in where.items():
        if name not in ("state", "node", "key"):
            raise _no_condition(f"{name}={value}", "state=…, node=… or key=…")
        if name == "state" and value not in STATES:
            raise _no_condition(f"state={value}", f"state={'|'.join(STATES)}")
        if name == "node" and value not in state.nodes:
            raise _unknown("node", value, run_id, list(state.nodes))

    def holds(unit: Unit) -> bool:
        for name, value in where.items():
            if name == "state" and not (
                unit.state not in t.GOOD if value == "unfinished" else unit.state == value
            ):
                return False
            if name == "node" and unit.node != value:
                return False
            if name == "key" and not fnmatch.fnmatchcase(unit.key, value):
                return False
        return True

    return holds


def said(where: Mapping[str, str]) -> str:
    return ", ".join(f"{name}={value}" for name, value in where.items())


def _near(name: str, state: RunState) -> Sequence[str]:
    return difflib.get_close_matches(name, state.units, n=4, cutoff=0.4) or list(state.units)[:4]


def _unknown(what: str, name: str, run_id: str, known: Sequence[str]) -> AgiError:
    return AgiError(
        "AGI-RUN-040",
        f"run {run_id} has no {what} of that name",
        found=name,
        allowed=", ".join(known[:8]) + (" …" if len(known) > 8 else ""),
        try_=f"agilab runs show {run_id}",
        exit_code=2,
    )


def _gone(name: str, run_id: str, state: RunState, now: Sequence[str]) -> AgiError:
    """What is said of a node that there is not (any more)."""
    known = difflib.get_close_matches(name, now, n=4, cutoff=0.4) or list(now)[:8]
    return AgiError(
        "AGI-RUN-040",
        "there is no node of that name" + (" any more" if _at_or_below(name, state) else ""),
        found=f"{name}, which run {run_id} has" if _at_or_below(name, state) else name,
        allowed=", ".join(known),
        try_=f"agilab runs show {run_id}",
        exit_code=2,
    )


def _no_condition(found: str, allowed: str) -> AgiError:
    return AgiError("AGI-RUN-041", "this selects no units", found=found, allowed=allowed)
