"""`agilab notebook export | roundtrip | union`: a lab as a notebook."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click
import rich_click

from agi_node.errors import DONE, FAILED, AgiError
from agilab.cli.choices import LAB
from agilab.cli.commands import SETTINGS, examples, json_option

if TYPE_CHECKING:
    from agilab.contracts.lab_stages import LabStages

_lab = click.argument("lab", type=LAB, required=False, metavar="[LAB]")
_offline = click.option("--offline", is_flag=True, help="Resolve from uv's cache alone.")


@rich_click.command(
    "export",
    cls=rich_click.RichCommand,
    context_settings=SETTINGS,
    epilog=examples(
        ("agilab notebook export", "the lab of this folder as lab.ipynb"),
        ("agilab notebook export study --output study.py", "as a Python file with percent cells (jupytext)"),
        ("agilab notebook export --single-kernel", "one ordinary notebook, where the stages allow it"),
    ),
)
@_lab
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Default: NAME.ipynb in the lab. Also .py (percent cells), .md and .Rmd, with jupytext.",
)
@click.option(
    "--single-kernel", is_flag=True, help="Cells that share one kernel, instead of stages that run apart."
)
@click.option("-y", "--yes", is_flag=True, help="Put it in the place of a file that is there.")
@_offline
@json_option
def export(
    lab: str | None, output: Path | None, single_kernel: bool, yes: bool, offline: bool, as_json: bool
) -> int:
    """Write a notebook that runs the lab: a cell of text and a cell of code for each stage.

    Its cells say what a stage takes and gives in their first line, and the last one runs them, each in its own
    environment, with the manifest that `agilab workflow run` leaves; a .py does the same by `python`. What is edited in
    it, `agilab notebook import` takes back, also where the lab was edited meanwhile.
    """
    from agilab.cli.render import out, print_json
    from agilab.store.workspace import Workspace
    from agilab.workflow.notebooks.exporting import export_lab, export_single_kernel

    path, document = _read(lab)
    target = output or path.parent / f"{path.resolve().parent.name}.ipynb"
    if target.exists() and not yes:
        raise AgiError(
            "AGI-STAGE-052",
            "there is a file of that name",
            found=str(target),
            allowed="--yes to replace it, or another --output",
        )
    if single_kernel:
        exported = export_single_kernel(document, path, target, Workspace.default(), offline=offline)
    else:
        exported = export_lab(document, path, target)
    if as_json:
        print_json(exported.to_plain())
    else:
        runs = "python" if exported.path.suffix == ".py" and not single_kernel else "jupyter lab"
        out(f"{exported.path}  {exported.cells} cells", f"{runs} {shlex.quote(str(exported.path))}")
    return DONE


@rich_click.command(
    "roundtrip",
    cls=rich_click.RichCommand,
    context_settings=SETTINGS,
    epilog=examples(
        ("agilab notebook roundtrip", "does the lab come back from a notebook as it is?"),
        ("agilab notebook roundtrip study --notebook study.ipynb", "what a person changed in that notebook"),
    ),
)
@_lab
@click.option(
    "--notebook",
    type=click.Path(path_type=Path),
    metavar="NB",
    help="A notebook that the lab was exported to, edited or not.",
)
@json_option
def roundtrip(lab: str | None, notebook: Path | None, as_json: bool) -> int:
    """Take the lab to a notebook and back, and say what differs."""
    from rich.text import Text

    from agilab.cli.notebook_view import counting
    from agilab.cli.render import mark, out, print_json, table
    from agilab.workflow.notebooks.exporting import round_trip

    path, document = _read(lab)
    found = round_trip(document, notebook, toml=path.read_text(encoding="utf-8"), path=path)
    if as_json:
        print_json({"status": "succeeded" if found.identical else "failed", **found.to_plain()})
        return DONE if found.identical else FAILED
    what = f"{notebook.name} beside {path.name}" if notebook else f"{path.name} to a notebook and back"
    word = "identical" if found.identical else "different"
    out(Text.assemble(mark(found.identical), f" {what}: {word}"), *(f"  {lost}" for lost in found.lost))
    if found.not_in_percent:
        out(f"  not to a Python file with percent cells, which would lose {found.not_in_percent}")
    elif found.not_in_percent is not None:
        out("  as a Python file with percent cells too")
    if found.changes:
        rows = [
            (change.kind, change.stage, change.where, f"{change.what} ({counting(change.won)})")
            for change in found.changes
        ]
        out("", table(("CHANGE", "STAGE", "WHERE", "WHAT"), rows, flexible="WHAT"))
    return DONE if found.identical else FAILED


@rich_click.command(
    "union",
    cls=rich_click.RichCommand,
    context_settings=SETTINGS,
    epilog=examples(("agilab notebook union study", "could its stages share one kernel? if not, why")),
)
@_lab
@_offline
@json_option
def union(lab: str | None, offline: bool, as_json: bool) -> int:
    """Resolve the environments of all stages together, and look for names that clash."""
    from rich.text import Text

    from agilab.cli.progress import Progress
    from agilab.cli.render import mark, out, pairs, print_json, table, title
    from agilab.cli.words import plural
    from agilab.store.workspace import Workspace
    from agilab.workflow.notebooks.union import union_of
    from agilab.workflow.running.prepare import lab_from

    path, document = _read(lab)
    with Progress(quiet=as_json) as progress:
        progress.faces().say("resolving the environments together")
        found = union_of(lab_from(path, document, to_run=False), Workspace.default(), offline=offline)
    if as_json:
        print_json({"status": "succeeded" if found.allowed else "failed", **found.to_plain()})
        return DONE if found.allowed else FAILED
    words = "can share one kernel" if found.allowed else "cannot share one kernel"
    only = f", with {found.only}" if found.only else ""
    out(Text.assemble(mark(found.allowed), f" the stages {words}{only}"))
    out(pairs([(name, ", ".join(stages)) for name, stages in found.environments.items()]))
    if found.obstacles:
        out("", title(plural(len(found.obstacles), "obstacle")))
        out(table(("KIND", "WHAT"), [(one.kind, one.what) for one in found.obstacles], flexible="WHAT"))
    if found.moved:
        out("", title("Other versions than locked"))
        out(table(("ENVIRONMENT", "PACKAGE", "LOCKED", "TOGETHER"), found.moved))
    return DONE if found.allowed else FAILED


def _read(lab: str | None) -> tuple[Path, LabStages]:
    from agilab.store.workspace import Workspace
    from agilab.workflow.document.locate import find_lab, read_lab_file

    path = find_lab(lab, Workspace.default())
    return path, read_lab_file(path).lab
