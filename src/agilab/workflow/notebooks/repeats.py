"""Whether a notebook repeats itself: what differs between two runs of its own cannot be asked of its stages.

Clocks, numbers of processes, temporary folders and draws without a seed are other ones each time. What differs from the
stages is let go only as far as the notebook's own two runs differ there: words of a line, parts of a value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from agi_node.canonical import sha256_file
from agi_node.stage import SHOWN
from agi_node.values import scrub
from agilab.contracts.notebook_import import Compared
from agilab.workflow.notebooks.both import Both
from agilab.workflow.notebooks.comparison import GONE, judged_values, kept_files
from agilab.workflow.notebooks.contents import same_contents
from agilab.workflow.notebooks.kernel import Ran
from agilab.workflow.notebooks.likeness import alike, unexplained
from agilab.workflow.notebooks.lost_files import BY_NO_STAGE
from agilab.workflow.notebooks.room import Room
from agilab.workflow.notebooks.texts import agrees_where_repeated

NOT_REPEATED = "the notebook itself does not repeat it"


def worth_repeating(parts: tuple[Compared, ...]) -> bool:
    """Whether another run of the notebook may tell more of what differs."""
    return any(_open(one) for one in parts)


def without_unrepeated(
    parts: tuple[Compared, ...], both: Both, again: Ran, room: Room
) -> tuple[Compared, ...]:
    """What was compared; what the notebook, run `again` in a `room` of its own, does not repeat is not."""
    if again.broken or _end(again) != _end(both.ran):
        return parts
    return tuple(
        one.model_copy(update={"equal": None, "why": NOT_REPEATED, "look": ""})
        if _open(one) and _unrepeated(one, both, again, room)
        else one
        for one in parts
    )


def _open(one: Compared) -> bool:
    if unexplained(one.equal, one.why):
        return True
    return (
        one.equal is False and not one.why.startswith(BY_NO_STAGE) and one.why != "the stage did not end well"
    )


def _end(ran: Ran) -> int | None:
    return ran.failed.cell if ran.failed else None


def _unrepeated(one: Compared, both: Both, again: Ran, room: Room) -> bool:
    unit = both.left.get(one.stage) or {}
    if one.kind == "value":
        mine = unit.get("also", {}).get(one.name, {"why": "the stage does not leave it"})
        had, has = both.ran.values.get(one.name), again.values.get(one.name)
        return had is not None and has is not None and _other_value(had, has, mine)
    if one.kind == "file":
        digest = kept_files(both, one.stage, unit).get(one.name)
        return digest is not None and _other_file(
            both.room.file(one.name), room.file(one.name), both.store.objects.path(digest)
        )
    if one.kind == "shown":
        first, second = (scrub(ran.shown.get(one.cell or 0, ""), SHOWN) for ran in (both.ran, again))
        return agrees_where_repeated(first, second, unit.get("shown") or "")
    cells = next(stage.cells for stage in both.notebook.stages if stage.id == one.stage)
    first, second = ("".join(ran.printed.get(cell, "") for cell in cells) for ran in (both.ran, again))
    return agrees_where_repeated(first, second, unit.get("printed") or "")


def _other_value(had: Mapping[str, Any], has: Mapping[str, Any], mine: Mapping[str, Any]) -> bool:
    """Whether two runs give two values, and the stage's is like the first wherever those two are alike."""
    equal, why = judged_values(had, has)
    if equal is not False and not unexplained(equal, why):
        return False
    gone = [one.get("why") in GONE for one in (had, has, mine)]
    if any(gone):
        return gone[0] != gone[1]
    kinds = [one.get("kind") for one in (had, has, mine)]
    if kinds[0] == kinds[1] != kinds[2]:
        return False
    first, second, other = (one.get("parts", ()) for one in (had, has, mine))
    if [part[0] for part in first] != [part[0] for part in second]:
        return True  # of another shape each time
    return len(first) == len(other) and all(map(_fits, first, second, other))


def _fits(one: Sequence[str], two: Sequence[str], other: Sequence[str]) -> bool:
    """Whether a part of a value is like the notebook's, in what its two runs have in common: the place, kind and shape
    of numbers, and the numbers themselves where they are alike."""
    if _kind(one) == _kind(two) != _kind(other):
        return False
    apart = list(one) != list(two) and alike([one], [two])[0] is False
    return apart or list(one) == list(other) or alike([one], [other])[0] is not False


def _kind(part: Sequence[str]) -> list[str]:
    return list(part[:3]) if len(part) == 4 else [part[0]]


def _other_file(had: Path | None, has: Path | None, mine: Path) -> bool:
    if had is None or has is None:
        return had is not has
    if sha256_file(had) == sha256_file(has) or same_contents(had, has):
        return False
    try:
        texts = [one.read_bytes().decode("utf-8") for one in (had, has, mine)]
    except UnicodeDecodeError:
        return True
    return agrees_where_repeated(*texts)
