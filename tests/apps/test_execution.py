"""The execution apps' numbers: every kernel of both engines against a loop in plain Python, and against theory."""

from __future__ import annotations

import hashlib
import importlib
import json
import math
import re
import struct
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from tests.apps.sources import import_from

from agi_node import AgiError, LocalRun, RunContext
from agi_node.canonical import canonical
from agi_node.reduce import merge_reduce_documents, reduce_document, verify_reduce_document
from agilab.contracts.app_settings import AppSettings

APPS = Path(__file__).parents[2] / "src/agilab/apps"
ENGINES = ("polars", "pandas")
ROWS = ("group", "weight", "x", "y", "gap_us", "service_us")

for engine in ENGINES:
    import_from(APPS / f"execution_{engine}_project")
jobs_module = importlib.import_module("execution_work.jobs")
generate, waiting_time_range = jobs_module.generate, jobs_module.waiting_time_range
checksum = importlib.import_module("execution_work.result").checksum


def app_of(engine: str) -> ModuleType:
    return importlib.import_module(f"execution_{engine}")


@pytest.fixture(params=ENGINES)
def execution(request: pytest.FixtureRequest) -> ModuleType:
    return app_of(request.param)


def plain_totals(rows: list[tuple[Any, ...]], groups: int) -> list[list[int]]:
    """Jobs, weight, weighted score, wait and longest wait of each group, one job after the other."""
    totals = [[0] * 5 for _ in range(groups)]
    wait = served = 0
    for group, weight, x, y, gap, service in rows:
        mixed = 0.6 * (x / math.sqrt(1 + x * x)) + 0.4 * (y / math.sqrt(1 + y * y))
        wait = max(0, wait + served - gap)
        served = service
        one = totals[group]
        one[0] += 1
        one[1] += weight
        one[2] += weight * int(mixed * 1e6)
        one[3] += wait
        one[4] = max(one[4], wait)
    return totals


def totals_by(kernel: Any, frame: Any, groups: int) -> list[list[int]]:
    return np.hstack([kernel.score(frame, groups), kernel.queue(frame, groups)]).tolist()  # type: ignore[no-any-return]


def rows_of(jobs: dict[str, Any]) -> list[tuple[Any, ...]]:
    return list(zip(*(jobs[name].tolist() for name in ROWS), strict=True))


reals = st.floats(-1e150, 1e150) | st.floats(-3, 3)
jobs_of_any_kind = st.lists(
    st.tuples(
        st.integers(0, 4), st.integers(1, 9), reals, reals, st.integers(0, 10**9), st.integers(0, 10**9)
    ),
    min_size=1,
    max_size=30,
)


def columns(rows: list[tuple[Any, ...]]) -> dict[str, Any]:
    kinds = (np.int64, np.int64, np.float64, np.float64, np.int64, np.int64)
    return {
        name: np.array([row[at] for row in rows], dtype=kind)
        for at, (name, kind) in enumerate(zip(ROWS, kinds, strict=True))
    }


# the kernels


@settings(max_examples=25)
@given(rows=jobs_of_any_kind)
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("kernel", ["dataframe", "numpy"])
def test_a_kernel_gives_the_bits_of_a_loop_in_plain_python(
    engine: str, kernel: str, rows: list[tuple[Any, ...]]
) -> None:
    execution = app_of(engine)
    frame = execution.frames.of(columns(rows))
    assert totals_by(execution.KERNELS[kernel], frame, 5) == plain_totals(rows, 5)


@pytest.mark.parametrize("kernel", ["dataframe", "numpy"])
def test_a_block_through_parquet_gives_the_bits_of_a_loop_in_plain_python(
    execution: ModuleType, kernel: str, tmp_path: Path
) -> None:
    jobs = generate(3, 20_000, 7, 0.9, 5)
    execution.frames.write(jobs, tmp_path / "jobs.parquet")
    written = pyarrow.parquet.read_table(tmp_path / "jobs.parquet").to_pydict()
    rows = list(zip(*(written[name] for name in ROWS), strict=True))
    assert rows == rows_of(jobs)
    frame = execution.frames.read(tmp_path / "jobs.parquet")
    assert totals_by(execution.KERNELS[kernel], frame, 7) == plain_totals(rows, 7)


def test_the_first_job_waits_for_nobody_and_the_others_for_those_before(execution: ModuleType) -> None:
    # three jobs of 10 us, 4 us apart, and one that comes when all is done
    rows = [(0, 1, 0.0, 0.0, gap, 10) for gap in (99, 4, 4, 500)]
    frame = execution.frames.of(columns(rows))
    for kernel in execution.KERNELS.values():
        assert kernel.queue(frame, 1).tolist() == [[0 + 6 + 12 + 0, 12]]


def test_without_the_compiled_module_numpy_does_its_work_and_is_named(execution: ModuleType) -> None:
    # the source tree holds no compiled module; `test_execution_runs` has one built
    compiled = execution.KERNELS["compiled"]
    assert compiled.used == "numpy"
    jobs = generate(0, 5_000, 4, 0.8, 1)
    assert totals_by(compiled, execution.frames.of(jobs), 4) == plain_totals(rows_of(jobs), 4)


# the jobs


def test_a_block_has_its_jobs_whoever_makes_them_and_no_other_block_has_them(execution: ModuleType) -> None:
    one, again, other = (generate(block, 1_000, 4, 0.8, 1) for block in (5, 5, 6))
    assert rows_of(one) == rows_of(again)
    assert rows_of(one) != rows_of(other)
    assert rows_of(one) != rows_of(generate(5, 1_000, 4, 0.8, 2))


def test_jobs_have_the_distributions_that_are_promised() -> None:
    """Mean and variance of each column beside the closed form, within five standard errors."""
    rows, load = 200_000, 0.8
    jobs = generate(0, rows, 16, load, 1)
    expected = {  # mean, variance, fourth central moment
        "group": (7.5, (16**2 - 1) / 12, (16**2 - 1) * (3 * 16**2 - 7) / 240),
        "weight": (5.0, (9**2 - 1) / 12, (9**2 - 1) * (3 * 9**2 - 7) / 240),
        "x": (0.0, 1.0, 3.0),
        "y": (0.0, 1.0, 3.0),
        "gap_us": (1_250.0, 1_250.0**2, 9 * 1_250.0**4),
        "service_us": (1_000.0, 1_000.0**2, 9 * 1_000.0**4),
    }
    for name, (mean, variance, fourth) in expected.items():
        values = jobs[name].astype(float)
        assert abs(values.mean() - mean) < 5 * math.sqrt(variance / rows), name
        assert abs(values.var() - variance) < 5 * math.sqrt((fourth - variance**2) / rows) + 1 / 12, name


def test_waiting_times_keep_within_what_queueing_theory_allows() -> None:
    """500 queues simulated with other random numbers: mean, scatter and shortfall are those of the formulas."""
    chance = np.random.default_rng(7)
    load, rows, queues = 0.5, 2_000, 500
    wait, total = np.zeros(queues), np.zeros(queues)
    for _ in range(rows - 1):
        wait = np.maximum(0, wait + chance.exponential(1, queues) - chance.exponential(1 / load, queues))
        total += wait
    means = total / rows
    low, high = waiting_time_range(load, rows, 1)
    assert low < 1_000 * means.min() < 1_000 * means.max() < high
    # M/M/1 at load 1/2: a mean wait of one service time; asymptotic variance 29 (Daley 1968); shortfall 4 / rows
    error = math.sqrt(29 / rows / queues)
    assert means.mean() == pytest.approx(1 - 4 / rows, abs=5 * error)
    assert means.std() == pytest.approx(math.sqrt(29 / rows), rel=5 / math.sqrt(2 * queues))
    # ... so the middle of the range is the mean less half the shortfall, and five deviations are a half of it
    assert (low + high) / 2 == pytest.approx(1_000 * (1 - 2 / rows), rel=1e-12)
    assert (high - low) / 2 == pytest.approx(
        1_000 * (5 * math.sqrt(29 / rows) + 80 / rows + 2 / rows), rel=1e-12
    )


# a run


class Whole:
    """A run of the app's plain functions, one after the other."""

    def __init__(self, execution: ModuleType, scratch: Path, **args: Any) -> None:
        self.execution = execution
        self.args = execution.ExecutionArgs(**{"rows": 5_003, "blocks": 5, "groups": 6, **args})
        self.items = list(execution.blocks(self.args))
        self.runs, self.partials = {}, {}
        for item in self.items:
            run = RunContext.local(scratch / item.key, key=item.key)
            self.partials[item.key] = execution.work(execution.Block(**item.payload), self.args, run)
            self.runs[item.key] = run
        self.summary = execution.Result.merge_all(self.partials.values())
        self.tables = [(key, run.saved["totals"]) for key, run in self.runs.items()]
        self.kernels = [(key, run.saved["kernel"]) for key, run in self.runs.items()]

    def publish(self, scratch: Path, tables: list[tuple[str, Path]] | None = None, **args: Any) -> LocalRun:
        """The verdicts on these tables, or on others in their place."""
        earlier = {"totals": tables or self.tables, "kernel": self.kernels}
        run = RunContext.local(scratch, node="publish", earlier=earlier)
        self.answer = self.execution.published(self.summary, self.args.model_copy(update=args), run)
        return run


def verdicts(run: LocalRun) -> dict[str, bool]:
    return {verdict["name"]: verdict["passed"] for verdict in run.validations}


@pytest.fixture(scope="module", params=ENGINES)
def whole(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Whole:
    return Whole(app_of(request.param), tmp_path_factory.mktemp(request.param))


def test_the_summary_is_what_a_loop_over_all_blocks_says(whole: Whole) -> None:
    blocks = [
        plain_totals(rows_of(generate(n, rows, 6, 0.8, 1)), 6)
        for n, rows in enumerate((1001, 1001, 1001, 1000, 1000))
    ]
    rows, weight, score, wait, _ = (sum(group[at] for block in blocks for group in block) for at in range(5))
    told = [struct.pack(f"<{6 * 5}q", *(number for group in block for number in group)) for block in blocks]
    digests = [hashlib.sha256(f"block-000{n}".encode() + numbers).digest() for n, numbers in enumerate(told)]
    assert whole.summary.to_payload() == {
        "benchmark": ["score-and-queue"],
        "block_count": 5,
        "row_count": rows,
        "groups": [0, 1, 2, 3, 4, 5],
        "group_count": 6,
        "weight": weight,
        "weighted_score_millionths": score,
        "wait_us": wait,
        "longest_wait_us": max(group[4] for block in blocks for group in block),
        "checksum": sum(int.from_bytes(digest[:4], "big") for digest in digests),
    }
    assert rows == 5_003


@pytest.mark.parametrize("kernel", ["dataframe", "numpy", "compiled"])
@pytest.mark.parametrize("through", ["parquet", "memory"])
@pytest.mark.parametrize("engine", ENGINES)
def test_kernel_engine_and_place_change_no_byte(
    whole: Whole, engine: str, kernel: str, through: str, tmp_path: Path
) -> None:
    other = Whole(app_of(engine), tmp_path, kernel=kernel, through=through)
    assert canonical(other.summary.to_payload()) == canonical(whole.summary.to_payload())


@pytest.mark.parametrize(
    "change", [{"seed": 2}, {"rows": 5_004}, {"blocks": 4}, {"groups": 5}, {"load": 0.7}]
)
def test_other_work_has_another_checksum(whole: Whole, change: dict[str, Any], tmp_path: Path) -> None:
    assert Whole(whole.execution, tmp_path, **change).summary.checksum != whole.summary.checksum


def test_a_checksum_is_of_every_number_in_its_place(execution: ModuleType) -> None:
    totals = np.arange(30).reshape(6, 5)
    told = {checksum("a", totals), checksum("b", totals)}
    for at in range(30):
        other = totals.copy()
        other.flat[at] += 1
        told.add(checksum("a", other))
    told.add(checksum("a", totals[::-1]))
    assert len(told) == 33
    assert max(told) < 2**32


def test_a_unit_times_its_phases_as_metrics_and_none_is_in_the_result(whole: Whole) -> None:
    run = whole.runs["block-0001"]
    parts = ("generate", "write", "read", "compute_score", "compute_queue", "merge")
    assert set(run.metrics) - {"phase_start_s"} == {f"phase_{part}_s" for part in parts}
    assert all(len(values) == 1 and 0 < values[0] < 60 for values in run.metrics.values())
    assert run.params == {"kernel_used": "dataframe"}
    assert not [name for name in whole.summary.to_payload() if name.endswith("_s")]


def test_what_is_published_is_a_table_a_picture_and_numbers_that_agree(whole: Whole, tmp_path: Path) -> None:
    run = whole.publish(tmp_path)
    assert verdicts(run) == {"jobs add up": True, "checksum": True, "waiting time": True}
    table = pyarrow.parquet.read_table(run.saved["groups"]).to_pylist()
    assert sum(row["jobs"] for row in table) == 5_003
    waits = math.fsum(row["mean_wait_us"] * row["jobs"] for row in table)
    assert waits == pytest.approx(whole.summary.wait_us, rel=1e-12)
    told = json.loads(run.saved["execution_summary"].read_text())
    assert told["mean_wait_us"] == pytest.approx(waits / 5_003, rel=1e-12)
    assert told["longest_wait_us"] == max(row["longest_wait_us"] for row in table)
    picture = ElementTree.fromstring(run.saved["groups_figure"].read_text())
    assert len(picture.findall("{http://www.w3.org/2000/svg}circle")) == 12, "two dots for each group"


@pytest.mark.parametrize(
    ("asked", "used"), [("dataframe", "dataframe"), ("numpy", "numpy"), ("compiled", "numpy")]
)
def test_the_answer_says_what_computed_and_not_what_was_asked_for(
    execution: ModuleType, asked: str, used: str, tmp_path: Path
) -> None:
    assert execution._kernel is None, "here nothing was built"
    done = Whole(execution, tmp_path / "work", kernel=asked)
    run = done.publish(tmp_path / "publish")
    assert done.answer["kernel_used"] == run.params["kernel_used"] == used
    assert json.loads(run.saved["execution_summary"].read_text())["kernel_used"] == used


def test_machines_that_computed_with_different_kernels_are_both_told(whole: Whole, tmp_path: Path) -> None:
    other = Whole(whole.execution, tmp_path / "work", kernel="numpy")
    earlier = {"totals": whole.tables, "kernel": [*whole.kernels[:3], *other.kernels[3:]]}
    run = RunContext.local(tmp_path / "publish", node="publish", earlier=earlier)
    assert whole.execution.published(whole.summary, whole.args, run)["kernel_used"] == "dataframe, numpy"


def test_a_group_without_jobs_is_a_null_and_no_division_by_zero(
    execution: ModuleType, tmp_path: Path
) -> None:
    few = Whole(execution, tmp_path / "work", rows=3, blocks=1, groups=40)
    run = few.publish(tmp_path / "publish")
    table = pyarrow.parquet.read_table(run.saved["groups"]).to_pylist()
    assert sorted({row["jobs"] for row in table})[0] == 0
    assert all((row["mean_wait_us"] is None) == (row["jobs"] == 0) for row in table)
    assert few.summary.group_count == len([row for row in table if row["jobs"]]) <= 3


def test_each_verdict_can_fail(whole: Whole, tmp_path: Path) -> None:
    assert verdicts(whole.publish(tmp_path / "missing", whole.tables[1:])) == {
        "jobs add up": False,
        "checksum": False,
        "waiting time": True,
    }
    keys = [key for key, _ in whole.tables]
    swapped = list(zip(keys[1:] + keys[:1], [path for _, path in whole.tables], strict=True))
    assert verdicts(whole.publish(tmp_path / "swapped", swapped))["checksum"] is False
    assert verdicts(whole.publish(tmp_path / "load", load=0.2))["waiting time"] is False


# the partial


@settings(max_examples=40)
@given(data=st.data())
def test_any_order_and_any_grouping_of_blocks_gives_the_same_bytes(whole: Whole, data: Any) -> None:
    parts = data.draw(st.permutations(list(whole.partials.values())))
    while len(parts) > 1:
        at = data.draw(st.integers(0, len(parts) - 2))
        parts[at : at + 2] = [parts[at].merge(parts[at + 1])]
    assert canonical(parts[0].to_state()) == canonical(whole.summary.to_state())
    assert canonical(parts[0].to_payload()) == canonical(whole.summary.to_payload())


def test_the_empty_result_changes_nothing_and_a_state_survives_json(whole: Whole) -> None:
    result = whole.execution.Result
    empty = result.identity()
    assert empty.merge(whole.summary) == whole.summary.merge(empty) == whole.summary
    assert result.from_state(json.loads(canonical(whole.summary.to_state()))) == whole.summary


def test_two_workers_documents_merge_into_the_whole_without_the_app(whole: Whole) -> None:
    name, result = whole.execution.app.name, whole.execution.Result
    states = [(key, partial.to_state()) for key, partial in whole.partials.items()]
    document = reduce_document(name, result, states)
    verify_reduce_document(document, states)
    halves = [reduce_document(name, result, part) for part in (states[::2], states[1::2])]
    assert merge_reduce_documents(halves)["payload"] == document["payload"]


# arguments, and what is beside the code


def test_the_plan_deals_out_every_row_and_says_what_it_costs(whole: Whole) -> None:
    assert [item.key for item in whole.items] == [f"block-000{n}" for n in range(5)]
    assert [item.payload["rows"] for item in whole.items] == [1001, 1001, 1001, 1000, 1000]
    assert [item.cost for item in whole.items] == [item.payload["rows"] for item in whole.items]


def test_more_blocks_than_rows_are_refused(execution: ModuleType) -> None:
    with pytest.raises(AgiError, match="there are blocks without a job") as caught:
        list(execution.blocks(execution.ExecutionArgs(rows=3, blocks=4)))
    assert (caught.value.code, caught.value.found) == ("AGI-ARGS-201", "rows 3, blocks 4")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[("rows", value) for value in (0, -1, 10**9, 2.5, "many")],
        *[("blocks", value) for value in (0, 10_001)],
        *[("groups", value) for value in (0, 1_001)],
        *[("load", value) for value in (0.0, 0.96, 1.0, math.nan)],
        *[("kernel", "fortran"), ("through", "csv"), ("seed", -1)],
    ],
)
def test_an_argument_out_of_range_is_refused_by_name(execution: ModuleType, name: str, value: Any) -> None:
    with pytest.raises(ValidationError) as caught:
        execution.ExecutionArgs(**{name: value})
    assert [error["loc"] for error in caught.value.errors()] == [(name,)]


def test_saved_arguments_are_the_defaults(execution: ModuleType) -> None:
    text = (APPS / f"{execution.__name__}_project/app_settings.toml").read_text()
    saved = AppSettings.model_validate(tomllib.loads(text))
    assert dict(saved.args) == execution.ExecutionArgs().model_dump()


def test_the_picture_of_the_pipeline_shows_the_steps_that_exist(execution: ModuleType) -> None:
    picture = (APPS / f"{execution.__name__}_project/pipeline_view.dot").read_text()
    assert f"{' -> '.join(execution.app.nodes())};" in picture
    assert all(
        field["description"] for field in execution.ExecutionArgs.model_json_schema()["properties"].values()
    )


def test_the_loops_in_c_are_those_of_the_other_app() -> None:
    """A library is pure Python, so each app has them: what `test_execution_runs` proves of one, it proves of both."""
    texts = {(APPS / f"execution_{e}_project/src/execution_{e}/_kernel.pyx").read_text() for e in ENGINES}
    assert len(texts) == 1


def test_a_lock_names_one_index(execution: ModuleType) -> None:
    lock = (APPS / f"{execution.__name__}_project/uv.lock").read_text()
    hosts = set(re.findall(r"https?://([^/\"]+)", lock))
    assert hosts == {"pypi.org", "files.pythonhosted.org"}
