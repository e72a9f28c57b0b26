"""From a run's log to the payload that the tracking store gets: one parent, one nested run for each executed node.

A node is executed where a unit of it was begun in this run. What was only used again, or never came to be, is said in
the parent's tags.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from agi_node.canonical import tag, untag
from agilab.store.metrics import metric_tables
from agilab.store.models import registered_models
from agilab.store.rows import NodeRow, UnitRow
from agilab.store.store import Store
from agilab.store.worked import worked_seconds
from agilab.tracking.stages import RunStages

_STATUS = {"succeeded": "FINISHED", "skipped": "FINISHED", "reused": "FINISHED", "cancelled": "KILLED"}
_UNIT_COLUMNS = ["key", "state", "worker", "attempts", "seconds"]


def build_payload(store: Store, run_id: str, artifacts: Mapping[str, Path]) -> dict[str, Any]:
    """The payload (`agilab.tracking.v1`) of a run as its log has it now, as it stands in a file: made again, the same.

    Metrics of a node with one unit are points of that node's run. Metrics of mapped units are one table,
    a row for each unit: a run per unit would drown the store. A parameter that all units agree on is one of their
    node's run, and of the parent where all nodes do; where units differ, it is a column of their table.
    """
    run = store.run(run_id)
    created = store.created(run_id)
    points: dict[str, dict[str, list[Any]]] = {}
    last: dict[str, dict[str, dict[str, float]]] = {}
    for unit_id, table in metric_tables(store, run_id):
        if "[" in unit_id:
            row = last.setdefault(_node_of(unit_id), {}).setdefault(unit_id, {})
            row.update(zip(table["name"], (untag(value) for value in table["value"]), strict=True))
        else:
            columns = points.setdefault(unit_id, _no_points())
            for name, values in columns.items():
                values.extend(table[name])
    params = _params_of_units(store, run_id)
    units = list(store.units(run_id))
    executed = {unit.node for unit in units if unit.attempts}
    took, stages = worked_seconds(units), RunStages.read(store, run_id)
    by_node: dict[str, dict[str, dict[str, str]]] = {}
    for unit_id, logged in params.items():
        by_node.setdefault(_node_of(unit_id), {})[unit_id] = logged
    nodes = []
    for node in store.nodes(run_id):
        if node.started_us is None or node.node not in executed:
            continue
        mapped = any("[" in unit.unit_id for unit in store.units(run_id, node=node.node, limit=1))
        mine = by_node.get(node.node, {})
        agreed = _agreed(mine.values())
        nodes.append(
            {
                "node": node.node,
                "status": _STATUS.get(node.state, "FAILED"),
                "started_at_ms": node.started_us // 1000,
                "ended_at_ms": node.finished_us // 1000 if node.finished_us else None,
                "params": {
                    "target": node.target,
                    "units": str(node.total),
                    **stages.params(node.node),
                    **agreed,
                },
                "tags": {
                    "agilab.run_id": run_id,
                    "agilab.state": node.ending,
                    **(_counts(node) if node.total > 1 else {}),
                    **stages.tags(node.node),
                },
                "metrics": _with_seconds(points.get(node.node, _no_points()), node, took),
                "table": _unit_table(store, run_id, node.node, last.get(node.node, {}), _apart(mine, agreed))
                if mapped
                else None,
            }
        )
    return {
        "schema": "agilab.tracking.v1",
        "run_id": run_id,
        "app": run.app,
        "experiment": run.app,
        "started_at_ms": run.created_us // 1000,
        "ended_at_ms": run.finished_us // 1000 if run.finished_us else None,
        "status": "RUNNING" if run.state == "running" else _STATUS.get(run.state, "FAILED"),
        "params": {
            **_agreed(params.values()),
            **{name: _text(value) for name, value in created["args"].items()},
        },
        "tags": {
            "agilab.run_id": run_id,
            "agilab.app": run.app,
            "agilab.state": run.state,
            "agilab.source_digest": run.source_digest or "",
            "agilab.environment": run.environment or "",
            "agilab.plan_digest": run.plan_digest or "",
            **_not_executed(store, run_id, units),
        },
        "metrics": _reduce_metrics(store, run_id),
        "nodes": nodes,
        "artifacts": [{"path": str(path), "name": name} for name, path in artifacts.items()],
        **_models(store, run_id, run.state),
    }


def _node_of(unit_id: str) -> str:
    return unit_id.partition("[")[0]


def _with_seconds(
    points: Mapping[str, list[Any]], node: NodeRow, took: Mapping[str, float]
) -> dict[str, list[Any]]:
    """A node's metrics with how long it was worked at, beside which a metric of the author's may be called anything."""
    if node.node not in took:
        return dict(points)
    at_ms = (node.finished_us or node.started_us or 0) // 1000
    own = {"name": "agilab.seconds", "value": took[node.node], "step": None, "at_ms": at_ms}
    return {column: [*values, own[column]] for column, values in points.items()}


def _counts(node: NodeRow) -> dict[str, str]:
    return {f"agilab.units.{state}": str(count) for state, count in sorted(node.counts.items())}


def _not_executed(store: Store, run_id: str, units: list[UnitRow]) -> dict[str, str]:
    """The nodes that have no nested run since nothing of them was begun, by how they ended."""
    executed = {unit.node for unit in units if unit.attempts}
    found: dict[str, list[str]] = {}
    for node in store.nodes(run_id):
        if node.node not in executed and node.finished_us:
            found.setdefault(node.ending, []).append(node.node)
    return {f"agilab.not_executed.{state}": ", ".join(names) for state, names in sorted(found.items())}


def _models(store: Store, run_id: str, state: str) -> dict[str, list[dict[str, Any]]]:
    """What goes into the model registry: the models of a run that succeeded. A run that failed offers none."""
    models = [
        {
            "name": model.name,
            "path": str(store.objects.path(model.artifact.digest)),
            "file": model.artifact.file.rpartition("/")[2],
            "digest": model.artifact.digest,
            "unit": model.artifact.unit_id,
            "description": model.description,
            "tags": dict(model.tags),
        }
        for model in (registered_models(store, run_id) if state == "succeeded" else ())
    ]
    return {"models": models} if models else {}


def _reduce_metrics(store: Store, run_id: str) -> dict[str, list[Any]]:
    """The numbers of the reduce payload as metrics of the parent run, so that runs compare at a glance."""
    columns = _no_points()
    for unit, body in store.results(run_id, "reduce"):
        value = store.value(body) if unit.state in ("succeeded", "reused") else None
        if isinstance(value, dict) and "whole" in value:
            for name, number in _numbers("", value["whole"]["payload"]):
                columns["name"].append(name)
                columns["value"].append(number)
                columns["step"].append(None)
                columns["at_ms"].append((unit.ended_us or 0) // 1000)
    return columns


def _numbers(prefix: str, value: Any) -> list[tuple[str, float]]:
    if isinstance(value, bool) or value is None:
        return []
    if isinstance(value, (int, float)):
        return [(prefix, value)]
    if isinstance(value, dict):
        return [
            found
            for name, item in value.items()
            for found in _numbers(f"{prefix}.{name}" if prefix else name, item)
        ]
    return []


def _params_of_units(store: Store, run_id: str) -> dict[str, dict[str, str]]:
    """What each unit that succeeded in this run logged as parameters."""
    found: dict[str, dict[str, str]] = {}
    for event in store.events(run_id, kinds=("attempt_succeeded",)):
        if '"params":' in event.body and (logged := event.data.get("params")):
            found[event.unit_id or ""] = {name: _text(untag(value)) for name, value in logged.items()}
    return found


def _agreed(logged: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """The parameters that have one value wherever they were logged."""
    values: dict[str, set[str]] = {}
    for params in logged:
        for name, value in params.items():
            values.setdefault(name, set()).add(value)
    return {name: next(iter(found)) for name, found in values.items() if len(found) == 1}


def _apart(logged: Mapping[str, Mapping[str, str]], agreed: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """What units logged as parameters without what they agree on."""
    return {
        unit_id: {name: value for name, value in params.items() if name not in agreed}
        for unit_id, params in logged.items()
    }


def _unit_table(
    store: Store,
    run_id: str,
    node: str,
    metrics: Mapping[str, Mapping[str, float]],
    params: Mapping[str, Mapping[str, str]],
) -> dict[str, Any]:
    """A row for each unit: how it ended, the last point of each metric, the parameters in which units differ."""
    names = sorted({name for row in metrics.values() for name in row})
    set_ = sorted({name for row in params.values() for name in row})
    shown = [f"{name} (param)" if name in {*_UNIT_COLUMNS, *names} else name for name in set_]
    rows: list[list[Any]] = []
    for unit in store.units(run_id, node=node):
        seconds = unit.duration_us / 1e6 if unit.duration_us is not None else None
        mine, settings = metrics.get(unit.unit_id, {}), params.get(unit.unit_id, {})
        own = [*(mine.get(name) for name in names), *(settings.get(name) for name in set_)]
        rows.append([unit.key, unit.state, unit.worker, unit.attempts, seconds, *own])
    return {"columns": [*_UNIT_COLUMNS, *names, *shown], "data": tag(rows)}


def _no_points() -> dict[str, list[Any]]:
    return {"name": [], "value": [], "step": [], "at_ms": []}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
