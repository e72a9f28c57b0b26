"""A lab as an SVG picture that is at home on light and dark pages, wide ones and narrow ones.

Boxes are the stages that run, arrows what they need of one another; a dotted arrow leads from the stage whose text
another one uses. `layout` says where they stand, `lettering` how wide their words are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from agilab.store.transitions import FAILED, GOOD
from agilab.workflow.document.layout import MARGIN, Edge, Place, layers_of
from agilab.workflow.document.lettering import cut, width_of
from agilab.workflow.document.outcome import RunOutcome, StageOutcome
from agilab.workflow.document.resolved import Resolved, ResolvedStage
from agilab.workflow.document.view import MADE, used, words

_NAME, _SAID, _LINE, _PAD = 13.0, 12.0, 18.0, 14.0
"""Size of letters of a name and of what is said below it; height of a line; room around text in a box. All in px."""
_WORDS = 240.0
"""Width that words get at most."""
WIDEST = 1180.0
"""Width of a layer's boxes at most: a window of 1,280 px shows the whole."""
_STYLE = """
  svg { color-scheme: light dark; --ink: #1f2328; --soft: #59636e; --box: #ffffff; --edge: #7d8590; --rim: #c8d1da;
        --code: #0969da; --app: #8250df; font-family: system-ui, "Segoe UI", "Helvetica Neue", Arial, sans-serif; }
  @media (prefers-color-scheme: dark) {
    svg { --ink: #e6edf3; --soft: #9ba3ad; --box: #161b22; --edge: #7d8590; --rim: #3d444d;
          --code: #4493f8; --app: #ab7df8; } }
  .name { font-size: 13px; font-weight: 600; fill: var(--ink); }
  .said { font-size: 12px; fill: var(--soft); }
  .box { fill: var(--box); stroke: var(--rim); stroke-width: 1.25; }
  .code { fill: var(--code); } .app { fill: var(--app); }
  .edge { fill: none; stroke: var(--edge); stroke-width: 1.5; }
  .uses { fill: none; stroke: var(--edge); stroke-width: 1.25; stroke-dasharray: 1 4; stroke-linecap: round; }
  .tip { fill: var(--edge); } .open { fill: none; stroke: var(--edge); stroke-width: 1.25; }
"""
_RUN_STYLE = """
  svg { --good: #1a7f37; --bad: #cf222e; --warn: #9a6700; }
  @media (prefers-color-scheme: dark) { svg { --good: #3fb950; --bad: #f85149; --warn: #d29922; } }
  .good { fill: var(--good); } .bad { fill: var(--bad); } .warn { fill: var(--warn); }
"""
_TIPS = (
    '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
    '<path class="tip" d="M0 0.5L8 4L0 7.5z"/></marker>'
    '<marker id="open" viewBox="0 0 8 8" refX="6.5" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
    '<path class="open" d="M1 1L6.5 4L1 7"/></marker></defs>'
)


def svg(resolved: Resolved, title: str, ran: RunOutcome | None = None) -> str:
    """The stages that run as an SVG document, with what became of each in the run `ran`.

    Stages in a ring, which have no order, are left out.
    """
    outcomes = {name: ran.stages[name] for name in resolved.order} if ran else {}
    texts = {name: _texts(resolved.stages[name], outcomes.get(name)) for name in resolved.order}
    order, edges = _edges(resolved)
    layers = layers_of(order, {name: _size(lines) for name, lines in texts.items()}, edges, WIDEST)
    places = [place for layer in layers for place in layer]
    dotted = any(edge.dotted for edge in edges)
    apps = any(resolved.stages[name].stage.app for name in order)
    width = max((place.x + place.width for place in places), default=160.0) + MARGIN + 4
    height = max((place.y + place.height for place in places), default=0.0) + MARGIN + 4
    key, key_width = _key(MARGIN, height + 12, dotted=dotted, apps=apps)
    if key:
        width, height = max(width, key_width), height + 34
    caption, caption_width = _caption(MARGIN, height + 12, ran)
    if caption:
        width, height = max(width, caption_width), height + _LINE * len(caption) + 16
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" '
            f'height="{height:.0f}" style="max-width:100%;height:auto" role="img" aria-labelledby="title desc">',
            f"<!-- Made from lab_stages.toml {MADE}. -->",
            f'<title id="title">{_text(title)}</title>',
            f'<desc id="desc">{_text(_told(resolved, edges, ran))}</desc>',
            f"<style>{_STYLE}{_RUN_STYLE if ran else ''}</style>",
            _TIPS,
            *(row for place in places for row in _lines(place, dotted=True)),
            *(row for place in places for row in _lines(place, dotted=False)),
            *(
                row
                for place in places
                if place.name is not None
                for row in _box(
                    place, resolved.stages[place.name], texts[place.name], outcomes.get(place.name)
                )
            ),
            *key,
            *caption,
            "</svg>",
            "",
        ]
    )


def _texts(one: ResolvedStage, outcome: StageOutcome | None) -> list[tuple[str, str]]:
    """The lines of a box: each as it is shown, and whole. The last is what became of it, where a run is shown."""
    name = one.stage.id
    lines = [(cut(name, _NAME, _WORDS, bold=True), name)]
    lines += [(cut(line, _SAID, _WORDS), line) for line in words(one)]
    return [*lines, *([(outcome.words(), outcome.words())] if outcome else [])]


def _size(lines: Sequence[tuple[str, str]]) -> tuple[float, float]:
    widest = max(width_of(lines[0][0], _NAME, bold=True), *(width_of(line, _SAID) for line, _ in lines), 60.0)
    return widest + 2 * _PAD + 4, len(lines) * _LINE + _PAD


def _edges(resolved: Resolved) -> tuple[tuple[str, ...], list[Edge]]:
    """The boxes in an order in which all edges lead on, and the edges.

    A stage that uses text of one which needs it, or uses it in turn, has no place below that one: that line is left out
    (its box's tooltip has it).
    """
    there = set(resolved.order)
    after: dict[str, set[str]] = {name: set() for name in resolved.order}
    found = []
    for one, other in resolved.edges:
        if {one, other} <= there:
            found.append(Edge(one, other))
            after[one].add(other)
    for one, other in used(resolved):
        if not _leads(other, one, after):
            found.append(Edge(one, other, dotted=True))
            after[one].add(other)
    return _sorted(resolved.order, after), found


def _leads(start: str, end: str, after: dict[str, set[str]]) -> bool:
    waiting, seen = [start], set[str]()
    while waiting:
        at = waiting.pop()
        if at == end:
            return True
        if at not in seen:
            seen.add(at)
            waiting += after[at]
    return False


def _sorted(order: Sequence[str], after: dict[str, set[str]]) -> tuple[str, ...]:
    left = {name: sum(name in following for following in after.values()) for name in order}
    found: list[str] = []
    while left:
        name = next(name for name in left if not left[name])
        found.append(name)
        del left[name]
        for following in after[name]:
            left[following] -= 1
    return tuple(found)


def _told(resolved: Resolved, edges: Sequence[Edge], ran: RunOutcome | None) -> str:
    """The picture in words, for those who cannot see it."""
    parts = []
    for name in resolved.order:
        needs = [edge.start for edge in edges if edge.end == name and not edge.dotted]
        became = f" ({ran.stages[name].words()})" if ran else ""
        parts.append(f"{name}{became} after {', '.join(needs)}" if needs else f"{name}{became}")
    number = len(resolved.order)
    told = f"{number} stage{'' if number == 1 else 's'}: {'; '.join(parts)}."
    return f"{told} {'. '.join([ran.sentence(), *ran.since()])}." if ran else told


# -- lines ----------------------------------------------------------------------------------------------------------


def _lines(place: Place, *, dotted: bool) -> Iterator[str]:
    kind, tip = ("uses", "open") if dotted else ("edge", "tip")
    start = place.y + place.height
    if place.name is None and place.dotted == dotted:
        yield f'<path class="{kind}" d="M{place.middle:.1f} {place.y:.1f}V{start:.1f}"/>'
    for lower in place.dotted_below if dotted else place.below:
        x, to = _port(place, dotted), _port(lower, dotted)
        end = lower.y - (2 if lower.name else 0)
        bend = (end - start) / 2
        marker = f' marker-end="url(#{tip})"' if lower.name else ""
        yield (
            f'<path class="{kind}" d="M{x:.1f} {start:.1f}C{x:.1f} {start + bend:.1f} '
            f'{to:.1f} {end - bend:.1f} {to:.1f} {end:.1f}"{marker}/>'
        )


def _port(place: Place, dotted: bool) -> float:
    """Where lines meet a box: dotted ones at its left, so that none of them is taken for another."""
    return place.x + 16 if dotted and place.name else place.middle


# -- boxes ----------------------------------------------------------------------------------------------------------


def _box(
    place: Place, one: ResolvedStage, lines: Sequence[tuple[str, str]], outcome: StageOutcome | None
) -> Iterator[str]:
    x, y, width, height = place.x, place.y, place.width, place.height
    rect = f'width="{width:.1f}" height="{height:.1f}" rx="6"'
    yield '<g class="stage">'
    yield f"<title>{_text(_tooltip(one, outcome))}</title>"
    if one.axes:  # one box for many units: a second rim shows behind it
        yield f'<rect class="box" x="{x + 4:.1f}" y="{y + 4:.1f}" {rect}/>'
    yield f'<rect class="box" x="{x:.1f}" y="{y:.1f}" {rect}/>'
    kind = "app" if one.stage.app else "code"
    yield f'<rect class="{kind}" x="{x:.1f}" y="{y + 6:.1f}" width="4" height="{height - 12:.1f}" rx="1"/>'
    for number, (line, _) in enumerate(lines):
        at = y + _PAD / 2 + (number + 0.72) * _LINE
        text = _ended(line, outcome) if outcome and number == len(lines) - 1 else _text(line)
        yield f'<text class="{"said" if number else "name"}" x="{x + _PAD + 2:.1f}" y="{at:.1f}">{text}</text>'
    yield "</g>"


def _ended(line: str, outcome: StageOutcome) -> str:
    """What became of a stage, sign and word in the colour of its state."""
    ended = outcome.ended()
    kind = "good" if outcome.state in GOOD else "bad" if outcome.state == FAILED else "warn"
    if not outcome.state or not line.startswith(ended):
        return _text(line)
    return f'<tspan class="{kind}">{_text(ended)}</tspan>{_text(line.removeprefix(ended))}'


def _tooltip(one: ResolvedStage, outcome: StageOutcome | None) -> str:
    """What a pointer that rests on a box is told: the whole words, what the stage takes, gives and uses."""
    stage = one.stage
    lines = [stage.id, *words(one)]
    taken = ", ".join(dict.fromkeys(source.name for source in one.inputs))
    lines += [f"takes {taken}"] if taken else []
    lines += [f"gives {', '.join(stage.outputs)}"] if stage.outputs else []
    lines += [f"uses {', '.join(names)} of {other}" for other, names in stage.uses.items() if names]
    if outcome is not None:
        lines.append(outcome.words())
        lines += [f"changed since: {', '.join(outcome.changed)}"] if outcome.changed else []
    return "\n".join(lines)


def _key(x: float, y: float, *, dotted: bool, apps: bool) -> tuple[list[str], float]:
    """What colours and dots mean, where there are several; and how wide that is."""
    rows: list[str] = []
    said = [("app", "an app")] if apps else []
    said += [("uses", "text used again: imports, functions, constants")] if dotted else []
    for kind, text in said:
        if kind == "uses":
            rows.append(f'<path class="uses" d="M{x:.1f} {y:.1f}h26" marker-end="url(#open)"/>')
            x += 36
        else:
            rows.append(f'<rect class="{kind}" x="{x:.1f}" y="{y - 7:.1f}" width="4" height="14" rx="1"/>')
            x += 12
        rows.append(f'<text class="said" x="{x:.1f}" y="{y + 4:.1f}">{text}</text>')
        x += width_of(text, _SAID) + 24
    return rows, x


def _caption(x: float, y: float, ran: RunOutcome | None) -> tuple[list[str], float]:
    """Which run it is, and what is another since; and how wide that is."""
    if ran is None:
        return [], 0.0
    shown = [cut(line, _SAID, WIDEST - x) for line in (ran.sentence(), *ran.since())]
    rows = [
        f'<text class="said" x="{x:.1f}" y="{y + number * _LINE + 4:.1f}">{_text(line)}</text>'
        for number, line in enumerate(shown)
    ]
    return rows, max(width_of(line, _SAID) for line in shown) + 2 * x


def _text(words_: str) -> str:
    """Words as XML, without the signs that no XML may hold."""
    return escape("".join(one if one >= " " or one == "\n" else " " for one in words_))
