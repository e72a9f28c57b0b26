"""An export in which anything was touched is refused, by the name of what differs, and writes nothing."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
import zipfile
from pathlib import Path
from typing import Any

import pytest

from agi_node.errors import AgiError
from agilab.evidence.export import export_run
from agilab.evidence.exported import verified
from agilab.evidence.intake import import_run
from agilab.store.store import Store
from agilab.store.workspace import Workspace
from tests.evidence.conftest import RUN
from tests.evidence.exports import Change, contents, forged, refused, rezipped, with_index
from tests.store.runs import make_run


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
    files["log.jsonl"] = files["log.jsonl"].replace(b"run_finished", b"run_finessed", 1)
    with_index(files)
    assert "(run_finessed) does not match its digest" in refused(rezipped(exported, files), elsewhere).what


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


@pytest.mark.parametrize(
    "event",
    [
        {"body": "[" * 100_000},
        {"body": '{"worker":' + "[" * 100_000},
        {"at_us": 10**30},
        {"body": '{"worker":"w0","duration_us":' + "9" * 30 + "}"},
        {"unit_id": "\ud800"},
        {"body": '{"value_digest":[]}'},
    ],
)
@pytest.mark.parametrize("kind", ["attempt_started", "attempt_succeeded", "node_finished"])
def test_a_forged_event_is_refused_in_words_however_odd(
    exported: Path, elsewhere: Workspace, kind: str, event: dict[str, Any]
) -> None:
    files = contents(exported)
    forged(files, **{kind: event})
    assert refused(rezipped(exported, files), elsewhere).code == "AGI-STORE-043"


@pytest.mark.parametrize("tree", [b"[]", b"7", b"{", b'"x"', b"[" * 100_000])
def test_a_source_tree_that_is_none_names_nothing(
    store: Store, tmp_path: Path, elsewhere: Workspace, tree: bytes
) -> None:
    run = make_run(store, source_digest=store.objects.put(tree))
    path = export_run(store, run, tmp_path / "run.zip").path
    assert import_run(path, elsewhere).outcome == "imported"


@pytest.mark.parametrize("digest", [1.5, None, [], "x"])
def test_a_source_tree_that_names_what_no_object_is_called_is_refused(
    store: Store, tmp_path: Path, elsewhere: Workspace, digest: Any
) -> None:
    tree = json.dumps({"a.py": digest}).encode()
    path = export_run(
        store, make_run(store, source_digest=store.objects.put(b"{}")), tmp_path / "run.zip"
    ).path
    files = contents(path)
    new = hashlib.sha256(tree).hexdigest()
    old = hashlib.sha256(b"{}").hexdigest()
    files[f"objects/{new[:2]}/{new[2:]}"] = tree
    files["log.jsonl"] = files["log.jsonl"].replace(old.encode(), new.encode())
    forged(files)
    assert "source a.py: object" in refused(rezipped(path, files), elsewhere).what


def test_a_file_of_a_run_without_manifest_is_one_that_its_log_knows(
    store: Store, tmp_path: Path, elsewhere: Workspace
) -> None:
    path = export_run(store, make_run(store), tmp_path / "run.zip").path
    whole = contents(path)
    one, two = (f"run/artifacts/work/{key}/own.txt" for key in "01")
    for files, told in (
        ({**whole, "run/artifacts/work/0/more.txt": b"x"}, "is nothing that the run speaks of"),
        ({**whole, one: whole[two], two: whole[one]}, f"{one} has other bytes than the log says"),
        ({**whole, "run/owner.lock": b""}, "run/owner.lock is nothing that the run speaks of"),
    ):
        with_index(files)
        assert told in refused(rezipped(path, files), elsewhere).what


def test_an_index_that_would_fill_the_memory_is_refused_by_its_size(
    exported: Path, elsewhere: Workspace
) -> None:
    files = contents(exported)
    files["export.json"] = files["export.json"].rstrip() + b" " * 5_000_000
    error = refused(rezipped(exported, files), elsewhere)
    assert error.code == "AGI-STORE-040"
    assert "export.json of 5," in str(error.found)


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
