"""Optional parts of AGILab: whether one is here, and how this installation gets it."""

from __future__ import annotations

import shlex
import shutil
import sys
import tomllib
from importlib.util import find_spec
from pathlib import Path


def how_to_get(extra: str) -> str:
    """The command that adds an extra to this AGILab, as it was installed: a checkout, a tool, a package."""
    wanted = f"'agilab[{extra}]'"
    if _is_checkout(folder := Path(__file__).parents[3]):
        # Somebody may stand in a project of their own, which has no such extra.
        there = folder.resolve() == Path.cwd().resolve()
        uv = (
            "uv" if shutil.which("uv") else ".venv/bin/uv" if there else shlex.quote(f"{folder}/.venv/bin/uv")
        )
        project = "" if there else f" --project {shlex.quote(str(folder))}"
        return f"{uv} sync{project} --no-dev --inexact --extra {extra}"
    if {"uv", "tools"} <= set(Path(sys.prefix).parts):
        return f"uv tool install {wanted}"
    return f"pip install {wanted}" if is_here("pip") else f"uv pip install {wanted}"


def _is_checkout(folder: Path) -> bool:
    """Whether this is the folder of AGILab's own project, not `site-packages` or somebody else's."""
    try:
        project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    except (OSError, ValueError, KeyError):
        return False
    return bool(project.get("name") == "agilab")


def is_here(module: str) -> bool:
    """Whether a module can be imported, without importing it."""
    try:
        return find_spec(module) is not None
    except ValueError:  # somebody put None into sys.modules
        return False
