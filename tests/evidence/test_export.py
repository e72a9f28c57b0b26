"""An exported run: whole, the same every time, verified by strangers, refused where anything in it was touched."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import stat
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agi_node.errors import AgiError
from agilab.contracts.base import parse_document
from agilab.contracts.run_export import RunExport
from agilab.evidence.export import export_run
from agilab.evidence.exported import verified
from agilab.evidence.intake import import_run, verify_export
from agilab.evidence.verify import verify
from agilab.projects.finish import finish
from agilab.store.checkup import check_store
from agilab.store.locks import RunLock
from agilab.store.looking import open_to_look
from agilab.store.retention import Retention, prune
from agilab.store.seal import sealed
from agilab.store.store import Store
from agilab.store.workspace import Workspace
from tests.evidence.conftest import RUN, run_demo
from tests.store.runs import make_run

Change = Callable[[dict[str, bytes]], None]


def finished(store: Store) -> str:
    """A run with reduce artefacts, an artifact of each unit, and a manifest."""
    run = run_demo(store, [0, 1, 2])
    logs = store.workspace.run_folder(run) / "logs"
    logs.mkdir(exist_ok=True)
    (logs / "units_w0.log").write_text("what a unit printed\n")
    (logs / "w0.log").write_text("the worker's own, with paths of this machine\n")
    finish(store, run, delivery=None, patience_s=0.0, seconds=lambda: 0.0)
    return run


@pytest.fixture
def exported(store: Store, tmp_path: Path) -> Path:
    """The zip of such a run, whose workspace is closed."""
    path = tmp_path / "run.zip"
    export_run(store, finished(store), path)
    store.close()
    return path


@pytest.fixture
def elsewhere(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "elsewhere")


def contents(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as zipped:
        return {name: zipped.read(name) for name in zipped.namelist()}


def rezipped(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as zipped:
        for name, data in files.items():
            zipped.writestr(name, data)
    return path


def with_index(files: dict[str, bytes], **changes: Any) -> None:
    """Make the index agree with the files again, as somebody who forges an export would."""
    index = json.loads(files["export.json"])
    index["files"] = [
        {"path": name, "size": len(data), "digest": hashlib.sha256(data).hexdigest()}
        for name, data in sorted(files.items())
        if name != "export.json"
    ]
    files["export.json"] = json.dumps({**index, **changes}).encode()


def refused(path: Path, elsewhere: Workspace) -> AgiError:
    """The error of importing this, which wrote nothing."""
    with pytest.raises(AgiError) as caught:
        import_run(path, elsewhere)
    assert not elsewhere.home.exists()
    with pytest.raises(AgiError) as again:
        verify_export(path)
    assert again.value.code == caught.value.code
    return caught.value


# -- what is in it -------------------------------------------------------------------------------------------


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


def test_ten_lines_of_its_readme_verify_it_and_find_one_changed_letter(
    exported: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "unzipped"
    with zipfile.ZipFile(exported) as zipped:
        zipped.extractall(folder)
    readme = (folder / "README.txt").read_text()
    code = "\n".join(line[4:] for line in readme.splitlines() if line.startswith("    "))

    def stranger() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-I", "-c", code], cwd=folder, capture_output=True, text=True, check=False
        )

    head = json.loads((folder / "export.json").read_text())["head"]
    assert f"head {head}" in stranger().stdout
    log = folder / "log.jsonl"
    log.write_text(log.read_text().replace('"kind":"unit_ready"', '"kind":"unit_reedy"', 1))
    assert "was changed" in stranger().stderr


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


# -- the way back --------------------------------------------------------------------------------------------


def test_a_pruned_run_comes_back_from_its_export_as_it_was(
    store: Store, tmp_path: Path, elsewhere: Workspace
) -> None:
    run = finished(store)
    before = store.run(run)
    path = export_run(store, run, tmp_path / "run.zip").path
    store.close()
    home = Workspace(tmp_path / "home")
    assert [seal.run_id for seal in prune(home, Retention(runs=0, days=0)).runs] == [run]
    assert not list(home.runs.iterdir())
    for workspace in (home, elsewhere):
        brought = import_run(path, workspace)
        assert (brought.outcome, brought.head) == ("imported", before.head)
        with Store(workspace) as again:
            assert again.run(run) == before
            assert [finding.problems for finding in verify(again, run)] == [()] * 5
            assert sealed(again.db, run) is None
            assert all(look.passed and not look.notes for look in check_store(again))
            assert export_run(again, run, tmp_path / f"{workspace.home.name}.zip").path.read_bytes() == (
                path.read_bytes()
            )


def test_a_folder_comes_back_like_a_zip(store: Store, tmp_path: Path, elsewhere: Workspace) -> None:
    run = finished(store)
    folder = export_run(store, run, tmp_path / "folder").path
    assert verify_export(folder).outcome == "verified"
    import_run(folder, elsewhere)
    with Store(elsewhere) as again:
        assert all(finding.passed for finding in verify(again, run))


def test_bringing_it_in_twice_changes_nothing(exported: Path, elsewhere: Workspace) -> None:
    import_run(exported, elsewhere)
    before = elsewhere.db.stat().st_size
    again = import_run(exported, elsewhere)
    assert (again.outcome, again.put_back) == ("already here", 0)
    assert elsewhere.db.stat().st_size == before


def test_what_a_run_here_has_lost_is_put_back(exported: Path, elsewhere: Workspace) -> None:
    import_run(exported, elsewhere)
    with Store(elsewhere) as store:
        (lost, changed, *_) = [store.objects.path(row.digest) for row in store.artifacts(RUN)]
        lost.unlink()
        changed.chmod(0o644)
        changed.write_bytes(b"other")
        (elsewhere.run_folder(RUN) / "run_manifest.json").unlink()
        assert not all(finding.passed for finding in verify(store, RUN))
    again = import_run(exported, elsewhere)
    # the two objects, the manifest, and the readable name of the object that was changed
    assert (again.outcome, again.put_back) == ("already here", 4)
    with Store(elsewhere) as store:
        assert all(finding.passed for finding in verify(store, RUN))


def test_a_run_that_went_on_here_is_the_same_run(exported: Path, elsewhere: Workspace) -> None:
    import_run(exported, elsewhere)
    with Store(elsewhere) as store:
        log = store.log(RUN)
        log.append("note_added", by="me", text="fine")
        log.flush()
        count = store.run(RUN).event_count
    assert import_run(exported, elsewhere).outcome == "already here"
    with Store(elsewhere, readonly=True) as store:
        assert store.run(RUN).event_count == count


def test_a_run_that_is_here_with_another_log_stays(
    exported: Path, tmp_path: Path, elsewhere: Workspace
) -> None:
    with Store(elsewhere) as store:
        run_demo(store, [0, 1])
        head = store.run(RUN).head
    with pytest.raises(AgiError, match=r"(?s)AGI-STORE-044.*is here already, with another log"):
        import_run(exported, elsewhere)
    with Store(elsewhere) as store:
        log = store.log(RUN)
        log.append("note_added", by="me", text="mine")
        log.flush()
        assert store.run(RUN).event_count > 0
        head = store.run(RUN).head
    prune(elsewhere, Retention(runs=0, days=0))
    with pytest.raises(AgiError, match=r"(?s)AGI-STORE-044.*was here before it was pruned") as caught:
        import_run(exported, elsewhere)
    assert head[:12] in str(caught.value.allowed)


def test_an_older_export_of_a_pruned_run_comes_back_and_says_what_it_lacks(
    exported: Path, elsewhere: Workspace
) -> None:
    import_run(exported, elsewhere)
    with Store(elsewhere) as store:
        log = store.log(RUN)
        log.append("note_added", by="me", text="after the export")
        log.flush()
    prune(elsewhere, Retention(runs=0, days=0))
    done = import_run(exported, elsewhere)
    assert done.outcome == "imported"
    (note,) = done.notes
    assert note.startswith("the export is older than the run that was pruned: what came after event")


def test_rests_of_a_prune_that_died_are_no_hindrance(exported: Path, elsewhere: Workspace) -> None:
    import_run(exported, elsewhere)
    with Store(elsewhere) as store:
        store.db.execute(
            "INSERT INTO pruned SELECT run_id, app, state, created_us, finished_us, head, event_count, NULL, 1 FROM run"
        )
        store.db.execute("DELETE FROM run")
        store.db.execute("DELETE FROM event WHERE run_seq<7")
    assert import_run(exported, elsewhere).outcome == "imported"
    with Store(elsewhere) as store:
        assert all(look.passed for look in check_store(store))


def test_a_run_that_somebody_is_at_is_not_touched(exported: Path, elsewhere: Workspace) -> None:
    with RunLock(elsewhere.run_folder(RUN)), pytest.raises(AgiError, match="already has a coordinator"):
        import_run(exported, elsewhere)
    with Store(elsewhere) as store:
        assert store.runs() == []


# -- what is refused -----------------------------------------------------------------------------------------


def _flip(name: str) -> Change:
    def change(files: dict[str, bytes]) -> None:
        data = bytearray(files[name])
        data[len(data) // 2] ^= 1
        files[name] = bytes(data)

    return change


@pytest.mark.parametrize(
    "name", ["log.jsonl", "README.txt", "run/run_manifest.json", "run/artifacts/work/1/seen.json"]
)
def test_one_changed_byte_is_refused_by_the_name_of_its_file(
    exported: Path, elsewhere: Workspace, name: str
) -> None:
    files = contents(exported)
    _flip(name)(files)
    error = refused(rezipped(exported, files), elsewhere)
    assert error.code == "AGI-STORE-043"
    assert f"{name} has other bytes than its index says" in error.what


def test_one_changed_byte_of_an_object_is_refused_by_name(exported: Path, elsewhere: Workspace) -> None:
    files = contents(exported)
    name = next(name for name in files if name.startswith("objects/"))
    _flip(name)(files)
    assert name in refused(rezipped(exported, files), elsewhere).what
    with_index(files)
    assert "object" in refused(rezipped(exported, files), elsewhere).what


def test_a_log_that_was_changed_with_its_index_breaks_the_chain(exported: Path, elsewhere: Workspace) -> None:
    files = contents(exported)
    files["log.jsonl"] = files["log.jsonl"].replace(b"unit_ready", b"unit_reedy", 1)
    with_index(files)
    assert "(unit_reedy) does not match its digest" in refused(rezipped(exported, files), elsewhere).what


def test_a_log_that_was_cut_with_its_index_is_another_head(exported: Path, elsewhere: Workspace) -> None:
    files = contents(exported)
    lines = files["log.jsonl"].splitlines(keepends=True)
    files["log.jsonl"] = b"".join(lines[:-1])
    with_index(files)
    assert "the log ends at event" in refused(rezipped(exported, files), elsewhere).what
    # … and where the index goes along, the manifest is one that the log never heard of.
    with_index(files, head=json.loads(lines[-2])["sha256"], events=len(lines) - 1)
    assert "does not know that a manifest was written" in refused(rezipped(exported, files), elsewhere).what


def test_a_manifest_that_was_changed_with_its_index_is_not_the_one_in_the_log(
    exported: Path, elsewhere: Workspace
) -> None:
    files = contents(exported)
    name = "run/run_manifest.json"
    files[name] = files[name].replace(b'"passed": true', b'"passed": false', 1)
    with_index(files, manifest=hashlib.sha256(files[name]).hexdigest())
    assert "manifest_written manifest: object" in refused(rezipped(exported, files), elsewhere).what


def test_a_file_that_is_missing_or_too_much_is_refused_by_name(exported: Path, elsewhere: Workspace) -> None:
    whole = contents(exported)
    for name in ("log.jsonl", "run/reduce_summary.json", "run/artifacts/work/1/seen.json"):
        files = {other: data for other, data in whole.items() if other != name}
        assert f"{name} is missing" in refused(rezipped(exported, files), elsewhere).what
    files = {**whole, "run/extra.txt": b"x"}
    assert "run/extra.txt is not in its index" in refused(rezipped(exported, files), elsewhere).what
    with_index(files)
    assert "run/extra.txt is nothing that the run speaks of" in (
        refused(rezipped(exported, files), elsewhere).what
    )
    files = {name: data for name, data in whole.items() if not name.startswith("objects/")}
    with_index(files)
    assert "run_created source_digest: object" in refused(rezipped(exported, files), elsewhere).what


def test_lines_that_are_no_events_are_refused(exported: Path, elsewhere: Workspace) -> None:
    whole = contents(exported)
    for line in (
        b"[]",
        b"{",
        b'{"run_id": 1}',
        whole["log.jsonl"].splitlines()[0].replace(RUN.encode(), b"x"),
    ):
        files = {**whole, "log.jsonl": line + b"\n" + whole["log.jsonl"]}
        with_index(files)
        assert "line 1 of log.jsonl is" in refused(rezipped(exported, files), elsewhere).what


def test_a_newer_schema_says_upgrade(exported: Path, elsewhere: Workspace) -> None:
    files = contents(exported)
    files["export.json"] = files["export.json"].replace(b"run_export.v1", b"run_export.v2")
    error = refused(rezipped(exported, files), elsewhere)
    assert error.code == "AGI-DOC-003"
    assert "newer AGILab" in error.what


@pytest.mark.parametrize(
    "name", ["../evil", "/etc/evil", "run/../../evil", "C:/evil", "a\\..\\evil", "run//evil", "./evil"]
)
def test_a_path_that_leads_elsewhere_is_refused(
    exported: Path, elsewhere: Workspace, tmp_path: Path, name: str
) -> None:
    with zipfile.ZipFile(exported, "a") as zipped:
        zipped.writestr(zipfile.ZipInfo(name), b"evil")
    error = refused(exported, elsewhere)
    assert error.code == "AGI-STORE-041"
    assert "leads out of it" in str(error.found)
    assert not list(tmp_path.rglob("evil"))


def test_links_folders_and_doubles_in_a_zip_are_refused(exported: Path, elsewhere: Workspace) -> None:
    whole = contents(exported)
    link = zipfile.ZipInfo("run/link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    for entry, data, why in (
        (link, b"/etc/passwd", "is a link"),
        (zipfile.ZipInfo("run/folder/"), b"", "is a folder"),
    ):
        rezipped(exported, whole)
        with zipfile.ZipFile(exported, "a") as zipped:
            zipped.writestr(entry, data)
        assert why in str(refused(exported, elsewhere).found)
    rezipped(exported, whole)
    with zipfile.ZipFile(exported, "a") as zipped, pytest.warns(UserWarning, match="Duplicate name"):
        zipped.writestr("log.jsonl", b"another")
    assert "is in it twice" in str(refused(exported, elsewhere).found)


def test_links_in_a_folder_are_refused(exported: Path, elsewhere: Workspace, tmp_path: Path) -> None:
    folder = tmp_path / "unzipped"
    with zipfile.ZipFile(exported) as zipped:
        zipped.extractall(folder)
    (tmp_path / "secret").write_bytes((folder / "README.txt").read_bytes())
    (folder / "README.txt").unlink()
    (folder / "README.txt").symlink_to(tmp_path / "secret")
    assert "README.txt' is a link" in str(refused(folder, elsewhere).found)
    (folder / "README.txt").unlink()
    shutil.copy(tmp_path / "secret", folder / "README.txt")
    os.symlink(tmp_path, folder / "more")
    assert "'more' is a link" in str(refused(folder, elsewhere).found)
    (folder / "more").unlink()
    os.mkfifo(folder / "pipe")
    assert "'pipe' is a link or no regular file" in str(refused(folder, elsewhere).found)


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path, elsewhere: Workspace) -> None:
    path = tmp_path / "bomb.zip"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as zipped,
        zipped.open(zipfile.ZipInfo("log.jsonl"), "w", force_zip64=True) as out,
    ):
        # stored, so that the test is quick: what is judged is what the zip declares
        out.write(b"")
    data = path.read_bytes()
    huge = (2**31).to_bytes(4, "little")
    at = data.index(b"PK\x01\x02")
    path.write_bytes(data[: at + 24] + huge + data[at + 28 :])
    error = refused(path, elsewhere)
    assert error.code == "AGI-STORE-042"
    assert "2,147,483,648 bytes" in str(error.found)
    assert "--max-size 2148" in str(error.try_)


def test_a_zip_that_declares_less_than_it_holds_gives_no_more_than_it_declares(
    exported: Path, elsewhere: Workspace
) -> None:
    files = contents(exported)
    files["README.txt"] = b"x" * 5_000_000
    rezipped(exported, files)
    data = bytearray(exported.read_bytes())
    at = data.rindex(b"README.txt") - 46 + 24
    data[at : at + 4] = (10).to_bytes(4, "little")
    exported.write_bytes(bytes(data))
    assert "README.txt" in refused(exported, elsewhere).what


def test_a_limit_that_somebody_sets_is_kept(exported: Path, elsewhere: Workspace) -> None:
    with pytest.raises(AgiError, match="AGI-STORE-042"):
        import_run(exported, elsewhere, max_bytes=1000)
    with verified(exported, max_bytes=10**6) as export:
        assert export.manifest is not None


@pytest.mark.parametrize("what", ["nothing", "a text", "an empty folder", "a zip of something else"])
def test_what_is_no_export_is_told_so(tmp_path: Path, elsewhere: Workspace, what: str) -> None:
    path = tmp_path / "it"
    if what == "a text":
        path.write_text("hello")
    elif what == "an empty folder":
        path.mkdir()
    elif what == "a zip of something else":
        rezipped(path, {"photo.jpg": b"x"})
    assert refused(path, elsewhere).code == "AGI-STORE-040"


def test_a_truncated_zip_is_told_so(exported: Path, elsewhere: Workspace) -> None:
    data = exported.read_bytes()
    exported.write_bytes(data[: len(data) // 2])
    assert refused(exported, elsewhere).code == "AGI-STORE-040"
    exported.write_bytes(data[:2000] + bytes(500) + data[2500:])
    assert refused(exported, elsewhere).code == "AGI-STORE-043"


_IMPORT = (
    "import sys; from pathlib import Path; from agilab.store.workspace import Workspace\n"
    "from agilab.evidence.intake import import_run\n"
    "print('begun', flush=True)\n"
    "import_run(Path(sys.argv[1]), Workspace(Path(sys.argv[2])))"
)


@pytest.mark.faults
@pytest.mark.parametrize("seed", range(3))
def test_an_import_that_is_killed_left_no_run_or_a_whole_one(
    store: Store, tmp_path: Path, elsewhere: Workspace, seed: int
) -> None:
    run = make_run(store, units=60)
    path = export_run(store, run, tmp_path / "run.zip").path
    moments = random.Random(seed)
    for _ in range(3):
        with subprocess.Popen(
            [sys.executable, "-c", _IMPORT, str(path), str(elsewhere.home)], stdout=subprocess.PIPE
        ) as victim:
            assert victim.stdout
            victim.stdout.readline()
            time.sleep(moments.uniform(0, 0.5))
            victim.kill()
        with Store(elsewhere) as there:
            assert all(look.passed for look in check_store(there))
    assert import_run(path, elsewhere).outcome in ("imported", "already here")
    with Store(elsewhere) as there:
        assert there.run(run).head == store.run(run).head
        assert all(look.passed for look in check_store(there))
