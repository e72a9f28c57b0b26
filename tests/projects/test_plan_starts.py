"""What a worker's start and shared cores do to what earlier runs measured, and to the plan that rests on it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from agilab.engine.expansion import Item
from agilab.projects.assignment import evaluated, loads_of
from agilab.projects.costs import History, _line, estimated
from agilab.projects.distribution_checks import read_distribution
from agilab.projects.machine import cores
from agilab.projects.observations import Observation
from agilab.projects.plan import plan_app
from agilab.projects.request import RunRequest
from agilab.projects.sharing import as_if_alone, core_use
from agilab.projects.starts import without_starts
from agilab.store.workspace import Workspace

from .conftest import RunIt, write_app


def run_of(
    took: Mapping[str, float], *, workers: int = 2, run: int = 0, cost: float = 1.0, cpu: float | None = None
) -> list[Observation]:
    """Units in the order in which they began, shared out in turn; `cpu` is a part of what each took."""
    return [
        Observation(
            run, key, None, cost, seconds, f"w{number % workers}",
            cpu=None if cpu is None else seconds * cpu, first=number < workers,
        )
        for number, (key, seconds) in enumerate(took.items())
    ]  # fmt: skip


def test_what_first_units_take_more_is_the_start_and_no_items() -> None:
    took = {f"k{number}": 2.2 if number < 2 else 0.14 for number in range(24)}
    found, start = without_starts(run_of(took), _line)
    assert start == pytest.approx(2.06)
    assert {seen.seconds for seen in found} == {0.14}
    seconds = estimated([Item(key, None, 1.0) for key in took], History(found, 1, start=start)).seconds
    assert seconds == pytest.approx(dict.fromkeys(took, 0.14))


def test_a_long_item_that_came_first_is_long_without_the_start() -> None:
    took = {"long": 11.0, "short": 1.5} | {f"k{number}": 0.5 for number in range(10)}
    found, start = without_starts(run_of(took), _line)
    assert start == pytest.approx(1.0)
    assert {seen.key: seen.seconds for seen in found}["long"] == pytest.approx(10.0)
    assert "short" not in {seen.key for seen in found}


def test_items_that_another_run_measured_warm_are_not_taken_for_a_start() -> None:
    """Learnt costs put the largest first, so later runs see them cold alone."""
    small = {f"k{number}": 1.0 for number in range(8)}
    warm = run_of({"first": 1.3, "second": 1.3, **small, "a": 10.0, "b": 9.0}, run=1)
    cold = run_of({"a": 10.3, "b": 9.3, **small}, run=0)
    found, start = without_starts([*cold, *warm], _line)
    assert start == pytest.approx(0.3)
    assert {seen.seconds for seen in found if seen.key in "ab"} == {10.0, 9.0}


@pytest.mark.parametrize("count", [1, 2, 4])
def test_a_run_with_nothing_but_first_units_tells_no_start(count: int) -> None:
    seen = run_of({f"k{number}": 3.0 for number in range(count)}, workers=count)
    assert without_starts(seen, _line) == (seen, 0.0)


def test_units_that_shared_cores_are_counted_as_if_each_had_one() -> None:
    """Eight busy units of 1 s of processor time on two cores take 4 s each: closed form."""
    seen = run_of({f"k{number}": 4.0 for number in range(8)}, workers=8, cpu=0.25)
    found, telling = as_if_alone(seen, 2)
    assert {one.seconds for one in found} == {1.0}
    assert telling == []  # they waited for a core: of how much of one they use they say nothing


def test_units_that_wait_are_not_slowed_down_by_each_other() -> None:
    seen = run_of({f"k{number}": 4.0 for number in range(8)}, workers=8, cpu=0.01)
    found, telling = as_if_alone(seen, 2)
    assert found == telling == seen
    assert core_use(telling) == pytest.approx(0.01)
    # A machine that is busy with other things makes units longer: that is no proof that they wait.
    assert core_use(run_of({f"k{number}": 1.0 for number in range(9)}, cpu=0.4)) == 1.0
    assert core_use(run_of({"a": 1.0}, cpu=0.01)) == 1.0


APP = """\
import time

from agi_node import App, Args, Partial, Sum, WorkItem


class Waits(Partial):
    done: Sum[int]


LOADED = []
app = App("waits", args=Args, partial=Waits)


@app.plan
def items(args):
    for number in range(14):
        yield WorkItem(key=f"n{number:02}", payload=number, cost=1)


@app.work
def one(number: int, args, run):
    if not LOADED:
        LOADED.append(time.sleep(0.4))
    time.sleep(0.1)
    return Waits(done=1)
"""


@pytest.mark.journey
def test_a_plan_shares_cores_until_units_are_seen_to_wait(
    workspace: Workspace, run_it: RunIt, tmp_path: Path
) -> None:
    folder = write_app(tmp_path / "waits_project", APP, name="waits")
    workers = cores() + 5
    blind = plan_app(RunRequest(str(folder), workers=workers), workspace, output=tmp_path / "d.json")
    assert [one.capacity for one in blind.plan.workers] == pytest.approx([cores() / workers] * workers)
    assert blind.plan.makespan.bound == pytest.approx(14 / cores())
    assert blind.plan.makespan.cost >= 14 / cores() * (1 - 1e-9)

    # What a person reads back, edited or not, is judged as it was planned.
    again = evaluated(read_distribution(tmp_path / "d.json", workers))
    assert again.makespan.bound == pytest.approx(blind.plan.makespan.bound)
    plain = json.loads((tmp_path / "d.json").read_text())
    for item in plain["items"]:
        item["worker"] = "w0"
    (tmp_path / "d.json").write_text(json.dumps(plain))
    alone = evaluated(read_distribution(tmp_path / "d.json", workers))
    assert alone.makespan.cost == pytest.approx(14)  # one worker alone has a whole core
    ends = loads_of(alone, {item.unit: "w0" for item in alone.items})
    assert sorted(ends.values()) == pytest.approx([0.0] * (workers - 1) + [14.0])

    assert run_it(folder, workers=2).status == "succeeded"
    seen: Any = plan_app(RunRequest(str(folder), workers=workers), workspace).plan
    assert {one.capacity for one in seen.workers} == {1.0}  # they sleep: each worker has all it wants
    assert seen.makespan.start == pytest.approx(0.4, abs=0.25)
    assert all(item.seconds < 0.3 for item in seen.items)  # nobody pays 0.5 s for coming first
    assert seen.makespan.seconds == pytest.approx(0.4 + 2 * 0.1, abs=0.35)
