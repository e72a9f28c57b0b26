"""A real worker over a real channel: the handshake, opening, the targets, the order of answers."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agi_node import __version__
from agi_node.canonical import canonical, sha256_file, untag

from .worker_client import WorkerClient, write_lines, write_source

APP = '''
"""Counts rows."""
from __future__ import annotations

from agi_node import App, Args, Distinct, FileRef, Files, Partial, Skip, Sum, WorkItem, tracker

class CountArgs(Args):
    """What to count."""
    tracks: Files = "data/*.csv"
    least: int = 1

class Counts(Partial):
    rows: Sum[int] = 0
    names: Distinct[str] = frozenset()

app = App("count", args=CountArgs, partial=Counts)

@app.plan
def plan(args):
    """One item per file."""
    for file in args.tracks:
        yield WorkItem(key=file.stem, payload=file, cost=file.size)

@app.work
def work(file: FileRef, args, run):
    lines = file.path.read_text().split()
    if len(lines) < args.least:
        return Skip(f"{len(lines)} lines")
    tracker.log_metric("rows", len(lines))
    run.log_param("file", file.name)
    run.validate("any", True, value=len(lines), limit=1)
    run.save_table("lines", [{"line": line} for line in lines])
    return Counts(rows=len(lines), names=[file.stem])

@app.publish
def publish(summary, args, run):
    return {"rows": summary.rows, "tables": [[key, path.name] for key, path in run.artifacts("lines")]}
'''

FUNCTIONS = """
import os, sys
def add(payload, x=0): return payload + x
def size(file): return [file.name, file.size, file.path.read_text()]
def who(run): return [run.run_id, run.node, run.key, run.attempt]
def where(): return [os.getcwd(), sys.path[0], sys.stdin.read()]
def threads(): return [os.environ.get("OMP_NUM_THREADS"), os.environ.get("POLARS_MAX_THREADS"), os.environ.get("MINE")]
def big(n): return ["x" * 100] * n
def numbers(): return [2**60, float("inf"), "$5", (1, 2)]
def nothing(): return None
def bad(): return {"a": [1, {"b": {1, 2}}]}
NOT_CALLABLE = 3
"""


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerClient]:
    folder = tmp_path_factory.mktemp("worker")
    for name, text in {"a": "1 2 3", "b": "4 5", "c": ""}.items():
        path = folder / "app" / "data" / f"{name}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    source = write_source(folder, count=APP, functions=FUNCTIONS)
    with WorkerClient(folder) as client:
        opened = client.open(
            source, "count:app", roots={"app": str(folder / "app")}, env={"MINE": "yes"}, threads=3
        )
        assert opened == {"type": "opened"}
        yield client


def value(done: dict[str, Any]) -> Any:
    assert done["status"] == "succeeded", done["error"]
    return untag(done["value"])


def test_the_handshake_says_who_answers(worker: WorkerClient) -> None:
    assert worker.hello == {
        "type": "hello",
        "protocol": 1,
        "agi_node": __version__,
        "python": platform.python_version(),
        "pid": worker.process.pid,
    }


@pytest.mark.parametrize(
    ("greeting", "found"),
    [
        ({"type": "hello", "protocol": 2}, "found protocol 2"),
        ({"type": "describe"}, "found a describe message"),
    ],
)
def test_another_protocol_is_refused_and_the_worker_leaves(
    tmp_path: Path, greeting: dict[str, Any], found: str
) -> None:
    with WorkerClient(tmp_path, greet=False) as client:
        client.send(greeting)
        refused = client.receive("refused")
        assert refused["protocol"] == 1
        assert found in refused["why"]
        assert client.process.wait(5) == 3


DRAWN = """
def drawn():
    import matplotlib
    import matplotlib.pyplot as plt
    plt.plot([1, 2])
    return matplotlib.get_backend().lower()
"""


@pytest.mark.parametrize(
    ("said", "backend"),
    [
        ("module://matplotlib_inline.backend_inline", "agg"),  # what Jupyter's kernel says to its children
        ("module://ipykernel.pylab.backend_inline", "agg"),
        ("module://no_such_package.at_all", "agg"),
        ("TkAgg", "agg"),
        ("", "agg"),
        ("SVG", "svg"),
        ("module://own_backend", "module://own_backend"),
    ],
)
def test_a_worker_draws_into_files_whatever_it_inherited(
    said: str, backend: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("matplotlib")
    monkeypatch.setenv("MPLBACKEND", said)
    own = "from matplotlib.backends.backend_agg import FigureCanvas, FigureManagerBase as FigureManager"
    source = write_source(tmp_path, drawn=DRAWN, own_backend=own)
    with WorkerClient(tmp_path) as client:
        assert client.open(source) == {"type": "opened"}
        client.send(client.order("drawn:drawn"))
        assert value(client.receive("done")) == backend


def test_shutdown_ends_with_status_0_after_what_was_queued(tmp_path: Path) -> None:
    with WorkerClient(tmp_path) as client:
        client.send(client.order("builtins:len", payload=[1, 2]), {"type": "shutdown"})
        assert client.receive("done")["value"] == 2
        assert client.process.wait(5) == 0


def test_a_manager_that_never_spoke_leaves_a_quiet_end(tmp_path: Path) -> None:
    client = WorkerClient(tmp_path, greet=False)
    client.socket.close()
    assert client.process.wait(5) == 0


def test_a_frame_that_is_none_is_answered_with_what_was_found_and_ends_the_worker(tmp_path: Path) -> None:
    with WorkerClient(tmp_path) as client:
        client.socket.sendall(b"\0\0\0\5hello")
        failed = client.receive("failed")
        assert failed["error"]["code"] == "AGI-PROTO-003"
        assert "b'hello'" in failed["error"]["found"]
        client.process.wait(5)
        assert b"AGI-PROTO-003" in client.log.read_bytes()


def test_an_unknown_message_is_an_error_that_lists_the_known_ones(worker: WorkerClient) -> None:
    worker.send({"type": "dance"})
    error = worker.receive("failed")["error"]
    assert (error["code"], error["found"]) == ("AGI-PROTO-005", "'dance'")
    assert "execute" in error["allowed"]


def test_an_order_without_a_target_is_an_error_that_says_so(worker: WorkerClient) -> None:
    order = worker.order("x:y")
    del order["target"]
    worker.send(order)
    error = worker.receive("failed")["error"]
    assert error["code"] == "AGI-PROTO-005"
    assert "'target'" in error["what"]


def test_the_command_line_is_checked(tmp_path: Path) -> None:
    command = [sys.executable, "-P", "-m", "agi_node.worker"]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 2
    wrong = subprocess.run(
        [*command, "--channel", "77", "--log", "x"], capture_output=True, check=False, cwd=tmp_path
    )
    assert wrong.returncode == 2
    assert b"--channel 77 is no connected socket" in wrong.stderr


def test_a_plan_gives_plain_items(worker: WorkerClient) -> None:
    items = value(worker.execute("count:app#plan", node="plan", key=""))
    assert [(item["key"], item["cost"]) for item in items] == [("a", 5), ("b", 3), ("c", 0)]
    assert items[0]["payload"] == {"root": "app", "path": "data/a.csv", "size": 5, "digest": ""}


FILE_A = {"root": "app", "path": "data/a.csv", "size": 5, "digest": ""}


def test_work_returns_the_state_of_its_partial_with_all_that_it_logged(worker: WorkerClient) -> None:
    from agi_node import Distinct, Partial, Sum

    class Counts(Partial):
        rows: Sum[int] = 0
        names: Distinct[str] = frozenset()

    done = worker.execute("count:app#work", payload=FILE_A, key="a")
    assert Counts.from_state(value(done)) == Counts(rows=3, names=frozenset(["a"]))
    metrics = worker.metrics(done)
    assert (metrics["name"], metrics["value"], metrics["step"]) == (["rows"], [3.0], [None])
    assert done["params"] == {"file": "a.csv"}
    assert done["validations"] == [{"name": "any", "passed": True, "value": 3, "limit": 1, "message": ""}]
    assert [(entry["name"], entry["kind"]) for entry in done["artifacts"]] == [
        ("lines", "table"),
        ("lines.preview", "json"),
    ]
    for entry in done["artifacts"]:
        assert sha256_file(worker.staged(done) / entry["file"]) == entry["digest"]
    assert done["duration_us"] > 0
    assert done["max_rss"] > 1 << 20
    assert (done["reason"], done["error"], done["value_file"]) == (None, None, None)


def test_a_skip_keeps_its_reason(worker: WorkerClient) -> None:
    file = {"root": "app", "path": "data/c.csv", "size": 0, "digest": ""}
    done = worker.execute("count:app#work", payload=file)
    assert (done["status"], done["reason"], done["value"]) == ("skipped", "0 lines", None)


def test_arguments_are_validated_into_the_app_s_class(worker: WorkerClient) -> None:
    done = worker.execute("count:app#work", payload=FILE_A, args={"least": "many"})
    assert done["status"] == "failed"
    assert done["error"]["code"] == "AGI-ARGS-002"
    assert done["error"]["what"] == "arguments of count: least is not allowed"
    assert done["error"]["found"] == "'many' (str)"


def test_a_payload_is_validated_into_the_annotation_also_a_postponed_one(worker: WorkerClient) -> None:
    error = worker.execute("count:app#work", payload={"root": "app"}, key="a")["error"]
    assert error["code"] == "AGI-ARGS-002"
    assert error["what"] == "payload of work[a]: the value is not allowed"
    assert '{"root": name, "path": relative path' in error["allowed"]


def test_a_missing_file_of_a_payload_names_it(worker: WorkerClient) -> None:
    error = worker.execute("count:app#work", payload={**FILE_A, "path": "data/gone.csv"})["error"]
    assert (error["code"], error["what"]) == ("AGI-DATA-002", "the file app:data/gone.csv cannot be found")


def test_reduce_merges_the_successes_and_keeps_the_workers_apart(
    worker: WorkerClient, tmp_path: Path
) -> None:
    from agi_node import Distinct, Partial, Sum

    class Counts(Partial):
        rows: Sum[int] = 0
        names: Distinct[str] = frozenset()

    from agi_node.canonical import tag

    state = tag(Counts(rows=2, names=frozenset(["x"])).to_state())
    apart = tmp_path / "apart.json"
    apart.write_bytes(canonical(Counts(rows=40, names=frozenset(["y"])).to_state()))
    units = [
        {"key": "a", "status": "succeeded", "value": state, "value_path": None, "worker": "w2"},
        {"key": "b", "status": "failed", "value": None, "value_path": None, "worker": "w1"},
        {"key": "c", "status": "succeeded", "value": None, "value_path": str(apart), "worker": "w1"},
    ]
    done = worker.execute("count:app#reduce", node="reduce", inputs=write_lines(tmp_path / "in.jsonl", units))
    both = value(done)
    assert both["whole"]["schema"] == "agilab.reduce.v2"
    assert both["whole"]["payload"] == {"rows": 42, "names": ["x", "y"]}
    assert [entry["id"] for entry in both["whole"]["partials"]] == ["a", "c"]
    assert {name: doc["payload"]["rows"] for name, doc in both["workers"].items()} == {"w1": 40, "w2": 2}

    inputs = tmp_path / "publish.json"
    inputs.write_text(
        json.dumps({"state": tag(both["whole"]["state"]), "artifacts": {"lines": [["a", "/x/l.parquet"]]}})
    )
    published = worker.execute("count:app#publish", node="publish", inputs=str(inputs))
    assert value(published) == {"rows": 42, "tables": [["a", "l.parquet"]]}


def test_inputs_that_cannot_be_read_are_named(worker: WorkerClient, tmp_path: Path) -> None:
    error = worker.execute("count:app#reduce", inputs=str(tmp_path / "none"))["error"]
    assert (error["code"], error["whose"]) == ("AGI-RUN-108", "agilab")
    error = worker.execute("count:app#reduce", inputs=write_lines(tmp_path / "bad", [{"key": "a"}]))["error"]
    assert "line 1 of the inputs of a reduce" in error["what"]


def test_a_step_or_an_app_that_is_not_there_is_named(worker: WorkerClient) -> None:
    codes = {
        "count:app#dance": "AGI-RUN-107",
        "count:nothing#work": "AGI-APP-001",
        "count:plan#work": "AGI-APP-001",
        "absent:app#work": "AGI-APP-002",
        "json:dumps#work": "AGI-APP-005",
        "functions:none": "AGI-RUN-107",
        "functions:NOT_CALLABLE": "AGI-RUN-107",
        "functions": "AGI-RUN-107",
    }
    found = {target: worker.execute(target)["error"]["code"] for target in codes}
    assert found == codes


def test_a_function_takes_payload_arguments_and_the_run(worker: WorkerClient) -> None:
    assert value(worker.execute("functions:add", payload=2, args={"x": 3})) == 5
    assert value(worker.execute("functions:size", payload=FILE_A)) == ["a.csv", 5, "1 2 3"]
    assert value(worker.execute("functions:who", attempt=4)) == ["r1", "work", "k", 4]
    assert value(worker.execute("functions:nothing")) is None
    assert value(worker.execute("functions:numbers")) == [2**60, float("inf"), "$5", [1, 2]]


def test_a_function_that_cannot_be_called_so_says_what_it_takes(worker: WorkerClient) -> None:
    error = worker.execute("functions:add", args={"y": 3})["error"]
    assert error["code"] == "AGI-ARGS-002"
    assert error["allowed"] == "(payload, x=0)"


def test_a_value_that_is_not_plain_names_type_and_place(worker: WorkerClient) -> None:
    error = worker.execute("functions:bad")["error"]
    assert (error["code"], error["whose"]) == ("AGI-RUN-102", "author")
    assert (error["what"], error["found"]) == (
        "what work[k] returned is not plain data at a[1].b",
        "builtins.set",
    )


def test_a_large_value_is_staged_as_its_canonical_bytes(worker: WorkerClient) -> None:
    done = worker.execute("functions:big", args={"n": 400})
    assert (done["value"], done["value_file"]) == (None, "value.json")
    assert (worker.staged(done) / "value.json").read_bytes() == canonical(["x" * 100] * 400)
    assert worker.execute("functions:big", args={"n": 300})["value_file"] is None


def test_a_worker_has_no_input_and_imports_from_the_source_first(worker: WorkerClient) -> None:
    folder, first, stdin = value(worker.execute("functions:where"))
    assert os.path.realpath(folder) == os.path.realpath(worker.folder)
    assert first == str(worker.folder / "source" / "src")
    assert stdin == ""


def test_thread_pools_are_limited_before_anything_is_imported(worker: WorkerClient) -> None:
    assert value(worker.execute("functions:threads")) == ["3", "3", "yes"]


def test_nothing_is_imported_from_the_current_folder(tmp_path: Path) -> None:
    cwd = tmp_path / "cwd"
    cwd.mkdir()
    (cwd / "planted.py").write_text("def f(): return 1")
    (cwd / "json.py").write_text("raise RuntimeError('planted')")
    with WorkerClient(tmp_path, cwd=cwd) as client:
        client.open(write_source(tmp_path, mine="def f(): return 2"))
        error = client.execute("planted:f")["error"]
        assert (error["code"], error["what"]) == (
            "AGI-APP-002",
            "importing planted raised ModuleNotFoundError: No module named 'planted'",
        )
        assert client.execute("mine:f")["value"] == 2


def test_the_source_itself_is_imported_from_where_it_has_no_src(tmp_path: Path) -> None:
    (tmp_path / "flat").mkdir()
    (tmp_path / "flat" / "mine.py").write_text("def f(): return 2")
    with WorkerClient(tmp_path) as client:
        client.open(tmp_path / "flat")
        assert client.execute("mine:f")["value"] == 2


def test_opening_again_changes_roots_and_another_source_is_refused(tmp_path: Path) -> None:
    source = write_source(
        tmp_path, mine="from agi_node.files import root_folder\ndef f(): return str(root_folder('app'))"
    )
    with WorkerClient(tmp_path) as client:
        client.open(source, roots={"app": "/one"})
        assert client.execute("mine:f")["value"] == "/one"
        assert client.open(source, roots={"app": "/two"}) == {"type": "opened"}
        assert client.execute("mine:f")["value"] == "/two"
        assert client.open(tmp_path)["error"]["code"] == "AGI-NODE-007"
        assert client.open(tmp_path / "none")["error"]["code"] == "AGI-NODE-006"
        assert client.open(source, threads="4")["error"]["code"] == "AGI-PROTO-005"


def test_queued_units_run_in_order_and_a_queued_one_can_be_cancelled(tmp_path: Path) -> None:
    source = write_source(tmp_path, slow="import time\ndef f(s): time.sleep(s); return s")
    with WorkerClient(tmp_path) as client:
        client.open(source)
        orders = [client.order("slow:f", args={"s": s}) for s in (0.4, 0.0, 0.1)]
        client.send(
            *orders, {"type": "cancel", "attempt_id": "a2"}, {"type": "cancel", "attempt_id": "unheard-of"}
        )
        done = [client.receive("done") for _ in orders]
        assert [(d["attempt_id"], d["status"], d["value"]) for d in done] == [
            ("a1", "succeeded", 0.4),
            ("a2", "cancelled", None),
            ("a3", "succeeded", 0.1),
        ]
        assert [m["attempt_id"] for m in client.chatter if m["type"] == "began"] == ["a1", "a3"]


def test_a_running_unit_that_sees_the_cancellation_is_cancelled_and_one_that_does_not_is_not(
    tmp_path: Path,
) -> None:
    source = write_source(
        tmp_path,
        patient="""
import time
def looks(run):
    while not run.cancelled: time.sleep(0.01)
    return "half"
def looks_and_raises(run):
    looks(run)
    raise RuntimeError("stopped")
def blind():
    time.sleep(0.3)
    return "whole"
""",
    )
    with WorkerClient(tmp_path) as client:
        client.open(source)
        for function, expected in (
            ("looks", "cancelled"),
            ("looks_and_raises", "cancelled"),
            ("blind", "succeeded"),
        ):
            order = client.order(f"patient:{function}")
            client.send(order)
            assert client.receive("began")["attempt_id"] == order["attempt_id"]
            client.send({"type": "cancel", "attempt_id": order["attempt_id"]})
            assert client.receive("done")["status"] == expected


def test_news_of_a_long_unit_arrive_while_it_runs(tmp_path: Path) -> None:
    source = write_source(
        tmp_path,
        long="""
import time
def f(run):
    run.log_metric("early", 1.0)
    run.progress(1, 3, "one")
    run.progress(2, 3, "two")
    time.sleep(2.6)
    run.log_metric("late", 2.0)
""",
    )
    with WorkerClient(tmp_path) as client:
        client.open(source)
        done = client.execute("long:f")
        news = {
            kind: [m for m in client.chatter if m["type"] == kind]
            for kind in ("metrics", "progress", "heartbeat")
        }
        assert [m["metrics"]["name"] for m in news["metrics"]] == [["early"]]
        assert done["metrics"]["name"] == ["late"]
        assert [(m["done"], m["message"]) for m in news["progress"]] == [(1, "one"), (2, "two")]
        assert news["heartbeat"][0]["attempt_id"] == done["attempt_id"]
        assert news["heartbeat"][0]["rss"] > 1 << 20


def test_many_metrics_cross_in_batches_and_none_is_lost(tmp_path: Path) -> None:
    source = write_source(
        tmp_path, many="def f(run):\n    for n in range(12_345): run.log_metric('x', n, step=n)\n"
    )
    with WorkerClient(tmp_path) as client:
        client.open(source)
        done = client.execute("many:f")
        assert client.metrics(done)["step"] == list(range(12_345))
        batches = [len(m["metrics"]["step"]) for m in client.chatter if m["type"] == "metrics"]
        assert len(batches) >= 2
        assert max(batches) <= 5_000
