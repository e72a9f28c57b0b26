"""Which runs are a lab's own. Runs stand under the name of its folder, and several folders may have one name.

A run says where its lab lay, as a digest; a lab that was moved, renamed or copied knows by its stages' `last_run` what
it ran. Under another name a run counts where most of its stages speak of that lab: one that was pasted into another lab
brings no values along.
"""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

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
    here = path.resolve()
    app = subject("lab", here.parent.name)
    other = _from_elsewhere(store, app, place_of(path), lab)
    return heapq.merge(_under(store, app, here, lab), other, key=lambda run: run.run_id, reverse=True)


def _under(store: Store, app: str, path: Path, lab: LabStages) -> Iterator[RunRow]:
    """Those that stand under its name, newest first."""
    here, named, offset = place_of(path), {*_named(lab).values()}, 0
    only_one = len(labs_called(path.parent.name, store.workspace)) <= 1
    while found := store.runs(app=app, limit=_AT_ONCE, offset=offset):
        for run in found:
            place = store.created(run.run_id).get("lab_place")
            if run.run_id in named or place == here or (place is None and only_one):
                yield run
        offset += _AT_ONCE


def _from_elsewhere(store: Store, app: str, here: str, lab: LabStages) -> list[RunRow]:
    """Those that its stages name and that stand under another one, newest first: before it was renamed, or copied."""
    named = _named(lab)
    heads = {name: run for name in {*named.values()} if (run := next(_line(store, name), None))}
    others = {name: run for name, run in heads.items() if run.app != app}
    if not others:
        return []
    lines = {name: list(_line(store, name)) for name in heads}
    places = {
        run.run_id: store.created(run.run_id).get("lab_place") for line in lines.values() for run in line
    }
    own = {name for name, place in places.items() if place == here}
    for origin in {(run.app, places[name]) for name, run in others.items()}:
        mine = {name for name, run in others.items() if (run.app, places[name]) == origin}
        stages = {row.node for row in store.nodes(max(mine)) if "/" not in row.node}
        if 2 * sum(named.get(stage) in mine for stage in stages) > len(stages):
            own |= mine
    families = [{run.run_id for run in line} for line in lines.values()]
    while more := [family for family in families if family & own and not family <= own]:
        own = own.union(*more)
    return sorted(
        (run for name, run in others.items() if name in own), key=lambda run: run.run_id, reverse=True
    )


def _line(store: Store, name: str) -> Iterator[RunRow]:
    """A run, the one that it followed, and so on; as far as they are (still) in this workspace."""
    following: str | None = name
    while following is not None:
        try:
            run = store.run(following)
        except AgiError:
            return
        if run.run_id != following:  # a text that only begins like it
            return
        yield run
        following = run.parent_run_id


def _named(lab: LabStages) -> dict[str, str]:
    """The last run of each stage that has one."""
    return {stage.id: stage.last_run.run for stage in lab.stages if stage.last_run is not None}


def lab_of(store: Store, run: RunRow) -> Path:
    """The document of the lab that a run is of. Raises AGI-STAGE-036 where it is not there any more."""
    _, name = kind_of(run.app)
    place = store.created(run.run_id).get("lab_place")
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
