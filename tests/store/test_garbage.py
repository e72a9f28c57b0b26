"""Objects and folders of source: what goes when nobody needs it, and what must never go."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from agi_node.errors import AgiError
from agilab.contracts.identifiers import new_run_id
from agilab.store.retention import Pruning, Retention, prune
from agilab.store.snapshot import materialise, take
from agilab.store.store import Store
from agilab.store.workspace import Workspace

from .processes import OPEN, another
from .runs import make_run, own_objects, whole

NOTHING = Retention(runs=0, days=0)
"""Keeps no run that may go."""
_SEALED = "INSERT INTO pruned SELECT run_id, app, state, created_us, finished_us, head, event_count, NULL, 1 FROM run"


def went(pruning: Pruning) -> list[str]:
    return [seal.run_id for seal in pruning.runs]


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
            (workspace.builds / f"{snapshot.digest[:32]}-{'1' * 32}" / "tree").mkdir(parents=True)
            make_run(store, days=days, source_digest=snapshot.digest)
        store.objects.put(b"put by somebody who died before recording it")
    planned = prune(workspace, Retention(runs=1), dry_run=True)
    done = prune(workspace, Retention(runs=1))
    assert (planned.collected.objects, planned.collected.snapshots, planned.bytes) == (
        done.collected.objects,
        2,
        done.bytes,
    )
    assert done.collected.snapshots == 2, "the folder, and what a compiled app built of it"
    assert [path.name[:32] for path in workspace.builds.iterdir()] == [trees["new"][0].digest[:32]]
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


@pytest.mark.slow
def test_objects_wait_while_anybody_has_the_workspace_open(workspace: Workspace) -> None:
    with Store(workspace) as store:
        make_run(store, days=60)
        make_run(store)
    for reader in ((), ("readonly",)):
        with another(OPEN, workspace.home, *reader) as other:
            planned = prune(workspace, Retention(runs=1), dry_run=True)
            done = prune(workspace, Retention(runs=1))
            for one in (planned, done):
                (holder,) = one.holders
                assert holder.startswith(f"process {other.pid} (python")
            assert (done.collected.objects, done.collected.waiting) == (0, 3)
            assert done.collected.waiting_bytes == 3 * len(f"{new_run_id('demo')} 0")
    done = prune(workspace, Retention(runs=1))
    assert (done.collected.objects, done.collected.waiting) == (3, 0)


def test_a_run_that_lost_its_row_does_not_lose_its_objects_too(workspace: Workspace) -> None:
    with Store(workspace) as store:
        run = make_run(store)
        store.db.execute("DELETE FROM run")
        before = set(store.objects.digests())
    assert prune(workspace, NOTHING).collected.objects == 0
    with Store(workspace) as store:
        assert set(store.objects.digests()) == before
        assert [event.run_seq for event in store.events(run)] == list(range(1, 15))


def test_another_database_than_the_objects_were_written_with_says_nothing_of_who_needs_them(
    workspace: Workspace,
) -> None:
    """Whoever is told that the database is damaged moves it away, and puts a backup in its place a day later."""
    with Store(workspace) as store:
        run = make_run(store)
        (workspace.run_folder(run) / "run_manifest.json").write_text("{}")
        before = set(store.objects.digests())
    moved = workspace.db.rename(workspace.home / "backup.db")
    with Store(workspace) as store:
        make_run(store)
    for dry_run in (True, False):
        done = prune(workspace, NOTHING, dry_run=dry_run)
        assert done.collected.objects == 0
        assert done.collected.why == f"runs/{run} holds a manifest, and the store knows no such run"
    moved.rename(workspace.db)
    with Store(workspace) as store:
        assert before <= set(store.objects.digests())
    assert prune(workspace, NOTHING).collected.why == ""


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


def test_a_folder_of_source_is_whole_or_has_another_name(workspace: Workspace, tmp_path: Path) -> None:
    """A prune that dies while it removes one must not leave half of it to the next run of the same source."""
    (tmp_path / "app/src").mkdir(parents=True)
    for name in "abc":
        (tmp_path / f"app/src/{name}.py").write_text(name)
    with Store(workspace) as store:
        snapshot = take(tmp_path / "app", store.objects)
        folder = materialise(snapshot, store.objects, workspace.snapshots)
        code = (
            "import shutil, sys, os; from pathlib import Path; from agilab.store.snapshot import discard\n"
            "sys.addaudithook(lambda event, _: os._exit(9) if event == 'os.rmdir' else None)\n"
            "discard(Path(sys.argv[1]))"
        )
        died = subprocess.run([sys.executable, "-c", code, str(folder)], check=False)
        assert died.returncode == 9
        assert not (folder / "src/a.py").exists()
        again = materialise(snapshot, store.objects, workspace.snapshots)
        assert sorted(path.name for path in (again / "src").iterdir()) == ["a.py", "b.py", "c.py"]
    make = workspace.snapshots / f".making-{folder.name}"
    os.utime(make, (1, 1))
    prune(workspace, Retention())
    assert not make.exists()


def test_what_an_unreadable_document_names_is_no_garbage(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "app/src").mkdir(parents=True)
    (tmp_path / "app/src/a.py").write_text("a")
    with Store(workspace) as store:
        snapshot = take(tmp_path / "app", store.objects)
        make_run(store, source_digest=snapshot.digest)
        tree = store.objects.path(snapshot.digest)
        tree.unlink()
        tree.mkdir()  # what reading it raises is an OSError, as on a disk that has gone bad
    with pytest.raises(AgiError, match=r"(?s)AGI-STORE-023.*Is a directory"):
        prune(workspace, Retention())
    with Store(workspace) as store:
        assert set(snapshot.files.values()) <= set(store.objects.digests())


def test_a_plan_that_comes_while_a_prune_waits_for_its_turn_keeps_what_it_names(workspace: Workspace) -> None:
    with Store(workspace) as store:
        make_run(store)
        digest = store.objects.put(b"planned")
    with ThreadPoolExecutor() as threads:
        with another(OPEN, workspace.home):
            pruning = threads.submit(prune, workspace)
            time.sleep(
                0.7
            )  # it has read all logs and documents, and waits until nobody has the workspace open
            (workspace.plans / "p").mkdir(parents=True)
            (workspace.plans / "p/plan.json").write_text(f'{{"source_digest": "{digest}"}}')
        assert pruning.result().collected.waiting == 0
    with Store(workspace) as store:
        assert digest in store.objects
