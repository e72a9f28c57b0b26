"""Cells that a person merged: a `%%stage` line further down in a cell begins a stage again.

Jupyter joins the texts of merged cells with a blank line between them, and keeps the metadata of one of them: the one
that was active, which may be any.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from agilab.notebooks.document.cells import Cell, Notebook
from agilab.notebooks.supervisor.cell_names import name_of
from agilab.notebooks.supervisor.cell_text import Ends, without_blank_end
from agilab.notebooks.supervisor.header import MAGIC, is_header, named
from agilab.notebooks.supervisor.kernel import KEY
from agilab.notebooks.supervisor.opened import is_opening, opened
from agilab.notebooks.supervisor.prints import digest_of


def parted(notebook: Notebook) -> Notebook:
    """The notebook with each cell of several stages as several cells, which keep its index."""
    if not any(len(stage_lines(cell)) > 1 or _begins_late(cell) for cell in notebook.code_cells):
        return notebook
    shown = {str(_role(cell).get("stage")) for cell in notebook.cells if _role(cell).get("role") == "text"}
    about = notebook.metadata.get(KEY)
    known = about.get("order") if isinstance(about, Mapping) else None
    names = {str(name) for name in known} if isinstance(known, list) else set()
    cells = [part for cell in notebook.cells for part in _parts(cell, names, names - shown)]
    return replace(notebook, cells=tuple(cells))


def stage_lines(cell: Cell) -> list[int]:
    """The lines of a cell, from 0, that begin a stage; not those in a text between triple quotes.

    A cell whose code is that of its export has the one that it had.
    """
    if cell.kind != "code" or MAGIC not in cell.source:
        return []
    lines = cell.source.split("\n")
    found = [number for number, line in enumerate(lines) if is_header(line.rstrip())]
    if not found:
        return []
    if found[0] == 0 and (len(found) == 1 or _is_as_exported(cell)):
        return found[:1]
    begins: list[int] = []
    for number in found:
        start = begins[-1] + 1 if begins else 0
        if not _is_in_a_text(lines[start:number], lines[start:]):
            begins.append(number)
    return begins


def _begins_late(cell: Cell) -> bool:
    return bool(stage_lines(cell)[:1] not in ([], [0]))


def _is_as_exported(cell: Cell) -> bool:
    role = _role(cell)
    body = cell.source.partition("\n")[2]
    known = [digest_of(body), digest_of((Ends.said(role) or Ends()).code(body))]
    return role.get("code_digest") in known


def _is_in_a_text(above: list[str], whole: list[str]) -> bool:
    """Whether triple quotes are open below some lines, and closed by what follows."""
    return _is_open(above) and not _is_open(whole)


def _is_open(lines: list[str]) -> bool:
    problem = _problem(lines)
    return "unterminated triple-quoted" in problem


def _problem(lines: list[str]) -> str:
    """What keeps lines from being Python, magics aside; empty where nothing does."""
    plain = ["" if line.startswith(("%", "!")) else line for line in lines]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse("\n".join(plain))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as problem:
        return str(problem) or type(problem).__name__
    return ""


def _parts(cell: Cell, known: set[str], wordless: set[str]) -> Iterator[Cell]:
    """The cells that a cell was; `known` are the stages of the export, `wordless` those without a cell of words."""
    begins = stage_lines(cell)
    if len(begins) < 2 and not _begins_late(cell):
        yield cell
        return
    lines = cell.source.split("\n")
    starts = [0, *begins] if begins[0] else begins
    texts = [lines[start:end] for start, end in zip(starts, [*starts[1:], len(lines)], strict=True)]
    if not any(line.strip() for line in texts[0]):
        texts = texts[1:]
    owner = _owner(cell, texts, known)
    for number, text in enumerate(texts):
        words: list[str] = []
        name = named(texts[number + 1][0].rstrip()) if number + 1 < len(texts) else ""
        if name in wordless:
            text, words = _without_words(text, name)
        source = "\n".join(text)
        source = source if number + 1 == len(texts) else without_blank_end(source)
        if number == owner:
            yield replace(cell, source=source)
        elif source:
            yield _part(cell, source, number, {"role": "open"} if _opens(source) else None)
        if words:
            about = {"role": "text", "stage": name}
            shown = "\n".join(words).strip("\n")
            yield replace(
                _part(cell, shown, number, about), id=f"{cell.id}-text-{number}", kind="markdown", outputs=()
            )


def _part(cell: Cell, source: str, number: int, role: dict[str, Any] | None) -> Cell:
    """A part of a cell that has not its metadata."""
    metadata = {name: value for name, value in cell.metadata.items() if name not in (KEY, "tags")}
    metadata |= {} if role is None else {KEY: role}
    return replace(cell, id=f"{cell.id}-{number}", id_derived=True, source=source, metadata=metadata, tags=())


def _owner(cell: Cell, texts: list[list[str]], known: set[str]) -> int:
    """Which part has the metadata: the stage of its name, else one with a new name, else the first stage.

    That of no stage is of the part that is none.
    """
    names = [named(text[0].rstrip()) if is_header(text[0].rstrip()) else None for text in texts]
    if not (name := name_of(cell)):
        return _first(names, stages=not _role(cell) and not cell.tags)
    if name in names:
        return names.index(name)
    new = (number for number, one in enumerate(names) if one and one not in known)
    return next(new, _first(names, stages=True))


def _first(names: list[str | None], *, stages: bool) -> int:
    return next((number for number, name in enumerate(names) if (name is not None) == stages), 0)


def _opens(source: str) -> bool:
    return bool(opened(source)) and is_opening(source)


def _without_words(text: list[str], name: str) -> tuple[list[str], list[str]]:
    """A part without the words of the stage below it, and these, where a heading and what follows it are no code."""
    heads = [
        at for at, line in enumerate(text) if line.startswith("## ") and (not at or not text[at - 1].strip())
    ]
    for at in heads:
        above, words = text[:at], text[at:]
        said = [line for line in words if line.strip()]
        is_comment = all(line.startswith("#") for line in said)
        if not _problem(above[1:] if above and above[0].startswith(MAGIC) else above) and (
            is_comment or _problem(words)
        ):
            return above, words
    return text, []


def _role(cell: Cell) -> Mapping[str, Any]:
    about = cell.metadata.get(KEY)
    return about if isinstance(about, Mapping) else {}
