"""One home for every test that runs all apps: an environment is made once, by whoever needs it first."""

from __future__ import annotations

import pytest

from agilab.store.workspace import Workspace


@pytest.fixture(scope="session")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A home where apps of equal dependencies share an environment; its tests are of the group `every_app`."""
    return Workspace(tmp_path_factory.mktemp("every")).ensure()
