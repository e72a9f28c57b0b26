"""The harness says what it measured: medians, ratios, verdicts, equality, and a file that cannot contradict itself."""

from __future__ import annotations

import importlib
import json
import math
import sys
from collections.abc import Callable
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from benchmarks.__main__ import CASES, main
from benchmarks.bench import BENCHMARKS, PYTHON, Bench, CommandFailed, clean_environment
from benchmarks.case import Case, Limit, Measured
from benchmarks.equality import Unequal, assert_same
from benchmarks.machine import Machine
from benchmarks.results import Result, read_results, result_of, write_results
from benchmarks.samples import Samples, alternate
from benchmarks.table import ONE_WORKER, UNITS_ALONE, show
from pydantic import ValidationError
from rich.console import Console

from agilab.contracts.base import parse_document
from agilab.contracts.lab_stages import LabStages
from agilab.projects.discover import BUILT_IN
from benchmarks import apps, execution_plain, notebooks, reduce_numpy

Make = Callable[..., Result]


def seconds(*values: float) -> Samples:
    return Samples(values)


@pytest.fixture
def case() -> Case:
    def never(bench: Bench, rounds: int) -> Measured:
        raise AssertionError("nothing is measured here")

    return Case("walk", "legs", "a walk", "a run", "s", Limit(times=1.3, plus=1.0), 3, never)


@pytest.fixture
def result(case: Case) -> Make:
    def make(name: str = "walk", **measured: Any) -> Result:
        sides = {"ours": seconds(2.0), "reference": seconds(1.0)} | measured
        return result_of(replace(case, name=name), Measured(**sides), Machine.now())

    return make


def test_sides_are_timed_in_turn_and_the_warm_up_does_not_count() -> None:
    order: list[str] = []

    def side(name: str) -> Callable[[], float]:
        def once() -> float:
            order.append(name)
            return float(len(order))

        return once

    taken = alternate({"a": side("a"), "b": side("b")}, 2)
    assert "".join(order) == "ababab"
    assert taken == {"a": seconds(3.0, 5.0), "b": seconds(4.0, 6.0)}


def test_a_result_compares_medians_and_keeps_the_spread(result: Make) -> None:
    found = result(ours=seconds(9.0, 2.0, 1.0), reference=seconds(0.4, 0.5, 8.0))
    assert (found.ours, found.reference, found.ratio) == (2.0, 0.5, 4.0)
    assert found.spread["ours"].model_dump() == {"min": 1.0, "median": 2.0, "max": 9.0, "rounds": 3}


@pytest.mark.parametrize(("ours", "met"), [(2.2, True), (2.3, True), (2.300_01, False)])
def test_a_limit_is_met_up_to_and_with_the_limit_itself(result: Make, ours: float, met: bool) -> None:
    found = result(ours=seconds(ours))  # 1.3 x 1 s + 1 s
    assert (found.target, found.met) == (2.3, met)


def test_a_limit_that_allows_the_start_up_adds_the_one_of_this_sitting(case: Case) -> None:
    limited = replace(case, limit=Limit(times=1.3, start_up=True))
    measured = Measured(seconds(2.0), seconds(1.0), start_up=seconds(0.6, 0.7, 0.8))
    found = result_of(limited, measured, Machine.now())
    assert (found.target, found.met, found.rule) == (2.0, True, "1.3 x reference + start-up")
    assert found.spread["start-up"].median == 0.7
    with pytest.raises(ValueError, match="a start-up that was not measured"):
        limited.limit.seconds(replace(measured, start_up=None))


def test_what_is_shown_in_milliseconds_is_kept_in_milliseconds(case: Case) -> None:
    quick = replace(case, unit="ms", limit=Limit(plus=0.080))
    found = result_of(quick, Measured(seconds(0.0231), seconds(0.0122)), Machine.now())
    assert (found.ours, found.unit, found.target, found.met) == (23.1, "ms", 80.0, True)


def test_a_results_file_reads_back_and_one_that_lies_is_refused(result: Make, tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    written = result()
    write_results(path, [written])
    assert read_results(path) == [written]
    (document,) = json.loads(path.read_text())
    keys = ["case", "ours", "reference", "ratio", "unit", "target", "met", "machine"]
    assert [key for key in keys if key not in document] == []
    assert document["machine"].keys() >= {"cpu", "cores", "python", "load_average", "at"}
    path.write_text(json.dumps([document | {"met": False}]))
    with pytest.raises(ValidationError, match=r"walk says met=False, but ours is 2 and the target 2\.3"):
        read_results(path)
    path.write_text(json.dumps([document | {"ratio": 0.5}]))
    with pytest.raises(ValidationError, match=r"walk says ratio=0\.5 for 2 by 1"):
        read_results(path)


def test_measuring_one_case_again_leaves_the_others_in_the_file(result: Make, tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    write_results(path, [result("a"), result("b")])
    write_results(path, [result("b", ours=seconds(1.0))], read_results(path))
    assert {found.case: found.ours for found in read_results(path)} == {"a": 2.0, "b": 1.0}


@pytest.mark.parametrize(
    ("ours", "place"),
    [
        ({"n": 3, "mean": 0.1}, "result.n: ours is 3, the reference 2"),
        ({"n": 2, "mean": 0.1 * (1 + 3e-12)}, "result.mean"),
        ({"n": 2.0, "mean": 0.1}, "result.n"),
        ({"n": 2}, "ours has"),
    ],
)
def test_sides_that_do_not_say_the_same_are_no_comparison(ours: dict[str, Any], place: str) -> None:
    assert_same({"n": 2, "mean": 0.1 * (1 + 1e-13)}, {"n": 2, "mean": 0.1})
    with pytest.raises(Unequal, match=place):
        assert_same(ours, {"n": 2, "mean": 0.1})


def test_items_per_second_and_scaling_follow_from_the_medians(result: Make, case: Case) -> None:
    sides = {
        ONE_WORKER: seconds(6.0),
        UNITS_ALONE[1]: seconds(4.0, 5.0, 9.0),
        UNITS_ALONE[2]: seconds(2.5),
    }
    told = result(ours=seconds(4.0), reference=seconds(2.0), also=sides, items=30)
    out = Console(width=80, file=StringIO())
    show([(case, told), (case, result("none told"))], out)
    assert isinstance(out.file, StringIO)
    (line,) = [line for line in out.file.getvalue().splitlines() if "1.50 x" in line]
    assert line.split()[1:] == ["30", "15.0", "5.00", "7.50", "1.50", "x", "2.00", "x"]


def test_an_app_of_each_folder_is_measured() -> None:
    """No list of names to forget: a built-in app without a case is one that nobody timed."""
    folders = {path.parent.name for path in BUILT_IN.glob("*/pyproject.toml")}
    assert {case.ours.split()[2] for case in apps.CASES} == {
        name.removesuffix("_project") for name in folders
    }


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["pandas", "polars"])
def test_the_plain_script_of_the_execution_apps_is_a_loop_over_jobs(engine: str) -> None:
    """Two engines, and beside them one job after the other in plain Python."""
    payload = execution_plain.work(engine, rows=5_003, blocks=5, groups=7, load=0.9, seed=4)
    plain = [[0] * 5 for _ in range(7)]
    for block, rows in enumerate((1_001, 1_001, 1_001, 1_000, 1_000)):
        jobs = execution_plain.jobs(block, rows, 7, 0.9, 4)
        wait = served = 0
        for group, weight, x, y, gap, service in zip(
            *(column.tolist() for column in jobs.values()), strict=True
        ):
            wait, served = max(0, wait + served - gap), service
            score = 0.6 * (x / math.sqrt(1 + x * x)) + 0.4 * (y / math.sqrt(1 + y * y))
            one = plain[group]
            one[:4] = [one[0] + 1, one[1] + weight, one[2] + weight * int(score * 1e6), one[3] + wait]
            one[4] = max(one[4], wait)
    names = ("row_count", "weight", "weighted_score_millionths", "wait_us")
    assert [payload[name] for name in names] == [sum(row[at] for row in plain) for at in range(4)]
    assert payload["longest_wait_us"] == max(row[4] for row in plain)
    assert payload["group_count"] == 7


def test_the_cells_that_papermill_runs_are_the_stages_and_give_the_number_of_the_script(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = notebooks.texts_of_steps()
    stages = parse_document(notebooks.lab(texts), LabStages, "lab").stages
    assert [(stage.code or "").strip() for stage in stages] == texts
    monkeypatch.chdir(tmp_path)
    exec("\n".join(texts), {})
    with Bench() as bench:
        _, number = bench.script(notebooks.SCRIPT, str(notebooks.STEPS), tmp_path / "plain.txt")
    assert int((tmp_path / "number.txt").read_text()) == number == 49


def test_an_unknown_case_is_refused_with_suggestions(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--only", "verison"]) == 2
    said = capsys.readouterr().err
    assert "error[AGI-ARGS-120]: there is no such benchmark" in said
    assert "python -m benchmarks --only version" in said


def test_every_case_of_the_issue_is_listed_with_its_limit(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list"]) == 0
    listed = {
        line.split()[0]: line.rpartition("at most ")[2] for line in capsys.readouterr().out.splitlines()
    }
    assert listed == {
        "unit-dask-fanout": "1.5 x reference",
        "unit-dask-chain": "1.5 x reference",
        "wide-inline": "30 s",
        "wide-local": "100 s",
        "wide-dask": "150 s",
        **dict.fromkeys(
            (
                "app-flight",
                "app-meteo",
                "app-uav-queue",
                "app-uav-relay",
                "app-execution-pandas",
                "app-execution-polars",
            ),
            "1.3 x reference + 1 s",
        ),
        "wide-expansion": "1 s",
        "wide-memory": "500 MB",
        "pipeline-again": "50 ms",
        "resume-killed": "2 s",
        "version": "80 ms",
        "help": "250 ms",
        "import-agi-node": "60 ms",
        "first-proof": "3 s",
        "flight-213": "1.3 x reference + 1 s",
        "flight-213-untracked": "1.3 x reference + 1 s",
        "unit-inline-fanout": "0.2 ms",
        "unit-inline-chain": "0.2 ms",
        "unit-worker-fanout": "1 ms",
        "unit-worker-chain": "1 ms",
        "metrics-caller": "0.2 s",
        "metrics-arrival": "1.5 x reference",
        "planning-equal": "1 s",
        "planning-uneven": "1 s",
        **dict.fromkeys(
            ("reduce-8", "reduce-8-untracked", "reduce-64", "reduce-64-untracked"),
            "1.3 x reference + start-up",
        ),
        "notebook-import-200": "1 s",
        "stages-50": "1 x reference",
        "stages-50-again": "1 s",
    }
    assert len({case.name for case in CASES}) == len(CASES)


def test_commands_are_timed_without_what_slows_or_redirects_python(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in (
        "PYTHONDONTWRITEBYTECODE",
        "PYTHONPATH",
        "AGILAB_DEBUG",
        "MLFLOW_TRACKING_URI",
        "VIRTUAL_ENV",
    ):
        monkeypatch.setenv(name, "1")
    clean = clean_environment(tmp_path)
    assert [name for name in clean if name.startswith(("PYTHON", "MLFLOW_TRACKING", "VIRTUAL_ENV"))] == []
    assert {name: text for name, text in clean.items() if name.startswith("AGILAB")} == {
        "AGILAB_HOME": str(tmp_path)
    }


def test_a_command_that_fails_is_no_measurement() -> None:
    with Bench() as bench, pytest.raises(CommandFailed, match=r"ended with 3:\nout of luck"):
        bench.command(PYTHON, "-c", "import sys; print('out of luck', file=sys.stderr); sys.exit(3)")


@pytest.mark.parametrize(("partials", "rows"), [(1, 1), (3, 70_001), (8, 1_000)])
def test_the_reducer_app_and_its_numpy_reference_say_the_same(
    monkeypatch: pytest.MonkeyPatch, partials: int, rows: int
) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS / "apps/reducer_project/src"))
    reducer = importlib.import_module("reducer")
    try:
        args = reducer.RowsArgs(partials=partials, rows=rows)
        whole = reducer.RowsSummary.identity()
        for item in reducer.parts(args):
            whole = whole.merge(reducer.measure(item.payload, args))
    finally:
        del sys.modules["reducer"]
    chunks = [reduce_numpy.measure(2026, index, rows) for index in range(partials)]
    assert_same(whole.to_payload(), reduce_numpy.merge(chunks))


def test_a_real_case_is_measured_shown_and_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "results.json"
    assert main(["--only", "version", "--repeat", "2", "--json", str(path)]) == 0
    (found,) = read_results(path)
    assert found.case == "version"
    assert found.ours > 0 < found.reference
    assert found.spread["ours"].rounds == 2
    shown = capsys.readouterr().out
    assert "agilab --version" in shown
    assert "limits kept" in shown
