"""From a unit of a lab to the task that runs it: of stages here, of the nodes of called apps by `called`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from agilab.engine.executor import Task
from agilab.engine.expansion import Item, items_for
from agilab.engine.foreach import Items, Nested, Over, Product, Zip
from agilab.engine.graph import Graph, Node
from agilab.engine.state import Unit
from agilab.engine.tasks import Needs, attempt_of, plain_digest
from agilab.flow.order import FlowTasks
from agilab.projects.inputs import FileDigests
from agilab.store.store import Store
from agilab.workflow.running.called import Around, CalledApp
from agilab.workflow.running.given import Given
from agilab.workflow.running.left import Left

_KEPT = ("value", "value_digest", "artifacts")


class StageTasks(FlowTasks):
    """Gives stages their inputs.

    Responsible for: the task and the identity of each unit. Not responsible for: reading any value; only the worker of
    the stage's environment does.

    `payload_of` gives the item of a unit; like `state` it is that of whoever runs (or previews) the graph, and both
    must be set before the first task. `called` has for each stage that calls an app the roots of that app's files.
    """

    payload_of: Callable[[Unit], Any]

    def __init__(
        self,
        store: Store,
        run_id: str,
        graph: Graph,
        roots: Mapping[str, str],
        *,
        called: Mapping[str, Mapping[str, str]],
        digests: FileDigests,
        max_units: int = 10_000,
    ) -> None:
        super().__init__(store, run_id, graph, max_units=max_units)
        self._left = Left(store, self._body)
        self._given = Given(self._left, graph, roots, digests)
        around = Around(self._left, self._given, self._stage_needs, self._payload)
        self._apps = {
            node.name: CalledApp(store, run_id, graph, node, called[node.name], digests, around)
            for node in graph.nodes
            if node.gathers
        }

    def remembers(self, node: Node) -> bool:
        if (app := self._app(node.name)) is not None:
            return app.remembers(node)
        return not node.gathers and super().remembers(node)

    def recorded(self, unit: Unit, body: Mapping[str, Any]) -> None:
        if (app := self._app(unit.node)) is not None:
            app.recorded(unit, body)
        elif unit.node in self._wanted:
            self._bodies[unit.unit_id] = {name: body[name] for name in _KEPT if name in body}

    def items(self, node: Node, under: Unit | None) -> list[Item]:
        """The items of a stage, each with its exact JSON as payload; or of the work of a called app."""
        if (app := self._app(node.name)) is not None and app.has_list_of(node):
            return app.items(node, under)
        return items_for(replace(node, foreach=self._listed(node.foreach, under)), lambda name: None)

    def task(self, unit: Unit, node: Node, payload: Any, needs: Needs, attempt_id: str, folder: Path) -> Task:
        if (app := self._app(node.name)) is not None:
            return app.task(unit, node, payload, needs, attempt_id, folder)
        needs = self._in_order(needs)
        item = self._given.item(node, node.given["axes"], payload, needs)
        given = {
            "values": dict(self._given.values(unit, node, needs)),
            "files": list(self._given.files(node, needs, item)),
            "item": item,
        }
        path: Path | None = None
        if any(given.values()):
            path = folder / "staging" / f"{attempt_id}.stage.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(given, ensure_ascii=False, separators=(",", ":")), encoding="utf-8")
        said = ("code", "file", "folder", "workdir", "carried", "outputs", "also")
        order = {name: node.args[name] for name in said if name in node.args}
        if folders := _folders(node):
            order["folders"] = folders
        if "watch" in node.args:
            order["watch"] = [name for name, readers in node.args["watch"].items() if readers]
            order["kin"] = [name for name, readers in node.args["watch"].items() if not readers]
        return attempt_of(self._run_id, unit, node, attempt_id, folder, args=order, payload=None, inputs=path)

    def identity(self, unit: Unit, node: Node, payload: Any, needs: Needs) -> tuple[str, str] | None:
        """Digests of what a stage promises and works on, and of everything that it reads."""
        if (app := self._app(node.name)) is not None:
            return app.identity(unit, node, payload, needs)
        if node.gathers:
            return self._apps[node.name].gathered_identity(unit)
        needs = self._in_order(needs)
        item = self._given.item(node, node.given["axes"], payload, needs)
        args = {"outputs": node.args["outputs"], "params": node.args["params"], "item": item}
        args |= {name: node.args[name] for name in ("folder", "workdir") if name in node.args}
        if folders := _folders(node):
            args["folders"] = folders
        if "also" in node.args:  # an earlier result without these fingerprints would not do
            args["also"] = node.args["also"]
        return plain_digest(args), plain_digest(self._given.read(node, needs, item))

    def gather(self, unit: Unit, node: Node, needs: Needs) -> Mapping[str, Any]:
        """What a stage that calls an app hands on. Raises AGI-STAGE-101 where the app did not leave it."""
        return self._apps[node.name].gathered(unit)

    def called(self, stage: str) -> CalledApp | None:
        """Who knows what the app of a stage is given; None where the stage calls none."""
        return self._apps.get(stage)

    def _app(self, node: str) -> CalledApp | None:
        """Who knows what a node of a called app is given; None for a stage."""
        return self._apps.get(node.partition("/")[0]) if "/" in node else None

    def _stage_needs(self, unit: Unit) -> Needs:
        return self._in_order(self.state.inputs(unit))

    def _payload(self, unit: Unit) -> Any:
        return self.payload_of(unit)

    def _listed(self, foreach: Any, under: Unit | None) -> Any:
        if isinstance(foreach, (Over, Nested)):
            return Items(self._left.entries(under.unit_id if under else foreach.node, foreach.value))
        if isinstance(foreach, (Product, Zip)):
            axes = {name: self._listed(axis, under) for name, axis in foreach.axes.items()}
            return replace(foreach, axes=axes)
        return foreach


def _folders(node: Node) -> list[str]:
    """The folders that a stage takes and that need not have anything in them."""
    return [one["name"] for one in node.given["inputs"] if one.get("optional") and one["name"].endswith("/")]
