"""The database file gives its free room back to the disk, or says why it does not."""

from __future__ import annotations

import pytest

from agilab.store.retention import Retention, prune
from agilab.store.store import Store
from agilab.store.workspace import Workspace

from .processes import OPEN, another
from .runs import make_run, older, whole


def big(workspace: Workspace) -> int:
    """A workspace whose database is mostly an old run; returns the bytes of its file."""
    with Store(workspace) as store:
        make_run(store, days=60, units=6_000, files=False)
        make_run(store)
    return workspace.db.stat().st_size


def test_a_new_database_file_shrinks_whoever_has_it_open(workspace: Workspace) -> None:
    before = big(workspace)
    with another(OPEN, workspace.home):
        done = prune(workspace, Retention(runs=1))
        assert done.room.why == ""
        assert workspace.db.stat().st_size == before - done.room.given_back < 0.2 * before
    assert whole(workspace)


def test_an_older_database_file_shrinks_when_nobody_else_has_it_open(workspace: Workspace) -> None:
    older(workspace)
    before = big(workspace)
    done = prune(workspace, Retention(runs=1))
    assert done.room.why == ""
    assert done.room.given_back > 0.8 * before
    assert workspace.db.stat().st_size == before - done.room.given_back
    assert whole(workspace)


def test_a_database_file_that_was_rewritten_once_shrinks_whoever_has_it_open(workspace: Workspace) -> None:
    older(workspace)
    big(workspace)
    prune(workspace, Retention(runs=1))
    before = big(workspace)
    with another(OPEN, workspace.home):
        done = prune(workspace, Retention(runs=1))
        assert (done.room.why, done.room.kept) == ("", 0)
        assert workspace.db.stat().st_size == before - done.room.given_back < 0.2 * before
    assert whole(workspace)


@pytest.mark.slow
def test_room_that_stays_in_the_database_file_is_told_with_who_is_in_the_way(workspace: Workspace) -> None:
    older(workspace)
    before = big(workspace)
    with another(OPEN, workspace.home):
        done = prune(workspace, Retention(runs=1))
    assert workspace.db.stat().st_size == before
    assert done.room.given_back == 0
    assert done.room.kept > 0.8 * before
    assert done.room.why == "the workspace is open elsewhere"
    assert len(done.holders) == 1
