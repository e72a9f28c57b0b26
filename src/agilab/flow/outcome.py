"""What became of a run, for whoever started it: its values, its failures, one glance."""

from __future__ import annotations

import html
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from agi_node import codec
from agi_node.canonical import untag
from agi_node.errors import FAILED, AgiError
from agilab.engine.coordinator import INTERRUPTED
from agilab.engine.graph import Graph
from agilab.flow.order import units_in_order
from agilab.store import transitions as t
from agilab.store.log import now_us
from agilab.store.rows import NodeRow
from agilab.store.store import Store
from agilab.store.workspace import Workspace

_MARKS = {t.SUCCEEDED: "✓", t.REUSED: "✓", t.SKIPPED: "-", t.PENDING: "…", t.RUNNING: "…"}


@dataclass(frozen=True)
class Failure:
    """A unit that failed for good, or a node whose items could not be found.

    Attributes:
        unit: Its id, such as `throw[3]`; a node's name where there were no units yet.
        what: One sentence.
        traceback: The author's own frames; "" where there are none.
        error: All that is recorded, as plain data.
    """

    unit: str
    what: str
    traceback: str
    error: Mapping[str, Any]


class Run:
    """A run of a flow. Everything is read from its log when it is asked for.

    `run["pi"]` is the value of a node (of a mapped node the list of its good values, as the next node saw it), and
    `run.values("throw")` its values by key. What is no plain data is unpickled here, in the caller's own process.
    """

    def __init__(self, workspace: Workspace, run_id: str) -> None:
        self.run_id = run_id
        self.workspace = workspace
        with self._store() as store:
            row = store.run(run_id)
            self.flow = row.app.partition(":")[2]
            self.state = row.state
            self._nodes = {node.node: node for node in store.nodes(run_id)}
            self.seconds = ((row.finished_us or now_us()) - row.created_us) / 1e6
            self._plan = row.plan_digest or ""

    def _store(self) -> Store:
        return Store(self.workspace, readonly=True)

    @property
    def folder(self) -> Path:
        """Where the run's manifest, artifacts and logs lie."""
        return self.workspace.run_folder(self.run_id)

    @property
    def ok(self) -> bool:
        """Whether it succeeded; failures that a node said it can live with do not count."""
        return self.state == t.SUCCEEDED

    @cached_property
    def failures(self) -> tuple[Failure, ...]:
        """What failed, in the order in which it did."""
        with self._store() as store:
            return tuple(_failures(store, self.run_id))

    def __getitem__(self, node: str) -> Any:
        """The value of a node; None where it was skipped.

        Raises AGI-FLOW-008 for a node that is not there or left no value, AGI-RUN-113 for an object that cannot be
        read back here.
        """
        row = self._row(node)
        if self._graph.axes[node]:
            return list(self.values(node).values())
        with self._store() as store:
            body = store.result(self.run_id, node)
            units = list(store.units(self.run_id, node=node))
            if units and units[0].state in t.WITH_VALUE:
                return _value(store, body)
            if (units and units[0].state == t.SKIPPED) or row.state == t.SKIPPED:
                return None
        raise self._no_value(node, units[0].state if units else row.state)

    def values(self, node: str) -> dict[str, Any]:
        """The good values of a mapped node by key, in the order of the list; a single unit has the key ""."""
        self._row(node)
        with self._store() as store:
            return _values(store, self.run_id, self._graph, node)

    @cached_property
    def _graph(self) -> Graph:
        with self._store() as store:
            return Graph.from_bytes(store.objects.read(self._plan))

    def _row(self, node: str) -> NodeRow:
        if node not in self._nodes:
            raise AgiError(
                "AGI-FLOW-008",
                f"flow {self.flow} has no node {node}",
                found=node,
                allowed=", ".join(self._nodes),
            )
        return self._nodes[node]

    def _no_value(self, node: str, state: str) -> AgiError:
        return AgiError(
            "AGI-FLOW-008",
            f"node {node} left no value",
            found=state,
            allowed="a node that succeeded",
            try_=shlex.join(["agilab", "runs", "explain", self.run_id, node]),
            exit_code=FAILED,
        )

    # -- one glance ----------------------------------------------------------------------------------------

    def _head(self) -> tuple[str, str]:
        return _MARKS.get(
            self.state, "✗"
        ), f"{self.flow} {self.state} in {_duration(self.seconds)} · run {self.run_id}"

    def _rows(self) -> Iterator[tuple[str, str, str]]:
        """Mark, node, and what became of its units."""
        for name, node in self._nodes.items():
            counts = ", ".join(f"{count:,} {state}" for state, count in node.counts.items())
            one = node.total == 1 and sum(node.counts.values()) == 1
            yield _MARKS.get(node.state, "✗"), name, next(iter(node.counts)) if one else counts or node.state

    def __repr__(self) -> str:
        mark, head = self._head()
        width = max(map(len, self._nodes), default=0)
        lines = [f"{mark} {head}", *(f"  {m} {name:<{width}}  {text}" for m, name, text in self._rows())]
        lines += [f"  {failure.what}"[:200] for failure in self.failures[:1]]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        mark, head = self._head()
        colour = {"✓": "#1a7f37", "✗": "#cf222e"}.get(mark, "inherit")
        rows = "".join(
            f"<tr><td>{m}</td><td style='text-align:left'><code>{html.escape(name)}</code></td>"
            f"<td style='text-align:left'>{html.escape(text)}</td></tr>"
            for m, name, text in self._rows()
        )
        why = "".join(f"<pre>{html.escape(failure.what)}</pre>" for failure in self.failures[:1])
        return (
            f"<div><b style='color:{colour}'>{mark}</b> {html.escape(head)}<table>{rows}</table>{why}</div>"
        )


def ended(run: Run, check: bool) -> Run:
    """The run, for whoever started it; raises what it became where `check` asks for that."""
    if not check or run.ok:
        return run
    if run.state == t.CANCELLED and _by_keyboard(run):
        raise KeyboardInterrupt(
            f"run {run.run_id} of flow {run.flow} was cancelled and is recorded: flow.rerun(failed=True) does the rest"
        )
    raise RunFailed(run)


def _by_keyboard(run: Run) -> bool:
    with Store(run.workspace, readonly=True) as store:
        asked = store.events(run.run_id, kinds=("cancel_requested",))
        return any(event.data.get("reason") == INTERRUPTED for event in asked)


class RunFailed(AgiError):
    """A run did not succeed. `run` is what there is of it: values of what succeeded, failures, folder."""

    def __init__(self, run: Run) -> None:
        first = run.failures[0] if run.failures else None
        error: Mapping[str, Any] = {}
        units = [first.unit] if first and first.unit else []
        if first:
            error = first.error
        elif run.state == t.CANCELLED:
            error = {"code": "AGI-RUN-012", "whose": "user"}
        super().__init__(
            str(error.get("code", "AGI-RUN-011")),
            f"flow {run.flow} {run.state}: {first.what}" if first else f"flow {run.flow} {run.state}",
            found=error.get("found") or (first.unit if first else None),
            allowed=error.get("allowed"),
            try_=error.get("try") or shlex.join(["agilab", "runs", "explain", run.run_id, *units]),
            whose=error.get("whose", "agilab"),
            exit_code=FAILED,
        )
        self.run = run
        if first and first.traceback:
            self.add_note(first.traceback)
        if len(run.failures) > 1:
            self.add_note(f"… and {len(run.failures) - 1} more failures: see error.run.failures")


def _failures(store: Store, run_id: str) -> Iterator[Failure]:
    rows = [(unit.done_seq or 0, unit.unit_id) for unit in store.units(run_id, state=t.FAILED)]
    for event in store.events(run_id, kinds=("node_finished", "expansion_failed", "run_stopping")):
        if "error" in event.data:
            rows.append((event.run_seq, event.data.get("under") or event.data.get("node", "")))
    for seq, name in sorted(rows):
        data = store.event(run_id, seq).data
        error = data.get("error") or {
            "code": "AGI-RUN-111",
            "what": f"{name} was lost: {data.get('reason', 'its process is gone')}",
            "whose": "environment",
        }
        yield Failure(name, str(error.get("what", "")), str(error.get("traceback") or ""), error)


def _values(store: Store, run_id: str, graph: Graph, node: str) -> dict[str, Any]:
    found = {unit.unit_id: (unit, body) for unit, body in store.results(run_id, node)}
    ordered = [found[name] for name in units_in_order(store, run_id, graph, node) if name in found]
    return {unit.key: _value(store, body) for unit, body in ordered if unit.state in t.WITH_VALUE}


def _value(store: Store, body: dict[str, Any]) -> Any:
    if body.get("codec") == codec.PICKLE:
        return codec.load(store.objects.path(body["value_digest"]))
    return untag(store.value(body))


def _duration(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds < 60 else f"{int(seconds // 60)} min {seconds % 60:.0f} s"
