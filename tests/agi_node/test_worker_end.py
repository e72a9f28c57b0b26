"""A worker never outlives its manager, and takes along what user code started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from .worker_client import WorkerClient, alive, gone, write_source

pytestmark = [
    pytest.mark.faults,
    pytest.mark.skipif(not hasattr(os, "killpg"), reason="no process groups here"),
]

BUSY = r"""
import os, subprocess, sys, time
CHILD = '''
import os, signal, sys, time

if len(sys.argv) > 2:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
open(sys.argv[1], "w").write(str(os.getpid()))
time.sleep(60)
'''
def child(pid_file, stubborn=False):
    subprocess.Popen([sys.executable, "-c", CHILD, pid_file] + ["x"] * stubborn)
    while not (os.path.exists(pid_file) and open(pid_file).read()): time.sleep(0.01)
def starts(pid_file, stubborn=False): child(pid_file, stubborn); time.sleep(60)
def leaves(pid_file): child(pid_file)
def thread():
    import threading
    threading.Thread(target=time.sleep, args=(60,)).start()
"""

MANAGER = r"""
import sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[3])
from worker_client import WorkerClient
client = WorkerClient(Path(sys.argv[1]))
client.open(Path(sys.argv[2]))
client.send(client.order("busy:starts", args={"pid_file": str(Path(sys.argv[1]) / "child.pid")}))
client.receive("began")
print(client.process.pid, flush=True)
time.sleep(60)
"""


def wait_for_pid(path: Path) -> int:
    deadline = time.monotonic() + 10
    while not (path.exists() and path.read_text()):
        assert time.monotonic() < deadline, "the child never started"
        time.sleep(0.02)
    return int(path.read_text())


def test_when_its_manager_is_killed_worker_and_children_go(tmp_path: Path) -> None:
    source = write_source(tmp_path, busy=BUSY)
    command = [sys.executable, "-c", MANAGER, str(tmp_path), str(source), str(Path(__file__).parent)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as manager:
        assert manager.stdout is not None
        worker = int(manager.stdout.readline())
        child = wait_for_pid(tmp_path / "child.pid")
        assert alive(worker)
        assert alive(child)
        manager.kill()
        assert gone(worker, within=5)
        assert gone(child, within=5)


@pytest.mark.parametrize(
    ("function", "arguments", "within"), [("starts", {}, 5), ("starts", {"stubborn": True}, 8)]
)
def test_when_the_channel_closes_while_user_code_runs_the_group_ends(
    tmp_path: Path, function: str, arguments: dict[str, bool], within: float
) -> None:
    client = WorkerClient(tmp_path)
    client.open(write_source(tmp_path, busy=BUSY))
    pid_file = tmp_path / "child.pid"
    client.send(client.order(f"busy:{function}", args={"pid_file": str(pid_file), **arguments}))
    child = wait_for_pid(pid_file)
    client.socket.close()
    assert client.process.wait(5) == -signal.SIGTERM
    assert gone(child, within)


def test_an_idle_worker_ends_with_its_manager(tmp_path: Path) -> None:
    client = WorkerClient(tmp_path)
    client.socket.close()
    assert client.process.wait(5) == -signal.SIGTERM


def test_shutdown_takes_along_children_that_units_left_behind(tmp_path: Path) -> None:
    with WorkerClient(tmp_path) as client:
        client.open(write_source(tmp_path, busy=BUSY))
        client.execute("busy:leaves", args={"pid_file": str(tmp_path / "child.pid")})
        child = wait_for_pid(tmp_path / "child.pid")
        assert alive(child)
        client.send({"type": "shutdown"})
        client.socket.close()
        assert client.process.wait(5) == 0
        assert gone(child, within=5)


def test_shutdown_does_not_wait_for_the_author_s_threads(tmp_path: Path) -> None:
    with WorkerClient(tmp_path) as client:
        client.open(write_source(tmp_path, busy=BUSY))
        client.execute("busy:thread")
        client.send({"type": "shutdown"})
        assert client.process.wait(5) == 0


def test_a_worker_that_does_not_lead_its_group_ends_only_itself(tmp_path: Path) -> None:
    import socket

    ours, theirs = socket.socketpair()
    process = subprocess.Popen(
        [
            sys.executable,
            "-P",
            "-m",
            "agi_node.worker",
            "--channel",
            str(theirs.fileno()),
            "--log",
            str(tmp_path / "l"),
        ],
        pass_fds=[theirs.fileno()],
    )
    theirs.close()
    from agi_node.protocol import encode

    ours.sendall(encode({"type": "hello", "protocol": 1}))
    ours.recv(1000)
    ours.close()
    assert process.wait(5) == 1, "and this test, of the same group, is alive"
