"""The work of the runs that are killed: retries, artifacts, values too large for the log, maps in maps, reduces.

Whatever a unit returns depends on its arguments alone, so that it does not matter how often it was begun.
"""

from __future__ import annotations

import hashlib
import time
from pathlib import Path
from typing import Any

from agi_node import Results, RunContext

PARTS = 3


def plan(count: int) -> list[str]:
    return [f"{number:02}" for number in range(count)]


def text_of(name: str, size: int) -> str:
    """Text of a size that only depends on a name."""
    return (hashlib.sha256(name.encode()).hexdigest() * (size // 64 + 1))[:size]


def flaky(item: str, run: RunContext, folder: str) -> int:
    """Fails the first time for every second item, as long as it lives to leave its mark."""
    time.sleep(0.004)
    mark = Path(folder) / item
    if int(item) % 2 and not mark.exists():
        mark.touch()
        raise OSError(f"the first time fails for {item}")
    run.save_json("seen", {"item": item})
    run.log_metric("item", int(item))
    return int(item)


def parts(number: int) -> list[dict[str, Any]]:
    """A list too large for the log, and so is its expansion."""
    time.sleep(0.003)
    return [{"key": str(part), "payload": text_of(f"{number}/{part}", 12_000)} for part in range(PARTS)]


def piece(text: str, run: RunContext) -> str:
    """A value too large for the log, and an artifact."""
    time.sleep(0.004)
    run.save_json("text", {"text": text, "of": run.key})
    return text * 3


def folded(item: str, piece: list[str]) -> str:
    return hashlib.sha256("".join(piece).encode()).hexdigest()


def total(folded: list[str], piece: Results) -> dict[str, Any]:
    return {"folded": folded, "pieces": sum(1 for result in piece if result.good)}
