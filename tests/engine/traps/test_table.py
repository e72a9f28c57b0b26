"""The table of traps names tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

HERE = Path(__file__).parent


def test_every_test_in_the_table_of_traps_exists() -> None:
    named = re.findall(r"`([\w./]+\.py)::(test_\w+)`", (HERE / "README.md").read_text(encoding="utf-8"))
    assert len(named) > 30
    missing = [
        f"{file}::{test}"
        for file, test in named
        if f"\ndef {test}(" not in (HERE.parent / file).read_text(encoding="utf-8")
    ]
    assert missing == []
