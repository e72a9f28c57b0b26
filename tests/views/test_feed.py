"""Following a run: every event once and in order, whatever the writer does meanwhile."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from agilab.engine.graph import Graph, Node
from agilab.store.locks import RunLock
from agilab.store.store import Store
from agilab.store.workspace import Workspace
from agilab.views.feed import BATCH, Feed
from tests.views.made_runs import execute, reader

MAP = Graph((Node("list", "list"), Node("work", "work", ("list",), foreach="list")))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(Workspace(tmp_path / "home")) as store:
        yield store


def test_a_feed_hands_out_every_event_once_in_order_and_ends_with_its_owner(store: Store) -> None:
    """The owner writes in a thread of its own, with a connection of its own, while the feed reads."""
    workspace = store.workspace

    def own() -> None:
        def work(n: int) -> int:
            time.sleep(0.002)
            return n

        with Store(workspace) as mine:
            execute(mine, MAP, {"list": lambda: list(range(120)), "work": work})

    owner = threading.Thread(target=own)
    owner.start()
    while not any(run.run_id == "r1" for run in store.runs()):
        time.sleep(0.005)
    with reader(store) as other:
        batches = [batch for batch in Feed(other, "r1").follow() if batch]
    owner.join()
    events = [event for batch in batches for event in batch]
    assert [event.run_seq for event in events] == list(range(1, store.run("r1").event_count + 1))
    assert len(batches) > 3  # as it happened, not in one piece
    assert events[-1].kind == "run_finished"


def test_a_feed_goes_on_from_a_cursor(store: Store) -> None:
    execute(store, MAP, {"list": lambda: [1, 2], "work": lambda n: n})
    whole = [event for batch in Feed(store, "r1").read() for event in batch]
    for cursor in (0, 1, 5, len(whole)):
        rest = [event for batch in Feed(store, "r1", after=cursor).read() for event in batch]
        assert rest == whole[cursor:]


def test_a_long_log_comes_in_batches(store: Store) -> None:
    execute(store, MAP, {"list": lambda: list(range(1500)), "work": lambda n: n})
    sizes = [len(batch) for batch in Feed(store, "r1").read()]
    assert sizes[0] == BATCH
    assert sum(sizes) == store.run("r1").event_count


def test_a_silent_run_is_waited_for_as_long_as_somebody_owns_it(store: Store) -> None:
    log = store.log("r1")
    log.append("run_created", app="functions", args={})
    log.flush()
    with reader(store) as other:
        feed = Feed(other, "r1")
        with RunLock(store.workspace.run_folder("r1")):
            polls = feed.follow()
            looks = [next(polls) for _ in range(15)]
        assert sum(len(batch) for batch in looks) == 1
        assert sum(len(batch) for batch in polls) == 0  # and ends, now that nobody does
