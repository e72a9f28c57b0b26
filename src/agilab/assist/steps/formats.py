"""Formats of dates, in the signs of strftime that both engines read alike, and what a text of one looks like."""

from __future__ import annotations

import re

_SIGNS = {
    "Y": "[0-9]{4}",
    "y": "[0-9]{2}",
    "m": "[0-9]{1,2}",
    "d": "[0-9]{1,2}",
    "H": "[0-9]{1,2}",
    "I": "[0-9]{1,2}",
    "M": "[0-9]{1,2}",
    "S": "[0-9]{1,2}",
    "j": "[0-9]{1,3}",
    "f": "[0-9]{1,6}",
    "b": "[A-Za-z]{3}",
    "B": "[A-Za-z]+",
    "p": "[AaPp][Mm]",
    "%": "%",
}
SIGNS = ", ".join(f"%{sign}" for sign in _SIGNS)


def unknown_signs(format_: str) -> list[str]:
    """The signs of a format that are not among those that both engines read alike.

    >>> unknown_signs("%d.%m.%Y"), unknown_signs("%c %-d %")
    ([], ['%c', '%-', '%'])
    """
    return [found[0] for found in re.finditer("%(.?)", format_, re.DOTALL) if found[1] not in _SIGNS]


def pattern_of(format_: str) -> str:
    """The pattern of texts in a format.

    >>> pattern_of("%d.%m.%Y")
    '[0-9]{1,2}\\\\.[0-9]{1,2}\\\\.[0-9]{4}'
    """
    parts = re.split("%(.)", format_, flags=re.DOTALL)
    parts[1::2] = [_SIGNS[sign] for sign in parts[1::2]]
    parts[::2] = [re.sub(r"([.^$*+?{}\[\]\\|()#&~-])", r"\\\1", text) for text in parts[::2]]
    return "".join(parts)
