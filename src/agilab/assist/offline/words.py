"""Requests as words, and a reader that walks along them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from agilab.contracts.assistance import TableSchema

_FILLING = frozenset(
    [
        "a",
        "and",
        "as",
        "by",
        "for",
        "how",
        "in",
        "is",
        "me",
        "my",
        "of",
        "on",
        "rows",
        "the",
        "to",
        "what",
        "with",
    ]
)
_TOKEN = re.compile(
    r"""\s*(?:
      (?P<quoted>'[^']*'|"[^"]*"|`[^`]*`)
    | (?P<date>\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d)?)?)
    | (?P<thousands>-?\d{1,3}(?:,\d{3})+(?:\.\d+)?)(?![\w])
    | (?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)(?P<percent>\s?%)?(?![A-Za-z_])
    | (?P<word>[^\W\d]\w*|\d+[A-Za-z_]\w*)
    | (?P<sign><=|>=|==|!=|<>|<|>|=|,|\(|\)|\[|\]|.)
    )""",
    re.VERBOSE | re.DOTALL,
)
_SIGN = re.compile(r"[^\w\s]")


@dataclass(frozen=True)
class Word:
    """A word, number, date, quoted text or sign, with its place in the request."""

    kind: str
    text: str
    value: Any
    start: int
    end: int


class NotSaid(Exception):
    """The request does not go on in a way that the grammar knows.

    Attributes:
        wanted: What would have been understood here.
        at: Where the piece begins that was not.
    """

    def __init__(self, wanted: str, at: int) -> None:
        super().__init__(wanted)
        self.wanted, self.at = wanted, at


def words_of(text: str) -> list[Word]:
    """The words of a text, in order."""
    found = []
    for match in _TOKEN.finditer(text.rstrip()):
        kind = match.lastgroup or "sign"
        if kind == "percent":
            kind = "number"
        raw = match[kind]
        value: Any = raw
        if kind == "quoted":
            value = raw[1:-1]
        elif kind == "number":
            value = float(raw) if re.search(r"[.eE]", raw) else int(raw)
            if match["percent"]:
                value = value / 100
        elif kind == "date":
            value = raw.replace(" ", "T")
        found.append(Word(kind, raw, value, match.start(kind), match.end()))
    return found


class Reader:
    """Walks along the words of one clause, with the columns that there are at that point."""

    def __init__(self, text: str, table: TableSchema) -> None:
        self.text, self.table = text, table
        self.words = words_of(text)
        self.at = 0

    # -- looking -------------------------------------------------------------------------------------------------

    @property
    def done(self) -> bool:
        return self.at >= len(self.words)

    def lower(self, ahead: int = 0) -> str:
        """The word so many ahead in small letters; empty for a quoted text and past the end."""
        position = self.at + ahead
        if position >= len(self.words) or self.words[position].kind == "quoted":
            return ""
        return self.words[position].text.lower()

    def place(self) -> int:
        return self.words[self.at].start if not self.done else len(self.text)

    def fail(self, wanted: str) -> NotSaid:
        return NotSaid(wanted, self.place())

    # -- taking --------------------------------------------------------------------------------------------------

    def take(self, *phrases: str) -> str | None:
        """The first of these phrases that comes next, taken; None where none does."""
        for phrase in phrases:
            parts = phrase.split()
            if all(self.lower(ahead) == part for ahead, part in enumerate(parts)):
                self.at += len(parts)
                return phrase
        return None

    def must(self, *phrases: str) -> str:
        """The same, where one must come."""
        found = self.take(*phrases)
        if found is None:
            raise self.fail(" or ".join(phrases))
        return found

    def number(self) -> int | float | None:
        if not self.done and self.words[self.at].kind == "number":
            value: int | float = self.words[self.at].value
            self.at += 1
            return value
        return None

    def must_number(self) -> int | float:
        found = self.number()
        if found is None:
            raise self.fail(self.instead("a number"))
        return found

    def instead(self, wanted: str) -> str:
        """What is wanted here; of a number with commas, how it is written."""
        if self.done or self.words[self.at].kind != "thousands":
            return wanted
        said = self.words[self.at].text
        return f"{said.replace(',', '')} without a comma; or {said.replace(',', ', ')}, which are several"

    def must_count(self) -> int:
        number = self.must_number()
        if not isinstance(number, int) or number < 1:
            self.at -= 1
            raise self.fail("a whole number, 1 or more")
        return number

    def rest(self) -> str:
        """All that is left, as it was written."""
        text = self.text[self.place() :].strip()
        self.at = len(self.words)
        return text

    def end(self, wanted: str = "the end of the request, or `then`") -> None:
        if not self.done:
            raise self.fail(wanted)

    # -- names ---------------------------------------------------------------------------------------------------

    def column(self, *, must: bool = True) -> str | None:
        """The column that the next words name: the longest name that fits.

        As it is written; else with other capitals, or blanks for underscores; else without its signs. What several
        columns may be called so is none of them: it is refused, also where none must come.
        """
        if not self.done and self.words[self.at].kind == "quoted":
            name = str(self.words[self.at].value)
            if self.table.known and self.table.column(name) is None:
                if must:
                    raise self.fail(f"a column: {self._columns()}")
                return None
            self.at += 1
            return name
        for forms in ((_as_written,), (_in_other_capitals, _in_small_letters), (_without_signs,)):
            for length in range(min(6, len(self.words) - self.at), 0, -1):
                for form in forms:
                    names = self._called(form, length)
                    if len(names) > 1:
                        raise self.fail(f"one of {', '.join(map(repr, names))}: say it in quotes")
                    if names:
                        self.at += length
                        return names[0]
        if not self.table.known and not self.done and self.words[self.at].kind == "word":
            self.at += 1
            return self.words[self.at - 1].text
        if must:
            raise self.fail(f"a column: {self._columns()}")
        return None

    def _called(self, form: Callable[[str], str], length: int) -> list[str]:
        """The columns that the next words name in this form."""
        piece = self.words[self.at : self.at + length]
        said = self.text[piece[0].start : piece[-1].end]
        # A sign that is said stands in the name: `a > b` is not what a column ab is called.
        if form is _without_signs and _SIGN.search(said):
            return []
        if not any(word.kind == "word" for word in piece):
            return []
        wanted = form(said)
        return list(dict.fromkeys(one.name for one in self.table.columns if form(one.name) == wanted))

    def must_column(self) -> str:
        name = self.column()
        assert name is not None
        return name

    def columns(self) -> list[str]:
        """Names with commas and `and` between."""
        found = [self.must_column()]
        while True:
            before = self.at
            if self.take(", and", ",", "and") is None:
                return found
            name = self.column(must=False)
            if name is None:
                self.at = before
                return found
            found.append(name)

    def name(self, wanted: str) -> str:
        """A new name: a quoted text, or a word."""
        if self.done or self.words[self.at].kind not in ("word", "quoted"):
            raise self.fail(wanted)
        self.at += 1
        return str(self.words[self.at - 1].value)

    def _columns(self) -> str:
        names = [column.name for column in self.table.columns]
        said = "" if self.done else self.words[self.at].text
        if close := get_close_matches(said, names, n=1, cutoff=0.6):
            return f"{close[0]} (did you mean that?) of {', '.join(names[:12])}"
        shown = ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "")
        if said in self.table.index:
            shown += f"; {said} is the index, which is no column before a reset_index()"
        return shown


def _as_written(name: str) -> str:
    return name


def _in_other_capitals(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def _in_small_letters(name: str) -> str:
    return re.sub(r"[\s_]+", "", _in_other_capitals(name))


def _without_signs(name: str) -> str:
    return _SIGN.sub("", _in_small_letters(name))


def nearest(text: str, forms: Iterable[str]) -> list[str]:
    """The forms that share the most words with a text, best first; at most three."""
    said = set(re.findall(r"[a-z]+", text.lower())) - _FILLING
    ranked: Sequence[tuple[float, str]] = sorted(
        (
            (len(said & set(re.findall(r"[a-z]+", form.lower()))) / (1 + 0.1 * len(form.split())), form)
            for form in forms
        ),
        key=lambda pair: -pair[0],
    )
    return [form for score, form in ranked[:3] if score > 0]
