"""A real MLflow server on loopback."""

from __future__ import annotations

import json
import math

import pytest

from tests.tracking.places import Place, Spool, columns, node

pytestmark = pytest.mark.slow


def test_a_run_arrives_at_a_server_whole_and_once(remote: Place, spool: Spool) -> None:
    odd = [spool.artifact("a.bin", "a"), spool.artifact("b.bin", "b")]
    names = ["maps/paris été 1.json", "100%#1?.csv"]
    file = spool.write(
        params={f"p{i}": str(i) for i in range(150)},
        metrics=columns(
            *(("loss", i / 7, i) for i in range(2300)), ("nan", "$float:nan", 0), ("up", "$float:inf", 0)
        ),
        nodes=[node("plan"), node("work", table={"columns": ["key", "n"], "data": [["a", 1], ["b", None]]})],
        artifacts=[{"path": str(path), "name": name} for path, name in zip(odd, names, strict=True)],
    )
    first, second = remote.deliver(file), remote.deliver(file)
    assert first.delivered, first.reason
    assert (first.already, second.already) == (False, True)
    parent, nodes = remote.tree(spool.run_id(file))
    assert first.ui == f"{remote.uri}/#/experiments/{parent.info.experiment_id}/runs/{parent.info.run_id}"
    assert len(parent.data.params) == 150
    history = remote.client.get_metric_history(parent.info.run_id, "loss")
    assert sorted(point.step for point in history) == list(range(2300))
    assert math.isnan(parent.data.metrics["nan"])
    assert parent.data.metrics["up"] > 1e308
    table = json.loads(remote.text(nodes["work"].info.run_id, "units.json"))
    assert table == {"columns": ["key", "n"], "data": [["a", 1], ["b", None]]}
    assert remote.text(parent.info.run_id, names[0]) == "a"
    (other,) = remote.artifacts(parent.info.run_id) - {"maps"}
    assert remote.text(parent.info.run_id, other) == "b"
    assert first.notes == (f"artifact '100%#1?.csv' is called {other!r} there",)


def test_a_partial_delivery_to_a_server_is_completed_without_repeats(remote: Place, spool: Spool) -> None:
    points = columns(*(("loss", i / 7, i) for i in range(1200)), ("nan", "$float:nan", 3))
    whole = spool.write(metrics=points, nodes=[node("work", metrics=points)])
    part = {key: values[:500] for key, values in points.items()}
    before = spool.write(run_id=spool.run_id(whole), metrics=part, nodes=[node("work", metrics=part)])
    assert remote.deliver(before).delivered
    assert remote.deliver(whole).delivered
    parent, nodes = remote.tree(spool.run_id(whole))
    for run in (parent, nodes["work"]):
        history = remote.client.get_metric_history(run.info.run_id, "loss")
        assert sorted(point.step for point in history) == list(range(1200))
        assert len(remote.client.get_metric_history(run.info.run_id, "nan")) == 1


def test_the_address_may_carry_credentials_and_nothing_repeats_them(remote: Place, spool: Spool) -> None:
    place = Place(remote.home, remote.uri.replace("://", "://ann:s3cret@"))
    file = spool.write(nodes=[])
    outcome = place.deliver(file)
    assert outcome.delivered, outcome.reason
    assert "s3cret" not in repr(outcome)
    assert outcome.ui is not None
    assert outcome.ui.startswith(remote.uri)
