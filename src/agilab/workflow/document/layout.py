"""Where the boxes of a picture stand: in layers, each below what it needs, and no layer wider than a page.

After Sugiyama, Tagawa and Toda (1981): the order in a layer by barycentres, an edge over several layers through a place
in each of them. A layer that would be too wide goes on in the next one (list scheduling, as Coffman and Graham 1972).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

GAP_X, MARGIN = 24.0, 20.0
"""Room between two boxes of a layer, and around everything; px."""
PASSING = 12.0
"""Width of the place that an edge takes in a layer that it passes."""
SWEEPS = 12


@dataclass(eq=False)
class Place:
    """A box, or a point in a layer through which an edge passes.

    Attributes:
        name: What the box stands for; None for a point.
        dotted: Whether only dotted edges pass here.
        x, y: Its upper left corner.
    """

    name: str | None
    width: float = PASSING
    height: float = 0.0
    dotted: bool = False
    x: float = 0.0
    y: float = 0.0
    above: list[Place] = field(default_factory=list)
    below: list[Place] = field(default_factory=list)
    dotted_above: list[Place] = field(default_factory=list)
    dotted_below: list[Place] = field(default_factory=list)

    @property
    def middle(self) -> float:
        return self.x + self.width / 2

    def neighbours(self, *, up: bool) -> list[Place]:
        """What it hangs on, or what hangs on it; dotted edges count where there are no others."""
        if up:
            return self.above or self.dotted_above
        return self.below or self.dotted_below

    def boxes(self, *, up: bool) -> list[Place]:
        """The boxes at the other ends of its edges."""
        found: list[Place] = []
        waiting = list(self.neighbours(up=up))
        while waiting:
            other = waiting.pop()
            if other.name is not None:
                found.append(other)
            else:
                waiting += other.neighbours(up=up)
        return found


@dataclass(frozen=True)
class Edge:
    """A line from one box to another below it."""

    start: str
    end: str
    dotted: bool = False


def layers_of(
    order: Sequence[str], sizes: Mapping[str, tuple[float, float]], edges: Iterable[Edge], widest: float
) -> list[list[Place]]:
    """Places for boxes of these sizes (width, height; px), every edge leading down.

    `order` has each box after those that its edges come from. No layer's boxes are wider together than `widest`,
    unless one box is.
    """
    edges = list(edges)
    depth = _depths(order, sizes, edges, widest)
    layers: list[list[Place]] = [[] for _ in range(1 + max(depth.values(), default=-1))]
    boxes = {name: Place(name, *sizes[name]) for name in order}
    for name in order:
        layers[depth[name]].append(boxes[name])
    _route(edges, depth, boxes, layers)
    _untangle(layers)
    _put(layers, widest)
    return layers


def _depths(
    order: Sequence[str], sizes: Mapping[str, tuple[float, float]], edges: Sequence[Edge], widest: float
) -> dict[str, int]:
    before: dict[str, list[str]] = {name: [] for name in order}
    for edge in edges:
        before[edge.end].append(edge.start)
    used: list[float] = []
    depth: dict[str, int] = {}
    for name in order:
        at = 1 + max((depth[other] for other in before[name]), default=-1)
        wide = sizes[name][0] + GAP_X
        while at < len(used) and used[at] and used[at] + wide > widest:
            at += 1
        used += [0.0] * (at + 1 - len(used))
        used[at] += wide
        depth[name] = at
    return depth


def _route(
    edges: Sequence[Edge], depth: Mapping[str, int], boxes: Mapping[str, Place], layers: list[list[Place]]
) -> None:
    """Join boxes; long edges of one box, or to one box, share their way where there are most of them."""
    long = [edge for edge in edges if depth[edge.end] - depth[edge.start] > 1]
    leaving, arriving = dict[tuple[str, bool], int](), dict[tuple[str, bool], int]()
    for edge in long:
        leaving[edge.start, edge.dotted] = leaving.get((edge.start, edge.dotted), 0) + 1
        arriving[edge.end, edge.dotted] = arriving.get((edge.end, edge.dotted), 0) + 1
    passing: dict[tuple[str, str, bool, int], Place] = {}
    for edge in edges:
        lone = leaving.get((edge.start, edge.dotted), 0) >= arriving.get((edge.end, edge.dotted), 0)
        key = ("from", edge.start) if lone else ("to", edge.end)
        upper = boxes[edge.start]
        for layer in range(depth[edge.start] + 1, depth[edge.end]):
            at = (*key, edge.dotted, layer)
            if at not in passing:
                passing[at] = Place(None, dotted=edge.dotted)
                layers[layer].insert(0 if edge.dotted else len(layers[layer]), passing[at])
            _join(upper, passing[at], edge.dotted)
            upper = passing[at]
        _join(upper, boxes[edge.end], edge.dotted)


def _join(upper: Place, lower: Place, dotted: bool) -> None:
    below, above = (upper.dotted_below, lower.dotted_above) if dotted else (upper.below, lower.above)
    if lower not in below:
        below.append(lower)
        above.append(upper)


# -- order ----------------------------------------------------------------------------------------------------------


def _untangle(layers: list[list[Place]]) -> None:
    """Order each layer by the mean position of its neighbours, from above and from below; keep the best that is met."""
    _number(layers)
    best, fewest = [list(layer) for layer in layers], _crossings(layers)
    for sweep in range(SWEEPS):
        up = sweep % 2 == 0
        for layer in layers if up else layers[::-1]:
            mean = {place: _mean(place, place.neighbours(up=up)) for place in layer}
            layer.sort(key=mean.__getitem__)
            _number([layer])
        found = _crossings(layers)
        if found < fewest:
            best, fewest = [list(layer) for layer in layers], found
    for layer, kept in zip(layers, best, strict=True):
        layer[:] = kept


def _number(layers: Iterable[list[Place]]) -> None:
    for layer in layers:
        for number, place in enumerate(layer):
            place.x = number


def _mean(place: Place, others: Sequence[Place]) -> float:
    return sum(other.x for other in others) / len(others) if others else place.x


def _crossings(layers: Sequence[Sequence[Place]]) -> int:
    """How many pairs of lines cross; with a dotted one a pair counts less."""
    found = 0
    for layer in layers:
        lines = [
            (place.x, lower.x, weight)
            for place in layer
            for weight, lowers in ((3, place.below), (1, place.dotted_below))
            for lower in lowers
        ]
        for number, (start, end, weight) in enumerate(lines):
            for other, to, more in lines[number + 1 :]:
                if (start - other) * (end - to) < 0:
                    found += weight * more
    return found


# -- place ----------------------------------------------------------------------------------------------------------


def _put(layers: list[list[Place]], widest: float) -> None:
    """Give out positions: each place near the middle of what it hangs on, none over another."""
    y = MARGIN
    for number, layer in enumerate(layers):
        tall = max((place.height for place in layer), default=0.0)
        x = (widest - _wide(layer)) / 2
        for place in layer:
            place.x, place.y = x, y + (0.0 if place.name is None else (tall - place.height) / 2)
            place.height = place.height or tall
            x += place.width + GAP_X
        y += tall + _gap(layer, layers[number + 1 :][:1])
    page = max(widest, *(_wide(layer) for layer in layers), 0.0)
    for turn in range(10):
        up = turn % 2 == 0
        for layer in layers if up else layers[::-1]:
            _settle(layer, [_wish(place, _ends(place, up=up)) for place in layer], page)
    for (
        layer
    ) in layers:  # at last each between what is above and what is below, so that long lines are straight
        both = [[*_ends(place, up=True), *_ends(place, up=False)] for place in layer]
        _settle(layer, [_wish(place, ends) for place, ends in zip(layer, both, strict=True)], page)
    left = min((place.x for layer in layers for place in layer), default=MARGIN)
    for layer in layers:
        for place in layer:
            place.x += MARGIN - left


def _gap(layer: Sequence[Place], following: Sequence[Sequence[Place]]) -> float:
    """Room for the lines below a layer: the more of them, the more."""
    lines = sum(len(place.below) + len(place.dotted_below) for place in layer)
    wide = max(len(layer), *(len(one) for one in following), 1)
    return 40.0 + min(36.0, 1.5 * lines + 2.0 * wide)


def _wish(place: Place, others: Sequence[Place]) -> float:
    if not others:
        return place.x
    return sum(other.middle for other in others) / len(others) - place.width / 2


def _wide(layer: Sequence[Place]) -> float:
    return sum(place.width + GAP_X for place in layer) - GAP_X


def _ends(place: Place, *, up: bool) -> list[Place]:
    """What a place stands below or above best: a box the other boxes, a point the points beside it."""
    return place.neighbours(up=up) if place.name is None else place.boxes(up=up)


def _settle(layer: Sequence[Place], wishes: Sequence[float], page: float) -> None:
    """Put the places of a layer as near to their wishes as their order, their widths and the page's width allow.

    Neighbours that would overlap are pushed apart around the mean of what they wish (pool adjacent violators).
    """
    groups: list[tuple[float, list[int]]] = []
    offset = [0.0]
    for place in layer:
        offset.append(offset[-1] + place.width + GAP_X)
    for number, wish in enumerate(wishes):
        groups.append((wish - offset[number], [number]))
        while len(groups) > 1 and groups[-2][0] > groups[-1][0]:
            (one, first), (other, second) = groups[-2:]
            groups[-2:] = [
                ((one * len(first) + other * len(second)) / (len(first) + len(second)), first + second)
            ]
    last = page - offset[-1] + GAP_X
    for start, members in groups:
        for number in members:
            layer[number].x = max(0.0, min(start, last)) + offset[number]
