"""`agilab workflow new | add | rm | mv`: a lab's document, written without an editor."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import rich_click

from agi_node.errors import DONE, AgiError
from agilab.cli.choices import APP, LAB, STAGE
from agilab.cli.commands import SETTINGS, examples, json_option

if TYPE_CHECKING:
    from agilab.workflow.document.edit import Edited

lab_argument = click.argument("lab", type=LAB, required=False, metavar="[LAB]")


@rich_click.command(
    "new",
    cls=rich_click.RichCommand,
    context_settings=SETTINGS,
    epilog=examples(
        ("agilab workflow new warm-nights", "a folder with two stages that run, and a uv project"),
        ("agilab workflow new .", "in this folder; what lies there stays"),
        ("agilab workflow new . --app flight", "one stage, which runs an app"),
    ),
)
@click.argument("folder", type=click.Path(path_type=Path), metavar="NAME|.")
@click.option("--app", type=APP, metavar="APP", help="Begin with a stage that runs this app.")
@click.option("--title", default="", metavar="TEXT", help="What the lab is called.")
@json_option
def new(folder: Path, app: str | None, title: str, as_json: bool) -> int:
    """Make a lab: lab_stages.toml, and a uv project where there is none.

    NAME is a folder, here or by its path. Nothing is executed, no network is used, and no file is replaced.
    """
    from agilab.cli.app_view import after, head, near, typed
    from agilab.cli.render import print_json
    from agilab.workflow.document.create import create_lab

    if app is not None:
        from agilab.projects.discover import find_app
        from agilab.store.workspace import Workspace

        found = find_app(app, Workspace.default())
        app = found.name if found.built_in or "/" not in app else app
    made = create_lab(folder, title=title, app=app)
    if as_json:
        print_json(made.to_plain())
        return DONE
    head(made.path.parent.resolve().name, f"is made: {', '.join(made.files)}")
    lab = "" if folder.resolve() == Path.cwd() else f" {typed(near(made.path.parent))}"
    after(
        [
            (f"agilab workflow validate{lab}", "judge it without running it"),
            (f"agilab workflow run{lab}", "run it as it is"),
            (f"$EDITOR {typed(near(made.path))}", "make it yours"),
        ]
    )
    return DONE


@rich_click.command(
    "add",
    cls=rich_click.RichCommand,
    context_settings=SETTINGS,
    epilog=examples(
        ("agilab workflow add clean --code 't = t.dropna()' --input t --output t", ""),
        ("agilab workflow add plot --file plot.py --input t --output plot.svg", ""),
        ("agilab workflow add each --code - --foreach city=cities < each.py", ""),
        ("agilab workflow add forecast --app meteo_forecast --arg folds=3", ""),
        ("agilab workflow add notes --text '## What we learnt'", ""),
    ),
)
@click.argument("stage")
@lab_argument
@click.option("--code", metavar="CODE", help="Its code; `-` reads it from stdin.")
@click.option("--file", metavar="FILE", help="A Python file with its code, relative to lab_stages.toml.")
@click.option("--app", type=APP, metavar="APP", help="An app that it calls.")
@click.option(
    "--arg", "args", multiple=True, metavar="NAME=VALUE", help="An argument of the app; may be given often."
)
@click.option("--text", default="", metavar="MARKDOWN", help="What a reader should know before it.")
@click.option("--title", default="", metavar="TEXT", help="What it is called.")
@click.option(
    "--input",
    "inputs",
    multiple=True,
    metavar="NAME",
    help="A value or file that it takes; may be given often.",
)
@click.option(
    "--output",
    "outputs",
    multiple=True,
    metavar="NAME",
    help="A value or file that it gives; may be given often.",
)
@click.option(
    "--foreach",
    multiple=True,
    metavar="ITEM=LIST",
    help="Run it for each item of a value; may be given often.",
)
@click.option(
    "--needs",
    multiple=True,
    type=STAGE,
    metavar="STAGE",
    help="A stage that must come first; may be given often.",
)
@click.option(
    "--env", default="", metavar="PROJECT", help="Another uv project (a folder or an app) to run in."
)
@click.option(
    "--workdir", default="", metavar="FOLDER", help="A folder below the lab's to run in, such as notebooks."
)
@click.option("--cache", is_flag=True, help="Use an earlier result where nothing has changed.")
@click.option("--after", type=STAGE, metavar="STAGE", help="Behind this stage instead of at the end.")
@click.option("--first", is_flag=True, help="Before all others.")
@json_option
def add(stage: str, lab: str | None, after: str | None, first: bool, as_json: bool, **given: Any) -> int:
    """Add a stage to a lab.

    What it lacks is said at once: names that nothing gives, inputs that nothing makes.
    """
    from agilab.workflow.document.edit import add_stage, write_lab
    from agilab.workflow.document.locate import find_lab, read_lab_file

    if after is not None and first:
        raise AgiError(
            "AGI-ARGS-103", "a stage has one place", found="--after and --first", allowed="one of the two"
        )
    workspace = _workspace()
    file = read_lab_file(find_lab(lab, workspace)).writable()
    edited = write_lab(file, add_stage(file.lab, _stage(stage, given), after=after, first=first), workspace)
    return _told(edited, stage, "is added", as_json=as_json, look=True)


@rich_click.command(
    "rm",
    cls=rich_click.RichCommand,
    context_settings=SETTINGS,
    epilog=examples(("agilab workflow rm notes", "the answer names the command that brings it back")),
)
@click.argument("stage", type=STAGE)
@lab_argument
@json_option
def rm(stage: str, lab: str | None, as_json: bool) -> int:
    """Take a stage out of a lab.

    What others said of it by name goes too; what they lack then is said.
    """
    from agilab.workflow.document.edit import remove_stage, write_lab
    from agilab.workflow.document.locate import find_lab, read_lab_file

    workspace = _workspace()
    file = read_lab_file(find_lab(lab, workspace)).writable()
    edited = write_lab(file, remove_stage(file.lab, stage), workspace)
    return _told(edited, stage, "is taken out", as_json=as_json, look=False)


@rich_click.command(
    "mv",
    cls=rich_click.RichCommand,
    context_settings=SETTINGS,
    epilog=examples(
        ("agilab workflow mv plot --after clean", "another place"),
        ("agilab workflow mv plot --to chart", "another id, wherever it is named"),
    ),
)
@click.argument("stage", type=STAGE)
@lab_argument
@click.option("--after", type=STAGE, metavar="STAGE", help="Behind this stage.")
@click.option("--first", is_flag=True, help="Before all others.")
@click.option("--to", "new_id", metavar="ID", help="Its new id.")
@json_option
def mv(stage: str, lab: str | None, after: str | None, first: bool, new_id: str | None, as_json: bool) -> int:
    """Give a stage another place, another id, or both.

    Its comments go with it. The place decides which stage above gives an input that several make.
    """
    from agilab.workflow.document.edit import move_stage, rename_stage, write_lab
    from agilab.workflow.document.locate import find_lab, read_lab_file

    if (after is not None) == first and (new_id is None or first):
        raise AgiError(
            "AGI-ARGS-103",
            "where is it to go?" if not first else "a stage has one place",
            found="--after and --first" if first else "no place and no id",
            allowed="--after STAGE or --first, --to ID",
            try_="agilab workflow mv --help",
        )
    workspace = _workspace()
    file = read_lab_file(find_lab(lab, workspace)).writable()
    changed = move_stage(file.lab, stage, after=after) if first or after is not None else file.lab
    if new_id is not None:
        changed = rename_stage(changed, stage, new_id)
    edited = write_lab(file, changed, workspace)
    what = f"is {new_id} now" if new_id else "has moved"
    return _told(edited, stage, what if edited.undo else "stands there already", as_json=as_json, look=False)


def _workspace() -> Any:
    from agilab.store.workspace import Workspace

    return Workspace.default()


def _stage(name: str, given: dict[str, Any]) -> Any:
    """The stage that the options describe; only what was given is set."""
    from agilab.contracts.lab_stages import Stage
    from agilab.workflow.document.edit import checked

    code = given["code"]
    if code == "-":
        code = sys.stdin.read()
    if given["args"] and given["app"] is None:
        raise AgiError(
            "AGI-ARGS-103",
            "--arg is for a stage that calls an app",
            found=given["args"][0],
            allowed="--app APP",
        )
    if not any((code is not None, given["file"], given["app"], given["text"])):
        raise AgiError(
            "AGI-ARGS-103",
            "a stage runs something, or says something",
            found=f"{name} with nothing",
            allowed="--code, --file, --app or --text",
            try_=f"agilab workflow add {name} --code '…'",
        )
    fields: dict[str, Any] = {
        "title": given["title"],
        "description": given["text"],
        "code": code,
        "file": given["file"],
        "app": given["app"],
        "args": dict(_pair(text, "an argument", "NAME=VALUE") for text in given["args"]),
        "env": given["env"],
        "workdir": given["workdir"],
        "needs": given["needs"],
        "inputs": given["inputs"],
        "outputs": given["outputs"],
        "foreach": dict(_pair(text, "what it is run for", "ITEM=LIST") for text in given["foreach"]),
        "cache": given["cache"],
    }
    # An empty option is one that nobody gave.
    set_ = {key: value for key, value in fields.items() if value or (key == "code" and value is not None)}
    return checked(lambda: Stage.model_validate({"id": name, **set_}), name)


def _pair(text: str, what: str, form: str) -> tuple[str, Any]:
    """`name=value`; a value that is JSON is what it says, any other is text."""
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise AgiError("AGI-ARGS-103", f"{what} has a name and a value", found=text, allowed=form)
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _told(edited: Edited, stage: str, what: str, *, as_json: bool, look: bool) -> int:
    """Say what was done, what is wrong now, and how to undo it."""
    from agilab.cli.app_view import after, head, near, typed
    from agilab.cli.render import out, print_json
    from agilab.cli.workflow_check import finding_lines
    from agilab.workflow.judging.validate import validate

    judged = validate(edited.path, _workspace())
    findings = [
        one for one in judged.findings if one.severity != "note" and (not look or one.stage in (stage, None))
    ]
    if as_json:
        print_json(edited.to_plain() | {"stage": stage, "findings": [one.to_plain() for one in findings]})
        return DONE
    head(stage, what)
    for one in findings[:6]:
        out(*finding_lines(one))
    rows = [("agilab workflow show", "the stages")]
    if len(findings) > 6:
        rows.insert(
            0, (f"agilab workflow validate {typed(near(edited.path))}", f"{len(findings) - 6} more findings")
        )
    after([*rows, *([(edited.undo, "undo")] if edited.undo else [])])
    return DONE
