"""The picture of both apps: estimates with their intervals above, queues over time below.

It draws with `plain_charts`, which an app that imports this lists beside `uav_network`.
"""

from collections.abc import Iterator, Mapping, Sequence

import polars as pl
from plain_charts import Chart, Dots, Line, alike, sheet, traces

from agi_node import RunContext

from .metrics import Case, Estimate
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
    upper = [spans(label, estimates(shown, metric, order)) for metric, label in PICTURED.items()]
    series = queues(run, shown, groups, order, relays)
    lower = alike([traces(label, found, "time (s)") for label, found in series.items()])
    return sheet(title, upper, lower)


def estimates(cases: Cases, metric: str, order: Sequence[str]) -> dict[str, dict[str, Estimate]]:
    """The estimates of a metric, by what is compared and by case."""
    present = {key[-1] for key in cases}
    return {
        one: {
            "\n".join(key[:-1]): found.by_replication[metric]
            for key, found in cases.items()
            if key[-1] == one
        }
        for one in order
        if one in present
    }


def spans(title: str, found: Mapping[str, Mapping[str, Estimate]]) -> Chart:
    """Estimates side by side: dots, and lines as far as the intervals go, which are not even about them."""
    cases = list(dict.fromkeys(case for each in found.values() for case in each))
    apart = 0.5 / max(len(found), 1)
    marks: list[Dots | Line] = []
    for at, (name, each) in enumerate(found.items()):
        shift = (at - (len(found) - 1) / 2) * apart
        known = [(cases.index(case) + shift, one) for case, one in each.items() if one.mean is not None]
        marks += [Line([(x, end) for end in one.interval or ()], at) for x, one in known]
        marks.append(Dots([(x, one.mean) for x, one in known if one.mean is not None], at, name))
    return Chart(title, marks, list(enumerate(cases)), x=(-0.6, len(cases) - 0.4))


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
