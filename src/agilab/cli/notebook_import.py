"""`agilab notebook inspect | import`: what is in a notebook, and the stages that it becomes."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Literal

import click
import rich_click

from agi_node.errors import DONE, FAILED, USAGE, AgiError
from agilab.cli.commands import SETTINGS, examples, json_option

_notebooks = click.argument(
    "notebooks", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="NB…"
)


@rich_click.command(
    "inspect",
    cls=rich_click.RichCommand,
    context_settings=SETTINGS,
    epilog=examples(
        ("agilab notebook inspect study.ipynb", "cells, packages, files, risks"),
        ("agilab notebook inspect *.ipynb --json", "for a script: a report for each, whatever the file is"),
    ),
)
@_notebooks
@click.option("--all", "everything", is_flag=True, help="Every finding, not only the first of them.")
@json_option
def inspect(notebooks: tuple[Path, ...], everything: bool, as_json: bool) -> int:
    """Say what is in notebooks: cells, packages, files read and written, risks. Executes nothing.

    A file that is no notebook gets a finding that says what it is instead, and exit status 1.
    """
    from agilab.cli.notebook_view import inspected
    from agilab.cli.render import out, print_json
    from agilab.notebooks.stages.above import inspected_in_place

    documents = [inspected_in_place(path).as_document() for path in notebooks]
    if as_json:
        print_json(documents[0] if len(documents) == 1 else {"notebooks": documents})
    else:
        for document in documents:
            out("", *inspected(document, everything=everything))
    return DONE if all(document["notebook"]["whole"] for document in documents) else FAILED


@rich_click.command(
    "import",
    cls=rich_click.RichCommand,
    context_settings=SETTINGS,
    epilog=examples(
        ("agilab notebook import study.ipynb --dry-run", "see the stages first"),
        ("agilab notebook import study.ipynb", "write lab_stages.toml beside it"),
        (
            "agilab notebook import a.ipynb b.ipynb --output study",
            "several, joined by the files they exchange",
        ),
        (
            "agilab notebook import study.ipynb --as-app study --verify",
            "an app, proved equal to the notebook",
        ),
    ),
)
@_notebooks
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="The lab's folder (default: the notebook's own, or the one above that it reads from).",
)
@click.option(
    "--as-app", "app", metavar="NAME", help="Make a folder NAME_project that is an app with this lab."
)
@click.option(
    "--per",
    type=click.Choice(["flow", "cell"]),
    default="flow",
    show_default=True,
    help="Group cells where the data flow is thin, or make a stage of each.",
)
@click.option("--dry-run", is_flag=True, help="Show what would be written; write nothing.")
@click.option(
    "--verify", is_flag=True, help="Then run the notebook and the stages, and compare what they leave."
)
@click.option("--no-lock", is_flag=True, help="Do not lock the environment; uv would ask the network.")
@click.option(
    "--prefer",
    type=click.Choice(["notebook", "file"]),
    help="Whose words count where a lab's own notebook and its document were both edited.",
)
@click.option(
    "-y",
    "--yes",
    is_flag=True,
    help="Join it with the lab that it was made of, or put it in the place of another; as it was that one is kept.",
)
@json_option
def import_(
    notebooks: tuple[Path, ...],
    output: Path | None,
    app: str | None,
    per: Literal["flow", "cell"],
    dry_run: bool,
    verify: bool,
    no_lock: bool,
    prefer: Literal["notebook", "file"] | None,
    yes: bool,
    as_json: bool,
) -> int:
    """Make stages of notebooks. Executes nothing of them, unless --verify asks for it afterwards.

    Cells are grouped into stages where few values cross; what crosses becomes their inputs and outputs. A notebook
    that a lab was exported to becomes that lab again, with what was edited in it, joined with what was edited in the
    lab meanwhile; exit status 1 says that something which its stages name did not come along, that an edit could not be
    read and stayed behind, or that both edited the same and nobody decided.
    """
    from agilab.cli.notebook_view import previewed, told
    from agilab.cli.progress import Progress, said_if_long
    from agilab.cli.render import out, print_json
    from agilab.workflow.notebooks.importing import write_import
    from agilab.workflow.notebooks.preview import beside_what_is_there, names_of, preview_import

    _refuse_two_places(output, app)
    _refuse_a_proof_of_nothing(dry_run=dry_run, verify=verify)
    with said_if_long("reading the notebook and the modules beside it; nothing of it is run"):
        preview = preview_import(notebooks, per=per)
    folder = _app_folder(app) if app is not None else output or preview.folder
    preview = beside_what_is_there(preview, folder, prefer=prefer)
    if dry_run or not preview.importable:
        if as_json:
            status = "not_executed" if preview.importable else "failed"
            print_json({"status": status, **preview.report.plain(), "changes": list(preview.back)})
        else:
            out("", *previewed(preview))
        return DONE if preview.importable and not preview.undecided else FAILED
    if not as_json:
        out("", *previewed(preview))
    if not preview.undecided and not _may_write(folder, yes=yes, as_json=as_json, joins=preview.joins):
        return DONE
    with Progress(quiet=as_json) as progress:
        faces = progress.faces()
        written = write_import(preview, folder, say=faces.say, lock=not no_lock)
        if app is not None:
            from agilab.store.workspace import Workspace
            from agilab.workflow.notebooks.importing import make_an_app

            also = make_an_app(folder, Workspace.default())
            written = replace(written, files=(*written.files, *also))
        report, stopped = preview.report, None
        if verify:
            from agilab.contracts.base import write_document
            from agilab.workflow.document.locate import REPORT
            from agilab.workflow.notebooks.verification import verify_import

            by_name = dict(zip(names_of(notebooks), notebooks, strict=True))
            try:
                found = verify_import(report, by_name, written.path, faces=faces)
            except AgiError as problem:  # what is written is written, and told first
                stopped = problem
            else:
                report = report.with_changes(verification=found)
                write_document(written.path.parent / REPORT, report)
    if stopped is not None and as_json:
        raise stopped
    # what a lab had and what somebody wrote, it has again, or that is told
    whole = not (preview.home and written.missing) and not preview.unread
    if as_json:
        print_json(
            {
                "status": "succeeded" if whole else "failed",
                **written.to_plain(),
                "report": report.plain(),
                "changes": list(preview.back),
            }
        )
    else:
        runs = any(stage.kind != "none" for stage in preview.lab.stages)
        out("", *told(written, report, runs=runs, unread=preview.unread, workdir=preview.workdir))
    if stopped is not None:
        raise stopped
    return DONE if whole and all(one.equal for one in report.verification) else FAILED


def _refuse_two_places(output: Path | None, app: str | None) -> None:
    if output is not None and app is not None:
        raise AgiError(
            "AGI-ARGS-105",
            "the lab can be in one place only",
            found=f"--output {output} --as-app {app}",
            allowed="one of the two",
            exit_code=USAGE,
        )


def _refuse_a_proof_of_nothing(*, dry_run: bool, verify: bool) -> None:
    if dry_run and verify:
        raise AgiError(
            "AGI-ARGS-105",
            "what is not written cannot be run and compared",
            found="--dry-run --verify",
            allowed="one of the two",
            try_="agilab notebook import … --output DIR --verify, which writes into a folder of its own",
            exit_code=USAGE,
        )


def _app_folder(app: str) -> Path:
    return Path(app if app.endswith("_project") else f"{app}_project")


def _may_write(folder: Path, *, yes: bool, as_json: bool, joins: bool) -> bool:
    from agilab.workflow.document.locate import FILE

    if yes or not (folder / FILE).exists():
        return True
    if as_json or not sys.stdin.isatty():  # nobody is there to answer
        raise AgiError(
            "AGI-STAGE-048",
            "a lab is there already",
            found=str(folder / FILE),
            allowed="--yes, which keeps it as lab_stages.toml.bak, or another --output",
            exit_code=USAGE,
        )
    question = "write the changes into it" if joins else "put this in its place"
    return click.confirm(f"{folder / FILE} is there already; {question} (it is kept as .bak)?", err=True)
