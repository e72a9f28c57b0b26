"""From bytes to plain data, or to an error that says where the text stops making sense.

Stricter than the standard library where that picks one of two meanings: equal keys in one object, NaN.
"""

from __future__ import annotations

import json
import re
import tomllib
from typing import Any

from agilab.contracts.errors import AgiError

BOM = "\ufeff"
"""What some editors begin a file with, to say that it is UTF-8: no part of a TOML text. JSON must not have it."""


def decoded(data: bytes, where: str) -> str:
    """The text of a file. Raises AGI-DOC-002 where it is not UTF-8, naming byte and line."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise AgiError(
            "AGI-DOC-002",
            f"{where}: is not UTF-8 text",
            found=f"byte 0x{data[error.start]:02x} in line {line}",
            allowed="a file saved as UTF-8",
        ) from None


def parse_json(text: str, where: str) -> Any:
    """The plain data of a JSON text. Raises AGI-DOC-002 with line and column."""
    try:
        return json.loads(text, object_pairs_hook=_once, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise not_written_in(
            "JSON", where, f"{error.msg} at line {error.lineno} column {error.colno}"
        ) from None
    except RecursionError:
        raise not_written_in("JSON", where, "nested too deeply") from None
    except ValueError as error:
        raise not_written_in("JSON", where, str(error)) from None


def parse_toml(text: str, where: str) -> dict[str, Any]:
    """The plain data of a TOML text. Raises AGI-DOC-002 with line and column."""
    try:
        return tomllib.loads(text.removeprefix(BOM))
    except tomllib.TOMLDecodeError as error:
        raise not_written_in("TOML", where, re.sub(r"[()]", "", str(error))) from None
    except RecursionError:
        raise not_written_in("TOML", where, "nested too deeply") from None


def not_written_in(language: str, where: str, found: str) -> AgiError:
    """The error of a text that is not of this language."""
    return AgiError(
        "AGI-DOC-002", f"{where}: is not {language}", found=found, allowed=f"a whole {language} document"
    )


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # JSON leaves open which of two equal keys counts; a reader that picks one has half-read the file.
    plain = dict(pairs)
    if len(plain) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for position, key in enumerate(keys) if key in keys[:position])
        raise ValueError(f"the key {twice!r:.80} stands twice in one object")
    return plain


def _no_constant(text: str) -> Any:
    raise ValueError(
        f"{text} is no JSON number; write it as the string $float:nan, $float:inf or $float:-inf"
    )
