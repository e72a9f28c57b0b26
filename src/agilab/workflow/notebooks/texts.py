"""Two texts beside each other: what a notebook's cells printed or showed, and what their stage did.

What only differs in what no two runs may have in common (`masks`) is said to be like that; whether it is so, the
notebook says that runs once more (`repeats`).
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Collection, Iterator

from agilab.workflow.notebooks.masks import NEVER_ALIKE

LONGEST = 80
"""Letters of a line in a difference."""
A_DAY = 86_400
"""Seconds."""
_COLOURS = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
_OURS = re.compile(r"<Figure size [^>]*>|\[agilab\] .*")
_CLOCKED = re.compile(r"CPU times: .*|Wall time: .*|.* per loop \(mean ± std\. dev\. .*\)")
"""Lines that Jupyter writes for a picture, or a worker into its log; and magics of how long a cell took."""
_OF_A_PROGRAM = re.compile(r"(?:[\w.+-]*/)*[\w.+-]+: .*\S")
"""How programs complain: `cat: a.txt: No such file or directory`, `/bin/sh: 1: sw_vers: not found`."""


def judged_texts(
    theirs: str, mine: str, *, prints: bool = False, hides: bool = False, looks: str = "", timed: bool = False
) -> tuple[bool | None, str]:
    """Whether two texts say the same, and where they first do not; None where what differs looks like what no run
    repeats, or magics explain it.

    `prints` says that the notebook's cells have magics which print something in Jupyter alone, `hides` such as keep
    there what they print to themselves. `looks` is a shell command of theirs that tells of the folder or the machine.
    With `timed`, magics of theirs tell how long something took.
    """
    one, other = tidy(theirs, timed=timed), tidy(mine)
    if one == other:
        return True, ""
    names = [name for name, _ in NEVER_ALIKE]
    if _masked(one, names) == _masked(other, names):
        needed = [name for name in names if not _same_without(name, names, one, other)]
        alone = [name for name in names if _masked(one, [name]) == _masked(other, [name])]
        return None, f"only {' and '.join(needed or alone[:1] or names)} differ"
    one, other = _masked(one, names), _masked(other, names)
    if prints and hides:
        return None, "its cells have magics that print in Jupyter, and such as hide what is printed"
    if prints and _has_more(one, other):
        return None, "some lines are the notebook's alone: its cells have magics, which print in Jupyter"
    if hides and _has_more(other, one):
        return None, "some lines are the pipeline's alone: cells have magics that hide them in Jupyter"
    if looks:
        return None, f"`{looks}` tells of the folder that it runs in, and each stage has one of its own"
    return False, _difference(
        tidy(theirs, timed=timed), tidy(mine), [a == b for a, b in zip(one, other, strict=False)]
    )


def one_sided(theirs: str, mine: str, *, shell: bool, above: str) -> str:
    """Why lines that only one of two texts has mean nothing; "" where they may, or where others differ, too.

    `shell` says that cells have lines for a shell, `above` is what cells above them printed.
    """
    names = [name for name, _ in NEVER_ALIKE]
    one, other = _masked(tidy(theirs), names), _masked(tidy(mine), names)
    if shell and _has_more(one, other) and all(map(_OF_A_PROGRAM.match, Counter(one) - Counter(other))):
        return "some lines are the notebook's alone, where what a shell line says of errors is printed, too"
    if _has_more(other, one) and not Counter(other) - Counter(one) - Counter(_masked(tidy(above), names)):
        return "some lines are the pipeline's alone: a library says them once in a process, as it did in a cell above"
    return ""


def is_now(number: str) -> bool:
    """Whether a number is the time of about now, in seconds since 1970 or in thousandths of them, and so on.

    >>> is_now(str(time.time())), is_now(str(time.time_ns())), is_now("3.25")
    (True, True, False)
    """
    try:
        found = abs(float(number))
    except ValueError:
        return False
    return any(abs(found / unit - time.time()) < A_DAY for unit in (1, 1e3, 1e6, 1e9))


def tidy(text: str, *, timed: bool = False) -> list[str]:
    """The lines of a text as a terminal shows them at the end, without colours, and without empty ones around them.

    Also without those of magics that tell how long something took, where there are such (`timed`).
    """
    lines = [line.rpartition("\r")[2].rstrip() for line in _lines(_COLOURS.sub("", text))]
    kept = [line for line in lines if not _OURS.fullmatch(line.strip())]
    kept = [line for line in kept if not (timed and _CLOCKED.fullmatch(line.strip()))]
    while kept and not kept[0]:
        kept.pop(0)
    while kept and not kept[-1]:
        kept.pop()
    return kept


def difference(theirs: str, mine: str, line: int = 1) -> str:
    """The first line, from that `line` on, in which two texts differ."""
    return _difference(tidy(theirs), tidy(mine), [True] * (line - 1))


def _difference(one: list[str], other: list[str], alike: list[bool]) -> str:
    """The first line in which two texts differ, and that is not said to be `alike`."""
    for number, (left, right) in enumerate(zip(one, other, strict=False), 1):
        if left != right and not any(alike[number - 1 : number]):
            return f"line {number}: {_cut(left, right)} in the notebook, {_cut(right, left)} in the pipeline"
    if len(one) == len(other):
        return "only ends of lines differ"
    return f"{_counted(one)} in the notebook, {_counted(other)} in the pipeline"


def _lines(text: str) -> Iterator[str]:
    return (line.rstrip("\r") for line in text.split("\n"))


def _masked(lines: list[str], names: Collection[str]) -> list[str]:
    """Lines without what has such a look."""
    for name, masked in NEVER_ALIKE:
        if name in names:
            lines = [masked(line) for line in lines]
    return lines


def _same_without(name: str, names: list[str], one: list[str], other: list[str]) -> bool:
    """Whether two texts are alike also where what has this look counts."""
    rest = [each for each in names if each != name]
    return _masked(one, rest) == _masked(other, rest)


def _has_more(one: list[str], other: list[str]) -> bool:
    """Whether the first is the other with lines more, and nothing else is different."""
    left = iter(one)
    return len(one) > len(other) and all(line in left for line in other)


def _counted(lines: list[str]) -> str:
    return f"{len(lines):,} line{'' if len(lines) == 1 else 's'}"


def _cut(text: str, beside: str) -> str:
    """A line, or of a long one what stands around the first letter that is another one `beside`."""
    if len(text) <= LONGEST:
        return repr(text)
    same = next((at for at, (a, b) in enumerate(zip(text, beside, strict=False)) if a != b), len(beside))
    begin = max(0, min(same - 20, len(text) - LONGEST + 4))
    end = begin + LONGEST - 4
    return repr(f"{'… ' if begin else ''}{text[begin:end]}{' …' if end < len(text) else ''}")
