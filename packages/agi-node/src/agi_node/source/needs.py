"""Which names a statement needs from the scope that it stands in, and which only once what it defines is called."""

from __future__ import annotations

import ast
from typing import NamedTuple

from agi_node.source.scopes import bound_names, declared_global, defaults, parameters
from agi_node.source.tree import children, nodes_of

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_NONE: frozenset[str] = frozenset()


class Needs(NamedTuple):
    """Names that are read: `now`, when the statement runs; `later`, when a function that it defines is called."""

    now: frozenset[str]
    later: frozenset[str]


def needs_of(*nodes: ast.AST, annotations: bool = True) -> Needs:
    """The names that these read and that no function, lambda, comprehension or class body in them has of its own.

    Names that a statement both reads and binds are among them, and so are Python's own. Without `annotations` those of
    parameters, results and variables do not count, as after `from __future__ import annotations`.

    >>> needs = needs_of(*ast.parse("@cache\\ndef f(x, y=Y): return g(x) + z").body)
    >>> sorted(needs.now), sorted(needs.later)
    (['Y', 'cache'], ['g', 'z'])
    """
    reader = _Reader(annotations)
    for node in nodes:
        reader.read(node, (), _NONE, inside=False)
    return Needs(frozenset(reader.now), frozenset(reader.later))


def type_parameters(node: ast.AST) -> frozenset[str]:
    """The names in the brackets of `def f[T](…)`, which Python has from 3.12 on."""
    return frozenset(each.name for each in getattr(node, "type_params", ()))


class _Reader:
    def __init__(self, annotations: bool) -> None:
        self._annotations = annotations
        self.now: set[str] = set()
        self.later: set[str] = set()

    def read(
        self, root: ast.AST, hidden: tuple[frozenset[str], ...], own: frozenset[str], inside: bool
    ) -> None:
        """Read `root`: `hidden` are names of functions around it, `own` those of the class body that it stands in."""
        stack: list[ast.AST] = [root]
        while stack:
            node = stack.pop()
            if isinstance(node, ast.Name):
                # `x += 1` reads x although it is written as a target
                if isinstance(node.ctx, ast.Load) and node.id not in own:
                    self._note(node.id, hidden, inside)
            elif isinstance(node, ast.AugAssign):
                if isinstance(node.target, ast.Name):
                    if node.target.id not in own:
                        self._note(node.target.id, hidden, inside)
                else:
                    stack.append(node.target)
                stack.append(node.value)
            elif isinstance(node, ast.AnnAssign) and not self._annotations:
                stack += [part for part in (node.target, node.value) if part is not None]
            elif isinstance(node, (*FUNCTIONS, ast.Lambda)):
                stack += self._function(node, hidden)
            elif isinstance(node, ast.ClassDef):
                hidden = (*hidden, type_parameters(node))
                stack += [*node.decorator_list, *node.bases, *(each.value for each in node.keywords)]
                bound = _NONE
                for part in node.body:  # a name of the class is its own from the statement on that binds it
                    self.read(part, hidden, bound, inside)
                    bound |= frozenset(bound_names([part], ""))
            elif isinstance(node, COMPREHENSIONS):
                stack.append(node.generators[0].iter)
                self._comprehension(node, hidden, inside)
            elif type(node).__name__ == "TypeAlias":
                hidden = (*hidden, type_parameters(node))
                stack += children(node)
            else:
                stack += children(node)

    def _note(self, name: str, hidden: tuple[frozenset[str], ...], inside: bool) -> None:
        if not any(name in names for names in hidden):
            (self.later if inside else self.now).add(name)

    def _function(
        self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda, hidden: tuple[frozenset[str], ...]
    ) -> list[ast.AST]:
        """Read the body of a function; returns what of it is evaluated where it is defined."""
        body: list[ast.AST] = [node.body] if isinstance(node, ast.Lambda) else [*node.body]
        outer: list[ast.AST] = [*defaults(node.args)]
        arguments = parameters(node.args)
        if not isinstance(node, ast.Lambda):
            outer += node.decorator_list
        if not isinstance(node, ast.Lambda) and self._annotations:
            noted = [*(each.annotation for each in arguments), node.returns]
            outer += [each for each in noted if each is not None]
        far = declared_global(body)
        own = (each.arg for each in arguments)
        names = frozenset([*own, *bound_names(body, "")]) | type_parameters(node)
        scopes = (*(each - far for each in hidden), names - far)
        for part in body:
            self.read(part, scopes, _NONE, inside=True)
        return outer

    def _comprehension(self, node: ast.AST, hidden: tuple[frozenset[str], ...], inside: bool) -> None:
        generators: list[ast.comprehension] = node.generators  # type: ignore[attr-defined]  # as all four kinds have
        targets = frozenset(
            each.id
            for part in generators
            for each in nodes_of(part.target)
            if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)
        )
        for part in children(node):
            if not isinstance(part, ast.comprehension):
                self.read(part, (*hidden, targets), _NONE, inside)
        for at, part in enumerate(generators):
            for each in (part.target, *part.ifs, *([part.iter] if at else [])):
                self.read(each, (*hidden, targets), _NONE, inside)
