"""Code of other files that is read as if it stood in a cell: what `%run` runs, how a module changes the folder."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from pathlib import Path

from agilab.notebooks.code.syntax import parse

_LARGEST = 1 << 20
"""Bytes of a file that is looked at."""
_WIDTH = 10_000
"""Columns for each line of a file, all of whose lines stand in one line of a cell."""


def text_of_file(file: Path) -> str | None:
    """The text of a file of code or of settings; None where it is none that can be read, or a large one."""
    try:
        small = file.is_file() and file.stat().st_size <= _LARGEST
        return file.read_text(encoding="utf-8-sig", errors="replace") if small else None
    except (OSError, ValueError):
        return None


def tree_of_file(file: Path) -> ast.Module | None:
    """What a file has as Python; None where it has none."""
    text = text_of_file(file)
    return None if text is None else parse(text).tree


def brought(body: Iterable[ast.stmt], line: int, path: str) -> list[ast.stmt]:
    """Statements of the file `path`, all in one line of a cell, one behind the other; `__file__` in them is `path`."""
    placed = [_Placed(path).visit(one) for one in body]
    for node in (each for one in placed for each in ast.walk(one)):
        if isinstance(node, ast.expr | ast.stmt | ast.ExceptHandler | ast.keyword | ast.alias | ast.arg):
            first, last = node.lineno, node.end_lineno or node.lineno
            node.col_offset += first * _WIDTH
            node.end_col_offset = (node.end_col_offset or 0) + last * _WIDTH
            node.lineno = node.end_lineno = line
    return placed


class _Placed(ast.NodeTransformer):
    """Puts a path in the place of `__file__`."""

    def __init__(self, path: str) -> None:
        self._path = path

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return ast.copy_location(ast.Constant(self._path), node) if node.id == "__file__" else node
