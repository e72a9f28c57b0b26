"""The meteo app through the command line: a real environment, real workers, one result whatever their number."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet
import pytest
from tests.cli.conftest import Answer, call

from agilab.store.workspace import Workspace

pytestmark = [pytest.mark.journey, pytest.mark.xdist_group("every_app")]
APP = Path(__file__).parents[2] / "src/agilab/apps/meteo_forecast_project"
SMALL = ("--stations", "JFK", "--targets", "1h,3h,6h,12h,24h,1d,2d", "--no-track", "--json")


@pytest.fixture(scope="module")
def home(workspace: Workspace) -> Path:
    return workspace.home


@pytest.fixture(scope="module")
def alone(home: Path) -> Answer:
    """One worker, which all others are held against."""
    return call(home, "run", "meteo_forecast_project", *SMALL, "--workers", "1")


def payload_bytes(answer: Answer) -> str:
    assert answer.code == 0, answer.err
    return json.dumps(json.loads(Path(answer.document["reduce"]).read_text())["payload"])


def manifest(answer: Answer) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(Path(answer.document["manifest"]).read_text())
    return document


def test_every_check_passes_and_the_table_is_parquet_for_any_reader(alone: Answer) -> None:
    document = manifest(alone)
    checks = {check["name"]: check["passed"] for check in document["verdict"]["validations"]}
    names = (
        "forecasts add up",
        "metrics add up",
        "skill at every target",
        "coverage",
        "coverage at every target",
    )
    assert {checks[name] for name in names} == {True}
    (file,) = [file for file in document["artifacts"] if file["name"] == "forecast_predictions"]
    path = Path(alone.document["manifest"]).parent / file["path"]
    assert path.name == "forecast_predictions.parquet"
    table = pyarrow.parquet.read_table(path).to_pylist()
    payload = json.loads(payload_bytes(alone))
    assert sum(row["split"] == "test" for row in table) == 4 * payload["mae"]["count"]


def test_a_broken_file_of_ones_own_is_named_and_leaves_no_result(
    home: Path, alone: Answer, tmp_path: Path
) -> None:
    assert alone.code == 0, alone.err
    late = pl.read_parquet(APP / "data/nyc_2013.parquet").with_columns(pl.col("temperature_c") + 273.15)
    late.write_csv(tmp_path / "kelvin.csv")
    words = ("--observations", str(tmp_path / "kelvin.csv"), "--no-track", "--json")
    answer = call(home, "run", "meteo_forecast_project", *words)
    assert answer.code == 1
    assert "AGI-DATA-146" in answer.err
    assert "kelvin.csv has a temperature_c out of range, row 1" in answer.err
    assert answer.document["reduce"] is None


def test_the_app_shows_its_arguments_and_its_pipeline_shows_the_steps_that_exist(
    home: Path, alone: Answer
) -> None:
    assert alone.code == 0, alone.err
    shown = call(home, "app", "show", "meteo_forecast_project", "--json")
    assert shown.code == 0, shown.err
    text = json.dumps(shown.document)
    for name in ("origin_every_h", "calibration_days", "max_rate_c_per_h"):
        assert name in text
    picture = (APP / "pipeline_view.dot").read_text(encoding="utf-8")
    assert f"{' -> '.join(('plan', 'work', 'reduce', 'publish'))};" in picture
    assert all(f'"{step}"' in text for step in ("plan", "work", "reduce", "publish"))
