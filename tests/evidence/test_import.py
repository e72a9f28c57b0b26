"""The way back of an exported run: as it was, once, and whole or not at all."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from agi_node.errors import AgiError
from agilab.evidence.export import export_run
from agilab.evidence.exported import verified
from agilab.evidence.intake import import_run, missing_bytes, verify_export
from agilab.evidence.verify import verify
from agilab.store.checkup import check_store
from agilab.store.locks import RunLock
from agilab.store.retention import Retention, prune
from agilab.store.seal import sealed
from agilab.store.store import Store
from agilab.store.workspace import Workspace
from tests.evidence.conftest import RUN, run_demo
from tests.evidence.exports import finished
from tests.store.runs import make_run


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


def test_a_run_that_lost_its_row_comes_back_from_its_export(exported: Path, elsewhere: Workspace) -> None:
    import_run(exported, elsewhere)
    with Store(elsewhere) as store:
        store.db.execute("DELETE FROM run")
        assert not all(look.passed for look in check_store(store))
    assert import_run(exported, elsewhere).outcome == "imported"
    with Store(elsewhere) as store:
        assert all(look.passed for look in check_store(store))
        assert sealed(store.db, RUN) is None


def test_what_is_left_of_a_lost_run_with_another_log_stays(exported: Path, elsewhere: Workspace) -> None:
    with Store(elsewhere) as store:
        run_demo(store, [0, 1])
        store.db.execute("DELETE FROM run")
        before = list(store.events(RUN))
    with pytest.raises(AgiError, match=r"(?s)AGI-STORE-044.*its row is lost, its log is not"):
        import_run(exported, elsewhere)
    with Store(elsewhere) as store:
        assert list(store.events(RUN)) == before


def test_room_is_asked_for_what_is_not_here_and_no_more(exported: Path, elsewhere: Workspace) -> None:
    with verified(exported) as export:
        with Store(elsewhere) as store:
            everything = sum(file.size for file in export.index.files)
            assert missing_bytes(store, export, here=False) == everything
        import_run(exported, elsewhere)
        with Store(elsewhere) as store:
            assert missing_bytes(store, export, here=True) == 0
            (lost, *_) = store.artifacts(RUN)
            store.objects.path(lost.digest).unlink()
            (elsewhere.run_folder(RUN) / lost.place).unlink()
            assert missing_bytes(store, export, here=True) == lost.size


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
