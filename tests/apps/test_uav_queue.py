"""The UAV queue app's numbers: against a plain script that knows neither SimPy nor AGILab, and against laws."""

from __future__ import annotations

import json
import math
import re
import statistics
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import polars as pl
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.apps.uav import LIBRARY, QUEUE, RELAY, ROOT, Whole, network, relay, verdicts, write_scenario

from agi_node import Moments
from agi_node.canonical import canonical
from agi_node.reduce import merge_reduce_documents, reduce_document, verify_reduce_document
from agilab.contracts.app_settings import AppSettings

pytestmark = pytest.mark.xdist_group("uav_queue")  # the sample is worked once, by one process
SVG = "{http://www.w3.org/2000/svg}"
SCRIPT = ROOT / "benchmarks/uav_plain.py"
CASES = [
    (name, policy)
    for name in ("bottleneck", "chain", "orbits")
    for policy in ("queue_aware", "shortest_path")
]


def reference(folder: Path, *options: str) -> dict[str, Any]:
    """What the plain script, in a process of its own, says about a folder of scenarios."""
    script = [sys.executable, str(SCRIPT), str(folder), *options]
    done = subprocess.run(script, capture_output=True, text=True, check=True)
    payload: dict[str, Any] = json.loads(done.stdout)["payload"]
    return payload


def assert_same_numbers(ours: Any, theirs: Any, where: str = "") -> None:
    """Counts and texts equal, floats to 1e-9: two clocks add the same times in another order."""
    if isinstance(theirs, dict):
        assert ours.keys() == theirs.keys(), where
        for name, value in theirs.items():
            assert_same_numbers(ours[name], value, f"{where}/{name}")
    elif isinstance(theirs, list):
        assert len(ours) == len(theirs), where
        for at, value in enumerate(theirs):
            assert_same_numbers(ours[at], value, f"{where}/{at}")
    elif isinstance(theirs, float):
        assert ours == pytest.approx(theirs, rel=1e-9, abs=1e-12), where
    else:
        assert ours == theirs, where


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    return Whole("uav_queue", QUEUE, tmp_path_factory.mktemp("shipped"))


@pytest.fixture(scope="module")
def published(shipped: Whole) -> Any:
    return shipped.publish()


@pytest.fixture(scope="module")
def metrics(published: Any) -> dict[tuple[str, str], dict[str, Any]]:
    """The cases of the artifact `queue_metrics`."""
    document = json.loads(published.saved["queue_metrics"].read_text())
    return {(case["scenario"], case["policy"]): case for case in document["cases"]}


# against the plain script


@pytest.mark.slow
def test_the_shipped_scenarios_give_what_the_plain_script_says(shipped: Whole) -> None:
    theirs = reference(QUEUE / "data")
    assert_same_numbers(shipped.payload, theirs)
    assert theirs["packets_dropped"] > 1000 > theirs["packets_in_flight"] > 0


@pytest.mark.slow
def test_other_arguments_give_what_the_plain_script_says(tmp_path: Path) -> None:
    scenario = network(
        relay("a", amplitude_m=900.0, period_s=7.0, bias_ms=0.001, background_rate_pps=20.0),
        relay("b", base_x_m=1400.0, queue_capacity_pkts=4, service_rate_pps=70.0),
        relay("c", base_x_m=300.0, base_y_m=-200.0),
        radio_range_m=1250.0,
        sim_time_s=11.0,
    )
    write_scenario(tmp_path / "own", scenario)
    ours = Whole(
        "uav_queue", tmp_path, tmp_path / "runs", scenarios="own", seed=77, replications=3, warm_up=0.4
    )
    options = ("--seed", "77", "--replications", "3", "--warm-up", "0.4")
    assert_same_numbers(ours.payload, reference(tmp_path / "own", *options))
    paths = pl.concat([pl.read_parquet(path) for _, path in ours.saved("route_summary")])["route"]
    assert {"source > a > sink", "source > c > b > sink"} <= set(paths)


def test_a_policy_alone_is_half_of_both(shipped: Whole, tmp_path: Path) -> None:
    alone = Whole(
        "uav_queue", QUEUE, tmp_path, policy="queue_aware", scenarios="data/orbits.json", replications=2
    )
    keys = ["orbits/queue_aware/000", "orbits/queue_aware/001"]
    assert sorted(alone.partials) == sorted(keys)
    assert all(alone.partials[key] == shipped.partials[key] for key in keys)
    assert alone.payload["shortest_path"]["replications"] == 0
    assert "policy_comparison" not in alone.publish().saved


# what is published


def test_the_relay_app_ships_the_metrics_that_this_app_publishes(published: Any) -> None:
    ours = json.loads(published.saved["queue_metrics"].read_text())
    assert_same_numbers(ours, json.loads((RELAY / "data/queue_metrics.json").read_text()))


def test_pooled_numbers_follow_from_all_packets_together(
    shipped: Whole, metrics: dict[tuple[str, str], dict[str, Any]]
) -> None:
    assert sorted(metrics) == CASES
    for (name, policy), case in metrics.items():
        parts = [
            part.to_payload() for key, part in shipped.partials.items() if key.startswith(f"{name}/{policy}/")
        ]
        counts = [part["e2e_delay_ms"]["count"] for part in parts]
        assert case["packets_delivered"] == sum(counts)
        assert case["pdr"] == sum(counts) / sum(part["packets_generated"] for part in parts)
        weighted = math.fsum(n * part["e2e_delay_ms"]["mean"] for n, part in zip(counts, parts, strict=True))
        assert case["mean_e2e_delay_ms"] == pytest.approx(weighted / sum(counts), rel=1e-12)
        assert case["max_queue_depth_pkts"] == max(part["max_queue_depth_pkts"] for part in parts)
        bits = 8 * sum(counts) * case["network"]["packet_size_bytes"]
        assert case["throughput_kbps"] == pytest.approx(bits / 1000 / (5 * 27.0), rel=1e-12)


def test_intervals_are_students_over_replications(
    shipped: Whole, metrics: dict[tuple[str, str], dict[str, Any]]
) -> None:
    for name in ("pdr", "p95_e2e_delay_ms", "mean_queue_wait_ms"):
        kept = "pdr_by_replication" if name == "pdr" else name
        values = [
            part.to_payload()[kept]["mean"]
            for key, part in shipped.partials.items()
            if key.startswith("chain/shortest_path/")
        ]
        estimate = metrics["chain", "shortest_path"]["by_replication"][name]
        mean = statistics.fmean(values)
        half = scipy.stats.t.ppf(0.975, 4) * statistics.stdev(values) / math.sqrt(5)
        ends = [mean - half, mean + half]
        if name == "pdr":  # … on the scale of log-odds
            shift = half / (mean * (1 - mean))
            ends = [1 / (1 + (1 - mean) / mean * math.exp(sign * shift)) for sign in (1, -1)]
        assert estimate["mean"] == pytest.approx(mean, rel=1e-12)
        assert [estimate["low_95"], estimate["high_95"]] == pytest.approx(ends, rel=1e-9)
        assert estimate["half_width_95"] == pytest.approx((ends[1] - ends[0]) / 2, rel=1e-9)
        assert estimate["replications"] == 5


def test_policies_are_compared_pair_by_pair(shipped: Whole, published: Any) -> None:
    table = pl.read_parquet(published.saved["policy_comparison"])
    row = table.row(
        by_predicate=(pl.col("scenario") == "orbits") & (pl.col("metric") == "p95_e2e_delay_ms"), named=True
    )
    parts = {key: part.to_payload()["p95_e2e_delay_ms"]["mean"] for key, part in shipped.partials.items()}
    pairs = [parts[f"orbits/queue_aware/{n:03}"] - parts[f"orbits/shortest_path/{n:03}"] for n in range(5)]
    test = scipy.stats.ttest_1samp(pairs, 0.0)
    low, high = test.confidence_interval(0.95)
    assert row["queue_aware_minus_shortest_path"] == pytest.approx(statistics.fmean(pairs), rel=1e-9)
    assert row["half_width_95"] == pytest.approx((high - low) / 2, rel=1e-9)
    assert row["p_value"] == pytest.approx(test.pvalue, rel=1e-9)
    assert table.height == 12
    # twelve tests: Holm's steps from the smallest
    smallest = table.sort("p_value")["p_value"].to_list()
    steps = next((at for at, p in enumerate(smallest) if p * (12 - at) >= 0.05), 12)
    apart = set(table.filter("tells_them_apart")["p_value"])
    assert apart == set(smallest[:steps])
    assert len(apart) < sum(p < 0.05 for p in smallest), "one by one, more would have been told apart"


def test_the_bottleneck_is_found_and_queue_aware_routing_goes_around_it(
    metrics: dict[tuple[str, str], dict[str, Any]],
) -> None:
    blind, aware = (metrics["bottleneck", policy] for policy in ("shortest_path", "queue_aware"))
    assert blind["bottleneck_relay"] == "direct"
    # all of 110 + 50 packets/s at a relay for 130: the fluid limit loses 30 of 160
    load = next(load for load in blind["relays"] if load["relay_id"] == "direct")
    assert load["load"] == pytest.approx(160 / 130, rel=0.03)
    assert load["loss_share"] == pytest.approx(30 / 160, abs=0.02)
    assert blind["pdr"] == pytest.approx(1 - 30 / 160, abs=0.02)
    assert aware["pdr"] > 0.999
    # whatever the routing, the network has 470 packets/s of service for 260 of traffic
    served = [
        load["busy_share"] * relay["service_rate_pps"]
        for load, relay in zip(aware["relays"], aware["network"]["relays"], strict=True)
    ]
    assert sum(served) == pytest.approx(260, rel=0.03)


def test_tables_are_ready_for_a_page(shipped: Whole, published: Any) -> None:
    assert {
        "queue_metrics",
        "policy_summary",
        "policy_comparison",
        "node_positions",
        "topology",
        "policies",
    } <= set(published.saved)
    picture = ElementTree.fromstring(published.saved["policies"].read_text())
    assert len(picture.findall(f"{SVG}circle")) == 2 * 2 * 3, (
        "two metrics, by two policies in three scenarios"
    )
    whiskers = [path for path in picture.findall(f"{SVG}path") if "V" in path.get("d", "")]
    assert len(whiskers) == 2 * 2 * 3, "each with its interval"
    assert len(picture.findall(f"{SVG}polyline")) == 2 * 3, "a queue by either policy in each scenario"
    kept = ElementTree.parse(QUEUE / "policies.svg").getroot()
    words = [[text.text for text in root.iter(f"{SVG}text")] for root in (picture, kept)]
    assert words[0] == words[1], "the README shows what the app draws"
    summary = pl.read_parquet(published.saved["policy_summary"])
    assert summary.select("scenario", "policy").rows() == CASES
    places = pl.read_parquet(published.saved["node_positions"])
    assert places.group_by("scenario").len().sort("scenario").rows() == [
        ("bottleneck", 60 * 5),
        ("chain", 60 * 6),
        ("orbits", 60 * 4),
    ]
    assert places["latitude_deg"].is_between(43.5, 43.7).all()
    links = pl.read_parquet(published.saved["topology"]).filter(scenario="chain")
    assert links.filter(pl.col("from_node") == "camera", pl.col("in_range_share") > 0)[
        "to_node"
    ].to_list() == [
        "near-n",
        "near-s",
    ]
    labels = ["scenario", "policy", "replication"]
    for name in ("events", "queue_series", "route_summary"):
        tables = [pl.read_parquet(path) for _, path in shipped.saved(name)]
        assert all(table.columns[:3] == labels for table in tables)
        assert pl.concat(tables).select(labels).n_unique() == 30
    series = pl.concat([pl.read_parquet(path) for _, path in shipped.saved("queue_series")])
    assert series["depth_pkts"].max() <= 40
    whole = pl.concat([pl.read_parquet(path) for _, path in shipped.saved("route_summary")])
    assert whole["packets"].sum() == shipped.summary.packets_generated
    assert whole["dropped"].sum() == shipped.summary.packets_dropped


def test_events_are_capped_and_what_is_left_out_is_counted(shipped: Whole) -> None:
    for key, run in shipped.runs.items():
        table = pl.read_parquet(run.saved["events"])
        record = json.loads(run.saved["replication"].read_text())
        assert table.height == shipped.args.max_events
        assert run.metrics["events_left_out"] == [record["events_left_out"]]
        assert record["events_left_out"] > shipped.partials[key].packets_generated


def test_a_unit_logs_what_a_curve_would_show(shipped: Whole) -> None:
    run, part = shipped.runs["chain/queue_aware/003"], shipped.partials["chain/queue_aware/003"]
    assert run.metrics["pdr"] == [part.packets_delivered / part.packets_generated]
    assert run.metrics["packets"] == [part.packets_generated]
    assert run.metrics["mean_e2e_delay_ms"] == [part.e2e_delay_ms.mean]


def test_the_shipped_scenarios_pass_every_check(published: Any) -> None:
    assert verdicts(published) == {
        "replications add up": True,
        "no packet is lost sight of": True,
        "Little's law": True,
        "the sink is in reach": True,
        "PDR is precise": True,
    }


def test_a_lost_record_does_not_add_up(shipped: Whole) -> None:
    run = shipped.publish("lost", shipped.saved("replication")[1:])
    assert verdicts(run)["replications add up"] is False


def test_waits_that_nobody_had_break_littles_law(shipped: Whole, tmp_path: Path) -> None:
    changed = []
    for key, path in shipped.saved("replication"):
        record = json.loads(path.read_text())
        for tally in record["relays"].values():
            tally["wait_ms"] = Moments().to_state()
        changed.append((key, write_scenario(tmp_path, record, f"{len(changed)}.json")))
    run = shipped.publish("waits", changed)
    assert verdicts(run)["Little's law"] is False
    assert next(v["value"] for v in run.validations if v["name"] == "Little's law") == 1.0


def test_too_few_packets_leave_the_ratio_uncertain(tmp_path: Path) -> None:
    one = relay("r", queue_capacity_pkts=1)
    write_scenario(tmp_path / "own", network(one, sim_time_s=2.0))
    run = Whole(
        "uav_queue", tmp_path, tmp_path / "runs", scenarios="own", policy="shortest_path", replications=2
    )
    found = {verdict["name"]: verdict for verdict in run.publish().validations}["PDR is precise"]
    assert (found["passed"], found["limit"]) == (False, 0.05)
    assert found["value"] > 0.05


def test_nothing_delivered_is_nothing_claimed(tmp_path: Path) -> None:
    write_scenario(tmp_path / "own", network(relay("r"), relay("s"), radio_range_m=10.0))
    whole = Whole("uav_queue", tmp_path, tmp_path / "runs", scenarios="own", replications=2)
    run = whole.publish()
    (case, _) = json.loads(run.saved["queue_metrics"].read_text())["cases"]
    assert (case["pdr"], case["mean_e2e_delay_ms"], case["p95_e2e_delay_ms"]) == (0.0, None, None)
    payload = whole.payload
    assert payload["packets_no_route"] == payload["packets_dropped"] == payload["packets_generated"] > 0
    assert payload["bottleneck_relay"] is case["bottleneck_relay"] is None, "no queue lost any"
    found = {verdict["name"]: verdict for verdict in run.validations}["the sink is in reach"]
    assert (found["passed"], found["value"]) == (False, 1.0)
    assert "test/" in found["message"]
    assert "packets at r" in run.saved["policies"].read_text()
    assert {row["lost_at"] for row in whole.answer} == {"no path"}


def test_the_answer_is_a_row_for_each_case(shipped: Whole, published: Any) -> None:
    rows = {row["case"]: row for row in shipped.answer}
    assert list(rows) == ["/".join(case) for case in CASES]
    for (name, policy), case in [(key, rows["/".join(key)]) for key in CASES]:
        parts = [part for key, part in shipped.partials.items() if key.startswith(f"{name}/{policy}/")]
        sums = [sum(getattr(part, f"packets_{end}") for part in parts) for end in ("delivered", "generated")]
        assert case["pdr"] == sums[0] / sums[1]
    assert [rows[f"{name}/shortest_path"]["lost_at"] for name in ("bottleneck", "chain")] == [
        "direct",
        "far-s",
    ]
    assert rows["bottleneck/queue_aware"]["lost_at"] is None


# the plan and the partial


def test_the_plan_is_every_scenario_policy_and_replication_at_the_cost_of_its_packets(shipped: Whole) -> None:
    keys = [f"{name}/{policy}/{n:03}" for name, policy in CASES for n in range(5)]
    assert sorted(item["key"] for item in shipped.items) == sorted(keys)
    costs = {item["key"].partition("/")[0]: item["cost"] for item in shipped.items}
    assert costs == {"bottleneck": 30 * 260.0, "chain": 30 * 185.0, "orbits": 30 * 180.0}
    files = {(item["key"].partition("/")[0], item["payload"]["scenario"]["path"]) for item in shipped.items}
    assert files == {(name, f"data/{name}.json") for name in costs}


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_any_order_and_any_grouping_of_replications_gives_the_same_bytes(shipped: Whole, data: Any) -> None:
    parts = data.draw(st.permutations(list(shipped.partials.values())))
    while len(parts) > 1:
        at = data.draw(st.integers(0, len(parts) - 2))
        parts[at : at + 2] = [parts[at].merge(parts[at + 1])]
    assert canonical(parts[0].to_state()) == canonical(shipped.summary.to_state())
    assert canonical(parts[0].to_payload()) == canonical(shipped.payload)


def test_the_empty_summary_changes_nothing(shipped: Whole) -> None:
    kind = type(shipped.summary)
    empty = kind.identity()
    assert empty.merge(shipped.summary) == shipped.summary.merge(empty) == shipped.summary
    assert kind.from_state(json.loads(canonical(shipped.summary.to_state()))) == shipped.summary


def test_two_workers_documents_merge_into_the_whole_without_the_app(shipped: Whole) -> None:
    states = [(key, part.to_state()) for key, part in shipped.partials.items()]
    whole = reduce_document("uav_queue", type(shipped.summary), states)
    verify_reduce_document(whole, states)
    halves = [
        reduce_document("uav_queue", type(shipped.summary), part) for part in (states[::2], states[1::2])
    ]
    assert merge_reduce_documents(halves)["payload"] == whole["payload"]


# what lies beside the code


@pytest.mark.parametrize("folder", [QUEUE, RELAY])
def test_the_saved_settings_are_valid_and_say_what_the_defaults_are(folder: Path) -> None:
    saved = AppSettings.model_validate(
        tomllib.loads((folder / "app_settings.toml").read_text(encoding="utf-8"))
    ).args
    kind = import_module(folder.name.removesuffix("_project")).app.args
    assert kind(**saved) == kind()
    assert saved.keys() == kind.model_fields.keys()


@pytest.mark.parametrize("folder", [QUEUE, RELAY, LIBRARY])
def test_the_lock_names_public_registries_only_and_no_package_of_ours(folder: Path) -> None:
    text = (folder / "uv.lock").read_text(encoding="utf-8")
    names = {package["name"] for package in tomllib.loads(text)["package"]}
    assert {"simpy", "numpy", "pydantic", "uav-network"} <= names
    assert not names & {"agi-node", "agilab"}
    assert set(re.findall(r"https?://([^/\"]+)", text)) == {"pypi.org", "files.pythonhosted.org"}


@pytest.mark.parametrize("folder", [QUEUE, RELAY])
def test_the_picture_of_the_pipeline_shows_the_steps_that_exist(folder: Path) -> None:
    app = import_module(folder.name.removesuffix("_project")).app
    assert f"{' -> '.join(app.nodes())};" in (folder / "pipeline_view.dot").read_text(encoding="utf-8")
