"""What MLflow is told of parameters and metrics that units log, from a log written down event by event."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from agilab.store.store import Store
from agilab.store.workspace import Workspace
from agilab.tracking.payload import build_payload

Logs = Mapping[str, Mapping[str, Any]]
"""For each unit what it logged as parameters; `metric` is a metric of one point."""
RUN = "20260101-000000000-demo-abc123"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(Workspace(tmp_path / "home").ensure()) as store:
        yield store


def told(store: Store, units: Logs, args: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The payload of a run of these units; a unit is `node` or `node[key]`."""
    log = store.log(RUN)
    log.append("run_created", app="demo", args=dict(args or {}))
    names = list(dict.fromkeys(unit.partition("[")[0] for unit in units))
    nodes = [{"name": name, "target": f"m:{name}"} for name in names]
    log.append("plan_recorded", plan_digest=store.objects.put(b"{}"), nodes=nodes)
    for name in names:
        mine = [unit for unit in units if unit.partition("[")[0] == name]
        items = [
            {"unit_id": unit, "key": unit.partition("[")[2][:-1], "cost": 1.0, "payload": None}
            for unit in mine
        ]
        log.append("node_expanded", node=name, count=len(mine), items=items)
        for unit in mine:
            log.append("unit_ready", unit)
            tried = log.append("attempt_started", unit, worker="w0", number=1)
            params = {called: value for called, value in units[unit].items() if called != "metric"}
            body: dict[str, Any] = {"params": params} if params else {}
            if "metric" in units[unit]:
                body["metrics"] = {
                    "name": [f"{name}_s"],
                    "value": [units[unit]["metric"]],
                    "step": [None],
                    "at_ms": [1],
                }
            # A value that looks as if it had parameters has none.
            log.append(
                "attempt_succeeded", unit, tried.attempt_id, value={"params": 1}, duration_us=10, **body
            )
        log.append("node_finished", node=name, state="succeeded")
    log.append("run_finished", state="succeeded")
    log.flush()
    return build_payload(store, RUN, {})


def nodes_of(payload: Mapping[str, Any]) -> dict[str, Any]:
    return {node["node"]: node for node in payload["nodes"]}


def test_what_all_units_agree_on_is_a_param_of_their_node_and_of_the_run(store: Store) -> None:
    units = {"work[a]": {"kernel_used": "c", "metric": 1.5}, "work[b]": {"kernel_used": "c", "metric": 2.5}}
    payload = told(store, {**units, "publish": {"best": 3}}, {"kernel": "compiled"})
    assert payload["params"] == {"kernel_used": "c", "best": "3", "kernel": "compiled"}
    work, publish = nodes_of(payload)["work"], nodes_of(payload)["publish"]
    assert work["params"] == {"target": "m:work", "units": "2", "kernel_used": "c"}
    assert publish["params"]["best"] == "3"
    assert work["table"]["columns"] == ["key", "state", "worker", "attempts", "seconds", "work_s"]
    assert [row[-1] for row in work["table"]["data"]] == [1.5, 2.5]


def test_where_units_differ_the_parameter_is_a_column_of_their_table(store: Store) -> None:
    units = {"work[a]": {"kernel_used": "c", "key": 1}, "work[b]": {"kernel_used": "numpy"}, "work[c]": {}}
    payload = told(store, units)
    work = nodes_of(payload)["work"]
    assert payload["params"] == {"key": "1"}
    assert work["params"] == {"target": "m:work", "units": "3", "key": "1"}
    assert work["table"]["columns"][5:] == ["kernel_used"]
    assert [row[-1] for row in work["table"]["data"]] == ["c", "numpy", None]


def test_a_parameter_called_like_a_column_has_a_column_beside_it(store: Store) -> None:
    work = nodes_of(told(store, {"work[a]": {"key": 1}, "work[b]": {"key": 2}}))["work"]
    assert work["table"]["columns"][5:] == ["key (param)"]
    assert [row[-1] for row in work["table"]["data"]] == ["1", "2"]


def test_nodes_that_disagree_leave_the_run_without_and_an_argument_comes_first(store: Store) -> None:
    payload = told(store, {"fit": {"depth": 2, "seed": 7}, "test": {"depth": 3}}, {"seed": 1})
    assert payload["params"] == {"seed": "1"}
    assert nodes_of(payload)["fit"]["params"] == {"target": "m:fit", "units": "1", "depth": "2", "seed": "7"}
    assert nodes_of(payload)["test"]["params"]["depth"] == "3"


def test_the_table_of_a_node_has_no_metrics_of_another(store: Store) -> None:
    found = nodes_of(told(store, {"read[a]": {"metric": 1.0}, "work[a]": {"metric": 2.0}}))
    assert found["read"]["table"]["columns"][5:] == ["read_s"]
    assert found["work"]["table"]["columns"][5:] == ["work_s"]
