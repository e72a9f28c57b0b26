"""`agilab store export`: one run as a folder or a zip that a stranger can verify without AGILab.

    export.json      which run, the head of its log, every other file with size and SHA-256
    README.txt       what this is, and forty lines of Python that verify it
    log.jsonl        the events, one a line, with the very text that the hash chain covers
    run/             what a reader looks for: manifest, reduce artefacts, artifacts, what units printed
    objects/ab/cd…   whatever else the log refers to, by digest: values, plan, source

An object that has a readable name below run/ is not there a second time.
"""

from __future__ import annotations

import filecmp
import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agi_node.canonical import sha256_file
from agi_node.errors import AgiError
from agilab.contracts.base import parse_document
from agilab.contracts.run_export import RunExport
from agilab.contracts.run_manifest import RunManifest
from agilab.store.archive import ZIP, unwritable, write_folder, write_zip
from agilab.store.check import chain_problems, object_problems, projection_problems
from agilab.store.events import Event
from agilab.store.leftovers import owned
from agilab.store.references import NameReader
from agilab.store.rows import RunRow
from agilab.store.seal import manifest_of
from agilab.store.store import Store

INDEX, README, LOG, MANIFEST = "export.json", "README.txt", "log.jsonl", "run/run_manifest.json"
_FIELDS = ("run_id", "run_seq", "at_us", "kind", "unit_id", "attempt_id", "body", "sha256")
_ENCODE = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode

_README = """\
Run {run_id} of {app}, exported by AGILab.

run/         what the run left: manifest, reduced results, artifacts, what its units printed
log.jsonl    everything that happened in it, one event a line
objects/     whatever else the log refers to, each file named by the SHA-256 of its bytes
export.json  every file with its size and SHA-256, and the head of the log

The events form a hash chain: each digest covers the one before, the log names the manifest by its digest, and the
manifest every file below run/. To verify that without AGILab, run this with Python 3 in this folder, and compare the
head that it prints with one kept elsewhere; whoever changes anything and makes all of it agree again gets another head.

{verifier}
With AGILab: `agilab store import` of this folder or zip verifies it and brings the run back; with `--dry-run` it
verifies only. That also looks whether every object that the log refers to is here, and whether the events are legal.
"""

VERIFIER = """\
import hashlib, json

def sure(holds, otherwise):
    if not holds:
        raise SystemExit("NOT WHOLE: " + otherwise)

head, manifest = "0" * 64, None
for line in open("log.jsonl", encoding="utf-8", newline="\\n"):
    event = json.loads(line)
    names = ("run_id", "run_seq", "at_us", "kind", "unit_id", "attempt_id", "body")
    text = "\\n".join([head, *("" if event[name] is None else str(event[name]) for name in names)])
    head = hashlib.sha256(text.encode("utf-8")).hexdigest()
    sure(head == event["sha256"], f"event {event['run_seq']} was changed")
    if event["kind"] == "manifest_written":
        manifest = json.loads(event["body"])["digest"]
index = json.load(open("export.json", encoding="utf-8"))
sure(head == index["head"], "the log does not end where the index says")
run = {}
for file in index["files"]:
    path, digest = file["path"], file["digest"]
    with open(path, "rb") as opened:
        sure(hashlib.sha256(opened.read()).hexdigest() == digest, f"{path} was changed")
    sure(path[:8] != "objects/" or path == f"objects/{digest[:2]}/{digest[2:]}", f"{path} has the name of another")
    if path[:4] == "run/":
        run[path[4:]] = digest
if manifest:
    sure(run.pop("run_manifest.json", "") == manifest, "run_manifest.json is not the one that the log names")
    listed = json.load(open("run/run_manifest.json", encoding="utf-8"))
    listed = {file["path"]: file["digest"] for part in ("artifacts", "reduce", "logs") for file in listed[part]}
    for path in sorted(run.keys() | listed.keys()):
        sure(run.get(path) == listed.get(path), f"run/{path} is not what the manifest lists")
else:
    print("The run left no manifest: for the files below run/ only the index vouches, which has no head.")
print(f"{len(index['files'])} files and {index['events']} events are whole; head {head}")
"""


@dataclass(frozen=True)
class Exported:
    """What was written where; `already` where the very same bytes lay there before."""

    run_id: str
    path: Path
    files: int
    bytes: int
    head: str
    manifest: str | None
    already: bool

    def to_plain(self) -> dict[str, Any]:
        """The same as JSON."""
        return {
            "status": "succeeded",
            "run_id": self.run_id,
            "path": str(self.path),
            "files": self.files,
            "bytes": self.bytes,
            "head": self.head,
            "manifest": self.manifest,
            "already": self.already,
        }


def export_run(store: Store, name: str, target: Path | None = None) -> Exported:
    """Write one run that has ended; by default to RUN_ID.zip here. The same run gives the same bytes every time.

    Nothing is exported that would not verify: AGI-STORE-031 names what differs. Raises AGI-STORE-030 for a run that
    has not ended or that a process is at, AGI-STORE-032 where `target` holds something else, AGI-STORE-033 where
    the disk refuses.
    """
    run = store.run(name)
    target = Path(f"{run.run_id}{ZIP}") if target is None else target
    if run.state == "running" or owned(store.workspace.run_folder(run.run_id)):
        raise _not_ended(run)
    store.db.execute("BEGIN")  # a note that is added meanwhile is not half in it
    try:
        return _export(store, store.run(run.run_id), target)
    finally:
        store.db.execute("ROLLBACK")


def _export(store: Store, run: RunRow, target: Path) -> Exported:
    for problem in (
        *chain_problems(store, run.run_id),
        *projection_problems(store, run.run_id),
        *object_problems(store, run.run_id),
    ):
        raise _not_whole(run, problem)
    with tempfile.TemporaryDirectory(prefix="agilab-export-") as made:
        manifest = manifest_of(store.db, run.run_id)
        files = {**_readable(store, run, manifest), **_written(store, run, Path(made))}
        digests = {path: sha256_file(place) for path, place in files.items()}
        named = set(digests.values())
        for digest in sorted(_objects(store, run) - named):
            path = f"objects/{digest[:2]}/{digest[2:]}"
            files[path], digests[path] = store.objects.path(digest), digest
        index = RunExport.model_validate(
            {
                "run_id": run.run_id,
                "app": run.app,
                "state": run.state,
                "events": run.event_count,
                "head": run.head,
                "manifest": manifest,
                "files": [
                    {"path": path, "size": files[path].stat().st_size, "digest": digests[path]}
                    for path in sorted(files)
                ],
            }
        )
        files[INDEX] = Path(made) / INDEX
        files[INDEX].write_text(index.text(), encoding="utf-8", newline="\n")
        already = _put(target, files)
    total = sum(file.size for file in index.files)
    return Exported(run.run_id, target, len(files), total, run.head, manifest, already)


def _readable(store: Store, run: RunRow, manifest: str | None) -> dict[str, Path]:
    """Files below run/: what the manifest lists, from where its bytes are known to be right."""
    folder = store.workspace.run_folder(run.run_id)
    files = {f"run/{row.place}": store.objects.path(row.digest) for row in store.artifacts(run.run_id)}
    if manifest is None:
        for pattern in ("logs/units_*.log", "reduce_summary*.json"):
            files |= {f"run/{path.relative_to(folder).as_posix()}": path for path in folder.glob(pattern)}
        return files
    files[MANIFEST] = store.objects.path(manifest)
    listed = parse_document(store.objects.read(manifest), RunManifest, "run_manifest.json")
    for file in (*listed.reduce, *listed.logs):
        place = folder / file.path
        if not place.is_file() or sha256_file(place) != file.digest:
            raise _not_whole(run, f"{file.path} is missing or has other bytes than the manifest says")
        files[f"run/{file.path}"] = place
    return files


def _written(store: Store, run: RunRow, made: Path) -> dict[str, Path]:
    verifier = "".join(f"    {line}\n" for line in VERIFIER.splitlines())
    text = _README.format(run_id=run.run_id, app=run.app, verifier=verifier)
    (made / README).write_text(text, encoding="utf-8", newline="\n")
    with (made / LOG).open("w", encoding="utf-8", newline="\n") as log:
        log.writelines(_lines(store, run.run_id))
    return {README: made / README, LOG: made / LOG}


def _lines(store: Store, run_id: str) -> Iterator[str]:
    for event in store.events(run_id):
        yield line_of(event)


def line_of(event: Event) -> str:
    """An event as a line of the exported log; its body stays text, for the chain covers that text."""
    return _ENCODE({name: getattr(event, name) for name in _FIELDS}) + "\n"


def _objects(store: Store, run: RunRow) -> set[str]:
    """Everything in the store that the run's log names, or a document that it names."""
    reader = NameReader(store.objects)
    seen: set[str] = set()
    for kind, body in store.db.execute("SELECT kind, body FROM event WHERE run_id=?", (run.run_id,)):
        seen.update(reader.names(kind, body))
    return {digest for digest in seen if digest in store.objects}


def _put(target: Path, files: dict[str, Path]) -> bool:
    """Write the files to `target`; says whether they lay there before."""
    zipped = target.suffix.lower() == ZIP
    try:
        if not target.exists() or (target.is_dir() and not zipped and not any(target.iterdir())):
            (write_zip if zipped else write_folder)(target, files)
            return False
        if zipped and target.is_file():
            with tempfile.TemporaryDirectory(prefix="agilab-export-") as made:
                again = Path(made) / target.name
                write_zip(again, files)
                if filecmp.cmp(again, target, shallow=False):
                    return True
    except OSError as problem:
        raise unwritable(target, problem) from problem
    raise AgiError(
        "AGI-STORE-032",
        f"{target} is there already, and holds something else",
        found="a folder that is not empty" if target.is_dir() else f"{target.stat().st_size:,} bytes",
        allowed="a new name, or an empty folder",
        try_=f"agilab store export RUN --to {target.with_name(target.stem + '-2' + target.suffix)}",
        exit_code=1,
    )


def _not_ended(run: RunRow) -> AgiError:
    return AgiError(
        "AGI-STORE-030",
        f"run {run.run_id} has not ended, or a process is at it",
        found=run.state,
        allowed="a run that has ended and left its evidence",
        try_=f"agilab runs resume {run.run_id}"
        if run.state == "running"
        else f"agilab runs show {run.run_id}",
        exit_code=1,
    )


def _not_whole(run: RunRow, problem: str) -> AgiError:
    return AgiError(
        "AGI-STORE-031",
        f"run {run.run_id} is not exported, because the export would not verify",
        found=problem,
        allowed="a run whose log, tables, objects and files are as they were written",
        try_=f"agilab runs verify {run.run_id}",
        whose="environment",
        exit_code=1,
    )
