"""Where code parts: what has to turn out so that a statement is come to."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from itertools import islice

LONGEST = 60
"""Characters of a condition that may be said."""
BRANCHING = (ast.If, ast.IfExp, ast.While, ast.Match, ast.Try, ast.TryStar, ast.BoolOp)
"""Nodes of which not every part is come to. A loop `for` is not among them: it is taken to have something to walk."""


IN_A_TRY = "if nothing fails before it"
"""Why what stands in a `try` may not be done."""


@dataclass(frozen=True)
class Turn:
    """One way on from a place where code parts.

    Attributes:
        at: The place: line and column, the cell before them where several are looked at.
        number: Which of the ways.
        count: How many there are: whoever is on each of them is come to for certain. 0 where there is no knowing.
        word: Of what kind it is: "if", "if something fails".
        test: What decides.
        absent: The file's name, where the way is taken only if that is not there.
    """

    at: tuple[int, ...]
    number: int
    count: int
    word: str
    test: ast.expr | None = field(default=None, compare=False, repr=False)
    absent: ast.expr | None = field(default=None, compare=False, repr=False)

    @classmethod
    def at_node(
        cls,
        node: ast.AST,
        number: int,
        count: int,
        word: str,
        test: ast.expr | None = None,
        absent: ast.expr | None = None,
    ) -> Turn:
        """A way on from a node."""
        at = getattr(node, "lineno", 0), getattr(node, "col_offset", 0)
        return cls(at, number, count, word, test, absent)

    @property
    def present(self) -> ast.expr | None:
        """The file's name, where the way is taken only if that is there."""
        return _absent(self.test, negative=False) if self.test is not None and self.word == "if" else None

    @property
    def why(self) -> str:
        """In words: "if verbose"."""
        if self.test is None:
            return self.word
        said = _said(self.test)
        whole = not self.word.endswith("not") or isinstance(self.test, ast.Name | ast.Attribute | ast.Call)
        return f"{self.word} {said if whole else f'({said})'}"


def certain(alternatives: Collection[tuple[Turn, ...]]) -> bool:
    """Whether at least one of several places is come to, whatever turns out.

    >>> yes, no = Turn((1, 0), 0, 2, "if"), Turn((1, 0), 1, 2, "if not")
    >>> certain([(yes,)]), certain([(yes,), (no,)]), certain([(yes, no), ()])
    (False, True, True)
    """
    left = set(alternatives)
    while () not in left:
        groups: dict[tuple[tuple[Turn, ...], tuple[int, ...], int], set[int]] = {}
        for one in left:
            *before, last = one
            groups.setdefault((tuple(before), last.at, last.count), set()).add(last.number)
        more = {before for (before, _, count), numbers in groups.items() if 0 < count <= len(numbers)} - left
        if not more:
            return False
        left |= more
    return True


def branches(node: ast.AST) -> dict[ast.AST, Turn]:
    """Of a node of `BRANCHING`, the parts that are not come to for certain."""
    return {part: way for parts, way in _branches(node) for part in parts}


def _branches(node: ast.AST) -> Iterator[tuple[Collection[ast.AST], Turn]]:
    if isinstance(node, ast.If | ast.IfExp):
        always = _always(node.test)
        body, orelse = ((part if isinstance(part, list) else [part]) for part in (node.body, node.orelse))
        if not always:
            yield body, Turn.at_node(node, 0, 2, "if", node.test, _absent(node.test))
        yield orelse, Turn.at_node(node, 1, 2, "if not", node.test, _absent(node.test, negative=False))
    elif isinstance(node, ast.While):
        if not _always(node.test):
            yield node.body, Turn.at_node(node, 0, 0, "while", node.test)
    elif isinstance(node, ast.BoolOp):
        word = "if" if isinstance(node.op, ast.And) else "if not"
        yield node.values[1:], Turn.at_node(node, 0, 0, word, node.values[0])
    elif isinstance(node, ast.Match):
        last = node.cases[-1]
        count = len(node.cases) + (last.guard is not None or not _takes_all(last.pattern))
        for number, case in enumerate(node.cases):
            yield [case], Turn.at_node(node, number, count, "in a case of", node.subject)
    elif isinstance(node, ast.Try | ast.TryStar):
        going_on = [one for one in node.handlers if not isinstance(one.body[-1], ast.Raise)]
        count = len(going_on) + 1
        if going_on:
            yield [*node.body, *node.orelse], Turn.at_node(node, 0, count, IN_A_TRY)
        for handler in node.handlers:
            number = going_on.index(handler) + 1 if handler in going_on else 0
            yield [handler], Turn.at_node(node, number, count if number else 0, "if something fails")


def _always(test: ast.expr) -> bool:
    """Whether a condition holds in every run: `True`, `1`, `__name__ == "__main__"`."""
    if isinstance(test, ast.Constant):
        return bool(test.value)
    return (
        isinstance(test, ast.Compare)
        and isinstance(test.left, ast.Name)
        and test.left.id == "__name__"
        and isinstance(test.ops[0], ast.Eq)
        and isinstance(test.comparators[0], ast.Constant)
        and test.comparators[0].value == "__main__"
    )


def _absent(test: ast.expr, *, negative: bool = True) -> ast.expr | None:
    """The file's name in `not os.path.exists(name)`, or without `not`; likewise of a path's own method."""
    if negative:
        if not (isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not)):
            return None
        test = test.operand
    if not isinstance(test, ast.Call) or test.keywords:
        return None
    name = test.func.attr if isinstance(test.func, ast.Attribute) else getattr(test.func, "id", "")
    if name not in ("exists", "isfile", "is_file", "isdir", "is_dir"):
        return None
    if test.args:
        return test.args[0]
    return test.func.value if isinstance(test.func, ast.Attribute) else None


def _takes_all(pattern: ast.pattern) -> bool:
    return isinstance(pattern, ast.MatchAs) and pattern.pattern is None


def may_return(statement: ast.AST) -> bool:
    """Whether a function may end within a statement, so that what stands below it is not come to."""
    todo = [statement]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Return):
            return True
        if not isinstance(node, ast.expr | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            todo += [child for child in ast.iter_child_nodes(node) if not isinstance(child, ast.expr)]
    return False


def _said(test: ast.expr) -> str:
    """A condition in its own words, if it is short and holds no text, which may be anything."""
    nodes = list(islice(ast.walk(test), 16))
    if len(nodes) == 16 or any(isinstance(one, ast.Constant) and isinstance(one.value, str) for one in nodes):
        return "…"
    text = ast.unparse(test)
    return text if len(text) <= LONGEST else "…"
