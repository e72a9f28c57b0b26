"""What units print goes to their own log, byte for byte, whoever prints it, and never onto the channel."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .worker_client import WorkerClient, write_source

LOUD = r"""
import ctypes, os, subprocess, sys, threading, time, logging

def python(): print("from python"); sys.stderr.write("to stderr\n")
def unfinished(): sys.stdout.write("no newline")
def raw(): os.write(1, b"\xff\xfe raw \x80\n"); sys.stdout.buffer.write(b"\xc3\x28\n")
def c_level(): ctypes.CDLL(None).printf(b"from C\n")
def child(): subprocess.run([sys.executable, "-c", "print('from a child')"], check=True)
def forged(): os.write(1, b'\x00\x00\x00\x02{}'); print('{"type":"done"}'); os.write(2, b"\x00" * 64)
def low_descriptors():
    for number in range(3, 20):
        try: os.write(number, b"\x00\x00\x00\x05junk!")
        except OSError: pass
def closes(): sys.stdout.close(); sys.stderr = None
def redirects(): sys.stdout = open(os.devnull, "w")
def moves(): os.dup2(os.open(os.devnull, os.O_WRONLY), 1); print("lost")
def surrogate(): print(os.fsdecode(b"name-\xff"))
def much(): os.write(1, b"x" * 1_000_000)
def leaves_child():
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(0.7); print('late')"])
def fork_and_return():
    os.fork(); print("twice"); return "once"
def fork_and_log(run):
    pid = os.fork()
    if pid == 0:
        for n in range(6_000): run.log_metric("child", n)
        os._exit(0)
    os.waitpid(pid, 0)
    return "fine"
"""


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerClient]:
    folder = tmp_path_factory.mktemp("loud")
    with WorkerClient(folder) as client:
        client.open(write_source(folder, loud=LOUD))
        yield client


@pytest.mark.parametrize(
    ("function", "written"),
    [
        ("python", b"from python\nto stderr\n"),
        ("unfinished", b"no newline"),
        ("raw", b"\xff\xfe raw \x80\n\xc3\x28\n"),
        ("c_level", b"from C\n"),
        ("child", b"from a child\n"),
        ("surrogate", b"name-\xff\n"),
        ("much", b"x" * 1_000_000),
    ],
)
def test_output_lands_in_the_unit_s_log_byte_for_byte(
    worker: WorkerClient, function: str, written: bytes
) -> None:
    done = worker.execute(f"loud:{function}")
    assert done["status"] == "succeeded", done["error"]
    assert worker.output(done) == written


def test_the_log_span_says_which_bytes_of_a_shared_log_are_the_unit_s(worker: WorkerClient) -> None:
    log = worker.folder / "shared.log"
    log.write_bytes(b"before\n")
    worker.send(*[worker.order(f"loud:{f}", log=str(log)) for f in ("python", "unfinished", "c_level")])
    spans = [worker.receive("done") for _ in range(3)]
    assert [worker.output(done, log) for done in spans] == [
        b"from python\nto stderr\n",
        b"no newline",
        b"from C\n",
    ]
    assert spans[0]["log_span"][0] == len(b"before\n")


@pytest.mark.parametrize("function", ["forged", "low_descriptors"])
def test_whatever_is_written_the_channel_stays_whole(worker: WorkerClient, function: str) -> None:
    done = worker.execute(f"loud:{function}")
    assert done["status"] == "succeeded"
    assert worker.execute("loud:python")["status"] == "succeeded"


@pytest.mark.parametrize("function", ["closes", "redirects", "moves"])
def test_streams_that_a_unit_spoiled_are_whole_for_the_next(worker: WorkerClient, function: str) -> None:
    worker.execute(f"loud:{function}")
    assert worker.output(worker.execute("loud:python")) == b"from python\nto stderr\n"


def test_a_child_that_outlives_its_unit_keeps_writing_to_that_unit_s_log(worker: WorkerClient) -> None:
    import time

    done = worker.execute("loud:leaves_child")
    other = worker.execute("loud:python")
    time.sleep(1.5)
    assert (worker.folder / "logs" / f"{done['attempt_id']}.log").read_bytes() == b"late\n"
    assert worker.output(other) == b"from python\nto stderr\n"


def test_a_fork_that_comes_back_is_not_a_second_worker(worker: WorkerClient) -> None:
    done = worker.execute("loud:fork_and_return")
    assert done["value"] == "once"
    assert worker.execute("loud:python")["status"] == "succeeded"


def test_a_fork_cannot_write_frames(worker: WorkerClient) -> None:
    worker.chatter.clear()
    done = worker.execute("loud:fork_and_log")
    assert done["value"] == "fine"
    assert done["metrics"]["name"] == []
    assert not [m for m in worker.chatter if m["type"] == "metrics"]


def test_between_units_output_goes_to_the_worker_s_own_log(tmp_path: Path) -> None:
    source = write_source(
        tmp_path,
        late="import threading, time\ndef f(): threading.Timer(0.2, print, ['from a thread left behind']).start()",
    )
    with WorkerClient(tmp_path) as client:
        client.open(source)
        done = client.execute("late:f")
        import time

        time.sleep(0.6)
        assert client.output(done) == b""
        assert client.log.read_bytes() == b"from a thread left behind\n"


def test_a_log_that_cannot_be_written_fails_the_unit_and_not_the_worker(worker: WorkerClient) -> None:
    done = worker.execute("loud:python", log=str(worker.folder))
    assert (done["status"], done["error"]["code"], done["error"]["whose"]) == (
        "failed",
        "AGI-NODE-006",
        "environment",
    )
    assert worker.execute("loud:python")["status"] == "succeeded"
