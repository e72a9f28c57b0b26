"""A module as a table of its top-level definitions, and of what runs whenever it is imported."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Literal

from agi_node.canonical import sha256_bytes
from agi_node.source.names import Names
from agi_node.source.scopes import Import, bound_names, defaults, imports_of, parameters
from agi_node.source.tree import Chain, called_chain, children, nodes_of, parse, tree_digest

Kind = Literal["def", "class", "value", "import", "statement"]

OF_CONSTANTS = (
    *(ast.Constant, ast.Tuple, ast.UnaryOp, ast.BinOp, ast.BoolOp, ast.Compare, ast.IfExp),
    *(ast.operator, ast.unaryop, ast.boolop, ast.cmpop, ast.Load),
)

_HOOKS = frozenset({"__init_subclass__", "__class_getitem__"})
_SILENT = (ast.Pass, ast.Global)


class Definition:
    """One top-level statement, as far as it binds one name or does something.

    Attributes:
        kind: `def`, `class`, `value` (an assignment), `import`, or `statement`: anything else, which runs.
        node: The statement.
        bound: What an import binds; None for the rest.
    """

    def __init__(self, kind: Kind, node: ast.stmt, package: str, bound: Import | None = None) -> None:
        self.kind: Kind = kind
        self.node = node
        self.bound = bound
        self._package = package

    @cached_property
    def digest(self) -> str:
        return tree_digest(self.node) if self.bound is None else sha256_bytes(self.bound.text().encode())

    @cached_property
    def names(self) -> Names:
        """What it uses; `RecursionError` where it is nested too deeply."""
        found = Names(self._package)
        if self.bound is None:
            found.visit(self.node)
        return found

    @cached_property
    def decorators(self) -> tuple[Chain, ...]:
        """The chains of its decorators, without what they are called with."""
        nodes = getattr(self.node, "decorator_list", []) if self.bound is None else []
        return tuple(chain for node in nodes if (chain := called_chain(node)) is not None)

    @cached_property
    def hooks(self) -> bool:
        """Whether a class does something of its own whenever somebody derives from it or indexes it."""
        node = self.node
        if not isinstance(node, ast.ClassDef):
            return False
        own = bound_names(node.body, self._package)
        return any(each.arg == "metaclass" for each in node.keywords) or not own.keys().isdisjoint(_HOOKS)

    @cached_property
    def keeps(self) -> bool:
        """Whether it may keep something from one call to the next.

        A class does that may hold more than constants or looks at itself, a function with defaults that are none.
        """
        node = self.node
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            return not all(is_constant(each) for each in defaults(node.args))
        if not isinstance(node, ast.ClassDef):
            return False
        for each in node.body:
            if isinstance(each, (ast.Assign, ast.AnnAssign)) and each.value is not None:
                called = called_chain(each.value) if isinstance(each.value, ast.Call) else None
                if not is_constant(each.value) and not (called and called[-1].lower() == "field"):
                    return True
        return any(
            (isinstance(part, ast.Name) and part.id in ("cls", "type", node.name))
            or (isinstance(part, ast.Attribute) and part.attr == "__class__")
            for part in nodes_of(node)
        )

    @cached_property
    def calls_given(self) -> bool:
        """Whether, as a decorator, it may call at once what it decorates."""
        for part in nodes_of(self.node):
            if isinstance(part, (ast.FunctionDef, ast.Lambda)):
                given = {each.arg for each in parameters(part.args)}
                body = part.body if isinstance(part, ast.FunctionDef) else [part.body]
                for each in _run_with(body):
                    if (
                        isinstance(each, ast.Call)
                        and isinstance(each.func, ast.Name)
                        and each.func.id in given
                    ):
                        return True
        return False

    @cached_property
    def constant(self) -> bool:
        """Whether it is a value that nobody can change in place: numbers, texts, and tuples of them."""
        value = getattr(self.node, "value", None)
        return self.kind == "value" and isinstance(value, ast.expr) and is_constant(value)

    @cached_property
    def looks(self) -> bool:
        """Whether importing the module looks anything up here, so that it matters when that is."""
        return self.bound is None and not self.constant and any(use.role for use in self.names.uses)

    @cached_property
    def active(self) -> bool:
        """Whether importing the module runs something here, so that it can leave a trace elsewhere."""
        if self.kind in ("import", "statement"):
            return False
        derives = isinstance(self.node, ast.ClassDef) and bool(self.node.bases or self.node.keywords)
        return derives or self.names.runs


class Module:
    """The top level of one file.

    Attributes:
        name: Its dotted name.
        package: The package that its relative imports start from.
        names: Definitions by name, in the order of the file; several where a name is bound again or conditionally.
        statements: What runs at import and defines nothing: calls, loops, conditions, changes in place, …
        imports: The imports that run when it is imported.
        stars: Those of them that take everything.
    """

    def __init__(self, name: str, is_package: bool, data: bytes) -> None:
        self.name = name
        self.is_package = is_package
        self.package = name if is_package else name.rpartition(".")[0]
        self.names: dict[str, list[Definition]] = {}
        self.statements: list[Definition] = []
        self.imports: list[Import] = []
        self.stars: list[Import] = []
        tree = parse(data)
        body = tree.body
        if body and _is_text(body[0]):
            self._define("__doc__", Definition("value", body[0], self.package))
            body = body[1:]
        self._read(body, runs=True)
        self._unused_imports(tree)
        if b"global" in data:
            self._globals(tree)

    def _define(self, name: str, definition: Definition) -> None:
        self.names.setdefault(name, []).append(definition)

    def _read(self, body: list[ast.stmt], runs: bool) -> None:
        for node in body:
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                self._define(node.name, Definition("def", node, self.package))
            elif isinstance(node, ast.ClassDef):
                self._define(node.name, Definition("class", node, self.package))
            elif isinstance(node, (ast.Import, ast.ImportFrom)):
                self._import(node, runs)
            elif names := _assigned(node):
                definition = Definition("value", node, self.package)
                for name in names:
                    self._define(name, definition)
            elif isinstance(node, ast.If) and (skipped := self._never_runs(node)):
                # What only a type checker sees is there for annotations; what only a script does is not there at all.
                if skipped == "TYPE_CHECKING":
                    self._read(node.body, runs=False)
                self._read(node.orelse, runs)
            elif runs and not isinstance(node, _SILENT) and not _is_text(node):
                self._statement(node)

    def _never_runs(self, node: ast.If) -> str | None:
        """`TYPE_CHECKING` or `__main__`, where a condition is that and nothing else."""
        test = node.test
        name = test.attr if isinstance(test, ast.Attribute) else getattr(test, "id", None)
        if name == "TYPE_CHECKING" and all(each.kind == "import" for each in self.names.get(name, ())):
            return str(name)
        if isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], ast.Eq):
            sides = [test.left, *test.comparators]
            named = any(isinstance(side, ast.Name) and side.id == "__name__" for side in sides)
            if named and any(isinstance(side, ast.Constant) and side.value == "__main__" for side in sides):
                return "__main__"
        return None

    def _import(self, node: ast.Import | ast.ImportFrom, runs: bool) -> None:
        for found in imports_of(node, self.package):
            if runs:
                self.imports.append(found)
            if found.name == "*":
                self.stars.append(found)
            if found.name == "*" or found.module == "__future__":
                self.statements.append(Definition("statement", node, self.package, found))
            if found.name != "*":
                self._define(found.bound, Definition("import", node, self.package, found))

    def _statement(self, node: ast.stmt) -> None:
        statement = Definition("statement", node, self.package)
        self.statements.append(statement)
        for each in _statements_inside(node):
            if isinstance(each, (ast.Import, ast.ImportFrom)):
                found = imports_of(each, self.package)
                self.imports.extend(found)
                self.stars.extend(one for one in found if one.name == "*")
        for name, through in bound_names([node], self.package).items():
            for found_one in through:
                if found_one.name != "*":
                    self._define(name, Definition("import", node, self.package, found_one))
            self._define(name, statement)

    def _unused_imports(self, tree: ast.Module) -> None:
        """`import x` that nobody looks at is there for what importing x does."""
        plain = [
            d for found in self.names.values() for d in found if d.kind == "import" and d.bound is not None
        ]
        plain = [d for d in plain if d.bound is not None and d.bound.name is None]
        if plain:
            loaded = {node.id for node in nodes_of(tree) if isinstance(node, ast.Name)}
            self.statements += [d for d in plain if d.bound is not None and d.bound.bound not in loaded]

    def _globals(self, tree: ast.Module) -> None:
        """A function that declares a name global is among what the name stands for."""
        for node in tree.body:
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                for each in nodes_of(node):
                    if isinstance(each, ast.Global):
                        for name in each.names:
                            self._define(name, Definition("def", node, self.package))


def is_constant(value: ast.expr) -> bool:
    """Whether an expression makes numbers, texts and tuples of them, out of these alone."""
    return all(isinstance(part, OF_CONSTANTS) for part in nodes_of(value))


def _assigned(node: ast.stmt) -> list[str]:
    """The names that an assignment defines; none where it changes something, or throws its value away."""
    if isinstance(node, ast.Assign):
        names: list[str] = []
        for target in node.targets:
            for part in nodes_of(target):
                if isinstance(part, ast.Name):
                    names.append(part.id)
                elif not isinstance(part, (ast.Tuple, ast.List, ast.Starred, ast.Store)):
                    return []
        bound = bound_names([node.value], "")  # a walrus inside
        return [*names, *bound] if any(name != "_" for name in names) else []
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return [node.target.id]
    if type(node).__name__ == "TypeAlias":  # Python 3.12
        return [node.name.id]  # type: ignore[attr-defined]
    return []


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _run_with(body: Sequence[ast.AST]) -> Iterator[ast.AST]:
    """What runs when a body does, without the bodies of functions inside it."""
    stack = list(body)
    while stack:
        node = stack.pop()
        yield node
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            stack += children(node)


def _statements_inside(node: ast.stmt) -> Iterator[ast.stmt]:
    """A statement and those that run with it, none of functions' bodies."""
    yield node
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return
    for part in children(node):
        if isinstance(part, ast.stmt):
            yield from _statements_inside(part)
        elif isinstance(part, (ast.ExceptHandler, ast.match_case)):
            for each in part.body:
                yield from _statements_inside(each)
