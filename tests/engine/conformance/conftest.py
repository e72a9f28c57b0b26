"""One warm executor of each kind for all tests, and one cluster for those that need one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from agilab.engine.executor import Executor
from tests.engine.conformance.executors import NEEDS_CLUSTER, make


class Places:
    """Executors by name, made when first asked for."""

    def __init__(self, logs: Path, stack: ExitStack) -> None:
        self._logs = logs
        self._stack = stack
        self._warm: dict[str, Executor] = {}
        self._address: str | None = None

    def warm(self, name: str) -> Executor:
        """The one that all runs share; whoever cancels takes a fresh one."""
        if name not in self._warm:
            self._warm[name] = self.fresh(name)
        return self._warm[name]

    def fresh(self, name: str) -> Executor:
        executor = make(name, self._logs, self.address(name))
        self._stack.callback(executor.close)
        return executor

    def address(self, name: str) -> str | None:
        """The scheduler's address, for executors that connect to one."""
        if name not in NEEDS_CLUSTER:
            return None
        if self._address is None:
            from distributed import LocalCluster

            cluster = LocalCluster(
                n_workers=2,
                threads_per_worker=1,
                processes=True,
                dashboard_address="127.0.0.1:0",
                silence_logs=50,
            )
            self._stack.callback(cluster.close)
            self._address = str(cluster.scheduler_address)
        return self._address


@pytest.fixture(scope="session")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Places]:
    with ExitStack() as stack:
        yield Places(tmp_path_factory.mktemp("conformance"), stack)
