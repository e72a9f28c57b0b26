"""A chart: axes, and what is drawn on them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import isfinite

from .style import INK, RULE, colour, fitted, multiples, number, round_below, text, width_of

Point = tuple[float, float]
LEFT, RIGHT, TOP, BOTTOM, LINE = 56, 12, 32, 26, 15
"""What a chart's own words take of its place, and each further line of them; in pixels."""


@dataclass(frozen=True)
class Line:
    """A line through points in order; with `steps`, a value holds until the next one.

    Attributes:
        colour: The number of a colour of the picture, None for that of ink.
        name: What the legend calls it; nothing without.
        dots: Whether the points are marked.
    """

    points: Sequence[Point]
    colour: int | None = 0
    name: str = ""
    dots: bool = False
    steps: bool = False


@dataclass(frozen=True)
class Dots:
    """Points on their own, each with its interval where `ends` has one: from where to where its value may lie."""

    points: Sequence[Point]
    colour: int | None = 0
    name: str = ""
    ends: Sequence[Point | None] = ()


@dataclass(frozen=True)
class Area:
    """What lies between a low and a high value at each x: `(x, low, high)`."""

    edges: Sequence[tuple[float, float, float]]
    colour: int | None = 0
    name: str = ""


Mark = Line | Dots | Area


@dataclass(frozen=True)
class Chart:
    """Marks on common axes, the first ones behind.

    Attributes:
        title: What is shown, in which unit; a second line is smaller.
        ticks: Which x have which words; none: round numbers.
        x, y: What the axes reach from and to; None: as far as the marks, and a little.
        x_label: What the x are.
        share: How much of its row's width it takes, beside the others.
    """

    title: str
    marks: Sequence[Mark]
    ticks: Sequence[tuple[float, str]] | None = None
    x: Point | None = None
    y: Point | None = None
    x_label: str = ""
    share: float = 1.0


def intervals(title: str, estimates: Mapping[str, Mapping[str, tuple[float, Point | None]]]) -> Chart:
    """Estimates side by side: for each series, in a colour of its own, the value of each group and `(low, high)`."""
    groups = list(dict.fromkeys(group for found in estimates.values() for group in found))
    apart, marks = 0.5 / max(len(estimates), 1), []
    for at, (name, found) in enumerate(estimates.items()):
        shift = (at - (len(estimates) - 1) / 2) * apart
        points = [(groups.index(group) + shift, value) for group, (value, _) in found.items()]
        marks.append(Dots(points, at, name, [ends for _, ends in found.values()]))
    return Chart(title, marks, list(enumerate(groups)), x=(-0.6, len(groups) - 0.4))


def traces(title: str, values: Mapping[str, tuple[Sequence[float], Sequence[float]]], x_label: str) -> Chart:
    """What holds from one x to the next: for each series, in a colour of its own, its x and its values."""
    series = enumerate(values.items())
    marks = [Line(list(zip(*pair, strict=True)), at, name, steps=True) for at, (name, pair) in series]
    return Chart(title, marks, x_label=x_label)


def alike(charts: Sequence[Chart]) -> list[Chart]:
    """The charts with one range of values, so that they can be compared by eye."""
    values = [y for chart in charts for mark in chart.marks for _, *ys in _places(mark) for y in ys]
    return [replace(chart, y=_around(values, 0.06)) for chart in charts]


def draw(chart: Chart, left: float, top: float, width: float, height: float) -> str:
    """The chart in a rectangle of the picture (px). Raises ValueError for NaN and infinities, which have no place."""
    places = [place for mark in chart.marks for place in _places(mark)]
    for place in places:
        if not all(map(isfinite, place)):
            raise ValueError(
                f"the chart {chart.title!r} has no place for {place}: every number must be finite"
            )
    xs, ys = [x for x, *_ in places], [y for _, *values in places for y in values]
    lines = chart.title.count("\n")
    deeper = max((words.count("\n") for _, words in chart.ticks or ()), default=0)
    bottom = height - BOTTOM - LINE * deeper - (18 if chart.x_label else 0)
    y_range = chart.y or _around(ys, 0.06)
    beside = max(
        LEFT,
        12
        + max((width_of(number(at)) for at in _heights(y_range, bottom - TOP - LINE * lines)), default=0.0),
    )
    box = (left + beside, top + TOP + LINE * lines, left + width - RIGHT, top + bottom)
    axes = _Axes(*box, chart.x or _around(xs, 0.02), y_range)
    first, *rest = chart.title.split("\n")
    parts = [text(left + 4, top + 15, fitted(first, width - 8, 13), kind="c")]
    parts += [text(left + 4, top + 31 + LINE * at, fitted(words, width - 8)) for at, words in enumerate(rest)]
    parts += [*axes.grid(), *axes.marked(chart.ticks)]
    if chart.x_label:
        parts.append(text((axes.left + axes.right) / 2, top + height - 8, chart.x_label, "middle"))
    return "".join([*parts, *(part for mark in chart.marks for part in axes.drawn(mark))])


def _places(mark: Mark) -> Iterator[tuple[float, ...]]:
    """What of a mark must be on the axes: an x and its values."""
    if isinstance(mark, Area):
        yield from mark.edges
        return
    yield from mark.points
    if isinstance(mark, Dots):
        for (x, _), ends in zip(mark.points, mark.ends or [None] * len(mark.points), strict=True):
            if ends is not None:
                yield x, *ends


def _around(values: Sequence[float], margin: float) -> Point:
    low, high = min(values, default=0.0), max(values, default=0.0)
    spare = (high - low) * margin or abs(high) * margin or 1.0
    return low - spare, high + spare


def _heights(y: Point, height: float) -> list[float]:
    """The round numbers that are written beside an axis of so many px."""
    return multiples(round_below((y[1] - y[0]) / max(height / 70, 1.5)), *y)


@dataclass(frozen=True)
class _Axes:
    """A rectangle of the picture (px) and the range of numbers that it shows."""

    left: float
    top: float
    right: float
    bottom: float
    x: Point
    y: Point

    def at(self, x: float, y: float) -> Point:
        """The place of a pair of numbers."""
        across, up = (x - self.x[0]) / (self.x[1] - self.x[0]), (y - self.y[0]) / (self.y[1] - self.y[0])
        return self.left + across * (self.right - self.left), self.bottom - up * (self.bottom - self.top)

    def path(self, points: Sequence[Point]) -> str:
        """The points as what the `points` of an SVG shape takes."""
        return " ".join(f"{x:.1f},{y:.1f}" for x, y in (self.at(*point) for point in points))

    def grid(self) -> Iterator[str]:
        """Horizontal lines at round numbers, which are written beside them."""
        for value in _heights(self.y, self.bottom - self.top):
            y = self.at(0, value)[1]
            yield f'<path stroke="{RULE}" d="M{self.left:.5g} {y:.1f}H{self.right:.5g}"/>'
            yield text(self.left - 6, y + 4, number(value), "end")

    def marked(self, ticks: Sequence[tuple[float, str]] | None) -> Iterator[str]:
        """Words below, cut off where they would meet their neighbours."""
        if ticks is None:
            step = round_below((self.x[1] - self.x[0]) / 3)
            ticks = [(value, number(value)) for value in multiples(step, *self.x)]
        room = max((self.right - self.left) / max(len(ticks), 1) - 4, 20.0)
        for value, words in ticks:
            for at, line in enumerate(words.split("\n")):
                yield text(self.at(value, 0)[0], self.bottom + 17 + LINE * at, fitted(line, room), "middle")

    def drawn(self, mark: Mark) -> Iterator[str]:
        """A mark as SVG."""
        ink = INK if mark.colour is None else colour(mark.colour)
        if isinstance(mark, Area):
            upper, lower = [(x, y) for x, _, y in mark.edges], [(x, y) for x, y, _ in mark.edges]
            yield f'<polygon points="{self.path(upper + lower[::-1])}" fill="{ink}" fill-opacity=".2"/>'
            return
        points = list(mark.points)
        if isinstance(mark, Line):
            if mark.steps:
                points = [point for (_, y), (x, z) in pairwise(points) for point in ((x, y), (x, z))]
                points = [*mark.points[:1], *points]
            yield f'<polyline points="{self.path(points)}" stroke="{ink}"/>'
        else:
            for x, ends in ((x, ends) for (x, _), ends in zip(points, mark.ends, strict=False) if ends):
                (at, low), (_, high) = (self.at(x, end) for end in ends)
                yield f'<path stroke="{ink}" d="M{at - 4:.1f} {low:.1f}h8m-4 0V{high:.1f}m-4 0h8"/>'
        if not isinstance(mark, Line) or mark.dots:
            for x, y in (self.at(*point) for point in mark.points):
                yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.6" fill="{ink}"/>'
