"""The model: a random walk between two walls, and what theory says of it. This is the file to edit."""

from random import Random


def walk(p: float, start: int, width: int, chance: Random) -> tuple[int, bool]:
    """One walk from `start` that steps up with probability p until it is at 0 or `width`: (steps, ended at 0)."""
    at, steps = start, 0
    draw = chance.random
    while 0 < at < width:
        at += 1 if draw() < p else -1
        steps += 1
    return steps, at == 0


def expected(p: float, start: int, width: int) -> tuple[float, float]:
    """(mean steps, probability of ending at 0). W. Feller, An Introduction to Probability I, chapter XIV.2 and 3."""
    if p == 0.5:
        return float(start * (width - start)), 1 - start / width
    q = 1 - p
    ratio = q / p
    ruin = (ratio**start - ratio**width) / (1 - ratio**width)
    return start / (q - p) - width / (q - p) * (1 - ratio**start) / (1 - ratio**width), ruin
