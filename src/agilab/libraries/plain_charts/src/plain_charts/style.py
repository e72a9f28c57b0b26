"""What every picture looks like: its colours on a light and on a dark ground, its words, its round numbers."""

import math
from collections.abc import Sequence
from xml.sax.saxutils import escape

Colour = tuple[str, str]
"""One colour, on a light ground and on a dark one."""

COLOURS: tuple[Colour, ...] = (
    ("#0072b2", "#56b4e9"),
    ("#d55e00", "#f08a3c"),
    ("#00845f", "#2dc79b"),
    ("#b0568c", "#e09bc4"),
    ("#59636e", "#9aa5b1"),
    ("#8a6d00", "#e0c030"),
)
"""Of what is compared; colour-blind readers tell them apart (after Okabe and Ito 2008, darker on white).

Each stands out from its ground by 3 : 1 at least, and text by 4.5 : 1 (WCAG 2.2).
"""

FITTED = 'style="max-width:100%;height:auto"'
"""Of the whole picture: as large as it is drawn, smaller in a narrower window."""
INK, PALE, RULE, GROUND = "var(--i)", "var(--s)", "var(--l)", "var(--g)"
_LIGHT = "--g:#fff;--i:#1f2328;--s:#59636e;--l:#d8dee4"
_DARK = "--g:#0d1117;--i:#e6edf3;--s:#9aa5b1;--l:#2b323b"


def colour(number: int) -> str:
    """The name of a colour of the picture's own, for `stroke` and `fill`; they repeat when there are no more."""
    return f"var(--{number})"


def style(colours: Sequence[Colour], rules: str = "") -> str:
    """The style sheet of a picture whose colours are numbered like these."""
    light, dark = (";".join(f"--{at}:{pair[side]}" for at, pair in enumerate(colours)) for side in (0, 1))
    dark = f"@media(prefers-color-scheme:dark){{svg{{{_DARK};{dark}}}}}"
    return f"<style>svg{{color-scheme:light dark;{_LIGHT};{light}}}{dark}{rules}</style>"


def text(x: float, y: float, words: str, anchor: str = "", kind: str = "") -> str:
    """Words at a place (px); `anchor` is `middle` or `end` where they do not begin there, `kind` a class."""
    given = f' text-anchor="{anchor}"' * bool(anchor) + f' class="{kind}"' * bool(kind)
    return f'<text{given} x="{x:.5g}" y="{y:.5g}">{escape(words)}</text>'


def width_of(words: str, size: float = 12) -> float:
    """About how wide a line of letters of `size` px is, in px, in the widest of the usual fonts.

    >>> width_of("queue"), width_of("日本", 10)
    (37.2, 22.0)
    """
    return round(sum(map(_letter, words)) * size, 1)


def _letter(letter: str) -> float:
    if letter >= "\u2e80":
        return 1.1
    if letter in "mwMW%@…—жшщюЖМШЩЮ":
        return 1.0
    return 0.75 if letter.isupper() else 0.34 if letter in " .,:;'|ijlI" else 0.62


def fitted(words: str, room: float, size: float = 12) -> str:
    """The words, cut off where they would be wider than so many px.

    >>> fitted("shortest path", 60)
    'shorte…'
    """
    if width_of(words, size) <= room:
        return words
    shown = words
    while len(shown) > 1 and width_of(shown, size) + size > room:
        shown = shown[:-1]
    return f"{shown.rstrip()}…"


def round_below(value: float) -> float:
    """The greatest 1, 2 or 5 times a power of ten that is not above `value` (> 0).

    >>> round_below(7.3), round_below(0.2), round_below(1999)
    (5.0, 0.2, 1000.0)
    """
    power = 10.0 ** math.floor(math.log10(value))
    return max(factor * power for factor in (1, 2, 5) if factor * power <= value * (1 + 1e-9))


def multiples(step: float, low: float, high: float) -> list[float]:
    """The multiples of a step from `low` to `high`, both included.

    >>> multiples(5, -7, 10)
    [-5, 0, 5, 10]
    """
    return [step * at for at in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]


def number(value: float) -> str:
    r"""A number as people read it on an axis.

    >>> number(12000.0), number(0.1 + 0.2), number(-2.5) == "\N{MINUS SIGN}2.5", number(2e15)
    ('12,000', '0.3', True, '2e15')
    """
    plain = 1000 <= abs(value) < 10_000_000 and float(value).is_integer()
    shown = f"{value:,.0f}" if plain else f"{value:.4g}".replace("e+", "e").replace("e0", "e")
    return shown.replace("-", "\N{MINUS SIGN}")
