"""Hand-made tracks: what is a segment, what a flight, and what no aircraft could have flown."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tests.apps.flight_tracks import flight

from agi_node import FileRef, Moments, RunContext
from agi_node.files import use_roots

NOON = datetime(2021, 10, 7, 12)

Write = Callable[..., FileRef]


@pytest.fixture
def track(tmp_path: Path) -> Iterator[Write]:
    """Writes a track and refers to it."""

    def write(times: list[float | None], places: list[tuple[Any, Any]], **columns: Any) -> FileRef:
        table = pl.DataFrame(
            {
                "timestamp": [t if t is None else NOON + timedelta(seconds=t) for t in times],
                "icao24": ["39b002"] * len(times),
                "latitude": [place[0] for place in places],
                "longitude": [place[1] for place in places],
                "altitude": [1000.0] * len(times),
                "groundspeed": [100.0] * len(times),
                "vertical_rate": [0.0] * len(times),
                **columns,
            },
            strict=False,
        )
        table.write_parquet(tmp_path / "track.parquet")
        return FileRef("app", "track.parquet", (tmp_path / "track.parquet").stat().st_size)

    with use_roots({"app": tmp_path}):
        yield write


def summarise(file: FileRef, scratch: Path, **args: Any) -> Any:
    return flight.summarise(file, flight.FlightArgs(**args), RunContext.local(scratch / "unit"))


def flown(file: FileRef, scratch: Path, **args: Any) -> pl.DataFrame:
    run = RunContext.local(scratch / "flown")
    flight.summarise(file, flight.FlightArgs(**args), run)
    return pl.read_parquet(run.saved["trajectories"])


def trajectory_of(file: FileRef, **limits: float) -> pl.DataFrame:
    table: pl.DataFrame = flight.trajectory(flight.read_positions(file), max_gap_s=300.0, **limits)
    return table


# what counts

ANY_SPEED = {"max_speed_mps": 1e9}  # for shapes that no aircraft flies


def test_a_degree_along_the_equator_is_a_360th_of_the_earths_girth(track: Write, tmp_path: Path) -> None:
    summary = summarise(track([0, 100], [(0, 10), (0, 11)]), tmp_path, **ANY_SPEED)
    assert summary.distance_m == pytest.approx(2 * math.pi * 6_371_008.8 / 360, rel=1e-12)
    assert summary.speed_mps.mean == pytest.approx(summary.distance_m / 100, rel=1e-12)
    assert (summary.time_start, summary.time_end) == (
        "2021-10-07T12:00:00.000000Z",
        "2021-10-07T12:01:40.000000Z",
    )


def test_from_pole_to_pole_is_half_a_girth(track: Write, tmp_path: Path) -> None:
    summary = summarise(track([0, 100], [(-90, 0), (90, 0)]), tmp_path, **ANY_SPEED)
    assert summary.distance_m == pytest.approx(math.pi * 6_371_008.8, rel=1e-12)


def test_across_the_date_line_is_a_short_way(track: Write, tmp_path: Path) -> None:
    summary = summarise(track([0, 100], [(0, 179.5), (0, -179.5)]), tmp_path, **ANY_SPEED)
    assert summary.distance_m == pytest.approx(2 * math.pi * 6_371_008.8 / 360, rel=1e-12)


def test_a_gap_of_exactly_the_limit_counts_and_a_longer_one_does_not(track: Write, tmp_path: Path) -> None:
    file = track([0, 300, 600.000001], [(0, 0), (0, 1), (0, 2)])
    summary = summarise(file, tmp_path, **ANY_SPEED)
    assert (summary.row_count, summary.segment_count) == (3, 1)


def test_of_one_timestamp_the_first_row_of_the_file_stays(track: Write, tmp_path: Path) -> None:
    file = track([60, 0, 60, 0], [(0, 1), (0, 0), (50, 50), (60, 60)])
    summary = summarise(file, tmp_path, **ANY_SPEED)
    assert summary.row_count == 2
    assert summary.distance_m == pytest.approx(2 * math.pi * 6_371_008.8 / 360, rel=1e-12)


def test_a_row_without_place_does_not_hide_one_with_a_place_at_the_same_time(
    track: Write, tmp_path: Path
) -> None:
    file = track([0, 60, 60], [(0, 0), (None, 1), (0, 1)])
    assert summarise(file, tmp_path, **ANY_SPEED).segment_count == 1


def test_nan_and_missing_times_are_as_missing_as_null(track: Write, tmp_path: Path) -> None:
    file = track([0, 10, None, 20], [(0.0, 0.0), (math.nan, 1.0), (0.0, 1.0), (0.0, 0.5)])
    assert summarise(file, tmp_path).row_count == 2


def test_an_aircraft_with_too_few_positions_counts_as_a_file_alone(track: Write, tmp_path: Path) -> None:
    file = track([0, 10, 20], [(0, 0), (None, None), (0, 1)])
    run = RunContext.local(tmp_path / "unit")
    summary = flight.summarise(file, flight.FlightArgs(min_points=3), run)
    assert summary == flight.FlightSummary(source_file_count=1)
    assert not run.saved, "no trajectory for an aircraft that does not count"


def test_times_of_another_zone_are_told_in_utc(track: Write, tmp_path: Path) -> None:
    paris = pl.Series([NOON, NOON + timedelta(seconds=9)]).dt.replace_time_zone("Europe/Paris")
    file = track([0, 9], [(0, 0), (0, 1)], timestamp=paris.cast(pl.Datetime("ms", "Europe/Paris")))
    assert summarise(file, tmp_path).time_start == "2021-10-07T10:00:00.000000Z"


# flights


def test_a_silence_of_exactly_the_limit_stays_one_flight_and_a_longer_one_makes_two(
    track: Write, tmp_path: Path
) -> None:
    places = [(0, 0), (0, 0.1), (0, 0.2), (0, 0.3)]
    file = track([0, 100, 700, 1300.000001], places)
    table = flown(file, tmp_path)
    assert table["flight"].to_list() == ["39b002-1"] * 3 + ["39b002-2"]
    # at these places an aircraft could be, but nobody saw it fly there
    assert table["counted"].to_list() == [False, True, False, False]
    assert table["impossible_speed"].sum() == 0


def test_flights_say_when_how_far_and_how_high(track: Write, tmp_path: Path) -> None:
    file = track(
        [0, 100, 1000, 1100, 1200],
        [(0, 0), (0, 0.1), (0, 1), (0, 1.1), (0, 1.2)],
        altitude=[1000.0, None, 2000.0, 4000.0, 3000.0],
        vertical_rate=[640.0, None, 1200.0, 0.0, -600.0],
    )
    first, second = flight.flights(flown(file, tmp_path)).rows(named=True)
    tenth = 2 * math.pi * 6_371_008.8 / 3600
    assert (first["flight"], second["flight"]) == ("39b002-1", "39b002-2")
    assert (second["start"], second["end"]) == (
        NOON + timedelta(seconds=1000),
        NOON + timedelta(seconds=1200),
    )
    assert (first["duration_s"], second["duration_s"]) == (100.0, 200.0)
    assert first["distance_m"] == pytest.approx(tenth, rel=1e-12)
    assert second["distance_m"] == pytest.approx(2 * tenth, rel=1e-12)
    assert (first["max_altitude_ft"], second["max_altitude_ft"]) == (1000.0, 4000.0)
    assert second["max_altitude_m"] == pytest.approx(1219.2)
    assert (second["min_vertical_rate_fpm"], second["max_vertical_rate_fpm"]) == (-600.0, 1200.0)
    assert second["max_vertical_rate_mps"] == pytest.approx(6.096)
    assert second["min_vertical_rate_mps"] == pytest.approx(-3.048)


def test_the_silence_that_ends_a_flight_is_no_shorter_than_a_segment() -> None:
    with pytest.raises(ValueError, match=r"flight_gap_s\n.*max_gap_s \(900 s\) or more"):
        flight.FlightArgs(max_gap_s=900)
    assert flight.FlightArgs(max_gap_s=900, flight_gap_s=900).flight_gap_s == 900


# what no aircraft flies


def test_as_far_as_sound_and_a_second_reach_is_possible_and_no_farther(track: Write, tmp_path: Path) -> None:
    metre = 360 / (2 * math.pi * 6_371_008.8)
    reach = 340.3 * 11
    for metres, flagged in ((reach - 0.01, False), (reach + 0.01, True)):
        table = flown(track([0, 10], [(0, 0), (0, metres * metre)]), tmp_path / f"{metres}")
        assert table["impossible_speed"].to_list() == [False, flagged]
        assert table["counted"].to_list() == [False, not flagged]
        assert table["speed_mps"][1] == pytest.approx(metres / 10, rel=1e-9), "it stays in the table"


def test_a_position_is_as_old_as_its_first_stamp(track: Write, tmp_path: Path) -> None:
    # 4 km in 20 s are no feat, though nineteen of the twenty seconds repeat the old position
    file = track(list(range(21)), [(0, 0)] * 20 + [(0, 4000 * 360 / (2 * math.pi * 6_371_008.8))])
    table = flown(file, tmp_path)
    assert table["impossible_speed"].sum() == 0
    assert table["speed_mps"].to_list()[:-1] == [None] * 20
    assert table["speed_mps"][-1] == pytest.approx(200.0, rel=1e-9)
    assert (table["dt_s"][-1], table["since_s"][-1]) == (1.0, 20.0)
    summary = summarise(file, tmp_path)
    assert (summary.segment_count, summary.speed_mps.count) == (20, 1)
    assert summary.speed_mps.mean == pytest.approx(200.0, rel=1e-9)


def test_what_is_flagged_enters_neither_distance_nor_speed(track: Write, tmp_path: Path) -> None:
    # 111 m a second along the equator, and the 30th position five degrees off
    straight = [(0, at * 0.001) for at in range(60)]
    file = track(list(range(60)), [*straight[:30], (5, 5), *straight[31:]])
    summary = summarise(file, tmp_path)
    assert (summary.row_count, summary.segment_count, summary.impossible_speeds) == (60, 57, 2)
    second = math.radians(0.001) * 6_371_008.8
    assert summary.distance_m == pytest.approx(57 * second, rel=1e-9)
    # from the 20th second on, and again from 20 s after the break
    assert summary.speed_mps.count == 10 + 9
    assert (summary.speed_mps.min, summary.speed_mps.max) == pytest.approx((second, second), rel=1e-9)


@pytest.mark.parametrize(
    ("altitudes", "astray"),
    [
        ([1000, 1425, 1850], []),  # 200 ft/s, a second more, and a step of the code
        ([1000, 1426, 1426], [0]),
        ([1000, 99000, 1000, 1000], [1]),
        ([1000, 38000, 38000, 38000, 1000, 1000, 1000, 1000], [1, 2, 3]),  # it lasts
        ([38000, 38000, 1000, 1000, 1000], [0, 1]),  # it was there first
        ([1000, None, 38000, None, 1000, 1000], [2]),
        ([9000, 500, 9000, 38000, 9000], [1, 3]),  # both ways
    ],
)
def test_an_altitude_that_no_climb_explains_is_flagged_until_it_is_taken_back(
    track: Write, tmp_path: Path, altitudes: list[float | None], astray: list[int]
) -> None:
    count = len(altitudes)
    file = track(list(range(count)), [(0, at / 1000) for at in range(count)], altitude=altitudes)
    table = flown(file, tmp_path)
    assert [at for at, flag in enumerate(table["impossible_climb"]) if flag] == astray
    right = [height for at, height in enumerate(altitudes) if at not in astray and height is not None]
    summary = summarise(file, tmp_path)
    assert summary.altitude_ft == Moments.of(right)
    assert summary.impossible_climbs == len(astray)
    assert summary.segment_count == count - 1, "a wrong altitude makes no wrong place"


def test_a_new_flight_may_begin_at_any_altitude(track: Write, tmp_path: Path) -> None:
    file = track([0, 1, 5000, 5001], [(0, 0), (0, 0.001), (1, 1), (1, 1.001)], altitude=[0, 0, 30000, 30000])
    table = trajectory_of(file, flight_gap_s=4000.0, max_climb_fpm=1.0)
    assert table["impossible_climb"].sum() == 0
