"""The readable results of a run: artifacts under their names, reduce artefacts as files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agi_node.canonical import untag
from agi_node.reduce import reduce_text
from agilab.contracts.atomic import write_atomically
from agilab.store.store import Store
from agilab.store.transitions import WITH_VALUE

REDUCE = "reduce"


@dataclass(frozen=True)
class ReduceFile:
    """A reduce artefact on disk. `worker` is None for the whole run."""

    path: Path
    worker: str | None
    document: dict[str, Any]


def show_artifacts(store: Store, run_id: str) -> int:
    """Give every artifact a readable name under `runs/<run_id>/artifacts/`; returns how many there are.

    One whose object is gone (set aside, since a stage damaged it) has none: the run's own checks say so.
    """
    folder = store.workspace.run_folder(run_id)
    rows = [row for row in store.artifacts(run_id) if row.digest in store.objects]
    for row in rows:
        store.objects.link(row.digest, folder / row.place)
    return len(rows)


def write_reduce_files(store: Store, run_id: str) -> list[ReduceFile]:
    """`reduce_summary.json` and one file per worker that contributed, from the value of the run's reduce node."""
    documents = reduce_documents(store, run_id)
    if documents is None:
        return []
    folder = store.workspace.run_folder(run_id)
    whole, by_worker = documents
    files = [ReduceFile(folder / "reduce_summary.json", None, whole)]
    for worker, document in sorted(by_worker.items()):
        number = worker.removeprefix("w")
        files.append(ReduceFile(folder / f"reduce_summary_worker_{number}.json", worker, document))
    for file in files:
        write_atomically(file.path, reduce_text(file.document).encode("utf-8"))
    return files


def reduce_documents(store: Store, run_id: str) -> tuple[dict[str, Any], dict[str, dict[str, Any]]] | None:
    """The whole and the per-worker reduce documents as the reduce node returned them, or None."""
    target = next((node.target for node in store.nodes(run_id) if node.node == REDUCE), None) or ""
    for unit, body in store.results(run_id, REDUCE):
        # A graph of plain functions may call a node so, too.
        if unit.state in WITH_VALUE and target.endswith(f"#{REDUCE}"):
            value = untag(store.value(body))
            return value["whole"], value["workers"]
    return None
