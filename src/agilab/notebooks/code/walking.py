"""A walk over a cell's tree that knows where it is: in which function, under which condition, in which scope."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from agilab.notebooks.code.members import first_of, is_property
from agilab.notebooks.code.turns import BRANCHING, Turn, branches, may_return

Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


@dataclass
class Scope:
    """Names of one function (or of the notebook), each with every value that it is bound to.

    A value is the expression of a plain assignment or, for a loop over a written list, that list; None for whatever
    else binds a name.

    Attributes:
        me: Of a method, what it calls its object; `kind` is the class then.
    """

    parent: Scope | None = None
    bindings: dict[str, list[Binding]] = field(default_factory=dict)
    me: str = ""
    kind: str = ""

    def bind(self, name: str, binding: Binding) -> None:
        """Note one more binding of a name."""
        self.bindings.setdefault(name, []).append(binding)

    def owner(self, name: str) -> Scope | None:
        """The innermost scope that binds a name."""
        scope: Scope | None = self
        while scope is not None and name not in scope.bindings:
            scope = scope.parent
        return scope

    @property
    def outermost(self) -> Scope:
        """That of the notebook, or of the module."""
        return self if self.parent is None else self.parent.outermost


@dataclass(frozen=True)
class Binding:
    """One place where a name gets a value: in which cell, in which top-level statement of it.

    Attributes:
        imported: What an import binds it to, by full name (`src.config.DATA`), with dots in front where it is relative.
        defined: The function or the class that it is the name of.
        said: Of what a function takes, the annotation, or else the default.
    """

    cell: int
    statement: int
    value: ast.expr | None = None
    each: bool = False
    plain: bool = True
    imported: str = ""
    defined: ast.FunctionDef | ast.ClassDef | None = None
    said: ast.expr | None = None


@dataclass(frozen=True)
class Place:
    """Where a node stands: its cell, its top-level statement there, and what is around it.

    Attributes:
        turns: What has to turn out so that it is come to, from the outermost in; empty where it is whenever the cell is
            run, or the function `owner` called.
        owner: The function of the notebook, or `Class.method`, that has to be called for it; empty outside of these.
        kind: The class whose body it stands in.
    """

    cell: int
    statement: int
    scope: Scope
    function: bool = False
    condition: bool = False
    attempt: bool = False
    turns: tuple[Turn, ...] = ()
    owner: str = ""
    kind: str = ""

    def only(self, *turns: Turn) -> Place:
        """The same place under more conditions."""
        return replace(self, turns=(*self.turns, *turns))


def scope_of_notebook(trees: Mapping[int, ast.Module]) -> Scope:
    """The notebook's own names: all that its cells bind outside functions, and by `global` inside them."""
    scope = Scope()
    for cell, tree in trees.items():
        for statement, node in enumerate(tree.body):
            _bind(node, scope, cell, statement, top=True)
    return scope


Nodes = Sequence[tuple[ast.AST, "Place"]]
"""What `walk` gives: a cell's calls, imports, assignments, loops, dictionaries, names and awaits with their places."""

_KEPT = (
    ast.Call, ast.Import, ast.ImportFrom, ast.Assign, ast.AnnAssign, ast.While, ast.Dict, ast.keyword, ast.Name,
    ast.Await, ast.AsyncFor, ast.AsyncWith,
)  # fmt: skip
_NOT_NODES = frozenset(
    {"ctx", "op", "ops", "id", "attr", "arg", "name", "names", "kind", "type_comment", "lineno", "level"}
)
_FIELDS: dict[type[ast.AST], tuple[str, ...]] = {}


def _children(node: ast.AST) -> Iterator[ast.AST]:
    """Child nodes without operators and contexts: a third of them, and nothing asks for those."""
    kind = node.__class__
    fields = _FIELDS.get(kind)
    if fields is None:
        fields = _FIELDS[kind] = tuple(name for name in kind._fields if name not in _NOT_NODES)
    for name in fields:
        value = getattr(node, name, None)
        if value.__class__ is list:
            for item in value:
                if isinstance(item, ast.AST):
                    yield item
        elif isinstance(value, ast.AST):
            yield value


def walk(cell: int, tree: ast.Module, scope: Scope) -> Iterator[tuple[ast.AST, Place]]:
    """The nodes of a cell that are asked for, in no particular order; without recursion, however deep the tree."""
    todo: list[tuple[ast.AST, Place]] = [
        (node, Place(cell, number, scope)) for number, node in enumerate(tree.body)
    ]
    while todo:
        node, place = todo.pop()
        if isinstance(node, _KEPT):
            yield node, place
        if isinstance(node, ast.Name | ast.Constant):
            continue
        if isinstance(node, Function):
            inner = inside(node, place)
            for child in node.body if isinstance(node.body, list) else [node.body]:
                todo.append((child, inner))
                if may_return(child):
                    inner = inner.only(Turn.at_node(child, 0, 0, "where nothing is returned before it"))
            if not isinstance(node, ast.Lambda):
                todo += [(child, place) for child in node.decorator_list]
            todo += [
                (child, place) for child in (*node.args.defaults, *node.args.kw_defaults) if child is not None
            ]
            continue
        if isinstance(node, ast.NamedExpr):
            _bind_everywhere(node.target.id, place)
        if isinstance(node, ast.ClassDef):
            body = replace(place, kind=node.name)
            todo += [(child, body if child in node.body else place) for child in _children(node)]
            continue
        around = _around(node, place) if isinstance(node, _CHANGES) else place
        turns = branches(node) if isinstance(node, BRANCHING) else {}
        todo += [
            (child, around.only(turns[child]) if child in turns else around) for child in _children(node)
        ]


def scope_of_class(node: ast.ClassDef, place: Place) -> Scope:
    """The names that the body of a class binds."""
    scope = Scope(place.scope)
    for statement in node.body:
        _bind(statement, scope, place.cell, place.statement, top=False)
    return scope


def scope_of_call(
    node: ast.FunctionDef, place: Place, given: Mapping[str, ast.expr]
) -> tuple[Scope, ast.expr] | None:
    """What a function has bound where it returns, and what it returns; None unless it does one thing after another.

    Args:
        node: The function.
        place: Where it is defined.
        given: What it is given.
    """
    *before, last = node.body
    plain = not node.decorator_list or is_property(node)
    if not plain or not isinstance(last, ast.Return) or last.value is None:
        return None
    if not all(isinstance(one, ast.Assign | ast.AnnAssign | ast.Expr) for one in before):
        return None
    scope = inside(node, place).scope
    for name, value in given.items():
        if name in scope.bindings:
            scope.bindings[name][0] = replace(scope.bindings[name][0], value=value)
    return scope, last.value


def _bind_everywhere(name: str, place: Place) -> None:
    """`:=` binds in some scope around it; wherever that is, the name is no longer certain."""
    scope: Scope | None = place.scope
    while scope is not None:
        scope.bind(name, Binding(place.cell, place.statement, plain=False))
        scope = scope.parent


def inside(node: Function, place: Place) -> Place:
    """Where the body of a function stands that stands at a place."""
    scope = Scope(place.scope)
    if place.kind and not place.owner and not isinstance(node, ast.Lambda):
        scope.me, scope.kind = first_of(node), place.kind
    arguments = node.args
    places = [*arguments.posonlyargs, *arguments.args]
    defaults = {
        **dict(zip((one.arg for one in reversed(places)), reversed(arguments.defaults), strict=False)),
        **dict(zip((one.arg for one in arguments.kwonlyargs), arguments.kw_defaults, strict=True)),
    }
    every = [
        *arguments.posonlyargs,
        *arguments.args,
        *arguments.kwonlyargs,
        arguments.vararg,
        arguments.kwarg,
    ]
    for argument in every:
        if argument is not None:
            said = argument.annotation or defaults.get(argument.arg)
            scope.bind(argument.arg, Binding(place.cell, place.statement, said=said))
    if not isinstance(node, ast.Lambda):
        outside = {
            name for x in ast.walk(node) if isinstance(x, ast.Global | ast.Nonlocal) for name in x.names
        }
        for statement in node.body:
            _bind(statement, scope, place.cell, place.statement, top=False)
        for name in outside:
            scope.bindings.pop(name, None)
    turns, owner = place.turns, place.owner
    if isinstance(node, ast.Lambda):
        turns = (*turns, Turn.at_node(node, 0, 0, "in a function without a name"))
    elif owner:
        turns = (*turns, Turn.at_node(node, 0, 0, f"in {node.name}, a function inside another"))
    elif place.kind:
        turns = (*turns, Turn.at_node(node, 0, 0, f"in {node.name}, a method of {place.kind}"))
        owner = f"{place.kind}.{node.name}"
    else:
        owner = node.name
    return Place(
        place.cell, place.statement, scope, True, place.condition, place.attempt, turns, owner, place.kind
    )


_COMPREHENSION = ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp
_CHANGES = (ast.If, ast.IfExp, ast.While, ast.Match, ast.Try, ast.ExceptHandler, *_COMPREHENSION.__args__)
"""Nodes whose children stand in another place than they do."""


def _around(node: ast.AST, place: Place) -> Place:
    if isinstance(node, ast.Try | ast.ExceptHandler):
        return replace(place, attempt=True)
    if isinstance(node, _COMPREHENSION):
        scope = Scope(place.scope)
        for generator in node.generators:
            _bind_target(
                generator.target, generator.iter, scope, place.cell, place.statement, each=True, plain=True
            )
        return replace(place, scope=scope)
    return replace(place, condition=True)


def _bind(node: ast.stmt, scope: Scope, cell: int, statement: int, top: bool) -> None:
    """Bind what a statement binds in its own scope; functions and classes bind their name alone."""
    vague = Binding(cell, statement, plain=False)
    for item in _statements(node):
        plain = top and item is node
        if isinstance(item, ast.Assign):
            for target in item.targets:
                _bind_target(target, item.value, scope, cell, statement, each=False, plain=plain)
        elif isinstance(item, ast.AnnAssign) and item.value is not None:
            _bind_target(item.target, item.value, scope, cell, statement, each=False, plain=plain)
        elif isinstance(item, ast.For | ast.AsyncFor):
            _bind_target(item.target, item.iter, scope, cell, statement, each=True, plain=False)
        elif isinstance(item, ast.Import | ast.ImportFrom):
            for name, full in _imported(item):
                scope.bind(name, Binding(cell, statement, plain=plain, imported=full))
        elif isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            defined = None if isinstance(item, ast.AsyncFunctionDef) else item
            scope.bind(item.name, replace(vague, defined=defined))
            for global_name in _global_names(item, ast.Global):
                scope.bind(global_name, vague)  # bound whenever the function runs, so never certain: twice
                scope.bind(global_name, vague)
        elif isinstance(item, ast.With | ast.AsyncWith):
            for each in item.items:
                if each.optional_vars is not None:
                    _bind_stored(each.optional_vars, scope, vague)
        elif isinstance(item, ast.Delete | ast.AugAssign | ast.Match):
            _bind_stored(item, scope, vague)
        elif isinstance(item, ast.Try):
            for handler in item.handlers:
                if handler.name:
                    scope.bind(handler.name, vague)


def _imported(node: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, str]]:
    """The names that an import binds, each with what it is then by full name; `*` for all names of a module."""
    for one in node.names:
        if isinstance(node, ast.Import):
            top = one.name.partition(".")[0]
            yield (one.asname, one.name) if one.asname else (top, top)
        else:
            base = "." * node.level + (node.module or "")
            yield one.asname or one.name, f"{base}{'.' if node.module else ''}{one.name}"


def _statements(node: ast.stmt) -> Iterator[ast.stmt]:
    """A statement and those inside it, but not inside its functions and classes."""
    todo: list[ast.AST] = [node]
    while todo:
        item = todo.pop()
        if isinstance(item, ast.stmt):
            yield item
            if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                continue
        for name in ("body", "orelse", "finalbody", "handlers", "cases"):
            inner = getattr(item, name, None)
            if inner.__class__ is list:
                todo += inner


def _global_names(function: ast.stmt, kind: type[ast.Global | ast.Nonlocal]) -> set[str]:
    """The names that a function, or one inside it, declares `global` (or `nonlocal`)."""
    names: set[str] = set()
    todo = list(getattr(function, "body", ()))
    while todo:
        for item in _statements(todo.pop()):
            if isinstance(item, kind):
                names.update(item.names)
            elif isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                todo += item.body
    return names


def _bind_stored(node: ast.AST, scope: Scope, vague: Binding) -> None:
    for inner in ast.walk(node):
        if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store | ast.Del):
            scope.bind(inner.id, vague)


def _bind_target(
    target: ast.expr, value: ast.expr, scope: Scope, cell: int, statement: int, *, each: bool, plain: bool
) -> None:
    if isinstance(target, ast.Name):
        scope.bind(target.id, Binding(cell, statement, value, each, plain))
        return
    pairs = isinstance(target, ast.Tuple | ast.List) and isinstance(value, ast.Tuple | ast.List)
    if pairs and not each and len(target.elts) == len(value.elts):  # type: ignore[attr-defined]
        for left, right in zip(target.elts, value.elts, strict=True):  # type: ignore[attr-defined]
            _bind_target(left, right, scope, cell, statement, each=False, plain=plain)
        return
    if isinstance(target, ast.Subscript) and isinstance(target.value, ast.Name):
        scope.bind(
            target.value.id, Binding(cell, statement, plain=False)
        )  # x["a"] = …: no longer what was written
    else:
        _bind_stored(target, scope, Binding(cell, statement, plain=False))
