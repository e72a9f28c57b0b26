"""Whether a notebook repeats itself: what differs between runs of its own cannot be asked of its stages.

Clocks, numbers of processes, temporary folders and draws without a seed are other ones each time. What differs from the
stages is let go where the notebook's own runs differ in just that place (`places`, `same_parts`), and nowhere else. The
look of a difference decides nothing: an address, a time or the order of a set that the notebook repeats is a result.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agi_node.canonical import sha256_file
from agilab.contracts.notebook_import import Compared
from agilab.workflow.notebooks.both import Both
from agilab.workflow.notebooks.comparison import (
    GONE,
    NOT_WRITTEN,
    kept_files,
    printed_by,
)
from agilab.workflow.notebooks.contents import (
    BY_CONTENTS,
    are_pickles,
    bytes_apart,
    held_in,
    same_contents,
)
from agilab.workflow.notebooks.drawn import PICTURE, PICTURES_OF, paired, pictures_of
from agilab.workflow.notebooks.kernel import Ran
from agilab.workflow.notebooks.likeness import BY_KEYS, NOT_REPEATED, PERHAPS, unexplained
from agilab.workflow.notebooks.lost_files import LOST, lost_files
from agilab.workflow.notebooks.masks import COUNTED, ORDER, by_chance, named
from agilab.workflow.notebooks.packed import members_in
from agilab.workflow.notebooks.places import misfit
from agilab.workflow.notebooks.renamed import ANEW, Renamed, renamed
from agilab.workflow.notebooks.room import Room
from agilab.workflow.notebooks.same_parts import Judged, other_value
from agilab.workflow.notebooks.showing import texts_of
from agilab.workflow.notebooks.texts import difference, judged_texts, tidy


@dataclass(frozen=True)
class Again:
    """Another run of a notebook.

    Attributes:
        written: The files that it wrote in its room.
    """

    ran: Ran
    room: Room
    written: Collection[str]


NOISY = "other parts of it the notebook does not repeat"
"""Is said of what differs where the notebook repeats it, beside places where it does not."""
CLOCKS = "only what clocks said differs"
_FRACTION = re.compile(r"\d\.\d{6}")


def worth_repeating(parts: tuple[Compared, ...]) -> bool:
    """Whether another run of the notebook may tell more of what differs."""
    return any(_open(one) for one in parts)


def without_unrepeated(
    parts: tuple[Compared, ...], both: Both, again: Sequence[Again]
) -> tuple[Compared, ...]:
    """What was compared; what the notebook, run `again` as often as that, does not repeat is not.

    Files that it names anew are compared under the names that they have in the last run.
    """
    good = [one for one in again if not one.ran.broken and _end(one.ran) == _end(both.ran)]
    if not good:
        return parts
    return tuple(
        _seen_again(one, both, good) if _open(one) else one
        for one in _by_other_names(parts, both, good[-1].room, good[-1].written)
    )


def in_another_order(
    found: tuple[Compared, ...], parts: tuple[Compared, ...], both: Both, again: Again
) -> tuple[Compared, ...]:
    """What was `found`, with a word on texts that differ in the order of sets alone.

    `again` is a run of the notebook with another seed of hashes, which says whether it is the order of a set at all.
    """
    by_name = {(one.kind, one.name, one.stage): one for one in parts}
    return tuple(
        _seen_again(before, both, [again])
        if (before := by_name.get((one.kind, one.name, one.stage))) is not None and is_of_order(before)
        else one
        for one in found
    )


def is_of_order(one: Compared) -> bool:
    """Whether the order within sets is part of what two texts differ in, and all else is of no run's making."""
    return one.equal is None and ORDER in named(one.why)


def _seen_again(one: Compared, both: Both, again: Sequence[Again]) -> Compared:
    """What other runs of the notebook tell of something that differs."""
    found = _unrepeated(one, both, again)
    unsure = one.equal is None
    if found.fits:
        said = one.why if unsure and not unexplained(None, one.why) else CLOCKS if found.by_shape else ""
        why = f"{said}, and {NOT_REPEATED}" if said else NOT_REPEATED
        return one.model_copy(update={"equal": None, "why": why, "look": ""})
    noisy = f"; {NOISY}" if found.noisy and not found.by_shape else ""
    if unsure and (unexplained(None, one.why) or COUNTED in named(one.why)):
        return one.model_copy(update={"why": f"{one.why}{noisy}"})
    if found.by_chance:
        why = f"{one.why}; {PERHAPS}: such times are often the same"
        return one.model_copy(update={"equal": None, "why": why, "look": ""})
    if not unsure:
        return one.model_copy(update={"why": f"{found.where or one.why}{noisy}"})
    why = (
        found.where or difference(*told_texts(one, both, both.ran))
        if one.kind in ("shown", "printed")
        else one.why
    )
    look = both.look(one.stage) if both.left.get(one.stage) is not None else ""
    return one.model_copy(update={"equal": False, "why": f"{why}{noisy}", "look": look})


def is_random(parts: tuple[Compared, ...]) -> bool:
    """Whether something of a notebook is another one each time, and no clock or address."""
    return any(one.why == NOT_REPEATED or one.why.endswith(NOISY) for one in parts)


def beside_chance(boths: Sequence[Both], parts: Sequence[tuple[Compared, ...]]) -> frozenset[str]:
    """The stages of which something is another one each time, and all that take from them: there chance may play."""
    found = {one.stage for mine in parts for one in mine if one.stage and is_random((one,))}
    rest = list(found)
    while rest:
        stage = rest.pop()
        below = {user for both in boths for user in both.lab.resolved.users.get(stage, ())} - found
        found |= below
        rest += below
    return frozenset(found)


def perhaps_by_chance(
    parts: tuple[Compared, ...], runs: int, reason: str, stages: Collection[str] | None = None
) -> tuple[Compared, ...]:
    """What differs of a notebook that may draw at random: undecided, with a word on how often it said the same.

    Of `stages` alone, if they are given. Numbers with long fractions do not agree by chance: those are different.
    """
    said = f"; the notebook repeats it in {runs} runs, {PERHAPS}: {reason}"

    def is_doubtful(one: Compared) -> bool:
        return one.equal is False and one.why not in GONE and not _is_certain(one.why)

    return tuple(
        one.model_copy(update={"equal": None, "why": one.why + said, "look": ""})
        if (stages is None or one.stage in stages) and _open(one) and is_doubtful(one)
        else one
        for one in parts
    )


def _is_certain(why: str) -> bool:
    """Whether the place that is told first is one that all runs repeat, with a number that none draws twice."""
    return not why.endswith(NOISY) and _FRACTION.search(why) is not None


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
            repeated = not _other_file(had, [has], mine, both.python, draws=both.draws).fits
            equal, how = (False, bytes_apart(had, mine)) if repeated else (None, NOT_REPEATED)
        why = f"{other} in the pipeline: {ANEW}" + (f"; {how}" if how else "")
        look = both.look(stages[other], files=True) if equal is False else ""
        yield Compared(kind="file", name=name, stage=stages[other], equal=equal, why=why, look=look)
    for name in sorted(found.apart):
        yield Compared(kind="file", name=name, stage=stages.get(name, ""), equal=None, why=ANEW)


def _open(one: Compared) -> bool:
    if one.equal is None:
        doubtful = one.why.endswith(BY_KEYS) or bool(named(one.why)) or unexplained(None, one.why)
        return doubtful and NOT_REPEATED not in one.why
    return one.equal is False and not one.why.startswith(LOST) and one.why != "the stage did not end well"


def _end(ran: Ran) -> int | None:
    return ran.failed.cell if ran.failed else None


def _unrepeated(one: Compared, both: Both, again: Sequence[Again]) -> Judged:
    unit = both.left.get(one.stage) or {}
    if one.kind == "value":
        mine = unit.get("also", {}).get(one.name, {"why": "the stage does not leave it"})
        runs = [ran.values.get(one.name) for ran in (both.ran, *(each.ran for each in again))]
        known = [each for each in runs if each is not None]
        return other_value(known, mine, draws=both.draws) if len(known) == len(runs) else Judged()
    if one.kind == "file":
        digest = kept_files(both, one.stage, unit).get(one.name)
        if digest is None:
            return Judged()
        files = [each.room.file(one.name) for each in again]
        return _other_file(
            both.room.file(one.name), files, both.store.objects.path(digest), both.python, draws=both.draws
        )
    if one.kind == "picture":
        return _other_pictures(one, both, again, unit)
    first, mine = told_texts(one, both, both.ran)
    return _other_text(
        [first, *(told_texts(one, both, each.ran)[0] for each in again)], mine, draws=both.draws
    )


def _other_text(runs: Sequence[str], mine: str, *, draws: bool) -> Judged:
    first, *others = runs
    noisy = any(tidy(other) != tidy(first) for other in others)
    by_shape = all(judged_texts(first, other)[0] is not False for other in others)
    line = misfit(first, others, mine, draws=draws) if noisy else 0
    fits = line is None
    where = difference(first, mine, line) if line else ""
    return Judged(
        fits, noisy, by_shape, where=where, by_chance=not fits and by_chance(tidy(first), tidy(mine))
    )


def told_texts(one: Compared, both: Both, ran: Ran) -> tuple[str, str]:
    """What a run of the notebook showed or printed, and what its stage did."""
    unit = both.left.get(one.stage) or {}
    stage = next(stage for stage in both.notebook.stages if stage.id == one.stage)
    if one.kind == "shown":
        return texts_of(one.name, stage, ran, unit)
    return printed_by(both, stage, ran), unit.get("printed") or ""


def _other_pictures(one: Compared, both: Both, again: Sequence[Again], unit: Mapping[str, Any]) -> Judged:
    """Whether the notebook shows other pictures each time, or this one as another."""
    stage = next(stage for stage in both.notebook.stages if stage.id == one.stage)
    runs = [pictures_of(stage, ran) for ran in (both.ran, *(each.ran for each in again))]
    _, mine, _ = paired(stage, both.ran, unit)
    if one.name.startswith(PICTURES_OF) or len({*map(len, runs)}) > 1 or len(mine) > len(runs[0]):
        return Judged(fits=len({*map(len, runs)}) > 1, noisy=len({*map(len, runs)}) > 1)
    at = int(one.name.removeprefix(PICTURE).split()[0]) - 1
    return other_value([run[at][0][1] for run in runs], mine[at], draws=both.draws)


def _other_file(
    had: Path | None, again: Sequence[Path | None], mine: Path, python: Path, *, draws: bool
) -> Judged:
    if had is None or None in again:
        other = any((had is None) is not (one is None) for one in again)
        return Judged(fits=other, noisy=other)
    files = [one for one in again if one is not None]
    if all(sha256_file(had) == sha256_file(has) or same_contents(had, has) for has in files):
        return Judged()
    if are_pickles(had, *files, mine):
        found, refused = held_in([had, *files, mine], python)
        if not refused:
            return other_value(found[:-1], found[-1], draws=draws)
    packed = [members_in(one) for one in (had, *files, mine)]
    if all(packed) and all(one.keys() == packed[0].keys() for one in packed):
        return _all_of(
            _other_bytes([one[name] for one in packed], draws=draws)
            for name in packed[0]
            if len({one[name] for one in packed}) > 1
        )
    return _other_bytes([one.read_bytes() for one in (had, *files, mine)], draws=draws)


def _other_bytes(files: Sequence[bytes], *, draws: bool) -> Judged:
    """The same of what several runs wrote, and at the end a stage."""
    if len({*files[:-1]}) == 1:
        return Judged(fits=files[-1] == files[0])
    try:
        first, *others, last = [one.decode("utf-8") for one in files]
    except UnicodeDecodeError:
        return Judged(fits=True, noisy=True)
    return _other_text([first, *others], last, draws=draws)


def _all_of(parts: Iterable[Judged]) -> Judged:
    """What is told of parts that differ, taken together."""
    every = list(parts)
    wrong = next((one for one in every if not one.fits), None)
    noisy = any(one.noisy for one in every)
    return Judged(wrong is None and noisy, noisy, where=wrong.where if wrong else "")
