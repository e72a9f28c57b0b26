"""Costs: how long items will take, learnt from what earlier runs of the same app recorded.

An app says what its items cost in a unit of its own, often the size of a file. What they really took stands in the log.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from agi_node.errors import AgiError
from agilab.contracts.identifiers import unit_label
from agilab.engine.expansion import Item, items_of
from agilab.projects.machine import cores
from agilab.projects.observations import Observation
from agilab.projects.sharing import as_if_alone, core_use
from agilab.projects.starts import NOISE_S, without_starts
from agilab.store.store import Store

RUNS = 5
"""Earlier runs that are read, the newest ones: machines and code change."""
CANDIDATES = 20
SAMPLE = 200
"""Units of a run whose processor time is read; each is an event of its own."""
ROWS = 20_000
"""Observations after which no further run is read, so that learning stays quick however large runs are."""
# An estimate that is off by NOISE_S delays a run by no more; order and placement that follow noise would change with
# every run.
POINTS = 5_000


@dataclass(frozen=True)
class History:
    """What earlier runs tell about the units of a node.

    Attributes:
        runs: How many runs the observations are from, which count them from the newest, 0.
        same_args: Whether they had the arguments that are asked about; others are read where none had.
        start: Seconds that a worker needs once, before its first unit.
        use: The part of a core that a unit keeps busy.
    """

    observations: Sequence[Observation] = ()
    runs: int = 0
    same_args: bool = True
    start: float = 0.0
    use: float = 1.0

    @property
    def words(self) -> str:
        """The runs, for a person."""
        runs = "the last run" if self.runs == 1 else f"{self.runs} earlier runs"
        return runs if self.same_args else f"{runs} with other arguments"


@dataclass(frozen=True)
class Estimates:
    """How long each item should take with a core of its own, by key, and what that rests on in words.

    `seconds` is None where nothing tells; `start` is what each worker needs once, before.
    """

    seconds: Mapping[str, float] | None
    basis: str
    start: float = 0.0


def read_history(
    store: Store, app: str, args: Mapping[str, Any], *, node: str, target: str, plan: str
) -> History:
    """The successes of the newest succeeded runs of an app whose `node` ran `target` over what `plan` returned.

    Units that were reused did not run and tell nothing. A run that cannot be read any more is left out.
    """
    rows = store.db.execute(
        "SELECT r.run_id FROM run r JOIN node n ON n.run_id=r.run_id AND n.node=? WHERE r.app=? AND"
        " r.state='succeeded' AND n.target=? AND EXISTS (SELECT 1 FROM unit u WHERE u.run_id=r.run_id AND"
        " u.node=n.node AND u.state='succeeded') ORDER BY r.run_id DESC LIMIT ?",
        (node, app, target, CANDIDATES),
    )
    names = [name for (name,) in rows]
    alike = [name for name in names if _arguments(store, name) == dict(args)]
    found: list[Observation] = []
    runs = 0
    for name in alike or names:
        if runs == RUNS or len(found) >= ROWS:
            break
        try:
            seen = list(_observations(store, name, runs, node, plan))
        except AgiError:
            continue
        found += seen
        runs += bool(seen)
    found, telling = as_if_alone(found, cores())
    found, start = without_starts(found, _line)
    return History(found, runs, bool(alike), start, core_use(telling))


def estimated(items: Sequence[Item], history: History) -> Estimates:
    """How long these items should take.

    An item that ran before (the same key with the same payload, or at least the same cost) takes the median of what it
    took, where that differs from what its cost says by more than noise, or where costs were mostly wrong. What a cost
    says is read off a line through what all of them took (Tukey's resistant line, 1977: medians of the outer thirds, so
    that no outlier moves it); where most are too short for that, all share the time by cost.
    """
    if not history.observations:
        return Estimates(None, "the app's own cost; no earlier run")
    typical = statistics.median(seen.seconds for seen in history.observations)
    short = typical < NOISE_S
    intercept, slope = _share(history.observations) if short else _line(history.observations)
    before: dict[str, list[Observation]] = {}
    for seen in history.observations:
        before.setdefault(seen.key, []).append(seen)
    said = {item.key: intercept + slope * item.cost for item in items}
    measured: dict[str, float] = {}
    for item in items:
        alike = [seen for seen in before.get(item.key, ()) if _is_alike(seen, item)]
        if alike:
            measured[item.key] = statistics.median(seen.seconds for seen in alike)
    apart = {key: took for key, took in measured.items() if abs(took - said[key]) >= NOISE_S}
    own = measured if 2 * len(apart) > len(measured) else apart
    seconds = said | own
    if short and own is apart:
        but = f", but for {len(apart):,} that stood out" if apart else ""
        basis = f"the app's own cost; units took {time_text(typical)} in {history.words}, too short to tell apart{but}"
        return Estimates(seconds, basis, history.start)
    same = sum(math.isclose(seconds[key], took) for key, took in measured.items())
    basis = _basis(same, len(measured) - same, len(items), intercept, slope, history)
    return Estimates(seconds, basis, history.start)


def with_learnt_costs(
    store: Store,
    run_id: str,
    items: list[Item],
    *,
    node: str,
    target: str,
    plan: str,
    keys: tuple[str, ...] = (),
) -> list[Item]:
    """The items of a run with the seconds that they should take as their costs, where earlier runs tell.

    `keys` are those that the plan stands below, where it is one of many.
    """
    history = read_history(
        store, store.run(run_id).app, _arguments(store, run_id) or {}, node=node, target=target, plan=plan
    )
    named = [replace(item, key=unit_label(*keys, item.key)) for item in items]
    seconds = estimated(named, history).seconds
    if seconds is None:
        return items
    return [replace(item, cost=seconds[one.key]) for item, one in zip(items, named, strict=True)]


def time_text(seconds: float) -> str:
    """A short time for a sentence.

    >>> time_text(2.5), time_text(0.0132), time_text(4.2e-7), time_text(0)
    ('2.5 s', '13.2 ms', '420 ns', '0 s')
    """
    for factor, unit in ((1.0, "s"), (1e3, "ms"), (1e6, "µs")):
        if seconds * factor >= 1 or not seconds:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"


def _arguments(store: Store, run_id: str) -> dict[str, Any] | None:
    return store.created(run_id).get("args")


def _observations(store: Store, run_id: str, run: int, node: str, plan: str) -> Iterator[Observation]:
    rows = store.db.execute(
        "SELECT key, worker, duration_us, done_seq FROM unit WHERE run_id=? AND node=? AND state='succeeded'"
        " AND duration_us IS NOT NULL ORDER BY started_us, position",
        (run_id, node),
    ).fetchall()
    if not rows:
        return
    # The expansion has costs that may have been learnt; what the app said itself stands in its plan's value.
    said: dict[str, Item] = {}
    for made, body in store.results(run_id, plan):
        if "value" in body or "value_digest" in body:
            above = (made.key,) if made.key else ()
            said |= {unit_label(*above, item.key): item for item in items_of(store.value(body))}
    warm: set[str] = set()
    for number, (key, worker, duration_us, done) in enumerate(rows):
        first = worker not in warm
        warm.add(worker)
        if key in said:
            item = said[key]
            cpu = store.event(run_id, done).data.get("cpu_us") if number < SAMPLE else None
            yield Observation(
                run,
                key,
                item.payload,
                item.cost,
                duration_us / 1e6,
                worker or "",
                None if cpu is None else cpu / 1e6,
                first,
            )


def _is_alike(seen: Observation, item: Item) -> bool:
    return bool(seen.payload == item.payload) or seen.cost == item.cost


def _share(observations: Sequence[Observation]) -> tuple[float, float]:
    """Seconds at no cost, and for a unit of cost, where all took their share of the time by cost."""
    cost = sum(seen.cost for seen in observations)
    took = sum(seen.seconds for seen in observations)
    return (0.0, took / cost) if cost > 0 else (took / len(observations), 0.0)


def _line(observations: Sequence[Observation]) -> tuple[float, float]:
    """Seconds at no cost, and seconds for a unit of cost; neither is ever negative."""
    step = len(observations) // POINTS + 1
    points = sorted((seen.cost, seen.seconds) for seen in observations[::step])
    third = len(points) // 3
    if third >= 3:
        low, high = points[:third], points[-third:]
        apart = _median(high, 0) - _median(low, 0)
        if apart > 0:
            slope = (_median(high, 1) - _median(low, 1)) / apart
            intercept = statistics.median(seconds - slope * cost for cost, seconds in points)
            if slope > 0 and intercept >= 0:
                return intercept, slope
            if slope <= 0:
                return _median(points, 1), 0.0
    ratios = [seconds / cost for cost, seconds in points if cost > 0]
    return (0.0, statistics.median(ratios)) if ratios else (_median(points, 1), 0.0)


def _median(points: Sequence[tuple[float, float]], axis: int) -> float:
    return statistics.median(point[axis] for point in points)


def _basis(own: int, near: int, count: int, intercept: float, slope: float, history: History) -> str:
    """What times rest on: `own` items have what was measured of them, `near` ones by their cost about the same."""
    if own == count:
        return f"measured in {history.words}"
    parts = [time_text(intercept)] if intercept or not slope else []
    parts += [f"{time_text(slope)} per unit of cost"] if slope else []
    line = " + ".join(parts)
    if own and not near:
        return f"{own:,} of {count:,} items measured in {history.words}, the others estimated: {line}"
    there = f", where {near:,} of {count:,} items took that within {time_text(NOISE_S)}" if near else ""
    but = f", and {own:,} other{'' if own == 1 else 's'} what is given here" if own else ""
    return f"estimated from the cost of each: {line}, by {history.words}{there}{but}"
