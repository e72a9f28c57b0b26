"""`agilab workflow view`: the stages of a lab with their last run as a drawing, here or in a file."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import rich_click

from agi_node.errors import DONE, USAGE, AgiError
from agilab.cli.choices import LAB, RUN
from agilab.cli.commands import SETTINGS, examples, json_option
from agilab.cli.workflow_show import resolved_of

if TYPE_CHECKING:
    from rich.console import RenderableType

    from agilab.store.workspace import Workspace
    from agilab.workflow.document.locate import LabFile
    from agilab.workflow.document.outcome import RunOutcome
    from agilab.workflow.document.resolved import Resolved


@rich_click.command(
    "view",
    cls=rich_click.RichCommand,
    context_settings=SETTINGS,
    epilog=examples(
        ("agilab workflow view", "boxes and lines here, and what became of each in the last run"),
        ("agilab workflow view --run 7k3f2q", "in another run"),
        ("agilab workflow view --output stages.svg", "a picture for a page, light or dark"),
        ("agilab workflow view --output last.svg --run last", "a picture of the last run"),
        ("agilab workflow view --output pipeline_view.dot", "for graphviz, and beside the lab"),
    ),
)
@click.argument("lab", type=LAB, required=False, metavar="[LAB]")
@click.option(
    "--run",
    "run_name",
    type=RUN,
    metavar="RUN",
    help="What became of the stages in this run of it; `last` is the newest.",
)
@click.option("--no-run", is_flag=True, help="The stages alone, without what became of them.")
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A picture in a file instead: FILE.svg, or FILE.dot (also FILE.gv) for graphviz.",
)
@click.option("--force", is_flag=True, help="Replace a picture that somebody drew by hand.")
@json_option
def view(
    lab: str | None, run_name: str | None, no_run: bool, output: Path | None, force: bool, as_json: bool
) -> int:
    """Draw the stages of a lab, what follows what, and what became of each in the last run.

    A stage with foreach is one box with what it is run for, and how many of its units ended well; a dotted arrow
    leads from the stage whose imports or functions another one uses. Stages that have changed since that run are
    named: by their keys, their code (comments do not count) and their params.

    They are drawn here, in characters; --output makes a picture in a file of them. That shows the stages alone, and
    stays the same until these change; with --run it shows that run too. One that was drawn by hand is only replaced
    with --force, and kept.
    """
    from agilab.cli.render import out, print_json
    from agilab.store.workspace import Workspace
    from agilab.workflow.document.locate import find_lab, read_lab_file

    if run_name and no_run:
        raise AgiError(
            "AGI-ARGS-104",
            "a run, or none?",
            found=f"--run {run_name} and --no-run",
            allowed="one of them",
            exit_code=USAGE,
        )
    workspace = Workspace.default()
    file = read_lab_file(find_lab(lab, workspace))
    resolved = resolved_of(file)
    shown = not no_run and (output is None or run_name is not None)
    ran = _ran(file, resolved, workspace, run_name) if shown else None
    if output is not None:
        kept = _write(output, file, resolved, ran, workspace, force=force)
        return _written(output, kept, len(resolved.stages), as_json=as_json)
    if as_json:
        print_json(_plain(resolved, ran))
    else:
        out(*_head(ran), *_drawn(resolved, ran))
        if resolved.stages:
            _tell_of_pictures(lab, (run_name or "last") if ran else None)
    return DONE


def _tell_of_pictures(lab: str | None, run: str | None) -> None:
    """How the same becomes a picture in a file."""
    from agilab.cli.app_view import after

    words = ["agilab", "workflow", "view", *([lab] if lab else []), "--output", "stages.svg"]
    after([(shlex.join([*words, *(["--run", run] if run else [])]), "the same as a picture in a file")])


def _ran(file: LabFile, resolved: Resolved, workspace: Workspace, name: str | None) -> RunOutcome | None:
    """What became of the stages; what was not asked for by name is no reason to draw nothing."""
    from agilab.workflow.outcomes import outcome_of

    try:
        return outcome_of(file, resolved, workspace, name)
    except AgiError as problem:
        if name is not None:
            raise
        print(f"agilab: the last run is not shown: {problem.what}", file=sys.stderr, flush=True)
        return None


def _plain(resolved: Resolved, ran: RunOutcome | None) -> dict[str, Any]:
    from agilab.workflow.document.view import used

    nodes = [
        {"stage": name, "title": one.stage.title, "foreach": [axis.name for axis in one.axes]}
        | ({"app": one.stage.app} if one.stage.app else {})
        | ({"last": ran.stages[name].to_plain()} if ran else {})
        for name, one in resolved.stages.items()
    ]
    edges = [{"from": one, "to": other} for one, other in resolved.edges]
    uses = [
        {"from": one, "to": other, "names": list(names)} for (one, other), names in used(resolved).items()
    ]
    return {"nodes": nodes, "edges": edges, "uses": uses, "run": ran.to_plain() if ran else None}


def _head(ran: RunOutcome | None) -> list[RenderableType]:
    """Which run is shown, and which stages are others since."""
    from rich.text import Text

    from agilab.cli.render import state
    from agilab.cli.words import duration, moment, symbol

    if ran is None:
        return []
    dot = f" {symbol('dot')} "
    times = dot.join(filter(None, [moment(ran.created_us), duration(ran.seconds)]))
    since = [Text(f"  {line}", "yellow") for line in ran.since()]
    return [Text.assemble((ran.run_id, "bold"), "  ", state(ran.state), (f"  {times}", "dim")), *since, ""]


def _drawn(resolved: Resolved, ran: RunOutcome | None) -> list[RenderableType]:
    from rich.text import Text

    from agilab.cli.render import STATE_STYLES, console
    from agilab.cli.words import speaks_unicode
    from agilab.workflow.document.view import drawn

    if not resolved.stages:
        return [Text("  no stage runs", "dim")]
    # A pipe has no width of its own: what fits a terminal of some size is a drawing for any of them.
    width = console().width if sys.stdout.isatty() else 120
    drawing = drawn(resolved, width=width, fancy=speaks_unicode(), ran=ran)
    lines = [Text(line, no_wrap=True, overflow="ignore") for line in drawing.lines]
    for span in drawing.spans:
        lines[span.line].stylize(STATE_STYLES.get(span.state, "dim"), span.start, span.end)
    rings = [
        Text(f"not drawn, since they wait for each other: {', '.join(ring)}", "yellow")
        for ring in resolved.cycles
    ]
    return [*lines, *rings]


def _write(
    output: Path,
    file: LabFile,
    resolved: Resolved,
    ran: RunOutcome | None,
    workspace: Workspace,
    *,
    force: bool,
) -> Path | None:
    """Write a picture; returns where the one that it replaces is kept."""
    from agilab.contracts.atomic import write_atomically
    from agilab.workflow.document.edit import keep
    from agilab.workflow.document.svg import svg
    from agilab.workflow.document.view import MADE, dot

    title = file.lab.lab.title or file.name
    makers = {".svg": svg, ".dot": dot, ".gv": dot}
    if output.suffix not in makers:
        raise AgiError(
            "AGI-ARGS-103",
            "a picture of which kind?",
            found=str(output),
            allowed="a name that ends in .svg, .dot or .gv",
        )
    kept = None
    if output.exists():
        before = output.read_text(encoding="utf-8", errors="replace")
        if MADE not in before and not force:
            raise AgiError(
                "AGI-LAB-113",
                f"{output} was not made by this command, and is not replaced",
                found="a file that somebody else wrote",
                allowed="another name, or --force, which keeps it in the trash",
                try_=f"agilab workflow view --output {shlex.quote(str(output))} --force",
            )
        kept = keep(output, output.read_bytes(), workspace)
    write_atomically(output, makers[output.suffix](resolved, title, ran).encode("utf-8"))
    return kept


def _written(output: Path, kept: Path | None, stages: int, *, as_json: bool) -> int:
    from agilab.cli.app_view import after, head, near
    from agilab.cli.render import print_json
    from agilab.cli.words import plural

    undo = shlex.join(["cp", str(kept), str(output)]) if kept else None
    if as_json:
        print_json({"status": "succeeded", "path": str(output), "stages": stages, "undo": undo})
        return DONE
    head(near(output), f"shows {plural(stages, 'stage')}")
    if undo:
        after([(undo, "undo")])
    return DONE
