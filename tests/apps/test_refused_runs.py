"""Broken input through real workers: the run fails, names what is wrong and where, and leaves nothing half-written.

What each app refuses is tested beside its functions (`test_*_refusals`); here a whole run meets it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tests.apps.uav import RELAY, network, relay, write_scenario

from agi_node import AgiError
from agilab.projects.discover import BUILT_IN, read_app
from agilab.projects.prepare import arguments, prepare
from agilab.projects.request import RunRequest
from agilab.projects.run import run_app
from agilab.store.store import Store
from agilab.store.workspace import Workspace

pytestmark = [pytest.mark.journey, pytest.mark.slow, pytest.mark.xdist_group("every_app")]
APPS = sorted(path.parent for path in BUILT_IN.glob("*/pyproject.toml"))
GOOD = network(relay("a"), relay("b", base_y_m=300.0))


def out_of_range(field: dict[str, Any]) -> list[Any]:
    """Values that a field's own schema leaves no room for."""
    kinds = [field, *field.get("anyOf", [])]
    found: list[Any] = []
    for kind in kinds:
        found += [kind["minimum"] - 1] if "minimum" in kind else []
        found += [kind["maximum"] + 1] if "maximum" in kind else []
        found += [kind[name] for name in ("exclusiveMinimum", "exclusiveMaximum") if name in kind]
        found += ["no such choice"] if "enum" in kind else []
        found += ["many"] if kind.get("type") in ("integer", "number") else []
        found += [math.nan] if kind.get("type") == "number" else []
    return found


@pytest.mark.parametrize("folder", APPS, ids=lambda folder: folder.name)
def test_every_argument_out_of_its_range_is_refused_by_name_before_anything_runs(
    folder: Path, workspace: Workspace
) -> None:
    """No list of arguments: what is out of range is read off what the app says of itself."""
    tried = 0
    with Store(workspace) as store:
        prepared = prepare(store, read_app(folder), offline=False, threads=1, say=lambda text: None)
        for name, field in prepared.description["args_schema"]["properties"].items():
            for value in out_of_range(field):
                with pytest.raises(AgiError) as caught:
                    arguments(prepared, store, {name: value}, lambda text: None)
                assert caught.value.code == "AGI-ARGS-012"
                assert caught.value.exit_code == 2
                assert name in caught.value.what, (name, value)
                tried += 1
    assert tried >= 8


@dataclass(frozen=True)
class Broken:
    """What makes a broken input below a folder (and the arguments that name it), and what has to be said of it."""

    app: str
    make: Callable[[Path], dict[str, Any]]
    code: str
    said: str


def scenarios(*found: Any, **args: Any) -> Callable[[Path], dict[str, Any]]:
    def make(folder: Path) -> dict[str, Any]:
        for at, scenario in enumerate(found):
            write_scenario(folder, scenario, f"{'abc'[at]}.json")
        return {"scenarios": str(folder), **args}

    return make


def metrics(change: Callable[[dict[str, Any]], Any]) -> Callable[[Path], dict[str, Any]]:
    def make(folder: Path) -> dict[str, Any]:
        document = json.loads((RELAY / "data/queue_metrics.json").read_text(encoding="utf-8"))
        write_scenario(folder, change(document), "m.json")
        return {"queue_metrics": str(folder)}

    return make


def negative(document: dict[str, Any]) -> dict[str, Any]:
    document["cases"][2]["relays"][0]["offered_background_pps"] = -1.0
    return document


def another_station(document: dict[str, Any]) -> dict[str, Any]:
    document["cases"][1]["bottleneck_relay"] = "nobody"
    return document


def wrong_loss(document: dict[str, Any]) -> dict[str, Any]:
    document["cases"][1]["relays"][0]["loss_share"] = 0.9
    return document


def all_nan(value: Any) -> Any:
    """The same document with no number left."""
    if isinstance(value, dict):
        return {name: all_nan(part) for name, part in value.items()}
    if isinstance(value, list):
        return [all_nan(part) for part in value]
    return math.nan if isinstance(value, float) else value


def weather(change: Callable[[pl.DataFrame], pl.DataFrame], **args: Any) -> Callable[[Path], dict[str, Any]]:
    def make(folder: Path) -> dict[str, Any]:
        folder.mkdir()
        table = pl.read_parquet(BUILT_IN / "meteo_forecast_project/data/nyc_2013.parquet")
        change(table).write_parquet(folder / "w.parquet")
        return {"observations": str(folder / "w.parquet"), **args}

    return make


def fixed(**args: Any) -> Callable[[Path], dict[str, Any]]:
    return lambda folder: args


BROKEN = {
    "one relay": Broken(
        "uav_queue", scenarios(GOOD, network(relay("only"), scenario="lone")), "AGI-UAV-105", "b.json"
    ),
    "negative rate": Broken(
        "uav_queue",
        scenarios(GOOD, network(relay("a"), relay("b", background_rate_pps=-2.0), scenario="other")),
        "AGI-UAV-103",
        "b.json has a wrong relays[1].background_rate_pps",
    ),
    "NaN in a scenario": Broken("uav_queue", scenarios(all_nan(GOOD)), "AGI-UAV-103", "a.json has 2"),
    "wrong keys": Broken("uav_queue", scenarios({"relay": []}), "AGI-UAV-103", "a.json has 10 wrong keys"),
    "empty scenario": Broken("uav_queue", scenarios(""), "AGI-UAV-101", "a.json is empty"),
    "negative load": Broken(
        "uav_relay_queue",
        metrics(negative),
        "AGI-UAV-103",
        "m.json has a wrong cases[2].relays[0].offered_background_pps",
    ),
    "no such relay": Broken(
        "uav_relay_queue", metrics(another_station), "AGI-UAV-103", "m.json has a wrong cases[1]"
    ),
    "a loss that the counts have no room for": Broken(
        "uav_relay_queue",
        metrics(wrong_loss),
        "AGI-UAV-103",
        "m.json has a wrong cases[1].relays[0].loss_share",
    ),
    "NaN in metrics": Broken("uav_relay_queue", metrics(all_nan), "AGI-UAV-103", "m.json has "),
    "no case": Broken(
        "uav_relay_queue", metrics(lambda m: m | {"cases": []}), "AGI-UAV-103", "m.json has a wrong cases"
    ),
    "empty metrics": Broken("uav_relay_queue", metrics(lambda m: ""), "AGI-UAV-101", "m.json is empty"),
    "no such station": Broken(
        "meteo_forecast",
        weather(lambda t: t, stations="JFK,SFO"),
        "AGI-DATA-147",
        "w.parquet: no station SFO",
    ),
    "wrong columns": Broken(
        "meteo_forecast",
        weather(lambda t: t.rename({"time": "when"})),
        "AGI-DATA-144",
        "w.parquet has no column time",
    ),
    "NaN everywhere": Broken(
        "meteo_forecast",
        weather(lambda t: t.with_columns(temperature_c=pl.lit(math.nan))),
        "AGI-DATA-148",
        "stations EWR, JFK, LGA have no temperature",
    ),
    "two temperatures of one hour": Broken(
        "meteo_forecast",
        weather(lambda t: pl.concat([t, t.head(9).with_columns(pl.col("temperature_c") + 5)])),
        "AGI-DATA-151",
        "w.parquet has another temperature of EWR",
    ),
    "no rows": Broken("meteo_forecast", weather(lambda t: t.clear()), "AGI-DATA-147", "w.parquet: no rows"),
    "more blocks than jobs, pandas": Broken(
        "execution_pandas", fixed(rows=3, blocks=4), "AGI-ARGS-201", "blocks without a job"
    ),
    "more blocks than jobs, polars": Broken(
        "execution_polars", fixed(rows=3, blocks=4), "AGI-ARGS-201", "blocks without a job"
    ),
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN.keys())
def test_a_run_that_meets_broken_input_names_it_and_leaves_no_result(
    broken: Broken, workspace: Workspace, tmp_path: Path
) -> None:
    args = broken.make(tmp_path / "given")
    asked = RunRequest(f"{broken.app}_project", args=args, workers=1, track=False)
    result = run_app(asked, workspace)
    assert result.status == "failed"
    assert result.error is not None
    assert result.run_id is not None
    assert result.error.code == broken.code
    assert broken.said in result.error.what
    assert str(tmp_path) not in json.dumps(result.error.model_dump(mode="json")), "no path of this machine"
    assert result.reduce is None
    folder = workspace.run_folder(result.run_id)
    assert {path.name for path in folder.iterdir()} == {"owner.lock", "logs", "run_manifest.json"}
    manifest = json.loads((folder / "run_manifest.json").read_bytes())
    assert manifest["verdict"]["status"] == "failed"
    assert [left["error"]["code"] for left in manifest["left_out"]] == [broken.code]
    assert manifest["artifacts"] == []
    with Store(workspace) as store:
        assert [unit.unit_id for unit in store.units(result.run_id)] == ["plan"], "no work was begun"
        assert store.artifacts(result.run_id) == []
    assert not list(folder.glob("logs/*/*")), "nothing staged is left"
