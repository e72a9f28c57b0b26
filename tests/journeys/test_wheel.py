"""The package as people install it: two wheels in a bare virtual environment, away from the checkout."""

from __future__ import annotations

import json
import os
import subprocess
import zipfile
from pathlib import Path

import pytest

from agilab.envs import find_uv

pytestmark = [pytest.mark.journey, pytest.mark.xdist_group("wheel")]


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dist")
    root = Path(__file__).parents[2]
    subprocess.run(
        [str(find_uv()), "build", "--quiet", "--wheel", "--all-packages", "--out-dir", str(out), str(root)],
        check=True,
    )
    return out


def test_the_wheel_carries_the_built_in_apps_and_no_caches(wheels: Path) -> None:
    (wheel,) = wheels.glob("agilab-*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    app = "agilab/apps/flight_project/"
    for needed in (
        "pyproject.toml",
        "uv.lock",
        "app_settings.toml",
        "pipeline_view.dot",
        "README.md",
        "data/README.md",
    ):
        assert app + needed in names
    assert sum(name.startswith(app + "data/") and name.endswith(".parquet") for name in names) == 24
    assert not [name for name in names if "__pycache__" in name or name.endswith(".pyc")]
    assert wheel.stat().st_size < 3_250_000


def test_first_proof_works_from_the_wheel_in_a_bare_environment(wheels: Path, tmp_path: Path) -> None:
    uv, venv = str(find_uv()), tmp_path / "venv"
    subprocess.run([uv, "venv", "--quiet", str(venv)], check=True)
    subprocess.run(
        [
            uv,
            "pip",
            "install",
            "--quiet",
            "--python",
            str(venv / "bin/python"),
            *map(str, wheels.glob("*.whl")),
        ],
        check=True,
    )
    environment = {
        key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "VIRTUAL_ENV")
    }
    environment |= {"AGILAB_HOME": str(tmp_path / "home"), "HOME": str(tmp_path)}
    done = subprocess.run(
        [str(venv / "bin/agilab"), "first-proof", "--json"],
        cwd=tmp_path,
        env=environment | {"UV_CACHE_DIR": _cache(uv)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["status"] == "succeeded"
    assert json.loads(Path(result["reduce"]).read_text())["payload"]["row_count"] == 36550
    verify = subprocess.run(
        [str(venv / "bin/agilab"), "runs", "verify", "last"], cwd=tmp_path, env=environment, check=False
    )
    assert verify.returncode == 0


def _cache(uv: str) -> str:
    return subprocess.run([uv, "cache", "dir"], capture_output=True, text=True, check=True).stdout.strip()
