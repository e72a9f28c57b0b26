"""New values for a TOML text with `[[tables]]`: what changes is written over, everything else stays byte for byte.

Elements of an array of tables are told apart by their `id`. Each takes the comment directly above its header along when
it moves and when it goes; a comment that stands by itself stays where it is.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from agilab.contracts.toml_layout import Layout, Pair, Path, Region, layout
from agilab.contracts.toml_matching import equal, longest_rise, matched
from agilab.contracts.toml_spelling import (
    fits_a_line,
    is_tables,
    spelled,
    spelled_document,
    spelled_key,
    spelled_table,
)

Edit = tuple[int, int, str]


class NotKept(Exception):
    """A layout in which an edit has no place of its own."""


def edited(text: str, plain: Mapping[str, Any]) -> str:
    """`text` (which must be TOML) with the values of `plain`.

    Raises `NotKept` where the layout leaves no place for a change, `ValueError` for what TOML does not have.
    """
    whole = spelled_document(plain)  # raises for what TOML does not have
    if not text.strip():
        return whole
    editor = _Editor(layout(text))
    editor.table((), tomllib.loads(text), plain)
    found = _applied(text, editor.edits, 0, len(text))
    # The blank line above a table that was the last, and is gone, goes with it.
    return found if _ends_blank(text) or not _ends_blank(found) else _without_blank_end(found)


def _ends_blank(text: str) -> bool:
    return text.endswith(("\n\n", "\n\r\n"))


def _without_blank_end(text: str) -> str:
    while _ends_blank(text):
        text = text[: -2 if text.endswith("\r\n") else -1]
    return text


def _applied(text: str, edits: Sequence[Edit], start: int, end: int) -> str:
    """The part of a text from `start` to `end` with the edits in it made."""
    newline = "\r\n" if "\r\n" in text else "\n"
    parts, at = [], start
    for begin, until, new in sorted(edits, key=lambda edit: edit[:2]):
        if not start <= begin <= end or begin < at:
            raise NotKept("two changes in one place")
        before = text[at:begin]
        if new and not new.startswith("\n") and begin == until and begin and text[begin - 1] != "\n":
            before += newline  # the last line of the file has no end yet
        parts += [before, new.replace("\n", newline)]
        at = until
    return "".join([*parts, text[at:end]])


class _Editor:
    """Collects what has to be written where."""

    def __init__(self, found: Layout) -> None:
        self._layout = found
        self._text = found.text
        self.edits: list[Edit] = []

    def table(self, path: Path, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
        for key in old:
            if key not in new:
                self._remove((*path, key))
        for key, value in new.items():
            here = (*path, key)
            if key not in old:
                self._add(path, key, value, new)
            elif equal(old[key], value):
                continue
            elif here in self._layout.pairs:
                self._replace(path, key, value, new)
            elif isinstance(old[key], dict) and isinstance(value, Mapping) and value:
                self.table(here, old[key], value)
            elif is_tables(old[key]) and is_tables(value):
                self._array(here, old[key], value)
            else:
                self._remove(here)
                self._add(path, key, value, new)

    # -- one value ---------------------------------------------------------------------------------------------

    def _replace(self, path: Path, key: str, value: Any, new: Mapping[str, Any]) -> None:
        pair = self._layout.pairs[(*path, key)]
        if not path and is_tables(value):
            self._remove(pair.path)
            self._add(path, key, value, new)
            return
        column = self._layout.column(pair.value) - 1
        self.edits.append((pair.value, pair.end, spelled(value, before=column)))

    def _remove(self, path: Path) -> None:
        pairs = [pair for place, pair in self._layout.pairs.items() if place[: len(path)] == path]
        regions = [region for region in self._layout.regions if region.path[: len(path)] == path]
        inside = {pair.path for region in regions for pair in region.pairs}
        for pair in pairs:
            if pair.path not in inside:
                self.edits.append((self._line(pair), pair.line_end, ""))
        for region in regions:
            self.edits.append((region.lead, self._with_blank_lines(region.end), ""))

    def _add(self, path: Path, key: str, value: Any, new: Mapping[str, Any]) -> None:
        if not path and is_tables(value):
            self._append("\n".join(spelled_table((key,), one, array=True) for one in value))
        elif isinstance(value, Mapping) and not fits_a_line(key, value):
            self._add_table(path, key, value)
        else:
            self._add_line(path, key, value, new)

    def _add_line(self, path: Path, key: str, value: Any, new: Mapping[str, Any]) -> None:
        name = spelled_key(key)
        line = f"{name} = {spelled(value, before=len(name) + 3)}\n"
        region = next((one for one in self._layout.regions if one.path == path), None)
        if region is None:
            self._open(path, key, line)
            return
        keys = list(new)
        for before in reversed(keys[: keys.index(key)]):
            pair = self._layout.pairs.get((*path, before))
            if pair is not None and pair in region.pairs:
                self.edits.append((pair.line_end, pair.line_end, line))
                return
        if path:
            self.edits.append((region.body, region.body, line))
        elif region.pairs:
            first = self._line(region.pairs[0])
            self.edits.append((first, first, line))
        else:
            self._begin(region, line)

    def _begin(self, region: Region, line: str) -> None:
        """A first line for a text that begins with a table; a comment at its very top is that of the text."""
        first = self._layout.regions[1] if len(self._layout.regions) > 1 else region
        at = first.start if first.lead == 0 else region.end
        apart = "" if self._text[at : at + 1] in ("", "\n", "\r") else "\n"
        if self.edits and self.edits[-1][:2] == (at, at):
            line = self.edits.pop()[2].removesuffix(apart) + line  # one blank line, behind all of them
        self.edits.append((at, at, line + apart))

    def _open(self, path: Path, key: str, line: str) -> None:
        """A line for a table that stands only in the names of others."""
        dotted = [pair for place, pair in self._layout.pairs.items() if place[: len(path)] == path]
        for region in self._layout.regions:
            if region.path[: len(path)] == path and region.path != path:
                head = f"[{_header(path)}]\n{line}\n"
                self.edits.append((region.lead, region.lead, head))
                return
            if dotted and dotted[-1] in region.pairs:
                begin = ".".join(spelled_key(str(part)) for part in path[len(region.path) :])
                self.edits.append((dotted[-1].line_end, dotted[-1].line_end, f"{begin}.{line}"))
                return
        raise NotKept(key)

    def _add_table(self, path: Path, key: str, value: Mapping[str, Any]) -> None:
        block = spelled_table((*(part for part in path if isinstance(part, str)), key), value)
        inside = [region for region in self._layout.regions if region.path[: len(path)] == path]
        if path:
            if not inside:
                raise NotKept(key)
            self.edits.append((inside[-1].end, inside[-1].end, f"\n{block}"))
            return
        arrays = [region for region in self._layout.regions if region.array]
        if arrays:
            self.edits.append((arrays[0].lead, arrays[0].lead, f"{block}\n"))
        else:
            self._append(block)

    def _append(self, block: str) -> None:
        end = len(self._text)
        self.edits.append((end, end, ("\n" if self._text.endswith("\n") else "\n\n") + block))

    def _line(self, pair: Pair) -> int:
        return self._text.rfind("\n", 0, pair.key) + 1

    def _with_blank_lines(self, end: int) -> int:
        while (until := self._text.find("\n", end)) >= 0 and not self._text[end:until].strip():
            end = until + 1
        return end

    # -- an array of tables ------------------------------------------------------------------------------------

    def _array(self, path: Path, old: Sequence[Mapping[str, Any]], new: Sequence[Mapping[str, Any]]) -> None:
        wanted = matched(old, new)
        if wanted == list(range(len(old))):
            for number, before in enumerate(old):
                self.table((*path, number), before, new[number])
            return
        parts = [self._element((*path, number)) for number in range(len(old))]
        for one, other in pairwise(parts):
            if self._foreign(one[-1], other[0]):
                raise NotKept(".".join(map(str, path)))
        texts = [
            self._rewritten(path, old, new, number, source, parts) for number, source in enumerate(wanted)
        ]
        self.edits.append((parts[0][0].lead, parts[-1][-1].end, self._joined(parts, texts, wanted)))

    def _element(self, path: Path) -> list[Region]:
        return [region for region in self._layout.regions if region.path[: len(path)] == path]

    def _foreign(self, last: Region, first: Region) -> bool:
        regions = self._layout.regions
        return regions.index(first) != regions.index(last) + 1

    def _rewritten(
        self,
        path: Path,
        old: Sequence[Mapping[str, Any]],
        new: Sequence[Mapping[str, Any]],
        number: int,
        source: int | None,
        parts: Sequence[Sequence[Region]],
    ) -> str:
        if source is None:
            return spelled_table(
                tuple(part for part in path if isinstance(part, str)), new[number], array=True
            )
        inside = _Editor(self._layout)
        inside.table((*path, source), old[source], new[number])
        text = _applied(self._text, inside.edits, parts[source][0].lead, parts[source][-1].end)
        return (text if text.endswith("\n") else text + "\n").replace("\r\n", "\n")

    def _joined(self, parts: Sequence[Sequence[Region]], texts: list[str], wanted: list[int | None]) -> str:
        """Elements in their new order; those that need not move stay beside what stands between them."""
        still = longest_rise(wanted)
        found: list[str] = []
        at = 0
        for text, source in zip(texts, wanted, strict=True):
            if source in still:
                assert source is not None
                for passed in range(at, source):
                    found.append(self._comments(parts, passed))
                gap = self._gap(parts, source)
                found.append(gap or ("\n" if any(found) else ""))
                at = source + 1
            elif any(found):
                found.append("\n")
            found.append(text)
        found += [self._comments(parts, passed) for passed in range(at, len(parts))]
        return "".join(found)

    def _comments(self, parts: Sequence[Sequence[Region]], number: int) -> str:
        """What stood above an element that is no longer there: comments stay, blank lines do not."""
        gap = self._gap(parts, number).rstrip()
        return f"{gap}\n" if gap else ""

    def _gap(self, parts: Sequence[Sequence[Region]], number: int) -> str:
        """What stands between an element and the one above."""
        if number == 0:
            return ""
        return self._text[parts[number - 1][-1].end : parts[number][0].lead].replace("\r\n", "\n")


def _header(path: Path) -> str:
    return ".".join(spelled_key(part) for part in path if isinstance(part, str))
