"""`agilab env`, `agilab doctor` and `agilab track`: the house around the runs."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from .conftest import Agilab, Answer, Lab, Terminal, call


def levels(answer: Answer) -> dict[str, str]:
    return {one["code"]: one["level"] for one in answer.document["findings"]}


def test_a_fresh_machine_passes(agilab: Agilab, home: Path) -> None:
    answer = agilab("doctor", "--json")
    assert answer.code == 0, answer.err
    found = levels(answer)
    assert (
        found["AGI-ENV-201"]
        == found["AGI-ENV-101"]
        == found["AGI-STORE-201"]
        == found["AGI-TRACK-201"]
        == "ok"
    )
    assert not home.exists()  # looking leaves nothing behind


def test_a_server_that_does_not_answer_is_a_warning_with_its_address(agilab: Agilab) -> None:
    answer = agilab("doctor", "--json", MLFLOW_TRACKING_URI="http://127.0.0.1:9")
    assert answer.code == 0
    (finding,) = [one for one in answer.document["findings"] if one["code"] == "AGI-TRACK-201"]
    assert finding["level"] == "warn"
    assert "127.0.0.1:9" in finding["evidence"]


def test_a_foreign_database_is_an_error_and_stays_as_it_is(agilab: Agilab, home: Path) -> None:
    home.mkdir()
    with closing(sqlite3.connect(home / "agilab.db")) as db:
        db.execute("CREATE TABLE theirs(x)")
    before = (home / "agilab.db").read_bytes()
    answer = agilab("doctor")
    assert answer.code == 1
    assert "is not an AGILab workspace database" in answer.out
    assert "1 problem" in answer.out
    assert (home / "agilab.db").read_bytes() == before


def test_a_home_that_cannot_be_made_is_an_environment_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    answer = call(tmp_path / "file" / "home", "run", "flight")
    assert answer.code == 3
    assert "error[AGI-STORE-001]" in answer.err


def test_no_environments_is_said_with_the_command_that_makes_one(agilab: Agilab) -> None:
    assert agilab("env", "list", "--json").document == []
    assert "agilab app install flight" in agilab("env", "list").out


@pytest.mark.journey
def test_environments_are_listed_with_what_they_cost(lab: Lab) -> None:
    listed = lab("env", "list", "--json").document
    (one,) = [one for one in listed if str(lab.app) in [app["folder"] for app in one["apps"]]]
    assert one["whole"] is True
    assert one["disk_bytes"] <= one["size_bytes"]
    text = lab("env", "list").out
    assert one["fingerprint"][:12] in text
    assert "tides" in text
    assert lab("env", "doctor", "tides").code == 0


@pytest.mark.journey
def test_pruning_asks_first_and_removes_nothing_where_nobody_can_answer(lab: Lab, tmp_path: Path) -> None:
    home = _home_whose_app_is_gone(lab, tmp_path)
    dry = call(home, "env", "prune", "--older-than", "0", "--dry-run", "--json")
    assert dry.code == 0
    assert dry.document["removed"] is False
    assert len(dry.document["environments"]) == 1
    refused = call(home, "env", "prune", "--older-than", "0")
    assert refused.code == 2
    assert "there is nobody to ask" in refused.err
    assert len(call(home, "env", "list", "--json").document) == 1
    done = call(home, "env", "prune", "--older-than", "0", "--yes")
    assert done.code == 0
    assert "removed 1 folder" in done.out
    assert call(home, "env", "list", "--json").document == []


@pytest.mark.journey
def test_a_person_may_change_their_mind(lab: Lab, tmp_path: Path, terminal: Callable[..., Terminal]) -> None:
    home = _home_whose_app_is_gone(lab, tmp_path)
    for answer, code, left in (("n", 130, 1), ("y", 0, 0)):
        screen = terminal(home, "env", "prune", "--older-than", "0")
        assert "its app is gone" in screen.read_until("Remove them?")
        screen.type(f"{answer}\n")
        assert screen.finish() == code
        assert len(call(home, "env", "list", "--json").document) == left


def _home_whose_app_is_gone(lab: Lab, tmp_path: Path) -> Path:
    app = Path(shutil.copytree(lab.app, tmp_path / "gone"))
    home = tmp_path / "home"
    assert call(home, "app", "install", str(app)).code == 0
    shutil.rmtree(app)
    return home


@pytest.mark.journey
@pytest.mark.slow
def test_a_run_whose_server_was_away_is_delivered_later_once(lab: Lab, tmp_path: Path) -> None:
    home = tmp_path / "home"
    away = {"MLFLOW_TRACKING_URI": "http://127.0.0.1:9"}
    answer = call(home, "run", str(lab.app), "--hours", "2", **away)
    assert answer.code == 0, answer.err
    assert "deferred" in answer.out
    run = call(home, "runs", "list", "--json").document[0]["run_id"]
    assert f"agilab track sync {run}" in answer.out
    still = call(home, "track", "sync", run, **away)
    assert still.code == 3
    assert "stays deferred" in still.err
    (waiting,) = [
        one for one in call(home, "doctor", "--json").document["findings"] if one["code"] == "AGI-TRACK-202"
    ]
    assert waiting["try"] == f"agilab track sync {run}"

    first = call(home, "track", "sync", "last", "--json")
    assert first.code == 0, first.err
    assert first.document["already"] is False
    second = call(home, "track", "sync", "last", "--json")
    assert second.document["already"] is True
    assert second.document["mlflow_run_id"] == first.document["mlflow_run_id"]
    assert call(home, "runs", "verify", "last").code == 0
    with closing(sqlite3.connect(home / "mlflow" / "mlflow.db")) as db:
        parents = db.execute(
            "SELECT count(*) FROM tags WHERE key='agilab.run_id' AND value=?"
            " AND run_uuid NOT IN (SELECT run_uuid FROM tags WHERE key='mlflow.parentRunId')",
            (run,),
        ).fetchone()[0]
    assert parents == 1


@pytest.mark.journey
def test_a_run_that_has_not_ended_cannot_be_delivered(spoiled: Path, proof: tuple[Path, Answer]) -> None:
    run = proof[1].document["run_id"]
    (spoiled / "runs" / run / "run_manifest.json").unlink()
    answer = call(spoiled, "track", "sync", run)
    assert answer.code == 1
    assert "error[AGI-TRACK-010]" in answer.err
