"""How quickly the command line starts, measured by what it does not load."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = {"asyncio", "mlflow", "numpy", "pandas", "polars", "psutil", "pyarrow", "pydantic", "sqlalchemy"}
_LISTS_WHAT_IT_LOADED = """
import atexit, sys
listing = sys.argv.pop(1)
atexit.register(lambda: open(listing, "w").write("\\n".join(sys.modules)))
from agilab.__main__ import main
sys.exit(main())
"""


def loaded_by(tmp_path: Path, *words: str, **more: str) -> tuple[set[str], str]:
    listing = tmp_path / "modules"
    done = subprocess.run(
        [sys.executable, "-c", _LISTS_WHAT_IT_LOADED, str(listing), *words],
        capture_output=True,
        text=True,
        env={**os.environ, "AGILAB_HOME": str(tmp_path / "home"), **more},
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return set(listing.read_text().split()), done.stdout


def test_the_version_is_told_without_building_a_command_line(tmp_path: Path) -> None:
    modules, said = loaded_by(tmp_path, "--version")
    assert said.startswith("agilab 0.")
    assert not modules & (HEAVY | {"click", "rich", "rich_click", "json", "sqlite3", "agi_node"})


@pytest.mark.parametrize("words", [["--help"], ["run", "--help"], ["runs", "--help"], ["completion", "bash"]])
def test_help_and_completion_scripts_load_nothing_heavy(tmp_path: Path, words: list[str]) -> None:
    modules, _ = loaded_by(tmp_path, *words)
    assert not modules & HEAVY


@pytest.mark.parametrize(
    "typed", ["agilab ", "agilab runs show ", "agilab run fl", "agilab run flight_project --"]
)
def test_the_tab_key_loads_nothing_heavy(tmp_path: Path, typed: str) -> None:
    words = typed.split(" ")
    modules, _ = loaded_by(
        tmp_path,
        _AGILAB_COMPLETE="bash_complete",
        COMP_WORDS=typed,
        COMP_CWORD=str(len(words) - 1),
    )
    assert not modules & HEAVY


@pytest.mark.parametrize("words", [["runs", "list"], ["app", "list"], ["schema", "list"]])
def test_lists_load_no_models(tmp_path: Path, words: list[str]) -> None:
    modules, _ = loaded_by(tmp_path, *words)
    assert not modules & (HEAVY - {"psutil"})


def test_one_command_does_not_load_the_others(tmp_path: Path) -> None:
    modules, _ = loaded_by(tmp_path, "schema", "list")
    assert "agilab.cli.schema" in modules
    assert not modules & {"agilab.cli.run", "agilab.cli.runs", "agilab.cli.env", "agilab.store.store"}
