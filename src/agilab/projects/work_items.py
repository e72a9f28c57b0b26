"""The work items of an app, asked for before a run: its own plan function in its environment, nothing else of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agi_node.errors import AgiError
from agilab.engine.expansion import MAX_UNITS_PER_RUN, Item, expanded, items_of
from agilab.envs.worker_process import ask
from agilab.projects.prepare import PreparedApp

PLAN, WORK = "plan", "work"
PATIENCE_S = 600


def ask_for_items(prepared: PreparedApp, args: Mapping[str, Any], folder: Path) -> list[Item]:
    """The items that a run with these arguments would have, in the plan's order; none for an app that plans nothing.

    Files in them have no digests yet. `folder` takes what the worker writes. Raises what the app's plan raised, and the
    errors of an expansion: two items of one key, too many items.
    """
    if PLAN not in prepared.nodes or WORK not in prepared.nodes:
        return []
    question = {
        "type": "execute",
        "attempt_id": "plan",
        "run_id": folder.name,
        "unit_id": PLAN,
        "node": PLAN,
        "key": "",
        "attempt": 1,
        "target": f"{prepared.app.reference}#{PLAN}",
        "args": dict(args),
        "payload": None,
        "inputs": None,
        "staging": str(folder / "staging"),
        "log": str(folder / "plan.log"),
    }
    answer = ask(prepared.spec, folder / "worker.log", question, "done", timeout_s=PATIENCE_S)
    if answer["status"] != "succeeded":
        raise AgiError.from_plain(answer["error"])
    file = answer.get("value_file")
    value = json.loads((folder / "staging" / file).read_text(encoding="utf-8")) if file else answer["value"]
    items = items_of(value)
    expanded(WORK, items, limit=MAX_UNITS_PER_RUN)
    return items
