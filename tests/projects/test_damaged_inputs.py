"""An app that writes to what it reads: its unit fails, the damage is named, and results are made anew."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from tests.projects.conftest import RunIt, reduced, write_app

from agilab.store.store import Store
from agilab.store.workspace import Workspace

pytestmark = [pytest.mark.journey, pytest.mark.xdist_group("damaged_inputs")]

COUNTS = '''
"""Lines of files, and what some code does to them."""
import shutil
from agi_node import App, Args, FileRef, Files, Partial, Sum, WorkItem

class CountArgs(Args):
    """Where the files are, and what happens to which."""
    data: Files = Files("data")
    harm: str = ""

class Lines(Partial):
    lines: Sum[int] = 0

app = App("counts", args=CountArgs, partial=Lines)

@app.plan
def plan(args):
    for file in args.data:
        yield WorkItem(key=file.stem, payload=file, cost=1)

@app.work
def work(file: FileRef, args, run):
    text = file.path.read_text()
    (run.folder / "own.txt").write_text("one")
    with (run.folder / "own.txt").open("a") as own:
        own.write("two")
    run.save_json("note", {"file": file.name, "lines": text.count("\\n")})
    if run.key == "a" and args.harm == "input":
        with file.path.open("r+") as target:
            target.write("z")
    return Lines(lines=text.count("\\n"))

@app.publish
def publish(summary, args, run):
    if args.harm == "artifact":
        _, path = run.artifacts("note")[0]
        path.chmod(0o644)
        path.write_bytes(path.read_bytes().replace(b"a", b"A"))
    return {"lines": summary.lines}
'''


@pytest.fixture(scope="session")
def counts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_app(tmp_path_factory.mktemp("apps") / "counts_project", COUNTS)


@pytest.fixture
def data(counts: Path) -> Path:
    """The files as they are: old ones, of 2 and of 1 line."""
    folder = counts / "data"
    folder.mkdir(exist_ok=True)
    for name, text in {"a": "1\n2\n", "b": "3\n"}.items():
        (folder / f"{name}.csv").write_text(text)
        os.utime(folder / f"{name}.csv", (1_500_000_000, 1_500_000_000))
    return folder


def test_an_app_that_only_reads_succeeds_and_may_append_to_its_own_file(
    run_it: RunIt, counts: Path, data: Path
) -> None:
    result = run_it(counts)
    assert (result.status, reduced(result)["payload"]) == ("succeeded", {"lines": 3})


def test_a_unit_that_writes_to_its_input_fails_the_run(run_it: RunIt, counts: Path, data: Path) -> None:
    result = run_it(counts, args={"harm": "input"})
    assert result.status == "failed"
    assert result.error is not None
    assert (result.error.code, result.error.whose) == ("AGI-DATA-007", "author")
    assert result.error.what == "the file app:data/a.csv changed while work[a] had it to read"
    assert (data / "a.csv").read_text() == "z\n2\n", "nobody can put it back: the app's author is told to"


def test_a_result_that_publish_damages_is_set_aside_and_made_anew(
    run_it: RunIt, counts: Path, data: Path, workspace: Workspace
) -> None:
    first = run_it(counts, cache=True)
    broken = run_it(counts, args={"harm": "artifact"})
    assert broken.status == "failed"
    assert broken.error is not None
    assert broken.error.code == "AGI-DATA-007"
    assert broken.error.what == "the artifact note of a changed while publish had it to read"
    with Store(workspace) as store:
        digest = next(row.digest for row in store.artifacts(first.run_id or "") if row.name == "note")
        assert digest not in store.objects
        again = run_it(counts, cache=True)
        assert again.status == "succeeded"
        states = {unit.unit_id: unit.state for unit in store.units(again.run_id or "")}
        assert (states["work[a]"], states["work[b]"]) == ("succeeded", "reused")
        assert json.loads(store.objects.read(digest)) == {"file": "a.csv", "lines": 2}
