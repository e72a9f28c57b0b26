"""A run's graph as a drawing: boxes in layers joined by lines, for a terminal.

One box for each node however many units it has. The text drawing follows Sugiyama, Tagawa and Toda (1981): layers by
longest path, the order within a layer by barycentres, edges over several layers through invisible places in between.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from agilab.views.outline import Outline, OutlineNode, foreach_words

GAP = 2
"""Columns between two boxes."""
_NORTH, _EAST, _SOUTH, _WEST = 1, 2, 4, 8
_FANCY = dict(
    zip(
        range(16),
        (" ", "│", "─", "└", "│", "│", "┌", "├", "─", "┘", "─", "┴", "┐", "┤", "┬", "┼"),
        strict=True,
    )
)
_PLAIN = dict(
    zip(
        range(16),
        (" ", "|", "-", "+", "|", "|", "+", "+", "-", "+", "-", "+", "+", "+", "+", "+"),
        strict=True,
    )
)


@dataclass(frozen=True)
class Span:
    """A part of a line of a drawing that speaks of a state."""

    line: int
    start: int
    end: int
    state: str


@dataclass(frozen=True)
class Drawing:
    """Lines of text, and which parts of them have the colour of a state."""

    lines: tuple[str, ...]
    spans: tuple[Span, ...]


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


def draw(outline: Outline, *, width: int, fancy: bool = True) -> Drawing:
    """The graph as boxes in layers; as an indented list where that would be wider than `width` columns.

    `fancy` draws with box characters, otherwise with `+`, `-` and `|`.
    """
    return boxes(outline, _of_run, width=width, fancy=fancy) or _as_list(outline, fancy=fancy)


def boxes(outline: Outline, say: Say, *, width: int, fancy: bool = True) -> Drawing | None:
    """The graph as boxes that say what `say` does; None where they would be wider, or lines could not be kept apart."""
    drawing = _Boxes(outline, _FANCY if fancy else _PLAIN, say).drawing()
    return drawing if drawing is not None and _width(drawing) <= width else None


def _of_run(node: OutlineNode) -> Said:
    return Said(node_words(node), node.state)


def node_words(node: OutlineNode) -> tuple[str, str]:
    """What a box says: the node with what it maps over, and its state with its units."""
    times = f" ({foreach_words(node.foreach)})" if node.foreach is not None else ""
    name = f"{node.name}{times}"
    if node.total == 0 or (node.total == 1 and node.foreach is None):
        return name, node.state
    number = f"{node.total:,}" if node.finished else f"{node.ended:,}/{node.total:,}"
    if node.finished and set(node.counts) == {node.state}:
        return name, f"{node.state} {number}"
    counted = ", ".join(f"{count:,} {state}" for state, count in node.counts.items())
    return name, f"{node.state}: {counted}" if node.finished else f"{node.state} {number}: {counted}"


def _as_list(outline: Outline, *, fancy: bool) -> Drawing:
    """One line for each node, indented by layer, with what it needs: fits any terminal and any graph."""
    arrow = " ← " if fancy else " <- "
    lines: list[str] = []
    spans: list[Span] = []
    for layer in outline.layers():
        for node in layer:
            name, said = node_words(node)
            start = f"{'  ' * node.depth}{name}  "
            spans.append(Span(len(lines), len(start), len(start) + len(node.state), node.state))
            lines.append(f"{start}{said}{arrow + ', '.join(node.needs) if node.needs else ''}")
    return Drawing(tuple(lines), tuple(spans))


def _width(drawing: Drawing) -> int:
    return max((len(line) for line in drawing.lines), default=0)


# -- boxes -------------------------------------------------------------------------------------------------------


@dataclass(eq=False)
class _Place:
    """A place in a layer: a node's box, or a column through which an edge passes."""

    node: OutlineNode | None
    width: int
    said: Said = Said(())
    above: list[_Place] = field(default_factory=list)
    below: list[_Place] = field(default_factory=list)
    left: int = 0

    @property
    def middle(self) -> int:
        return self.left + self.width // 2


@dataclass(eq=False)
class _Bundle:
    """Places of a layer that lead to the same places below: their lines may run together without being confused.

    Every bundle comes down into a box at a column of its own, `ports`.
    """

    sources: list[_Place]
    targets: list[_Place]
    ports: dict[_Place, int] = field(default_factory=dict)

    @property
    def middle(self) -> float:
        return sum(place.middle for place in self.sources) / len(self.sources)

    @property
    def columns(self) -> list[int]:
        return [*(place.middle for place in self.sources), *self.ports.values()]

    @property
    def straight(self) -> bool:
        return len(set(self.columns)) == 1


class _Boxes:
    """Lays the graph out and draws it; `drawing` is None where lines could not be kept apart."""

    def __init__(self, outline: Outline, characters: Mapping[int, str], say: Say) -> None:
        self._characters = characters
        self._layers = _placed(outline, say)
        for _ in range(4):
            _sort(self._layers, lambda place: place.above)
            _sort(self._layers[::-1], lambda place: place.below)
        _sort(self._layers, lambda place: place.above)
        self._bundles = [_bundles(layer) for layer in self._layers]
        for bundles in self._bundles:
            for place in {target for bundle in bundles for target in bundle.targets}:
                # Room for one port for each bundle, with a column between two of them.
                place.width = max(place.width, 2 * sum(place in bundle.targets for bundle in bundles) + 1)
        _align(self._layers)
        for bundles in self._bundles:
            _give_ports(bundles)

    def drawing(self) -> Drawing | None:
        lines: list[str] = []
        spans: list[Span] = []
        arriving: list[_Bundle] = []
        for layer, bundles in zip(self._layers, self._bundles, strict=True):
            if lines:
                tracks = _tracks(arriving)
                if tracks is None:
                    return None
                lines += self._channel(arriving, tracks)
            spans += self._boxes(layer, arriving, lines)
            arriving = bundles
        return Drawing(tuple(line.rstrip() for line in lines), tuple(spans))

    def _boxes(self, layer: list[_Place], arriving: list[_Bundle], lines: list[str]) -> Iterator[Span]:
        width = max((place.left + place.width for place in layer), default=0)
        inside = max((len(place.said.lines) for place in layer), default=0)
        rows = [[" "] * width for _ in range(inside + 2)]
        line, signs = len(lines), self._characters
        for place in layer:
            if place.node is None:
                for row in rows:
                    row[place.middle] = signs[_NORTH | _SOUTH]
                continue
            left, right = place.left, place.left + place.width - 1
            rows[0][left : right + 1] = rows[-1][left : right + 1] = [signs[_EAST | _WEST]] * place.width
            rows[0][left], rows[0][right] = signs[_EAST | _SOUTH], signs[_SOUTH | _WEST]
            rows[-1][left], rows[-1][right] = signs[_NORTH | _EAST], signs[_NORTH | _WEST]
            for bundle in arriving:
                if place in bundle.ports:
                    rows[0][bundle.ports[place]] = signs[_NORTH | _EAST | _WEST]
            if place.below:
                rows[-1][place.middle] = signs[_EAST | _SOUTH | _WEST]
            for row in rows[1:-1]:
                row[left] = row[right] = signs[_NORTH | _SOUTH]
            for row, text in zip(rows[1:], place.said.lines, strict=False):
                row[left + 2 : left + 2 + len(text)] = text
            last = line + len(place.said.lines)
            yield Span(last, left + 2, left + 2 + len(place.said.spoken), place.node.state)
        lines += ["".join(row) for row in rows]

    def _channel(self, bundles: list[_Bundle], tracks: list[_Bundle]) -> list[str]:
        """The rows between two layers: each bundle that turns has a row in which its lines run sideways."""
        width = max((column for bundle in bundles for column in bundle.columns), default=0) + 1
        rows = [[0] * width for _ in range(max(1, len(tracks)))]
        # Where a line passes another it is drawn over it, as a bridge: only a branch looks like one.
        passing = [[False] * width for _ in rows]
        for bundle in bundles:
            turn = tracks.index(bundle) if bundle in tracks else len(rows)
            for place in bundle.sources:
                for row in passing[:turn]:
                    row[place.middle] = True
            if turn == len(rows):
                continue
            here = rows[turn]
            for place in bundle.sources:
                here[place.middle] |= _NORTH
            for column in range(min(bundle.columns), max(bundle.columns)):
                here[column] |= _EAST
                here[column + 1] |= _WEST
            for column in bundle.ports.values():
                here[column] |= _SOUTH
                for row in passing[turn + 1 :]:
                    row[column] = True
        down = self._characters[_NORTH | _SOUTH]
        return [
            "".join(down if over else self._characters[mask] for mask, over in zip(row, overs, strict=True))
            for row, overs in zip(rows, passing, strict=True)
        ]


def _placed(outline: Outline, say: Say) -> list[list[_Place]]:
    """Every node in its layer, joined with its needs through a place in each layer between."""
    layers: list[list[_Place]] = []
    placed: dict[str, _Place] = {}
    for layer in outline.layers():
        layers.append([])
        for node in layer:
            said = say(node)
            placed[node.name] = _Place(node, max(map(len, said.lines)) + 4, said)
            layers[-1].append(placed[node.name])
    passing: dict[tuple[str, int], _Place] = {}
    for node in outline.nodes.values():
        for need in node.needs:
            upper = placed[need]
            # Edges of one node to several deep layers share their way down.
            for depth in range(outline.nodes[need].depth + 1, node.depth):
                if (need, depth) not in passing:
                    passing[need, depth] = _Place(None, 1)
                    layers[depth].append(passing[need, depth])
                    _join(upper, passing[need, depth])
                upper = passing[need, depth]
            _join(upper, placed[node.name])
    return layers


def _join(upper: _Place, lower: _Place) -> None:
    upper.below.append(lower)
    lower.above.append(upper)


def _sort(layers: list[list[_Place]], side: Callable[[_Place], list[_Place]]) -> None:
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


def _align(layers: list[list[_Place]]) -> None:
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


def _under(others: list[_Place], width: int, otherwise: int) -> int:
    return round(sum(place.middle for place in others) / len(others)) - width // 2 if others else otherwise


def _bundles(layer: list[_Place]) -> list[_Bundle]:
    found: dict[frozenset[_Place], _Bundle] = {}
    for place in layer:
        if place.below:
            found.setdefault(frozenset(place.below), _Bundle([], place.below)).sources.append(place)
    return list(found.values())


def _give_ports(bundles: list[_Bundle]) -> None:
    for place in {target for bundle in bundles for target in bundle.targets}:
        arriving = sorted(
            (bundle for bundle in bundles if place in bundle.targets), key=lambda bundle: bundle.middle
        )
        for number, bundle in enumerate(arriving):
            bundle.ports[place] = place.middle + 2 * number - (len(arriving) - 1)


def _tracks(bundles: list[_Bundle]) -> list[_Bundle] | None:
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
    tracks: list[_Bundle] = []
    while waiting:
        free = next((bundle for bundle in waiting if before[bundle] <= set(tracks)), None)
        if free is None:
            return None
        tracks.append(free)
        waiting.remove(free)
    return tracks
