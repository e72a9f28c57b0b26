"""What other tools wrote into a notebook's metadata, in a form that a lab's TOML can hold, and back again.

TOML has no null, no whole numbers beyond 64 bits and no half characters, and a lab no NaN; metadata has them all
(every export of Databricks has nulls). Such a value stands as its JSON, in a table with the one key `json`:

    "application/vnd.databricks.v1+notebook" = { json = '{"dashboards": [], "widgets": null}' }
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from agilab.contracts.lab_stages import Lab

KEPT = "notebooks"
"""Under this key of `lab.extra` is the metadata of several notebooks that became one lab, by their names."""
_KEY = "json"
_WIDEST = 2**63


def for_toml(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """The same metadata, every value one that TOML has; `from_toml` gives it back.

    >>> for_toml({"toc": {"depth": 2}, "widgets": None})
    {'toc': {'depth': 2}, 'widgets': {'json': 'null'}}
    """
    return {
        _name(key): value if _is_toml(value) and not _is_spelled(value) else {_KEY: _spelled(value)}
        for key, value in metadata.items()
    }


def from_toml(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """The metadata as the notebook had it.

    >>> from_toml({"toc": {"depth": 2}, "widgets": {"json": "null"}})
    {'toc': {'depth': 2}, 'widgets': None}
    """
    return {key: _read(value) if _is_spelled(value) else value for key, value in metadata.items()}


def metadata_of(lab: Lab, notebook: str) -> dict[str, Any]:
    """The metadata of one of the notebooks that became a lab, as it was."""
    several = lab.extra.get(KEPT)
    if isinstance(several, Mapping) and isinstance(several.get(notebook), Mapping):
        return from_toml(several[notebook])
    return from_toml(lab.notebook)


def _spelled(value: Any) -> str:
    return json.dumps(value, ensure_ascii=not is_text(json.dumps(value, ensure_ascii=False)))


def _read(value: Mapping[str, str]) -> Any:
    """What a person has edited into something that is no JSON stays as it is."""
    try:
        return json.loads(value[_KEY])
    except ValueError:
        return dict(value)


def _is_spelled(value: Any) -> bool:
    return isinstance(value, Mapping) and list(value) == [_KEY] and isinstance(value[_KEY], str)


def _is_toml(value: Any) -> bool:
    if isinstance(value, Mapping):
        return all(is_text(key) and _is_toml(inner) for key, inner in value.items())
    if isinstance(value, list | tuple):
        return all(map(_is_toml, value))
    if isinstance(value, str):
        return is_text(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return -_WIDEST <= value < _WIDEST
    if isinstance(value, float):
        return math.isfinite(value)
    return value is not None


def is_text(text: str) -> bool:
    """Whether UTF-8, and so TOML, can write a text: not with half a character in it."""
    return text.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in text)


def _name(key: str) -> str:
    return key if is_text(key) else key.encode("utf-8", "backslashreplace").decode("utf-8")
