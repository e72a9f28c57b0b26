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
from agilab.contracts.identifiers import new_run_id
from agilab.store.checkup import check_store
from agilab.store.locks import RunLock
from agilab.store.looking import open_to_look
from agilab.store.retention import Pruning, Retention, prune
from agilab.store.seal import sealed
from agilab.store.snapshot import materialise, take
from agilab.store.store import Store
from agilab.store.workspace import Workspace

from .runs import make_run, own_objects

NOTHING = Retention(runs=0, days=0)
"""Keeps no run that may go."""


def went(pruning: Pruning) -> list[str]:
    return [seal.run_id for seal in pruning.runs]


def remaining(workspace: Workspace) -> list[str]:
    with Store(workspace, readonly=True) as store:
        return [run.run_id for run in store.runs(limit=-1)][::-1]


def whole(workspace: Workspace) -> bool:
    with open_to_look(workspace) as store:
        return all(look.passed for look in check_store(store))


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
    assert (done.bytes, done.objects) == (planned.bytes, planned.objects)
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
        for dry_run in (True, False):
            done = prune(workspace, NOTHING, dry_run=dry_run)
            assert done.left == ((run, "a process is at it"),)
            assert went(done) == []
        owner.kill()
    assert went(prune(workspace, NOTHING)) == [run]


def test_a_run_with_a_damaged_log_stays_as_evidence(workspace: Workspace) -> None:
    with Store(workspace) as store:
        run = make_run(store, days=400)
        store.db.execute("DROP TRIGGER event_is_never_deleted")
        store.db.execute("DELETE FROM event WHERE run_seq>10")
    assert prune(workspace, NOTHING).left == ((run, "its log is damaged (agilab store check)"),)
    assert remaining(workspace) == [run]


def test_what_a_kept_run_shares_or_uses_again_stays(workspace: Workspace) -> None:
    with Store(workspace) as store:
        old = make_run(store, days=60, shared=b"used by both")
        again = make_run(store, files=False)
        mine = own_objects(store, old)
        log = store.log(again)
        # However a later version calls it: what looks like a digest in a log is a reference.
        log.append("note_added", by="me", text="see", whatever={"deep": [mine[0]]})
        log.flush()
    prune(workspace, Retention(runs=1, days=0))
    with Store(workspace) as store:
        kept = set(store.objects.digests())
        assert mine[0] in kept
        assert not {mine[1], mine[2]} & kept


def test_a_rerun_keeps_what_it_used_again_when_its_parent_goes(workspace: Workspace) -> None:
    with Store(workspace) as store:
        parent = make_run(store, days=60)
        (row, *_) = store.artifacts(parent)
        child = new_run_id("demo")
        log = store.log(child)
        log.append("run_created", app="demo", args={}, parent=parent)
        plan = store.objects.put(b'{"nodes":[]}')
        log.append("plan_recorded", plan_digest=plan, nodes=[{"name": "work", "target": "m:f"}])
        item = {"unit_id": row.unit_id, "key": "0", "cost": 1.0, "payload": None}
        log.append("node_expanded", node="work", count=1, items=[item])
        artifact = {
            "name": row.name,
            "kind": row.kind,
            "media_type": row.media_type,
            "size": row.size,
            "digest": row.digest,
            "file": row.file,
        }
        log.append(
            "unit_reused",
            row.unit_id,
            value=0,
            artifacts=[artifact],
            from_run=parent,
            from_unit=row.unit_id,
            from_attempt="a6",
            why="equal",
            older_code=False,
        )
        log.append("node_finished", node="work", state="succeeded")
        log.append("run_finished", state="succeeded")
        log.flush()
    assert went(prune(workspace, Retention(runs=1, days=0))) == [parent]
    with Store(workspace) as store:
        assert row.digest in store.objects
        assert set(own_objects(store, parent)) & set(store.objects.digests()) == {row.digest}
        assert store.run(child).parent_run_id == parent
    assert whole(workspace)


def test_source_and_snapshot_go_with_the_last_run_that_ran_them(workspace: Workspace, tmp_path: Path) -> None:
    trees = {}
    with Store(workspace) as store:
        for name, days in (("old", 60), ("new", 0)):
            (tmp_path / name / "src").mkdir(parents=True)
            (tmp_path / name / "src/app.py").write_text(f"NAME = {name!r}\n")
            snapshot = take(tmp_path / name, store.objects)
            trees[name] = (snapshot, materialise(snapshot, store.objects, workspace.snapshots))
            make_run(store, days=days, source_digest=snapshot.digest)
        store.objects.put(b"put by somebody who died before recording it")
    planned = prune(workspace, Retention(runs=1), dry_run=True)
    done = prune(workspace, Retention(runs=1))
    assert (planned.objects, planned.snapshots, planned.bytes) == (done.objects, 1, done.bytes)
    assert done.snapshots == 1
    assert not trees["old"][1].exists()
    assert (trees["new"][1] / "src/app.py").read_text() == "NAME = 'new'\n"
    with Store(workspace) as store:
        assert trees["new"][0].digest in store.objects
        assert trees["old"][0].digest not in store.objects
        # own artifacts of one run, what both share, the plan, a tree with one file
        assert len(list(store.objects.digests())) == 3 + 1 + 1 + 2


def test_a_plan_of_a_dry_run_keeps_what_it_names(workspace: Workspace) -> None:
    with Store(workspace) as store:
        make_run(store)
        digest = store.objects.put(b"planned")
    (workspace.plans / "p").mkdir(parents=True)
    (workspace.plans / "p/plan.json").write_text(f'{{"source_digest": "{digest}"}}')
    prune(workspace, NOTHING)
    with Store(workspace) as store:
        assert list(store.objects.digests()) == [digest]


def test_objects_wait_while_anybody_has_the_workspace_open(workspace: Workspace) -> None:
    with Store(workspace) as store:
        make_run(store, days=60)
        make_run(store)
    code = (
        "import sys; from pathlib import Path; from agilab.store.store import Store\n"
        "from agilab.store.workspace import Workspace\n"
        "with Store(Workspace(Path(sys.argv[1])), readonly=len(sys.argv) > 2):\n"
        "    print('here', flush=True); sys.stdin.read()"
    )
    for reader in ((), ("readonly",)):
        with subprocess.Popen(
            [sys.executable, "-c", code, str(workspace.home), *reader],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        ) as other:
            assert other.stdout
            other.stdout.readline()
            done = prune(workspace, Retention(runs=1))
            assert (done.objects, done.waiting) == (0, 3)
            other.kill()
    done = prune(workspace, Retention(runs=1))
    assert (done.objects, done.waiting) == (3, 0)


def test_a_run_that_lost_its_row_does_not_lose_its_objects_too(workspace: Workspace) -> None:
    with Store(workspace) as store:
        run = make_run(store)
        store.db.execute("DELETE FROM run")
        before = set(store.objects.digests())
    assert prune(workspace, NOTHING).objects == 0
    with Store(workspace) as store:
        assert set(store.objects.digests()) == before
        assert [event.run_seq for event in store.events(run)] == list(range(1, 15))


def test_a_damaged_database_stops_a_prune_before_anything_is_thought_to_be_garbage(
    workspace: Workspace,
) -> None:
    with Store(workspace) as store:
        make_run(store, units=400, files=False)
        kept = store.objects.put(b"named in a page that cannot be read")
        root = store.db.execute("SELECT rootpage FROM sqlite_master WHERE name='event'").fetchone()[0]
    data = bytearray(workspace.db.read_bytes())
    data[(root - 1) * 4096 : root * 4096] = b"\xff" * 4096
    workspace.db.write_bytes(bytes(data))
    for dry_run in (True, False):
        with pytest.raises(AgiError, match=r"(?s)AGI-STORE-022.*agilab store check"):
            prune(workspace, NOTHING, dry_run=dry_run)
    with Store(workspace, readonly=True) as store:
        assert kept in store.objects


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


def test_a_run_that_was_only_sealed_is_whole_and_is_judged_again(workspace: Workspace) -> None:
    with Store(workspace) as store:
        run = make_run(store, days=60)
        store.db.execute(
            "INSERT INTO pruned SELECT run_id, app, state, created_us, finished_us, head, event_count, NULL, 1 FROM run"
        )
    assert whole(workspace)
    assert went(prune(workspace, Retention(runs=1))) == []
    with Store(workspace) as store:
        assert sealed(store.db, run) is None


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
