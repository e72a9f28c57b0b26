"""Python's own parser, with whatever it may do to odd input turned into a reason and a line."""

from __future__ import annotations

import ast
import re
import sys
import warnings
from dataclasses import dataclass


@dataclass(frozen=True)
class Parse:
    """A syntax tree, or why there is none.

    Attributes:
        tree: None if the text does not parse.
        why: Python's reason, "" if it parses.
        line: Where it fails, from 1; 0 where no line is meant.
    """

    tree: ast.Module | None = None
    why: str = ""
    line: int = 0


def parse(text: str) -> Parse:
    """Parse a module's text. Nothing is executed, nothing is raised."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # invalid escapes are the notebook's own affair
            return Parse(ast.parse(text))
    except SyntaxError as error:
        return Parse(None, str(error.msg or "invalid syntax"), error.lineno or 0)
    except (RecursionError, MemoryError):
        return Parse(None, "nested too deep")
    except UnicodeEncodeError as error:
        return Parse(None, "half a character (a lone surrogate)", text.count("\n", 0, error.start) + 1)
    except ValueError as error:
        return Parse(None, str(error) or "no Python")


_PYTHON_2 = (
    re.compile(r"^\s*(?:.*:\s*)?print\s+(?![=(\[.,)\]])\S", re.MULTILINE),  # print "text"
    re.compile(r"^\s*print\s*>>", re.MULTILINE),
    re.compile(r"^\s*except\s+[\w.()\s,]+,\s*\w+\s*:", re.MULTILINE),
    re.compile(r"^\s*raise\s+[\w.]+\s*,", re.MULTILINE),
    re.compile(r"^\s*exec\s+['\"\w]", re.MULTILINE),
    re.compile(r"\bur['\"]"),
    re.compile(r"[\w)\]]\s*<>\s*[\w(\[]"),
    re.compile(r"(?<![\w.])0\d+(?![\w.])"),
    re.compile(r"(?<![\w.])(?:\d+|0[xX][0-9a-fA-F]+)[lL]\b"),
    re.compile(r"\bdef\s+\w+\s*\([^)]*\(\s*\w+\s*,"),
    re.compile(r"\blambda\s*\(\s*\w+\s*,"),
    re.compile(r"`[^`\n]+`"),
)

_SAID_BY_PYTHON_3 = (
    "Missing parentheses in call to",
    "multiple exception types must be parenthesized",
    "leading zeros in decimal",
)


def is_python_2(text: str, failure: Parse) -> bool:
    """Whether text that does not parse is Python 2: by what it holds in the line that fails, or by the reason."""
    if failure.why.startswith(_SAID_BY_PYTHON_3):
        return True
    lines = text.split("\n")
    if not 0 < failure.line <= len(lines):
        return False
    near = "\n".join(line[:2000] for line in lines[max(0, failure.line - 2) : failure.line])
    return any(pattern.search(near) for pattern in _PYTHON_2)


_NEWER = (
    (re.compile(r"^\s*type\s+\w+(\[.*\])?\s*=", re.MULTILINE), (3, 12)),
    (re.compile(r"^\s*(def|class)\s+\w+\[", re.MULTILINE), (3, 12)),
    (re.compile(r"\b[tT][rR]?['\"]"), (3, 14)),
)


def needs_newer(text: str, failure: Parse) -> str:
    """ "3.12" where the line that fails looks like syntax of a newer Python than this one, else ""."""
    lines = text.split("\n")
    line = lines[failure.line - 1] if 0 < failure.line <= len(lines) else ""
    if failure.why.startswith("f-string") and sys.version_info < (3, 12):
        return "3.12"
    for pattern, version in _NEWER:
        if sys.version_info < version and pattern.search(line):
            return ".".join(map(str, version))
    return ""
