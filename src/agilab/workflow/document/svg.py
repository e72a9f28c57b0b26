"""A lab as an SVG picture that is at home on light and dark pages.

Boxes in layers, by longest path; the order in a layer by barycentres; an edge over several layers passes through a
place in each of them (Sugiyama, Tagawa and Toda 1981).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from html import escape

from agilab.workflow.document.resolve import Resolved, ResolvedStage
from agilab.workflow.document.view import MADE, words

_LETTER, _BOLD, _LINE, _PAD = 6.6, 8.1, 18.0, 14.0
"""Width of a letter of 12 px, of 13 px bold; height of a line; room around text in a box. All in px."""
_GAP_X, _GAP_Y, _MARGIN = 28.0, 54.0, 24.0
_LONGEST = 42
"""Letters of a line before it is cut."""
_STYLE = """
  svg { --ink: #1f2328; --soft: #59636e; --box: #ffffff; --edge: #8c959f; --rim: #d0d7de;
        --code: #0969da; --app: #8250df; font-family: system-ui, "Segoe UI", "Helvetica Neue", Arial, sans-serif; }
  @media (prefers-color-scheme: dark) {
    svg { --ink: #e6edf3; --soft: #9198a1; --box: #161b22; --edge: #6e7681; --rim: #3d444d;
          --code: #4493f8; --app: #ab7df8; } }
  .name { font-size: 13px; font-weight: 600; fill: var(--ink); }
  .said { font-size: 12px; fill: var(--soft); }
  .box { fill: var(--box); stroke: var(--rim); stroke-width: 1.25; }
  .code { fill: var(--code); } .app { fill: var(--app); }
  .edge { fill: none; stroke: var(--edge); stroke-width: 1.5; }
  .tip { fill: var(--edge); }
"""


@dataclass(eq=False)
class _Place:
    """A box, or a point in a layer through which an edge passes."""

    stage: ResolvedStage | None
    lines: Sequence[str] = ()
    above: list[_Place] = field(default_factory=list)
    below: list[_Place] = field(default_factory=list)
    width: float = 10.0
    height: float = 0.0
    x: float = 0.0
    y: float = 0.0

    @property
    def middle(self) -> float:
        return self.x + self.width / 2


def svg(resolved: Resolved, title: str) -> str:
    """The stages that run as an SVG document. Stages in a ring, which have no order, are left out."""
    layers = _layers(resolved)
    for _ in range(6):
        _sort(layers, lambda place: place.above)
        _sort(layers[::-1], lambda place: place.below)
    _place(layers)
    width = max((place.x + place.width for layer in layers for place in layer), default=160.0) + _MARGIN
    height = max((place.y + place.height for layer in layers for place in layer), default=0.0) + _MARGIN
    rows = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" '
        f'height="{height:.0f}" role="img" aria-label="{escape(title)}">',
        f"<!-- Made from lab_stages.toml {MADE}. -->",
        f"<title>{escape(title)}</title>",
        f"<style>{_STYLE}</style>",
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path class="tip" d="M0 0L8 4L0 8z"/></marker></defs>',
        *(row for layer in layers for place in layer for row in _edges(place)),
        *(row for layer in layers for place in layer for row in _box(place)),
        "</svg>",
    ]
    return "\n".join(rows) + "\n"


def _layers(resolved: Resolved) -> list[list[_Place]]:
    depth: dict[str, int] = {}
    boxes: dict[str, _Place] = {}
    layers: list[list[_Place]] = []
    for name in resolved.order:
        one = resolved.stages[name]
        depth[name] = 1 + max((depth[need] for need in one.needs), default=-1)
        lines = [_cut(line) for line in (name, *words(one))]
        boxes[name] = place = _Place(one, lines)
        place.width = max(len(lines[0]) * _BOLD, *(len(line) * _LETTER for line in lines)) + 2 * _PAD + 4
        place.height = len(lines) * _LINE + _PAD
        while len(layers) <= depth[name]:
            layers.append([])
        layers[depth[name]].append(place)
    passing: dict[tuple[str, int], _Place] = {}
    for name in resolved.order:
        for need in resolved.stages[name].needs:
            upper = boxes[need]
            for between in range(depth[need] + 1, depth[name]):
                if (need, between) not in passing:
                    passing[need, between] = _Place(None)
                    layers[between].append(passing[need, between])
                    _join(upper, passing[need, between])
                upper = passing[need, between]
            _join(upper, boxes[name])
    return layers


def _join(upper: _Place, lower: _Place) -> None:
    upper.below.append(lower)
    lower.above.append(upper)


def _sort(layers: list[list[_Place]], side: Callable[[_Place], list[_Place]]) -> None:
    for layer in layers:
        for number, place in enumerate(layer):
            place.x = number
    for layer in layers:
        mean = {
            place: sum(other.x for other in side(place)) / len(side(place)) if side(place) else place.x
            for place in layer
        }
        layer.sort(key=mean.__getitem__)
        for number, place in enumerate(layer):
            place.x = number


def _place(layers: list[list[_Place]]) -> None:
    """Give out positions: each place near the middle of what it hangs on, none over another."""
    y = _MARGIN
    for layer in layers:
        x = _MARGIN
        for place in layer:
            place.x, place.y = x, y
            x += place.width + _GAP_X
        y += max((place.height for place in layer), default=0.0) + _GAP_Y
        for place in layer:
            place.height = place.height or max(other.height for other in layer)
    for turn in range(8):
        for layer in layers if turn % 2 == 0 else layers[::-1]:
            wishes = [
                _wish(place, (place.above if turn % 2 == 0 else place.below) or [place]) for place in layer
            ]
            _settle(layer, wishes)
    left = min((place.x for layer in layers for place in layer), default=_MARGIN)
    for layer in layers:
        for place in layer:
            place.x += _MARGIN - left


def _wish(place: _Place, others: Sequence[_Place]) -> float:
    return sum(other.middle for other in others) / len(others) - place.width / 2


def _settle(layer: list[_Place], wishes: list[float]) -> None:
    """Put the places of a layer as near to their wishes as their order and widths allow.

    Neighbours that would overlap are pushed apart around the mean of what they wish (pool adjacent violators).
    """
    groups: list[tuple[float, list[int]]] = []
    offset = [0.0]
    for place in layer:
        offset.append(offset[-1] + place.width + _GAP_X)
    for number, wish in enumerate(wishes):
        groups.append((wish - offset[number], [number]))
        while len(groups) > 1 and groups[-2][0] > groups[-1][0]:
            (one, first), (other, second) = groups[-2:]
            groups[-2:] = [
                ((one * len(first) + other * len(second)) / (len(first) + len(second)), first + second)
            ]
    for start, members in groups:
        for number in members:
            layer[number].x = start + offset[number]


def _edges(place: _Place) -> Iterator[str]:
    for lower in place.below:
        if place.stage is None:
            yield f'<path class="edge" d="M{place.middle:.1f} {place.y:.1f}V{place.y + place.height:.1f}"/>'
        start, end = place.y + place.height, lower.y - (3 if lower.stage else 0)
        bend = (end - start) / 2
        tip = ' marker-end="url(#tip)"' if lower.stage else ""
        yield (
            f'<path class="edge" d="M{place.middle:.1f} {start:.1f}C{place.middle:.1f} {start + bend:.1f} '
            f'{lower.middle:.1f} {end - bend:.1f} {lower.middle:.1f} {end:.1f}"{tip}/>'
        )


def _box(place: _Place) -> Iterator[str]:
    if place.stage is None:
        return
    x, y, width, height = place.x, place.y, place.width, place.height
    if place.stage.axes:  # one box for many units: a second rim shows behind it
        yield (
            f'<rect class="box" x="{x + 5:.1f}" y="{y + 5:.1f}" width="{width:.1f}" height="{height:.1f}" rx="6"/>'
        )
    yield f'<rect class="box" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="6"/>'
    kind = "app" if place.stage.stage.app else "code"
    yield f'<rect class="{kind}" x="{x:.1f}" y="{y + 6:.1f}" width="4" height="{height - 12:.1f}" rx="1"/>'
    for number, line in enumerate(place.lines):
        at = y + _PAD / 2 + (number + 0.72) * _LINE
        yield f'<text class="{"said" if number else "name"}" x="{x + _PAD + 2:.1f}" y="{at:.1f}">{escape(line)}</text>'


def _cut(line: str) -> str:
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"
