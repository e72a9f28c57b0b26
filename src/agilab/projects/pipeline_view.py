"""`pipeline_view.dot`: the picture of an app that somebody drew by hand, read as nodes and edges.

As much of the DOT language (<https://graphviz.org/doc/info/lang.html>) as such a picture needs: statements of nodes
and edges, chains, attributes, subgraphs, quoted names, comments. Ports and HTML labels are taken in and forgotten.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from agi_node.errors import FAILED, AgiError

_TOKEN = re.compile(
    r"""(?P<skip>\s+|//[^\n]*|/\*.*?\*/|^\#[^\n]*)
      | (?P<quoted>"(?:[^"\\]|\\.)*")
      | (?P<html><(?:[^<>]|<[^<>]*>)*>)
      | (?P<arrow>->|--)
      | (?P<sign>[{}\[\];,=:+])
      | (?P<name>[A-Za-z_\x80-\uffff][\w\x80-\uffff]*|-?(?:\.\d+|\d+(?:\.\d*)?))""",
    re.VERBOSE | re.DOTALL | re.MULTILINE,
)
_DEFAULTS = ("graph", "node", "edge")
_KEYWORDS = ("strict", "digraph", "subgraph", *_DEFAULTS)
"""Words of the language, in capitals or not: as names they need quotes."""

Edge = tuple[str, str]


@dataclass(frozen=True)
class PipelineView:
    """What the picture shows.

    Attributes:
        nodes: Names, in the order in which they first appear.
        edges: (from, to), each once.
    """

    nodes: tuple[str, ...]
    edges: tuple[Edge, ...]

    def among(self, names: Iterable[str]) -> set[Edge]:
        """The edges between these nodes, those that lead over other nodes too: `plan -> data -> work` joins both."""
        wanted = set(names)
        after: dict[str, list[str]] = {}
        for start, end in self.edges:
            after.setdefault(start, []).append(end)
        found: set[Edge] = set()
        for start in wanted:
            seen, waiting = {start}, list(after.get(start, ()))
            while waiting:
                at = waiting.pop()
                if at in wanted:
                    found.add((start, at))
                elif at not in seen:
                    seen.add(at)
                    waiting += after.get(at, ())
        return found


def read_view(text: str, where: str = "pipeline_view.dot") -> PipelineView:
    """The nodes and edges of a picture. Raises AGI-VIEW-001 with the line where it is no directed graph.

    >>> read_view('digraph d { a [label="b -> c"]; a -> b -> c; }')
    PipelineView(nodes=('a', 'b', 'c'), edges=(('a', 'b'), ('b', 'c')))
    """
    return _Reader(_tokens(text, where), where).graph()


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    line: int


def _tokens(text: str, where: str) -> list[_Token]:
    found, at = [], 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        line = text.count("\n", 0, at) + 1
        if match is None:
            raise _refusal(where, line, text[at : at + 20].splitlines()[0], "the language of graphviz")
        kind, value = str(match.lastgroup), match[0]
        if kind == "name" and value.lower() in _KEYWORDS:
            kind, value = "keyword", value.lower()
        if kind == "quoted":
            kind, value = "name", value[1:-1].replace('\\"', '"')
        if kind != "skip":
            found.append(_Token(kind, value, line))
        at = match.end()
    return found


class _Reader:
    """Goes through the tokens once, from statement to statement."""

    def __init__(self, tokens: Sequence[_Token], where: str) -> None:
        self._tokens = tokens
        self._where = where
        self._at = 0
        self._nodes: dict[str, None] = {}
        self._edges: dict[Edge, None] = {}

    def graph(self) -> PipelineView:
        self._take_word("strict")
        if not self._take_word("digraph"):
            raise self._wrong("digraph NAME { … }")
        if self._peek().kind == "name":
            self._next()
        self._expect("{")
        self._statements()
        if self._at < len(self._tokens):
            raise self._wrong("nothing after the graph")
        return PipelineView(tuple(self._nodes), tuple(self._edges))

    def _statements(self) -> set[str]:
        """Everything up to the closing brace; returns the nodes in it."""
        inside: set[str] = set()
        while not self._take("}"):
            if self._take(";") or self._take(","):
                continue
            inside |= self._statement()
        return inside

    def _statement(self) -> set[str]:
        token = self._peek()
        if token.kind == "keyword" and token.text in _DEFAULTS:
            self._next()
            if self._peek().text != "[":
                raise self._wrong(f"[ … ] behind {token.text}, or quotes around a node of that name")
            self._attributes()
            return set()
        if token.kind == "name" and self._after().text == "=":
            self._at += 2
            self._next()
            return set()
        ends = self._end()
        inside = set(ends)
        while self._peek().kind == "arrow":
            if self._next().text != "->":
                self._at -= 1
                raise self._wrong("-> between nodes of a digraph")
            following = self._end()
            self._edges |= dict.fromkeys((a, b) for a in sorted(ends) for b in sorted(following))
            inside |= following
            ends = following
        self._attributes()
        return inside

    def _end(self) -> set[str]:
        """What an edge may join: a node, or all nodes of a subgraph."""
        if self._take_word("subgraph") and self._peek().kind == "name":
            self._next()
        if self._take("{"):
            return self._statements()
        token = self._next()
        if token.kind not in ("name", "html"):
            self._at -= 1
            raise self._wrong("a node")
        while self._take(":"):
            self._next()
        self._nodes[token.text] = None
        return {token.text}

    def _attributes(self) -> None:
        while self._take("["):
            while not self._take("]"):
                self._next()

    def _peek(self) -> _Token:
        last = self._tokens[-1].line if self._tokens else 1
        return self._tokens[self._at] if self._at < len(self._tokens) else _Token("end", "", last)

    def _after(self) -> _Token:
        beyond = self._at + 1
        return self._tokens[beyond] if beyond < len(self._tokens) else _Token("end", "", 1)

    def _next(self) -> _Token:
        token = self._peek()
        if token.kind == "end":
            raise self._wrong("the graph goes on until its closing brace")
        self._at += 1
        return token

    def _take(self, sign: str) -> bool:
        taken = self._peek().kind == "sign" and self._peek().text == sign
        self._at += taken
        return taken

    def _take_word(self, word: str) -> bool:
        taken = self._peek().kind == "keyword" and self._peek().text == word
        self._at += taken
        return taken

    def _expect(self, sign: str) -> None:
        if not self._take(sign):
            raise self._wrong(sign)

    def _wrong(self, allowed: str) -> AgiError:
        return _refusal(self._where, self._peek().line, self._peek().text or "the end", allowed)


def _refusal(where: str, line: int, found: str, allowed: str) -> AgiError:
    return AgiError(
        "AGI-VIEW-001",
        f"{where}, line {line}: this is no directed graph",
        found=found,
        allowed=allowed,
        try_=f"dot -Tsvg {where}",
        whose="author",
        exit_code=FAILED,
    )
