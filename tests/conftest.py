"""What holds for every test: where Hypothesis may take its time, and that nobody's own home is touched."""

from __future__ import annotations

import gc
import os
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("default", deadline=None)
# In CI the same examples every time: what fails there can be had again.
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "default")


SLOW = ("envs", "tracking", "cli")
"""Folders whose tests make environments, start servers or whole commands: not for every keystroke."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here) and item.path.relative_to(here).parts[0] in SLOW:
            item.add_marker(pytest.mark.slow)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Nothing that is collected is garbage: to look for some in between takes a third of the time."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()  # nor is it when a test collects


@pytest.fixture(autouse=True, scope="session")
def _a_home_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A test that forgets to name a home gets an empty one, never the developer's."""
    os.environ["AGILAB_HOME"] = str(tmp_path_factory.mktemp("nobodys-home"))
    os.environ.pop("MLFLOW_TRACKING_URI", None)


@pytest.fixture
def repository() -> Path:
    """The root of the checkout."""
    return Path(__file__).parents[1]
