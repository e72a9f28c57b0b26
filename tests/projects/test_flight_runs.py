"""The flight app through the whole of AGILab: plan, work, reduce, publish, evidence."""

from __future__ import annotations

import hashlib
import json
import math
import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet
import pytest
from benchmarks.flight_polars import summarise
from tests.projects.conftest import RunIt, manifest_of, reduced

from agi_node.errors import AgiError
from agilab.evidence.verify import verify
from agilab.projects.plan import plan_app
from agilab.projects.request import RunRequest
from agilab.store.check import projection_problems
from agilab.store.store import Store
from agilab.store.workspace import Workspace

pytestmark = [pytest.mark.journey, pytest.mark.xdist_group("flight")]
SHIPPED = Path(__file__).parents[2] / "src/agilab/apps/flight_project/data"


def assert_same(ours: Any, theirs: Any, path: str = "") -> None:
    """Equal, floats to 1e-12 relative."""
    if isinstance(theirs, dict):
        assert ours.keys() == theirs.keys(), path
        for key in theirs:
            assert_same(ours[key], theirs[key], f"{path}.{key}")
    elif isinstance(theirs, float):
        assert math.isclose(ours, theirs, rel_tol=1e-12), (path, ours, theirs)
    else:
        assert ours == theirs, path


def test_the_shipped_tracks_give_what_a_plain_polars_script_gives(run_it: RunIt) -> None:
    result = run_it()
    assert result.status == "succeeded", result.error
    assert_same(reduced(result)["payload"], summarise(SHIPPED, 2, 300.0))


def test_all_213_tracks_give_what_a_plain_polars_script_gives(run_it: RunIt, all_tracks: Path) -> None:
    result = run_it(args={"tracks": str(all_tracks)})
    assert result.status == "succeeded", result.error
    assert_same(reduced(result)["payload"], summarise(all_tracks, 2, 300.0))
    manifest = manifest_of(result)
    assert len(manifest["inputs"]) == 213
    assert {file["root"] for file in manifest["inputs"]} == {"adsb_paris"}
    assert str(all_tracks.parent) not in Path(result.manifest or "").read_text()


def test_the_bytes_of_the_result_do_not_depend_on_the_number_of_workers(run_it: RunIt) -> None:
    documents = [reduced(run_it(workers=workers)) for workers in (1, 2, 7)]
    assert (
        json.dumps(documents[0]["state"])
        == json.dumps(documents[1]["state"])
        == json.dumps(documents[2]["state"])
    )
    assert json.dumps(documents[0]["payload"]) == json.dumps(documents[2]["payload"])


def test_each_worker_that_contributed_has_a_reduce_file_and_they_add_up(run_it: RunIt) -> None:
    result = run_it(workers=3)
    folder = Path(result.manifest or "").parent
    files = sorted(folder.glob("reduce_summary_worker_*.json"))
    counts = [json.loads(file.read_text())["partial_count"] for file in files]
    assert 1 <= len(files) <= 3
    assert sum(counts) == reduced(result)["partial_count"] == 24


def test_the_trajectories_are_parquet_that_another_reader_reads(run_it: RunIt) -> None:
    result = run_it()
    folder = Path(result.manifest or "").parent
    tables = [file for file in manifest_of(result)["artifacts"] if file["name"] == "trajectories"]
    assert len(tables) == 24
    rows = 0
    for file in tables:
        path = folder / file["path"]
        assert hashlib.sha256(path.read_bytes()).hexdigest() == file["digest"]
        rows += pyarrow.parquet.read_table(path).num_rows
    assert rows == reduced(result)["payload"]["row_count"]


def test_the_agreement_with_the_recorded_speed_is_in_the_validations(run_it: RunIt) -> None:
    checks = {check["name"]: check for check in manifest_of(run_it())["verdict"]["validations"]}
    agreement = checks["groundspeed agreement"]
    assert agreement["passed"]
    assert 0 < agreement["evidence"]["value"] < agreement["evidence"]["limit"]
    assert agreement["how"] == "executed"


def test_a_run_verifies_and_every_kind_of_tampering_is_named(run_it: RunIt, workspace: Workspace) -> None:
    result = run_it()
    folder = Path(result.manifest or "").parent
    with Store(workspace) as store:
        assert all(finding.passed for finding in verify(store, result.run_id or ""))
        assert list(projection_problems(store, result.run_id or "")) == []

        def problems() -> dict[str, str]:
            return {f.name: f.problems[0] for f in verify(store, result.run_id or "") if not f.passed}

        reduce = folder / "reduce_summary.json"
        kept = reduce.read_bytes()
        reduce.write_bytes(kept.replace(b'"row_count": 36550', b'"row_count": 36551'))
        assert problems() == {"files": "reduce_summary.json: other bytes than the manifest says"}
        reduce.write_bytes(kept)
        table = next((folder / "artifacts").rglob("*.parquet"))
        table.unlink()
        assert ": missing; the store has them: ln -f " in problems()["files"]
        log = next((folder / "logs").glob("units_*.log"))
        log.write_text("nothing to see here")
        assert "missing" in " ".join(problems().values())
        assert len(verify(store, result.run_id or "")[-1].problems) == 2
        manifest = folder / "run_manifest.json"
        manifest.write_text(manifest.read_text().replace("flight_project", "fright_project"))
        assert "other bytes than the log says" in problems()["manifest"]


# -- broken input ----------------------------------------------------------------------------------------------


@pytest.fixture
def tracks(tmp_path: Path) -> Path:
    folder = tmp_path / "tracks"
    folder.mkdir()
    for name in ("392ae2", "4bce03", "0101de"):
        shutil.copy(SHIPPED / f"{name}.parquet", folder)
    return folder


def break_wrong_column(path: Path) -> None:
    pl.read_parquet(path).rename({"latitude": "lat"}).write_parquet(path)


def break_truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-4000])


def break_no_parquet(path: Path) -> None:
    path.write_text("timestamp,latitude,longitude\n")


BROKEN = [
    (break_wrong_column, "latitude"),
    (break_truncated, "0101de.parquet"),
    (break_no_parquet, "0101de.parquet"),
]


@pytest.mark.parametrize(("damage", "said"), BROKEN)
def test_a_bad_file_fails_the_run_with_an_error_that_names_it(
    run_it: RunIt, tracks: Path, damage: Any, said: str
) -> None:
    damage(tracks / "0101de.parquet")
    result = run_it(args={"tracks": str(tracks)})
    assert result.status == "failed"
    assert result.error is not None
    assert "0101de.parquet" in result.error.what
    assert said in result.error.what + str(result.error.found) + str(result.error.allowed)
    manifest = manifest_of(result)
    assert manifest["verdict"]["status"] == "failed"
    assert result.reduce is None


@pytest.mark.parametrize(("damage", "said"), BROKEN)
def test_with_keep_going_the_other_files_count_and_the_manifest_says_what_was_left_out(
    run_it: RunIt, tracks: Path, damage: Any, said: str
) -> None:
    damage(tracks / "0101de.parquet")
    result = run_it(args={"tracks": str(tracks)}, keep_going=True)
    assert reduced(result)["partial_count"] == 2
    assert reduced(result)["payload"]["aircraft"] == ["392ae2", "4bce03"]
    (left_out,) = manifest_of(result)["left_out"]
    assert left_out["unit"] == "work[0101de]"
    assert left_out["input"]["path"] == "0101de.parquet"
    assert left_out["error"]["code"].startswith("AGI-DATA-1")


def test_a_folder_means_its_parquet_files_whatever_else_lies_in_it(run_it: RunIt, tracks: Path) -> None:
    (tracks / "README.md").write_text("what these are")
    (tracks / "weather.csv").write_text("a,b")
    result = run_it(args={"tracks": str(tracks)})
    assert result.status == "succeeded", result.error
    assert reduced(result)["partial_count"] == 3


def test_a_folder_without_parquet_files_is_named_with_what_it_holds(run_it: RunIt, tmp_path: Path) -> None:
    (tmp_path / "weather").mkdir()
    (tmp_path / "weather/nyc.csv").write_text("a,b")
    result = run_it(args={"tracks": str(tmp_path / "weather")})
    assert result.status == "failed"
    assert result.error is not None
    assert result.error.code == "AGI-DATA-001"
    assert "nyc.csv" in str(result.error.found)


def test_an_empty_folder_fails_and_names_the_folder(run_it: RunIt, tmp_path: Path) -> None:
    (tmp_path / "nothing_here").mkdir()
    result = run_it(args={"tracks": str(tmp_path / "nothing_here")})
    assert result.status == "failed"
    assert result.error is not None
    assert result.error.code == "AGI-DATA-001"
    assert "nothing_here" in result.error.what + str(result.error.found)


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        ({"tracks": "no/such/folder"}, "AGI-ARGS-013", "no/such/folder"),
        ({"min_points": "1"}, "AGI-ARGS-012", "at least 2"),
        ({"min_points": "many"}, "AGI-ARGS-012", "integer"),
        ({"max_gap_s": "0"}, "AGI-ARGS-012", "more than 0"),
        ({"minpoints": "3"}, "AGI-ARGS-010", "--min-points"),
    ],
)
def test_a_bad_argument_is_refused_before_anything_runs(
    run_it: RunIt, workspace: Workspace, args: dict[str, str], code: str, said: str
) -> None:
    with Store(workspace) as store:
        before = len(store.runs(limit=1000))
    with pytest.raises(AgiError, match=said) as caught:
        run_it(args=args)
    assert caught.value.code == code
    assert caught.value.exit_code == 2
    with Store(workspace) as store:
        assert len(store.runs(limit=1000)) == before


def test_an_aircraft_with_too_few_points_counts_as_a_file_alone(run_it: RunIt) -> None:
    ours = reduced(run_it(args={"min_points": "1000"}))["payload"]
    assert_same(ours, summarise(SHIPPED, 1000, 300.0))
    assert ours["source_file_count"] == 24
    assert ours["aircraft_count"] < 24


def test_a_plan_says_what_would_run_and_proves_nothing(workspace: Workspace) -> None:
    with Store(workspace) as store:
        before = len(store.runs(limit=1000))
    planned = plan_app(RunRequest("flight_project"), workspace)
    plan = planned.plan
    assert plan.executed is False
    assert len(plan.items) == 24
    lengths = [item.cost if item.seconds is None else item.seconds for item in plan.items]
    assert lengths == sorted(lengths, reverse=True)  # by what runs before measured, if there were any
    speeds = [worker.capacity for worker in plan.workers]
    costs = [item.cost for item in plan.items]
    assert plan.makespan.cost >= max(sum(costs) / sum(speeds), max(costs) / max(speeds)) * (1 - 1e-9)
    with Store(workspace) as store:
        assert len(store.runs(limit=1000)) == before
