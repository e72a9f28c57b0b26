"""Where a logical line of Python goes on: brackets, strings over several lines, backslashes.

No parser is needed for that, and none would do: the text is not Python yet.
"""

from __future__ import annotations

import re

_TOKEN = re.compile(
    r"""#.*|'''|\"\"\"|'(?:\\.|[^'\\])*(?:'|\\?$)|"(?:\\.|[^"\\])*(?:"|\\?$)|[\[({]|[\])}]|\\$|\?"""
)


def scan(line: str, depth: int, quote: str) -> tuple[int, str, bool, bool]:
    """One physical line: (open brackets, open triple quote, ends with a backslash, ends with a question mark)."""
    place, question = 0, False
    if quote:
        closing = re.compile(rf"\\.|{quote}")
        while (match := closing.search(line, place)) and match.group() != quote:
            place = match.end()
        if match is None:
            return depth, quote, False, False
        place, quote = match.end(), ""
    while match := _TOKEN.search(line, place):
        token, place = match.group(), match.end()
        if token in ("'''", '"""'):
            closing = re.compile(rf"\\.|{token}")
            while (match := closing.search(line, place)) and match.group() != token:
                place = match.end()
            if match is None:
                return depth, token, False, False
            place = match.end()
        elif token in "[({":
            depth += 1
        elif token in "])}":
            depth -= 1
        elif token == "\\":
            return depth, "", True, False
        elif token == "?" and not line[place:].strip(" ?"):
            question = True
        elif token[0] in "'\"" and token.endswith("\\"):
            return depth, "", True, False
    return depth, "", False, question
