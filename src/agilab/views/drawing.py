"""A run's graph as a drawing: boxes in layers joined by lines, for a terminal.

One box for each node however many units it has; where they stand, `layout` says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from agilab.views.layout import Bundle, Layout, Place, Said, Say, laid_out, tracks_of
from agilab.views.outline import Outline, OutlineNode, foreach_words

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


def draw(outline: Outline, *, width: int, fancy: bool = True) -> Drawing:
    """The graph as boxes in layers; as an indented list where that would be wider than `width` columns.

    `fancy` draws with box characters, otherwise with `+`, `-` and `|`.
    """
    return boxes(outline, _of_run, width=width, fancy=fancy) or _as_list(outline, fancy=fancy)


def boxes(outline: Outline, say: Say, *, width: int, fancy: bool = True) -> Drawing | None:
    """The graph as boxes that say what `say` does; None where they would be wider, or lines could not be kept apart."""
    drawing = _Boxes(laid_out(outline, say), _FANCY if fancy else _PLAIN).drawing()
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


class _Boxes:
    """A layout as text; `drawing` is None where lines could not be kept apart."""

    def __init__(self, layout: Layout, characters: Mapping[int, str]) -> None:
        self._layout = layout
        self._characters = characters

    def drawing(self) -> Drawing | None:
        lines: list[str] = []
        spans: list[Span] = []
        arriving: list[Bundle] = []
        for layer, bundles in self._layout:
            if lines:
                tracks = tracks_of(arriving)
                if tracks is None:
                    return None
                lines += self._channel(arriving, tracks)
            spans += self._boxes(layer, arriving, lines)
            arriving = bundles
        return Drawing(tuple(line.rstrip() for line in lines), tuple(spans))

    def _boxes(self, layer: list[Place], arriving: list[Bundle], lines: list[str]) -> Iterator[Span]:
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

    def _channel(self, bundles: list[Bundle], tracks: list[Bundle]) -> list[str]:
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
