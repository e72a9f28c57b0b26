"""A lab as a picture: its stages and what follows what, in the language of graphviz and as an outline to draw."""

from __future__ import annotations

import re
from collections.abc import Iterator
from textwrap import wrap

from agilab.store.rows import NodeRow
from agilab.views.drawing import draw
from agilab.views.outline import Outline, OutlineNode
from agilab.workflow.document.resolve import Resolved, ResolvedStage

_SHOWN = 34
"""Letters of a title that a box of a terminal shows at most."""
_LEAST = 18
MADE = "by `agilab workflow view`"
"""Stands in every picture that was made here, and may be made anew."""


def dot(resolved: Resolved, title: str) -> str:
    """The stages as `pipeline_view.dot`: a box for each that runs, with its title and what it is run for each of."""
    rows = [
        f"// Made from lab_stages.toml {MADE}.",
        f"digraph {_quoted(title)} {{",
        "    rankdir = TB;",
        "    node [shape = box, style = rounded];",
    ]
    for name, one in resolved.stages.items():
        label = "\n".join([name, *words(one)])
        rows.append(f"    {_quoted(name)} [label = {_quoted(label)}];")
    rows += [f"    {_quoted(one)} -> {_quoted(other)};" for one, other in resolved.edges]
    rows += [
        f"    {_quoted(one)} -> {_quoted(other)} [style = dotted, arrowhead = vee, weight = 0,"
        f" tooltip = {_quoted(', '.join(names))}];"
        for (one, other), names in used(resolved).items()
    ]
    return "\n".join([*rows, "}", ""])


def used(resolved: Resolved) -> dict[tuple[str, str], tuple[str, ...]]:
    """(whose text, who uses it) with the names, of stages that are drawn. Nothing waits for these."""
    return {
        (other, name): names
        for name in resolved.order
        for other, names in resolved.stages[name].stage.uses.items()
        if names and other != name and other in resolved.order
    }


def words(one: ResolvedStage) -> Iterator[str]:
    """What a box says below the stage's id: its title, and what it is run for each of."""
    if not _says_the_same(one.stage.title, one.stage.id):
        yield one.stage.title
    if one.axes:
        yield each(one)


def _says_the_same(title: str, stage: str) -> bool:
    """Whether a title has no word that the id lacks: `Read the table` of `read-the-table`."""
    return re.sub(r"\W+", "-", title.lower()).strip("-") in ("", stage.lower().replace("_", "-"))


def each(one: ResolvedStage) -> str:
    """What a stage is run for each of, in a few words: `for each city of cities`, `3 by 2 units`."""
    if all(axis.items is not None for axis in one.axes):
        sizes = [len(axis.items or ()) for axis in one.axes]
        if one.stage.zip:
            return f"{min(sizes)} units: {', '.join(axis.name for axis in one.axes)}"
        names = ", ".join(axis.name for axis in one.axes)
        return f"{' by '.join(map(str, sizes))} units: {names}"
    return "for each " + " and ".join(
        f"{axis.name} of {axis.source.name}" if axis.source else axis.name for axis in one.axes
    )


def drawn(resolved: Resolved, *, width: int, fancy: bool = True) -> tuple[str, ...]:
    """The stages as boxes and lines for a terminal, as much in each box as `width` columns let; else as a list.

    Below it a dotted arrow for each stage whose text others use. Stages in a ring, which have no order, are left out.
    """
    uses = tuple(_uses(resolved, width, fancy=fancy))
    for letters in (_SHOWN, 18, 0):
        lines = draw(_outline(resolved, letters), width=width, fancy=fancy).lines
        if lines and lines[0].lstrip()[:1] in ("┌", "+"):
            return (*lines, *uses)
    return (*_listed(resolved, " ← " if fancy else " <- "), *uses)


def _uses(resolved: Resolved, width: int, *, fancy: bool) -> Iterator[str]:
    """`load ┄ pd, clean ┄> fit, tell`: who uses which names of whose text, those with the same names together."""
    dots, tip = ("┄┄", "┄▷") if fancy else ("..", ".>")
    together: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for (one, other), names in used(resolved).items():
        together.setdefault((one, names), []).append(other)
    if together:
        yield ""
    for (one, names), others in together.items():
        yield from wrap(
            f"{one} {dots} {', '.join(names)} {tip} {', '.join(others)}",
            max(width, 20),
            subsequent_indent="    ",
            break_long_words=False,
            break_on_hyphens=False,
        )


def _listed(resolved: Resolved, arrow: str) -> Iterator[str]:
    """A line for each stage, indented by how deep it is, with what comes before it."""
    for node in (node for layer in _outline(resolved, 0).layers() for node in layer):
        one = resolved.stages[node.name]
        after = f"{arrow}{', '.join(one.needs)}" if one.needs else ""
        yield f"{'  ' * node.depth}{node.name}  {', '.join(words(one)) or _said(one)}{after}"


def _outline(resolved: Resolved, letters: int) -> Outline:
    """The stages as an outline, to be drawn as that of a run is, with so many letters of each title."""
    names = {name: _named(resolved.stages[name], letters) for name in resolved.order}
    nodes: dict[str, OutlineNode] = {}
    for name, shown in names.items():
        stage = resolved.stages[name].stage
        needs = tuple(names[need] for need in resolved.stages[name].needs)
        depth = 1 + max((nodes[need].depth for need in needs), default=-1)
        # What stands in the place of a run's state: it has none, and what it is says more.
        row = NodeRow(shown, depth, _cut(_said(resolved.stages[name]), letters), name, 0, None, None, {})
        nodes[shown] = OutlineNode(
            shown, name, needs, None, (), stage.require, False, stage.env, {}, {}, depth, row
        )
    return Outline(nodes)


def _named(one: ResolvedStage, letters: int) -> str:
    title = one.stage.title
    if _says_the_same(title, one.stage.id) or not letters:
        return one.stage.id
    return f"{one.stage.id}: {_cut(title, letters)}"


def _cut(text: str, letters: int) -> str:
    most = max(letters, _LEAST)
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _said(one: ResolvedStage) -> str:
    stage = one.stage
    if one.axes:
        return each(one)
    return f"app {stage.app}" if stage.app else stage.file or stage.kind


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
