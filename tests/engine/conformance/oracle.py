"""What must become of a graph of functions: a plain interpreter, which looks at everything again after each step.

It shares nothing with the engine but the declared graph, names of units and tagged values. It runs one unit at a time,
the deepest node first, then by position, and knows of no process, log or attempt: trouble is a word.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agi_node import RunContext, Skip
from agi_node.canonical import canonical, digest, tag, untag
from agilab.contracts.identifiers import unit_id
from agilab.engine.foreach import Nested
from agilab.engine.graph import Graph, Node

GOOD = ("succeeded", "skipped")
Keys = tuple[str, ...]


@dataclass
class Belief:
    """A unit as it should be: its state, its value, its artifacts as (name, digest), and its story."""

    node: Node
    keys: Keys
    position: int
    payload: Any = None
    state: str = "pending"
    value: Any = None
    artifacts: list[tuple[str, str]] = field(default_factory=list)
    story: list[str] = field(default_factory=list)

    def becomes(self, state: str, *story: str) -> None:
        self.state = state
        self.story += story


class Oracle:
    """Runs the graph in its head. `how` meets `unit`; `isolated` says whether a crash leaves the run alive."""

    def __init__(
        self,
        graph: Graph,
        functions: Mapping[str, Callable[..., Any]],
        scratch: Path,
        *,
        unit: str,
        how: str,
        isolated: bool,
    ) -> None:
        self.nodes = {node.name: node for node in graph.nodes}
        self.functions, self.scratch = functions, scratch
        self.unit, self.how, self.isolated = unit, how, isolated
        self.axes: dict[str, Keys] = {}
        self.depth: dict[str, int] = {}
        for node in graph.nodes:
            over = node.foreach.node if node.foreach else ""  # type: ignore[union-attr]
            inner = (
                ("each of " + over,) if isinstance(node.foreach, Nested) or not self.axes.get(over) else ()
            )
            self.axes[node.name] = (*self.axes[over], *inner) if over else ()
            self.depth[node.name] = 1 + max((self.depth[need] for need in node.needs), default=-1)
        self.units: dict[str, Belief] = {}
        self.expansions: dict[tuple[str, Keys], list[str]] = {}
        self.verdicts: dict[str, str] = {}
        self.admitted: set[str] = set()
        self.cancelled = False
        while self._step():
            pass

    # -- one step ------------------------------------------------------------------------------------------

    def _step(self) -> bool:
        """Expand and settle what can be, then run one unit; False where none is left."""
        changed = True
        while changed:
            changed = False
            for node in self.nodes.values():
                changed |= self._expand(node)
            for unit in self.units.values():
                changed |= self._settle(unit)
        ready = [unit for unit in self.units.values() if unit.state == "ready"]
        if not ready:
            return False
        chosen = min(ready, key=lambda unit: (-self.depth[unit.node.name], unit.position))
        name = unit_id(chosen.node.name, *chosen.keys)
        self._run(chosen, name, self.how if name == self.unit else "ok")
        return not self.cancelled

    def _run(self, unit: Belief, name: str, how: str) -> None:
        unit.story.append("attempt_started")
        if how == "fail":
            unit.becomes("failed", "attempt_failed:failed")
            return
        if how == "cancel":
            self.cancelled = True
            unit.becomes("cancelled", "attempt_cancelled")
            return
        if how == "retry":
            unit.story += ["attempt_failed:up_for_retry", "retry_due", "attempt_started"]
        if how == "crash" and self.isolated:
            unit.story += ["attempt_lost:up_for_retry", "retry_due", "attempt_started"]
        run = RunContext.local(self.scratch / digest(name), node=unit.node.name, key="/".join(unit.keys))
        needs = {need: self._given(unit, need) for need in unit.node.needs if need != self._over(unit.node)}
        payload = () if unit.node.foreach is None else (unit.payload,)
        quiet = {name: None if name == "trouble" else value for name, value in unit.node.args.items()}
        try:
            value = self.functions[unit.node.target](*payload, **{"run": run, **quiet, **needs})
        except ValueError:
            unit.becomes("failed", "attempt_failed:failed")
            return
        if isinstance(value, Skip):
            unit.becomes("skipped", "attempt_skipped")
            return
        unit.value = untag(json.loads(canonical(value)))
        unit.artifacts = [(artifact["name"], artifact["digest"]) for artifact in run.staged]
        unit.becomes("succeeded", "attempt_succeeded")

    def _given(self, unit: Belief, need: str) -> Any:
        shared = self._shared(unit.node, need)
        found = self._below(need, unit.keys[:shared])
        if shared == len(self.axes[need]):
            return found[0].value if found else None
        return [one.value for one in sorted(found, key=lambda one: one.keys) if one.state == "succeeded"]

    # -- which units there are -----------------------------------------------------------------------------

    def _over(self, node: Node) -> str | None:
        return node.foreach.node if node.foreach else None  # type: ignore[union-attr]

    def _expand(self, node: Node) -> bool:
        before = len(self.expansions)
        if node.name in self.verdicts or not (node.name in self.admitted or self._admitted(node)):
            return False
        self.admitted.add(node.name)
        over = self._over(node)
        if over is None:
            self._add(node, (), [("", None)])
        elif isinstance(node.foreach, Nested) or not self.axes[over]:
            for parent in self._below(over, ()):
                if parent.state == "succeeded":
                    self._add(node, parent.keys, [(_key(item), item) for item in parent.value])
        else:
            for parent in self._below(over, ()):
                self._add(node, parent.keys, [("", None)])
        return len(self.expansions) > before

    def _add(self, node: Node, above: Keys, rows: list[tuple[str, Any]]) -> None:
        if (node.name, above) in self.expansions:
            return
        names = []
        for key, payload in rows:
            keys = (*above, key) if key else above
            names.append(unit_id(node.name, *keys))
            self.units[names[-1]] = Belief(node, keys, len(self._below(node.name, ())), payload)
        self.expansions[node.name, above] = names

    def _admitted(self, node: Node) -> bool:
        """Whether the needs with which it shares no key let the node expand; its verdict where they never will."""
        whole = [need for need in node.needs if not self._shared(node, need)]
        if not all(self._over_with(need, ()) for need in whole):
            return False
        over = self._over(node)
        if over and self.axes[over] and not (self._below(over, ()) or self._over_with(over, ())):
            return False  # what it follows may still come to nothing
        empty = [need for need in whole if self._is_empty(need)]
        bad = [need for need in whole if need not in empty and not self._content(node, need, ())]
        if bad:
            self.verdicts[node.name] = "upstream_failed"
        elif empty and (self._over(node) in empty or not node.on_empty):
            self.verdicts[node.name] = "skipped"
        elif over and self.axes[over] and not self._below(over, ()):
            self.verdicts[node.name] = "skipped" if self._is_empty(over) else "upstream_failed"
        return node.name not in self.verdicts

    def _is_empty(self, need: str) -> bool:
        """Whether there is nothing to take: no unit, or the one that there is skipped itself."""
        one = self._below(need, ()) if not self.axes[need] else []
        return self.state(need) == "skipped" or any(unit.state == "skipped" for unit in one)

    # -- what units wait for -------------------------------------------------------------------------------

    def _settle(self, unit: Belief) -> bool:
        if unit.state != "pending":
            return False
        keyed = {
            need: unit.keys[:shared] for need in unit.node.needs if (shared := self._shared(unit.node, need))
        }
        if not all(self._over_with(need, keys) for need, keys in keyed.items()):
            return False
        found = {need: self._below(need, keys) for need, keys in keyed.items()}
        missing = {need: self._missing(need, keys) for need, keys in keyed.items()}
        one = {need for need, keys in keyed.items() if len(keys) == len(self.axes[need])}
        empty = [
            n
            for n in keyed
            if (not found[n] and not missing[n] and self.verdicts.get(n, "skipped") == "skipped")
            or (n in one and found[n] and found[n][0].state == "skipped")
        ]
        bad = [n for n, keys in keyed.items() if n not in empty and not self._content(unit.node, n, keys)]
        if bad:
            unit.becomes("upstream_failed", "unit_upstream_failed")
        elif empty and not unit.node.on_empty:
            unit.becomes("skipped", "unit_skipped")
        else:
            over = self._over(unit.node)
            if over and self.axes[over] and not isinstance(unit.node.foreach, Nested):
                unit.payload = found[over][0].value
            # Where nothing is waited for, that the node expanded says it all.
            unit.becomes("ready", *["unit_ready"][: len(keyed)])
        return True

    def _shared(self, node: Node, need: str) -> int:
        count = 0
        while self.axes[node.name][count : count + 1] == self.axes[need][count : count + 1] != ():
            count += 1
        return count

    def _below(self, node: str, keys: Keys) -> list[Belief]:
        return [u for u in self.units.values() if u.node.name == node and u.keys[: len(keys)] == keys]

    def _over_with(self, node: str, keys: Keys) -> bool:
        """Whether all units of a node below these keys are over, and none will be added."""
        if node in self.verdicts:
            return True
        if node not in self.admitted:
            return False
        over = self._over(self.nodes[node])
        if any(unit.state not in (*GOOD, "failed", "upstream_failed") for unit in self._below(node, keys)):
            return False
        if over is None or not self.axes[over]:
            return True
        above = keys[: len(self.axes[over])]
        nested = isinstance(self.nodes[node].foreach, Nested)
        lists = [one.keys for one in self._below(over, above) if not nested or one.state == "succeeded"]
        return self._over_with(over, above) and all((node, one) in self.expansions for one in lists)

    def _missing(self, node: str, keys: Keys) -> int:
        """Lists that will never be, below these keys, since what should have returned them is not good."""
        over = self._over(self.nodes[node])
        if over is None or not self.axes[over]:
            return 0
        if not isinstance(self.nodes[node].foreach, Nested):
            return self._missing(over, keys)
        parents = self._below(over, keys[: len(self.axes[over])])
        return sum(parent.state not in GOOD for parent in parents) + self._missing(over, keys)

    def _content(self, node: Node, need: str, keys: Keys) -> bool:
        """Whether a node is content with what became of a need below these keys."""
        units = self._below(need, keys)
        good, count = sum(unit.state in GOOD for unit in units), len(units) + self._missing(need, keys)
        if need in self.verdicts and not units:
            return self.verdicts[need] in GOOD
        wanted = {"all": count, "any": 1}.get(node.require, node.require)  # type: ignore[call-overload]
        if len(self.axes[need]) == len(keys) and isinstance(wanted, int):
            wanted = min(wanted, 1)  # a need that is one unit, for whoever asks
        return bool(good >= (wanted * count if isinstance(wanted, float) else wanted))

    # -- verdicts ------------------------------------------------------------------------------------------

    def state(self, name: str) -> str:
        """The state in which a node ends."""
        units = self._below(name, ())
        states = {unit.state for unit in units}
        if name in self.verdicts:
            return self.verdicts[name]
        if not self._over_with(name, ()):
            return "failed" if "failed" in states else "cancelled"
        if "failed" in states:
            return "failed"
        if "upstream_failed" in states or self._missing(name, ()):
            return "upstream_failed"
        return "succeeded" if any(unit.story != ["unit_skipped"] for unit in units) else "skipped"

    def unit_states(self) -> dict[str, str]:
        ended = (*GOOD, "failed", "upstream_failed")
        return {name: unit.state if unit.state in ended else "cancelled" for name, unit in self.units.items()}

    def values(self) -> dict[str, Any]:
        return {name: tag(unit.value) for name, unit in self.units.items() if unit.state == "succeeded"}

    def run_state(self) -> str:
        """Failures count unless somebody needs the node and everybody who does is content."""
        if self.cancelled:
            return "cancelled"
        return "succeeded" if all(self._tolerated(name) for name in self.nodes) else "failed"

    def _tolerated(self, name: str) -> bool:
        if self.state(name) in GOOD:
            return True
        users = [node for node in self.nodes.values() if name in node.needs]
        return bool(users and self._below(name, ())) and all(
            self._tolerated(user.name) if self._shared(user, name) else self._content(user, name, ())
            for user in users
        )


def _key(item: Any) -> str:
    """An item's key: its text, the canonical JSON of another scalar, or 12 digits of the digest of anything else."""
    if isinstance(item, str):
        return item
    return digest(item)[:12] if isinstance(item, (list, dict)) else canonical(item).decode()
