"""User code that does what nobody meant, in real worker processes."""

from __future__ import annotations

import time
from pathlib import Path

import psutil
import pytest

from agilab.engine.graph import Graph, Node, Policy
from agilab.engine.local import KILL_GRACE_SECONDS
from agilab.store.store import Store
from tests.engine.conftest import begin, values
from tests.engine.traps.conftest import Local, problems
from tests.engine.traps.life import carry_on

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("function", ["sums_for_ever", "matches_for_ever"])
def test_a_loop_in_c_that_ignores_signals_is_killed_after_timeout_and_grace_and_the_others_go_on(
    store: Store, local: Local, function: str
) -> None:
    graph = Graph(
        (
            Node("loop", f"mischief:{function}", foreach=[1], policy=Policy(timeout_s=0.3)),
            Node("others", "mischief:square", foreach=list(range(5))),
        ),
        keep_going=True,
    )
    begin(store, "r1", graph)
    began = time.monotonic()
    assert carry_on(store, "r1", local(1)) == "failed"
    assert time.monotonic() - began < 0.3 + KILL_GRACE_SECONDS + 10
    assert values(store, "others") == {str(n): n * n for n in range(5)}
    (failed,) = store.events("r1", kinds=("attempt_failed",))
    error = failed.data["error"]
    assert (error["code"], error["whose"]) == ("AGI-RUN-110", "author")
    assert error["what"] == "loop[1] ran longer than its timeout"
    assert problems(store, "r1") == []


def test_a_child_that_goes_on_writing_is_gone_with_the_worker_and_spoils_no_other_unit(
    store: Store, local: Local, tmp_path: Path
) -> None:
    graph = Graph(
        (
            Node("parent", "mischief:has_a_stubborn_child", foreach=[1], args={"folder": str(tmp_path)}),
            Node("others", "mischief:slow_square", ("parent",), foreach=list(range(10))),
        )
    )
    begin(store, "r1", graph)
    executor = local(1)
    assert carry_on(store, "r1", executor) == "succeeded"
    assert values(store, "others") == {str(n): n * n for n in range(10)}
    child = int((tmp_path / "child").read_text())
    executor.close()
    deadline = time.monotonic() + 5
    while psutil.pid_exists(child) and psutil.Process(child).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline, "the child outlived the run"
        time.sleep(0.02)


def test_a_gigabyte_of_output_that_is_no_text_costs_disk_and_neither_memory_nor_the_run(
    store: Store, local: Local, tmp_path: Path
) -> None:
    graph = Graph((Node("n", "mischief:shouts_a_gigabyte", foreach=[1]),))
    begin(store, "r1", graph)
    before = psutil.Process().memory_info().rss
    assert carry_on(store, "r1", local(1)) == "succeeded"
    ((_, body),) = store.results("r1", "n")
    assert body["log_span"][1] - body["log_span"][0] == 1 << 30
    assert psutil.Process().memory_info().rss - before < 64 << 20
    assert problems(store, "r1") == []
    for log in (tmp_path / "logs").glob("units_*.log"):
        log.unlink()
