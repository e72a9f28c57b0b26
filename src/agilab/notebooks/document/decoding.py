"""From a file's bytes to a JSON value, whatever happened to the file on its way.

Plain JSON reading, not nbformat's: that refuses what people have (a missing key, a NaN, half a file) and
validates, where we want to say what is odd and go on.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from agilab.notebooks.document.joining import joined
from agilab.notebooks.findings import Finding
from agilab.notebooks.rules import found

LARGE = 4 * 2**20
"""From this many bytes on, rare letters are kept as JSON escapes: one emoji would make Python take four bytes for each
character of fifty megabytes."""

Hook = Callable[[dict[str, Any]], Any]
"""Is shown each JSON object when it ends, and may return something smaller in its place."""


NOTHING = object()
"""Stands for no value: `null` is one."""


@dataclass
class Decoded:
    """What the bytes hold.

    Attributes:
        value: The JSON value; NOTHING if there is none.
        findings: What was odd.
        repeated: Keys that an object has twice, by the object's `id()`.
        whole: False where only the cells before a cut could be had.
    """

    value: Any = NOTHING
    findings: list[Finding] = field(default_factory=list)
    repeated: dict[int, list[str]] = field(default_factory=dict)
    whole: bool = True

    def say(self, code: str, what: str, line: int | None = None) -> None:
        """Add a finding about the file."""
        self.findings.append(found(code, what, line=line))


_BLANK = re.compile(rb"(\xef\xbb\xbf)?[\0 \t\r\n]*\Z")


def decode(data: bytearray, hook: Hook) -> Decoded:
    """Read JSON from bytes, saying whatever is odd about them. `data` is emptied on the way: it may be large."""
    result = Decoded()
    text = decode_text(data, result)
    data.clear()
    if text is None:
        return result
    if len(text) > LARGE:
        text = joined(text)
    code, what, line = _something_else(text)
    if code:
        result.say(code, what, line)
        return result
    _parse(text, hook, result)
    return result


def decode_text(data: bytearray, result: Decoded) -> str | None:
    """The bytes as text; None if they are none. What was odd is added to `result`."""
    if _BLANK.match(data):
        result.say("NB-005", "the file holds only zero bytes" if 0 in data else "the file is empty")
        return None
    packed = _packed(bytes(data[:8]))
    if packed:
        result.say("NB-009", f"the file is {packed}, not a notebook's JSON")
        return None
    encoding = json.detect_encoding(data[:4])
    if encoding.startswith(("utf-16", "utf-32")):
        result.say("NB-020", f"the file is {encoding.upper()}")
        return _without_nul(data.decode(encoding, "replace").lstrip("\ufeff"), result)
    if data.startswith(codecs.BOM_UTF8):
        del data[:3]
    try:
        text = _compact(data) if len(data) > LARGE else data.decode("utf-8")
    except UnicodeDecodeError as error:
        text = _not_utf8(data, error.start, result)
    return _without_nul(text, result)


def _compact(data: bytearray) -> str:
    """UTF-8 as text of at most two bytes a character, and of one where letters beyond ASCII are few."""
    if data.isascii():
        return data.decode("ascii")
    decoder = codecs.getincrementaldecoder("utf-8")()
    pieces = []
    for start in range(0, len(data), 2**20):
        piece = decoder.decode(data[start : start + 2**20], start + 2**20 >= len(data))
        if not piece.isascii():
            many = 2**20 - len(piece) > 2**16
            piece = (_ASTRAL if many else _BEYOND_ASCII).sub(_escaped, piece)
        pieces.append(piece)
    data.clear()  # before the pieces are joined: bytes, pieces and text together would be three times the file
    return "".join(pieces)


_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]+")
_ASTRAL = re.compile(r"[^\x00-\uffff]+")


def _escaped(match: re.Match[str]) -> str:
    return json.dumps(match.group())[1:-1]


def _not_utf8(data: bytearray, start: int, result: Decoded) -> str:
    """Text whose bytes are not UTF-8: UTF-8 with a wound, if most of it is; else what Western machines wrote."""
    line = data.count(b"\n", 0, start) + 1
    text = data.decode("utf-8", "replace")
    wounds = text.count("\ufffd")
    if sum(character > "\x7f" for character in text) > 2 * wounds:  # more whole letters than wounds
        result.say("NB-020", f"{wounds} bytes are no UTF-8; they read as “\ufffd”", line)
        return text
    try:
        text = data.decode("cp1252")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    result.say("NB-020", "the file is not UTF-8; it was read as Windows-1252 (Latin-1)", line)
    return text


def _without_nul(text: str, result: Decoded) -> str:
    if "\0" not in text:
        return text
    result.say(
        "NB-021", f"{text.count(chr(0))} zero bytes were dropped", text.count("\n", 0, text.index("\0")) + 1
    )
    return text.replace("\0", "")


_PACKED = {
    b"PK\x03\x04": "a ZIP archive",
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ": "xz",
    b"\x28\xb5\x2f\xfd": "zstandard",
    b"%PDF": "a PDF",
    b"\x89PNG": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture",
    b"\x89HDF": "HDF5",
    b"PAR1": "parquet",
    b"SQLite f": "an SQLite database",
    b"\x7fELF": "a program",
    b"\x80\x04\x95": "a pickle",
}


def _packed(head: bytes) -> str:
    return next((name for magic, name in _PACKED.items() if head.startswith(magic)), "")


_SCALAR = re.compile(r"\s*(-?[\d.eE+\-]+|true|false|null|NaN|-?Infinity)\s*")


def _something_else(text: str) -> tuple[str, str, int | None]:
    """(code, sentence, line) if the text is recognisably not JSON at all, else ("", "", None)."""
    head = text[:4096].lstrip()
    if head.startswith("version https://git-lfs.github.com/spec/"):
        return "NB-008", "the file is a Git LFS pointer, not the notebook", 1
    if head.startswith("<") and not head.startswith("<<<<<<<"):
        kind = "XML" if head.startswith("<?xml") and "<html" not in head.lower() else "a web page"
        return "NB-006", f"the file is {kind}, not a notebook", 1
    marks = [text.find(mark) for mark in ("\n<<<<<<< ", "\n>>>>>>> ")]
    begin = 0 if head.startswith("<<<<<<<") else min((mark + 1 for mark in marks if mark >= 0), default=-1)
    if begin >= 0:
        return "NB-007", "the file holds the marks of an unresolved merge", text.count("\n", 0, begin) + 1
    if not head.startswith(("{", "[", '"')) and not _SCALAR.fullmatch(text[:200]):
        first = head.splitlines()[0].strip() if head else ""
        return "NB-014", f"the file is text that begins with “{first[:60]}”", 1
    return "", "", None


class _Reader:
    """One way of reading JSON: with the object hook, and what it noticed."""

    def __init__(self, hook: Hook, result: Decoded) -> None:
        self._hook = hook
        self._result = result
        self.constants: set[str] = set()

    def decoder(self, strict: bool) -> json.JSONDecoder:
        return json.JSONDecoder(
            strict=strict, object_pairs_hook=self._pairs, parse_constant=self._constant, parse_int=_integer
        )

    def _pairs(self, pairs: list[tuple[str, Any]]) -> Any:
        value = dict(pairs)
        if len(value) != len(pairs):
            keys = [key for key, _ in pairs]
            self._result.repeated[id(value)] = sorted({key for key in keys if keys.count(key) > 1})
            return value
        return self._hook(value)

    def _constant(self, word: str) -> float:
        self.constants.add(word)
        return float(word)


def _integer(digits: str) -> int | float:
    """Python refuses integers of thousands of digits (a guard); no notebook means one exactly."""
    return int(digits) if len(digits) < 1000 else float(digits)


def _parse(text: str, hook: Hook, result: Decoded) -> None:
    reader = _Reader(hook, result)
    start = len(text) - len(text.lstrip())
    try:
        result.value, end = _decoded(reader, text, start, result)
    except RecursionError:
        result.say("NB-012", "its JSON is nested deeper than can be read")
        return
    except json.JSONDecodeError as error:
        result.repeated.clear()
        _broken(reader, text, error, result)
        return
    finally:
        if reader.constants:
            result.say("NB-023", f"numbers that JSON does not have: {', '.join(sorted(reader.constants))}")
    rest = text[end : end + 200].strip()
    if rest:
        result.say("NB-025", f"after the notebook follows “{rest[:40]}”", text.count("\n", 0, end) + 1)


def _decoded(reader: _Reader, text: str, start: int, result: Decoded) -> tuple[Any, int]:
    try:
        return reader.decoder(strict=True).raw_decode(text, start)
    except json.JSONDecodeError as error:
        if not error.msg.startswith("Invalid control character"):
            raise
        result.repeated.clear()
        value = reader.decoder(strict=False).raw_decode(text, start)
        result.say("NB-024", "strings hold raw control characters", error.lineno)
        return value


_CELLS = re.compile(r'"cells"\s*:\s*\[')


def _broken(reader: _Reader, text: str, error: json.JSONDecodeError, result: Decoded) -> None:
    """What can be had of broken JSON: if it was cut short, the cells before the cut."""
    near = text[max(0, error.pos - 30) : error.pos + 10]
    cut = _is_cut(text, error)
    if not cut:
        result.say("NB-010", f"{error.msg} in column {error.colno}, near “{near}”", error.lineno)
        return
    result.whole = False
    cells = _whole_cells(reader.decoder(strict=False), text)
    if cells is None:
        result.say("NB-011", "the file ends in the middle, before the first whole cell", error.lineno)
        return
    result.value = {"cells": cells}
    version = re.search(r'"nbformat"\s*:\s*(\d)', text)
    if version:
        result.value["nbformat"] = int(version[1])
    read = "1 whole cell was read" if len(cells) == 1 else f"{len(cells)} whole cells were read"
    result.say("NB-011", f"the file ends in the middle; {read}", text.count("\n") + 1)


def _is_cut(text: str, error: json.JSONDecodeError) -> bool:
    """Whether JSON failed because the text ends: in a string that never ends, or at the very end."""
    return error.msg.startswith("Unterminated string") or not text[error.pos :].strip(
        " \t\r\n\\-.eE+0123456789aflnrstu"
    )


def _whole_cells(decoder: json.JSONDecoder, text: str) -> list[Any] | None:
    """The cells that stand whole before the cut; None if not even one does."""
    begin = _CELLS.search(text)
    if not begin:
        return None
    cells: list[Any] = []
    position = begin.end()
    while True:
        while position < len(text) and text[position] in " \t\r\n,":
            position += 1
        try:
            value, position = decoder.raw_decode(text, position)
        except (json.JSONDecodeError, RecursionError):
            return cells or None
        cells.append(value)
