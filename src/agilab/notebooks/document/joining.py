"""Lists of lines in a large notebook's JSON, joined into one text before Python makes a string of every line.

Jupyter writes an output as a list of lines. Two million of them are fifty bytes each before they hold a letter.
"""

from __future__ import annotations

import io
import re

WORTH = 2**20
"""Characters of a list from which on it is joined: smaller ones stay as the file has them."""

_KEY = re.compile(r'"(?:text|html|svg|latex|[a-z]+/[\w.+\-]+)"\s*:\s*\[')
_STRING = r'\s*"[^"\\\x00-\x1f]*+(?:\\.[^"\\\x00-\x1f]*+)*+"\s*'
_SOME = re.compile(f"(?:{_STRING},){{1,1000}}+")
_LAST = re.compile(f"{_STRING}\\]")
"""Strings of JSON, and the last one of a list; quotes in a string are escaped, so a bare one begins or ends it. A
thousand at a time: the pattern's engine remembers every repetition."""
_BETWEEN = re.compile(r'(\\.)|"\s*,\s*"')
"""An escape, which stays, or what stands between two strings, which goes."""
_BETWEEN_LINES = re.compile(r'"[ \t]*,[ \t\r]*\n\s*"')
"""The same where each string has a line of the file: no string holds a raw line end, so that is never part of one."""


def joined(text: str, worth: int = WORTH) -> str:
    r"""The same JSON, in which long lists of lines under an output's keys are one string.

    >>> joined('{"text": ["a\\n", "b"]}')  # not long
    '{"text": ["a\\n", "b"]}'
    """
    out = io.StringIO()
    done = 0
    for key in _KEY.finditer(text):
        if key.start() < done:
            continue
        end = _end(text, key.end())
        if end - key.end() < worth:
            continue
        out.write(text[done : key.end() - 1])
        out.write('"')
        _write_joined(text, key.end(), end - 1, out)
        out.write('"')
        done = end
    if not done:
        return text
    out.write(text[done:])
    return out.getvalue()


def _write_joined(text: str, place: int, end: int, out: io.StringIO) -> None:
    """Write what stands between the first quote and the last, without the quotes and commas in between."""
    between = _BETWEEN_LINES.search(text, place, end)
    while place < end:
        some = _SOME.match(text, place)
        cut = some.end() if some else end
        piece = text[place:cut].strip(" \t\r\n,")[1:-1]
        whole = piece.replace(between.group(), "") if between else "\n"
        out.write(whole if "\n" not in whole else _BETWEEN.sub(r"\1", piece))
        place = cut


def _end(text: str, place: int) -> int:
    """Where the list of strings that begins at `place` ends; 0 if it is none."""
    while some := _SOME.match(text, place):
        place = some.end()
    last = _LAST.match(text, place)
    return last.end() if last else 0
