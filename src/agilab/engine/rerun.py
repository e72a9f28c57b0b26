"""A rerun: a new run with a parent, that executes what was asked for and uses the parent's results for the rest.

One function decides for every unit of the parent whether it is executed, reused or left out, and why. The preview
shows its answer and the execution follows it; both carry its digest, and an execution refuses another one. What is
executed is *planned minus succeeded*, never what was seen to fail: a unit that never started is not forgotten.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from agi_node.canonical import canonical, untag
from agi_node.errors import AgiError
from agilab.contracts.identifiers import unit_id as unit_name
from agilab.engine.core import RunState
from agilab.engine.expansion import keys_of
from agilab.engine.graph import Graph, Node
from agilab.engine.rerun_decisions import Decider, Kept
from agilab.engine.reuse import (
    CacheKey,
    Decision,
    Execute,
    LeaveOut,
    SkipAgain,
    is_whole,
    reuse_of,
)
from agilab.engine.selection import Selection, selected
from agilab.engine.state import Fact, NodeState, Unit
from agilab.store.events import body_text
from agilab.store.projection import expanded_items
from agilab.store.store import Store
from agilab.store.transitions import GOOD


@dataclass(frozen=True)
class Preview:
    """What a rerun will do, unit by unit.

    Attributes:
        execute: Why each of these runs.
        reuse: What is used again. It still runs where a new plan gives the unit another item.
        leave_out: Units that stay as undone as they were, with the reason.
        drop: Nodes of the parent that are no more.
        new: Nodes that the parent did not have, or whose units are only known when what they map over has run.
    """

    parent: str
    parent_head: str
    selection: Selection
    codes: Mapping[str, str]
    execute: Mapping[str, str]
    reuse: Mapping[str, Kept]
    leave_out: Mapping[str, str]
    drop: tuple[str, ...]
    new: Mapping[str, str]

    @property
    def digest(self) -> str:
        """What an execution must find equal to be the rerun that this preview describes."""
        return hashlib.sha256(body_text(self.said()).encode()).hexdigest()

    def run_of(self, unit_id: str) -> str:
        """The run that has what a unit left."""
        kept = self.reuse.get(unit_id)
        return (kept.run if kept else "") or self.parent

    def said(self) -> dict[str, Any]:
        return {
            "parent": self.parent,
            "parent_head": self.parent_head,
            "selection": self.selection.to_plain(),
            "codes": dict(self.codes),
            "execute": dict(self.execute),
            "reuse": {name: asdict(kept) for name, kept in self.reuse.items()},
            "leave_out": dict(self.leave_out),
            "drop": list(self.drop),
            "new": dict(self.new),
        }

    def to_plain(self) -> dict[str, Any]:
        """The preview as a document, from which `from_plain` makes an equal one."""
        return {**self.said(), "digest": self.digest}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Preview:
        return cls(
            plain["parent"],
            plain["parent_head"],
            Selection.from_plain(plain["selection"]),
            plain["codes"],
            plain["execute"],
            {name: Kept(**kept) for name, kept in plain["reuse"].items()},
            plain["leave_out"],
            tuple(plain["drop"]),
            plain["new"],
        )


def refuse_another(shown: Preview, expect: str | None) -> None:
    """AGI-RUN-043 where a preview is not the one whose digest (or its beginning) was expected."""
    if expect is not None and not shown.digest.startswith(expect.lower()):
        raise AgiError(
            "AGI-RUN-043",
            f"the rerun of {shown.parent} is not the one that was shown",
            found=f"its preview is {shown.digest[:16]} now: the parent, the source or the environment changed",
            allowed=expect,
            try_=f"agilab runs rerun {shown.parent} --dry-run",
            exit_code=1,
        )


def preview(
    store: Store,
    parent: str,
    graph: Graph,
    selection: Selection,
    codes: Mapping[str, str],
    environment: str = "",
) -> Preview:
    """Decide for every unit of `parent` what a rerun on `graph` and `codes` does with it. Changes nothing.

    `codes` are the digests of the nodes' code as it is now; a node without one is taken for changed where results are
    reused only if they would come out the same. `environment` is that of nodes that name none.

    A node that the parent does not have was never run. Raises AGI-RUN-040 for one that `graph` does not have, and for a
    unit that the parent does not have; AGI-RUN-041 for a condition that is none; AGI-RUN-042 where the parent has not
    ended.
    """
    run = store.run(parent)
    if run.state == "running":
        raise AgiError(
            "AGI-RUN-042",
            f"run {run.run_id} has not ended",
            found="its log says running",
            allowed="a run that has ended",
            try_=f"agilab runs resume {run.run_id}, or agilab runs cancel {run.run_id}",
            exit_code=1,
        )
    state, of = standing(store, run.run_id)
    chosen = selected(state, selection, run.run_id, [node.name for node in graph.nodes])
    decide = Decider(store, run.run_id, state, graph, selection, chosen, codes, environment, of)
    for node in graph.nodes:
        decide.node(node)
    return Preview(
        run.run_id,
        run.head,
        selection,
        dict(codes),
        decide.execute,
        decide.reuse,
        decide.leave_out,
        tuple(name for name in state.nodes if name not in {node.name for node in graph.nodes}),
        decide.new,
    )


def standing(store: Store, run_id: str) -> tuple[RunState, dict[str, str]]:
    """The state of a run, and what of it is an earlier run's: nodes by the run that they are of.

    Where nodes alone were asked for, what others left stays. A run that ended before it came to use them again has
    nothing of them, so they are as its parent left them.
    """
    state, of = folded(store, run_id), dict[str, str]()
    created = store.created(run_id)
    selection = selection_of(store, run_id)
    lacking = [name for name, node in state.nodes.items() if not (selection.judges(name) or _is_done(node))]
    if not lacking or not store.created(created["parent"]):  # which may be pruned
        return state, of
    older, theirs = standing(store, created["parent"])
    for name in lacking:
        if name in older.nodes and older.nodes[name].units:
            for unit in state.nodes[name].units:
                del state.units[unit.unit_id]
            state.nodes[name] = older.nodes[name]
            state.units |= {unit.unit_id: unit for unit in older.nodes[name].units}
            of[name] = theirs.get(name, created["parent"])
    return state, of


def standing_for(store: Store, run_id: str, needs: Sequence[str]) -> str:
    """The run that has what some nodes left: this one, or an earlier one of which all of it stands.

    Where it made some of it anew, and an earlier one has the rest, it is this one.
    """
    _, of = standing(store, run_id)
    runs = {of[name] for name in needs if name in of}
    anew = any(selection_of(store, run_id).names(name) for name in needs)
    return runs.pop() if len(runs) == 1 and not anew else run_id


def _is_done(node: NodeState) -> bool:
    return bool(node.units) and all(unit.state in GOOD for unit in node.units)


def folded(store: Store, run_id: str) -> RunState:
    """The state that a run's log adds up to."""
    run = store.run(run_id)
    state = RunState(Graph.from_bytes(store.objects.read(run.plan_digest or "")))
    for event in store.events(run_id):
        data = event.data
        units: list[tuple[str, tuple[str, ...], float]] = []
        if event.kind == "node_expanded":
            items = expanded_items(data, store.objects.read)
            units = [(item["unit_id"], keys_of(item), item["cost"]) for item in items]
        state.apply(Fact(event.kind, event.run_seq, event.unit_id, event.attempt_id, data, units))
    return state


class Rerun:
    """The memory of a rerun: answers for each unit what its preview said, as long as its item is still the same.

    `told` has, for nodes whose arguments are not the parent's, what about them is another, in words. Where nodes
    alone were asked for, every other stays as it is, whatever became of its arguments; it is said.
    """

    def __init__(self, store: Store, shown: Preview, told: Mapping[str, str] | None = None) -> None:
        self._store = store
        self._shown = shown
        self._told = told or {}
        self._before: dict[str, set[str]] = {}
        for name in (*shown.execute, *shown.reuse, *shown.leave_out):
            self._before.setdefault(name.partition("[")[0], set()).add(name)

    def asked(self, node: str) -> bool:
        return self._shown.selection.judges(node)

    def decide(self, unit: Unit, node: Node, key: CacheKey | None) -> Decision:
        shown = self._shown
        if unit.unit_id in shown.execute:
            return Execute(shown.execute[unit.unit_id])
        for name in (unit.unit_id, unit.node):
            if name in shown.leave_out:
                return LeaveOut(shown.leave_out[name])
        kept = shown.reuse.get(unit.unit_id)
        if kept is None:
            if shown.selection.alone and not shown.selection.names(unit.node):
                return LeaveOut(f"new since run {shown.parent}, and not selected")
            return Execute(shown.new.get(unit.node) or f"new since run {shown.parent}")
        if kept.skipped:
            return SkipAgain(kept.why)
        body = self._store.result(kept.run or shown.parent, unit.unit_id)
        if not is_whole(self._store, body):
            return Execute("the files of its earlier result are gone")
        before = body.get("cache")
        why, older_arguments, older_inputs = kept.why, False, False
        if before and key:
            # Only certain units were meant: a sibling stays as it is, whatever happened to its item.
            told = self._told.get(unit.node)
            if before["args"] != key.args and shown.selection.alone:
                why, older_arguments = kept.although(told or "its item or arguments changed"), True
            elif before["args"] != key.args and not shown.selection.narrow:
                return Execute(told or f"its item or arguments changed since run {shown.parent}")
            # Where downstream was declined, what was left out above is no reason either.
            if before["inputs"] != key.inputs and not kept.regardless and shown.selection.downstream:
                return Execute(f"its inputs changed since run {shown.parent}")
            if before["inputs"] != key.inputs:
                older_inputs = True
                why = why if kept.regardless or older_arguments else kept.although("its inputs changed")
        return reuse_of(
            kept.run or shown.parent,
            unit.unit_id,
            body,
            why=why,
            older_code=kept.older_code,
            older_environment=kept.older_environment,
            older_arguments=older_arguments,
            older_inputs=older_inputs,
        )

    def expanded(self, node: str, rows: Sequence[Mapping[str, Any]], under: Unit | None) -> dict[str, Any]:
        """What the new list has more and less than the parent's, for the event that records the expansion."""
        before = self._before.get(node)
        if before is None:
            return {}
        keys = under.keys if under else ()
        prefix = unit_name(node, *keys).removesuffix("]") + "/" if keys else ""
        mine = {name for name in before if name.startswith(prefix)}
        now = {row["unit_id"] for row in rows}
        gone, new = sorted(mine - now), len(now - before)
        found: dict[str, Any] = {"removed": gone[:100], "removed_count": len(gone)} if gone else {}
        return {**found, "new_count": new} if new else found


def recorded(store: Store, shown: Preview) -> dict[str, Any]:
    """What a rerun's first event says beside that of any run. The preview is kept, so that `resume` follows it too."""
    return {
        "parent": shown.parent,
        "rerun": {
            "selection": shown.selection.to_plain(),
            "digest": shown.digest,
            "execute": len(shown.execute),
            "reuse": len(shown.reuse),
            "older_code": sum(kept.older_code for kept in shown.reuse.values()),
            "older_environment": sum(kept.older_environment for kept in shown.reuse.values()),
            "leave_out": len(shown.leave_out),
        },
        "preview_digest": store.objects.put(canonical(shown.to_plain())),
    }


def selection_of(store: Store, run_id: str) -> Selection:
    """What a run was asked for, if it is a rerun; that of any other has everything."""
    return Selection.from_plain(store.created(run_id).get("rerun", {}).get("selection", {}))


def memory_of(store: Store, created: Mapping[str, Any]) -> Rerun | None:
    """The memory that a rerun began with, from its first event; None for a run that is no rerun."""
    if "preview_digest" not in created:
        return None
    plain = untag(json.loads(store.objects.read(created["preview_digest"])))
    return Rerun(store, Preview.from_plain(plain))
