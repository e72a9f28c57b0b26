"""`agilab store`: is the workspace whole, what may go, and how a run leaves it and comes back."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import rich_click

from agi_node.errors import DONE, FAILED
from agilab.cli.choices import APP, RUN
from agilab.cli.commands import SETTINGS, Group, examples, json_option

_QUIET_SECONDS = 2.0


@rich_click.group("store", cls=Group, context_settings=SETTINGS)
def store(**_: Any) -> None:
    """Check, prune, export and import runs."""


@store.command(
    "check",
    context_settings=SETTINGS,
    epilog=examples(
        ("agilab store check", "every run, every byte"),
        ("agilab store check --no-objects", "the log and its tables alone: quick"),
        ("agilab store check last --json", "one run, for a script"),
    ),
)
@click.argument("runs", type=RUN, nargs=-1, metavar="[RUN]...")
@click.option(
    "--objects/--no-objects",
    default=True,
    show_default=True,
    help="Also read every byte of artifacts, values and source.",
)
@json_option
def check(runs: tuple[str, ...], objects: bool, as_json: bool) -> int:
    """Look at the whole store afresh, or at some runs.

    Computes the log's chain again, folds every table from the log again, and looks for every object. Changes
    nothing, and also works where nothing can be written. Exit code 1 names what differs.
    """
    from agilab.cli.progress import Progress
    from agilab.cli.render import print_json
    from agilab.cli.store_view import print_looks
    from agilab.store.checkup import check_store
    from agilab.store.looking import open_to_look
    from agilab.store.workspace import Workspace

    with Progress(quiet=as_json) as progress, open_to_look(Workspace.default()) as opened:
        often = _now_and_then(progress.say)
        looks = list(
            check_store(
                opened,
                runs,
                objects=objects,
                say=lambda done, total, run_id: often(f"checking run {done + 1:,} of {total:,}: {run_id}"),
            )
        )
    broken = [look for look in looks if not look.passed]
    if as_json:
        print_json(
            {"status": "failed" if broken else "succeeded", "findings": [look.to_plain() for look in looks]}
        )
    else:
        print_looks(looks, broken)
    return FAILED if broken else DONE


@store.command(
    "prune",
    context_settings=SETTINGS,
    epilog=examples(
        ("agilab store prune --dry-run", "what would go, and what that frees"),
        ("agilab store prune", "for a nightly job"),
        ("agilab store prune --app flight_project --keep-runs 10 --keep-days 7", "one app, more of it"),
    ),
)
@click.option(
    "--keep-runs",
    type=click.IntRange(min=0),
    default=50,
    show_default=True,
    metavar="N",
    help="Keep so many of the newest runs of each app …",
)
@click.option(
    "--keep-days",
    type=click.FloatRange(min=0),
    default=30,
    show_default=True,
    metavar="DAYS",
    help="… and every run that ended within so many days.",
)
@click.option("--app", type=APP, metavar="APP", help="Only runs of this app.")
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@json_option
def prune(keep_runs: int, keep_days: float, app: str | None, dry_run: bool, as_json: bool) -> int:
    """Take away old runs, and what nobody needs then.

    Goes: a run beyond both --keep-runs and --keep-days, its log, its folder, and objects that no other run refers to.
    Never goes: a run that is marked (promoted, keep), or has not ended. What is remembered of a run that went is
    the head of its log and the digest of its manifest: an export of it still verifies, and can come back.

    Objects go, and the database file shrinks, while no other process has the workspace open. What has to stay on the
    disk until then is told, with the processes that are in the way.
    """
    from agilab.cli.progress import Progress
    from agilab.cli.render import print_json
    from agilab.cli.store_view import print_pruning
    from agilab.store.retention import Retention
    from agilab.store.retention import prune as take_away
    from agilab.store.workspace import Workspace

    workspace = Workspace.default()
    keep = Retention(keep_runs, keep_days, _app_name(app))
    with Progress(quiet=as_json) as progress:
        done = take_away(workspace, keep, dry_run=dry_run, say=_now_and_then(progress.say))
    if as_json:
        print_json(done.to_plain())
    else:
        print_pruning(done)
    return DONE


@store.command(
    "export",
    context_settings=SETTINGS,
    epilog=examples(
        ("agilab store export last", "to RUN_ID.zip in this folder"),
        ("agilab store export 7k3f2q --to shared/best.zip", ""),
        ("agilab store export last --to evidence/", "as a folder, for a repository or an archive"),
    ),
)
@click.argument("run", type=RUN)
@click.option(
    "--to",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="A file that ends in .zip, or a new folder (default: RUN_ID.zip here).",
)
@json_option
def export(run: str, to: Path | None, as_json: bool) -> int:
    """Write one run as a portable zip or folder.

    Holds its manifest, log, artifacts, and whatever its log refers to; a README in it says how to verify it without
    AGILab. The same run gives the same bytes every time, and what would not verify is not exported.
    """
    from agilab.cli.render import print_json
    from agilab.cli.store_view import print_exported
    from agilab.evidence.export import export_run
    from agilab.store.looking import open_to_look
    from agilab.store.workspace import Workspace

    with open_to_look(Workspace.default()) as opened:
        done = export_run(opened, run, to)
    if as_json:
        print_json(done.to_plain())
        return DONE
    print_exported(done)
    return DONE


@store.command(
    "import",
    context_settings=SETTINGS,
    epilog=examples(
        ("agilab store import best.zip --dry-run", "only verify it; needs no workspace"),
        ("agilab store import best.zip", "then: agilab runs show last"),
    ),
)
@click.argument("path", type=click.Path(path_type=Path), metavar="PATH")
@click.option("--dry-run", is_flag=True, help="Verify the export, and write nothing.")
@click.option(
    "--max-size",
    type=click.IntRange(min=1),
    metavar="MB",
    help="How much it may unpack to (default: 1 GB, or 200 times the zip).",
)
@json_option
def import_(path: Path, dry_run: bool, max_size: int | None, as_json: bool) -> int:
    """Verify an exported run and bring it in.

    PATH is the zip or folder. Every byte, the log's chain and the manifest are verified before anything is written;
    a run that was pruned comes back as it was. Exit code 1 names what does not hold.
    """
    from agilab.cli.progress import Progress
    from agilab.cli.render import print_json
    from agilab.cli.store_view import print_imported
    from agilab.evidence.intake import import_run, verify_export
    from agilab.store.workspace import Workspace

    limit = None if max_size is None else max_size * 10**6
    with Progress(quiet=as_json) as progress:
        if dry_run:
            done = verify_export(path, max_bytes=limit)
        else:
            done = import_run(path, Workspace.default(), max_bytes=limit, say=_now_and_then(progress.say))
    if as_json:
        print_json(done.to_plain())
        return DONE
    print_imported(done, path)
    return DONE


def _app_name(app: str | None) -> str | None:
    """The name under which the app's runs are kept; an app that is gone still has runs."""
    from agi_node.errors import AgiError
    from agilab.projects.discover import find_app
    from agilab.store.workspace import Workspace

    if app is None:
        return None
    try:
        return find_app(app, Workspace.default()).name
    except AgiError:
        from agilab.store.store import Store

        with Store(Workspace.default(), readonly=True) as opened:
            if opened.runs(app=app, limit=1):
                return app
        raise


def _now_and_then(say: Callable[[str], None]) -> Callable[[str], None]:
    """Tell what is being done, at most every two seconds, and nothing where it takes less."""
    last = time.monotonic()

    def told(text: str) -> None:
        nonlocal last
        if time.monotonic() - last >= _QUIET_SECONDS:
            last = time.monotonic()
            say(text)

    return told
