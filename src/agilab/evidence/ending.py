"""The last word of a run: its manifest as a file, as an object, and in the log."""

from __future__ import annotations

import shutil
from collections.abc import Iterable

from agilab.contracts.base import write_document
from agilab.contracts.run_manifest import RunManifest, Validation
from agilab.evidence.manifest import build
from agilab.evidence.results import ReduceFile
from agilab.store.store import Store

MANIFEST = "run_manifest.json"


def write_manifest(
    store: Store,
    run_id: str,
    *,
    validations: Iterable[Validation],
    reduce_files: Iterable[ReduceFile] = (),
    written_by: str = "coordinator",
) -> RunManifest:
    """Write a run's manifest, note it in the log, and clear away what was staged."""
    folder = store.workspace.run_folder(run_id)
    manifest = build(store, run_id, validations=validations, reduce_files=reduce_files, written_by=written_by)
    path = folder / MANIFEST
    write_document(path, manifest)
    log = store.log(run_id)
    kept = store.objects.put(path.read_bytes())
    log.append("manifest_written", digest=kept, written_by=written_by, verdict=verdict_word(manifest))
    log.flush(durable=True)
    shutil.rmtree(folder / "staging", ignore_errors=True)
    return manifest


def verdict_word(manifest: RunManifest) -> str:
    """The verdict in one word, as the log and the tracking store have it."""
    verdict = manifest.verdict
    if verdict.passed:
        return "passed"
    return verdict.status if verdict.status != "succeeded" else "doubtful"
