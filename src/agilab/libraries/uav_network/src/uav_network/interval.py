"""Confidence intervals from independent replications."""

import math

from agi_node import Moments


def half_width(values: Moments, confidence: float = 0.95) -> float | None:
    """Half the width of Student's t interval for the mean; None for fewer than two replications."""
    if values.count < 2:
        return None
    assert values.variance is not None  # there are values
    degrees = values.count - 1
    # variance is the population's: variance / degrees is the squared standard error of the mean
    return t_quantile((1 + confidence) / 2, degrees) * math.sqrt(values.variance / degrees)


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
