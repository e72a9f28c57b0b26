"""Which names of a piece of code stand for paths, and what is done with these that a person should read.

A name counts as a path where a path may be in what it is given, by whatever way: sorted, listed, one of several.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator

_ALWAYS = {
    **dict.fromkeys(("unlink", "rmdir"), "removes or moves files"),
    **dict.fromkeys(
        ("symlink_to", "hardlink_to", "lchmod", "expanduser", "enable_load_extension", "load_extension"),
        "reaches into the machine",
    ),
    **dict.fromkeys(("deserialize", "unsafe_load"), "reads a pickle, which can do anything"),
    "install_extension": "uses the network",
}
"""Methods whose name alone tells what they do, whoever has them."""
_OF_PATHS = {
    **dict.fromkeys(("rename", "replace"), "removes or moves files"),
    **dict.fromkeys(("chmod", "home", "owner", "group"), "reaches into the machine"),
}
"""Methods that others than paths have as well: with one argument that stands by its place, or none."""
_WHOLE = ("cwd", "resolve", "absolute", "home", "realpath", "abspath", "getcwd")
"""What makes a path whole, so that the folders above it are no longer those of the stage."""
_UP = ("parent", "parents")
_GIVE_PATHS = frozenset(
    (
        *(*_UP, *_WHOLE, "joinpath", "with_name", "with_stem", "with_suffix", "relative_to"),
        *(
            "glob",
            "rglob",
            "iterdir",
            "walk",
            "sorted",
            "list",
            "tuple",
            "set",
            "enumerate",
            "reversed",
            "zip",
        ),
        *("filter", "map", "next", "iter", "min", "max", "dict", "chain", "from_iterable", "islice", "deque"),
        *("pop", "popleft", "items", "values", "get", "copy"),
    )
)
"""Functions and methods whose result may be, or hold, a path that they are given or belong to."""


class PathNames:
    """The names that stand for paths, and those that stand for whole ones.

    `dotted` gives the whole name of an expression that stands for something of a module.
    """

    def __init__(self, tree: ast.Module, dotted: Callable[[ast.expr], str]) -> None:
        self._dotted = dotted
        self._paths: set[str] = set()
        self._whole: set[str] = set()
        bindings = list(_bindings(tree))
        before = (-1, -1)
        while before != (now := (len(self._paths), len(self._whole))):  # a path of a path
            before = now
            for names, value in bindings:
                if self._has_path(value):
                    self._paths |= names
                    if self._is_whole(value):
                        self._whole |= names

    def risk_of_call(self, call: ast.Call) -> str:
        """What is to be said of a call, where it may be one of a path; empty else."""
        function = call.func
        if not isinstance(function, ast.Attribute) or function.attr not in _OF_PATHS:
            return ""
        plain = (
            len(call.args) <= 1
            and not call.keywords
            and not any(isinstance(one, ast.Dict | ast.Lambda) for one in call.args)
        )
        if plain and self._has_path(function.value):
            return f"{_OF_PATHS[function.attr]}: .{function.attr}()"
        return ""

    def risk_of(self, node: ast.Attribute) -> str:
        """What is to be said of an attribute, called or handed on; empty else."""
        if node.attr in _ALWAYS:
            return f"{_ALWAYS[node.attr]}: .{node.attr}"
        if node.attr in _UP and self._has_path(node.value) and self._is_whole(node.value):
            return "names a place outside its folder: a folder above its own"
        return ""

    def _has_path(self, node: ast.expr) -> bool:
        """Whether a path may be in what an expression is worth: `Path("a") / name`, `sorted(folder.glob("*"))`."""
        match node:
            case ast.Name(id=name):
                return name in self._paths or self._dotted(node).startswith("pathlib.")
            case ast.Attribute(value=inner, attr=part):
                own = f"self.{part}" if isinstance(inner, ast.Name) and inner.id == "self" else ""
                return (
                    own in self._paths
                    or self._dotted(node).startswith("pathlib.")
                    or (part in _GIVE_PATHS and self._has_path(inner))
                )
            case ast.Call(func=function, args=args):
                name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
                if self._has_path(function):
                    return True
                return name in _GIVE_PATHS and any(map(self._has_path, args))
            case ast.Subscript(value=inner) | ast.Starred(value=inner):
                return self._has_path(inner)
            case ast.BinOp(left=inner, op=ast.Div()):
                return self._has_path(inner)
            case ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.Set(elts=parts) | ast.Dict(values=parts):
                return any(map(self._has_path, parts))
            case (
                ast.ListComp(elt=part)
                | ast.SetComp(elt=part)
                | ast.GeneratorExp(elt=part)
                | ast.DictComp(value=part)
            ):
                return self._has_path(part)
            case ast.IfExp(body=one, orelse=other):
                return self._has_path(one) or self._has_path(other)
            case ast.BoolOp(values=parts):
                return any(map(self._has_path, parts))
        return False

    def _is_whole(self, node: ast.expr) -> bool:
        """Whether a path in an expression is whole, or comes of one that is."""
        return any(
            (isinstance(one, ast.Attribute) and one.attr in _WHOLE)
            or (isinstance(one, ast.Name) and (one.id in self._whole or one.id == "__file__"))
            or (isinstance(one, ast.Attribute) and f"self.{one.attr}" in self._whole)
            for one in ast.walk(node)
        )


def _bindings(tree: ast.Module) -> Iterator[tuple[set[str], ast.expr]]:
    """(the names that are given a value, the value) of assignments, loops, `with` and annotated arguments."""
    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets=targets, value=value):
                yield {name for target in targets for name in _names(target)}, value
            case ast.AnnAssign(target=target, annotation=kind, value=value):
                yield from ((_names(target), one) for one in (kind, value) if one is not None)
            case ast.NamedExpr(target=target, value=value):
                yield _names(target), value
            case ast.For(target=target, iter=value) | ast.comprehension(target=target, iter=value):
                yield _names(target), value
            case ast.withitem(context_expr=value, optional_vars=ast.expr() as target):
                yield _names(target), value
            case ast.arg(arg=name, annotation=ast.expr() as kind):
                yield from (
                    ({name}, one) for one in ast.walk(kind) if isinstance(one, ast.Name | ast.Attribute)
                )


def _names(target: ast.expr) -> set[str]:
    """The names that a target binds; of `self.folder` that, since methods read it under it."""
    found = {one.id for one in ast.walk(target) if isinstance(one, ast.Name) and one.id != "self"}
    return found | {
        f"self.{one.attr}"
        for one in ast.walk(target)
        if isinstance(one, ast.Attribute) and isinstance(one.value, ast.Name) and one.value.id == "self"
    }
