"""Programs that `%run` runs: what of them a stage does not do as IPython does."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

from agilab.notebooks.findings import Finding
from agilab.notebooks.parsing import ParsedCell
from agilab.notebooks.rules import found
from agilab.notebooks.secrets import redact
from agilab.notebooks.syntax import parse

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


def _exits(file: Path) -> bool:
    try:
        if not file.is_file() or file.stat().st_size > _LARGEST:
            return False
        tree = parse(file.read_text(encoding="utf-8")).tree
    except (OSError, ValueError):
        return False
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
