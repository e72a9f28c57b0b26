"""One home for every test that runs all apps: an environment is made once, by whoever needs it first."""

from __future__ import annotations

from pathlib import Path

import pytest

from agilab.store.workspace import Workspace

WHOLE = ("test_uav_queue.py", "test_uav_relay_queue.py")
"""Whose fixture `shipped` works the whole sample, which takes seconds: whatever asks for it is slow."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        whole = item.path.parent == here and item.path.name in WHOLE
        if whole and "shipped" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A home where apps of equal dependencies share an environment; its tests are of the group `every_app`."""
    return Workspace(tmp_path_factory.mktemp("every")).ensure()
