"""The executors that must pass: one line for each. A process of its own can make them by name, too."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

from agilab.engine.executor import Executor
from agilab.engine.inline import InlineExecutor
from agilab.engine.local import LocalExecutor
from agilab.envs.worker_process import WorkerSpec

SOURCE = Path(__file__).parent / "source"
SPEC = WorkerSpec(Path(sys.executable), SOURCE, None)
Make = Callable[..., Executor]


@cache
def functions() -> dict[str, Callable[..., Any]]:
    """The functions of the source folder by the names of their targets, loaded here as a worker loads them there."""
    spec = importlib.util.spec_from_file_location("lab", SOURCE / "lab.py")
    assert spec is not None
    assert spec.loader is not None
    lab = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(lab)
    return {f"lab:{name}": what for name, what in vars(lab).items() if callable(what)}


def inline(logs: Path) -> Executor:
    """The engine's own process."""
    return InlineExecutor(functions())


def local(logs: Path, *, workers: int) -> Executor:
    """Warm processes on this machine."""
    return LocalExecutor({"": SPEC}, workers=workers, logs=logs)


def dask(logs: Path, *, address: str | None = None) -> Executor:
    """The workers of a running scheduler."""
    from agilab.engine.dask import DaskExecutor

    return DaskExecutor({"": SPEC}, logs=logs, address=address, workers=None if address else 2)


MAKERS: dict[str, Make] = {
    "inline": inline,
    "local-1": partial(local, workers=1),
    "local-3": partial(local, workers=3),
}
NEEDS_CLUSTER: dict[str, Make] = {"dask": dask}
"""Executors that connect to the one cluster that all tests share, by its address."""


def make(name: str, logs: Path, address: str | None = None) -> Executor:
    """An executor by name."""
    if name in NEEDS_CLUSTER:
        return NEEDS_CLUSTER[name](logs, address=address)
    return MAKERS[name](logs)
