"""Whether a notebook repeats itself: what differs between two runs of its own cannot be asked of its stages.

Clocks, numbers of processes, temporary folders and draws without a seed are other ones each time. What differs from the
stages is let go as far as the notebook's own two runs differ there: a line, a value, a picture, each whole, since parts
of it may agree by chance; but where clocks are all that differs, and for what is too long for that, the rest counts.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from agi_node.canonical import sha256_file
from agi_node.stage import SHOWN
from agi_node.values import scrub
from agilab.contracts.notebook_import import Compared
from agilab.workflow.notebooks.both import Both
from agilab.workflow.notebooks.comparison import (
    GONE,
    NOT_WRITTEN,
    PICTURE,
    judged_values,
    kept_files,
    pictures_of,
)
from agilab.workflow.notebooks.contents import BY_CONTENTS, bytes_apart, same_contents
from agilab.workflow.notebooks.kernel import Ran
from agilab.workflow.notebooks.likeness import Parts, alike, unexplained
from agilab.workflow.notebooks.lost_files import LOST, lost_files
from agilab.workflow.notebooks.renamed import ANEW, Renamed, renamed
from agilab.workflow.notebooks.room import Room
from agilab.workflow.notebooks.texts import agrees_where_repeated, difference, is_now, only_times

NOT_REPEATED = "the notebook itself does not repeat it"
_FRACTION = re.compile(r"\d\.\d{6}")
LONG, SOME = 6, 3
"""Digits of a fraction, and how many such numbers of a part, that do not agree by chance."""


def worth_repeating(parts: tuple[Compared, ...]) -> bool:
    """Whether another run of the notebook may tell more of what differs."""
    return any(_open(one) for one in parts)


def without_unrepeated(
    parts: tuple[Compared, ...], both: Both, again: Ran, room: Room, written: Collection[str]
) -> tuple[Compared, ...]:
    """What was compared; what the notebook, run `again` in a `room` of its own, does not repeat is not.

    `written` are the files that it wrote there. Those that it names anew are compared under the names that they have.
    """
    if again.broken or _end(again) != _end(both.ran):
        return parts
    return tuple(
        _seen_again(one, both, again, room) if _open(one) else one
        for one in _by_other_names(parts, both, room, written)
    )


def _seen_again(one: Compared, both: Both, again: Ran, room: Room) -> Compared:
    """What another run of the notebook tells of something that differs, or only in times."""
    unrepeated = _unrepeated(one, both, again, room)
    if only_times(one.why) and one.equal is None:
        if unrepeated:
            return one.model_copy(update={"why": f"{one.why}, and {NOT_REPEATED}"})
        why = difference(*_texts(one, both, both.ran))
        stage = both.left.get(one.stage)
        look = both.look(one.stage) if stage is not None else ""
        return one.model_copy(update={"equal": False, "why": why, "look": look})
    return one.model_copy(update={"equal": None, "why": NOT_REPEATED, "look": ""}) if unrepeated else one


def is_random(parts: tuple[Compared, ...]) -> bool:
    """Whether something of a notebook is another one each time."""
    return any(one.why == NOT_REPEATED for one in parts)


def perhaps_by_chance(parts: tuple[Compared, ...], runs: int, reason: str) -> tuple[Compared, ...]:
    """What differs of a notebook that may draw at random, with a word on how often it said the same."""
    said = f"; the notebook repeats it in {runs} runs, perhaps by chance: {reason}"
    return tuple(
        one.model_copy(update={"why": one.why + said})
        if _open(one) and one.equal is False and one.why not in GONE and not _FRACTION.search(one.why)
        else one
        for one in parts
    )


def _by_other_names(
    parts: tuple[Compared, ...], both: Both, room: Room, written: Collection[str]
) -> Iterator[Compared]:
    """The same, with files that the notebook names anew beside those that stages left under the names of their run."""
    stages = {one.name: one.stage for one in parts if one.kind == "file" and one.why == NOT_WRITTEN}
    found = renamed([name for name in both.written if name not in both.files_left], written, stages)
    if not found.pairs and not found.apart:
        yield from parts
        return
    known = {other for _, other in found.pairs.values()} | found.apart
    for one in parts:
        if one.kind == "file" and one.equal is False and one.name in known:
            continue
        if not one.why.startswith(LOST):
            yield one
    yield from _renamed(found, stages, both, room)
    left = {*both.files_left, *found.pairs, *found.apart}
    yield from lost_files(both.notebook, both.written, left, both.promised(), both.ran.began)


def _renamed(found: Renamed, stages: Mapping[str, str], both: Both, room: Room) -> Iterator[Compared]:
    for name, (second, other) in found.pairs.items():
        kept = kept_files(both, stages[other], both.left.get(stages[other]) or {})
        had, has, mine = both.room.file(name), room.file(second), both.store.objects.path(kept[other])
        if had is None:
            continue
        equal: bool | None = sha256_file(had) == kept[other]
        how = "" if equal else BY_CONTENTS
        equal = equal or same_contents(had, mine)
        if not equal:
            repeated = not _other_file(had, has, mine)
            equal, how = (False, bytes_apart(had, mine)) if repeated else (None, NOT_REPEATED)
        why = f"{other} in the pipeline: {ANEW}" + (f"; {how}" if how else "")
        look = both.look(stages[other], files=True) if equal is False else ""
        yield Compared(kind="file", name=name, stage=stages[other], equal=equal, why=why, look=look)
    for name in sorted(found.apart):
        yield Compared(kind="file", name=name, stage=stages.get(name, ""), equal=None, why=ANEW)


def _open(one: Compared) -> bool:
    if unexplained(one.equal, one.why):
        return True
    if one.equal is None:
        return only_times(one.why)
    return one.equal is False and not one.why.startswith(LOST) and one.why != "the stage did not end well"


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
    if one.kind == "picture":
        return _other_pictures(one, both, again, unit)
    first, mine = _texts(one, both, both.ran)
    return agrees_where_repeated(first, _texts(one, both, again)[0], mine, draws=both.draws)


def _texts(one: Compared, both: Both, ran: Ran) -> tuple[str, str]:
    """What a run of the notebook showed or printed, and what its stage did."""
    unit = both.left.get(one.stage) or {}
    if one.kind == "shown":
        return scrub(ran.shown.get(one.cell or 0, ""), SHOWN), unit.get("shown") or ""
    cells = next(stage.cells for stage in both.notebook.stages if stage.id == one.stage)
    return "".join(ran.printed.get(cell, "") for cell in cells), unit.get("printed") or ""


def _other_pictures(one: Compared, both: Both, again: Ran, unit: Mapping[str, Any]) -> bool:
    """Whether the notebook shows other pictures each time, or this one as another."""
    stage = next(stage for stage in both.notebook.stages if stage.id == one.stage)
    had, has = (pictures_of(stage, ran) for ran in (both.ran, again))
    mine = unit.get("pictures", ())
    if not len(had) == len(has) == len(mine):
        return len(had) != len(has)
    at = int(one.name.removeprefix(PICTURE).split()[0]) - 1
    return _other_value(had[at][0][1], has[at][0][1], mine[at])


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
    if first and _kind(first[0]) == _kind(second[0]) != _kind(other[0] if other else []):
        return False  # how much there is of it, and what it is, is repeated
    if _only_clocks(first, second):
        return len(first) == len(other) and all(map(_fits, first, second, other))
    there = {(*_kind(part)[:3],): part for part in other}
    pairs = (
        (one, there.get((*_kind(one)[:3],)))
        for one, two in zip(first, second, strict=True)
        if list(one) == list(two)
    )
    return all(
        mine is None or alike([one], [mine])[0] is not False for one, mine in pairs if _is_certain(one)
    )


def _only_clocks(first: Parts, second: Parts) -> bool:
    """Whether moments of these days are all that differs between two runs."""
    for one, two in zip(first, second, strict=True):
        if list(one) == list(two):
            continue
        words = [part[-1].split() for part in (one, two)]
        if len(words[0]) != len(words[1]) or (len(one) == 4 and one[1] != two[1]):
            return False
        if not all(
            left == right or (is_now(left) and is_now(right)) for left, right in zip(*words, strict=True)
        ):
            return False
    return True


def _fits(one: Sequence[str], two: Sequence[str], other: Sequence[str]) -> bool:
    """Whether a part of a value is like the notebook's in what its two runs have in common, number by number."""
    if list(one[:-1]) != list(other[:-1]):
        return False
    words = [part[-1].split() for part in (one, two, other)]
    if len(one) != 4 or len({*map(len, words)}) > 1:
        return list(one) != list(two) or list(one) == list(other)
    kept = [[left, mine] for left, right, mine in zip(*words, strict=True) if left == right]
    if not kept:
        return True
    had, mine = ([one[0], one[1], str(len(kept)), " ".join(side)] for side in zip(*kept, strict=True))
    return had == mine or alike([had], [mine])[0] is not False


def _is_certain(part: Sequence[str]) -> bool:
    """Whether a part that two runs repeat is no draw that agrees by chance: it is a digest, or some long fractions."""
    if len(part) != 4:
        return "#" in part[-1] and not part[-1].startswith("'")
    long = {word for word in part[3].split() if "." in word and len(word.lstrip("-0.")) >= LONG}
    return len(long) >= SOME


def _kind(part: Sequence[str]) -> list[str]:
    return list(part[:3]) if len(part) == 4 else list(part)


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
