"""A notebook's code as the place of the notebook settles it: which folder above it looks for, whether it goes there.

`while not (ROOT / "pyproject.toml").exists(): ROOT = ROOT.parent` ends where such a file lies, and
`if Path.cwd().name == "notebooks": os.chdir("..")` is done or not: both are known before anything runs. What is said of
files is said of the trees made here; the code of stages stays as it was written. What was found above is looked for in
them as a file, so that a stage is given it, and finds it too.
"""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from itertools import islice, pairwise
from pathlib import Path

from agilab.notebooks.findings import Finding
from agilab.notebooks.modules.folder_code import Here, Returned, Unknown, go, holds, value_of
from agilab.notebooks.rules import found

MARKS = (".git", "pyproject.toml", "uv.lock", "lab_stages.toml")
"""A folder with one of these is a project of its own: its lab lies nowhere above."""
HIGHEST = 3
"""Folders above the notebook's own, among which the lab's is looked for."""
_LOOKED_AT = 200
_TELLING = ("parent", "chdir", "cwd", "dirname")
"""One of these words stands in every text that is looked at here."""
_SEARCHES = re.compile(r"\b(?:while|for)\b[\s\S]*\b(?:exists|is_file|is_dir|isfile|isdir|listdir)\b|\bnext\(")
"""Stands in a module that looks for something in one folder after the other."""
_ASKS = frozenset(
    {"exists", "is_file", "is_dir", "isfile", "isdir", "listdir", "iterdir", "glob", "cwd", "getcwd"}
)


@dataclass
class Settled:
    """What came of it.

    Attributes:
        trees: By cell; those in which nothing is settled are the ones that were given.
        levels: How many folders above its own the notebook finds by what lies there or by a name.
        assumed: The functions of these trees that were looked at as if whoever calls them gave them nothing.
    """

    trees: dict[int, ast.Module]
    levels: int = 0
    findings: list[Finding] = field(default_factory=list)
    assumed: set[ast.FunctionDef] = field(default_factory=set)


def most_above(folder: Path) -> int:
    """How many folders above this one may be a lab's: no project is left, and a home folder never is one."""
    home = Path.home().resolve()
    for number, (left, above) in enumerate(pairwise((folder, *folder.parents[:HIGHEST]))):
        if (
            any((left / mark).exists() for mark in MARKS)
            or home.is_relative_to(above)
            or above.parent == above
        ):
            return number
    return min(HIGHEST, len(folder.parents))


def settled(trees: Mapping[int, ast.Module], texts: Sequence[str], folder: Path) -> Settled:
    """The trees of cells of a notebook that lies in `folder`; `texts` are theirs, to see whether one has to look."""
    if not any(word in text for text in texts for word in _TELLING):
        return Settled(dict(trees))
    return _Settling(trees, folder.resolve()).settle()


def settled_module(
    tree: ast.Module, text: str, file: str, folder: Path, number: int, called: Collection[str]
) -> Settled:
    """The tree of a module of a notebook in `folder` that looks for a file of its project.

    `file` is its own, from that folder; `called` are functions that the notebook gives something when it calls them.
    """
    if not (_SEARCHES.search(text) and any(word in text for word in _TELLING)):
        return Settled({number: tree})
    settling = _Settling({number: tree}, folder.resolve(), called)
    return settling.settle({"__file__": os.path.normpath(folder.resolve() / file)})


class _Settling:
    def __init__(self, trees: Mapping[int, ast.Module], folder: Path, called: Collection[str] = ()) -> None:
        self._given = trees
        self._folder = folder
        self._most = most_above(folder)
        self._cell = 0
        self._done = Settled({})
        self._bound: dict[str, tuple[list[ast.stmt], int]] = {}
        nodes = [node for tree in trees.values() for node in ast.walk(tree)]
        self._aliases = _aliases(nodes)
        self._moves = any(isinstance(node, ast.Attribute) and node.attr == "chdir" for node in nodes)
        self._called_with = {
            node.func.id
            for node in nodes
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and (node.args or node.keywords)
        }.union(called)
        self._within: ast.FunctionDef | None = None
        self._assumed: set[str] = set()

    def settle(self, values: Mapping[str, object] | None = None) -> Settled:
        here = Here(self._folder, self._aliases, dict(values or {}))
        bodies: dict[int, list[ast.stmt]] = {}
        for cell, tree in self._given.items():
            self._cell = cell
            bodies[cell] = self._body(tree.body, here)
        for cell, tree in self._given.items():
            same = _are_same(bodies[cell], tree.body)
            self._done.trees[cell] = tree if same else ast.Module(bodies[cell], tree.type_ignores)
        return self._done

    def _body(self, statements: Sequence[ast.stmt], here: Here) -> list[ast.stmt]:
        out: list[ast.stmt] = []
        for node in statements:
            for one in self._statement(node, here):
                if (
                    isinstance(one, ast.Assign)
                    and len(one.targets) == 1
                    and isinstance(one.targets[0], ast.Name)
                ):
                    self._bound[one.targets[0].id] = out, len(out)
                out.append(one)
            if self._within is not None and isinstance(out[-1] if out else None, ast.Return):
                break
        return out

    def _unbind(self, name: str) -> None:
        """Leave out what bound a name before: it is on its way up, and stands for where that ends."""
        out, at = self._bound.pop(name, ([], 0))
        if out and isinstance(before := out[at], ast.Assign):
            out[at] = ast.copy_location(ast.Expr(before.value), before)

    def _statement(self, node: ast.stmt, here: Here) -> list[ast.stmt]:
        if isinstance(node, ast.FunctionDef):
            return [self._function(node, here)]
        try:
            if isinstance(node, ast.While | ast.For):
                return self._loop(node, here)
            if isinstance(node, ast.If):
                return self._branch(node, here)
            if isinstance(node, ast.Assign | ast.AnnAssign | ast.Expr | ast.Return) and node.value:
                return self._plain(node, here)
        except (Unknown, OSError, ValueError, RecursionError):
            pass
        _forget(node, here)
        return [node]

    def _function(self, node: ast.FunctionDef, here: Here) -> ast.FunctionDef:
        inner = here.copy()
        if self._moves:
            inner.folder = None
        taken = node.args
        for one in (*taken.posonlyargs, *taken.args, *taken.kwonlyargs):
            inner.values.pop(one.arg, None)
        if node.name not in self._called_with:
            names = [one.arg for one in (*taken.posonlyargs, *taken.args)]
            for name, default in zip(reversed(names), reversed(taken.defaults), strict=False):
                if isinstance(default, ast.Constant) and isinstance(default.value, str | None):
                    inner.values[name] = default.value
        here.functions[node.name] = node
        here.values.pop(node.name, None)
        outside = self._bound, self._within, self._assumed
        self._bound, self._within = {}, node
        self._assumed = {one.arg for one in (*taken.posonlyargs, *taken.args) if one.arg in inner.values}
        assumes = bool(self._assumed)
        body = self._body(node.body, inner)
        self._bound, self._within, self._assumed = outside
        if _are_same(body, node.body):
            return node
        new = copy(node)
        new.body = body
        if all(_keeps(one) for one in node.decorator_list):
            new.decorator_list = []
        if assumes:
            self._done.assumed.add(new)
        return new

    def _loop(self, node: ast.While | ast.For, here: Here) -> list[ast.stmt]:
        """A loop that goes up to what it looks for, as what it comes to."""
        if not _climbs(node):
            raise Unknown
        after = here.copy()
        try:
            try:
                go([node], after)
            except Returned as found_here:
                if self._within is None or not isinstance(found_here.value, Path | str):
                    raise Unknown from None
                value = self._expression(found_here.value, node, here)
                made_return = ast.copy_location(ast.Return(value), node)
                return [*self._looks(node, after.seen, here), made_return]
            looks = self._looks(node, after.seen, here)
            if self._within is not None and isinstance(node, ast.For) and isinstance(node.target, ast.Name):
                after.values.pop(node.target.id, None)
            changed = {
                name: value for name, value in after.values.items() if here.values.get(name) is not value
            }
            made = [self._named(node, name, value, here) for name, value in changed.items()]
            for name in changed:
                self._unbind(name)
            if after.folder != here.folder and after.folder is not None:
                self._reaches(after.folder)
                to = os.path.relpath(after.folder, here.known)
                made.append(_statement(f"os.chdir({to!r})", node))
        except (Unknown, OSError, ValueError):
            if isinstance(node, ast.While) and _asks(node, here):
                self._say(node)
            raise Unknown from None
        here.values, here.folder = after.values, after.folder
        return [*looks, *made]

    def _branch(self, node: ast.If, here: Here) -> list[ast.stmt]:
        """What is done under a condition that the folder settles."""
        test = here.copy()
        taken, other = (node.body, node.orelse) if holds(node.test, test) else (node.orelse, node.body)
        if not (test.placed or test.asked or self._is_assumed(node.test)):
            raise Unknown
        if test.asked:
            for statements in (node.body, node.orelse):
                go(statements, here.copy())
            if not any("chdir" in ast.unparse(one) for one in (*taken, *other)):
                raise Unknown
        looks = self._looks(node, test.seen, here)
        return [*looks, *self._body(taken, here)] or [ast.copy_location(ast.Pass(), node)]

    def _is_assumed(self, test: ast.expr) -> bool:
        """Whether a condition is on nothing but what a function is given if its caller says nothing."""
        names = {one.id for one in ast.walk(test) if isinstance(one, ast.Name)}
        return bool(names) and names <= self._assumed

    def _plain(self, node: ast.Assign | ast.AnnAssign | ast.Expr | ast.Return, here: Here) -> list[ast.stmt]:
        if isinstance(node, ast.Expr):
            if isinstance(node.value, ast.Call) and here.dotted(node.value.func) == "os.chdir":
                go([node], here)
            return [node]
        after = here.copy()
        value = value_of(node.value, after) if node.value is not None else None
        looks: list[ast.stmt] = []
        new = node
        again = isinstance(node, ast.Assign) and any(_is_of(target, node.value) for target in node.targets)
        if isinstance(value, Path | str) and (
            after.asked or (after.placed and (again or _chooses(node.value)))
        ):
            looks = self._looks(node, after.seen, here)
            new = copy(node)
            new.value = self._expression(value, node, here)
            if isinstance(node, ast.Assign) and again and isinstance(node.targets[0], ast.Name):
                self._unbind(node.targets[0].id)
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    here.values[target.id] = value
                else:
                    _forget(target, here)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            here.values[node.target.id] = value
        return [*looks, new]

    def _named(self, node: ast.stmt, name: str, value: object, here: Here) -> ast.stmt:
        if not isinstance(value, Path | str):
            return _statement(f"{name} = None", node)
        made = _statement(f"{name} = None", node)
        assert isinstance(made, ast.Assign)
        made.value = self._expression(value, node, here)
        return made

    def _expression(self, value: Path | str, node: ast.stmt, here: Here) -> ast.expr:
        """A folder, as one asks for it from where the code runs then."""
        text = str(value)
        if text[:1] == "/":
            if self._folder.is_relative_to(text):
                self._reaches(Path(text))
            text = os.path.relpath(text, here.known)
            text = (
                f"Path.cwd().joinpath({text!r})"
                if isinstance(value, Path)
                else f"os.path.join(os.getcwd(), {text!r})"
            )
        else:
            text = f"Path({text!r})" if isinstance(value, Path) else repr(text)
        made = _statement(text, node)
        assert isinstance(made, ast.Expr)
        return made.value

    def _reaches(self, folder: Path) -> None:
        """Note that the notebook goes up to a folder. Raises Unknown where no lab can lie there."""
        if not self._folder.is_relative_to(folder):
            return
        levels = len(self._folder.relative_to(folder).parts)
        if levels > self._most:
            raise Unknown
        self._done.levels = max(self._done.levels, levels)

    def _looks(self, node: ast.stmt, seen: Sequence[Path], here: Here) -> list[ast.stmt]:
        """Statements that look for files that were found, so that whoever runs the code has them too."""
        made = []
        for path in dict.fromkeys(Path(os.path.normpath(one)) for one in seen):
            if self._folder.is_relative_to(path):
                continue
            file = _lightest(path) if path.is_dir() else path
            if file is None or not file.is_relative_to((self._folder, *self._folder.parents)[self._most]):
                raise Unknown
            made.append(_statement(f"os.path.exists({os.path.relpath(file, here.known)!r})", node))
        return made

    def _say(self, node: ast.While) -> None:
        what = "what a loop looks for above its folder is not there for a stage, in which it goes on for ever"
        self._done.findings.append(found("NB-311", what, cell=self._cell, line=node.lineno))


def _statement(text: str, at: ast.stmt) -> ast.stmt:
    """A statement that stands where another does."""
    (made,) = ast.parse(text).body
    for node in ast.walk(made):
        if isinstance(node, ast.expr | ast.stmt):
            ast.copy_location(node, at)
    return made


def _lightest(folder: Path) -> Path | None:
    """A file of a folder, so that there is one with it: the smallest; of git that which says on what branch one is."""
    if (folder / "HEAD").is_file():
        return folder / "HEAD"
    files = (Path(at, name) for at, _, names in os.walk(folder) for name in names)
    sized = [(one.stat().st_size, str(one)) for one in islice(files, _LOOKED_AT) if one.is_file()]
    return Path(min(sized)[1]) if sized else None


def _are_same(some: Sequence[ast.stmt], others: Sequence[ast.stmt]) -> bool:
    return len(some) == len(others) and all(one is other for one, other in zip(some, others, strict=True))


def _is_of(target: ast.expr, value: ast.expr) -> bool:
    """Whether a name gets a value that is made of what it stands for."""
    return isinstance(target, ast.Name) and any(
        isinstance(one, ast.Name) and one.id == target.id for one in ast.walk(value)
    )


def _climbs(node: ast.While | ast.For) -> bool:
    text = ast.unparse(node)
    return any(word in text for word in ("parent", "dirname", "chdir", "pardir", "'..'", "split("))


def _asks(node: ast.While, here: Here) -> bool:
    """Whether a loop looks for a file or a folder, and is no walk through something else."""
    names = {one.attr for one in ast.walk(node) if isinstance(one, ast.Attribute)}
    names |= {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}
    known = any(isinstance(here.values.get(name), Path) for name in names)
    return bool(names & {*_ASKS, "dirname", "chdir"}) or known


def _keeps(decorator: ast.expr) -> bool:
    """Whether a decorator does nothing but keep what a function returned."""
    made = decorator.func if isinstance(decorator, ast.Call) else decorator
    return (getattr(made, "attr", "") or getattr(made, "id", "")) in ("cache", "lru_cache")


def _chooses(node: ast.expr | None) -> bool:
    kinds = (ast.IfExp, ast.GeneratorExp, ast.ListComp, ast.Subscript)
    return node is not None and any(isinstance(one, kinds) for one in ast.walk(node))


def _forget(node: ast.AST, here: Here) -> None:
    for one in ast.walk(node):
        if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store | ast.Del):
            here.values.pop(one.id, None)
        elif isinstance(one, ast.ClassDef | ast.AsyncFunctionDef):
            here.values.pop(one.name, None)
        elif isinstance(one, ast.Attribute) and one.attr in ("chdir", "fchdir"):
            here.folder = None


def _aliases(nodes: Sequence[ast.AST]) -> dict[str, str]:
    return dict(_imported(nodes))


def _imported(nodes: Sequence[ast.AST]) -> Iterator[tuple[str, str]]:
    for node in nodes:
        if isinstance(node, ast.Import):
            for one in node.names:
                if one.asname:
                    yield one.asname, one.name
        elif isinstance(node, ast.ImportFrom) and node.module:
            for one in node.names:
                yield one.asname or one.name, f"{node.module}.{one.name}"
