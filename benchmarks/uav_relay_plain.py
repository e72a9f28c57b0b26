"""The UAV relay app as one plain script in one process: reference for speed, oracle for numbers.

It takes the replication of `uav_plain` (an event list and nothing else) and adds what the app does with the metrics
that it is given: measured rates in place of those that the scenario said, and a bottleneck that loses too much sized by
M/M/1/K for a tenth of what it may lose; the loss is summed term by term here.

    python benchmarks/uav_relay_plain.py FILE [--replications 12] [--seed 2] [--warm-up 0.1] [--target-loss 0.002]
"""

from __future__ import annotations

import argparse
import copy
import json
import time
from pathlib import Path
from typing import Any

from uav_plain import outcome, replicate  # it is run as a file: the one beside it

PLANS = ("as_is", "upgraded")


def lost(offered: float, service: float, room: int) -> float:
    """The share that M/M/1/K turns away: its last state of 0 to K."""
    ways = [1.0]
    for _ in range(room):
        ways.append(ways[-1] * offered / service)
    return ways[-1] / sum(ways)


def load_that_loses(share: float, room: int) -> float:
    """Offered by service rate where M/M/1/K loses this share, which grows with it."""
    low, high = 0.0, 1.0
    while lost(high, 1.0, room) < share:
        high *= 2
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (low, middle) if lost(middle, 1.0, room) > share else (middle, high)
    return low


def networks(case: dict[str, Any], target: float) -> dict[str, dict[str, Any]]:
    """What is simulated for a case: the network with the rates that were measured, and upgraded where it loses much."""
    network = copy.deepcopy(case["network"])
    network["source_rate_pps"] = case["packets_generated"] / case["observed_s"]
    for relay, load in zip(network["relays"], case["relays"], strict=True):
        relay["background_rate_pps"] = load["offered_background_pps"]
    names = [relay["relay_id"] for relay in network["relays"]]
    if case["bottleneck_relay"] is None:  # nothing was lost in any queue
        return {"as_is": network}
    at = names.index(case["bottleneck_relay"])
    load, relay = case["relays"][at], network["relays"][at]
    room, service = relay["queue_capacity_pkts"], relay["service_rate_pps"]
    offered = load["offered_source_pps"] + load["offered_background_pps"]
    if load["loss_share"] > lost(
        offered, service, room
    ):  # packets came in bursts: what would explain the loss?
        offered = service * load_that_loses(load["loss_share"], room)
    found = {"as_is": network}
    if offered / load_that_loses(target, room) > service:
        found["upgraded"] = copy.deepcopy(network)
        found["upgraded"]["relays"][at]["service_rate_pps"] = offered / load_that_loses(target / 10, room)
    return found


def simulate(file: Path, replications: int, seed: int, warm_up: float, target: float) -> dict[str, Any]:
    """The payload for every case in a file of metrics."""
    found: dict[str, list[dict[str, Any]]] = {plan: [] for plan in PLANS}
    for case in json.loads(file.read_text(encoding="utf-8"))["cases"]:
        for plan, network in networks(case, target).items():
            found[plan] += [
                replicate(network, case["policy"], seed, number, warm_up) for number in range(replications)
            ]
    every = [one for plan in PLANS for one in found[plan]]
    payload: dict[str, Any] = outcome(every)
    return payload | {plan: outcome(found[plan]) for plan in PLANS if found[plan]}


def main() -> None:
    """Print the payload as JSON, and the seconds it took beside it."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("file", type=Path, help="the artifact queue_metrics of the queue app")
    parser.add_argument("--replications", type=int, default=12)
    parser.add_argument("--seed", type=int, default=2)
    parser.add_argument("--warm-up", type=float, default=0.1, help="share of the time that does not count")
    parser.add_argument("--target-loss", type=float, default=0.002, help="what a bottleneck may lose")
    options = parser.parse_args()
    started = time.perf_counter()
    payload = simulate(options.file, options.replications, options.seed, options.warm_up, options.target_loss)
    print(json.dumps({"payload": payload, "seconds": time.perf_counter() - started}))


if __name__ == "__main__":
    main()
