"""What a run writes back into its document: for each stage that took part, what its last run was and what was run."""

from __future__ import annotations

import datetime
import re
import shlex
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from agi_node.canonical import sha256_bytes
from agi_node.errors import AgiError
from agilab.contracts.base import read_document, write_document
from agilab.contracts.lab_stages import LabStages, LastRun, Stage
from agilab.contracts.timestamps import timestamp
from agilab.engine.rerun import selection_of
from agilab.store.rows import NodeRow, UnitRow
from agilab.store.store import Store
from agilab.store.transitions import FAILED, GOOD, REUSED, SKIPPED, SUCCEEDED
from agilab.store.worked import worked_together
from agilab.tracking.stages import RunStages
from agilab.workflow.document.locate import read_lab_file
from agilab.workflow.running.app_stages import is_of
from agilab.workflow.running.code import text_of


def write_back(store: Store, run_id: str, path: Path, *, tell: Callable[[str], None]) -> None:
    """Write `last_run` into each stage that the run has, as the document is now; everything else stays, byte for byte.

    What was run (prompt, model, code) is told as the run had it. A stage whose code has been edited meanwhile keeps
    what it says, for it is not what was run; so does one of which nothing was run since the result of its last run
    was used again, and one of which a run speaks that began later. A document that cannot be read or written any more
    keeps what it says: the log has it all.
    """
    lasts = _Lasts(store, run_id)
    try:
        document = read_document(path, LabStages)
        edited = [stage.id for stage in document.stages if lasts.edited(stage, path.parent)]
        stages = tuple(
            stage.with_changes(last_run=lasts.of(stage))
            if stage.id in lasts.nodes and stage.id not in edited
            else stage
            for stage in document.stages
        )
        if stages != document.stages:
            write_document(path, document.with_changes(stages=stages))
    except AgiError as problem:
        tell(f"{path.name} keeps what it said of the last run: {_why(path, problem)}")
        return
    if edited:
        tell(
            f"{', '.join(edited)}: {path.name} has other code now than was run, so what it says of the last run stays"
        )


def _why(path: Path, problem: AgiError) -> str:
    """Why nothing is written; of a file of version 1, which is never edited, with the command that migrates it."""
    try:
        if read_lab_file(path).dialect == "v1":
            return f"it is of version 1 (agilab workflow migrate {shlex.quote(str(path))})"
    except AgiError:
        pass
    return problem.what


class _Lasts:
    """What became of each stage in a run, from the log."""

    def __init__(self, store: Store, run_id: str) -> None:
        self.nodes = {node.node: node for node in store.nodes(run_id)}
        self._store = store
        self._run_id = run_id
        self._stages = RunStages.read(store, run_id)
        self._selection = selection_of(store, run_id)
        self._units: dict[str, list[UnitRow]] = {}
        for unit in store.units(run_id):
            self._units.setdefault(unit.node, []).append(unit)
        kinds = ("tracking_recorded",)
        self._tracked = any(
            event.data.get("state") == "delivered" for event in store.events(run_id, kinds=kinds)
        )

    def edited(self, stage: Stage, folder: Path) -> bool:
        """Whether a stage that the run has is another one in the document now: other code, or another app."""
        asked = self._stages.asked.get(stage.id)
        if stage.id not in self.nodes or asked is None:
            return False
        if (asked.kind, asked.app) != (stage.kind, stage.app):
            return True
        if stage.app is not None:
            return False
        try:
            code = text_of(stage, folder)
        except AgiError:  # its file is gone
            return True
        return (sha256_bytes(code.encode()) if code else None) != self._stages.code(stage.id)

    def of(self, stage: Stage) -> LastRun:
        """The last run of a stage that the run has: this one, or the one before where its result was used."""
        parts = [node for name, node in self.nodes.items() if is_of(name, stage.id)]
        units = [unit for node in parts for unit in self._units.get(node.node, ())]
        state, old = state_together(self.nodes[stage.id], parts, units), stage.last_run
        if old is not None and _began(old.run) > _began(self._run_id):
            return old  # two runs at one time: the last one is the same here as for `agilab runs show last`
        if state not in GOOD and old is not None and not self._selection.judges(stage.id):
            return old  # another stage alone was asked for
        if state in GOOD and old is not None and old.status in GOOD and _only_used(units):
            again = [unit.unit_id for unit in units if unit.state == REUSED]
            if all(self._maker(self._run_id, unit) == self._maker(old.run, unit) for unit in again):
                return old
        return self._this(stage, parts, units, state)

    def _this(self, stage: Stage, parts: list[NodeRow], units: list[UnitRow], state: str) -> LastRun:
        own, asked = self.nodes[stage.id], self._stages.asked.get(stage.id, stage)
        ended = own.finished_us or max(node.finished_us or node.started_us or 0 for node in parts)
        counts = Counter(unit.state for unit in units)
        took = worked_together(unit for unit in units if unit.worker)
        said: dict[str, Any] = {} if took is None else {"seconds": round(took, 3)}
        if counts.total() > 1:
            said["units"] = dict(sorted(counts.items()))
        return LastRun(
            run=self._run_id,
            status=state,
            at=timestamp(datetime.datetime.fromtimestamp(ended / 1e6, datetime.UTC)),
            tracked_as=self._run_id if self._tracked else None,
            prompt=asked.question or None,
            model=asked.model or None,
            runtime=asked.kind,
            code=self._stages.code(stage.id),
            environment=self._stages.environment(stage.id),
            **said,
        )

    def _maker(self, run: str, unit: str) -> str:
        """The run that made what a run has as the result of a unit: the run itself where it is gone."""
        maker: str = self._store.result(run, unit).get("from_run", run)
        return maker


def _began(run: str) -> str:
    """When a run began, as its id says it; ids of other kinds are older than any."""
    return found[0] if (found := re.match(r"\d{8}-\d{9}", run)) else ""


def _only_used(units: list[UnitRow]) -> bool:
    """Whether nothing of a stage was run, since what an earlier run had of it was used again."""
    rest = [unit for unit in units if unit.worker or not unit.attempts]  # what only gathers has no worker
    used = any(unit.state == REUSED for unit in rest)
    return used and all(unit.state in (REUSED, SKIPPED) and not unit.worker for unit in rest)


def state_together(own: NodeRow, parts: list[NodeRow], units: list[UnitRow]) -> str:
    """How a stage ended. One that calls an app and could not hand on what it promises failed where a step of it did.

    It was reused where nothing of it was run, and skipped where all of it had nothing to do.
    """
    if own.state not in (SUCCEEDED, REUSED, SKIPPED):
        return FAILED if any(node.state == FAILED for node in parts) else own.state
    worked = {
        unit.state for unit in units if unit.worker or not unit.attempts
    }  # what only gathers has no worker
    return worked.pop() if len(worked) == 1 else own.state
