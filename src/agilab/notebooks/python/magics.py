"""From a cell as IPython takes it to plain Python with the same line numbers.

Magics and shell lines are translated where they mean something in Python (`%cd data` is `os.chdir("data")`), and
otherwise left out, or made comments, and reported. Only what Python itself cannot parse is looked at: a line that
begins with `%` in the middle of an expression or a string is Python's.

Where a magic may stand is IPython's rule (`IPython.core.inputtransformer2`); `meanings` says what each one means.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Container
from dataclasses import dataclass, field, replace
from textwrap import dedent

from agilab.notebooks.code.bound_above import bound_by
from agilab.notebooks.code.scanning import scan
from agilab.notebooks.code.syntax import parse
from agilab.notebooks.python.cell_meanings import cell_meaning
from agilab.notebooks.python.meaning import Meaning
from agilab.notebooks.python.meanings import help_meaning, line_meaning, shell_meaning
from agilab.notebooks.python.shell_lines import as_lines, asked_as_lines

AUTOMAGIC = frozenset({
    "autoreload", "cat", "cd", "conda", "config", "cp", "env", "ll", "load_ext", "ls", "man", "matplotlib", "mkdir",
    "more", "mv", "pip", "pushd", "pylab", "reload_ext", "rm", "rmdir", "run", "store", "time", "timeit",
})  # fmt: skip
"""Magics that people write without `%`, as IPython allows where the line is no Python."""

_STAYS = frozenset({"NB-111", "NB-114", "NB-115", "NB-120"})
"""Findings of lines that did something and have no translation: they stay as comments."""
_SHOWS = re.compile(r"(ls|ll|pwd|who|whos|hist|lsmagic)( -\w+)?\s*")
"""Those that are Python, too, and only show something."""


@dataclass(frozen=True)
class Magic:
    """A magic, shell or help line that was found.

    Attributes:
        line: Where it begins, from 1.
        name: "matplotlib", "bash", "!" for the shell, "?" for help, "/" "," ";" for calls without parentheses.
        whole_cell: Whether it takes the cell (`%%name`).
        meaning: What it means.
    """

    line: int
    name: str
    whole_cell: bool
    meaning: Meaning


@dataclass(frozen=True)
class Translated:
    """A cell as Python: as many lines as the cell has, each where it was."""

    python: str
    magics: tuple[Magic, ...] = ()
    prompts: bool = False
    tree: ast.Module | None = None


def translate(
    source: str,
    names: Container[str] = (),
    above: Container[str] | None = None,
    lines_of: Container[str] | None = None,
) -> Translated:
    r"""A cell as Python.

    Args:
        source: The cell's text.
        names: Names that the notebook binds somewhere.
        above: Those that cells above this one bind, where it is known: `$name` in a shell line means Python's only for
            these, and for what lines above it bind; in a function for whatever the notebook binds.
        lines_of: Names whose captured lines are asked for more than a list has (`shell.asked_as_lines`); those of
            this cell, if not known.

    >>> translate("x = 1\n%matplotlib inline\n%cd data").python.splitlines()
    ['x = 1', '', 'import os; os.chdir("data")']
    """
    text = _dedented(source.replace("\r\n", "\n").replace("\r", "\n"))
    tree = parse(text).tree
    if tree is not None and not _may_show(text) and not text.lstrip().startswith("In ["):
        return Translated(text, tree=tree)
    lines, prompts = _bare(text.split("\n"))
    asked = asked_as_lines(text) if lines_of is None else lines_of
    cell = _Cell(lines, names, names if above is None else above, asked)
    cell.translate(parses=tree is not None and not prompts)
    return Translated("\n".join(cell.lines), tuple(cell.magics), prompts)


def _may_show(text: str) -> bool:
    return any(_SHOWS.fullmatch(line.strip()) for line in text.split("\n") if len(line) < 20)


_BLANKS = re.compile(r"^[ \t]+$", re.MULTILINE)


def _dedented(text: str) -> str:
    r"""Without what all its lines are indented by, and without blanks in lines of nothing else, wherever they stand.

    IPython does so since 9.1 to every cell, before anything else: in texts between triple quotes, and files that a
    magic writes, too.

    >>> _dedented("%%writefile a.py\nclass A:\n    \n    pass\n")
    '%%writefile a.py\nclass A:\n\n    pass\n'
    """
    return dedent(text) if _BLANKS.search(text) or text[:1].isspace() else text


_CLASSIC = re.compile(r"(>>>|\.\.\.)( |$)")
_NUMBERED = re.compile(r"(In \[\d+\]: |\s*\.{3,}: ?)")


def _bare(lines: list[str]) -> tuple[list[str], bool]:
    """Without the indentation of the first line, and without prompts (and whether there were any)."""
    first = next((line for line in lines if line.strip()), "")
    indent = first[: len(first) - len(first.lstrip())]
    if indent:
        lines = [line.removeprefix(indent) for line in lines]
        first = first.removeprefix(indent)
    for prompt in (_CLASSIC, _NUMBERED):
        if prompt.match(first):
            return [line[match.end() :] if (match := prompt.match(line)) else line for line in lines], True
    return lines, False


@dataclass
class _Cell:
    """The lines of a cell while they are translated."""

    lines: list[str]
    names: Container[str]
    above: Container[str]
    asked: Container[str]
    magics: list[Magic] = field(default_factory=list)
    budget: int = (
        100_000  # lines looked at: text in which nothing ever closes would take the square of its length
    )

    def translate(self, parses: bool) -> None:
        if not parses and self._cell_magic():
            return
        position = 0
        while position < len(self.lines):
            position = self._statement(position, parses)
        if not parses:
            self._without_percent()

    # ---- the whole cell

    def _cell_magic(self) -> bool:
        first = next((i for i, line in enumerate(self.lines) if not _is_remark(line)), None)
        if first is None:
            return False
        head, rest = self.lines[first].rstrip(), self.lines[first + 1 :]
        match = re.match(r"%%(!|[\w.\-]+)(?:\s+(.*))?$", head) or self._databricks(head, rest)
        if not match:
            return False
        if head == "%python":
            self.lines[first] = ""
            return False
        name, arguments = match[1], (match[2] or "").strip()
        if arguments.endswith("?") and not rest:
            return False
        meaning = cell_meaning(name, arguments, rest, self.above)
        self.magics.append(Magic(first + 1, name, True, meaning))
        if meaning.body is None:
            self.lines[first + 1 :] = [""] * len(rest)
        elif meaning.body == "python":
            inner = _Cell(rest, self.names, self.above, self.asked)
            inner.translate(parses=parse("\n".join(rest)).tree is not None)
            self.lines[first + 1 :] = inner.lines
            self.magics += [Magic(m.line + first + 1, m.name, m.whole_cell, m.meaning) for m in inner.magics]
        else:
            quoted = meaning.body.split("\n")
            self.lines[first + 1 :] = quoted
        self.lines[first] = meaning.python
        return True

    def _databricks(self, head: str, rest: list[str]) -> re.Match[str] | None:
        """`%md`, `%sql`, … alone on the first line take the cell in Databricks' notebooks."""
        if not any(line.strip() for line in rest):
            return None
        match = re.match(r"%(md|sql|scala|r|sh|fs|python)(?:()$)", head)
        return match or re.match(r"%(md)(?:\s+(.*))?$", head)

    # ---- one statement

    def _statement(self, start: int, parses: bool) -> int:
        """Translate the logical line that begins at `start`, if it is none of Python's; the next one's position."""
        line = self.lines[start]
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            return start + 1
        if parses:
            shows = _SHOWS.fullmatch(stripped)
            if shows and shows[1] not in self.names:
                self._replace(start, start + 1, shows[1], line_meaning(shows[1], "", "", self.names))
        elif (stripped[0] in "%!?/,;" or "%" in line or "!" in line) and self._escaped(start):
            return self._joined_end(start)
        end, question = self._statement_end(start)
        if question and not parses and _HELP.search(self.lines[end - 1]):
            self._replace(start, end, "?", help_meaning())
        return end

    def _escaped(self, start: int) -> bool:
        """Translate a line that begins with an escape, or assigns from one; False if it does neither."""
        end = self._joined_end(start)
        text = " ".join(line.rstrip("\\").strip() for line in self.lines[start:end])
        target, text = _assigned(text)
        if text.startswith("!"):
            meaning = shell_meaning(text.lstrip("!").strip(), target, self._known(start))
            self._replace(start, end, "!", self._captured(meaning, target))
        elif text.startswith("%"):
            self._line_magic(start, end, text, target)
        elif text.startswith("?"):
            self._replace(start, end, "?", help_meaning())
        elif call := re.match(r"([/,;])([A-Za-z_][\w.]*)(?:\s+(.*))?$", text):
            self._replace(start, end, call[1], _call(call[1], call[2], call[3] or ""))
        else:
            return False
        return True

    def _line_magic(self, start: int, end: int, text: str, target: str) -> None:
        match = re.match(r"(?:%{1,2}([\w.\-]+)|%)(?:\s+(.*))?$", text, re.DOTALL)
        if not match or text.endswith("?"):
            self._replace(start, end, "?", help_meaning())
            return
        meaning = line_meaning(match[1] or "", match[2] or "", target, self._known(start))
        self._replace(start, end, match[1] or "%", self._captured(meaning, target))

    def _captured(self, meaning: Meaning, target: str) -> Meaning:
        return replace(meaning, python=as_lines(meaning.python, target)) if target in self.asked else meaning

    def _known(self, start: int) -> Container[str]:
        """The names that a line may name: whatever there is, if it stands in a block, which may be a function's."""
        if self.lines[start][:1].isspace() or self.above is self.names:
            return self.names
        return _Known(self.above, self.lines[:start])

    def _statement_end(self, start: int) -> tuple[int, bool]:
        """(position after the logical line that begins at `start`, whether it ends with a question mark)."""
        depth, quote, position = 0, "", start
        while position < len(self.lines) and self.budget > 0:
            depth, quote, joined, question = scan(self.lines[position], depth, quote)
            position += 1
            self.budget -= 1
            if not quote and not joined and depth <= 0:
                return position, question
        return start + 1, False  # never closed: not ours to understand

    def _joined_end(self, start: int) -> int:
        end = start
        while end < len(self.lines) - 1 and self.lines[end].endswith("\\"):
            end += 1
        return end + 1

    def _replace(self, start: int, end: int, name: str, meaning: Meaning) -> None:
        line = self.lines[start]
        indent = line[: len(line) - len(line.lstrip())]
        python = meaning.python or ("pass" if indent else "")
        if not meaning.python and meaning.code in _STAYS:
            remark = " ".join(one.strip().removesuffix("\\").rstrip() for one in self.lines[start:end])
            python = f"{python}  # {remark}".lstrip()
        self.lines[start:end] = [indent + python if python else "", *[""] * (end - start - 1)]
        self.magics.append(Magic(start + 1, name, False, meaning))

    # ---- lines without %

    def _without_percent(self) -> None:
        """Where Python fails at a line that begins with a magic's name, take it for the magic."""
        for _ in range(50):
            failure = parse("\n".join(self.lines))
            if failure.tree is not None or not 0 < failure.line <= len(self.lines):
                return
            start = failure.line - 1
            match = re.match(r"\s*([a-z_]+)(?:\s+([^=(\[.+*%<>,:].*))?$", self.lines[start])
            if not match or match[1] not in AUTOMAGIC or match[1] in self.names:
                return
            meaning = line_meaning(match[1], match[2] or "", "", self.names)
            self._replace(start, start + 1, match[1], meaning.without_percent(match[1]))


class _Known:
    """Names that cells above bind, or lines above."""

    def __init__(self, above: Container[str], lines: list[str]) -> None:
        self._above = above
        self._lines = lines

    def __contains__(self, name: object) -> bool:
        return name in self._above or name in bound_by(self._lines)


_TARGET = re.compile(r"[\w\s.,*()\[\]'\"]+")


def _assigned(text: str) -> tuple[str, str]:
    """("x", "!ls") of `x = !ls`; ("", text) where nothing is assigned from an escape."""
    left, _, right = text.partition("=")
    right = right.lstrip()
    if (
        right[:1] in ("%", "!")
        and right[1:2] != "="
        and _TARGET.fullmatch(left)
        and left.count("(") == left.count(")")
    ):
        return left.strip(), right
    return "", text


_HELP = re.compile(r"(?!\d)[\w*](?:[\w.*]|\[[^\]]+\])*\?\??\s*$")


def _is_remark(line: str) -> bool:
    return not line.strip() or line.lstrip().startswith("#")


def _call(escape: str, function: str, rest: str) -> Meaning:
    """`/f a b` is f(a, b); `,f a b` is f("a", "b"); `;f a b` is f("a b")."""
    words = [rest] if escape == ";" else rest.split()
    inside = ", ".join(word if escape == "/" else repr(word) for word in words)
    return Meaning(f"{function}({inside})")
