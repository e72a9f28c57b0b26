"""Disks: full in the middle of a commit, read-only, on a network; and death between a file and its event."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from agi_node.errors import ENVIRONMENT, AgiError
from agilab.engine.executor import Executor
from agilab.engine.graph import Graph, Node
from agilab.store.database import connect
from agilab.store.store import Store
from agilab.store.workspace import Workspace
from tests.engine.conftest import begin, values
from tests.engine.traps.conftest import Disk, Life, Local, problems
from tests.engine.traps.life import carry_on, executor_of

pytestmark = pytest.mark.faults
MakeDisk = Callable[[int], Disk]


def texts(count: int, size: int) -> Graph:
    """Units that leave so much text each: above 32 KiB it becomes an object, below it is in the log."""
    node = Node("text", "mischief:text", foreach=list(range(count)), args={"size": size})
    return Graph((node,))


def recorded(store: Store) -> dict[str, str]:
    """The event that recorded each success, by unit."""
    return {event.unit_id or "": event.sha256 for event in store.events("r1", kinds=("attempt_succeeded",))}


def end_of(store: Store, executor: Executor) -> str:
    """The state in which the run ended, or the code of the error that ended its owner."""
    try:
        return carry_on(store, "r1", executor)
    except AgiError as problem:
        return problem.code


@pytest.mark.parametrize("size", [20_000, 60_000], ids=["in-the-log", "as-objects"])
def test_a_disk_that_is_full_in_the_middle_of_a_commit_loses_nothing(disk: MakeDisk, size: int) -> None:
    small = disk(6)
    workspace = Workspace(small.place / "home")
    with Store(workspace) as store:
        begin(store, "r1", texts(400, size))
        with pytest.raises(AgiError, match=r"(?s)AGI-STORE-005.*(full|No space).*make room") as caught:
            carry_on(store, "r1", executor_of("inline", small.place))
        assert caught.value.whose == "environment"
    small.resize(100)
    with Store(workspace) as store:
        before = recorded(store)
        assert 20 <= len(before) < 400
        assert problems(store, "r1") == []
        assert carry_on(store, "r1", executor_of("inline", small.place)) == "succeeded"
        assert before.items() <= recorded(store).items(), "a recorded success was lost or done again"
        assert len(values(store, "text")) == 400
        assert problems(store, "r1") == []
    assert not list(workspace.objects.glob("*/.put-*")), "half an object was left behind"


def test_a_disk_that_is_still_full_refuses_again_and_harms_nothing(disk: MakeDisk) -> None:
    small = disk(6)
    workspace = Workspace(small.place / "home")
    with Store(workspace) as store:
        begin(store, "r1", texts(400, 20_000))
        for _ in range(3):
            with pytest.raises(AgiError, match="AGI-STORE-005"):
                carry_on(store, "r1", executor_of("inline", small.place))
    small.resize(100)
    with Store(workspace) as store:
        assert carry_on(store, "r1", executor_of("inline", small.place)) == "succeeded"
        assert problems(store, "r1") == []


def test_a_disk_that_is_full_for_workers_ends_in_an_error_and_not_in_a_traceback(
    disk: MakeDisk, local: Local
) -> None:
    small = disk(6)
    workspace = Workspace(small.place / "home")
    with Store(workspace) as store:
        begin(store, "r1", texts(400, 60_000))
        # Who notices first is a matter of chance: the unit that cannot stage its text, or the owner who records it.
        assert end_of(store, local(2)) in ("failed", "AGI-STORE-005")
    small.resize(100)
    with Store(workspace) as store:
        before = recorded(store)
        assert before
        if store.run("r1").state == "running":
            assert carry_on(store, "r1", local(2)) == "succeeded"
        assert before.items() <= recorded(store).items()
        assert problems(store, "r1") == []


def test_a_store_that_is_read_only_is_refused_with_advice_and_stays_as_it_is(
    disk: MakeDisk, life: Life
) -> None:
    small = disk(20)
    workspace = Workspace(small.place / "home")
    with Store(workspace) as store:
        begin(store, "r1", texts(5, 100))
    small.freeze()
    before = workspace.db.read_bytes()
    process = life("r1", "inline", workspace=workspace)
    err = process.communicate(timeout=30)[1]
    assert process.returncode == ENVIRONMENT, err
    assert "AGI-STORE-005" in err
    assert "check permissions and free space" in err
    assert "Traceback" not in err
    assert workspace.db.read_bytes() == before


@pytest.mark.parametrize("executor", ["inline", "local"])
def test_death_between_a_file_and_its_event_leaves_an_object_that_is_used_when_the_unit_is_done_again(
    store: Store, life: Life, executor: str, tmp_path: Path
) -> None:
    graph = Graph((Node("text", "mischief:known_text", foreach=[1, 2, 3], args={"size": 40_000}),))
    begin(store, "r1", graph)
    objects = set(store.workspace.objects.glob("*/*"))
    process = life("r1", executor, "file-without-event")
    process.wait(30)
    assert process.returncode == -signal.SIGKILL
    fresh = set(store.workspace.objects.glob("*/*")) - objects
    assert fresh, "the object had been moved into its place"
    assert recorded(store) == {}, "and nobody had recorded it"
    assert problems(store, "r1") == []
    process = life("r1", executor)
    assert process.communicate(timeout=30)[0] == "succeeded\n"
    assert problems(store, "r1") == []
    assert all(path.exists() for path in fresh)
    assert values(store, "text") == {str(n): f"{n:08}" * 5_000 for n in (1, 2, 3)}
    assert len(list(store.workspace.objects.glob("*/*"))) == len(objects) + 3


def test_a_store_on_a_network_file_system_is_refused_with_advice_before_anything_is_written(
    tmp_path: Path,
) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(f"disk / ext4 rw\nserver:/home {tmp_path}/home nfs4 rw\n")
    with pytest.raises(
        AgiError, match=r"(?s)AGI-STORE-002.*network file system.*on nfs4.*AGILAB_HOME="
    ) as caught:
        connect(tmp_path / "home/agilab.db", mounts=mounts)
    assert caught.value.whose == "environment"
    assert not (tmp_path / "home").exists()
    connect(tmp_path / "other/agilab.db", mounts=mounts).close()
