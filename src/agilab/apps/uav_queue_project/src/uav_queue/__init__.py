"""Packets from a source over flying relays to a sink: does it pay to look at the queues?

A work item is one replication of one scenario under one policy, simulated event by event. Replications of one number
meet the same arrivals and the same work under either policy, so the policies are compared pair by pair.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import polars as pl
from pydantic import Field
from uav_network.metrics import QueueMetrics
from uav_network.outcome import Outcome
from uav_network.picture import picture
from uav_network.reading import read_json, refusal
from uav_network.record import grouped, keep, kept
from uav_network.report import answer, case_of, check, comparison, save_geography
from uav_network.scenario import POLICIES, Policy, Scenario
from uav_network.simulation import simulate

from agi_node import App, Args, FileRef, Files, RunContext, WorkItem


class QueueArgs(Args):
    """Which networks, under which policies, how often."""

    scenarios: Files = Field(
        "data/*.json", validate_default=True, description="Glob or folder of scenario files."
    )
    policy: Literal["both", "shortest_path", "queue_aware"] = Field(
        "both", description="How the source routes."
    )
    replications: int = Field(5, ge=2, le=1000, description="Independent repetitions of each.")
    seed: int = Field(1, ge=0, le=10**9, description="Root of all random numbers.")
    warm_up: float = Field(0.1, ge=0, le=0.9, description="Share of the simulated time that does not count.")
    pdr_within: float = Field(
        0.05, gt=0, le=1, description="Half-width that the 95 % interval of each PDR may have."
    )
    max_events: int = Field(2000, ge=0, le=1_000_000, description="Events kept of each replication.")

    @property
    def policies(self) -> tuple[Policy, ...]:
        return POLICIES if self.policy == "both" else (self.policy,)


class QueueSummary(Outcome):
    """All replications together, and those of each policy."""

    shortest_path: Outcome = Outcome()
    queue_aware: Outcome = Outcome()


@dataclass(frozen=True)
class Replication:
    """One unit of work."""

    scenario: FileRef
    policy: Policy
    replication: int


app = App("uav_queue", args=QueueArgs, partial=QueueSummary)


@app.plan
def replications(args: QueueArgs) -> Iterator[WorkItem]:
    """One item per scenario, policy and replication; its cost is the number of packets to expect."""
    scenarios: dict[str, tuple[FileRef, Scenario]] = {}
    for file in args.scenarios.matching("*.json"):  # all are read before the first item is out
        scenario = read_json(file, Scenario)
        if scenario.scenario in scenarios:
            other = scenarios[scenario.scenario][0]
            raise refusal(
                file, 104, "has another file's scenario name", scenario.scenario, f"one not in {other}"
            )
        if len(scenario.relays) == 1 and "queue_aware" in args.policies:
            allowed = "two relays or more for queue_aware, or --policy shortest_path"
            raise refusal(
                file, 105, "has one relay, which leaves nothing to choose", "relays[0] alone", allowed
            )
        scenarios[scenario.scenario] = file, scenario
    for name, (file, scenario) in scenarios.items():
        for policy in args.policies:
            for number in range(args.replications):
                payload = {"scenario": file, "policy": policy, "replication": number}
                yield WorkItem(f"{name}/{policy}/{number:03}", payload, cost=scenario.expected_packets)


@app.work
def replicate(item: Replication, args: QueueArgs, run: RunContext) -> QueueSummary:
    """One replication: its events, queues and routes as tables, its numbers as a partial."""
    scenario = read_json(item.scenario, Scenario)
    trace = simulate(
        scenario,
        item.policy,
        seed=args.seed,
        replication=item.replication,
        warm_up_s=args.warm_up * scenario.sim_time_s,
        most_events=args.max_events,
    )
    labels = {"scenario": scenario.scenario, "policy": item.policy}
    outcome = keep(run, trace, labels, item.replication)
    return QueueSummary.of(outcome, item.policy)


@app.publish
def compare(summary: QueueSummary, args: QueueArgs, run: RunContext) -> list[dict[str, Any]]:
    """What each policy does in each scenario: the artifact `queue_metrics`, tables, a picture, checks, a row each."""
    groups = grouped(kept(run))
    if not groups:
        return []
    cases = {key: case_of(group) for key, group in groups.items()}
    run.save_json("queue_metrics", QueueMetrics(cases=tuple(cases.values())).model_dump(by_alias=True))
    rows = [found.model_dump(exclude={"by_replication", "relays", "network"}) for found in cases.values()]
    run.save_table("policy_summary", pl.DataFrame(rows))
    changes = comparison(groups, "queue_aware", "shortest_path")
    if changes:
        run.save_table("policy_comparison", pl.DataFrame(changes))
    save_geography(run, groups)
    title = "Routing over flying relays (95 % intervals)"
    run.save_figure("policies", picture(run, title, cases, groups, POLICIES, {}))
    check(run, summary, groups, cases, args.pdr_within)
    return answer(cases)
