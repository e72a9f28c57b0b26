"""Params as a person writes them: text that becomes what the lab's own value is, or is refused."""

from __future__ import annotations

import datetime
import json
import math
import tomllib
from collections.abc import Callable, Mapping
from typing import Any

from agi_node.errors import USAGE, AgiError

Kind = tuple[str, Callable[[str], Any]]
"""What is allowed, in words, and how text becomes it; ValueError for text that does not."""


def params_from(texts: Mapping[str, str], params: Mapping[str, Any], document: str = "") -> dict[str, Any]:
    """Values for the params of a lab, each of the kind of the one that it replaces.

    `document` is the lab as TOML, which still knows a date from its text.

    A name that the lab does not have stays text: whoever reads the lab refuses it. Raises AGI-STAGE-058 for a text that
    is no value of its param's kind.

    >>> params_from({"days": "30", "name": "007"}, {"days": 1, "name": "x"})
    {'days': 30, 'name': '007'}
    """
    own = {**params, **moments(document)}
    found: dict[str, Any] = {}
    for name, text in texts.items():
        if name not in own:
            found[name] = text
            continue
        allowed, read = _kind_of(own[name])
        try:
            found[name] = read(text)
        except (ValueError, RecursionError):
            raise AgiError(
                "AGI-STAGE-058",
                f"the param {name} cannot have this value",
                found=text[:120] or "nothing",
                allowed=f"{allowed}, as in the lab: {_shown(own[name])}",
                exit_code=USAGE,
            ) from None
    return found


def moments(document: str) -> dict[str, Any]:
    """The params of a lab that are dates or times in its TOML; in every other form they are text."""
    table = tomllib.loads(document).get("lab", {})
    params = table.get("params", {}) if isinstance(table, dict) else {}
    kinds = (datetime.date, datetime.time)
    return {name: value for name, value in params.items() if isinstance(value, kinds)}


def unbounded(params: Mapping[str, Any]) -> list[str]:
    """The params that are, or hold, infinity or NaN, which JSON has not, and so neither plans nor logs.

    >>> unbounded({"a": 1.5, "b": [1, float("inf")], "c": {"d": float("nan")}})
    ['b', 'c']
    """
    return [name for name, value in params.items() if not _is_bounded(value)]


def refuse_unbounded(params: Mapping[str, Any]) -> None:
    """Raise AGI-STAGE-063 naming a param that is, or holds, infinity or NaN."""
    for name in unbounded(params):
        raise AgiError(
            "AGI-STAGE-063",
            f"the param {name} is no finite number, or holds one that is not",
            found=str(params[name])[:120],
            allowed="numbers that JSON has: params travel as JSON",
            try_=f'write it as text, "inf" or "nan", and use float({name})',
            exit_code=USAGE,
        )


def _is_bounded(value: Any) -> bool:
    if isinstance(value, dict):
        return all(map(_is_bounded, value.values()))
    if isinstance(value, list):
        return all(map(_is_bounded, value))
    return not isinstance(value, float) or math.isfinite(value)


def _kind_of(value: Any) -> Kind:
    if isinstance(value, datetime.datetime) and value.tzinfo is not None:
        return "a date and time with its offset, such as 2024-05-31T12:00:00+02:00", _zoned
    for kind, words in _KINDS:
        if type(value) is kind:
            return words
    return "JSON", _data


def _truth(text: str) -> bool:
    return {"true": True, "false": False}[text.lower()] if text.lower() in ("true", "false") else _no()


def _number(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _no()


def _iso(kind: Any) -> Callable[[str], str]:
    # Params travel as JSON, in which a date is its text (so it is when it stands in the document).
    def read(text: str) -> str:
        found = kind.fromisoformat(text)
        return str(_no() if getattr(found, "tzinfo", None) is not None else found.isoformat())

    return read


def _zoned(text: str) -> str:
    """A moment everywhere on earth stays one: no zone is dropped, and none is made up."""
    found = datetime.datetime.fromisoformat(text)
    return _no() if found.tzinfo is None else str(found.isoformat())


def _data(text: str, kind: type | None = None) -> Any:
    value = json.loads(text, parse_constant=_no, parse_float=_number)
    return value if kind is None or type(value) is kind else _no()


def _no(_: str = "") -> Any:
    raise ValueError


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else f"{text[:57]}…"


_KINDS: tuple[tuple[type, Kind], ...] = (
    (bool, ("true or false", _truth)),
    (int, ("a whole number", int)),
    (float, ("a finite number", _number)),
    (str, ("text", str)),
    (list, ("a list as JSON, such as [1, 2]", lambda text: _data(text, list))),
    (dict, ('a table as JSON, such as {"a": 1}', lambda text: _data(text, dict))),
    (
        datetime.datetime,
        ("a date and time without offset, such as 2024-05-31T12:00:00", _iso(datetime.datetime)),
    ),
    (datetime.date, ("a date, such as 2024-05-31", _iso(datetime.date))),
    (datetime.time, ("a time, such as 12:30:00", _iso(datetime.time))),
)
