"""What both apps publish of their records: comparisons pair by pair, geography, checks, an answer.

The last label of a record is what is compared (a policy, a plan); those before it say in which case.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from agi_node import Moments, RunContext

from .interval import half_width, holm, p_value
from .metrics import Case, case
from .motion import positions, sample_times, topology
from .outcome import Outcome
from .record import Groups, Record, merged

COMPARED = ("pdr", "mean_e2e_delay_ms", "p95_e2e_delay_ms", "mean_queue_wait_ms")
OUT_OF_REACH = 0.01
"""Share of packets without a route from which on a case is about radio range and not about queues."""

NO_PATH = "no path"
"""Where packets are lost that no path led to the sink for; no relay's name, for it has a blank."""

Cases = Mapping[tuple[str, ...], Case]


def case_of(records: Sequence[Record]) -> Case:
    """The numbers of one group, whose labels say its policy."""
    policy: Any = records[0].labels["policy"]
    return case(records[0].scenario, policy, *merged(records))


def paired(one: Sequence[Record], other: Sequence[Record], name: str) -> Moments:
    """`one` minus `other`, replication by replication: both met the same arrivals, so their noise cancels."""
    before = {record.replication: record.outcome.by_replication(name).mean for record in other}
    after = {record.replication: record.outcome.by_replication(name).mean for record in one}
    pairs = [(after[at], before.get(at)) for at in after]
    return Moments.of([a - b for a, b in pairs if a is not None and b is not None])


def comparison(groups: Groups, one: str, other: str) -> list[dict[str, Any]]:
    """A row for each case and metric: the mean of `one` minus `other` over pairs, with its interval.

    Each row is a test, so `tells_them_apart` asks for less than 0.05 of the p-value that Holm adjusts for all rows.
    """
    rows: list[dict[str, Any]] = []
    for key, records in groups.items():
        base = groups.get((*key[:-1], other))
        if key[-1] == one and base is not None:
            for name in COMPARED:
                change = paired(records, base, name)
                rows.append(
                    {
                        **dict(list(records[0].labels.items())[:-1]),
                        "metric": name,
                        f"{one}_minus_{other}": change.mean,
                        "half_width_95": half_width(change),
                        "pairs": change.count,
                        "p_value": p_value(change),
                    }
                )
    adjusted = holm([row["p_value"] for row in rows])
    return [
        {**row, "p_value_holm": p, "tells_them_apart": p is not None and p < 0.05}
        for row, p in zip(rows, adjusted, strict=True)
    ]


def answer(cases: Cases) -> list[dict[str, Any]]:
    """What a person wants to know first, a row for each case: how much arrives, how late, and where it is lost.

    `lost_at` is the relay that loses most, or "no path" where most of what the source lost had none.
    """
    return [
        {
            "case": "/".join(key),
            "lost_at": NO_PATH
            if 2 * found.packets_no_route > found.packets_dropped
            else found.bottleneck_relay,
            "mean_delay_ms": found.mean_e2e_delay_ms,
            "p95_delay_ms": found.p95_e2e_delay_ms,
            "pdr": found.pdr,
        }
        for key, found in cases.items()
    ]


def save_geography(run: RunContext, groups: Groups) -> None:
    """The tables `node_positions` and `topology` of every scenario."""
    scenarios = {records[0].scenario.scenario: records[0].scenario for records in groups.values()}
    for name, rows in (("node_positions", positions), ("topology", topology)):
        tables = [pl.DataFrame(rows(scenario, sample_times(scenario))) for scenario in scenarios.values()]
        run.save_table(name, pl.concat(tables))


def check(run: RunContext, summary: Outcome, groups: Groups, cases: Cases, pdr_within: float) -> None:
    """Verdicts that hold for any simulation of this kind, if it is right and as long as `pdr_within` asks for."""
    records = [record for group in groups.values() for record in group]
    whole = Outcome.merge_all(record.outcome for record in records).to_state()
    found = {name: state for name, state in summary.to_state().items() if name in whole}
    run.validate("replications add up", found == whole, value=len(records), limit=summary.replications)
    made = summary.packets_generated
    ends = summary.packets_delivered + summary.packets_dropped + summary.packets_in_flight
    run.validate("no packet is lost sight of", ends == made, value=ends, limit=made)
    gap = little_gap(groups)
    message = (
        "time spent in queues against the integral of their lengths, the worst case's relative difference"
    )
    run.validate("Little's law", gap <= 0.05, value=gap, limit=0.05, message=message)
    _check_reach(run, cases)
    widths = {"/".join(key): found.by_replication["pdr"].half_width_95 for key, found in cases.items()}
    known = {name: width for name, width in widths.items() if width is not None}
    worst = max(known, key=known.__getitem__, default=None)
    width = known[worst] if worst is not None else math.inf
    message = (
        f"half the widest 95 % interval of a PDR: {worst or 'no case has two'}; more replications narrow it"
    )
    run.validate("PDR is precise", width <= pdr_within, value=width, limit=pdr_within, message=message)


def _check_reach(run: RunContext, cases: Cases) -> None:
    """Was there a path to the sink at all? Queues lose no packet that never gets to one."""
    shares = {
        "/".join(key): found.packets_no_route / found.packets_generated
        for key, found in cases.items()
        if found.packets_generated
    }
    worst = max(shares, key=shares.__getitem__, default="")
    share = shares.get(worst, 0.0)
    message = "share of packets that no path led to the sink for"
    message += f"; the worst: {worst}, see route_summary and radio_range_m" if share else ", in no case any"
    run.validate(
        "the sink is in reach", share <= OUT_OF_REACH, value=share, limit=OUT_OF_REACH, message=message
    )


def little_gap(groups: Groups) -> float:
    """How far, relatively, time spent waiting is from the integral of the number waiting: the worst group.

    Little's law makes them equal over a long time. Here they differ by packets that wait when counting begins or ends;
    by more, the simulation loses or invents time.
    """
    worst = 0.0
    for records in groups.values():
        tallies = merged(records)[1].values()
        area = sum(tally.packet_seconds - tally.busy_seconds for tally in tallies)
        waited = sum(tally.wait_ms.count * (tally.wait_ms.mean or 0.0) for tally in tallies) / 1000
        if area > 0:
            worst = max(worst, abs(area - waited) / area)
    return worst
