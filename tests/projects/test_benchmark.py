"""`agilab app benchmark`: real runs timed side by side, equal results enforced, and advice that the times bear out."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from tests.projects.conftest import write_app

from agi_node.errors import AgiError
from agilab.contracts.base import read_document
from agilab.contracts.benchmark import Benchmark, BenchmarkCase, Spread
from agilab.projects.benchmark import BenchmarkRequest, Step, benchmark_app
from agilab.projects.benchmark_advice import advice, chance_of_error
from agilab.projects.benchmark_cases import cases_of, default_modes
from agilab.projects.machine import cores
from agilab.store.store import Store
from agilab.store.workspace import Workspace
from agilab.views.benchmark_chart import chart

SCHEMA = {
    "properties": {
        "rows": {"type": "integer", "minimum": 1, "default": 1000},
        "kernel": {"enum": ["slow", "quick"], "type": "string", "default": "slow"},
    }
}
ARGS = {"rows": 1000, "kernel": "slow"}


def case(mode: str, seconds: Sequence[float], rows: int | None = None, **more: Any) -> BenchmarkCase:
    def spread(values: Sequence[float]) -> Spread:
        return Spread(median=statistics.median(values), min=min(values), max=max(values))

    executor, workers = mode.split("-")
    return BenchmarkCase(
        mode=mode, executor=executor, workers=int(workers), rows=rows, seconds=tuple(seconds),
        runs=("20261123-034412371-tides-7k3f2q",) * len(seconds), total=spread(seconds),
        parts={name: spread(values) for name, values in more.pop("parts", {}).items()},
        phases={name: spread(values) for name, values in more.pop("phases", {}).items()}, **more,
    )  # fmt: skip


def about(middle: float) -> tuple[float, ...]:
    """Five repetitions, 1 % around a median."""
    return tuple(middle * factor for factor in (0.99, 1.01, 1.0, 0.995, 1.005))


# what is compared


def test_every_mode_meets_every_kernel_and_size() -> None:
    found = cases_of("tides", SCHEMA, ARGS, {}, ["local-1", "dask-3"], [50, 10])
    assert [str(one) for one in found] == [
        f"{mode} {kernel} {rows} rows"
        for mode in ("local-1", "dask-3")
        for kernel in ("slow", "quick")
        for rows in (10, 50)
    ]
    assert {(one.executor, one.workers) for one in found} == {("local", 1), ("dask", 3)}
    assert found[0].varied == {"kernel": "slow", "rows": 10}


def test_without_words_there_are_two_modes_all_kernels_and_three_sizes() -> None:
    found = cases_of("tides", SCHEMA, ARGS, {}, [], [])
    assert {one.mode for one in found} == {"local-1", f"local-{max(2, cores())}"} == set(default_modes())
    assert {one.rows for one in found} == {40, 200, 1000}
    assert len(found) == 12


def test_a_kernel_that_was_given_is_the_only_one_and_a_mode_may_name_its_own() -> None:
    assert {one.kernel for one in cases_of("tides", SCHEMA, ARGS, {"kernel": "slow"}, [], [])} == {None}
    found = cases_of("tides", SCHEMA, ARGS, {}, ["local-1:quick", "local-1:quick", "local-2:slow"], [7])
    assert [str(one) for one in found] == ["local-1 quick 7 rows", "local-2 slow 7 rows"]


def test_an_app_without_rows_and_kernels_has_a_case_for_each_mode() -> None:
    assert [str(one) for one in cases_of("flight", {"properties": {}}, {}, {}, ["local-1"], [])] == [
        "local-1"
    ]


@pytest.mark.parametrize("word", ["local", "local-0", "local-x", "ray-2", "local-2:fortran", "dask-1:", "-1"])
def test_a_mode_that_cannot_be_is_named_beside_those_that_can(word: str) -> None:
    with pytest.raises(AgiError, match="there is no such mode") as caught:
        cases_of("tides", SCHEMA, ARGS, {}, ["local-1", word], [])
    assert (caught.value.code, caught.value.found) == ("AGI-BENCH-001", word)
    assert "kernels slow, quick" in str(caught.value.allowed)


def test_sizes_of_an_app_without_rows_are_refused() -> None:
    with pytest.raises(AgiError, match="flight has no argument rows") as caught:
        cases_of("flight", {"properties": {"tracks": {}}}, {}, {}, [], [10])
    assert caught.value.code == "AGI-BENCH-002"


# advice


def test_repetitions_that_overlap_tell_nothing_apart() -> None:
    apart = advice([case("local-1", [2, 2.1, 2.2]), case("local-2", [1, 1.5, 1.9])])
    assert apart == ("local-2 is 1.4 times as quick as local-1 (1.50 s against 2.10 s).",)
    overlap = advice([case("local-1", [2, 2.1, 2.2]), case("local-2", [1, 1.5, 2.1])])
    assert overlap == ("local-2 cannot be told apart from local-1 (1.50 s against 2.10 s).",)
    two = advice([case("local-1", [2, 2]), case("local-2", [1, 1])])
    assert "cannot be told apart" in two[0], "two repetitions prove nothing, however far apart"


def test_the_chance_that_equals_come_out_apart_is_that_of_two_sorted_halves() -> None:
    """Of all ways to deal 2 r different times to two modes, those where one has all the least ones."""
    from itertools import combinations

    for repeat in (1, 2, 3, 4):
        deals = list(combinations(range(2 * repeat), repeat))
        parted = [deal for deal in deals if max(deal) < repeat or min(deal) >= repeat]
        assert chance_of_error(repeat) == pytest.approx(len(parted) / len(deals))


def test_break_even_is_where_two_straight_lines_cross() -> None:
    # one process takes 1 s and 1 s for a million rows, two take 1.3 s and half a second: equal at 600,000
    sizes = (100_000, 400_000, 1_000_000)
    one = [case("local-1", about(1 + rows / 1e6), rows) for rows in sizes]
    two = [case("local-2", about(1.3 + rows / 2e6), rows) for rows in sizes]
    assert advice([*one, *two])[0] == (
        "local-2 pays from 1,000,000 rows on: it is 1.1 times as quick as local-1 (1.80 s against 2.00 s). "
        "Below, at 400,000 it takes 1.1 times as long as local-1 (1.50 s against 1.40 s); "
        "the straight line between puts break-even near 600,000 rows."
    )
    assert advice([*one[:2], *two[:2]])[0].endswith(
        "By the straight line it would pay beyond 600,000 rows, which nobody measured."
    )


def test_a_mode_that_never_or_always_or_sometimes_pays_is_told_as_that() -> None:
    one = [case("local-1", about(1.0), rows) for rows in (10, 100, 1000)]

    def beside(*seconds: float) -> str:
        both = zip(seconds, (10, 100, 1000), strict=True)
        return advice([*one, *(case("local-2", about(value), rows) for value, rows in both)])[0]

    assert beside(0.5, 0.5, 0.25) == (
        "local-2 pays at every size tried: 2.0 times as quick as local-1 at 10 rows, 4.0 times at 1,000."
    )
    assert beside(2, 2, 2) == (
        "local-2 does not pay from 10 to 1,000 rows: at 1,000 it takes 2.0 times as long as local-1 "
        "(2.00 s against 1.00 s)."
    )
    assert beside(1, 1, 1) == (
        "local-2 cannot be told apart from local-1 (1.00 s against 1.00 s) at 1,000 rows, nor at fewer."
    )
    assert beside(0.5, 2, 0.5).startswith("local-2 beside local-1 shows no pattern from 10 to 1,000 rows")
    assert "Below, at 100 it cannot be told apart" in beside(2, 1, 0.5)


def test_the_limit_of_parallel_work_is_amdahls() -> None:
    parts = {"start": about(0.5), "work": about(2.0), "end": about(0.5)}
    told = advice([case("local-1", about(3.0), 10, parts=parts), case("local-4", about(1.5), 10)])
    assert told[1] == (
        "Of 3.00 s for a run of 10 rows in local-1, 0.50 s pass before the first unit works and 0.50 s after the "
        "last. So 4 workers can make the whole 2.0 times as quick at best."
    )


def test_modes_are_held_against_the_plainest_one() -> None:
    told = advice([case("dask-2", about(2)), case("local-4", about(0.5)), case("local-2", about(1))])
    assert told == (
        "local-4 is 2.0 times as quick as local-2 (0.50 s against 1.00 s).",
        "dask-2 takes 2.0 times as long as local-2 (2.00 s against 1.00 s).",
    )


def kernels(**phases: tuple[float, float, float]) -> list[BenchmarkCase]:
    """Kernels a, b, c, with these medians in each phase."""
    return [
        case("local-1", about(5 + at), 10, kernel=name, phases={p: about(v[at]) for p, v in phases.items()})
        for at, name in enumerate("abc")
    ]


def test_each_phase_goes_to_the_kernel_that_pays_or_to_none() -> None:
    told = advice(
        kernels(read=(1, 1, 1), mix=(1, 1.05, 1.09), score=(6, 1, 1), queue=(8, 4, 0.2)), kernel="a"
    )
    assert told == (
        "The b or c kernel pays for score (6.0 times as quick as a).",
        "The c kernel pays for queue (20.0 times as quick as b).",
        "The kernels cannot be told apart in read and mix.",
        "A whole run is 1.4 times as quick with a as with c.",
    )


def test_of_a_kernel_that_was_not_to_be_had_nothing_is_said() -> None:
    a, b, c = kernels(queue=(8, 4, 0.2))
    told = advice([a, b, c.with_changes(kernel_used="b")], kernel="a")
    assert told[0] == "The c kernel was not to be had here: b did its work, so nothing is said of it."
    assert told[1] == "The b kernel pays for queue (2.0 times as quick as a)."


def test_a_busy_machine_is_said() -> None:
    quiet = advice([case("local-1", about(1))], load=0.9, cores=2)
    busy = advice([case("local-1", about(1))], load=1.1, cores=2)
    assert quiet == ()
    assert busy == (
        "Others were at work on this machine (load 1.1 on 2 cores when this began): measure again when it is quiet.",
    )


# real runs

DEMO = '''
"""Numbers, added up slowly or quickly."""
import time
from typing import Literal
from pydantic import Field
from agi_node import App, Args, Partial, Sum, WorkItem

class DemoArgs(Args):
    rows: int = Field(40, ge=1, le=100)
    kernel: Literal["slow", "quick"] = "slow"
    wrong: str = ""

class Total(Partial):
    n: Sum[int] = 0

app = App("demo", args=DemoArgs, partial=Total)

@app.plan
def plan(args):
    for n in range(4):
        yield WorkItem(key=str(n), payload=n)

@app.work
def work(n: int, args, run):
    if args.kernel == args.wrong == "quick" and n == 3:
        return Total(n=1)
    if args.wrong == "fails":
        raise ValueError("the demo is over")
    began = time.perf_counter()
    time.sleep(0.08 if args.kernel == "slow" else 0.01)
    run.log_metric("phase_add_s", time.perf_counter() - began)
    run.log_metric("phase_read_s", 0.25)
    return Total(n=args.rows + n)
'''
real = [pytest.mark.journey, pytest.mark.xdist_group("benchmark")]


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_app(tmp_path_factory.mktemp("apps") / "demo_project", DEMO)


@pytest.fixture(scope="session")
def measured(workspace: Workspace, demo: Path) -> tuple[Benchmark, Path, list[Step]]:
    """Four cases, three times each."""
    steps: list[Step] = []
    request = BenchmarkRequest(str(demo), modes=["local-1", "local-2"], rows=[20], repeat=3)
    done = benchmark_app(request, workspace, on_step=steps.append)
    return done.document, done.folder, steps


class TestARealBenchmark:
    pytestmark = real

    def test_the_document_is_the_file_and_its_numbers_are_those_of_its_runs(
        self, measured: tuple[Benchmark, Path, list[Step]], workspace: Workspace
    ) -> None:
        document, folder, _ = measured
        assert read_document(folder / "benchmark.json", Benchmark) == document
        assert str(workspace.home) not in (folder / "benchmark.json").read_text()
        assert [(one.mode, one.kernel, one.rows) for one in document.cases] == [
            (mode, kernel, 20) for mode in ("local-1", "local-2") for kernel in ("slow", "quick")
        ]
        with Store(workspace, readonly=True) as store:
            for one in document.cases:
                assert one.total.median == statistics.median(one.seconds)
                assert (one.total.min, one.total.max) == (min(one.seconds), max(one.seconds))
                parts = one.parts.values()
                assert sum(part.min for part in parts) <= one.total.max
                assert sum(part.max for part in parts) >= one.total.min
                slept = 4 * (0.08 if one.kernel == "slow" else 0.01)
                assert one.parts["work"].min >= slept / one.workers
                for run_id, seconds in zip(one.runs, one.seconds, strict=True):
                    run = store.run(run_id)
                    assert run.state == "succeeded"
                    assert run.finished_us is not None
                    assert (run.finished_us - run.created_us) / 1e6 < seconds
                    created = next(store.events(run_id, kinds=("run_created",))).data
                    assert created["workers"] == one.workers
                    assert created["args"]["kernel"] == one.kernel
                    assert created["tracking_uri"] is None

    def test_rounds_are_interleaved_after_a_warm_up_of_each_case(
        self, measured: tuple[Benchmark, Path, list[Step]]
    ) -> None:
        document, _, steps = measured
        assert [step.done for step in steps] == list(range(17))
        assert {step.total for step in steps} == {16}
        stages = [step.now.partition(":")[0] for step in steps[:-1]]
        assert stages == ["warm-up"] * 4 + ["round 1"] * 4 + ["round 2"] * 4 + ["round 3"] * 4
        for start in (0, 4, 8, 12):
            assert len({step.now for step in steps[start : start + 4]}) == 4
        runs = sorted((run, at) for at, one in enumerate(document.cases) for run in one.runs)
        assert [at for _, at in runs] == [0, 1, 2, 3, 1, 2, 3, 0, 2, 3, 0, 1]

    def test_phases_are_added_up_over_units_and_the_slower_kernel_is_found_out(
        self, measured: tuple[Benchmark, Path, list[Step]]
    ) -> None:
        document, _, _ = measured
        slow, quick = document.cases[:2]
        assert slow.phases["read"].median == quick.phases["read"].median == 1.0
        assert slow.phases["add"].median >= 0.32
        assert 0.04 <= quick.phases["add"].median < slow.phases["add"].median
        assert any(text.startswith("The quick kernel pays for add") for text in document.advice)
        assert "The kernels cannot be told apart in read." in document.advice

    def test_the_picture_has_a_bar_for_each_number(
        self, measured: tuple[Benchmark, Path, list[Step]]
    ) -> None:
        document, folder, _ = measured
        text = (folder / "benchmark.svg").read_text()
        assert text == chart(document)
        drawn = ElementTree.fromstring(text)
        whiskers = drawn.findall("{http://www.w3.org/2000/svg}path")
        assert len(whiskers) == 4 + 2 * 2, "four cases; two phases of two kernels"
        words = [found.text for found in drawn.iter("{http://www.w3.org/2000/svg}text")]
        assert {"local-1 slow", "local-2 quick", "20 rows", "add", "read"} <= set(words)

    def test_two_kernels_with_different_results_are_an_error_and_nothing_is_written(
        self, workspace: Workspace, demo: Path, tmp_path: Path
    ) -> None:
        request = BenchmarkRequest(
            str(demo), {"wrong": "quick"}, modes=["local-1"], rows=[20], repeat=1, output=tmp_path / "out"
        )
        with pytest.raises(AgiError, match="two modes gave different results") as caught:
            benchmark_app(request, workspace)
        error = caught.value
        assert (error.code, error.exit_code) == ("AGI-BENCH-004", 1)
        assert "local-1 slow 20 rows, and local-1 quick 20 rows" in error.what
        assert "n: 86 and 64" in str(error.found)  # 4 * 20 + 0 + 1 + 2 + 3; the last unit gave 1
        assert not (tmp_path / "out").exists()

    def test_a_run_that_fails_ends_the_benchmark_with_its_words(
        self, workspace: Workspace, demo: Path
    ) -> None:
        request = BenchmarkRequest(str(demo), {"wrong": "fails"}, modes=["local-1"], rows=[20], repeat=1)
        with pytest.raises(AgiError, match="a run did not succeed") as caught:
            benchmark_app(request, workspace)
        assert caught.value.code == "AGI-BENCH-003"
        assert "the demo is over" in str(caught.value.found)

    def test_an_app_that_is_edited_meanwhile_is_not_measured_as_one_program(
        self, workspace: Workspace, demo: Path, tmp_path: Path
    ) -> None:
        app = Path(shutil.copytree(demo, tmp_path / "edited_project"))
        code = app / "src/demo/__init__.py"

        def edit(step: Step) -> None:
            if step.done == 1:
                code.write_text(code.read_text() + "\n# a thought\n")

        request = BenchmarkRequest(str(app), {"kernel": "quick"}, modes=["local-1"], rows=[20], repeat=1)
        with pytest.raises(AgiError, match="the app was edited while it was measured") as caught:
            benchmark_app(request, workspace, on_step=edit)
        assert caught.value.code == "AGI-BENCH-005"

    def test_a_size_that_the_app_does_not_take_is_refused_before_anything_runs(
        self, workspace: Workspace, demo: Path
    ) -> None:
        steps: list[Step] = []
        with pytest.raises(AgiError, match="the value of rows is not allowed") as caught:
            benchmark_app(BenchmarkRequest(str(demo), rows=[20, 101]), workspace, on_step=steps.append)
        assert (caught.value.code, caught.value.allowed) == ("AGI-ARGS-012", "at most 100")
        assert steps == []

    def test_the_command_prints_tables_advice_and_files_or_one_document(
        self, workspace: Workspace, demo: Path, tmp_path: Path
    ) -> None:
        words = ["--rows", "20", "--modes", "local-1:quick,local-1:slow", "--output", str(tmp_path)]
        shown = agilab(workspace, "app", "benchmark", str(demo), *words, "--repeat", "2")
        assert shown.returncode == 0, shown.stderr
        assert "every run of one size gave the same result" in shown.stdout
        assert "Fewer than three repetitions tell nothing apart" in shown.stdout
        assert "For a whole run the kernels cannot be told apart." in shown.stdout
        assert "agilab: round 2, 4 of 6 runs done, about" in shown.stderr

        shown = agilab(workspace, "app", "benchmark", str(demo), *words, "--repeat", "1", "--json")
        assert shown.returncode == 0, shown.stderr
        document = json.loads(shown.stdout)
        assert document.pop("folder") == str(tmp_path)
        assert document == json.loads((tmp_path / "benchmark.json").read_text())

    def test_rows_that_are_no_number_are_refused(self, workspace: Workspace, demo: Path) -> None:
        shown = agilab(workspace, "app", "benchmark", str(demo), "--rows", "10,many")
        assert shown.returncode == 2
        assert "error[AGI-ARGS-105]: --rows takes whole numbers" in shown.stderr
        assert "found     many" in shown.stderr


def agilab(workspace: Workspace, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a person does, in a process of its own."""
    code = (
        "import sys; from agilab.cli import app, boundary; "
        "app.app.places.setdefault('benchmark', 'agilab.cli.app_benchmark:benchmark'); "
        "sys.exit(boundary.run(sys.argv[1:]))"
    )
    environment = os.environ | {"AGILAB_HOME": str(workspace.home)}
    return subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, text=True, env=environment, check=False
    )


def test_loading_the_command_loads_nothing_heavy() -> None:
    code = "import sys, agilab.cli.app_benchmark; print(sorted({'pydantic', 'rich', 'sqlite3'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    reference = subprocess.run(
        [sys.executable, "-c", code.replace("app_benchmark", "app")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == reference.stdout
