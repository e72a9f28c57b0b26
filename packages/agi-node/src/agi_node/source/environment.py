"""Statements that set environment variables, which a module may read when it is imported further down."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping

from agi_node.source.tree import chain_of, nodes_of

SPOKEN = ("environ", "putenv", "unsetenv", "dotenv")
"""Words without one of which a text sets none."""
_CALLS = frozenset(
    (
        *("os.putenv", "os.unsetenv", "dotenv.load_dotenv"),
        *("os.environ.update", "os.environ.setdefault", "os.environ.pop", "os.environ.clear"),
    )
)
_KNOWN = {"load_dotenv": "dotenv.load_dotenv", "environ": "os.environ", "os": "os", "dotenv": "dotenv"}
"""What these names stand for where their import is in another text."""


def sets_environment(
    node: ast.stmt, imports: Mapping[str, str], is_constant: Callable[[ast.expr], bool]
) -> bool:
    """Whether a statement sets environment variables, does nothing else, and does the same when it runs again.

    >>> texts = ["os.environ['A'] = '1'", "os.environ['A'] += ':1'", "os.environ['A'] = ask()", "load_dotenv()"]
    >>> nodes = [ast.parse(text).body[0] for text in texts]
    >>> [sets_environment(node, {"os": "os"}, lambda one: "ask" not in ast.dump(one)) for node in nodes]
    [True, False, False, True]
    """
    if isinstance(node, ast.Assign):
        places = all(
            isinstance(target, ast.Subscript) and _is(target.value, imports) for target in node.targets
        )
        return places and is_constant(node.value) and not _reads([node.value], imports)
    if isinstance(node, ast.If):
        inside = (sets_environment(part, imports, is_constant) for part in (*node.body, *node.orelse))
        return is_constant(node.test) and all(inside)
    if not isinstance(node, ast.Expr) or not isinstance(node.value, ast.Call):
        return False
    call = node.value
    given = [*call.args, *(each.value for each in call.keywords)]
    full = _full(call.func, imports)
    again = full in _CALLS and not (
        full == "os.environ.pop" and len(given) == 1
    )  # that fails the second time
    return again and all(map(is_constant, given)) and not _reads(given, imports)


def environment_needs(needs: Iterable[str], imports: Mapping[str, str]) -> set[str]:
    """Those of the names that such statements need which are not how they reach the environment itself."""
    tops = {name: imports.get(name, _KNOWN.get(name, "")).partition(".")[0] for name in needs}
    return {name for name, top in tops.items() if top not in ("os", "dotenv")}


def _reads(values: Iterable[ast.expr], imports: Mapping[str, str]) -> bool:
    return any(
        _is(part, imports) for value in values for part in nodes_of(value) if isinstance(part, ast.expr)
    )


def _is(node: ast.expr, imports: Mapping[str, str]) -> bool:
    return _full(node, imports) == "os.environ"


def _full(node: ast.expr, imports: Mapping[str, str]) -> str:
    chain = chain_of(node)
    if chain is None:
        return ""
    head = imports.get(chain[0]) or _KNOWN.get(chain[0], chain[0])
    return ".".join((head, *chain[1:]))
