"""Cells of code that are text: Databricks writes its markdown as `%md` in one."""

from __future__ import annotations

import re
from dataclasses import replace

from agilab.notebooks.document.cells import Cell, Notebook
from agilab.notebooks.findings import Finding
from agilab.notebooks.rules import found

_TEXT = re.compile(r"\s*%md(?:-sandbox)?(?:[ \t]+|[ \t]*\r?\n|\Z)")


def with_texts(notebook: Notebook) -> tuple[Notebook, list[Finding]]:
    """The notebook with such cells as cells of markdown, and that it was done."""
    cells = tuple(map(_as_text, notebook.cells))
    findings = [
        found("NB-110", "%md is text, and its cell is taken for a cell of text", cell=cell.index, line=1)
        for cell, before in zip(cells, notebook.cells, strict=True)
        if cell is not before
    ]
    return (replace(notebook, cells=cells), findings) if findings else (notebook, [])


def _as_text(cell: Cell) -> Cell:
    match = _TEXT.match(cell.source) if cell.kind == "code" and cell.language in ("python", "") else None
    if match is None:
        return cell
    source = cell.source[match.end() :]
    return replace(cell, kind="markdown", source=source, language="", execution_count=None, outputs=())
