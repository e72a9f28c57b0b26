"""Programs that `%run` runs: what they do to files, and what of them a stage does not do as IPython does."""

from __future__ import annotations

import ast
import posixpath
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from agilab.notebooks.artifacts import acts_of
from agilab.notebooks.file_uses import FileUse, file_uses
from agilab.notebooks.findings import Finding
from agilab.notebooks.imports import aliases_of
from agilab.notebooks.own_names import OwnModules
from agilab.notebooks.parsing import ParsedCell
from agilab.notebooks.rules import found
from agilab.notebooks.secrets import redact
from agilab.notebooks.syntax import parse
from agilab.notebooks.values import Evaluator
from agilab.notebooks.walking import scope_of_notebook, walk

_LARGEST = 1 << 20
"""Bytes of a program that is looked at."""
_ENDS = frozenset({"exit", "quit", "SystemExit", "_exit"})


def programs_that_exit(cells: Iterable[ParsedCell], folder: Path) -> Iterator[Finding]:
    """One finding for each `%run` of a program that may end by `sys.exit`: IPython goes on below it, a stage ends."""
    for one in cells:
        for magic in one.magics:
            name = magic.meaning.runs
            if name.endswith(".py") and _exits(folder / name):
                what = f"%run {redact(name)} may end by sys.exit, and its stage with it; IPython would go on below"
                mend = "call what it does without sys.exit: from the program import main; main()"
                yield found("NB-115", what, cell=one.cell.index, line=magic.line, mend=mend)


def with_programs(
    uses: Sequence[FileUse], cells: Iterable[ParsedCell], folder: Path, own: OwnModules
) -> tuple[FileUse, ...]:
    """The uses of files, with those of the programs that cells run, which do not go to another folder."""
    run = [
        (one.cell.index, magic.line, name)
        for one in cells
        for magic in one.magics
        if (name := magic.meaning.runs).endswith(".py")
    ]
    found = list(uses)
    for cell, line, name in run:
        tree = _program(folder / name)
        if tree is None or "chdir" in ast.unparse(tree):
            continue
        nodes = list(walk(cell, tree, scope_of_notebook({cell: tree})))
        evaluator = Evaluator(aliases_of([nodes]))
        evaluator.knows(own, posixpath.normpath(name))
        inside = [
            replace(use, artifact=replace(use.artifact, line=line))
            for use in file_uses({cell: tree}, {cell: nodes}, acts_of(nodes, evaluator), evaluator)
        ]
        at = next(
            (
                place
                for place, use in enumerate(found)
                if (use.cell, use.artifact.line) > (cell, line) or use.cell > cell
            ),
            len(found),
        )
        found[at:at] = inside
    return tuple(found)


def _program(file: Path) -> ast.Module | None:
    try:
        if not file.is_file() or file.stat().st_size > _LARGEST:
            return None
        return parse(file.read_text(encoding="utf-8")).tree
    except (OSError, ValueError):
        return None


def _exits(file: Path) -> bool:
    tree = _program(file)
    return tree is not None and any(_is_end(node) for node in ast.walk(tree))


def _is_end(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call):
        return isinstance(node, ast.Raise) and isinstance(node.exc, ast.Name) and node.exc.id == "SystemExit"
    called = node.func
    name = (
        called.attr
        if isinstance(called, ast.Attribute)
        else called.id
        if isinstance(called, ast.Name)
        else ""
    )
    return name in _ENDS
