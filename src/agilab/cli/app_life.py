"""`agilab app new · rename · delete · set`: how an app comes to be, changes, and goes."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import rich_click

from agi_node.errors import DONE, AgiError
from agilab.cli.choices import APP, Word
from agilab.cli.commands import SETTINGS, examples, json_option

if TYPE_CHECKING:
    from collections.abc import Iterable

    from agilab.projects.life.delete import Deletion


def _templates(ctx: click.Context) -> Iterable[tuple[str, str]]:
    from agilab.projects.life.templates import list_templates

    return [(template.name, template.about) for template in list_templates()]


def _settings(ctx: click.Context) -> Iterable[tuple[str, str]]:
    """What can be set of the app that stands before it."""
    from agilab.projects.arguments import properties
    from agilab.projects.discover import find_app
    from agilab.projects.installed import look_at
    from agilab.store.workspace import Workspace

    workspace = Workspace.default()
    said = look_at(find_app(str(ctx.params["app"]), workspace), workspace).description or {}
    fields = properties(said.get("args_schema", {}))
    return [(f"{name}=", str(field.get("description", ""))) for name, field in fields.items()]


TEMPLATE = Word("template", _templates)
SETTING = Word("setting", _settings)


@rich_click.command(
    "new",
    context_settings=SETTINGS,
    epilog=examples(
        ("agilab app new tides", "from the template mycode, in ./tides_project"),
        ("agilab app new tides --template polars", "from another one"),
        ("agilab app new tides --clone flight", "from an app: source, settings, lock, data"),
        ("agilab app new --list", "the templates"),
    ),
)
@click.argument("name", required=False)
@click.option("--template", type=TEMPLATE, metavar="T", help="The template to begin with (default: mycode).")
@click.option("--clone", type=APP, metavar="APP", help="Begin with a copy of this app instead.")
@click.option(
    "--into", type=click.Path(path_type=Path), metavar="FOLDER", help="Where it goes instead of here."
)
@click.option("--list", "as_list", is_flag=True, help="List the templates.")
@json_option
def new(
    name: str | None,
    template: str | None,
    clone: str | None,
    into: Path | None,
    as_list: bool,
    as_json: bool,
) -> int:
    """Make an app from a template or another app.

    NAME is lower-case, with or without `_project`. Nothing is executed, and no network is used.
    """
    if as_list:
        return _list_templates(as_json)
    if name is None or (template is not None and clone is not None):
        raise AgiError(
            "AGI-ARGS-103",
            "an app needs a name" if name is None else "an app begins with a template or with an app",
            found="none" if name is None else f"--template {template} and --clone {clone}",
            allowed="agilab app new NAME" if name is None else "one of the two",
            try_="agilab app new --help",
        )
    from agilab.cli.app_view import after, head, near, patiently, told, typed
    from agilab.cli.progress import Progress
    from agilab.cli.render import print_json
    from agilab.cli.words import plural, short
    from agilab.projects.life.create import create_app
    from agilab.store.workspace import Workspace

    workspace = Workspace.default()
    with Progress(quiet=as_json) as progress:
        made = create_app(
            workspace, name, template=template, clone=clone, into=into, say=patiently(progress.say)
        )
    if as_json:
        print_json(made.to_plain())
        return DONE
    head(made.app.name, f"is made from {made.origin}: {plural(made.files, 'file')}")
    told([("folder", short(made.app.folder))], made.left_out, made.notes)
    rows = [(f"agilab run {made.names.base}", "run it as it is")]
    if made.names.module is not None:
        source = near(made.app.folder / "src" / made.names.module / "__init__.py")
        rows = [
            *rows,
            (f"$EDITOR {typed(source)}", "make it yours"),
            (f"agilab app check {made.names.base}", "prove it"),
        ]
    after(rows)
    return DONE


def _list_templates(as_json: bool) -> int:
    from agilab.cli.render import out, print_json, table
    from agilab.projects.life.templates import DEFAULT, list_templates

    found = list_templates()
    if as_json:
        print_json([{"name": one.name, "about": one.about, "default": one.name == DEFAULT} for one in found])
    else:
        rows = [(one.name, one.about + (" (the default)" if one.name == DEFAULT else "")) for one in found]
        out(table(("template", "for whom"), rows, flexible="for whom"))
    return DONE


@rich_click.command(
    "rename",
    context_settings=SETTINGS,
    epilog=examples(
        ("agilab app rename tides waves", "folder, project, module, imports, commands in its README")
    ),
)
@click.argument("app", type=APP)
@click.argument("name")
@json_option
def rename(app: str, name: str, as_json: bool) -> int:
    """Give one's own app another name.

    Changes its folder, project and module, and whatever refers to them. Its runs stay under the old name, where they
    are found as before. Refused while a run of it is live; renaming it back undoes everything.
    """
    from agilab.cli.app_view import after, head, patiently, told
    from agilab.cli.progress import Progress
    from agilab.cli.render import print_json
    from agilab.cli.words import plural, short
    from agilab.projects.life.rename import rename_app
    from agilab.store.workspace import Workspace

    with Progress(quiet=as_json) as progress:
        done = rename_app(Workspace.default(), app, name, say=patiently(progress.say))
    if as_json:
        print_json(done.to_plain())
        return DONE
    head(done.app.name, f"was {done.old.folder}: {plural(len(done.changed), 'file')} changed")
    told([("folder", short(done.app.folder))], (), done.notes)
    rows = [(f"agilab run {done.new.base}", "run it under its new name")]
    if done.runs:
        rows.append((f"agilab runs list --app {done.old.folder}", f"its {plural(done.runs, 'run')} so far"))
    after([*rows, *([(done.undo, "undo")] if done.undo else [])])
    return DONE


@rich_click.command(
    "delete",
    context_settings=SETTINGS,
    epilog=examples(
        ("agilab app delete tides", "shows what goes, and asks"),
        ("agilab app delete tides --yes", "for scripts"),
    ),
)
@click.argument("app", type=APP)
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def delete(app: str, yes: bool, as_json: bool) -> int:
    """Move one's own app to the workspace's trash.

    Its runs stay, with all their evidence. The answer names the command that brings the app back.
    """
    from agilab.cli.progress import Progress
    from agilab.cli.render import print_json
    from agilab.projects.life.delete import delete_app, what_goes
    from agilab.store.workspace import Workspace

    workspace = Workspace.default()
    planned = what_goes(workspace, app)
    if not yes:
        _ask(planned, as_json)
    with Progress(quiet=as_json) as progress:
        done = delete_app(workspace, planned, say=progress.say)
    if as_json:
        print_json(done.to_plain())
        return DONE
    from agilab.cli.app_view import after, head
    from agilab.cli.words import plural

    head(done.app.name, "is in the trash")
    rows = [(done.undo or "", "brings it back")]
    if done.runs:
        rows.append((f"agilab runs list --app {done.app.name}", f"its {plural(done.runs, 'run')}, kept"))
    after(rows)
    return DONE


def _ask(planned: Deletion, as_json: bool) -> None:
    """Go on only if a person says so. Raises AGI-ARGS-106 where there is nobody to ask."""
    from agilab.cli.words import plural, short, size

    what = f"{plural(planned.files, 'file')}, {size(planned.bytes)}"
    if as_json or not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise AgiError(
            "AGI-ARGS-106",
            f"{planned.app.name} was not deleted: there is nobody to ask",
            found=f"{what} in {short(planned.app.folder)}, and no terminal",
            allowed="a terminal, or --yes",
            try_=f"agilab app delete {planned.app.name} --yes",
        )
    from rich.text import Text

    from agilab.cli.render import out, pairs

    rows: list[tuple[str, Text | str]] = [("folder", short(planned.app.folder)), ("goes", what)]
    if planned.versioned:
        rows.append(("repository", Text("its history goes with it", "yellow")))
    rows.append(("stays", f"{plural(planned.runs, 'run')}, environments"))
    out(Text(planned.app.name, "bold"), pairs(rows))
    click.confirm("Move it to the trash?", abort=True)


@rich_click.command(
    "set",
    context_settings=SETTINGS,
    epilog=examples(
        ("agilab app set tides hours=12 unit=ft", "what it runs with from now on"),
        ("agilab app set tides tracks=~/adsb", "a folder elsewhere becomes a data root"),
        ("agilab app set tides cluster.placement=static", "a setting that is no argument"),
        ("agilab app set tides --unset hours", "back to the app's default"),
    ),
)
@click.argument("app", type=APP)
@click.argument("values", type=SETTING, nargs=-1, metavar="[KEY=VALUE]...")
@click.option("--unset", multiple=True, metavar="KEY", help="Take a setting away; may be given often.")
@json_option
def set_(app: str, values: tuple[str, ...], unset: tuple[str, ...], as_json: bool) -> int:
    """Save arguments and settings in app_settings.toml.

    The app itself judges all of its arguments together, as a run would; all values are written or none, and comments
    stay where they are. A flag of `agilab run` still wins.
    """
    from agilab.cli.progress import Progress
    from agilab.cli.render import out, print_json, table
    from agilab.projects.life.settings_edit import edit_settings
    from agilab.store.workspace import Workspace

    with Progress(quiet=as_json) as progress:
        done = edit_settings(Workspace.default(), app, values, unset=unset, say=progress.say)
    if as_json:
        print_json(done.to_plain())
        return DONE
    from agilab.cli.app_view import after, head, told

    head(done.app.name, "is set" if done.undo else "has these settings already")
    rows = [(f"  {change.key}", _value(change.before), "→", _value(change.after)) for change in done.changes]
    out(table(("  setting", "before", "", "now"), rows))
    told([], [], done.notes)
    if done.undo:
        after([(f"agilab run {done.app.name}", ""), (done.undo, "undo")])
    return DONE


def _value(value: Any) -> Any:
    from rich.text import Text

    from agilab.cli.words import brief
    from agilab.projects.life.settings_keys import ABSENT

    return Text("not set", "dim") if value is ABSENT else brief(value)
