"""Runs and units as people ask for them: how each ended, by which names a unit is found."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from agi_node.errors import AgiError
from agilab.engine.graph import Graph, Node
from agilab.store.locks import RunLock
from agilab.store.store import Store
from agilab.store.workspace import Workspace
from agilab.views.history import find_unit, state_of, summarise
from tests.views.made_runs import Written, execute

ONE = Graph((Node("n", "n"),))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(Workspace(tmp_path / "home")) as store:
        yield store


def test_a_run_that_ends_between_two_looks_was_not_interrupted(store: Store) -> None:
    with RunLock(store.workspace.run_folder("r1")):
        run = Written(store, ONE)
        run.log.flush()
        before = store.run("r1")
        run.now_us += 1_000_000
        run.end()
    assert before.state == "running"
    assert state_of(store, before) == "succeeded"
    summary = summarise(store, before)
    assert (summary.state, summary.duration_seconds) == ("succeeded", 1.0)


def test_a_run_that_nobody_owns_was_interrupted(store: Store) -> None:
    Written(store, ONE).log.flush()
    assert state_of(store, store.run("r1")) == "interrupted"


def test_a_clock_that_is_set_back_makes_no_run_shorter_than_nothing(store: Store) -> None:
    run = Written(store, ONE)
    run.now_us -= 3_600_000_000
    run.end()
    assert summarise(store, store.run("r1")).duration_seconds == 0.0


@pytest.mark.parametrize("text", ["names[a%20b%2Fc]", "names[a b/c]", "a b/c", "a%20b%2Fc"])
def test_a_unit_is_found_by_its_id_and_by_its_key_as_a_person_writes_it(store: Store, text: str) -> None:
    graph = Graph((Node("names", "names", foreach=["x", "a b/c"]),))
    execute(store, graph, {"names": lambda name: name})
    assert find_unit(store, "r1", text).unit_id == "names[a%20b%2Fc]"


def test_a_key_of_several_units_is_told_with_their_ids(store: Store) -> None:
    graph = Graph((Node("one", "n", foreach=["a"]), Node("two", "n", foreach="one")))
    execute(store, graph, {"n": lambda name: name})
    with pytest.raises(AgiError, match="several units of run r1 fit") as refused:
        find_unit(store, "r1", "a")
    assert refused.value.code == "AGI-RUN-002"
    assert refused.value.found == "a: one[a], two[a]"
    with pytest.raises(AgiError, match="no such unit"):
        find_unit(store, "r1", "")
