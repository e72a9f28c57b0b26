"""Which library of tables a stage works with."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterable
from pathlib import Path

from agi_node.errors import AgiError
from agilab.assist.data.inputs import Left, maker_of
from agilab.assist.data.known import Known
from agilab.assist.engines import Library
from agilab.contracts.lab_stages import Input, LabStages, Stage, is_file

_IMPORT = re.compile(r"^\s*(?:import|from)\s+(polars|pandas)\b", re.MULTILINE)
_NAME = re.compile(r"^[A-Za-z0-9._-]+")
_LIBRARIES: tuple[Library, ...] = ("polars", "pandas")
_BECOMES: dict[str, Library | None] = {"to_pandas": "pandas", "to_arrow": None, "to_numpy": None}
"""What methods of a table make of it, where that is no table of its own library."""


def library_of(lab: LabStages, stage: Stage, code: str, folder: Path, left: Left) -> Library:
    """The one that its code imports; else that of the tables that it takes; else the one that other stages import, or
    that the environment has; Polars otherwise."""
    own = set(_IMPORT.findall(code))
    if len(own) == 1:
        return "polars" if "polars" in own else "pandas"
    if taken := _taken(lab, stage, left):
        return taken
    others = [one.code or "" for one in lab.stages if one.id != stage.id and one.env == stage.env]
    for text in (code, *reversed(others)):
        if found := _IMPORT.search(text):
            return "polars" if found[1] == "polars" else "pandas"
    names = set(_dependencies(folder / stage.env if stage.env else folder))
    return "pandas" if "pandas" in names and "polars" not in names else "polars"


def _taken(lab: LabStages, stage: Stage, left: Left) -> Library | None:
    """The library of the first table that the stage takes, as an earlier run left it; else as its maker is written."""
    entries = [one if isinstance(one, Input) else Input(name=one) for one in stage.inputs]
    made = [
        (maker, entry.name)
        for entry in entries
        if not is_file(entry.name) and (maker := maker_of(lab, stage, entry)) is not None
    ]
    found = [_left_as(maker, name, left) for maker, name in made]
    found += [libraries_in(maker.code or "").get(name) for maker, name in made]
    return next((one for one in found if one is not None), None)


def _left_as(maker: Stage, name: str, left: Left) -> Library | None:
    """Polars spells its types with a capital. Whatever else a stage leaves is described by Arrow, which does not."""
    preview = left(maker, name)
    try:
        types = [] if preview is None else [one.type for one in Known.of_value(name, preview).schema.columns]
    except (AgiError, OSError):
        return None
    return ("polars" if types[0][:1].isupper() else "pandas") if types else None


def libraries_in(code: str) -> dict[str, Library]:
    """The names that code gives to what comes of a library, as far as its plain assignments say.

    >>> libraries_in("import polars as pl\\nimport pandas as pd\\na = pl.read_csv('a.csv')\\nb = a.head().to_pandas()")
    {'pl': 'polars', 'pd': 'pandas', 'a': 'polars', 'b': 'pandas'}
    """
    try:
        statements = ast.parse(code).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {}
    known: dict[str, Library] = {}
    for statement in statements:
        match statement:
            case ast.Import(names=names):
                pairs = [(one.asname or one.name.split(".")[0], _library(one.name)) for one in names]
            case ast.ImportFrom(module=str(module), names=names):
                pairs = [(one.asname or one.name, _library(module)) for one in names]
            case ast.Assign(targets=targets, value=value):
                found = _of(value, known)
                pairs = [(one.id, found) for one in targets if isinstance(one, ast.Name)]
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                pairs = [(name, _of(value, known))]
            case _:
                continue
        for name, library in pairs:
            known.pop(name, None)
            if library is not None:
                known[name] = library
    return known


def _library(module: str) -> Library | None:
    return next((one for one in _LIBRARIES if module.split(".", maxsplit=1)[0] == one), None)


def _of(value: ast.expr, known: dict[str, Library]) -> Library | None:
    """The library that an expression begins with: `pl.read_csv(…).filter(…)` is of Polars."""
    while not isinstance(value, ast.Name):
        match value:
            case ast.Call(func=ast.Attribute(attr=method)) if method in _BECOMES:
                return _BECOMES[method]
            case ast.Call(func=inner) | ast.Attribute(value=inner) | ast.Subscript(value=inner):
                value = inner
            case _:
                return None
    return known.get(value.id)


def _dependencies(folder: Path) -> Iterable[str]:
    try:
        project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8")).get("project", {})
    except (OSError, ValueError):
        return []
    listed = project.get("dependencies", []) if isinstance(project, dict) else []
    return [found[0].lower() for one in listed if (found := _NAME.match(str(one)))]
