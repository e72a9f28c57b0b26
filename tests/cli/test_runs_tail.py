"""`agilab runs tail`: watching a run from another process, live, and however it ends."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.views.made_runs import Written

from agilab.engine.graph import Graph, Node
from agilab.store.locks import has_owner
from agilab.store.store import Store
from agilab.store.workspace import Workspace
from agilab.views.explanation import explain

from .conftest import Lab, Terminal, _environment, call

pytestmark = pytest.mark.journey


def start(home: Path, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "agilab", *words],
        env=_environment(home),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def until(condition: Callable[[], bool], otherwise: str, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.02)


def newest(home: Path) -> str:
    if not Workspace(home).db.exists():
        return ""
    with Store(Workspace(home), readonly=True) as store:
        return next((run.run_id for run in store.runs(limit=1)), "")


@pytest.fixture
def running(lab: Lab) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A run of four hours of 0.5 s each, in a process of its own, that has just begun."""
    before = newest(lab.home)
    process = start(lab.home, "run", "tides", "--seconds", "0.5", "--workers", "1", "--json")
    until(lambda: newest(lab.home) != before, "the run never began")
    yield process, newest(lab.home)
    if process.poll() is None:
        process.kill()
    process.communicate()


def test_a_live_run_is_followed_as_it_happens_and_to_its_end(
    lab: Lab, running: tuple[subprocess.Popen[str], str]
) -> None:
    process, run = running
    seen: list[tuple[float, str]] = []
    with start(lab.home, "runs", "tail", run) as tail:
        assert tail.stdout is not None
        for line in tail.stdout:
            seen.append((time.monotonic(), line))
        assert tail.wait(30) == 0
    assert process.wait(30) == 0
    text = "".join(line for _, line in seen)
    for hour in range(4):
        assert len(re.findall(rf"work\[h{hour}\] +succeeded", text)) == 1
    succeeded = [at for at, line in seen if re.search(r"work\[h\d\] +succeeded", line)]
    # It came while the run went on, half a second after half a second, and not in one piece at the end.
    assert succeeded[-1] - succeeded[0] > 1.0
    assert "has its manifest" in text
    assert f"{run}  succeeded in" in seen[-1][1]


def test_each_event_is_one_line_of_json_once_and_in_order_with_a_cursor(
    lab: Lab, running: tuple[subprocess.Popen[str], str]
) -> None:
    process, run = running
    with start(lab.home, "runs", "tail", run, "--json") as tail:
        out, err = tail.communicate(timeout=60)
    assert process.wait(30) == 0
    assert err == ""
    events = [json.loads(line) for line in out.splitlines()]
    assert [event["run_seq"] for event in events] == list(range(1, len(events) + 1))
    assert {event["run_id"] for event in events} == {run}
    assert events[0]["kind"] == "run_created"
    assert events[-1]["kind"] == "manifest_written"
    with Store(Workspace(lab.home), readonly=True) as store:
        assert len(events) == store.run(run).event_count
    rest = lab("runs", "tail", run, "--json", "--from", "10").out.splitlines()
    assert [json.loads(line) for line in rest] == events[10:]


def test_ctrl_c_ends_the_watching_and_not_the_run(
    lab: Lab, running: tuple[subprocess.Popen[str], str], terminal: Callable[..., Terminal]
) -> None:
    process, run = running
    screen = terminal(lab.home, "runs", "tail", run)
    screen.read_until("has 4 units")
    screen.press_ctrl_c()
    assert screen.finish() == 130
    assert "\x1b[" in screen.raw  # colours, on a terminal
    assert process.wait(30) == 0


@pytest.mark.faults
def test_a_run_whose_process_dies_meanwhile_is_told_with_the_command_that_goes_on(
    lab: Lab, running: tuple[subprocess.Popen[str], str]
) -> None:
    process, run = running
    with start(lab.home, "runs", "tail", run) as tail:
        assert tail.stdout is not None
        for line in tail.stdout:
            if re.search(r"work\[h\d\] +started", line):
                break
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        killed = time.monotonic()
        _, err = tail.communicate(timeout=30)
        assert tail.returncode == 1
        assert time.monotonic() - killed < 5
    assert "error[AGI-RUN-015]" in err
    assert f"nobody runs {run} any more" in err
    assert f"agilab runs resume {run}" in err
    again = lab("runs", "tail", run)
    assert again.code == 1
    assert f"agilab runs resume {run}" in again.err
    explained = lab("runs", "explain", run, "--json").document
    assert explained["state"] == "interrupted"
    assert explained["next"][0]["command"] == f"agilab runs resume {run}"
    gantt = lab("runs", "gantt", run)
    assert "interrupted" in gantt.out
    with start(lab.home, "runs", "resume", run, "--json") as resumed:
        until(lambda: has_owner(Workspace(lab.home).run_folder(run)), "nobody took the run over")
        followed = lab("runs", "tail", run)
        assert followed.code == 0, followed.err
        assert "was taken over" in followed.out
        resumed.communicate(timeout=30)
        assert resumed.returncode == 0


def test_a_reader_that_has_enough_ends_the_watching(
    lab: Lab, running: tuple[subprocess.Popen[str], str]
) -> None:
    process, run = running
    with start(lab.home, "runs", "tail", run) as tail:
        assert tail.stdout is not None
        assert "began" in tail.stdout.readline()
        tail.stdout.close()
        assert tail.wait(10) == 0
        assert tail.stderr is not None
        assert tail.stderr.read() == ""
    assert process.poll() is None


def test_a_finished_run_is_told_at_once(lab: Lab) -> None:
    good = lab("run", "tides", "--hours", "2", "--json").document["run_id"]
    answer = lab("runs", "tail", good)
    assert answer.code == 0
    assert answer.err == ""
    assert "succeeded in" in answer.out.splitlines()[-1]
    bad = lab("run", "tides", "--break-at", "h1", "--json").document["run_id"]
    answer = lab("runs", "tail")
    assert answer.code == 1
    assert re.search(r"work\[h1\] +failed .*the gauge of hour 1 is dry", answer.out)
    assert f"agilab runs explain {bad}" in answer.out
    assert lab("runs", "tail", bad, "--no-follow").code == 1


def test_a_cursor_beyond_the_end_is_refused(lab: Lab) -> None:
    lab("run", "tides", "--hours", "1")
    answer = lab("runs", "tail", "last", "--from", "99999")
    assert answer.code == 2
    assert "error[AGI-RUN-016]" in answer.err
    assert "allowed   0 to " in answer.err


def test_a_run_that_ended_without_its_manifest_is_told_with_the_command_that_writes_it(
    tmp_path: Path,
) -> None:
    with Store(Workspace(tmp_path)) as store:
        run = Written(store, Graph((Node("n", "n"),)), source={"name": "demo"})
        run.end()
        explained = explain(store, "r1")
    assert explained.next[0].command == "agilab runs resume r1"
    answer = call(tmp_path, "runs", "tail", "r1")
    assert answer.code == 1
    assert "nobody is left to write its manifest" in answer.err
    assert "agilab runs resume r1" in answer.err
