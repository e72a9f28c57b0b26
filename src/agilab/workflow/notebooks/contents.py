"""Two files beside each other: byte by byte, and by contents where the form itself carries a date."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from agilab.workflow.notebooks.packed import UNREADABLE, Told, is_packed, members_in, told_of
from agilab.workflow.notebooks.texts import difference

BY_CONTENTS = "by contents"


def same_contents(theirs: Path, mine: Path) -> bool:
    """Whether two archives hold the same: the names, the modes and the bytes of their members, in their order.

    Dates, which the headers of zip, tar and gzip have, are not looked at. False for other files, and for such as cannot
    be read.
    """
    both = _told_of_both(theirs, mine)
    return both is not None and both[0] == both[1]


def _told_of_both(theirs: Path, mine: Path) -> tuple[list[Told], list[Told]] | None:
    """What is packed in two archives; None where one is none, or cannot be read."""
    try:
        if is_packed(theirs) and is_packed(mine):
            return told_of(theirs), told_of(mine)
    except UNREADABLE:
        pass
    return None


def are_pickles(*files: Path) -> bool:
    """Whether files begin as pickles do (protocols 2 to 5) and end as they do."""
    return all(_is_pickle(one.read_bytes()) for one in files)


def held_in(files: Sequence[Path], python: Path) -> tuple[list[dict[str, Any]], str]:
    """Fingerprints of what pickles hold, told by the interpreter of the lab's environment; or why there are none."""
    with tempfile.TemporaryDirectory(prefix="agilab-verify-") as folder:
        words = [str(python), "-m", "agi_node.held", folder, *map(str, files)]
        done = subprocess.run(words, capture_output=True, text=True, cwd=folder, check=False)
    if done.returncode:
        return [], done.stderr.strip().rpartition("\n")[2][:200]
    found: list[dict[str, Any]] = json.loads(done.stdout.strip().rpartition("\n")[2])
    return found, ""


def _is_pickle(data: bytes) -> bool:
    return data[:1] == b"\x80" and data[1:2] in (b"\2", b"\3", b"\4", b"\5") and data[-1:] == b"."


def bytes_apart(theirs: Path, mine: Path) -> str:
    """Where two files differ: the first member of archives, the first line of texts, the first byte of others."""
    if said := _parts_apart(theirs, mine):
        return said
    one, other = theirs.read_bytes(), mine.read_bytes()
    return _apart(one, other)


def _apart(one: bytes, other: bytes) -> str:
    sizes = f"other bytes: {len(one):,} in the notebook, {len(other):,} in the pipeline"
    try:
        texts = one.decode("utf-8"), other.decode("utf-8")
    except UnicodeDecodeError:
        at = next(
            (n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
        )
        return f"{sizes}; from byte {at:,} on"
    return f"{sizes}; {difference(*texts)}"


def _parts_apart(theirs: Path, mine: Path) -> str:
    """The first member in which two archives differ, and how; empty where they are none, or do not."""
    both = _told_of_both(theirs, mine)
    if both is None or both[0] == both[1]:
        return ""
    names = [[one.name for one in told] for told in both]
    for whose, row, rest in (("notebook", names[0], names[1]), ("pipeline", names[1], names[0])):
        if alone := [name for name in dict.fromkeys(row) if name not in rest]:
            more = f" and {len(alone) - 1:,} more" if len(alone) > 1 else ""
            return f"only the {whose} packs {alone[0]}{more} in it"
    if names[0] != names[1]:
        return "what is packed in it stands in another order"
    one, other = next(pair for pair in zip(*both, strict=True) if pair[0] != pair[1])
    within = f"{one.name}, which is packed in it: " if one.name else "what is packed in it: "
    if one.kind != other.kind:
        return f"{within}{one.kind} in the notebook, {other.kind} in the pipeline"
    return f"{within}{_apart(members_in(theirs)[one.name], members_in(mine)[one.name])}"
