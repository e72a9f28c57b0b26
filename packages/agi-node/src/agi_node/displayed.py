"""What code shows; and while a notebook and its stages are compared, each value as it was then (`agi_node.forms`)."""

from __future__ import annotations

import contextlib
import itertools
import re
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from agi_node.asked import PLAIN, Media, is_own, is_wanted
from agi_node.drawings import is_drawn
from agi_node.forms import (
    ITSELF,
    LONGEST,
    WIDGET_MEDIA,
    Bundle,
    ask,
    by_itself,
    cut,
    forms_of,
    is_chart,
    shows_itself,
    taken,
    text_of,
)
from agi_node.no_kernel import InPlaceOfIPython
from agi_node.values import scrub, with_folders

WHOLE, ALL, TOLD = 500, 4_000_000, 5_000
"""Displays of a cell or a stage that are told whole, and their letters, beyond which digests do; all that are told."""
MOST = 500
"""Items of a value whose addresses are known."""
RESULT, DISPLAY, WIDGET, MORE = "result", "display", "widget", "more"
"""What is told of; `MORE` stands for displays that are only counted."""
_SHOWING = frozenset({"IPython", "ipykernel", "agi_node", "contextlib", "decorator", "traitlets"})
_ADDRESS = re.compile(r"\b0x[0-9a-fA-F]{5,}\b")
Shown = dict[str, Any]


def display(*values: Any, **options: Any) -> Any:
    """What notebooks show: here, in the log, and asked for what it shows as there. Options are those of IPython's.

    Returns a handle for a `display_id`.
    """
    for value in values:
        one = Bundle(value) if options.get("raw") and isinstance(value, dict) else value
        if not taken(one):
            show(one, DISPLAY, options.get("include"), options.get("exclude"))
    known = options.get("display_id")
    return Handle(str(known)) if known and not options.get("update") else None


class Handle:
    """What `display(…, display_id=…)` returns: it shows another value, in a log below the first."""

    def __init__(self, display_id: str) -> None:
        self.display_id = display_id

    def display(self, value: Any, **options: Any) -> None:
        """Show a value."""
        display(value, **options)

    update = display


def result(value: Any) -> str | None:
    """Show what the last expression of a stage is worth; returns its text, None for None."""
    return None if value is None else show(value, RESULT)


def inner_result(value: Any, ends: bool) -> None:
    """Show what an expression above it is worth, if a cell may end there, or it is compared.

    An object of the author's own notices it: where no cell `ends`, it is not asked.
    """
    if value is not None and (ends if is_own(value) else _watching is not None):
        show(value, RESULT)


def show(value: Any, kind: str, include: Media = None, exclude: Media = None) -> str:
    """Show a value, asked for its forms once if at all, and take it as it is then where that is compared.

    Asked are objects of the author's own classes, which may notice it, and else what is compared. What their code
    raises meanwhile is told on standard error. Returns the value's text.
    """
    by = made_by() if kind == DISPLAY else ""
    told = _watching.begin(value, kind, by=by) if _watching is not None and not _asking else None
    wanted = told is not None or is_own(value)
    if shows_itself(value) and not is_widget(value) and (wanted or kind == DISPLAY) and _itself(value, told):
        return text_of(value)
    with _while_asking():
        if wanted and not (is_widget(value) or is_picture(value)):
            data = ask(value, include, exclude)
        else:
            data = {PLAIN: text_of(value)} if is_wanted(PLAIN, include, exclude) else {}
    if told is not None and _watching is not None:
        _watching.end(told, value, data)
    if kind == DISPLAY and PLAIN in data and not (_watching is not None and (by or _publishes(value))):
        _print(str(data[PLAIN]), value)
    return str(data.get(PLAIN, ""))


def _print(text: str, value: Any) -> None:
    if not (is_widget(value) or (isinstance(value, Bundle) and PLAIN not in value.bundle)):
        print(text)


def _publishes(value: Any) -> bool:
    """Whether a library shows it by itself in a notebook, as Plotly does its charts: it has no text there."""
    return is_chart(value) and callable(getattr(type(value), ITSELF, None))


def _itself(value: Any, told: Shown | None) -> bool:
    """Let an object show itself: into the log, unless that is compared. False where it says that it does not."""
    with _while_asking():
        said = by_itself(value, aside=_watching is not None)
    if said is not None and told is not None and _watching is not None:
        _watching.end(told, value, {ITSELF: said})
    return said is not None


@contextlib.contextmanager
def _while_asking() -> Iterator[None]:
    """What an object displays while it is asked is part of how it shows itself, and told of no further."""
    global _asking
    before, _asking = _asking, True
    try:
        yield
    finally:
        _asking = before


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
        """Take a value as it is now, which nobody else asks."""
        if (told := self.begin(value, kind, cell, by)) is not None:
            said = by_itself(value) if shows_itself(value) else None
            self.end(told, value, ask(value) if said is None else {ITSELF: said})

    def begin(self, value: Any, kind: str, cell: int = 0, by: str = "") -> Shown | None:
        """Take it that a value is shown now, whose forms are to come (`end`); None where nobody wants them.

        Figures are looked at elsewhere (`agi_node.pictures`). `by` is the package that shows it, where the code does
        not.
        """
        if value is None or is_picture(value):
            return None
        if kind == DISPLAY:  # the statements of a text come to an end, what a loop shows may not
            self._numbers[cell] += 1
        if kind == DISPLAY and self._numbers[cell] > TOLD:
            self._count(cell)
            return None
        told = {
            "cell": cell,
            "kind": WIDGET if is_widget(value) else kind,
            "forms": {},
            **({"by": by} if by else {}),
        }
        self.found.append(told)
        return told if told["kind"] == kind else None

    def end(self, told: Shown, value: Any, data: Mapping[str, Any]) -> None:
        """Take what a value said by media type, where it was asked."""
        cell = told["cell"]
        whole = self._numbers[cell] <= WHOLE and self._letters[cell] <= ALL
        forms = forms_of(value, data)
        if PLAIN in forms:
            forms[PLAIN] = scrub(forms[PLAIN], sys.maxsize)
        told["forms"] = {
            media: cut(with_folders(_without_addresses(form, value), self._folder), LONGEST if whole else 0)
            for media, form in forms.items()
        }
        self._letters[cell] += sum(map(len, told["forms"].values()))

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


def is_picture(value: Any) -> bool:
    """Whether it is a figure of Matplotlib's."""
    return is_drawn(value) and hasattr(value, "get_axes")


_watching: Displays | None = None
_asking = False


@contextlib.contextmanager
def watch(folder: Path, *, wanted: bool) -> Iterator[Displays | None]:
    """Look at what this process shows meanwhile, if that is `wanted`, with the folder as `.`.

    IPython's own `display`, which code imports and libraries take, does meanwhile what that of a stage does.
    """
    global _watching
    _watching = Displays(folder) if wanted else None
    if wanted:
        count_threads_anew()
    with InPlaceOfIPython(display):
        try:
            yield _watching
        finally:
            _watching = None


def count_threads_anew() -> None:
    """Python names threads by a number that it counts up: a kernel has made some of its own, a stage has not."""
    if hasattr(threading, "_counter"):  # so it is from 3.11 to 3.14
        threading._counter = itertools.count(1).__next__
