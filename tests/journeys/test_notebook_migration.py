"""The tutorial `examples/notebook-migration`: every command of its page is run, and its numbers are computed again.

The oracle of the numbers is `Oracle`: from the raw readings to the scores with lists and dictionaries, and the ridge
regression by its normal equations, without pandas, scikit-learn or any code of the example.
"""

from __future__ import annotations

import csv
import functools
import itertools
import json
import math
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

pytestmark = [pytest.mark.journey, pytest.mark.slow, pytest.mark.xdist_group("notebook-migration")]
EXAMPLE = Path(__file__).parents[2] / "examples/notebook-migration"
APP = EXAMPLE / "forecast_study_project"
NOTEBOOKS = ("1_prepare.ipynb", "2_backtest.ipynb", "3_compare.ipynb")
AGAIN = "if the importer has become better: agilab notebook import *.ipynb --as-app forecast_study --no-lock --yes"


# -- the road ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Road:
    """What every command of the page said, where it was done, and what the runs left.

    Attributes:
        runs: `runs show --json` of each, in their order; the first one is that of --verify.
    """

    folder: Path
    said: dict[str, str]
    runs: list[dict[str, Any]]

    @property
    def app(self) -> Path:
        return self.folder / "my_study_project"

    def lab(self) -> dict[str, Any]:
        return tomllib.loads((self.app / "lab_stages.toml").read_text(encoding="utf-8"))

    def file(self, run: dict[str, Any], path: str) -> Path:
        (found,) = [one["path"] for one in run["records"]["artifacts"] if one["name"] == Path(path).name]
        return Path(run["folder"], found)


def shell(line: str, *, home: Path, cwd: Path) -> str:
    environment = {
        **os.environ,
        "AGILAB_HOME": str(home),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    done = subprocess.run(
        line, shell=True, cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def agilab(*words: str, home: Path, cwd: Path) -> str:
    return shell(shlex.join(["agilab", *words]), home=home, cwd=cwd)


def commands() -> list[str]:
    text = (EXAMPLE / "README.md").read_text(encoding="utf-8")
    return [
        line for block in re.findall(r"^```sh\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
        for line in block.splitlines()
    ]  # fmt: skip


@pytest.fixture(scope="module")
def road(tmp_path_factory: pytest.TempPathFactory) -> Road:
    folder = tmp_path_factory.mktemp("a migration") / "example"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("out", "my_study_project"))
    # Packages are those of the example's lock: what the newest of tomorrow compute is not this page's promise.
    (folder / "my_study_project").mkdir()
    for name in ("pyproject.toml", "uv.lock"):
        shutil.copy2(APP / name, folder / "my_study_project")
    home, where = folder.parent / "home", folder
    said = {}
    for line in commands():
        if line.startswith("cd "):
            where = where / line.removeprefix("cd ")
        else:
            said[line] = shell(line, home=home, cwd=where)
    listed = json.loads(agilab("runs", "list", "--json", home=home, cwd=where))
    runs = [
        json.loads(agilab("runs", "show", one["run_id"], "--json", home=home, cwd=where)) for one in listed
    ]
    return Road(folder, said, runs[::-1])


def test_the_page_shows_what_is_said(road: Road) -> None:
    text = (EXAMPLE / "README.md").read_text(encoding="utf-8")
    shown = [
        " ".join(line.split())
        for block in re.findall(r"^```text\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
        for line in block.splitlines()
        if line != "…"
    ]
    said = {" ".join(line.split()) for told in road.said.values() for line in told.splitlines()}
    assert len(shown) > 8
    assert [line for line in shown if line not in said] == []


def reused(run: dict[str, Any]) -> set[str]:
    return {unit["node"] for unit in run["records"]["units"] if unit["state"] == "reused"}


def ran(run: dict[str, Any]) -> set[str]:
    return {unit["node"] for unit in run["records"]["units"] if unit["state"] == "succeeded"}


def below(lab: dict[str, Any], changed: set[str]) -> set[str]:
    """These stages and all that take something of theirs, from the document alone."""
    found: set[str] = set()
    dirty: set[str] = set()
    for stage in lab["stages"]:
        takes = {one if isinstance(one, str) else one["name"] for one in stage.get("inputs", ())}
        gives = set(stage.get("outputs", ()))
        if stage["id"] in changed or takes & dirty:
            found.add(stage["id"])
            dirty |= gives
        else:
            dirty -= gives
    return found


def test_each_notebook_is_proved_equal(road: Road) -> None:
    report = json.loads((road.app / "notebook_import.json").read_text(encoding="utf-8"))
    proofs = {one["notebook"]: one for one in report["verification"]}
    assert tuple(proofs) == NOTEBOOKS
    for proof in proofs.values():
        assert proof["equal"], proof
        assert proof["error"] == ""
    compared = {
        (one["kind"], one["name"]): one["equal"] for proof in proofs.values() for one in proof["compared"]
    }
    for path in ("daily.csv", "predictions.csv", "metrics.json", "comparison.csv", "comparison.png"):
        assert compared["file", f"out/{path}"] is True
    for value in ("hours", "baselines", "linear", "similar", "gain"):
        assert compared["value", value] is True
    conclusion = [one for one in proofs[NOTEBOOKS[2]]["compared"] if one["kind"] == "shown"][-1]
    assert conclusion["equal"] is True
    doubts = {name for (_, name), equal in compared.items() if equal is None}
    assert doubts == {"output of cell 15"}, "`!ls out`: a stage has a folder of its own; all else is compared"


def test_the_stages_stand_in_the_order_of_the_work(road: Road) -> None:
    stages = road.lab()["stages"]
    order = [stage["origin"]["notebook"] for stage in stages]
    assert order == sorted(order)
    assert set(order) == set(NOTEBOOKS)
    made: set[str] = set()
    for stage in stages:
        for name in (one if isinstance(one, str) else one["name"] for one in stage.get("inputs", ())):
            assert name in made or name in road.lab()["lab"]["params"] or name.startswith("data/"), name
        made |= set(stage.get("outputs", ()))
    makers = {name: stage["id"] for stage in stages for name in stage.get("outputs", ())}
    wanted = ["out/daily.csv", "out/predictions.csv", "out/comparison.csv", "out/comparison.png"]
    place = [stage["id"] for stage in stages].index
    assert [place(makers[name]) for name in wanted] == sorted({place(makers[name]) for name in wanted})


def test_what_has_not_changed_does_not_run_again(road: Road) -> None:
    _, whole, again, other, edited = road.runs
    stages = {stage["id"] for stage in road.lab()["stages"] if stage.get("runtime") != "none"}
    assert len(stages) > 10
    assert ran(whole) == stages
    assert reused(again) == stages
    takers = {stage["id"] for stage in road.lab()["stages"] if "NEIGHBOURS" in stage.get("inputs", ())}
    assert takers
    assert ran(other) == below(road.lab(), takers)
    assert other["args"]["NEIGHBOURS"] == 40
    of_first = {stage["id"] for stage in road.lab()["stages"] if stage["origin"]["notebook"] == NOTEBOOKS[0]}
    assert of_first & stages <= reused(other)
    (last,) = [stage["id"] for stage in road.lab()["stages"] if "RESAMPLES = 4000" in stage.get("code", "")]
    # It gives other bounds, which the conclusion takes, and the same best model, which is all that the picture takes.
    assert ran(edited) == {last, "conclusion"}
    assert "the-picture" in reused(edited) == stages - ran(edited)


def test_the_plan_says_beforehand_what_then_runs(road: Road) -> None:
    *_, other, _ = road.runs
    told = road.said["agilab workflow plan --cache --set NEIGHBOURS=40"]
    said = dict(re.findall(r"^(\S+) +(reuse|run|wait)\b", told, re.MULTILINE))
    assert {name for name, what in said.items() if what == "reuse"} == reused(other)
    assert {name for name, what in said.items() if what != "reuse"} == ran(other)


def test_the_way_back_is_the_same_lab(road: Road) -> None:
    assert "identical" in road.said["agilab notebook roundtrip"]
    assert "identical" in road.said["agilab notebook roundtrip --notebook my_study_project.ipynb"]
    notebook = json.loads((road.app / "my_study_project.ipynb").read_text(encoding="utf-8"))
    cells = {cell["id"]: "".join(cell["source"]) for cell in notebook["cells"]}
    for stage in road.lab()["stages"]:
        if "code" in stage:
            assert stage["code"].strip() in cells[stage["id"]]


def test_the_difference_is_the_line_that_was_edited(road: Road) -> None:
    told = road.said["agilab workflow diff ../forecast_study_project ."]
    lines = [line.strip() for line in told.splitlines() if re.match(r"\s*[-+] ?RESAMPLES", line)]
    assert len(lines) == 2, told


# -- the numbers ------------------------------------------------------------------------------------------------


def printed_scores() -> dict[str, dict[str, float]]:
    """The table that the committed `2_backtest.ipynb` shows, as text."""
    notebook = json.loads((EXAMPLE / NOTEBOOKS[1]).read_text(encoding="utf-8"))
    (text,) = [
        "".join(output["data"]["text/plain"])
        for cell in notebook["cells"]
        if cell["cell_type"] == "code"
        for output in cell["outputs"]
        if output["output_type"] == "execute_result" and "rmse" in "".join(output["data"]["text/plain"])
    ]
    head, *rows = text.splitlines()
    found = {}
    for row in rows:
        *name, mae, rmse, bias, count, skill = row.split()
        found[" ".join(name)] = dict(
            zip(head.split(), map(float, (mae, rmse, bias, count, skill)), strict=True)
        )
    return found


class Oracle:
    """The study once more, plainly. A day is a date, a series a dictionary from day to value."""

    def __init__(self) -> None:
        self.days: dict[str, dict[date, list[float]]] = {}
        table = pq.read_table(EXAMPLE / "data/nyc_2013.parquet").to_pylist()
        for station in sorted({row["station"] for row in table}):
            rows = sorted((row["time"], row["temperature_c"]) for row in table if row["station"] == station)
            self.days[station] = _full_days(_filled(_without_spikes(rows)))
        last = max(max(days) for days in self.days.values())
        first = date(2013, 7, 1)
        self.origins = [
            first + timedelta(days=n)
            for n in range(0, 366, 5)
            if first + timedelta(days=n) <= last - timedelta(days=7)
        ]

    @functools.cache  # noqa: B019  # one oracle, one test
    def mean(self, station: str, day: date) -> float:
        hours = self.days[station][day]
        return sum(hours) / len(hours)

    def errors(self, forecast: Any) -> list[float]:
        return [
            forecast(station, origin, h) - self.mean(station, origin + timedelta(days=h))
            for station in self.days
            for origin in self.origins
            for h in range(1, 8)
        ]

    def naive(self, station: str, origin: date, h: int) -> float:
        return self.mean(station, origin)

    def weekly(self, station: str, origin: date, h: int) -> float:
        return self.mean(station, origin + timedelta(days=h - 7))

    @functools.cache  # noqa: B019
    def features(self, station: str, day: date) -> list[float]:
        angle = 2 * math.pi * day.timetuple().tm_yday / 365.25
        lags = [self.mean(station, day - timedelta(days=back)) for back in range(3)]
        hours = self.days[station][day]
        return [math.sin(angle), math.cos(angle), *lags, max(hours) - min(hours)]

    def ridge(self, station: str, origin: date, h: int) -> float:
        days = sorted(day for day in self.days[station] if day <= origin)[2:]
        train = [day for day in days if day + timedelta(days=h) <= origin]
        x = np.array([self.features(station, day) for day in train])
        y = np.array([self.mean(station, day + timedelta(days=h)) for day in train])
        centre, spread = x.mean(axis=0), x.std(axis=0)
        z = (x - centre) / spread
        weights = np.linalg.solve(z.T @ z + 10.0 * np.eye(z.shape[1]), z.T @ (y - y.mean()))
        now = (np.array(self.features(station, origin)) - centre) / spread
        return float(y.mean() + now @ weights)


def _without_spikes(rows: list[tuple[datetime, float | None]]) -> list[tuple[datetime, float | None]]:
    found = list(rows)
    for number in range(1, len(rows) - 1):
        before, here, after = (rows[number + step][1] for step in (-1, 0, 1))
        if before is None or here is None or after is None:
            continue
        one, other = here - before, here - after
        if abs(one) > 15 and abs(other) > 15 and (one > 0) == (other > 0):
            found[number] = (rows[number][0], None)
    return found


def _filled(rows: list[tuple[datetime, float | None]]) -> dict[datetime, float]:
    """Hours without holes: linear between the readings on both sides, for six hours at most."""
    known = {time: value for time, value in rows if value is not None}
    times = sorted(known)
    for left, right in itertools.pairwise(times):
        hole = int((right - left) / timedelta(hours=1)) - 1
        for step in range(1, min(hole, 6) + 1):
            known[left + timedelta(hours=step)] = known[left] + (known[right] - known[left]) * step / (
                hole + 1
            )
    return known


def _full_days(hours: dict[datetime, float]) -> dict[date, list[float]]:
    days: dict[date, list[float]] = defaultdict(list)
    for time in sorted(hours):
        days[time.date()].append(hours[time])
    return {day: values for day, values in days.items() if len(values) == 24}


def scored(errors: list[float]) -> dict[str, float]:
    count = len(errors)
    return {
        "mae": sum(map(abs, errors)) / count,
        "rmse": math.sqrt(sum(error * error for error in errors) / count),
        "bias": sum(errors) / count,
        "n": count,
    }


def test_the_pipeline_scores_as_the_notebook_showed_when_it_was_written(road: Road) -> None:
    metrics = json.loads(road.file(road.runs[1], "out/metrics.json").read_text(encoding="utf-8"))
    printed = printed_scores()
    assert set(metrics) == set(printed) == {"naive", "weekly naive", "ridge", "analogues"}
    for name, scores in printed.items():
        assert metrics[name] == pytest.approx(scores, abs=1.01e-4), name


def test_plain_arithmetic_from_the_raw_readings_comes_to_the_same_scores(road: Road) -> None:
    metrics = json.loads(road.file(road.runs[1], "out/metrics.json").read_text(encoding="utf-8"))
    oracle = Oracle()
    for name, forecast in (
        ("naive", oracle.naive),
        ("weekly naive", oracle.weekly),
        ("ridge", oracle.ridge),
    ):
        scores = scored(oracle.errors(forecast))
        assert {key: metrics[name][key] for key in scores} == pytest.approx(scores, abs=6e-5), name


def test_another_number_of_neighbours_changes_the_analogues_alone(road: Road) -> None:
    _, whole, _, other, _ = road.runs
    before, after = (
        json.loads(road.file(run, "out/metrics.json").read_text(encoding="utf-8")) for run in (whole, other)
    )
    assert {name for name in before if before[name] != after[name]} == {"analogues"}


def test_the_table_of_the_page_is_the_one_that_the_pipeline_leaves(road: Road) -> None:
    left = _numbers(road.file(road.runs[1], "out/comparison.csv"))
    shown = _numbers(APP / "comparison.csv")
    assert left.keys() == shown.keys()
    for name in left:
        assert left[name] == pytest.approx(shown[name], abs=1.01e-2), name
    assert road.file(road.runs[1], "out/comparison.png").read_bytes().startswith(b"\x89PNG")


def _numbers(path: Path) -> dict[str, list[float]]:
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    return {row[0]: [float(number) for number in row[1:]] for row in rows[1:]}


# -- what is committed ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example imported once more, with a cell in front that would leave a trace if it were run."""
    folder = tmp_path_factory.mktemp("fresh")
    shutil.copytree(EXAMPLE / "data", folder / "data")
    for name in NOTEBOOKS:
        shutil.copy2(EXAMPLE / name, folder)
    trap = json.loads((folder / NOTEBOOKS[0]).read_text(encoding="utf-8"))
    trap["cells"].insert(
        0,
        {
            "cell_type": "code",
            "id": "trap",
            "metadata": {},
            "execution_count": None,
            "outputs": [],
            "source": f"open({str(folder / 'ran')!r}, 'w').close()",
        },
    )
    (folder / "trap.ipynb").write_text(json.dumps(trap), encoding="utf-8")
    agilab("notebook", "inspect", "trap.ipynb", home=folder / "home", cwd=folder)
    agilab(
        *("notebook", "import", "trap.ipynb", "--output", "trapped", "--no-lock"),
        home=folder / "home",
        cwd=folder,
    )
    backwards = ("3_compare.ipynb", "2_backtest.ipynb", "1_prepare.ipynb")
    agilab(
        *("notebook", "import", *backwards, "--as-app", "forecast_study", "--no-lock"),
        home=folder / "home",
        cwd=folder,
    )
    return folder


def test_an_import_executes_nothing(fresh: Path) -> None:
    assert "open(" in (fresh / "trapped/lab_stages.toml").read_text(encoding="utf-8")
    assert not (fresh / "ran").exists()
    assert not (fresh / "out").exists()
    for place in ("envs", "runs", "cache"):
        assert not list((fresh / "home" / place).glob("*")), f"{place}: no environment, no run, no kernel"
    report = json.loads((fresh / "trapped/notebook_import.json").read_text(encoding="utf-8"))
    assert report["mode"] == "not_executed_import"
    assert report["verification"] == []


def test_the_lab_of_the_example_is_what_an_import_makes_today(fresh: Path) -> None:
    made, kept = (
        tomllib.loads((folder / "lab_stages.toml").read_text(encoding="utf-8"))
        for folder in (fresh / "forecast_study_project", APP)
    )
    for stage in kept["stages"]:
        stage.pop("last_run", None)  # of somebody who ran the example where it lies
    assert made == kept, AGAIN


@pytest.mark.parametrize("name", ["pyproject.toml", "pipeline_view.dot", "app_settings.toml"])
def test_so_are_the_files_beside_it(fresh: Path, name: str) -> None:
    made = (fresh / "forecast_study_project" / name).read_text(encoding="utf-8")
    assert made == (APP / name).read_text(encoding="utf-8"), AGAIN


def test_the_notebooks_were_run_from_top_to_bottom_and_name_no_machine() -> None:
    import nbformat

    for name in NOTEBOOKS:
        text = (EXAMPLE / name).read_text(encoding="utf-8")
        assert not re.search(r"/(home|Users|root|tmp|work)/", text), name
        notebook = json.loads(text)
        nbformat.validate(notebook)
        assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
        counts = [cell["execution_count"] for cell in notebook["cells"] if cell["cell_type"] == "code"]
        assert counts == list(range(1, len(counts) + 1))
        outputs = [output for cell in notebook["cells"] for output in cell.get("outputs", ())]
        assert outputs
        assert not [one for one in outputs if one["output_type"] == "error" or one.get("name") == "stderr"]


def test_the_example_is_small_and_its_lock_names_the_public_index_alone() -> None:
    data = sum(path.stat().st_size for path in EXAMPLE.glob("**/data/*"))
    assert data <= 300_000
    lock = (APP / "uv.lock").read_text(encoding="utf-8")
    assert set(re.findall(r'registry = "([^"]+)"', lock)) == {"https://pypi.org/simple"}
    assert set(re.findall(r'url = "https://([^/"]+)', lock)) == {"files.pythonhosted.org"}


def test_the_data_is_that_of_the_weather_app() -> None:
    source = Path(__file__).parents[2] / "src/agilab/apps/meteo_forecast_project/data/nyc_2013.parquet"
    for copy in (EXAMPLE / "data", APP / "data"):
        assert (copy / source.name).read_bytes() == source.read_bytes()
        assert (copy / "README.md").is_file()


@pytest.mark.parametrize("page", [EXAMPLE / "README.md", APP / "README.md"], ids=["tutorial", "app"])
def test_links_lead_to_something(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#]+)\)", page.read_text(encoding="utf-8"))
    assert targets
    for target in targets:
        assert (page.parent / target).exists(), target
