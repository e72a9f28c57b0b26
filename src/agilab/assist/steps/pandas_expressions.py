"""Expressions as pandas writes them."""

from __future__ import annotations

import datetime as dates

from agilab.assist.expressions.nodes import (
    Between,
    Call,
    Choice,
    Column,
    Comparison,
    Literal_,
    Logic,
    Node,
    TextTest,
    zones,
)
from agilab.assist.steps.writing import (
    CALL,
    Expressions,
    quoted,
)
from agilab.contracts.assistance import TableSchema

NUMPY = "import numpy as np"
_TEXT_TESTS = {"contains": "contains", "starts with": "startswith", "ends with": "endswith"}
_FUNCTIONS = {
    "abs": "{0}.abs()",
    "floor": "np.floor({0})",
    "ceil": "np.ceil({0})",
    "sqrt": "np.sqrt({0}.where(lambda x: x >= 0))",
    "log": "np.log({0}.where(lambda x: x > 0))",
    # As Python has them: of a sharp s, the capitals of pandas' own method follow what holds its texts.
    "lower": '{0}.map(str.lower, na_action="ignore").astype(object)',  # texts, also where all are missing
    "upper": '{0}.map(str.upper, na_action="ignore").astype(object)',
    "strip": "{0}.str.strip()",
    "length": "{0}.str.len()",
    "year": "{0}.dt.year",
    "month": "{0}.dt.month",
    "day": "{0}.dt.day",
    "hour": "{0}.dt.hour",
    "weekday": "{0}.dt.day_of_week + 1",
    "date": "{0}.dt.normalize()",
    "days_between": "({1} - {0}).dt.days",
    "seconds_between": "({1} - {0}).dt.total_seconds()",
}
_METHODS = {"==": "eq", "!=": "ne"}


class PandasExpressions(Expressions):
    """Expressions of pandas. A test of a missing value gives a no by itself, save for columns of yes and no."""

    def __init__(self, table: TableSchema, frame: str) -> None:
        super().__init__(table)
        self.frame = frame

    def column(self, node: Column, sure: bool) -> tuple[str, int]:
        return f"{self.frame}[{quoted(node.name)}]", CALL

    def text(self, node: Node, binding: int = 0, *, sure: bool = False) -> str:
        """As above; a column of yes and no that may lack values is asked for its yes where a condition stands."""
        if sure and isinstance(node, Column | Choice):
            return self._two_valued(f"{super().text(node, CALL)}.eq(True)", CALL, node)[0]
        return super().text(node, binding, sure=sure)

    def condition(self, node: Node, binding: int = 0) -> str:
        """A condition, as a column of True and False."""
        return self.text(node, binding, sure=True)

    def moment(self, value: dates.date, zone: str | None) -> str:
        text = value.isoformat() if isinstance(value, dates.datetime) else str(value)
        return f"pd.Timestamp({quoted(text)}{f', tz={quoted(zone)}' if zone else ''})"

    def divisor(self, node: Node) -> str:
        return f'{self.text(node, CALL)}.replace(0, float("nan"))'

    def comparison(self, node: Comparison, sure: bool) -> tuple[str, int]:
        right = self.text(node.right, self.compares + 1)
        if isinstance(node.right, Literal_) and node.left.kind == "bool":
            return f"{self.text(node.left, CALL)}.{_METHODS[node.operator]}({right})", CALL
        left = self.against(node.left, node.right, self.compares + 1)
        text = f"{left} {node.operator} {right}"
        return self._two_valued(text, self.compares, node, missing=node.operator == "!=")

    @staticmethod
    def _two_valued(text: str, binding: int, node: Node, *, missing: bool = False) -> tuple[str, int]:
        """A test that gives yes or no. Of a column that nobody knows, it may give nothing for a missing value."""
        if not any(part.kind == "unknown" for part in node.walk() if isinstance(part, Column)):
            return text, binding
        return f"{text if binding == CALL else f'({text})'}.fillna({missing})", CALL

    def is_in(self, operand: str, values: str, sure: bool) -> tuple[str, int]:
        return f"{operand}.isin({values})", CALL

    def between(self, node: Between, sure: bool) -> tuple[str, int]:
        operand = self.against(node.operand, node.low)
        text = f"{operand}.between({self.text(node.low)}, {self.text(node.high)})"
        return self._two_valued(text, CALL, node)

    def text_test(self, node: TextTest, sure: bool) -> tuple[str, int]:
        how = _TEXT_TESTS[node.how]
        literal = ", regex=False" if how == "contains" else ""
        return f"{self.text(node.operand, CALL)}.str.{how}({quoted(node.text)}{literal}, na=False)", CALL

    def logic(self, node: Logic, sure: bool) -> tuple[str, int]:
        return super().logic(node, True)

    def function(self, node: Call) -> tuple[str, int]:
        operands = [self.text(argument, CALL) for argument in node.arguments]
        if node.function == "round":
            return f"{operands[0]}.round({operands[1] if len(operands) > 1 else ''})", CALL
        text = _FUNCTIONS[node.function].format(*operands)
        if node.function == "date" and any(zones(node.arguments[0])):
            text = f"{operands[0]}.{self.wall_clock}.dt.normalize()"
        if text.startswith("np."):
            self.uses.add(NUMPY)
        return text, self.compares + 3 if node.function == "weekday" else CALL

    def choice(self, node: Choice) -> tuple[str, int]:
        condition = self.condition(node.condition)
        then, otherwise = node.then, node.otherwise
        if not then.constant:
            return f"{self.text(then, CALL)}.where({condition}{self._and(otherwise)})", CALL
        if not otherwise.constant:
            return f"{self.text(otherwise, CALL)}.mask({condition}{self._and(then)})", CALL
        if isinstance(otherwise, Literal_) and otherwise.value is None:
            return f"{self._repeated(then)}.where({condition})", CALL
        return f"{self._repeated(otherwise)}.mask({condition}{self._and(then)})", CALL

    def _repeated(self, constant: Node) -> str:
        return f"pd.Series({self.text(constant)}, index={self.frame}.index)"

    def _and(self, node: Node) -> str:
        return "" if isinstance(node, Literal_) and node.value is None else f", {self.text(node)}"
