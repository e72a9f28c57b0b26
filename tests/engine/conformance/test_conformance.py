"""Every executor gives every graph the same states, values, artifacts and stories, whatever happens to one unit."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agilab.engine.executor import Executor
from agilab.store.check import chain_problems, object_problems, projection_problems
from agilab.store.store import Store
from agilab.store.workspace import Workspace
from tests.engine.conformance.conftest import Places
from tests.engine.conformance.executors import MAKERS, NEEDS_CLUSTER, functions
from tests.engine.conformance.graphs import SHAPES, TROUBLES, Shape
from tests.engine.conformance.life import RUN, carry_on
from tests.engine.conformance.oracle import Oracle
from tests.engine.conftest import begin

pytestmark = pytest.mark.xdist_group("conformance")
EXECUTORS = [*MAKERS, *(pytest.param(name, marks=pytest.mark.slow) for name in NEEDS_CLUSTER)]
PATIENCE_S = 30.0


@pytest.mark.parametrize("how", TROUBLES)
@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
@pytest.mark.parametrize("name", EXECUTORS)
def test_a_graph_ends_as_it_must(
    store: Store, tmp_path: Path, places: Places, name: str, shape: Shape, how: str
) -> None:
    graph = shape.graph(how, tmp_path)
    begin(store, RUN, graph)
    executor = places.fresh(name) if how == "cancel" else places.warm(name)
    isolated = executor.capabilities.crash_isolation
    if how == "resume" or (how == "crash" and not isolated):
        _first_life(store.workspace, name, places, mark=tmp_path / "met", killed=how == "resume")
    if how == "cancel":
        with Cancelled(tmp_path / "met", store.workspace, executor):
            final = carry_on(store, executor).state.final
    else:
        final = carry_on(store, executor).state.final
    oracle = Oracle(graph, functions(), tmp_path / "oracle", unit=shape.unit, how=how, isolated=isolated)
    assert final == oracle.run_state()
    assert {unit.unit_id: unit.state for unit in store.units(RUN)} == oracle.unit_states()
    assert {node.node: node.state for node in store.nodes(RUN)} == {n: oracle.state(n) for n in oracle.nodes}
    assert _values(store) == oracle.values()
    assert _artifacts(store) == {
        (unit, *artifact) for unit, belief in oracle.units.items() for artifact in belief.artifacts
    }
    assert _stories(store) == {unit: belief.story for unit, belief in oracle.units.items() if belief.story}
    assert _whole(store) == []
    assert store.leases(RUN) == []


@pytest.mark.parametrize("name", EXECUTORS)
def test_a_failure_says_whose_it_is_and_what_was_raised(
    store: Store, tmp_path: Path, places: Places, name: str
) -> None:
    shape = SHAPES[0]
    begin(store, RUN, shape.graph("fail", tmp_path))
    carry_on(store, places.warm(name))
    (event,) = store.events(RUN, kinds=("attempt_failed",))
    error = event.data["error"]
    assert (error["code"], error["whose"], error["type"]) == ("AGI-RUN-101", "author", "ValueError")
    assert "ValueError: no luck with second" in error["what"]
    assert "in meet" in error["traceback"]
    assert "coordinator" not in error["traceback"]


@pytest.mark.parametrize("name", EXECUTORS)
def test_units_of_one_list_are_in_its_order_on_every_executor(
    store: Store, tmp_path: Path, places: Places, name: str
) -> None:
    begin(store, RUN, SHAPES[1].graph("ok", tmp_path))
    carry_on(store, places.warm(name))
    assert [unit.key for unit in store.units(RUN, node="each")][:6] == ["a", "b", "c d", "é/ü", "7", "null"]


# -- what happens from outside -----------------------------------------------------------------------------


def _first_life(workspace: Workspace, name: str, places: Places, *, mark: Path, killed: bool) -> None:
    """A process of its own begins the run and dies in the middle of the unit that trouble meets."""
    words = [sys.executable, "-m", "tests.engine.conformance.life", str(workspace.home), name]
    process = subprocess.Popen([*words, *filter(None, [places.address(name)])], cwd=Path(__file__).parents[3])
    if killed:
        assert _until(mark), "the unit was never reached"
        process.kill()
    assert process.wait(PATIENCE_S) == (-signal.SIGKILL if killed else 7)
    assert mark.exists()


class Cancelled:
    """Cancel the run as soon as a unit has left its mark: as an operator does, or, inline, with Ctrl-C."""

    def __init__(self, mark: Path, workspace: Workspace, executor: Executor) -> None:
        self._mark, self._workspace = mark, workspace
        self._kills = executor.capabilities.kill
        self._thread = threading.Thread(target=self._cancel)

    def _cancel(self) -> None:
        assert _until(self._mark)
        if self._kills:
            with Store(self._workspace) as store:
                store.command(RUN, "cancel", reason="enough", by="a test")
        else:
            os.kill(os.getpid(), signal.SIGINT)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *problem: object) -> None:
        self._thread.join()


def _until(mark: Path) -> bool:
    deadline = time.monotonic() + PATIENCE_S
    while not (mark.exists() and mark.read_text()):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True


# -- what the store says -----------------------------------------------------------------------------------


def _values(store: Store) -> dict[str, Any]:
    return {
        unit.unit_id: store.value(body)
        for node in store.nodes(RUN)
        for unit, body in store.results(RUN, node.node)
        if unit.state == "succeeded"
    }


def _artifacts(store: Store) -> set[tuple[str, str, str]]:
    return {(artifact.unit_id, artifact.name, artifact.digest) for artifact in store.artifacts(RUN)}


def _stories(store: Store) -> dict[str, list[str]]:
    """Each unit's events without workers, attempts and times; an attempt that never began is none."""
    stories: dict[str, list[str]] = {}
    for event in store.events(RUN):
        if event.unit_id is None or event.kind in ("metrics_logged", "report_refused"):
            continue
        story = stories.setdefault(event.unit_id, [])
        to = event.data.get("to")
        if event.kind == "attempt_lost" and to == "ready":
            assert story.pop() == "attempt_started"
        else:
            story.append(f"{event.kind}:{to}" if to else event.kind)
    return stories


def _whole(store: Store) -> list[str]:
    looks: list[Iterator[str]] = [
        chain_problems(store, RUN),
        projection_problems(store, RUN),
        object_problems(store, RUN),
    ]
    return [problem for look in looks for problem in look]
