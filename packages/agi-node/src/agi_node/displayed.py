"""What code shows; and while a notebook and its stages are compared, each value as it was then (`agi_node.forms`)."""

from __future__ import annotations

import contextlib
import itertools
import re
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from agi_node.drawings import is_drawn
from agi_node.forms import (
    LONGEST,
    PLAIN,
    WIDGET_MEDIA,
    Bundle,
    cut,
    forms_of,
    shows_itself,
    taken,
    text_of,
)
from agi_node.values import scrub

WHOLE, ALL, TOLD = 500, 4_000_000, 5_000
"""Displays of a cell or a stage that are told whole, and their letters, beyond which digests do; all that are told."""
MOST = 500
"""Items of a value whose addresses are known."""
RESULT, DISPLAY, WIDGET, MORE = "result", "display", "widget", "more"
"""What is told of; `MORE` stands for displays that are only counted."""
_SHOWING = frozenset({"IPython", "ipykernel", "agi_node", "contextlib", "decorator", "traitlets"})
_ADDRESS = re.compile(r"\b0x[0-9a-fA-F]{5,}\b")
Shown = dict[str, Any]


def display(*values: Any, **_options: Any) -> None:
    """What notebooks show: here, in the log."""
    for value in values:
        if not taken(value):
            _printed(value)
            seen(value)


def _printed(value: Any) -> None:
    """Print a value; one that shows itself does so, unless that is being compared."""
    if is_widget(value) or (isinstance(value, Bundle) and PLAIN not in value.bundle):
        return
    if not shows_itself(value):
        print(text_of(value))
    elif _watching is None:
        try:
            value._ipython_display_()
        except Exception:  # it may need a notebook around it
            print(text_of(value))


def _without_addresses(text: str, value: Any) -> str:
    """A text without the addresses at which the value, and what it holds, stand in memory; other such numbers stay.

    >>> shown = [object(), 0xABCDE]
    >>> _without_addresses(f"{shown} {0xABCDE:#x}", shown)
    '[<object object at 0x…>, 703710] 0xabcde'
    """
    if "0x" not in text:
        return text
    known, rest = {id(value)}, [value]
    while rest and len(known) < MOST:
        one = rest.pop()
        inner = [*one, *one.values()] if isinstance(one, dict) else one
        if isinstance(one, (dict, list, tuple, set, frozenset)):
            rest += (new for new in inner if id(new) not in known)
            known.update(map(id, inner))
    return _ADDRESS.sub(lambda found: "0x…" if int(found[0], 16) in known else found[0], text)


def made_by() -> str:
    """The installed package whose code shows something just now; empty where it is that of a notebook or a stage."""
    frame = sys._getframe(1)
    while frame.f_back is not None:
        package = str(frame.f_globals.get("__name__", "")).partition(".")[0]
        if package not in _SHOWING:
            installed = {"site-packages", "dist-packages"} & {*Path(frame.f_code.co_filename).parts}
            return package if installed else ""
        frame = frame.f_back
    return ""


class Displays:
    """Responsible for: each value that is shown, as it is then. Not for: printing it."""

    def __init__(self, folder: Path) -> None:
        self.found: list[Shown] = []
        self._folder = str(folder)
        self._letters: Counter[int] = Counter()
        self._numbers: Counter[int] = Counter()

    def see(self, value: Any, kind: str, cell: int = 0, by: str = "") -> None:
        """Take a value as it is now; figures are looked at elsewhere (`agi_node.pictures`).

        `by` is the package that shows it, where the code does not.
        """
        if value is None or (is_drawn(value) and hasattr(value, "get_axes")):
            return
        self._numbers[cell] += (
            kind == DISPLAY
        )  # the statements of a text come to an end, what a loop shows may not
        if kind == DISPLAY and self._numbers[cell] > TOLD:
            self._count(cell)
        elif is_widget(value):
            self.found.append({"cell": cell, "kind": WIDGET, "forms": {}})
        else:
            made = {"by": by} if by else {}
            self.found.append({"cell": cell, "kind": kind, "forms": self._forms(value, cell), **made})

    def _forms(self, value: Any, cell: int) -> dict[str, str]:
        text = scrub(text_of(value), sys.maxsize)
        whole = self._numbers[cell] <= WHOLE and self._letters[cell] <= ALL
        forms = {
            media: cut(_without_addresses(form, value).replace(self._folder, "."), LONGEST if whole else 0)
            for media, form in {PLAIN: text, **forms_of(value)}.items()
        }
        self._letters[cell] += sum(map(len, forms.values()))
        return forms

    def _count(self, cell: int) -> None:
        if self._numbers[cell] == TOLD + 1:
            self.found.append({"cell": cell, "kind": MORE, "forms": {}, "number": 0})
        last = next(one for one in reversed(self.found) if one["kind"] == MORE)
        last["number"] += 1


def is_widget(value: Any) -> bool:
    """Whether it is drawn by a page that talks with the process: its text says how far it has come by then."""
    if isinstance(value, Bundle):
        return WIDGET_MEDIA in value.bundle
    widgets = sys.modules.get("ipywidgets")
    return widgets is not None and isinstance(value, widgets.Widget)


_watching: Displays | None = None


@contextlib.contextmanager
def watch(folder: Path, *, wanted: bool) -> Iterator[Displays | None]:
    """Look at what this process shows meanwhile, with the folder as `.`.

    Also what IPython's own `display` shows, to which libraries go that the code imports.
    """
    global _watching
    if not wanted:
        yield None
        return
    _watching = Displays(folder)
    count_threads_anew()
    with _in_place_of_ipython():
        try:
            yield _watching
        finally:
            _watching = None


def count_threads_anew() -> None:
    """Python names threads by a number that it counts up: a kernel has made some of its own, a stage has not."""
    if hasattr(threading, "_counter"):  # so it is from 3.11 to 3.14
        threading._counter = itertools.count(1).__next__


def seen(value: Any, kind: str = DISPLAY) -> Any:
    """A value that is shown; returns it."""
    if _watching is not None:
        _watching.see(value, kind, by=made_by() if kind == DISPLAY else "")
    return value


@contextlib.contextmanager
def _in_place_of_ipython() -> Iterator[None]:
    """Without a kernel IPython prints what it is to display in words of its own, and clears a terminal."""
    try:
        import IPython.core.display_functions as functions
        import IPython.display as named
    except Exception:  # there is none here, or somebody's that is broken
        yield
        return

    def displayed(*values: Any, **options: Any) -> Any:
        if options.get("raw"):
            values = tuple(Bundle(one) if isinstance(one, dict) else one for one in values)
        for value in values:
            if taken(value):
                continue
            if not made_by():  # what libraries show is told apart
                _printed(value)
            seen(value)
        if options.get("display_id") and not options.get("update"):
            handle: Any = functions.DisplayHandle
            return handle(str(options["display_id"]))
        return None

    def published(data: Any, *_args: Any, **_options: Any) -> None:
        displayed(data, raw=True)

    ours: dict[str, Any] = {
        "display": displayed,
        "publish_display_data": published,
        "clear_output": lambda wait=False: None,
    }
    before = [(module, name, getattr(module, name)) for module in (functions, named) for name in ours]
    for module, name, _ in before:
        setattr(module, name, ours[name])
    try:
        yield
    finally:
        for module, name, own in before:
            setattr(module, name, own)
