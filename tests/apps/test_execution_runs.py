"""The execution apps through the command line: real environments, real workers, and a kernel that a compiler built."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import json
import shutil
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.apps.test_execution import app_of, columns, generate, jobs_of_any_kind, plain_totals
from tests.cli.conftest import Answer, call

from agilab.store.store import Store
from agilab.store.workspace import Workspace

pytestmark = [pytest.mark.journey, pytest.mark.xdist_group("every_app")]
SIZE = ("--rows", "20000", "--blocks", "8", "--groups", "5", "--no-track", "--json")
no_compiler = pytest.mark.skipif(not (shutil.which("cc") or shutil.which("gcc")), reason="no C compiler here")


@pytest.fixture(scope="session")
def home(workspace: Workspace) -> Path:
    return workspace.home


def payload_bytes(answer: Answer) -> str:
    assert answer.code == 0, answer.err
    return json.dumps(json.loads(Path(answer.document["reduce"]).read_text())["payload"])


def kernels_used(home: Path, answer: Answer) -> set[Any]:
    """What the units say, and what the run as a whole answers."""
    summary = Path(answer.document["reduce"]).parent / "artifacts/publish/execution_summary.json"
    with Store(Workspace(home), readonly=True) as store:
        found = {
            body["params"]["kernel_used"] for _, body in store.results(answer.document["run_id"], "work")
        }
    return found | {json.loads(summary.read_text())["kernel_used"]}


@pytest.fixture(scope="session")
def polars_run(home: Path) -> Answer:
    """One worker and the engine's own kernel, which all others are held against."""
    return call(home, "run", "execution_polars", *SIZE, "--workers", "1")


@pytest.mark.parametrize(("workers", "kernel"), [("2", "numpy"), ("7", "compiled")])
def test_workers_and_kernels_change_no_byte_of_the_result(
    home: Path, polars_run: Answer, workers: str, kernel: str
) -> None:
    other = call(home, "run", "execution_polars", *SIZE, "--workers", workers, "--kernel", kernel)
    assert payload_bytes(other) == payload_bytes(polars_run)
    manifest = json.loads(Path(other.document["manifest"]).read_text())
    checks = {check["name"]: check["passed"] for check in manifest["verdict"]["validations"]}
    assert {checks[name] for name in ("jobs add up", "checksum", "waiting time")} == {True}
    assert {artifact["name"] for artifact in manifest["artifacts"]} >= {"groups", "groups_figure", "totals"}


@no_compiler
def test_where_there_is_a_compiler_the_compiled_kernel_is_what_computes(
    home: Path, polars_run: Answer
) -> None:
    run = call(home, "run", "execution_polars", *SIZE, "--kernel", "compiled")
    assert payload_bytes(run) == payload_bytes(polars_run)
    assert kernels_used(home, run) == {"compiled"}


def test_pandas_without_a_compiler_gives_the_bytes_of_polars_and_says_what_computed(
    home: Path, polars_run: Answer, tmp_path: Path
) -> None:
    # a copy of the app, which nobody has built yet
    made = call(home, "app", "new", "bare", "--clone", "execution_pandas", "--into", str(tmp_path))
    assert made.code == 0, made.err
    words = ("run", "bare", *SIZE, "--workers", "2", "--kernel", "compiled")
    run = call(home, *words, CC="/no/such/compiler/cc")
    assert payload_bytes(run) == payload_bytes(polars_run)
    assert kernels_used(home, run) == {"numpy"}
    assert "compiler" in run.err


@pytest.fixture(scope="session")
def kernel(home: Path, polars_run: Answer) -> ModuleType:
    """The module that the run above had built, loaded here."""
    assert polars_run.code == 0, polars_run.err
    (path,) = home.glob("builds/*/tree/**/execution_polars/_kernel.*.so")
    if not path.name.endswith(tuple(importlib.machinery.EXTENSION_SUFFIXES)):
        pytest.skip("the app's environment has another Python than these tests")
    spec = importlib.util.spec_from_file_location("_kernel", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    # It enters itself under its full name, where the app as it lies in the source tree would find it.
    sys.modules.pop("execution_polars._kernel", None)
    return module


@no_compiler
@settings(max_examples=100)
@given(rows=jobs_of_any_kind)
def test_the_compiled_kernel_gives_the_bits_of_a_loop_in_plain_python(
    kernel: ModuleType, rows: list[tuple[Any, ...]]
) -> None:
    jobs, totals = columns(rows), np.zeros((5, 5), dtype=np.int64)
    scores, waits = np.zeros((5, 3), dtype=np.int64), np.zeros((5, 2), dtype=np.int64)
    kernel.score(*(jobs[name] for name in ("group", "weight", "x", "y")), scores)
    kernel.queue(*(jobs[name] for name in ("group", "gap_us", "service_us")), waits)
    totals[:, :3], totals[:, 3:] = scores, waits
    assert totals.tolist() == plain_totals(rows, 5)


@no_compiler
@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=10)
def test_the_compiled_kernel_gives_the_bits_of_numpy_on_a_whole_block(kernel: ModuleType, seed: int) -> None:
    execution = app_of("polars")
    jobs = generate(0, 20_000, 5, 0.95, seed)
    frame = execution.frames.of(jobs)
    scores, waits = np.zeros((5, 3), dtype=np.int64), np.zeros((5, 2), dtype=np.int64)
    kernel.score(*(jobs[name] for name in ("group", "weight", "x", "y")), scores)
    kernel.queue(*(jobs[name] for name in ("group", "gap_us", "service_us")), waits)
    assert (scores == execution.arrays.score(frame, 5)).all()
    assert (waits == execution.arrays.queue(frame, 5)).all()


@no_compiler
@pytest.mark.parametrize("stray", [-1, 5, 2**62])
def test_the_compiled_kernel_writes_nowhere_but_into_its_groups(kernel: ModuleType, stray: int) -> None:
    jobs = columns([(0, 1, 0.0, 0.0, 1, 1), (stray, 1, 0.0, 0.0, 1, 1)])
    with pytest.raises(IndexError, match=f"group {stray} of 5"):
        kernel.score(*(jobs[n] for n in ("group", "weight", "x", "y")), np.zeros((5, 3), dtype=np.int64))
    with pytest.raises(IndexError, match=f"group {stray} of 5"):
        kernel.queue(*(jobs[n] for n in ("group", "gap_us", "service_us")), np.zeros((5, 2), dtype=np.int64))
    short = jobs["group"][:1]
    with pytest.raises(ValueError, match="different length"):
        kernel.queue(short, jobs["gap_us"], jobs["service_us"], np.zeros((5, 2), dtype=np.int64))
