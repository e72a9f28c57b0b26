"""Which texts of a piece of code lead out of the folder of a stage: addresses, and paths to elsewhere.

A text may be a path, or have paths in it, as SQL does between quotes. The address of a database that is a file is
asked for its path.
"""

from __future__ import annotations

import re
from urllib.parse import unquote

_ADDRESS = re.compile(
    r"[A-Za-z0-9+.-]*://|(?<!\w)file:/|(?:^|(?<=['\"/]))(?:md|motherduck):(?=\w*(?:['\"?]|$))"
    r"|(?:^|;)\s*(?:(?:FORCE\s+)?INSTALL\s+['\"]?\w+['\"]?\s*(?:;|$)|(?i:(?:force\s+)?install\s+(?P<name>\w+)\s*(?:from\s+\S+\s*(?:;|$)|(?=;[^'\"]*\bload\s+(?P=name)\b)|(?<=httpfs);)))"
)
"""What the network may be meant by; also a database of MotherDuck, and DuckDB's `INSTALL httpfs`."""
_IN_A_FILE = re.compile(r"(?i)(?<![\w+.-])(?:sqlite|duckdb)(?:\+\w+)?:(?P<slashes>/*)(?P<path>[^'\"]*)")
"""The address of a database that is a file: `sqlite:///a.db` is one of this folder, `sqlite:////a.db` is not."""
_ROOTS = "etc|home|root|usr|var|tmp|opt|srv|proc|sys|dev|mnt|Users|bin|lib"
_OUTSIDE = re.compile(
    rf"(?:^|(?<=['\"]))(/[\w.-]+/|/(?:{_ROOTS})\b|//+(?:{_ROOTS})/|/[\w-]+\.\w+(?=['\"])|~(?:[A-Za-z_]\w*)?/|[A-Za-z]:[\\/]\w|\\\\\w)"
)
_UP = re.compile(r"(?:^|(?<=['\"=:]))\.\./|(?<=['\"/])\.\.(?=['\"])|^\.\.\\(?:\.\.|\w[\w.])|(?<=['\"])\.\.\\")
"""A folder above, inside a longer text; of a path alone its parts are looked at."""


def is_elsewhere(text: str) -> bool:
    """Whether a text is an address, or a path that leads out of the folder of a stage."""
    return is_address(text) or is_outside(text)


def is_address(text: str) -> bool:
    """Whether a text has an address in it; that of a database in a file is a path.

    >>> is_address("see https://example.org"), is_address("sqlite:///a.db"), is_address("file:a.db?mode=ro")
    (True, False, False)
    """
    return _ADDRESS.search(_IN_A_FILE.sub("", text)) is not None


def is_outside(text: str) -> bool:
    """Whether a text is a path that leads out of the folder of a stage, or has one in it.

    >>> is_outside("sqlite:////data/a.db"), is_outside("copy t to '../a.csv'"), is_outside("sqlite:///data/a.db")
    (True, True, False)
    """
    return (
        _OUTSIDE.search(text) is not None
        or _UP.search(text) is not None
        or _goes_up(text)
        or any(map(_leads_out, _IN_A_FILE.finditer(text)))
    )


def _goes_up(text: str) -> bool:
    """Whether the parts of a path lead above where it begins: `a/../b` does not."""
    depth = 0
    for part in text.split("/"):
        depth += -1 if part == ".." else part not in ("", ".")
        if depth < 0:
            return True
    return False


def is_whole_address(text: str) -> bool:
    """Whether a text is the address of a database in a file whose path begins with a slash, for whoever takes it so."""
    return any(len(found["slashes"]) >= 3 for found in _IN_A_FILE.finditer(text))


def _leads_out(found: re.Match[str]) -> bool:
    slashes, path = len(found["slashes"]), unquote(found["path"])
    # Some take three slashes for the beginning of a whole path, and a stage has no such folders beside it.
    whole = slashes == 1 or slashes > 3 or (slashes == 3 and re.match(rf"(?:{_ROOTS})/", path) is not None)
    return whole or is_elsewhere(path) or is_elsewhere(path.partition("?")[0])
