"""The texts of a notebook's own modules: those that its cells write, and those that lie where it looks for modules."""

from __future__ import annotations

import ast
import posixpath
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

from agi_node.source.tree import Unreadable, nodes_of, parse
from agilab.notebooks.code.distributions import standard
from agilab.notebooks.code.named_files import Artifact
from agilab.notebooks.files.lying_files import files_below
from agilab.notebooks.files.own_files import MOST_BELOW, called_on_import, read_on_import
from agilab.notebooks.findings import Finding
from agilab.notebooks.modules.imports import Import
from agilab.notebooks.modules.notebook_modules import is_named_by_package
from agilab.notebooks.modules.own_names import OwnModules, imported_by, says_where
from agilab.notebooks.rules import found

_MOST = 60
"""Files that are read."""
_MISSING = frozenset({"ImportError", "ModuleNotFoundError", "Exception", "BaseException"})
"""What a module catches that is not there."""


def texts_of_modules(
    imports: Iterable[Import],
    trees: Mapping[int, ast.Module],
    artifacts: Iterable[Artifact],
    added: Sequence[str],
    own: OwnModules,
) -> dict[str, str]:
    """By full name the texts of local modules that are imported, by the notebook or by one of these.

    Args:
        imports: Of the notebook.
        trees: Its cells.
        artifacts: What it writes is among them.
        added: Folders that it looks for modules in, besides its own, as it says them.
        own: Those that lie there.
    """
    written = _written(trees, artifacts, added)
    found: dict[str, str] = {}
    todo = [
        name
        for one in imports
        if (one.known_by == "local" and not one.module.startswith(".")) or is_named_by_package(one.module)
        for name in (one.module, *(f"{one.module}.{each}" for each in one.names))
    ]
    while todo and len(found) < _MOST:
        name = todo.pop()
        for module in _above(name):
            if module in found:
                continue
            lying = None if module in written else own.module(module)
            text = written.get(module) or (lying.text if lying is not None else "")
            if text:
                found[module] = text
                todo += _imported(text, module) if lying is None else imported_by(lying)
    return found


def files_of_modules(
    folder: Path | None,
    added: Sequence[str],
    texts: Mapping[str, str],
    own: OwnModules,
    *,
    beside: bool = False,
    project: Sequence[str] = (),
) -> dict[str, tuple[str, ...]]:
    """By the first part of its name, the files that a stage takes of an own module which it imports.

    Those of a module that lies in a folder that was added: in a stage such a folder is there only if the stage takes
    what is in it. Those of a module that says where it lies, wherever it does: it means the stage's folder then. And
    what it reads when it is imported. With a module come those that it imports, with a package all that lies in it.

    Args:
        folder: The notebook's own; None where nobody knows where it lies.
        added: As for `texts_of_modules`, whose result `texts` is.
        own: Those that lie there.
        beside: Whether those beside the notebook are among them: a lab that lies elsewhere does not have them.
        project: Folders of the project's own package (`project_folders`): its modules need not be added.
    """
    if folder is None:
        return {}
    places = list(dict.fromkeys([".", *map(posixpath.normpath, [*added, *project])]))
    given = {"."} | {one for one in project if not one.startswith("..")}
    files: dict[str, tuple[str, ...]] = {}
    by_top: dict[str, list[str]] = {}
    for name in texts:
        by_top.setdefault(name.partition(".")[0], []).append(name)
    every = [one for name in texts if (one := own.module(name)) is not None]
    called = called_on_import(every, folder)
    for top, names in sorted(by_top.items()):
        modules = [one for name in names if (one := own.module(name)) is not None]
        own_files = tuple(dict.fromkeys(one.file for one in modules if one.file.endswith(".ipynb")))
        place = "." if own_files else next((one for one in places if _lies(top, folder, one)), "")
        if not place or place.startswith(("/", "~")):
            continue
        lies_with_it = beside or place not in given or any(says_where(texts[name]) for name in names)
        if lies_with_it and not own_files:  # what imports notebooks looks into the stage's folder alone
            own_files = _files(top, folder, [place])
            if len(own_files) > MOST_BELOW:
                own.cut.add(top)
                own_files = own_files[:MOST_BELOW]
        read = [
            path
            for one in modules
            for path in read_on_import(one, folder, own.opened, called.get(one.number, ()))
        ]
        files[top] = tuple(dict.fromkeys([*own_files, *(path for path in read if path not in own_files)]))
    needs = {
        top: {each.partition(".")[0] for name in by_top[top] for each in _needed(name, texts[name], own)}
        & files.keys()
        for top in files
    }
    for _ in files:
        needs = {top: some.union(*(needs[one] for one in some)) for top, some in needs.items()}
    found = {
        top: tuple(dict.fromkeys(path for one in (top, *sorted(needs[top])) for path in files[one]))
        for top in files
    }
    return {top: paths for top, paths in found.items() if paths}


def _needed(name: str, text: str, own: OwnModules) -> Iterable[str]:
    module = own.module(name)
    return imported_by(module) if module is not None and module.text == text else _imported(text, name)


def _lies(top: str, folder: Path, place: str) -> bool:
    try:
        there = folder / place / top
        return there.with_name(f"{top}.py").is_file() or there.is_dir()
    except (OSError, ValueError):
        return False


def _files(top: str, folder: Path, places: Sequence[str]) -> tuple[str, ...]:
    for path in places:
        here = "" if path == "." else f"{path}/"
        try:
            if (folder / f"{here}{top}.py").is_file():
                return (f"{here}{top}.py",)
            if (folder / path / top).is_dir():
                below = islice(files_below(folder / path, top), MOST_BELOW + 1)
                return tuple(f"{here}{one}" for one in below)
        except (OSError, ValueError):
            continue
    return ()


def optional_findings(texts: Mapping[str, str], imports: Sequence[Import]) -> Iterator[Finding]:
    """What own modules do without where it is not there; `texts` as in `needed_by`, `imports` the notebook's."""
    needed = needed_by(texts)
    known = {*needed, *(one.module for one in imports)}
    tops = {one.partition(".")[0] for one in known}
    for name, text in texts.items():
        optional = {one.partition(".")[0] for one in _imported(text, name)} - tops
        first = next((one for one in imports if one.module.partition(".")[0] == name.partition(".")[0]), None)
        for top in sorted(optional):
            if first is not None and not standard(top) and top not in texts:
                what = (
                    f"{name} does without {top} where that is not there, so it is not among the dependencies"
                )
                yield found(
                    "NB-206", what, cell=first.cell, line=first.line, mend=f"if it counts: uv add {top}"
                )
        tops |= optional


def needed_by(texts: Mapping[str, str]) -> set[str]:
    """The modules of others that own modules import; `texts` are theirs, by full name.

    Not those that they do without where they are not there (`try: import torch … except ImportError`).

    >>> guarded = ["try:", "    import torch", "except ImportError:", "    torch = None"]
    >>> needed_by({"tools": chr(10).join(["import numpy", *guarded])})
    {'numpy'}
    """
    own = {name.partition(".")[0] for name in texts}
    needed = {each for name, text in texts.items() for each in _imported(text, name, optional=False)}
    return {one for one in needed if one.partition(".")[0] not in own}


def _above(name: str) -> Iterator[str]:
    """A module and the packages that it is in, these first."""
    parts = name.split(".")
    yield from (".".join(parts[:end]) for end in range(1, len(parts) + 1))


def _written(
    trees: Mapping[int, ast.Module], artifacts: Iterable[Artifact], added: Sequence[str]
) -> dict[str, str]:
    """The modules that cells write: what their texts hold that is Python."""
    found: dict[str, str] = {}
    for one in artifacts:
        if one.direction in ("written", "both") and not one.computed and one.path.endswith(".py"):
            path = posixpath.normpath(one.path)
            texts = list(_programs(trees[one.cell])) if one.cell in trees else []
            for folder in {".", *map(posixpath.normpath, added)}:
                below = path if folder == "." else path.removeprefix(f"{folder}/")
                if texts and (folder == "." or below != path):
                    name = below.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
                    found[name] = "\n".join([found[name], *texts] if name in found else texts)
    return found


def _programs(tree: ast.Module) -> Iterator[str]:
    for node in nodes_of(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and "\n" in node.value:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                try:
                    ast.parse(node.value)
                except (SyntaxError, ValueError, RecursionError, MemoryError):
                    continue
            yield node.value


def _imported(text: str, module: str, *, optional: bool = True) -> Iterator[str]:
    """What the text of a module may import, by full names; also what it does without, if it is not there."""
    try:
        tree = parse(text.encode())
    except (Unreadable, ValueError):
        return
    nodes = nodes_of(tree) if optional else list(nodes_of(tree))
    left = set() if optional else {id(node) for one in nodes for node in _done_without(one)}
    for node in nodes:
        if id(node) in left:
            continue
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names)
        elif isinstance(node, ast.ImportFrom):
            for base in (module, module.rpartition(".")[0]) if node.level else ("",):
                there = ".".join(part for part in (base, node.module) if part)
                yield from (f"{there}.{one.name}" for one in node.names)


def _done_without(node: ast.AST) -> Iterator[ast.stmt]:
    """The imports of a `try` whose handler goes on where they are not there."""
    if isinstance(node, ast.Try) and any(
        _of_missing(handler) and not any(isinstance(part, ast.Raise) for part in nodes_of(handler))
        for handler in node.handlers
    ):
        yield from (part for part in node.body if isinstance(part, (ast.Import, ast.ImportFrom)))


def _of_missing(handler: ast.ExceptHandler) -> bool:
    caught = handler.type
    some = caught.elts if isinstance(caught, ast.Tuple) else [caught]
    return any(one is None or (isinstance(one, ast.Name) and one.id in _MISSING) for one in some)
