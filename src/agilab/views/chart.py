"""A timeline as a picture: cells for a terminal, or one HTML page that needs nothing else.

What is narrower than a pixel is drawn together with its neighbours, so that ten thousand units are a small page. The
bytes depend on the run alone: drawn again they are the same.
"""

from __future__ import annotations

import html
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from agilab.store.rows import iso
from agilab.views.story import counted, seconds_words
from agilab.views.timeline import Bar, Lane, Timeline

PIXELS = 1200
"""The width of a lane that a page is made for."""
REACHED = 5
"""Pixels from which a block can be reached with the keyboard; narrower ones are told by their lane."""
_GRAVITY = ("succeeded", "skipped", "running", "cancelled", "interrupted", "lost", "failed")
"""Of several states drawn as one, the last of these is shown: a failure never hides behind successes."""
_CHAIN_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Block:
    """One or more bars drawn as one. Times in microseconds since the run began."""

    start_us: int
    end_us: int
    busy_us: int
    state: str
    bars: tuple[Bar, ...]


def blocks(lane: Lane, span_us: int, pixels: int = PIXELS) -> list[Block]:
    """The bars of a lane, those below a pixel drawn together with neighbours that lie within a pixel of them.

    Bars that ended alike may make a block of any length; others share no more than a pixel or two, so that a failure
    among thousands has the colour of one.
    """
    pixel = max(1, span_us // pixels)
    found: list[Block] = []
    small: list[Bar] = []
    mixed = False
    for bar in lane.bars:
        if small:
            other = mixed or bar.state != small[0].state
            far = bar.start_us - small[-1].end_us > pixel or bar.duration_us >= pixel
            if far or (other and bar.start_us - small[0].start_us >= pixel):
                found.append(_block(small))
                small, mixed = [], False
            else:
                mixed = other
        if bar.duration_us >= pixel:
            found.append(_block([bar]))
        else:
            small.append(bar)
    return [*found, _block(small)] if small else found


def cells(lane: Lane, span_us: int, width: int) -> list[tuple[float, str]]:
    """A lane as `width` cells: how much of each it was busy (0 to 1), and the gravest state in it."""
    busy, gravest = [0.0] * width, [-1] * width
    cell = max(1, span_us) / width
    for bar in lane.bars:
        first = min(width - 1, int(bar.start_us / cell))
        # A bar that ends where a cell begins is not in it.
        last = max(first, min(width - 1, math.ceil(bar.end_us / cell) - 1))
        for number in range(first, last + 1):
            inside = min(bar.end_us, (number + 1) * cell) - max(bar.start_us, number * cell)
            busy[number] += max(0.0, inside) / cell
            gravest[number] = max(gravest[number], _GRAVITY.index(bar.state))
    return [
        (min(1.0, part), _GRAVITY[grave] if grave >= 0 else "")
        for part, grave in zip(busy, gravest, strict=True)
    ]


def ticks(span_us: int, most: int = 8) -> list[int]:
    """Round instants from 0 to the end, at most `most` of them, in microseconds.

    >>> ticks(9_500_000, 6)
    [0, 2000000, 4000000, 6000000, 8000000]
    """
    step = 1
    while span_us // step >= most:
        for factor in (2, 5, 10):
            if span_us // (step * factor) < most:
                step *= factor
                break
        else:
            step *= 10
    return list(range(0, span_us + 1, step))


def page(timeline: Timeline) -> str:
    """One HTML page: lanes, numbers, the longest units, the critical path. Light and dark, nothing is loaded."""
    return "\n".join(
        [*_head(timeline), *_lanes(timeline), *_tables(timeline), "</main>", "</body>", "</html>", ""]
    )


def _style() -> str:
    return Path(__file__).with_name("chart.css").read_text(encoding="utf-8")


def _block(bars: Sequence[Bar]) -> Block:
    return Block(
        bars[0].start_us,
        max(bar.end_us for bar in bars),
        sum(bar.duration_us for bar in bars),
        max((bar.state for bar in bars), key=_GRAVITY.index),
        tuple(bars),
    )


def _us(value: int) -> str:
    return seconds_words(value / 1e6)


def _head(timeline: Timeline) -> Iterator[str]:
    title = html.escape(f"{timeline.run_id}: who did what when")
    run, state = html.escape(timeline.run_id), html.escape(timeline.state)
    busy = sum(lane.busy_us for lane in timeline.lanes)
    whole = timeline.working_us * len(timeline.lanes)
    facts = [
        ("took", _us(timeline.span_us)),
        ("workers", f"{len(timeline.lanes):,}"),
        ("attempts", f"{timeline.bars:,}"),
        ("busy", f"{busy / whole:.0%}" if whole else "0%"),
        ("critical path", _us(timeline.critical_us)),
    ]
    if timeline.reused:
        facts.append(("reused", f"{timeline.reused:,}"))
    yield "<!doctype html>"
    yield '<html lang="en">'
    yield '<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
    yield (
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
    )
    yield f"<title>{title}</title><style>\n{_style()}</style></head>"
    yield "<body>"
    yield "<main>"
    yield f"<h1>{run}</h1>"
    began = (iso(timeline.created_us) or "")[:19].replace("T", " ")
    yield (f'<div>{html.escape(timeline.app)}, began {began} UTC, <span class="state">{state}</span></div>')
    rows = "".join(f"<div><dt>{name}</dt><dd>{html.escape(value)}</dd></div>" for name, value in facts)
    yield f'<dl class="facts">{rows}</dl>'


def _lanes(timeline: Timeline) -> Iterator[str]:
    span = max(1, timeline.span_us)
    yield "<h2>Workers</h2>"
    if not timeline.lanes:
        yield "<p>Nothing was executed.</p>"
        return
    yield '<div class="chart">'
    for lane in timeline.lanes:
        name, part = html.escape(lane.worker), f"{timeline.utilisation(lane):.0%}"
        said = html.escape(f"{lane.worker}: {_count(len(lane.bars))}, busy {part}", quote=True)
        inside = "".join(_span(block, span) for block in blocks(lane, span))
        yield (
            f'<div class="name">{name}</div>'
            f'<div class="lane" role="list" tabindex="0" aria-label="{said}">{inside}</div>'
            f'<div class="part">{part}</div>'
        )
    marks = "".join(
        f'<span style="left:{at / span:.3%}">{html.escape(_us(at) if at else "0")}</span>'
        for at in ticks(span)
        if at < span * 0.97
    )
    yield f'<div></div><div class="axis" aria-hidden="true">{marks}</div><div></div>'
    yield "</div>"
    counts: dict[str, int] = {}
    for lane in timeline.lanes:
        for bar in lane.bars:
            counts[bar.state] = counts.get(bar.state, 0) + 1
    rows = "".join(
        f'<li><i class="{state}"></i>{counts[state]:,} {state}</li>' for state in _GRAVITY if state in counts
    )
    yield f'<ul class="key" aria-label="attempts by how they ended">{rows}</ul>'


def _span(block: Block, span: int) -> str:
    left, width = block.start_us / span, (block.end_us - block.start_us) / span
    classes = [] if block.state == "succeeded" else [block.state]
    pixels = width * PIXELS
    if pixels >= REACHED:
        classes.append("wide")
    if left > 0.5:
        classes.append("late")
    said = html.escape(_said(block), quote=True)
    name = f' class="{" ".join(classes)}"' if classes else ""
    reached = pixels >= REACHED or block.state in ("failed", "lost")
    role = f' role="listitem" tabindex="0" aria-label="{said}"' if reached else ' aria-hidden="true"'
    return f'<span{name}{role} style="left:{left:.3%};width:{width:.3%}" data-say="{said}"></span>'


def _said(block: Block) -> str:
    at = f"from {_us(block.start_us)} to {_us(block.end_us)}"
    if len(block.bars) == 1:
        bar = block.bars[0]
        again = f", attempt {bar.attempt}" if bar.attempt > 1 else ""
        return f"{bar.unit_id} {bar.state}{again}, {_us(bar.duration_us)}, {at}"
    grave = [bar.unit_id for bar in block.bars if bar.state == block.state]
    how = f", {len(grave):,} {block.state} ({grave[0]})" if block.state != "succeeded" else ""
    return f"{_count(len(block.bars))}{how}, {block.bars[0].unit_id} to {block.bars[-1].unit_id}, {at}"


def _tables(timeline: Timeline) -> Iterator[str]:
    if timeline.lanes:
        yield "<h2>Longest</h2>"
        yield (
            '<table><thead><tr><th scope="col">unit</th><th scope="col">worker</th><th scope="col">ended</th>'
            '<th scope="col" class="n">began at</th><th scope="col" class="n">took</th></tr></thead><tbody>'
        )
        for bar in timeline.longest:
            again = f" (attempt {bar.attempt})" if bar.attempt > 1 else ""
            yield (
                f"<tr><td>{html.escape(bar.unit_id + again)}</td><td>{html.escape(bar.worker)}</td><td>{bar.state}</td>"
                f'<td class="n">{_us(bar.start_us)}</td><td class="n">{_us(bar.duration_us)}</td></tr>'
            )
        yield "</tbody></table>"
    if timeline.critical:
        yield f"<h2>Critical path, {_us(timeline.critical_us)}</h2>"
        yield "<p>Each of these had to wait for the one before: more workers would not shorten them.</p>"
        chain = list(timeline.critical)
        if len(chain) > _CHAIN_SHOWN:
            half = _CHAIN_SHOWN // 2
            chain = [*chain[:half], f"… {len(chain) - _CHAIN_SHOWN:,} more", *chain[-half:]]
        yield f"<ol>{''.join(f'<li>{html.escape(unit)}</li>' for unit in chain)}</ol>"


def _count(number: int) -> str:
    return counted(number, "attempt")
