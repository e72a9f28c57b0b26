"""`agilab runs explain`: why a run, or one unit of it, is as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
import rich_click

from agi_node.errors import DONE
from agilab.cli.choices import RUN, UNIT
from agilab.cli.commands import SETTINGS, examples, json_option

if TYPE_CHECKING:
    from agilab.views.story import Explanation


@rich_click.command(
    "explain",
    cls=rich_click.RichCommand,
    context_settings=SETTINGS,
    epilog=examples(
        ("agilab runs explain last", "what failed, what now"),
        ("agilab runs explain last 4ca75f", "why this unit ran, waits or failed"),
        ("agilab runs explain last reduce", "a node, also one that never began"),
    ),
)
@click.argument("run", type=RUN)
@click.argument("unit", type=UNIT, required=False)
@json_option
def explain(run: str, unit: str | None, as_json: bool) -> int:
    """Say why: in words, from the log.

    RUN is a run id, the beginning or end of one, or `last`. UNIT is `NODE[KEY]`, the key alone, or a node.
    """
    from agilab.store.store import Store
    from agilab.store.workspace import Workspace
    from agilab.views.explanation import explain as ask

    with Store(Workspace.default(), readonly=True) as store:
        found = ask(store, run, unit)
    if as_json:
        from agilab.cli.render import print_json

        print_json(found.to_plain())
    else:
        print_explanation(found)
    return DONE


def print_explanation(found: Explanation) -> None:
    """A run, a node or a unit in words: what became of it, why, what it was given, what to do now."""
    from rich.padding import Padding
    from rich.text import Text

    from agilab.cli.render import console, error_block, out, pairs, state, steps, table, title
    from agilab.cli.words import duration, symbol

    out(
        Text.assemble((found.subject, "bold"), "  ", state(found.state)),
        Padding(Text(found.sentence), (0, 0, 0, 2)),
    )
    if found.reasons:
        out("", title("Why"), *(Padding(Text(reason), (0, 0, 0, 2)) for reason in found.reasons))
    if found.error is not None:
        block = error_block(found.error.render(), width=console().width - 2)
        out("", title("Error"), *(Padding(line, (0, 0, 0, 2)) for line in block))
    if found.given:
        rows = [(name, _shown(value)) for name, value in found.given]
        out("", title("Given"), pairs(rows))
    links: list[tuple[str, str]] = []
    if found.needs:
        links.append(("needs", "\n".join(found.needs)))
    if found.needed_by:
        links.append(("needed by", "\n".join(found.needed_by)))
    if links:
        out("", title("Place"), pairs(links))
    if found.steps:
        story = [
            ("", str(step.event), duration(step.after_s), step.kind.replace("_", " "), step.text)
            for step in found.steps
        ]
        if found.left_out:
            middle = len(story) // 2
            story.insert(middle, ("", "", "", f"{symbol('more')} {found.left_out:,} events", "not shown"))
        out(
            "",
            title("Story"),
            table(("  ", ">event", ">after", "what", "details"), story, flexible="details"),
        )
    if found.next:
        out("", title("Next"), steps((one.command, one.does) for one in found.next))


def _shown(value: Any) -> str:
    from agilab.cli.words import brief

    text = brief(value)
    return text if len(text) <= 400 else f"{text[:397]}..."
