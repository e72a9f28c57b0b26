"""What the README says, done: its app runs as it stands there, its commands exist, its links lead somewhere."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from agilab.envs import find_uv

pytestmark = [pytest.mark.journey, pytest.mark.xdist_group("readme")]
ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


def agilab(*words: str, home: Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "AGILAB_HOME": str(home)}
    return subprocess.run(
        [sys.executable, "-m", "agilab", *words],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The README's app, copied out of the README."""
    folder = tmp_path_factory.mktemp("readme")
    app = folder / "pi_project"
    (app / "src/pi").mkdir(parents=True)
    (app / "pyproject.toml").write_text(blocks("toml")[0])
    (app / "src/pi/__init__.py").write_text(blocks("python")[0])
    subprocess.run([str(find_uv()), "lock", "--quiet", "--directory", str(app)], check=True)
    return folder


def test_the_app_of_the_readme_runs_as_it_stands_there(folder: Path) -> None:
    done = agilab("run", "pi_project", "--seeds", "20", "--json", home=folder / "home", cwd=folder)
    assert done.returncode == 0, done.stderr
    payload = json.loads(Path(json.loads(done.stdout)["reduce"]).read_text())["payload"]
    assert payload["darts"] == 20 * 200_000
    assert abs(4 * payload["inside"] / payload["darts"] - 3.14159265) < 0.01
    again = agilab("run", "pi_project", "--help", home=folder / "home", cwd=folder / "home")
    assert "--seeds" in again.stdout
    assert "Darts for each." in again.stdout


def test_the_app_of_the_readme_is_as_short_as_it_says() -> None:
    lines = [line for line in blocks("python")[0].splitlines() if line.strip()]
    assert len(lines) <= 40


def test_every_command_of_the_readme_exists(folder: Path) -> None:
    commands = [
        shlex.split(line.partition("#")[0])[1:]
        for block in blocks("sh")
        for line in block.splitlines()
        if line.startswith("agilab ")
    ]
    assert len(commands) >= 6
    for command in commands:
        words = [word for word in command if not word.startswith("-")]
        known = words[:1] if words[0] == "run" else words[:2]
        done = agilab(*known, "--help", home=folder / "home", cwd=folder)
        assert done.returncode == 0, (command, done.stderr)


@pytest.mark.parametrize(
    "page", ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "docs/decisions/README.md"]
)
def test_every_link_leads_to_something_in_the_checkout(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", text):
        assert ((ROOT / page).parent / target).exists(), (page, target)
