"""Canonical JSON and the digests that stand on it.

A structure is digested as SHA-256 over its RFC 8785 form. That RFC knows only what every JSON reader
agrees on: integers up to 2^53 and finite doubles. Anything beyond is written as a *tagged string*
first (`tag`), so that two readers can never disagree about a value that they both accepted. So are dates and
times, which TOML has and JSON has not.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import math
from pathlib import Path
from typing import Any

JSON_INT = 2**53
MOMENTS: dict[str, Any] = {one.__name__: one for one in (datetime.datetime, datetime.date, datetime.time)}
"""Dates and times by the name of their type, as tags and kinds of documents call them."""
_escape = json.encoder.encode_basestring


def tag(value: Any) -> Any:
    """Plain data in a form that survives any JSON reader.

    Integers beyond ±2^53 become `"$int:…"`, non-finite floats `"$float:nan|inf|-inf"`, floats between 2^53 and
    10^21 (which the RFC prints like integers) `"$float:…"`, dates and times `"$date|datetime|time:…"` in ISO 8601,
    and strings that start with `$` get a `"$str:"`. Tuples become lists. Raises `TypeError` naming the type for
    anything that is neither JSON nor a date or time that its ISO text brings back.

    >>> tag({"n": 2**60, "x": float("inf"), "s": "$5", "day": datetime.date(2024, 5, 31)})
    {'n': '$int:1152921504606846976', 'x': '$float:inf', 's': '$str:$5', 'day': '$date:2024-05-31'}
    """
    if value is None or value is True or value is False:
        return value
    if isinstance(value, str):
        return "$str:" + value if value.startswith("$") else str(value)
    if isinstance(value, int):
        return int(value) if -JSON_INT <= value <= JSON_INT else f"$int:{int(value)}"
    if isinstance(value, float):
        if JSON_INT < abs(value) < 1e21:
            # RFC 8785 prints these as digits alone, and a reader would take them for integers.
            return f"$float:{value!r}"
        if math.isfinite(value):
            return float(value)
        return "$float:nan" if math.isnan(value) else "$float:inf" if value > 0 else "$float:-inf"
    if isinstance(value, (list, tuple)):
        return [tag(item) for item in value]
    if isinstance(value, dict):
        plain = {}
        for key, item in value.items():
            if not isinstance(key, str):
                raise TypeError(f"a JSON object has text keys, not {type(key).__name__}: {key!r}")
            plain[key] = tag(item)
        return plain
    if type(value).__name__ in MOMENTS and (text := iso_text(value)) is not None:
        return f"${type(value).__name__}:{text}"
    raise TypeError(f"{type(value).__name__} is not plain data: {value!r:.80}")


def iso_text(value: Any) -> str | None:
    """A date or time in ISO 8601; None for what that does not bring back: a zone with a name or rules, a fold.

    >>> iso_text(datetime.datetime(2024, 5, 31, 12, tzinfo=datetime.UTC)), iso_text(datetime.time(1, fold=1))
    ('2024-05-31T12:00:00+00:00', None)
    """
    kind = type(value)
    if MOMENTS.get(kind.__name__) is not kind:
        return None
    text = str(value.isoformat())
    return text if repr(kind.fromisoformat(text)) == repr(value) else None


def untag(value: Any) -> Any:
    """The inverse of `tag` (tuples come back as lists).

    >>> untag(tag([2**60, "$5"]))
    [1152921504606846976, '$5']
    """
    if isinstance(value, str):
        if not value.startswith("$"):
            return value
        kind, _, rest = value[1:].partition(":")
        if kind == "str":
            return rest
        if kind == "int":
            return int(rest)
        if kind == "float":
            return float(rest)
        if kind in MOMENTS:
            return MOMENTS[kind].fromisoformat(rest)
        raise ValueError(f"unknown tag in {value!r:.80}")
    if isinstance(value, list):
        return [untag(item) for item in value]
    if isinstance(value, dict):
        return {key: untag(item) for key, item in value.items()}
    return value


def canonical(value: Any) -> bytes:
    """The RFC 8785 bytes of `tag(value)`: one text for each value, whoever writes it.

    >>> canonical({"b": 1.0, "a": [1e21, "é"]}).decode()
    '{"a":[1e+21,"é"],"b":1}'
    """
    return _text(value).encode("utf-8")


def digest(value: Any) -> str:
    """SHA-256 over canonical JSON, as 64 hex digits."""
    return hashlib.sha256(canonical(value)).hexdigest()


def sha256_bytes(data: bytes) -> str:
    """SHA-256 of bytes, as 64 hex digits."""
    return hashlib.sha256(data).hexdigest()


def sha256_file(path: Path | str) -> str:
    """SHA-256 of a file's bytes, as 64 hex digits, in constant memory."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _text(value: Any) -> str:
    """Tag and write in one pass: this is on the path of every value, table preview and event."""
    kind = type(value)
    if kind is str:
        return _escape("$str:" + value) if value[:1] == "$" else _escape(value)
    if kind is float:
        text = repr(value)
        if text[-2:] == ".0" and -JSON_INT <= value <= JSON_INT:
            return text[:-2] if value else "0"
        # Without an exponent Python and ECMAScript print the same shortest digits.
        return text if "." in text and "e" not in text and text[-2:] != ".0" else _other_float(value)
    if kind is int and -JSON_INT <= value <= JSON_INT:
        return str(value)
    if value is None:
        return "null"
    if value is True:
        return "true"
    if value is False:
        return "false"
    if kind is list or kind is tuple:
        return "[" + ",".join([_text(item) for item in value]) + "]"
    if kind is dict:
        try:
            # RFC 8785 sorts by UTF-16 code units; only text beyond the BMP makes that differ from Python's order.
            names = sorted(value) if all(map(str.isascii, value)) else sorted(value, key=_utf16)
        except TypeError:
            names = sorted(tag(value))  # raises, naming the key
        return "{" + ",".join([f"{_escape(name)}:{_text(value[name])}" for name in names]) + "}"
    if isinstance(value, int):
        return _escape(f"$int:{int(value)}") if abs(value) > JSON_INT else str(int(value))
    # Subclasses (a named tuple, an enum of texts) count as what they are made of.
    if isinstance(value, str):
        return _text(str(value))
    if isinstance(value, float):
        return _text(float(value))
    if isinstance(value, (list, tuple)):
        return _text(list(value))
    if isinstance(value, dict):
        return _text(dict(value))
    return _escape(tag(value))


def _other_float(value: float) -> str:
    tagged = tag(value)
    return _escape(tagged) if isinstance(tagged, str) else _number(tagged)


def _utf16(key: str) -> bytes:
    return key.encode("utf-16-be", "surrogatepass")


def _number(value: float) -> str:
    """A double as ECMAScript prints it (ECMA-262, Number::toString), which RFC 8785 prescribes."""
    if value == 0:
        return "0"
    text = repr(abs(value))
    mantissa, _, exponent = text.partition("e")
    whole, _, fraction = mantissa.partition(".")
    if fraction == "0":
        fraction = ""
    digits = (whole + fraction).lstrip("0")
    # `point` is the position of the decimal point, counted from the first digit.
    point = len(whole) + int(exponent or 0) - (len(whole + fraction) - len(digits))
    stripped = digits.rstrip("0")
    count = len(stripped)
    if count <= point <= 21:
        out = stripped + "0" * (point - count)
    elif 0 < point <= 21:
        out = stripped[:point] + "." + stripped[point:]
    elif -6 < point <= 0:
        out = "0." + "0" * -point + stripped
    else:
        power = point - 1
        head = stripped[0] + ("." + stripped[1:] if count > 1 else "")
        out = f"{head}e{'+' if power > 0 else '-'}{abs(power)}"
    return "-" + out if value < 0 else out
