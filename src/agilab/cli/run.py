"""`agilab run` and `agilab first-proof`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click
import rich_click

from agi_node.errors import DONE, FAILED, INTERRUPTED, AgiError
from agilab.cli.app_arguments import AppCommand, command_line, given_arguments
from agilab.cli.choices import APP
from agilab.cli.commands import SETTINGS, examples, json_option

if TYPE_CHECKING:
    from agilab.contracts.run_result import RunResult
    from agilab.projects.request import RunRequest

PROOF = "flight_project"

_workers = click.option(
    "--workers",
    type=click.IntRange(min=1),
    metavar="N",
    help="Processes at work (default: one per core).",
)
_offline = click.option("--offline", is_flag=True, help="Use no network: take packages from uv's cache.")
placement_option = click.option(
    "--placement",
    type=click.Choice(["static", "dynamic"]),
    help="Who does what: idle workers take the next item (dynamic), or each item has its worker (static).",
)
plan_option = click.option(
    "--plan",
    "distribution",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A distribution.json of `agilab app plan`, edited or not: which worker does which item.",
)
_dry_run = click.option("--dry-run", is_flag=True, help="Plan only: write plan.json, execute nothing.")


@rich_click.command(
    "run",
    cls=AppCommand,
    context_settings=SETTINGS,
    options_metavar="[OPTIONS]",
    epilog=examples(
        ("agilab run flight --help", "which arguments this app takes"),
        ("agilab run flight --tracks ~/adsb", "on your own data"),
        ("agilab run ~/apps/tides --year 2024", "an app of yours, by its folder"),
    ),
)
@click.argument("app", type=APP, metavar="APP [ARGUMENTS]")
@_workers
@click.option("--keep-going", is_flag=True, help="Work on after a unit failed; the rest still counts.")
@click.option(
    "--retries",
    type=click.IntRange(min=0),
    default=0,
    metavar="N",
    help="Further attempts of a unit that failed.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    metavar="S",
    help="Seconds that a unit may take.",
)
@placement_option
@plan_option
@click.option(
    "--executor",
    default="local",
    show_default=True,
    metavar="WHERE",
    help="local, dask (a cluster on this machine), or dask:ADDRESS of a running scheduler.",
)
@click.option(
    "--cache", is_flag=True, help="Use results of earlier runs where code, arguments and inputs are equal."
)
@_offline
@click.option("--no-track", is_flag=True, help="Do not record this run in MLflow.")
@_dry_run
@click.option(
    "--arg",
    "more",
    multiple=True,
    metavar="NAME=VALUE",
    help="An argument of the app whose name is also an option here.",
)
@json_option
@click.pass_context
def run(
    ctx: click.Context,
    app: str,
    workers: int | None,
    keep_going: bool,
    retries: int,
    timeout: float | None,
    placement: str | None,
    distribution: Path | None,
    executor: str,
    cache: bool,
    offline: bool,
    no_track: bool,
    dry_run: bool,
    more: tuple[str, ...],
    as_json: bool,
) -> int:
    """Run an app and leave evidence.

    Plans APP's items, works them in processes of its own environment, and reduces the results. APP is a
    name (see `agilab app list`) or the folder of an app. Its own arguments follow it as `--name value`.
    """
    given = given_arguments(ctx, more)

    def request() -> RunRequest:
        from agilab.engine.graph import Policy
        from agilab.projects.request import RunRequest

        return RunRequest(
            app,
            given,
            workers=workers,
            keep_going=keep_going,
            offline=offline,
            track=not no_track,
            policy=Policy(max_retries=retries, timeout_s=timeout),
            placement=chosen,
            distribution=distribution,
            executor=executor,
            cache=cache,
        )

    chosen = placement_of(placement, distribution, default="dynamic")
    again = command_line(app, given)
    return _plan(request, again, as_json=as_json) if dry_run else _run(request, as_json=as_json)


@rich_click.command(
    "first-proof",
    cls=rich_click.RichCommand,
    context_settings=SETTINGS,
    epilog=examples(
        ("agilab first-proof", "from nothing to evidence in about a minute"),
        ("agilab first-proof --json", "for a script"),
        ("agilab first-proof --dry-run", "what would run; proof of nothing"),
    ),
)
@_workers
@_dry_run
@_offline
@json_option
def first_proof(workers: int | None, dry_run: bool, offline: bool, as_json: bool) -> int:
    """Run the built-in flight app on real aircraft tracks.

    Proves that this machine works: makes the app's environment where it is missing, works one item per
    aircraft in warm processes of that environment, reduces them all, tracks to MLflow, and writes a manifest
    that `agilab runs verify` checks.
    """

    def request() -> RunRequest:
        from agilab.projects.request import RunRequest

        return RunRequest(PROOF, workers=workers, offline=offline)

    return (
        _plan(request, "agilab first-proof", as_json=as_json) if dry_run else _run(request, as_json=as_json)
    )


def placement_of(
    placement: str | None, distribution: Path | None, *, default: Literal["static", "dynamic"]
) -> Literal["static", "dynamic"]:
    """The placement that was asked for; a distribution is a static one. Raises AGI-PLAN-007 for a contradiction."""
    if distribution is not None and placement == "dynamic":
        raise AgiError(
            "AGI-PLAN-007",
            "--plan gives items to workers, and --placement dynamic leaves that open",
            found=f"--plan {distribution} --placement dynamic",
            allowed="one of the two; in the file, null as its worker leaves an item to the first idle one",
        )
    if distribution is not None or placement == "static":
        return "static"
    return "dynamic" if placement == "dynamic" else default


def _run(request: Callable[[], RunRequest], *, as_json: bool) -> int:
    from agilab.cli.progress import Progress

    # The display comes first: what it takes to load the rest is part of what a person waits for.
    with Progress(quiet=as_json) as progress:
        from agilab.projects.run import run_app

        result = run_app(request(), faces=progress.faces())
    show_result(result, as_json=as_json)
    return exit_code(result)


def exit_code(result: RunResult) -> int:
    """0 only for a run that succeeded with every validation passed, or a plan that was asked for."""
    if result.status == "cancelled":
        return INTERRUPTED
    return DONE if result.status in ("succeeded", "not_executed") else FAILED


def show_result(result: RunResult, *, as_json: bool) -> None:
    """Print how a run ended: one JSON object, or the summary and, if it failed, the error before it."""
    from agilab.cli.render import print_json

    if as_json:
        print_json(result.plain())
    if result.error is not None:
        from agilab.cli.render import print_error

        error = AgiError.from_plain(result.error.plain())
        print_error(error)
        _say_where_roots_lie(error)
    if not as_json:
        from agilab.cli.summary import print_summary

        print_summary(result)


def _say_where_roots_lie(error: AgiError) -> None:
    """Below an error: the folders that a person typed, which it names by their roots."""
    from agilab.cli.roots import where_roots_lie

    for number, line in enumerate(where_roots_lie([error.what, error.found or ""])):
        print(f"  {'' if number else 'where':<9} {line}", file=sys.stderr, flush=True)


def _plan(request: Callable[[], RunRequest], again: str, *, as_json: bool) -> int:
    import time

    from agilab.cli.progress import Progress

    began = time.monotonic()
    with Progress(quiet=as_json) as progress:
        from agilab.projects.plan import plan_app

        planned = plan_app(request(), faces=progress.faces())
    if as_json:
        from agilab.cli.render import print_json
        from agilab.contracts.run_result import RunResult

        result = RunResult(
            status="not_executed",
            run_id=None,
            manifest=None,
            reduce=None,
            duration_seconds=round(time.monotonic() - began, 6),
            next=(again,),
            plan=str(planned.path),
        )
        print_json(result.plain())
    else:
        from agilab.cli.plan import print_plan

        print_plan(planned, again)
    return DONE
