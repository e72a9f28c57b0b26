"""What a notebook gave its lab when it was last imported: an edit of the lab since then is none of the notebook's.

Digests below `cache/`, by notebook and lab. Without them an edit after an import is told as one of both sides.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from agilab.contracts.atomic import write_atomically
from agilab.contracts.lab_stages import LabStages
from agilab.notebooks.supervisor.base import ORDER, digest_of, remembered
from agilab.store.workspace import Workspace


def given(notebook: Path, lab: Path) -> dict[str, Any]:
    """What is remembered of a notebook's last import into a lab, as `supervisor.base.remembered` spells it."""
    try:
        found = json.loads(_place(notebook, lab).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def remember(notebook: Path, lab: Path, mine: LabStages, now: LabStages) -> None:
    """Remember what of a lab is as its notebook has it."""
    here, there = remembered(mine), remembered(now)
    place = _place(notebook, lab)
    with suppress(OSError):  # a cache: what cannot be kept is asked for
        place.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(place, json.dumps(_common(here, there), sort_keys=True).encode())


def _common(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in one.items():
        if isinstance(value, Mapping) and isinstance(other.get(name), Mapping):
            found[name] = _common(value, other[name])
        elif value == (_among(value, other.get(name, ())) if name == ORDER else other.get(name)):
            found[name] = value
    return found


def _among(names: Sequence[str], others: Sequence[str]) -> list[str]:
    """Those of the other names that are among these, in their order."""
    return [name for name in others if name in names]


def _place(notebook: Path, lab: Path) -> Path:
    name = digest_of(f"{notebook.resolve()}\n{lab.resolve()}")[:32]
    return Workspace.default().cache / "notebooks" / f"{name}.json"
