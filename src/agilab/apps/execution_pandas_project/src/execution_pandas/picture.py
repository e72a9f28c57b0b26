"""The groups as a picture: mean waiting time beside what theory says, and mean score."""

from collections.abc import Iterator, Sequence

import numpy as np

from .jobs import Totals

WIDTH, HEIGHT, LEFT, TOP, GAP = 720, 150, 72, 64, 64
INK, PALE, ACCENT = "#24292f", "#d0d7de", "#0969da"


def draw(totals: Totals, expected_us: tuple[float, float]) -> str:
    """An SVG of two panels, a dot for each group that has jobs. The band is `expected_us`, of all jobs together."""
    held = np.flatnonzero(totals[:, 0])
    jobs, weight, score, wait = totals[held, :4].T
    height = TOP + 2 * HEIGHT + GAP + 44
    body = [
        *_panel("mean wait, ms", held, wait / jobs / 1e3, [edge / 1e3 for edge in expected_us], TOP),
        *_panel("mean score", held, score / weight / 1e6, [0.0, 0.0], TOP + HEIGHT + GAP),
        _text(WIDTH / 2, height - 10, "group", "middle"),
        _text(
            LEFT,
            20,
            f"{int(jobs.sum()):,} jobs in {len(held)} groups; blue: what theory says of all together",
        ),
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" '
        f'font-size="12"><rect width="100%" height="100%" fill="#fff"/>{"".join(body)}</svg>'
    )


def _panel(
    title: str, at: Sequence[int], values: Sequence[float], band: Sequence[float], top: int
) -> Iterator[str]:
    low, high = min(*values, *band), max(*values, *band)
    margin = (high - low) * 0.08 or 1.0
    low, high = low - margin, high + margin

    def y(value: float) -> float:
        return top + HEIGHT * (high - value) / (high - low)

    def x(group: int) -> float:
        return LEFT + (WIDTH - LEFT - 20) * (group + 0.5) / (max(at) + 1)

    thick = max(1.5, y(band[0]) - y(band[1]))
    yield f'<rect x="{LEFT}" y="{y(band[1]):.1f}" width="{WIDTH - LEFT - 20}" height="{thick:.1f}" fill="#b6d5fb"/>'
    yield f'<path d="M{LEFT} {top}v{HEIGHT}h{WIDTH - LEFT - 20}" fill="none" stroke="{PALE}"/>'
    yield _text(LEFT, top - 8, title)
    for value in (low + margin, high - margin):
        yield _text(LEFT - 6, y(value) + 4, f"{value:.3g}", "end")
    for group, value in zip(at, values, strict=True):
        yield f'<circle cx="{x(group):.1f}" cy="{y(value):.1f}" r="3.5" fill="{ACCENT}"/>'
        if len(at) <= 24:
            yield _text(x(group), top + HEIGHT + 16, str(group), "middle")


def _text(x: float, y: float, text: str, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{INK}">{text}</text>'
