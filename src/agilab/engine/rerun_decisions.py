"""What a rerun does with each unit of its parent, and why: executed, kept, or left as it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from agilab.engine.core import RunState
from agilab.engine.foreach import Over, sources
from agilab.engine.graph import Graph, Node
from agilab.engine.reuse import older_words
from agilab.engine.selection import Selection
from agilab.engine.state import Unit
from agilab.store import transitions as t
from agilab.store.store import Store

_FRESH = "looks at what is there now"
_OLDER = ("code", "environment")
_UNKNOWN = ("its result does not depend on its arguments alone",)


@dataclass(frozen=True, slots=True)
class Kept:
    """A result of the parent that will be used again.

    Attributes:
        older_code: Its code has changed since; it is kept because other units were selected.
        older_environment: So has the environment in which it was made.
        run: The run that has it, where it is not the parent: one before that, see `rerun.standing`.
        regardless: It is kept although what it needs runs again, because downstream was declined.
    """

    why: str
    older_code: bool = False
    regardless: bool = False
    skipped: bool = False
    older_environment: bool = False
    run: str = ""

    def although(self, what: str) -> str:
        """Why it is kept, and what else has changed since."""
        return f"{self.why}{' and' if self.regardless else ', although'} {what}"


class Decider:
    """Goes through the nodes in the order of the graph, so that what a unit needs is decided before it."""

    def __init__(
        self,
        store: Store,
        parent: str,
        state: RunState,
        graph: Graph,
        selection: Selection,
        chosen: Mapping[str, str],
        codes: Mapping[str, str],
        environment: str,
        of: Mapping[str, str],
    ) -> None:
        """`of` names for nodes of `state` the run that they are of, where it is not the parent."""
        self._store, self._parent, self._state, self._graph = store, parent, state, graph
        self._selection, self._chosen, self._codes = selection, chosen, codes
        self._environment, self._of = environment, of
        self._running: set[str] = set()
        self.execute: dict[str, str] = {}
        self.reuse: dict[str, Kept] = {}
        self.leave_out: dict[str, str] = {}
        self.new: dict[str, str] = {}

    def node(self, node: Node) -> None:
        before = self._state.nodes.get(node.name)
        if before is None or not before.units:
            self._unseen(node, before is None)
            return
        bodies = dict(_bodies(self._store, self._of.get(node.name, self._parent), node.name))
        for unit in before.units:
            self._unit(node, unit, bodies.get(unit.unit_id, {}))

    def _unseen(self, node: Node, is_new: bool) -> None:
        """A node that has no units yet: it runs, unless only others were asked for and it needs none of them."""
        selection = self._selection
        reached = is_new or not selection.narrow or any(need in self._running for need in node.needs)
        if selection.alone:
            reached = selection.names(node.name)
            if not reached:
                self.leave_out[node.name] = f"not done in run {self._parent}, and not selected"
        if reached:
            self._running.add(node.name)
            self.new[node.name] = "not in the parent's plan" if is_new else "never expanded"

    def _unit(self, node: Node, unit: Unit, body: Mapping[str, Any]) -> None:
        why = self._reason(node, unit, body)
        if isinstance(why, str):
            self.execute[unit.unit_id] = why
            self._running.add(unit.node)
        elif isinstance(why, Kept):
            self.reuse[unit.unit_id] = why
        else:
            was = unit.state if unit.state != t.CANCELLED else "never done"
            run = self._of.get(node.name, self._parent)
            self.leave_out[unit.unit_id] = f"{was} in run {run}, and not selected"

    def _reason(self, node: Node, unit: Unit, body: Mapping[str, Any]) -> str | Kept | None:
        """Why a unit runs, how it is kept, or None where it is left out."""
        selection = self._selection
        if unit.unit_id in self._chosen:
            return self._chosen[unit.unit_id]
        if node.fresh:
            return _FRESH
        above = self._running_need(node, unit)
        good = unit.state in t.GOOD
        if above is not None and selection.downstream:
            return f"needs {above}, which runs"
        if not good:
            return None if selection.narrow or above is not None else _undone(unit)
        changed = self._changed(node, body)
        if selection.everything and changed and unit.state != t.SKIPPED:
            return f"{' and '.join(changed)} changed" if changed != _UNKNOWN else changed[0]
        other = self._of.get(node.name, "")
        run = other or self._parent
        if unit.state == t.SKIPPED:
            return Kept(f"skipped in run {run}", skipped=True, run=other)
        why = f"reused from run {run}"
        if selection.everything and above is None:
            return Kept(f"{why}: code, arguments, inputs and environment equal", run=other)
        older = {f"older_{what}": what in changed for what in _OLDER}
        why += f", {said}" if (said := older_words(**older)) else ""
        if above is not None:
            return Kept(f"{why}, although {above} runs again", regardless=True, run=other, **older)
        return Kept(why, run=other, **older)

    def _running_need(self, node: Node, unit: Unit) -> str | None:
        """A need of the unit that will run, or None.

        Where nothing was selected, or the list is only looked at afresh, an item counts by its content: the list alone
        is no need.
        """
        if not self._running & set(node.needs):
            return None
        by_unit = isinstance(node.foreach, Over) and bool(self._graph.axes[node.foreach.node])
        everything = self._selection.everything
        lists = () if by_unit else sources(node.foreach)
        for need, units in self._state.inputs(unit).items():
            if need not in self._running or (everything and need in lists):
                continue
            if need in self.new or units is None:
                return need
            each = units if isinstance(units, list) else [units]
            runs = (other.unit_id for other in each if other.unit_id in self.execute)
            found = next((name for name in runs if need not in lists or self.execute[name] != _FRESH), None)
            if found:
                return found
        return None

    def _changed(self, node: Node, body: Mapping[str, Any]) -> tuple[str, ...]:
        """What a recorded result depends on that is not as it was: its code, its environment, or nothing."""
        before = body.get("cache")
        code = self._codes.get(node.name)
        if before is None or code is None:
            return _UNKNOWN
        now = {"code": code, "environment": node.environment or self._environment}
        return tuple(what for what in _OLDER if before[what] != now[what])


def _undone(unit: Unit) -> str:
    if unit.state == t.CANCELLED and not unit.attempts:
        return "never started"
    return f"{unit.state.replace('_', ' ')} before"


def _bodies(store: Store, run_id: str, node: str) -> Iterable[tuple[str, dict[str, Any]]]:
    return ((unit.unit_id, body) for unit, body in store.results(run_id, node))
