"""What an app says of itself, asked once per source and environment and remembered."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from agi_node.canonical import digest
from agilab.contracts.atomic import write_atomically
from agilab.envs.worker_process import WorkerSpec, describe
from agilab.store.workspace import Workspace


def description(
    workspace: Workspace, reference: str, source_digest: str, fingerprint: str, spec: WorkerSpec
) -> dict[str, Any]:
    """The worker's `described` for this source in this environment, from the cache where it is there."""
    path = _place(workspace, reference, source_digest, fingerprint)
    known = remembered(path)
    if known is not None:
        return known
    found = describe(spec, workspace.cache / "describe" / "worker.log")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, json.dumps(found, ensure_ascii=False).encode("utf-8"))
    return found


def remembered_for(
    workspace: Workspace, reference: str, source_digest: str, fingerprint: str
) -> dict[str, Any] | None:
    """The remembered description, or None; starts no process, so that help and completion stay quick."""
    return remembered(_place(workspace, reference, source_digest, fingerprint))


def remembered(path: Path) -> dict[str, Any] | None:
    """Read a remembered description; a damaged one is as good as none."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and "nodes" in found else None


def _place(workspace: Workspace, reference: str, source_digest: str, fingerprint: str) -> Path:
    key = digest({"app": reference, "environment": fingerprint, "source": source_digest})
    return workspace.cache / "describe" / f"{key[:32]}.json"
