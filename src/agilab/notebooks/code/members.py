"""What a class of the code has: its methods, what the body binds, and what methods put into their object."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Members:
    """The members of one class, without those of what it is derived from.

    Attributes:
        methods: By name.
        first: By the name of a method, what that calls its object; "" for one that gets none.
        stores: What methods put into their object, each with the method and the value; None where that is no plain one.
        body: What the body of the class binds.
    """

    methods: Mapping[str, ast.FunctionDef]
    first: Mapping[str, str]
    stores: Mapping[str, list[tuple[str, ast.expr | None]]]
    body: Mapping[str, ast.expr]

    def kept(self, name: str) -> tuple[ast.expr, str] | None:
        """What an attribute certainly is, and the method that says so: `__init__`, or none of them but the body."""
        if name not in self.stores:
            return (self.body[name], "") if name in self.body else None
        (method, value), *more = self.stores[name]
        return None if more or method != "__init__" or value is None else (value, method)


def members_of(node: ast.ClassDef) -> Members:
    """See `Members`."""
    methods = [one for one in node.body if isinstance(one, ast.FunctionDef)]
    first = {one.name: first_of(one) for one in methods}
    return Members({one.name: one for one in methods}, first, _stores(methods, first), _of_body(node))


def first_of(method: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    """What a method calls its object; "" for one that gets none."""
    takes = [*method.args.posonlyargs, *method.args.args]
    static = any(
        isinstance(one, ast.Name) and one.id in ("staticmethod", "classmethod")
        for one in method.decorator_list
    )
    return takes[0].arg if takes and not static else ""


def is_property(method: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> bool:
    """Whether it is called by who names it."""
    names = (
        one.attr if isinstance(one, ast.Attribute) else getattr(one, "id", "")
        for one in method.decorator_list
    )
    return any(one in ("property", "cached_property") for one in names)


def _stores(
    methods: Sequence[ast.FunctionDef], first: Mapping[str, str]
) -> dict[str, list[tuple[str, ast.expr | None]]]:
    found: dict[str, list[tuple[str, ast.expr | None]]] = {}
    for method in methods:
        values = dict(_assigned(method))
        for node in ast.walk(method):
            if not isinstance(node, ast.Attribute) or not isinstance(node.ctx, ast.Store):
                continue
            if isinstance(node.value, ast.Name) and node.value.id == first[method.name]:
                found.setdefault(node.attr, []).append((method.name, values.get(id(node))))
    return found


def _assigned(method: ast.FunctionDef) -> Iterator[tuple[int, ast.expr]]:
    """What plain assignments give, by the target's id; of `self.a, self.b = a, b` each its own."""
    for node in ast.walk(method):
        if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
            continue
        for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
            yield id(target), node.value
            if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                yield from zip(map(id, target.elts), node.value.elts, strict=False)


def _of_body(node: ast.ClassDef) -> dict[str, ast.expr]:
    found: dict[str, ast.expr] = {}
    for one in node.body:
        target = one.targets[0] if isinstance(one, ast.Assign) else getattr(one, "target", None)
        value = one.value if isinstance(one, ast.Assign | ast.AnnAssign) else None
        if isinstance(target, ast.Name) and value is not None:
            found[target.id] = value
    return found
