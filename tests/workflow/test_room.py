"""Where a notebook is verified: a view of its folder, lent or copied, in which nothing changes the folder itself."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from agilab.workflow.notebooks.lent import _escaped
from agilab.workflow.notebooks.room import Room, room_for

CHANGES = """
import os, shutil, sys
os.chdir(sys.argv[1])
assert sorted(os.listdir(".")) == ["big.bin", "linked", "old", "table.csv", "trash.txt"], os.listdir(".")
open("table.csv", "a").write("3\\n")
open("new.txt", "w").write("new")
os.remove("trash.txt")
shutil.rmtree("old")
os.mkdir("old")
open("old/other.txt", "w").write("other")
with open("big.bin", "r+b") as file:
    file.seek(5)
    file.write(b"x")
os.chmod("table.csv", 0o600)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a table, a file of 2 GB that is one hole, a folder, and a link to elsewhere."""
    folder = tmp_path / "a study, with: odd \\ signs"
    (folder / "old").mkdir(parents=True)
    (folder / "table.csv").write_text("1\n2\n")
    (folder / "table.csv").chmod(0o644)
    (folder / "trash.txt").write_text("trash")
    (folder / "old" / "inner.txt").write_text("inner")
    with (folder / "big.bin").open("wb") as file:
        file.truncate(2 << 30)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "kept.txt").write_text("kept")
    (folder / "linked").symlink_to(tmp_path / "elsewhere")
    return folder


def seen(folder: Path) -> dict[str, tuple[int, int, int, bytes]]:
    """Of every file what would tell that it was touched."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            was = path.stat()
            with path.open("rb") as file:
                found[str(path.relative_to(folder))] = (
                    was.st_mtime_ns,
                    was.st_mode,
                    was.st_size,
                    file.read(99),
                )
    return found


def run(room: Room, text: str) -> subprocess.CompletedProcess[str]:
    words = [*room.prefix, sys.executable, "-c", text, str(room.place)]
    return subprocess.run(words, capture_output=True, text=True, check=False)


def lends(folder: Path, scratch: Path) -> bool:
    scratch.mkdir()
    return room_for(folder, scratch, print).changes is not None


@pytest.mark.parametrize("lend", [True, False], ids=["lent", "copied"])
def test_everything_can_be_changed_and_nothing_is(folder: Path, tmp_path: Path, lend: bool) -> None:
    if lend and not lends(folder, tmp_path / "try"):
        pytest.skip("this machine lends no folders (overlays in a namespace of one's own): they are copied")
    (tmp_path / "scratch").mkdir()
    before, elsewhere = seen(folder), seen(tmp_path / "elsewhere")
    room = room_for(folder, tmp_path / "scratch", print, lend=lend)
    done = run(room, CHANGES)
    assert done.returncode == 0, done.stderr

    assert seen(folder) == before
    assert seen(tmp_path / "elsewhere") == elsewhere
    left = {
        name: room.file(name)
        for name in ("table.csv", "new.txt", "trash.txt", "old/inner.txt", "old/other.txt")
    }
    assert {name: path and path.read_text() for name, path in left.items()} == {
        "table.csv": "1\n2\n3\n",
        "new.txt": "new",
        "trash.txt": None,
        "old/inner.txt": None,
        "old/other.txt": "other",
    }
    big = room.file("big.bin")
    assert big is not None
    with big.open("rb") as file:
        assert file.read(8) == b"\0\0\0\0\0x\0\0"

    again = run(room, "import sys; print(open(sys.argv[1] + '/new.txt').read())")
    assert again.stdout == "new\n", "the next notebook of the folder finds what this one left"


def test_what_is_lent_cannot_be_written_by_its_own_name_or_through_a_link(
    folder: Path, tmp_path: Path
) -> None:
    if not lends(folder, tmp_path / "try"):
        pytest.skip("this machine lends no folders: they are copied")
    (tmp_path / "scratch").mkdir()
    before, elsewhere = seen(folder), seen(tmp_path / "elsewhere")
    room = room_for(folder, tmp_path / "scratch", print)
    for path in (folder / "table.csv", folder / "fresh.txt", room.place / "linked" / "kept.txt"):
        done = run(room, f"open({str(path)!r}, 'w').write('gone')")
        assert "Read-only file system" in done.stderr, path
    assert seen(folder) == before
    assert seen(tmp_path / "elsewhere") == elsewhere


@pytest.mark.parametrize("lend", [True, False], ids=["lent", "copied"])
def test_two_gigabytes_beside_a_notebook_cost_nothing_noticeable(
    folder: Path, tmp_path: Path, lend: bool
) -> None:
    (tmp_path / "scratch").mkdir()
    began = time.process_time(), os.times().children_user + os.times().children_system
    said: list[str] = []
    room_for(folder, tmp_path / "scratch", said.append, lend=lend)
    spent = time.process_time() - began[0]
    spent += os.times().children_user + os.times().children_system - began[1]
    assert spent < 1.0, "reading 2 GB takes longer than that on any machine of today"
    used = sum(path.lstat().st_blocks * 512 for path in (tmp_path / "scratch").rglob("*"))
    assert used < 1 << 20
    assert said == []


def test_a_great_copy_is_said_before_it_is_made(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agilab.workflow.notebooks.room.WORTH_SAYING", 1)
    (tmp_path / "scratch").mkdir()
    said: list[str] = []
    room_for(folder, tmp_path / "scratch", said.append, lend=False)
    assert said == [f"copying {folder.name}, 0.0 GB, so that the notebook changes nothing of it"]


def test_pipes_dead_links_and_environments_are_not_copied(folder: Path, tmp_path: Path) -> None:
    os.mkfifo(folder / "pipe")
    (folder / "dead").symlink_to(tmp_path / "nowhere")
    (folder / ".venv").mkdir()
    (tmp_path / "scratch").mkdir()
    room = room_for(folder, tmp_path / "scratch", print, lend=False)
    assert sorted(os.listdir(room.place)) == ["big.bin", "linked", "old", "table.csv", "trash.txt"]


def test_a_folder_that_holds_the_scratch_is_copied_without_it(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("1\n")
    scratch = tmp_path / "agilab-verify-abc"
    scratch.mkdir()
    room = room_for(tmp_path, scratch, print)
    assert room.changes is None
    assert sorted(os.listdir(room.place)) == ["table.csv"]


def test_signs_that_an_overlay_reads_otherwise_are_escaped() -> None:
    assert _escaped("a,b:c\\d") == "a\\,b\\:c\\\\d"
