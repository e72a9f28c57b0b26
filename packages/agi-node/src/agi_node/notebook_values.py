"""The last cell of a notebook that is verified: what its names stand for, written down as a stage would.

Run inside the notebook's own kernel, in the environment of the lab: `write(globals(), names, folder)`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from agi_node.artifacts import Staging
from agi_node.handover import fingerprint, hand_over
from agi_node.likeness import digest_of
from agi_node.outline import Part, outline


def write(space: Mapping[str, Any], names: Iterable[str], folder: str) -> None:
    """Write `values.json` into a folder: for each name the fingerprint of its value, or why it has none."""
    found: dict[str, Any] = {}
    for name in names:
        if name not in space:
            found[name] = {"why": "the notebook does not leave it"}
            continue
        found[name] = judged(name, space[name], Staging(Path(folder, "values", name)))
    Path(folder).mkdir(parents=True, exist_ok=True)
    Path(folder, "values.json").write_text(json.dumps(found), encoding="utf-8")


def judged(name: str, value: Any, staging: Staging) -> dict[str, Any]:
    """What two values have in common exactly if they are equal; or why that cannot be told.

    Beside it stand the value's `parts`, to say where two differ.
    """
    if type(value).__module__.partition(".")[0] in ("IPython", "ipykernel"):
        return {"why": "an object of Jupyter itself"}
    try:
        form = hand_over(name, value, staging, name)
    except Exception as problem:  # whatever a person's object does when it is looked at
        return {"why": f"{type(problem).__name__}: {problem}"[:200]}
    if form["kind"] != "pickle":
        return {**fingerprint(form, staging), "parts": _parts(value)}
    try:
        digest = digest_of(value, staging)
    except Exception:  # taking a person's object apart runs its own code; its parts may still be comparable
        digest = ""
    parts = _parts(value)
    if not digest and not parts:
        return {"why": f"an object of type {form['type']}, which cannot be taken apart"}
    return {"kind": "object", "text": _told(value), "digest": digest, "parts": parts}


def _parts(value: Any) -> list[Part]:
    try:
        return outline(value)
    except Exception:  # as above: then there is only the digest
        return []


def _told(value: Any) -> str:
    """What an object says of itself, without addresses."""
    try:
        return re.sub(r" at 0x[0-9A-Fa-f]+", "", repr(value))[:200]
    except Exception as broken:  # the author's __repr__ is the author's code
        return f"<{type(value).__qualname__}: its text raised {type(broken).__qualname__}>"
