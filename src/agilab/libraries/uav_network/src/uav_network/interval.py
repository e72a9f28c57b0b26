"""Confidence intervals and tests from independent replications.

Where no packet of any replication was lost, replications say nothing of how much they vary, and packets are not
independent: a queue that overflows goes on to lose packets until it has drained. So what zero losses leave possible is
told as if packets were lost `burst` at a time: of batches of so many, none had a loss. The room of the queue is a
`burst` on the safe side whatever M/M/1/K is offered; `queueing.burst_for_loss` is how many it loses at a time where it
loses a given share, and enough to exclude that share (in 95 cases of 100; 93, where it is busy by spells).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from agi_node import Moments


@dataclass(frozen=True)
class Share:
    """A share of all packets together, and the one-sided bounds that each hold with `confidence`.

    `low` and `high` are None where a single replication leaves nothing to judge by.
    """

    share: float
    low: float | None
    high: float | None


def half_width(values: Moments, confidence: float = 0.95) -> float | None:
    """Half the width of Student's t interval for the mean; None for fewer than two replications."""
    if values.count < 2:
        return None
    assert values.variance is not None  # there are values
    degrees = values.count - 1
    # variance is the population's: variance / degrees is the squared standard error of the mean
    return t_quantile((1 + confidence) / 2, degrees) * math.sqrt(values.variance / degrees)


def bounds(
    values: Moments, *, tries: int | None = None, burst: float = 1.0, confidence: float = 0.95
) -> tuple[float, float] | None:
    """The interval of a mean that cannot be negative nor, for a share of `tries`, above 1; None for fewer than two.

    A share's is Student's t on the scale of log-odds by the delta method (as `svyciprop` of R has it) or, where
    every replication says 0, or every one 1, what tries that miss `burst` at a time leave possible. Other intervals
    end at 0.
    """
    half = half_width(values, confidence)
    if half is None or values.mean is None:
        return None
    mean = values.mean
    if tries is None:
        return max(0.0, mean - half), mean + half
    if mean in (0.0, 1.0):
        room = _room(tries / burst, (1 - confidence) / 2)
        return (0.0, room) if mean == 0.0 else (1 - room, 1.0)
    return _on_log_odds(mean, half)


def pooled_share(
    hits: Sequence[int], tries: Sequence[int], *, burst: float = 1.0, confidence: float = 0.95
) -> Share:
    """Hits among tries of all replications together, with one-sided bounds.

    Tries of one replication depend on each other (queues overflow in bursts), so replications are what varies: the
    standard error is that of a ratio estimator (W. G. Cochran, "Sampling Techniques", 1977, section 2.11), the bounds
    are Student's t on log-odds. Without any hit, `high` is what hits that come `burst` at a time leave possible, the
    rule of three over batches: 1 - (1 - confidence)^(burst / tries).
    """
    count, total = len(hits), sum(tries)
    share = sum(hits) / total if total else 0.0
    if count < 2 or not total:
        return Share(share, None, None)
    if share in (0.0, 1.0):
        room = _room(total / burst, 1 - confidence)
        return Share(share, 0.0, room) if share == 0.0 else Share(share, 1 - room, 1.0)
    squares = math.fsum((hit - share * tried) ** 2 for hit, tried in zip(hits, tries, strict=True))
    error = math.sqrt(count / (count - 1) * squares) / total
    return Share(share, *_on_log_odds(share, t_quantile(confidence, count - 1) * error))


def p_value(values: Moments) -> float | None:
    """How often Student's t is as far from 0 as here, were the mean 0 (two-sided); None for fewer than two."""
    if values.count < 2:
        return None
    assert values.mean is not None
    assert values.variance is not None
    error = math.sqrt(values.variance / (values.count - 1))
    if error == 0.0:
        return 1.0 if values.mean == 0.0 else 0.0
    return 2 * max(0.0, 1 - _t_probability(abs(values.mean) / error, values.count - 1))


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Each p-value adjusted for all of them, in their order, so that below 0.05 none is wrong in 95 % of all runs.

    S. Holm, "A simple sequentially rejective multiple test procedure", 1979. None stays None and does not count.
    """
    known = sorted((p, at) for at, p in enumerate(p_values) if p is not None)
    adjusted: list[float | None] = [None] * len(p_values)
    least = 0.0
    for rank, (p, at) in enumerate(known):
        adjusted[at] = least = max(least, min(1.0, (len(known) - rank) * p))
    return adjusted


def tries_to_exclude(share: float, *, burst: float = 1.0, confidence: float = 0.95) -> int:
    """How many tries must all miss for `pooled_share` to say that no more than `share` of them hit."""
    return math.ceil(burst * math.log(1 - confidence) / math.log1p(-share))


def _room(tries: float, doubt: float) -> float:
    """The share that could still be there where none of so many independent tries hit, but for so much doubt."""
    return 1.0 if tries == 0 else -math.expm1(math.log(doubt) / tries)


def _on_log_odds(share: float, half: float) -> tuple[float, float]:
    """A share ± half, carried to the scale of log-odds and back, where it cannot leave [0, 1]."""
    if half == 0.0 or not 0.0 < share < 1.0:
        return share, share
    odds, factor = share / (1 - share), math.exp(min(half / (share * (1 - share)), 700.0))
    low, high = odds / factor, odds * factor
    return low / (1 + low), (high / (1 + high) if math.isfinite(high) else 1.0)


def t_quantile(probability: float, degrees: int) -> float:
    """Student's t for a probability of 0.5 or more and whole degrees of freedom, by bisection."""
    low, high = 0.0, 1.0
    while _t_probability(high, degrees) < probability:
        high *= 2
    while high - low > 1e-13 * high:
        middle = (low + high) / 2
        low, high = (middle, high) if _t_probability(middle, degrees) < probability else (low, middle)
    return (low + high) / 2


def _t_probability(t: float, degrees: int) -> float:
    """P(T <= t) for t >= 0: the finite series of M. Abramowitz and I. A. Stegun (1964), 26.7.3 and 26.7.4."""
    angle = math.atan(t / math.sqrt(degrees))
    sine, squared = math.sin(angle), math.cos(angle) ** 2
    odd = degrees % 2
    term = total = (math.cos(angle) if degrees > 1 else 0.0) if odd else 1.0
    for k in range(2 + odd, degrees - 1, 2):
        term *= squared * (k - 1) / k
        total += term
    both_sides = 2 / math.pi * (angle + sine * total) if odd else sine * total
    return 0.5 + both_sides / 2
