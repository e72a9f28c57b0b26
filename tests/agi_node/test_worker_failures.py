"""Whatever the author's code raises ends at one boundary, and the worker goes on."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from .worker_client import WorkerClient, write_source

WILD = r"""
import ctypes, json, os, sys, time
from agi_node import AgiError, App, Args, Partial, Sum

def value(): raise ValueError("bad column 'spedo'")
def leaves(): sys.exit(0)
def interrupted(): raise KeyboardInterrupt
def deep(n=0): return deep(n + 1)
def memory(): raise MemoryError
def own(): raise AgiError("AGI-DATA-777", "the sensor was off", found="0 rows", whose="user")
def library(): return json.loads("{")
def chained():
    try: value()
    except ValueError as error: raise RuntimeError("could not go on") from error
def group(): raise ExceptionGroup("several", [ValueError("one"), KeyError("two")])
class Mute(Exception):
    def __str__(self): raise TypeError("no text")
def mute(): raise Mute
def huge(): raise ValueError("x" * 5_000_000)
def odd_text(): raise ValueError(os.fsdecode(b"caf\xe9"))
def long_trace():
    frames = "\n".join(f"def f{n}(): f{n + 1}()" for n in range(80)) + "\ndef f80(): raise ValueError('bottom')"
    path = os.path.join(os.path.dirname(__file__), "generated.py")
    open(path, "w").write(frames)
    import importlib, generated
    generated.f0()
def sleeps():
    while True: time.sleep(0.05)
def vanishes(): os._exit(7)
def crashes(): print("last words"); ctypes.string_at(0)
def fine(): return "fine"

class Rows(Partial):
    rows: Sum[int] = 0
class Other(Partial):
    rows: Sum[int] = 0
app = App("wild", partial=Rows)
@app.plan
def plan(args):
    yield 3
@app.work
def work(payload):
    return {"dict": {"rows": 1}, "other": Other(rows=1), "none": None, "raises": 1}[payload]
plain = App("plain")
@plain.work
def plain_work(payload):
    return Rows(rows=1)
"""


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerClient]:
    folder = tmp_path_factory.mktemp("wild")
    with WorkerClient(folder) as client:
        client.open(write_source(folder, wild=WILD, broken="def f(:\n", breaks="import os\n1 / 0\n"))
        yield client


@pytest.mark.parametrize(
    ("function", "kind", "what"),
    [
        ("value", "ValueError", "work[k] raised ValueError: bad column 'spedo'"),
        ("leaves", "SystemExit", "work[k] raised SystemExit: 0"),
        ("interrupted", "KeyboardInterrupt", "work[k] raised KeyboardInterrupt"),
        ("deep", "RecursionError", "work[k] raised RecursionError: maximum recursion depth exceeded"),
        ("memory", "MemoryError", "work[k] raised MemoryError"),
        ("chained", "RuntimeError", "work[k] raised RuntimeError: could not go on"),
        ("group", "ExceptionGroup", "work[k] raised ExceptionGroup: several (2 sub-exceptions)"),
        ("mute", "Mute", "work[k] raised Mute: (its text cannot be read: TypeError)"),
        ("odd_text", "ValueError", "work[k] raised ValueError: caf?"),
    ],
)
def test_an_exception_is_a_failed_unit_with_its_name(
    worker: WorkerClient, function: str, kind: str, what: str
) -> None:
    done = worker.execute(f"wild:{function}")
    error = done["error"]
    assert (done["status"], done["value"]) == ("failed", None)
    assert (error["code"], error["type"], error["whose"]) == ("AGI-RUN-101", kind, "author")
    assert error["what"].startswith(what)
    assert 'File "src/wild.py", line' in error["traceback"]
    assert "agi_node/" not in error["traceback"]
    assert str(worker.folder) not in error["traceback"]
    assert len(error["traceback"].splitlines()) <= 40
    assert worker.execute("wild:fine")["value"] == "fine"


def test_a_traceback_reads_like_python_s_own(worker: WorkerClient) -> None:
    trace = worker.execute("wild:value")["error"]["traceback"].splitlines()
    assert trace[0] == "Traceback (most recent call last):"
    assert trace[1].startswith('  File "src/wild.py", line ')
    assert trace[1].endswith(", in value")
    assert trace[2].strip().startswith("def value(): raise ValueError(")
    assert trace[-1] == "ValueError: bad column 'spedo'"


def test_the_library_frame_that_raised_is_kept_and_those_between_are_not(worker: WorkerClient) -> None:
    trace = worker.execute("wild:library")["error"]["traceback"]
    assert trace.count("  File ") == 2
    assert 'File "src/wild.py"' in trace
    assert 'File "json/decoder.py"' in trace


def test_the_cause_is_kept(worker: WorkerClient) -> None:
    trace = worker.execute("wild:chained")["error"]["traceback"]
    assert (
        trace.index("ValueError: bad column")
        < trace.index("direct cause")
        < trace.index("RuntimeError: could not go on")
    )


def test_a_long_traceback_keeps_both_ends(worker: WorkerClient) -> None:
    lines = worker.execute("wild:long_trace")["error"]["traceback"].splitlines()
    assert len(lines) == 40
    assert any("lines left out" in line for line in lines)
    assert lines[-1] == "ValueError: bottom"
    assert "in long_trace" in lines[1]


def test_a_huge_message_is_bounded(worker: WorkerClient) -> None:
    error = worker.execute("wild:huge")["error"]
    assert len(error["what"]) <= 2_000
    assert "characters)" in error["what"]
    assert len(error["traceback"]) < 2_000


def test_an_agi_error_keeps_its_code(worker: WorkerClient) -> None:
    error = worker.execute("wild:own")["error"]
    assert (error["code"], error["what"], error["found"], error["whose"]) == (
        "AGI-DATA-777",
        "the sensor was off",
        "0 rows",
        "user",
    )
    assert 'File "src/wild.py"' in error["traceback"]


@pytest.mark.parametrize(
    ("payload", "found"), [("dict", "builtins.dict"), ("other", "wild.Other"), ("none", "builtins.NoneType")]
)
def test_another_type_than_the_partial_is_refused_with_both(
    worker: WorkerClient, payload: str, found: str
) -> None:
    error = worker.execute("wild:app#work", payload=payload)["error"]
    assert error["code"] == "AGI-RUN-103"
    assert error["found"].startswith(found)
    assert error["allowed"] == "Rows or Skip"


def test_a_partial_that_the_app_did_not_declare_is_refused_with_the_declaration(worker: WorkerClient) -> None:
    error = worker.execute("wild:plain#work", payload=1)["error"]
    assert (error["code"], error["try"]) == ("AGI-RUN-103", "App('plain', partial=Rows)")


def test_a_plan_that_yields_something_else_is_named(worker: WorkerClient) -> None:
    error = worker.execute("wild:app#plan", node="plan", key="")["error"]
    assert (error["code"], error["what"]) == (
        "AGI-RUN-104",
        "the plan of wild yielded something that is no work item, at position 0",
    )


def test_an_import_that_raises_says_where(worker: WorkerClient) -> None:
    error = worker.execute("breaks:app#work")["error"]
    assert (error["code"], error["type"]) == ("AGI-APP-002", "ZeroDivisionError")
    assert error["what"] == "importing breaks raised ZeroDivisionError: division by zero"
    assert error["found"] == "src/breaks.py, line 2"
    assert error["traceback"].splitlines()[1] == '  File "src/breaks.py", line 2, in <module>'
    error = worker.execute("broken:app#work")["error"]
    assert (error["code"], error["type"], error["found"]) == (
        "AGI-APP-002",
        "SyntaxError",
        "src/broken.py, line 1",
    )
    assert "invalid syntax" in error["traceback"]


def test_an_interrupt_fails_the_running_unit_and_is_nothing_between_units(worker: WorkerClient) -> None:
    worker.send(worker.order("wild:sleeps"))
    worker.receive("began")
    worker.process.send_signal(signal.SIGINT)
    done = worker.receive("done")
    assert (done["status"], done["error"]["type"]) == ("failed", "KeyboardInterrupt")
    worker.process.send_signal(signal.SIGINT)
    assert worker.execute("wild:fine")["value"] == "fine"


@pytest.mark.parametrize(("function", "status"), [("vanishes", 7), ("crashes", -signal.SIGSEGV)])
def test_a_death_is_the_end_of_the_stream_and_a_status(tmp_path: Path, function: str, status: int) -> None:
    with WorkerClient(tmp_path) as client:
        client.open(write_source(tmp_path, wild=WILD))
        with pytest.raises(EOFError, match="the worker is gone"):
            client.execute(f"wild:{function}")
        assert client.process.wait(5) == status
        if function == "crashes":
            log = (tmp_path / "logs" / "a1.log").read_bytes()
            assert log.startswith(b"last words\n")
            assert b"Segmentation fault" in log
            assert b"in crashes" in log
