"""Which names a stage's code needs from outside, which it binds, and where: by its syntax, nothing is run."""

from __future__ import annotations

import ast
import builtins
import re
import warnings
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from agi_node.source.needs import needs_of
from agi_node.source.scopes import bound_names
from agi_node.source.tree import nodes_of
from agilab.notebooks.flow.first_reads import COMPOUND, blocks, first_reads, heads

GIVEN = frozenset(
    {*dir(builtins), "__name__", "__file__", "__builtins__", "__annotations__", "__doc__", "__class__"}
) | frozenset({"run", "display", "Skip"})
"""Names that every stage has: Python's own, and what a run gives."""
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


@dataclass(frozen=True)
class Place:
    """A line (from 1) and a column (from 1) of a text."""

    line: int
    column: int


@dataclass(frozen=True)
class Names:
    """What is known of the names of a text.

    Attributes:
        nodes: Every node of the syntax tree.
        needed: Names that must come from outside, each with where it is first read.
        perhaps: Names that are read before anything gives them, where that may go well: in a later round of a loop
            that binds them, or where a handler catches the `NameError`.
        bound: Names that some statement of the text binds at its top.
        body: The statements of its top.
        open: Why names may come about that no reader can see (`from x import *`, `exec`), or None.
    """

    nodes: Sequence[ast.AST]
    needed: Mapping[str, Place]
    bound: frozenset[str]
    open: str | None
    body: Sequence[ast.stmt] = ()
    perhaps: Mapping[str, Place] = field(default_factory=dict)

    @cached_property
    def deleted(self) -> frozenset[str]:
        """Names that a `del` at the top takes away, and that no statement of the top binds again."""
        gone: set[str] = set()
        for statement in self.body:
            if isinstance(statement, ast.Delete):
                gone.update(one.id for one in statement.targets if isinstance(one, ast.Name))
            else:
                gone.difference_update(bound_names([statement], ""))
        return frozenset(gone)

    @cached_property
    def read(self) -> frozenset[str]:
        """Every name that is read anywhere, in whatever scope."""
        found = set()
        for node in self.nodes:
            if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Store):
                found.add(node.id)
            elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
                found.add(node.target.id)
        return frozenset(found)


def parse(text: str) -> ast.Module:
    """The syntax tree of a stage's code, which may `await` at its top. Raises `SyntaxError`, and no other error."""
    try:
        # An `await` outside of a function is a matter of compiling; parsing takes it.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
            compile(tree, "<stage>", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
        return tree
    except SyntaxError:
        raise
    except (ValueError, RecursionError, MemoryError) as problem:
        raise SyntaxError(str(problem) or "nested too deeply", ("<stage>", 1, 1, "")) from None


def names_of(text: str, given: Collection[str] = (), leaves: Collection[str] = ()) -> Names:
    """The names of a text to which `given` come from outside, and which `leaves` some. Raises as `parse` does.

    What only functions need that nothing of the text calls, and that do not leave it, is asked of whoever uses them.
    """
    tree = parse(text)
    giving = _giving(tree.body)
    bound = frozenset(bound_names(tree.body, "")) | frozenset[str]().union(*giving.values())
    nodes = list(nodes_of(tree))
    known = frozenset(given) | GIVEN | _made_pythons_own(nodes)
    reader = _Reader(known, any(isinstance(node, ast.NamedExpr) for node in nodes), giving)
    body = (_Unannotated().visit(parse(text)) if _postponed(tree) else tree).body
    reader.block(body)
    lines = lines_of(text)
    unread = _unread(tree.body, leaves)
    spoken = _attributes(tree.body, unread)
    elsewhere = {name for one in tree.body if one not in unread for name in _later(one, spoken, leaves)}
    later = {
        name: node
        for name, node in reader.later.items()
        if name not in bound and name not in reader.given and name in elsewhere
    }
    surely, perhaps = _told_apart(body, reader.needed)
    return Names(
        nodes, _placed({**surely, **later}, lines), bound, _open(nodes), tree.body, _placed(perhaps, lines)
    )


def given_by_functions(text: str) -> frozenset[str]:
    """The names that functions of a text declare global, and bind when they are called. Raises as `parse` does."""
    return frozenset[str]().union(*_giving(parse(text).body).values())


def _giving(body: Sequence[ast.stmt]) -> dict[str, frozenset[str]]:
    """By function or class: the names that it, or another one that it reads, declares global, and binds."""
    read: dict[str, set[str]] = {}
    giving: dict[str, frozenset[str]] = {}
    for one in body:
        called = one.name if isinstance(one, _DEFINITIONS) else _defined(one)
        if called:
            nodes = list(nodes_of(one))
            declared = {name for node in nodes if isinstance(node, ast.Global) for name in node.names}
            names = [node for node in nodes if isinstance(node, ast.Name)]
            stored = {node.id for node in names if isinstance(node.ctx, ast.Store)}
            stored |= {node.name for node in nodes if isinstance(node, _DEFINITIONS)}
            read.setdefault(called, set()).update(node.id for node in names)
            giving[called] = giving.get(called, frozenset()) | (declared & stored)
    if not any(giving.values()):
        return {}
    while more := {
        name: giving[name] | others
        for name, names in read.items()
        if (others := frozenset[str]().union(*(giving.get(other, ()) for other in names))) - giving[name]
    }:
        giving |= more
    return {name: gives for name, gives in giving.items() if gives}


def _told_apart(
    body: Sequence[ast.stmt], needed: Mapping[str, ast.AST]
) -> tuple[dict[str, ast.AST], dict[str, ast.AST]]:
    """Where names are read that must be there, and where those that may be there by then, or need not be."""
    surely: dict[str, ast.AST] = {}
    perhaps: dict[str, ast.AST] = {}
    for name, node in needed.items():
        reads = first_reads(body, name)
        first = next((one.node for one in reads if one.how == "surely"), None)
        if reads and first is None:
            perhaps[name] = node
        else:
            surely[name] = node if first is None else _where(first, name)
    return surely, perhaps


def _placed(nodes: Mapping[str, ast.AST], lines: Sequence[str]) -> dict[str, Place]:
    found = {name: place_of(node, lines) for name, node in nodes.items()}
    return dict(sorted(found.items(), key=lambda one: (one[1].line, one[1].column)))


def _unread(body: Sequence[ast.stmt], leaves: Collection[str]) -> list[ast.stmt]:
    """The functions and classes that nothing of a text reads, nor anything that it reads; a decorator reads its own.

    Those in `leaves` are read by others.
    """
    made: dict[str, list[ast.stmt]] = {}
    todo: list[ast.stmt] = []
    for one in body:
        name = _defined(one)
        if name and name not in leaves:
            made.setdefault(name, []).append(one)
        else:
            todo.append(one)
    while todo:
        read = {one.id for one in nodes_of(todo.pop()) if isinstance(one, ast.Name)}
        for name in read & made.keys():
            todo += made.pop(name)
    return [one for ones in made.values() for one in ones]


def _defined(one: ast.stmt) -> str:
    """The name that a statement gives to a function or class, or to functions without a name of their own; else ""."""
    match one:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return "" if one.decorator_list else one.name
        case ast.Assign(targets=[ast.Name(id=name)], value=value) if _holds_functions(value):
            return name
    return ""


def _holds_functions(value: ast.expr) -> bool:
    """Whether an expression only says what functions do, one or some by name or in a row, and calls none."""
    match value:
        case ast.Lambda():
            return True
        case ast.Dict(values=parts) | ast.List(elts=parts) | ast.Tuple(elts=parts):
            return bool(parts) and all(map(_holds_functions, parts))
    return False


def _attributes(body: Sequence[ast.stmt], unread: Sequence[ast.stmt]) -> frozenset[str] | None:
    """The names of attributes that a text mentions; None where it may ask for any: `getattr(x, name)`."""
    found: set[str] = set()
    for node in (node for one in body if one not in unread for node in nodes_of(one)):
        if isinstance(node, ast.Attribute):
            found.add(node.attr)
        elif isinstance(node, ast.Name) and node.id in ("getattr", "attrgetter", "methodcaller"):
            return None
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.update(re.findall(r"\w+", node.value) if len(node.value) < 200 else ())
    return frozenset(found)


def _later(node: ast.stmt, spoken: frozenset[str] | None, leaves: Collection[str]) -> frozenset[str]:
    """What a definition needs when it is called: of a class with no base, what its methods do that the text mentions.

    Its objects may go to another stage, where others are called: what these need is asked of that one.
    """
    if (
        not isinstance(node, ast.ClassDef)
        or node.bases
        or node.keywords
        or spoken is None
        or node.name in leaves
    ):
        return needs_of(node).later
    quiet = [
        one
        for one in node.body
        if isinstance(one, (ast.FunctionDef, ast.AsyncFunctionDef))
        and not one.name.startswith("__")
        and one.name not in spoken
        and all(
            ast.unparse(each) in ("property", "staticmethod", "classmethod") for each in one.decorator_list
        )
    ]
    return frozenset[str]().union(*(needs_of(one).later for one in node.body if one not in quiet))


def _postponed(tree: ast.Module) -> bool:
    """Whether annotations are only text here: `from __future__ import annotations`."""
    return any(
        isinstance(node, ast.ImportFrom)
        and node.module == "__future__"
        and any(alias.name == "annotations" for alias in node.names)
        for node in tree.body
    )


class _Unannotated(ast.NodeTransformer):
    """Takes annotations out of a tree."""

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.annotation = None
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        return self.generic_visit(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        node.returns = None
        return self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        node.annotation = ast.copy_location(ast.Constant(None), node.annotation)
        return self.generic_visit(node)


class _Reader:
    """Goes through statements in the order in which they run, with the names bound so far."""

    def __init__(self, given: frozenset[str], walrus: bool, giving: Mapping[str, frozenset[str]]) -> None:
        self.given = given
        self._giving = giving
        self._walrus = walrus
        self._bound: set[str] = set()
        self.needed: dict[str, ast.AST] = {}
        self.later: dict[str, ast.AST] = {}

    def block(self, body: Iterable[ast.stmt]) -> None:
        for statement in body:
            if isinstance(statement, COMPOUND):
                self._compound(statement)
            else:
                self._read(statement)
                self._bound.update(bound_names([statement], ""))

    def _compound(self, statement: ast.stmt) -> None:
        for part in heads(statement):
            self._read(part)
        # Whichever branch runs, and however often: what one of them binds may be there for the next.
        if isinstance(statement, (ast.For, ast.AsyncFor)):
            self._bound.update(bound_names([statement.target], ""))
        if isinstance(statement, (ast.With, ast.AsyncWith)):
            self._bound.update(
                bound_names([one.optional_vars for one in statement.items if one.optional_vars], "")
            )
        self._bound.update(bound_names(heads(statement), ""))
        for block in blocks(statement):
            if isinstance(block, ast.ExceptHandler):
                self._bound |= {block.name} if block.name else set()
                self.block(block.body)
            else:
                self.block(block)

    def _read(self, node: ast.AST) -> None:
        needs = needs_of(node)
        # `(n := 3) + n`, `case x: use(x)`: bound on the way, in an order that is not looked into.
        walked = nodes_of(node) if self._walrus else []
        passing = {one.target.id for one in walked if isinstance(one, ast.NamedExpr)}
        passing |= set(bound_names([node], "")) if isinstance(node, ast.Match) else set()
        for name in needs.now - self._bound - self.given - passing:
            self.needed.setdefault(name, _where(node, name))
        for name in needs.now & self._giving.keys():  # perhaps it is called here
            self._bound |= self._giving[name]
        for name in needs.later - self.given:
            self.later.setdefault(name, _where(node, name))


def _where(node: ast.AST, name: str) -> ast.AST:
    """Where a statement first reads a name."""
    found = [one for one in nodes_of(node) if isinstance(one, ast.Name) and one.id == name]
    read = [one for one in found if isinstance(one.ctx, ast.Load)]
    # `n += 1` reads what it only seems to write.
    return min(read or found, key=lambda one: (one.lineno, one.col_offset), default=node)


def place_of(node: ast.AST, lines: Sequence[str]) -> Place:
    """Where a node stands, in letters: Python counts columns in bytes."""
    line, column = getattr(node, "lineno", 1), getattr(node, "col_offset", 0)
    text = lines[line - 1] if line <= len(lines) else ""
    return Place(line, len(text.encode("utf-8", "surrogatepass")[:column].decode("utf-8", "ignore")) + 1)


def lines_of(text: str) -> list[str]:
    """The lines of a text as Python counts them."""
    return re.split(r"\r\n|\r|\n", text)


def _made_pythons_own(nodes: Sequence[ast.AST]) -> frozenset[str]:
    """Names that a text puts beside Python's own, wherever it does: `builtins.LIMIT = 3`.

    What it imports `builtins` as may stand in another text, which it uses.
    """
    called = {"builtins"} | {
        alias.asname or alias.name
        for node in nodes
        if isinstance(node, ast.Import)
        for alias in node.names
        if alias.name == "builtins"
    }
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            owner, name = node.value, node.attr
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "setattr":
            match node.args:
                case [owner, ast.Constant(value=str(name)), _]:
                    pass
                case _:
                    continue
        else:
            continue
        if isinstance(owner, ast.Name) and owner.id in called:
            found.add(name)
    return frozenset(found)


def _open(nodes: Sequence[ast.AST]) -> str | None:
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names):
            return f"from {'.' * node.level}{node.module or ''} import *"
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in ("exec", "globals")
        ):
            return f"{node.func.id}(…)"
    return None
