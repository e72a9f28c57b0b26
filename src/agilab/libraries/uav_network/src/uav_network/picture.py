"""The picture of both apps: estimates with their intervals above, queues over time below.

It draws with `plain_charts`, which an app that imports this lists beside `uav_network`.
"""

from collections.abc import Iterator, Mapping, Sequence

import polars as pl
from plain_charts import alike, intervals, sheet, traces

from agi_node import RunContext

from .metrics import Case
from .record import Groups

PICTURED = {"pdr": "packet delivery ratio", "p95_e2e_delay_ms": "95th percentile of delay (ms)"}
SHOWN = 4
"""Cases in a picture; more would not be legible."""

Cases = Mapping[tuple[str, ...], Case]
Queue = tuple[list[float], list[int]]
"""Times (s) and packets."""


def picture(
    run: RunContext,
    title: str,
    cases: Cases,
    groups: Groups,
    order: Sequence[str],
    relays: Mapping[tuple[str, ...], str],
) -> str:
    """The first `SHOWN` cases as SVG. `order` is what is compared; `relays` says at which relay the queue is shown."""
    names = list(dict.fromkeys(key[:-1] for key in cases))
    shown = {key: found for key, found in cases.items() if key[:-1] in names[:SHOWN]}
    if len(names) > SHOWN:
        title += f", {SHOWN} of {len(names)} cases"
    upper = [intervals(label, estimates(shown, metric, order)) for metric, label in PICTURED.items()]
    series = queues(run, shown, groups, order, relays)
    lower = alike([traces(label, found, "time (s)") for label, found in series.items()])
    return sheet(title, upper, lower)


def estimates(
    cases: Cases, metric: str, order: Sequence[str]
) -> dict[str, dict[str, tuple[float, tuple[float, float] | None]]]:
    """The mean of a metric with its interval, by what is compared and by case; without those that have none."""
    found: dict[str, dict[str, tuple[float, tuple[float, float] | None]]] = {}
    for key, one in sorted(cases.items(), key=lambda item: order.index(item[0][-1])):
        estimate = one.by_replication[metric]
        if estimate.mean is not None:
            found.setdefault(key[-1], {})["\n".join(key[:-1])] = estimate.mean, estimate.interval
    return found


def queues(
    run: RunContext, cases: Cases, groups: Groups, order: Sequence[str], relays: Mapping[tuple[str, ...], str]
) -> dict[str, dict[str, Queue]]:
    """For each case and each of `order`, the queue at one relay in the first replication.

    It is the relay that `relays` says, or the bottleneck of what comes first in `order`, or the busiest relay there.
    """
    tables = dict(run.artifacts("queue_series"))

    def depths(key: tuple[str, ...], relay: str) -> Queue:
        table = pl.read_parquet(tables[groups[key][0].key], glob=False).filter(pl.col("relay") == relay)
        return table["time_s"].to_list(), table["depth_pkts"].to_list()

    def panels() -> Iterator[tuple[str, dict[str, Queue]]]:
        for name in dict.fromkeys(key[:-1] for key in cases):
            keys = [(*name, one) for one in order if (*name, one) in cases]
            before = cases[keys[0]]
            busiest = max(before.relays, key=lambda load: load.busy_share).relay_id
            relay = relays.get(name) or before.bottleneck_relay or busiest
            yield "\n".join((*name, f"packets at {relay}")), {key[-1]: depths(key, relay) for key in keys}

    return dict(panels())
