"""Real runs of real apps: one AGILab home for the session, with environments that uv made."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agilab.contracts.run_result import RunResult
from agilab.envs import find_uv
from agilab.projects.request import RunRequest
from agilab.projects.run import run_app
from agilab.store.workspace import Workspace

SHARED = Path(__file__).parents[3] / "shared" / "data"
RunIt = Callable[..., RunResult]


@pytest.fixture(scope="session")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return Workspace(tmp_path_factory.mktemp("home")).ensure()


@pytest.fixture(scope="session")
def all_tracks() -> Path:
    folder = SHARED / "adsb_paris"
    if not folder.is_dir():
        pytest.skip("the 213 tracks are in ../shared/data, which is not here")
    return folder


@pytest.fixture
def run_it(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> RunIt:
    """Run an app without MLflow unless asked; it is slow to wake, and has tests of its own."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)

    def run(app: str | Path = "flight_project", *, track: bool = False, **request: Any) -> RunResult:
        return run_app(RunRequest(str(app), track=track, **request), workspace)

    return run


def reduced(result: RunResult) -> dict[str, Any]:
    """The merged reduce document of a run."""
    document: dict[str, Any] = json.loads(Path(result.reduce or "").read_text(encoding="utf-8"))
    return document


def manifest_of(result: RunResult) -> dict[str, Any]:
    """The manifest of a run as plain data."""
    document: dict[str, Any] = json.loads(Path(result.manifest or "").read_text(encoding="utf-8"))
    return document


def write_app(folder: Path, code: str, *, name: str = "demo") -> Path:
    """An app of one module that needs nothing but pydantic, locked for real."""
    (folder / "src" / name).mkdir(parents=True)
    (folder / "src" / name / "__init__.py").write_text(code, encoding="utf-8")
    (folder / "pyproject.toml").write_text(
        f'[project]\nname = "{name}-project"\nversion = "0.1.0"\nrequires-python = ">=3.11"\n'
        'dependencies = ["pydantic>=2.9"]\n\n[tool.agilab]\n'
        f'app = "{name}:app"\n\n[build-system]\nrequires = ["uv_build>=0.9,<0.14"]\nbuild-backend = "uv_build"\n',
        encoding="utf-8",
    )
    subprocess.run([str(find_uv()), "lock", "--quiet", "--directory", str(folder)], check=True)
    return folder
