"""Does an upgraded relay lose no more than it may? Yes, no, or not decided yet."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from uav_network.interval import Share, pooled_share
from uav_network.outcome import RelayTally

MOST = 1000
"""Replications that an argument allows."""


@dataclass(frozen=True)
class Verdict:
    """The loss at one relay, of all replications together, against what it may be.

    It is kept where the loss lies below the target with 95 % confidence, missed where it lies above with as much, and
    not decided in between: then more replications say.
    """

    loss: Share
    target: float
    replications: int

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
        if self.loss.share == 0.0 and self.kept:
            return f"none lost, below {high:.2g} with 95 % confidence if packets are lost one by one"
        if self.kept:
            return f"below {high:.2g} with 95 % confidence"
        if self.missed:
            return f"above {low:.2g} with 95 % confidence: a greater upgrade is needed"
        return f"not decided: between {low:.2g} and {high:.2g}; try --replications {self._enough()}"

    def _enough(self) -> int:
        """How many replications would decide, were the loss what it seems: bounds close in with their square root."""
        share, high, low = self.loss.share, self.loss.high, self.loss.low
        if not (share and high and low) or share == self.target:
            return min(2 * self.replications, MOST)
        distance = abs(_log_odds(self.target) - _log_odds(share))
        reach = _log_odds(high) - _log_odds(share)
        times = min((reach / distance) ** 2, MOST)
        return min(max(math.ceil(1.2 * times * self.replications), self.replications + 1), MOST)


def judged(tallies: Sequence[RelayTally], target: float) -> Verdict:
    """The verdict on one relay from its tallies, one for each replication."""
    loss = pooled_share([tally.dropped for tally in tallies], [tally.offered for tally in tallies])
    return Verdict(loss, target, len(tallies))


def _log_odds(share: float) -> float:
    return math.log(share / (1 - share))
