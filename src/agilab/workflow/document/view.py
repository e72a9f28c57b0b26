"""A lab as a picture: its stages and what follows what, in the language of graphviz and as an outline to draw."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from textwrap import wrap

from agilab.store.rows import NodeRow
from agilab.views.drawing import Drawing, Span, boxes
from agilab.views.layout import Said
from agilab.views.outline import Outline, OutlineNode
from agilab.workflow.document.outcome import RunOutcome
from agilab.workflow.document.resolved import Resolved, ResolvedStage

_SHOWN = 34
"""Letters of a title that a box of a terminal shows at most."""
_LEAST = 18
_LINES = {"failed": "#cf222e", "upstream_failed": "#9a6700", "cancelled": "#9a6700", "skipped": "#57606a"}
_LINE = "#1a7f37"
"""The line around a box of graphviz, by what became of the stage: the word beside its sign says the same."""
MADE = "by `agilab workflow view`"
"""Stands in every picture that was made here, and may be made anew."""


def dot(resolved: Resolved, title: str, ran: RunOutcome | None = None) -> str:
    """The stages as `pipeline_view.dot`: a box for each that runs, with its title and what it is run for each of.

    With `ran` each says what became of it there, and the whole which run it is.
    """
    rows = [
        f"// Made from lab_stages.toml {MADE}.",
        f"digraph {_quoted(title)} {{",
        "    rankdir = TB;",
        "    node [shape = box, style = rounded];",
    ]
    if ran is not None:
        caption = "\n".join([ran.sentence(), *ran.since()])
        rows.append(f"    graph [label = {_quoted(caption)}, labelloc = b];")
    for name, one in resolved.stages.items():
        outcome = ran.stages.get(name) if ran else None
        label = "\n".join([name, *words(one), *([outcome.words()] if outcome else [])])
        colour = f", color = {_quoted(_LINES.get(outcome.state, _LINE))}" if outcome else ""
        rows.append(f"    {_quoted(name)} [label = {_quoted(label)}{colour}];")
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
    """What a box says below the stage's id: its title, the app that it calls, and what it is run for each of."""
    if not _says_the_same(one.stage.title, one.stage.id):
        yield one.stage.title
    if one.stage.app:
        yield f"app {one.stage.app}"
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


def drawn(resolved: Resolved, *, width: int, fancy: bool = True, ran: RunOutcome | None = None) -> Drawing:
    """The stages as boxes and lines for a terminal, as much in each box as `width` columns let; else as a list.

    Each says what became of it in the run `ran`. Below it a dotted arrow for each stage whose text others use. Stages
    in a ring, which have no order, are left out.
    """
    uses = tuple(_uses(resolved, width, fancy=fancy))
    outline = _outline(resolved, ran)
    for letters in (_SHOWN, 18, 0):
        say = partial(_said_of, resolved, ran, letters=letters, fancy=fancy)
        if (found := boxes(outline, say, width=width, fancy=fancy)) is not None:
            return replace(found, lines=(*found.lines, *uses))
    listed = _listed(resolved, outline, ran, fancy=fancy)
    return replace(listed, lines=(*listed.lines, *uses))


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


def _listed(resolved: Resolved, outline: Outline, ran: RunOutcome | None, *, fancy: bool) -> Drawing:
    """A line for each stage, indented by how deep it is, with what became of it and what comes before it."""
    arrow = " ← " if fancy else " <- "
    lines: list[str] = []
    spans: list[Span] = []
    for node in (node for layer in outline.layers() for node in layer):
        one = resolved.stages[node.name]
        start = f"{'  ' * node.depth}{node.name}  "
        if ran is not None:
            outcome = ran.stages[node.name]
            ended = outcome.ended(fancy=fancy)
            spans.append(Span(len(lines), len(start), len(start) + len(ended), node.state))
            start += f"{outcome.words(fancy=fancy)}  "
        after = f"{arrow}{', '.join(one.needs)}" if one.needs else ""
        lines.append(f"{start}{', '.join(words(one)) or _said(one)}{after}")
    return Drawing(tuple(lines), tuple(spans))


def _outline(resolved: Resolved, ran: RunOutcome | None) -> Outline:
    """The stages as an outline, to be drawn as that of a run is."""
    nodes: dict[str, OutlineNode] = {}
    for name in resolved.order:
        one = resolved.stages[name]
        depth = 1 + max((nodes[need].depth for need in one.needs), default=-1)
        state = ran.stages[name].state if ran else ""
        row = NodeRow(name, depth, state, name, 0, None, None, {})
        nodes[name] = OutlineNode(
            name, name, one.needs, None, (), one.stage.require, False, one.stage.env, {}, {}, depth, row
        )
    return Outline(nodes)


def _said_of(
    resolved: Resolved, ran: RunOutcome | None, node: OutlineNode, *, letters: int, fancy: bool
) -> Said:
    """What a box of a terminal says, with so many letters of a title: what it is, and what became of it."""
    one = resolved.stages[node.name]
    lines = (_named(one, letters), _cut(_said(one), letters))
    if ran is None:
        return Said(lines)
    outcome = ran.stages[node.name]
    return Said((*lines, outcome.words(fancy=fancy, short=not letters)), outcome.ended(fancy=fancy))


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
    called = f"app {stage.app}" if stage.app else ""
    if one.axes:
        return ", ".join(filter(None, (called, each(one))))
    return called or stage.file or stage.kind


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
