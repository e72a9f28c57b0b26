"""What a notebook showed when it and its lab last agreed: when it was exported, or last imported.

Fingerprints below `cache/`, by notebook and lab. Without them what was decided at an import is asked again.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from agi_node.errors import AgiError
from agilab.contracts.atomic import write_atomically
from agilab.contracts.base import parse_document
from agilab.contracts.lab_stages import Lab, LabStages, Stage
from agilab.notebooks.supervisor.base import mark_of, remembered, words_id
from agilab.notebooks.supervisor.prints import Prints, digest_of, prints_of
from agilab.notebooks.supervisor.read_back import ReadBack
from agilab.store.workspace import Workspace
from agilab.workflow.document.locate import FILE, read_lab_file
from agilab.workflow.notebooks.agreed import Digests, agreed, digests_of, with_import
from agilab.workflow.notebooks.paired import of_the_notebook


def given(notebook: Path, lab: Path) -> dict[str, Any]:
    """What is remembered of a notebook and a lab, as `Base.later` takes it, for the lab's document as it lies there.

    One that is again as it was before an import has nothing of that: somebody took it back (`agreed`).
    """
    try:
        there = read_lab_file(lab).lab
    except (OSError, AgiError):
        there = None
    return agreed(_history(_place(notebook, lab)), None if there is None else digests_of(there))


def remember(
    notebook: Path,
    lab: Path,
    found: ReadBack,
    previous: str,
    now: LabStages,
    names: Mapping[str, str] | None = None,
) -> None:
    """Remember an import: what the notebook says, and which stage is which in the document that came of it.

    `previous` is the text of the document before, empty where there was none; `names` are the keys of the stages of
    that which came of it, for a lab that was joined.
    """
    base = found.base
    mine = of_the_notebook(found, base)
    own = {stage.id: key for key, stage in mine.items()}
    called = {stage.id: (names or own).get(stage.id, stage.id) for stage in now.stages}
    known = {name: key for name, key in called.items() if key in mine}
    missing = {name: key for name, key in own.items() if name not in called and key not in known.values()}
    place = _place(notebook, lab)
    history = [one for one in _history(place) if not base.mark or one.get("mark") in ("", base.mark)]
    what = {
        "mark": base.mark,
        "lab": _said(found.document.lab, base.lab.fields, found.unsaid.get("", ())),
        "stages": {
            key: _said(stage, base.of_stage(key).fields, found.unsaid.get(stage.id, ()))
            for key, stage in mine.items()
        },
        "names": {**missing, **known},
        "cells": {**base.cells, **{cell: own[name] for name, cell in found.cells.items() if name in own}},
        "after": digests_of(now),
    }
    _write(place, with_import(history, what, base.number, _digests(previous)))


def _said(record: Lab | Stage, before: Prints | None, unsaid: Collection[str]) -> dict[str, Any]:
    """What a record says; of what no cell speaks it is what was known before."""
    found = prints_of(record)
    if before is None:
        return found
    kept = {name: before[name] for name in unsaid if name in before}
    return {**{name: value for name, value in found.items() if name not in unsaid}, **kept}


def remember_export(notebook: Path, lab: Path, document: LabStages) -> None:
    """Remember an export, in the place of any import before it."""
    stages = {stage.id: prints_of(stage) for stage in document.stages}
    mark = mark_of(remembered(document))
    names = {name: name for name in stages}
    cells = {words_id(name): name for name in stages}
    said = prints_of(document.lab)
    about = {"mark": mark, "lab": said, "stages": stages, "names": names, "cells": cells}
    _write(_place(notebook, lab), with_import([], {**about, "after": digests_of(document)}, None, None))


def _digests(text: str) -> Digests | None:
    """What a document says by its text; None of one that cannot be read, or is not there."""
    try:
        return digests_of(parse_document(text, LabStages, FILE)) if text else None
    except AgiError:
        return None


def _history(place: Path) -> list[dict[str, Any]]:
    try:
        found = json.loads(place.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    imports = found.get("imports") if isinstance(found, dict) else None
    return [one for one in imports if isinstance(one, dict)] if isinstance(imports, list) else []


def _write(place: Path, imports: Sequence[Mapping[str, Any]]) -> None:
    with suppress(OSError):  # a cache: what cannot be kept is asked for
        place.parent.mkdir(parents=True, exist_ok=True)
        what = {"imports": list(imports)}
        write_atomically(place, json.dumps(what).encode())  # in its order, which is that of the stages


def _place(notebook: Path, lab: Path) -> Path:
    name = digest_of(f"{notebook.resolve()}\n{lab.resolve()}")[:32]
    return Workspace.default().cache / "notebooks" / f"{name}.json"
