"""Code that changes what it was lent fails, and says which file; code that only reads never does."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agi_node import AgiError, FileRef, LocalRun, RunContext
from agi_node.canonical import sha256_bytes, sha256_file, tag
from agi_node.files import use_roots
from agi_node.tracker import use_run

from .worker_client import WorkerClient, write_source

WAYS = r"""
import mmap, os, shutil, threading, time
from agi_node import App, Args, FileRef, Files, Partial, Skip, Sum, WorkItem

class Where(Args):
    files: Files = Files("data")
    way: str = "reads"

class Rows(Partial):
    rows: Sum[int] = 0

def reads(path): pass
def appends(path):
    with path.open("ab") as file: file.write(b"9\n")
def in_place(path):
    with path.open("r+b") as file: file.write(b"z")
def truncates(path): path.write_text("")
def maps(path):
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 0) as memory: memory[0] = ord("z")
def replaces(path):
    other = path.with_name("other"); other.write_bytes(b"z" * path.stat().st_size); os.replace(other, path)
def deletes(path): path.unlink()
def moves(path): shutil.move(path, path.with_name("moved"))
def becomes_a_folder(path): path.unlink(); path.mkdir()
def swaps_the_folder(path):
    away = path.parent.with_name("away"); path.parent.rename(away)
    path.parent.mkdir(); path.write_bytes(b"z" * (away / path.name).stat().st_size)
def from_a_thread(path):
    thread = threading.Thread(target=in_place, args=(path,)); thread.start(); thread.join()
def skips(path): in_place(path); return Skip("nothing of interest")
def fails(path): path.unlink(); 1 / 0
def leaves(path): appends(path); raise SystemExit(0)

def touches(path): os.utime(path, (1, 1))
def writes_the_same(path): path.write_bytes(path.read_bytes())
def puts_back(path): kept = path.read_bytes(); path.unlink(); path.write_bytes(kept)
def links(path): os.link(path, path.with_name("linked"))
def copies_over(path): shutil.copy2(path, path.with_name("other")); os.replace(path.with_name("other"), path)
def writes_beside(path): path.with_name("beside.csv").write_text("3\n")

app = App("ways", args=Where, partial=Rows)

@app.plan
def plan(args):
    for file in args.files:
        globals()[args.way](file.path)
        yield WorkItem(key=file.stem, payload=file, cost=1)

@app.work
def work(file: FileRef, args, run):
    rows = file.path.read_bytes().count(b"\n")
    for line in ("one", "two"):
        with (run.folder / "own.txt").open("a") as own: own.write(line)
    run.log_artifact(run.folder / "own.txt")
    if args.way == "cancelled":
        while not run.cancelled: time.sleep(0.01)
        return deletes(file.path)
    return globals()[args.way](file.path) or Rows(rows=rows)

@app.publish
def publish(summary, args, run):
    paths = [path for _, path in run.artifacts("table")]
    globals()[args.way](paths[0])
    return {"files": len(paths)}
"""
DAMAGES = {
    "appends": "6 bytes, where 4 were",
    "in_place": "written to, with 4 bytes as before",
    "truncates": "0 bytes, where 4 were",
    "maps": "written to, with 4 bytes as before",
    "replaces": "another file, with 4 bytes as before",
    "deletes": "nothing that can be looked at any more: No such file or directory",
    "moves": "nothing that can be looked at any more: No such file or directory",
    "becomes_a_folder": "something that is no file",
    "swaps_the_folder": "another file, with 4 bytes as before",
    "from_a_thread": "written to, with 4 bytes as before",
    "skips": "written to, with 4 bytes as before",
}
LEAVES_ALONE = ("reads", "touches", "writes_the_same", "puts_back", "links", "copies_over", "writes_beside")
SAID = "(by its code, or by somebody else meanwhile)"
LONG_AGO = 1_500_000_000


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerClient]:
    folder = tmp_path_factory.mktemp("ways")
    with WorkerClient(folder) as client:
        source = write_source(folder, ways=WAYS)
        assert client.open(source, "ways:app")["type"] == "opened"
        yield client


@pytest.fixture
def data(worker: WorkerClient, tmp_path: Path) -> Path:
    """A folder of one old file, below a root of the worker."""
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "a.csv").write_bytes(b"1\n2\n")
    os.utime(folder / "a.csv", (LONG_AGO, LONG_AGO))
    worker.open(worker.folder / "source", "ways:app", roots={"app": str(tmp_path)})
    return folder


def payload(path: Path) -> dict[str, Any]:
    digest = sha256_file(path)
    return {"root": "app", "path": f"data/{path.name}", "size": path.stat().st_size, "digest": digest}


def work(worker: WorkerClient, data: Path, way: str) -> Any:
    return worker.execute("ways:app#work", args={"way": way}, payload=payload(data / "a.csv"), key="a")


@pytest.mark.parametrize("way", DAMAGES)
def test_a_unit_that_changes_its_input_fails_and_names_the_file(
    worker: WorkerClient, data: Path, way: str
) -> None:
    done = work(worker, data, way)
    error = done["error"]
    assert (done["status"], done["value"], done["reason"]) == ("failed", None, None)
    assert error["code"] == "AGI-DATA-007"
    assert error["what"] == "the file app:data/a.csv changed while work[k] had it to read".replace(
        "[k]", "[a]"
    )
    assert error["found"] == f"{DAMAGES[way]} {SAID}"
    assert error["try"] == "put it back as it was; let the code work on a copy: shutil.copy(path, run.folder)"
    assert error["whose"] == "author"


@pytest.mark.parametrize("way", LEAVES_ALONE)
def test_a_unit_that_leaves_the_bytes_alone_succeeds(worker: WorkerClient, data: Path, way: str) -> None:
    done = work(worker, data, way)
    assert (done["status"], done["error"]) == ("succeeded", None)
    (kept,) = done["artifacts"]
    assert kept["digest"] == sha256_bytes(b"onetwo"), "it may append to a file of its own"


@pytest.mark.parametrize(("way", "raised"), [("fails", "ZeroDivisionError"), ("leaves", "SystemExit")])
def test_code_that_fails_too_is_told_of_the_damage_and_keeps_its_traceback(
    worker: WorkerClient, data: Path, way: str, raised: str
) -> None:
    error = work(worker, data, way)["error"]
    assert (error["code"], error["type"]) == ("AGI-DATA-007", raised)
    assert f"in {way}" in error["traceback"]


def test_a_cancelled_unit_is_told_of_the_damage(worker: WorkerClient, data: Path) -> None:
    order = worker.order("ways:app#work", args={"way": "cancelled"}, payload=payload(data / "a.csv"), key="a")
    worker.send(order)
    worker.receive("began")
    worker.send({"type": "cancel", "attempt_id": order["attempt_id"]})
    done = worker.receive("done")
    assert (done["status"], done["error"]["code"]) == ("failed", "AGI-DATA-007")


@pytest.mark.parametrize(
    ("way", "status"),
    [
        ("in_place", "failed"),
        ("deletes", "failed"),
        ("replaces", "failed"),
        ("links", "succeeded"),
        ("copies_over", "succeeded"),  # as on a network file system that gives a file another inode
    ],
)
def test_a_plan_knows_no_digests_and_is_found_out_as_well(
    worker: WorkerClient, data: Path, way: str, status: str
) -> None:
    done = worker.execute("ways:app#plan", args={"way": way}, node="plan", key="")
    assert done["status"] == status
    if status == "failed":
        assert done["error"]["what"] == "the file app:data/a.csv changed while plan had it to read"


def stored(folder: Path, content: bytes) -> Path:
    """An object as the store keeps it."""
    digest = sha256_bytes(content)
    path = folder / "objects" / digest[:2] / digest[2:]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, (LONG_AGO, LONG_AGO))
    return path


def publish(worker: WorkerClient, folder: Path, way: str, *objects: Path) -> Any:
    inputs = folder / "publish.json"
    saved = {"table": [[f"k{number}", str(path)] for number, path in enumerate(objects)]}
    inputs.write_text(json.dumps({"state": tag({"rows": 1}), "artifacts": saved}))
    return worker.execute("ways:app#publish", args={"way": way}, node="publish", key="", inputs=str(inputs))


@pytest.mark.parametrize("way", ["appends", "in_place", "maps"])
def test_a_damaged_result_of_an_earlier_unit_is_set_aside_and_no_other(
    worker: WorkerClient, tmp_path: Path, way: str
) -> None:
    spoilt, other = stored(tmp_path, b"result"), stored(tmp_path, b"another")
    error = publish(worker, tmp_path, way, spoilt, other)["error"]
    assert error["code"] == "AGI-DATA-007"
    assert error["what"] == "the artifact table of k0 changed while publish had it to read"
    assert error["found"].endswith("somebody else meanwhile); it is set aside")
    assert error["try"].endswith("run again, for what is damaged is made anew")
    assert not spoilt.exists()
    assert spoilt.with_name(f".put-damaged-{spoilt.name}").is_file()
    assert other.read_bytes() == b"another"


@pytest.mark.parametrize("way", LEAVES_ALONE)
def test_a_result_that_is_only_read_stays_where_it_is(worker: WorkerClient, tmp_path: Path, way: str) -> None:
    path = stored(tmp_path, b"result")
    done = publish(worker, tmp_path, way, path)
    assert (done["status"], done["value"]) == ("succeeded", {"files": 1})
    assert path.read_bytes() == b"result"


def test_a_result_that_was_gone_before_is_nobody_s_damage(worker: WorkerClient, tmp_path: Path) -> None:
    there, gone = stored(tmp_path, b"result"), stored(tmp_path, b"gone")
    gone.unlink()
    assert publish(worker, tmp_path, "reads", there, gone)["status"] == "succeeded"


# -- in this process --------------------------------------------------------------------------------------------


def unit(folder: Path, code: Callable[[LocalRun], object], **run: Any) -> AgiError | None:
    """Let code run as a unit that is called `work`, in this process; returns what it is told."""
    context = RunContext.local(folder / "staging", **run)
    try:
        with use_roots({"app": folder}), context._lent.to("work"), use_run(context):
            code(context)
    except AgiError as error:
        return error
    return None


def test_a_write_within_one_tick_of_the_clock_is_found_by_the_digest(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")
    stamp = path.stat().st_mtime_ns

    def code(run: LocalRun) -> None:
        FileRef("app", "a", 3, sha256_bytes(b"old")).path.write_bytes(b"new")
        os.utime(path, ns=(stamp, stamp))

    error = unit(tmp_path, code)
    assert error is not None
    assert (error.code, error.found) == ("AGI-DATA-007", f"{DAMAGES['in_place'].replace('4', '3')} {SAID}")


def test_units_that_run_side_by_side_answer_for_their_own_files(tmp_path: Path) -> None:
    both = threading.Barrier(2, timeout=20)
    told: dict[str, AgiError | None] = {}
    for name in "ab":
        (tmp_path / name).write_bytes(b"old")

    def work(name: str) -> None:
        def code(run: LocalRun) -> None:
            path = FileRef("app", name, 3, sha256_bytes(b"old")).path
            both.wait()
            if name == "a":
                path.write_bytes(b"new")
            both.wait()

        told[name] = unit(tmp_path, code, key=name)

    threads = [threading.Thread(target=work, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert told["b"] is None
    assert told["a"] is not None
    assert told["a"].what == "the file app:a changed while work had it to read"


def test_somebody_s_own_file_is_told_of_before_results_that_can_be_made_again(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"old")
    saved = {"table": [("k", stored(tmp_path, b"result"))]}

    def code(run: LocalRun) -> None:
        run.artifacts("table")[0][1].unlink()
        FileRef("app", "a", 3).path.unlink()

    error = unit(tmp_path, code, earlier=saved)
    assert error is not None
    assert error.what == "the file app:a changed while work had it to read (and 1 more)"


STEPS = st.lists(
    st.one_of(
        st.sampled_from(["touch", "delete", "old stamp"]),
        st.tuples(st.sampled_from(["write", "replace"]), st.sampled_from([b"old", b"new", b"older"])),
    ),
    max_size=4,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(steps=STEPS, young=st.booleans())
def test_a_unit_fails_if_and_only_if_others_would_read_other_bytes(
    tmp_path: Path, steps: list[Any], young: bool
) -> None:
    path = tmp_path / "a"
    path.unlink(missing_ok=True)
    path.write_bytes(b"old")
    if not young:
        os.utime(path, (LONG_AGO, LONG_AGO))

    def code(run: LocalRun) -> None:
        assert FileRef("app", "a", 3, sha256_bytes(b"old")).path == path
        for step in steps:
            take(step, path, young)

    error = unit(tmp_path, code)
    same = path.exists() and path.read_bytes() == b"old"
    assert (error.code if error else None) == (None if same else "AGI-DATA-007")


def take(step: Any, path: Path, young: bool) -> None:
    if step == "delete":
        path.unlink(missing_ok=True)
    elif step == "touch":
        path.touch() if path.exists() else None
    elif step == "old stamp":
        # Of an old file the stamp would hide what was done: no look at facts can find that.
        if path.exists() and young:
            os.utime(path, (LONG_AGO, LONG_AGO))
    elif step[0] == "write":
        path.write_bytes(step[1])
    else:
        other = path.with_name("other")
        other.write_bytes(step[1])
        os.replace(other, path)
