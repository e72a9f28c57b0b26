"""`agilab app`: the apps there are, what each is, its environment, its plan."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import rich_click

from agi_node.errors import DONE, AgiError
from agilab.cli.app_arguments import AppCommand, command_line, given_arguments
from agilab.cli.choices import APP
from agilab.cli.commands import SETTINGS, Group, examples, json_option
from agilab.cli.run import placement_of, placement_option, plan_option

if TYPE_CHECKING:
    from agilab.projects.installed import InstalledApp
    from agilab.store.workspace import Workspace


_PLACES = {
    "new": "agilab.cli.app_life:new",
    "set": "agilab.cli.app_life:set_",
    "check": "agilab.cli.app_check:check",
    "benchmark": "agilab.cli.app_benchmark:benchmark",
    "rename": "agilab.cli.app_life:rename",
    "delete": "agilab.cli.app_life:delete",
    "export": "agilab.cli.app_transfer:export",
    "import": "agilab.cli.app_transfer:import_",
    "package": "agilab.cli.app_transfer:package",
}


@rich_click.group("app", cls=Group, places=_PLACES, context_settings=SETTINGS)
def app(**_: Any) -> None:
    """The life of an app: make one, look at it, prove it, measure it, hand it on."""


@app.command("list", context_settings=SETTINGS)
@json_option
def list_(as_json: bool) -> int:
    """List built-in apps and those this workspace has run."""
    from agilab.cli.app_show_view import listed
    from agilab.cli.render import out, print_json
    from agilab.projects.discover import list_apps
    from agilab.projects.installed import look_at
    from agilab.store.workspace import Workspace

    workspace = Workspace.default()
    found = [look_at(one, workspace) for one in list_apps(workspace)]
    if as_json:
        print_json([_plain(one) for one in found])
    else:
        out(*listed(found))
    return DONE


@app.command(
    "show",
    context_settings=SETTINGS,
    epilog=examples(("agilab app show flight", ""), ("agilab app show ~/apps/tides --json", "")),
)
@click.argument("app", type=APP)
@json_option
def show(app: str, as_json: bool) -> int:
    """Show an app: arguments, nodes, environment, last runs."""
    from agilab.cli.app_show_view import print_app
    from agilab.cli.render import print_json
    from agilab.projects.discover import find_app
    from agilab.projects.installed import look_at, saved_arguments
    from agilab.store.workspace import Workspace

    workspace = Workspace.default()
    found = look_at(find_app(app, workspace), workspace)
    if found.state == "changed":
        # Its environment is there: what it says of itself now is asked in a second.
        found = _asked_again(found, workspace)
    saved = saved_arguments(found.app)
    runs = _last_runs(workspace, found.app.name)
    if as_json:
        print_json(
            _plain(found)
            | {"saved_args": dict(saved), "description": found.description, "runs": runs}
            | {"summary": found.app.description}
        )
    else:
        print_app(found, saved, runs)
    return DONE


@app.command(
    "install",
    context_settings=SETTINGS,
    epilog=examples(
        ("agilab app install flight", "make its environment; nothing is executed"),
        ("agilab app install flight --rebuild", "make it anew"),
    ),
)
@click.argument("app", type=APP)
@click.option("--offline", is_flag=True, help="Use no network: take packages from uv's cache.")
@click.option("--rebuild", is_flag=True, help="Make the environment anew even if it is there.")
@json_option
def install(app: str, offline: bool, rebuild: bool, as_json: bool) -> int:
    """Make an app's environment and learn its arguments."""
    from rich.text import Text

    from agilab.cli.progress import Progress
    from agilab.cli.render import mark, out, pairs, print_json, title
    from agilab.cli.words import plural, short
    from agilab.projects.discover import find_app, remember
    from agilab.projects.prepare import prepare
    from agilab.store.store import Store
    from agilab.store.workspace import Workspace

    workspace = Workspace.default().ensure()
    found = find_app(app, workspace)
    with Progress(quiet=as_json) as progress, Store(workspace) as store:
        if rebuild:
            from agilab.envs import ensure

            ensure(found.folder, workspace.home, offline=offline, rebuild=True, on_step=progress.say)
        prepared = prepare(store, found, offline=offline, threads=1, say=progress.say)
        remember(found, workspace)
    environment = prepared.environment
    if as_json:
        print_json(
            {
                "status": "succeeded",
                "app": found.name,
                "folder": str(found.folder),
                "environment": str(environment.path),
                "fingerprint": environment.fingerprint,
                "python": environment.python_version,
                "packages": dict(environment.packages),
                "nodes": prepared.nodes,
                "compiled": prepared.built.record() if prepared.built else None,
            }
        )
        return DONE
    name = found.name.removesuffix("_project") if found.built_in else short(found.folder)
    out(
        Text.assemble(mark(True), " ", (found.name, "bold"), " is ready"),
        pairs(
            [
                ("environment", f"{short(environment.path.parent)}/{environment.fingerprint[:12]}"),
                ("python", f"{environment.python_version}, {plural(len(environment.packages), 'package')}"),
                ("nodes", (", " if prepared.has_nodes else " → ").join(prepared.nodes)),
                *(
                    [("compiled", prepared.built.why or plural(len(prepared.built.modules), "module"))]
                    if prepared.built
                    else []
                ),
            ]
        ),
        "",
        title("Next"),
        Text(f"  agilab run {name} --help\n  agilab run {name}", "cyan"),
    )
    return DONE


@app.command(
    "plan",
    cls=AppCommand,
    context_settings=SETTINGS,
    epilog=examples(
        ("agilab app plan flight --workers 4", "how well do the items fill four?"),
        ("agilab app plan flight --output mine.json", "a distribution to edit …"),
        ("agilab app plan flight --plan mine.json", "… to look at again …"),
        ("agilab run flight --plan mine.json", "… and to run"),
    ),
)
@click.argument("app", type=APP, metavar="APP [ARGUMENTS]")
@click.option("--workers", type=click.IntRange(min=1), metavar="N", help="Processes that would work.")
@placement_option
@plan_option
@click.option(
    "--output", type=click.Path(path_type=Path), metavar="FILE", help="Where distribution.json goes instead."
)
@click.option("--cache", is_flag=True, help="Say which earlier results `run --cache` would use again.")
@click.option("--offline", is_flag=True, help="Use no network: take packages from uv's cache.")
@click.option(
    "--arg", "more", multiple=True, metavar="NAME=VALUE", help="An argument that is also an option here."
)
@json_option
@click.pass_context
def plan(
    ctx: click.Context,
    app: str,
    workers: int | None,
    placement: str | None,
    distribution: Path | None,
    output: Path | None,
    cache: bool,
    offline: bool,
    more: tuple[str, ...],
    as_json: bool,
) -> int:
    """Say what a run would do, and write plan.json.

    Which worker would do which item and for how long, by what earlier runs took, and how near that is to what nobody
    can beat (static, unless --placement dynamic). distribution.json says it too, for you to edit and `agilab run APP
    --plan` to follow. Nothing is executed but the app's own plan; nobody takes the files for a run.
    """
    from agilab.cli.plan import print_plan
    from agilab.cli.progress import Progress
    from agilab.cli.render import print_json
    from agilab.projects.plan import plan_app
    from agilab.projects.request import RunRequest

    chosen = placement_of(placement, distribution, default="static")
    request = RunRequest(
        app,
        given_arguments(ctx, more),
        workers=workers,
        offline=offline,
        placement=chosen,
        distribution=distribution,
        cache=cache,
    )
    with Progress(quiet=as_json) as progress:
        planned = plan_app(request, faces=progress.faces(), output=output)
    if as_json:
        places = {"path": str(planned.path), "distribution": str(planned.distribution_path)}
        print_json(planned.plan.plain() | places)
    else:
        print_plan(planned, command_line(app, request.args))
    return DONE


def _asked_again(found: InstalledApp, workspace: Workspace) -> InstalledApp:
    """The app with what it says of itself now; as it was, where it cannot be asked."""
    from dataclasses import replace

    from agilab.projects.life.settings_arguments import said_now

    try:
        return replace(found, description=said_now(found.app, workspace))
    except AgiError:
        return found


def _plain(found: InstalledApp) -> dict[str, Any]:
    return {
        "name": found.app.name,
        "folder": str(found.app.folder),
        "app": found.app.reference,
        "built_in": found.app.built_in,
        "state": found.state,
        "environment": found.environment.fingerprint if found.environment else None,
        "summary": found.app.description,
    }


def _last_runs(workspace: Workspace, name: str) -> list[dict[str, Any]]:
    from agilab.views.history import read_runs

    return [run.to_plain() for run in read_runs(workspace, app=name, limit=5)]
