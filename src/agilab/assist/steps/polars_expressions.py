"""Expressions as Polars writes them."""

from __future__ import annotations

import datetime as dates

from agilab.assist.data.figures import may_be_infinite
from agilab.assist.expressions.nodes import (
    Arithmetic,
    Between,
    Call,
    Choice,
    Column,
    Comparison,
    Literal_,
    Node,
    TextTest,
)
from agilab.assist.steps.writing import (
    CALL,
    Expressions,
    moment_parts,
    quoted,
)

_TEXT_TESTS = {"contains": "contains", "starts with": "starts_with", "ends with": "ends_with"}
_FUNCTIONS = {
    "abs": "{0}.abs()",
    "floor": "{0}.floor()",
    "ceil": "{0}.ceil()",
    "sqrt": "{0}.sqrt().fill_nan(None)",
    "log": "pl.when({0} > 0).then({0}.log())",
    "lower": "{0}.str.to_lowercase()",
    "upper": "{0}.str.to_uppercase()",
    "strip": "{0}.str.strip_chars()",
    "length": "{0}.str.len_chars().cast(pl.Int64)",
    "year": "{0}.dt.year().cast(pl.Int64)",
    "month": "{0}.dt.month().cast(pl.Int64)",
    "day": "{0}.dt.day().cast(pl.Int64)",
    "hour": "{0}.dt.hour().cast(pl.Int64)",
    "weekday": "{0}.dt.weekday().cast(pl.Int64)",
    "date": "{0}.dt.date()",
    "days_between": "({1} - {0}).dt.total_days()",
    "seconds_between": "({1} - {0}).dt.total_microseconds() / 1_000_000",
}


class PolarsExpressions(Expressions):
    """Expressions of Polars. A test of a null gives a null, which a filter takes for a no."""

    missing, known = "is_null", "is_not_null"
    wall_clock = "dt.replace_time_zone(None)"

    def arithmetic(self, node: Arithmetic) -> tuple[str, int]:
        """What infinite numbers leave undefined is a missing value."""
        text, binding = super().arithmetic(node)
        names = [part.name for part in node.walk() if isinstance(part, Column)]
        if node.kind not in ("float", "unknown") or not any(
            may_be_infinite(self.table, one) for one in names
        ):
            return text, binding
        return f"({text}).fill_nan(None)", CALL

    def column(self, node: Column, sure: bool) -> tuple[str, int]:
        return self._sure(f"pl.col({quoted(node.name)})", CALL, sure)

    def moment(self, value: dates.date, zone: str | None) -> str:
        what = "datetime" if isinstance(value, dates.datetime) else "date"
        return f"pl.{what}({moment_parts(value)}{f', time_zone={quoted(zone)}' if zone else ''})"

    def divisor(self, node: Node) -> str:
        return f"{self.text(node, CALL)}.replace(0, None)"

    def comparison(self, node: Comparison, sure: bool) -> tuple[str, int]:
        left, right = self.against(node.left, node.right), self.text(node.right, self.compares + 1)
        constant = isinstance(node.right, Literal_)
        if node.operator == "!=":
            if constant:
                return f"{left}.ne_missing({right})", CALL
            return f"~({left} == {right}).fill_null(False)", self.signs
        if constant and node.left.kind == "bool":
            return self._sure(f"{left}.eq({right})", CALL, sure)
        left = self.against(node.left, node.right, self.compares + 1)
        return self._sure(f"{left} {node.operator} {right}", self.compares, sure)

    def is_in(self, operand: str, values: str, sure: bool) -> tuple[str, int]:
        return self._sure(f"{operand}.is_in({values})", CALL, sure)

    def between(self, node: Between, sure: bool) -> tuple[str, int]:
        low, high = self.text(node.low), self.text(node.high)
        if node.operand.kind == "text":  # bare texts would be names of columns here
            low, high = f"pl.lit({low})", f"pl.lit({high})"
        return self._sure(f"{self.against(node.operand, node.low)}.is_between({low}, {high})", CALL, sure)

    def text_test(self, node: TextTest, sure: bool) -> tuple[str, int]:
        how = _TEXT_TESTS[node.how]
        literal = ", literal=True" if how == "contains" else ""
        text = f"{self.text(node.operand, CALL)}.str.{how}({quoted(node.text)}{literal})"
        return self._sure(text, CALL, sure)

    def function(self, node: Call) -> tuple[str, int]:
        operands = [self.text(argument, CALL) for argument in node.arguments]
        if node.function == "round":
            return f"{operands[0]}.round({operands[1] if len(operands) > 1 else 0})", CALL
        binds = self.compares + 4 if node.function == "seconds_between" else CALL
        return _FUNCTIONS[node.function].format(*operands), binds

    def choice(self, node: Choice) -> tuple[str, int]:
        text = f"pl.when({self.text(node.condition)}).then({self.value(node.then)})"
        nothing = isinstance(node.otherwise, Literal_) and node.otherwise.value is None
        return text if nothing else f"{text}.otherwise({self.value(node.otherwise)})", CALL

    def value(self, node: Node) -> str:
        """A node where a bare text would be the name of a column."""
        # A condition gives yes or no; a column of such may also give nothing.
        text = self.text(node, sure=node.kind == "bool" and not isinstance(node, Column | Choice))
        return f"pl.lit({text})" if node.constant and node.kind == "text" else text

    @staticmethod
    def _sure(text: str, binding: int, sure: bool) -> tuple[str, int]:
        if not sure:
            return text, binding
        return f"{text if binding == CALL else f'({text})'}.fill_null(False)", CALL
