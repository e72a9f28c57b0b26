"""What a unit keeps of its replication, and how publishing finds it again."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from agi_node import RunContext
from agi_node.canonical import untag

from .outcome import Outcome, RelayTally, measure, queue_series, routes
from .scenario import Scenario
from .simulation import Trace

EVENTS = {
    "time_s": pl.Float64,
    "event": pl.String,
    "packet": pl.Int64,
    "node": pl.String,
    "depth_pkts": pl.Int64,
}
SERIES = {"time_s": pl.Float64, "relay": pl.String, "depth_pkts": pl.Int64, "dropped_so_far": pl.Int64}
ROUTES = {
    "route": pl.String,
    "hops": pl.Int64,
    "packets": pl.Int64,
    "delivered": pl.Int64,
    "dropped": pl.Int64,
    "in_flight": pl.Int64,
    "mean_delay_ms": pl.Float64,
}

Labels = Mapping[str, str]
"""What tells one kind of replication from another: scenario, policy, …"""


@dataclass(frozen=True)
class Record:
    """One replication as it was kept. `about` is what else its app wanted to remember."""

    key: str
    labels: Labels
    replication: int
    scenario: Scenario
    outcome: Outcome
    relays: Mapping[str, RelayTally]
    events_left_out: int
    about: Mapping[str, Any]


Groups = dict[tuple[str, ...], list[Record]]
"""Records by the values of their labels."""


def keep(
    run: RunContext, trace: Trace, labels: Labels, replication: int, about: Mapping[str, Any] | None = None
) -> Outcome:
    """Save the record `replication` and the tables `events`, `queue_series` and `route_summary`, and log metrics."""
    outcome, relays = measure(trace)
    run.save_json(
        "replication",
        {
            "labels": dict(labels),
            "replication": replication,
            "network": trace.scenario.model_dump(),
            "outcome": outcome.to_state(),
            "relays": {name: tally.to_state() for name, tally in relays.items()},
            "events_left_out": trace.events_left_out,
            "about": dict(about or {}),
        },
    )
    columns = [pl.lit(value).alias(name) for name, value in labels.items()]
    columns.append(pl.lit(replication, pl.Int64).alias("replication"))
    for name, rows, schema in (
        ("events", trace.events, EVENTS),
        ("queue_series", queue_series(trace), SERIES),
        ("route_summary", routes(trace), ROUTES),
    ):
        table = pl.DataFrame(rows, schema=schema, orient="row")
        run.save_table(name, table.select(*columns, *schema))
    run.log_metrics({"packets": outcome.packets_generated, "events_left_out": trace.events_left_out})
    shown = {"pdr": outcome.pdr, "mean_e2e_delay_ms": outcome.mean_e2e_delay_ms.mean}
    run.log_metrics({name: value for name, value in shown.items() if value is not None})
    return outcome


def kept(run: RunContext) -> list[Record]:
    """The records of all units, in key order."""
    records = []
    for key, path in run.artifacts("replication"):
        plain: Any = untag(json.loads(path.read_bytes()))
        records.append(
            Record(
                key,
                plain["labels"],
                plain["replication"],
                Scenario.model_validate(plain["network"]),
                Outcome.from_state(plain["outcome"]),
                {name: RelayTally.from_state(state) for name, state in plain["relays"].items()},
                plain["events_left_out"],
                plain["about"],
            )
        )
    return records


def grouped(records: Sequence[Record]) -> Groups:
    """The records by their labels' values, each group in order of replication."""
    groups: Groups = {}
    for record in sorted(records, key=lambda record: record.replication):
        groups.setdefault(tuple(record.labels.values()), []).append(record)
    return groups


def merged(records: Sequence[Record]) -> tuple[Outcome, dict[str, RelayTally]]:
    """All of one group together, exactly."""
    names = [relay.relay_id for relay in records[0].scenario.relays]
    tallies = {name: RelayTally.merge_all(record.relays[name] for record in records) for name in names}
    return Outcome.merge_all(record.outcome for record in records), tallies
