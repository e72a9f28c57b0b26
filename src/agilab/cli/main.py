"""The root of the command line: which commands there are, and where each lies."""

from __future__ import annotations

from typing import Any

import click
import rich_click

from agilab.cli.commands import SETTINGS, Group, examples

PLACES = {
    "first-proof": "agilab.cli.run:first_proof",
    "run": "agilab.cli.run:run",
    "app": "agilab.cli.app:app",
    "workflow": "agilab.cli.workflow:workflow",
    "notebook": "agilab.cli.notebook:notebook",
    "runs": "agilab.cli.runs:runs",
    "report": "agilab.cli.report:report",
    "schema": "agilab.cli.schema:schema",
    "env": "agilab.cli.env:env",
    "store": "agilab.cli.store:store",
    "track": "agilab.cli.track:track",
    "doctor": "agilab.cli.doctor:doctor",
    "completion": "agilab.cli.completion:completion",
}


def _print_version(ctx: click.Context, parameter: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        from agilab import __version__

        print(f"agilab {__version__}")
        ctx.exit()


@rich_click.group(
    cls=Group,
    places=PLACES,
    context_settings=SETTINGS,
    epilog=examples(
        ("agilab first-proof", "from nothing to evidence"),
        ("agilab app show flight", "what an app is and takes"),
        ("agilab run flight --min-points 10", "run it"),
        ("agilab runs show last", "what became of it"),
    ),
)
@click.option(
    "-V",
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_print_version,
    help="Print the version and exit.",
)
@rich_click.command_panel("Run", commands=["first-proof", "run", "workflow", "notebook"])
@rich_click.command_panel("Look", commands=["runs", "app", "report", "schema"])
@rich_click.command_panel("Manage", commands=["env", "store", "track", "doctor", "completion"])
def cli(**_: Any) -> None:
    """AGILab takes a notebook or a script to an app that runs anywhere and leaves evidence of every run."""
