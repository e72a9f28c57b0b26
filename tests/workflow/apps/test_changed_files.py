"""Files that change while a run is on its way, and keep their size."""

from __future__ import annotations

import re
import tomllib

import pytest

from agilab.engine.graph import Policy
from agilab.projects.request import RunRequest
from agilab.projects.run import run_app
from agilab.store.store import Store
from tests.workflow.conftest import ALab

pytestmark = pytest.mark.slow

LAB = """
[lab]
params = { path = "", text = "" }

[[stages]]
id = "meddle"
inputs = ["path", "text"]
code = "open(path, 'w').write(text)"

[[stages]]
id = "read"
needs = ["meddle"]
inputs = ["data/Oslo.txt"]
code = "open('data/Oslo.txt').read()"

[[stages]]
id = "add"
app = "adding"
needs = ["meddle"]
inputs = ["data/Oslo.txt"]
outputs = ["summary"]
args = { file = "{data/Oslo.txt}" }
enabled = false
"""


@pytest.mark.parametrize("reader", ["read", "add"])
def test_a_file_of_the_lab_is_what_was_planned_or_the_stage_fails(calling: ALab, reader: str) -> None:
    lab = (
        LAB
        if reader == "read"
        else LAB.replace("enabled = false\n", "").replace("data/Oslo.txt').read()", "x')")
    )
    calling.write(lab.replace('id = "read"', 'id = "read"\nenabled = false') if reader == "add" else lab)
    path = str(calling.folder / "data" / "Oslo.txt")
    result = calling.run(params={"path": path, "text": "1 2 5"})  # it was 1 2 4
    assert result.error is not None
    assert result.error.code == "AGI-STAGE-102"
    assert result.error.what == "the input file data/Oslo.txt changed after the run was planned"
    # Written again, and the same: nothing changed.
    result = calling.run(params={"path": path, "text": "1 2 5"})
    assert result.status == "succeeded", result.error


MEDDLING = '''
"""The first attempt changes the file that it is to read, and fails."""
import os
from agi_node import App, Args, Files, WorkItem


class Read(Args):
    file: Files = "data/*.txt"
    text: str = "2"


app = App("adding", args=Read)


@app.plan
def plan(args):
    for file in args.file:
        yield WorkItem(file.stem, {"file": file, "at": str(file.path)})


@app.work
def work(payload, args):
    seen = open(payload["at"]).read()
    open(payload["at"], "w").write(args.text)
    if not os.path.exists(payload["at"] + ".met"):
        open(payload["at"] + ".met", "w").close()
        raise ValueError("again")
    return seen
'''


@pytest.mark.parametrize(("text", "status"), [("2", "failed"), ("1", "succeeded")])
def test_so_is_a_file_of_an_app(calling: ALab, text: str, status: str) -> None:
    folder = calling.folder / "adding"
    (folder / "src" / "adding" / "__init__.py").write_text(MEDDLING)
    (folder / "data").mkdir()
    (folder / "data" / "a.txt").write_text("1")
    request = RunRequest(str(folder), {"text": text}, track=False, policy=Policy(max_retries=1))
    result = run_app(request, calling.workspace)
    assert result.status == status, result.error
    if status == "failed":
        assert result.error is not None
        assert result.error.code == "AGI-DATA-003"
        assert result.error.what == "the file app:data/a.txt changed after the plan was made"


def _without_last_runs(text: str) -> str:
    """The text without every `[stages.last_run]`, what stands below it, and the empty line after it."""
    return re.sub(r"\[stages\.last_run\]\n(?:.+\n)*\n?", "", text)


def test_a_run_writes_back_what_it_ran_and_nothing_else(calling: ALab) -> None:
    text = '''# first line
schema = "agilab.lab_stages.v2"

[lab]   # kept
title = "A  study"

[lab.extra]
theirs = { a = 1 }   # not ours

[[stages]]
id = "ask"           # the id
question = """How many
are there?"""
model = "some-model"
code = "count = 3"
outputs = ["count"]

  [[stages]]
  id = "add"
  app = "adding"
  outputs = ["summary"]
  args = { file = "app:data/*.txt" }
  [stages.extra]
  x = [ 1,   2 ]
'''
    (calling.folder / "adding" / "data").mkdir()
    (calling.folder / "adding" / "data" / "a.txt").write_text("1 x")
    result = calling.write(text).run()
    after = calling.path.read_text()
    assert _without_last_runs(after).rstrip() == text.rstrip()
    ask, add = (stage["last_run"] for stage in tomllib.loads(after)["stages"])
    assert (ask["prompt"], ask["model"], ask["runtime"]) == ("How many\nare there?", "some-model", "python")
    # SHA-256 of `count = 3`, by sha256sum.
    assert ask["code"] == "39d5829f71b00196e5ea6a5fb7e1c9789e7e10073d8161fa4bd0dd4e4f29dd1b"
    assert (ask["run"], ask["status"], ask.get("units")) == (result.run_id, "succeeded", None)
    assert (add["status"], add["runtime"]) == ("failed", "app.run")
    assert add["units"]["failed"] == 1  # of the two numbers; the plan was made
    assert add["units"]["succeeded"] in (1, 2)
    with Store(calling.workspace) as store:
        created = next(store.events(result.run_id or "", kinds=("run_created",))).data
    assert add["code"] == created["called"]["add"]["source_digest"]
