"""What both engines share in writing code: quotes, parentheses, and lines that are not too long."""

from __future__ import annotations

import datetime as dates
import itertools
import keyword
from abc import abstractmethod
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from agilab.assist.data.figures import is_categories, is_nullable
from agilab.assist.expressions.nodes import (
    Among,
    Arithmetic,
    Between,
    Call,
    Choice,
    Column,
    Comparison,
    Literal_,
    Logic,
    Missing,
    Negation,
    Negative,
    Node,
    TextTest,
    zones,
)
from agilab.contracts.assistance import TableSchema

WIDTH = 88
_COMPARE, _OR, _AND, _ADD, _TIMES, _SIGN, CALL = range(1, 8)
"""How tightly Python's operators bind; a part that binds less than its place asks for is put in parentheses."""
_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}


def quoted(text: str) -> str:
    """A text as Python writes it, in double quotes where that needs no more escapes.

    >>> print(quoted("it's"), quoted('a "b"'))
    "it's" 'a "b"'
    """
    plain = repr(text)
    return '"' + plain[1:-1].replace("\\'", "'") + '"' if '"' not in text else plain


def listed(names: Iterable[str]) -> str:
    """Texts as a list."""
    return "[" + ", ".join(map(quoted, names)) + "]"


def one_or_list(names: Sequence[str]) -> str:
    """One text by itself, several as a list."""
    return quoted(names[0]) if len(names) == 1 else listed(names)


def named(values: Mapping[str, str]) -> list[str]:
    """Arguments by name, in order; where Python does not have one of the names as such, all go by a dict."""
    if all(map(_is_name, values)):
        return [f"{name}={text}" for name, text in values.items()]
    pairs = [f"{quoted(name)}: {text}" for name, text in values.items()]
    line = f"**{{{', '.join(pairs)}}}"
    return [line] if len(line) < WIDTH else ["**{", *(f"    {pair}," for pair in pairs), "}"]


def _is_name(name: str) -> bool:
    return name.isidentifier() and name.isascii() and not keyword.iskeyword(name) and name != "self"


def call(head: str, arguments: Sequence[str], tail: str = "") -> list[str]:
    """`head(arguments)tail` on one line, or with one argument a line where that would be too long."""
    line = f"{head}({', '.join(arguments)}){tail}"
    if (len(line) <= WIDTH and "**{" not in arguments) or not arguments:
        return [line]
    # An argument that is itself of several lines says so by its brackets; only its last line ends with a comma.
    broken = [line for part in arguments for line in _broken(part)]
    return [f"{head}(", *(f"    {line}" for line in broken), f"){tail}"]


def _broken(argument: str) -> list[str]:
    """An argument with its comma; a chain of calls that is too long for a line has a line for each call."""
    if argument == "**{" or argument.endswith(","):
        return [argument]
    if len(argument) < WIDTH - 4:
        return [f"{argument},"]
    depth, cuts = 0, []
    for position, sign in enumerate(argument):
        depth += (sign in "([{") - (sign in ")]}")
        if depth == 0 and sign == ")" and argument[position + 1 : position + 2] == ".":
            cuts.append(position + 1)
    ends = [0, *cuts, len(argument)]
    return [
        f"{argument[start:end]}{',' if end == len(argument) else ''}"
        for start, end in itertools.pairwise(ends)
    ]


def chain(target: str, start: str, calls: Sequence[str]) -> list[str]:
    """`target = start.call().call()`, one call a line where that would be too long."""
    line = f"{target} = {start}{''.join(calls)}"
    if len(line) <= WIDTH:
        return [line]
    return [f"{target} = (", f"    {start}", *(f"    {part}" for part in calls), ")"]


class Expressions:
    """Writes trees of expressions for one engine.

    What a condition gives is two-valued: yes or no, also for missing values. Some engines leave a third value, which
    is no harm where only a yes counts (`sure=False`) and must become a no elsewhere (`sure=True`).
    """

    def __init__(self, table: TableSchema) -> None:
        self.table = table
        self.uses: set[str] = set()
        """Modules beside the engine's own that the text needs."""

    def text(self, node: Node, binding: int = 0, *, sure: bool = False) -> str:
        """The node as code, in parentheses where it binds less than its place asks for."""
        text, own = self.write(node, sure)
        return f"({text})" if own < binding else text

    def write(self, node: Node, sure: bool) -> tuple[str, int]:
        match node:
            case Literal_():
                return self.literal(node)
            case Column():
                return self.column(node, sure)
            case Negative(operand=operand):
                return f"-{self.text(operand, CALL)}", _SIGN
            case Arithmetic():
                return self.arithmetic(node)
            case Comparison():
                return self.comparison(self._column_first(node), sure)
            case Logic():
                return self.logic(node, sure)
            case Negation(operand=Missing(operand=operand)):
                return f"{self.text(operand, CALL)}.{self.known}()", CALL
            case Negation(operand=Negation(operand=operand)):
                return self.write(operand, sure)
            case Negation(operand=Comparison(operator="==" | "!=" as operator) as inner):
                return self.write(replace(inner, operator="!=" if operator == "==" else "=="), sure)
            case Negation(operand=operand):
                return f"~{self.text(operand, _SIGN, sure=True)}", _SIGN
            case Missing(operand=operand):
                return f"{self.text(operand, CALL)}.{self.missing}()", CALL
            case Among():
                return self.among(node, sure)
            case Between():
                return self.between(node, sure)
            case TextTest():
                return self.text_test(node, sure)
            case Call():
                return self.function(node)
            case Choice():
                return self.choice(node)
        raise AssertionError(node)

    missing = "isna"
    known = "notna"
    wall_clock = "dt.tz_localize(None)"

    def literal(self, node: Literal_) -> tuple[str, int]:
        value = node.value
        if isinstance(value, dates.date):
            return self.moment(value, None), CALL
        text = quoted(value) if isinstance(value, str) else repr(value)
        return text, _SIGN if text.startswith("-") else CALL

    def against(self, operand: Node, literal: Node, binding: int = CALL) -> str:
        """An operand that is compared with a literal, as which moments are wall clocks, whatever their zone."""
        zoned = isinstance(literal, Literal_) and isinstance(literal.value, dates.datetime)
        text = self.text(operand, CALL if zoned else binding)
        return f"{text}.{self.wall_clock}" if zoned and any(zones(operand)) else text

    def arithmetic(self, node: Arithmetic) -> tuple[str, int]:
        own = _ADD if node.operator in "+-" else _TIMES
        divides = node.operator in ("/", "//", "%") and not node.right.constant
        right = self.divisor(node.right) if divides else self.text(node.right, own + 1)
        return f"{self.text(node.left, own)} {node.operator} {right}", own

    def logic(self, node: Logic, sure: bool) -> tuple[str, int]:
        sign, own = ("&", _AND) if node.operator == "and" else ("|", _OR)
        return f" {sign} ".join(self.text(part, own + 1, sure=sure) for part in node.parts), own

    def among(self, node: Among, sure: bool) -> tuple[str, int]:
        kind, values = node.operand.kind, [value.value for value in node.values]
        if kind == "float" and all(isinstance(value, int | float) for value in values):
            values = [float(value) for value in values]
        elif kind == "int":
            values = [int(value) if float(value).is_integer() else value for value in values]
        # A list is of one type, and dates are written by calls; those are compared one by one.
        if (
            kind in ("date", "datetime")
            or len({type(value) for value in values}) > 1
            or (kind in ("int", "unknown") and any(isinstance(value, float) for value in values))
        ):
            tests = tuple(Comparison("==", node.operand, value, kind="bool") for value in node.values)
            return self.write(tests[0] if len(tests) == 1 else Logic("or", tests, kind="bool"), sure)
        texts = ", ".join(self.text(Literal_(value)) for value in values)
        return self.is_in(self.text(node.operand, CALL), f"[{texts}]", sure)

    @staticmethod
    def _column_first(node: Comparison) -> Comparison:
        if isinstance(node.left, Literal_) and not isinstance(node.right, Literal_):
            return replace(node, operator=_MIRRORED[node.operator], left=node.right, right=node.left)
        return node

    @abstractmethod
    def column(self, node: Column, sure: bool) -> tuple[str, int]: ...
    @abstractmethod
    def moment(self, value: dates.date, zone: str | None) -> str: ...
    @abstractmethod
    def divisor(self, node: Node) -> str:
        """The node, binding like a call, with a missing value for 0."""

    @abstractmethod
    def comparison(self, node: Comparison, sure: bool) -> tuple[str, int]: ...
    @abstractmethod
    def is_in(self, operand: str, values: str, sure: bool) -> tuple[str, int]: ...
    @abstractmethod
    def between(self, node: Between, sure: bool) -> tuple[str, int]: ...
    @abstractmethod
    def text_test(self, node: TextTest, sure: bool) -> tuple[str, int]: ...
    @abstractmethod
    def function(self, node: Call) -> tuple[str, int]: ...
    @abstractmethod
    def choice(self, node: Choice) -> tuple[str, int]: ...

    compares, signs = _COMPARE, _SIGN
    """For the engines: how tightly comparisons and signs bind."""


def category_columns(table: TableSchema) -> list[str]:
    """Columns of categories, which are to be their values: engines sort, fill and group categories each in its way."""
    return [column.name for column in table.columns if is_categories(column.type)]


def narrow_columns(table: TableSchema, used: Collection[str]) -> list[str]:
    """Columns of whole numbers, of those that are used, whose type is not the usual one of 64 bits with a sign."""
    usual = ("", "int64", "number")
    return [
        column.name
        for column in table.columns
        if column.kind == "int" and column.type.replace(" ", "").lower() not in usual
        if column.name in used and not is_nullable(column.type)
    ]


def moment_parts(value: dates.date) -> str:
    """The numbers of a moment, as constructors take them, without zeros at the end."""
    parts: list[Any] = [value.year, value.month, value.day]
    if isinstance(value, dates.datetime):
        parts += [value.hour, value.minute, value.second, value.microsecond]
        while len(parts) > 4 and parts[-1] == 0:
            parts.pop()
        if parts[3:] == [0]:
            parts.pop()
    return ", ".join(map(str, parts))
