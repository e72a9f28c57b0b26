"""`agilab runs tail`: watching a run from another process."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

import click
import rich_click

from agi_node.errors import DONE, FAILED, AgiError
from agilab.cli.choices import RUN
from agilab.cli.commands import SETTINGS, examples

if TYPE_CHECKING:
    from rich.text import Text

    from agilab.store.events import Event
    from agilab.store.rows import RunRow
    from agilab.store.store import Store
    from agilab.views.feed import Feed
    from agilab.views.history import RunSummary


@rich_click.command(
    "tail",
    cls=rich_click.RichCommand,
    context_settings=SETTINGS,
    epilog=examples(
        ("agilab runs tail", "the newest run, until it ends"),
        ("agilab runs tail 7k3f2q --no-follow", "what happened so far"),
        ("agilab runs tail last --json --from 250", "for a program"),
    ),
)
@click.argument("run", type=RUN, default="last")
@click.option(
    "--from",
    "after",
    type=click.IntRange(min=0),
    default=0,
    metavar="SEQ",
    help="Only events after this one.",
)
@click.option("--no-follow", is_flag=True, help="Print what is there and end.")
@click.option(
    "-v", "--verbose", is_flag=True, help="Also what is routine: units that become ready, retries due."
)
@click.option("--json", "as_json", is_flag=True, help="One event for each line, as JSON.")
def tail(run: str, after: int, no_follow: bool, verbose: bool, as_json: bool) -> int:
    """Watch a run live, from any other terminal.

    Ends with the run: exit code 0 if it ended well, 1 if not or if nobody runs it any more. Ctrl-C ends the
    watching and leaves the run alone.
    """
    from agilab.cli.render import silence_stdout
    from agilab.cli.telling import Teller
    from agilab.store.store import Store
    from agilab.store.workspace import Workspace
    from agilab.views.feed import Feed
    from agilab.views.history import state_of

    with Store(Workspace.default(), readonly=True) as store:
        row = store.run(run)
        _refuse_cursor(row, after)
        feed = Feed(store, row.run_id, after=after)
        teller = None if as_json else Teller(row.created_us, verbose=verbose)
        try:
            while True:
                for batch in feed.read() if no_follow else feed.follow():
                    if teller is None:
                        _write(_json_line(event) for event in batch)
                    else:
                        _print(teller.tell(batch))
                if no_follow or state_of(store, store.run(feed.run_id)) != "running":
                    break  # otherwise somebody has just taken it over: there is more to come
            if teller is not None:
                _print(teller.rest())
        except BrokenPipeError:
            # Who read this had enough (`| head`); the run goes on as before.
            silence_stdout()
            return DONE
        return _ending(store, feed, followed=not no_follow, quiet=as_json)


def _ending(store: Store, feed: Feed, *, followed: bool, quiet: bool) -> int:
    """Say how it ended, and the exit code of that."""
    from agilab.views.history import INTERRUPTED, lacks_manifest, summarise

    run = store.run(feed.run_id)
    summary = summarise(store, run)
    if summary.state == INTERRUPTED:
        return _left(
            run, f"nobody runs {run.run_id} any more", "its log says running, and no process owns it"
        )
    if summary.state == "running":
        return DONE
    if followed and lacks_manifest(store, run):
        return _left(
            run,
            f"{run.run_id} has ended, and nobody is left to write its manifest",
            f"state {summary.state}, no manifest",
        )
    if not quiet and followed:
        _print([_last_line(summary)])
    return DONE if summary.state == "succeeded" else FAILED


def _left(run: RunRow, what: str, found: str) -> int:
    """Tell that somebody has to go on with a run."""
    from agilab.cli.render import print_error
    from agilab.views.history import resume_command

    go_on = resume_command(run.app, run.run_id)
    print_error(AgiError("AGI-RUN-015", what, found=found, try_=go_on, whose="environment", exit_code=FAILED))
    return FAILED


def _last_line(summary: RunSummary) -> Text:
    from rich.text import Text

    from agilab.cli.render import state
    from agilab.cli.words import duration
    from agilab.views.history import succeeded_units

    good, total = succeeded_units(summary)
    took = f" in {duration(summary.duration_seconds)}" if summary.duration_seconds is not None else ""
    line = Text.assemble(
        (summary.run_id, "bold"), "  ", state(summary.state), f"{took}, {good:,} of {total:,} units"
    )
    if summary.state != "succeeded":
        line.append("   ").append(f"agilab runs explain {summary.run_id}", "cyan")
    return line


def _refuse_cursor(run: RunRow, after: int) -> None:
    if after > run.event_count:
        raise AgiError(
            "AGI-RUN-016",
            f"run {run.run_id} has no event {after} yet",
            found=str(after),
            allowed=f"0 to {run.event_count}",
            try_=f"agilab runs tail {run.run_id}",
        )


def _json_line(event: Event) -> str:
    from agilab.cli.words import speaks_unicode
    from agilab.store.rows import iso

    plain = {
        "run_id": event.run_id,
        "run_seq": event.run_seq,
        "at": iso(event.at_us),
        "kind": event.kind,
        "unit": event.unit_id,
        "attempt": event.attempt_id,
        "body": event.data,
    }
    return json.dumps(plain, ensure_ascii=not speaks_unicode(), separators=(",", ":"))


def _print(lines: Iterable[Text]) -> None:
    from agilab.cli.render import console

    if sys.stdout.isatty():
        for line in lines:
            console().print(line, soft_wrap=True)
    else:
        console()  # sees to it that no character fails
        _write(line.plain.rstrip() for line in lines)


def _write(lines: Iterable[str]) -> None:
    """Lines to whoever reads them, at once. Raises `BrokenPipeError` where nobody does any more."""
    written = False
    for line in lines:
        sys.stdout.write(f"{line}\n")
        written = True
    if written:
        sys.stdout.flush()
