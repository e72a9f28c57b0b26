"""Notebooks, and cells of them, that are not Python: what verifies a lab does not run them.

A kernel of Python takes their text for commands of a shell: `rm results` runs there without a `!`.
"""

from __future__ import annotations

from pathlib import Path

from agilab.contracts.notebook_import import NotebookImport
from agilab.notebooks.reading import read

FOREIGN = "NB-101"
"""The finding of what is not Python; of a whole notebook where it names no cell."""
_PYTHON = ("python", "")


def in_other_languages(report: NotebookImport) -> dict[str, str]:
    """The notebooks that are not Python, each with the sentence that says so."""
    return {
        one.location.notebook: one.what.partition(":")[0]
        for one in report.findings
        if one.code == FOREIGN and one.location.cell is None
    }


def foreign_cells(file: Path) -> list[int]:
    """The cells that are not Python, of a notebook whose own kernel would know what to do with them."""
    book = read(file)
    if book.language in _PYTHON:
        return []
    return [cell.index for cell in book.code_cells if cell.language not in _PYTHON]
