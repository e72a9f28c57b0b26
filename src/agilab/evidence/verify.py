"""`agilab runs verify`: does everything that the run's evidence says still hold, byte for byte?"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from agi_node.canonical import sha256_file
from agi_node.errors import AgiError
from agilab.contracts.base import read_document
from agilab.contracts.run_manifest import RunManifest
from agilab.evidence.damage import object_words
from agilab.store.check import chain_problems, projection_problems
from agilab.store.seal import manifest_of
from agilab.store.store import Store


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at afresh, with everything that differs."""

    name: str
    looked_at: str
    problems: tuple[str, ...]

    @property
    def passed(self) -> bool:
        return not self.problems


def verify(store: Store, run_id: str) -> list[Finding]:
    """Compute every digest of a run again: chain, projection, objects, files, manifest.

    Raises AGI-STORE-021 for a run that was pruned: its export is what can be verified (`intake.verify_export`).
    """
    run = store.run(run_id)
    found = [
        Finding(
            "log", f"{run.event_count} links of the hash chain", tuple(chain_problems(store, run.run_id))
        ),
        Finding(
            "projection", "tables against a fold of the log", tuple(projection_problems(store, run.run_id))
        ),
        Finding("objects", "artifacts, values and source by digest", tuple(object_words(store, run.run_id))),
    ]
    path = store.workspace.run_folder(run.run_id) / "run_manifest.json"
    try:
        manifest = read_document(path, RunManifest)
    except AgiError as problem:
        text = problem.what + (f" ({problem.found})" if problem.found else "")
        return [*found, Finding("manifest", path.name, (text,))]
    return [
        *found,
        Finding(
            "manifest",
            "its digest and chain head against the log",
            tuple(_manifest(store, run.run_id, manifest)),
        ),
        Finding(
            "files",
            f"{len(manifest.artifacts) + len(manifest.reduce) + len(manifest.logs)} files that the manifest lists",
            tuple(_files(store, manifest)),
        ),
    ]


def _manifest(store: Store, run_id: str, manifest: RunManifest) -> Iterator[str]:
    path = store.workspace.run_folder(run_id) / "run_manifest.json"
    if manifest.run_id != run_id:
        yield f"the manifest is that of run {manifest.run_id}"
    written = manifest_of(store.db, run_id)
    if written is None:
        yield "the log does not know of a manifest"
    elif sha256_file(path) != written:
        yield "run_manifest.json has other bytes than the log says were written"
    head = manifest.execution.log
    event = next(iter(store.events(run_id, after=head.events - 1)), None)
    if event is None or event.run_seq != head.events or event.sha256 != head.head:
        yield f"the chain head in the manifest is not that of event {head.events}"


def _files(store: Store, manifest: RunManifest) -> Iterator[str]:
    folder = store.workspace.run_folder(manifest.run_id)
    for file in (*manifest.artifacts, *manifest.reduce, *manifest.logs):
        place = folder / file.path
        if not place.is_file():
            yield f"{file.path}: missing{_whole(store, file.digest, place)}"
        elif place.stat().st_size != file.size or sha256_file(place) != file.digest:
            yield f"{file.path}: other bytes than the manifest says{_whole(store, file.digest, place)}"


def _whole(store: Store, digest: str, place: Path) -> str:
    """How a file that is only a readable name of an object is put right, where that is whole."""
    if not store.objects.is_whole(digest):
        return ""
    folder = "" if place.parent.is_dir() else f"{shlex.join(['mkdir', '-p', str(place.parent)])} && "
    link = shlex.join(["ln", "-f", str(store.objects.path(digest)), str(place)])
    return f"; the store has them: {folder}{link}"
