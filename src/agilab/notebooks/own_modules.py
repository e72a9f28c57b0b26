"""The texts of a notebook's own modules: those that its cells write, and those that lie where it looks for modules."""

from __future__ import annotations

import ast
import posixpath
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

from agi_node.source.tree import Unreadable, nodes_of, parse
from agilab.notebooks.imports import Import
from agilab.notebooks.lying_files import files_below
from agilab.notebooks.named_files import Artifact

_MOST, _LONGEST = 60, 300_000
"""Files that are read, and bytes of one."""
_MOST_BELOW = 300
"""Files of one package that stages take."""


def texts_of_modules(
    imports: Iterable[Import],
    trees: Mapping[int, ast.Module],
    artifacts: Iterable[Artifact],
    added: Sequence[str],
    folders: Sequence[Path],
) -> dict[str, str]:
    """By full name the texts of local modules that are imported, by the notebook or by one of these.

    Args:
        imports: Of the notebook.
        trees: Its cells.
        artifacts: What it writes is among them.
        added: Folders that it looks for modules in, besides its own, as it says them.
        folders: The same as they are, the notebook's own first; none where nobody knows where it lies.
    """
    written = _written(trees, artifacts, added)
    found: dict[str, str] = {}
    todo = [
        name
        for one in imports
        if one.known_by == "local" and not one.module.startswith(".")
        for name in (one.module, *(f"{one.module}.{each}" for each in one.names))
    ]
    while todo and len(found) < _MOST:
        name = todo.pop()
        for module in _above(name):
            text = found.get(module, written.get(module) or _lying(module, folders))
            if text and module not in found:
                found[module] = text
                todo += _imported(text, module)
    return found


def files_of_modules(
    folder: Path | None, added: Sequence[str], texts: Mapping[str, str], *, beside: bool = False
) -> dict[str, tuple[str, ...]]:
    """By the first part of its name, the files that an own module is of which lies in a folder that was added.

    In a stage such a folder is there only if the stage takes what is in it. With a module come those that it imports,
    with a package all that lies in it.

    Args:
        folder: The notebook's own; None where nobody knows where it lies.
        added: As for `texts_of_modules`, whose result `texts` is.
        beside: Whether those beside the notebook are among them: a lab that lies elsewhere does not have them.
    """
    places = [
        path for one in added if (path := posixpath.normpath(one)) != "." and path[:1] not in ("/", "~")
    ]
    places = [*(["."] if beside else []), *places]
    if folder is None or not places:
        return {}
    files: dict[str, tuple[str, ...]] = {}
    for top in sorted({name.partition(".")[0] for name in texts}):
        if (beside or not _lying(top, [folder])) and (found := _files(top, folder, places)):
            files[top] = found
    needs = {
        top: {
            each.partition(".")[0]
            for name, text in texts.items()
            if name.partition(".")[0] == top
            for each in _imported(text, name)
        }
        & files.keys()
        for top in files
    }
    for _ in files:
        needs = {top: some.union(*(needs[one] for one in some)) for top, some in needs.items()}
    return {
        top: tuple(dict.fromkeys(path for one in (top, *sorted(needs[top])) for path in files[one]))
        for top in files
    }


def _files(top: str, folder: Path, places: Sequence[str]) -> tuple[str, ...]:
    for path in places:
        here = "" if path == "." else f"{path}/"
        try:
            if (folder / f"{here}{top}.py").is_file():
                return (f"{here}{top}.py",)
            if (folder / path / top).is_dir():
                below = islice(files_below(folder / path, top), _MOST_BELOW)
                return tuple(f"{here}{one}" for one in below)
        except (OSError, ValueError):
            continue
    return ()


def needed_by(texts: Mapping[str, str]) -> set[str]:
    """The modules of others that own modules import; `texts` are theirs, by full name."""
    own = {name.partition(".")[0] for name in texts}
    needed = {each for name, text in texts.items() for each in _imported(text, name)}
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


def _lying(module: str, folders: Sequence[Path]) -> str:
    if not all(part.isidentifier() for part in module.split(".")):
        return ""
    path = module.replace(".", "/")
    for file in (folder / name for folder in folders for name in (f"{path}.py", f"{path}/__init__.py")):
        try:
            if file.is_file() and file.stat().st_size <= _LONGEST:
                return file.read_text(encoding="utf-8")
        except (OSError, ValueError):
            continue
    return ""


def _imported(text: str, module: str) -> Iterator[str]:
    """What the text of a module may import, by full names."""
    try:
        tree = parse(text.encode())
    except (Unreadable, ValueError):
        return
    for node in nodes_of(tree):
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names)
        elif isinstance(node, ast.ImportFrom):
            for base in (module, module.rpartition(".")[0]) if node.level else ("",):
                there = ".".join(part for part in (base, node.module) if part)
                yield from (f"{there}.{one.name}" for one in node.names)
