"""`agilab store` as people and scripts use it, on runs of a real app."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from tests.store.runs import make_run, older

from agilab.store.store import Store
from agilab.store.workspace import Workspace

from .conftest import Agilab, Lab, _environment, call


@pytest.fixture(scope="module")
def origin(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with one run in it."""
    home = tmp_path_factory.mktemp("origin")
    (home / "settings.toml").write_text("[tracking]\nenabled = false\n")
    answer = call(home, "run", str(lab.app), "--hours", "2", "--loud", "--json")
    assert answer.code == 0, answer.err
    return home


@pytest.fixture
def place(origin: Path, tmp_path: Path) -> Path:
    """A copy of it, without environments, for a test to change."""
    return Path(
        shutil.copytree(origin, tmp_path / "home", ignore=shutil.ignore_patterns("envs", "cache", "*.lock"))
    )


def newest(home: Path) -> str:
    return str(call(home, "runs", "list", "--json").document[0]["run_id"])


def damage(home: Path) -> None:
    with closing(sqlite3.connect(home / "agilab.db")) as db:
        db.execute("DROP TRIGGER event_is_never_changed")
        db.execute("UPDATE event SET body=replace(body, 'value', 'valve') WHERE kind='attempt_succeeded'")
        db.commit()


def test_a_workspace_without_runs_is_told_how_to_begin(agilab: Agilab) -> None:
    for words in (("store", "check"), ("store", "prune"), ("store", "export", "last")):
        answer = agilab(*words)
        assert answer.code == 1
        assert "there is no run in this workspace yet" in answer.err


def test_a_prune_that_frees_nothing_says_so_and_who_is_in_its_way(tmp_path: Path) -> None:
    home = tmp_path / "home"
    older(Workspace(home))
    with Store(Workspace(home)) as store:
        make_run(store, days=60, units=4_000, files=False)
        make_run(store, days=50, units=3)
        make_run(store)
        planned = call(home, "store", "prune", "--keep-runs", "1", "--dry-run")
        assert "2 runs, 3 objects would go" in planned.out
        assert "for as long as the workspace is open elsewhere" in planned.out
        told = call(home, "store", "prune", "--keep-runs", "1").out
        assert "2 runs went, which frees 0 B; 1 run stays" in told
        assert "3 objects that nobody needs (96 B): the workspace is open elsewhere" in told
        assert "MB in the database file, for new runs to use: the workspace is open elsewhere" in told
        assert f"process {os.getpid()} (" in told
        assert "end that first, then: agilab store prune" in told
    before = (home / "agilab.db").stat().st_size
    answer = call(home, "store", "prune", "--json").document
    assert (answer["objects"], answer["waiting"], answer["holders"]) == (3, 0, [])
    assert (home / "agilab.db").stat().st_size == before - answer["database"]["given_back"] < before / 5
    told = call(home, "store", "prune").out
    assert told == "Nothing may go: 1 run stays, marked, unfinished, or kept by --keep-runs or --keep-days.\n"


@pytest.mark.journey
def test_a_run_goes_out_is_pruned_and_comes_back_whole(place: Path, tmp_path: Path) -> None:
    run = newest(place)
    zipped = tmp_path / "run.zip"
    exported = call(place, "store", "export", "last", "--to", str(zipped), "--json")
    assert exported.code == 0, exported.err
    assert exported.document["run_id"] == run
    assert exported.document["manifest"]

    planned = call(place, "store", "prune", "--keep-runs", "0", "--keep-days", "0", "--dry-run", "--json")
    assert [one["run_id"] for one in planned.document["runs"]] == [run]
    assert newest(place) == run
    pruned = call(place, "store", "prune", "--keep-runs", "0", "--keep-days", "0")
    assert pruned.code == 0, pruned.err
    assert run in pruned.out
    assert "0 runs stay" in pruned.out
    assert call(place, "runs", "list", "--json").document == []
    assert call(place, "runs", "show", run).code == 1
    assert not list((place / "runs").iterdir())
    assert not [path for path in (place / "objects").rglob("*") if path.is_file()]

    brought = call(place, "store", "import", str(zipped), "--json")
    assert brought.code == 0, brought.err
    assert brought.document["outcome"] == "imported"
    assert brought.document["head"] == planned.document["runs"][0]["head"]
    assert call(place, "runs", "verify", run).code == 0
    assert "checks passed" in call(place, "runs", "show", run).out
    assert "hour 1 begins" in call(place, "runs", "show", run, "h1").out
    assert "1 run and all that is around them are whole" in call(place, "store", "check").out
    again = call(place, "store", "export", run, "--to", str(zipped))
    assert "was exported before, byte for byte" in again.out
    assert "was here already" in call(place, "store", "import", str(zipped)).out


@pytest.mark.journey
def test_an_export_is_verified_where_there_is_no_workspace(
    place: Path, tmp_path: Path, agilab: Agilab
) -> None:
    answer = call(place, "store", "export", "last", cwd=tmp_path)
    assert answer.code == 0, answer.err
    path = tmp_path / f"{newest(place)}.zip"
    nowhere = tmp_path / "nowhere"
    verified = call(nowhere, "store", "import", str(path), "--dry-run")
    assert verified.code == 0, verified.err
    assert "holds together, byte for byte" in verified.out
    assert not nowhere.exists()
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))
    spoiled = call(nowhere, "store", "import", str(path), "--json")
    assert spoiled.code == 1
    assert spoiled.document["error"]["code"] == "AGI-STORE-043"
    assert not nowhere.exists()


@pytest.mark.journey
def test_a_damaged_row_is_named_and_the_exit_code_is_1(place: Path) -> None:
    run = newest(place)
    damage(place)
    answer = call(place, "store", "check")
    assert answer.code == 1
    assert f"of {run} (attempt_succeeded) does not match its digest" in answer.out
    assert f"agilab runs verify {run}" in answer.out
    document = call(place, "store", "check", run, "--no-objects", "--json").document
    assert document["status"] == "failed"
    assert {look["name"] for look in document["findings"] if not look["passed"]} >= {"log"}
    refused = call(place, "store", "export", run)
    assert refused.code == 1
    assert "error[AGI-STORE-031]" in refused.err


@pytest.mark.journey
def test_runs_of_an_app_that_is_gone_can_be_pruned(place: Path) -> None:
    unknown = call(place, "store", "prune", "--app", "nobody")
    assert unknown.code == 2
    assert "nobody" in unknown.err
    answer = call(place, "store", "prune", "--app", "tides", "--keep-runs", "0", "--keep-days", "0", "--json")
    assert answer.code == 0, answer.err
    assert len(answer.document["runs"]) == 1


@pytest.mark.journey
@pytest.mark.faults
def test_a_run_that_is_live_while_others_are_pruned_leaves_evidence_that_verifies(
    place: Path, lab: Lab
) -> None:
    old = newest(place)
    with subprocess.Popen(
        [sys.executable, "-m", "agilab", "run", str(lab.app), "--hours", "4", "--seconds", "1.5", "--json"],
        env=_environment(place),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as live:
        until = time.monotonic() + 60
        while newest(place) == old and time.monotonic() < until:
            time.sleep(0.1)
        first = call(place, "store", "prune", "--keep-runs", "0", "--keep-days", "0", "--json")
        assert live.poll() is None, "the run was over before it was pruned beside"
        assert [run["run_id"] for run in first.document["runs"]] == [old]
        # What the old run left and this one may be about to leave again has to stay while it is at work.
        assert first.document["objects"] == 0
        assert first.document["waiting"] > 0
        assert live.wait(60) == 0
    assert call(place, "runs", "verify", "last").code == 0
    assert call(place, "store", "check").code == 0
    second = call(place, "store", "prune", "--keep-days", "0", "--json")
    assert second.document["waiting"] == 0
    assert call(place, "runs", "verify", "last").code == 0


def test_numbers_that_make_no_sense_are_refused(agilab: Agilab) -> None:
    for option, value in (("--keep-runs", "-1"), ("--keep-days", "soon")):
        answer = agilab("store", "prune", option, value)
        assert answer.code == 2
        assert option in answer.err
