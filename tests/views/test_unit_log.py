"""What a unit printed: of each its own lines, also of one that runs and of one whose process died."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from agilab.engine.graph import Graph, Node, Policy
from agilab.engine.local import LocalExecutor
from agilab.envs.worker_process import WorkerSpec
from agilab.store.store import Store
from agilab.store.workspace import Workspace
from agilab.views.unit_log import log_tail
from tests.views.made_runs import execute, reader

SOURCE = """
import os, time

def work(n):
    print(n, "begins", flush=True)
    if n.startswith("dies"):
        os._exit(9)
    if n == "slow":
        time.sleep(0.6)
    if n != "quiet":
        print(n, "ends")
    return n

def flaky(markers):
    tries = len(os.listdir(markers))
    open(f"{markers}/{tries}", "w").close()
    print("try", tries, flush=True)
    if tries == 0:
        raise OSError("once")
    os._exit(9)
"""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(Workspace(tmp_path / "home")) as store:
        yield store


def local(store: Store, workers: int = 1) -> LocalExecutor:
    source = Path(store.workspace.home) / "source"
    source.mkdir()
    (source / "lab.py").write_text(SOURCE)
    spec = WorkerSpec(Path(sys.executable), source, None)
    return LocalExecutor({"": spec}, workers=workers, logs=store.workspace.run_folder("r1") / "logs")


def printed(store: Store, unit: str) -> list[str] | None:
    return log_tail(store, "r1", store.unit("r1", unit))


def test_each_unit_has_its_own_lines_also_where_its_process_died(store: Store) -> None:
    node = Node("work", "lab:work", foreach=["a", "dies", "b"], policy=Policy(max_losses=0))
    with closing(local(store)) as executor:
        execute(store, Graph((node,), keep_going=True), {}, executor=executor)
    assert store.unit("r1", "work[dies]").state == "failed"
    assert printed(store, "work[a]") == ["a begins", "a ends"]
    assert printed(store, "work[dies]") == ["dies begins"]
    assert printed(store, "work[b]") == ["b begins", "b ends"]
    assert log_tail(store, "r1", store.unit("r1", "work[b]"), lines=1) == ["b ends"]


def test_of_two_that_die_one_after_the_other_neither_has_what_the_other_printed(store: Store) -> None:
    """Also where the first is tried again, and dies again, behind the second."""
    policy = Policy(max_losses=1, delay_s=0.01)
    node = Node("work", "lab:work", foreach=["a", "dies", "dies too", "dies thrice", "b"], policy=policy)
    with closing(local(store)) as executor:
        execute(store, Graph((node,), keep_going=True), {}, executor=executor)
    for key, name in (("dies", "work[dies]"), ("dies too", "work[dies%20too]")):
        assert store.unit("r1", name).losses == 2
        assert printed(store, name) == [f"{key} begins"]
    assert printed(store, "work[dies%20thrice]") == ["dies thrice begins"]
    lost = [
        event
        for event in store.story("r1", "work[dies]")
        if event.kind == "attempt_lost" and event.data["began"]
    ]
    spans = [event.data["log_span"] for event in lost]
    log = (store.workspace.run_folder("r1") / "logs" / "units_w0.log").read_bytes()
    assert [log[start:end] for start, end in spans] == [b"dies begins\n"] * 2


def test_of_one_that_is_ended_for_its_time_what_it_printed_until_then(store: Store) -> None:
    policy = Policy(timeout_s=0.2)
    node = Node("work", "lab:work", foreach=["dies", "slow", "dies too"], policy=policy)
    with closing(local(store)) as executor:
        execute(store, Graph((node,), keep_going=True), {}, executor=executor)
    assert printed(store, "work[slow]") == ["slow begins"]


def test_a_unit_that_runs_shows_what_it_printed_so_far_and_one_that_waits_behind_it_nothing(
    store: Store,
) -> None:
    seen: list[dict[str, Any]] = []

    def look(coordinator: Any, report: Any) -> None:
        coordinator.log.flush()
        with reader(store) as other:
            seen.append(
                {
                    u.key: log_tail(other, "r1", u)
                    for u in other.units("r1", state="running")
                    if u.key in ("slow", "b")
                }
            )

    node = Node("work", "lab:work", foreach=["a", "slow", "b"])
    with closing(local(store)) as executor:
        execute(store, Graph((node,)), {}, executor=executor, observer=look)
    assert any(look.get("slow") == ["slow begins"] for look in seen)
    assert all(look["b"] in ([], ["b begins"]) for look in seen if "b" in look and "slow" in look)


def test_the_last_attempt_is_shown_and_never_an_earlier_one_of_another_worker(
    store: Store, tmp_path: Path
) -> None:
    markers = tmp_path / "markers"
    markers.mkdir()
    policy = Policy(max_retries=1, max_losses=0, delay_s=0.01)
    graph = Graph((Node("flaky", "lab:flaky", args={"markers": str(markers)}, policy=policy),))
    with closing(local(store, workers=2)) as executor:
        execute(store, graph, {}, executor=executor)
    assert store.unit("r1", "flaky").attempts == 2
    assert printed(store, "flaky") == ["try 1"]


def test_a_unit_without_a_log_is_not_said_to_have_printed_nothing(store: Store) -> None:
    execute(store, Graph((Node("work", "work"),)), {"work": lambda: print("to the terminal")})
    assert printed(store, "work") is None
