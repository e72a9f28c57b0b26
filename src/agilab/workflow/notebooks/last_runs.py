"""What runs wrote into a lab since a notebook was made of it: it is not put back by importing that notebook."""

from __future__ import annotations

from datetime import datetime

from agi_node.errors import AgiError
from agilab.contracts.base import parse_document
from agilab.contracts.lab_stages import LabStages, LastRun


def with_newer_runs(lab: LabStages, previous: str, *, own: bool) -> LabStages:
    """The lab with each `last_run` that is newer in the document it replaces; of two at one time, that document's.

    Args:
        previous: The text of that document; one that cannot be read has nothing to keep.
        own: Whether the notebook was made of that very lab. Of any other, only stages with the same code are the same.
    """
    try:
        before = {stage.id: stage for stage in parse_document(previous, LabStages, "the lab").stages}
    except AgiError:
        return lab
    stages = []
    for stage in lab.stages:
        old = before.get(stage.id)
        same = old is not None and (
            own or (old.code, old.file, old.app) == (stage.code, stage.file, stage.app)
        )
        if old is not None and same and _newer(old.last_run, stage.last_run):
            stage = stage.with_changes(last_run=old.last_run)
        stages.append(stage)
    return lab.with_changes(stages=tuple(stages))


def _newer(one: LastRun | None, other: LastRun | None) -> bool:
    if one is None or other is None:
        return one is not None
    return datetime.fromisoformat(one.at) >= datetime.fromisoformat(other.at)
