"""Exports to look at and to forge: made of a run of the real engine, opened as plain files, and zipped again."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agi_node.errors import AgiError
from agilab.evidence.intake import import_run, verify_export
from agilab.projects.finish import finish
from agilab.store.store import Store
from agilab.store.workspace import Workspace
from tests.evidence.conftest import run_demo

Change = Callable[[dict[str, bytes]], None]


def finished(store: Store) -> str:
    """A run with reduce artefacts, an artifact of each unit, and a manifest."""
    run = run_demo(store, [0, 1, 2])
    logs = store.workspace.run_folder(run) / "logs"
    logs.mkdir(exist_ok=True)
    (logs / "units_w0.log").write_text("what a unit printed\n")
    (logs / "w0.log").write_text("the worker's own, with paths of this machine\n")
    finish(store, run, delivery=None, patience_s=0.0, seconds=lambda: 0.0)
    return run


def contents(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as zipped:
        return {name: zipped.read(name) for name in zipped.namelist()}


def rezipped(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as zipped:
        for name, data in files.items():
            zipped.writestr(name, data)
    return path


def with_index(files: dict[str, bytes], **changes: Any) -> None:
    """Make the index agree with the files again, as somebody who forges an export would."""
    index = json.loads(files["export.json"])
    index["files"] = [
        {"path": name, "size": len(data), "digest": hashlib.sha256(data).hexdigest()}
        for name, data in sorted(files.items())
        if name != "export.json"
    ]
    files["export.json"] = json.dumps({**index, **changes}).encode()


def refused(path: Path, elsewhere: Workspace) -> AgiError:
    """The error of importing this, which wrote nothing."""
    with pytest.raises(AgiError) as caught:
        import_run(path, elsewhere)
    assert not elsewhere.home.exists()
    with pytest.raises(AgiError) as again:
        verify_export(path)
    assert again.value.code == caught.value.code
    return caught.value


def forged(files: dict[str, bytes], **changes: Any) -> None:
    """Change fields of the first events of some kinds, and make the whole chain agree again."""
    events = [json.loads(line) for line in files["log.jsonl"].splitlines()]
    for kind, fields in changes.items():
        next(event for event in events if event["kind"] == kind).update(fields)
    head = "0" * 64
    for event in events:
        names = ("run_id", "run_seq", "at_us", "kind", "unit_id", "attempt_id", "body")
        text = "\n".join([head, *("" if event[name] is None else str(event[name]) for name in names)])
        head = event["sha256"] = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
    files["log.jsonl"] = b"".join(json.dumps(event).encode() + b"\n" for event in events)
    with_index(files, head=head, events=len(events))
