"""Where the boxes of a graph stand in a terminal, and at which columns the lines between them come and go.

After Sugiyama, Tagawa and Toda (1981): layers by longest path, the order within a layer by barycentres, edges over
several layers through invisible places in between.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from agilab.views.outline import Outline, OutlineNode

GAP = 2
"""Columns between two boxes."""


@dataclass(frozen=True)
class Said:
    """What a box says.

    Attributes:
        lines: The first names the node.
        spoken: With what the last line begins and what has the colour of the node's state; empty for nothing.
    """

    lines: tuple[str, ...]
    spoken: str = ""


Say = Callable[[OutlineNode], Said]


@dataclass(eq=False)
class Place:
    """A place in a layer: a node's box, or a column through which an edge passes."""

    node: OutlineNode | None
    width: int
    said: Said = Said(())
    above: list[Place] = field(default_factory=list)
    below: list[Place] = field(default_factory=list)
    left: int = 0

    @property
    def middle(self) -> int:
        return self.left + self.width // 2


@dataclass(eq=False)
class Bundle:
    """Places of a layer that lead to the same places below: their lines may run together without being confused.

    Every bundle comes down into a box at a column of its own, `ports`.
    """

    sources: list[Place]
    targets: list[Place]
    ports: dict[Place, int] = field(default_factory=dict)

    @property
    def middle(self) -> float:
        return sum(place.middle for place in self.sources) / len(self.sources)

    @property
    def columns(self) -> list[int]:
        return [*(place.middle for place in self.sources), *self.ports.values()]

    @property
    def straight(self) -> bool:
        return len(set(self.columns)) == 1


Layout = list[tuple[list[Place], list[Bundle]]]
"""Each layer from the top, with what leads down from it."""


def laid_out(outline: Outline, say: Say) -> Layout:
    """Places with their columns, in boxes as wide as what `say` has them say, and bundles with their ports."""
    layers = _placed(outline, say)
    for _ in range(4):
        _sort(layers, lambda place: place.above)
        _sort(layers[::-1], lambda place: place.below)
    _sort(layers, lambda place: place.above)
    leading = [_bundles(layer) for layer in layers]
    for bundles in leading:
        for place in {target for bundle in bundles for target in bundle.targets}:
            # Room for one port for each bundle, with a column between two of them.
            place.width = max(place.width, 2 * sum(place in bundle.targets for bundle in bundles) + 1)
    _align(layers)
    for bundles in leading:
        _give_ports(bundles)
    return list(zip(layers, leading, strict=True))


def _placed(outline: Outline, say: Say) -> list[list[Place]]:
    """Every node in its layer, joined with its needs through a place in each layer between."""
    layers: list[list[Place]] = []
    placed: dict[str, Place] = {}
    for layer in outline.layers():
        layers.append([])
        for node in layer:
            said = say(node)
            placed[node.name] = Place(node, max(map(len, said.lines)) + 4, said)
            layers[-1].append(placed[node.name])
    passing: dict[tuple[str, int], Place] = {}
    for node in outline.nodes.values():
        for need in node.needs:
            upper = placed[need]
            # Edges of one node to several deep layers share their way down.
            for depth in range(outline.nodes[need].depth + 1, node.depth):
                if (need, depth) not in passing:
                    passing[need, depth] = Place(None, 1)
                    layers[depth].append(passing[need, depth])
                    _join(upper, passing[need, depth])
                upper = passing[need, depth]
            _join(upper, placed[node.name])
    return layers


def _join(upper: Place, lower: Place) -> None:
    upper.below.append(lower)
    lower.above.append(upper)


def _sort(layers: list[list[Place]], side: Callable[[Place], list[Place]]) -> None:
    """Order each layer by the mean position of its neighbours on one side; `left` holds positions meanwhile."""
    for layer in layers:
        for number, place in enumerate(layer):
            place.left = number
    for layer in layers:
        means = {
            place: sum(other.left for other in side(place)) / len(side(place)) if side(place) else place.left
            for place in layer
        }
        layer.sort(key=lambda place: means[place])
        for number, place in enumerate(layer):
            place.left = number


def _align(layers: list[list[Place]]) -> None:
    """Give out columns: each place below the middle of what it hangs on, as far as there is room."""
    for layer in layers:
        right = 0
        for place in layer:
            place.left = max(right, _under(place.above, place.width, right))
            right = place.left + place.width + GAP
    # A second look from below moves a box over the middle of what hangs on it, as far as its neighbours let it.
    for layer in layers[::-1]:
        for number in range(len(layer) - 1, -1, -1):
            place = layer[number]
            wish = _under(place.below, place.width, place.left)
            if number + 1 < len(layer):
                wish = min(wish, layer[number + 1].left - GAP - place.width)
            place.left = max(place.left, wish)


def _under(others: list[Place], width: int, otherwise: int) -> int:
    return round(sum(place.middle for place in others) / len(others)) - width // 2 if others else otherwise


def _bundles(layer: list[Place]) -> list[Bundle]:
    found: dict[frozenset[Place], Bundle] = {}
    for place in layer:
        if place.below:
            found.setdefault(frozenset(place.below), Bundle([], place.below)).sources.append(place)
    return list(found.values())


def _give_ports(bundles: list[Bundle]) -> None:
    for place in {target for bundle in bundles for target in bundle.targets}:
        arriving = sorted(
            (bundle for bundle in bundles if place in bundle.targets), key=lambda bundle: bundle.middle
        )
        for number, bundle in enumerate(arriving):
            bundle.ports[place] = place.middle + 2 * number - (len(arriving) - 1)


def tracks_of(bundles: list[Bundle]) -> list[Bundle] | None:
    """The bundles that turn sideways, each in a row of its own, from the top; None where no order is clear.

    A line that comes down at the column where another's goes on down must turn before that one does.
    """
    waiting = [bundle for bundle in bundles if not bundle.straight]
    before = {
        bundle: {
            other
            for other in waiting
            if other is not bundle and {place.middle for place in other.sources} & set(bundle.ports.values())
        }
        for bundle in waiting
    }
    tracks: list[Bundle] = []
    while waiting:
        free = next((bundle for bundle in waiting if before[bundle] <= set(tracks)), None)
        if free is None:
            return None
        tracks.append(free)
        waiting.remove(free)
    return tracks
