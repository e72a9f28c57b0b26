"""`agilab workflow show`: what a lab says, and where each input of a stage comes from."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click
import rich_click

from agi_node.errors import DONE, AgiError
from agilab.cli.choices import LAB, STAGE
from agilab.cli.commands import SETTINGS, examples, json_option

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

    from agilab.contracts.lab_stages import Stage
    from agilab.store.workspace import Workspace
    from agilab.workflow.document.locate import LabFile
    from agilab.workflow.document.resolved import Resolved, ResolvedStage, Source


@rich_click.command(
    "show",
    cls=rich_click.RichCommand,
    context_settings=SETTINGS,
    epilog=examples(
        ("agilab workflow show", "the stages of this folder's lab"),
        ("agilab workflow show clean", "one of them: its code, where its inputs come from"),
        ("agilab workflow show clean ~/studies/nights", "of another lab"),
    ),
)
@click.argument("stage", type=STAGE, required=False)
@click.argument("lab", type=LAB, required=False, metavar="[LAB]")
@json_option
def show(stage: str | None, lab: str | None, as_json: bool) -> int:
    """Show the stages of a lab, or one of them.

    Who makes each input is worked out, nothing is run. A single word that is no stage may be a lab.
    """
    from agilab.cli.render import out, print_json
    from agilab.store.workspace import Workspace

    workspace = Workspace.default()
    file, stage = _meant(stage, lab, workspace)
    resolved = resolved_of(file)
    if as_json:
        print_json(_plain(file, resolved) if stage is None else _plain_stage(file, resolved, stage))
    elif stage is None:
        out(*_lab(file, resolved))
    else:
        out(*_stage(file, resolved, stage))
    return DONE


def _meant(stage: str | None, lab: str | None, workspace: Workspace) -> tuple[LabFile, str | None]:
    """The lab, and the stage if one was named; a single word is a stage of the nearest lab, or else a lab."""
    from agilab.workflow.document.edit import position
    from agilab.workflow.document.locate import find_lab, read_lab_file

    if stage is None or lab is not None:
        file = read_lab_file(find_lab(lab, workspace))
        if stage is not None:
            position(file.lab, stage)
        return file, stage
    try:
        file = read_lab_file(find_lab(None, workspace))
        position(file.lab, stage)
        return file, stage
    except AgiError as problem:
        if problem.code not in ("AGI-LAB-101", "AGI-LAB-109"):
            raise
        try:
            return read_lab_file(find_lab(stage, workspace)), None
        except AgiError as other:
            raise (
                problem if other.code == "AGI-LAB-101" and problem.code == "AGI-LAB-109" else other
            ) from None


def resolved_of(file: LabFile) -> Resolved:
    """Who makes what in a lab, by its document and its folder."""
    from agilab.workflow.document.lab_folder import exists
    from agilab.workflow.document.resolve import resolve

    return resolve(file.lab, exists=lambda name: exists(file.folder, name))


def _plain(file: LabFile, resolved: Resolved) -> dict[str, Any]:
    return {
        "path": str(file.path),
        "dialect": file.dialect,
        "title": file.lab.lab.title,
        "params": file.lab.lab.plain()["params"],
        "order": list(resolved.order),
        "edges": [{"from": one, "to": other} for one, other in resolved.edges],
        "stages": [_plain_stage(file, resolved, one.id) for one in file.lab.stages],
    }


def _plain_stage(file: LabFile, resolved: Resolved, name: str) -> dict[str, Any]:
    stage = next(one for one in file.lab.stages if one.id == name)
    plain = stage.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude_none=True)
    one = resolved.stages.get(name)
    return plain | {
        "kind": stage.kind,
        "runs": one is not None,
        "after": list(one.needs) if one else [],
        "before": list(resolved.users[name]) if one else [],
        "sources": [
            {
                "name": source.name,
                "called": source.called,
                "kind": source.kind,
                "origin": source.origin,
                "stage": source.stage,
            }
            for source in (one.inputs if one else ())
        ],
    }


def _as_set(value: Any) -> str:
    """A param as it is set: `true`, `1.0`, `"text"`, `2024-05-31`; of a long one its beginning."""
    from agilab.contracts.dated_json import spelled

    text = spelled(value)
    return text if len(text) <= 32 else f"{text[:30]} …"


def _lab(file: LabFile, resolved: Resolved) -> list[RenderableType]:
    from rich.text import Text

    from agilab.cli.render import pairs, state, table
    from agilab.cli.words import short, symbol

    lab = file.lab.lab
    facts: list[tuple[str, Text | str]] = [("file", short(file.path))]
    if file.dialect == "v1":
        facts.append(("version", Text("1: agilab workflow migrate makes it version 2", "yellow")))
    facts += (
        [("params", ", ".join(f"{key} = {_as_set(value)}" for key, value in lab.params.items()))]
        if lab.params
        else []
    )
    rows = []
    for stage in file.lab.stages:
        one = resolved.stages.get(stage.id)
        arrow = " → " if symbol("dot") == "·" else " -> "
        takes = ", ".join(_from(source) for source in one.inputs) if one else ""
        gives = ", ".join(stage.outputs)
        flow = f"{takes}{arrow if gives else ''}{gives}".strip()
        rows.append(
            (
                stage.id,
                Text(_kind(stage, one), "" if one else "dim"),
                state(stage.last_run.status) if stage.last_run else Text(""),
                Text.assemble((stage.title, "bold"), "\n" if stage.title and flow else "", (flow, "dim")),
            )
        )
    head = Text(lab.title or file.name, "bold")
    if not rows:
        return [head, pairs(facts), "", Text("  no stages yet: agilab workflow add NAME --code '…'", "cyan")]
    return [
        head,
        pairs(facts),
        "",
        table(("stage", "runs", "last", "takes and gives"), rows, flexible="takes and gives"),
    ]


def _kind(stage: Stage, one: ResolvedStage | None) -> str:
    from agilab.workflow.document.view import each

    if not stage.enabled:
        return "disabled"
    if one is None:
        return "text"
    what = f"app {stage.app}" if stage.app else stage.file or stage.kind
    return f"{what}\n{each(one)}" if one.axes else what


def _from(source: Source) -> str:
    where = {"stage": source.stage, "param": "params", "folder": "here"}.get(source.origin or "", "nobody")
    return f"{source.name} ({where})"


def _stage(file: LabFile, resolved: Resolved, name: str) -> list[RenderableType]:
    from rich.text import Text

    from agilab.cli.render import pairs, state, title
    from agilab.cli.words import duration, moment

    stage = next(one for one in file.lab.stages if one.id == name)
    one = resolved.stages.get(name)
    rows: list[tuple[str, Text | str]] = [("runs", _kind(stage, one).replace("\n", ", "))]
    rows += [("takes", "\n".join(_from(source) for source in one.inputs))] if one and one.inputs else []
    rows += [("gives", "\n".join(stage.outputs))] if stage.outputs else []
    rows += (
        [("uses", "\n".join(f"{', '.join(names)} ({other})" for other, names in stage.uses.items()))]
        if stage.uses
        else []
    )
    rows += [("after", ", ".join(one.needs))] if one and one.needs else []
    rows += [("before", ", ".join(resolved.users[name]))] if one and resolved.users[name] else []
    for field in ("env", "workdir", "model", "question"):
        rows += [(field, getattr(stage, field))] if getattr(stage, field) else []
    policy = [
        *(["cache"] if stage.cache else []),
        *([f"{stage.retries} retries"] if stage.retries else []),
        *([f"{stage.timeout:g} s"] if stage.timeout else []),
        *([f"requires {stage.require}"] if stage.require != "all" else []),
    ]
    rows += [("policy", ", ".join(policy))] if policy else []
    rows += (
        [("args", "\n".join(f"{key} = {value}" for key, value in stage.args.items()))] if stage.args else []
    )
    rows += (
        [("from", f"{stage.origin.notebook}, cells {', '.join(stage.origin.cells)}")]
        if stage.origin and stage.origin.notebook
        else []
    )
    if stage.last_run:
        last = stage.last_run
        words = f"  {moment(last.at)}, {duration(last.seconds)}, {last.run}"
        rows.append(("last run", Text.assemble(state(last.status), words)))
    lines: list[RenderableType] = [
        Text.assemble((name, "bold"), f"  {stage.title}" if stage.title else ""),
        pairs(rows),
    ]
    if stage.description:
        lines += ["", Text(stage.description.strip(), "dim")]
    code = _code(file, stage)
    return [*lines, *(["", title("Code"), *_highlighted(code)] if code else [])]


def _code(file: LabFile, stage: Stage) -> str:
    if stage.file is None:
        return stage.code or ""
    try:
        return (file.folder / stage.file).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return ""


def _highlighted(code: str) -> list[RenderableType]:
    from rich.text import Text

    if not sys.stdout.isatty():
        return [Text(f"  {line}", no_wrap=True, overflow="ignore") for line in code.rstrip().splitlines()]
    from rich.padding import Padding
    from rich.syntax import Syntax

    return [
        Padding(Syntax(code.rstrip(), "python", theme="ansi_dark", background_color="default"), (0, 0, 0, 2))
    ]
