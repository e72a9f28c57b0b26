"""The map of trajectories, read back: lengths, shapes and places in it are those of the sphere."""

from __future__ import annotations

import importlib
import math
import re
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import polars as pl
import pytest
from tests.apps.sources import import_from

from agi_node import FileRef
from agi_node.files import use_roots

APP = Path(__file__).parents[2] / "src/agilab/apps/flight_project"
ALL_TRACKS = APP.parents[4] / "shared/data/adsb_paris"
SVG = "{http://www.w3.org/2000/svg}"
DEGREE_M = 2 * math.pi * 6_371_008.8 / 360
NOON = datetime(2021, 10, 7, 12)

import_from(APP)
flight = importlib.import_module("flight")

Line = list[tuple[float, float]]


class Map:
    """An SVG taken apart: lines by their colour, in units of the drawing."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.root = ElementTree.fromstring(text)
        self.lines = {
            path.get("stroke", ""): lines_of(path.get("d", ""))
            for path in self.root.iter(f"{SVG}path")
            if path.get("class") == "f"
        }
        self.words = [element.text or "" for element in self.root.iter(f"{SVG}text")]
        (bar,) = [path.get("d", "") for path in self.root.iter(f"{SVG}path") if path.get("class") == "m"]
        (name,) = [word for word in self.words if re.fullmatch(r"[\d,]+ k?m", word)]
        metres = float(name.split()[0].replace(",", "")) * (1000 if "km" in name else 1)
        self.unit_m = metres / float(re.findall(r"h([\d.]+)", bar)[0])

    @property
    def all_lines(self) -> list[Line]:
        return [line for lines in self.lines.values() for line in lines]

    @property
    def length_m(self) -> float:
        steps = [math.dist(a, b) for line in self.all_lines for a, b in pairwise(line)]
        return math.fsum(steps) * self.unit_m

    def extent(self) -> tuple[float, float]:
        xs = [x for line in self.all_lines for x, _ in line]
        ys = [y for line in self.all_lines for _, y in line]
        return max(xs) - min(xs), max(ys) - min(ys)


def lines_of(data: str) -> list[Line]:
    """The polylines of a path of absolute M and relative l."""
    found = []
    for part in re.findall(r"M([^M]*)", data):
        start, _, rest = part.partition("l")
        x, y = map(int, start.split())
        numbers = [int(text) for text in re.findall(r"-?\d+", rest)]
        line: Line = [(x, y)]
        for across, down in zip(numbers[::2], numbers[1::2], strict=True):
            x, y = x + across, y + down
            line.append((x, y))
        found.append(line)
    return found


def flown(
    places: list[tuple[float, float]], *, name: str = "39b002", step_s: float = 10.0, **columns: list[float]
):
    """The trajectory of one aircraft at these places, one every ten seconds."""
    count = len(places)
    positions = pl.DataFrame(
        {
            "timestamp": [NOON + timedelta(seconds=step_s * at) for at in range(count)],
            "icao24": [name] * count,
            "latitude": [float(place[0]) for place in places],
            "longitude": [float(place[1]) for place in places],
            "altitude": [1000.0] * count,
            "groundspeed": [100.0] * count,
            "vertical_rate": [0.0] * count,
            **columns,
        },
        schema_overrides={"timestamp": pl.Datetime("us"), "altitude": pl.Float64},
    )
    return flight.trajectory(positions, max_gap_s=300.0, flight_gap_s=600.0)


def steps(
    start: tuple[float, float], end: tuple[float, float], count: int = 100
) -> list[tuple[float, float]]:
    return [
        (start[0] + (end[0] - start[0]) * at / count, start[1] + (end[1] - start[1]) * at / count)
        for at in range(count + 1)
    ]


def drawn(table: pl.DataFrame) -> Map:
    text = flight.drawn(table)
    assert text is not None
    return Map(text)


@pytest.fixture(scope="module")
def shipped() -> pl.DataFrame:
    return trajectories(APP / "data")


def trajectories(folder: Path) -> pl.DataFrame:
    with use_roots({"app": folder}):
        files = [FileRef("app", path.name, path.stat().st_size) for path in sorted(folder.glob("*.parquet"))]
        tracks = [flight.read_positions(file) for file in files]
    return pl.concat([flight.trajectory(track, max_gap_s=300.0, flight_gap_s=600.0) for track in tracks])


def test_the_lines_are_as_long_as_what_was_flown(shipped: pl.DataFrame) -> None:
    counted = shipped.filter("counted")["distance_m"].to_list()
    # rounding to units and leaving out vertices shortens a winding line a little, and lengthens none by much
    assert drawn(shipped).length_m == pytest.approx(math.fsum(counted), rel=0.03)


@pytest.mark.parametrize("latitude", [0.0, 60.0, -75.0])
def test_a_degree_east_is_shorter_than_one_north_by_the_cosine_of_the_latitude(latitude: float) -> None:
    half = 0.5
    corner = [(latitude - half, 0), (latitude + half, 0)], [(latitude + half, 0), (latitude + half, 1)]
    wide, tall = drawn(flown([*steps(*corner[0], 400), *steps(*corner[1], 400)])).extent()
    assert wide / tall == pytest.approx(math.cos(math.radians(latitude)), abs=0.002)


def test_the_scale_bar_measures(shipped: pl.DataFrame) -> None:
    place = drawn(flown(steps((0, 10), (0, 12), 800)))
    assert place.extent()[0] * place.unit_m == pytest.approx(2 * DEGREE_M, rel=0.001)
    tiny = drawn(flown(steps((48.85, 2.35), (48.851, 2.35), 10)))
    assert tiny.extent()[1] * tiny.unit_m == pytest.approx(0.001 * DEGREE_M, rel=0.02)


def test_north_is_up_and_east_is_right() -> None:
    (line,) = drawn(flown(steps((48, 2), (48.5, 2.5), 400))).all_lines
    (x, y), (last_x, last_y) = line[0], line[-1]
    assert last_x > x
    assert last_y < y


def test_across_the_date_line_the_map_is_small() -> None:
    west = steps((10, 179), (10, 180), 400)
    east = steps((10, -179.9975), (10, -179), 400)
    place = drawn(flown([*west, *east]))
    assert place.extent()[0] * place.unit_m == pytest.approx(
        2 * math.cos(math.radians(10)) * DEGREE_M, rel=0.01
    )
    assert {"179° E", "180° E", "179° W"} & set(place.words)


def test_longitudes_may_be_counted_to_the_east_all_the_way_round() -> None:
    place = drawn(flown([*steps((10, 359), (10, 359.9975), 400), *steps((10, 0), (10, 1), 400)]))
    assert place.extent()[0] * place.unit_m == pytest.approx(
        2 * math.cos(math.radians(10)) * DEGREE_M, rel=0.01
    )
    assert "0°" in place.words


def test_what_was_not_flown_is_not_drawn() -> None:
    straight = steps((48, 2), (48, 3), 400)
    stray = [*straight[:200], (30.0, -40.0), (30.0, -40.0), *straight[201:]]
    place = drawn(flown(stray))
    assert place.extent()[1] == 0, "no line leads to the stray position"
    assert len(place.all_lines) == 2
    gap = pl.concat([flown(straight[:150]), flown(straight[250:])])
    ends = sorted(x for line in drawn(gap).all_lines for x in (line[0][0], line[-1][0]))
    assert ends[2] - ends[1] == pytest.approx(101 / 400 * (ends[3] - ends[0]), abs=3)


def test_a_line_has_the_colour_of_its_altitude_and_a_flagged_one_of_what_was_before() -> None:
    altitude = [4000.0 + 100 * at for at in range(101)]  # 4,000 to 14,000 ft: three bands
    altitude[50] = 39_000.0
    place = drawn(flown(steps((48, 2), (48, 2.25)), altitude=altitude))
    bands = {
        colour: sum(b[0] - a[0] for line in lines for a, b in pairwise(line))
        for colour, lines in place.lines.items()
    }
    assert list(bands) == ["var(--2)", "var(--1)", "var(--0)"]
    whole = sum(bands.values())
    parts = [bands[f"var(--{band})"] / whole for band in range(3)]
    assert parts == pytest.approx([0.10, 0.50, 0.40], abs=0.02)
    assert {"below 5,000 ft", "10,000 to 20,000"} <= set(place.words)
    assert "30,000 and above" not in place.words, "a legend of what is there"


def test_where_nothing_moved_there_is_no_map() -> None:
    assert flight.drawn(flown([(48, 2)])) is None
    assert flight.drawn(flown([(48, 2)] * 5)) is None


def test_the_map_counts_aircraft_and_flights_and_is_the_same_every_time(shipped: pl.DataFrame) -> None:
    text = flight.drawn(shipped)
    assert "24 aircraft, 27 flights" in Map(text).words
    assert "2021-10-07 12:00 to 2021-10-07 14:59 UTC" in Map(text).words
    assert flight.drawn(shipped.clone()) == text
    assert (APP / "map.svg").read_text(encoding="utf-8") == text, "the README shows what the app draws"


def test_a_map_of_very_many_flights_stays_small() -> None:
    one = flown(steps((48, 2), (48.3, 2.4), 60))
    many = pl.concat(
        [one.with_columns(pl.col("latitude") + at / 500, flight=pl.lit(f"f-{at}")) for at in range(5000)]
    )
    text = flight.drawn(many)
    assert text is not None
    assert 20_000 < len(text.encode()) <= 150_000


@pytest.mark.slow
def test_the_map_of_all_213_aircraft_stays_small() -> None:
    if not ALL_TRACKS.is_dir():
        pytest.skip("the 213 tracks lie beside the repository, and are not there")
    table = trajectories(ALL_TRACKS)
    text = flight.drawn(table)
    assert text is not None
    assert len(text.encode()) <= 150_000
    assert "213 aircraft, 238 flights" in Map(text).words
    flown_m = math.fsum(table.filter("counted")["distance_m"].to_list())
    assert Map(text).length_m == pytest.approx(flown_m, rel=0.03)


@pytest.mark.parametrize("theme", [0, 1])
def test_every_colour_stands_out_from_the_ground_in_light_and_dark(shipped: pl.DataFrame, theme: int) -> None:
    styles = re.findall(r"svg\{([^}]*)\}", drawn(shipped).text)
    colours = {
        name: code for style in styles[: theme + 1] for name, code in re.findall(r"--(\w):(#\w+)", style)
    }
    ground = colours.pop("g")
    assert contrast(colours.pop("l"), ground) < 2, "the grid stays behind"
    for name in ("i", "s"):
        assert contrast(colours.pop(name), ground) >= 4.5, "WCAG 2.2, text"
    assert len(colours) == 6
    for name, colour in colours.items():
        assert contrast(colour, ground) >= 3, (name, "WCAG 2.2, graphics")


def contrast(one: str, other: str) -> float:
    """The contrast ratio of WCAG 2.2."""

    def luminance(code: str) -> float:
        digits = code[1:] if len(code) == 7 else "".join(2 * digit for digit in code[1:])
        parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)
