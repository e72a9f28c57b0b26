"""Which library of tables a stage works with."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from pathlib import Path

from agilab.assist.steps.compiling import Library
from agilab.contracts.lab_stages import LabStages, Stage

_IMPORT = re.compile(r"^\s*(?:import|from)\s+(polars|pandas)\b", re.MULTILINE)
_NAME = re.compile(r"^[A-Za-z0-9._-]+")


def library_of(lab: LabStages, stage: Stage, code: str, folder: Path) -> Library:
    """The one that its code imports, or that other stages import, or that the environment has; Polars otherwise."""
    others = [one.code or "" for one in lab.stages if one.id != stage.id and one.env == stage.env]
    for text in (code, *reversed(others)):
        if found := _IMPORT.search(text):
            return "polars" if found[1] == "polars" else "pandas"
    names = set(_dependencies(folder / stage.env if stage.env else folder))
    return "pandas" if "pandas" in names and "polars" not in names else "polars"


def _dependencies(folder: Path) -> Iterable[str]:
    try:
        project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8")).get("project", {})
    except (OSError, ValueError):
        return []
    listed = project.get("dependencies", []) if isinstance(project, dict) else []
    return [found[0].lower() for one in listed if (found := _NAME.match(str(one)))]
