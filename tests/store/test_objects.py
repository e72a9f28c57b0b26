"""Objects by digest, source snapshots, ownership of a run."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from agi_node.errors import AgiError
from agilab.store.locks import RunLock, has_owner
from agilab.store.objects import ObjectStore
from agilab.store.snapshot import materialise, take


def test_equal_bytes_are_one_read_only_object(tmp_path: Path) -> None:
    objects = ObjectStore(tmp_path)
    first, second = objects.put(b"same"), objects.put(b"same")
    assert first == second == hashlib.sha256(b"same").hexdigest()
    assert objects.path(first).stat().st_mode & 0o222 == 0
    assert list(objects.digests()) == [first]
    assert objects.is_whole(first)


def test_a_staged_file_of_another_size_is_not_adopted(tmp_path: Path) -> None:
    objects = ObjectStore(tmp_path / "objects")
    staged = tmp_path / "table.parquet"
    staged.write_bytes(b"12345")
    with pytest.raises(AgiError, match=r"(?s)table.parquet.*5 bytes.*6 bytes"):
        objects.adopt(staged, hashlib.sha256(b"12345").hexdigest(), 6)
    assert staged.exists()


def test_adopting_twice_is_once(tmp_path: Path) -> None:
    objects = ObjectStore(tmp_path / "objects")
    digest = hashlib.sha256(b"x").hexdigest()
    for _ in range(2):
        (tmp_path / "staged").write_bytes(b"x")
        assert objects.adopt(tmp_path / "staged", digest, 1) == digest
    assert objects.adopt(tmp_path / "staged", digest, 1) == digest
    objects.sync()
    assert objects.read(digest) == b"x"


def test_an_object_that_is_gone_is_an_error_and_no_empty_result(tmp_path: Path) -> None:
    with pytest.raises(AgiError, match="object 000000000000 is not in the store"):
        ObjectStore(tmp_path).read("0" * 64)


def app_folder(folder: Path) -> Path:
    (folder / "src/demo/__pycache__").mkdir(parents=True)
    (folder / "src/demo/__init__.py").write_text("x = 1\n")
    (folder / "src/demo/words.txt").write_text("é\n")
    (folder / "src/demo/__pycache__/junk.pyc").write_bytes(b"junk")
    (folder / "pyproject.toml").write_text("[project]\n")
    (folder / "data").mkdir()
    (folder / "data/big.parquet").write_bytes(b"0" * 1000)
    return folder


def test_a_snapshot_is_the_source_without_data_and_caches(tmp_path: Path) -> None:
    objects = ObjectStore(tmp_path / "objects")
    snapshot = take(app_folder(tmp_path / "app"), objects)
    assert sorted(snapshot.files) == ["pyproject.toml", "src/demo/__init__.py", "src/demo/words.txt"]


def test_a_snapshot_stays_as_it_was_when_the_source_is_edited(tmp_path: Path) -> None:
    objects = ObjectStore(tmp_path / "objects")
    app = app_folder(tmp_path / "app")
    before = take(app, objects)
    shown = materialise(before, objects, tmp_path / "snapshots")
    (app / "src/demo/__init__.py").write_text("x = 2\n")
    assert (shown / "src/demo/__init__.py").read_text() == "x = 1\n"
    after = take(app, objects)
    assert after.digest != before.digest
    assert materialise(before, objects, tmp_path / "snapshots") == shown


def test_one_process_owns_a_run_and_the_next_is_told_who(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from agilab.store.locks import RunLock\n"
        "with RunLock(Path(sys.argv[1])): print('mine', flush=True); sys.stdin.read()"
    )
    owner = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "r1")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert owner.stdout
    assert owner.stdin
    try:
        assert owner.stdout.readline() == "mine\n"
        assert has_owner(tmp_path / "r1")
        with (
            pytest.raises(AgiError, match=f"(?s)already has a coordinator.*process {owner.pid}"),
            RunLock(tmp_path / "r1"),
        ):
            pass
    finally:
        owner.kill()
        owner.communicate()
    assert not has_owner(tmp_path / "r1")
    with RunLock(tmp_path / "r1"):
        assert has_owner(tmp_path / "r1")


def test_an_object_that_a_power_cut_left_empty_is_written_again(tmp_path: Path) -> None:
    """It was named before its bytes were on disk, and nobody had recorded it yet."""
    objects = ObjectStore(tmp_path / "objects")
    digest, staged = objects.put(b"whole"), tmp_path / "staged"
    for again in (lambda: objects.put(b"whole"), lambda: objects.adopt(staged, digest, 5)):
        objects.path(digest).chmod(0o644)
        os.truncate(objects.path(digest), 0)
        staged.write_bytes(b"whole")
        assert again() == digest
        assert objects.is_whole(digest)


def test_what_is_no_file_is_no_source(tmp_path: Path) -> None:
    source = tmp_path / "app/src"
    source.mkdir(parents=True)
    (source / "app.py").write_text("NAME = 1")
    (source / ".#app.py").symlink_to("somebody@here.4711")  # as Emacs marks a file that it edits
    os.mkfifo(source / "pipe")
    objects = ObjectStore(tmp_path / "objects")
    assert list(take(tmp_path / "app", objects).files) == ["src/app.py"]


def test_source_whose_object_is_gone_is_told_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "app/src").mkdir(parents=True)
    (tmp_path / "app/src/app.py").write_text("NAME = 1")
    objects = ObjectStore(tmp_path / "objects")
    snapshot = take(tmp_path / "app", objects)
    objects.path(snapshot.files["src/app.py"]).unlink()
    with pytest.raises(AgiError, match=r"(?s)AGI-STORE-007.*agilab store import EXPORT"):
        materialise(snapshot, objects, tmp_path / "snapshots")


def test_damage_that_keeps_the_size_is_mended_by_whoever_has_the_bytes(tmp_path: Path) -> None:
    objects = ObjectStore(tmp_path / "objects")
    digest = objects.put(b"whole")
    path = objects.path(digest)
    staged = tmp_path / "staged"
    staged.write_bytes(b"whole")
    for again in (lambda: objects.put(b"whole"), lambda: objects.adopt(staged, digest, 5)):
        path.chmod(0o644)
        path.write_bytes(b"whose")
        assert not objects.is_whole(digest)
        again()
        assert path.read_bytes() == b"whole"
    assert not staged.exists()


def test_without_src_the_packages_beside_the_project_are_source_and_their_data_is_not(tmp_path: Path) -> None:
    folder = tmp_path / "lab"
    for name in (
        "pkg/__init__.py",
        "pkg/inner/deep.py",
        "space/one.py",
        "data/make.py",
        "tests/test_a.py",
        "2020/x.py",
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x = 1\n")
    (folder / "pkg/table.csv").write_text("1\n")
    (folder / "pkg/__pycache__").mkdir()
    (folder / "pkg/__pycache__/deep.py").write_text("junk")
    (folder / "module.py").write_text("y = 2\n")
    (folder / "pyproject.toml").write_text("[project]\n")
    found = take(folder, ObjectStore(tmp_path / "objects")).files
    assert sorted(found) == [
        "module.py",
        "pkg/__init__.py",
        "pkg/inner/deep.py",
        "pyproject.toml",
        "space/one.py",
    ]
