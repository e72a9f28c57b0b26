"""What code shows; and while a notebook and its stages are compared, each value as it was then, in every form it has.

A form is what Jupyter asks an object for (`_repr_html_` and the like), made by this module on both sides. What a page
calls its own elements counts up in each process, or is random: `id`s are numbered anew as they come.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from agi_node.drawings import is_drawn
from agi_node.figures import PLOTLY_MEDIA
from agi_node.values import scrub

MOST, LONGEST, ALL = 500, 100_000, 4_000_000
"""Values that are told of a stage or a notebook, letters of a form, letters of all; beyond, digests stand for them."""
PLAIN, HTML = "text/plain", "text/html"
RESULT, DISPLAY, WIDGET = "result", "display", "widget"
FORMS = {
    HTML: "_repr_html_",
    "text/markdown": "_repr_markdown_",
    "text/latex": "_repr_latex_",
    "application/json": "_repr_json_",
    "application/javascript": "_repr_javascript_",
    "application/pdf": "_repr_pdf_",
    "image/svg+xml": "_repr_svg_",
    "image/png": "_repr_png_",
    "image/jpeg": "_repr_jpeg_",
}
WIDGET_MEDIA = "application/vnd.jupyter.widget-view+json"
VEGA_MEDIA = "application/vnd.vegalite+json"
_IDS = re.compile(r"""\bid\s*=\s*(?:"([^"]+)"|'([^']+)')""")
_ADDRESS = re.compile(r"\b0x[0-9a-fA-F]{5,}\b")
Shown = dict[str, Any]


def display(*values: Any, **_options: Any) -> None:
    """What notebooks show: here, in the log."""
    for value in values:
        if not is_widget(value):
            print(text_of(value))
        seen(value)


def text_of(value: Any) -> str:
    """What it says of itself, or what became of that."""
    try:
        return repr(value)
    except Exception as broken:  # the author's __repr__ is the author's code
        return f"<{type(value).__qualname__}: its text raised {type(broken).__qualname__}>"


def forms_of(value: Any) -> dict[str, str]:
    """What a value shows of itself by media type, beside its text."""
    if isinstance(value, type):
        return {}
    if hasattr(value, "to_plotly_json"):
        return {PLOTLY_MEDIA: _text(value.to_json())}
    if type(value).__module__.partition(".")[0] == "altair" and hasattr(value, "to_json"):
        return {VEGA_MEDIA: _text(value.to_json())}
    found: dict[str, Any] = {}
    bundle = _asked(value, "_repr_mimebundle_")
    bundle = bundle[0] if isinstance(bundle, tuple) and bundle else bundle
    if isinstance(bundle, dict):
        found = {str(media): one for media, one in bundle.items() if media != PLAIN}
    for media, method in FORMS.items():
        if media not in found and (form := _asked(value, method)) is not None:
            found[media] = form[0] if isinstance(form, tuple) and len(form) == 2 else form
    return {media: _form(media, one) for media, one in sorted(found.items()) if one is not None}


def _asked(value: Any, method: str) -> Any:
    """What a method of an object's class says; None where it has none. The author's code may raise anything."""
    if not hasattr(type(value), method):
        return None
    try:
        found = getattr(value, method)
        return found() if callable(found) else None
    except (AttributeError, NotImplementedError):
        return None
    except Exception as broken:
        return f"its {method} raised {type(broken).__qualname__}"


def _form(media: str, form: Any) -> str:
    if isinstance(form, (bytes, bytearray)):
        return f"#{hashlib.sha256(form).hexdigest()}"
    text = form if isinstance(form, str) else json.dumps(form, sort_keys=True, default=repr)
    return _text(_renumbered(text) if media == HTML else text)


def _text(text: str, longest: int = LONGEST) -> str:
    if len(text) <= longest:
        return text
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{text[:longest]}\n… {len(text):,} characters: #{digest}"


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


def _renumbered(html: str) -> str:
    """A page with the names of its elements, wherever they stand, numbered as they come.

    >>> _renumbered('<style>#T_a1f p {}</style><p id="T_a1f">')
    '<style>#id-1 p {}</style><p id="id-1">'
    """
    names = dict.fromkeys(one or other for one, other in _IDS.findall(html))
    if not names:
        return html
    known = {name: f"id-{number}" for number, name in enumerate(names, 1)}
    longest_first = sorted(known, key=len, reverse=True)
    pattern = "|".join(re.escape(name) for name in longest_first)
    return re.sub(rf"(?<![\w-])(?:{pattern})(?![\w-])", lambda found: known[found[0]], html)


class Displays:
    """Responsible for: each value that is shown, as it is then. Not for: printing it."""

    def __init__(self, folder: Path) -> None:
        self.found: list[Shown] = []
        self._folder = str(folder)
        self._letters = 0

    def see(self, value: Any, kind: str, cell: int = 0) -> None:
        """Take a value as it is now; figures are looked at elsewhere (`agi_node.pictures`)."""
        if value is None or len(self.found) >= MOST or (is_drawn(value) and hasattr(value, "get_axes")):
            return
        if is_widget(value):
            self.found.append({"cell": cell, "kind": WIDGET, "forms": {}})
            return
        text = _without_addresses(scrub(text_of(value), sys.maxsize), value)
        forms = {PLAIN: text, **forms_of(value)}
        room = LONGEST if self._letters < ALL else 0
        forms = {media: _text(form.replace(self._folder, "."), room) for media, form in forms.items()}
        self._letters += sum(map(len, forms.values()))
        self.found.append({"cell": cell, "kind": kind, "forms": forms})


def is_widget(value: Any) -> bool:
    """Whether it is drawn by a page that talks with the process: its text says how far it has come by then."""
    if isinstance(value, Bundle):
        return WIDGET_MEDIA in value.bundle
    widgets = sys.modules.get("ipywidgets")
    return widgets is not None and isinstance(value, widgets.Widget)


_watching: Displays | None = None


@contextlib.contextmanager
def watch(folder: Path, *, wanted: bool, code: str) -> Iterator[Displays | None]:
    """Look at what this process shows meanwhile, with the folder as `.`.

    Also what IPython's own `display` shows, where the `code` speaks of it.
    """
    global _watching
    if not wanted:
        yield None
        return
    _watching = Displays(folder)
    with _in_place_of_ipython() if "IPython" in code else contextlib.nullcontext():
        try:
            yield _watching
        finally:
            _watching = None


def seen(value: Any, kind: str = DISPLAY) -> Any:
    """A value that is shown; returns it."""
    if _watching is not None:
        _watching.see(value, kind)
    return value


@contextlib.contextmanager
def _in_place_of_ipython() -> Iterator[None]:
    """Without a kernel IPython prints what it is to display in words of its own, and clears a terminal."""
    try:
        import IPython.core.display_functions as functions
        import IPython.display as named
    except ImportError:
        yield
        return

    def displayed(*values: Any, **options: Any) -> Any:
        if options.get("raw"):
            values = tuple(Bundle(one) if isinstance(one, dict) else one for one in values)
        display(*values)
        if options.get("display_id") and not options.get("update"):
            handle: Any = functions.DisplayHandle
            return handle(str(options["display_id"]))
        return None

    ours = {"display": displayed, "clear_output": lambda wait=False: None}
    before = [(module, name, getattr(module, name)) for module in (functions, named) for name in ours]
    for module, name, _ in before:
        setattr(module, name, ours[name])
    try:
        yield
    finally:
        for module, name, own in before:
            setattr(module, name, own)


class Bundle:
    """What is displayed as it is, by media type."""

    def __init__(self, bundle: dict[str, Any]) -> None:
        self.bundle = bundle

    def __repr__(self) -> str:
        return str(self.bundle.get(PLAIN, ""))

    def _repr_mimebundle_(self) -> dict[str, Any]:
        return self.bundle
