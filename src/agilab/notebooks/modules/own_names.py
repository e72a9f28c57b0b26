"""A notebook's own modules as they are written: what their names stand for, and where their files lie.

A module that says where it lies (`Path(__file__).parent / "data"`) says by that where its data lie: paths that are made
so are known from the notebook's folder, as those that the notebook makes itself.
"""

from __future__ import annotations

import ast
import posixpath
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from agi_node.source.tree import Unreadable, parse
from agilab.notebooks.code.distributions import standard
from agilab.notebooks.code.names import DEEPEST, Found, absolute
from agilab.notebooks.code.values import Evaluator
from agilab.notebooks.code.walking import Nodes, Place, Scope, scope_of_notebook, walk
from agilab.notebooks.modules.imports import aliases_of
from agilab.notebooks.modules.notebook_modules import is_named_by_package, notebook_of, text_of_notebook
from agilab.notebooks.modules.settled import settled_module

_LONGEST = 300_000
"""Bytes of one module that are read."""
_LAST = 1_000_000
"""A statement behind all of a module."""
_PLACED = re.compile(
    r"__file__|__path__|__spec__|\bimportlib[. ]\s*(?:import\s+)?(?:resources|metadata)"
    r"|\b(?:pkgutil|inspect|linecache)\b"
)
"""What a module asks for that wants to know where it, or its source, lies."""
_PACKAGED = re.compile(r"^\s*(?:\[build-system\]|package\s*=\s*true)", re.MULTILINE)
HIGHEST = 3
"""Folders above the notebook's, among which the project is looked for that it belongs to."""


def says_where(text: str) -> bool:
    """Whether a module's text asks where it lies.

    >>> says_where("HERE = Path(__file__).parent"), says_where("from importlib import resources"), says_where("x = 1")
    (True, True, False)
    """
    return _PLACED.search(text) is not None


def project_folders(folder: Path | None) -> list[str]:
    """Where the modules of the project lie that a notebook in a folder belongs to, if that is installed as a package.

    As paths from the folder, which itself is not among them.
    """
    above = "."
    here = None if folder is None else folder.absolute()
    for _ in range(HIGHEST + 1):
        if here is None or here.parent == here:
            break
        try:
            text = (here / "pyproject.toml").read_text(encoding="utf-8")
        except (OSError, ValueError):
            above, here = posixpath.normpath(f"{above}/.."), here.parent
            continue
        if not _PACKAGED.search(text):
            break
        places = [posixpath.normpath(f"{above}/{one}") for one in ("src", ".")]
        return [one for one in places if one != "." and folder is not None and (folder / one).is_dir()]
    return []


@dataclass(frozen=True)
class OwnModule:
    """A module of the notebook's own.

    Attributes:
        name: Its full name.
        file: From the notebook's folder.
        text: It.
        number: A cell of its own, below 0.
    """

    name: str
    file: str
    text: str
    number: int
    evaluator: Evaluator

    @property
    def package(self) -> str:
        """What its relative imports are meant from."""
        return self.name if self.file.endswith("__init__.py") else self.name.rpartition(".")[0]

    @cached_property
    def tree(self) -> ast.Module:
        """Empty where it does not parse."""
        try:
            return parse(self.text.encode("utf-8", "surrogatepass"))
        except (Unreadable, ValueError):
            return ast.Module([], [])

    @cached_property
    def scope(self) -> Scope:
        """Its names."""
        return scope_of_notebook({self.number: self.tree})

    def is_program(self, line: int) -> bool:
        """Whether a line is run where the module is a program, and not where it is imported."""
        return any(first <= line <= last for first, last in self._of_program)

    @cached_property
    def _of_program(self) -> list[tuple[int, int]]:
        return [
            (node.lineno, node.body[-1].end_lineno or node.lineno)
            for node in self.tree.body
            if isinstance(node, ast.If) and ast.unparse(node.test) == "__name__ == '__main__'"
        ]

    @cached_property
    def nodes(self) -> Nodes:
        """See `walk`."""
        return list(walk(self.number, self.tree, self.scope))


class OwnModules:
    """The modules that lie where a notebook looks for them. Each is read once, and only when somebody asks."""

    def __init__(
        self,
        folder: Path | None,
        added: Sequence[str],
        changed: Collection[str] = (),
        called: Collection[str] | None = None,
        *,
        notebooks: bool = False,
    ) -> None:
        """`added` are the folders besides the notebook's own; `changed` names of modules that cells set.

        `called` are functions that cells give something; None where the notebook goes to other folders, so that nobody
        knows where a module looks from. `notebooks` says that these are modules, too (`notebook_modules`).
        """
        self._notebooks = notebooks
        self._called_with = called
        self.endless: list[str] = []
        """Modules in which a loop looks for what a stage has not above it."""
        self._folder = folder
        self._places = list(dict.fromkeys([".", *map(posixpath.normpath, added)]))
        self._changed = changed
        self._read: dict[str, OwnModule | None] = {}
        self._tops: dict[str, bool] = {}
        self.called: list[ast.FunctionDef] = []
        self.cut: set[str] = set()
        """The first parts of the names of packages of which not all files are taken."""
        self.opened: set[str] = set()
        """The databases that modules open when they are imported, from the notebook's folder."""

    def module(self, name: str) -> OwnModule | None:
        """The module of that full name, if it is one's own."""
        if name not in self._read:
            file, text = self._lying(name) if self._is_own(name.partition(".")[0]) else ("", "")
            self._read[name] = None
            if file:
                number = -2 - len(self._read)
                self._read[name] = self._made(OwnModule(name, file, text, number, Evaluator({})))
        return self._read[name]

    def _made(self, one: OwnModule) -> OwnModule:
        assumed: Collection[ast.FunctionDef] = ()
        if self._folder is not None and self._called_with is not None:
            place = settled_module(one.tree, one.text, one.file, self._folder, one.number, self._called_with)
            one.__dict__["tree"], assumed = place.trees[one.number], place.assumed
            self.endless += [one.name] if place.findings else []
        module = replace(one, evaluator=Evaluator(aliases_of([one.nodes])))
        module.evaluator.knows(self, module.file, module.package, assumed)
        # What was found once is kept: a tree's nodes are told apart by what they are.
        module.__dict__.update(tree=one.tree, scope=one.scope, nodes=one.nodes)
        return module

    def is_set(self, full: str) -> bool:
        """See `OwnNames`."""
        return full in self._changed

    def find(self, full: str) -> Found | None:
        """See `OwnNames`."""
        return self._find(full, 0)

    def _find(self, full: str, depth: int) -> Found | None:
        if depth > DEEPEST or full in self._changed:
            return None
        base, _, name = full.rpartition(".")
        module = self.module(base) if base else None
        if module is None or not name:
            return None
        bindings = module.scope.bindings.get(name)
        if bindings is None:
            for one in reversed(module.scope.bindings.get("*", [])):
                inner = absolute(one.imported, module.package).removesuffix("*")
                if (found := self._find(f"{inner}{name}", depth + 1)) is not None:
                    return found
            return None
        fulls = {one.imported for one in bindings}
        if len(fulls) == 1 and all(fulls):
            return self._find(absolute(fulls.pop(), module.package), depth + 1)
        place = Place(module.number, _LAST, module.scope)
        name_node = ast.Name(name, ast.Load())
        if len(bindings) == 1 and bindings[0].defined is not None:
            return Found(module.evaluator, bindings[0].defined, place)
        return Found(module.evaluator, name_node, place)

    def reached(self, names: Iterable[str]) -> list[OwnModule]:
        """The modules of these full names, the packages that they are in, and all that these import."""
        found: dict[str, OwnModule] = {}
        todo = list(names)
        while todo:
            name = todo.pop()
            parts = name.split(".")
            for end in range(1, len(parts) + 1):
                above = ".".join(parts[:end])
                if above not in found and (module := self.module(above)) is not None:
                    found[above] = module
                    todo += imported_by(module)
        return sorted(found.values(), key=lambda one: one.name)

    def _is_own(self, top: str) -> bool:
        if top not in self._tops:
            self._tops[top] = self._folder is not None and top.isidentifier() and not standard(top)
        return self._tops[top]

    def _lying(self, name: str) -> tuple[str, str]:
        if self._folder is None or not all(part.isidentifier() for part in name.split(".")):
            return "", ""
        path = name.replace(".", "/")
        for place in self._places:
            for file in (f"{path}.py", f"{path}/__init__.py"):
                whole = posixpath.normpath(posixpath.join(place, file))
                try:
                    there = self._folder / whole
                    if there.is_file() and there.stat().st_size <= _LONGEST:
                        return whole, there.read_text(encoding="utf-8-sig")
                except (OSError, ValueError):
                    continue
        if self._notebooks or is_named_by_package(name):
            book = notebook_of(name, self._folder)
            return (book, text_of_notebook(self._folder / book)) if book else ("", "")
        return "", ""


def imported_by(module: OwnModule) -> Iterator[str]:
    """What a module may import, by full names."""
    for node, _ in module.nodes:
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            there = absolute(base, module.package).rstrip(".")
            yield from (f"{there}.{one.name}" if one.name != "*" else there for one in node.names)


def set_by_cells(cells: Iterable[Nodes], aliases: Mapping[str, str]) -> frozenset[str]:
    """Full names of modules' variables that cells set, or put something into."""
    found = set()
    for nodes in cells:
        for node, _ in nodes:
            targets = node.targets if isinstance(node, ast.Assign) else ()
            for target in targets:
                while isinstance(target, ast.Subscript):
                    target = target.value
                parts = []
                while isinstance(target, ast.Attribute):
                    parts.append(target.attr)
                    target = target.value
                if parts and isinstance(target, ast.Name) and target.id in aliases:
                    found.add(".".join([aliases[target.id], *reversed(parts)]))
    return frozenset(found)
