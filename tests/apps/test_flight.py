"""The flight app's numbers: against a Polars script, against plain Python, against a hand-made track."""

from __future__ import annotations

import importlib
import json
import math
import re
import statistics
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agi_node import AgiError, FileRef, LocalRun, Moments, RunContext
from agi_node.canonical import canonical
from agi_node.files import use_roots
from agi_node.reduce import merge_reduce_documents, reduce_document, verify_reduce_document
from agilab.contracts.app_settings import AppSettings

ROOT = Path(__file__).parents[2]
APP = ROOT / "src/agilab/apps/flight_project"
ALL_TRACKS = ROOT.parent / "shared/data/adsb_paris"
SCRIPT = ROOT / "benchmarks/flight_polars.py"
NOON = datetime(2021, 10, 7, 12)

sys.path.insert(0, str(APP / "src"))  # an app is not installed; a worker puts its source first, just so
flight = importlib.import_module("flight")


def reference(folder: Path, *options: str) -> dict[str, Any]:
    """What the Polars script, in a process of its own, says about a folder."""
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(folder), *options], capture_output=True, text=True, check=True
    )
    payload: dict[str, Any] = json.loads(done.stdout)["payload"]
    return payload


def assert_same_numbers(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    """Texts and counts equal, sums to 1e-12."""
    assert ours.keys() == theirs.keys()
    for name, value in theirs.items():
        if isinstance(value, dict):
            assert_same_numbers(ours[name], value)
        elif isinstance(value, float):
            assert ours[name] == pytest.approx(value, rel=1e-12), name
        else:
            assert ours[name] == value, name


class Whole:
    """A run of the app's plain functions over a folder, one after the other."""

    def __init__(self, root: Path, scratch: Path, tracks: str = "data/*.parquet", **args: Any) -> None:
        self.args = flight.FlightArgs(tracks=tracks, **args)
        self.runs: dict[str, LocalRun] = {}
        self.partials: dict[str, Any] = {}
        with use_roots({"app": root}):
            self.items = list(flight.tracks(self.args))
            for item in self.items:
                run = RunContext.local(scratch / item.key, key=item.key)
                self.partials[item.key] = flight.summarise(item.payload, self.args, run)
                self.runs[item.key] = run
        self.summary = flight.FlightSummary.merge_all(self.partials.values())
        self.tables = [(k, run.saved["trajectories"]) for k, run in self.runs.items() if run.saved]

    def publish(self, scratch: Path, tables: list[tuple[str, Path]] | None = None) -> LocalRun:
        """The verdicts on these trajectories, or on others in their place."""
        earlier = {"trajectories": self.tables if tables is None else tables}
        run = RunContext.local(scratch, node="publish", earlier=earlier)
        flight.agreement(self.summary, run)
        return run


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    return Whole(APP, tmp_path_factory.mktemp("shipped"))


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    if not ALL_TRACKS.is_dir():
        pytest.skip("the 213 tracks lie beside the repository, and are not there")
    return Whole(ALL_TRACKS.parent, tmp_path_factory.mktemp("all"), "adsb_paris")


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


# against the oracles


def test_the_shipped_tracks_give_what_the_polars_script_says(shipped: Whole) -> None:
    assert_same_numbers(shipped.summary.to_payload(), reference(APP / "data"))


def test_other_arguments_give_what_the_polars_script_says(tmp_path: Path) -> None:
    ours = Whole(APP, tmp_path, "data", min_points=800, max_gap_s=5.0).summary.to_payload()
    theirs = reference(APP / "data", "--min-points", "800", "--max-gap-s", "5")
    assert_same_numbers(ours, theirs)
    assert theirs["source_file_count"] == 24 > theirs["aircraft_count"]


@pytest.mark.slow
def test_all_213_aircraft_give_what_the_polars_script_says(everything: Whole) -> None:
    payload = everything.summary.to_payload()
    assert_same_numbers(payload, reference(ALL_TRACKS))
    # written down once from the script, so that a mistake in both is seen as well
    assert (payload["row_count"], payload["aircraft_count"], payload["segment_count"]) == (
        284505,
        213,
        284266,
    )
    assert payload["distance_m"] == pytest.approx(32_622_881.389, abs=1e-3)


@pytest.mark.parametrize("name", ["39b002", "3944ee", "4bce03", "477ff6"])
def test_one_aircraft_gives_what_plain_python_computes(name: str, shipped: Whole) -> None:
    speeds, distances = plain_segments(pyarrow.parquet.read_table(APP / f"data/{name}.parquet").to_pylist())
    ours = shipped.partials[name].to_payload()
    assert ours["segment_count"] == ours["speed_mps"]["count"] == len(speeds)
    assert ours["distance_m"] == pytest.approx(math.fsum(distances), rel=1e-12)
    assert ours["speed_mps"]["mean"] == pytest.approx(statistics.fmean(speeds), rel=1e-12)
    assert ours["speed_mps"]["variance"] == pytest.approx(exact_variance(speeds), rel=1e-12)
    assert ours["speed_mps"]["max"] == pytest.approx(max(speeds), rel=1e-12)


def plain_segments(rows: list[dict[str, Any]]) -> tuple[list[float], list[float]]:
    """Speeds and distances of the segments that count, by a loop and `math`."""
    seen: dict[datetime, dict[str, Any]] = {}
    for row in rows:
        if row["latitude"] is not None and row["longitude"] is not None:
            seen.setdefault(row["timestamp"], row)
    track = [seen[time] for time in sorted(seen)]
    speeds, distances = [], []
    for a, b in pairwise(track):
        seconds = (b["timestamp"] - a["timestamp"]).total_seconds()
        if not 0 < seconds <= 300:
            continue
        p, q = math.radians(a["latitude"]), math.radians(b["latitude"])
        l, m = math.radians(a["longitude"]), math.radians(b["longitude"])  # noqa: E741
        h = math.sin((q - p) / 2) ** 2 + math.cos(p) * math.cos(q) * math.sin((m - l) / 2) ** 2
        distances.append(2 * 6_371_008.8 * math.asin(math.sqrt(h)))
        speeds.append(distances[-1] / seconds)
    return speeds, distances


def exact_variance(values: list[float]) -> float:
    exact = [Fraction(value) for value in values]
    mean = sum(exact) / len(exact)
    return float(sum((value - mean) ** 2 for value in exact) / len(exact))


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
    speeds, distances = plain_segments(pyarrow.parquet.read_table(tmp_path / "dirty.parquet").to_pylist())

    payload = Whole(tmp_path, tmp_path / "runs", "*.parquet").summary.to_payload()

    assert payload["distance_m"] == pytest.approx(math.fsum(distances), rel=1e-12)
    assert payload["speed_mps"]["variance"] == pytest.approx(exact_variance(speeds), rel=1e-12)
    assert_same_numbers(payload, reference(tmp_path))
    assert max(speeds) > 50_000, "the moved positions take part"


# what counts


def test_a_degree_along_the_equator_is_a_360th_of_the_earths_girth(track: Write, tmp_path: Path) -> None:
    summary = summarise(track([0, 100], [(0, 10), (0, 11)]), tmp_path)
    assert summary.distance_m == pytest.approx(2 * math.pi * 6_371_008.8 / 360, rel=1e-12)
    assert summary.speed_mps.mean == pytest.approx(summary.distance_m / 100, rel=1e-12)
    assert (summary.time_start, summary.time_end) == (
        "2021-10-07T12:00:00.000000Z",
        "2021-10-07T12:01:40.000000Z",
    )


def test_from_pole_to_pole_is_half_a_girth(track: Write, tmp_path: Path) -> None:
    summary = summarise(track([0, 100], [(-90, 0), (90, 0)]), tmp_path)
    assert summary.distance_m == pytest.approx(math.pi * 6_371_008.8, rel=1e-12)


def test_across_the_date_line_is_a_short_way(track: Write, tmp_path: Path) -> None:
    summary = summarise(track([0, 100], [(0, 179.5), (0, -179.5)]), tmp_path)
    assert summary.distance_m == pytest.approx(2 * math.pi * 6_371_008.8 / 360, rel=1e-12)


def test_a_gap_of_exactly_the_limit_counts_and_a_longer_one_does_not(track: Write, tmp_path: Path) -> None:
    file = track([0, 300, 600.000001], [(0, 0), (0, 1), (0, 2)])
    summary = summarise(file, tmp_path)
    assert (summary.row_count, summary.segment_count) == (3, 1)


def test_of_one_timestamp_the_first_row_of_the_file_stays(track: Write, tmp_path: Path) -> None:
    file = track([60, 0, 60, 0], [(0, 1), (0, 0), (50, 50), (60, 60)])
    summary = summarise(file, tmp_path)
    assert summary.row_count == 2
    assert summary.distance_m == pytest.approx(2 * math.pi * 6_371_008.8 / 360, rel=1e-12)


def test_a_row_without_place_does_not_hide_one_with_a_place_at_the_same_time(
    track: Write, tmp_path: Path
) -> None:
    file = track([0, 60, 60], [(0, 0), (None, 1), (0, 1)])
    assert summarise(file, tmp_path).segment_count == 1


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


def test_merged_speeds_equal_a_single_pass_over_all_segments(shipped: Whole) -> None:
    speeds = [v for _, path in shipped.tables for v in counted(path)["speed_mps"].to_list()]
    ours = shipped.summary.speed_mps
    assert ours.count == len(speeds)
    assert ours.mean == pytest.approx(math.fsum(speeds) / len(speeds), rel=1e-12)
    assert ours.variance == pytest.approx(exact_variance(speeds), rel=1e-12)


def counted(path: Path) -> pl.DataFrame:
    return pl.read_parquet(path).filter("counted")


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
    ("name", "value"), [("min_points", 1), ("max_gap_s", 0), ("max_gap_s", -3), ("max_gap_s", "soon")]
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
    assert list(verdicts) == ["rows add up", "segments add up", "groundspeed agreement"]
    assert all(verdict["passed"] for verdict in verdicts.values())
    assert verdicts["rows add up"]["value"] == shipped.summary.row_count

    differences = [
        abs(row["speed_mps"] - row["groundspeed_mps"])
        for _, path in shipped.tables
        for row in pyarrow.parquet.read_table(path).to_pylist()
        if row["counted"] and row["groundspeed_mps"] is not None
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
    assert [verdict["passed"] for verdict in run.validations] == [False, False, True]


def test_without_a_reported_speed_nothing_is_claimed_about_it(tmp_path: Path) -> None:
    whole = Whole(APP, tmp_path / "runs", "data/392ae2.parquet")
    run = whole.publish(tmp_path / "publish")
    assert [verdict["name"] for verdict in run.validations] == ["rows add up", "segments add up"]


def test_without_any_aircraft_there_is_nothing_to_publish(tmp_path: Path) -> None:
    whole = Whole(APP, tmp_path / "runs", min_points=10**6)
    assert whole.summary == flight.FlightSummary(source_file_count=24)
    assert whole.summary.speed_mps == Moments()
    assert whole.publish(tmp_path / "publish").validations == []


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
