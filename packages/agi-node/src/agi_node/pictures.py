"""What was drawn and seen, while a notebook and its stages are compared: each figure as it was when it ended.

A figure ends with its cell, or when it is shown. Most are bound to no name, or to one that is another figure's later.
"""

from __future__ import annotations

import json
import sys
import weakref
from pathlib import Path
from typing import Any

MOST = 200
"""Pictures of a stage or a notebook that are looked at."""
Told = dict[str, Any]
Version = tuple[int, Told]


class Pictures:
    """Responsible for: a fingerprint of each figure with axes that ends. Not for: whose it is."""

    def __init__(self, folder: Path) -> None:
        self.found: list[list[Version]] = []
        """Of each figure the cell with which it ended, as it was then; and later cells that drew in it all the same."""
        self._folder = folder
        self._figures: list[Any] = []

    def see(self, figure: Any, cell: int = 0) -> None:
        """Take a figure as it is now; one that was seen in this cell before is taken as it is now instead."""
        if not figure.get_axes():
            return
        known = next((at for at, one in enumerate(self._figures) if one() is figure), None)
        if known is not None and self.found[known][0][0] == cell:
            self.found[known] = [(cell, self._told(figure))]
        elif len(self.found) < MOST:
            if known is not None:  # it is a picture of this cell too, and what comes is told of that one
                self._figures[known] = _gone
            self._figures.append(weakref.ref(figure))
            self.found.append([(cell, self._told(figure))])

    def look_again(self, cell: int) -> None:
        """Take figures that ended with an earlier cell once more, where something was drawn in them since."""
        from agi_node.outline import outline

        for known, versions in zip(self._figures, self.found, strict=True):
            figure = known()
            if figure is None or versions[0][0] == cell:
                continue
            if figure.stale or outline(figure) != versions[-1][1].get("parts"):
                versions.append((cell, self._told(figure)))

    def _told(self, figure: Any) -> Told:
        from agi_node.artifacts import Staging
        from agi_node.notebook_values import judged

        return judged("figure", figure, Staging(self._folder))


def _gone() -> None:
    """In place of a figure that is looked at elsewhere."""


_watching: Pictures | None = None


def watch(folder: Path | None) -> Pictures | None:
    """Begin to look at the figures that this process keeps; with None, end it."""
    global _watching
    _watching = Pictures(folder) if folder is not None else None
    return _watching


def kept(figure: Any) -> None:
    """A figure that is kept."""
    if _watching is not None:
        _watching.see(figure)


class InJupyter:
    """The same in a notebook's kernel, whose own parts tell it of each cell and of each figure that they display."""

    def __init__(self, shell: Any, folder: str) -> None:
        self._pictures = Pictures(Path(folder, "pictures"))
        self._file = Path(folder, "pictures.json")
        self._cell = self._depth = 0
        self._format = shell.display_formatter.format
        shell.display_formatter.format = self._displayed
        shell.events.register("pre_run_cell", self._begins)
        shell.events.register("post_run_cell", self._ends)

    def _begins(self, *_info: Any) -> None:
        self._depth += 1
        self._cell += self._depth == 1  # a cell may run others, as %%capture does

    def _ends(self, *_info: Any) -> None:
        self._depth = max(self._depth - 1, 0)
        if not self._depth:
            self._pictures.look_again(self._cell)

    def _displayed(self, value: Any, *args: Any, **options: Any) -> Any:
        helpers = sys.modules.get("matplotlib._pylab_helpers")
        managers = helpers.Gcf.get_all_fig_managers() if helpers is not None else ()
        if any(one.canvas.figure is value for one in managers):  # no other is a picture of its cell
            self._pictures.see(value, self._cell)
        return self._format(value, *args, **options)

    def write(self) -> None:
        """Write for each figure `[[number of the cell among those that ran, fingerprint]]`."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._file.write_text(json.dumps(self._pictures.found), encoding="utf-8")
