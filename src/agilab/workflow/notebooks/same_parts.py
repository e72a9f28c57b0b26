"""Values of several runs of a notebook beside a stage's: which of their parts the notebook repeats, and those alike.

A place of a value is a part of its outline (`agi_node.outline`), and in it each number or word.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agilab.workflow.notebooks.comparison import GONE, judged_values
from agilab.workflow.notebooks.kept_to_itself import without
from agilab.workflow.notebooks.likeness import Parts, alike, first_difference, unexplained
from agilab.workflow.notebooks.places import beginning_fits
from agilab.workflow.notebooks.texts import is_now

_PIECES = re.compile(r"\d[\d.]*|\D+")
_ITEM = re.compile(r"\[\d+\]")


@dataclass(frozen=True)
class Judged:
    """What runs of a notebook tell of something in which its stage differs.

    Attributes:
        fits: The stage is like the notebook in all places that the runs repeat, and there are others.
        noisy: There are places that they do not repeat,
        by_shape: all of which are clocks, addresses and the like.
        by_chance: What differs are measured times so short that runs may have them in common.
        where: Where the stage differs in what they do repeat, in words; empty where that is not said.
    """

    fits: bool = False
    noisy: bool = False
    by_shape: bool = False
    by_chance: bool = False
    where: str = ""


def other_value(runs: Sequence[Mapping[str, Any]], mine: Mapping[str, Any], *, draws: bool) -> Judged:
    """What several runs tell of a value, which each of them has a fingerprint of.

    Of a notebook that `draws` without a seed, items beside a draw in one list may agree by chance: they are one place.
    """
    first, *others = runs
    judged = [judged_values(first, one) for one in others]
    if all(equal or (equal is None and not _tells(why)) for equal, why in judged):
        return Judged()
    gone = [one.get("why") in GONE for one in runs]
    if any(gone) or mine.get("why") in GONE:
        return Judged(fits=len({*gone}) > 1, noisy=len({*gone}) > 1)
    kinds = {one.get("kind") for one in runs}
    if len(kinds) == 1 and mine.get("kind") not in kinds:
        return Judged(noisy=True)
    *parts, other = [_parts_of(one) for one in (*runs, mine)]
    clocks = any(one != parts[0] for one in parts) and all(_only_clocks(parts[0], one) for one in parts[1:])
    hidden = not clocks and all(_is_object(one) for one in parts)  # a library that draws by itself
    where = _misfit(parts, other, draws=draws or hidden)
    return Judged(where is None, noisy=True, by_shape=clocks, where=where or "")


def _parts_of(one: Mapping[str, Any]) -> Parts:
    """The parts of a value; of one without any its text."""
    parts: Parts = one.get("parts", ())
    return parts or ([["", str(one["text"])]] if "text" in one else [])


def _is_object(parts: Parts) -> bool:
    """Whether an outline is of an object of a class, and not of Python's own data or a table."""
    return bool(parts) and len(parts[0]) == 2 and re.fullmatch(r"[\w.]+\.\w+", parts[0][1]) is not None


def _tells(why: str) -> bool:
    return unexplained(None, why) or "addresses" in why


def _misfit(runs: Sequence[Parts], mine: Parts, *, draws: bool) -> str | None:
    """Where a stage's parts are not like those of the runs, in what these have in common; None where they are."""
    aside = list[Parts]()
    for run in runs:  # what a library keeps to itself is none of what runs repeat
        run, mine, _ = without(run, mine)
        aside.append(run)
    runs = aside
    there = {_head(part): part for part in mine}
    those = [{_head(part): part for part in run} for run in runs]
    heads = [head for head in those[0] if all(head in each for each in those)]
    drawn = {_kin(head) for head in heads if len({tuple(each[head]) for each in those}) > 1}
    drawn |= {_kin(head) for each in those for head in each if head not in heads}
    for head in heads:
        rows = [each[head] for each in those]
        if head not in there:
            return first_difference(runs[0], mine)
        if draws and _kin(head) in drawn:
            continue
        if not _part_fits(rows, there[head], draws=draws):
            return _part_apart(rows, there[head])
    same = len(mine) == len(runs[0]) or len({*map(len, runs)}) > 1
    return None if same else first_difference(runs[0], mine)


def _head(part: Sequence[str]) -> tuple[str, ...]:
    """What names a part: its path, and of numbers what they are and how many."""
    return tuple(part[:3]) if len(part) == 4 else (part[0], "")


def _kin(head: Sequence[str]) -> tuple[str, int]:
    """What a part has in common with those that stand beside it in one list."""
    return _ITEM.sub("[]", head[0]), len(head)


def _part_fits(rows: Sequence[Sequence[str]], mine: Sequence[str], *, draws: bool) -> bool:
    first = rows[0]
    if all(list(row) == list(first) for row in rows):
        return alike([first], [mine])[0] is not False
    if len(first) != 4:
        return beginning_fits([row[-1] for row in rows], mine[-1], draws=draws)
    words = [row[-1].split() for row in (*rows, mine)]
    if draws or first[1].startswith(("sums", "blocks")) or len({*map(len, words)}) > 1:
        return True
    kept = _kept(rows, mine)
    if not kept:
        return True
    had, has = ([first[0], first[1], str(len(kept)), " ".join(side)] for side in zip(*kept, strict=True))
    return had == has or alike([had], [has])[0] is not False


def _kept(rows: Sequence[Sequence[str]], mine: Sequence[str]) -> list[tuple[str, str]]:
    """Of numbers those that all runs repeat, each with that of the stage."""
    words = [row[-1].split() for row in (*rows, mine)]
    return [(place[0], place[-1]) for place in zip(*words, strict=True) if len({*place[:-1]}) == 1]


def _part_apart(rows: Sequence[Sequence[str]], mine: Sequence[str]) -> str:
    """Where a part is another one, among numbers the first that all runs repeat."""
    first = rows[0]
    if len(first) == 4 and any(list(row) != list(first) for row in rows):
        left, right = next(pair for pair in _kept(rows, mine) if pair[0] != pair[1])
        said = f"{left} in the notebook, {right} in the pipeline, among what it repeats"
        return f"{first[0]}: {said}" if first[0] else said
    return first_difference([first], [mine])


def _only_clocks(first: Parts, second: Parts) -> bool:
    """Whether moments of these days are all that differs between two runs."""
    if len(first) != len(second):
        return False
    for one, two in zip(first, second, strict=True):
        if list(one) == list(two):
            continue
        words = [_PIECES.findall(part[-1]) for part in (one, two)]
        if len(words[0]) != len(words[1]) or (len(one) == 4 and one[1] != two[1]):
            return False
        pairs = zip(*words, strict=True)
        if not all(left == right or (is_now(left) and is_now(right)) for left, right in pairs):
            return False
    return True
