"""The UAV relay app: the metrics that it is given change what it simulates, by formulas that a hand can follow."""

from __future__ import annotations

import json
import math
import re
import statistics
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.apps.uav import RELAY, Whole, network, relay, verdicts, write_scenario

from agi_node.canonical import canonical
from agi_node.reduce import merge_reduce_documents, reduce_document, verify_reduce_document

pytestmark = pytest.mark.xdist_group("uav_relay_queue")  # the sample is worked once, by one process


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    return Whole("uav_relay_queue", RELAY, tmp_path_factory.mktemp("shipped"))


@pytest.fixture(scope="module")
def published(shipped: Whole) -> Any:
    return shipped.publish()


@pytest.fixture(scope="module")
def before() -> list[dict[str, Any]]:
    """The cases of the shipped `queue_metrics`."""
    cases: list[dict[str, Any]] = json.loads((RELAY / "data/queue_metrics.json").read_text())["cases"]
    return cases


def after(run: Any) -> dict[tuple[str, str, str], dict[str, Any]]:
    """The cases of the artifact `relay_metrics`."""
    document = json.loads(run.saved["relay_metrics"].read_text())
    return {(case["scenario"], case["policy"], case["plan"]): case for case in document["cases"]}


def loss(offered: float, service: float, room: int) -> float:
    """M/M/1/K by summing its terms one by one."""
    terms = [(offered / service) ** n for n in range(room + 1)]
    return terms[-1] / math.fsum(terms)


def load_of(case: dict[str, Any], name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    loads = {load["relay_id"]: load for load in case["relays"]}
    relays = {one["relay_id"]: one for one in case["network"]["relays"]}
    return loads[name], relays[name]


# the handoff


def test_what_was_measured_takes_the_place_of_what_the_scenario_said(
    shipped: Whole, before: list[dict[str, Any]]
) -> None:
    records = {key: json.loads(path.read_text()) for key, path in shipped.saved("replication")}
    for case in before:
        simulated = records[f"{case['scenario']}/{case['policy']}/as_is/000"]["network"]
        source = case["packets_generated"] / (5 * 27.0)
        assert simulated["source_rate_pps"] == pytest.approx(source, rel=1e-12)
        assert simulated["source_rate_pps"] != case["network"]["source_rate_pps"]
        for now in simulated["relays"]:
            load, then = load_of(case, now["relay_id"])
            assert now == {**then, "background_rate_pps": load["offered_background_pps"]}


def test_a_bottleneck_is_sized_for_the_load_that_explains_its_losses(
    published: Any, before: list[dict[str, Any]]
) -> None:
    found = after(published)
    upgraded = {key[:2] for key in found if key[2] == "upgraded"}
    for case in before:
        if case["bottleneck_relay"] is None:
            assert (case["packets_dropped"], (case["scenario"], case["policy"]) in upgraded) == (0, False)
            continue
        load, relay = load_of(case, case["bottleneck_relay"])
        room, service = relay["queue_capacity_pkts"], relay["service_rate_pps"]
        mean = load["offered_source_pps"] + load["offered_background_pps"]
        bursty = load["loss_share"] > loss(mean, service, room)
        needed = load["loss_share"] > 0.002 if bursty else loss(mean, service, room) > 0.002
        assert needed == ((case["scenario"], case["policy"]) in upgraded)
        if not needed:
            continue
        made = found[case["scenario"], case["policy"], "upgraded"]["upgrade"]
        assert (made["relay"], made["from_pps"]) == (case["bottleneck_relay"], service)
        # at the new rate the formula loses a tenth of the target; the load it was sized for explains what was lost,
        # or is the mean
        if bursty:
            offered = made["to_pps"] * load_that_loses(0.0002, room)
            assert loss(offered, service, room) == pytest.approx(load["loss_share"], rel=1e-6)
        else:
            assert loss(mean, made["to_pps"], room) == pytest.approx(0.0002, rel=1e-6)
    blind = {(name, "shortest_path") for name in ("bottleneck", "chain", "orbits")}
    assert upgraded == {*blind, ("chain", "queue_aware")}


def load_that_loses(share: float, room: int) -> float:
    low, high = 0.0, 2.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if loss(middle, 1.0, room) > share else (middle, high)
    return low


def test_an_upgrade_changes_one_rate_and_no_arrival(shipped: Whole) -> None:
    records = {key: json.loads(path.read_text()) for key, path in shipped.saved("replication")}
    one, other = (records[f"bottleneck/shortest_path/{plan}/001"] for plan in ("as_is", "upgraded"))
    changed = [
        (a, b) for a, b in zip(one["network"]["relays"], other["network"]["relays"], strict=True) if a != b
    ]
    ((was, now),) = changed
    assert {name for name in was if was[name] != now[name]} == {"service_rate_pps"}
    background = [[tally["offered_background"] for tally in run["relays"].values()] for run in (one, other)]
    assert background[0] == background[1]
    assert one["outcome"]["packets_generated"] == other["outcome"]["packets_generated"]


def test_other_metrics_are_other_simulations(before: list[dict[str, Any]], tmp_path: Path) -> None:
    calm = json.loads(json.dumps(before[1]))
    assert (calm["scenario"], calm["policy"], calm["bottleneck_relay"]) == (
        "bottleneck",
        "shortest_path",
        "direct",
    )
    load, _ = load_of(calm, "direct")
    made = 10 * 5 * 27
    load |= {"offered_source_pps": 10.0, "offered_background_pps": 2.0, "loss_share": 1 / (12 * 5 * 27)}
    load["load"] = load["busy_share"] = 12.0 / 130.0
    calm |= {"packets_generated": made, "packets_delivered": 0, "packets_dropped": 1, "pdr": 0.0}
    calm |= {"packets_in_flight": made - 1, "throughput_kbps": 0.0}
    calm["by_replication"]["pdr"] |= dict.fromkeys(("mean", "low_95", "high_95", "half_width_95"), 0.0)
    write_scenario(tmp_path / "own", {"schema": "uav.queue_metrics.v1", "cases": [calm]})
    whole = Whole("uav_relay_queue", tmp_path, tmp_path / "runs", queue_metrics="own", replications=2)
    assert sorted(whole.partials) == [f"bottleneck/shortest_path/as_is/00{n}" for n in (0, 1)], (
        "no upgrade is needed"
    )
    run = whole.publish()
    (case,) = after(run).values()
    rate = case["packets_generated"] / (2 * 27.0)
    assert rate == pytest.approx(10, rel=0.2)
    assert case["upgrade"] is None
    assert "upgrade_comparison" not in run.saved
    assert verdicts(run)["as is, it is what was measured"] is False, "it was said to deliver nothing"
    assert "upgrades keep the target" not in verdicts(run)


# what is published


def test_the_shipped_metrics_pass_every_check(published: Any) -> None:
    assert verdicts(published) == {
        "replications add up": True,
        "no packet is lost sight of": True,
        "Little's law": True,
        "the sink is in reach": True,
        "PDR is precise": True,
        "as is, it is what was measured": True,
        "upgrades keep the target": True,
    }


def test_an_upgrade_that_is_too_small_is_found(shipped: Whole, tmp_path: Path) -> None:
    changed = []
    for key, path in shipped.saved("replication"):
        record = json.loads(path.read_text())
        if record["about"]["upgrade"] and key.startswith("bottleneck/"):
            tally = record["relays"]["direct"]
            tally["dropped"] += tally["offered_source"] // 10
        changed.append((key, write_scenario(tmp_path, record, f"{len(changed)}.json")))
    run = shipped.publish("small", changed)
    found = run.validations[-1]
    assert (found["name"], found["passed"]) == ("upgrades keep the target", False)
    assert found["message"].startswith(
        "loss at an upgraded relay; the worst: bottleneck/shortest_path, above 0.06"
    )
    assert found["value"] == pytest.approx(0.1 * 110 / 160, abs=0.01), (
        "a tenth of 110 of 160 packets/s, and few more"
    )


def test_what_replications_leave_open_is_not_decided(shipped: Whole, tmp_path: Path) -> None:
    changed, dropped, offered = [], 0, 0
    for key, path in shipped.saved("replication"):
        record = json.loads(path.read_text())
        if key.startswith("bottleneck/shortest_path/upgraded/"):
            tally = record["relays"]["direct"]
            tally["dropped"] += 60 if key.endswith("/007") else 0  # one more burst
            dropped += tally["dropped"]
            offered += tally["offered_source"] + tally["offered_background"]
        changed.append((key, write_scenario(tmp_path, record, f"{len(changed)}.json")))
    found = shipped.publish("open", changed).validations[-1]
    assert (found["name"], found["passed"]) == ("upgrades keep the target", False)
    assert found["value"] == dropped / offered
    assert 0 < found["value"] < 0.002, "the mean alone would pass"
    told = re.search(
        r"the worst: bottleneck/shortest_path, not decided: between (\S+) and (\S+); try --replications (\d+)$",
        found["message"],
    )
    assert told is not None, found["message"]
    assert 0 < float(told[1]) < found["value"] < 0.002 < float(told[2]) < 1
    assert 12 < int(told[3]) <= 1000


@pytest.mark.parametrize(
    ("dropped", "words"),
    [
        ([1, 1, 1, 2, 1, 1], "below 0.0016 with"),
        ([30, 31, 33, 30, 32, 29], "above 0.03 with"),
        ([0, 0, 0, 0, 0, 0], "none lost: below 0.00057 with 95 % confidence, were they lost 1."),
        ([0, 0, 7, 0, 1, 0], "not decided: between 0.0002"),
    ],
)
def test_a_verdict_is_yes_no_or_not_decided(dropped: list[int], words: str) -> None:
    judging = import_module("uav_network.judging")
    tallies = [judging.RelayTally(observed_s=1.0, offered_source=1000, dropped=one) for one in dropped]
    found = judging.judged(tallies, 0.002, room=3)
    mean, error = statistics.fmean(dropped) / 1000, statistics.stdev(dropped) / 1000 / math.sqrt(6)
    if mean:  # equal numbers of tries: the ratio is the mean, and its error that of the mean
        shift = scipy.stats.t.ppf(0.95, 5) * error / (mean * (1 - mean))
        low, high = scipy.special.expit(scipy.special.logit(mean) + np.array([-shift, shift]))
        assert (found.loss.low, found.loss.high) == pytest.approx((low, high), rel=1e-9)
        assert (found.kept, found.missed) == (high <= 0.002, low > 0.002)
    assert found.words.startswith(words)


def test_no_loss_decides_nothing_until_a_burst_would_have_been_likely() -> None:
    judging = import_module("uav_network.judging")

    def verdict(replications: int) -> Any:
        tallies = [judging.RelayTally(observed_s=1.0, offered_source=1000)] * replications
        return judging.judged(tallies, 0.002, room=25)

    # a queue for 25 that loses 0.002 loses 6.1 at a time; of as many batches none had a loss (exact binomial bound)
    load = load_that_loses(0.002, 25)
    batch = math.fsum(load**n for n in range(26))
    few = verdict(6)
    assert few.loss.high == pytest.approx(1 - 0.05 ** (batch / 6000), rel=1e-9)
    assert scipy.stats.binomtest(0, 6000).proportion_ci(0.90).high < 0.002 < few.loss.high
    assert (few.kept, few.missed) == (False, False), "though packets lost one by one would keep it"
    told = re.search(
        r"^not decided: none lost: below 0.0031 with 95 % .* 6.1 at a .* --replications (\d+)$", few.words
    )
    assert told is not None, few.words
    enough = int(told[1])
    assert verdict(enough).kept
    assert not verdict(enough - 1).kept


def test_the_upgrade_of_the_bottleneck_pays_and_the_comparison_is_a_paired_t_test(
    shipped: Whole, published: Any
) -> None:
    table = pl.read_parquet(published.saved["upgrade_comparison"]).filter(scenario="bottleneck", metric="pdr")
    row = table.row(0, named=True)
    values = {
        plan: [
            shipped.partials[f"bottleneck/shortest_path/{plan}/{n:03}"].to_payload()["pdr"] for n in range(12)
        ]
        for plan in ("as_is", "upgraded")
    }
    gains = [b - a for a, b in zip(values["as_is"], values["upgraded"], strict=True)]
    assert row["upgraded_minus_as_is"] == pytest.approx(statistics.fmean(gains), rel=1e-9)
    half = scipy.stats.t.ppf(0.975, 11) * statistics.stdev(gains) / math.sqrt(12)
    assert row["half_width_95"] == pytest.approx(half, rel=1e-9)
    # 160 packets/s at 130: three in sixteen are lost, and nearly none afterwards
    assert row["upgraded_minus_as_is"] == pytest.approx(30 / 160, abs=0.03)


def test_the_answer_begins_with_the_plan_of_each_case(shipped: Whole, published: Any) -> None:
    rows = {row["case"]: row for row in shipped.answer}
    assert set(rows) == {f"{plan}/{name}/{policy}" for name, policy, plan in after(published)}
    for (name, policy, plan), case in after(published).items():
        row = rows[f"{plan}/{name}/{policy}"]
        assert row["pdr"] == case["pdr"]
        assert row["lost_at"] == case["bottleneck_relay"]
        assert row["upgrade_pps"] == (case["upgrade"]["to_pps"] if case["upgrade"] else None)


def test_tables_are_ready_for_a_page(published: Any) -> None:
    wanted = {"relay_metrics", "plan_summary", "upgrade_comparison", "node_positions", "topology", "upgrades"}
    assert wanted <= set(published.saved)
    assert pl.read_parquet(published.saved["plan_summary"]).height == len(after(published)) == 10
    document = json.loads(published.saved["relay_metrics"].read_text())
    assert (document["schema"], document["target_loss"]) == ("uav.relay_metrics.v1", 0.002)


@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_any_order_and_any_grouping_of_replications_gives_the_same_bytes(shipped: Whole, data: Any) -> None:
    parts = data.draw(st.permutations(list(shipped.partials.values())))
    while len(parts) > 1:
        at = data.draw(st.integers(0, len(parts) - 2))
        parts[at : at + 2] = [parts[at].merge(parts[at + 1])]
    assert canonical(parts[0].to_state()) == canonical(shipped.summary.to_state())
    empty = type(shipped.summary).identity()
    assert empty.merge(parts[0]) == parts[0].merge(empty) == shipped.summary


def test_two_workers_documents_merge_into_the_whole_without_the_app(shipped: Whole) -> None:
    states = [(key, part.to_state()) for key, part in shipped.partials.items()]
    whole = reduce_document("uav_relay_queue", type(shipped.summary), states)
    verify_reduce_document(whole, states)
    halves = [
        reduce_document("uav_relay_queue", type(shipped.summary), part)
        for part in (states[::2], states[1::2])
    ]
    assert merge_reduce_documents(halves)["payload"] == whole["payload"]
    assert whole["payload"]["as_is"]["replications"] + whole["payload"]["upgraded"]["replications"] == 120


def test_the_summary_holds_each_plans_outcome(shipped: Whole) -> None:
    summary = shipped.summary
    assert summary.packets_generated == summary.as_is.packets_generated + summary.upgraded.packets_generated
    assert summary.upgraded.replications == 48


def test_without_any_replication_there_is_nothing_to_publish(shipped: Whole) -> None:
    run = shipped.publish("nothing", [])
    assert (run.validations, run.saved) == ([], {})
    assert import_module("uav_relay_queue").app.nodes() == ("plan", "work", "reduce", "publish")


def test_a_single_relay_can_be_upgraded(tmp_path: Path) -> None:
    one = network(relay("only", background_rate_pps=60.0), sim_time_s=30.0)
    write_scenario(tmp_path / "own", one)
    queue = Whole(
        "uav_queue", tmp_path, tmp_path / "q", scenarios="own", policy="shortest_path", replications=3
    )
    metrics = queue.publish().saved["queue_metrics"]
    write_scenario(tmp_path / "metrics", metrics.read_text())
    relays = Whole("uav_relay_queue", tmp_path, tmp_path / "r", queue_metrics="metrics", replications=3)
    found = after(relays.publish())
    measured, _ = load_of(json.loads(metrics.read_text())["cases"][0], "only")
    offered = measured["offered_source_pps"] + measured["offered_background_pps"]
    made = found["test", "shortest_path", "upgraded"]["upgrade"]
    assert loss(offered, made["to_pps"], 10) <= 0.0002 * (1 + 1e-9)
    assert loss(offered, made["from_pps"], 10) == pytest.approx(measured["loss_share"], abs=0.03)
