"""Python's scopes: which names a statement binds, and what an import binds."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from agi_node.source.tree import children


class Import(NamedTuple):
    """One name that an import statement binds.

    Attributes:
        module: Absolute name of the module; it starts with a dot where a relative import leaves the top.
        name: What is taken from it, `*` for all, None where the module itself is bound.
        bound: The name here.
        top: Whether it is the first component of `module` that is bound (`import a.b` binds `a`).
    """

    module: str
    name: str | None
    bound: str
    top: bool = False

    def text(self) -> str:
        """The statement, however it was written."""
        taken = f"from {self.module} import {self.name}" if self.name else f"import {self.module}"
        return taken if self.top else f"{taken} as {self.bound}"


def imports_of(node: ast.Import | ast.ImportFrom, package: str) -> list[Import]:
    """What an import statement of a module in `package` binds."""
    if isinstance(node, ast.Import):
        return [
            Import(alias.name, None, alias.asname)
            if alias.asname
            else Import(alias.name, None, alias.name.partition(".")[0], True)
            for alias in node.names
        ]
    module = node.module or ""
    if node.level:
        steps = package.split(".") if package else []
        kept = steps[: len(steps) - node.level + 1]
        module = ".".join([*kept, module] if module else kept) if kept else "." * node.level + module
    return [Import(module, alias.name, alias.asname or alias.name) for alias in node.names]


def bound_names(nodes: Sequence[ast.AST], package: str) -> dict[str, tuple[Import, ...]]:
    """The names that these statements bind in their own scope, with the imports that bind them.

    A name that a function declares `global` is not bound there; it is left out, and so is a `nonlocal` one.
    """
    bound: dict[str, tuple[Import, ...]] = {}
    elsewhere: set[str] = set()
    stack: list[tuple[ast.AST, bool]] = [(node, False) for node in nodes]
    while stack:
        node, inside = stack.pop()  # inside a comprehension only `:=` binds for the outside
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            bound.setdefault(node.name, ())
            stack.extend((part, inside) for part in _outer_parts(node))
        elif isinstance(node, ast.Lambda):
            stack.extend((part, inside) for part in defaults(node.args))
        elif isinstance(node, ast.Name):
            if not inside and not isinstance(node.ctx, ast.Load):
                bound.setdefault(node.id, ())
        elif isinstance(node, ast.NamedExpr):
            bound.setdefault(node.target.id, ())
            stack.append((node.value, inside))
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            for found in imports_of(node, package):
                bound[found.bound] = (*bound.get(found.bound, ()), found)
        elif isinstance(node, (ast.Global, ast.Nonlocal)):
            elsewhere.update(node.names)
        else:
            if isinstance(node, (ast.ExceptHandler, ast.MatchAs, ast.MatchStar)) and node.name:
                bound.setdefault(node.name, ())
            elif isinstance(node, ast.MatchMapping) and node.rest:
                bound.setdefault(node.rest, ())
            closed = isinstance(node, (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp))
            inside |= closed
            stack += [(part, inside) for part in children(node)]
    return {name: found for name, found in bound.items() if name not in elsewhere}


def defaults(arguments: ast.arguments) -> list[ast.expr]:
    return [*arguments.defaults, *(default for default in arguments.kw_defaults if default is not None)]


def parameters(arguments: ast.arguments) -> list[ast.arg]:
    rest = [each for each in (arguments.vararg, arguments.kwarg) if each is not None]
    return [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, *rest]


def _outer_parts(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> Iterator[ast.AST]:
    """What of a definition is evaluated in the scope that it stands in."""
    yield from node.decorator_list
    if isinstance(node, ast.ClassDef):
        yield from node.bases
        yield from node.keywords
    else:
        yield from defaults(node.args)


def declared_global(body: Sequence[ast.AST]) -> frozenset[str]:
    """The names that a body declares global, not those of functions inside it."""
    found: set[str] = set()
    stack = list(body)
    while stack:
        node = stack.pop()
        if isinstance(node, ast.Global):
            found.update(node.names)
        elif not isinstance(
            node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda, ast.expr)
        ):
            stack.extend(children(node))
    return frozenset(found)
