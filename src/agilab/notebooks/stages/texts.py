"""Cells that are kept and not run: each is a stage with `runtime = "none"` and the cell's text, letter for letter.

Cells of another language, of a notebook in that language or of a Python notebook; and what a Python notebook only shows
(`%%html`), skips (`%%skip`) or measures (`%%timeit`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from agilab.contracts.lab_stages import Origin, Stage
from agilab.notebooks.document.cells import Cell
from agilab.notebooks.document.titles import slug, taken_apart, unused
from agilab.notebooks.python.parsing import ParsedCell


@dataclass(frozen=True)
class Aside:
    """A cell of a Python notebook that is kept and not run.

    Attributes:
        language: What it is written in, one lower-case word.
        reads: Names of the notebook that it says it takes (`%%R -i table`).
        defines: Names of the notebook that it says it gives (`%%R -o fit`, `%%sql rows <<`).
    """

    cell: Cell
    language: str
    reads: tuple[str, ...] = ()
    defines: tuple[str, ...] = ()

    @property
    def flow(self) -> str:
        """Python that takes and gives the same names."""
        return stand_in(self.reads, self.defines)


def stand_in(reads: Iterable[str], defines: Iterable[str]) -> str:
    """Python that takes names and gives others, to be read and never run; what it gives may be anything."""
    return "\n".join([*reads, *(f"{name} = type(...)()" for name in defines)])


def aside_of(cell: Cell, parsed: ParsedCell | None) -> Aside | None:
    """What a code cell is if nothing of it is run; None for a cell of Python, and for an empty one."""
    if not cell.source.strip():
        return None
    if parsed is None:
        return Aside(cell, cell.language)
    kept = parsed.kept
    return None if kept is None else Aside(cell, kept.language, kept.reads, kept.defines)


def text_stage(notebook: str, cell: Cell, text: str, taken: set[str], *, language: str) -> Stage:
    """The stage of a cell below a text, which gives its title; ids that are `taken` are not used, and are added to."""
    title, description = taken_apart(text)
    name = unused((slug(title) or f"cell-{cell.index}")[:56], taken)
    taken.add(name)
    return Stage(
        id=name,
        title=title,
        description=description,
        runtime="none",
        code=cell.source,
        tags=tuple(dict.fromkeys(tag for tag in cell.tags if tag.strip())),
        origin=Origin(
            notebook=notebook,
            cells=(cell.id,),
            indices=(cell.index,),
            execution_counts=(cell.execution_count or 0,),
            digest=hashlib.sha256(cell.source.encode("utf-8", "surrogatepass")).hexdigest(),
            mode="not_executed_import",
        ),
        extra={"language": language},
    )
