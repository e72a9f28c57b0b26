"""The flight app's numbers: against a Polars script, against plain Python, against what the tables hold."""

from __future__ import annotations

import json
import math
import re
import statistics
import tomllib
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.apps.flight_tracks import (
    APP,
    ROOT,
    PlainTrack,
    Whole,
    assert_same_numbers,
    exact_variance,
    flight,
    plain_moments,
    reference,
)

from agi_node import AgiError, Moments
from agi_node.canonical import canonical
from agi_node.files import use_roots
from agi_node.reduce import merge_reduce_documents, reduce_document, verify_reduce_document
from agilab.contracts.app_settings import AppSettings

pytestmark = pytest.mark.xdist_group("flight_sample")  # the sample is worked once, by one process
ALL_TRACKS = ROOT.parent / "shared/data/adsb_paris"


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    return Whole(APP, tmp_path_factory.mktemp("shipped"))


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    if not ALL_TRACKS.is_dir():
        pytest.skip("the 213 tracks lie beside the repository, and are not there")
    return Whole(ALL_TRACKS.parent, tmp_path_factory.mktemp("all"), "adsb_paris")


# against the oracles


def test_the_shipped_tracks_give_what_the_polars_script_says(shipped: Whole) -> None:
    assert_same_numbers(shipped.summary.to_payload(), reference(APP / "data"))


def test_other_arguments_give_what_the_polars_script_says(tmp_path: Path) -> None:
    args = {
        "min_points": 800,
        "max_gap_s": 5.0,
        "flight_gap_s": 60.0,
        "max_speed_mps": 200.0,
        "max_climb_fpm": 4000.0,
    }
    ours = Whole(APP, tmp_path, "data", **args).summary.to_payload()
    options = [text for name, value in args.items() for text in (f"--{name.replace('_', '-')}", f"{value}")]
    theirs = reference(APP / "data", *options)
    assert_same_numbers(ours, theirs)
    assert theirs["source_file_count"] == 24 > theirs["aircraft_count"]
    assert theirs["flight_count"] > theirs["aircraft_count"]
    assert theirs["impossible_speeds"] > 10 < theirs["impossible_climbs"]


@pytest.mark.slow
def test_all_213_aircraft_give_what_the_polars_script_says(everything: Whole) -> None:
    payload = everything.summary.to_payload()
    assert_same_numbers(payload, reference(ALL_TRACKS))
    # written down once from the script, so that a mistake in both is seen as well
    counts = ("row_count", "aircraft_count", "flight_count", "segment_count", "impossible_speeds")
    assert [payload[name] for name in counts] == [284505, 213, 238, 284262, 4]
    # 284,266 segments of 32,622,881.389 m before any was flagged
    assert payload["distance_m"] == pytest.approx(32_622_881.389 - flagged_m(everything), abs=1e-3)


def flagged_m(whole: Whole) -> float:
    tables = [pyarrow.parquet.read_table(path).to_pylist() for _, path in whole.tables]
    return math.fsum(row["distance_m"] for table in tables for row in table if row["impossible_speed"])


@pytest.mark.parametrize("name", ["39b002", "3944ee", "3946ea", "4ca75f", "477ff6"])
def test_one_aircraft_gives_what_plain_python_computes(name: str, shipped: Whole) -> None:
    theirs = PlainTrack(pyarrow.parquet.read_table(APP / f"data/{name}.parquet").to_pylist())
    ours = shipped.partials[name].to_payload()
    assert ours["segment_count"] == len(theirs.distances)
    assert ours["distance_m"] == pytest.approx(math.fsum(theirs.distances), rel=1e-12)
    assert (ours["impossible_speeds"], ours["impossible_climbs"]) == (theirs.impossible_speeds, theirs.stray)
    for field, values in (
        ("speed_mps", theirs.speeds),
        ("altitude_ft", theirs.altitudes),
        ("vertical_rate_fpm", theirs.rates),
        ("flight_duration_s", [(end - start).total_seconds() for start, end, _ in theirs.flights]),
        ("flight_distance_m", [metres for _, _, metres in theirs.flights]),
    ):
        assert_same_numbers(ours[field], plain_moments(values))


def test_the_oracle_sees_flags_and_several_flights(shipped: Whole) -> None:
    tracks = {
        name: PlainTrack(pyarrow.parquet.read_table(APP / f"data/{name}.parquet").to_pylist())
        for name in ("39b002", "3944ee", "3946ea", "4ca75f", "477ff6")
    }
    assert {name: len(track.flights) for name, track in tracks.items()} == {
        "39b002": 1,
        "3944ee": 2,
        "3946ea": 1,
        "4ca75f": 2,
        "477ff6": 1,
    }
    assert tracks["3944ee"].impossible_speeds == 1  # 3,623 m in four seconds
    assert (tracks["3946ea"].stray, max(tracks["3946ea"].altitudes)) == (
        3,
        25675.0,
    )  # it says 123,100 ft once


def test_disorder_nulls_and_repeated_times_are_dealt_with_as_plain_python_does(
    tmp_path: Path,
) -> None:
    dirty = pl.read_parquet(APP / "data/0a0046.parquet").with_row_index()
    moved = pl.col("latitude") + 1
    dirty = pl.concat([dirty, dirty.gather_every(7).with_columns(moved)])  # times that come again, elsewhere
    dirty = dirty.with_columns(pl.when(pl.col("index") % 11 != 3).then("latitude").alias("latitude"))
    dirty = dirty.with_columns(pl.when(pl.col("index") % 13 != 5).then("longitude").alias("longitude"))
    dirty = dirty.drop("index").sample(fraction=1, shuffle=True, seed=2)
    dirty.write_parquet(tmp_path / "dirty.parquet")
    theirs = PlainTrack(pyarrow.parquet.read_table(tmp_path / "dirty.parquet").to_pylist())

    payload = Whole(tmp_path, tmp_path / "runs", "*.parquet").summary.to_payload()

    assert payload["distance_m"] == pytest.approx(math.fsum(theirs.distances), rel=1e-12)
    assert_same_numbers(payload["speed_mps"], plain_moments(theirs.speeds))
    assert_same_numbers(payload, reference(tmp_path))
    assert payload["impossible_speeds"] == theirs.impossible_speeds > 50, "the moved positions are flagged"


def test_flights_of_the_sample_are_those_between_which_the_callsign_changes(shipped: Whole) -> None:
    callsigns = {
        (file.stem, callsign)
        for file in (APP / "data").glob("*.parquet")
        for callsign in pl.read_parquet(file)["callsign"].unique()
    }
    assert len(callsigns) == shipped.summary.flight_count == 27


# the partial


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_any_order_and_any_grouping_of_aircraft_gives_the_same_bytes(shipped: Whole, data: Any) -> None:
    parts = data.draw(st.permutations(list(shipped.partials.values())))
    while len(parts) > 1:
        at = data.draw(st.integers(0, len(parts) - 2))
        parts[at : at + 2] = [parts[at].merge(parts[at + 1])]
    assert canonical(parts[0].to_state()) == canonical(shipped.summary.to_state())
    assert canonical(parts[0].to_payload()) == canonical(shipped.summary.to_payload())


def test_the_empty_summary_changes_nothing(shipped: Whole) -> None:
    empty = flight.FlightSummary.identity()
    assert empty.merge(shipped.summary) == shipped.summary.merge(empty) == shipped.summary
    assert (
        flight.FlightSummary.from_state(json.loads(canonical(shipped.summary.to_state()))) == shipped.summary
    )


def test_merged_speeds_equal_a_single_pass_over_all_trajectories(shipped: Whole) -> None:
    speeds = [v for _, path in shipped.tables for v in pl.read_parquet(path)["sustained_mps"].drop_nulls()]
    ours = shipped.summary.speed_mps
    assert ours.count == len(speeds)
    assert ours.mean == pytest.approx(math.fsum(speeds) / len(speeds), rel=1e-12)
    assert ours.variance == pytest.approx(exact_variance(speeds), rel=1e-12)


def test_two_workers_documents_merge_into_the_whole_without_the_app(shipped: Whole) -> None:
    states = [(key, partial.to_state()) for key, partial in shipped.partials.items()]
    whole = reduce_document("flight", flight.FlightSummary, states)
    verify_reduce_document(whole, states)
    halves = [reduce_document("flight", flight.FlightSummary, part) for part in (states[::2], states[1::2])]
    assert merge_reduce_documents(halves)["payload"] == whole["payload"]
    assert whole["payload"]["aircraft_count"] == len(whole["payload"]["aircraft"]) == 24


# the plan, the tables, the verdicts


def test_the_plan_is_one_item_per_file_with_its_size_as_cost(shipped: Whole) -> None:
    files = sorted((APP / "data").glob("*.parquet"))
    assert [item.key for item in shipped.items] == [file.stem for file in files]
    assert [item.cost for item in shipped.items] == [file.stat().st_size for file in files]


def test_a_folder_means_its_parquet_files_and_not_the_data_card(tmp_path: Path) -> None:
    assert (APP / "data/README.md").is_file()
    with use_roots({"app": APP}):
        assert len(list(flight.tracks(flight.FlightArgs(tracks="data")))) == 24


def test_an_empty_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "hangar").mkdir()
    with use_roots({"app": tmp_path}), pytest.raises(AgiError, match=r"AGI-DATA-001[^$]*hangar"):
        list(flight.tracks(flight.FlightArgs(tracks="hangar")))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("min_points", 1), ("max_gap_s", 0), ("max_gap_s", -3), ("max_gap_s", "soon")),
        *(("max_gap_s", math.inf), ("max_speed_mps", math.nan)),
        *(("flight_gap_s", 0), ("flight_gap_s", 299), ("max_speed_mps", 0), ("max_climb_fpm", -1)),
    ],
)
def test_arguments_out_of_range_are_refused_by_name(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=name):
        flight.FlightArgs(**{name: value})


def test_a_trajectory_says_of_every_position_how_it_was_reached(shipped: Whole) -> None:
    table = pl.read_parquet(shipped.runs["477ff6"].saved["trajectories"])
    assert table.height == shipped.partials["477ff6"].row_count == 1187
    first, gap = table.row(0, named=True), table.filter(pl.col("dt_s") > 300).row(0, named=True)
    assert (first["distance_m"], first["counted"]) == (None, False)
    assert (gap["dt_s"], gap["counted"]) == (438.0, False)
    assert table["distance_m"].filter(table["counted"]).sum() == shipped.partials["477ff6"].distance_m
    raw = pl.read_parquet(APP / "data/477ff6.parquet")["groundspeed"]
    assert table["groundspeed_mps"].to_list()[-1] == pytest.approx(raw.to_list()[-1] * 1852 / 3600)


def test_a_unit_logs_its_rows_segments_and_distance(shipped: Whole) -> None:
    run, partial = shipped.runs["39b002"], shipped.partials["39b002"]
    assert run.metrics == {
        "rows": [3360.0],
        "segments": [3359.0],
        "distance_m": [partial.distance_m],
    }


def test_the_shipped_tracks_agree_with_the_reported_speeds(shipped: Whole, tmp_path: Path) -> None:
    run = shipped.publish(tmp_path)
    verdicts = {verdict["name"]: verdict for verdict in run.validations}
    assert list(verdicts) == [
        "flights add up",
        "no flight is too fast",
        "rows add up",
        "segments add up",
        "groundspeed agreement",
    ]
    assert all(verdict["passed"] for verdict in verdicts.values())
    assert verdicts["rows add up"]["value"] == shipped.summary.row_count

    differences = [
        abs(row["speed_mps"] - row["groundspeed_mps"])
        for _, path in shipped.tables
        for row in pyarrow.parquet.read_table(path).to_pylist()
        if row["counted"] and row["groundspeed_mps"] is not None and row["speed_mps"] is not None
    ]
    agreement = verdicts["groundspeed agreement"]
    assert agreement["value"] == pytest.approx(statistics.median(differences), rel=1e-12)
    assert agreement["message"].startswith(
        f"median absolute difference {agreement['value']:.2f} m/s over {len(differences):,} segments"
    )
    assert run.metrics["groundspeed_difference_mps"] == [agreement["value"]]


def test_the_limit_of_agreement_is_what_rounding_time_to_seconds_does() -> None:
    # two positions, true at any moment of their seconds: by how much is the speed between them wrong?
    steps = [(i + 0.5) / 400 for i in range(400)]
    wrong = sorted(abs(later - earlier) for earlier in steps for later in steps)
    assert wrong[len(wrong) // 2] == pytest.approx(1 - math.sqrt(0.5), abs=2e-3)


def test_knots_taken_for_metres_per_second_disagree(shipped: Whole, tmp_path: Path) -> None:
    tables = []
    for key, path in shipped.tables:
        mixed = pl.read_parquet(path).with_columns(pl.col("groundspeed_mps") / (1852 / 3600))
        mixed.write_parquet(tmp_path / f"{key}.parquet")
        tables.append((key, tmp_path / f"{key}.parquet"))
    agreement = shipped.publish(tmp_path / "run", tables).validations[-1]
    assert (agreement["name"], agreement["passed"]) == ("groundspeed agreement", False)
    assert agreement["value"] > agreement["limit"] > 0


def test_a_lost_trajectory_does_not_add_up(shipped: Whole, tmp_path: Path) -> None:
    run = shipped.publish(tmp_path, shipped.tables[1:])
    assert [verdict["passed"] for verdict in run.validations] == [False, True, False, False, True]


def test_without_a_reported_speed_nothing_is_claimed_about_it(tmp_path: Path) -> None:
    whole = Whole(APP, tmp_path / "runs", "data/392ae2.parquet")
    run = whole.publish(tmp_path / "publish")
    assert [verdict["name"] for verdict in run.validations] == [
        "flights add up",
        "no flight is too fast",
        "rows add up",
        "segments add up",
    ]


def test_the_greatest_speed_of_a_flight_is_one_that_was_reported(shipped: Whole, tmp_path: Path) -> None:
    run = shipped.publish(tmp_path)
    flown = pl.read_parquet(run.saved["flights"]).drop_nulls("max_speed_mps")
    reported: dict[str, float] = {}
    for _, path in shipped.tables:
        for row in pyarrow.parquet.read_table(path).to_pylist():
            reported[row["flight"]] = max(reported.get(row["flight"], 0.0), row["groundspeed_mps"] or 0.0)
    assert len(flown) > 20
    for name, speed in flown.select("flight", "max_speed_mps").rows():
        assert reported[name] == 0 or speed <= reported[name] * 1.1, name
    (found,) = [one for one in run.validations if one["name"] == "no flight is too fast"]
    assert found["value"] == flown["max_speed_mps"].max() < found["limit"] == pytest.approx(340.3 * 21 / 20)
    assert shipped.summary.speed_mps.max == flown["max_speed_mps"].max() <= max(reported.values()) * 21 / 20
    segments = pl.concat(
        [pl.read_parquet(path, columns=["speed_mps", "counted"]) for _, path in shipped.tables]
    )
    assert segments.filter("counted")["speed_mps"].max() > 340.3, (
        "over a single second the stamps say anything"
    )


def test_a_flight_that_is_too_fast_all_the_way_is_found(shipped: Whole, tmp_path: Path) -> None:
    tables = []
    for key, path in shipped.tables:
        factor = 2 if key == "a7c7cc" else 1
        faster = pl.read_parquet(path).with_columns(pl.col("distance_m", "sustained_mps") * factor)
        faster.write_parquet(tmp_path / f"{key}.parquet")
        tables.append((key, tmp_path / f"{key}.parquet"))
    found = shipped.publish(tmp_path / "run", tables).validations[1]
    assert (found["name"], found["passed"]) == ("no flight is too fast", False)
    assert "flight a7c7cc-" in found["message"]


def test_without_any_aircraft_there_is_nothing_to_publish_and_that_is_no_success(tmp_path: Path) -> None:
    whole = Whole(APP, tmp_path / "runs", min_points=10**6)
    assert whole.summary == flight.FlightSummary(source_file_count=24)
    assert whole.summary.speed_mps == Moments()
    run = whole.publish(tmp_path / "publish")
    (found,) = run.validations
    assert (found["name"], found["passed"]) == ("some aircraft counts", False)
    assert found["message"] == "of 24 files none has 1,000,000 positions"
    assert run.saved == {}


# what lies beside the code


def test_the_saved_settings_are_valid_and_say_what_the_defaults_are() -> None:
    saved = tomllib.loads((APP / "app_settings.toml").read_text(encoding="utf-8"))
    assert flight.FlightArgs(**AppSettings.model_validate(saved).args) == flight.FlightArgs()


def test_the_lock_names_public_registries_only_and_no_package_of_ours() -> None:
    lock = tomllib.loads((APP / "uv.lock").read_text(encoding="utf-8"))
    names = {package["name"] for package in lock["package"]}
    assert {"polars", "pydantic", "flight-project"} <= names
    assert not names & {"agi-node", "agilab", "numpy"}
    hosts = set(re.findall(r"https?://([^/\"]+)", (APP / "uv.lock").read_text(encoding="utf-8")))
    assert hosts == {"pypi.org", "files.pythonhosted.org"}


def test_the_first_page_shows_what_the_shipped_tracks_give(shipped: Whole) -> None:
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = dict(
        re.findall(r"^  (\w+) +(.*)$", page.split("\nResult\n")[1].split("\nChecks\n")[0], re.MULTILINE)
    )
    payload = shipped.summary.to_payload()
    assert shown.keys() == payload.keys()
    for name, value in payload.items():
        told = [float(text.replace(",", "")) for text in re.findall(r"-?\d[\d,.]*", shown[name])]
        if isinstance(value, dict):
            assert told == pytest.approx(list(value.values()), rel=5e-6), name
        elif isinstance(value, int | float):
            assert told == pytest.approx([value], rel=5e-7), name


def test_the_data_card_says_what_the_files_hold() -> None:
    card = (APP / "data/README.md").read_text(encoding="utf-8")
    rows = [line.strip("| \n").split(" | ") for line in card.splitlines() if line.startswith("| `")]
    listed = {cells[0].strip("`"): cells for cells in rows if len(cells) == 9}
    files = sorted((APP / "data").glob("*.parquet"))
    assert sorted(listed) == [file.stem for file in files]

    def number(count: int) -> str:
        return f"{count:,}" if count else "–"  # noqa: RUF001

    for file in files:
        table = pl.read_parquet(file)
        times = table["timestamp"].to_list()
        pauses = [f"{s:,}" for s in table["timestamp"].diff().dt.total_seconds().drop_nulls() if s > 1]
        assert listed[file.stem][1:8] == [
            ", ".join(table["callsign"].unique().sort()),
            "–".join(f"{time:%H:%M:%S}" for time in (times[0], times[-1])),  # noqa: RUF001
            f"{table.height:,}",
            ", ".join(pauses) or "–",  # noqa: RUF001
            number(int(table["onground"].sum())),
            number(table["altitude"].null_count()),
            number(table["groundspeed"].null_count()),
        ], file.stem
