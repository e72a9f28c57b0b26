"""Figures of Matplotlib beside each other: by their pictures, and by what is drawn in them.

Their own fields will not do: they hold numbers of objects in memory, and caches of whoever drew them last.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any
from weakref import WeakKeyDictionary

MOST_AXES = 200
NUMBER_OF = "number_of_"
"""Before the name of a part that is counted."""
SETTINGS: MutableMapping[Any, Mapping[str, Any]] = WeakKeyDictionary()
"""By figure Matplotlib's settings when people saw it; of others those count that are set when they are drawn."""


def figure_of(value: Any) -> Any:
    """The figure that something of Matplotlib is, or is drawn in; None for everything else."""
    artist = sys.modules.get("matplotlib.artist")
    if artist is None or not isinstance(value, artist.Artist):
        return None
    figure = value.get_figure() if hasattr(value, "get_figure") else None
    while figure is not None and getattr(figure, "figure", figure) not in (figure, None):
        figure = figure.figure  # of a figure within a figure
    return figure


def is_drawn(value: Any) -> bool:
    """Whether it is of Matplotlib: a figure, axes, a line; also one that was taken out of its figure."""
    artist = sys.modules.get("matplotlib.artist")
    return artist is not None and isinstance(value, artist.Artist)


def picture_of(figure: Any) -> str:
    """SHA-256 of the pixels that a figure becomes; its canvas is as it was afterwards.

    Ticks, among others, are chosen anew each time, by the settings of then: `SETTINGS`.
    """
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = figure.canvas
    settings: Any = {name: one for name, one in SETTINGS.get(figure, {}).items() if name != "backend"}
    try:
        with rc_context(settings):
            drawn: Any = FigureCanvasAgg(figure)
            drawn.draw()
        pixels = drawn.buffer_rgba()
        size = f"{drawn.get_width_height()}"
    finally:
        figure.set_canvas(canvas)
    return hashlib.sha256(size.encode() + bytes(pixels)).hexdigest()


def drawn_in(figure: Any) -> Iterator[tuple[str, Any]]:
    """What is drawn in a figure, each part with its place: texts, and the numbers of lines, points, bars and images."""
    yield "size", [float(side) for side in figure.get_size_inches()]
    yield from _texts("", figure.texts)
    axes = figure.axes
    yield f"{NUMBER_OF}axes", len(axes)
    for number, each in enumerate(axes[:MOST_AXES]):
        yield from _axes(f"axes[{number}]", each)


def _axes(place: str, axes: Any) -> Iterator[tuple[str, Any]]:
    for name in ("title", "xlabel", "ylabel"):
        if (get := getattr(axes, f"get_{name}", None)) is not None:
            yield f"{place}.{name}", get()
    for name in ("lines", "collections", "patches", "images", "texts"):
        yield f"{place}.{NUMBER_OF}{name}", len(getattr(axes, name))
    for number, line in enumerate(axes.lines):
        yield f"{place}.lines[{number}]", _numbers(line.get_xydata())
        yield f"{place}.lines[{number}].look", [str(line.get_color()), line.get_label()]
    for number, many in enumerate(axes.collections):
        yield f"{place}.collections[{number}]", _numbers(many.get_offsets())
        if (values := many.get_array()) is not None:
            yield f"{place}.collections[{number}].array", _numbers(values)
    for number, patch in enumerate(axes.patches):
        yield f"{place}.patches[{number}]", _numbers(patch.get_path().vertices)
        yield f"{place}.patches[{number}].at", _numbers(patch.get_patch_transform().get_matrix())
    for number, image in enumerate(axes.images):
        if (values := image.get_array()) is not None:
            yield f"{place}.images[{number}]", _numbers(values)
    yield from _texts(f"{place}.", axes.texts)
    for name in ("xscale", "yscale", "xlim", "ylim"):
        if (get := getattr(axes, f"get_{name}", None)) is not None:
            found = get()
            yield f"{place}.{name}", list(map(float, found)) if name.endswith("lim") else found
    legend = axes.get_legend()
    if legend is not None:
        yield from _texts(f"{place}.legend.", legend.get_texts())


def _texts(place: str, texts: Any) -> Iterator[tuple[str, Any]]:
    for number, text in enumerate(texts):
        yield f"{place}texts[{number}]", text.get_text()


def _numbers(values: Any) -> Any:
    numpy = sys.modules["numpy"]
    if not numpy.ma.isMaskedArray(values) or values.dtype.kind not in "biuf":
        return numpy.asarray(values)
    return values.astype(float).filled(numpy.nan)
