"""Two texts beside each other: what a notebook's cells printed or showed, and what their stage did.

What only differs in what no two runs have in common (addresses, times, the order of a set) is not told apart: it is
said to be like that, and counts as not compared.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from difflib import SequenceMatcher

from agilab.workflow.notebooks.likeness import NUMBERED

LONGEST = 80
"""Letters of a line in a difference."""
MANY_LINES = 5_000
"""Of longer texts lines are not looked for elsewhere than at their places."""
_COLOURS = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
_OURS = re.compile(
    r"<Figure size [^>]*>|\[agilab\] .*|CPU times: .*|Wall time: .*|.* per loop \(mean ± std\. dev\. .*\)"
)
"""Lines that Jupyter writes for a picture or of how long a cell took, or a worker into its log."""
_TIMED = r"\d[\d.,]*(?:e-?\d+)?"
_UNITS = r"(?:ns|us|µs|μs|ms|s|secs?|seconds?|mins?|minutes?|hours?|it/s|s/it)"
_ABOUT_TIME = re.compile(
    r"\b(took|elapsed|runtime|time taken|execution time|wall[ -]?(?:time|clock)|finished in)\b", re.I
)
TIMES, MEASURED = "times", "measured times"
"""What times that differ are called: a number with a unit of time may as well be a result, which every run repeats."""
SHORT, A_DAY = 2, 86_400
"""Digits of a measured time that two runs may have in common by chance; seconds."""
NOISY, MANY = 2, 10
"""Lines with fractions, or of any kind, that a notebook does not repeat, from which on the whole text is left alone."""


def _without(pattern: str) -> Callable[[str], str]:
    found = re.compile(pattern)
    return lambda line: found.sub("…", line)


def _without_numbers(line: str) -> str:
    return re.sub(_TIMED, "…", line) if _ABOUT_TIME.search(line) else line


def _without_count(line: str) -> str:
    return NUMBERED.sub("[…]", line) if line.startswith("<") else line


def _in_no_order(line: str) -> str:
    return " ".join(sorted(re.findall(r"[^\s,{}]+", line))) if "{" in line and "}" in line else line


NEVER_ALIKE: tuple[tuple[str, Callable[[str], str]], ...] = (
    ("addresses in memory", _without(r"\b0x[0-9a-fA-F]{5,}\b")),
    (MEASURED, _without_numbers),
    (TIMES, _without(rf"\b{_TIMED}\s?{_UNITS}\b|\b\d{{1,2}}:\d\d(?::\d\d(?:\.\d+)?)?\b")),
    ("paths of temporary folders", _without(r"/(?:tmp|var/folders)/[^\s'\":,)]*")),
    ("numbers of objects, counted up in each process,", _without_count),
    ("the order within a set", _in_no_order),
)


def judged_texts(
    theirs: str, mine: str, *, prints: bool = False, hides: bool = False, looks: str = ""
) -> tuple[bool | None, str]:
    """Whether two texts say the same, and where they first do not; None where only what no run repeats is different.

    `prints` says that the notebook's cells have magics which print something in Jupyter alone, `hides` such as keep
    there what they print to themselves. `looks` is a shell command of theirs that tells of the folder or the machine.
    """
    one, other = tidy(theirs), tidy(mine)
    if one == other:
        return True, ""
    differing: list[str] = []
    for name, masked in NEVER_ALIKE:
        before = one, other
        one, other = [masked(line) for line in one], [masked(line) for line in other]
        if _apart(one, other) < _apart(*before):
            differing.append(name)
        if one == other:
            return None, f"only {' and '.join(dict.fromkeys(differing))} differ"
    if prints and hides:
        return None, "its cells have magics that print in Jupyter, and such as hide what is printed"
    if prints and _has_more(one, other):
        return None, "some lines are the notebook's alone: its cells have magics, which print in Jupyter"
    if hides and _has_more(other, one):
        return None, "some lines are the pipeline's alone: cells have magics that hide them in Jupyter"
    if looks:
        return None, f"`{looks}` tells of the folder that it runs in, and each stage has one of its own"
    return False, _difference(tidy(theirs), tidy(mine), [a == b for a, b in zip(one, other, strict=False)])


def only_times(why: str) -> bool:
    """Whether texts differ in times, and in nothing that two runs of a notebook never have in common."""
    names = why.removeprefix("only ").removesuffix(" differ").split(" and ")
    return why == f"only {' and '.join(names)} differ" and not {TIMES, MEASURED}.isdisjoint(names)


def agrees_where_repeated(theirs: str, again: str, mine: str, *, draws: bool = False) -> bool:
    """Whether two runs of a notebook say two things, and the pipeline the same as both wherever they do.

    A line that they do not repeat is left alone whole, for parts of it may agree by chance; only where times are all
    that differs in it, the rest of it counts. The whole text is left alone where several lines with fractions are not
    repeated, or any of a notebook that `draws` without a seed: then other lines may agree by chance too.
    """
    texts = [tidy(text) for text in (theirs, again, mine)]
    for name, masked in NEVER_ALIKE:
        if name not in (TIMES, MEASURED):
            texts = [[masked(line) for line in lines] for lines in texts]
    one, two, other = texts
    if one == two:
        return all(map(_by_chance, one, other)) if len(one) == len(other) and one != other else False
    if len(one) == len(two) == len(other):
        left = [
            (first, second)
            for first, second in zip(one, two, strict=True)
            if _timeless(first) != _timeless(second)
        ]
        random = [pair for pair in left if not _of_now(*pair)]
        noisy = [pair for pair in random if re.search(r"\d\.\d", pair[0])]
        if left and (draws or len(noisy) >= NOISY or len(random) >= MANY):
            return True
        return all(map(_line_fits, one, two, other))
    return draws or (max(map(len, texts)) <= MANY_LINES and _in_order(one, two, other))


def _line_fits(one: str, two: str, other: str) -> bool:
    if one == two:
        return one == other or _by_chance(one, other)
    same = _timeless(one) == _timeless(two)
    return not same or _timeless(one) == _timeless(other)


def _by_chance(one: str, other: str) -> bool:
    """Whether two lines are alike but for a measured time, so short that two runs may have it in common."""
    if one == other:
        return True
    short = all(len(number.replace(".", "").lstrip("0")) <= SHORT for number in re.findall(r"\d[\d.]*", one))
    return short and _without_numbers(one) == _without_numbers(other) != one


def _timeless(line: str) -> str:
    for name, masked in NEVER_ALIKE:
        line = masked(line) if name in (TIMES, MEASURED) else line
    return line


def _of_now(one: str, two: str) -> bool:
    """Whether all numbers that differ in two lines are moments of these days."""
    pairs = list(zip(*(re.findall(r"\d[\d.]*", line) for line in (one, two)), strict=False))
    return all(left == right or (is_now(left) and is_now(right)) for left, right in pairs)


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


def _in_order(one: list[str], two: list[str], other: list[str]) -> bool:
    """Whether what two rows have in common, in its order, is in a third."""
    blocks = SequenceMatcher(None, one, two, autojunk=False).get_matching_blocks()
    left = iter(other)
    return all(word in left for block in blocks for word in one[block.a : block.a + block.size])


def tidy(text: str) -> list[str]:
    """The lines of a text as a terminal shows them at the end, without colours, and without empty ones around them."""
    lines = [line.rpartition("\r")[2].rstrip() for line in _lines(_COLOURS.sub("", text))]
    kept = [line for line in lines if not _OURS.fullmatch(line.strip())]
    while kept and not kept[0]:
        kept.pop(0)
    while kept and not kept[-1]:
        kept.pop()
    return kept


def difference(theirs: str, mine: str) -> str:
    """The first line in which two texts differ."""
    return _difference(tidy(theirs), tidy(mine), [])


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


def _apart(one: list[str], other: list[str]) -> int:
    return sum(left != right for left, right in zip(one, other, strict=False)) + abs(len(one) - len(other))


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
