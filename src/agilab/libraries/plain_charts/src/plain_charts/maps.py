"""A map of lines on the earth as one SVG of bounded size, with a grid of degrees and a scale.

Equirectangular about the middle latitude (a degree of longitude is cos of that latitude times one of latitude), so
shapes are true for some hundred kilometres.
"""

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any
from xml.sax.saxutils import escape

from .style import FITTED, GROUND, Colour, colour, multiples, round_below, style, text

EARTH_RADIUS_M = 6_371_008.8  # mean radius (2a + b) / 3 of GRS 80, IUGG
DEGREE_M = math.radians(1) * EARTH_RADIUS_M
WIDTH, LOW, HIGH = 2000, 700, 2400  # units of the drawing; a unit is half a pixel in a page
RULES = (
    "text{font:26px system-ui,sans-serif;fill:var(--s)}.t{font-size:34px;font-weight:600;fill:var(--i)}"
    "path{fill:none;stroke-linejoin:round}.f{stroke-width:2.4;stroke-opacity:.8}.l{stroke:var(--l);stroke-width:2}"
    ".m{stroke:var(--i);stroke-width:4}.p{paint-order:stroke;stroke:var(--g);stroke-width:6px}"
)


class Frame:
    """The part of the earth that is drawn, and where its places lie in the drawing.

    Attributes:
        unit_m: How many metres a unit of the drawing is.
    """

    def __init__(self, latitude: Any, longitude: Any) -> None:
        """A frame for places in degrees, as columns that can be reckoned with: of Polars, pandas or NumPy."""
        # from Greenwich to either side, unless they lie on both sides of the date line
        self._start = 180 if _span((longitude + 180) % 360)[2] <= 180 else 0
        south, north, tall = _span(latitude)
        west, east, wide = _span((longitude + self._start) % 360 - self._start)
        self._aspect = max(math.cos(math.radians((south + north) / 2)), 0.02)
        room = 1.06  # a margin all round
        self._scale = min(WIDTH / (max(wide, 0.02) * self._aspect), HIGH / max(tall, 0.02)) / room
        self._height = round(min(max(tall * self._scale * room, LOW), HIGH))
        self._west = (west + east) / 2 - WIDTH / 2 / (self._scale * self._aspect)
        self._north = (south + north) / 2 + self._height / 2 / self._scale
        self.unit_m = DEGREE_M / self._scale

    def x(self, longitude: Any) -> Any:
        """Units from the left of a longitude, or of a column of them."""
        return ((longitude + self._start) % 360 - self._start - self._west) * (self._aspect * self._scale)

    def y(self, latitude: Any) -> Any:
        """Units from above."""
        return (self._north - latitude) * self._scale

    def picture(
        self,
        title: str,
        note: str,
        about: str,
        lines: Sequence[str],
        names: Sequence[str],
        colours: Sequence[Colour],
    ) -> str:
        """The SVG: of each colour the path of its `lines` (of the last colour behind), and its name where it has any.

        `title` and `note` stand above the map; `about` is for those who cannot see it.
        """
        height, right = self._height + 170, WIDTH - 20
        shown = [at for at, path in enumerate(lines) if path]
        drawn = "".join(f'<path class="f" stroke="{colour(at)}" d="{lines[at]}"/>' for at in reversed(shown))
        keys = "".join(
            f'<path stroke="{colour(at)}" stroke-width="8" d="M{x} {height - 28}h40"/>'
            f"{text(x + 52, height - 19, names[at])}"
            for x, at in zip(range(20, WIDTH, 330), shown, strict=False)
        )
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH // 2}" '
            f'height="{height // 2}" {FITTED} role="img"><title>{escape(about)}</title>{style(colours, RULES)}'
            f'<rect width="{WIDTH}" height="{height}" fill="{GROUND}"/>{text(20, 52, title, kind="t")}'
            f'{text(right, 52, note, "end")}<svg y="80" width="{WIDTH}" height="{self._height}">{self._grid()}{drawn}'
            f"{self._labels()}{self._bar()}</svg>{keys}</svg>\n"
        )

    def _grid(self) -> str:
        """Meridians and parallels at round degrees."""
        across = "".join(f"M0 {self.y(at):.0f}h{WIDTH}" for at in self._parallels())
        down = "".join(f"M{self._x(at):.0f} 0v{self._height}" for at in self._meridians())
        return f'<path class="l" d="{across}{down}"/>'

    def _labels(self) -> str:
        """What the lines of the grid mean, on top of what is drawn."""
        rows = [text(10, round(self.y(at) - 8), _degrees(at, "NS"), kind="p") for at in self._parallels()]
        for at in self._meridians():
            rows.append(text(round(self._x(at) + 8), 30, _degrees((at + 180) % 360 - 180, "EW"), kind="p"))
        return "".join(rows)

    def _bar(self) -> str:
        """A round length, as it is in the middle of the map."""
        metres = round_below(WIDTH / 5 * self.unit_m)
        long, y, right = metres / self.unit_m, self._height - 30, WIDTH - 24
        name = f"{metres / 1000:,.0f} km" if metres >= 1000 else f"{metres:.0f} m"
        return f'<path class="m" d="M{right - long:.1f} {y - 14}v14h{long:.1f}v-14"/>' + text(
            round(right - long / 2), y - 12, name, "middle", kind="p"
        )

    def _x(self, longitude: float) -> float:
        """As `x`, of a longitude that is counted from `west` on."""
        return (longitude - self._west) * self._aspect * self._scale

    def _step(self) -> float:
        return round_below(max(WIDTH / self._aspect, self._height) / self._scale / 4)

    def _meridians(self) -> list[float]:
        return multiples(self._step(), self._west, self._west + WIDTH / (self._scale * self._aspect))

    def _parallels(self) -> list[float]:
        return multiples(self._step(), self._north - self._height / self._scale, self._north)


def polylines(rows: Iterable[tuple[int, int, int, int]], colours: int) -> list[str]:
    """The data of one SVG path for each of so many colours, of rows of `(line, colour, x, y)` in order.

    A row's colour is that of what leads to it. Absolute where a line begins or changes its colour, relative from there.
    """
    found: list[list[str]] = [[] for _ in range(colours)]
    drawn: int | None = None
    for (line, _, x, y), (next_line, band, next_x, next_y) in pairwise(rows):
        if line != next_line:
            drawn = None
            continue
        across, down = next_x - x, next_y - y
        if band != drawn:
            found[band].append(f"M{x} {y}l{across}")
        else:
            found[band].append(f"{across}" if across < 0 else f" {across}")
        found[band].append(f"{down}" if down < 0 else f" {down}")
        drawn = band
    return ["".join(parts) for parts in found]


def _span(values: Any) -> tuple[float, float, float]:
    low, high = float(values.min()), float(values.max())
    return low, high, high - low


def _degrees(value: float, letters: str) -> str:
    return f"{abs(round(value, 6)):g}°{f' {letters[value < 0]}' if round(value, 6) else ''}"
