"""The tracker reaches the run from anywhere below it, and does nothing outside."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import threading
import warnings
from pathlib import Path

import pytest

import agi_node
from agi_node import RunContext, tracker


def test_calls_reach_the_active_run(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("x")
    with RunContext.local(tmp_path / "run").active() as run:
        tracker.log_metric("a", 1.0, step=3)
        tracker.log_metrics({"b": 2.0})
        tracker.log_param("p", "v")
        tracker.log_artifact(file)
    assert run.metrics == {"a": [1.0], "b": [2.0]}
    assert run.params == {"p": "v"}
    assert list(run.saved) == ["notes.txt"]
    assert tracker.active_run() is None


def test_calls_from_a_thread_that_the_author_started_reach_it_too(tmp_path: Path) -> None:
    with RunContext.local(tmp_path).active() as run:
        thread = threading.Thread(target=tracker.log_metric, args=("a", 1.0))
        thread.start()
        thread.join()
    assert run.metrics == {"a": [1.0]}


def test_two_runs_of_two_threads_that_end_in_the_order_they_began_leave_none_behind(tmp_path: Path) -> None:
    first, second = RunContext.local(tmp_path / "1"), RunContext.local(tmp_path / "2")
    one, other = first.active(), second.active()
    entered, done = threading.Event(), threading.Event()

    def work() -> None:
        with other:
            entered.set()
            done.wait(10)

    thread = threading.Thread(target=work)
    with one:
        thread.start()
        assert entered.wait(10)
        assert tracker.active_run() is first
    done.set()
    thread.join()
    assert tracker.active_run() is None


def test_outside_any_run_one_warning_and_then_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracker, "_warned", False)
    with pytest.warns(UserWarning, match="no run is active here"):
        tracker.log_metric("a", 1.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tracker.log_metric("a", 1.0)
        tracker.log_param("p", 1)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_has_no_active_run(tmp_path: Path) -> None:
    code = (
        "import os, sys\n"
        "from agi_node import RunContext, tracker\n"
        "with RunContext.local(sys.argv[1]).active() as run:\n"
        "    pid = os.fork()\n"
        "    if not pid:\n"
        "        os._exit(0 if tracker.active_run() is None else 1)\n"
        "    child = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])\n"
        "    assert tracker.active_run() is run\n"
        "sys.exit(child)\n"
    )
    assert subprocess.run([sys.executable, "-P", "-c", code, str(tmp_path)], check=False).returncode == 0


def test_every_name_that_the_package_offers_exists() -> None:
    for name in agi_node.__all__:
        assert getattr(agi_node, name) is not None
    assert agi_node.tracker is tracker
    assert set(agi_node.__all__) <= set(dir(agi_node))
    with pytest.raises(AttributeError, match="module 'agi_node' has no attribute 'Nonsense'"):
        _ = agi_node.Nonsense


def test_importing_the_package_loads_nothing_else() -> None:
    code = "import sys; before = set(sys.modules); import agi_node; print(sorted(set(sys.modules) - before))"
    loaded = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert set(ast.literal_eval(loaded)) <= {"agi_node", "__future__"}


def test_what_a_worker_loads_at_its_start_is_neither_pydantic_nor_a_table_library() -> None:
    code = "import sys, agi_node.worker; print(sorted(sys.modules))"
    loaded = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert not {"pydantic", "numpy", "polars", "pandas", "pyarrow"} & set(ast.literal_eval(loaded))
