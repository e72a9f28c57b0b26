"""`agilab workflow diff`: what is another in two versions of a lab."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
import rich_click

from agi_node.errors import DONE, AgiError
from agilab.cli.choices import LAB
from agilab.cli.commands import SETTINGS, examples, json_option

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import RenderableType
    from rich.text import Text

    from agilab.store.workspace import Workspace
    from agilab.workflow.compared import Compared
    from agilab.workflow.document.diff import FieldChange, StageChange
    from agilab.workflow.document.locate import LabFile

_ABSENT = "not set"


@rich_click.command(
    "diff",
    cls=rich_click.RichCommand,
    context_settings=SETTINGS,
    epilog=examples(
        ("agilab workflow diff", "this folder's lab against its last commit"),
        ("agilab workflow diff HEAD~3", "against an earlier one"),
        ("agilab workflow diff old.toml new.toml", "two files, of any version"),
        ("agilab workflow diff . last", "against what the last run ran"),
    ),
)
@click.argument("lab", type=LAB, required=False, metavar="[A]")
@click.argument("other", required=False, metavar="[B]")
@click.option("--runs", is_flag=True, help="Mind what runs wrote back, too.")
@json_option
def diff(lab: str | None, other: str | None, runs: bool, as_json: bool) -> int:
    """Compare two versions of a lab, stage by stage.

    A is a lab. B is another file, a revision of git (HEAD without a word), a run, or `last`. Of two files B is the
    newer one, otherwise A is. Layout and comments of the document do not count; code in files and modules of the lab
    that stages import do.
    """
    from agilab.cli.render import out, print_json
    from agilab.contracts.moments import kinds_in
    from agilab.store.workspace import Workspace
    from agilab.workflow.compared import Version, compare_versions
    from agilab.workflow.document.versions import code_beside, version

    workspace = Workspace.default()
    file, what = _meant(lab, other, workspace)
    name, second = version(what, file.path, workspace)
    mine = (str(file.path), file)
    # A file that is named second is the newer one, as with diff; a revision or a run is always the older.
    older, newer = (mine, (name, second)) if second.path != file.path else ((name, second), mine)
    with code_beside(what, file.path, workspace) as folder:
        folders = (file.folder, folder) if older is mine else (folder, file.folder)
        both = [side[1] for side in (older, newer)]
        dated = all(file.dialect == "v2" for file in both)  # version 1 has no dates
        kinds = [kinds_in(file.text) if dated else {} for file in both]
        sides = [Version(file.lab, at, kind) for file, at, kind in zip(both, folders, kinds, strict=True)]
        found = compare_versions(*sides, runs=runs)
    if as_json:
        print_json(_plain_diff(found, older[0], newer[0]))
    else:
        out(*_diff(found, older[0], newer[0]))
    return DONE


def _meant(lab: str | None, other: str | None, workspace: Workspace) -> tuple[LabFile, str]:
    """The lab, and what it is compared with; a single word that is no lab is a version of the nearest one."""
    from agilab.workflow.document.locate import find_lab, read_lab_file

    try:
        return read_lab_file(find_lab(lab, workspace)), other or "HEAD"
    except AgiError as problem:
        if problem.code != "AGI-LAB-101" or lab is None or other is not None:
            raise
        return read_lab_file(find_lab(None, workspace)), lab


def _plain_diff(found: Compared, older: str, newer: str) -> dict[str, Any]:
    return {
        "before": older,
        "after": newer,
        "same": found.same,
        "lab": [one.to_plain() for one in found.document.lab],
        "stages": [one.to_plain() for one in found.document.stages],
        "modules": [one.to_plain() for one in found.modules],
    }


def _diff(found: Compared, older: str, newer: str) -> list[RenderableType]:
    from rich.text import Text

    head = Text.assemble(("- ", "red"), older, "\n", ("+ ", "green"), newer)
    if found.same:
        return [head, "", Text("no difference that counts", "green")]
    lines: list[RenderableType] = [head]
    document = found.document
    if document.lab:
        lines += ["", Text("the whole", "bold"), *(line for one in document.lab for line in _field(one))]
    for change in document.stages:
        lines += ["", _heading(change)]
        if change.kind == "changed":
            lines += [line for one in change.fields for line in _field(one)]
    for module in found.modules:
        word = {"added": "new", "removed": "gone", "changed": "changed"}[module.kind]
        by = f"  {word}, imported by {', '.join(module.stages)}"
        lines += ["", Text.assemble((f"~ module {module.module}", "bold yellow"), (by, "dim"))]
        lines += _lines(module.lines)
    return lines


def _heading(change: StageChange) -> Text:
    from rich.text import Text

    sign, style = {"added": ("+", "green"), "removed": ("-", "red"), "changed": ("~", "yellow")}[change.kind]
    words = [
        *(["new"] if change.kind == "added" else ["gone"] if change.kind == "removed" else []),
        *([f"was {change.was}"] if change.kind == "changed" and change.was != change.stage else []),
        *(["moved"] if change.moved else []),
    ]
    return Text.assemble(
        (f"{sign} {change.stage}", f"bold {style}"), (f"  {', '.join(words)}" if words else "", "dim")
    )


def _lines(lines: Iterable[str]) -> list[RenderableType]:
    from rich.text import Text

    styles = {"+": "green", "-": "red", "@": "cyan"}
    return [Text(f"    {line}", styles.get(line[:1], ""), no_wrap=True, overflow="ignore") for line in lines]


def _field(one: FieldChange) -> list[RenderableType]:
    from rich.text import Text

    from agilab.cli.words import brief

    if one.lines:
        return [Text(f"  {one.field}", "dim"), *_lines(one.lines)]
    before, after = (Text(_ABSENT, "dim") if value is None else Text(brief(value)) for value in one.shown)
    return [Text.assemble((f"  {one.field}  ", "dim"), before, (" → ", "dim"), after)]
