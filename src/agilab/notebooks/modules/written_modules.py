"""Modules that a notebook writes itself (`%%writefile helper.py`): local ones, and files that its stages take."""

from __future__ import annotations

import ast
import posixpath
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from agi_node.source.tree import text_of
from agilab.notebooks.code.named_files import Act, Artifact, where_of
from agilab.notebooks.code.walking import Nodes

Modules = Mapping[str, tuple[str, ...]]
"""By the first part of a module's name, the files that it is made of."""


def written_modules(artifacts: Iterable[Artifact], folders: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The modules that cells write; `folders` are where modules are looked for besides the notebook's own."""
    found: dict[str, dict[str, None]] = {}
    for one in artifacts:
        if one.direction not in ("written", "both") or one.computed or not one.path.endswith(".py"):
            continue
        path = posixpath.normpath(one.path)
        for folder in {".", *map(posixpath.normpath, folders)}:
            below = path if folder == "." else path.removeprefix(f"{folder}/")
            top = below.partition("/")[0].removesuffix(".py")
            if (folder == "." or below != path) and top.isidentifier():
                found.setdefault(top, {})[path] = None
    return {top: tuple(files) for top, files in found.items()}


def files_imported(tree: ast.AST, modules: Modules) -> Iterator[str]:
    """The files of such modules that a text imports."""
    for node in ast.walk(tree):
        for top in tops_of(node):
            yield from modules.get(top, ())


def tops_of(node: ast.AST) -> list[str]:
    """The first parts of the names that an import imports."""
    if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "__import__" and node.args:
        return [(text_of(node.args[0]) or "").partition(".")[0]]
    if isinstance(node, ast.Import):
        return [name.name.partition(".")[0] for name in node.names]
    if isinstance(node, ast.ImportFrom) and not node.level and node.module:
        return [node.module.partition(".")[0]]
    return []


def acts_of_imports(nodes: Nodes, modules: Modules, lying: Collection[str] = ()) -> Iterator[Act]:
    """What one cell reads of such modules when it imports them.

    The paths of those that are `lying` are from the notebook's own folder, wherever it has gone by then.
    """
    for node, place in nodes if modules else ():
        if not isinstance(node, ast.Import | ast.ImportFrom):
            continue
        at = node.end_lineno or node.lineno, node.end_col_offset or node.col_offset
        files = [(top, path) for top in tops_of(node) for path in modules.get(top, ())]
        for number, (name, path) in enumerate(files):
            kind = "folder" if path.endswith("/") else "code"
            artifact = Artifact(
                path.rstrip("/"), False, "read", kind, where_of(path), "import", place.cell, node.lineno,
                start=(-1, 0) if name in lying else None,
            )  # fmt: skip
            yield Act(artifact, (*at, number), place.turns, place.owner, gone=False)
