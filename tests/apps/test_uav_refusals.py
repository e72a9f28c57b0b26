"""What the UAV apps refuse: every error names the file, the key, what was found and what was allowed."""

from __future__ import annotations

import json
import math
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from tests.apps.uav import RELAY, Whole, network, relay, write_scenario

from agi_node import AgiError
from agi_node.files import use_roots

GOOD = network(relay("a"), relay("b", base_y_m=300.0))


def changed(path: str, value: Any) -> dict[str, Any]:
    """The good scenario with one value replaced, `relays[1].alt_m` say; `...` takes the key away."""
    scenario = json.loads(json.dumps(GOOD))
    at: Any = scenario
    *steps, last = path.replace("[", ".[").split(".")
    for step in steps:
        at = at[int(step[1:-1])] if step.startswith("[") else at[step]
    if value is ...:
        del at[last]
    else:
        at[last] = value
    return scenario  # type: ignore[no-any-return]


def refusal(folder: Path, content: Any, **args: Any) -> AgiError:
    """The error that the plan ends with, before there is any work: nothing is written by then."""
    write_scenario(folder / "own", content, "bad.json")
    queue = import_module("uav_queue")
    with use_roots({"app": folder}), pytest.raises(AgiError) as caught:
        list(queue.replications(queue.QueueArgs(scenarios="own", **args)))
    error = caught.value
    assert error.what.startswith("app:own/bad.json ")
    assert error.exit_code == 1
    assert str(folder) not in error.render(), "no absolute path"
    assert error.try_ == "edit own/bad.json"
    assert len(error.render().splitlines()) <= 12
    return error


def test_the_good_scenario_is_good(tmp_path: Path) -> None:
    write_scenario(tmp_path / "own", GOOD)
    queue = import_module("uav_queue")
    with use_roots({"app": tmp_path}):
        assert len(list(queue.replications(queue.QueueArgs(scenarios="own", replications=2)))) == 4


@pytest.mark.parametrize(
    ("key", "value", "allowed"),
    [
        ("source_rate_pps", -60.0, "greater than 0"),
        ("source_rate_pps", 0, "greater than 0"),
        ("source_rate_pps", "60", "a valid number"),
        ("source_rate_pps", None, "a valid number"),
        ("source_rate_pps", True, "a valid number"),
        ("sim_time_s", 0.0, "greater than 0"),
        ("sampling_interval_s", 0.0, "greater than 0"),
        ("packet_size_bytes", 1000.5, "a valid integer"),
        ("packet_size_bytes", 0, "greater than or equal to 1"),
        ("scenario", "../../etc", "match pattern"),
        ("scenario", "", "match pattern"),
        ("geo_origin.latitude_deg", 91.0, "less than or equal to 85"),
        ("geo_origin", [43.6, 1.44], "GeoOrigin"),
        ("source_node.x_m", 1e9, "less than or equal to 100000"),
        ("relays", [], "one item or more"),
        ("relays", {"a": 1}, "a valid tuple"),
        ("relays", [relay(f"r{at}") for at in range(33)], "at most 32 items"),
        ("relays[1].service_rate_pps", -1.0, "greater than 0"),
        ("relays[1].background_rate_pps", -0.5, "greater than or equal to 0"),
        ("relays[0].queue_capacity_pkts", 0, "greater than or equal to 1"),
        ("relays[0].queue_capacity_pkts", 2.5, "a valid integer"),
        ("relays[1].period_s", 0.0, "greater than 0"),
        ("relays[1].amplitude_m", -5.0, "greater than or equal to 0"),
        ("relays[1].bias_ms", -1.0, "greater than or equal to 0"),
        ("radio_range_m", 0.0, "greater than 0"),
    ],
)
def test_a_value_out_of_range_is_named_by_its_key(key: str, value: Any, allowed: str, tmp_path: Path) -> None:
    error = refusal(tmp_path, changed(key, value))
    assert (error.code, error.what) == ("AGI-UAV-103", f"app:own/bad.json has a wrong {key}")
    assert allowed in str(error.allowed)
    assert error.found


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("key", ["source_rate_pps", "relays[1].base_x_m", "sink_node.alt_m"])
def test_a_number_that_is_none(key: str, number: float, tmp_path: Path) -> None:
    error = refusal(tmp_path, changed(key, number))
    assert error.what == f"app:own/bad.json has a wrong {key}"
    assert error.allowed == "a finite number"


@pytest.mark.parametrize(
    "key", ["source_rate_pps", "geo_origin", "relays[1].queue_capacity_pkts", "sink_node.node_id"]
)
def test_a_missing_key(key: str, tmp_path: Path) -> None:
    error = refusal(tmp_path, changed(key, ...))
    assert (error.what, error.found) == (f"app:own/bad.json has a wrong {key}", "nothing")


@pytest.mark.parametrize("key", ["sim_time", "relays[0].queue_capacity", "sink_node.z_m"])
def test_an_unknown_key(key: str, tmp_path: Path) -> None:
    error = refusal(tmp_path, changed(key, 1.0))
    assert (error.what, error.found) == (f"app:own/bad.json has a wrong {key}", "a key that nobody knows")


def test_many_wrong_keys_are_told_at_once_and_bounded(tmp_path: Path) -> None:
    scenario = dict.fromkeys(GOOD)
    error = refusal(tmp_path, scenario)
    assert "has 9 wrong keys" in error.what
    assert "source_rate_pps: found None; allowed a valid number" in error.what
    assert "… and 5 more" in error.what


def test_source_and_sink_are_two_nodes(tmp_path: Path) -> None:
    error = refusal(tmp_path, changed("sink_node.node_id", "source"))
    assert error.allowed == "a sink_node.node_id other than source_node.node_id (source)"


@pytest.mark.parametrize("name", ["b", "source"])
def test_two_nodes_of_one_name(name: str, tmp_path: Path) -> None:
    error = refusal(tmp_path, changed("relays[0].relay_id", name))
    assert error.allowed == f"every node_id and relay_id once ({name} comes twice)"


def test_a_sample_that_is_never_taken_and_too_many_of_them(tmp_path: Path) -> None:
    assert "at most sim_time_s (20)" in str(refusal(tmp_path, changed("sampling_interval_s", 21.0)).allowed)
    assert "400,000" in str(refusal(tmp_path, changed("sampling_interval_s", 1e-4)).allowed)


def test_a_simulation_that_would_not_end(tmp_path: Path) -> None:
    error = refusal(tmp_path, changed("source_rate_pps", 1e6))
    assert error.allowed == "at most 5,000,000 packets (sim_time_s x all rates gives 20,000,000)"


def test_one_relay_leaves_queue_aware_routing_nothing_to_choose(tmp_path: Path) -> None:
    lone = network(relay("only"))
    for policy in ("both", "queue_aware"):
        error = refusal(tmp_path, lone, policy=policy)
        assert (error.code, error.found) == ("AGI-UAV-105", "relays[0] alone")
        assert "--policy shortest_path" in str(error.allowed)
    queue = import_module("uav_queue")
    with use_roots({"app": tmp_path}):
        args = queue.QueueArgs(scenarios="own", policy="shortest_path", replications=2)
        assert len(list(queue.replications(args))) == 2


def test_two_files_of_one_scenario(tmp_path: Path) -> None:
    write_scenario(tmp_path / "own", GOOD, "a.json")
    error = refusal(tmp_path, GOOD)
    assert (error.code, error.found, error.allowed) == ("AGI-UAV-104", "test", "one not in app:own/a.json")


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ("", "is empty"),
        ("{", "is no JSON text"),
        ("relays: []", "is no JSON text"),
        ("[" * 100_000, "is no JSON text"),
    ],
)
def test_a_file_that_is_no_json(content: str, what: str, tmp_path: Path) -> None:
    error = refusal(tmp_path, content)
    assert (error.code, error.what) == ("AGI-UAV-101", f"app:own/bad.json {what}")


def test_a_file_of_another_encoding(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own/latin.json").write_bytes('{"scenario": "é"}'.encode("latin-1"))
    queue = import_module("uav_queue")
    with (
        use_roots({"app": tmp_path}),
        pytest.raises(AgiError, match="AGI-UAV-101[^$]*latin.json is no JSON text"),
    ):
        list(queue.replications(queue.QueueArgs(scenarios="own")))


@pytest.mark.parametrize("content", ["[]", "3", '"scenario"', "null"])
def test_json_that_is_no_object(content: str, tmp_path: Path) -> None:
    assert refusal(tmp_path, content).code == "AGI-UAV-103"


def test_a_key_that_comes_twice(tmp_path: Path) -> None:
    error = refusal(tmp_path, json.dumps(GOOD).replace('"alt_m": 100.0', '"alt_m": 100.0, "alt_m": 5.0', 1))
    assert (error.code, error.found) == ("AGI-UAV-102", "alt_m")


def test_no_scenario_at_all(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    queue = import_module("uav_queue")
    with use_roots({"app": tmp_path}), pytest.raises(AgiError, match=r"AGI-DATA-001[^$]*own"):
        list(queue.replications(queue.QueueArgs(scenarios="own")))


@pytest.mark.parametrize(
    ("module", "name", "value"),
    [
        ("uav_queue", "replications", 1),
        ("uav_queue", "policy", "longest_path"),
        ("uav_queue", "seed", -1),
        ("uav_queue", "warm_up", 1.0),
        ("uav_queue", "warm_up", math.nan),
        ("uav_queue", "max_events", -1),
        ("uav_queue", "relays", 3),
        ("uav_relay_queue", "target_loss", 0.0),
        ("uav_relay_queue", "target_loss", 1.0),
        ("uav_relay_queue", "replications", 1),
    ],
)
def test_arguments_out_of_range_are_refused_by_name(module: str, name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=name):
        import_module(module).app.args(**{name: value})


# the metrics that the relay app is given


def metrics() -> dict[str, Any]:
    document: dict[str, Any] = json.loads((RELAY / "data/queue_metrics.json").read_text())
    return document


def refused_metrics(folder: Path, document: Any) -> AgiError:
    write_scenario(folder / "own", document, "bad.json")
    app = import_module("uav_relay_queue")
    with use_roots({"app": folder}), pytest.raises(AgiError) as caught:
        list(app.replications(app.RelayArgs(queue_metrics="own")))
    assert str(folder) not in caught.value.render()
    assert caught.value.what.startswith("app:own/bad.json ")
    return caught.value


def test_a_scenario_is_no_metrics(tmp_path: Path) -> None:
    error = refused_metrics(tmp_path, GOOD)
    assert error.code == "AGI-UAV-103"
    assert "cases: found nothing; allowed a value" in error.what


@pytest.mark.parametrize(
    ("key", "value", "where"),
    [
        ("bottleneck_relay", "nobody", "cases[0].bottleneck_relay"),
        ("scenario", "other", "cases[0].scenario"),
        ("packets_dropped", 10**6, "cases[0].packets_generated"),
        ("packets_dropped", 10**400, "cases[0].packets_dropped"),
        ("packets_no_route", 10**6, "cases[0].packets_no_route"),
        ("pdr", 0.1, "cases[0].pdr"),
        ("pdr", None, "cases[0].pdr"),
        ("throughput_kbps", 1.0, "cases[0].throughput_kbps"),
        ("observed_s", 1e6, "cases[0].throughput_kbps"),
        ("packets_dropped", -1, "cases[0].packets_dropped"),
        ("policy", "longest_path", "cases[0].policy"),
        ("relays", [], "cases[0].relays"),
        ("by_replication", {}, "cases[0]"),
        ("pdr", math.nan, "cases[0].pdr"),
        ("observed_s", 0.0, "cases[0].observed_s"),
    ],
)
def test_metrics_that_contradict_themselves(key: str, value: Any, where: str, tmp_path: Path) -> None:
    document = metrics()
    document["cases"][0][key] = value
    error = refused_metrics(tmp_path, document)
    assert (error.code, error.what) == ("AGI-UAV-103", f"app:own/bad.json has a wrong {where}")
    assert error.allowed


def blind() -> dict[str, Any]:
    """The shipped case `bottleneck` under `shortest_path`: all goes over `direct`, which loses 18 %."""
    case: dict[str, Any] = metrics()["cases"][1]
    assert (case["scenario"], case["policy"], case["relays"][0]["relay_id"]) == (
        "bottleneck",
        "shortest_path",
        "direct",
    )
    return case


def told_of(case: dict[str, Any], folder: Path) -> tuple[str, AgiError]:
    """The key that is called wrong, and the error."""
    error = refused_metrics(folder, {**metrics(), "cases": [case]})
    assert error.code == "AGI-UAV-103"
    return error.what.removeprefix("app:own/bad.json has a wrong cases[0]."), error


@pytest.mark.parametrize(
    ("relay_changes", "wrong"),
    [
        ({"load": 0.1}, "load"),
        ({"loss_share": 0.9}, "loss_share"),
        ({"busy_share": 0.5}, "busy_share"),
        ({"mean_wait_ms": "long"}, "mean_wait_ms"),
    ],
)
def test_a_relay_that_contradicts_its_own_numbers(
    relay_changes: dict[str, Any], wrong: str, tmp_path: Path
) -> None:
    case = blind()
    case["relays"][0] |= relay_changes
    key, error = told_of(case, tmp_path)
    assert key == f"relays[0].{wrong}"
    assert str(relay_changes[wrong]) in str(error.found)


def test_what_a_contradicted_number_would_have_to_be_is_said(tmp_path: Path) -> None:
    case = blind()
    load = case["relays"][0]
    offered = load["offered_source_pps"] + load["offered_background_pps"]
    _, error = told_of({**case, "pdr": 0.1}, tmp_path)
    share = case["packets_delivered"] / case["packets_generated"]
    assert error.allowed == f"{share:.6g}: packets_delivered / packets_generated"
    load |= {"load": 0.1}
    _, error = told_of(case, tmp_path)
    assert str(error.allowed).startswith(f"{offered / 130.0:.6g}: ")


def test_a_relay_where_background_hides_the_source_cannot_lose_what_it_was_busy_with(tmp_path: Path) -> None:
    case = blind()
    load = case["relays"][0]
    lost = load["loss_share"] * (load["offered_source_pps"] + load["offered_background_pps"])
    background = load["offered_background_pps"] = 1000.0
    load["load"] = (load["offered_source_pps"] + background) / 130.0
    load["loss_share"] = 0.5  # the counts have room for it: some 70,000 packets of the background's
    key, error = told_of(case, tmp_path)
    assert key == "relays[0].busy_share"
    assert str(error.allowed).startswith(f"about {load['load'] / 2:.6g}: ")
    assert lost < 500


def test_a_packet_passes_a_relay_once_and_some_relay_at_least(tmp_path: Path) -> None:
    case = blind()
    load = case["relays"][0]
    load["offered_source_pps"] *= 10
    load["load"] = (load["offered_source_pps"] + load["offered_background_pps"]) / 130.0
    assert told_of(case, tmp_path)[0] == "relays[0].offered_source_pps"
    case = blind()
    for load, relay_ in zip(case["relays"], case["network"]["relays"], strict=True):
        load |= {"offered_source_pps": 0.0, "loss_share": 0.0}
        load["load"] = load["busy_share"] = load["offered_background_pps"] / relay_["service_rate_pps"]
    case |= {"packets_delivered": case["packets_generated"], "packets_dropped": 0, "packets_in_flight": 0}
    case |= {"pdr": 1.0, "throughput_kbps": case["throughput_kbps"] / case["pdr"]}
    assert told_of(case, tmp_path)[0] == "packets_delivered"


def test_what_the_source_lost_was_lost_somewhere(tmp_path: Path) -> None:
    case = blind()
    load = case["relays"][0]
    load["loss_share"] = 0.0
    load["busy_share"] = load["load"]
    key, error = told_of(case, tmp_path)
    assert (key, error.found) == ("packets_dropped", str(case["packets_dropped"]))


@pytest.mark.parametrize("named", [None, "detour"])
def test_a_bottleneck_is_the_relay_that_loses_most(named: str | None, tmp_path: Path) -> None:
    key, error = told_of(blind() | {"bottleneck_relay": named}, tmp_path)
    assert (key, error.found, error.allowed) == ("bottleneck_relay", f"{named}", "direct: it loses most")


def test_relays_in_another_order_than_their_networks(tmp_path: Path) -> None:
    case = blind()
    case["relays"].reverse()
    key, error = told_of(case, tmp_path)
    assert key == "relays"
    assert str(error.allowed).endswith("network.relays, in their order")


def test_more_time_than_all_replications_took(tmp_path: Path) -> None:
    case = blind()
    case |= {"observed_s": 151.0, "throughput_kbps": case["throughput_kbps"] * 135.0 / 151.0}
    key, error = told_of(case, tmp_path)
    assert (key, error.allowed) == ("observed_s", "150 at most: replications of network.sim_time_s")


HARD = {
    "one place": network(relay("a", queue_capacity_pkts=1, background_rate_pps=50.0), sim_time_s=5.0),
    "swamped": network(relay("a", service_rate_pps=20.0, queue_capacity_pkts=1000), sim_time_s=4.0),
    "nothing comes": network(relay("a"), source_rate_pps=0.5, sim_time_s=1.0),
    "out of reach": network(relay("a", amplitude_m=900.0, period_s=5.0), radio_range_m=1200.0),
    "in series": network(
        relay("a", base_x_m=700.0), relay("b", base_x_m=1300.0, service_rate_pps=50.0), radio_range_m=800.0
    ),
    "far": network(
        relay("a", base_x_m=50_000.0, background_rate_pps=90.0),
        source_rate_pps=3000.0,
        sink_node={"node_id": "sink", "x_m": 100_000.0, "y_m": 0.0, "alt_m": 0.0},
        sim_time_s=1.0,
    ),
}


@pytest.mark.parametrize("warm_up", [0.0, 0.9])
@pytest.mark.parametrize("scenario", HARD.values(), ids=HARD.keys())
def test_no_simulation_contradicts_itself(scenario: dict[str, Any], warm_up: float, tmp_path: Path) -> None:
    write_scenario(tmp_path / "own", scenario)
    args = {"scenarios": "own", "policy": "shortest_path", "replications": 3, "warm_up": warm_up}
    run = Whole("uav_queue", tmp_path, tmp_path / "q", **args).publish()
    given = import_module("uav_network.contradictions").GivenMetrics
    found = given.model_validate(json.loads(run.saved["queue_metrics"].read_text()))
    assert len(found.cases) == 1


def test_one_wrong_item_is_one_wrong_key(tmp_path: Path) -> None:
    document = metrics()
    for case in document["cases"]:
        case["relays"] = case["relays"][:1]
    document["cases"] = document["cases"][:1]
    document["cases"][0]["relays"][0]["offered_source_pps"] = -4
    error = refused_metrics(tmp_path, document)
    assert error.what.endswith("has a wrong cases[0].relays[0].offered_source_pps")
    only = network(relay("r é"))
    error = refusal(tmp_path, only, policy="shortest_path")
    assert error.what == "app:own/bad.json has a wrong relays[0].relay_id"


def test_measured_rates_that_no_scenario_may_have(tmp_path: Path) -> None:
    case = blind()
    silent = case["relays"][0] | {"offered_source_pps": 0.0, "offered_background_pps": 2.0, "loss_share": 0.0}
    case["relays"] = [silent, *case["relays"][1:]]
    for load, relay_ in zip(case["relays"], case["network"]["relays"], strict=True):
        load["load"] = load["busy_share"] = load["offered_background_pps"] / relay_["service_rate_pps"]
    case |= dict.fromkeys([f"packets_{end}" for end in ("generated", "delivered", "dropped", "in_flight")], 0)
    case |= {"pdr": None, "throughput_kbps": 0.0, "bottleneck_relay": None}
    assert told_of(case, tmp_path)[1].what.endswith("cases[0], as measured or upgraded: source_rate_pps")
    case |= {"packets_generated": 10**12, "packets_in_flight": 10**12, "pdr": 0.0}
    assert told_of(case, tmp_path)[1].what.endswith("cases[0], as measured or upgraded: source_rate_pps")


def test_an_upgrade_that_no_scenario_may_have(tmp_path: Path) -> None:
    document = metrics()
    relays = document["cases"][1]["network"]["relays"]
    relays[0]["queue_capacity_pkts"] = 1
    write_scenario(tmp_path / "own", document, "bad.json")
    app = import_module("uav_relay_queue")
    with use_roots({"app": tmp_path}), pytest.raises(AgiError) as caught:
        list(app.replications(app.RelayArgs(queue_metrics="own", target_loss=1e-6)))
    assert caught.value.what.endswith("cases[1], as measured or upgraded: relays[0].service_rate_pps")
    assert "1000000" in str(caught.value.allowed)


def test_metrics_of_another_version(tmp_path: Path) -> None:
    error = refused_metrics(tmp_path, {**metrics(), "schema": "uav.queue_metrics.v9"})
    assert (error.what, error.found) == ("app:own/bad.json has a wrong schema", "'uav.queue_metrics.v9'")


def test_metrics_without_a_case_or_with_one_twice(tmp_path: Path) -> None:
    document = metrics()
    assert refused_metrics(tmp_path, {**document, "cases": []}).what.endswith("has a wrong cases")
    error = refused_metrics(tmp_path, {**document, "cases": document["cases"][:1] * 2})
    assert (error.code, error.found) == ("AGI-UAV-112", "cases[1]: bottleneck, queue_aware")


def test_two_files_of_metrics(tmp_path: Path) -> None:
    write_scenario(tmp_path / "own", metrics(), "a.json")
    error = refused_metrics(tmp_path, metrics())
    assert (error.code, error.found, error.allowed) == ("AGI-UAV-111", "app:own/a.json", "one file")
    assert error.try_ == "name one of them: --queue-metrics app:own/a.json"


def test_a_scenario_that_changed_after_the_plan_is_not_simulated(tmp_path: Path) -> None:
    write_scenario(tmp_path / "own", GOOD)
    whole = Whole("uav_queue", tmp_path, tmp_path / "runs", scenarios="own", replications=2)
    write_scenario(tmp_path / "own", {**GOOD, "sim_time_s": 100.25})
    with pytest.raises(AgiError, match="AGI-DATA-003"):
        whole.work(whole.items[0])
