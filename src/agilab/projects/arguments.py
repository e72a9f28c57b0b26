"""An app's arguments: from what `describe` said, the app's saved settings and what a person gave."""

from __future__ import annotations

import difflib
import glob
import json
import math
import operator
import re
import unicodedata
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from agi_node.errors import AgiError

FILES_FORMAT = "agilab-files"
_TRUTH = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_LIMITS: dict[str, tuple[Callable[[Any, Any], bool], str]] = {
    "minimum": (operator.ge, "at least"),
    "exclusiveMinimum": (operator.gt, "more than"),
    "maximum": (operator.le, "at most"),
    "exclusiveMaximum": (operator.lt, "less than"),
}
Declare = Callable[[Path], str]
"""Gives the name of the data root for a folder outside the app, declaring one where there is none."""


def properties(schema: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The arguments of an app, by name, from its JSON Schema, with references resolved one level deep."""
    definitions = schema.get("$defs", {})
    found: dict[str, dict[str, Any]] = {}
    for name, field in schema.get("properties", {}).items():
        reference = field.get("$ref", "").rpartition("/")[2]
        found[name] = {**definitions.get(reference, {}), **field}
    return found


def merged(
    app: str,
    schema: Mapping[str, Any],
    saved: Mapping[str, Any],
    given: Mapping[str, Any],
    *,
    place: Callable[[str], str] | None,
) -> dict[str, Any]:
    """The arguments of a run: the app's defaults, then saved ones, then the given ones, checked.

    Texts are converted to what the schema wants; `place` turns a person's path into a rooted pattern. Without it
    values are those of an earlier run and stay as they are: a path in them means what it meant then. What the schema
    cannot express is checked by the app itself when it plans.

    Raises AGI-ARGS-010 for an unknown argument, AGI-ARGS-011 for one that is missing, AGI-ARGS-012 for a value of the
    wrong type or range.
    """
    fields = properties(schema)
    for name in [*saved, *given]:
        if name not in fields:
            close = difflib.get_close_matches(name, fields, n=1)
            raise AgiError(
                "AGI-ARGS-010",
                f"{app} has no argument {name}",
                found=name,
                allowed=", ".join(fields) or "no arguments at all",
                try_=f"--{flag(close[0])}" if close else f"agilab app show {app}",
            )
    values = {name: field["default"] for name, field in fields.items() if "default" in field}
    values.update(saved)
    for name, value in given.items():
        field = fields[name]
        if place is None:
            values[name] = value
        else:
            values[name] = (
                place(value) if field.get("format") == FILES_FORMAT else _converted(name, value, field)
            )
    for name in schema.get("required", []):
        if name not in values:
            raise AgiError(
                "AGI-ARGS-011",
                f"{app} needs the argument {name}",
                allowed=fields[name].get("description"),
                try_=f"agilab run {app} --{flag(name)} …",
            )
    for name, value in values.items():
        _check(name, value, fields[name])
    return values


def flag(name: str) -> str:
    """The command-line spelling of an argument's name."""
    return name.replace("_", "-")


def type_of(field: Mapping[str, Any]) -> str:
    """The type of an argument in one word, for help and conversion."""
    kinds = [part.get("type") for part in field.get("anyOf", [])] or [field.get("type")]
    plain = [kind for kind in kinds if kind and kind != "null"]
    return str(plain[0]) if len(plain) == 1 else "json"


def rooted(text: str, roots: Mapping[str, str], app: Path, declare: Declare) -> str:
    """A person's path or pattern as `root:pattern`.

    `root:pattern` with a known root is taken as it is. Otherwise the longest part without wildcards is looked for
    here, then in the app; a folder that lies in neither is declared as a data root, since no document may hold an
    absolute path. Raises AGI-ARGS-013 where there is nothing at that place.
    """
    name, colon, rest = text.partition(":")
    if colon and name in roots and not Path(text).exists():
        return f"{name}:{rest or '.'}"
    path = Path(text).expanduser()
    fixed, pattern = _split(path)
    for base in (Path.cwd(), app):
        start = base / fixed
        if start.exists():
            return _under(start.resolve(), pattern, roots, declare)
    raise AgiError(
        "AGI-ARGS-013",
        "there is no such file or folder",
        found=text,
        allowed="a folder, a file, or a pattern such as 'tracks/*.parquet'",
        try_=f"ls {fixed.parent if str(fixed.parent) != '.' else '.'}",
    )


def _split(path: Path) -> tuple[Path, str]:
    """The part of a path before its first wildcard, and the rest."""
    fixed: list[str] = []
    for position, part in enumerate(path.parts):
        if glob.has_magic(part):
            return Path(*fixed) if fixed else Path(), "/".join(path.parts[position:])
        fixed.append(part)
    return path, ""


def _under(start: Path, pattern: str, roots: Mapping[str, str], declare: Declare) -> str:
    folder, tail = (start.parent, start.name) if start.is_file() else (start, pattern)
    best: tuple[int, str, str] | None = None
    for name, root in roots.items():
        base = Path(root).resolve()
        if folder.is_relative_to(base):
            inside = folder.relative_to(base).as_posix()
            rank = len(base.parts)
            if best is None or rank > best[0]:
                best = (rank, name, "" if inside == "." else inside)
    if best is None:
        best = (0, declare(folder), "")
    text = "/".join(part for part in (best[2], tail) if part)
    return f"{best[1]}:{text or '.'}"


def plain_letters(text: str) -> str:
    """A text in ASCII: letters without their accents (Unicode's NFKD), others left out.

    >>> plain_letters("météo № 5"), plain_letters("测试")
    ('meteo No 5', '')
    """
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()


def root_name(folder: Path, taken: Mapping[str, str]) -> str:
    """A readable, unused name for a data root: the folder's own, with a number where that is taken.

    >>> root_name(Path("mes scénarios"), {}), root_name(Path("测试"), {"data": ""})
    ('mes-scenarios', 'data-2')
    """
    base = re.sub(r"[^A-Za-z0-9_-]+", "-", plain_letters(folder.name)).strip("-") or "data"
    if not base[0].isalpha() or len(base) < 2:
        base = f"data-{base}"
    base, name, number = base[:56], base[:56], 2
    while name in taken:
        name, number = f"{base}-{number}", number + 1
    return name


def _converted(name: str, value: Any, field: Mapping[str, Any]) -> Any:
    if not isinstance(value, str):
        return value
    kind = type_of(field)
    try:
        if kind == "integer":
            return int(value)
        if kind == "number":
            return float(value)
        if kind == "boolean":
            return _TRUTH[value.lower()]
        if kind in ("array", "object", "json"):
            return json.loads(value)
    except (ValueError, KeyError):
        raise _refused(name, value, kind) from None
    return value


def _check(name: str, value: Any, field: Mapping[str, Any]) -> None:
    if "enum" in field and value not in field["enum"]:
        raise _refused(name, value, "one of " + ", ".join(map(repr, field["enum"])))
    if isinstance(value, float) and not math.isfinite(value):
        raise _refused(name, value, "a finite number")
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        for key, (holds, words) in _LIMITS.items():
            if key in field and not holds(value, field[key]):
                raise _refused(name, value, f"{words} {field[key]}")


def _refused(name: str, value: Any, allowed: str) -> AgiError:
    return AgiError(
        "AGI-ARGS-012",
        f"the value of {name} is not allowed",
        found=f"{value!r:.200}",
        allowed=allowed,
        try_=f"--{flag(name)} …",
    )
