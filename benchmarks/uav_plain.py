"""The UAV queue app as one plain script in one process: reference for speed, oracle for numbers.

It knows neither AGILab nor SimPy: an event list (a heap), two lists for each relay, routes by trying every path. From
the app it takes two definitions alone: what a scenario means, and which random stream is whose. It writes no tables
and checks no input: what a person would write who wants these numbers once.

    python benchmarks/uav_plain.py FOLDER [--replications 5] [--seed 1] [--warm-up 0.1] [--policy both]
"""

from __future__ import annotations

import argparse
import heapq
import json
import math
import time
from collections import deque
from itertools import pairwise, permutations
from pathlib import Path
from typing import Any

import numpy as np

POLICIES = ("shortest_path", "queue_aware")
LIGHT_MPS = 299_792_458.0
BIRTH, LANDING, BACKGROUND, SERVED = range(4)
METRICS = (
    "pdr_by_replication",
    "mean_e2e_delay_ms",
    "p50_e2e_delay_ms",
    "p95_e2e_delay_ms",
    "p99_e2e_delay_ms",
    "mean_queue_wait_ms",
)


def replicate(network: dict[str, Any], policy: str, seed: int, number: int, warm_up: float) -> dict[str, Any]:
    """One replication, from the first packet to the horizon: what became of packets born after the warm-up."""
    relays, horizon = network["relays"], network["sim_time_s"]
    start = warm_up * horizon
    rates = [relay["service_rate_pps"] for relay in relays]
    rooms = [relay["queue_capacity_pkts"] for relay in relays]

    def stream(name: str) -> np.random.Generator:
        return np.random.default_rng(np.random.SeedSequence([seed, number], spawn_key=tuple(name.encode())))

    def arrivals(name: str, rate: float) -> list[float]:
        times, rng, now = [], stream(name), 0.0
        while rate and (now := now + rng.exponential(1 / rate)) < horizon:
            times.append(now)
        return times

    born = arrivals("source/arrivals", network["source_rate_pps"])
    work = [
        stream(f"work/{r['relay_id']}").exponential(1 / r["service_rate_pps"], len(born)).tolist()
        for r in relays
    ]
    others = [arrivals(f"background/{r['relay_id']}", r["background_rate_pps"]) for r in relays]
    other_work = [
        stream(f"background-work/{r['relay_id']}").exponential(1 / r["service_rate_pps"], len(times)).tolist()
        for r, times in zip(relays, others, strict=True)
    ]
    paths, fixed, links = every_path(network, np.array(born))
    shortest = np.argmin(fixed, axis=0) if len(paths) else None

    events: list[
        tuple[float, int, int, int, int]
    ] = []  # time, tie-breaker, kind, packet or place in line, relay
    ties = 0
    for kind, times, at in [(BIRTH, born, -1), *((BACKGROUND, times, j) for j, times in enumerate(others))]:
        if times:
            heapq.heappush(events, (times[0], ties, kind, 0, at))
            ties += 1
    lines: list[deque[tuple[int, float, float]]] = [deque() for _ in relays]  # packet, joined, work
    path_of, step = [-1] * len(born), [0] * len(born)
    waited, delay, lost = [0.0] * len(born), [math.nan] * len(born), [False] * len(born)
    astray = [False] * len(born)  # lost, as no path led to the sink
    offered, refused, deepest = [0] * len(relays), [0] * len(relays), 0

    def begin(now: float, at: int) -> None:
        """Serve whoever stands first."""
        nonlocal ties
        packet, joined, asked = lines[at][0]
        if packet >= 0:
            waited[packet] += now - joined
        heapq.heappush(events, (now + asked, ties, SERVED, packet, at))
        ties += 1

    def join(now: float, at: int, packet: int, asked: float) -> bool:
        nonlocal deepest
        offered[at] += now >= start
        if len(lines[at]) >= rooms[at]:
            refused[at] += now >= start
            return False
        lines[at].append((packet, now, asked))
        if now >= start:
            deepest = max(deepest, len(lines[at]))
        if len(lines[at]) == 1:
            begin(now, at)
        return True

    def fly(now: float, packet: int) -> None:
        nonlocal ties
        flight = links[path_of[packet]][step[packet]][packet]
        heapq.heappush(events, (now + flight, ties, LANDING, packet, -1))
        ties += 1

    while events:
        now, _, kind, packet, at = heapq.heappop(events)
        if now >= horizon:
            break
        if kind == BACKGROUND:
            join(now, at, -1, other_work[at][packet])
            if packet + 1 < len(others[at]):
                heapq.heappush(events, (others[at][packet + 1], ties, BACKGROUND, packet + 1, at))
                ties += 1
        elif kind == SERVED:
            lines[at].popleft()
            if lines[at]:
                begin(now, at)
            if packet >= 0:
                fly(now, packet)
        elif kind == LANDING:
            path = paths[path_of[packet]]
            if step[packet] == len(path):
                delay[packet] = now - born[packet]
            else:
                at = path[step[packet]]
                step[packet] += 1
                lost[packet] = not join(now, at, packet, work[at][packet])
        else:
            if packet + 1 < len(born):
                heapq.heappush(events, (born[packet + 1], ties, BIRTH, packet + 1, -1))
                ties += 1
            costs = fixed[:, packet]
            if policy == "queue_aware":
                wait = [(len(line) + 1) / rate for line, rate in zip(lines, rates, strict=True)]
                costs = [cost + sum([wait[j] for j in path]) for cost, path in zip(costs, paths, strict=True)]
                best = min(range(len(paths)), key=costs.__getitem__, default=-1)
            else:
                best = int(shortest[packet]) if shortest is not None else -1
            if best < 0 or costs[best] == math.inf:
                lost[packet] = astray[packet] = True
            else:
                path_of[packet] = best
                fly(now, packet)

    counted = [packet for packet, time in enumerate(born) if time >= start]
    delays = [delay[packet] * 1000 for packet in counted if delay[packet] == delay[packet]]
    waits = [waited[packet] * 1000 for packet in counted if delay[packet] == delay[packet]]
    seconds = horizon - start
    worst, load, name = max(
        (n / seconds, m / seconds / rate, r["relay_id"])
        for n, m, rate, r in zip(refused, offered, rates, relays, strict=True)
    )
    dropped = sum(lost[packet] for packet in counted)
    return {
        "generated": len(counted),
        "delivered": len(delays),
        "dropped": dropped,
        "astray": sum(astray[packet] for packet in counted),
        "delays": delays,
        "waits": waits,
        "deepest": deepest,
        "bottleneck": [worst, load, f"{network['scenario']}/{name}"] if worst else None,
        "pdr_by_replication": len(delays) / len(counted),
        "mean_e2e_delay_ms": math.fsum(delays) / len(delays),
        "mean_queue_wait_ms": math.fsum(waits) / len(waits),
        **{f"p{at}_e2e_delay_ms": percentile(delays, at) for at in (50, 95, 99)},
    }


def every_path(
    network: dict[str, Any], times: Any
) -> tuple[list[tuple[int, ...]], Any, list[list[list[float]]]]:
    """Every path that ever exists, its cost without queues (s) and its links' flight times (s) at each packet's birth.

    Where everybody hears everybody, a path over two relays is longer than over one of them: those are left out.
    """
    source, sink, relays = network["source_node"], network["sink_node"], network["relays"]
    reach = network.get("radio_range_m") or math.inf
    ones = np.ones_like(times)
    places = [
        (
            r["base_x_m"] * ones,
            r["base_y_m"] + r["amplitude_m"] * np.sin(2 * math.pi / r["period_s"] * times),
            r["alt_m"] * ones,
        )
        for r in relays
    ]
    ends = [(node["x_m"] * ones, node["y_m"] * ones, node["alt_m"] * ones) for node in (source, sink)]
    longest = 1 if reach == math.inf else len(relays)
    paths, costs, links = [], [], []
    for length in range(1, longest + 1):
        for path in permutations(range(len(relays)), length):
            stops = [ends[0], *(places[j] for j in path), ends[1]]
            hops = [
                np.sqrt(sum((a - b) ** 2 for a, b in zip(one, other, strict=True)))
                for one, other in pairwise(stops)
            ]
            bias = sum(relays[j]["bias_ms"] for j in path) / 1000
            cost = np.where(np.max(hops, axis=0) <= reach, sum(hops) / LIGHT_MPS + bias, math.inf)
            if np.isfinite(cost).any():
                paths.append(path)
                costs.append(cost)
                links.append([(hop / LIGHT_MPS).tolist() for hop in hops])
    return paths, np.array(costs), links


def percentile(values: list[float], at: float) -> float:
    """Linear between the two order statistics around it."""
    ordered, place = sorted(values), at / 100 * (len(values) - 1)
    low = math.floor(place)
    high = min(low + 1, len(values) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def moments(values: list[float]) -> dict[str, Any]:
    mean = math.fsum(values) / len(values)
    variance = math.fsum((value - mean) ** 2 for value in values) / len(values)
    return {"count": len(values), "mean": mean, "variance": variance, "min": min(values), "max": max(values)}


def outcome(found: list[dict[str, Any]]) -> dict[str, Any]:
    """What the app's payload says of these replications."""
    generated, delivered, dropped = (
        sum(one[name] for one in found) for name in ("generated", "delivered", "dropped")
    )
    return {
        "replications": len(found),
        "packets_generated": generated,
        "packets_delivered": delivered,
        "pdr": delivered / generated if generated else None,
        "packets_dropped": dropped,
        "packets_in_flight": generated - delivered - dropped,
        "packets_no_route": sum(one["astray"] for one in found),
        **{name: moments([one[name] for one in found]) for name in METRICS},
        "e2e_delay_ms": moments([value for one in found for value in one["delays"]]),
        "queue_wait_ms": moments([value for one in found for value in one["waits"]]),
        "max_queue_depth_pkts": max(one["deepest"] for one in found),
        "bottleneck_relay": max((one["bottleneck"] for one in found if one["bottleneck"]), default=None),
    }


def simulate(
    folder: Path, policies: tuple[str, ...], replications: int, seed: int, warm_up: float
) -> dict[str, Any]:
    """The payload for every scenario in a folder under every policy."""
    networks = [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]
    found = {
        policy: [
            replicate(network, policy, seed, number, warm_up)
            for network in networks
            for number in range(replications)
        ]
        for policy in policies
    }
    return outcome([one for policy in policies for one in found[policy]]) | {
        p: outcome(found[p]) for p in policies
    }


def main() -> None:
    """Print the payload as JSON, and the seconds it took beside it."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("folder", type=Path, help="a folder of scenario files")
    parser.add_argument("--replications", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--warm-up", type=float, default=0.1, help="share of the simulated time that does not count"
    )
    parser.add_argument("--policy", choices=["both", *POLICIES], default="both")
    options = parser.parse_args()
    policies = POLICIES if options.policy == "both" else (options.policy,)
    started = time.perf_counter()
    payload = simulate(options.folder, policies, options.replications, options.seed, options.warm_up)
    print(json.dumps({"payload": payload, "seconds": time.perf_counter() - started}))


if __name__ == "__main__":
    main()
