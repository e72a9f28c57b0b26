"""`agilab report notebook-import | notebook-roundtrip | notebook-union-environment`: what holds of any given file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import rich_click

from agilab.cli.choices import LAB
from agilab.cli.commands import SETTINGS, examples, json_option
from agilab.cli.report import answer_with, check_line, compact_option

if TYPE_CHECKING:
    from rich.console import RenderableType

    from agilab.contracts.report import Report

_lab = click.argument("lab", type=LAB, required=False, metavar="[LAB]")


@rich_click.command(
    "notebook-import",
    cls=rich_click.RichCommand,
    context_settings=SETTINGS,
    epilog=examples(
        ("agilab report notebook-import study.ipynb", "what is kept of it, cell by cell"),
        ("agilab report notebook-import a.ipynb b.ipynb --json", "together, as a document"),
    ),
)
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE…")
@json_option
@compact_option
def notebook_import(files: tuple[Path, ...], as_json: bool, compact: bool) -> int:
    """Import notebooks in a process that is watched, write nothing, and judge what came of it.

    Looked at: that nothing was executed; that cells, code, text, counts, tags, outputs and metadata are kept; files
    with their direction; and D, Q, M, C, R of each stage. Exit code 1 if something does not hold.
    """
    return _answer("notebook-import", {"files": files}, as_json=as_json, compact=compact)


@rich_click.command(
    "notebook-roundtrip",
    cls=rich_click.RichCommand,
    context_settings=SETTINGS,
    epilog=examples(("agilab report notebook-roundtrip study", "is the lab the same after the way back?")),
)
@_lab
@json_option
@compact_option
def notebook_roundtrip(lab: str | None, as_json: bool, compact: bool) -> int:
    """Take a lab to a notebook and back, as it is and with an edit in each stage.

    Exit code 1 if anything of it comes back as another thing, or an edit does not.
    """
    return _answer("notebook-roundtrip", {"lab": _found(lab)}, as_json=as_json, compact=compact)


@rich_click.command(
    "notebook-union-environment",
    cls=rich_click.RichCommand,
    context_settings=SETTINGS,
    epilog=examples(("agilab report notebook-union-environment study", "could its stages share one kernel?")),
)
@_lab
@click.option("--offline", is_flag=True, help="Resolve from uv's cache alone.")
@json_option
@compact_option
def notebook_union_environment(lab: str | None, offline: bool, as_json: bool, compact: bool) -> int:
    """Have uv resolve the environments of all stages together, and look for names that clash.

    Exit code 1 if the stages cannot share one kernel; the pins and names that keep them apart are said.
    """
    options = {"lab": _found(lab), "offline": offline}
    return _answer("notebook-union-environment", options, as_json=as_json, compact=compact)


def _found(lab: str | None) -> Path:
    from agilab.store.workspace import Workspace
    from agilab.workflow.document.locate import find_lab

    return find_lab(lab, Workspace.default())


def _answer(name: str, options: dict[str, Any], *, as_json: bool, compact: bool) -> int:
    from agilab.evidence.report import Scope
    from agilab.store.workspace import Workspace

    scope = Scope(Workspace.default())
    return answer_with(name, scope, options, as_json=as_json, compact=compact, more=_lines)


def _lines(found: Report) -> list[RenderableType]:
    """A block for each notebook or lab, then its stages."""
    from rich.text import Text

    from agilab.cli.render import table

    lines: list[RenderableType] = []
    for about in dict.fromkeys(check.about for check in found.checks):
        lines += [*([""] if lines else []), Text(about, "bold")]
        lines += [check_line(check) for check in found.checks if check.about == about]
    if stages := found.details.get("stages"):
        rows = [
            (one["stage"], one["D"].lstrip("# "), one["Q"], one["M"], f"{one['C']['lines']:,}", one["R"])
            for one in stages
        ]
        heads = ("STAGE", "D", "Q", "M", "C LINES", "R")
        used = [n for n, head in enumerate(heads) if head not in ("Q", "M") or any(row[n] for row in rows)]
        lines += ["", table([heads[n] for n in used], [[row[n] for n in used] for row in rows], flexible="D")]
    return lines
