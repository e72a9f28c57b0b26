"""Matplotlib's backend in a stage: figures go into files, and `show()` ends them, as it does in a notebook.

Agg's own `show()` does nothing, so that what is drawn after it would go into the figure that was shown. Known to
Matplotlib as `module://agi_node.shown`.
"""

from __future__ import annotations

from typing import Any

from matplotlib import pyplot  # noqa: TID253  # Matplotlib itself imports this module
from matplotlib.backend_bases import FigureManagerBase  # noqa: TID253
from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: TID253

from agi_node import pictures
from agi_node.keeping import keep_figures
from agi_node.tracker import active_run

__all__ = ["FigureCanvas", "FigureManager", "show"]


class FigureManager(FigureManagerBase):
    """Tells of each figure that is closed."""

    def destroy(self) -> None:
        pictures.closed(self.canvas.figure)
        super().destroy()


class FigureCanvas(FigureCanvasAgg):
    """Agg's, with that manager."""

    manager_class: Any = FigureManager


def show(*_args: Any, **_options: Any) -> None:
    """Keep all open figures as artifacts of the run at work, and close them."""
    run = active_run()
    if run is not None:
        keep_figures(run)
    pyplot.close("all")
