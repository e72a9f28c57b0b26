"""`store prune`: who stays, who goes, and what becomes of the rest when it dies in between."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from agi_node.errors import AgiError
from agilab.store.checkup import check_store
from agilab.store.locks import RunLock
from agilab.store.looking import open_to_look
from agilab.store.removal import seal_run
from agilab.store.retention import Pruning, Retention, prune
from agilab.store.seal import Seal, sealed
from agilab.store.store import Store
from agilab.store.workspace import Workspace

from .processes import OWN, another
from .runs import days_ago, make_run, own_objects, whole

NOTHING = Retention(runs=0, days=0)
"""Keeps no run that may go."""
_SEALED = "INSERT INTO pruned SELECT run_id, app, state, created_us, finished_us, head, event_count, NULL, 1 FROM run"


def went(pruning: Pruning) -> list[str]:
    return [seal.run_id for seal in pruning.runs]


def remaining(workspace: Workspace) -> list[str]:
    with Store(workspace, readonly=True) as store:
        return [run.run_id for run in store.runs(limit=-1)][::-1]


def test_a_run_goes_only_if_it_is_beyond_both_the_number_and_the_days(workspace: Workspace) -> None:
    with Store(workspace) as store:
        old = [make_run(store, days=days) for days in (50, 45, 40)]
        recent = [make_run(store, days=days) for days in (20, 10, 5)]
        other = make_run(store, app="other", days=90)
    keep = Retention(runs=4, days=30)
    planned = prune(workspace, keep, dry_run=True)
    assert went(planned) == old[:2]
    assert remaining(workspace) == sorted([*old, *recent, other])
    done = prune(workspace, keep)
    assert went(done) == old[:2]
    assert done.kept == 5
    assert remaining(workspace) == sorted([old[2], *recent, other])
    assert (done.bytes, done.collected.objects) == (planned.bytes, planned.collected.objects)
    assert went(prune(workspace, Retention(runs=0, days=30, app="demo"))) == [old[2]]
    assert remaining(workspace) == sorted([*recent, other])


def test_the_default_keeps_fifty_runs_of_each_app_and_thirty_days(workspace: Workspace) -> None:
    with Store(workspace) as store:
        runs = [make_run(store, days=100 - number, units=1, files=False) for number in range(53)]
        make_run(store, app="other", days=200, units=1)
    assert went(prune(workspace)) == runs[:3]


def test_a_pruned_run_leaves_its_seal_and_nothing_else(workspace: Workspace) -> None:
    with Store(workspace) as store:
        run, later = make_run(store, days=60), make_run(store)
        log = store.log(run)
        log.append("manifest_written", digest="f" * 64, verdict="passed")
        log.flush()
        head = store.run(run).head
    done = prune(workspace, Retention(runs=1))
    assert went(done) == [run]
    with Store(workspace) as store:
        seal = sealed(store.db, run)
        assert seal is not None
        assert (seal.head, seal.event_count, seal.manifest_digest, seal.state) == (
            head,
            15,
            "f" * 64,
            "succeeded",
        )
        for table in ("event", "unit", "node", "artifact", "cached", "lease"):
            assert not store.db.execute(f"SELECT 1 FROM {table} WHERE run_id=?", (run,)).fetchone()
        assert not workspace.run_folder(run).exists()
        kept = set(store.objects.digests())
        assert not kept & set(own_objects(store, run))
        assert kept >= set(own_objects(store, later))
    assert whole(workspace)


@pytest.mark.parametrize("mark", ["promoted", "keep"])
def test_a_marked_run_is_never_pruned_until_its_mark_is_taken_off(workspace: Workspace, mark: str) -> None:
    with Store(workspace) as store:
        run = make_run(store, days=400)
        log = store.log(run)
        log.append("note_added", by="me", text="the one in the paper", mark=mark)
        log.flush()
    assert went(prune(workspace, NOTHING)) == []
    with Store(workspace) as store:
        log = store.log(run)
        log.append("note_added", by="me", text="superseded", mark="")
        log.flush()
    assert went(prune(workspace, NOTHING)) == [run]


def test_a_run_that_has_not_ended_is_never_pruned_nor_its_parent(workspace: Workspace) -> None:
    with Store(workspace) as store:
        parent = make_run(store, days=400)
        child = make_run(store, days=300, ended=False, parent=parent)
        grandparent = make_run(store, days=410)
        make_run(store, days=290, parent=grandparent)
    assert parent not in went(prune(workspace, NOTHING))
    assert remaining(workspace) == [parent, child]


def test_a_run_that_a_process_owns_stays_and_is_named(workspace: Workspace) -> None:
    with Store(workspace) as store:
        run = make_run(store, days=400)
    with another(OWN, workspace.run_folder(run)):
        for dry_run in (True, False):
            done = prune(workspace, NOTHING, dry_run=dry_run)
            assert done.left == ((run, "a process is at it"),)
            assert went(done) == []
    assert went(prune(workspace, NOTHING)) == [run]


def test_a_run_with_a_damaged_log_stays_as_evidence(workspace: Workspace) -> None:
    with Store(workspace) as store:
        run = make_run(store, days=400)
        store.db.execute("DROP TRIGGER event_is_never_deleted")
        store.db.execute("DELETE FROM event WHERE run_seq>10")
    assert prune(workspace, NOTHING).left == ((run, "its log is damaged (agilab store check)"),)
    assert remaining(workspace) == [run]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may remove anything")
def test_a_folder_that_cannot_be_removed_is_named_and_the_next_prune_goes_on(workspace: Workspace) -> None:
    with Store(workspace) as store:
        run = make_run(store, days=60)
    stubborn = workspace.run_folder(run) / "artifacts"
    stubborn.chmod(0o500)
    with pytest.raises(AgiError, match="AGI-STORE-023"):
        prune(workspace, NOTHING)
    stubborn.chmod(0o700)
    assert prune(workspace, NOTHING).finished == (run,)


def test_a_live_run_goes_on_while_others_are_pruned_and_its_log_is_whole(workspace: Workspace) -> None:
    with Store(workspace) as store:
        for _ in range(3):
            make_run(store, days=60, units=700, files=False)
        live = make_run(store, ended=False, units=300)
    code = (
        "import sys; from pathlib import Path; from agilab.store.workspace import Workspace\n"
        "from agilab.store.retention import Retention, prune\n"
        "print('begun', flush=True)\n"
        "print(len(prune(Workspace(Path(sys.argv[1])), Retention(runs=1)).runs))"
    )
    with Store(workspace) as store, RunLock(workspace.run_folder(live)):
        log = store.log(live)
        with subprocess.Popen(
            [sys.executable, "-c", code, str(workspace.home)], stdout=subprocess.PIPE, text=True
        ) as other:
            assert other.stdout
            other.stdout.readline()
            longest = 0.0
            for unit in list(store.units(live)):
                # The same bytes that a pruned run left: whoever finds them there does not write them again.
                digest = store.objects.put(b"of every run")
                log.append("attempt_succeeded", unit.unit_id, unit.attempt_id, value=1, value_digest=digest)
                began = time.monotonic()
                log.flush()
                longest = max(longest, time.monotonic() - began)
            assert other.stdout.read() == "3\n"
        log.append("run_finished", state="succeeded")
        log.flush()
    assert longest < 5.0
    assert remaining(workspace) == [live]
    assert whole(workspace)


def test_leftovers_are_taken_away(workspace: Workspace) -> None:
    with Store(workspace) as store:
        run, open_run = make_run(store), make_run(store, ended=False)
        for one in (run, open_run):
            store.db.execute("INSERT INTO lease VALUES(?,'a1','w0',1,0.0,'boot',0.0)", (one,))
            (workspace.run_folder(one) / "staging/a1").mkdir(parents=True)
    planned = prune(workspace, dry_run=True)
    done = prune(workspace)
    assert planned.leftovers == done.leftovers
    assert len(done.leftovers) == 2
    assert not (workspace.run_folder(run) / "staging").exists()
    assert (workspace.run_folder(open_run) / "staging/a1").exists()  # a resume may adopt it
    with Store(workspace) as store:
        assert [row[0] for row in store.db.execute("SELECT run_id FROM lease")] == [open_run]


def test_a_run_that_is_sealed_and_in_the_list_is_whole_and_stays(workspace: Workspace) -> None:
    with Store(workspace) as store:
        run = make_run(store, days=60)
        store.db.execute(_SEALED)
    assert whole(workspace)
    assert went(prune(workspace, Retention(runs=1))) == []
    assert remaining(workspace) == [run]
    assert went(prune(workspace, NOTHING)) == [run]


def test_an_import_of_a_run_that_is_half_pruned_is_not_undone_by_the_next_prune(workspace: Workspace) -> None:
    """Whoever brings a pruned run back owns it, and puts its files in place long before the run is in the list."""
    with Store(workspace) as store:
        run = make_run(store, days=60)
        store.db.execute(_SEALED)
        store.db.execute("DELETE FROM run")
    with another(OWN, workspace.run_folder(run)):
        done = prune(workspace)
        assert (done.finished, done.left) == ((), ((run, "a process is at it"),))
        assert (workspace.run_folder(run) / "artifacts/work/0/own.txt").exists()
        with Store(workspace) as store:
            assert len(list(store.events(run))) == 14
    assert prune(workspace).finished == (run,)
    assert not workspace.run_folder(run).exists()


def test_no_result_can_be_found_whose_event_is_gone(workspace: Workspace) -> None:
    with Store(workspace) as store:
        run = make_run(store, days=60)
        store.db.execute("INSERT INTO cached SELECT run_id, unit_id, 'key', done_seq FROM unit")
        store.db.execute(
            "CREATE TRIGGER found_without_its_event BEFORE DELETE ON event"
            " WHEN EXISTS (SELECT 1 FROM cached WHERE run_id=OLD.run_id AND done_seq=OLD.run_seq)"
            " BEGIN SELECT RAISE(ABORT, 'somebody who finds this result would not find its event'); END"
        )
    assert went(prune(workspace, NOTHING)) == [run]


def test_a_parent_stays_whose_rerun_begins_while_it_is_being_chosen(workspace: Workspace) -> None:
    with Store(workspace) as store:
        parent = make_run(store, days=60)
        row = store.run(parent)
        seal = Seal(
            parent, row.app, row.state, row.created_us, row.finished_us, row.head, row.event_count, None
        )
        make_run(store, ended=False, parent=parent)
        assert seal_run(store, seal, 1) == "it was changed, or is being run again, meanwhile"
        assert sealed(store.db, parent) is None
        assert store.run(parent) == row


def test_old_runs_that_were_interrupted_are_named_as_nobody_else_would(workspace: Workspace) -> None:
    with Store(workspace) as store:
        parent = make_run(store, days=90)
        run = make_run(store, days=60, ended=False, parent=parent)
        make_run(store, ended=False)
    for dry_run in (True, False):
        done = prune(workspace, Retention(runs=1, days=30), dry_run=dry_run)
        assert dict(done.left) == {
            run: f"it was interrupted (agilab runs resume {run}, or cancel)",
            parent: "a rerun of it has not ended",
        }
        assert done.kept == 3


def test_a_run_that_was_imported_is_as_old_as_its_import(workspace: Workspace) -> None:
    with Store(workspace) as store:
        run = make_run(store, days=400)
        store.db.execute("INSERT INTO imported(run_id, at_us) VALUES(?,?)", (run, days_ago(3)))
    assert went(prune(workspace, Retention(runs=0, days=30))) == []
    assert went(prune(workspace, Retention(runs=0, days=2))) == [run]


@pytest.mark.parametrize("days", [1e12, 1e300, float("inf"), float("nan")])
def test_days_beyond_all_counting_keep_everything(workspace: Workspace, days: float) -> None:
    with Store(workspace) as store:
        make_run(store, days=400)
    assert went(prune(workspace, Retention(runs=0, days=days))) == []


@pytest.mark.faults
@pytest.mark.skipif(os.geteuid() != 0 or sys.platform != "linux", reason="mounting wants root on Linux")
def test_a_prune_helps_on_a_disk_that_is_nearly_full_and_says_so_on_one_that_is(tmp_path: Path) -> None:
    code = (
        "import os, shutil, sys; from pathlib import Path\n"
        "from agi_node.errors import AgiError; from agilab.store.retention import Retention, prune\n"
        "from agilab.store.store import Store; from agilab.store.workspace import Workspace\n"
        "from tests.store.runs import make_run\n"
        "disk = Path(sys.argv[1]); workspace = Workspace(disk / 'home')\n"
        "with Store(workspace) as store:\n"
        "    for days in (60, 60, 60, 0): make_run(store, days=days, units=300)\n"
        "    store.objects.put(os.urandom(1_000_000))\n"
        "for left in (0, 400_000):\n"
        "    (disk / 'fill').write_bytes(b'')\n"
        "    (disk / 'fill').write_bytes(b'x' * (shutil.disk_usage(disk).free - left))\n"
        "    try: print(len(prune(workspace, Retention(runs=1)).runs), shutil.disk_usage(disk).free)\n"
        "    except AgiError as problem: print(problem.code, problem.try_)"
    )
    script = 'mount -t tmpfs -o size=30m tmpfs "$0" && exec "$1" -c "$2" "$0"'
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", script, str(tmp_path), sys.executable, code],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    if "unshare" in done.stderr or "mount" in done.stderr:
        pytest.skip("this machine lets nobody mount")
    full, nearly = done.stdout.splitlines()
    assert full.startswith("AGI-STORE-023 agilab env prune, or free 4 MiB on this disk")
    runs, free = nearly.split()
    assert runs == "3"
    assert int(free) > 1_400_000


def test_two_prunes_at_once_are_refused(workspace: Workspace) -> None:
    from filelock import FileLock

    with Store(workspace) as store:
        make_run(store)
    with FileLock(workspace.home / "prune.lock"), pytest.raises(AgiError, match="AGI-STORE-020"):
        prune(workspace)


def test_a_workspace_without_runs_is_told_so_and_stays_empty(workspace: Workspace) -> None:
    for dry_run in (True, False):
        with pytest.raises(AgiError, match="there is no run in this workspace yet"):
            prune(workspace, dry_run=dry_run)
    assert not workspace.db.exists()


_PRUNE = (
    "import sys; from pathlib import Path; from agilab.store.workspace import Workspace\n"
    "from agilab.store.retention import Retention, prune\n"
    "print('begun', flush=True)\n"
    "prune(Workspace(Path(sys.argv[1])), Retention(runs=2, days=30))"
)


@pytest.mark.faults
@pytest.mark.parametrize("seed", range(6))
def test_a_prune_that_is_killed_leaves_a_store_that_the_next_one_finishes(
    workspace: Workspace, seed: int
) -> None:
    with Store(workspace) as store:
        old = [make_run(store, days=60, units=1_500, files=False) for _ in range(4)]
        old.append(make_run(store, days=59, units=40))
        kept = [make_run(store, units=20) for _ in range(2)]
    moments = random.Random(seed)
    for _ in range(4):
        with subprocess.Popen(
            [sys.executable, "-c", _PRUNE, str(workspace.home)], stdout=subprocess.PIPE
        ) as victim:
            assert victim.stdout
            victim.stdout.readline()
            time.sleep(moments.uniform(0, 0.15))
            victim.kill()
        with open_to_look(workspace) as store:
            assert [look for look in check_store(store) if not look.passed] == []
            left = {run.run_id for run in store.runs(limit=-1)}
            assert left >= set(kept)
            assert all(sealed(store.db, run) for run in set(old) - left)
    prune(workspace, Retention(runs=2, days=30))
    with open_to_look(workspace) as store:
        assert all(look.passed and not look.notes for look in check_store(store))
        assert {run.run_id for run in store.runs(limit=-1)} == set(kept)
        assert all(sealed(store.db, run) for run in old)
        assert store.db.execute("SELECT count(DISTINCT run_id) FROM event").fetchone() == (2,)
        objects = set(store.objects.digests())
        assert objects == {digest for run in kept for digest in own_objects(store, run, 20)} | {
            row.digest for row in store.artifacts(kept[0]) if row.name == "shared"
        } | {store.run(kept[0]).plan_digest}
    assert sorted(folder.name for folder in workspace.runs.iterdir()) == kept
