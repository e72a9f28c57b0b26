"""`store check` on stores that are whole, damaged, or may only be read."""

from __future__ import annotations

import os
import random
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from agi_node.errors import AgiError
from agilab.store.check import chain_problems, projection_problems
from agilab.store.checkup import WORKSPACE, Look, check_store
from agilab.store.database import APPLICATION_ID, MIGRATIONS
from agilab.store.locks import RunLock
from agilab.store.looking import open_to_look
from agilab.store.store import Store
from agilab.store.workspace import Workspace

from .runs import make_run, own_objects


def problems(store: Store, *names: str, objects: bool = True) -> dict[str, tuple[str, ...]]:
    return {
        f"{look.subject} {look.name}": look.problems
        for look in check_store(store, names, objects=objects)
        if not look.passed
    }


def notes(store: Store) -> tuple[str, ...]:
    (found,) = [look for look in check_store(store) if look.name == "leftovers"]
    return found.notes


def test_a_whole_store_has_nothing_to_tell(store: Store) -> None:
    runs = [make_run(store), make_run(store, app="other")]
    looks = list(check_store(store))
    assert all(look.passed and not look.notes for look in looks)
    assert [look.subject for look in looks if look.name == "log"] == runs


def test_only_the_runs_that_were_named_are_looked_at(store: Store) -> None:
    first, second = make_run(store), make_run(store)
    store.db.execute("UPDATE unit SET state='failed' WHERE run_id=?", (second,))
    assert problems(store, first) == {}
    assert list(problems(store, second)) == [f"{second} projection"]
    with pytest.raises(AgiError, match="there is no such run"):
        problems(store, "nobody")


def test_a_row_that_was_changed_behind_our_back_is_found_by_chain_and_fold(store: Store) -> None:
    run = make_run(store)
    store.db.execute("DROP TRIGGER event_is_never_changed")
    store.db.execute(
        "UPDATE event SET body='{\"worker\":' WHERE kind='attempt_started' AND unit_id='work[1]'"
    )
    found = problems(store)
    assert found[f"{run} log"] == (f"event 8 of {run} (attempt_started) does not match its digest",)
    assert "event 8 (attempt_started work[1]) makes no sense" in found[f"{run} projection"][0]


def test_an_event_of_a_kind_that_nobody_knows_is_told_and_the_rest_is_looked_at(store: Store) -> None:
    run = make_run(store)
    store.db.execute("DROP TRIGGER event_is_never_changed")
    store.db.execute("UPDATE event SET kind='unit_danced' WHERE kind='node_finished'")
    told = problems(store)[f"{run} projection"]
    assert told[0].endswith("makes no sense: 'unit_danced' is missing or unknown")
    assert any(
        text.startswith("node work: the table has it otherwise: state is 'succeeded'") for text in told
    )


def test_what_follows_from_one_lost_expansion_is_counted_and_not_listed(store: Store) -> None:
    run = make_run(store, units=50)
    store.db.execute("DROP TRIGGER event_is_never_changed")
    store.db.execute("UPDATE event SET body='{}' WHERE kind='node_expanded'")
    told = problems(store)[f"{run} projection"]
    assert len(told) <= 20
    assert "and 141 more events, of which most will follow from the first" in told


def test_bytes_are_read_only_where_that_was_asked(store: Store) -> None:
    run = make_run(store)
    changed, gone = (store.objects.path(digest) for digest in own_objects(store, run)[:2])
    changed.chmod(0o644)
    changed.write_bytes(b"other bytes")
    gone.unlink()
    assert problems(store, objects=False) == {
        f"{run} objects": (f"work[1] own: object {own_objects(store, run)[1][:12]} is missing",)
    }
    assert len(problems(store)[f"{run} objects"]) == 2


def test_an_object_that_two_runs_share_is_missed_by_both(store: Store) -> None:
    runs = [make_run(store), make_run(store)]
    (shared,) = {row.digest for run in runs for row in store.artifacts(run) if row.name == "shared"}
    store.objects.path(shared).unlink()
    assert sorted(problems(store)) == [f"{run} objects" for run in runs]


def test_rows_and_folders_of_a_run_that_is_in_no_list_are_told(store: Store, workspace: Workspace) -> None:
    run = make_run(store)
    (workspace.run_folder(run) / "run_manifest.json").write_text("{}")
    store.db.execute("DELETE FROM run")
    told = problems(store)[f"{WORKSPACE} belonging"]
    assert told[0] == f"table event has rows of run {run}, which is not in the list of runs"
    assert told[-1] == f"runs/{run} holds a manifest, and the store knows no such run"


def test_a_manifest_that_is_not_the_one_in_the_log_is_told(store: Store, workspace: Workspace) -> None:
    run = make_run(store)
    log = store.log(run)
    log.append("manifest_written", digest=store.objects.put(b"{}"), verdict="passed")
    log.flush()
    path = workspace.run_folder(run) / "run_manifest.json"
    assert problems(store) == {f"{run} manifest": (f"runs/{run}/run_manifest.json is missing",)}
    path.write_bytes(b"{ }")
    assert "has other bytes" in problems(store)[f"{run} manifest"][0]
    path.write_bytes(b"{}")
    assert problems(store) == {}


def test_a_pruned_run_is_told_from_one_that_never_was(store: Store) -> None:
    run = make_run(store)
    store.db.execute(
        "INSERT INTO pruned SELECT run_id, app, state, created_us, finished_us, head, event_count, NULL, 1 FROM run"
    )
    head = store.run(run).head
    store.db.execute("DELETE FROM run")
    with pytest.raises(AgiError, match=f"(?s)AGI-STORE-021.*{run} was pruned.*head {head}") as caught:
        problems(store, run[-6:])
    assert caught.value.try_ == f"agilab store import {run}.zip, if it was exported"


def test_what_dead_processes_left_is_a_note_and_no_damage(store: Store, workspace: Workspace) -> None:
    run, live = make_run(store), make_run(store, ended=False)
    for one in (run, live):
        store.db.execute("INSERT INTO lease VALUES(?,'a1','w0',1,0.0,'boot',0.0)", (one,))
        (workspace.run_folder(one) / "staging/a1").mkdir(parents=True)
    never = workspace.run_folder("20261123-034412371-demo-000000")
    never.mkdir()
    os.utime(never, (1, 1))
    half = next(workspace.objects.iterdir()) / ".put-x"
    half.write_bytes(b"ha")
    assert not any(".put-" in note for note in notes(store))  # its writer may still be at it
    os.utime(half, (1, 1))
    assert problems(store) == {}
    assert notes(store) == (
        f"leases of run {run}, which is over",
        f"what run {run} staged and never recorded: runs/{run}/staging",
        f"the folder of a run that never began: runs/{never.name}",
        f"a file or folder that its writer never finished: objects/{half.parent.name}/.put-x",
    )


def test_what_the_owner_of_a_run_stages_is_no_leftover(store: Store, workspace: Workspace) -> None:
    run = make_run(store)
    (workspace.run_folder(run) / "staging").mkdir()
    code = (
        "import sys; from pathlib import Path; from agilab.store.locks import RunLock\n"
        "with RunLock(Path(sys.argv[1])): print('mine', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(workspace.run_folder(run))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as owner:
        assert owner.stdout
        owner.stdout.readline()
        assert notes(store) == ()
        owner.kill()
    assert len(notes(store)) == 1


def test_a_page_that_was_overwritten_is_named_and_no_traceback(workspace: Workspace) -> None:
    with Store(workspace) as store:
        make_run(store, units=400)
    page = 4096
    data = bytearray(workspace.db.read_bytes())
    root = _root_page(workspace.db, "event")
    data[(root - 1) * page : root * page] = b"\xff" * page
    workspace.db.write_bytes(bytes(data))
    with open_to_look(workspace) as store:
        looks = list(check_store(store))
    told = [problem for look in looks for problem in look.problems]
    assert not next(look for look in looks if look.name == "database").passed
    assert any("cannot be read: database disk image is malformed" in problem for problem in told)


def test_half_of_our_database_is_told_from_a_file_that_was_never_ours(workspace: Workspace) -> None:
    with Store(workspace) as store:
        make_run(store, units=400)
    os.truncate(workspace.db, workspace.db.stat().st_size // 2)
    with (
        pytest.raises(AgiError, match=r"(?s)AGI-STORE-003.*is damaged.*restore agilab.db from a backup"),
        open_to_look(workspace),
    ):
        pass
    workspace.db.write_text("shopping list")
    with pytest.raises(AgiError, match="is not an AGILab workspace database"), open_to_look(workspace):
        pass


@pytest.mark.faults
@pytest.mark.parametrize("seed", [*range(10), 58])
def test_damage_anywhere_in_the_file_is_told_and_never_a_traceback(workspace: Workspace, seed: int) -> None:
    with Store(workspace) as store:
        make_run(store, units=40)
    chance, data = random.Random(seed), bytearray(workspace.db.read_bytes())
    page = chance.randrange(len(data) // 4096)
    if seed % 2:
        data[page * 4096 : (page + 1) * 4096] = chance.randbytes(4096)
    else:
        for _ in range(20):
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    workspace.db.write_bytes(bytes(data))
    refused = ""
    try:
        with open_to_look(workspace) as store:
            found = [look for look in check_store(store) if not look.passed]
    except AgiError as problem:
        found, refused = [], problem.code
    assert found or refused in ("AGI-STORE-003", "AGI-STORE-004", "AGI-STORE-005")


def _root_page(path: Path, table: str) -> int:
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return int(db.execute("SELECT rootpage FROM sqlite_master WHERE name=?", (table,)).fetchone()[0])


def test_a_live_run_is_judged_as_it_was_at_one_instant(store: Store, workspace: Workspace) -> None:
    run = make_run(store, ended=False)
    with Store(workspace) as writer, RunLock(workspace.run_folder(run)):
        log = writer.log(run)
        for look in check_store(store):
            assert look.passed, look
            log.append("note_added", text="meanwhile", by="me")
            log.flush()
    assert list(chain_problems(store, run)) == []
    assert list(projection_problems(store, run)) == []


@pytest.mark.skipif(os.geteuid() != 0 or sys.platform != "linux", reason="mounting wants root on Linux")
def test_a_store_on_a_disk_that_is_read_only_can_be_checked(workspace: Workspace) -> None:
    with Store(workspace) as store:
        run = make_run(store)
        store.db.execute("UPDATE unit SET state='failed' WHERE unit_id='work[0]'")
        code = (
            "import sys; from pathlib import Path; from agilab.store.workspace import Workspace\n"
            "from agilab.store.checkup import check_store; from agilab.store.looking import open_to_look\n"
            "with open_to_look(Workspace(Path(sys.argv[1]))) as store:\n"
            "    print(*(look.subject + ' ' + look.name for look in check_store(store) if look.problems))"
        )
        script = (
            'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && ! touch "$0/x" 2>/dev/null'
            ' && exec "$1" -c "$2" "$0"'
        )
        # The store stays open here, so that what it wrote last is still in the log beside the database.
        done = subprocess.run(
            ["unshare", "-m", "sh", "-c", script, str(workspace.home), sys.executable, code],
            capture_output=True,
            text=True,
            check=False,
        )
    if "Operation not permitted" in done.stderr or "unshare" in done.stderr:
        pytest.skip("this machine lets nobody mount")
    assert done.stdout.split("\n")[0] == f"{run} projection", done.stderr


def test_a_store_of_an_older_version_is_checked_and_stays_as_it_is(workspace: Workspace) -> None:
    workspace.ensure()
    with closing(sqlite3.connect(workspace.db)) as db:
        db.executescript(MIGRATIONS[0])
        db.execute("PRAGMA user_version=1")
        db.execute(f"PRAGMA application_id={APPLICATION_ID}")
    with open_to_look(workspace) as store:
        assert problems(store) == {}
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            store.db.execute("DELETE FROM run")
    with closing(sqlite3.connect(workspace.db)) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (1,)


@pytest.mark.slow
def test_fifteen_thousand_units_are_checked_in_little_memory(workspace: Workspace) -> None:
    with Store(workspace) as store:
        make_run(store, units=15_000, files=False)
    code = (
        "import sys, resource; from pathlib import Path; from agilab.store.workspace import Workspace\n"
        "from agilab.store.checkup import check_store; from agilab.store.looking import open_to_look\n"
        "with open_to_look(Workspace(Path(sys.argv[1]))) as store:\n"
        "    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "    assert all(look.passed for look in check_store(store, objects=False))\n"
        "    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(workspace.home)], capture_output=True, text=True, check=True
    )
    kibibytes = int(done.stdout) // (1024 if sys.platform == "darwin" else 1)
    assert kibibytes < 32 * 1024


def test_a_look_is_plain_data() -> None:
    plain = Look("r", "log", "links", ("broken",)).to_plain()
    assert plain["passed"] is False
    assert plain["problems"] == ["broken"]
