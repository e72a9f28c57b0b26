"""The forms in which a value shows itself, told alike of a notebook's kernel and of a stage.

A form is what Jupyter asks an object for (`_repr_html_` and the like), once: the kernel itself, or `agi_node.asked`.
What a page calls its own elements counts up in each process, or is random: `id`s are numbered anew as they come.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import re
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from agi_node.asked import HTML, PLAIN, Media, asked
from agi_node.figures import PLOTLY_MEDIA

MOST = 500
"""Items of a value that are looked at."""
LONGEST, SHORT = 100_000, 100
"""Letters of a form; beyond them a digest stands for the rest, and letters that are never worth a digest."""
PRETTY, ITSELF = "_repr_pretty_", "_ipython_display_"
"""Hooks of IPython's own: for another text, and for an object that shows itself."""
WIDGET_MEDIA = "application/vnd.jupyter.widget-view+json"
VEGA_MEDIA = "application/vnd.vegalite+json"
_WITHOUT_TEXT = "<{}: its text raised an error>"
_IDS = re.compile(r"""\bid\s*=\s*(?:"([^"]+)"|'([^']+)')""")
_CUT = re.compile(r"\n… ([\d,]+) characters: #([0-9a-f]{64})$")


def text_of(value: Any) -> str:
    """What it says of itself, or what became of that."""
    try:
        return repr(value)
    except Exception as broken:  # the author's __repr__ is the author's code
        return f"<{type(value).__qualname__}: its text raised {type(broken).__qualname__}>"


def ask(value: Any, include: Media = None, exclude: Media = None) -> dict[str, Any]:
    """What a value says by media type, of those that are wanted, and IPython's other text of it.

    Charts are not asked: their own forms depend on who shows them, and name elements by chance.
    """
    if is_chart(value):
        return {PLAIN: text_of(value)}
    found = asked(value, include, exclude)
    return {**found, PRETTY: pretty} if (pretty := pretty_of(value)) is not None else found


def forms_of(value: Any, data: Mapping[str, Any]) -> dict[str, str]:
    """What a value shows of itself by media type, its text first: charts what they are drawn from, others `data`.

    `data` is what it said where it was asked (`ask`).
    """
    if ITSELF in data:
        return {ITSELF: str(data[ITSELF])}
    text = str(data[PLAIN]) if PLAIN in data else _WITHOUT_TEXT.format(type(value).__qualname__)
    if is_chart(value):
        return {PLAIN: text, **_drawn_from(value)}
    found = {media: one for media, one in sorted(data.items()) if media != PLAIN and one is not None}
    return {PLAIN: text, **{media: _form(media, one) for media, one in found.items()}}


def is_chart(value: Any) -> bool:
    """Whether it is drawn by a page, out of JSON (of Plotly, or of Altair)."""
    if isinstance(value, type) or not hasattr(type(value), "to_json"):
        return False
    return hasattr(value, "to_plotly_json") or type(value).__module__.partition(".")[0] == "altair"


def _drawn_from(chart: Any) -> dict[str, str]:
    media = PLOTLY_MEDIA if hasattr(chart, "to_plotly_json") else VEGA_MEDIA
    try:
        return {media: str(chart.to_json())}
    except Exception as broken:  # one that is not whole yet
        return {media: f"its to_json raised {type(broken).__qualname__}"}


def pretty_of(value: Any) -> str | None:
    """IPython's other text of a value, where it or something that it holds has one."""
    return _Printer().said_of(value) if _holds_pretty(value) else None


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

    def _repr_mimebundle_(self, **_wanted: Any) -> dict[str, Any]:
        return self.bundle


# -- objects that show themselves ------------------------------------------------------------------------------------

_inside: list[str] | None = None
"""What an object displays while it shows itself."""


def shows_itself(value: Any) -> bool:
    """Whether IPython would leave it to the object to show itself, by `_ipython_display_`."""
    if isinstance(value, type) or is_chart(value):  # that one has a form to be compared
        return False
    return callable(getattr(type(value), ITSELF, None))


def taken(value: Any) -> bool:
    """Take what is displayed by an object that is showing itself; False where none is."""
    if _inside is None:
        return False
    _inside.append(json.dumps(forms_of(value, ask(value)), sort_keys=True))
    return True


def by_itself(value: Any, *, aside: bool = True) -> str | None:
    """Let an object show itself; None where it says that it does not.

    If that is to go `aside`, what it prints and displays meanwhile is told, and not shown.
    """
    global _inside
    said, before = io.StringIO(), _inside
    if aside:
        _inside = []
    try:
        with contextlib.redirect_stdout(said) if aside else contextlib.nullcontext():
            value._ipython_display_()
    except NotImplementedError:  # how a hook says that it has nothing
        return None
    except Exception as broken:  # the author's code is the author's
        told = f"its {ITSELF} raised {type(broken).__qualname__}"
        print(told, file=said if aside else sys.stderr)
    finally:
        shown, _inside = _inside or [], before
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
