"""What a run writes back into its document: for each stage that took part, its last run."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from pathlib import Path

from agi_node.errors import AgiError
from agilab.contracts.base import read_document, write_document
from agilab.contracts.lab_stages import LabStages, LastRun, Stage
from agilab.contracts.timestamps import timestamp
from agilab.store.rows import NodeRow
from agilab.store.store import Store
from agilab.workflow.running.app_stages import is_of


def write_back(store: Store, run_id: str, path: Path, *, tell: Callable[[str], None]) -> None:
    """Write `last_run` into each stage that the run has, as the document is now; comments and layout stay.

    A document that cannot be read or written any more keeps what it says: the log has it all.
    """
    nodes = {node.node: node for node in store.nodes(run_id)}
    started = {name: node.started_us for name, node in nodes.items() if node.started_us}
    started = {name: node.started_us for name, node in nodes.items() if node.started_us}
    began = {
        name: min((at for other, at in started.items() if is_of(other, name)), default=None) for name in nodes
    }
    delivered = any(
        event.data.get("state") == "delivered" for event in store.events(run_id, kinds=("tracking_recorded",))
    )
    try:
        document = read_document(path, LabStages)
        stages = tuple(
            stage.with_changes(last_run=_last(stage, nodes[stage.id], began[stage.id], run_id, delivered))
            if stage.id in nodes
            else stage
            for stage in document.stages
        )
        write_document(path, document.with_changes(stages=stages))
    except AgiError as problem:
        tell(f"{path.name} keeps what it said of the last run: {problem.what}")


def _last(stage: Stage, node: NodeRow, began: int | None, run_id: str, delivered: bool) -> LastRun:
    ended = node.finished_us or node.started_us or 0
    at = timestamp(datetime.datetime.fromtimestamp(ended / 1e6, datetime.UTC))
    return LastRun(
        run=run_id,
        status=node.state,
        at=at,
        seconds=round(max(0, ended - (began or ended)) / 1e6, 3),
        tracked_as=run_id if delivered else None,
        model=stage.model or None,
        runtime=stage.kind,
    )
