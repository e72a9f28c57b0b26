"""Files that a notebook writes: told in the room where it runs, and found where no stage leaves them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from agilab.contracts.notebook_import import ImportedNotebook, ImportedStage
from agilab.workflow.notebooks.lost_files import caches_in, lost_files
from agilab.workflow.notebooks.room import Room, room_for

WRITING = """
import os
open("new.txt", "w").write("1")
open("old.txt", "w").write("2")
open("same.txt", "r+").close()
os.makedirs("deep/er", exist_ok=True)
open("deep/er/x.csv", "w").close()
open("../beside.txt", "w").close()
"""


@pytest.fixture(params=[True, False], ids=["lent", "copied"])
def room(request: pytest.FixtureRequest, tmp_path: Path) -> Room:
    folder, scratch = tmp_path / "folder", tmp_path / "scratch"
    for one in (folder, scratch):
        one.mkdir()
    for name in ("old.txt", "same.txt", "read.txt"):
        (folder / name).write_text("0")
        os.utime(folder / name, (1_000_000_000, 1_000_000_000))
    found = room_for(folder, scratch, lambda said: None, lend=request.param)
    if request.param and found.changes is None:
        pytest.skip("this machine does not lend a folder")
    return found


def test_a_room_tells_what_was_written_in_it_and_beside_it(room: Room) -> None:
    before = room.written()
    words = [sys.executable, "-c", f"import os; os.chdir({str(room.place)!r})\n{WRITING}"]
    subprocess.run([*room.prefix, *words], check=True)
    now = room.written()
    assert {path for path in now if before.get(path) != now[path]} == {
        *("new.txt", "old.txt", "deep/er/x.csv", "../beside.txt")
    }


NOTEBOOK = ImportedNotebook(
    name="n.ipynb",
    digest="",
    format="",
    language="python",
    kernel="",
    counts={},
    execution={},
    stages=(ImportedStage(id="load", cells=(1,)), ImportedStage(id="fit", cells=(3, 4))),
)
BEGAN = {1: 100.0, 3: 110.0, 4: 120.0}


def test_a_file_of_no_stage_is_told_with_the_cell_that_wrote_it() -> None:
    written = {"a.csv": 101.0, "b.csv": 111.0, "../c.csv": 125.0}
    found = lost_files(NOTEBOOK, written, {"a.csv"}, [], BEGAN)
    assert [(one.name, one.stage, one.cell, one.equal) for one in found] == [
        ("../c.csv", "fit", 4, False),
        ("b.csv", "fit", 3, False),
    ]
    assert found[0].why == "written by the notebook, by no stage: it is outside the folder"
    assert found[1].why == "written by the notebook in a cell of stage fit, among whose outputs it is not"
    (unknown,) = lost_files(NOTEBOOK, {"d.csv": 50.0}, (), [], BEGAN)
    assert (unknown.stage, unknown.why) == ("", "written by the notebook, by no stage")


def test_what_a_stage_would_have_left_that_did_not_end_is_not_called_lost() -> None:
    written = {"out/a.csv": 101.0, "tree/x/y": 101.0, "z": 101.0}
    assert [one.name for one in lost_files(NOTEBOOK, written, (), ["out/*.csv", "tree/"], BEGAN)] == ["z"]


def test_caches_of_tools_are_left_out_and_named() -> None:
    written = dict.fromkeys(["__pycache__/m.pyc", "own/CACHEDIR.TAG", "own/deep/1", "kept/1", "CACHE"], 101.0)
    assert caches_in(written) == ("__pycache__", "own")
    assert [one.name for one in lost_files(NOTEBOOK, written, (), [], BEGAN)] == ["CACHE", "kept/1"]


def test_many_files_of_one_folder_are_told_as_one() -> None:
    written = {f"img/{number}.png": 101.0 for number in range(40)}
    (found,) = lost_files(NOTEBOOK, written, (), [], BEGAN)
    assert (found.name, found.stage) == ("img/ (40 files)", "load")
