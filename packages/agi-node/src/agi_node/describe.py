"""What a manager must know about an app without importing it."""

from __future__ import annotations

import inspect
import os
import platform
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agi_node import __version__
from agi_node.canonical import sha256_file
from agi_node.errors import FAILED, AgiError
from agi_node.files import Files
from agi_node.protocol import PROTOCOL
from agi_node.session import Session

if TYPE_CHECKING:
    from agi_node.app import App
    from agi_node.source import Code


def describe(session: Session) -> dict[str, Any]:
    """The description of the open app: its arguments' schema, nodes with their code, partial and source digests.

    Imports the app's module; calls none of its functions. Raises AGI-APP-001, 002, 005, AGI-APP-006 where the arguments
    have no JSON Schema, AGI-APP-007 where nodes cannot be put in an order.
    """
    app = session.app()
    app.check()
    reference = session.app_name or ""
    module = sys.modules[reference.partition(":")[0]]
    digests = source_digests(session.source, session.import_folder)
    codes = _codes(app, session, digests)
    return {
        "protocol": PROTOCOL,
        "agi_node": __version__,
        "python": platform.python_version(),
        "app": app.name,
        "doc": inspect.cleandoc(module.__doc__ or ""),
        "args_schema": _schema(app.args, app.name),
        "nodes": [
            {
                "name": name,
                "target": f"{reference}#{name}",
                "doc": _doc(app.partial if name == "reduce" else _function(app, name)),
                "code": codes[name].to_plain(),
                "needs": list(app.needs(name)),
                **_declaration(app, name),
            }
            for name in app.nodes()
        ],
        "partial": {"name": app.partial.__name__, "fields": app.partial.describe()} if app.partial else None,
        "source_digests": digests,
    }


def _function(app: App, name: str) -> Any:
    node = app.declared(name)
    return node.function if node else app.step(name).function


def _declaration(app: App, name: str) -> dict[str, Any]:
    """What a declared node says of itself, the `publish` of an app with nodes among them; nothing for a step."""
    node = app.declared(name)
    return {} if node is None else {"declared": True, "takes": sorted(node.takes), **node.policy.to_plain()}


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


def _codes(app: App, session: Session, digests: dict[str, str]) -> dict[str, Code]:
    """The code of every step: its function, and the app with its arguments and its partial."""
    from agi_node.source.closure import code_at, whole_package
    from agi_node.source.code import Code
    from agi_node.source.folder import Folder

    folder = session.import_folder
    if session.source is None or folder is None:
        return dict.fromkeys(app.nodes(), Code(None, {}, "no source folder is open"))
    below = "" if folder == session.source else f"{folder.relative_to(session.source).as_posix()}/"
    source = Folder(folder, {name.removeprefix(below): found for name, found in digests.items()})
    module, _, path = (session.app_name or "").partition(":")
    shared = [(module, path.partition(".")[0])]
    for held in (app.args, app.partial):
        if held is not None and held.__module__.partition(".")[0] != "agi_node":
            shared += _places(held, module)
    codes = {}
    for name in app.nodes():
        own = [] if name == "reduce" else _places(_function(app, name), module)
        if own or name == "reduce":
            codes[name] = code_at(source, [*shared, *own])
        else:
            codes[name] = whole_package(source, f"the {name} function is bound to no name of a module")
    return codes


def _places(thing: Any, module: str) -> list[tuple[str, str]]:
    """Where the source names a function or class: the names that hold it, and the one that it was defined under."""
    home = getattr(thing, "__module__", None) or module
    found = {
        (name, at): None
        for name in (module, home)
        for at, value in list(vars(sys.modules[name]).items() if name in sys.modules else ())
        if value is thing
    }
    top, _, rest = (getattr(thing, "__qualname__", None) or "<nameless>").partition(".")
    # A wrapper may carry the name of what it wraps; what was made inside a function is not where its name says.
    if top.isidentifier() and "<locals>" not in rest:
        found[home, top] = None
    return list(found)


def _schema(args: Any, app: str) -> dict[str, Any]:
    from pydantic.errors import PydanticUserError

    try:
        schema: dict[str, Any] = args.model_json_schema()
        for name, field in getattr(args, "model_fields", {}).items():
            if isinstance(
                field.default, Files
            ):  # Pydantic shows the parts of it, and a person types the text
                schema["properties"][field.alias or name]["default"] = str(field.default)
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
