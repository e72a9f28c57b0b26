"""Which app a name stands for."""

import shutil
from pathlib import Path

from agilab.projects.discover import BUILT_IN, find_app, instead, read_app, remember
from agilab.store.workspace import Workspace


def test_a_copy_that_was_run_stands_for_the_name_and_that_is_said(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "home").ensure()  # its own: what it remembers would lead others astray
    copy = tmp_path / "flight_project"
    shutil.copytree(BUILT_IN / "flight_project", copy)
    own = find_app("flight", workspace)
    assert own.built_in
    assert instead("flight", own) is None
    remember(read_app(copy), workspace)
    for name in ("flight", "flight_project"):
        found = find_app(name, workspace)
        assert found.folder == copy
        assert str(copy) in (said := instead(name, found) or "")
        assert str(BUILT_IN / "flight_project") in said
    assert instead(str(copy), find_app(str(copy), workspace)) is None, "it was asked for by its path"
