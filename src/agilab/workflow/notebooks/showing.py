"""What the cells of a stage showed beside what the stage did: each last expression, and all that was displayed.

A stage of several cells has the last expressions of the inner ones in the middle of its code. When it is compared it
tells what each such statement was worth, among them those that no cell ends with: so what the cells showed is found
again in its order, and what is not, is held against the statement in whose place it should be.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any

from agi_node.asked import PLAIN
from agi_node.displayed import DISPLAY, MORE, RESULT, WIDGET
from agi_node.forms import to_one_length
from agilab.contracts.notebook_import import Compared, ImportedStage
from agilab.workflow.notebooks.both import Both
from agilab.workflow.notebooks.kernel import Ran
from agilab.workflow.notebooks.texts import judged_texts

Shown = Mapping[str, Any]
NOTHING = "nothing"
MANY = 50
"""Displays of a stage that are told one by one."""
_CONTINUED = re.compile(r"\\\r?\n")
_FOLDERS = re.compile(r"^%(?:pushd|pwd|dirs)\b[^\n]*\s*\Z", re.MULTILINE)
_CELL, _DISPLAY, _DISPLAYS = "cell ", "display ", "displays of "


def shown(both: Both, stage: ImportedStage, unit: Mapping[str, Any]) -> Iterator[Compared]:
    """The last expressions of a stage's cells, then what they displayed that is more than text."""
    for cell, theirs, mine in _results(stage, both.ran, unit):
        text = both.text_of(stage.model_copy(update={"cells": (cell,)}))
        if theirs is None and _ends_with_magic(text):
            continue  # what stands for it in the stage is worth something
        equal, why = judged_shown(theirs, mine)
        if mine is None and _ends_with_folders(text):
            equal, why = None, "a magic shows the folder in Jupyter alone"
        yield _compared(both, f"{_CELL}{cell}", stage, cell, (equal, why))
    theirs_, mine_, why = _displayed(stage, both.ran, unit)
    if why:
        yield _compared(both, f"{_DISPLAYS}{stage.id}", stage, stage.cells[-1], (None, why))
    if len(theirs_) != len(mine_):
        why = f"{_counted(_number(theirs_))} in the notebook, {_counted(_number(mine_))} in the pipeline"
        yield _compared(both, f"{_DISPLAYS}{stage.id}", stage, stage.cells[-1], (False, why))
        return
    yield from _one_by_one(both, stage, theirs_, mine_)
    widgets = [
        one["cell"] for one in both.ran.displays if one["kind"] == WIDGET and one["cell"] in stage.cells
    ]
    if widgets:
        why = "what goes with its process and a page: a widget"
        yield _compared(both, f"widgets of {stage.id}", stage, widgets[-1], (None, why))


def said_of_itself(both: Both, imported: ImportedStage) -> dict[str, Any]:
    """What a stage would show that is kept and not run, where all that it shows are texts and numbers of its own."""
    stage = next((one for one in both.lab.document.stages if one.id == imported.id), None)
    if stage is None or stage.runtime != "none":
        return {}
    try:
        alone = [one.value for one in ast.parse(stage.code or "").body if isinstance(one, ast.Expr)]
        said = [repr(ast.literal_eval(one)) for one in alone]
    except (SyntaxError, ValueError):
        return {}
    return (
        {"displays": [{"kind": RESULT, "cell": 0, "forms": {PLAIN: text}} for text in said]} if said else {}
    )


def _one_by_one(
    both: Both, stage: ImportedStage, theirs: Sequence[Shown], mine: Sequence[Shown]
) -> Iterator[Compared]:
    """Each display that is more than text; of many those that are alike in one row."""
    same = []
    for number, (left, right) in enumerate(zip(theirs, mine, strict=True), 1):
        if [*left["forms"], *right["forms"]] != [PLAIN, PLAIN]:  # texts are compared among what is printed
            judged = judged_shown(left, right)
            if judged[0] and len(theirs) > MANY:
                same.append(number)
            else:
                yield _compared(both, f"{_DISPLAY}{number} of {stage.id}", stage, left["cell"], judged)
    if same:
        which = f"{same[0]:,} to {same[-1]:,}" if len(same) > same[-1] - same[0] else f"among {len(theirs):,}"
        name = f"{_counted(len(same))}, {which}, of {stage.id}"
        yield _compared(both, name, stage, theirs[-1]["cell"], (True, ""))


def judged_shown(theirs: Shown | None, mine: Shown | None) -> tuple[bool | None, str]:
    """Whether two values show the same in every form that they have; None where only what no run repeats may differ."""
    if theirs is None or mine is None:
        return False, f"{_brief(theirs)} in the notebook, {_brief(mine)} in the pipeline"
    unsure = ""
    for media in sorted({*theirs["forms"], *mine["forms"]}, key=lambda media: (media != PLAIN, media)):
        one, other = theirs["forms"].get(media), mine["forms"].get(media)
        said = "" if media == PLAIN else f"{media}: "
        if one is None or other is None:
            return False, f"{said}{'none' if one is None else 'some'} in the notebook, " + (
                "none in the pipeline" if other is None else "some in the pipeline"
            )
        equal, why = judged_texts(*to_one_length(one, other))
        if equal is False:
            return False, f"{said}{why}"
        if equal is None:
            unsure = unsure or why
    return (None, unsure) if unsure else (True, "")


def texts_of(name: str, stage: ImportedStage, ran: Ran, unit: Mapping[str, Any]) -> tuple[str, str]:
    """Of something that `shown` compared what a run of the notebook showed, and what its stage did, as texts."""
    if name.startswith(_DISPLAY):
        number = int(name.removeprefix(_DISPLAY).partition(" ")[0])
        theirs, mine, _ = _displayed(stage, ran, unit)
        left, right = theirs[number - 1 : number], mine[number - 1 : number]
        return _wholes(left[0] if left else None, right[0] if right else None)
    if name.startswith(_DISPLAYS):
        theirs, mine, _ = _displayed(stage, ran, unit)
        return _counted(_number(theirs)), _counted(_number(mine))
    for cell, one, other in _results(stage, ran, unit):
        if name == f"{_CELL}{cell}":
            return _wholes(one, other)
    return "", ""


def _ends_with_magic(text: str) -> bool:
    """Whether a cell ends with a magic or a shell command, or is the text of one."""
    lines = [line.strip() for line in _CONTINUED.sub(" ", text).splitlines()]
    lines = [line for line in lines if line and not line.startswith("#")]
    return bool(lines) and (lines[0].startswith("%%") or lines[-1].startswith(("%", "!")))


def _ends_with_folders(text: str) -> bool:
    """Whether a cell ends with a magic which is worth the folder, or those that were left."""
    return _FOLDERS.search(text) is not None


def _compared(
    both: Both, name: str, stage: ImportedStage, cell: int, judged: tuple[bool | None, str]
) -> Compared:
    equal, why = judged
    look = both.look(stage.id) if equal is False else ""
    return Compared(kind="shown", name=name, stage=stage.id, equal=equal, why=why, cell=cell, look=look)


def _results(
    stage: ImportedStage, ran: Ran, unit: Mapping[str, Any]
) -> list[tuple[int, Shown | None, Shown | None]]:
    """By cell what its last expression showed, and what the stage has in its place."""
    theirs = [one for one in ran.displays if one["kind"] == RESULT and one["cell"] in stage.cells]
    mine = [one for one in unit.get("displays", ()) if one["kind"] == RESULT]
    found: list[tuple[int, Shown | None, Shown | None]] = [
        (one["cell"], one, other) for one, other in zip(theirs, _in_place_of(theirs, mine), strict=True)
    ]
    last = stage.cells[-1] if stage.cells else 0
    if unit.get("shown") is not None and mine and not any(other is mine[-1] for _, _, other in found):
        known = any(cell == last for cell, _, _ in found)
        if not known and mine[-1]["forms"].get(PLAIN, unit["shown"]) == unit["shown"]:
            found.append((last, None, mine[-1]))
    return found


def _in_place_of(theirs: Sequence[Shown], mine: Sequence[Shown]) -> list[Shown | None]:
    """For each of some values that of a longer row which is the same or, between two such, is most like it."""
    keys = [[str(sorted(one["forms"].items())) for one in row] for row in (theirs, mine)]
    found: list[Shown | None] = [None] * len(theirs)
    at = begun = 0
    matches = SequenceMatcher(None, keys[0], keys[1], autojunk=False).get_matching_blocks()
    for block in matches:
        rest, left = range(at, block.a), list(range(begun, block.b))
        for place, number in enumerate(rest):
            room = left[: len(left) - (len(rest) - place - 1)]
            if not room:
                continue
            best = max(room, key=lambda each: (_likeness(theirs[number], mine[each]), each))
            found[number] = mine[best]
            left = [each for each in left if each > best]
        for step in range(block.size):
            found[block.a + step] = mine[block.b + step]
        at, begun = block.a + block.size, block.b + block.size
    return found


def _likeness(one: Shown, other: Shown) -> float:
    left, right = (_first_form(each)[:2_000] for each in (one, other))
    same = SequenceMatcher(None, left, right, autojunk=False).ratio()
    return same + int(set(one["forms"]) == set(other["forms"]))


def _displayed(
    stage: ImportedStage, ran: Ran, unit: Mapping[str, Any]
) -> tuple[list[Shown], list[Shown], str]:
    """What the cells of a stage displayed, and what it did, as far as both are told; why that is not all of it."""
    theirs = [one for one in ran.displays if one["kind"] in (DISPLAY, MORE) and one["cell"] in stage.cells]
    mine = [one for one in unit.get("displays", ()) if one["kind"] in (DISPLAY, MORE)]
    if _number(theirs) == _number(mine):
        ends = [
            next((at for at, one in enumerate(row) if one["kind"] == MORE), len(row))
            for row in (theirs, mine)
        ]
        number = _number(mine)
        why = f"only the first {min(ends):,} of {_counted(number)} are compared" if min(ends) < number else ""
        return theirs[: min(ends)], mine[: min(ends)], why
    own = [[one for one in row if not one.get("by")] for row in (theirs, mine)]
    if len(own[0]) == len(own[1]) and not any(one["kind"] == MORE for row in own for one in row):
        shown = {one["by"] for one in (*theirs, *mine) if one.get("by")}
        why = f"what {' and '.join(sorted(shown))} shows by itself, in Jupyter otherwise than in a stage"
        return own[0], own[1], why
    return theirs, mine, ""


def _number(row: Sequence[Shown]) -> int:
    """How many displays these are, with those that were only counted."""
    return sum(one.get("number", 1) for one in row)


def _wholes(one: Shown | None, other: Shown | None) -> tuple[str, str]:
    """Two values in all their forms, as texts; a form that was cut on one side is a digest on both."""
    forms = [dict(each["forms"]) if each else {} for each in (one, other)]
    for media in forms[0].keys() & forms[1].keys():
        forms[0][media], forms[1][media] = to_one_length(forms[0][media], forms[1][media])
    left, right = ("\n".join(form for _, form in sorted(each.items())) for each in forms)
    return left, right


def _brief(one: Shown | None) -> str:
    if one is None:
        return NOTHING
    text = _first_form(one)
    return repr(text if len(text) <= 60 else f"{text[:56]} …")


def _first_form(one: Shown) -> str:
    """The text of a value, or of one that shows itself what it shows."""
    forms = one["forms"]
    return str(forms[PLAIN] if PLAIN in forms else next(iter(forms.values()), ""))


def _counted(number: int) -> str:
    return f"{number:,} display" if number == 1 else f"{number:,} displays"
