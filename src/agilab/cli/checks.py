"""The checks of a run as a person reads them: each with the number that it judges."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from agilab.cli.render import console, mark
from agilab.cli.words import brief, symbol

if TYPE_CHECKING:
    from rich.console import RenderableType

    from agilab.contracts.run_manifest import Validation

_NUMBER = re.compile("[-\N{MINUS SIGN}]?" r"\d[\d,]*(?:\.\d+)?(?:[eE][-+]?\d+)?")
_JUDGED = ("value", "limit")


def check_words(message: str, evidence: Mapping[str, Any]) -> str:
    """What a check says, with the value and the limit that its message does not tell anyway.

    >>> check_words("least at 1d: MAE 0.16 °C", {"value": -0.03, "limit": 0})
    'least at 1d: MAE 0.16 °C · value -0.03 · limit 0'
    >>> check_words("12.24 m/s, and at most 20 explained", {"value": 12.2382, "limit": 20})
    '12.24 m/s, and at most 20 explained'
    >>> check_words("", {"value": 27, "limit": 27})
    'value 27 · limit 27'
    """
    if not message:
        return brief(dict(evidence))
    untold = {
        name: evidence[name] for name in _JUDGED if name in evidence and not _tells(message, evidence[name])
    }
    return f"{message} {symbol('dot')} {brief(untold)}" if untold else message


def _tells(message: str, value: Any) -> bool:
    """Whether a text has a value in it, numbers as exactly as they are written there."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return brief(value) in message
    for found in _NUMBER.finditer(message):
        text = found[0].replace(",", "").replace("\N{MINUS SIGN}", "-")
        digits, _, power = text.lower().partition("e")
        if value != round(value) and abs(value) < 100 and "." not in digits:
            continue  # "at 1d" does not tell 0.7
        step = 10.0 ** (int(power or 0) - len(digits.partition(".")[2]))
        scale = 0.01 if message[found.end() :].lstrip(" \N{NO-BREAK SPACE}").startswith("%") else 1.0
        if abs(float(text) * scale - value) <= 0.5000001 * step * scale:
            return True
    return False


def checks_block(validations: Iterable[Validation]) -> RenderableType:
    """One line for each validation, with ✓ or ✗ and what it says."""
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(no_wrap=True, overflow="ellipsis", max_width=min(32, console().width // 3))
    grid.add_column(overflow="fold")
    for check in validations:
        grid.add_row(
            mark(check.passed),
            Text(f"{check.name} ", "" if check.passed else "bold"),
            Text(check_words(check.message, check.evidence), "dim" if check.passed else "red"),
        )
    return Padding(grid, (0, 0, 0, 2))
