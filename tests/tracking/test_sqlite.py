"""What a delivered run looks like in MLflow's own database, read back with MLflow's own client."""

from __future__ import annotations

import json
import math
import os
import sqlite3
from importlib.metadata import version
from pathlib import Path

import psutil
import pytest

from agilab.tracking import Delivery
from tests.tracking.places import BEGAN, Place, Spool, columns, node, until


def test_a_run_is_one_parent_and_one_nested_run_for_each_node(local: Place, spool: Spool) -> None:
    manifest = spool.artifact("reduce_summary.json", '{"rows": 3}')
    file = spool.write(
        params={"min_points": "2", "tracks": "data/*.parquet"},
        tags={"agilab.source_digest": "ab" * 32},
        metrics=columns(("rows", 3.0, None), ("speed.mean", 71.5, None)),
        nodes=[
            node("plan"),
            node("work", metrics=columns(("loss", 0.9, 0), ("loss", 0.5, 1)), params={"units": "2"}),
            node("reduce", status="FAILED", tags={"agilab.state": "failed"}),
        ],
        artifacts=[{"path": str(manifest), "name": "reduce_summary.json"}],
    )
    outcome = local.deliver(file)

    assert outcome.delivered, outcome.reason
    parent, nodes = local.tree(spool.run_id(file))
    assert parent.info.run_id == outcome.parent_run_id
    assert {name: run.info.run_id for name, run in nodes.items()} == outcome.nodes
    assert local.client.get_experiment(parent.info.experiment_id).name == "flight"
    assert parent.info.run_name == spool.run_id(file)
    assert (parent.info.status, parent.info.start_time, parent.info.end_time) == (
        "FINISHED",
        BEGAN,
        BEGAN + 100,
    )
    assert parent.data.params == {"min_points": "2", "tracks": "data/*.parquet"}
    assert parent.data.metrics == {"rows": 3.0, "speed.mean": 71.5}
    assert parent.data.tags["agilab.app"] == "flight"
    assert parent.data.tags["agilab.source_digest"] == "ab" * 32
    assert local.text(parent.info.run_id, "reduce_summary.json") == '{"rows": 3}'
    assert nodes.keys() == {"plan", "work", "reduce"}
    assert nodes["reduce"].info.status == "FAILED"
    assert nodes["work"].data.params == {"units": "2"}
    history = local.client.get_metric_history(nodes["work"].info.run_id, "loss")
    assert [(point.value, point.step, point.timestamp) for point in history] == [
        (0.9, 0, BEGAN),
        (0.5, 1, BEGAN + 1),
    ]
    assert outcome.notes == ()
    assert outcome.ui == f"uvx mlflow@{version('mlflow')} ui --backend-store-uri {local.uri}"


def test_a_cancelled_run_is_killed_in_the_words_of_mlflow(local: Place, spool: Spool) -> None:
    file = spool.write(status="KILLED", nodes=[])
    assert local.deliver(file).delivered
    parent, nodes = local.tree(spool.run_id(file))
    assert parent.info.status == "KILLED"
    assert nodes == {}


def test_a_table_is_what_mlflows_own_load_table_and_ui_read(
    local: Place, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [["3944ef", "succeeded", 0.5], ["a1", "failed", "$float:nan"]]
    table = {"columns": ["key", "state", "seconds"], "data": rows}
    file = spool.write(nodes=[node("work", table=table)])
    assert local.deliver(file).delivered
    _, nodes = local.tree(spool.run_id(file))
    work = nodes["work"]
    assert json.loads(work.data.tags["mlflow.loggedArtifacts"]) == [{"path": "units.json", "type": "table"}]
    monkeypatch.setenv("MLFLOW_TRACKING_URI", local.uri)  # load_table asks the address of the process
    frame = local.client.load_table(work.info.experiment_id, "units.json", [work.info.run_id])
    assert list(frame.columns) == ["key", "state", "seconds"]
    assert list(frame["key"]) == ["3944ef", "a1"]
    assert frame["seconds"][0] == 0.5
    assert math.isnan(frame["seconds"][1])


def test_values_that_are_no_numbers_arrive_as_mlflow_keeps_them(local: Place, spool: Spool) -> None:
    file = spool.write(
        metrics=columns(("nan", "$float:nan", 0), ("up", "$float:inf", 0), ("down", "$float:-inf", 0)),
        nodes=[],
    )
    assert local.deliver(file).delivered
    parent, _ = local.tree(spool.run_id(file))
    assert math.isnan(parent.data.metrics["nan"])
    # MLflow's own bound for infinity in a database.
    assert parent.data.metrics["up"] > 1e308
    assert parent.data.metrics["down"] < -1e308


def test_what_is_too_long_or_too_much_is_fitted_and_said(local: Place, spool: Spool) -> None:
    params = {f"p{i}": str(i) for i in range(250)} | {"long": "x" * 7000, "odd=key": "1", "empty": ""}
    file = spool.write(params=params, nodes=[], metrics=columns(*(("m", float(i), i) for i in range(2500))))
    outcome = local.deliver(file)
    assert outcome.delivered, outcome.reason
    parent, _ = local.tree(spool.run_id(file))
    assert len(parent.data.params) == 253
    assert len(parent.data.params["long"]) == 6000
    assert "7000 characters" in parent.data.params["long"]
    assert parent.data.params["empty"] == ""
    assert len(local.client.get_metric_history(parent.info.run_id, "m")) == 2500
    assert outcome.notes[0] == "param long shortened from 7000 to 6000 characters"
    assert parent.data.tags["agilab.notes"].splitlines() == list(outcome.notes)


def test_artifacts_keep_odd_names_or_say_what_they_are_called(local: Place, spool: Spool) -> None:
    names = ["maps/paris été 1.json", "100%#1?.csv", "../../escape", "gone.txt"]
    source = spool.artifact("source.bin", "same")
    gone = spool.folder / "gone"
    artifacts = [{"path": str(gone if name == "gone.txt" else source), "name": name} for name in names]
    outcome = local.deliver(file := spool.write(artifacts=artifacts, nodes=[]))
    assert outcome.delivered, outcome.reason
    parent, _ = local.tree(spool.run_id(file))
    assert local.text(parent.info.run_id, "maps/paris été 1.json") == "same"
    (other,) = local.artifacts(parent.info.run_id) - {"maps"}
    assert other.startswith("100__1_-")
    assert other.endswith(".csv")
    assert [note.partition(":")[0] for note in outcome.notes] == [
        f"artifact '100%#1?.csv' is called {other!r} there",
        "artifact '../../escape' left out",
        "artifact 'gone.txt' left out",
    ]


def test_the_manifest_comes_after_the_rest(local: Place, spool: Spool) -> None:
    file = spool.write()
    run_id = spool.run_id(file)
    with Delivery.start(local.uri, local.home, "flight") as delivery:
        delivery.deliver(file)
        first = delivery.wait(60)
        delivery.attach(
            run_id, [(spool.artifact("m.json", "{}"), "run_manifest.json")], {"agilab.verdict": "passed"}
        )
        second = delivery.wait(60)
    assert second == first
    parent, _ = local.tree(run_id)
    assert local.text(parent.info.run_id, "run_manifest.json") == "{}"
    assert parent.data.tags["agilab.verdict"] == "passed"


def test_another_process_can_attach_later_and_not_to_a_run_that_never_came(
    local: Place, spool: Spool
) -> None:
    file = spool.write(experiment="somewhere")
    delivered = local.deliver(file)
    with Delivery.start(local.uri, local.home) as delivery:
        delivery.attach(spool.run_id(file), tags={"agilab.verdict": "passed"})
        assert delivery.wait(60).parent_run_id == delivered.parent_run_id
        delivery.attach("20261123-034412371-flight-7k3f2q", tags={"a": "b"})
        outcome = delivery.wait(60)
    assert outcome.state == "deferred"
    assert "is not in MLflow yet" in str(outcome.reason)
    assert local.tree(spool.run_id(file))[0].data.tags["agilab.verdict"] == "passed"


def test_nothing_is_dropped_where_the_user_works(
    local: Place, spool: Spool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    file = spool.write(nodes=[node("work", table={"columns": ["a"], "data": [[1]]})])
    assert local.deliver(file).delivered
    assert list(work.iterdir()) == []
    uri = local.tree(spool.run_id(file))[0].info.artifact_uri
    assert uri.startswith((local.home / "mlflow" / "artifacts" / "flight").as_uri())


def test_a_database_elsewhere_keeps_its_artifacts_beside_it(
    spool: Spool, local: Place, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").mkdir()
    database = tmp_path / "elsewhere" / "mine.db"
    database.write_bytes((local.home / "mlflow" / "mlflow.db").read_bytes())
    place = Place(local.home, f"sqlite:///{database}")
    assert place.deliver(file := spool.write(nodes=[])).delivered
    assert place.tree(spool.run_id(file))[0].info.artifact_uri.startswith(
        database.parent.as_uri() + "/artifacts/"
    )


def test_what_libraries_print_does_not_disturb_the_conversation(
    local: Place, spool: Spool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    noisy = tmp_path / "noisy"
    noisy.mkdir()
    (noisy / "sitecustomize.py").write_text(
        "import os, threading, time\n"
        "print('noise at start')\n"
        "def noise():\n"
        "    while True:\n"
        "        print('noise'); os.write(1, b'{\"event\": \"noise\"}\\n'); os.system('echo noise')\n"
        "        time.sleep(0.05)\n"
        "threading.Timer(0.3, noise).start()\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(noisy), prepend=os.pathsep)
    outcome = local.deliver(spool.write())
    assert outcome.delivered, outcome.reason


def test_the_deliverer_is_told_to_report_to_nobody(local: Place) -> None:
    with Delivery.start(local.uri, local.home) as delivery:
        assert delivery.pid is not None
        child = psutil.Process(delivery.pid)
        until(lambda: delivery.stage != "starting", 30)
        environ = child.environ()
        assert (environ["MLFLOW_DISABLE_TELEMETRY"], environ["DO_NOT_TRACK"]) == ("true", "true")
        until(lambda: delivery.stage == "ready", 60)
        assert [c for c in child.net_connections() if c.raddr] == []


def test_no_address_is_on_a_command_line(local: Place) -> None:
    with Delivery.start("http://ann:s3cret@127.0.0.1:1", local.home) as delivery:
        assert delivery.pid is not None
        child = psutil.Process(delivery.pid)
        assert "s3cret" not in " ".join(child.cmdline())
        assert not any("s3cret" in value for value in child.environ().values())


def test_the_first_delivery_of_a_home_makes_its_database_whole(tmp_path: Path, spool: Spool) -> None:
    home = tmp_path / "fresh home"
    place = Place(home, f"sqlite:///{home}/mlflow/mlflow.db")
    outcome = place.deliver(file := spool.write())
    assert outcome.delivered, outcome.reason
    place.tree(spool.run_id(file))
    assert {path.name for path in (home / "mlflow").iterdir()} <= {"mlflow.db", "artifacts", "deliverer.lock"}
    default = place.client.get_experiment("0")
    assert default.artifact_location.startswith((home / "mlflow" / "artifacts").as_uri())


def test_a_database_that_mlflow_cannot_read_defers_with_its_reason(local: Place, spool: Spool) -> None:
    with sqlite3.connect(local.home / "mlflow" / "mlflow.db") as database:
        database.execute("UPDATE alembic_version SET version_num = 'from the future'")
    database.close()
    outcome = local.deliver(spool.write())
    assert outcome.state == "deferred"
    assert "mlflow db upgrade" in str(outcome.reason) or "revision" in str(outcome.reason)


def test_a_payload_that_is_none_defers_with_the_place_in_it(
    local: Place, tmp_path: Path, spool: Spool
) -> None:
    bad = tmp_path / "bad.json"
    plain = json.loads(spool.write().read_text())
    plain["nodes"][0]["status"] = "DONE"
    bad.write_text(json.dumps(plain))
    outcome = local.deliver(bad)
    assert outcome.state == "deferred"
    assert "bad.json: nodes[0].status" in str(outcome.reason)
