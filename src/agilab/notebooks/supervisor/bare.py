"""A lab's notebook whose cells have lost their metadata, to a tool that cleans notebooks: its cells by their look.

Only where all cells of code have lost it, as some tools leave markdown alone. One that has none in a notebook whose
other cells have theirs is new.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace

from agilab.notebooks.document.cells import Cell, Notebook
from agilab.notebooks.supervisor.assignments import assignments
from agilab.notebooks.supervisor.header import is_header, named
from agilab.notebooks.supervisor.kernel import KEY
from agilab.notebooks.supervisor.opened import is_opening, opened

_INJECTED = "# Parameters\n"
"""How papermill begins a cell that it writes."""


def with_roles(notebook: Notebook) -> Notebook:
    """The notebook with what `export` says of its cells, as far as they show it; one with metadata as it is."""
    kept = {cell.kind for cell in notebook.cells if KEY in cell.metadata}
    if "code" in kept or not any(map(_stage, notebook.cells)):
        return notebook
    found = list(notebook.cells)
    opens, name = next(_opening(found), (None, ""))
    if "markdown" not in kept:
        for at, cell in enumerate(found):
            if cell.kind == "markdown":
                found[at] = _words(cell, found[at + 1 : at + 2], is_head=at + 1 == opens)
    for at, cell in enumerate(found):
        if at == opens:
            found[at] = _as(cell, role="open")
        elif _runs(cell, name):
            found[at] = _as(cell, role="run")
    _params(found, opens, {word for cell in found for call in _runs(cell, name) for word in call})
    return replace(notebook, cells=tuple(found))


def _as(cell: Cell, **role: str) -> Cell:
    return replace(cell, metadata={**cell.metadata, KEY: role})


def _words(cell: Cell, below: list[Cell], *, is_head: bool) -> Cell:
    """A cell of markdown, which has the words of the lab, or those of the stage below it, or others."""
    if is_head and cell.source.startswith("# "):
        return _as(cell, role="head")
    name = _stage(below[0]) if below else ""
    return _as(cell, role="text", stage=name) if cell.source.startswith("## ") else cell


def _params(cells: list[Cell], opens: int | None, passed: set[str]) -> None:
    """Mark the cell of the lab's params, the first one above all stages that can be it, and what papermill wrote.

    `passed` are the names that the lab is run with: a cell that assigns one is that of the params, whatever it assigns.
    """
    known = opens is None
    first = next(at for at, cell in enumerate(cells) if cell.kind == "code" and not _is_plain(cell))
    for at, cell in enumerate(cells[:first]):
        if not _is_plain(cell) or cell.is_injected or KEY in cell.metadata:
            continue
        given = _given(cell)
        if not known and opens is not None and at > opens and (given or passed & _assigned(cell)):
            cells[at] = _as(cell, role="params")
            known = True
        elif given and cell.source.startswith(_INJECTED):
            cells[at] = replace(cell, tags=(*cell.tags, "injected-parameters"))


def _opening(cells: list[Cell]) -> Iterator[tuple[int, str]]:
    """The cells that open a lab, with what they call it."""
    for at, cell in enumerate(cells):
        if _is_plain(cell):
            if opened(cell.source) and is_opening(cell.source):
                yield at, "lab"
            for node in ast.walk(_tree(cell)):
                if isinstance(node, ast.Assign) and _is_a_lab(node.value):
                    yield from ((at, one.id) for one in node.targets if isinstance(one, ast.Name))


def _is_a_lab(node: ast.expr) -> bool:
    """Whether an expression is `Lab("…")`, or `agilab.Lab("…")`."""
    if not isinstance(node, ast.Call) or not node.args:
        return False
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    said = node.args[0]
    return name == "Lab" and isinstance(said, ast.Constant) and isinstance(said.value, str)


def _runs(cell: Cell, lab: str) -> list[list[str]]:
    """For each time that a cell runs a lab the names that it runs it with."""
    found = []
    for node in ast.walk(_tree(cell)) if lab and _is_plain(cell) else ():
        func = node.func if isinstance(node, ast.Call) else None
        runs = isinstance(func, ast.Attribute) and func.attr == "run" and getattr(func.value, "id", "") == lab
        if runs and isinstance(node, ast.Call):
            found.append([word.arg for word in node.keywords if word.arg])
    return found


def _assigned(cell: Cell) -> set[str]:
    """The names that a cell assigns, whatever to, where it does nothing else."""
    found: set[str] = set()
    for node in _tree(cell).body:
        if isinstance(node, ast.Assign) and all(isinstance(one, ast.Name) for one in node.targets):
            found |= {one.id for one in node.targets if isinstance(one, ast.Name)}
        elif not isinstance(node, ast.Import | ast.ImportFrom):
            return set()
    return found


def _tree(cell: Cell) -> ast.Module:
    """What a cell of code says; nothing of one that is no Python."""
    lines = [_timed(line) if line.startswith(("%", "!")) else line for line in cell.source.split("\n")]
    return _parsed("\n".join(lines)) or ast.Module([], [])


def _timed(line: str) -> str:
    """What a magic is given, where that is Python: `%time lab.run()`."""
    rest = line.partition(" ")[2].strip()
    return rest if line.startswith("%") and _parsed(rest) else ""


def _parsed(source: str) -> ast.Module | None:
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _is_plain(cell: Cell) -> bool:
    """Whether a cell is of code without the first line of a stage."""
    return cell.kind == "code" and not is_header(cell.source.partition("\n")[0].rstrip())


def _stage(cell: Cell) -> str:
    return named(cell.source.partition("\n")[0].rstrip()) if cell.kind == "code" else ""


def _given(cell: Cell) -> bool:
    """Whether a cell assigns plain data and does nothing else."""
    try:
        return bool(assignments(cell.source))
    except ValueError:
        return False
