"""`agilab app check`: every proof of an app, one line each, with what mends it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
import rich_click

from agi_node.errors import DONE, FAILED
from agilab.cli.choices import APP
from agilab.cli.commands import SETTINGS, examples, json_option

if TYPE_CHECKING:
    from rich.console import RenderableType

    from agilab.projects.check import Checked
    from agilab.projects.check_case import Check


@rich_click.command(
    "check",
    context_settings=SETTINGS,
    epilog=examples(
        ("agilab app check flight", "a built-in app, on its sample"),
        ("agilab app check . --thorough", "the app in this folder, with 1 worker as well"),
        ("agilab app check ~/apps/tides --json", "for a script"),
    ),
)
@click.argument("app", type=APP)
@click.option("--thorough", is_flag=True, help="Run its sample again with one worker and compare the bytes.")
@click.option(
    "--workers", type=click.IntRange(min=2), metavar="N", help="Processes at work (default: one per core)."
)
@click.option("--offline", is_flag=True, help="Use no network: take packages from uv's cache.")
@json_option
def check(app: str, thorough: bool, workers: int | None, offline: bool, as_json: bool) -> int:
    """Prove an app: it installs, plans, runs, merges by the laws.

    Looks at its folder, installs it, runs its sample for real (the run stays, with a note), merges the partials of
    that run in other groupings and orders, and reads everything that it left. Exit code 1 if a check failed.
    """
    from agilab.cli.progress import Progress
    from agilab.cli.render import out, print_json
    from agilab.projects.check import check_app

    with Progress(quiet=as_json) as progress:
        found = check_app(app, thorough=thorough, workers=workers, offline=offline, faces=progress.faces())
    if as_json:
        print_json(found.to_plain())
    else:
        out(*_lines(found))
    return DONE if found.passed else FAILED


def _lines(found: Checked) -> list[RenderableType]:
    from rich.text import Text

    from agilab.cli.words import duration, plural

    failed = [one for one in found.checks if one.verdict == "failed"]
    passed = sum(one.verdict == "passed" for one in found.checks)
    width = max(len(one.name) for one in found.checks)
    # What failed comes last, where the eye is.
    lines: list[RenderableType] = [Text(found.app.name, "bold")]
    for one in sorted(found.checks, key=lambda one: one.verdict == "failed"):
        lines.append(_line(one, width))
    took = duration(found.seconds)
    verdict = (
        Text(
            f"{plural(len(failed), 'check')} of {len(found.checks)} failed, {passed} passed, in {took}", "red"
        )
        if failed
        else Text(f"all {plural(passed, 'check')} passed in {took}", "green")
    )
    run = [Text(f"its run: agilab runs show {found.run_id}", "dim")] if found.run_id else []
    return [*lines, "", verdict, *run]


def _line(one: Check, width: int) -> RenderableType:
    from rich.table import Table
    from rich.text import Text

    from agilab.cli.words import symbol

    sign, style = {
        "passed": (symbol("ok"), "green"),
        "failed": (symbol("bad"), "bold red"),
        "skipped": (symbol("dot"), "dim"),
    }[one.verdict]
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True, min_width=width + 2)
    grid.add_column(overflow="fold")
    said = Text(one.evidence, "dim" if one.verdict == "skipped" else "")
    grid.add_row(Text.assemble((sign, style), f" {one.name}"), said)
    if one.verdict == "failed":
        grid.add_row(Text("  try", "dim"), Text(one.mend, "cyan"))
    return grid
