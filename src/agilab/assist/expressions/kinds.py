"""Which kind of values an expression gives, judged against the columns there are.

Literals are made to fit: `'2026-11-23'` beside a column of dates becomes a date.
"""

from __future__ import annotations

import datetime as dates
from collections.abc import Callable, Sequence
from dataclasses import replace
from difflib import get_close_matches
from operator import add, floordiv, mod, mul, sub, truediv

from agilab.assist.data.figures import zone_of
from agilab.assist.expressions.functions import FUNCTIONS
from agilab.assist.expressions.nodes import (
    Among,
    Arithmetic,
    Between,
    Call,
    Choice,
    Column,
    Comparison,
    Kind,
    Literal_,
    Logic,
    Missing,
    Negation,
    Negative,
    Node,
    TextTest,
    zones,
)
from agilab.assist.expressions.parsing import NotUnderstood
from agilab.contracts.assistance import TableSchema

_NUMBERS = ("int", "float")
_OPERATIONS: dict[str, Callable[[float, float], float]] = {
    "+": add,
    "-": sub,
    "*": mul,
    "/": truediv,
    "//": floordiv,
    "%": mod,
}
_MOMENTS = ("date", "datetime")
_DIGITS = 15
"""Behind the point: a float has no more."""
WORDS: dict[Kind, str] = {
    "int": "whole numbers",
    "float": "numbers",
    "bool": "yes or no",
    "text": "text",
    "date": "dates",
    "datetime": "moments",
    "other": "values of another kind",
    "unknown": "values of a kind that nobody knows",
}


def resolve(node: Node, table: TableSchema) -> Node:
    """The tree with the kind of every part. Raises `NotUnderstood` where a column is not there or does not fit."""
    return _Resolver(table).node(node)


def written_number(node: Node) -> float | None:
    """What a part without columns comes to, as a number; None where it is none, or divides by nothing itself."""
    match node:
        case Literal_(value=int() | float() as value) if not isinstance(value, bool):
            return float(value)
        case Negative(operand=operand):
            inner = written_number(operand)
            return None if inner is None else -inner
        case Arithmetic(operator=operator, left=left, right=right):
            a, b = written_number(left), written_number(right)
            if a is None or b is None or (operator in ("/", "//", "%") and b == 0):
                return None
            return _OPERATIONS[operator](a, b)
    return None


def column_kind(name: str, table: TableSchema) -> Kind:
    """The kind of a column. Raises `NotUnderstood`, with the nearest name, where there is none."""
    column = table.column(name)
    if column is not None:
        return column.kind
    if not table.known:
        return "unknown"
    names = [column.name for column in table.columns]
    close = get_close_matches(name, names, n=1, cutoff=0.6) or [
        other for other in names if other.casefold() == name.casefold()
    ]
    meant = f"{close[0]!r} (did you mean that?) of " if close else ""
    shown = ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "")
    if name in table.index:
        shown += f"; {name} is the index, which is no column before a reset_index()"
    raise NotUnderstood("names a column that is not there", repr(name), meant + shown)


def fitted(literal: Literal_, kind: Kind, what: str) -> Literal_:
    """The literal as a value of this kind. Raises `NotUnderstood` where it is none."""
    value = literal.value
    if value is None or kind == "unknown":
        return replace(literal, kind=_kind_of(value)) if value is not None else replace(literal, kind=kind)
    given = _kind_of(value)
    if given == kind or (given in _NUMBERS and kind in _NUMBERS):
        return replace(literal, kind=given)
    if given == "text" and kind in _MOMENTS:
        return _moment(str(value), kind, what)
    raise NotUnderstood(f"compares {what} with something else", repr(value), _example(kind))


def _moment(text: str, kind: Kind, what: str) -> Literal_:
    try:
        moment = dates.datetime.fromisoformat(text)
    except ValueError:
        raise NotUnderstood(f"compares {what} with something else", repr(text), _example(kind)) from None
    if moment.tzinfo is not None:
        raise NotUnderstood(
            f"compares {what} with a moment of a zone", repr(text), "the wall clock of the column: no zone"
        )
    if kind == "date":
        if moment.time() != dates.time():
            raise NotUnderstood(f"compares {what} with a time of day", repr(text), _example(kind))
        return Literal_(moment.date(), kind="date")
    return Literal_(moment, kind="datetime")


def _example(kind: Kind) -> str:
    return {
        "int": "a number",
        "float": "a number",
        "bool": "true or false",
        "text": "a text",
        "date": "a date such as 2026-11-23",
        "datetime": "a moment such as 2026-11-23T03:44:12",
    }.get(kind, "nothing: this kind of values cannot be compared")


def _kind_of(value: object) -> Kind:
    if isinstance(value, bool):
        return "bool"
    return "int" if isinstance(value, int) else "float" if isinstance(value, float) else "text"


class _Resolver:
    def __init__(self, table: TableSchema) -> None:
        self.table = table

    def node(self, node: Node) -> Node:
        match node:
            case Literal_(value=value):
                return node if value is None else replace(node, kind=_kind_of(value))
            case Column(name=name):
                kind, column = column_kind(name, self.table), self.table.column(name)
                zone = zone_of(column.type) if column is not None and kind == "datetime" else None
                return replace(node, kind=kind, zone=zone)
            case Negative(operand=operand):
                inner = self.of(operand, _NUMBERS, "turns the sign of")
                return replace(node, operand=inner, kind=inner.kind)
            case Arithmetic():
                return self.arithmetic(node)
            case Comparison(left=left, right=right):
                a, b = self.pair(left, right)
                if a.kind == "bool" and node.operator not in ("==", "!="):
                    raise NotUnderstood("orders yes and no", _name(a), "== or !=")
                return replace(node, left=a, right=b, kind="bool")
            case Logic(parts=parts):
                return replace(
                    node, parts=tuple(self.of(part, ("bool",), "joins") for part in parts), kind="bool"
                )
            case Negation(operand=operand):
                return replace(node, operand=self.of(operand, ("bool",), "negates"), kind="bool")
            case Missing(operand=operand):
                return replace(node, operand=self.with_column(self.node(operand)), kind="bool")
            case Among(operand=operand, values=values):
                inner = self.with_column(self.node(operand))
                fit = tuple(fitted(value, inner.kind, _name(inner)) for value in values)
                return replace(node, operand=inner, values=fit, kind="bool")
            case Between(operand=operand, low=low, high=high):
                inner = self.with_column(self.node(operand))
                if inner.kind == "bool":
                    raise NotUnderstood("orders yes and no", _name(inner), "== or !=")
                bounds = [fitted(bound, inner.kind, _name(inner)) for bound in (low, high)]
                return replace(node, operand=inner, low=bounds[0], high=bounds[1], kind="bool")
            case TextTest(operand=operand):
                inner = self.with_column(self.of(operand, ("text",), f"asks what {node.how}"))
                return replace(node, operand=inner, kind="bool")
            case Call():
                return self.call(node)
            case Choice():
                return self.choice(node)
        raise AssertionError(node)

    def of(self, node: Node, kinds: Sequence[str], doing: str) -> Node:
        """The part, if it is of one of these kinds."""
        inner = self.node(node)
        if inner.kind not in (*kinds, "unknown") or (isinstance(inner, Literal_) and inner.value is None):
            raise NotUnderstood(
                f"{doing} {WORDS[inner.kind]}",
                _name(inner),
                " or ".join(dict.fromkeys(WORDS[kind] for kind in kinds)),  # type: ignore[index]  # "unknown" is none of them
            )
        return inner

    def with_column(self, node: Node) -> Node:
        if node.constant:
            raise NotUnderstood("asks something of what is written out", _name(node), "a column in it")
        return node

    def arithmetic(self, node: Arithmetic) -> Node:
        kinds: tuple[str, ...] = ("int", "float", "text") if node.operator == "+" else _NUMBERS
        doing = "computes with"
        if node.operator in ("//", "%"):
            # What is left of 7.0 after dividing by 0.1 depends on how a library rounds.
            kinds, doing = ("int",), f"takes {node.operator} (for others: floor(a / b)) of"
        left, right = (self.of(part, kinds, doing) for part in (node.left, node.right))
        if "text" in (left.kind, right.kind):
            if {left.kind, right.kind} - {"text", "unknown"}:
                raise NotUnderstood("adds text and a number", _name(node), "two texts, or two numbers")
            return replace(node, left=left, right=right, kind="text")
        if node.operator in ("/", "//", "%") and right.constant and written_number(right) == 0:
            raise NotUnderstood("divides by nothing", _name(node), "a divisor that is not 0")
        both = {left.kind, right.kind}
        kind: Kind = "unknown" if "unknown" in both else "int" if both == {"int"} else "float"
        return replace(node, left=left, right=right, kind="float" if node.operator == "/" else kind)

    def pair(self, left: Node, right: Node) -> tuple[Node, Node]:
        """Two sides that can be compared."""
        a, b = self.node(left), self.node(right)
        if any(isinstance(side, Literal_) and side.value is None for side in (a, b)):
            raise NotUnderstood("compares with nothing", "None", "missing(column), or `column is None`")
        if isinstance(b, Literal_) and not isinstance(a, Literal_):
            b = fitted(b, a.kind, _name(a))
        elif isinstance(a, Literal_) and not isinstance(b, Literal_):
            a = fitted(a, b.kind, _name(b))
        if a.constant and b.constant:
            raise NotUnderstood("compares what is written out", _name(a), "a column on one side")
        kinds = {"float" if side.kind == "int" else side.kind for side in (a, b)} - {"unknown"}
        if len(kinds) > 1 or "other" in kinds:
            raise NotUnderstood(
                "compares what does not compare",
                f"{_name(a)} ({WORDS[a.kind]}) and {_name(b)} ({WORDS[b.kind]})",
                "two of one kind",
            )
        one_clock("compares", a, b)
        return a, b

    def call(self, node: Call) -> Node:
        function = FUNCTIONS[node.function]
        arguments = tuple(
            self.of(argument, kinds, f"takes the {node.function} of")
            for argument, kinds in zip(node.arguments, function.takes, strict=False)
        )
        required = len(function.takes) - function.optional
        if any(not isinstance(argument, Literal_) for argument in arguments[required:]):
            raise NotUnderstood(
                f"calls {node.function} with a column where a number is written out",
                _name(arguments[-1]),
                function.usage,
            )
        self.with_column(arguments[0])
        if node.function == "round" and len(arguments) > 1:
            digits = arguments[1].value if isinstance(arguments[1], Literal_) else 0
            if not 0 <= digits <= _DIGITS:
                raise NotUnderstood(
                    "rounds to other digits than those behind the point",
                    f"{digits} digits",
                    f"0 to {_DIGITS}; to hundreds, round(x / 100) * 100",
                )
        if node.function.endswith("_between"):
            self.with_column(arguments[1])
            one_clock("compares", *arguments)
        return replace(node, arguments=arguments, kind=function.gives or arguments[0].kind)

    def choice(self, node: Choice) -> Node:
        condition = self.with_column(self.of(node.condition, ("bool",), "chooses by"))
        then, otherwise = self.node(node.then), self.node(node.otherwise)
        known = [part.kind for part in (then, otherwise) if not _nothing(part)]
        if not known:
            raise NotUnderstood("chooses between nothing and nothing", "None", "a value on one side")
        kinds = {"float" if kind == "int" else kind for kind in known} - {"unknown"}
        if len(kinds) > 1:
            raise NotUnderstood(
                "chooses between two kinds",
                " and ".join(WORDS[kind] for kind in known),
                "one kind on both sides",
            )
        one_clock("chooses between", then, otherwise)
        kind: Kind = known[0] if len(set(known)) == 1 else "float" if "unknown" not in known else "unknown"
        return replace(node, condition=condition, then=then, otherwise=otherwise, kind=kind)


def one_clock(doing: str, *nodes: Node) -> None:
    """Raises `NotUnderstood` where moments of two zones, or with a zone and without, would meet."""
    found = set[str | None]().union(*map(zones, nodes))
    if len(found) > 1:
        names = sorted(zone or "no zone" for zone in found)
        raise NotUnderstood(
            f"{doing} moments of several zones",
            " and ".join(names),
            "one zone: convert them in the stage before",
        )


def _nothing(node: Node) -> bool:
    return isinstance(node, Literal_) and node.value is None


def _name(node: Node) -> str:
    """A part as an error calls it."""
    if isinstance(node, Column):
        return node.name
    if isinstance(node, Literal_):
        return repr(node.value)
    columns = [part.name for part in node.walk() if isinstance(part, Column)]
    return f"what is computed from {', '.join(dict.fromkeys(columns))}" if columns else "what is written out"
