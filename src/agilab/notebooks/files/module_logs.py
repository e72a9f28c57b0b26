"""Log files that a notebook's own modules begin when they are imported: the cell that imports one writes the file."""

from __future__ import annotations

import ast
import contextlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from agi_node.source.scopes import imports_of
from agi_node.source.tree import nodes_of
from agilab.notebooks.code.named_files import Act, Artifact
from agilab.notebooks.code.values import Evaluator
from agilab.notebooks.code.walking import Nodes, scope_of_notebook, walk
from agilab.notebooks.files.artifacts import acts_of
from agilab.notebooks.modules.imports import aliases_of

_LOGS = re.compile(r"\blogging\b.*\b(?:filename|\w*FileHandler)\b", re.DOTALL)


def log_files(texts: Mapping[str, str]) -> dict[str, tuple[Artifact, ...]]:
    """By full name of a module, the files that are logged to once it is imported; `texts` are those of all of them."""
    begun = {name: found for name, text in texts.items() if (found := tuple(_begun(text)))}
    if not begun:
        return {}
    brings = {name: [one for one in _imported(text, name) if one in texts] for name, text in texts.items()}
    reached = {name: {name} for name in texts}
    for _ in texts:
        reached = {
            name: some.union(*(reached[one] for each in some for one in brings[each]))
            for name, some in reached.items()
        }
    return {
        name: tuple(artifact for one in sorted(some) for artifact in begun.get(one, ()))
        for name, some in reached.items()
        if some & begun.keys()
    }


def acts_of_logs(cells: Mapping[int, Nodes], begun: Mapping[str, tuple[Artifact, ...]]) -> Iterator[Act]:
    """What cells do to such files by the first import of each module."""
    seen: set[Artifact] = set()
    for cell, nodes in cells.items() if begun else ():
        for node, place in nodes:
            if not isinstance(node, ast.Import | ast.ImportFrom):
                continue
            at = node.end_lineno or node.lineno, node.end_col_offset or node.col_offset
            every = dict.fromkeys(one for name in _modules(node) for one in begun.get(name, ()))
            for number, artifact in enumerate(one for one in every if one not in seen):
                here = replace(artifact, cell=cell, line=node.lineno)
                yield Act(here, (*at, number), place.turns, place.owner, gone=False)
            seen |= every.keys()


def _modules(node: ast.Import | ast.ImportFrom, package: str = "") -> Iterator[str]:
    """The modules that an import imports, their packages first; some of these names are of what is in one."""
    for each in imports_of(node, package):
        parts = [*each.module.split("."), *([each.name] if each.name else [])]
        yield from (".".join(parts[:end]) for end in range(1, len(parts) + 1))


def _imported(text: str, name: str) -> Iterator[str]:
    with contextlib.suppress(SyntaxError, ValueError, RecursionError, MemoryError):
        for node in nodes_of(ast.parse(text)):
            if isinstance(node, ast.Import | ast.ImportFrom):
                for package in (name, name.rpartition(".")[0]):
                    yield from _modules(node, package)


def _begun(text: str) -> Iterator[Artifact]:
    if not _LOGS.search(text):
        return
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    tree.body = [
        node for node in tree.body if not (isinstance(node, ast.If) and "__main__" in ast.dump(node.test))
    ]
    nodes = list(walk(0, tree, scope_of_notebook({0: tree})))
    calls = (
        node.value for node in tree.body if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
    )
    called = {call.func.id for call in calls if isinstance(call.func, ast.Name)}
    for act in acts_of(nodes, Evaluator(aliases_of([nodes]), {})):
        one = act.artifact
        if one.call.startswith("logging.") and not one.computed and (not act.owner or act.owner in called):
            yield replace(one, cell=0, line=1)
