"""Charts in rows, a title above, a legend below: one picture."""

from collections.abc import Iterator, Sequence
from xml.sax.saxutils import escape

from .charts import Area, Chart, Mark, draw
from .style import COLOURS, FITTED, GROUND, INK, Colour, colour, fitted, style, text, width_of

WIDTH, MARGIN, TITLE, LEGEND, KEY, GAP = 1000, 16, 44, 34, 22, 10
RULES = (
    "text{font:12px system-ui,sans-serif;fill:var(--s)}.t{font-size:16px;font-weight:600;fill:var(--i)}"
    ".c{font-size:13px;fill:var(--i)}path,polyline{fill:none;stroke-width:1.6}path{stroke-width:1}"
    ".k{stroke-width:4}.a{stroke-width:12;stroke-opacity:.2}"
)


def sheet(
    title: str,
    *rows: Sequence[Chart],
    heights: Sequence[float] = (),
    width: int = WIDTH,
    colours: Sequence[Colour] = COLOURS,
) -> str:
    """An SVG of charts: every row fills the width.

    `heights` are those of the rows (px), 260 each if none is given. The legend names each mark that has a name, once.
    """
    tops, at = [], float(TITLE)
    heights = heights or [260.0] * len(rows)
    for height in heights:
        tops.append(at)
        at += height + GAP
    named = {mark.name: mark for row in rows for chart in row for mark in chart.marks if mark.name}
    parts = [
        draw(chart, left, top, wide, height)
        for row, top, height in zip(rows, tops, heights, strict=True)
        for chart, (left, wide) in zip(row, _across(row, width), strict=True)
    ]
    keys = _rows(list(named.values()), width - 2 * MARGIN)
    legend = "".join(part for row, marks in enumerate(keys) for part in _legend(marks, at + KEY * row, width))
    whole = round(at + (LEGEND + KEY * (len(keys) - 1) if keys else 0))
    head = text(MARGIN, 28, fitted(title, width - 2 * MARGIN, 18.5), kind="t")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {whole}" width="{width}" height="{whole}" '
        f'{FITTED} role="img"><title>{escape(title)}</title>{style(colours, RULES)}'
        f'<rect width="{width}" height="{whole}" fill="{GROUND}"/>{head}'
        f"{''.join(parts)}{legend}</svg>\n"
    )


def _across(row: Sequence[Chart], width: int) -> Iterator[tuple[float, float]]:
    """Where each chart of a row begins, and how wide it is."""
    shares = sum(chart.share for chart in row)
    left, room = float(MARGIN), width - 2 * MARGIN - GAP * (len(row) - 1)
    for chart in row:
        wide = room * chart.share / shares
        yield left, wide
        left += wide + GAP


def _rows(marks: Sequence[Mark], room: float) -> list[list[Mark]]:
    """The marks of a legend in lines that are no wider than `room` (px)."""
    rows: list[list[Mark]] = []
    left = 0.0
    for mark in marks:
        wide = _wide(mark)
        if not rows or left + wide > room:
            rows.append([])
            left = 0.0
        rows[-1].append(mark)
        left += wide
    return rows


def _wide(mark: Mark) -> float:
    return 52 + max(7.0 * len(mark.name), width_of(mark.name))


def _legend(marks: Sequence[Mark], top: float, width: float) -> Iterator[str]:
    left = float(MARGIN + 4)
    for mark in marks:
        ink = INK if mark.colour is None else colour(mark.colour)
        kind = "a" if isinstance(mark, Area) else "k"
        yield f'<path class="{kind}" stroke="{ink}" d="M{left:.5g} {top + 12:.5g}h22"/>'
        yield text(left + 29, top + 16, fitted(mark.name, width - left - 29 - MARGIN))
        left += _wide(mark)
