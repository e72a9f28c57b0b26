"""The forms in which a value shows itself, made by this module alike in a notebook's kernel and in a stage.

A form is what Jupyter asks an object for (`_repr_html_` and the like). What a page calls its own elements counts up in
each process, or is random: `id`s are numbered anew as they come.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import re
from collections.abc import Iterator
from typing import Any

from agi_node.figures import PLOTLY_MEDIA

MOST = 500
"""Items of a value that are looked at."""
LONGEST, SHORT = 100_000, 100
"""Letters of a form; beyond them a digest stands for the rest, and letters that are never worth a digest."""
PLAIN, HTML = "text/plain", "text/html"
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
PRETTY, ITSELF = "_repr_pretty_", "_ipython_display_"
"""Hooks of IPython's own: for another text, and for an object that shows itself."""
WIDGET_MEDIA = "application/vnd.jupyter.widget-view+json"
VEGA_MEDIA = "application/vnd.vegalite+json"
_IDS = re.compile(r"""\bid\s*=\s*(?:"([^"]+)"|'([^']+)')""")
_CUT = re.compile(r"\n… ([\d,]+) characters: #([0-9a-f]{64})$")


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
        return {PLOTLY_MEDIA: value.to_json()}
    if type(value).__module__.partition(".")[0] == "altair" and hasattr(value, "to_json"):
        return {VEGA_MEDIA: value.to_json()}
    if shows_itself(value) and (shown := _by_itself(value)) is not None:
        return {ITSELF: shown}
    found: dict[str, Any] = {PRETTY: _Printer().said_of(value)} if _holds_pretty(value) else {}
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
    except Exception as broken:  # the author's code is the author's
        return f"its {method} raised {type(broken).__qualname__}"


def _form(media: str, form: Any) -> str:
    if isinstance(form, (bytes, bytearray)):
        return f"#{hashlib.sha256(form).hexdigest()}"
    text = form if isinstance(form, str) else json.dumps(form, sort_keys=True, default=repr)
    return _renumbered(text) if media == HTML else text


def cut(text: str, longest: int = LONGEST) -> str:
    """The beginning of a text, and a digest of all of it; a text that is not longer is itself."""
    longest = longest or SHORT
    if len(text) <= longest:
        return text
    return f"{text[:longest] if longest > SHORT else ''}\n… {len(text):,} characters: #{_digest(text)}"


def to_one_length(one: str, other: str) -> tuple[str, str]:
    """Two forms, of which one may have been cut elsewhere than the other: then the digests of both."""
    ends = [_CUT.search(text) for text in (one, other)]
    if not any(ends) or (all(ends) and len(one) == len(other)):
        return one, other
    return tuple(  # type: ignore[return-value]  # two of two
        end[0].strip() if end else f"… {len(text):,} characters: #{_digest(text)}"
        for text, end in zip((one, other), ends, strict=True)
    )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


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


class Bundle:
    """What is displayed as it is, by media type."""

    def __init__(self, bundle: dict[str, Any]) -> None:
        self.bundle = bundle

    def __repr__(self) -> str:
        return str(self.bundle.get(PLAIN, ""))

    def _repr_mimebundle_(self) -> dict[str, Any]:
        return self.bundle


# -- objects that show themselves ------------------------------------------------------------------------------------

_inside: list[str] | None = None
"""What an object displays while it shows itself."""


def shows_itself(value: Any) -> bool:
    """Whether IPython would leave it to the object to show itself, by `_ipython_display_`."""
    if isinstance(value, type) or hasattr(value, "to_plotly_json"):  # that one has a form to be compared
        return False
    return callable(getattr(type(value), ITSELF, None))


def taken(value: Any) -> bool:
    """Take what is displayed by an object that is showing itself; False where none is."""
    if _inside is None:
        return False
    _inside.append(json.dumps({PLAIN: text_of(value), **forms_of(value)}, sort_keys=True))
    return True


def _by_itself(value: Any) -> str | None:
    """What an object prints and displays when it shows itself; None where it says that it does not."""
    global _inside
    before, _inside = _inside, []
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said):
            value._ipython_display_()
    except NotImplementedError:
        return None
    except Exception as broken:  # the author's code is the author's
        said.write(f"its {ITSELF} raised {type(broken).__qualname__}")
    finally:
        shown, _inside = _inside, before
    return "\n".join([said.getvalue(), *shown])


# -- IPython's other text --------------------------------------------------------------------------------------------


def _is_pretty(value: Any) -> bool:
    return not isinstance(value, type) and callable(getattr(type(value), PRETTY, None))


def _holds_pretty(value: Any) -> bool:
    """Whether IPython has another text of a value, or of something that it holds, than `repr` has."""
    rest, known = [value], {id(value)}
    while rest:
        one = rest.pop()
        if _is_pretty(one):
            return True
        if type(one) in (list, tuple, dict) and len(known) < MOST:
            inner = [each for pair in one.items() for each in pair] if type(one) is dict else one
            new = [each for each in inner[:MOST] if id(each) not in known]
            known.update(map(id, new))
            rest += new
    return False


class _Printer:
    """As much of IPython's printer as `_repr_pretty_` asks for. Not for: laying out what is written in lines."""

    def __init__(self) -> None:
        self._said: list[str] = []
        self._above: set[int] = set()

    def said_of(self, value: Any) -> str:
        """All that is written of a value."""
        try:
            self.pretty(value)
        except Exception as broken:  # the author's code, which may ask for what is not here
            self.text(f"its {PRETTY} raised {type(broken).__qualname__}")
        return "".join(self._said)

    def pretty(self, value: Any) -> None:
        """Write a value, and what it holds, each as it says itself."""
        if id(value) in self._above:
            self.text("…")
            return
        self._above.add(id(value))
        if _is_pretty(value):
            value._repr_pretty_(self, False)
        elif type(value) is dict:
            self._row("{", [part for key, one in value.items() for part in (key, one)], "}")
        elif type(value) in (list, tuple):
            self._row("[", value, "]")
        else:
            self.text(text_of(value))
        self._above.discard(id(value))

    def _row(self, begin: str, items: Any, end: str) -> None:
        self.text(begin)
        for one in items:
            self.pretty(one)
            self.text(", ")
        self.text(end)

    def text(self, text: str) -> None:
        self._said.append(str(text))

    def breakable(self, sep: str = " ") -> None:
        self.text(sep)

    def break_(self) -> None:
        self.text("\n")

    def begin_group(self, indent: int = 0, open: str = "") -> None:
        self.text(open)

    def end_group(self, dedent: int = 0, close: str = "") -> None:
        self.text(close)

    @contextlib.contextmanager
    def group(self, indent: int = 0, open: str = "", close: str = "") -> Iterator[None]:
        self.text(open)
        yield
        self.text(close)

    @contextlib.contextmanager
    def indent(self, indent: int) -> Iterator[None]:
        yield

    def flush(self) -> None:
        pass
