"""The first line of a stage's cell: its name, what it takes, what it gives, what it walks.

%%stage warmest: table, hottest, raw from load as first -> days, "out/{station}.csv" for station in stations
%%stage queue app=uav_queue_project: -> queue_metrics
%%stage daily: table -> rain for day in [2024-05-30, 2024-05-31]
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

from agilab.contracts import dated_json
from agilab.contracts.lab_stages import Input, Stage

MAGIC = "%%stage"
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|->|[,:=\[]|[^\s,:="\[]+')
_BARE = re.compile(r'(?!->)[^\s,:="\[\]]+\Z')
_WORDS = frozenset({"from", "as", "for", "in", "?"})
_OPTIONAL = "?"
"""Behind an input: it need not be there."""


class HeaderError(ValueError):
    """A line that is no header; the message says what was expected where."""


@dataclass(frozen=True)
class Header:
    """What the first line of a cell says of its stage.

    Attributes:
        app, file: What is run instead of the cell's text.
    """

    id: str
    inputs: tuple[str | Input, ...] = ()
    outputs: tuple[str, ...] = ()
    foreach: dict[str, Any] = field(default_factory=dict)
    app: str | None = None
    file: str | None = None

    @classmethod
    def of(cls, stage: Stage) -> Header:
        """The header of a stage."""
        return cls(stage.id, stage.inputs, stage.outputs, dict(stage.foreach), stage.app, stage.file)

    def fields(self) -> dict[str, Any]:
        """What a stage takes from its header, as fields of the model."""
        return {
            "id": self.id,
            "inputs": self.inputs,
            "outputs": self.outputs,
            "foreach": self.foreach,
            "app": self.app,
            "file": self.file,
        }

    def line(self) -> str:
        """The header as it stands in a cell; `parse` gives it back.

        >>> Header("clean", ("table",), ("table", "out/a b.csv")).line()
        '%%stage clean: table -> table, "out/a b.csv"'
        """
        words = [MAGIC, _spelled(self.id)]
        words += [
            f"{name}={_spelled(text)}" for name, text in (("app", self.app), ("file", self.file)) if text
        ]
        line = " ".join(words)
        if self.inputs or self.outputs:
            line += ":"
        if self.inputs:
            line += " " + ", ".join(map(_input_words, self.inputs))
        if self.outputs:
            line += " -> " + ", ".join(map(_spelled, self.outputs))
        for name, walked in self.foreach.items():
            what = _spelled(walked) if isinstance(walked, str) else dated_json.spelled(walked)
            line += f" for {_spelled(name)} in {what}"
        return line


def is_header(line: str) -> bool:
    """Whether a cell's first line is meant to be one.

    >>> is_header("%%stage load"), is_header("%%stages"), is_header("x = 1")
    (True, False, False)
    """
    return line == MAGIC or line.startswith((f"{MAGIC} ", f"{MAGIC}\t"))


def named(line: str) -> str:
    """The name of the stage in a cell's first line, empty where it is no header, or one that cannot be read.

    >>> named("%%stage tell: table"), named("x = 1")
    ('tell', '')
    """
    try:
        return parse(line).id if is_header(line) else ""
    except HeaderError:
        return ""


def parse(line: str) -> Header:
    """The header that a line says. Raises `HeaderError` saying what is wrong with it.

    >>> parse("%%stage b: table from a as t -> x for k in [1, 2]").foreach
    {'k': (1, 2)}
    """
    return _Parser(line.removeprefix(MAGIC).strip()).header()


def means(one: Any, other: Any) -> bool:
    """Whether a line says the same for two values of a field: an input with nothing but a name is that name.

    >>> means((Input(name="b"), "c"), ("b", "c"))
    True
    """
    return bool(_said(one) == _said(other))


def _said(value: Any) -> Any:
    return tuple(map(_input_words, value)) if isinstance(value, tuple) else value


def _spelled(name: str) -> str:
    return name if _BARE.match(name) and name not in _WORDS else json.dumps(name, ensure_ascii=False)


def _input_words(one: str | Input) -> str:
    if isinstance(one, str):
        return _spelled(one)
    words = _spelled(one.name)
    if one.source is not None:
        words += f" from {_spelled(one.source)}"
    words = f"{words} as {_spelled(one.called)}" if one.called is not None else words
    return f"{words} {_OPTIONAL}" if one.optional else words


class _Parser:
    """Takes a header apart, token by token."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def header(self) -> Header:
        name = self._name("the name of the stage")
        said: dict[str, str] = {}
        while (word := self._peek()) in ("app", "file") and self._after(word) == "=":
            self._take()
            self._take()
            said[word] = self._name(f"what {word} is")
        inputs: list[str | Input] = []
        outputs: list[str] = []
        if self._peek() == ":":
            self._take()
            inputs = self._list(self._input)
        if self._peek() == "->":
            self._take()
            outputs = self._list(lambda: self._name("an output"))
        foreach: dict[str, Any] = {}
        while self._peek() == "for":
            self._take()
            item = self._name("the name of an item")
            self._expect("in")
            foreach[item] = self._walked()
        if (rest := self._peek()) is not None:
            raise HeaderError(f"expected the end of the line, found {rest!r}")
        return Header(name, tuple(inputs), tuple(outputs), foreach, said.get("app"), said.get("file"))

    def _list(self, one: Any) -> list[Any]:
        if self._peek() in (None, "->", "for"):
            return []
        found = [one()]
        while self._peek() == ",":
            self._take()
            found.append(one())
        return found

    def _input(self) -> str | Input:
        name = self._name("an input")
        source = called = None
        if self._peek() == "from":
            self._take()
            source = self._name("the stage that it is from")
        if self._peek() == "as":
            self._take()
            called = self._name("what it is called here")
        optional = self._peek() == _OPTIONAL
        if optional:
            self._take()
        if source is None and called is None and not optional:
            return name
        try:
            one = Input(name=name, source=source, called=called)
            return one.with_changes(optional=True) if optional else one
        except ValueError as problem:
            raise HeaderError(f"{name} from {source} as {called}: {problem}") from None

    def _walked(self) -> Any:
        if self._peek() != "[":
            return self._name("the list that is walked")
        try:
            found, self._at = dated_json.list_at(self._text, self._skip())
        except ValueError as problem:
            raise HeaderError(f"expected a list as JSON: {problem}") from None
        return tuple(found)

    def _name(self, what: str) -> str:
        token = self._peek()
        if token is None or token in (",", ":", "=", "->", "[") or token in _WORDS:
            raise HeaderError(f"expected {what}, found {token!r}" if token else f"expected {what} at the end")
        self._take()
        if not token.startswith('"'):
            return token
        try:
            return str(json.loads(token))
        except ValueError as problem:
            raise HeaderError(f"expected {what}: {problem}") from None

    def _expect(self, word: str) -> None:
        if (found := self._peek()) != word:
            raise HeaderError(f"expected {word!r}, found {found!r}")
        self._take()

    def _skip(self) -> int:
        while self._at < len(self._text) and self._text[self._at].isspace():
            self._at += 1
        return self._at

    def _peek(self) -> str | None:
        found = _TOKEN.match(self._text, self._skip())
        if found is None and self._at < len(self._text):
            raise HeaderError(f"cannot read {self._text[self._at :][:40]!r}")
        return found.group() if found else None

    def _after(self, token: str) -> str | None:
        found = _TOKEN.match(self._text, self._at + len(token))
        return found.group() if found else None

    def _take(self) -> None:
        found = _TOKEN.match(self._text, self._skip())
        assert found is not None
        self._at = found.end()
