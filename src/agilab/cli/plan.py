"""What a plan looks like: the items, who would do them, how even that is, and that nothing was done."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from agilab.cli.app_view import typed
from agilab.cli.render import out, pairs, steps, table, title
from agilab.cli.words import number, plural, short, speaks_unicode, symbol

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

    from agilab.contracts.plan import Plan
    from agilab.projects.plan import Planned

ITEMS_SHOWN = 20
WORKERS_SHOWN = 16
BAR = 24


def print_plan(planned: Planned, again: str) -> None:
    """A plan: longest items first, each worker's load, the estimate beside what nobody can beat, and the files.

    `again` is the command that would do it, without its placement.
    """
    from rich.text import Text

    plan = planned.plan
    dot = f" {symbol('dot')} "
    static = any(item.worker for item in plan.items)
    mapped = any(item.key for item in plan.items)
    word = "item" if mapped or not plan.items else "node"
    head = [plural(len(plan.items), word), plural(len(plan.workers), "worker")]
    head += (
        ["a worker for each item" if static else f"idle workers take the next {word}"] if plan.items else []
    )
    out(
        "",
        Text.assemble(("planned ", ""), (plan.app.name, "bold"), ("  nothing was executed", "yellow")),
        Text(f"  {dot.join(head)}", "dim"),
    )
    if plan.items and not mapped:
        out("", *_nodes(plan))
    elif plan.items:
        out("", *_items(plan))
        if decided := _decided(plan):
            out("", title("Cache"), table(("  items", "decision", "why"), decided))
        out("", title("Workers"), *_loads(planned))
        out("", title("Estimate"), pairs(_estimate(planned)))
    arguments = [(name, str(value)) for name, value in plan.args.items()]
    if arguments:
        out("", title("Arguments"), pairs(arguments))
    out(
        "",
        title("Plan"),
        pairs(
            [
                ("file", short(planned.path)),
                ("to edit", short(planned.distribution_path)),
                ("proof", "none: it says not_executed, and nothing takes it for a run"),
            ]
        ),
        "",
        title("Next"),
        steps([(f"{again}{_followed(planned) if static else ''}", "")]),
    )


def _decided(plan: Plan) -> list[tuple[Text | str, ...]]:
    """How many items would run or be reused, by reason; nothing where no cache was asked."""
    from collections import Counter

    from rich.text import Text

    counts = Counter((item.decision, item.why) for item in plan.items)
    if set(counts) == {("run", "every run works its items afresh")}:
        return []
    return [
        (f"  {count:,}", Text(decision, "green" if decision == "reuse" else "yellow"), why)
        for (decision, why), count in counts.most_common(8)
    ]


def _nodes(plan: Plan) -> list[RenderableType]:
    """Each node, in an order in which they could run: what it waits for, and whether an earlier result would do."""
    from rich.text import Text

    needs = {node.node: ", ".join(node.needs) for node in plan.nodes}
    rows: list[tuple[Text | str, ...]] = [
        (
            str(item.order),
            item.node,
            needs[item.node],
            Text(item.decision, "green" if item.decision == "reuse" else "yellow"),
            item.why,
        )
        for item in plan.items
    ]
    return [table((">", "node", "needs", "decision", "why"), rows, flexible="why")]


def _followed(planned: Planned) -> str:
    return f" --plan {typed(short(planned.distribution_path))}"


def _items(plan: Plan) -> list[RenderableType]:
    from rich.text import Text

    from agilab.projects.costs import time_text

    timed = plan.makespan.seconds is not None
    total = sum(item.cost for item in plan.items) or 1.0
    rows: list[tuple[Text | str, ...]] = [
        (
            str(item.order),
            item.key,
            item.worker or "any",
            number(item.cost),
            time_text(item.seconds or 0.0) if timed else f"{item.cost / total:.1%}",
        )
        for item in plan.items[:ITEMS_SHOWN]
    ]
    shown: list[RenderableType] = [
        table((">", "item", "worker", ">cost", ">time" if timed else ">share"), rows)
    ]
    if len(plan.items) > ITEMS_SHOWN:
        rest = len(plan.items) - ITEMS_SHOWN
        shown.append(Text(f"{symbol('more')} and {rest:,} more, in plan.json", "dim"))
    return shown


def _loads(planned: Planned) -> list[RenderableType]:
    """A bar for each worker, as long as its load beside the largest; of many workers those with most to do."""
    from rich.text import Text

    loads = planned.loads
    most = max(loads.values()) or 1.0
    speeds = {worker.worker: worker.capacity for worker in planned.plan.workers}
    usual = min(1.0, max(speeds.values()))
    names = list(loads)
    if len(names) > WORKERS_SHOWN:
        names = sorted(names, key=lambda name: -loads[name])[:WORKERS_SHOWN]
    rows: list[tuple[Text | str, ...]] = []
    for name in names:
        speed = f"at {speeds[name] / usual:.3g} of the usual speed" if speeds[name] != usual else ""
        rows.append(
            (
                f"  {name}",
                Text(bar(loads[name] / most), "cyan"),
                _amount(planned, loads[name]),
                plural(planned.counts[name], "item"),
                speed,
            )
        )
    shown: list[RenderableType] = [table(("  worker", "ends after", ">", ">", ""), rows)]
    if len(names) < len(loads):
        rest = [load for name, load in loads.items() if name not in names]
        span = f"{_amount(planned, min(rest))} to {_amount(planned, max(rest))}"
        shown.append(Text(f"  {symbol('more')} and {len(rest):,} more with {span}", "dim"))
    if usual < 1.0:
        working = sum(1 for count in planned.counts.values() if count)
        part = f"they share {_cores(speeds.values())}: each has {usual:.2g} of one while all work"
        if 0 < working < len(speeds):
            each = min(1.0, sum(speeds.values()) / working)
            part = f"they share {_cores(speeds.values())}: each of the {working} with items has {each:.2g} of one"
        shown.append(Text(f"  {part}", "yellow"))
    return shown


def _cores(speeds: Iterable[float]) -> str:
    """What workers share, in words."""
    found = sum(speeds)
    return plural(round(found), "core") if abs(found - round(found)) < 1e-6 else f"{found:.3g} cores' worth"


def bar(share: float, width: int = BAR) -> str:
    """A bar of eighths of a character, or of `#` where the terminal has no more.

    >>> bar(1.0, 4), bar(0.53125, 4), bar(0.0, 4)
    ('████', '██▏', '')
    """
    if not speaks_unicode():
        return "#" * round(share * width)
    whole, eighths = divmod(round(share * width * 8), 8)
    return "█" * whole + (" ▏▎▍▌▋▊▉"[eighths] if eighths else "")


def _amount(planned: Planned, load: float) -> str:
    from agilab.projects.costs import time_text

    return time_text(load) if planned.plan.makespan.seconds is not None else number(load)


def _estimate(planned: Planned) -> list[tuple[str, str]]:
    """The makespan against the bound that no placement can beat, and what both rest on."""
    found = planned.plan.makespan
    timed = found.seconds is not None
    makespan = found.cost if found.seconds is None else found.seconds
    bound = found.bound or 0.0
    weights = [(item.seconds or 0.0) if timed else item.cost for item in planned.plan.items]
    total = _amount(planned, sum(weights))
    over = makespan / bound - 1 if bound else 0.0
    above = f"{over:.1%}" if over >= 5e-4 else "less than 0.1%"
    verdict = "cannot be beaten" if over < 1e-9 else f"{above} above the bound"
    starts = [("start", f"{_amount(planned, found.start)}, once for each worker")] if found.start else []
    return [
        ("total", total if timed else f"{total} (units of cost)"),
        *starts,
        (
            "bound",
            f"{_amount(planned, bound)}, which no placement can beat ({_why(planned, weights, bound)})",
        ),
        ("makespan", f"{_amount(planned, makespan)}, {verdict}"),
        ("basis", found.basis),
    ]


def _why(planned: Planned, weights: list[float], bound: float) -> str:
    speeds = [worker.capacity for worker in planned.plan.workers]
    most = max(speeds)
    start = planned.plan.makespan.start if planned.plan.makespan.seconds is not None else 0.0
    begun = "a start + " if start else ""
    bare = bound - start / (most if most > 1 else 1.0)
    if abs(sum(weights) / sum(speeds) - bare) <= 1e-9 * bound:
        return f"{begun}total / {plural(len(speeds), 'worker') if most >= 1 else _cores(speeds)}"
    if abs(max(weights) / (most if most > 1 else 1.0) - bare) <= 1e-9 * bound:
        return f"{begun}the largest item"
    return f"{begun}the larger items, however they are shared"
