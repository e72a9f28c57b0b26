"""Results of earlier runs used again: what hits, what misses, and what is said about it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.projects.conftest import write_app

from agilab.contracts.run_result import RunResult
from agilab.engine.graph import Policy
from agilab.engine.selection import Selection
from agilab.evidence.export import export_run
from agilab.evidence.intake import import_run
from agilab.projects.plan import plan_app
from agilab.projects.request import RunRequest
from agilab.projects.rerun import rerun_app
from agilab.projects.run import run_app
from agilab.store.store import Store
from agilab.store.workspace import Workspace

pytestmark = pytest.mark.slow

APP = '''
"""Squares."""
from agi_node import App, Args, Partial, Sum, WorkItem
BASE = 10
class SquareArgs(Args):
    count: int = 4
class Total(Partial):
    n: Sum[int] = 0
def power(k):
    return BASE * k * k
app = App("squares", args=SquareArgs, partial=Total)
@app.plan
def plan(args):
    return [WorkItem(key=f"{k}", payload=k) for k in range(args.count)]
@app.work
def work(k: int, args, run):
    run.save_json("power", power(k))
    return Total(n=power(k))
@app.publish
def publish(total, run):
    return {"n": total.n}
'''


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_app(tmp_path_factory.mktemp("apps") / "squares_project", APP)


def again(app: Path, workspace: Workspace, **args: object) -> tuple[str, dict[str, str]]:
    """Run with the cache; the run's id, and why each unit was executed."""
    result = run_app(RunRequest(str(app), args, workers=1, track=False, cache=True), workspace)
    assert result.status == "succeeded"
    run_id = result.run_id or ""
    with Store(workspace, readonly=True) as store:
        events = store.events(run_id, kinds=("attempt_started",))
        return run_id, {str(event.unit_id): str(event.data.get("why")) for event in events}


def edited(app: Path, old: str, new: str) -> None:
    source = app / "src/demo/__init__.py"
    text = source.read_text()
    assert old in text
    source.write_text(text.replace(old, new))


def test_the_road_of_a_cached_app(app: Path, workspace: Workspace) -> None:
    first, why = again(app, workspace)
    assert why["work[0]"] == "never run"

    second, why = again(app, workspace)
    assert set(why) == {"plan"}, "a plan looks at the world, so it always runs"
    manifest = json.loads((workspace.run_folder(second) / "run_manifest.json").read_text())
    (reused,) = manifest["reused"]
    assert reused["run_id"] == first
    assert reused["units"] == ["publish", "reduce", "work[0]", "work[1]", "work[2]", "work[3]"]
    assert reused["older_code"] == []
    # The same bytes, and artifacts under their names although nothing was worked.
    one, two = (
        json.loads((workspace.run_folder(run) / "reduce_summary.json").read_text()) for run in (first, second)
    )
    assert one["payload"] == two["payload"] == {"n": 140}
    assert (workspace.run_folder(second) / "artifacts/work/3/power.json").is_file()

    _, why = again(app, workspace, count=5)
    assert why["work[4]"] == "never run"
    assert "work[0]" in why, "the arguments are given to every unit, so all of them count"

    edited(app, 'return {"n": total.n}', 'return {"sum": total.n}  # another word')
    _, why = again(app, workspace)
    assert set(why) == {"plan", "publish"}
    assert why["publish"].startswith("code changed: demo.publish since run ")

    edited(
        app,
        "    return BASE * k * k",
        "    # a remark, and more room\n    return (BASE * k\n            * k)",
    )
    _, why = again(app, workspace)
    assert set(why) == {"plan"}, "comments and layout are no code"

    edited(app, "BASE = 10", "BASE = 100")
    shown = plan_app(RunRequest(str(app), {}, workers=1, cache=True), workspace).plan
    assert {(item.decision, item.why.partition(" since")[0]) for item in shown.items} == {
        ("run", "code changed: demo.BASE")
    }
    _, why = again(app, workspace)
    assert why["work[1]"].startswith("code changed: demo.BASE since run ")
    shown = plan_app(RunRequest(str(app), {}, workers=1, cache=True), workspace).plan
    assert {item.decision for item in shown.items} == {"reuse"}


def test_without_being_asked_every_run_works_afresh(app: Path, workspace: Workspace) -> None:
    again(app, workspace)
    result = run_app(RunRequest(str(app), {}, workers=1, track=False, policy=Policy()), workspace)
    with Store(workspace, readonly=True) as store:
        run = store.run(result.run_id or "")
        assert list(store.events(run.run_id, kinds=("unit_reused",))) == []
        (body,) = [body for unit, body in store.results(run.run_id, "work") if unit.key == "1"]
    assert set(body["cache"]) == {"key", "code", "args", "inputs", "environment"}, (
        "a rerun needs it all the same"
    )


def test_what_explains_a_miss_travels_with_an_exported_run(
    app: Path, workspace: Workspace, tmp_path: Path
) -> None:
    run_id, _ = again(app, workspace, count=3)
    with Store(workspace) as store:
        export_run(store, run_id, tmp_path / "run.zip")
    there = Workspace(tmp_path / "elsewhere").ensure()
    import_run(tmp_path / "run.zip", there)
    with Store(there, readonly=True) as elsewhere:
        created = next(elsewhere.events(run_id, kinds=("run_created",))).data
        parts = json.loads(elsewhere.objects.read(created["codes_digest"]))
    assert "demo.power" in parts["work"]


FILES = '''
"""Numbers in files."""
from pathlib import Path
from agi_node import App, Args, FileRef, Files, Partial, Sum, WorkItem
class FilesArgs(Args):
    numbers: Files = "data/*.txt"
class Total(Partial):
    n: Sum[int] = 0
app = App("files", args=FilesArgs, partial=Total)
@app.plan
def plan(args):
    for file in args.numbers:
        yield WorkItem(key=file.stem, payload=file, cost=file.size)
@app.work
def work(file: FileRef, args, run):
    return Total(n=int(file.path.read_text()))
'''


def test_a_file_that_was_mended_is_read_as_it_is_now_and_the_others_are_used_again(
    workspace: Workspace, tmp_path: Path
) -> None:
    app = write_app(tmp_path / "files_project", FILES)
    data = tmp_path / "numbers"
    data.mkdir()
    for name, text in (("a", "1"), ("b", "two hundred"), ("c", "3")):
        (data / f"{name}.txt").write_text(text)
    asked = RunRequest(str(app), {"numbers": f"{data}/*.txt"}, workers=1, track=False, keep_going=True)
    first = run_app(asked, workspace).run_id or ""
    (data / "b.txt").write_text("2")
    (data / "c.txt").write_text("30")  # a sibling changed too
    one = rerun_app(first, Selection(units=("work[b]",)), workspace, track=False)
    assert executed(workspace, one) == {"plan", "work[b]", "reduce"}, "one key never touches a sibling"
    assert json.loads(Path(one.reduce or "").read_text())["payload"] == {"n": 6}
    both = rerun_app(first, Selection(failed=True), workspace, track=False)
    assert executed(workspace, both) == {"plan", "work[b]", "work[c]", "reduce"}
    assert json.loads(Path(both.reduce or "").read_text())["payload"] == {"n": 33}


def executed(workspace: Workspace, result: RunResult) -> set[str]:
    with Store(workspace, readonly=True) as store:
        events = store.events(result.run_id or "", kinds=("attempt_started",))
        return {str(event.unit_id) for event in events}


ALIKE = '''
"""Items that are alike but for their keys."""
from agi_node import App, Args, Concat, Partial, WorkItem
class AlikeArgs(Args):
    pass
class Seen(Partial):
    keys: Concat[str] = ()
app = App("alike", args=AlikeArgs, partial=Seen)
@app.plan
def plan(args):
    return [WorkItem(key=key, payload=1) for key in ("a", "b", "c")]
@app.work
def work(payload: int, args, run):
    return Seen(keys=(run.key,))
'''


def test_a_unit_is_never_given_the_result_of_another_with_the_same_payload(
    workspace: Workspace, tmp_path: Path
) -> None:
    app = write_app(tmp_path / "alike_project", ALIKE)
    first, _ = again(app, workspace)
    second, why = again(app, workspace)
    assert set(why) == {"plan"}
    for run in (first, second):
        summary = json.loads((workspace.run_folder(run) / "reduce_summary.json").read_text())
        assert sorted(summary["payload"]["keys"]) == ["a", "b", "c"]
    edited(app, '("a", "b", "c")', '("a", "b", "d")')
    _, why = again(app, workspace)
    assert why["work[d]"] == "never run"
