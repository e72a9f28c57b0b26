"""Canonical JSON and the digests that stand on it.

A structure is digested as SHA-256 over its RFC 8785 form. That RFC knows only what every JSON reader
agrees on: integers up to 2^53 and finite doubles. Anything beyond is written as a *tagged string*
first (`tag`), so that two readers can never disagree about a value that they both accepted.
"""

from __future__ import annotations

import hashlib
import json
import math
from pathlib import Path
from typing import Any

JSON_INT = 2**53
_escape = json.encoder.encode_basestring


def tag(value: Any) -> Any:
    """Plain data in a form that survives any JSON reader.

    Integers beyond ±2^53 become `"$int:…"`, non-finite floats `"$float:nan|inf|-inf"`, and strings
    that start with `$` get a `"$str:"` before them. Tuples become lists. Raises `TypeError` naming the
    type for anything that is not JSON.

    >>> tag({"n": 2**60, "x": float("inf"), "s": "$5"})
    {'n': '$int:1152921504606846976', 'x': '$float:inf', 's': '$str:$5'}
    """
    if value is None or value is True or value is False:
        return value
    if isinstance(value, str):
        return "$str:" + value if value.startswith("$") else str(value)
    if isinstance(value, int):
        return int(value) if -JSON_INT <= value <= JSON_INT else f"$int:{int(value)}"
    if isinstance(value, float):
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
    raise TypeError(f"{type(value).__name__} is not plain data: {value!r:.80}")


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
    parts: list[str] = []
    _write(tag(value), parts.append)
    return "".join(parts).encode("utf-8")


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


def _write(value: Any, put: Any) -> None:
    if value is None:
        put("null")
    elif value is True:
        put("true")
    elif value is False:
        put("false")
    elif isinstance(value, str):
        put(_string(value))
    elif isinstance(value, int):
        put(str(value))
    elif isinstance(value, float):
        put(_number(value))
    elif isinstance(value, list):
        put("[")
        for position, item in enumerate(value):
            if position:
                put(",")
            _write(item, put)
        put("]")
    else:
        put("{")
        # RFC 8785 sorts by UTF-16 code units; only text beyond the BMP makes that differ from Python's order.
        for position, key in enumerate(sorted(value, key=_utf16)):
            if position:
                put(",")
            put(_string(key))
            put(":")
            _write(value[key], put)
        put("}")


def _string(text: str) -> str:
    # json's own escaper already writes the RFC's short forms and \u00XX in lower case, and leaves the rest as it is.
    return _escape(text)


def _utf16(key: str) -> bytes | str:
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
