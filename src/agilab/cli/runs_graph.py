"""`agilab runs graph`: what hangs on what, with the state that each part is in."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click
import rich_click

from agi_node.errors import DONE, AgiError
from agilab.cli.choices import RUN
from agilab.cli.commands import SETTINGS, examples

if TYPE_CHECKING:
    from rich.text import Text

    from agilab.store.rows import RunRow, UnitRow
    from agilab.store.store import Store
    from agilab.views.drawing import Drawing
    from agilab.views.outline import Outline


@rich_click.command(
    "graph",
    cls=rich_click.RichCommand,
    context_settings=SETTINGS,
    epilog=examples(
        ("agilab runs graph last", "boxes and lines, here"),
        ("agilab runs graph last --format dot | dot -Tsvg > graph.svg", "a picture"),
        ("agilab runs graph last --format dot --units", "each unit too"),
    ),
)
@click.argument("run", type=RUN)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "dot", "json"]),
    default="text",
    show_default=True,
    help="How it is drawn.",
)
@click.option("--units", is_flag=True, help="Each unit too, where there are at most 200.")
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
def graph(run: str, form: str, units: bool, as_json: bool) -> int:
    """Draw the graph of a run.

    One element for each node, with its units counted by state.
    """
    from agilab.store.store import Store
    from agilab.store.workspace import Workspace
    from agilab.views.history import state_of
    from agilab.views.outline import read_outline

    with Store(Workspace.default(), readonly=True) as store:
        row = store.run(run)
        state = state_of(store, row)
        outline = read_outline(store, row)
        drawn = _units(store, row, outline) if units else None
    if as_json or form == "json":
        from agilab.cli.render import print_json

        print_json(_plain(row, state, outline, drawn))
    elif form == "dot":
        from agilab.views.dot import dot

        try:
            # Bytes: graphviz reads UTF-8, whatever this terminal speaks.
            sys.stdout.buffer.write(dot(outline, row.run_id, drawn).encode("utf-8"))
            sys.stdout.flush()
        except BrokenPipeError:
            from agilab.cli.render import silence_stdout

            silence_stdout()
    else:
        _print(row, state, outline, drawn)
    return DONE


def _units(store: Store, run: RunRow, outline: Outline) -> dict[str, list[UnitRow]]:
    from agilab.views.dot import UNITS_DRAWN

    total = sum(sum(node.counts.values()) for node in outline.nodes.values())
    if total > UNITS_DRAWN:
        raise AgiError(
            "AGI-RUN-017",
            f"run {run.run_id} has too many units to draw each of them",
            found=f"{total:,} units",
            allowed=f"up to {UNITS_DRAWN}",
            try_=f"agilab runs show {run.run_id} --units",
        )
    return {name: list(store.units(run.run_id, node=name)) for name in outline.nodes}


def _plain(
    run: RunRow, state: str, outline: Outline, units: dict[str, list[UnitRow]] | None
) -> dict[str, Any]:
    return {
        "run_id": run.run_id,
        "state": state,
        "nodes": [
            {
                "node": node.name,
                "target": node.target,
                "depth": node.depth,
                "state": node.state,
                "total": node.total,
                "units": dict(node.counts),
                "foreach": node.foreach,
                **({"drawn": [_unit(unit) for unit in units[node.name]]} if units is not None else {}),
            }
            for node in outline.nodes.values()
        ],
        "edges": [
            {"from": need, "to": node.name, "shared_keys": outline.shared(node.name, need)}
            for node in outline.nodes.values()
            for need in node.needs
        ],
    }


def _unit(unit: UnitRow) -> dict[str, Any]:
    return {"unit": unit.unit_id, "label": unit.label, "state": unit.state}


def _print(run: RunRow, word: str, outline: Outline, units: dict[str, list[UnitRow]] | None) -> None:
    from rich.text import Text

    from agilab.cli.render import console, out, state, title
    from agilab.cli.words import speaks_unicode
    from agilab.views.drawing import draw

    out(Text.assemble((run.run_id, "bold"), "  ", state(word)), "")
    if not outline.nodes:
        out(Text("  it has no plan yet", "dim"))
        return
    # A pipe has no width of its own: what fits a terminal of some size is a drawing for any of them.
    width = console().width if sys.stdout.isatty() else 120
    for line in _coloured(draw(outline, width=width, fancy=speaks_unicode())):
        out(line)
    for name, mine in (units or {}).items():
        if len(mine) > 1 or (mine and mine[0].unit_id != name):
            out("", title(name), *_cells(mine, width))


def _coloured(drawing: Drawing) -> list[Text]:
    from rich.text import Text

    from agilab.cli.render import STATE_STYLES

    lines = [Text(line, no_wrap=True, overflow="ignore") for line in drawing.lines]
    for span in drawing.spans:
        lines[span.line].stylize(STATE_STYLES.get(span.state, "dim"), span.start, span.end)
    return lines


def _cells(units: Sequence[UnitRow], width: int) -> list[Text]:
    """Units side by side, as many as fit a line."""
    from rich.text import Text

    from agilab.cli.render import STATE_STYLES
    from agilab.cli.words import symbol

    rows: list[Text] = [Text("  ")]
    for unit in units:
        cell = f"{unit.label or unit.node} {unit.state}"
        if len(rows[-1].plain) + len(cell) + 3 > width and len(rows[-1].plain) > 2:
            rows.append(Text("  "))
        if len(rows[-1].plain) > 2:
            rows[-1].append(f" {symbol('dot')} ", "dim")
        rows[-1].append(cell, STATE_STYLES.get(unit.state, ""))
    return rows
