"""Apps of nodes, run for real: side by side, failed, tried again, rerun, cached, killed and gone on with."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.projects.conftest import manifest_of, write_app

from agi_node import AgiError
from agi_node.canonical import sha256_file
from agilab.contracts.run_result import RunResult
from agilab.engine.graph import Policy
from agilab.engine.selection import Selection
from agilab.envs import find_uv
from agilab.projects.check import check_app
from agilab.projects.plan import plan_app
from agilab.projects.request import RunRequest
from agilab.projects.rerun import preview_rerun, rerun_app
from agilab.projects.resume import resume_run
from agilab.projects.run import run_app
from agilab.store.store import Store
from agilab.store.workspace import Workspace

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("node_apps")]

DIAMOND = '''
"""A diamond: two branches that need nothing of each other."""
import time
from pathlib import Path
from agi_node import App, Args, Files

class DiamondArgs(Args):
    folder: str = "."
    texts: Files = "texts/*.txt"
    together: bool = False
    fail: str = ""
    slow_s: float = 0.0

app = App("diamond", args=DiamondArgs)

def called(args, name):
    """Note the call; where both branches must run at once, wait for the other one."""
    with open(Path(args.folder) / "calls.txt", "a") as file:
        file.write(name + "\\n")
    if args.fail == name:
        raise ValueError(f"{name} was told to")

def meet(args, mine, other):
    Path(args.folder, mine).touch()
    while args.together and not Path(args.folder, other).exists():
        time.sleep(0.005)

@app.node
def lines(args):
    called(args, "lines")
    return [line for file in args.texts for line in file.path.read_text().splitlines()]

@app.node(timeout_s=20)
def words(lines, args):
    called(args, "words")
    meet(args, "w", "l")
    return sorted(word for line in lines for word in line.split())

@app.node(timeout_s=20)
def longest(lines, args):
    called(args, "longest")
    meet(args, "l", "w")
    time.sleep(args.slow_s)
    return max(lines, key=len)

@app.node
def report(words, longest, run):
    run.save_json("words", words)
    return {"words": len(words), "longest": longest}

@app.publish
def publish(report, run):
    run.validate("there are words", report["words"] > 0)
    return {**report, "saved": len(run.artifacts("words"))}
'''


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    app = write_app(tmp_path_factory.mktemp("apps") / "diamond_project", DIAMOND, name="diamond")
    (app / "texts").mkdir()
    (app / "texts/a.txt").write_text("one two\nthree\n")
    (app / "texts/b.txt").write_text("four five six\n")
    return app


def go(app: Path, workspace: Workspace, folder: Path, *, cache: bool = False, **args: object) -> RunResult:
    request = RunRequest(str(app), {"folder": str(folder), **args}, workers=2, track=False, cache=cache)
    return run_app(request, workspace)


def calls(folder: Path) -> list[str]:
    """What was called since the last look, in the order of names."""
    path = folder / "calls.txt"
    found = sorted(path.read_text().split()) if path.exists() else []
    path.unlink(missing_ok=True)
    return found


def states(workspace: Workspace, result: RunResult) -> dict[str, str]:
    with Store(workspace, readonly=True) as store:
        return {unit.unit_id: unit.state for unit in store.units(result.run_id or "")}


def value(workspace: Workspace, result: RunResult, node: str) -> object:
    with Store(workspace, readonly=True) as store:
        return store.value(store.result(result.run_id or "", node))


def test_a_diamond_runs_its_branches_side_by_side(app: Path, workspace: Workspace, tmp_path: Path) -> None:
    """Each branch waits for the other: in one worker after the other they would never end."""
    result = go(app, workspace, tmp_path, together=True)
    assert result.status == "succeeded", result.error
    whole = {"words": 6, "longest": "four five six", "saved": 1}
    assert value(workspace, result, "publish") == whole
    assert calls(tmp_path) == ["lines", "longest", "words"]
    manifest = manifest_of(result)
    assert [node["node"] for node in manifest["execution"]["nodes"]][-1] == "publish"
    assert {node["target"] for node in manifest["execution"]["nodes"]} >= {"diamond:app#words"}
    assert ("there are words", True) in [
        (one["name"], one["passed"]) for one in manifest["verdict"]["validations"]
    ]


def test_what_a_failed_node_would_have_fed_is_not_run_and_a_rerun_does_the_rest(
    app: Path, workspace: Workspace, tmp_path: Path
) -> None:
    request = RunRequest(
        str(app), {"folder": str(tmp_path), "fail": "words"}, workers=2, track=False, keep_going=True
    )
    result = run_app(request, workspace)
    assert result.status == "failed"
    assert result.error is not None
    assert result.error.what == "words raised ValueError: words was told to"
    with Store(workspace, readonly=True) as store:
        found = {node.node: node.state for node in store.nodes(result.run_id or "")}
    assert found["words"] == "failed"
    assert {found["report"], found["publish"]} == {"upstream_failed"}
    assert calls(tmp_path) == ["lines", "longest", "words"]

    source = app / "src/diamond/__init__.py"
    before = source.read_text()
    source.write_text(before.replace("if args.fail == name:", "if args.fail == name + '!':"))
    try:
        again = rerun_app(result.run_id or "", Selection(failed=True), workspace, track=False)
    finally:
        source.write_text(before)
    assert again.status == "succeeded"
    assert calls(tmp_path) == ["words"]
    assert states(workspace, again) == {
        **dict.fromkeys(("lines", "longest"), "reused"),
        **dict.fromkeys(("words", "report", "publish"), "succeeded"),
    }


def test_a_rerun_from_a_node_runs_it_and_what_follows(
    app: Path, workspace: Workspace, tmp_path: Path
) -> None:
    result = go(app, workspace, tmp_path)
    calls(tmp_path)
    shown = preview_rerun(result.run_id or "", Selection(from_node="longest"), workspace)
    assert set(shown.execute) == {"longest", "report", "publish"}
    assert set(shown.reuse) == {"lines", "words"}
    again = rerun_app(result.run_id or "", Selection(from_node="longest"), workspace, track=False)
    assert (again.status, calls(tmp_path)) == ("succeeded", ["longest"])
    with pytest.raises(AgiError, match="AGI-RUN-040"):
        preview_rerun(result.run_id or "", Selection(from_node="shortest"), workspace)


def test_a_cached_node_is_used_again_until_something_it_depends_on_changes(
    app: Path, workspace: Workspace, tmp_path: Path
) -> None:
    def plan() -> dict[str, str]:
        args = {"folder": str(tmp_path)}
        shown = plan_app(RunRequest(str(app), args, workers=2, cache=True), workspace).plan
        return {item.node: item.decision for item in shown.items}

    first = go(app, workspace, tmp_path, cache=True)
    assert calls(tmp_path) == ["lines", "longest", "words"]
    second = go(app, workspace, tmp_path, cache=True)
    assert calls(tmp_path) == []
    assert set(states(workspace, second).values()) == {"reused"}
    assert set(plan().values()) == {"reuse"}
    assert value(workspace, second, "publish") == value(workspace, first, "publish")

    source, text = app / "src/diamond/__init__.py", app / "texts/b.txt"
    before = source.read_text()
    source.write_text(before.replace("max(lines, key=len)", "max(lines, key=lambda line: (len(line), line))"))
    try:
        assert plan() == {
            **dict.fromkeys(("lines", "words"), "reuse"),
            **dict.fromkeys(("longest", "report", "publish"), "run"),
        }
        third = go(app, workspace, tmp_path, cache=True)
        assert calls(tmp_path) == ["longest"], "what it returned is what it was, so the rest is used again"
        assert states(workspace, third)["report"] == "reused"
    finally:
        source.write_text(before)

    was = text.read_text()
    text.write_text("four five six seven\n")  # a file that the arguments name
    try:
        assert plan()["lines"] == "run"
        fourth = go(app, workspace, tmp_path, cache=True)
        assert calls(tmp_path) == ["lines", "longest", "words"]
        assert value(workspace, fourth, "longest") == "four five six seven"
    finally:
        text.write_text(was)


def test_the_files_that_arguments_name_are_the_runs_inputs(
    app: Path, workspace: Workspace, tmp_path: Path
) -> None:
    result = go(app, workspace, tmp_path)
    with Store(workspace, readonly=True) as store:
        created = next(store.events(result.run_id or "", kinds=("run_created",))).data
    assert [(file["path"], file["digest"]) for file in created["inputs"]] == [
        (f"texts/{name}", sha256_file(app / "texts" / name)) for name in ("a.txt", "b.txt")
    ]
    assert manifest_of(result)["inputs"] == [
        {
            "root": "app",
            "path": f"texts/{name}",
            "size": (app / "texts" / name).stat().st_size,
            "digest": sha256_file(app / "texts" / name),
        }
        for name in ("a.txt", "b.txt")
    ]


def test_the_runs_own_policy_is_kept_by_a_rerun_and_a_nodes_goes_before_it(
    app: Path, workspace: Workspace, tmp_path: Path
) -> None:
    request = RunRequest(
        str(app),
        {"folder": str(tmp_path), "fail": "lines"},
        workers=1,
        track=False,
        policy=Policy(max_retries=1, delay_s=0.01, timeout_s=50),
    )
    result = run_app(request, workspace)
    assert calls(tmp_path) == ["lines", "lines"]
    again = rerun_app(result.run_id or "", Selection(failed=True), workspace, track=False)
    assert calls(tmp_path) == ["lines", "lines"]
    with Store(workspace, readonly=True) as store:
        plan = json.loads(store.objects.read(store.run(again.run_id or "").plan_digest or ""))
    limits = {node["name"]: node["policy"]["timeout_s"] for node in plan["nodes"]}
    assert limits == {"lines": 50, "words": 20, "longest": 20, "report": 50, "publish": 50}


def until(condition: Callable[[], bool], seconds: float = 20) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return False


@pytest.mark.faults
def test_after_a_kill_a_resume_runs_only_what_was_not_done(
    app: Path, workspace: Workspace, tmp_path: Path
) -> None:
    words = ["run", str(app), "--workers", "2", "--no-track", "--folder", str(tmp_path), "--slow-s", "3"]
    process = subprocess.Popen(
        [sys.executable, "-m", "agilab", *words],
        env={**os.environ, "AGILAB_HOME": str(workspace.home)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )

    def words_done() -> bool:
        """The store says that a unit runs a moment before its code is called: so the code is asked first."""
        called = tmp_path / "calls.txt"
        if not called.is_file() or "longest" not in called.read_text():
            return False
        with Store(workspace, readonly=True) as store:
            units = {unit.unit_id: unit.state for unit in store.units(store.run("last").run_id)}
        return units.get("words") == "succeeded" and units.get("longest") == "running"

    try:
        assert until(words_done)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    with Store(workspace, readonly=True) as store:
        run_id = store.run("last").run_id
        assert store.run(run_id).state == "running"
    assert calls(tmp_path) == ["lines", "longest", "words"]
    result = resume_run(run_id, workspace)
    assert (result.status, result.run_id) == ("succeeded", run_id)
    assert calls(tmp_path) == ["longest"]
    assert value(workspace, result, "publish") == {"words": 6, "longest": "four five six", "saved": 1}


TABLES = '''
"""A table goes from a node to others, and comes back as what it was."""
import polars as pl
from agi_node import App, Args

class TableArgs(Args):
    rows: int = 50_000

app = App("tables", args=TableArgs)

@app.node
def raw(args):
    return pl.DataFrame({"k": pl.int_range(args.rows, eager=True) % 7, "x": pl.int_range(args.rows, eager=True)})

@app.node
def sums(raw: pl.DataFrame) -> pl.DataFrame:
    return raw.group_by("k").agg(pl.col("x").sum()).sort("k")

@app.node
def text(sums):
    return sums.write_csv().encode()

@app.publish
def publish(text, sums, args, run):
    run.save_table("sums", sums)
    total = int(sums["x"].sum())
    run.validate("nothing is lost", total == args.rows * (args.rows - 1) // 2, value=total)
    return {"total": total, "bytes": len(text)}
'''


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    app = write_app(tmp_path_factory.mktemp("apps") / "tables_project", TABLES, name="tables")
    project = app / "pyproject.toml"
    project.write_text(project.read_text().replace('["pydantic>=2.9"]', '["pydantic>=2.9", "polars>=1.30"]'))
    subprocess.run([str(find_uv()), "lock", "--quiet", "--directory", str(app)], check=True)
    return app


@pytest.mark.journey
def test_tables_and_bytes_go_between_workers_by_digest(tables: Path, workspace: Workspace) -> None:
    result = run_app(RunRequest(str(tables), {}, workers=2, track=False), workspace)
    assert result.status == "succeeded", result.error
    # The sum of 0, 1, …, n - 1, by Gauss; and the lines of the seven classes as anybody writes them.
    totals = {k: sum(range(k, 50_000, 7)) for k in range(7)}
    lines = "k,x\n" + "".join(f"{k},{total}\n" for k, total in totals.items())
    assert value(workspace, result, "publish") == {"total": 50_000 * 49_999 // 2, "bytes": len(lines)}
    with Store(workspace, readonly=True) as store:
        raw, text = (store.result(result.run_id or "", node) for node in ("raw", "text"))
        assert (raw["codec"], raw["value_type"]) == ("parquet", "polars.DataFrame")
        assert store.objects.path(text["value_digest"]).read_text() == lines
        assert store.objects.path(raw["value_digest"]).stat().st_size == raw["value_size"]
    shown = subprocess.run(
        [sys.executable, "-m", "agilab", "runs", "show", str(result.run_id), "sums"],
        env={**os.environ, "AGILAB_HOME": str(workspace.home)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "a polars.DataFrame as parquet" in shown.stdout


@pytest.mark.journey
def test_a_check_compares_what_nodes_return_with_one_worker_and_two(
    tables: Path, workspace: Workspace
) -> None:
    (tables / "README.md").write_text("# tables\n\n    agilab run tables_project\n")
    (tables / "pipeline_view.dot").write_text(
        "digraph tables { raw -> sums -> text -> publish; sums -> publish; }"
    )
    checks = {check.name: check for check in check_app(str(tables), workspace, thorough=True).checks}
    assert checks["pipeline view"].evidence == "4 nodes and 4 edges, as the app says of itself"
    assert checks["workers"].verdict == "passed"
    assert checks["workers"].evidence.startswith(
        "the values of 4 nodes have the same bytes with 1 and 2 workers"
    )

    (tables / "pipeline_view.dot").write_text("digraph tables { raw -> sums -> text -> publish; }")
    source = tables / "src/tables/__init__.py"
    before = source.read_text()
    source.write_text(before.replace('.sort("k")', '.with_columns(z=__import__("os").getpid())'))
    try:
        checks = {check.name: check for check in check_app(str(tables), workspace, thorough=True).checks}
    finally:
        source.write_text(before)
    assert checks["pipeline view"].evidence == "sums -> publish is not in the picture"
    assert checks["workers"].verdict == "failed"
    assert checks["workers"].evidence.startswith("what sums returned in run ")
