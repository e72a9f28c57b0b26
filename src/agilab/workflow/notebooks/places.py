"""In which places of a text a notebook's own runs differ: there, and nowhere else, its stages may say something else.

A place is a word, a number, or a moment of time within a line. Where runs differ in more than such words, what they
have in common, in its order, is asked of the stages.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

from agilab.workflow.notebooks.made_up import NUMBER, fits, is_number
from agilab.workflow.notebooks.masks import TIMED, UNITS, sets_in_order
from agilab.workflow.notebooks.texts import tidy

MANY_LINES, MANY_WORDS = 5_000, 2_000
"""Of longer texts and lines parts are not looked for elsewhere than at their places."""
_DATE = r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?)?(?:Z|[+-]\d\d:?\d\d\b)?"
_CLOCK = rf"\b\d{{1,2}}:\d\d(?::\d\d(?:\.\d+)?)?\b|\b{TIMED}\s?{UNITS}\b"
_TEMPORARY = r"/(?:private/)?(?:tmp|var/folders)/(?:[^\s'\":,)\]/]*/)*"
"""Folders for a while, however deep; what lies there is called as its code says."""
_UUID = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_NUMBER = (
    r"(?<![\w.])[-+]?(?:\d{1,3}(?:,\d{3})+|\d+)?(?:\.\d+|(?<=\d)\.(?!\w)|(?<=\d))(?:[eE][-+]?\d+)?(?!\w)"
)
_WORD = rf"(?:(?!{_UUID})\w)+"
"""A UUID is a word of its own also where others stand beside it."""
_WORDS = re.compile(rf"{_TEMPORARY}|{_DATE}|{_UUID}|{_CLOCK}|[\w+/=]{{60,}}|{_NUMBER}|{_WORD}|[^\w\s]")
_CUT = re.compile("… #[0-9a-f]{8}$")


def misfit(theirs: str, again: Sequence[str], mine: str, *, draws: bool = False) -> int | None:
    """The line in which the pipeline does not say what several runs of a notebook say there, wherever these agree.

    Counted from 1; 0 where it is no certain line, or the runs do not differ at all; None where the pipeline agrees. Of
    a notebook that `draws` without a seed, what stands beside a draw in a line, or in a line of the same words, may
    agree by chance and is one place with it.
    """
    runs, other = [tidy(text) for text in (theirs, *again)], tidy(mine)
    if all(run == runs[0] for run in runs):
        return 0
    drawn = _drawn(runs) if draws else frozenset()
    if len({*map(len, runs)}) == 1:
        if len(other) != len(runs[0]):
            return 0
        rows = zip(zip(*runs, strict=True), other, strict=True)
        wrong = (
            number
            for number, (row, line) in enumerate(rows, 1)
            if not line_fits(row, line, draws=draws)
            and not (_alone(row[0]) in drawn and _may_be_drawn(row, line))
        )
        return next(wrong, None)
    if max(map(len, [*runs, other])) > MANY_LINES:
        return None
    kept = [line for line in _common(runs) if not (draws and _alone(line) in drawn)]
    return None if _in_order(kept, other) else 0


def line_fits(runs: Sequence[str], mine: str, *, draws: bool = False) -> bool:
    """Whether a line of several runs, and that of the pipeline, are alike in all places that the runs repeat."""
    if all(run == runs[0] for run in runs):
        return runs[0] == mine
    ordered = [sets_in_order(line) for line in (*runs, mine)]
    if all(line == ordered[0] for line in ordered[:-1]):
        return ordered[0] == ordered[-1]  # only the order within sets is another one each time
    words = [_WORDS.findall(line) for line in (*ordered[:-1], ordered[-1])]
    *those, other = words
    if len({*map(len, those)}) > 1:
        if draws or max(map(len, words)) > MANY_WORDS:
            return True
        return _in_order([word for word in _common(those) if word[-1].isalnum()], other)
    if len(other) != len(those[0]):
        return draws
    places = list(zip(*those, strict=True))
    free = [len({*place}) > 1 for place in places]
    if draws:
        free = _with_those_beside(free, those[0])
    return all(
        fits(place, word, before) if open_ else place[0] == word
        for place, word, open_, before in zip(places, other, free, ["", *other], strict=False)
    )


def beginning_fits(runs: Sequence[str], mine: str, *, draws: bool = False) -> bool:
    """The same of texts of which some may be cut, and end with a digest: as far as the shortest goes."""
    if not any(_CUT.search(text) for text in (*runs, mine)):
        return line_fits(runs, mine, draws=draws)
    *those, other = [_WORDS.findall(_CUT.sub("", text)) for text in (*runs, mine)]
    rows = [(row[:-1], row[-1]) for row in zip(*those, other, strict=False)]
    repeated = all(row[0] == word for row, word in rows if len({*row}) == 1)
    # The last word may be cut itself.
    return draws or (repeated and all(fits(row, word) for row, word in rows[:-1] if len({*row}) > 1))


def _with_those_beside(free: Sequence[bool], words: Sequence[str]) -> list[bool]:
    """Places, with those that stand with one of them in a row of numbers."""
    found = list(free)
    for group in _rows(words):
        if any(found[at] for at in group):
            for at in group:
                found[at] = True
    return found


def _rows(words: Sequence[str]) -> Iterator[list[int]]:
    """Places of numbers between which there is no word."""
    group: list[int] = []
    for at, word in enumerate(words):
        if word[0].isalpha():
            yield group
            group = []
        elif is_number(word):
            group.append(at)
    yield group


def _may_be_drawn(row: Sequence[str], mine: str) -> bool:
    """Whether a line that all runs repeat, of a kind that they do not, says the same but for its numbers."""
    return len({*row}) == 1 and _alone(row[0]) == _alone(mine)


def _alone(line: str) -> str:
    """A line without its numbers: what it has in common with others of a loop."""
    return NUMBER.sub("#", line)


def _drawn(runs: Sequence[Sequence[str]]) -> frozenset[str]:
    """The lines, without their numbers, of which one is another one in each run."""
    if len({*map(len, runs)}) == 1:
        return frozenset(_alone(row[0]) for row in zip(*runs, strict=True) if len({*row}) > 1)
    common = set(_common(runs))
    return frozenset(_alone(line) for line in runs[0] if line not in common)


def _common(runs: Sequence[Sequence[str]]) -> list[str]:
    """What several rows have in common, in its order."""
    kept = list(runs[0])
    for run in runs[1:]:
        blocks = SequenceMatcher(None, kept, run, autojunk=False).get_matching_blocks()
        kept = [one for block in blocks for one in kept[block.a : block.a + block.size]]
    return kept


def _in_order(kept: Sequence[str], other: Sequence[str]) -> bool:
    left = iter(other)
    return all(word in left for word in kept)
