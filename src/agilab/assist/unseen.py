"""Signs that a reader does not see and a machine does: controls, and what turns or hides the text around it.

Code can be made to read otherwise than it runs with them (Boucher and Anderson, "Trojan Source", 2021).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

from agilab.assist.findings import Finding

_KINDS = frozenset({"Cc", "Cf", "Zl", "Zp"})
"""Of Unicode: controls, formats (bidirectional ones among them), separators of lines and of paragraphs."""


def is_unseen(sign: str) -> bool:
    """Whether a sign is there without being seen; a new line and a tab are seen.

    >>> [is_unseen(sign) for sign in ("a", "é", "\\t", "\\n", "\\x1b", "\\u202e", "\\u200b")]
    [False, False, False, False, True, True, True]
    """
    return sign not in "\n\t" and unicodedata.category(sign) in _KINDS


def spelt(text: str) -> str:
    """The text with every such sign spelt out, so that it can be read and steers no terminal.

    >>> spelt("a\\u202eb\\x1b[2J")
    'a<U+202E>b<U+001B>[2J'
    """
    return "".join(
        f"<U+{ord(sign):04X}>" if is_unseen(sign) or (sign not in "\n\t" and not sign.isprintable()) else sign
        for sign in text
    )


def unseen_signs(code: str) -> Iterator[Finding]:
    """A finding for each line with signs that are not seen. The two signs that end a line elsewhere are one end."""
    for number, line in enumerate(code.replace("\r\n", "\n").split("\n"), 1):
        signs = dict.fromkeys(sign for sign in line if is_unseen(sign))
        if signs:
            named = ", ".join(
                f"U+{ord(sign):04X} {unicodedata.name(sign, 'a control')}" for sign in [*signs][:3]
            )
            what = f"holds what is not seen, and may read otherwise than it runs: {named}"
            yield Finding("ASK-008", "risk", number, what, "ask again, or write such signs as escapes")
