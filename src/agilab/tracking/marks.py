"""The tags by which a delivery finds what an earlier one left, and knows whether that is all."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agilab.contracts.tracking import TrackingPayload

RUN_ID, APP, NODE = "agilab.run_id", "agilab.app", "agilab.node"
DELIVERY, NOTES = "agilab.delivery", "agilab.notes"


def find(client: Any, experiments: list[str], run_id: str) -> tuple[Any, dict[str, Any]]:
    """The parent (or None) and, by name, the nested runs that were made before; deleted ones do not count.

    Of several (a request that timed out may have succeeded after all) always the oldest.
    """
    parent: Any = None
    nodes: dict[str, Any] = {}
    token = None
    while True:
        page = client.search_runs(
            experiments,
            f"tags.`{RUN_ID}` = '{run_id}'",
            max_results=1000,
            order_by=["attributes.start_time ASC", "attributes.run_id ASC"],
            page_token=token,
        )
        for run in page:
            if NODE in run.data.tags:
                nodes.setdefault(run.data.tags[NODE], run)
            elif parent is None:
                parent = run
        token = page.token
        if not token:
            return parent, nodes


def mark_of(file: Path, payload: TrackingPayload) -> str:
    """Digest of the payload's bytes and of each artifact's name, size and time of change."""
    sha = hashlib.sha256(file.read_bytes())
    for artifact in payload.artifacts:
        try:
            stat = os.stat(artifact.path)
            seen = f"{artifact.name}\0{stat.st_size}\0{stat.st_mtime_ns}\n"
        except OSError:
            seen = f"{artifact.name}\0missing\n"
        sha.update(seen.encode())
    return sha.hexdigest()
