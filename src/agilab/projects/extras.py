"""Optional parts of AGILab: whether one is here, and how this installation gets it."""

from __future__ import annotations

import shutil
import sys
import tomllib
from importlib.util import find_spec
from pathlib import Path

from agi_node.errors import ENVIRONMENT, USAGE, AgiError

_DASK = ("distributed", "cryptography")


def check_executor(name: str) -> None:
    """Raise before anything is made or recorded: AGI-RUN-048 for an unknown executor, AGI-ENV-130 for one not here."""
    kind, _, address = name.partition(":")
    if kind not in ("local", "dask") or (kind == "local" and address):
        raise AgiError(
            "AGI-RUN-048",
            "there is no executor of that name",
            found=name,
            allowed="local, dask, or dask:ADDRESS of a running scheduler (dask:tcp://host:8786)",
            exit_code=USAGE,
        )
    missing = [module for module in _DASK if kind == "dask" and not _is_here(module)]
    if missing:
        raise AgiError(
            "AGI-ENV-130",
            "the dask executor needs the extra `dask` of AGILab, which is not installed",
            found=f"no module {' and no module '.join(missing)}",
            try_=how_to_get("dask"),
            whose="environment",
            exit_code=ENVIRONMENT,
        )


def how_to_get(extra: str) -> str:
    """The command that adds an extra to this AGILab, as it was installed: a checkout (there), a tool, a package."""
    wanted = f"'agilab[{extra}]'"
    if _is_checkout(Path(__file__).parents[3]):
        uv = "uv" if shutil.which("uv") else ".venv/bin/uv"
        return f"{uv} sync --no-dev --inexact --extra {extra}"
    if {"uv", "tools"} <= set(Path(sys.prefix).parts):
        return f"uv tool install {wanted}"
    return f"pip install {wanted}" if _is_here("pip") else f"uv pip install {wanted}"


def _is_checkout(folder: Path) -> bool:
    """Whether this is the folder of AGILab's own project, not `site-packages` or somebody else's."""
    try:
        project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    except (OSError, ValueError, KeyError):
        return False
    return bool(project.get("name") == "agilab")


def _is_here(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ValueError:  # somebody put None into sys.modules
        return False
