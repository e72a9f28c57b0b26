"""What a manager must know about an app without importing it."""

from __future__ import annotations

import inspect
import os
import platform
import sys
from pathlib import Path
from typing import Any

from agi_node import __version__
from agi_node.canonical import sha256_file
from agi_node.errors import FAILED, AgiError
from agi_node.protocol import PROTOCOL
from agi_node.session import Session


def describe(session: Session) -> dict[str, Any]:
    """The description of the open app: its arguments' schema, nodes, partial and source digests.

    Imports the app's module; calls none of its functions. Raises AGI-APP-001, 002, 005, or AGI-APP-006 where the
    arguments have no JSON Schema.
    """
    app = session.app()
    reference = session.app_name or ""
    module = sys.modules[reference.partition(":")[0]]
    return {
        "protocol": PROTOCOL,
        "agi_node": __version__,
        "python": platform.python_version(),
        "app": app.name,
        "doc": inspect.cleandoc(module.__doc__ or ""),
        "args_schema": _schema(app.args, app.name),
        "nodes": [
            {"name": name, "target": f"{reference}#{name}", "doc": _doc(app.step(name).function)}
            if name != "reduce"
            else {"name": name, "target": f"{reference}#{name}", "doc": _doc(app.partial)}
            for name in app.nodes()
        ],
        "partial": {"name": app.partial.__name__, "fields": app.partial.describe()} if app.partial else None,
        "source_digests": source_digests(session.source, session.import_folder),
    }


def source_digests(source: Path | None, folder: Path | None) -> dict[str, str]:
    """SHA-256 of every regular file that could be imported or read beside the code, by path relative to `source`."""
    found: dict[str, str] = {}
    if source is None or folder is None:
        return found
    for at, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if name != "__pycache__" and not name.startswith("."))
        for name in sorted(files):
            path = Path(at, name)
            if not name.startswith(".") and not name.endswith(".pyc") and path.is_file():
                found[path.relative_to(source).as_posix()] = sha256_file(path)
    return found


def _schema(args: Any, app: str) -> dict[str, Any]:
    from pydantic.errors import PydanticUserError

    try:
        schema: dict[str, Any] = args.model_json_schema()
        return schema
    except (PydanticUserError, ValueError, TypeError) as error:
        raise AgiError(
            "AGI-APP-006",
            f"the arguments of {app} have no JSON Schema",
            found=str(error)[:300],
            allowed="fields of plain types, Files, enums, and models of these",
            whose="author",
            exit_code=FAILED,
        ) from None


def _doc(thing: object) -> str:
    # Not inspect.getdoc: that would give a partial without a docstring its base class's.
    return inspect.cleandoc(getattr(thing, "__doc__", None) or "")
