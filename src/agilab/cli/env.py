"""`agilab env`: the environments that apps share."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click
import rich_click

from agi_node.errors import DONE, AgiError
from agilab.cli.choices import APP
from agilab.cli.commands import SETTINGS, Group, examples, json_option

if TYPE_CHECKING:
    from agilab.envs import EnvironmentSummary, Pruned


@rich_click.group("env", cls=Group, context_settings=SETTINGS)
def env(**_: Any) -> None:
    """The environments that apps share."""


@env.command("list", context_settings=SETTINGS)
@json_option
def list_(as_json: bool) -> int:
    """List environments with their sizes.

    Files that are shared with uv's cache cost nothing on disk.
    """
    from rich.text import Text

    from agilab.cli.render import out, print_json
    from agilab.cli.words import plural, size
    from agilab.envs import list_environments
    from agilab.store.workspace import Workspace

    found = list_environments(Workspace.default().home)
    if as_json:
        print_json([one.to_plain() for one in found])
        return DONE
    if not found:
        out(Text.assemble("No environments yet. ", ("agilab app install flight", "cyan"), " makes one."))
        return DONE
    _print_environments(found)
    nominal, disk = sum(one.size_bytes for one in found), sum(one.disk_bytes for one in found)
    out(
        "",
        Text(
            f"{plural(len(found), 'environment')}, {size(nominal)}, of which {size(disk)} are theirs alone",
            "dim",
        ),
    )
    return DONE


@env.command(
    "doctor",
    context_settings=SETTINGS,
    epilog=examples(
        ("agilab env doctor", "every environment, files by size"),
        ("agilab env doctor flight", "one app's, files by SHA-256"),
    ),
)
@click.argument("app", type=APP, required=False)
@json_option
def doctor(app: str | None, as_json: bool) -> int:
    """Look at the environment of an app, or at all.

    Compares lock, interpreter, files and packages with what was installed. Exit code 1 if something will not work.
    """
    from agilab.cli.findings import show_findings
    from agilab.envs import doctor as look
    from agilab.projects.discover import find_app
    from agilab.store.workspace import Workspace

    workspace = Workspace.default()
    folder = find_app(app, workspace).folder if app else None
    return show_findings(look(workspace.home, folder), as_json=as_json)


@env.command(
    "prune",
    context_settings=SETTINGS,
    epilog=examples(
        ("agilab env prune --dry-run", "what would go, and what that frees"),
        ("agilab env prune --older-than 7 --yes", "for a nightly job"),
    ),
)
@click.option("--dry-run", is_flag=True, help="Only say what would be removed.")
@click.option(
    "--older-than",
    type=click.IntRange(min=0),
    default=30,
    show_default=True,
    metavar="DAYS",
    help="Keep what was used within so many days.",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def prune(dry_run: bool, older_than: int, yes: bool, as_json: bool) -> int:
    """Remove environments that no app needs any more.

    One that an app here would still get is kept, and so is one in use.
    """
    from datetime import timedelta

    from agilab.cli.render import out, print_json
    from agilab.envs import prune as remove
    from agilab.store.workspace import Workspace

    home, age = Workspace.default().home, timedelta(days=older_than)
    if dry_run or not yes:
        planned = remove(home, older_than=age, dry_run=True)
        if dry_run or not planned:
            if as_json:
                print_json({"removed": False, "environments": [one.to_plain() for one in planned]})
            else:
                _print_pruned(planned, removed=False)
            return DONE
        _ask(planned)
    removed = remove(home, older_than=age)
    if as_json:
        print_json({"removed": True, "environments": [one.to_plain() for one in removed]})
    else:
        out("")
        _print_pruned(removed, removed=True)
    return DONE


def _ask(planned: list[Pruned]) -> None:
    """Go on only if a person says so. Raises AGI-ARGS-106 where there is nobody to ask."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise AgiError(
            "AGI-ARGS-106",
            "nothing was removed: there is nobody to ask",
            found=f"{len(planned)} to remove, and no terminal",
            allowed="a terminal, or --yes",
            try_="agilab env prune --yes",
        )
    _print_pruned(planned, removed=False)
    click.confirm("Remove them?", abort=True)


def _print_environments(found: list[EnvironmentSummary]) -> None:
    from rich.text import Text

    from agilab.cli.render import out, table
    from agilab.cli.words import moment, size

    rows = []
    for one in found:
        apps = ", ".join(use.folder.name + ("" if use.exists else " (gone)") for use in one.apps) or "nobody"
        rows.append(
            (
                one.fingerprint[:12],
                one.python_version or Text("broken", "red"),
                str(len(one.packages)),
                size(one.size_bytes),
                size(one.disk_bytes),
                moment(one.last_used_at)[:10],
                apps if one.whole else Text(one.problem, "red"),
            )
        )
    columns = ("environment", "python", ">packages", ">size", ">on disk", "last used", "apps")
    out(table(columns, rows, flexible="apps"))


def _print_pruned(pruned: list[Pruned], *, removed: bool) -> None:
    from rich.text import Text

    from agilab.cli.render import out, table
    from agilab.cli.words import plural, size

    if not pruned:
        out(Text("Nothing to remove: every environment is needed, or was used lately."))
        return
    rows = ((one.fingerprint[:12] or one.path.name[:24], size(one.bytes), one.reason) for one in pruned)
    out(table(("environment", ">frees", "why nobody will miss it"), rows, flexible="why nobody will miss it"))
    total = size(sum(one.bytes for one in pruned))
    words = f"removed {plural(len(pruned), 'folder')}, freed {total}" if removed else f"would free {total}"
    out("", Text(words, "dim"))
