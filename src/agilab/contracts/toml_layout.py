"""Where everything stands in a TOML text: headers, keys, values, and the comments that belong to them.

For text that `tomllib` has taken: what it means is its business, this only says where it is. A finding can then name
line and column, and an edit can change a value and nothing else.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

Path = tuple[str | int, ...]
"""A place in the data: keys, and positions in lists."""

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_BLANK = re.compile(r"[ \t]*")
_SPACE = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_PLAIN = re.compile(r"[^,\]}#\n]*")
_BASIC = re.compile(r'"(?:[^"\\\n]|\\.)*"')
_LITERAL = re.compile(r"'[^'\n]*'")
_LONG_BASIC = re.compile(r'"""(?:[^"\\]|\\.|"{1,2}(?!"))*"{3,5}', re.DOTALL)
_LONG_LITERAL = re.compile(r"'''.*?'{3,5}", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Pair:
    """`key = value`. Offsets: of the key, of its value, behind the value, behind the line with its comment.

    Attributes:
        above: Where the comments and blank lines above it begin.
    """

    path: Path
    above: int
    key: int
    value: int
    end: int
    line_end: int


@dataclass(frozen=True, slots=True)
class Region:
    """A header with what stands below it; the first region of a text has no header.

    Attributes:
        array: Whether it is an element of an array of tables.
        lead: Where the comment directly above the header begins.
        start: Where the header's line begins.
        body: Behind the header's line.
        end: Behind the last line that belongs to it. What follows, up to the next `lead`, belongs to nobody.
    """

    path: Path
    array: bool
    lead: int
    start: int
    body: int
    end: int
    pairs: tuple[Pair, ...]


@dataclass(frozen=True)
class Layout:
    """A text taken apart. `places` has the offset of each value, those inside lists and braces too."""

    text: str
    regions: tuple[Region, ...]
    places: dict[Path, int] = field(repr=False)

    @cached_property
    def pairs(self) -> dict[Path, Pair]:
        """Every pair by the path of its value."""
        return {pair.path: pair for region in self.regions for pair in region.pairs}

    @cached_property
    def _lines(self) -> list[int]:
        return [0, *(match.end() for match in re.finditer("\n", self.text))]

    def line(self, offset: int) -> int:
        """The number of the line at an offset, from 1."""
        return bisect_right(self._lines, offset)

    def column(self, offset: int) -> int:
        """The column at an offset, from 1."""
        return offset - self._lines[self.line(offset) - 1] + 1

    def offset(self, path: Path) -> int:
        """Where a value stands: its key or its header; where it is not there, what it would be in."""
        while path:
            if path in self.pairs:
                return self.pairs[path].key
            if path in self.places:
                return self.places[path]
            path = path[:-1]
        return 0

    def code_line(self, path: Path, line: int) -> int | None:
        """The number of the line on which line `line` (from 1) of a text of several lines stands.

        None where the text's lines are no lines of the file.
        """
        pair = self.pairs.get(path)
        if pair is None:
            return None
        spelled = self.text[pair.value : pair.end]
        if spelled[:3] not in ("'''", '"""') or (spelled[0] == '"' and re.search(r"\\[ \t]*\r?\n", spelled)):
            return None
        began = re.match(r"...\r?\n", spelled) is not None
        return self.line(pair.value) + began + line - 1


def layout(text: str) -> Layout:
    """Take a TOML text apart. The text must be TOML: `tomllib` says whether it is."""
    return _Scanner(text).layout()


class _Scanner:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._places: dict[Path, int] = {}
        self._counts: dict[Path, int] = {}

    def layout(self) -> Layout:
        found: list[tuple[Path, bool, int, int, list[Pair]]] = [((), False, 0, 0, [])]
        above = 0
        while True:
            self._at = _end(_SPACE, self._text, self._at)
            if self._at >= len(self._text):
                break
            start = self._line_start(self._at)
            if self._text[self._at] == "[":
                path, array = self._header()
                found.append((path, array, start, self._at, []))
            else:
                region = found[-1]
                region[4].append(self._pair(region[0], above))
            above = self._at
        return Layout(self._text, tuple(self._regions(found)), self._places)

    def _regions(self, found: list[tuple[Path, bool, int, int, list[Pair]]]) -> Iterator[Region]:
        lead = 0
        for number, (path, array, start, body, pairs) in enumerate(found):
            last = number + 1 == len(found)
            until = len(self._text) if last else found[number + 1][2]
            end = pairs[-1].line_end if pairs else body
            own, following = _shared_out(self._text[end:until], last)
            yield Region(path, array, lead, start, body, end + own, tuple(pairs))
            lead = until - following

    def _header(self) -> tuple[Path, bool]:
        start, array = self._at, self._text.startswith("[[", self._at)
        self._at += 1 + array
        parts = self._key("]")
        self._at += 1 + array
        self._at = self._line_end()
        path: Path = ()
        for number, part in enumerate(parts):
            path += (part,)
            if array and number + 1 == len(parts):
                self._places.setdefault(path, start)
                self._counts[path] = self._counts.get(path, 0) + 1
            if path in self._counts:
                path += (self._counts[path] - 1,)
        self._places.setdefault(path, start)
        return path, array

    def _pair(self, inside: Path, above: int) -> Pair:
        key = self._at
        path = inside + self._key("=")
        self._at = _end(_BLANK, self._text, self._at + 1)
        value = self._at
        self._value(path)
        end = self._at
        self._at = self._line_end()
        return Pair(path, above, key, value, end, self._at)

    def _key(self, until: str) -> tuple[str, ...]:
        """The parts of a dotted key, up to the sign that ends it."""
        parts: list[str] = []
        while True:
            self._at = _end(_BLANK, self._text, self._at)
            sign = self._text[self._at]
            if sign == until:
                return tuple(parts)
            if sign == ".":
                self._at += 1
                continue
            parts.append(self._name(sign))

    def _name(self, sign: str) -> str:
        start = self._at
        pattern = {'"': _BASIC, "'": _LITERAL}.get(sign, _BARE)
        self._at = _end(pattern, self._text, start)
        text = self._text[start : self._at]
        if sign == "'":
            return text[1:-1]
        if sign != '"':
            return text
        import tomllib

        return next(iter(tomllib.loads(f"{text}=0")))

    def _value(self, path: Path) -> None:
        self._places.setdefault(path, self._at)
        sign = self._text[self._at]
        if sign == "[":
            self._list(path)
        elif sign == "{":
            self._braces(path)
        elif sign in "\"'":
            long = self._text.startswith(sign * 3, self._at)
            patterns = (_LONG_BASIC, _BASIC) if sign == '"' else (_LONG_LITERAL, _LITERAL)
            self._at = _end(patterns[0 if long else 1], self._text, self._at)
        else:
            end = _end(_PLAIN, self._text, self._at)
            self._at += len(self._text[self._at : end].rstrip())

    def _list(self, path: Path) -> None:
        self._at += 1
        number = 0
        while True:
            self._at = _end(_SPACE, self._text, self._at)
            if self._text[self._at] == "]":
                self._at += 1
                return
            if self._text[self._at] == ",":
                self._at += 1
                continue
            self._value((*path, number))
            number += 1

    def _braces(self, path: Path) -> None:
        self._at += 1
        while True:
            self._at = _end(_SPACE, self._text, self._at)
            if self._text[self._at] == "}":
                self._at += 1
                return
            if self._text[self._at] == ",":
                self._at += 1
                continue
            start = self._at
            inner = path + self._key("=")
            self._at = _end(_SPACE, self._text, self._at + 1)
            self._value(inner)
            self._places[inner] = start

    def _line_start(self, at: int) -> int:
        return self._text.rfind("\n", 0, at) + 1

    def _line_end(self) -> int:
        end = self._text.find("\n", self._at)
        return len(self._text) if end < 0 else end + 1


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    match = pattern.match(text, at)
    assert match is not None, f"not TOML at {text[at : at + 20]!r}"
    return match.end()


def _shared_out(between: str, last: bool) -> tuple[int, int]:
    """Of the comments between two regions: how much belongs to the one above, and how much to the one below.

    A comment directly above a header is the header's; one directly below a value is the value's; one with blank
    lines on both sides is nobody's.
    """
    lines = between.splitlines(keepends=True)
    above = below = 0
    while above < len(lines) and lines[above].strip():
        above += 1
    while not last and below < len(lines) and lines[-1 - below].strip():
        below += 1
    if not last and above == len(lines):
        above = 0
    return sum(map(len, lines[:above])), sum(map(len, lines[len(lines) - below :]))
