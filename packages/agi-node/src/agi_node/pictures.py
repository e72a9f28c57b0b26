"""What was drawn and seen, while a notebook and its stages are compared: each figure as it was when it ended.

A figure ends with its cell, or when it is shown. Most are bound to no name, or to one that is another figure's later.
"""

from __future__ import annotations

import json
import sys
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agi_node.asked import FORMS, PLAIN, asked, form_of
from agi_node.displayed import DISPLAY, RESULT, Displays, count_threads_anew, is_widget, made_by
from agi_node.forms import (
    ITSELF,
    PRETTY,
    Bundle,
    by_itself,
    is_chart,
    pretty_of,
    shows_itself,
    taken,
    text_of,
)

MOST, CLOSED = 200, 50
"""Pictures of a stage or a cell that are looked at, and those that its code closed."""
BY = "shown by"
"""In the metadata of an output: the package that showed it, where no code of the notebook did."""
Told = dict[str, Any]
Version = tuple[int, Told]


class Pictures:
    """Responsible for: a fingerprint of each figure with axes that ends. Not for: whose it is."""

    def __init__(self, folder: Path) -> None:
        self.found: list[list[Version]] = []
        """Of each figure the cell with which it ended, as it was then; and later cells that drew in it all the same."""
        self.closed: list[int] = []
        """Which of them the code of a stage closed; whether its cell had ended by then is not known there."""
        self._folder = folder
        self._figures: list[Any] = []

    def see(self, figure: Any, cell: int = 0) -> None:
        """Take a figure as it is now; one that was seen in this cell before is taken as it is now instead."""
        if not figure.get_axes():
            return
        known = self._place(figure)
        if known is not None and self.found[known][0][0] == cell:
            self.found[known] = [(cell, self._told(figure))]
        elif sum(one[0][0] == cell for one in self.found) - len(self.closed) < MOST:
            if known is not None:  # it is a picture of this cell too, and what comes is told of that one
                self._figures[known] = _gone
            self._figures.append(weakref.ref(figure))
            self.found.append([(cell, self._told(figure))])

    def see_closed(self, figure: Any) -> None:
        """Take a figure as the code of a stage closes it, where it was not kept."""
        if self._place(figure) is None and figure.get_axes() and len(self.closed) < CLOSED:
            self.closed.append(len(self.found))
            self._figures.append(weakref.ref(figure))
            self.found.append([(0, self._told(figure))])

    def _place(self, figure: Any) -> int | None:
        return next((at for at, one in enumerate(self._figures) if one() is figure), None)

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


def closed(figure: Any) -> None:
    """A figure that is closed."""
    if _watching is not None:
        _watching.see_closed(figure)


class InJupyter:
    """The same in a notebook's kernel, whose own parts tell it of each cell and of each figure that they display."""

    def __init__(self, shell: Any, folder: str) -> None:
        self._pictures = Pictures(Path(folder, "pictures"))
        self._displays = Displays(Path.cwd())
        self._folder = Path(folder)
        self._cell = self._depth = 0
        self._is_result = self._is_seen = self._is_within = False
        self._format = shell.display_formatter.format
        self._formatters = shell.display_formatter.formatters
        self._bundles = shell.display_formatter.mimebundle_formatter
        self._format_result = shell.displayhook.compute_format_data
        self._publish = shell.display_pub.publish
        shell.display_formatter.format = self._displayed
        shell.displayhook.compute_format_data = self._result
        shell.display_pub.publish = self._published
        shell.display_pub.clear_output = _not_cleared
        count_threads_anew()
        shell.events.register("pre_run_cell", self._begins)
        shell.events.register("post_run_cell", self._ends)

    def _begins(self, *_info: Any) -> None:
        self._depth += 1
        self._cell += self._depth == 1  # a cell may run others, as %%capture does

    def _ends(self, *_info: Any) -> None:
        self._depth = max(self._depth - 1, 0)
        if not self._depth:
            self._pictures.look_again(self._cell)

    def _result(self, value: Any) -> Any:
        self._is_result = True
        try:
            return self._format_result(value)
        finally:
            self._is_result = False

    def _published(self, data: Any, metadata: Any = None, **_options: Any) -> None:
        """Everything that is displayed is an output of its own, also what takes the place of another one."""
        if taken(Bundle(data)):
            return
        by = made_by()
        if not self._is_seen:
            self._displays.see(Bundle(data), DISPLAY, self._cell, by)
        self._is_seen = self._is_within
        self._publish(data, {**(metadata or {}), BY: by} if by else metadata)

    def _displayed(self, value: Any, *args: Any, **options: Any) -> Any:
        if taken(value):
            return {}, {}
        kind, self._is_result = RESULT if self._is_result else DISPLAY, False
        told = None
        if not self._is_within:
            told = self._displays.begin(value, kind, self._cell, made_by() if kind == DISPLAY else "")
            if shows_itself(value) and not is_widget(value) and (said := by_itself(value)) is not None:
                if told is not None:
                    self._displays.end(told, value, {ITSELF: said})
                return {}, {}  # it has done so, and what it showed is told
        helpers = sys.modules.get("matplotlib._pylab_helpers")
        managers = helpers.Gcf.get_all_fig_managers() if helpers is not None else ()
        if any(one.canvas.figure is value for one in managers):  # no other is a picture of its cell
            self._pictures.see(value, self._cell)
        within, self._is_within = self._is_within, True
        self._is_seen = True  # it may publish more by itself
        try:
            found = self._format(value, *args, **options)
            if told is not None:
                self._displays.end(told, value, self._said(value, found[0]))
        finally:
            self._is_within = within
        self._is_seen = within or (kind == DISPLAY and bool(found[0]))
        return found

    def _said(self, value: Any, formats: Mapping[str, Any]) -> Told:
        """What a value said when IPython asked it, `formats`.

        Functions that are registered for its class are the kernel's alone: in their place it says it by its own hook.
        """
        if is_chart(value):
            return {PLAIN: text_of(value)}
        found = asked(value) if _is_registered(self._bundles, value) else dict(formats)
        for media in FORMS.keys() & found.keys():
            if _is_registered(self._formatters[media], value):
                found[media] = form_of(value, media)
        if self._formatters[PLAIN].pprint:  # the code has asked for it, by %pprint
            found[PLAIN] = text_of(value)
        return {**found, PRETTY: pretty} if (pretty := pretty_of(value)) is not None else found

    def write(self) -> None:
        """Write for each figure `[[number of the cell among those that ran, fingerprint]]`, and what else was shown."""
        self._folder.mkdir(parents=True, exist_ok=True)
        for name, found in (("pictures", self._pictures.found), ("displays", self._displays.found)):
            (self._folder / f"{name}.json").write_text(json.dumps(found), encoding="utf-8")


def _is_registered(formatter: Any, value: Any) -> bool:
    """Whether somebody's function answers for a value in the place of its own hook."""
    try:
        formatter.lookup(value)
    except KeyError:
        return False
    return True


def _not_cleared(wait: bool = False) -> None:
    """In place of what takes back what a cell printed: a stage cannot."""
