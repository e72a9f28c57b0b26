"""Numbers, sizes, times, paths and marks as people read them."""

from __future__ import annotations

import math
import os
import sys
from datetime import datetime
from pathlib import Path
from typing import Any, TextIO

_MOMENTS = ("count", "mean", "variance", "std", "min", "max")
"""The order in which people tell a distribution; canonical JSON has them by the alphabet."""


def speaks_unicode(stream: TextIO | None = None) -> bool:
    """Whether check marks and boxes arrive at the other end."""
    return (getattr(stream or sys.stdout, "encoding", None) or "utf-8").lower().startswith("utf")


def symbol(name: str) -> str:
    """A mark for a state, in letters where the terminal has no more."""
    fancy, plain = {
        "ok": ("✓", "+"),
        "bad": ("✗", "x"),
        "warn": ("!", "!"),
        "dot": ("·", "-"),
        "more": ("…", "..."),
        "run": ("▸", ">"),
    }[name]
    return fancy if speaks_unicode() else plain


def short(path: Path | str) -> str:
    """A path as people write it: `~/…` below their home.

    >>> short(Path.home() / "data").replace(os.sep, "/")
    '~/data'
    """
    try:
        inside = Path(path).relative_to(Path.home())
    except ValueError:
        return str(path)
    return f"~{os.sep}{inside}" if str(inside) != "." else "~"


def plural(count: int, word: str) -> str:
    """
    >>> plural(1, "item"), plural(1200, "item")
    ('1 item', '1,200 items')
    """
    return f"{count:,} {word}{'' if count == 1 else 's'}"


def size(number: int) -> str:
    """Bytes in powers of ten, as disks and `ls --si` count.

    >>> size(0), size(999), size(1_234), size(98_765_432)
    ('0 B', '999 B', '1.2 kB', '98.8 MB')
    """
    value, unit = float(number), "B"
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if value < 999.5 or unit == "TB":
            break
        value /= 1000
    return f"{value:.0f} {unit}" if unit == "B" or value >= 99.95 else f"{value:.1f} {unit}"


def duration(seconds: float | None) -> str:
    """
    >>> duration(0.0004), duration(0.123), duration(2.84), duration(75), duration(7384), duration(None)
    ('0 ms', '123 ms', '2.8 s', '1 min 15 s', '2 h 03 min', '')
    """
    if seconds is None:
        return ""
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min"


def moment(at: str | int | None) -> str:
    """An instant (ISO 8601, or microseconds since 1970) in local time, to the second."""
    if at is None or at == "":
        return ""
    try:
        when = (
            datetime.fromtimestamp(at / 1e6)
            if isinstance(at, int)
            else datetime.fromisoformat(at).astimezone()
        )
    except ValueError:
        return str(at)
    return when.strftime("%Y-%m-%d %H:%M:%S")


def number(value: float) -> str:
    """A number as a person reads it: six significant digits, thousands apart.

    >>> number(1234567), number(1234567.891), number(0.123456789), number(210.0), number(float("nan"))
    ('1,234,567', '1,234,568', '0.123457', '210', 'nan')
    >>> number(1.5e-9), number(6.02e23)
    ('1.5e-09', '6.02e+23')
    """
    if isinstance(value, int):
        return f"{value:,}"
    if not math.isfinite(value):
        return str(value)
    size_of = abs(value)
    if size_of and not 1e-4 <= size_of < 1e15:
        return f"{value:.6g}"
    digits = max(0, 5 - math.floor(math.log10(size_of))) if size_of else 0
    text = f"{value:,.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def brief(value: Any, *, limit: int = 76) -> str:
    """A plain value in one line: nested values named, long lists and deep ones counted.

    >>> brief({"count": 3, "mean": 1.5}), brief(["a", "b"]), brief(None)
    ('count 3 · mean 1.5', 'a, b', 'none')
    >>> brief([f"{n:04}" for n in range(100)], limit=30)
    '100: 0000, 0001, 0002 …'
    """
    dot, more = (symbol("dot"), symbol("more"))
    if isinstance(value, dict):
        names = sorted(value, key=_MOMENTS.index) if set(value) <= set(_MOMENTS) else list(value)
        if any(isinstance(item, dict) for item in value.values()):
            return f"{plural(len(value), 'field')}, see reduce_summary.json"
        return f" {dot} ".join(f"{name} {brief(value[name], limit=limit)}" for name in names) or "nothing"
    if isinstance(value, list):
        if not value:
            return "none"
        parts = [
            brief(item, limit=24) if not isinstance(item, (dict, list)) else "{}" for item in value[:200]
        ]
        text = ", ".join(parts)
        if len(value) <= 200 and len(text) <= limit and "{}" not in parts:
            return text
        head: list[str] = []
        for part in parts:
            if "{}" in parts or len(", ".join([*head, part])) > limit - 12:
                break
            head.append(part)
        shown = f": {', '.join(head)} {more}" if head else " values"
        return f"{len(value):,}{shown}"
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (int, float)):
        return number(value)
    return str(value)
