"""What follows from measured times, and what does not.

One mode is called quicker than another only where its slowest repetition beat the other's quickest. Of two that are
equal that comes about in 2 of C(2 r, r) comparisons of r repetitions (1 of 126 for five of each), so fewer than three
repetitions tell nothing apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from math import comb, floor, log10

from agilab.contracts.benchmark import BenchmarkCase, Spread

LEAST_REPEAT = 3
WORTH = 1.1
"""A phase in which one kernel is less than that many times as quick is told as undecided: nobody would choose by it."""
FAR = 100
"""A break-even beyond that many times the largest size is not told: the straight line does not reach so far."""


def chance_of_error(repeat: int) -> float:
    """How often two equal modes come out apart.

    >>> chance_of_error(5)
    0.007936507936507936
    """
    return min(1.0, 2 / comb(2 * repeat, repeat))


def advice(
    cases: Sequence[BenchmarkCase], *, kernel: str | None = None, load: float | None = None, cores: int = 1
) -> tuple[str, ...]:
    """Sentences for a person: does parallel work pay, where does the time go, which kernel pays for what.

    `kernel` is the app's own choice; parallel work is judged with it.
    """
    kernels = list(dict.fromkeys(case.kernel for case in cases))
    chosen = kernel if kernel in kernels else kernels[0]
    ours = [case for case in cases if case.kernel == chosen]
    # Held against the plainest: local before Dask, few workers before many.
    ordered = sorted(ours, key=lambda case: (case.executor != "local", case.workers))
    modes = list(dict.fromkeys(case.mode for case in ordered))
    by_mode = {mode: [case for case in ours if case.mode == mode] for mode in modes}
    base, *others = by_mode.values()
    told = [_parallel(base, other) for other in others]
    told += _overhead(base[-1], max(ours, key=lambda case: case.workers))
    at_base = [case for case in cases if (case.mode, case.rows) == (base[-1].mode, base[-1].rows)]
    told += _kernels(at_base)
    if load is not None and load > cores / 2:
        told.append(
            f"Others were at work on this machine (load {load:.1f} on {cores} cores when this began): "
            "measure again when it is quiet."
        )
    return tuple(told)


def apart(quick: Spread, slow: Spread, repeat: int) -> bool:
    """Whether every repetition of one was quicker than every one of the other."""
    return repeat >= LEAST_REPEAT and quick.max < slow.min


def _sign(base: BenchmarkCase, other: BenchmarkCase) -> str:
    """`+` where the other is quicker, `-` where it is slower, `=` where they cannot be told apart."""
    repeat = len(base.seconds)
    if apart(other.total, base.total, repeat):
        return "+"
    return "-" if apart(base.total, other.total, repeat) else "="


def _parallel(base: Sequence[BenchmarkCase], other: Sequence[BenchmarkCase]) -> str:
    """Whether a mode pays beside another one, over the sizes that both were timed at."""
    signs = "".join(_sign(left, right) for left, right in zip(base, other, strict=True))
    one, two, last = base[0].mode, other[0].mode, base[-1]
    if len(signs) == 1:
        return f"{two} {_comparison(base[0], other[0], signs)}."
    sizes = f"from {base[0].rows:,} to {last.rows:,} rows"
    if set(signs) == {"+"}:
        return (
            f"{two} pays at every size tried: {_times(base[0], other[0])} as quick as {one} at {base[0].rows:,} rows, "
            f"{_times(last, other[-1])} at {last.rows:,}."
        )
    if re.fullmatch(r"[-=]+\++", signs):
        at = signs.index("+")
        before = f"at {base[at - 1].rows:,} it {_comparison(base[at - 1], other[at - 1], signs[at - 1])}"
        even = _break_even(base[at - 1 : at + 1], other[at - 1 : at + 1])
        near = f"; the straight line between puts break-even near {even:,} rows" if even else ""
        there = _comparison(base[at], other[at], "+")
        return f"{two} pays from {base[at].rows:,} rows on: it {there}. Below, {before}{near}."
    if set(signs) == {"="}:
        return f"{two} {_comparison(last, other[-1], '=')} at {last.rows:,} rows, nor at fewer."
    if "+" not in signs:
        even = _break_even([base[-2], last], [other[-2], other[-1]], beyond=True)
        line = (
            f" By the straight line it would pay beyond {even:,} rows, which nobody measured." if even else ""
        )
        return f"{two} does not pay {sizes}: at {last.rows:,} it {_comparison(last, other[-1], signs[-1])}.{line}"
    told = ", ".join(
        f"{_times(left, right)} as quick at {left.rows:,}" for left, right in zip(base, other, strict=True)
    )
    return f"{two} beside {one} shows no pattern {sizes}: {told}."


def _comparison(base: BenchmarkCase, other: BenchmarkCase, sign: str) -> str:
    pair = f"{_seconds(other.total.median)} against {_seconds(base.total.median)}"
    if sign == "+":
        return f"is {_times(base, other)} as quick as {base.mode} ({pair})"
    if sign == "-":
        return f"takes {_times(other, base)} as long as {base.mode} ({pair})"
    return f"cannot be told apart from {base.mode} ({pair})"


def _break_even(
    base: Sequence[BenchmarkCase], other: Sequence[BenchmarkCase], *, beyond: bool = False
) -> int | None:
    """Where the lines through two sizes cross: between them, or `beyond` the second; None where they do not."""
    (a, b), gains = (
        [case.rows or 0 for case in base],
        [left.total.median - right.total.median for left, right in zip(base, other, strict=True)],
    )
    if gains[1] <= gains[0]:
        return None
    even = a - gains[0] * (b - a) / (gains[1] - gains[0])
    within = b < even <= FAR * b if beyond else a < even < b
    if not within:
        return None
    digits = floor(log10(even)) - 1
    return round(round(even, -digits)) if digits > 0 else round(even)


def _overhead(base: BenchmarkCase, most: BenchmarkCase) -> Iterator[str]:
    """What no number of workers makes quicker (Amdahl 1967)."""
    if not base.parts:
        return
    start, work, end = (base.parts[name].median for name in ("start", "work", "end"))
    size = f" of {base.rows:,} rows" if base.rows else ""
    told = (
        f"Of {_seconds(base.total.median)} for a run{size} in {base.mode}, {_seconds(start)} pass before the first "
        f"unit works and {_seconds(end)} after the last."
    )
    if most.workers > base.workers:
        share = most.workers / base.workers
        limit = (start + work + end) / (start + work / share + end)
        told += f" So {most.workers} workers can make the whole {limit:.1f} times as quick at best."
    yield told


def _kernels(cases: Sequence[BenchmarkCase]) -> Iterator[str]:
    """Which kernel pays for which phase: all of one mode and size."""
    for case in cases:
        if case.kernel_used not in (None, case.kernel):
            yield (
                f"The {case.kernel} kernel was not to be had here: {case.kernel_used} did its work, "
                "so nothing is said of it."
            )
    real = [case for case in cases if case.kernel and case.kernel_used in (None, case.kernel)]
    if len(real) < 2:
        return
    won: dict[str, list[str]] = {}
    undecided = []
    for phase in (name for name in real[0].phases if all(name in case.phases for case in real)):
        best, *others = sorted(real, key=lambda case: case.phases[phase].median)
        behind = [case for case in others if _behind(best, case, phase)]
        if not behind:
            undecided.append(phase)
            continue
        ahead = " or ".join(str(case.kernel) for case in (best, *others) if case not in behind)
        slow, quick = behind[0].phases[phase].median, best.phases[phase].median
        ratio = f"{slow / quick:.1f} times" if quick else "many times"
        won.setdefault(ahead, []).append(f"{phase} ({ratio} as quick as {behind[0].kernel})")
    for kernel, phases in won.items():
        yield f"The {kernel} kernel pays for {_listed(phases)}."
    if undecided:
        yield f"The kernels cannot be told apart in {_listed(undecided)}."
    best, *_, worst = sorted(real, key=lambda case: case.total.median)
    if apart(best.total, worst.total, len(best.seconds)):
        yield f"A whole run is {_times(worst, best)} as quick with {best.kernel} as with {worst.kernel}."
    else:
        yield "For a whole run the kernels cannot be told apart."


def _behind(best: BenchmarkCase, other: BenchmarkCase, phase: str) -> bool:
    quick, slow = best.phases[phase], other.phases[phase]
    return apart(quick, slow, len(best.seconds)) and slow.median >= WORTH * quick.median


def _listed(words: Sequence[str]) -> str:
    return f"{', '.join(words[:-1])} and {words[-1]}" if len(words) > 1 else words[0]


def _times(slow: BenchmarkCase, quick: BenchmarkCase) -> str:
    return f"{slow.total.median / quick.total.median:.1f} times"


def _seconds(value: float) -> str:
    return f"{value:.2f} s" if value < 9.995 else f"{value:.1f} s"
