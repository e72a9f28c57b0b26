"""The suite itself: what its tests share is made once."""

from __future__ import annotations

import pytest


@pytest.mark.xdist_group("together")
def test_what_belongs_together_is_run_by_one_worker(request: pytest.FixtureRequest) -> None:
    """pytest-xdist writes the group of a test behind its name; a version that pytest outran no longer does, silently.

    Then each worker makes the environments, samples and servers of every group again.
    """
    if not getattr(request.config.option, "loadgroup", False):
        pytest.skip("not run with --dist loadgroup")
    assert request.node.nodeid.endswith("@together")
