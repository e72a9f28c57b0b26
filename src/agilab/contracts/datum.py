"""A value of a lab as a person writes it in TOML: what JSON has, and dates and times.

In a file that is JSON such a date is its text in ISO 8601; whoever wants the date back keeps what it was beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, time
from typing import Annotated, Any

from pydantic import AfterValidator, PlainSerializer, WithJsonSchema

from agi_node.canonical import iso_text
from agilab.contracts.scalars import refusal


def moments_in(value: Any) -> Iterator[date | time]:
    """The dates and times in a value, however deep."""
    if isinstance(value, date | time):
        yield value
    elif isinstance(value, list | tuple | dict):
        for one in value.values() if isinstance(value, dict) else value:
            yield from moments_in(one)


def in_json(value: Any) -> Any:
    """A value as JSON has it: dates and times as their texts, tuples as lists.

    >>> in_json({"since": date(2024, 5, 31), "n": (1, 2)})
    {'since': '2024-05-31', 'n': [1, 2]}
    """
    return _each(value, lambda one: one.isoformat() if isinstance(one, date | time) else one)


def listed(value: Any) -> Any:
    """A value with lists in place of tuples: what TOML is written from."""
    return _each(value, lambda one: one)


def _each(value: Any, change: Callable[[Any], Any]) -> Any:
    """A value with everything in it that is no list and no table changed; tuples become lists."""
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {key: _each(one, change) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_each(one, change) for one in value]
    return change(value)


def checked(value: Any) -> Any:
    """The value, tuples as lists. Raises what pydantic makes an error of for what no lab holds: a set, an object."""
    return _each(value, _one)


def _one(value: Any) -> Any:
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, date | time) and iso_text(value) is not None:
        return value
    raise refusal(
        "is no value that a document has",
        allowed="text, numbers, true and false, dates and times without a named zone, lists and tables of these",
        found=f"{type(value).__name__}: {value!r:.80}",
    )


Datum = Annotated[
    Any,
    AfterValidator(checked),
    PlainSerializer(in_json, when_used="json"),
    WithJsonSchema({"description": "any JSON; in TOML also a date, a time, or both"}),
]
