"""Apps that people write: small ones, odd ones, and ones that misbehave."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.projects.conftest import RunIt, manifest_of, reduced, write_app

from agi_node.errors import AgiError
from agilab.store.metrics import metric_tables
from agilab.store.store import Store
from agilab.store.workspace import Workspace

pytestmark = [pytest.mark.journey, pytest.mark.xdist_group("own_apps")]

SUMS = '''
"""Sums of squares."""
from pydantic import Field
from agi_node import App, Args, Moments, Partial, Sum, WorkItem, tracker

class SumArgs(Args):
    """How many."""
    count: int = Field(10, ge=1, description="How many numbers.")
    fail_at: int = -1

class Total(Partial):
    n: Sum[int] = 0
    total: Sum[float] = 0.0
    spread: Moments = Moments()

app = App("sums", args=SumArgs, partial=Total)

@app.plan
def plan(args):
    for n in range(args.count):
        yield WorkItem(key=f"n={n}", payload=n, cost=n)

@app.work
def work(n: int, args, run):
    if n == args.fail_at:
        raise ValueError(f"{n} is not welcome")
    for step in range(3):
        tracker.log_metric("value", n / 10 + step, step=step)
    run.log_param("seen", n)
    run.save_json("note", {"n": n})
    return Total(n=1, total=n * 0.1, spread=Moments.of([n * 0.1]))
'''


@pytest.fixture(scope="session")
def sums(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_app(tmp_path_factory.mktemp("apps") / "sums_project", SUMS)


def test_an_app_of_ones_own_runs_by_its_path_and_then_by_its_name(run_it: RunIt, sums: Path) -> None:
    by_path = reduced(run_it(sums, args={"count": "20"}))
    by_name = reduced(run_it("sums_project", args={"count": "20"}))
    assert by_path["payload"] == by_name["payload"]
    assert by_path["payload"]["n"] == 20
    assert by_path["payload"]["total"] == 19.0, "0.1 added up exactly and rounded once"


def test_metrics_of_every_unit_are_in_the_log_as_tables(
    run_it: RunIt, sums: Path, workspace: Workspace
) -> None:
    result = run_it(sums, args={"count": "4"})
    with Store(workspace) as store:
        tables = list(metric_tables(store, result.run_id or ""))
    assert len(tables) == 4
    assert all(table["step"] == [0, 1, 2] for _, table in tables)
    assert manifest_of(result)["metrics"]["value"]["count"] == 12


def test_an_exception_in_user_code_keeps_the_authors_frames(
    run_it: RunIt, sums: Path, workspace: Workspace
) -> None:
    result = run_it(sums, args={"fail_at": "3"})
    assert result.status == "failed"
    assert result.error is not None
    assert "3 is not welcome" in result.error.what
    assert result.error.whose == "author"
    with Store(workspace) as store:
        failed = store.unit(result.run_id or "", "work[n=3]")
        error = store.event(result.run_id or "", failed.done_seq or 0).data["error"]
    assert "raise ValueError" in error["traceback"]
    assert "agi_node" not in error["traceback"]


def test_source_edited_while_a_run_is_live_does_not_reach_it(run_it: RunIt, tmp_path: Path) -> None:
    """The plan edits the app's own source; every unit still runs what was there when the run began."""
    app = write_app(
        tmp_path / "edits_project",
        f"""
from pathlib import Path
from agi_node import App, Partial, Sum, WorkItem
class P(Partial):
    n: Sum[int] = 0
app = App("edits", partial=P)
SOURCE = Path({str(tmp_path / "edits_project/src/demo/__init__.py")!r})
@app.plan
def plan(args):
    SOURCE.write_text(SOURCE.read_text().replace("n=" + "1)", "n=" + "1000)"))
    return [WorkItem(key=str(k), payload=k) for k in range(8)]
@app.work
def work(k: int, args, run):
    return P(n=1)
""",
    )
    first = run_it(app)
    assert reduced(first)["payload"] == {"n": 8}
    second = run_it(app)
    assert reduced(second)["payload"] == {"n": 8000}
    assert manifest_of(first)["app"]["source_digest"] != manifest_of(second)["app"]["source_digest"]


def test_an_app_whose_import_fails_says_so_before_any_run(run_it: RunIt, tmp_path: Path) -> None:
    app = write_app(tmp_path / "broken_project", "import nothing_like_this\n")
    with pytest.raises(AgiError, match="nothing_like_this"):
        run_it(app)


def test_a_folder_that_is_no_app_is_told_from_a_name_that_is_unknown(run_it: RunIt, tmp_path: Path) -> None:
    with pytest.raises(AgiError, match=r"(?s)there is no such app.*flight_project"):
        run_it("flight_projcet")
    with pytest.raises(AgiError, match="there is no such app"):
        run_it(tmp_path)


def test_a_plan_with_two_equal_keys_fails_and_names_both_positions(run_it: RunIt, tmp_path: Path) -> None:
    app = write_app(
        tmp_path / "twice_project",
        """
from agi_node import App, WorkItem
app = App("twice")
@app.plan
def plan(args):
    return [WorkItem(key=k, payload=k) for k in ("a", "b", "a")]
@app.work
def work(k: str, args, run):
    return k
""",
    )
    result = run_it(app)
    assert result.status == "failed"
    assert result.error is not None
    assert "0" in str(result.error.to_plain() if hasattr(result.error, "to_plain") else result.error)
    assert "2" in str(result.error)


def test_an_app_without_a_reduce_leaves_its_artifacts_and_a_manifest(run_it: RunIt, tmp_path: Path) -> None:
    app = write_app(
        tmp_path / "plain_project",
        """
from agi_node import App, WorkItem
app = App("plain")
@app.plan
def plan(args):
    return [WorkItem(key=k, payload=k) for k in ("x", "y/z é", "..", ".")]
@app.work
def work(k: str, args, run):
    run.save_json("letter", {"k": k})
    return {"k": k}
""",
    )
    result = run_it(app)
    assert result.status == "succeeded", result.error
    assert result.reduce is None
    files = {file["key"]: file["path"] for file in manifest_of(result)["artifacts"]}
    folder = Path(result.manifest or "").parent
    assert {key: json.loads((folder / path).read_text())["k"] for key, path in files.items()} == {
        key: key for key in ("x", "y/z é", "..", ".")
    }


@pytest.mark.parametrize("padding", [0, 40_000], ids=["in the log", "as an object"])
def test_payloads_and_keys_that_json_readers_disagree_about_reach_the_unit_as_they_were(
    run_it: RunIt, tmp_path: Path, padding: int
) -> None:
    app = write_app(
        tmp_path / "odd_project",
        f"""
from typing import Any
from agi_node import App, WorkItem
ODD = {{"$price": "$5", "big": 2**70, "inf": float("inf"), "large": 1e16, "text": "$int:1"}}
app = App("odd")
@app.plan
def plan(args):
    for key, value in ODD.items():
        yield WorkItem(key=key, payload={{"value": value, "padding": "x" * {padding}}})
@app.work
def work(payload: dict[str, Any], args, run):
    assert payload["value"] == ODD[run.key], (payload, run.key)
    assert type(payload["value"]) is type(ODD[run.key])
    return payload["value"]
""",
    )
    result = run_it(app)
    assert result.status == "succeeded", result.error


def test_an_authors_own_merge_is_reduced_and_nothing_is_claimed_about_merging_it_again(
    run_it: RunIt, tmp_path: Path
) -> None:
    app = write_app(
        tmp_path / "own_project",
        """
from typing import Annotated
from agi_node import App, Merge, Partial, WorkItem
class Longest(Partial):
    word: Annotated[str, Merge(lambda a, b: max(a, b, key=lambda w: (len(w), w)), identity="")] = ""
app = App("own", partial=Longest)
@app.plan
def plan(args):
    return [WorkItem(key=w, payload=w) for w in ("a", "ccc", "bb")]
@app.work
def work(word: str, args, run):
    return Longest(word=word)
""",
    )
    result = run_it(app)
    assert result.status == "succeeded", result.error
    assert reduced(result)["payload"] == {"word": "ccc"}
    names = {check["name"] for check in manifest_of(result)["verdict"]["validations"]}
    assert "merge" not in names
    assert "partials" in names
