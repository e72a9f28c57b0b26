"""How wide a line of text will be, without a screen to measure it on; and a line cut where it would be too wide."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

# fmt: off
_PLAIN = (
    32, 40, 46, 84, 64, 95, 78, 27, 39, 39, 50, 84, 32, 36, 32, 34, *(64,) * 10, 34, 34, 84, 84, 84, 53, 100,
)
_CAPITALS = (
    68, 69, 70, 77, 63, 58, 77, 75, 29, 29, 66, 56, 86, 75, 79, 60, 79, 69, 63, 61, 73, 68, 99, 69, 61, 69,
)
_SMALL = (
    61, 63, 55, 63, 62, 35, 63, 63, 28, 28, 58, 28, 97, 63, 61, 63, 63, 41, 52, 39, 63, 59, 82, 59, 59, 52,
)
# fmt: on
_ASCII = (*_PLAIN, *_CAPITALS, 39, 34, 39, 84, 50, 50, *_SMALL, 64, 34, 64, 84)
"""Advance widths of U+0020 to U+007E in DejaVu Sans, the widest of the usual fonts of pages; hundredths of an em."""
BOLD = 1.17
"""How much wider the bold letters of that font are, at most (on average 1.12)."""
_WIDE = "ЖМФШЩЫЮжмфшщыюÆŒæœЊЉΩΦΨΜ"
"""Letters beyond ASCII that are wider than others of their script."""
_JOINER = "\u200d"


def width_of(text: str, size: float, *, bold: bool = False) -> float:
    """The width in px of a line set in letters of `size` px, as wide as it gets in any usual font.

    >>> round(width_of("load", 12), 1), width_of("日本", 10)
    (25.6, 20.0)
    """
    return sum(map(_letter, _clusters(text))) * size / 100 * (BOLD if bold else 1)


def cut(text: str, size: float, most: float, *, bold: bool = False) -> str:
    """The line, or as much of it as fits `most` px with an ellipsis; what is written as one sign is never parted.

    >>> cut("a very long name of a stage", 10, 60)
    'a very lo…'
    """
    line = " ".join(text.split())
    if width_of(line, size, bold=bold) <= most:
        return line
    room = most - width_of("…", size, bold=bold)
    shown = ""
    for cluster in _clusters(line):
        room -= width_of(cluster, size, bold=bold)
        if room < 0:
            break
        shown += cluster
    return f"{shown.rstrip()}…"


def _clusters(text: str) -> Iterator[str]:
    """Letters with their marks, and signs that are joined to one (as nearly as Unicode's tables let)."""
    held = ""
    for letter in text:
        mark = unicodedata.category(letter) in ("Mn", "Me", "Cf") or "\U0001f3fb" <= letter <= "\U0001f3ff"
        if held and not mark and not held.endswith(_JOINER):
            yield held
            held = ""
        held += letter
    if held:
        yield held


def _letter(cluster: str) -> float:
    """The width of one sign, in hundredths of an em."""
    letter = cluster[0]
    if " " <= letter <= "~":
        return _ASCII[ord(letter) - 32]
    if letter >= "\U0001f000" or "\ufe0f" in cluster:
        return 135
    if unicodedata.east_asian_width(letter) in ("W", "F"):
        return 100
    if letter in _WIDE or unicodedata.category(letter) in ("So", "Pd", "Po", "Sm"):
        return 122
    return 88 if letter.isupper() else 72
