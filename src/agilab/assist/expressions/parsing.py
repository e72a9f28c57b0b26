"""From text to tree: `distance / duration if duration > 0 else None`. Nothing is ever evaluated.

The grammar is a part of Python's, so Python's own parser takes the text apart, and only what is listed here goes on.
"""

from __future__ import annotations

import ast
import warnings
from typing import NoReturn

from agilab.assist.expressions.functions import FUNCTIONS, TEXT_TESTS
from agilab.assist.expressions.nodes import (
    Among,
    Arithmetic,
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
)

LONGEST = 2_000
_ARITHMETIC: dict[type[ast.operator], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.FloorDiv: "//",
    ast.Mod: "%",
}
_COMPARISON: dict[type[ast.cmpop], str] = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
}


class NotUnderstood(ValueError):
    """The text is no expression of the language.

    Attributes:
        found: The part that is none.
        allowed: What may stand there.
    """

    def __init__(self, what: str, found: str, allowed: str) -> None:
        super().__init__(what)
        self.found, self.allowed = found, allowed


def parsed(text: str) -> Node:
    """The tree of an expression. Raises `NotUnderstood`.

    >>> parsed("a / 2").operator
    '/'
    """
    if len(text) > LONGEST:
        raise NotUnderstood("is too long", f"{len(text)} characters", f"up to {LONGEST}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an invalid escape in a text is the text's own affair
            tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        place = f" at character {error.offset}" if isinstance(error, SyntaxError) and error.offset else ""
        raise NotUnderstood(
            f"is no expression{place}",
            text,
            "columns, numbers, 'texts', + - * / // %, comparisons, functions",
        ) from None
    try:
        return _Reader(text.strip()).node(tree)
    except RecursionError:
        raise NotUnderstood("is nested too deep", text[:80], "a flatter expression") from None


class _Reader:
    """Turns Python's tree into ours, and refuses the rest with the piece of text that it is."""

    def __init__(self, text: str) -> None:
        self.text = text

    def node(self, tree: ast.expr) -> Node:
        match tree:
            case ast.Constant(value=value) if value is None or type(value) in (bool, int, float, str):
                if isinstance(value, float) and value in (float("inf"), float("-inf")):
                    self.refuse("is no finite number", tree)
                return Literal_(value)
            case ast.Name(id=name):
                # JSON's spelling of these is what models and people mix in.
                words: dict[str, object] = {"true": True, "false": False, "null": None}
                return Literal_(words[name]) if name in words else Column(name)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                inner = self.node(operand)
                if isinstance(inner, Literal_) and type(inner.value) in (int, float):
                    return Literal_(-inner.value)
                return Negative(inner)
            case ast.UnaryOp(op=ast.UAdd(), operand=operand):
                return self.node(operand)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return Negation(self.node(operand))
            case ast.BinOp(left=left, op=operator, right=right) if type(operator) in _ARITHMETIC:
                return Arithmetic(_ARITHMETIC[type(operator)], self.node(left), self.node(right))
            case ast.BoolOp(op=operator_, values=values):
                word = "and" if isinstance(operator_, ast.And) else "or"
                return Logic(word, tuple(map(self.node, values)))  # type: ignore[arg-type]  # one of the two
            case ast.Compare():
                return self.comparison(tree)
            case ast.IfExp(test=test, body=body, orelse=orelse):
                return Choice(self.node(test), self.node(body), self.node(orelse))
            case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
                return self.call(name, arguments, tree)
            case _:
                self.refuse("has a part that this language does not have", tree)
        return None

    def comparison(self, tree: ast.Compare) -> Node:
        parts: list[Node] = []
        for left, operator, right in zip(
            [tree.left, *tree.comparators], tree.ops, tree.comparators, strict=False
        ):
            if isinstance(operator, (ast.Is, ast.IsNot)) and self._is_none(right):
                test: Node = Missing(self.node(left))
                parts.append(test if isinstance(operator, ast.Is) else Negation(test))
            elif isinstance(operator, (ast.In, ast.NotIn)):
                among: Node = Among(self.node(left), self.literals(right))
                parts.append(among if isinstance(operator, ast.In) else Negation(among))
            elif type(operator) in _COMPARISON:
                parts.append(Comparison(_COMPARISON[type(operator)], self.node(left), self.node(right)))
            else:
                self.refuse("has a test that this language does not have", tree)
        return parts[0] if len(parts) == 1 else Logic("and", tuple(parts))

    def literals(self, tree: ast.expr) -> tuple[Literal_, ...]:
        items = tree.elts if isinstance(tree, (ast.List, ast.Tuple, ast.Set)) else []
        found = [node for item in items if isinstance(node := self.node(item), Literal_)]
        if not found or len(found) != len(items) or any(node.value is None for node in found):
            self.refuse("has `in` without a list of values", tree)
        return tuple(found)

    def call(self, name: str, arguments: list[ast.expr], tree: ast.expr) -> Node:
        if name == "col":
            match arguments:
                case [ast.Constant(value=str(column))]:
                    return Column(column)
            self.refuse("has `col` without one name in quotes", tree)
        if name not in FUNCTIONS:
            raise NotUnderstood("has a function that there is not", name, ", ".join(sorted(FUNCTIONS)))
        function = FUNCTIONS[name]
        given = tuple(map(self.node, arguments))
        if not len(function.takes) - function.optional <= len(given) <= len(function.takes):
            raise NotUnderstood(f"calls {name} with {len(given)} arguments", self.piece(tree), function.usage)
        if name == "missing":
            return Missing(given[0])
        if name in TEXT_TESTS:
            match given:
                case (operand, Literal_(value=str(text))):
                    return TextTest(TEXT_TESTS[name], operand, text)  # type: ignore[arg-type]  # one of three
            raise NotUnderstood(f"calls {name} without a text", self.piece(tree), function.usage)
        return Call(name, given)

    def piece(self, tree: ast.expr) -> str:
        return ast.get_source_segment(self.text, tree) or self.text

    def refuse(self, what: str, tree: ast.expr) -> NoReturn:
        raise NotUnderstood(
            what,
            self.piece(tree),
            "columns (col('…') for odd names), literals, + - * / // %, comparisons, and or not in, "
            "`a if … else b`, functions",
        )

    @staticmethod
    def _is_none(tree: ast.expr) -> bool:
        return (isinstance(tree, ast.Constant) and tree.value is None) or (
            isinstance(tree, ast.Name) and tree.id == "null"
        )
