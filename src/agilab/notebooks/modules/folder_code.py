"""Code that looks where it is: what it comes to in a folder that is known. Nothing is executed; files are looked for.

`while not (ROOT / ".git").exists(): ROOT = ROOT.parent`, `Path.cwd().name == "notebooks"`, `os.chdir("..")`.
"""

from __future__ import annotations

import ast
import os
import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from agi_node.source.tree import chain_of

_TURNS = 40
"""How often a loop is gone through that looks for something above."""


class Unknown(Exception):
    """What the folder does not say."""


class _Left(Exception):
    """The loop was left by `break`."""


class Returned(Exception):
    """A function came to its end."""

    def __init__(self, value: object) -> None:
        self.value = value


@dataclass
class Here:
    """What is known at a place of the code.

    Attributes:
        folder: Where the code runs then; None where nobody knows.
        values: What names stand for: folders, texts, and lists of them.
        seen: What was looked for and is there.
        asked: Whether anything was looked for, there or not.
        placed: Whether it was asked where the code runs.
        functions: Those of the notebook, by name.
        depth: How many of them call each other.
    """

    folder: Path | None
    aliases: Mapping[str, str]
    values: dict[str, object] = field(default_factory=dict)
    seen: list[Path] = field(default_factory=list)
    asked: bool = False
    placed: bool = False
    functions: dict[str, ast.FunctionDef] = field(default_factory=dict)
    depth: int = 0

    def copy(self) -> Here:
        """The same for an attempt."""
        return Here(
            self.folder, self.aliases, dict(self.values), functions=dict(self.functions), depth=self.depth
        )

    def learn(self, other: Here) -> None:
        """Take over what another looked for."""
        self.seen += other.seen
        self.asked = self.asked or other.asked
        self.placed = self.placed or other.placed

    def dotted(self, node: ast.AST) -> str:
        """`os.path.join` for whatever the notebook calls it."""
        first, *rest = chain_of(node) or [""]
        return ".".join([self.aliases.get(first, first), *rest])

    @property
    def known(self) -> Path:
        """The folder. Raises Unknown."""
        self.placed = True
        if self.folder is None:
            raise Unknown
        return self.folder

    def there(self, path: Path) -> bool:
        """Whether something lies there."""
        self.asked = True
        found = os.path.lexists(path)
        if found:
            self.seen.append(path)
        return found


def value_of(node: ast.expr, here: Here) -> object:
    """A folder, a text, or a list of them. Raises Unknown."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str | int):
        return node.value
    if isinstance(node, ast.Name):
        if node.id not in here.values:
            raise Unknown
        value = here.values[node.id]
        here.placed = here.placed or (isinstance(value, Path | str) and str(value)[:1] == "/")
        return value
    if isinstance(node, ast.List | ast.Tuple | ast.Set):
        return [each for one in node.elts for each in _elements(one, here)]
    if isinstance(node, ast.Call):
        return _of_call(node, here)
    if isinstance(node, ast.Attribute):
        return _of_attribute(node, here)
    if isinstance(node, ast.Subscript):
        return _item(node, here)
    if isinstance(node, ast.BinOp):
        left, right = value_of(node.left, here), value_of(node.right, here)
        if isinstance(node.op, ast.Div) and isinstance(left, Path):
            return left / _text(right)
        if isinstance(node.op, ast.Add) and isinstance(left, list) and isinstance(right, list):
            return [*left, *right]
        if isinstance(node.op, ast.Add) and isinstance(left, str) and isinstance(right, str):
            return left + right
    if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or) and len(node.values) == 2:
        left = value_of(node.values[0], here)
        return left if left else value_of(node.values[1], here)
    if isinstance(node, ast.IfExp):
        return value_of(node.body if holds(node.test, here) else node.orelse, here)
    raise Unknown


def _elements(node: ast.expr, here: Here) -> Sequence[object]:
    return _list(value_of(node.value, here)) if isinstance(node, ast.Starred) else [value_of(node, here)]


def _text(value: object) -> str:
    if isinstance(value, str | Path):
        return str(value)
    raise Unknown


def _list(value: object) -> list[object]:
    if isinstance(value, list):
        return value
    raise Unknown


_SIGNS = {"os.sep": "/", "os.path.sep": "/", "os.pardir": "..", "os.curdir": "."}


def _of_attribute(node: ast.Attribute, here: Here) -> object:
    if (sign := _SIGNS.get(here.dotted(node))) is not None:
        return sign
    of = value_of(node.value, here)
    if not isinstance(of, Path):
        raise Unknown
    if node.attr == "parents":
        return list(of.parents)
    if node.attr == "parts":
        return list(of.parts)
    if node.attr == "parent":
        return of.parent
    if node.attr in ("name", "stem", "anchor"):
        return str(getattr(of, node.attr))
    raise Unknown


def _item(node: ast.Subscript, here: Here) -> object:
    number = node.slice
    sign = 1
    if isinstance(number, ast.UnaryOp) and isinstance(number.op, ast.USub):
        number, sign = number.operand, -1
    if not (isinstance(number, ast.Constant) and isinstance(number.value, int)):
        raise Unknown
    if isinstance(node.value, ast.ListComp):
        return _first(node.value, here)
    try:
        return _list(value_of(node.value, here))[sign * number.value]
    except IndexError:
        raise Unknown from None


_SAME = ("str", "os.fspath", "os.path.normpath", "os.path.expanduser", "list", "tuple")
_ABSOLUTE = ("os.path.abspath", "os.path.realpath")
_OF_PATHS = (*_SAME, *_ABSOLUTE, "os.path.dirname", "os.path.basename", "os.path.split")


def _of_call(node: ast.Call, here: Here) -> object:
    name = here.dotted(node.func)
    if name in ("os.getcwd", "pathlib.Path.cwd", "Path.cwd"):
        return here.known if "Path" in name else str(here.known)
    if name == "next" and node.args and isinstance(node.args[0], ast.GeneratorExp):
        return _first(node.args[0], here)
    if name in ("pathlib.Path", "Path"):
        return Path(*(_text(value_of(one, here)) for one in node.args))
    if name == "os.path.join" and node.args:
        return posixpath.join(*(_text(value_of(one, here)) for one in node.args))
    if name == "os.listdir":
        folder = value_of(node.args[0], here) if node.args else "."
        here.asked = True
        return [_Entry(here.known / _text(folder))]
    if isinstance(node.func, ast.Name) and node.func.id in here.functions:
        return _called(here.functions[node.func.id], node, here)
    if name in _OF_PATHS and len(node.args) == 1 and not node.keywords:
        return _of_path(name, value_of(node.args[0], here), here)
    if isinstance(node.func, ast.Attribute):
        return _of_method(node, node.func, here)
    raise Unknown


def _called(function: ast.FunctionDef, node: ast.Call, here: Here) -> object:
    """What a function of the notebook returns."""
    taken = function.args
    names = [one.arg for one in (*taken.posonlyargs, *taken.args)]
    if here.depth > _TURNS or taken.vararg or taken.kwarg or len(node.args) > len(names):
        raise Unknown
    inner = here.copy()
    inner.depth += 1
    for name, default in zip(reversed(names), reversed(taken.defaults), strict=False):
        inner.values[name] = value_of(default, here) if not _is_none(default) else None
    for name, given in zip(names, node.args, strict=False):
        inner.values[name] = value_of(given, here)
    for one in node.keywords:
        if one.arg is None:
            raise Unknown
        inner.values[one.arg] = value_of(one.value, here)
    try:
        go(function.body, inner)
    except Returned as returned:
        if inner.folder == here.folder:
            here.learn(inner)
            return returned.value
    raise Unknown


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


class _Entry:
    """Stands for all that lies in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder


def _of_path(name: str, given: object, here: Here) -> object:
    if name in ("list", "tuple"):
        return _list(given)
    text = _text(given)
    if name in _ABSOLUTE:
        return os.path.normpath(here.known / text)
    if name == "os.path.normpath":
        return os.path.normpath(text)
    if name == "os.path.dirname":
        return posixpath.dirname(text)
    if name == "os.path.basename":
        return posixpath.basename(text)
    return [*posixpath.split(text)] if name == "os.path.split" else text


def _of_method(node: ast.Call, function: ast.Attribute, here: Here) -> object:
    of = value_of(function.value, here)
    given = [value_of(one, here) for one in node.args]
    if isinstance(of, Path):
        if function.attr in ("resolve", "absolute"):
            return Path(os.path.normpath(here.known / of))
        if function.attr in ("as_posix", "__str__"):
            return str(of)
        if function.attr == "joinpath":
            return of.joinpath(*map(_text, given))
        if function.attr == "expanduser":
            return of
    if isinstance(of, str) and function.attr == "split" and given == ["/"]:
        return list(of.split("/"))
    if isinstance(of, str) and function.attr == "lower":
        return of.lower()
    raise Unknown


def _first(node: ast.GeneratorExp | ast.ListComp, here: Here) -> object:
    """The first of what a comprehension over one list gives."""
    for inner in _each(node, here):
        here.learn(inner)
        return value_of(node.elt, inner)
    raise Unknown


def _each(node: ast.GeneratorExp | ast.ListComp, here: Here) -> Iterator[Here]:
    if len(node.generators) != 1 or not isinstance(node.generators[0].target, ast.Name):
        raise Unknown
    loop = node.generators[0]
    for one in _list(value_of(loop.iter, here)):
        inner = here.copy()
        inner.values[node.generators[0].target.id] = one
        if all(holds(test, inner) for test in loop.ifs):
            yield inner


def holds(node: ast.expr, here: Here) -> bool:
    """Whether a condition is met. Raises Unknown."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return not holds(node.operand, here)
    if isinstance(node, ast.BoolOp):
        wanted = isinstance(node.op, ast.Or)
        return wanted if any(holds(one, here) is wanted for one in node.values) else not wanted
    if isinstance(node, ast.Constant) and isinstance(node.value, bool):
        return node.value
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        return _compared(node, here)
    if isinstance(node, ast.Call):
        return _asked(node, here)
    raise Unknown


def _compared(node: ast.Compare, here: Here) -> bool:
    how = node.ops[0]
    left = value_of(node.left, here)
    if isinstance(how, ast.Is | ast.IsNot) and _is_none(node.comparators[0]):
        return (left is None) is isinstance(how, ast.Is)
    right = value_of(node.comparators[0], here)
    if isinstance(how, ast.In | ast.NotIn):
        if isinstance(right, list) and len(right) == 1 and isinstance(right[0], _Entry):
            found = here.there(right[0].folder / _text(left))
        elif isinstance(right, list):
            found = left in right
        else:
            found = _text(left) in _text(right)
        return found is isinstance(how, ast.In)
    if isinstance(how, ast.Eq | ast.NotEq):
        return (left == right) is isinstance(how, ast.Eq)
    raise Unknown


def _asked(node: ast.Call, here: Here) -> bool:
    name, function = here.dotted(node.func), node.func
    if name in ("os.path.exists", "os.path.isfile", "os.path.isdir") and len(node.args) == 1:
        return here.there(here.known / _text(value_of(node.args[0], here)))
    if name in ("any", "all") and len(node.args) == 1 and isinstance(node.args[0], ast.GeneratorExp):
        return _any(node.args[0], here, every=name == "all")
    if isinstance(function, ast.Attribute):
        of = value_of(function.value, here)
        if function.attr in ("exists", "is_file", "is_dir") and isinstance(of, Path):
            return here.there(here.known / of)
        if function.attr in ("endswith", "startswith") and isinstance(of, str) and len(node.args) == 1:
            given = value_of(node.args[0], here)
            ends = tuple(map(_text, given)) if isinstance(given, list) else _text(given)
            return of.endswith(ends) if function.attr == "endswith" else of.startswith(ends)
    raise Unknown


def _any(node: ast.GeneratorExp, here: Here, *, every: bool) -> bool:
    loop = node.generators[0]
    if len(node.generators) != 1 or not isinstance(loop.target, ast.Name) or loop.ifs:
        raise Unknown
    for one in _list(value_of(loop.iter, here)):
        inner = here.copy()
        inner.values[loop.target.id] = one
        found = holds(node.elt, inner)
        here.learn(inner)
        if found is not every:
            return not every
    return every


def go(statements: Sequence[ast.stmt], here: Here) -> None:
    """Do what statements do to names and to the folder. Raises Unknown for any that does something else."""
    for node in statements:
        _go(node, here)


def _go(node: ast.stmt, here: Here) -> None:
    if isinstance(node, ast.Pass) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
        return
    if isinstance(node, ast.Break):
        raise _Left
    if isinstance(node, ast.Return) and node.value is not None:
        raise Returned(value_of(node.value, here))
    if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
        here.values[node.targets[0].id] = value_of(node.value, here)
    elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
        here.values[node.target.id] = value_of(node.value, here)
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        name = here.dotted(node.value.func)
        if name == "os.chdir" and len(node.value.args) == 1:
            to = here.known / _text(value_of(node.value.args[0], here))
            here.folder = Path(os.path.normpath(to))
        elif name != "print":
            raise Unknown
    elif isinstance(node, ast.If):
        go(node.body if holds(node.test, here) else node.orelse, here)
    elif isinstance(node, ast.While):
        _loop(node, here)
    elif isinstance(node, ast.For) and isinstance(node.target, ast.Name):
        _over(node, node.target.id, here)
    else:
        raise Unknown


def _loop(node: ast.While, here: Here) -> None:
    for _ in range(_TURNS):
        here.seen.clear()
        if not holds(node.test, here):
            return
        try:
            go(node.body, here)
        except _Left:
            return
    raise Unknown


def _over(node: ast.For, name: str, here: Here) -> None:
    number = node.iter.args[0] if isinstance(node.iter, ast.Call) and node.iter.args else None
    if isinstance(node.iter, ast.Call) and here.dotted(node.iter.func) == "range":
        if not (isinstance(number, ast.Constant) and isinstance(number.value, int)):
            raise Unknown
        every: Sequence[object] = range(min(number.value, _TURNS))
    else:
        every = _list(value_of(node.iter, here))
    for one in every:
        here.values[name] = one
        here.seen.clear()
        try:
            go(node.body, here)
        except _Left:
            return
    go(node.orelse, here)
