"""Names that a cell reads and no cell above has made: what comes of it."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from agi_node.source.scopes import bound_names
from agilab.notebooks.flow.decorators import only_defines
from agilab.notebooks.flow.first_reads import HowRead, first_reads, spares_its_first_round
from agilab.notebooks.flow.notebook import Flows

_OF_METHODS = frozenset({"property", "staticmethod", "classmethod"})


def how_read(flows: Flows, cell: int, name: str, line: int) -> HowRead | None:
    """How a cell reads such a name, first in this line; None where it is made before anything can come to the read."""
    body = ast.parse(flows.sources[cell]).body
    reads = first_reads(body, name)
    if not any(
        _first_line(one.node) <= line <= _last_line(one.node) for one in reads
    ):  # by calling a function
        return None if _is_only_kept(flows, cell, body, name, line) else "surely"
    if any(one.how == "surely" for one in reads):
        return "surely"
    if name in flows[cell].binds and all(one.how == "caught" for one in reads):
        return None
    if all(one.how == "in a later round" and spares_its_first_round(one.loop, name) for one in reads):
        return None
    return "caught" if any(one.how == "caught" for one in reads) else "in a later round"


def _first_line(node: ast.AST) -> int:
    lines: list[int] = [getattr(each, "lineno", 0) for each in (node, *getattr(node, "decorator_list", ()))]
    return min(lines)


def _last_line(node: ast.AST) -> int:
    last: int | None = getattr(node, "end_lineno", None)
    return last or 0


def _is_only_kept(flows: Flows, cell: int, body: Sequence[ast.stmt], name: str, line: int) -> bool:
    """Whether only a function reads it that a decorator keeps, and nothing calls it before the name is made."""
    flow = flows[cell]

    def found(called: str) -> ast.AST | None:
        makers = flow.values[called].makers if called in flow.values else ()
        return flows.makers[next(iter(makers))].node if len(makers) == 1 else None

    def is_library(called: str) -> bool:
        full = flow.modules.get(called)
        if full is None:
            return called in _OF_METHODS and called not in flow.values
        return full.partition(".")[0] not in flows.own_modules

    rest = [one for one in body if _last_line(one) >= line]
    if not rest or not getattr(rest[0], "decorator_list", ()):
        return False
    until = next((at for at, one in enumerate(rest) if name in bound_names([one], "")), len(rest))
    return only_defines(rest[:until], found, is_library)
