"""How the code of a stage stands in a cell: without the blank lines below it, with line ends as editors make them.

Jupyter and percent cells take both away as they please, so a cell's metadata keeps them and the way back restores them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Ends:
    r"""What of a code is not in its cell.

    Attributes:
        below: From the end of the last line that says something to the end of the text.
        line: What ends each line, `\n`, or `\r\n` where every one of them ends so.
    """

    below: str = ""
    line: str = "\n"

    @classmethod
    def of(cls, code: str) -> Ends:
        r"""Those of a code.

        >>> Ends.of("x = 1\r\n\r\n"), Ends.of("x = 1  ")
        (Ends(below='\n\n', line='\r\n'), Ends(below='', line='\n'))
        """
        line = "\r\n" if 0 < code.count("\r\n") == code.count("\n") == code.count("\r") else "\n"
        text = code.replace(line, "\n")
        return cls(text[len(without_blank_end(text)) :], line)

    @classmethod
    def said(cls, metadata: Mapping[str, Any]) -> Ends | None:
        """Those that a cell's metadata of ours keeps, None where it keeps none."""
        below, line = metadata.get("below", ""), metadata.get("line_end", "\n")
        known = isinstance(below, str) and not below.strip() and line in ("\n", "\r\n")
        return cls(below, line) if known and (below or line != "\n") else None

    def metadata(self) -> dict[str, str]:
        """What a cell's metadata keeps: nothing where there is nothing to restore."""
        return {
            **({"below": self.below} if self.below else {}),
            **({"line_end": self.line} if self.line != "\n" else {}),
        }

    def cell(self, code: str) -> str:
        """A code that has these ends, as its cell shows it."""
        return code.replace(self.line, "\n").removesuffix(self.below)

    def code(self, cell: str) -> str:
        r"""The code of a cell, edited or not, with these ends.

        >>> Ends("\n").code("x = 2"), Ends("\n").code("x = 2\n\n"), Ends("\n", "\r\n").code("x\ny")
        ('x = 2\n', 'x = 2\n', 'x\r\ny\r\n')
        """
        text = cell.replace("\r\n", "\n") if self.line != "\n" else cell
        return (without_blank_end(text) + self.below).replace("\n", self.line)


def without_blank_end(text: str) -> str:
    """A text up to the end of the last line that is not blank: blanks behind its words stay."""
    last = len(text.rstrip())
    end = text.find("\n", last) if last else 0
    return text if end < 0 else text[:end]
