"""Does a relay lose no more than it may? Yes, no, or not decided yet."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from .interval import Share, pooled_share, tries_to_exclude
from .outcome import RelayTally
from .queueing import burst_for_loss

MOST = 1000
"""Replications that are suggested; it is what the apps allow."""


@dataclass(frozen=True)
class Verdict:
    """The loss at one relay, of all replications together, against what it may be.

    It is kept where the loss lies below the target with 95 % confidence, missed where it lies above with as much, and
    not decided in between: then more replications say. Packets are lost in bursts, so that one that lost none keeps the
    target only if a queue that misses it would have overflowed by now: `burst` is how many that loses at a time.
    """

    loss: Share
    target: float
    replications: int
    offered: int
    burst: float

    @property
    def kept(self) -> bool:
        return self.loss.high is not None and self.loss.high <= self.target

    @property
    def missed(self) -> bool:
        return self.loss.low is not None and self.loss.low > self.target

    @property
    def order(self) -> tuple[bool, bool, float]:
        """By which verdicts go from good to bad."""
        return self.missed, not self.kept, self.loss.share if self.loss.high is None else self.loss.high

    @property
    def words(self) -> str:
        """What a person reads: the bounds, and what to do where they leave it open."""
        low, high = self.loss.low, self.loss.high
        if low is None or high is None:
            return "not decided: one replication tells nothing; try --replications 12"
        if self.loss.share == 0.0:
            told = (
                f"none lost: below {high:.2g} with 95 % confidence, were they lost {self.burst:.2g} at a time"
            )
            return told if self.kept else f"not decided: {told}; try --replications {self._enough()}"
        if self.kept:
            return f"below {high:.2g} with 95 % confidence"
        if self.missed:
            return f"above {low:.2g} with 95 % confidence: a greater upgrade is needed"
        return f"not decided: between {low:.2g} and {high:.2g}; try --replications {self._enough()}"

    def _enough(self) -> int:
        """How many replications would decide, were the loss what it seems: bounds close in with their square root."""
        share, high, low = self.loss.share, self.loss.high, self.loss.low
        if share == 0.0:
            packets = tries_to_exclude(self.target, burst=self.burst)
            return min(math.ceil(packets / self.offered * self.replications), MOST)
        if not (share and high and low) or share == self.target:
            return min(2 * self.replications, MOST)
        distance = abs(_log_odds(self.target) - _log_odds(share))
        reach = _log_odds(high) - _log_odds(share)
        times = min((reach / distance) ** 2, MOST)
        return min(max(math.ceil(1.2 * times * self.replications), self.replications + 1), MOST)


def judged(tallies: Sequence[RelayTally], target: float, room: int) -> Verdict:
    """The verdict on one relay, with room for so many packets, from its tallies, one for each replication."""
    offered = [tally.offered for tally in tallies]
    burst = burst_for_loss(room, target)
    loss = pooled_share([tally.dropped for tally in tallies], offered, burst=burst)
    return Verdict(loss, target, len(tallies), sum(offered), burst)


def _log_odds(share: float) -> float:
    return math.log(share / (1 - share))
