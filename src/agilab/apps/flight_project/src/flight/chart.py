"""A map of all trajectories as one SVG of bounded size: what is flown, coloured by altitude.

Equirectangular about the middle latitude (a degree of longitude is cos of that latitude times one of latitude), so
shapes are true for some hundred kilometres. Flagged segments and gaps are not drawn.
"""

import math
from datetime import datetime
from itertools import pairwise

import polars as pl
from polars import col

from .segments import EARTH_RADIUS_M

DEGREE_M = math.radians(1) * EARTH_RADIUS_M
WIDTH, LOW, HIGH = 2000, 700, 2400  # units of the drawing; a unit is half a pixel in a page
VERTICES = 11_000  # of all lines together: about eight bytes each
LINES = 2_000  # the longest are drawn; further ones would not be told apart
BANDS_FT = (5_000, 10_000, 20_000, 30_000)
UNKNOWN = len(BANDS_FT) + 1
NAMES = (
    "below 5,000 ft",
    "5,000 to 10,000",
    "10,000 to 20,000",
    "20,000 to 30,000",
    "30,000 and above",
    "not known",
)

STYLE = """
svg{--g:#fff;--i:#1f2328;--s:#59636e;--l:#d8dee4;--0:#b4232a;--1:#b06000;--2:#1a7f37;--3:#0969da;--4:#8250df;--5:#8c959f}
@media(prefers-color-scheme:dark){svg{--g:#0d1117;--i:#e6edf3;--s:#9aa5b1;--l:#2b323b;
--0:#ff7b72;--1:#e3a03c;--2:#56d364;--3:#58a6ff;--4:#c297ff;--5:#6e7681}}
text{font:26px system-ui,sans-serif;fill:var(--s)}.t{font-size:34px;font-weight:600;fill:var(--i)}
path{fill:none;stroke-linejoin:round}.f{stroke-width:2.4;stroke-opacity:.8}.l{stroke:var(--l);stroke-width:2}
.m{stroke:var(--i);stroke-width:4}.p{paint-order:stroke;stroke:var(--g);stroke-width:6px}
"""


def trajectory_map(table: pl.DataFrame) -> str | None:
    """The SVG of trajectories one after the other, in order of time; None where nothing moved.

    `table` is what `trajectory` gives, of one or more aircraft.
    """
    lines = _lines(table)
    if lines.is_empty():
        return None
    frame = _Frame(lines["latitude"], lines["longitude"])
    paths = _paths(frame.placed(_thinned(lines, frame)))
    what = f"{lines['icao24'].n_unique():,} aircraft, {lines['flight'].n_unique():,} flights"
    when = f"{_moment(lines['time'].min())} to {_moment(lines['time'].max())} UTC"
    height = frame.height + 170
    shown = [band for band in range(len(NAMES)) if paths[band]]
    flown = "".join(f'<path class="f" stroke="var(--{band})" d="{paths[band]}"/>' for band in reversed(shown))
    keys = "".join(
        f'<path stroke="var(--{band})" stroke-width="8" d="M{x} {height - 28}h40"/>'
        f'<text x="{x + 52}" y="{height - 19}">{NAMES[band]}</text>'
        for x, band in zip(range(20, WIDTH, 330), shown, strict=False)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH // 2}" '
        f'height="{height // 2}" role="img">'
        f"<title>Map of {what}, {when}, coloured by altitude</title><style>{STYLE}</style>"
        f'<rect width="{WIDTH}" height="{height}" fill="var(--g)"/>'
        f'<text class="t" x="20" y="52">{what}</text>'
        f'<text text-anchor="end" x="{WIDTH - 20}" y="52">{when}</text>'
        f'<svg y="80" width="{WIDTH}" height="{frame.height}">{frame.grid()}{flown}{frame.labels()}{frame.bar()}</svg>'
        f"{keys}</svg>\n"
    )


class _Frame:
    """The part of the earth that is drawn, and where its places lie in the drawing."""

    def __init__(self, latitude: pl.Series, longitude: pl.Series) -> None:
        # from Greenwich to either side, unless they lie on both sides of the date line
        self.start = 180 if _span((longitude + 180) % 360)[2] <= 180 else 0
        south, north, tall = _span(latitude)
        west, east, wide = _span((longitude + self.start) % 360 - self.start)
        self.aspect = max(math.cos(math.radians((south + north) / 2)), 0.02)
        room = 1.06  # a margin all round
        self.scale = min(WIDTH / (max(wide, 0.02) * self.aspect), HIGH / max(tall, 0.02)) / room
        self.height = round(min(max(tall * self.scale * room, LOW), HIGH))
        self.west = (west + east) / 2 - WIDTH / 2 / (self.scale * self.aspect)
        self.north = (south + north) / 2 + self.height / 2 / self.scale

    def x(self, longitude: float) -> float:
        return (longitude - self.west) * self.aspect * self.scale

    def y(self, latitude: float) -> float:
        return (self.north - latitude) * self.scale

    def placed(self, lines: pl.DataFrame) -> pl.DataFrame:
        """With the columns x and y in whole units."""
        longitude = (col("longitude") + self.start) % 360 - self.start
        x = (longitude - self.west) * (self.aspect * self.scale)
        y = (self.north - col("latitude")) * self.scale
        return lines.with_columns(x=x.round().cast(pl.Int32), y=y.round().cast(pl.Int32))

    def grid(self) -> str:
        """Meridians and parallels at round degrees."""
        across = "".join(f"M0 {self.y(at):.0f}h{WIDTH}" for at in self._parallels())
        down = "".join(f"M{self.x(at):.0f} 0v{self.height}" for at in self._meridians())
        return f'<path class="l" d="{across}{down}"/>'

    def labels(self) -> str:
        """What the lines of the grid mean, on top of what is flown."""
        rows = [
            f'<text class="p" x="10" y="{self.y(at) - 8:.0f}">{_degrees(at, "NS")}</text>'
            for at in self._parallels()
        ]
        for at in self._meridians():
            name = _degrees((at + 180) % 360 - 180, "EW")
            rows.append(f'<text class="p" x="{self.x(at) + 8:.0f}" y="30">{name}</text>')
        return "".join(rows)

    def bar(self) -> str:
        """A round length, as it is in the middle of the map."""
        unit = DEGREE_M / self.scale
        metres = _round_below(WIDTH / 5 * unit)
        long, y = metres / unit, self.height - 30
        name = f"{metres / 1000:,.0f} km" if metres >= 1000 else f"{metres:.0f} m"
        right = WIDTH - 24
        return (
            f'<path class="m" d="M{right - long:.1f} {y - 14}v14h{long:.1f}v-14"/>'
            f'<text class="p" text-anchor="middle" x="{right - long / 2:.0f}" y="{y - 12}">{name}</text>'
        )

    def _step(self) -> float:
        return _round_below(max(WIDTH / self.aspect, self.height) / self.scale / 4)

    def _meridians(self) -> list[float]:
        return _multiples(self._step(), self.west, self.west + WIDTH / (self.scale * self.aspect))

    def _parallels(self) -> list[float]:
        return _multiples(self._step(), self.north - self.height / self.scale, self.north)


def _lines(table: pl.DataFrame) -> pl.DataFrame:
    """Positions that counted segments join, each with the number of its `line`, its `band`, and what is `flown` to it.

    Repeated positions are left out, and so are stray ones: nothing that counts leads to them or away.
    """
    band = pl.sum_horizontal(col("altitude_ft") >= edge for edge in BANDS_FT).cast(pl.Int8)
    known = col("altitude_ft").is_not_null()
    lines = table.select(
        "icao24",
        "flight",
        "time",
        "latitude",
        "longitude",
        "counted",
        new=col("speed_mps").is_not_null() | col("dt_s").is_null(),
        line=(~col("counted")).cum_sum(),
        # a flagged altitude takes the colour of what was flown before it
        band=pl.when(~col("impossible_climb"))
        .then(pl.when(known).then(band).otherwise(UNKNOWN))
        .forward_fill(),
        flown=pl.when("counted").then("distance_m").otherwise(0.0),
    )
    lines = lines.filter("new").filter(col("counted") | col("counted").shift(-1))
    if lines["line"].n_unique() > LINES:
        longest = lines.group_by("line").agg(col("flown").sum()).sort("flown", "line").tail(LINES)
        lines = lines.join(longest.select("line"), on="line", how="semi", maintain_order="left")
    return lines.with_columns(col("band").fill_null(UNKNOWN))


def _thinned(lines: pl.DataFrame, frame: _Frame) -> pl.DataFrame:
    """Both ends of every line, every change of band, and a vertex for each step flown between them."""
    flown = lines["flown"].cum_sum()
    step = max(flown[-1] / VERTICES, 2 * DEGREE_M / frame.scale)
    ends = col("line").ne_missing(col("line").shift()) | col("line").ne_missing(col("line").shift(-1))
    passed = (flown / step).floor().diff().fill_null(0) > 0
    return lines.filter(ends | (col("band") != col("band").shift()) | passed)


def _paths(lines: pl.DataFrame) -> list[str]:
    """The data of one SVG path for each band: absolute where a line begins or changes band, relative from there."""
    found: list[list[str]] = [[] for _ in NAMES]
    drawn: int | None = None
    for (line, _, x, y), (next_line, band, next_x, next_y) in pairwise(
        lines.select("line", "band", "x", "y").iter_rows()
    ):
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


def _span(values: pl.Series) -> tuple[float, float, float]:
    low, high = (float(value) for value in (values.min(), values.max()) if isinstance(value, float))
    return low, high, high - low


def _round_below(value: float) -> float:
    """The greatest 1, 2 or 5 times a power of ten that is not above `value`."""
    power = 10.0 ** math.floor(math.log10(value))
    return max(factor * power for factor in (1, 2, 5) if factor * power <= value * (1 + 1e-9))


def _multiples(step: float, low: float, high: float) -> list[float]:
    return [step * at for at in range(math.ceil(low / step), math.floor(high / step) + 1)]


def _degrees(value: float, letters: str) -> str:
    return f"{abs(round(value, 6)):g}°{f' {letters[value < 0]}' if round(value, 6) else ''}"


def _moment(time: object) -> str:
    return time.strftime("%Y-%m-%d %H:%M") if isinstance(time, datetime) else ""
