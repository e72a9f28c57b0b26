"""The follow-up to `uav_queue_project`: what does it give to upgrade the bottleneck?

It takes that app's artifact `queue_metrics`. What was measured there replaces what the scenario said: each relay's
background and the source's rate. Where the bottleneck loses more than it may, its service rate is sized by M/M/1/K for
the load it was offered, and the network is simulated as it is and with the upgrade, on the same arrivals.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import polars as pl
from pydantic import Field, ValidationError
from uav_network.contradictions import GivenMetrics
from uav_network.judging import Verdict, judged
from uav_network.metrics import Estimate
from uav_network.outcome import Outcome
from uav_network.picture import picture
from uav_network.reading import read_json, refusal, wrong
from uav_network.record import Groups, grouped, keep, kept
from uav_network.report import Cases, answer, case_of, check, comparison, save_geography
from uav_network.simulation import simulate

from agi_node import App, Args, FileRef, Files, RunContext, WorkItem

from .sizing import PLANS, Plan, Upgrade, networks


class RelayArgs(Args):
    """What was measured, and what the bottleneck may lose."""

    queue_metrics: Files = Field(
        "data/queue_metrics.json",
        validate_default=True,
        description="The artifact queue_metrics of uav_queue_project.",
    )
    target_loss: float = Field(
        0.002, gt=0, lt=1, description="Share of its packets that a bottleneck may lose."
    )
    replications: int = Field(12, ge=2, le=1000, description="Independent repetitions of each.")
    seed: int = Field(2, ge=0, le=10**9, description="Root of all random numbers.")
    warm_up: float = Field(0.1, ge=0, le=0.9, description="Share of the simulated time that does not count.")
    pdr_within: float = Field(
        0.05, gt=0, le=1, description="Half-width that the 95 % interval of each PDR may have."
    )
    max_events: int = Field(2000, ge=0, le=1_000_000, description="Events kept of each replication.")


class RelaySummary(Outcome):
    """All replications together, those of the networks as they are, and those with the upgrade."""

    as_is: Outcome = Outcome()
    upgraded: Outcome = Outcome()


@dataclass(frozen=True)
class Replication:
    """One unit of work: a case of the metrics by its index, under a plan."""

    metrics: FileRef
    case: int
    plan: Plan
    replication: int


app = App("uav_relay_queue", args=RelayArgs, partial=RelaySummary)


@app.plan
def replications(args: RelayArgs) -> Iterator[WorkItem]:
    """One item per case, plan and replication; where no upgrade is needed, the network as it is alone."""
    first, *others = args.queue_metrics.matching("*.json")
    if others:
        try_ = f"name one of them: --queue-metrics {first}"
        raise refusal(others[0], 111, "is a second file of metrics", str(first), "one file", try_)
    measured = read_json(first, GivenMetrics)
    seen: set[tuple[str, str]] = set()
    for at, found in enumerate(measured.cases):
        if (found.scenario, found.policy) in seen:
            name = f"cases[{at}]: {found.scenario}, {found.policy}"
            raise refusal(first, 112, "has a case twice", name, "every scenario and policy once")
        seen.add((found.scenario, found.policy))
        try:
            plans = networks(found, args.target_loss)
        except ValidationError as error:
            raise wrong(first, error, f"cases[{at}], as measured or upgraded: ") from None
        for plan in plans:
            for number in range(args.replications):
                payload = {"metrics": first, "case": at, "plan": plan, "replication": number}
                key = f"{found.scenario}/{found.policy}/{plan}/{number:03}"
                yield WorkItem(key, payload, cost=plans[plan][0].expected_packets)


@app.work
def replicate(item: Replication, args: RelayArgs, run: RunContext) -> RelaySummary:
    """One replication of the network as measured, upgraded or not."""
    before = read_json(item.metrics, GivenMetrics).cases[item.case]
    network, made = networks(before, args.target_loss)[item.plan]
    trace = simulate(
        network,
        before.policy,
        seed=args.seed,
        replication=item.replication,
        warm_up_s=args.warm_up * network.sim_time_s,
        most_events=args.max_events,
    )
    labels = {"scenario": before.scenario, "policy": before.policy, "plan": item.plan}
    about = {"pdr": before.by_replication["pdr"].model_dump(), "upgrade": made}
    return RelaySummary.of(keep(run, trace, labels, item.replication, about), item.plan)


@app.publish
def judge(summary: RelaySummary, args: RelayArgs, run: RunContext) -> list[dict[str, Any]]:
    """What each upgrade gives, with intervals: the artifact `relay_metrics`, tables, a picture, checks, a row each."""
    groups = grouped(kept(run))
    if not groups:
        return []
    cases = {key: case_of(group) for key, group in groups.items()}
    upgrades = {key: groups[key][0].about["upgrade"] for key in cases}
    rows = [{"plan": key[-1], "upgrade": upgrades[key], **found.model_dump()} for key, found in cases.items()]
    document = {"schema": "uav.relay_metrics.v1", "target_loss": args.target_loss, "cases": rows}
    run.save_json("relay_metrics", document)
    nested = {"upgrade", "by_replication", "relays", "network"}
    flat = [{name: value for name, value in row.items() if name not in nested} for row in rows]
    run.save_table("plan_summary", pl.DataFrame(flat))
    changes = comparison(groups, "upgraded", "as_is")
    if changes:
        run.save_table("upgrade_comparison", pl.DataFrame(changes))
    save_geography(run, groups)
    changed = {key[:-1]: made["relay"] for key, made in upgrades.items() if made}
    shown = {key: found for key, found in cases.items() if key[:-1] in changed or not changed}
    title = "Upgrading the bottleneck (95 % intervals)"
    run.save_figure("upgrades", picture(run, title, shown, groups, PLANS, changed))
    check(run, summary, groups, cases, args.pdr_within)
    _check_against_before(run, groups, cases)
    _check_upgrades(run, groups, upgrades, args.target_loss)
    plan_first = {
        (key[-1], *key[:-1]): found for key, found in cases.items()
    }  # a narrow table cuts names off
    return [
        {**row, "upgrade_pps": (made or {}).get("to_pps")}
        for row, made in zip(answer(plan_first), upgrades.values(), strict=True)
    ]


def _check_against_before(run: RunContext, groups: Groups, cases: Cases) -> None:
    """As it is, does the network behave as `queue_metrics` says? Two intervals of one PDR reach each other."""
    gaps: dict[str, float] = {}
    for key, found in cases.items():
        before = Estimate(**groups[key][0].about["pdr"]).interval
        now = found.by_replication["pdr"].interval
        if key[-1] == "as_is" and before is not None and now is not None:
            gaps["/".join(key[:-1])] = max(before[0] - now[1], now[0] - before[1])
    if gaps:
        worst = max(gaps, key=gaps.__getitem__)
        message = (
            f"how far the interval of a PDR as it is lies from that in queue_metrics; the worst: {worst}"
        )
        gap = max(0.0, gaps[worst])
        run.validate("as is, it is what was measured", gap == 0, value=gap, limit=0.0, message=message)


def _check_upgrades(
    run: RunContext, groups: Groups, upgrades: dict[tuple[str, ...], Upgrade | None], target_loss: float
) -> None:
    """Do upgraded relays keep the target, once packets come as they do and not as theory has it?"""
    found: dict[str, Verdict] = {}
    for key, made in upgrades.items():
        if made:
            name, records = made["relay"], groups[key]
            (room,) = (one.queue_capacity_pkts for one in records[0].scenario.relays if one.relay_id == name)
            tallies = [record.relays[name] for record in records]
            found["/".join(key[:-1])] = judged(tallies, target_loss, room)
    if found:
        worst = max(found, key=lambda name: found[name].order)
        run.validate(
            "upgrades keep the target",
            all(verdict.kept for verdict in found.values()),
            value=found[worst].loss.share,
            limit=target_loss,
            message=f"loss at an upgraded relay; the worst: {worst}, {found[worst].words}",
        )
