"""What of a text is written otherwise when the same data is written again: numbers, and the ends of lines."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator

from agilab.contracts.toml_layout import layout
from agilab.contracts.toml_spelling import spelled
from agilab.workflow.legacy.notes import Note

_TEXTS = re.compile(
    r'"""(?:[^"\\]|\\.|"{1,2}(?!"))*"{3,5}|\'\'\'.*?\'{3,5}|"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'|#[^\n]*',
    re.DOTALL,
)
"""Texts and comments, whose digits are no numbers."""
_NUMBER = re.compile(r"(?<![\w.+:-])[+-]?\d[\w.+:-]*+(?!\s*[=.])")


def respelt(text: str) -> Iterator[Note]:
    """A note for each number that will be spelled otherwise, with its line.

    >>> [(note.line, note.what) for note in respelt("a = 0x1F\\nb = { c_1 = 1.50, d = 2 }\\nday = 2026-01-31\\n")]
    [(1, 'a: 0x1F is written 31'), (2, 'b: 1.50 is written 1.5')]
    """
    found = layout(text)
    for path, pair in found.pairs.items():
        for token in _NUMBER.findall(_TEXTS.sub("", text[pair.value : pair.end])):
            try:
                value = tomllib.loads(f"x = {token}")["x"]
            except tomllib.TOMLDecodeError:
                continue
            if isinstance(value, int | float) and spelled(value) != token:
                what = f"{path[-1]}: {token} is written {spelled(value)}"
                yield Note(found.line(pair.key), "changed", what)


def with_line_ends(text: str, like: str) -> str:
    """A text whose lines end as most lines of another do.

    >>> with_line_ends("a\\nb\\n", "x\\r\\ny\\r\\n")
    'a\\r\\nb\\r\\n'
    """
    return text.replace("\n", "\r\n") if 2 * like.count("\r\n") > like.count("\n") else text
