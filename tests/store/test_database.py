"""What kind of file the workspace opens, and what it refuses without touching it."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from agi_node.errors import AgiError
from agilab.store.database import APPLICATION_ID, MIGRATIONS, SCHEMA_VERSION, connect, file_system_of
from agilab.store.store import Store
from agilab.store.workspace import Workspace


def test_a_new_workspace_gets_a_write_ahead_log(tmp_path: Path) -> None:
    with closing(connect(tmp_path / "agilab.db")) as db:
        assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert db.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION,)


def test_a_database_of_another_program_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "agilab.db"
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE photos(id)")
    before = path.read_bytes()
    with pytest.raises(AgiError, match=r"AGI-STORE-003.*not an AGILab workspace"):
        connect(path)
    assert path.read_bytes() == before


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "agilab.db"
    path.write_bytes(b"my diary, not a database " * 50)
    with pytest.raises(AgiError, match="AGI-STORE-003"):
        connect(path)
    assert path.read_bytes().startswith(b"my diary")


def test_a_file_of_a_newer_version_is_refused_and_says_upgrade(tmp_path: Path) -> None:
    path = tmp_path / "agilab.db"
    with closing(connect(path)) as db:
        db.execute(f"PRAGMA user_version={SCHEMA_VERSION + 1}")
    with pytest.raises(AgiError, match=r"(?s)newer AGILab.*upgrade"):
        connect(path)


def test_a_workspace_of_an_older_version_is_brought_up_to_date_by_its_first_reader(tmp_path: Path) -> None:
    path = tmp_path / "agilab.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.executescript(MIGRATIONS[0])
        db.execute("PRAGMA user_version=1")
        db.execute(f"PRAGMA application_id={APPLICATION_ID}")
        db.execute(
            "INSERT INTO run(run_id, app, state, paused, created_us, head, event_count)"
            " VALUES('r1','a','succeeded',0,0,'',0)"
        )
    with Store(Workspace(tmp_path), readonly=True) as store:
        assert store.run("r1").mark == ""


def test_reading_where_nothing_ran_says_how_to_begin(tmp_path: Path) -> None:
    with pytest.raises(AgiError, match=r"(?s)no run in this workspace yet.*first-proof") as caught:
        Store(Workspace(tmp_path), readonly=True)
    assert caught.value.exit_code == 1
    assert list(tmp_path.iterdir()) == []


def test_a_reader_cannot_write(tmp_path: Path) -> None:
    Store(Workspace(tmp_path)).close()
    with (
        Store(Workspace(tmp_path), readonly=True) as store,
        pytest.raises(sqlite3.OperationalError, match="readonly"),
    ):
        store.db.execute("DELETE FROM run")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(AgiError, match="AGI-STORE-005"):
        connect(tmp_path / "agilab.db")


def test_the_file_system_under_a_path_is_the_innermost_mount(tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text("rootfs / ext4 rw\nserver:/x /home nfs4 rw\ndisk /home/me/my\\040lab xfs rw\n")
    assert file_system_of(Path("/home/me/lab/agilab.db"), mounts) == "nfs4"
    assert file_system_of(Path("/home/me/my lab/agilab.db"), mounts) == "xfs"
    assert file_system_of(Path("/srv/agilab.db"), mounts) == "ext4"
