"""A run's graph in the language of graphviz, for pictures and for other programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from agilab.store.rows import UnitRow
from agilab.views.drawing import node_words
from agilab.views.outline import Outline

UNITS_DRAWN = 200
"""Units that a picture shows one by one at most."""
_COLOURS = {
    "succeeded": ("#e3f4e6", "#1a7f37"),
    "reused": ("#e0f2f1", "#00796b"),
    "skipped": ("#eef1f4", "#57606a"),
    "running": ("#ddf0fb", "#0969da"),
    "failed": ("#fde5e3", "#cf222e"),
    "upstream_failed": ("#fdf0d8", "#9a6700"),
    "cancelled": ("#fdf0d8", "#9a6700"),
}
_OTHER = ("#ffffff", "#57606a")


def dot(outline: Outline, title: str, units: Mapping[str, Sequence[UnitRow]] | None = None) -> str:
    """The graph in the language of graphviz. `units` by node draws each of them too, tied by their keys."""
    rows = [
        f"digraph {_quoted(title)} {{",
        '  graph [rankdir=TB, fontname="Helvetica", labelloc=t, label=' + _quoted(title) + "];",
        '  node [shape=box, style="rounded,filled", fontname="Helvetica"];',
        '  edge [color="#57606a"];',
    ]
    for node in outline.nodes.values():
        fill, line = _COLOURS.get(node.state, _OTHER)
        name, said = node_words(node)
        rows.append(
            f"  {_quoted(node.name)} [label={_quoted(f'{name}{chr(10)}{said}')}, fillcolor={_quoted(fill)},"
            f" color={_quoted(line)}, tooltip={_quoted(node.target)}];"
        )
    for node in outline.nodes.values():
        for need in node.needs:
            style = ' [style=bold, tooltip="unit by unit"]' if outline.shared(node.name, need) else ""
            rows.append(f"  {_quoted(need)} -> {_quoted(node.name)}{style};")
    for number, (name, mine) in enumerate((units or {}).items()):
        if not mine or (len(mine) == 1 and mine[0].unit_id == name):
            continue
        rows.append(f"  subgraph cluster_{number} {{")
        rows.append(f'    label={_quoted(f"units of {name}")}; color="#d0d7de";')
        for unit in mine:
            fill, line = _COLOURS.get(unit.state, _OTHER)
            rows.append(
                f"    {_quoted(unit.unit_id)} [label={_quoted(f'{unit.label}{chr(10)}{unit.state}')},"
                f" fillcolor={_quoted(fill)}, color={_quoted(line)}];"
            )
        rows.append("  }")
        rows += [
            f"  {_quoted(name)} -> {_quoted(unit.unit_id)} [style=dotted, arrowhead=none];" for unit in mine
        ]
    return "\n".join([*rows, "}", ""])


def _quoted(text: str) -> str:
    """A text as a DOT string; a line feed stays one in the picture."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
