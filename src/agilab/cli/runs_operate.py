"""`agilab runs cancel | pause | unpause | note`: what an operator does to a run from any terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
import rich_click

from agi_node.errors import DONE
from agilab.cli.choices import RUN, UNIT
from agilab.cli.commands import SETTINGS, examples, json_option

if TYPE_CHECKING:
    from agilab.projects.operate import Operated
    from agilab.store.store import Store

_reason = click.option("--reason", default="", metavar="TEXT", help="Why; kept in the run's log.")


@rich_click.command(
    "cancel",
    cls=rich_click.RichCommand,
    context_settings=SETTINGS,
    epilog=examples(
        ("agilab runs cancel last", "end it, and wait for its manifest"),
        ('agilab runs cancel 7k3f2q --reason "wrong data"', "the reason stays in its log"),
    ),
)
@click.argument("run", type=RUN)
@_reason
@click.option(
    "--wait",
    type=click.FloatRange(min=0),
    default=60.0,
    show_default=True,
    metavar="S",
    help="Seconds to wait for the end.",
)
@json_option
def cancel(run: str, reason: str, wait: float, as_json: bool) -> int:
    """End a run that goes on, or close one that was interrupted.

    What runs gets a moment to end, nothing else starts, and the run's manifest is written. What was done
    stays done: `agilab runs rerun` goes on from there.
    """
    from agilab.projects.operate import cancel as act
    from agilab.store.store import Store
    from agilab.store.workspace import Workspace

    with Store(Workspace.default()) as store:
        return _told(store, act(store, run, reason=reason, wait_s=wait), as_json)


@rich_click.command(
    "pause",
    cls=rich_click.RichCommand,
    context_settings=SETTINGS,
    epilog=examples(("agilab runs pause last", "running units finish, no new ones start")),
)
@click.argument("run", type=RUN)
@_reason
@json_option
def pause(run: str, reason: str, as_json: bool) -> int:
    """Let a run's units finish and start no new ones, until it is unpaused."""
    from agilab.projects.operate import pause as act
    from agilab.store.store import Store
    from agilab.store.workspace import Workspace

    with Store(Workspace.default()) as store:
        return _told(store, act(store, run, reason=reason), as_json)


@rich_click.command(
    "unpause",
    cls=rich_click.RichCommand,
    context_settings=SETTINGS,
    epilog=examples(("agilab runs unpause last", "go on")),
)
@click.argument("run", type=RUN)
@json_option
def unpause(run: str, as_json: bool) -> int:
    """Let a paused run go on."""
    from agilab.projects.operate import unpause as act
    from agilab.store.store import Store
    from agilab.store.workspace import Workspace

    with Store(Workspace.default()) as store:
        return _told(store, act(store, run), as_json)


@rich_click.command(
    "note",
    cls=rich_click.RichCommand,
    context_settings=SETTINGS,
    epilog=examples(
        ('agilab runs note last "sensor 3 was off"', "a remark that stays with the run"),
        ('agilab runs note 7k3f2q "for the paper" --mark keep', "never pruned"),
        ("agilab runs note 7k3f2q \"bad frame\" --unit 'work[4ca75f]'", "a remark on one unit"),
    ),
)
@click.argument("run", type=RUN)
@click.argument("text")
@click.option("--unit", type=UNIT, metavar="UNIT", help="The unit that the note is about.")
@click.option(
    "--mark",
    metavar="MARK",
    help="Mark the run: keep or promoted (never pruned); an empty text takes the mark away.",
)
@json_option
def note(run: str, text: str, unit: str | None, mark: str | None, as_json: bool) -> int:
    """Add a note to a run, who and why; also to one that has ended. Notes are never deleted."""
    from agilab.projects.operate import note as act
    from agilab.store.store import Store
    from agilab.store.workspace import Workspace

    with Store(Workspace.default()) as store:
        return _told(store, act(store, run, text, mark=mark, unit=unit), as_json)


_DONE = {
    "cancel": "cancelled",
    "pause": "paused: what runs will finish, nothing new starts",
    "unpause": "goes on",
    "note": "noted",
}


def _told(store: Store, done: Operated, as_json: bool) -> int:
    from rich.text import Text

    from agilab.cli.render import mark, out, print_json, steps
    from agilab.views.history import preview_command

    if as_json:
        print_json(done.to_plain())
        return DONE
    said = _DONE[done.verb]
    if done.verb == "cancel" and done.state == "running":
        said = "is ending; what runs has not ended yet"
    elif done.verb == "cancel" and done.state != "cancelled":
        said = f"had {done.state} before that arrived"
    out(Text.assemble(mark(True), (f" {done.run_id}", "bold"), f" {said}"))
    follow = {
        "cancel": (preview_command(store.run(done.run_id).app, done.run_id), "what is left to do"),
        "pause": (f"agilab runs unpause {done.run_id}", "lets units start again"),
        "unpause": (f"agilab runs tail {done.run_id}", "watches it"),
    }.get(done.verb)
    if follow:
        out(steps([follow]))
    return DONE
