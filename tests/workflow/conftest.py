"""Real runs of real labs: one AGILab home for the session, with environments that uv made."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agilab.contracts.run_result import RunResult
from agilab.envs import find_uv
from agilab.store.store import Store
from agilab.store.workspace import Workspace
from agilab.workflow.running.execution import run_lab
from agilab.workflow.running.request import LabRequest

POLARS = Path(__file__).parents[2] / "src" / "agilab" / "templates" / "polars_project"
PROJECT = (
    '[project]\nname = "{name}"\nversion = "0.1.0"\nrequires-python = ">=3.11"\ndependencies = [{needs}]\n'
)


@pytest.fixture(scope="session")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return Workspace(tmp_path_factory.mktemp("home")).ensure()


def lock(folder: Path, name: str, *needs: str) -> None:
    """Make a folder a uv project that needs pydantic and these, locked for real."""
    text = ", ".join(f'"{need}"' for need in ("pydantic>=2.9", *needs))
    (folder / "pyproject.toml").write_text(PROJECT.format(name=name, needs=text))
    subprocess.run([str(find_uv()), "lock", "--quiet", "--directory", str(folder)], check=True)


@pytest.fixture(scope="session")
def plain_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A uv project that needs nothing but pydantic."""
    folder = tmp_path_factory.mktemp("plain")
    lock(folder, "plain")
    return folder


class ALab:
    """A lab in a folder of its own, and what its runs left."""

    def __init__(self, folder: Path, workspace: Workspace) -> None:
        self.folder = folder
        self.workspace = workspace
        self.path = folder / "lab_stages.toml"

    def write(self, text: str, **files: str) -> ALab:
        self.path.write_text(text, encoding="utf-8")
        for name, content in files.items():
            path = self.folder / name.replace("__", "/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")
        return self

    def run(self, **request: Any) -> RunResult:
        return run_lab(LabRequest(self.path, track=False, **request), self.workspace)

    def states(self, result: RunResult) -> dict[str, str]:
        """What became of each unit, or of a stage that has none."""
        with Store(self.workspace) as store:
            nodes = {node.node: node.state for node in store.nodes(result.run_id or "") if not node.counts}
            return nodes | {unit.unit_id: unit.state for unit in store.units(result.run_id or "")}

    def left(self, result: RunResult, unit: str) -> dict[str, Any]:
        """What a unit recorded as its value."""
        with Store(self.workspace) as store:
            body = store.result(store.run(result.run_id or "").run_id, unit)
            found: dict[str, Any] = store.value(body)
            return found

    def shown(self, result: RunResult, unit: str) -> Any:
        """The text of a unit's last expression."""
        return self.left(result, unit)["shown"]

    def manifest(self, result: RunResult) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(Path(result.manifest or "").read_text(encoding="utf-8"))
        return document

    def file(self, result: RunResult, name: str) -> Path:
        """A file of the run's readable artifacts."""
        folder = self.workspace.run_folder(result.run_id or "") / "artifacts"
        (found,) = folder.rglob(name)
        return found


MakeLab = Callable[..., ALab]


@pytest.fixture
def lab(tmp_path: Path, workspace: Workspace, plain_project: Path) -> ALab:
    """An empty lab whose environment has nothing but pydantic."""
    folder = tmp_path / "study"
    shutil.copytree(plain_project, folder)
    return ALab(folder, workspace)


@pytest.fixture
def own_lab(
    tmp_path: Path, workspace: Workspace, plain_project: Path, request: pytest.FixtureRequest
) -> ALab:
    """The same under a name that no other test has: runs stand under it."""
    folder = tmp_path / f"study_{abs(hash(request.node.name)):x}"
    shutil.copytree(plain_project, folder)
    return ALab(folder, workspace)


@pytest.fixture
def table_lab(tmp_path: Path, workspace: Workspace) -> ALab:
    """An empty lab with polars in its environment."""
    folder = tmp_path / "tables"
    folder.mkdir()
    for name in ("pyproject.toml", "uv.lock"):
        shutil.copy(POLARS / name, folder / name)
    return ALab(folder, workspace)
