"""What both apps publish of their records: comparisons pair by pair, geography, what a picture shows, checks.

The last label of a record is what is compared (a policy, a plan); those before it say in which case.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import polars as pl

from agi_node import Moments, RunContext

from .interval import half_width
from .metrics import Case, case
from .motion import positions, sample_times, topology
from .outcome import Outcome
from .record import Groups, Record, merged

COMPARED = ("pdr", "mean_e2e_delay_ms", "p95_e2e_delay_ms", "mean_queue_wait_ms")
PICTURED = {"pdr": "packet delivery ratio", "p95_e2e_delay_ms": "95th percentile of delay (ms)"}
SHOWN = 4
"""Cases in a picture; more would not be legible."""

Cases = Mapping[tuple[str, ...], Case]


def first(cases: Cases, title: str) -> tuple[Cases, str]:
    """The `SHOWN` cases that a picture has room for, and its title, which says how many there are."""
    names = list(dict.fromkeys(key[:-1] for key in cases))
    if len(names) <= SHOWN:
        return cases, title
    few = {key: found for key, found in cases.items() if key[:-1] in names[:SHOWN]}
    return few, f"{title}, {SHOWN} of {len(names)} cases"


def case_of(records: Sequence[Record]) -> Case:
    """The numbers of one group, whose labels say its policy."""
    policy: Any = records[0].labels["policy"]
    return case(records[0].scenario, policy, *merged(records))


def paired(one: Sequence[Record], other: Sequence[Record], name: str) -> Moments:
    """`one` minus `other`, replication by replication: both met the same arrivals, so their noise cancels."""
    before = {record.replication: record.outcome.by_replication(name).mean for record in other}
    after = {record.replication: record.outcome.by_replication(name).mean for record in one}
    both = [at for at in after if after[at] is not None and before.get(at) is not None]
    return Moments.of([after[at] - before[at] for at in both])


def comparison(groups: Groups, one: str, other: str) -> Iterator[dict[str, Any]]:
    """A row for each case and metric: the mean of `one` minus `other` over pairs, with its interval."""
    for key, records in groups.items():
        base = groups.get((*key[:-1], other))
        if key[-1] == one and base is not None:
            for name in COMPARED:
                change = paired(records, base, name)
                half = half_width(change)
                yield {
                    **dict(list(records[0].labels.items())[:-1]),
                    "metric": name,
                    f"{one}_minus_{other}": change.mean,
                    "half_width_95": half,
                    "pairs": change.count,
                    "tells_them_apart": half is not None and abs(change.mean or 0.0) > half,
                }


def save_geography(run: RunContext, groups: Groups) -> None:
    """The tables `node_positions` and `topology` of every scenario."""
    scenarios = {records[0].scenario.scenario: records[0].scenario for records in groups.values()}
    for name, rows in (("node_positions", positions), ("topology", topology)):
        tables = [pl.DataFrame(rows(scenario, sample_times(scenario))) for scenario in scenarios.values()]
        run.save_table(name, pl.concat(tables))


def estimates(cases: Cases, order: Sequence[str]) -> dict[str, dict[str, dict[str, tuple[float, float]]]]:
    """For each metric of `PICTURED` and each of `order`, `(mean, half width of its interval)` by case."""

    def by_case(one: str, metric: str) -> dict[str, tuple[float, float]]:
        found = {"\n".join(key[:-1]): cases[key].by_replication[metric] for key in cases if key[-1] == one}
        return {
            name: (each.mean, each.half_width_95 or 0.0)
            for name, each in found.items()
            if each.mean is not None
        }

    present = {key[-1] for key in cases}
    return {
        label: {one: by_case(one, metric) for one in order if one in present}
        for metric, label in PICTURED.items()
    }


def queues(
    run: RunContext, cases: Cases, groups: Groups, order: Sequence[str], relays: Mapping[tuple[str, ...], str]
) -> dict[str, dict[str, tuple[list[float], list[int]]]]:
    """For each case and each of `order`, `(times in s, packets)`: the queue at one relay in the first replication.

    It is the relay that `relays` says, or the bottleneck of what comes first in `order`.
    """
    tables = dict(run.artifacts("queue_series"))
    found = {}
    for name in dict.fromkeys(key[:-1] for key in cases):
        keys = [(*name, one) for one in order if (*name, one) in cases]
        relay = relays.get(name, cases[keys[0]].bottleneck_relay)
        panel = {}
        for key in keys:
            table = pl.read_parquet(tables[groups[key][0].key], glob=False).filter(pl.col("relay") == relay)
            panel[key[-1]] = table["time_s"].to_list(), table["depth_pkts"].to_list()
        found["\n".join((*name, f"packets at {relay}"))] = panel
    return found


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
    widths = {"/".join(key): found.by_replication["pdr"].half_width_95 for key, found in cases.items()}
    known = {name: width for name, width in widths.items() if width is not None}
    worst = max(known, key=known.__getitem__, default=None)
    width = known[worst] if worst is not None else math.inf
    message = (
        f"half the widest 95 % interval of a PDR: {worst or 'no case has two'}; more replications narrow it"
    )
    run.validate("PDR is precise", width <= pdr_within, value=width, limit=pdr_within, message=message)


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
