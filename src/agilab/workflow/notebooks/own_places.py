"""Where Python lies: a notebook's kernel runs in an environment of its own, and its stages in the lab's."""

from __future__ import annotations

from pathlib import Path

from agilab.contracts.notebook_import import Compared
from agilab.workflow.notebooks.both import Both
from agilab.workflow.notebooks.repeats import told_texts
from agilab.workflow.notebooks.texts import judged_texts

ELSEWHERE = "only where Python lies differs: here a notebook's kernel has an environment beside the lab's own"


def without_own_places(parts: tuple[Compared, ...], both: Both, jupyter: Path) -> tuple[Compared, ...]:
    """What was compared; what differs only in the folder of the environment (`sys.executable`) is told as that.

    `jupyter` is the interpreter that runs kernels.
    """
    return tuple(
        one.model_copy(update={"equal": None, "why": ELSEWHERE, "look": ""})
        if one.equal is False and _is_place(one, both, (jupyter, both.python))
        else one
        for one in parts
    )


def _is_place(one: Compared, both: Both, pythons: tuple[Path, ...]) -> bool:
    if one.kind == "value":
        unit = both.left.get(one.stage) or {}
        marks = both.ran.values.get(one.name, {}), unit.get("also", {}).get(one.name, {})
        if marks[0].get("kind") != marks[1].get("kind"):
            return False
        theirs, mine = (str(mark.get("text", "")) for mark in marks)
    elif one.kind in ("shown", "printed"):
        theirs, mine = told_texts(one, both, both.ran)
    else:
        return False
    folders = sorted({str(python.parent.parent) for python in pythons}, key=len, reverse=True)
    for folder in folders:
        theirs, mine = theirs.replace(folder, "<environment>"), mine.replace(folder, "<environment>")
    return "<environment>" in theirs and judged_texts(theirs, mine)[0] is True
