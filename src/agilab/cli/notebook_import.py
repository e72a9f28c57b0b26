"""`agilab notebook inspect | import`: what is in a notebook, and the stages that it becomes."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click
import rich_click

from agi_node.errors import DONE, FAILED, USAGE, AgiError
from agilab.cli.commands import SETTINGS, examples, json_option

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

    from agilab.contracts.lab_stages import Stage
    from agilab.contracts.notebook_import import NotebookImport, Verification
    from agilab.workflow.notebooks.importing import Imported, Preview

SHOWN = 12
_STYLES = {"error": "red", "warning": "yellow", "note": "dim"}
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
    from agilab.cli.render import out, print_json
    from agilab.notebooks.inspecting import inspect as look

    documents = [look(path).as_document() for path in notebooks]
    if as_json:
        print_json(documents[0] if len(documents) == 1 else {"notebooks": documents})
    else:
        for document in documents:
            out("", *_inspection(document, everything=everything))
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
    help="The lab's folder (default: the notebook's own).",
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
    "-y", "--yes", is_flag=True, help="Put it in the place of a lab that is there; that one is kept."
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
    yes: bool,
    as_json: bool,
) -> int:
    """Make stages of notebooks. Executes nothing of them, unless --verify asks for it afterwards.

    Cells are grouped into stages where few values cross; what crosses becomes their inputs and outputs. A notebook
    that a lab was exported to becomes that lab again, with what was edited in it.
    """
    from agilab.cli.progress import Progress
    from agilab.cli.render import out, print_json
    from agilab.workflow.notebooks.importing import preview_import, write_import

    _refuse_two_places(output, app)
    preview = preview_import(notebooks, per=per)
    folder = _folder(notebooks, output, app)
    if dry_run or not preview.importable:
        if as_json:
            status = "not_executed" if preview.importable else "failed"
            print_json({"status": status, **preview.report.plain(), "changes": list(preview.back)})
        else:
            out("", *_preview(preview))
        return DONE if preview.importable else FAILED
    if not as_json:
        out("", *_preview(preview))
    if not _may_write(folder, yes=yes, as_json=as_json):
        return DONE
    with Progress(quiet=as_json) as progress:
        faces = progress.faces()
        written = write_import(preview, folder, say=faces.say, lock=not no_lock)
        if app is not None:
            from agilab.store.workspace import Workspace
            from agilab.workflow.notebooks.importing import make_an_app

            also = make_an_app(folder, Workspace.default())
            written = replace(written, files=(*written.files, *also))
        report = preview.report
        if verify:
            from agilab.workflow.notebooks.verification import verify_import

            by_name = {path.name: path for path in notebooks}
            found = verify_import(report, by_name, written.path, faces=faces)
            report = report.with_changes(verification=found)
            from agilab.contracts.base import write_document
            from agilab.workflow.notebooks.importing import REPORT

            write_document(written.path.parent / REPORT, report)
    if as_json:
        print_json(
            {
                "status": "succeeded",
                **written.to_plain(),
                "report": report.plain(),
                "changes": list(preview.back),
            }
        )
    else:
        out("", *_written(written, report))
    return DONE if all(one.equal for one in report.verification) else FAILED


def _refuse_two_places(output: Path | None, app: str | None) -> None:
    if output is not None and app is not None:
        raise AgiError(
            "AGI-ARGS-105",
            "the lab can be in one place only",
            found=f"--output {output} --as-app {app}",
            allowed="one of the two",
            exit_code=USAGE,
        )


def _folder(notebooks: tuple[Path, ...], output: Path | None, app: str | None) -> Path:
    if app is not None:
        return Path(app if app.endswith("_project") else f"{app}_project")
    return output or notebooks[0].parent


def _may_write(folder: Path, *, yes: bool, as_json: bool) -> bool:
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
    return click.confirm(
        f"{folder / FILE} is there already; put this in its place (it is kept as .bak)?", err=True
    )


# -- what is shown --------------------------------------------------------------------------------------------


def _inspection(document: dict[str, Any], *, everything: bool) -> Iterable[RenderableType]:
    from rich.text import Text

    from agilab.cli.render import pairs, title
    from agilab.cli.words import plural

    about, counts = document["notebook"], document["counts"]
    yield Text.assemble(
        (about["name"] or "?", "bold"), f"  {about['format'] or 'no notebook'}", "  not executed"
    )
    if about["whole"]:
        kernel = " ".join(word for word in (about["language"], about["language_version"]) if word)
        parsed = f", {counts['parsed']} of {counts['python']} in Python read" if counts["python"] else ""
        rows: list[tuple[str, Text | str]] = [
            ("cells", f"{counts['cells']} ({counts['code']} code, {counts['markdown']} markdown{parsed})"),
            ("kernel", kernel or "not said"),
        ]
        if document["distributions"]:
            rows.append(("packages", ", ".join(document["distributions"])))
        for word, direction in (("reads", ("read", "both")), ("writes", ("written", "both"))):
            paths = dict.fromkeys(
                one["path"] for one in document["artifacts"] if one["direction"] in direction
            )
            if paths:
                rows.append((word, ", ".join(paths)))
        order = document["execution"]
        if not order["in_order"]:
            rows.append(("order", Text("its cells ran in another order than they stand", "yellow")))
        yield pairs(rows)
    findings = document["findings"]
    if findings:
        yield title(plural(len(findings), "finding"))
        yield _findings(findings, everything=everything)


def _findings(findings: list[dict[str, Any]], *, everything: bool = False) -> RenderableType:
    from rich.text import Text

    from agilab.cli.render import table

    order = {"error": 0, "warning": 1, "note": 2}
    chosen = sorted(findings, key=lambda one: order[one["severity"]])
    shown = chosen if everything else chosen[:SHOWN]
    several = len({one["location"]["notebook"] for one in findings}) > 1
    rows: list[tuple[Text | str, ...]] = []
    for one in shown:
        place = one["location"]
        where = f"{place['notebook']} " if several else ""
        where += "" if place["cell"] is None else f"cell {place['cell']}"
        where += f":{place['line']}" if place["line"] is not None else ""
        rows.append((Text(one["code"], _STYLES[one["severity"]]), where, Text(one["what"])))
    if len(chosen) > len(shown):
        rows.append(("", "", Text(f"and {len(chosen) - len(shown):,} more: --all", "dim")))
    return table(("CODE", "WHERE", "WHAT"), rows, flexible="WHAT")


def _preview(preview: Preview) -> Iterable[RenderableType]:
    from rich.text import Text

    from agilab.cli.render import pairs, table, title
    from agilab.cli.words import plural

    report = preview.report
    names = ", ".join(one.name for one in report.notebooks)
    yield Text.assemble((names, "bold"), "  ", report.mode)
    stages = preview.lab.stages
    if stages:
        yield title(plural(len(stages), "stage"))
        rows = [(stage.id, _passes(stage)) for stage in stages]
        yield table(("STAGE", "TAKES AND GIVES"), rows, flexible="TAKES AND GIVES")
    about: list[tuple[str, Text | str]] = []
    if preview.lab.lab.params:
        about.append(("params", ", ".join(f"{k} = {v!r}" for k, v in preview.lab.lab.params.items())))
    if preview.dependencies and preview.importable:
        about.append(("packages", ", ".join(preview.dependencies)))
    doubts = sum(len(one.undecided) for one in report.notebooks)
    if doubts:
        about.append(
            ("undecided", Text(f"{plural(doubts, 'place')}: their cells stay in one stage", "yellow"))
        )
    if about:
        yield pairs(about)
    if preview.back:
        yield title(plural(len(preview.back), "change"))
        changes = [
            (one["kind"], one["stage"], f"{one['what']} ({one['won']} counts)") for one in preview.back
        ]
        yield table(("KIND", "STAGE", "WHAT"), changes, flexible="WHAT")
    if report.findings:
        yield title(plural(len(report.findings), "finding"))
        yield _findings([finding.plain() for finding in report.findings])


def _passes(stage: Stage) -> Text:
    """What a stage takes and gives, and below it which statements it has from others."""
    from rich.text import Text

    from agilab.cli.words import symbol

    arrow = " → " if symbol("dot") == "·" else " -> "
    takes = ", ".join(one if isinstance(one, str) else one.name for one in stage.inputs)
    gives = ", ".join(stage.outputs)
    text = Text(f"{takes}{arrow}{gives}".strip() if gives else takes)
    for name, taken in stage.uses.items():
        text.append(f"{', '.join(taken)} of {name}" if not text else f"\n{', '.join(taken)} of {name}", "dim")
    return text


def _written(written: Imported, report: NotebookImport) -> Iterable[RenderableType]:
    from rich.text import Text

    from agilab.cli.render import pairs, title

    folder = written.path.parent
    rows: list[tuple[str, Text | str]] = [("wrote", ", ".join(written.files)), ("in", str(folder))]
    if written.backup:
        rows.append(("kept", f"{written.backup}  (undo: mv {written.backup} {written.path.name})"))
    if written.missing:
        rows.append(("missing", Text(f"{', '.join(written.missing)}: put them there", "yellow")))
    yield pairs(rows)
    for one in report.verification:
        yield title(f"Verified {one.notebook}")
        yield _verification(one)
    yield title("Next")
    yield f"agilab workflow validate {folder}"
    yield f"agilab workflow run {folder}"


def _verification(one: Verification) -> RenderableType:
    from rich.console import Group
    from rich.text import Text

    from agilab.cli.render import mark, table
    from agilab.cli.words import plural

    equal = sum(each.equal is True for each in one.compared)
    rows = []
    for each in one.compared:
        sign = Text("?", "yellow") if each.equal is None else mark(each.equal)
        rows.append((sign, each.kind, each.name, each.stage, Text(each.why, "dim")))
    head = Text.assemble(
        ("equal" if one.equal else "different", "green" if one.equal else "red"),
        f": {equal} of {plural(len(one.compared), 'comparison')}",
    )
    parts: list[RenderableType] = [head]
    if one.error:
        parts.append(Text(one.error, "red"))
    parts.append(table(("", "WHAT", "NAME", "STAGE", "WHY"), rows, flexible="WHY"))
    return Group(*parts)
