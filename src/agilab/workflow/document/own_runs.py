"""Which runs are a lab's own. Runs stand under the name of its folder, and several folders may have one name.

A run says where its lab lay, as a digest; a lab that was moved or copied knows by its stages' `last_run` what it ran.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agi_node.errors import AgiError
from agilab.contracts.base import read_document
from agilab.contracts.lab_stages import LabStages
from agilab.contracts.subject import kind_of, subject
from agilab.store.rows import RunRow
from agilab.workflow.document.known import labs_called

if TYPE_CHECKING:
    from agilab.store.store import Store

_AT_ONCE = 50


def place_of(path: Path) -> str:
    """A digest of where a document lies, which tells places apart and says none."""
    return hashlib.sha256(str(path.resolve()).encode("utf-8", "surrogateescape")).hexdigest()


def own_runs(store: Store, path: Path, lab: LabStages) -> Iterator[RunRow]:
    """The runs of the lab whose document lies at `path`, newest first."""
    name = path.resolve().parent.name
    named = {stage.last_run.run for stage in lab.stages if stage.last_run is not None}
    here, offset = place_of(path), 0
    only_one = len(labs_called(name, store.workspace)) <= 1
    while found := store.runs(app=subject("lab", name), limit=_AT_ONCE, offset=offset):
        for run in found:
            place = _created(store, run).get("lab_place")
            if run.run_id in named or place == here or (place is None and only_one):
                yield run
        offset += _AT_ONCE


def lab_of(store: Store, run: RunRow) -> Path:
    """The document of the lab that a run is of. Raises AGI-STAGE-036 where it is not there any more."""
    _, name = kind_of(run.app)
    place = _created(store, run).get("lab_place")
    known = labs_called(name, store.workspace)
    there = [path for path in known if path.is_file()]
    for path in there:
        if place == place_of(path) or _names(path, run.run_id):
            return path
    if place is None and len(known) == 1 and there:  # the run is older than the note of its place
        return there[0]
    raise AgiError(
        "AGI-STAGE-036",
        f"the lab {name} is not where it was",
        found=", ".join(map(str, there or known)) or "this workspace never ran it",
        allowed="its folder at the same place",
        try_="agilab workflow run FOLDER",
    )


def _names(path: Path, run_id: str) -> bool:
    """Whether a lab says of a stage that this run was its last: it was moved, or is a copy."""
    try:
        stages = read_document(path, LabStages).stages
    except AgiError:
        return False
    return any(stage.last_run is not None and stage.last_run.run == run_id for stage in stages)


def _created(store: Store, run: RunRow) -> Mapping[str, Any]:
    first = next(iter(store.events(run.run_id, kinds=("run_created",))), None)
    return {} if first is None else first.data
