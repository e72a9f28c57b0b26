"""What `agilab workflow plan` shows: a row for each stage, however many units it has, or a row for each unit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.text import Text

    from agilab.flow.preview import Preview, Step

_STYLES = {"run": "bold", "reuse": "green", "wait": "dim", "skip": "dim", "fail": "red", "drop": "yellow"}


def print_stage_plan(shown: Preview, *, units: bool) -> None:
    """The stages in the order in which a run comes to them, what it would do and why, within the terminal's width.

    Of a mapped stage the units are counted; with `units` each has its own row.
    """
    from rich.text import Text

    from agilab.cli.render import out, table

    groups: dict[str, list[Step]] = {}
    for step in shown:
        groups.setdefault(step.name if units else step.name.partition("[")[0], []).append(step)
    rows = [(name, _would(steps), Text(_why(steps), "dim")) for name, steps in groups.items()]
    out(Text.assemble((shown.flow, "bold"), "  not executed"))
    out(table(("STAGE", "WOULD", "WHY"), rows, flexible="STAGE" if units else "WHY"))
    if not units and any(len(steps) > 1 for steps in groups.values()):
        out(Text("  --units shows each unit of a mapped stage", "dim"))


def _would(steps: Sequence[Step]) -> Text:
    from rich.text import Text

    counts = Counter(step.action for step in steps)
    several = len(steps) > 1
    return Text(", ").join(
        Text(f"{action} {count:,}" if several else action, _STYLES.get(action, ""))
        for action, count in counts.most_common()
    )


def _why(steps: Sequence[Step]) -> str:
    """The reason of most units, and how many have others."""
    counts = Counter(step.why for step in steps)
    why, count = counts.most_common(1)[0]
    rest = len(steps) - count
    return f"{why} ({rest:,} for other reasons)" if rest else why
