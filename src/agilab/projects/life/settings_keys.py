"""Keys of `app_settings.toml` as people type them: an argument by its name, any other setting by its path."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from typing import Any

from agi_node.errors import AgiError

SECTIONS = ("cluster", "pages", "connector_catalog", "connector_refs", "page_connector_refs")
ABSENT = object()
"""A setting that is not there."""


def split(text: str) -> tuple[str, str]:
    """The key and the text of its value. Raises AGI-APP-127 for what is no `key=value`."""
    key, equals, value = text.partition("=")
    key = key.strip().removeprefix("--")
    key = key.replace("-", "_") if is_argument(key) else key
    if not equals or not key:
        raise wrong("this sets nothing", text, "key=value, such as min_points=10", None)
    return key, value


def is_argument(key: str) -> bool:
    """Whether a key names an argument of the app."""
    return "." not in key or key.startswith("args.")


def path_of(key: str) -> tuple[str, ...]:
    """Where a setting stands; arguments need no `args.` before them. Raises AGI-APP-127 for a section there is not.

    >>> path_of("min-points"), path_of("cluster.placement")
    (('args', 'min_points'), ('cluster', 'placement'))
    """
    key = key.replace("-", "_") if is_argument(key) else key
    parts = tuple(key.split("."))
    if len(parts) == 1:
        return ("args", *parts)
    if parts[0] == "args" and len(parts) == 2:
        return parts
    if parts[0] not in SECTIONS or "" in parts:
        close = difflib.get_close_matches(parts[0], SECTIONS, n=1)
        raise wrong(
            "there is no such setting",
            key,
            "an argument of the app, or a path that begins with " + ", ".join(SECTIONS),
            ".".join((close[0], *parts[1:])) if close else "agilab schema show app_settings",
        )
    return parts


def shown(path: tuple[str, ...]) -> str:
    """The key that people type for a path: the inverse of `path_of`."""
    return path[1] if path[0] == "args" else ".".join(path)


def read(text: str) -> Any:
    """A value of a section: JSON where it is that, else the text itself."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def get(plain: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    """The value at a path, or `ABSENT`."""
    here: Any = plain
    for part in path:
        if not isinstance(here, Mapping) or part not in here:
            return ABSENT
        here = here[part]
    return here


def put(plain: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    """Put a value at a path. Raises AGI-APP-127 where something on the way is a value itself."""
    for part in path[:-1]:
        below = plain.setdefault(part, {})
        if not isinstance(below, dict):
            raise wrong("a setting has no parts", ".".join(path), f"{part} alone", None)
        plain = below
    plain[path[-1]] = value


def remove(plain: dict[str, Any], path: tuple[str, ...]) -> None:
    """Take away the value at a path that is there.

    >>> plain = {"cluster": {"workers": {"here": 2}}}
    >>> remove(plain, ("cluster", "workers", "here"))
    >>> plain
    {}
    """
    above = [plain]
    for part in path[:-1]:
        above.append(above[-1][part])
    del above[-1][path[-1]]
    if path[0] != "args":  # a section that says nothing is not kept for that
        for part, outer, inner in zip(path[-2::-1], above[-2::-1], above[:0:-1], strict=True):
            if not inner:
                del outer[part]


def keys_of(plain: Mapping[str, Any]) -> list[str]:
    """What is set, by the keys that people type."""
    sections = [f"{name}.{key}" for name in SECTIONS for key in plain.get(name, {})]
    return [*plain.get("args", {}), *sections]


def wrong(what: str, found: str, allowed: str, try_: str | None) -> AgiError:
    """The error about a key that is none here."""
    return AgiError("AGI-APP-127", what, found=found, allowed=allowed, try_=try_)
