"""`agilab workflow view`: the stages of a lab as a drawing, here or in a file."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
import rich_click

from agi_node.errors import DONE, AgiError
from agilab.cli.choices import LAB
from agilab.cli.commands import SETTINGS, examples, json_option
from agilab.cli.workflow_show import resolved_of

if TYPE_CHECKING:
    from rich.console import RenderableType

    from agilab.store.workspace import Workspace
    from agilab.workflow.document.locate import LabFile
    from agilab.workflow.document.resolve import Resolved


@rich_click.command(
    "view",
    cls=rich_click.RichCommand,
    context_settings=SETTINGS,
    epilog=examples(
        ("agilab workflow view", "boxes and lines, here"),
        ("agilab workflow view --output stages.svg", "a picture for a page, light or dark"),
        ("agilab workflow view --output pipeline_view.dot", "for graphviz, and beside the lab"),
    ),
)
@click.argument("lab", type=LAB, required=False, metavar="[LAB]")
@click.option(
    "--output", type=click.Path(path_type=Path), metavar="FILE", help="Write FILE.svg or FILE.dot instead."
)
@click.option("--force", is_flag=True, help="Replace a picture that somebody drew by hand.")
@json_option
def view(lab: str | None, output: Path | None, force: bool, as_json: bool) -> int:
    """Draw the stages of a lab and what follows what.

    A stage with foreach is one box with what it is run for; a dotted arrow leads from the stage whose imports or
    functions another one uses. A picture that was drawn by hand is only replaced with
    --force, and kept.
    """
    from agilab.cli.render import out, print_json
    from agilab.store.workspace import Workspace
    from agilab.workflow.document.locate import find_lab, read_lab_file
    from agilab.workflow.document.view import used

    workspace = Workspace.default()
    file = read_lab_file(find_lab(lab, workspace))
    resolved = resolved_of(file)
    if output is not None:
        kept = _write(output, file, resolved, workspace, force=force)
        return _written(output, kept, len(resolved.stages), as_json=as_json)
    if as_json:
        nodes = [
            {"stage": name, "title": one.stage.title, "foreach": [axis.name for axis in one.axes]}
            for name, one in resolved.stages.items()
        ]
        edges = [{"from": one, "to": other} for one, other in resolved.edges]
        uses = [
            {"from": one, "to": other, "names": list(names)} for (one, other), names in used(resolved).items()
        ]
        print_json({"nodes": nodes, "edges": edges, "uses": uses})
    else:
        out(*_drawn(resolved))
    return DONE


def _drawn(resolved: Resolved) -> list[RenderableType]:
    from rich.text import Text

    from agilab.cli.render import console
    from agilab.cli.words import speaks_unicode
    from agilab.workflow.document.view import drawn

    if not resolved.stages:
        return [Text("  no stage runs", "dim")]
    # A pipe has no width of its own: what fits a terminal of some size is a drawing for any of them.
    width = console().width if sys.stdout.isatty() else 120
    lines = drawn(resolved, width=width, fancy=speaks_unicode())
    rings = [
        Text(f"not drawn, since they wait for each other: {', '.join(ring)}", "yellow")
        for ring in resolved.cycles
    ]
    return [*(Text(line, no_wrap=True, overflow="ignore") for line in lines), *rings]


def _write(
    output: Path, file: LabFile, resolved: Resolved, workspace: Workspace, *, force: bool
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
            allowed="a name that ends in .svg or .dot",
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
        kept = keep(output, before, workspace)
    write_atomically(output, makers[output.suffix](resolved, title).encode("utf-8"))
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
