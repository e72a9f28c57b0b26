"""Nodes that run nothing: they put together what their needs left, in the process that owns the run.

What such a node leaves is recorded as any success is, so that whoever needs it, shows it or verifies it sees no
difference. Its artifacts are objects of the store already; it makes none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from agi_node.errors import AgiError
from agilab.engine.executor import Report
from agilab.engine.graph import Node
from agilab.engine.state import Unit
from agilab.engine.tasks import Needs

NOBODY = ""
"""What the log names as the worker of such a unit: none was asked."""
Gather = Callable[[Unit, Node, Needs], Mapping[str, Any]]
"""From a unit and its needs to what it leaves: `{"value": tagged, "artifacts": [entry]}`, the entries as a worker
reports them, of objects that the store has. Raises `AgiError` where what is wanted was not left."""


def gathered(gather: Gather | None, unit: Unit, node: Node, needs: Needs, attempt_id: str) -> Report:
    """What became of an attempt to gather. An error of the store is none of it, and is raised."""
    try:
        if gather is None:
            raise AgiError(
                "AGI-GRAPH-008", f"nobody here knows what node {node.name} gathers", whose="agilab"
            )
        return Report("succeeded", unit.unit_id, attempt_id, dict(gather(unit, node, needs)))
    except AgiError as problem:
        if problem.code.startswith("AGI-STORE"):
            raise
        return Report("failed", unit.unit_id, attempt_id, {"error": problem.to_plain()})
