"""Small JSON documents that this room keeps between processes.

What lies in `<home>/cache` is only remembered: it is computed again when it is missing or unreadable, so
a damaged file costs time and never a wrong answer.
"""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

from agi_node.errors import ENVIRONMENT, AgiError


def recall(path: Path, schema: str) -> dict[str, Any] | None:
    """The document at `path`, or None if it is missing, damaged, or of another schema."""
    try:
        with open(path, "rb") as file:
            document = json.load(file)
    except (OSError, ValueError):
        return None
    return document if isinstance(document, dict) and document.get("schema") == schema else None


def remember(path: Path, document: dict[str, Any]) -> None:
    """Write a document so that a reader sees the old one or the new one, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with open(handle, "w", encoding="utf-8") as file:
            json.dump(document, file, indent=2, sort_keys=True)
            file.write("\n")
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def unwritable(home: Path, problem: OSError) -> AgiError:
    """The error for a workspace that refuses to be written: full, read-only, or another user's."""
    return AgiError(
        "AGI-ENV-009",
        f"the workspace {home} cannot be written",
        found=f"{problem.strerror or problem}: {problem.filename or home}",
        try_="free some space, or set AGILAB_HOME to a folder of yours",
        whose="environment",
        exit_code=ENVIRONMENT,
    )
