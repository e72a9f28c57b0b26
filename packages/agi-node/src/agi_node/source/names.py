"""Which names outside itself a definition uses: Python's scopes, followed through a syntax tree."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal, NamedTuple

from agi_node.source.tree import children

Chain = tuple[str, ...]
"""A name and the attributes read from it: `tracks.read.cache` is `("tracks", "read", "cache")`."""


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


class Use(NamedTuple):
    """A name that is not the definition's own.

    Attributes:
        names: The chain, from a name of the module or of a local import.
        how: `store` where the last attribute is set or deleted; `soft` where the name may turn out to be none of the
            module's: inside text of an annotation, or in a class body that binds the same name.
        eager: Whether importing the module looks it up, other than for an annotation.
        through: The local imports that bind the first name, if it is not the module's.
        literal: The text given to it, if it is called with a text first (`import_module("flight.tracks")`).
    """

    names: Chain
    how: Literal["load", "store", "soft"] = "load"
    eager: bool = False
    through: tuple[Import, ...] = ()
    literal: str | None = None


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
            stack.extend((part, inside) for part in _defaults(node.args))
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


_LOOKS = frozenset({"__subclasses__", "__globals__", "__builtins__", "f_globals", "f_locals"})
"""Attributes of any object that lead to what nobody named."""


class _Scope(NamedTuple):
    names: dict[str, tuple[Import, ...]]
    of_class: bool = False
    elsewhere: frozenset[str] = frozenset()


class Names(ast.NodeVisitor):
    """Collects the uses of one top-level statement of a module.

    Responsible for: scopes, chains of attributes, imports inside functions, what runs at import.
    Not responsible for: what a name stands for. That is the closure's.

    Attributes:
        uses: In the order of their appearance, each once.
        imports: Imports inside functions of the statement.
        calls: Whether importing the module calls anything here.
        dynamic: A look-up that no reader of the text can follow, in words.
    """

    def __init__(self, package: str) -> None:
        self.uses: dict[Use, None] = {}
        self.imports: list[Import] = []
        self.calls = False
        self.dynamic: str | None = None
        self._package = package
        self._scopes: list[_Scope] = []
        self._depth = 0
        self._annotation = 0
        self._soft = False

    def generic_visit(self, node: ast.AST) -> None:
        for part in children(node):
            self.visit(part)

    def _use(self, names: Chain, how: Literal["load", "store"] = "load", literal: str | None = None) -> None:
        if not _LOOKS.isdisjoint(names[1:]):
            self.dynamic = f"looks at {'.'.join(names)}"
        eager = self._depth == 0 and not self._annotation
        for at, scope in enumerate(reversed(self._scopes)):
            if scope.of_class and at:
                continue  # the names of a class body are not seen from inside its functions
            if names[0] in scope.elsewhere:
                break
            if names[0] in scope.names:
                through = scope.names[names[0]]
                if through:
                    self.uses[Use(names, how, eager, through, literal)] = None
                elif scope.of_class:  # looked up in the module as long as the body has not bound it
                    self.uses[Use(names, "soft", eager)] = None
                return
        self.uses[Use(names, "soft" if self._soft else how, eager, (), literal)] = None

    def _all(self, nodes: Iterable[ast.AST | None]) -> None:
        for node in nodes:
            if node is not None:
                self.visit(node)

    def _note(self, annotation: ast.expr | None) -> None:
        if annotation is not None:
            self._annotation += 1
            self.visit(annotation)
            self._annotation -= 1

    def visit_Name(self, node: ast.Name) -> None:
        if not isinstance(node.ctx, ast.Store) or any(node.id in scope.elsewhere for scope in self._scopes):
            self._use((node.id,))

    def visit_Attribute(self, node: ast.Attribute) -> None:
        chain = _chain(node)
        if chain is None:
            if node.attr in _LOOKS:
                self.dynamic = f"looks at {node.attr}"
            self.visit(node.value)
        else:
            self._use(chain, "load" if isinstance(node.ctx, ast.Load) else "store")

    def visit_Constant(self, node: ast.Constant) -> None:
        if self._annotation and isinstance(node.value, str):
            try:
                inner = ast.parse(node.value.strip(), mode="eval")
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                return  # a text of Literal[…] or Annotated[…], no annotation
            soft, self._soft = self._soft, True
            self.visit(inner.body)
            self._soft = soft

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        if isinstance(node.target, ast.Name):
            self._use((node.target.id,))
        self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        self._note(node.annotation)
        self._all([node.target, node.value])

    def visit_arg(self, node: ast.arg) -> None:
        self._note(node.annotation)

    def visit_Call(self, node: ast.Call) -> None:
        self.calls |= self._depth == 0
        called = _chain(node.func)
        first = node.args[0] if node.args else None
        if called == ("vars",) and first is None:
            self.dynamic = "calls vars() without an argument"
        if called in (("getattr",), ("hasattr",), ("setattr",), ("delattr",)) and len(node.args) > 1:
            chain, name = _chain(node.args[0]), _text(node.args[1])
            if chain is not None and name is not None:
                self._use(called)
                self._use((*chain, name), "store" if called[0] in ("setattr", "delattr") else "load")
                self._all([*node.args[2:], *node.keywords])
                return
        text = _text(first)
        if called is not None and text is not None and len(node.args) == 1 and not node.keywords:
            self._use(called, literal=text)
        else:
            self.generic_visit(node)

    def visit_Import(self, node: ast.Import) -> None:
        self.imports.extend(imports_of(node, self._package))

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        self.imports.extend(imports_of(node, self._package))

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self.calls |= self._depth == 0 and bool(node.decorator_list)
        self._all(node.decorator_list)
        self._function(node, node.body, node.returns)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self.visit_FunctionDef(node)

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self._function(node, [node.body], None)

    def _function(self, node: Any, body: Sequence[ast.AST], returns: ast.expr | None) -> None:
        self._all(_defaults(node.args))
        parameters = _parameters(node.args)
        with_types = self._push_types(node)
        self._all(parameters)
        self._note(returns)
        own = {parameter.arg: () for parameter in parameters} | bound_names(body, self._package)
        self._scopes.append(_Scope(own, elsewhere=_declared_global(body)))
        self._depth += 1
        self._all(body)
        self._depth -= 1
        self._scopes.pop()
        if with_types:
            self._scopes.pop()

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self.calls |= self._depth == 0 and bool(node.decorator_list)
        self._all(node.decorator_list)
        with_types = self._push_types(node)
        self._all([*node.bases, *node.keywords])
        self._scopes.append(
            _Scope(
                bound_names(node.body, self._package), of_class=True, elsewhere=_declared_global(node.body)
            )
        )
        self._all(node.body)
        self._scopes.pop()
        if with_types:
            self._scopes.pop()

    def visit_TypeAlias(self, node: Any) -> None:
        with_types = self._push_types(node)
        self._note(node.value)
        if with_types:
            self._scopes.pop()

    def _push_types(self, node: Any) -> bool:
        """Python 3.12's `[T: bound]` is a scope around the definition."""
        types = getattr(node, "type_params", None)
        if not types:
            return False
        self._scopes.append(_Scope({each.name: () for each in types}))
        for each in types:
            self._note(getattr(each, "bound", None))
            self._note(getattr(each, "default_value", None))
        return True

    def visit_ListComp(self, node: ast.ListComp) -> None:
        self._comprehension(node.generators, [node.elt])

    def visit_SetComp(self, node: ast.SetComp) -> None:
        self._comprehension(node.generators, [node.elt])

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> None:
        self._comprehension(node.generators, [node.elt])

    def visit_DictComp(self, node: ast.DictComp) -> None:
        self._comprehension(node.generators, [node.key, node.value])

    def _comprehension(self, generators: Sequence[ast.comprehension], results: Sequence[ast.expr]) -> None:
        self.visit(generators[0].iter)
        targets = [generator.target for generator in generators]
        self._scopes.append(_Scope(bound_names(targets, self._package)))
        for at, generator in enumerate(generators):
            self._all([generator.target, *generator.ifs, *([generator.iter] if at else [])])
        self._all(results)
        self._scopes.pop()


def _chain(node: ast.AST) -> Chain | None:
    """The name and attributes of an expression that is nothing else, `getattr` with a literal name included."""
    steps: list[str] = []
    while not isinstance(node, ast.Name):
        if isinstance(node, ast.Attribute):
            steps.append(node.attr)
            node = node.value
            continue
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "getattr":
            name = _text(node.args[1]) if len(node.args) == 2 and not node.keywords else None
            if name is not None:
                steps.append(name)
                node = node.args[0]
                continue
        return None
    return (node.id, *reversed(steps))


def _text(node: ast.AST | None) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _defaults(arguments: ast.arguments) -> list[ast.expr]:
    return [*arguments.defaults, *(default for default in arguments.kw_defaults if default is not None)]


def _parameters(arguments: ast.arguments) -> list[ast.arg]:
    rest = [each for each in (arguments.vararg, arguments.kwarg) if each is not None]
    return [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, *rest]


def _outer_parts(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> Iterator[ast.AST]:
    """What of a definition is evaluated in the scope that it stands in."""
    yield from node.decorator_list
    if isinstance(node, ast.ClassDef):
        yield from node.bases
        yield from node.keywords
    else:
        yield from _defaults(node.args)


def _declared_global(body: Sequence[ast.AST]) -> frozenset[str]:
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
