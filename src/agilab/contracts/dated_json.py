"""JSON in which dates and times stand bare, as in TOML: what a person types for a list that holds some."""

from __future__ import annotations

import json
import re
from datetime import date, time
from typing import Any

from agi_node.canonical import untag

_TEXT = r'"(?:[^"\\]|\\.)*"'
_PART = re.compile(rf'{_TEXT}|[\[\]]|[^\[\]"]+|"')
_DATE, _TIME = r"\d{4}-\d\d-\d\d", r"\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?"
_MARKED = re.compile(
    rf"(?P<key>{_TEXT}\s*:)|(?P<text>{_TEXT})"
    rf"|(?P<datetime>{_DATE}[T ]{_TIME}(?:Z|[+-]\d\d:\d\d)?)|(?P<date>{_DATE})|(?P<time>{_TIME})"
)


def spelled(value: Any) -> str:
    """A value in one line; `read` gives it back, tuples as lists.

    >>> spelled([date(2024, 5, 31), "soon", {"n": (1.5, None)}])
    '[2024-05-31, "soon", {"n": [1.5, null]}]'
    """
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, dict):
        pairs = (f"{json.dumps(key, ensure_ascii=False)}: {spelled(one)}" for key, one in value.items())
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(spelled, value))}]"
    return json.dumps(value, ensure_ascii=False)


def read(text: str, **options: Any) -> Any:
    """The value that a text spells; `options` are those of `json.loads`. Raises `ValueError` for what is none.

    >>> read('{"days": [2024-05-31, "2024-05-31"]}')
    {'days': [datetime.date(2024, 5, 31), '2024-05-31']}
    """
    return untag(json.loads(_MARKED.sub(_tagged, text), **options))


def list_at(text: str, start: int) -> tuple[list[Any], int]:
    """The list that begins at `start`, and where it ends. Raises `ValueError` for what is none.

    >>> list_at("for day in [2024-05-31, 3] for x in y", 11)
    ([datetime.date(2024, 5, 31), 3], 26)
    """
    depth = 0
    for part in _PART.finditer(text, start):
        depth += {"[": 1, "]": -1}.get(part[0], 0)
        if depth == 0:
            return list(read(text[start : part.end()])), part.end()
    raise ValueError("it does not end")


def _tagged(found: re.Match[str]) -> str:
    """What stands in its place in JSON: a tag (`agi_node.canonical`) for a date or time and for a text like one."""
    if found["key"] or (found["text"] and not found["text"].startswith('"$')):
        return found[0]
    return f'"$str:{found[0][1:]}' if found["text"] else f'"${found.lastgroup}:{found[0]}"'
