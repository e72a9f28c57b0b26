"""A workspace of its own for every test, and flows that record there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from agilab.flow import Flow
from agilab.store.store import Store
from agilab.store.workspace import Workspace

MakeFlow = Callable[..., Flow]


@pytest.fixture
def home(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "home").ensure()


@pytest.fixture
def make(home: Workspace) -> MakeFlow:
    def make(name: str = "tried", **options: object) -> Flow:
        return Flow(name, workspace=home, **options)  # type: ignore[arg-type]

    return make


def states(home: Workspace, run_id: str) -> dict[str, str]:
    """The state of every unit of a run."""
    with Store(home, readonly=True) as store:
        return {unit.unit_id: unit.state for unit in store.units(run_id)}


def whys(home: Workspace, run_id: str) -> dict[str, str]:
    """Why each unit ran or was reused, where the log says."""
    with Store(home, readonly=True) as store:
        return {
            event.unit_id or "": event.data.get("why", "")
            for event in store.events(run_id, kinds=("attempt_started", "unit_reused"))
        }
