"""Who does what: planned, edited by a person, checked before anything runs, followed, and kept with the run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.projects.conftest import RunIt, reduced, write_app

from agi_node.errors import AgiError
from agilab.contracts.base import read_document
from agilab.contracts.distribution import Distribution
from agilab.projects.assignment import pins
from agilab.projects.distribution import kept, summary
from agilab.projects.distribution_checks import check_items
from agilab.projects.plan import Planned, plan_app
from agilab.projects.request import RunRequest
from agilab.projects.resume import resume_run
from agilab.store.store import Store
from agilab.store.workspace import Workspace

pytestmark = [pytest.mark.journey, pytest.mark.xdist_group("distributions")]
Edit = Callable[[dict[str, Any]], object]

HOURS = '''
"""Hours of work."""
import os
import time
from pathlib import Path
from agi_node import App, Args, Partial, Sum, WorkItem

class HoursArgs(Args):
    """How many."""
    count: int = 6
    seconds: float = 0.0
    drift: str = ""
    die_once: str = ""
    lie: bool = False

class Total(Partial):
    n: Sum[int] = 0
    hours: Sum[float] = 0.0

app = App("hours", args=HoursArgs, partial=Total)

@app.plan
def plan(args):
    count = args.count
    if args.drift:
        # asked a second time, it has another list
        count += len(list(Path(args.drift).iterdir()))
        (Path(args.drift) / str(count)).touch()
    for n in range(count):
        yield WorkItem(key=f"h{n}", payload=n, cost=10 - n if args.lie else 1 + n)

@app.work
def work(n: int, args, run):
    if args.die_once and n == 3 and not Path(args.die_once).exists():
        Path(args.die_once).touch()
        os._exit(9)
    time.sleep(args.seconds * (1 + n))
    return Total(n=1, hours=n * 0.1)
'''


@pytest.fixture(scope="session")
def hours(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_app(tmp_path_factory.mktemp("apps") / "hours_project", HOURS)


@pytest.fixture
def planned(hours: Path, workspace: Workspace) -> Planned:
    return plan_app(RunRequest(str(hours), workers=2, placement="static"), workspace)


@pytest.fixture
def edited(planned: Planned, tmp_path: Path) -> Callable[[Edit], Path]:
    """A copy of the planned distribution, as a person edits it."""

    def edit(change: Edit) -> Path:
        plain = json.loads(planned.distribution_path.read_text(encoding="utf-8"))
        change(plain)
        path = tmp_path / "mine.json"
        path.write_text(json.dumps(plain), encoding="utf-8")
        return path

    return edit


def workers_of(workspace: Workspace, run_id: str | None) -> dict[str, str | None]:
    with Store(workspace) as store:
        return {unit.key: unit.worker for unit in store.units(run_id or "", node="work")}


def runs_in(workspace: Workspace) -> int:
    with Store(workspace) as store:
        return len(store.runs(limit=10_000))


def test_a_plan_gives_every_item_to_a_worker_and_says_how_even_that_is(planned: Planned) -> None:
    found = read_document(planned.distribution_path, Distribution)
    assert sorted(item.key for item in found.items) == [f"h{n}" for n in range(6)]
    assert {item.worker for item in found.items} == {"w0", "w1"}
    assert found.placement == "static"
    assert [(item.unit, item.worker) for item in planned.plan.items] == [
        (item.unit, item.worker) for item in found.items
    ]
    assert planned.plan.executed is False
    assert planned.counts == {"w0": 3, "w1": 3}
    assert max(found.loads().values()) == max(planned.loads.values())
    assert found.makespan.cost == 11.0  # 6 5 4 3 2 1 on two: 10.5 is the half
    assert summary(found).startswith("6 items on 2 workers: ")


def test_a_dynamic_plan_leaves_items_to_whoever_is_idle(hours: Path, workspace: Workspace) -> None:
    planned = plan_app(RunRequest(str(hours), workers=3), workspace)
    assert {item.worker for item in planned.plan.items} == {None}
    assert {item.worker for item in planned.distribution.items} == {None}
    assert sum(planned.counts.values()) == 6
    assert min(planned.loads.values()) > 0


def test_a_static_run_follows_its_plan_and_gives_the_bytes_of_a_dynamic_one(
    run_it: RunIt, hours: Path, workspace: Workspace
) -> None:
    dynamic = run_it(hours, workers=2)
    static = run_it(hours, workers=2, placement="static")
    assert Path(dynamic.reduce or "").read_bytes() == Path(static.reduce or "").read_bytes()
    with Store(workspace) as store:
        found = kept(store, static.run_id or "")
        assert kept(store, dynamic.run_id or "") is None
        (created,) = store.events(static.run_id or "", kinds=("run_created",))
    assert found is not None
    assert workers_of(workspace, static.run_id) == {item.key: item.worker for item in found.items}
    assert created.data["placement"] == "static"
    assert "--placement static" in created.data["replay"]["command"]
    shown = workspace.run_folder(static.run_id or "") / "distribution.json"
    assert read_document(shown, Distribution) == found


def test_an_edited_distribution_is_followed_to_the_letter(
    run_it: RunIt, hours: Path, workspace: Workspace, edited: Callable[[Edit], Path]
) -> None:
    def all_but_one_on_w1(plain: dict[str, Any]) -> None:
        for item in plain["items"]:
            item["worker"] = None if item["key"] == "h0" else "w1"

    path = edited(all_but_one_on_w1)
    result = run_it(hours, distribution=path)
    assert result.status == "succeeded"
    ran = workers_of(workspace, result.run_id)
    assert ran.pop("h0") in ("w0", "w1")
    assert set(ran.values()) == {"w1"}
    assert reduced(result)["payload"]["n"] == 6
    with Store(workspace) as store:
        found = kept(store, result.run_id or "")
    assert found is not None
    assert found.items == read_document(path, Distribution).items
    assert found.makespan.cost == 20.0  # as edited, not as it was planned
    again = plan_app(RunRequest(str(hours), distribution=path), workspace)
    assert again.plan.makespan.cost == 20.0  # as edited, not as it was planned
    assert again.counts == {"w0": 1, "w1": 5}


def _without(plain: dict[str, Any]) -> None:
    plain["items"] = [item for item in plain["items"] if item["key"] not in ("h2", "h4")]


def _twice(plain: dict[str, Any]) -> None:
    plain["items"].append(plain["items"][2])


def _unknown(plain: dict[str, Any]) -> None:
    plain["items"].append({**plain["items"][0], "unit": "work[h77]", "key": "h77"})


def _renamed(plain: dict[str, Any]) -> None:
    plain["items"][0]["key"] = "other"


def _no_such_worker(plain: dict[str, Any]) -> None:
    plain["items"][0]["worker"] = "w7"


def _listed_but_not_there(plain: dict[str, Any]) -> None:
    plain["workers"][1]["worker"] = "gpu0"
    for item in plain["items"]:
        item["worker"] = "gpu0"


def _elsewhere(plain: dict[str, Any]) -> None:
    plain["workers"][1]["host"] = "lab-3"


def _nobody(plain: dict[str, Any]) -> None:
    plain["workers"] = []
    for item in plain["items"]:
        item["worker"] = None


def _too_dear(plain: dict[str, Any]) -> None:
    for item in plain["items"]:
        item["cost"] = 1e308


BROKEN: list[tuple[Edit, str, str, str]] = [
    (_without, "AGI-PLAN-003", "leaves out 2 items of the plan", "nothing about work[h2], work[h4]"),
    (_twice, "AGI-DOC-005", "names an item twice", "work[h3]"),
    (_unknown, "AGI-PLAN-004", "has 1 item that the plan does not have", "work[h77] (key 'h77')"),
    (_renamed, "AGI-PLAN-004", "has 1 item that the plan does not have", "work[h5] (key 'other')"),
    (_no_such_worker, "AGI-DOC-005", "gives an item to a worker that is not there", "w7"),
    (_listed_but_not_there, "AGI-PLAN-005", "a worker is not there", "gpu0 on host local"),
    (_elsewhere, "AGI-PLAN-005", "a worker is not there", "w1 on host lab-3"),
    (_nobody, "AGI-PLAN-005", "there are no workers", "an empty list"),
    (lambda plain: plain.update(app="waves"), "AGI-PLAN-001", "the items of another app", "waves"),
    (
        lambda plain: plain.update(plan_digest="ab" * 32),
        "AGI-PLAN-002",
        "made for another plan",
        "plan abababababab",
    ),
    (lambda plain: plain.pop("items"), "AGI-DOC-004", "items is missing", "nothing"),
    (
        _too_dear,
        "AGI-PLAN-012",
        "the costs of all items together",
        "a largest cost of 1e+308, capacities of 1 to 1",
    ),
]


@pytest.mark.parametrize(("change", "code", "what", "found"), BROKEN, ids=[row[0].__name__ for row in BROKEN])
def test_a_distribution_that_does_not_fit_is_refused_and_nothing_is_recorded(
    run_it: RunIt,
    hours: Path,
    workspace: Workspace,
    edited: Callable[[Edit], Path],
    change: Edit,
    code: str,
    what: str,
    found: str,
) -> None:
    before = runs_in(workspace)
    path = edited(change)
    with pytest.raises(AgiError, match=what) as caught:
        run_it(hours, distribution=path)
    assert (caught.value.code, caught.value.found) == (code, found)
    assert "mine.json" in caught.value.what or code == "AGI-PLAN-012"
    assert runs_in(workspace) == before


def test_other_arguments_are_another_plan_and_another_policy_is_not(
    run_it: RunIt, hours: Path, workspace: Workspace, planned: Planned
) -> None:
    before = runs_in(workspace)
    with pytest.raises(AgiError, match="made for another plan of hours_project"):
        run_it(hours, distribution=planned.distribution_path, args={"count": "7"})
    with pytest.raises(AgiError, match="is for another number of workers") as caught:
        run_it(hours, distribution=planned.distribution_path, workers=3)
    assert caught.value.allowed is not None
    assert "--workers 2" in caught.value.allowed
    assert runs_in(workspace) == before
    assert run_it(hours, distribution=planned.distribution_path, keep_going=True).status == "succeeded"


def test_a_plan_that_changes_its_mind_fails_the_run_before_any_item_is_worked(
    run_it: RunIt, hours: Path, workspace: Workspace, tmp_path: Path
) -> None:
    (tmp_path / "asked").mkdir()
    result = run_it(hours, placement="static", workers=2, args={"drift": str(tmp_path / "asked")})
    assert result.status == "failed"
    assert result.error is not None
    assert "the distribution of this run leaves out 1 item of the plan" in result.error.what
    assert workers_of(workspace, result.run_id) == {}
    assert Path(result.manifest or "").is_file()


@pytest.mark.faults
def test_a_worker_that_dies_comes_back_to_its_own_items(
    run_it: RunIt, hours: Path, workspace: Workspace, tmp_path: Path
) -> None:
    result = run_it(hours, placement="static", workers=2, args={"die_once": str(tmp_path / "died")})
    assert result.status == "succeeded"
    assert (tmp_path / "died").exists()
    with Store(workspace) as store:
        found = kept(store, result.run_id or "")
        assert store.unit(result.run_id or "", "work[h3]").attempts == 2
    assert found is not None
    assert workers_of(workspace, result.run_id) == {item.key: item.worker for item in found.items}


@pytest.mark.faults
def test_a_run_that_goes_on_with_fewer_workers_does_not_wait_for_those_that_are_gone(
    hours: Path, workspace: Workspace
) -> None:
    words = ["run", str(hours), "--placement", "static", "--workers", "3", "--no-track", "--seconds", "0.05"]
    environ = {**os.environ, "AGILAB_HOME": str(workspace.home)}
    runs = runs_in(workspace)
    process = subprocess.Popen(
        [sys.executable, "-m", "agilab", *words],
        env=environ,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    until = time.monotonic() + 60
    run_id = ""
    while time.monotonic() < until:
        with Store(workspace) as store:
            run_id = store.run("last").run_id if len(store.runs(limit=10_000)) > runs else ""
            if run_id and any(store.units(run_id, node="work", state="running")):
                break
        time.sleep(0.01)
    process.kill()
    process.wait()
    result = resume_run(run_id, workspace, workers=1)
    assert result.status == "succeeded"
    with Store(workspace) as store:
        found = kept(store, run_id)
    assert found is not None
    assert len(pins(found)) == 6
    assert set(pins(found, 1).values()) == {"w0"}
    assert set(workers_of(workspace, run_id)) == {f"h{n}" for n in range(6)}


def test_what_a_run_measured_orders_and_places_the_next_one(
    run_it: RunIt, hours: Path, workspace: Workspace
) -> None:
    """The app says that its longest item is its cheapest; the first run finds out."""
    args = {"seconds": "0.12", "count": "4", "lie": "true"}
    first = run_it(hours, workers=2, args=args)
    planned = plan_app(RunRequest(str(hours), workers=2, placement="static", args=args), workspace)
    assert planned.plan.makespan.basis == "measured in the last run"
    assert planned.plan.makespan.seconds is not None
    assert [item.key for item in planned.plan.items] == ["h3", "h2", "h1", "h0"]
    assert {item.key: item.cost for item in planned.plan.items} == {f"h{n}": 10.0 - n for n in range(4)}
    second = run_it(hours, workers=2, args=args)
    with Store(workspace) as store:
        took = {u.key: (u.duration_us or 0) / 1e6 for u in store.units(first.run_id or "", node="work")}
        costs = {u.key: u.cost for u in store.units(second.run_id or "", node="work")}
    assert costs == pytest.approx(took)  # all stood out, so all were measured
    assert first.status == second.status == "succeeded"
    assert sorted(costs, key=lambda key: -costs[key]) == ["h3", "h2", "h1", "h0"]


def test_an_output_that_is_there_already_is_not_replaced(
    hours: Path, workspace: Workspace, edited: Callable[[Edit], Path]
) -> None:
    path = edited(lambda plain: None)
    text = path.read_text()
    with pytest.raises(AgiError, match="would replace a file that is there already") as caught:
        plan_app(RunRequest(str(hours)), workspace, output=path)
    assert caught.value.code == "AGI-PLAN-008"
    assert path.read_text() == text


def test_an_item_of_a_name_that_is_escaped_is_told_by_its_key(hours: Path, planned: Planned) -> None:
    with pytest.raises(AgiError, match="leaves out 1 item") as caught:
        check_items(planned.distribution, [*(f"h{n}" for n in range(6)), "é/[x]"], "mine.json")
    assert caught.value.found == "nothing about work[%C3%A9%2F%5Bx%5D] (key 'é/[x]')"
