"""What a plan looks like: the items, how long the slowest worker has, and that nothing was done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agilab.cli.render import out, pairs, table, title
from agilab.cli.words import number, plural, short, symbol

if TYPE_CHECKING:
    from rich.text import Text

    from agilab.contracts.plan import Plan
    from agilab.projects.plan import Planned

ITEMS_SHOWN = 20


def print_plan(planned: Planned, again: str) -> None:
    """A plan: largest items first, the estimate beside what nobody can beat, and where `plan.json` lies.

    `again` is the command that would do it.
    """
    from rich.text import Text

    plan = planned.plan
    dot = f" {symbol('dot')} "
    head = [plural(len(plan.items), "item"), plural(len(plan.workers), "worker")]
    out(
        "",
        Text.assemble(("planned ", ""), (plan.app.name, "bold"), ("  nothing was executed", "yellow")),
        Text(f"  {dot.join(head)}", "dim"),
    )
    if plan.items:
        total = sum(item.cost for item in plan.items) or 1.0
        rows: list[tuple[Text | str, ...]] = [
            (str(item.order), item.key, number(item.cost), f"{item.cost / total:.1%}")
            for item in plan.items[:ITEMS_SHOWN]
        ]
        out("", table((">", "item", ">cost", ">share"), rows))
        if len(plan.items) > ITEMS_SHOWN:
            rest = len(plan.items) - ITEMS_SHOWN
            out(Text(f"{symbol('more')} and {plural(rest, 'smaller item')}, in plan.json", "dim"))
        out("", title("Estimate"), pairs(_estimate(plan)))
    arguments = [(name, str(value)) for name, value in plan.args.items()]
    if arguments:
        out("", title("Arguments"), pairs(arguments))
    out(
        "",
        title("Plan"),
        pairs(
            [
                ("file", short(planned.path)),
                ("proof", "none: it says not_executed, and nothing takes it for a run"),
            ]
        ),
        "",
        title("Next"),
        Text(f"  {again}", "cyan"),
    )


def _estimate(plan: Plan) -> list[tuple[str, str]]:
    """The makespan in units of cost, against the bound that no assignment can beat."""
    costs = [item.cost for item in plan.items]
    share, largest = sum(costs) / len(plan.workers), max(costs)
    bound = max(share, largest)
    why = "the largest item" if largest >= share else f"total / {plural(len(plan.workers), 'worker')}"
    over = plan.makespan.cost / bound - 1 if bound else 0.0
    verdict = "cannot be beaten" if over < 5e-4 else f"{over:.1%} above the bound"
    return [
        ("total", f"{number(sum(costs))} (units of cost)"),
        ("bound", f"{number(bound)} ({why})"),
        ("makespan", f"{number(plan.makespan.cost)}, {verdict}"),
    ]
