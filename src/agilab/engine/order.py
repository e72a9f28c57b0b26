"""An attempt as an order to a worker, for every executor that speaks the worker protocol."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from agi_node.errors import FAILED, AgiError
from agilab.engine.executor import Task


def execute_order(task: Task, log: Path) -> dict[str, Any]:
    """The `execute` frame of docs/worker-protocol.md for this attempt, whose output goes to `log`."""
    return {
        "type": "execute",
        "attempt_id": task.attempt_id,
        "run_id": task.run_id,
        "unit_id": task.unit_id,
        "node": task.node,
        "key": task.key,
        "attempt": task.attempt,
        "target": task.target,
        "args": dict(task.args),
        "payload": task.payload,
        "inputs": str(task.inputs) if task.inputs else None,
        "staging": task.staging,
        "log": str(log),
        "mapped": task.mapped,
    }


def past_timeout(unit_id: str, timeout_s: float) -> AgiError:
    """The error of a unit that was ended because its time was up."""
    return AgiError(
        "AGI-RUN-110",
        f"{unit_id} ran longer than its timeout",
        found=f"still running after {timeout_s:g} s",
        allowed=f"timeout_s = {timeout_s:g}",
        whose="author",
        exit_code=FAILED,
    )
