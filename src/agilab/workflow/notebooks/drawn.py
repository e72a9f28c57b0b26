"""The figures that a notebook's cells showed beside those that their stage kept.

A stage does not know where its cells end, so it tells of figures that its code closes too: the notebook may have shown
one before, by `display(figure)` or at the end of a cell. What it did not show is nobody's picture.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from agi_node.pictures import MOST
from agilab.contracts.notebook_import import Compared, ImportedStage
from agilab.workflow.notebooks.both import Both
from agilab.workflow.notebooks.kernel import Picture, Ran

PICTURE, PICTURES_OF = "picture", "pictures of"
Told = Mapping[str, Any]
Judge = Callable[[Told, Told], tuple[bool | None, str]]


def pictures(both: Both, stage: ImportedStage, unit: Told, judge: Judge) -> Iterator[Compared]:
    """The figures that the cells of a stage showed beside those that it kept, one by one in their order."""
    theirs, mine, why = paired(stage, both.ran, unit)
    cell = stage.cells[-1] if stage.cells else None
    name, look = f"{PICTURES_OF} {stage.id}", both.look(stage.id)
    if why:
        yield Compared(kind="picture", name=name, stage=stage.id, equal=None, why=why, cell=cell)
    if len(theirs) != len(mine):
        found = f"{_counted(len(theirs))} in the notebook, {_counted(len(mine))} in the pipeline"
        equal = False if theirs else None
        why = found if theirs else f"{found}: Jupyter shows none by itself there"
        shown = look if theirs else ""
        yield Compared(kind="picture", name=name, stage=stage.id, equal=equal, why=why, cell=cell, look=shown)
        return
    for number, (versions, other) in enumerate(zip(theirs, mine, strict=True), 1):
        judged = [judge(one, other) for _, one in versions]
        equal, why = next((each for each in judged if each[0]), judged[0])
        shown = look if equal is False else ""
        one = f"{PICTURE} {number} of {stage.id}"
        at = versions[0][0]
        yield Compared(kind="picture", name=one, stage=stage.id, equal=equal, why=why, cell=at, look=shown)


def paired(stage: ImportedStage, ran: Ran, unit: Told) -> tuple[list[Picture], list[Told], str]:
    """What the cells showed in a run and what the stage kept in its place, of both as many as are told; why not all."""
    theirs, every = pictures_of(stage, ran), list(unit.get("pictures", ()))
    closed = {*unit.get("closed", ())}
    kept = [one for at, one in enumerate(every) if at not in closed]
    if len(theirs) > len(kept) and closed:
        kept = _with_closed(theirs, every, closed)
    ends = _end(theirs), min(len(kept), MOST)
    if max(len(theirs), len(kept)) < MOST:
        return theirs, kept, ""
    number = min(ends)
    return theirs[:number], kept[:number], f"only the first {_counted(number)} are compared"


def pictures_of(stage: ImportedStage, ran: Ran) -> list[Picture]:
    """What the cells of a stage showed when the notebook ran, and what they drew in it afterwards."""
    found = (
        [one for one in each if one[0] in stage.cells] for each in ran.pictures if each[0][0] in stage.cells
    )
    return list(found)


def _with_closed(theirs: Sequence[Picture], every: Sequence[Told], closed: set[int]) -> list[Told]:
    """The stage's figures in the order of the notebook's: the same ones first, then those that are left, in theirs."""
    found: dict[int, int] = {}
    for number, versions in enumerate(theirs):
        same = (at for at, one in enumerate(every) if at not in found.values() and _same(versions, one))
        if (at := next(same, None)) is not None:
            found[number] = at
    left = [at for at in range(len(every)) if at not in found.values()]
    missing = [number for number in range(len(theirs)) if number not in found]
    optional = [at for at in left if at in closed]
    for at in optional[: max(len(left) - len(missing), 0)]:  # closed before anybody saw it
        left.remove(at)
    found |= dict(zip(missing, left, strict=False))
    rest = left[len(missing) :]
    return [every[found[number]] for number in sorted(found)] + [every[at] for at in rest]


def _same(versions: Picture, one: Told) -> bool:
    return any(each.get("digest") and each["digest"] == one.get("digest") for _, each in versions)


def _end(theirs: Sequence[Picture]) -> int:
    """How many are told before a cell of which there may be more than are told."""
    in_cell: dict[int, int] = {}
    for number, each in enumerate(theirs, 1):
        cell = each[0][0]
        in_cell[cell] = in_cell.get(cell, 0) + 1
        if in_cell[cell] == MOST:
            return number
    return len(theirs)


def _counted(number: int) -> str:
    return f"{number:,} picture" if number == 1 else f"{number:,} pictures"
