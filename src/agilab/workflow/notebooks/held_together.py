"""Why many cells of a notebook became one stage, in a line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from agilab.contracts.notebook_import import ImportedNotebook

MANY = 5
"""Borders that something keeps from parting stages, from which on somebody will ask what it is."""
_SHORT = "short enough"


def held_together(notebook: ImportedNotebook) -> Iterator[str]:
    """For each long stage the one reason that holds most of it: from which cell to which, and what it is."""
    borders = {border.after: border for border in notebook.borders}
    for stage in notebook.stages:
        inner = [(cell, after) for cell, after in pairwise(stage.cells) if cell in borders]
        held = Counter(borders[cell].why for cell, _ in inner if not borders[cell].why.startswith(_SHORT))
        if held.total() < MANY:
            continue
        why, _ = held.most_common(1)[0]
        span = [pair for pair in inner if borders[pair[0]].why == why]
        others = len(held) - 1
        more = f" (and {others:,} more {'reasons' if others > 1 else 'reason'})" if others else ""
        yield f"cells {span[0][0]} to {span[-1][1]} are one stage: {why}{more}"
