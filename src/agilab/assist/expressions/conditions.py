"""From the conditions of a document to the same tree as expressions have."""

from __future__ import annotations

from agilab.assist.expressions.nodes import (
    Among,
    Between,
    Column,
    Comparison,
    Literal_,
    Logic,
    Missing,
    Negation,
    Node,
    TextTest,
)
from agilab.contracts.safe_conditions import All, Any_, Not, Test

Condition = Test | All | Any_ | Not


def tree_of(condition: Condition) -> Node:
    """The condition as a tree. `all` of nothing always holds, `any` of nothing never."""
    if isinstance(condition, Not):
        return Negation(tree_of(condition.negated))
    if isinstance(condition, All | Any_):
        parts = tuple(map(tree_of, condition.all if isinstance(condition, All) else condition.any))
        if len(parts) == 1:
            return parts[0]
        return Logic("and" if isinstance(condition, All) else "or", parts)
    return _test(condition)


def _test(test: Test) -> Node:
    column = Column(test.column)
    match test.test:
        case "missing":
            return Missing(column)
        case "known":
            return Negation(Missing(column))
        case "in" | "not in":
            among = Among(column, tuple(map(Literal_, test.values or ())))
            return among if test.test == "in" else Negation(among)
        case "between":
            return Between(column, Literal_(test.low), Literal_(test.high))
        case "contains" | "starts with" | "ends with":
            return TextTest(test.test, column, str(test.value))
        case operator:
            right = Column(test.other) if test.other is not None else Literal_(test.value)
            return Comparison(operator, column, right)
