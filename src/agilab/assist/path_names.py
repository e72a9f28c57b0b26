"""Which names of a piece of code stand for paths, and what is done with these that a person should read."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator

_MOVES = ("unlink", "rmdir", "rename", "replace")
_REACHES = ("chmod", "lchmod", "symlink_to", "hardlink_to", "expanduser", "home", "owner", "group")
_WHOLE = ("cwd", "resolve", "absolute", "home")
"""What makes a path whole, so that the folders above it are no longer those of the stage."""
_UP = ("parent", "parents")
_GIVE_PATHS = (
    *(*_UP, *_WHOLE, "joinpath", "expanduser", "with_name", "with_stem", "with_suffix", "relative_to"),
    *("glob", "rglob", "iterdir", "walk"),
)


class PathNames:
    """The names that stand for paths, by what they are first given.

    `dotted` gives the whole name of an expression that stands for something of a module.
    """

    def __init__(self, tree: ast.Module, dotted: Callable[[ast.expr], str]) -> None:
        self._dotted = dotted
        self._names: set[str] = set()
        before = -1
        while before != len(self._names):  # a path of a path
            before = len(self._names)
            for target, value in _bindings(tree):
                if self._is_path(value):
                    self._names |= {one.id for one in ast.walk(target) if isinstance(one, ast.Name)}

    def risk_of(self, call: ast.Call) -> str:
        """What is to be said of a call, where it is one of a path; empty else."""
        function = call.func
        if not isinstance(function, ast.Attribute):
            return ""
        if function.attr in _MOVES and self._is_path(function.value):
            return f"removes or moves files: .{function.attr}()"
        if function.attr in _REACHES and self._is_path(function.value):
            return f"reaches into the machine: .{function.attr}()"
        if _leads_up(function.value) and self._is_path(function.value):
            return "names a place outside its folder: a folder above its own"
        return ""

    def _is_path(self, node: ast.expr) -> bool:
        """Whether an expression begins with a path: `Path("a") / name`, `folder.glob("*")`."""
        while True:
            match node:
                case ast.Name():
                    return node.id in self._names or self._dotted(node).startswith("pathlib.")
                case ast.Attribute(value=inner, attr=part):
                    if self._dotted(node).startswith("pathlib."):
                        return True
                    if part not in _GIVE_PATHS:
                        return False
                    node = inner
                case ast.Call(func=inner) | ast.Subscript(value=inner):
                    node = inner
                case ast.BinOp(left=inner, op=ast.Div()):
                    node = inner
                case _:
                    return False


def _leads_up(node: ast.expr) -> bool:
    """Whether an expression goes to a folder above a whole path."""
    up = False
    while isinstance(node, ast.Attribute | ast.Call | ast.Subscript | ast.BinOp):
        if isinstance(node, ast.Attribute):
            up = up or node.attr in _UP
            if up and node.attr in _WHOLE:
                return True
        node = (
            node.value
            if isinstance(node, ast.Attribute | ast.Subscript)
            else node.func
            if isinstance(node, ast.Call)
            else node.left
        )
    return False


def _bindings(tree: ast.Module) -> Iterator[tuple[ast.expr, ast.expr]]:
    """(what is given a value, the value) of assignments, loops and `with`."""
    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets=targets, value=value):
                yield from ((target, value) for target in targets)
            case (
                ast.AnnAssign(target=target, value=ast.expr() as value)
                | ast.NamedExpr(target=target, value=value)
            ):
                yield target, value
            case ast.For(target=target, iter=value) | ast.comprehension(target=target, iter=value):
                yield target, value
            case ast.withitem(context_expr=value, optional_vars=ast.expr() as target):
                yield target, value
