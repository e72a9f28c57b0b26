"""Of which kind the cells of a csv column are to Polars and to pandas, which do not agree on every spelling.

What a library takes for a number, or for yes and no, was looked up with odd cells (`tests/assist/test_cells.py` asks
the libraries themselves). Dates are not left to their guesses, which differ and are silent: code that is written from
steps names the columns that are ISO dates and moments, and every other spelling of one is text.
"""

from __future__ import annotations

import datetime as dates
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from agilab.assist.engines import Library
from agilab.contracts.assistance import Kind

_BLANKS = r"[ \t\n\v\f\r]*"
_WHOLE = {
    "polars": re.compile(r"-?\d+"),
    "pandas": re.compile(rf"{_BLANKS}[+-]?[0-9]+{_BLANKS}"),
}
_REAL = {
    "polars": re.compile(r"[+-]?(\d*\.\d+([eE][+-]?\d+)?|\d+[eE][+-]?\d+|\d+\.|inf|NaN)"),
    "pandas": re.compile(
        rf"{_BLANKS}[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?{_BLANKS}|[+-]?(?i:inf|infinity)"
    ),
}
_YES_OR_NO = re.compile(r"(?i:true|false)", re.ASCII)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?")
_TEXT = {"polars": "String", "pandas": "str"}
_FLOAT = {"polars": "Float64", "pandas": "float64"}
_LONGEST = 40
"""Characters of a whole number that are looked at: more than 64 bits need, and some zeros before them."""
_EXACT = 2**53
"""Up to here a float holds every whole number."""


@dataclass(frozen=True)
class Reading:
    """How a column is read.

    Attributes:
        kind: What its cells are.
        told: The library's type that it has to be told, since it would take the column for something else, or stop;
            empty where its own guess is right.
    """

    kind: Kind
    told: str = ""


def reading_of(cells: Sequence[str], library: Library) -> Reading:
    """How a library reads a column; an empty cell is a missing value. A column of none but these is text.

    >>> reading_of(["+1", "2"], "pandas"), reading_of(["+1", "2"], "polars")
    (Reading(kind='int', told=''), Reading(kind='text', told=''))
    """
    texts = [cell for cell in cells if cell != ""]
    if not texts:
        # Of missing values alone pandas makes floats.
        return Reading("text", _TEXT[library] if cells and library == "pandas" else "")
    whole, real = _WHOLE[library].fullmatch, _REAL[library].fullmatch
    wholes = [text for text in texts if whole(text)]
    if len(wholes) == len(texts):
        return _of_wholes(texts, library, missing=len(texts) < len(cells))
    if all(whole(text) or real(text) for text in texts):
        if not all(map(str.isascii, texts)):
            # Polars takes the digits of every script for a number, and then stops.
            return Reading("text", _TEXT[library])
        # Which one of them pandas meets first decides whether it makes texts of all.
        return Reading("float", _FLOAT[library] if wholes and not _in_64_bits(wholes) else "")
    if all(map(_YES_OR_NO.fullmatch, texts)):
        return Reading("bool")
    if all(_DAY.fullmatch(text) and _is_moment(text) for text in texts):
        return Reading("date")
    moments = all(_MOMENT.fullmatch(text) and _is_moment(text) for text in texts)
    return Reading("datetime" if moments else "text")


def _of_wholes(texts: list[str], library: Library, *, missing: bool) -> Reading:
    if not all(map(str.isascii, texts)) or not _in_64_bits(texts):
        # Longer ones are numbers to one version and something else to another, and a float to none.
        return Reading("text", _TEXT[library])
    if library == "pandas" and missing and max(abs(int(text)) for text in texts) > _EXACT:
        return Reading("text", _TEXT[library])  # floats there, and no longer these numbers
    return Reading("int")


def _in_64_bits(texts: list[str]) -> bool:
    """Whether whole numbers have 64 bits at most, with a sign or without."""
    if max(map(len, texts)) > _LONGEST:
        return False
    low, high = min(map(int, texts)), max(map(int, texts))
    return low >= -(2**63) and high < (2**63 if low < 0 else 2**64)


def _is_moment(text: str) -> bool:
    try:
        dates.datetime.fromisoformat(text[:19])
    except ValueError:
        return False
    return True


def cell_of(text: str, kind: Kind) -> Any:
    """A cell as plain data: None where it is empty, dates as the text that they are."""
    if text == "":
        return None
    if kind == "bool":
        return text.lower() == "true"
    return {"int": int, "float": float}.get(kind, str)(text)
