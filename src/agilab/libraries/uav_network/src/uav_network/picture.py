"""Pictures that both apps make: estimates side by side with their intervals, and queues over time."""

from collections.abc import Mapping, Sequence
from typing import Any

from .metrics import Estimate

COLOURS = ("#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377")
"""Paul Tol's bright scheme, which colour-blind readers can tell apart as well."""

Points = Mapping[str, Mapping[str, Estimate]]
"""For each series (a policy, say) an estimate for each group (a scenario)."""

Lines = Mapping[str, tuple[Sequence[float], Sequence[float]]]
"""For each series its times and values."""


def figure(points: Sequence[tuple[str, Points]], lines: Sequence[tuple[str, Lines]], title: str) -> Any:
    """A Matplotlib figure: means with 95 % intervals in the upper row, a panel of lines for each entry below."""
    from matplotlib.figure import Figure

    made = Figure(figsize=(9, 5.4), layout="constrained")
    upper, lower = made.subfigures(2, 1, squeeze=False)[:, 0]
    upper.suptitle(title, fontsize=11)
    for axes, (label, estimates) in zip(
        upper.subplots(1, len(points), squeeze=False)[0], points, strict=True
    ):
        _draw_points(axes, label, estimates)
    panels = lower.subplots(1, len(lines), squeeze=False, sharey=True)[0]
    for axes, (label, series) in zip(panels, lines, strict=True):
        _draw_lines(axes, label, series)
    panels[0].set_ylabel("packets at the relay")
    handles, labels = upper.axes[0].get_legend_handles_labels()
    lower.legend(handles, labels, loc="outside lower center", ncols=len(labels), fontsize=9, frameon=False)
    return made


def _draw_points(axes: Any, label: str, points: Points) -> None:
    groups = list(dict.fromkeys(group for estimates in points.values() for group in estimates))
    apart = 0.5 / len(points)
    for at, (name, estimates) in enumerate(points.items()):
        shown = [(x, estimates[group]) for x, group in enumerate(groups) if group in estimates]
        shown = [(x, estimate) for x, estimate in shown if estimate.mean is not None]
        axes.errorbar(
            [x + (at - (len(points) - 1) / 2) * apart for x, _ in shown],
            [estimate.mean for _, estimate in shown],
            yerr=[estimate.half_width_95 or 0.0 for _, estimate in shown],
            fmt="o",
            markersize=5,
            capsize=4,
            color=COLOURS[at % len(COLOURS)],
            label=name,
        )
    axes.set_xticks(range(len(groups)), groups, fontsize=8 if len(groups) < 5 else 6)
    axes.set_xlim(-0.6, len(groups) - 0.4)
    axes.set_title(label, fontsize=10)
    axes.grid(axis="y", linewidth=0.4)
    axes.spines[["top", "right"]].set_visible(False)


def _draw_lines(axes: Any, label: str, series: Lines) -> None:
    for at, (times, values) in enumerate(series.values()):
        axes.plot(times, values, drawstyle="steps-post", linewidth=0.9, color=COLOURS[at % len(COLOURS)])
    axes.set_title(label, fontsize=9)
    axes.set_xlabel("time (s)")
    axes.spines[["top", "right"]].set_visible(False)
