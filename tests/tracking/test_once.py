"""A payload delivered again, by two at once, or after kill -9 is in MLflow once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from mlflow.entities import ViewType

from agilab.tracking import Delivery
from tests.tracking.places import Place, Spool, columns, node, until


def test_the_same_payload_twice_changes_nothing(local: Place, spool: Spool) -> None:
    file = spool.write(metrics=columns(("loss", 0.5, 0), ("loss", 0.25, 1), ("nan", "$float:nan", 0)))
    first, second = local.deliver(file), local.deliver(file)
    assert (first.already, second.already) == (False, True)
    assert second.parent_run_id == first.parent_run_id
    assert second.nodes == first.nodes
    local.tree(spool.run_id(file))


def test_a_payload_that_grew_adds_what_is_new(local: Place, spool: Spool) -> None:
    """As after `resume`: the same run, now finished, with more points, another node and a changed parameter."""
    early = spool.write(
        status="KILLED", metrics=columns(("loss", 0.5, 0)), nodes=[node("plan")], params={"a": "1", "b": "1"}
    )
    run_id = spool.run_id(early)
    late = spool.write(
        run_id=run_id,
        metrics=columns(("loss", 0.5, 0), ("loss", 0.25, 1)),
        nodes=[node("plan"), node("work")],
        params={"a": "1", "b": "2", "c": "3"},
        tags={"agilab.state": "succeeded"},
    )
    first, second = local.deliver(early), local.deliver(late)
    assert second.parent_run_id == first.parent_run_id
    parent, nodes = local.tree(run_id)
    assert parent.info.status == "FINISHED"
    assert nodes.keys() == {"plan", "work"}
    assert [p.value for p in local.client.get_metric_history(parent.info.run_id, "loss")] == [0.5, 0.25]
    assert parent.data.params == {"a": "1", "b": "1", "c": "3"}
    assert parent.data.tags["agilab.state"] == "succeeded"
    assert second.notes == ("param b stays '1': MLflow lets no parameter change",)


def test_a_renamed_run_keeps_its_name_and_a_deleted_one_is_made_again(local: Place, spool: Spool) -> None:
    file = spool.write()
    first = local.deliver(file)
    assert first.parent_run_id is not None
    local.client.update_run(first.parent_run_id, name="the good one")
    again = spool.write(run_id=spool.run_id(file), tags={"agilab.state": "changed"})
    assert local.deliver(again).parent_run_id == first.parent_run_id
    assert local.tree(spool.run_id(file))[0].info.run_name == "the good one"

    local.client.delete_run(first.parent_run_id)
    second = local.deliver(file)
    assert second.delivered
    assert second.parent_run_id != first.parent_run_id
    parent, nodes = local.tree(spool.run_id(file))
    assert parent.info.run_id == second.parent_run_id
    assert nodes.keys() == {"plan", "work", "reduce"}


def test_a_deleted_node_is_made_again(local: Place, spool: Spool) -> None:
    file = spool.write()
    first = local.deliver(file)
    local.client.delete_run(first.nodes["work"])
    second = local.deliver(file)
    assert not second.already
    assert second.nodes["plan"] == first.nodes["plan"]
    assert second.nodes["work"] != first.nodes["work"]


def test_a_deleted_experiment_is_for_a_person_to_bring_back(local: Place, spool: Spool) -> None:
    file = spool.write()
    local.deliver(file)
    experiment = local.tree(spool.run_id(file))[0].info.experiment_id
    local.client.delete_experiment(experiment)
    outcome = local.deliver(file)
    assert outcome.state == "deferred"
    assert f"mlflow experiments restore --experiment-id {experiment}" in str(outcome.reason)


@pytest.mark.faults
def test_two_deliverers_of_one_run_in_a_fresh_home_leave_one_run(tmp_path: Path, spool: Spool) -> None:
    home = tmp_path / "fresh"
    place = Place(home, f"sqlite:///{home}/mlflow/mlflow.db")
    file = spool.write(metrics=columns(*(("loss", i / 7, i) for i in range(1500))))
    with Delivery.start(place.uri, home) as one, Delivery.start(place.uri, home) as other:
        one.deliver(file)
        other.deliver(file)
        first, second = one.wait(120), other.wait(120)
    assert first.delivered, first.reason
    assert second.delivered, second.reason
    assert first.parent_run_id == second.parent_run_id
    assert sorted((first.already, second.already)) == [False, True]
    parent, _ = place.tree(spool.run_id(file))
    assert len(place.client.get_metric_history(parent.info.run_id, "loss")) == 1500


def killed_while_delivering(place: Place, file: Path, after: int) -> bool:
    """Deliver by the deliverer's own protocol and kill -9 it at its `after`-th sign of writing."""
    child = subprocess.Popen(
        [sys.executable, "-P", "-m", "agilab.tracking.deliverer"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert child.stdin is not None
    assert child.stdout is not None
    requests = [
        {"do": "open", "uri": place.uri, "home": str(place.home), "experiment": None},
        {"do": "deliver", "id": 1, "payload": str(file)},
    ]
    child.stdin.writelines(json.dumps(request) + "\n" for request in requests)
    child.stdin.flush()
    seen = 0
    done = False
    for line in child.stdout:
        event = json.loads(line)
        seen += event.get("stage") == "writing"
        done = event["event"] == "done"
        if done or seen > after:
            break
    child.kill()
    child.wait()
    child.stdin.close()
    child.stdout.close()
    return not done


@pytest.mark.faults
def test_killed_again_and_again_it_is_there_once_in_the_end(local: Place, spool: Spool) -> None:
    artifact = spool.artifact("big.bin", "x" * 3_000_000)
    points = columns(*(("loss", i / 7, i) for i in range(3000)))
    file = spool.write(
        metrics=points,
        nodes=[
            node("plan", metrics=points),
            node("work", metrics=points, table={"columns": ["k"], "data": [[i] for i in range(2000)]}),
        ],
        artifacts=[{"path": str(artifact), "name": "big.bin"}],
    )
    assert [killed_while_delivering(local, file, after) for after in (0, 1, 3, 6, 10)] == [True] * 5
    assert (
        not local.runs(spool.run_id(file))
        or "agilab.delivery" not in local.tree(spool.run_id(file))[0].data.tags
    )
    outcome = local.deliver(file)
    assert outcome.delivered, outcome.reason
    assert not outcome.already
    parent, nodes = local.tree(spool.run_id(file))
    assert nodes.keys() == {"plan", "work"}
    assert len(local.runs(spool.run_id(file), ViewType.ALL)) == 3
    for run in (parent, *nodes.values()):
        history = local.client.get_metric_history(run.info.run_id, "loss")
        assert sorted(point.step for point in history) == list(range(3000))
        assert run.info.status == "FINISHED"
    assert local.text(parent.info.run_id, "big.bin") == "x" * 3_000_000


@pytest.mark.faults
def test_killed_while_it_makes_the_database_the_next_one_makes_it(tmp_path: Path, spool: Spool) -> None:
    home = tmp_path / "fresh"
    place = Place(home, f"sqlite:///{home}/mlflow/mlflow.db")
    with Delivery.start(place.uri, home) as delivery:
        until(lambda: any((home / "mlflow").glob("mlflow.db.*.new*")), 60)
        assert delivery.pid is not None
        os.kill(delivery.pid, signal.SIGKILL)
        delivery.deliver(spool.write())
        outcome = delivery.wait(10)
    assert outcome.state == "deferred"
    assert "the deliverer ended (opening the store)" in str(outcome.reason)
    assert not (home / "mlflow" / "mlflow.db").exists()
    assert place.deliver(spool.write()).delivered
    assert list((home / "mlflow").glob("*.new*")) == []


@pytest.mark.faults
def test_a_deliverer_ends_when_its_manager_is_killed(local: Place) -> None:
    manager = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys, time; from pathlib import Path; from agilab.tracking import Delivery\n"
            "delivery = Delivery.start(sys.argv[1], Path(sys.argv[2]))\n"
            "print(delivery.pid, flush=True); time.sleep(60)",
            local.uri,
            str(local.home),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert manager.stdout is not None
    child = psutil.Process(int(manager.stdout.readline()))
    manager.kill()
    manager.wait()
    manager.stdout.close()
    child.wait(timeout=60)


def test_close_ends_the_child_soon_whatever_it_does(local: Place) -> None:
    delivery = Delivery.start(local.uri, local.home)
    assert delivery.pid is not None
    child = psutil.Process(delivery.pid)
    delivery.close()
    assert not child.is_running()
    delivery.deliver(Path("late.json"))
    assert delivery.wait(0).reason == "the deliverer was closed"
