"""A benchmark as a picture: what a run takes in each mode, and what each phase takes with each kernel."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from agilab.contracts.benchmark import Benchmark, BenchmarkCase, Spread

WIDTH, LEFT, RIGHT = 760, 170, 90
BAR, LINE = 12, 18
COLOURS = {  # on a light ground, on a dark one
    "ground": ("#ffffff", "#0d1117"),
    "ink": ("#1f2328", "#e6edf3"),
    "dim": ("#59636e", "#9aa5b1"),
    "grey": ("#8c959f", "#6e7681"),
    "blue": ("#0969da", "#4493f8"),
    "ochre": ("#9a6700", "#d29922"),
    "green": ("#1a7f37", "#3fb950"),
    "violet": ("#8250df", "#ab7df8"),
    "pink": ("#bf3989", "#db61a2"),
}
PARTS = {"start": "ochre", "work": "blue", "end": "grey"}
SHADES = ("blue", "ochre", "green", "violet", "pink", "dim")
"""Of kernels, told apart by colour and by name."""


def chart(document: Benchmark) -> str:
    """The benchmark as SVG; the bytes depend on the document alone."""
    drawing = _Drawing(f"Benchmark of {document.app.name}: seconds of each part of a run by mode")
    app, repeat = document.app.name, document.repeat
    drawing.title(
        f"{app}: seconds for a run, median of {repeat}; the thin line is the quickest to the slowest"
    )
    drawing.key(
        {name: colour for name, colour in PARTS.items() if any(name in c.parts for c in document.cases)}
    )
    longest = max(case.total.max for case in document.cases)
    for rows in dict.fromkeys(case.rows for case in document.cases):
        if rows is not None:
            drawing.heading(f"{rows:,} rows")
        for case in (case for case in document.cases if case.rows == rows):
            drawing.bar(_name(case), _parts(case), case.total, longest)
    timed = same_place(document.cases)
    if timed and timed[0].phases:
        _phases(drawing, timed)
    return drawing.text()


def _phases(drawing: _Drawing, cases: Sequence[BenchmarkCase]) -> None:
    """What the app timed itself, with each kernel beside the others."""
    first = cases[0]
    where = f"{first.mode}, {first.rows:,} rows" if first.rows else first.mode
    drawing.gap()
    drawing.title(f"where the units' seconds go, all units together ({where})")
    longest = max(spread.max for case in cases for spread in case.phases.values())
    for phase in (name for name in first.phases if all(name in case.phases for case in cases)):
        drawing.heading(phase)
        for at, case in enumerate(cases):
            spread = case.phases[phase]
            drawing.bar(
                case.kernel or case.mode, [(spread.median, SHADES[at % len(SHADES)])], spread, longest
            )


def same_place(cases: Sequence[BenchmarkCase]) -> list[BenchmarkCase]:
    """The largest size in the plainest mode (local, few workers), a case for each kernel."""
    base = min(cases, key=lambda case: (case.executor != "local", case.workers, -(case.rows or 0)))
    return [case for case in cases if (case.mode, case.rows) == (base.mode, base.rows)]


def _name(case: BenchmarkCase) -> str:
    return f"{case.mode} {case.kernel}" if case.kernel else case.mode


def _parts(case: BenchmarkCase) -> list[tuple[float, str]]:
    """What to draw one after the other: the medians of the parts, made to add up to the median of the whole."""
    total = sum(spread.median for spread in case.parts.values())
    if not total:
        return [(case.total.median, PARTS["work"])]
    scale = case.total.median / total
    return [(case.parts[name].median * scale, colour) for name, colour in PARTS.items() if name in case.parts]


class _Drawing:
    """Lines of an SVG from top to bottom."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._y = 12.0
        self._body: list[str] = []

    def title(self, text: str) -> None:
        self._y += 12
        self._write(12, self._y, text, weight="bold")
        self._y += 14

    def heading(self, text: str) -> None:
        self._y += 16
        self._write(12, self._y, text, colour="dim")
        self._y += 4

    def gap(self) -> None:
        self._y += 20

    def key(self, colours: dict[str, str]) -> None:
        x = 12.0
        self._y += 8
        for name, colour in colours.items():
            self._body.append(
                f'<rect x="{x}" y="{self._y - 9}" width="10" height="10" fill="var(--{colour})"/>'
            )
            self._write(x + 14, self._y, name)
            x += 70
        self._y += 6

    def bar(self, name: str, parts: Sequence[tuple[float, str]], spread: Spread, longest: float) -> None:
        """A bar of parts with a line from the least to the most, and the median as a number."""
        scale = (WIDTH - LEFT - RIGHT) / (longest or 1.0)
        self._y += 4
        x = float(LEFT)
        self._write(LEFT - 8, self._y + 10, name, anchor="end")
        for value, colour in parts:
            width = value * scale
            place = f'x="{x:.1f}" y="{self._y:.1f}" width="{max(width, 0.5):.1f}" height="{BAR}"'
            self._body.append(f'<rect {place} fill="var(--{colour})"/>')
            x += width
        low, high, middle = LEFT + spread.min * scale, LEFT + spread.max * scale, self._y + BAR / 2
        self._body.append(
            f'<path d="M{low:.1f} {middle}H{high:.1f}" stroke="var(--ink)" stroke-width="1.5"/>'
        )
        self._write(max(x, high) + 6, self._y + 10, _seconds(spread.median))
        self._y += LINE - 4

    def text(self) -> str:
        """The whole picture."""
        height = self._y + 14
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" width="{WIDTH}" '
            f'height="{height:.0f}" style="max-width:100%;height:auto" role="img" font-family="system-ui, sans-serif" '
            'font-size="12">'
        )
        ground = f'<rect width="{WIDTH}" height="{height:.0f}" fill="var(--ground)"/>'
        name = f"<title>{escape(self._name)}</title>"
        return "\n".join([head, name, f"<style>{_style()}</style>", ground, *self._body, "</svg>", ""])

    def _write(
        self,
        x: float,
        y: float,
        text: str,
        *,
        anchor: str = "start",
        colour: str = "ink",
        weight: str = "normal",
    ) -> None:
        self._body.append(
            f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="var(--{colour})" font-weight="{weight}">'
            f"{escape(text)}</text>"
        )


def _style() -> str:
    light, dark = (";".join(f"--{name}:{pair[at]}" for name, pair in COLOURS.items()) for at in (0, 1))
    return f"svg{{color-scheme:light dark;{light}}}@media(prefers-color-scheme:dark){{svg{{{dark}}}}}"


def _seconds(value: float) -> str:
    if value >= 0.1:
        return f"{value:.2f} s"
    return f"{value * 1000:.0f} ms" if value >= 0.01 else f"{value * 1000:.1f} ms"
