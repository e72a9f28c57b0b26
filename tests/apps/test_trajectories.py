"""Ships, animals and all else that moves: segments, leaps, trips and maps, against spheres, clocks and plain loops."""

from __future__ import annotations

import contextlib
import importlib
import io
import math
import re
import statistics
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

LIBRARIES = Path(__file__).parents[2] / "src/agilab/libraries"
sys.path[:0] = [str(LIBRARIES / name / "src") for name in ("trajectories", "plain_charts")]
trajectories = importlib.import_module("trajectories")
maps = importlib.import_module("trajectories.maps")
agreement, leaps, segments, trips = (
    getattr(trajectories, name) for name in ("agreement", "leaps", "segments", "trips")
)

NOON = datetime(2024, 6, 1, 12)
RADIUS_M = 6_371_008.8
SHIP = {"max_gap_s": 1800.0, "trip_gap_s": 7200.0, "max_speed_mps": 30.0}


def track(
    places: list[tuple[float, float]], seconds: list[float] | None = None, name: str = "mv", **columns: Any
) -> pl.DataFrame:
    """One track, a position a minute unless other seconds are given."""
    at = [60.0 * step for step in range(len(places))] if seconds is None else seconds
    return pl.DataFrame(
        {
            "track": [name] * len(places),
            "time": [NOON + timedelta(seconds=second) for second in at],
            "latitude": [float(place[0]) for place in places],
            "longitude": [float(place[1]) for place in places],
            **columns,
        }
    )


def angle(a: tuple[float, float], b: tuple[float, float]) -> float:
    """Between two places as vectors, in radians: atan2(|a x b|, a . b), not the haversine."""

    def vector(place: tuple[float, float]) -> tuple[float, float, float]:
        phi, lam = map(math.radians, place)
        return math.cos(phi) * math.cos(lam), math.cos(phi) * math.sin(lam), math.sin(phi)

    (ax, ay, az), (bx, by, bz) = vector(a), vector(b)
    crossed = (ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx)
    return math.atan2(math.hypot(*crossed), ax * bx + ay * by + az * bz)


# segments


@settings(max_examples=40, deadline=None)
@given(places=st.lists(st.tuples(st.floats(-90, 90), st.floats(-180, 180)), min_size=2, max_size=12))
def test_distances_are_those_between_vectors(places: list[tuple[float, float]]) -> None:
    found = segments(track(places), **SHIP)["distance_m"].to_list()
    assert found[0] is None
    # the haversine is ill-conditioned near antipodes: an ulp there is 0.1 m
    assert found[1:] == pytest.approx(
        [RADIUS_M * angle(a, b) for a, b in pairwise(places)], abs=0.2, rel=1e-9
    )


steps = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "c"]),
        st.integers(0, 20_000),
        st.integers(-50, 50).map(lambda at: at / 100),
    ),
    max_size=25,
)
"""(track, second, latitude), in any order and with times that come again."""


def plain(rows: list[tuple[str, int, float]]) -> list[tuple[Any, ...]]:
    """What a loop makes of every track: (trip, second, since, counted, impossible, speed)."""
    found = []
    for name, group in groupby(
        sorted(dict(reversed([((r[0], r[1]), r[2]) for r in rows])).items()), lambda r: r[0][0]
    ):
        trip, first_stamp, before = 1, 0, None
        for (_, second), latitude in group:
            if before is None:
                found.append((f"{name}-1", second, None, False, False, None))
                first_stamp = second
            else:
                gap, since = second - before[0], second - first_stamp
                metres = RADIUS_M * math.radians(abs(latitude - before[1]))
                trip += gap > 7200
                near, moved = gap <= 1800, latitude != before[1]
                impossible = near and metres > 30.0 * (since + 1)
                speed = pytest.approx(metres / since, rel=1e-9, abs=1e-9) if moved else None
                found.append((f"{name}-{trip}", second, since, near and not impossible, impossible, speed))
                first_stamp = second if moved else first_stamp
            before = (second, latitude)
    return found


@settings(max_examples=80, deadline=None)
@given(rows=steps)
def test_many_tracks_in_any_order_are_what_a_loop_over_each_finds(rows: list[tuple[str, int, float]]) -> None:
    table = pl.DataFrame(
        {
            "time": [NOON + timedelta(seconds=row[1]) for row in rows],
            "latitude": [row[2] for row in rows],
            "longitude": [7.0] * len(rows),
            "track": [row[0] for row in rows],
        },
        schema={
            "time": pl.Datetime("us"),
            "latitude": pl.Float64,
            "longitude": pl.Float64,
            "track": pl.String,
        },
    )
    found = segments(table, **SHIP).select(
        "trip",
        (pl.col("time") - NOON).dt.total_seconds(),
        "since_s",
        "counted",
        "impossible_speed",
        "speed_mps",
    )
    assert found.rows() == plain(rows)


def test_other_columns_come_along_and_names_are_ones_own() -> None:
    seal = track([(60, 0), (60.001, 0)], depth_m=[3.0, 40.0]).rename({"track": "animal"})
    table = segments(seal, **SHIP, track="animal", trip="dive")
    assert table.columns == [
        *("dive", "animal", "time", "latitude", "longitude", "depth_m", "dt_s", "distance_m"),
        *("since_s", "speed_mps", "counted", "impossible_speed", "sustained_mps"),
    ]
    assert table["dive"].to_list() == ["mv-1"] * 2


def test_rows_without_a_place_are_dropped_and_hide_none_with_one() -> None:
    told = track([(0, 0), (0, 0.01), (0, 0.01)], [0, 60, 60])
    told = told.with_columns(longitude=pl.Series([0.0, None, 0.01]))
    assert segments(told, **SHIP)["counted"].to_list() == [False, True]


def test_a_coarse_clock_explains_more() -> None:
    # 3 km in a minute are 50 m/s; stamped to the minute, they may have taken nearly two
    ship = track([(0, 0), (3000 / RADIUS_M * 180 / math.pi, 0)])
    assert segments(ship, **SHIP)["impossible_speed"].to_list() == [False, True]
    assert segments(ship, **SHIP, stamp_s=60.0)["impossible_speed"].to_list() == [False, False]


def test_a_segment_lies_within_a_trip() -> None:
    with pytest.raises(ValueError, match=r"max_gap_s \(900 s\) is more than trip_gap_s \(600 s\)"):
        segments(track([(0, 0)]), max_gap_s=900, trip_gap_s=600, max_speed_mps=1)


def test_every_bit_of_a_sum_is_that_of_a_column_in_one_piece() -> None:
    table = segments(track([(0.001 * at, 0.002 * at * at) for at in range(300)]), **SHIP)
    assert set(table.n_chunks("all")) == {1}


# leaps


@pytest.mark.parametrize(
    ("depths", "astray"),
    [
        ([5.0, 5.0, 6.3, 6.3], []),  # 2 m in a second (and one more) and a step of 0.1
        ([0.0, 122.1, 122.1], []),
        ([0.0, 122.2, 122.2], [0]),
        ([10.0, 900.0, 10.0, 10.0], [1]),
        ([10.0, None, 900.0, 900.0, 10.0, 10.0, 10.0], [2, 3]),  # a depth that lasts
        ([900.0, 900.0, 10.0, 10.0, 10.0], [0, 1]),  # and was there first
        ([None, None], []),
    ],
)
def test_a_depth_that_no_dive_explains_is_found_until_it_is_taken_back(
    depths: list[float | None], astray: list[int]
) -> None:
    whale = track([(0, 0.001 * at) for at in range(len(depths))], depth_m=pl.Series(depths, dtype=pl.Float64))
    found = leaps(segments(whale, **SHIP), "depth_m", per_s=2.0, step=0.1)
    assert [row for row, wrong in enumerate(found) if wrong] == astray


def test_whole_numbers_leap_as_others_do_and_each_track_on_its_own() -> None:
    low, high = (
        track([(0, 0), (0, 0.001), (0, 0.002)], name=name, height_m=[at, at, at])
        for name, at in (("low", 0), ("high", 9000))
    )
    table = segments(pl.concat([low, high]), **SHIP)
    assert leaps(table, "height_m", per_s=1.0).sum() == 0
    table = table.with_columns(
        height_m=pl.when(pl.col("trip").is_first_distinct()).then(500).otherwise("height_m")
    )
    assert leaps(table, "height_m", per_s=1.0).to_list() == [True, False, False] * 2


# agreement and trips


def test_speeds_agree_with_reported_ones_as_far_as_a_rounded_clock_lets_them() -> None:
    """A ship that reports its speed exactly, at moments that the clock cuts off to whole minutes."""
    moments = [at * 97.3 for at in range(400)]
    places = [(math.degrees(10.0 * at / RADIUS_M), 0.0) for at in moments]
    stamped = [float(at // 60 * 60) for at in moments]
    table = segments(
        track(places, stamped, sog=[10.0] * 400), max_gap_s=1800, trip_gap_s=1800, max_speed_mps=50
    )
    found = agreement(table, "sog", stamp_s=60.0)
    lasted = [later - earlier for earlier, later in pairwise(stamped)]
    differences = [abs(10.0 * 97.3 / seconds - 10.0) for seconds in lasted]
    assert found.segments == 399
    assert found.difference_mps == pytest.approx(statistics.median(differences), rel=1e-6)
    assert found.limit_mps == pytest.approx(
        statistics.median(10.0 * (1 - math.sqrt(0.5)) * 60 / seconds for seconds in lasted), rel=1e-12
    )
    in_knots = agreement(table.with_columns(pl.col("sog") * 3600 / 1852), "sog", stamp_s=1.0)
    assert in_knots.difference_mps > in_knots.limit_mps
    assert agreement(table.with_columns(sog=pl.lit(None, pl.Float64)), "sog") is None


def test_a_trip_says_when_how_far_and_how_often_it_was_impossible() -> None:
    degree = math.radians(1) * RADIUS_M
    at = [0.0, 600.0, 1200.0, 10_000.0, 10_600.0]
    ship = track([(0, 0), (0, 0.1), (0, 0.2), (0, 0.3), (1, 0.3)], at, draught_m=[5.0, 6.0, 7.0, 8.0, 9.0])
    table = segments(ship, **SHIP).with_columns(impossible_draught=pl.col("draught_m") == 7)
    told = trips(table, deepest_m=pl.col("draught_m").max()).rows(named=True)
    assert told == [
        {
            "trip": "mv-1",
            "track": "mv",
            "start": NOON,
            "end": NOON + timedelta(seconds=1200),
            "duration_s": 1200.0,
            "positions": 3,
            "distance_m": pytest.approx(0.2 * degree, rel=1e-9),
            "max_speed_mps": pytest.approx(0.1 * degree / 600, rel=1e-9),
            "deepest_m": 7.0,
            "impossible_speeds": 0,
            "impossible_draughts": 1,
        },
        {
            "trip": "mv-2",
            "track": "mv",
            "start": NOON + timedelta(seconds=10_000),
            "end": NOON + timedelta(seconds=10_600),
            "duration_s": 600.0,
            "positions": 2,
            "distance_m": 0.0,
            "max_speed_mps": None,
            "deepest_m": 9.0,
            "impossible_speeds": 1,
            "impossible_draughts": 0,
        },
    ]


@given(
    steps=st.lists(st.tuples(st.integers(1, 40), st.integers(0, 3)), min_size=1, max_size=60),
    clock=st.sampled_from([1.0, 0.5, 0.1]),
)
def test_a_sustained_speed_lasts_twenty_steps_of_the_clock_without_a_break(
    steps: list[tuple[int, int]], clock: float
) -> None:
    at, place = [0], [0]
    for ticks, moves in steps:
        at.append(at[-1] + ticks)
        place.append(place[-1] + moves)
    degrees = 10 * clock / RADIUS_M * 180 / math.pi  # 10 m/s at one move a tick
    table = segments(
        track([(p * degrees, 0) for p in place], [tick * clock for tick in at]),
        max_gap_s=25 * clock,
        trip_gap_s=1e6,
        max_speed_mps=14,
        stamp_s=clock,
    )
    # a loop in whole ticks and moves; a move of three in one tick, and a gap of over 25, break off
    found: list[Any] = [None]
    first, unbroken = 0, []
    for (before, here), (then, now) in zip(pairwise(place), pairwise(at), strict=True):
        since, moves = now - first, here - before
        if now - then > 25 or 10 * moves > 14 * (since + 1) + 1e-9:
            unbroken = []
            found.append(None)
        elif moves:
            unbroken.append((now, moves, since))
            window = [one for one in unbroken if one[0] > now - 20]
            lasted = sum(one[2] for one in window)
            fast = 10 * sum(one[1] for one in window) / lasted
            found.append(pytest.approx(fast, rel=1e-6) if lasted >= 20 else None)
        else:
            found.append(None)
        first = now if moves else first
    assert table["sustained_mps"].to_list() == found
    greatest = max((one.expected for one in found if one is not None), default=None)
    (told,) = trips(table)["max_speed_mps"]
    assert told == (None if greatest is None else pytest.approx(greatest, rel=1e-6))


def test_a_stamp_a_second_off_makes_no_trip_faster() -> None:
    # 100 m/s along a meridian, each position stamped up to a second after it was true, as a receiver does
    true = [at + 0.97 * ((7 * at) % 10) / 10 for at in range(200)]
    degrees = [math.degrees(100 * at / RADIUS_M) for at in true]
    table = segments(
        track([(d, 0) for d in degrees], list(range(200))), max_gap_s=60, trip_gap_s=60, max_speed_mps=340
    )
    assert table["counted"].sum() == 199
    assert table["speed_mps"].max() > 160
    assert 95 < table["sustained_mps"].min() <= table["sustained_mps"].max() < 105
    (told,) = trips(table)["max_speed_mps"]
    assert told == table["sustained_mps"].max()


# the map

SVG = "{http://www.w3.org/2000/svg}"
KNOTS = maps.Bands("speed_mps", (5.0,), ("slow", "fast"), "speed")


def test_a_map_tells_in_ones_own_words_what_it_shows() -> None:
    seals = pl.concat(
        [
            track([(60 + 0.001 * at, 5.0) for at in range(50)], name="anna"),
            track([(60.0, 5 + 0.02 * at) for at in range(50)], name="bert"),
        ]
    )
    text = maps.trajectory_map(segments(seals, **SHIP), KNOTS, tracks="seals", trips="dives")
    root = ElementTree.fromstring(text)
    words = {element.text for element in root.iter(f"{SVG}text")}
    assert {"2 seals, 2 dives", "slow", "fast"} <= words
    assert "not known" not in words, "a legend of what is there"
    assert root.find(f"{SVG}title").text.endswith("coloured by speed")
    # 60.049 N is as far from 60 N as a line that goes up only; the fast one goes 0.98 degrees along it
    lines = {path.get("stroke"): path.get("d") for path in drawn(root)}
    wide, tall = extent(lines["var(--1)"])[0], extent(lines["var(--0)"])[1]
    assert wide / tall == pytest.approx(0.98 * math.cos(math.radians(60.0245)) / 0.049, rel=0.02)


def test_a_value_that_flickers_makes_no_large_map() -> None:
    at = [(math.degrees(math.sin(step / 900) / 40), step / 20_000) for step in range(60_000)]
    ship = segments(track(at, list(range(60_000))), **SHIP | {"max_speed_mps": 500.0})
    flickers = ship.with_columns(speed_mps=pl.Series([0.0, 9.0] * 30_000))
    text = maps.trajectory_map(flickers, KNOTS)
    assert 20_000 < len(text.encode()) <= 200_000
    assert len(list(drawn(ElementTree.fromstring(text)))) == 2, "both colours are there"


def drawn(root: ElementTree.Element) -> Iterator[ElementTree.Element]:
    return (path for path in root.iter(f"{SVG}path") if path.get("class") == "f")


def extent(data: str) -> tuple[int, int]:
    """How far a path of one line goes across and down."""
    start, _, rest = data.removeprefix("M").partition("l")
    numbers = [int(text) for text in re.findall(r"-?\d+", rest)]
    assert len(start.split()) == 2
    return abs(sum(numbers[::2])), abs(sum(numbers[1::2]))


def test_where_nothing_moved_there_is_no_map() -> None:
    assert maps.trajectory_map(segments(track([(1, 1)] * 4), **SHIP), KNOTS) is None
    assert maps.trajectory_map(segments(track([(1, 1)]).clear(), **SHIP), KNOTS) is None


@pytest.mark.parametrize(
    ("edges", "names"), [((), ("all",)), ((1, 2), ("low", "high")), ((1, 2, 3, 4, 5), tuple("abcdef"))]
)
def test_bands_that_cannot_be_drawn_are_refused(edges: tuple[int, ...], names: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match=f"{len(edges)} edges and {len(names)} names"):
        maps.Bands("speed_mps", edges, names, "speed")


def test_the_readmes_example_prints_what_it_says() -> None:
    text = (LIBRARIES / "trajectories/README.md").read_text(encoding="utf-8")
    code, printed = re.findall(r"```python\n(.*?)```\n\n(.*?)\n\n", text, re.DOTALL)[0]
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(code, {})
    assert out.getvalue().splitlines() == [line.removeprefix("    ") for line in printed.splitlines()]
