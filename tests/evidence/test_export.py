"""An exported run: whole, the same every time, and verified by strangers."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from agi_node.errors import AgiError
from agilab.contracts.base import parse_document
from agilab.contracts.run_export import RunExport
from agilab.evidence.export import export_run
from agilab.evidence.intake import import_run
from agilab.store.checkup import check_store
from agilab.store.locks import RunLock
from agilab.store.looking import open_to_look
from agilab.store.store import Store
from agilab.store.workspace import Workspace
from tests.evidence.exports import contents, finished, with_index
from tests.store.runs import make_run


def test_the_same_run_is_the_same_bytes_every_time(store: Store, tmp_path: Path) -> None:
    run = finished(store)
    first = export_run(store, run, tmp_path / "a.zip")
    second = export_run(store, run, tmp_path / "b.zip")
    assert first.path.read_bytes() == second.path.read_bytes()
    assert not first.already
    assert export_run(store, run, tmp_path / "a.zip").already
    folder = export_run(store, run, tmp_path / "folder").path
    inside = {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }
    assert inside == contents(first.path)


def test_it_holds_what_a_reader_looks_for_and_nothing_of_this_machine(exported: Path, tmp_path: Path) -> None:
    files = contents(exported)
    assert {"export.json", "README.txt", "log.jsonl", "run/run_manifest.json"} < files.keys()
    assert {
        "run/reduce_summary.json",
        "run/artifacts/work/0/seen.json",
        "run/logs/units_w0.log",
    } < files.keys()
    assert not {"run/logs/w0.log", "run/owner.lock"} & files.keys()
    assert str(tmp_path).encode() not in b"".join(files.values())
    index = parse_document(files["export.json"], RunExport, "export.json")
    assert [file.path for file in index.files] == sorted(files.keys() - {"export.json"})
    digests = [file.digest for file in index.files]
    assert len(set(digests)) == len(digests)  # an artifact is not there as an object, too


def stranger(files: dict[str, bytes], folder: Path) -> subprocess.CompletedProcess[str]:
    """What somebody without AGILab sees who runs the lines of the README on these files."""
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    code = "\n".join(
        line[4:] for line in files["README.txt"].decode().splitlines() if line.startswith("    ") or not line
    )
    # -O: an auditor whose interpreter leaves assertions out must not be told that all is well
    return subprocess.run(
        [sys.executable, "-I", "-O", "-c", code], cwd=folder, capture_output=True, text=True, check=False
    )


def test_the_lines_of_its_readme_verify_it(exported: Path, tmp_path: Path) -> None:
    files = contents(exported)
    told = stranger(files, tmp_path / "unzipped")
    assert told.stdout.rstrip().endswith(f"are whole; head {json.loads(files['export.json'])['head']}")
    assert told.returncode == 0


@pytest.mark.parametrize(
    ("name", "old", "new", "told"),
    [
        ("log.jsonl", b'"kind":"run_finished"', b'"kind":"run_finessed"', "was changed"),
        ("run/artifacts/work/1/seen.json", b"1", b"2", "seen.json is not what the manifest lists"),
        ("run/reduce_summary.json", b'"n"', b'"m"', "reduce_summary.json is not what the manifest lists"),
        ("run/logs/units_w0.log", b"printed", b"painted", "units_w0.log is not what the manifest lists"),
        ("run/run_manifest.json", b'"passed": true', b'"passed": false', "is not the one that the log names"),
    ],
)
def test_the_lines_of_its_readme_find_what_was_forged_together_with_the_index(
    exported: Path, tmp_path: Path, name: str, old: bytes, new: bytes, told: str
) -> None:
    files = contents(exported)
    assert old in files[name]
    files[name] = files[name].replace(old, new, 1)
    with_index(files)
    found = stranger(files, tmp_path / "unzipped")
    assert told in found.stderr
    assert (found.stdout, found.returncode) == ("", 1)


def test_the_lines_of_its_readme_find_a_file_too_much_too_little_or_in_the_place_of_another(
    exported: Path, tmp_path: Path
) -> None:
    whole = contents(exported)
    one, two = (f"run/artifacts/work/{key}/seen.json" for key in "12")
    thing = next(name for name in whole if name.startswith("objects/"))
    for number, (files, told) in enumerate(
        (
            ({**whole, one: whole[two], two: whole[one]}, "work/1/seen.json is not what the manifest lists"),
            ({name: data for name, data in whole.items() if name != one}, "1/seen.json is not what"),
            ({**whole, "run/more.txt": b"x"}, "run/more.txt is not what the manifest lists"),
            ({**whole, thing: b"other"}, f"{thing} has the name of another"),
        )
    ):
        with_index(files)
        assert told in stranger(files, tmp_path / str(number)).stderr


def test_the_lines_of_its_readme_say_what_nothing_vouches_for(store: Store, tmp_path: Path) -> None:
    files = contents(export_run(store, make_run(store), tmp_path / "run.zip").path)
    assert "left no manifest" in stranger(files, tmp_path / "unzipped").stdout


def test_a_run_without_a_manifest_says_so(store: Store, tmp_path: Path, elsewhere: Workspace) -> None:
    run = make_run(store)
    done = export_run(store, run, tmp_path / "run.zip")
    assert done.manifest is None
    brought = import_run(done.path, elsewhere)
    assert brought.notes == ("the run left no manifest: its log and objects are all its evidence",)
    with open_to_look(elsewhere) as there:
        assert all(look.passed for look in check_store(there))
        assert there.run(run).head == store.run(run).head


def test_a_run_that_has_not_ended_or_is_owned_is_not_exported(store: Store, tmp_path: Path) -> None:
    run = make_run(store, ended=False)
    with pytest.raises(AgiError, match="AGI-STORE-030") as caught:
        export_run(store, run, tmp_path / "run.zip")
    assert caught.value.try_ == f"agilab runs resume {run}"
    ended = make_run(store)
    with RunLock(store.workspace.run_folder(ended)), pytest.raises(AgiError, match="a process is at it"):
        export_run(store, ended, tmp_path / "run.zip")
    assert not (tmp_path / "run.zip").exists()


def test_what_would_not_verify_is_not_exported(store: Store, tmp_path: Path) -> None:
    run = finished(store)
    folder = store.workspace.run_folder(run)
    summary = folder / "reduce_summary.json"
    whole = summary.read_bytes()
    summary.write_bytes(whole + b" ")
    with pytest.raises(
        AgiError, match=r"(?s)AGI-STORE-031.*reduce_summary.json is missing or has other bytes"
    ):
        export_run(store, run, tmp_path / "run.zip")
    summary.write_bytes(whole)
    store.db.execute("UPDATE unit SET state='failed' WHERE unit_id='work[1]'")
    with pytest.raises(AgiError, match=r"(?s)AGI-STORE-031.*unit work\[1\]: the table has it otherwise"):
        export_run(store, run, tmp_path / "run.zip")
    assert not (tmp_path / "run.zip").exists()


def test_a_place_that_holds_something_else_is_left_alone(store: Store, tmp_path: Path) -> None:
    run = make_run(store)
    for target in (tmp_path / "diary.zip", tmp_path / "folder"):
        place = target if target.suffix else target / "diary.txt"
        place.parent.mkdir(exist_ok=True)
        place.write_text("dear diary")
        with pytest.raises(AgiError, match="AGI-STORE-032"):
            export_run(store, run, target)
        assert place.read_text() == "dear diary"
    (tmp_path / "empty").mkdir()
    assert export_run(store, run, tmp_path / "empty").files > 3


def test_a_disk_that_refuses_leaves_nothing_behind(store: Store, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for name in ("file/run.zip", "file/run"):
        with pytest.raises(AgiError, match="AGI-STORE-033"):
            export_run(store, make_run(store), tmp_path / name)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "home"]
