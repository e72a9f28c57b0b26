"""Headings of markdown: the title that a text begins with, and the name of a stage that a title gives."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection

HEADING = re.compile(r"^(#{1,6})\s+(.+?)\s*#*\s*$", re.MULTILINE)
"""A heading of markdown: its marks and its words."""
LONGEST = 200
"""Characters of a heading that may be a title."""
_SHORT = 40
"""Characters of a stage's id; it ends with a whole word where it can."""
_WORDS = "a|an|the|of|for|to|that|and|or|with|in|on|is|by|from|at|as|its|this|using|into|under|between|over"
_SMALL = re.compile(rf"(-({_WORDS}))+\Z")
"""Words at the end of an id that was cut off, which say nothing there."""
_BEGUN = re.compile(rf"((-({_WORDS})){{2,}})-[^-]+\Z")
"""The same before a last word that only begins to say something: `…-with-for-a-time`."""
_FORMULA = re.compile(r"\$[^$]+\$")


def without_title(text: str, title: str) -> str:
    """A text without its first line, where that is nothing but a heading with this title."""
    first, _, rest = text.partition("\n")
    match = HEADING.fullmatch(first)
    return rest.strip("\n") if match and title and bare(match.group(2)) == title else text


def without_heading(text: str, title: str) -> str:
    """A text without the heading with this title, where there is one in it."""
    for match in HEADING.finditer(text):
        if title and bare(match.group(2)) == title:
            parts = text[: match.start()].rstrip("\n"), text[match.end() :].strip("\n")
            return "\n\n".join(part for part in parts if part)
    return text


def taken_apart(text: str) -> tuple[str, str]:
    """The heading that a text begins with, if it may be a title, and the rest."""
    match = HEADING.match(text)
    if match is None or len(match.group(2)) > LONGEST:
        return "", text
    return match.group(2), without_title(text, match.group(2))


def bare(text: str) -> str:
    """A heading without its marks."""
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", text)
    return re.sub(r"[*`_]{1,3}(\S.*?\S|\S)[*`_]{1,3}", r"\1", text).strip()


def slug(text: str) -> str:
    """A name of a stage out of any text.

    >>> slug("2.1 Données: load & clean"), slug("###"), slug("df_clean")
    ('donnees-load-clean', '', 'df_clean')
    >>> slug("Limit cycle prediction with for a time delay system"), slug("Fit $x_1$ to data")
    ('limit-cycle-prediction', 'fit-to-data')
    """
    words = _FORMULA.sub(" ", text)
    plain = unicodedata.normalize("NFKD", words).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9_]+", "-", plain)
    slug = re.sub(r"^[^a-z]+", "", slug)
    if len(slug) > _SHORT:
        slug = slug[: _SHORT + 1].rpartition("-")[0] or slug[:_SHORT]
        slug = _SMALL.sub("", _BEGUN.sub("", _SMALL.sub("", slug)))
    return slug.strip("-_")


def unused(name: str, taken: Collection[str]) -> str:
    number = 2
    found = name
    while found in taken:
        found, number = f"{name}-{number}", number + 1
    return found
