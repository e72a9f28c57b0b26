"""What became of a lab's stages in its last run or another one, and which of them are others since. Writes nothing."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from agi_node.errors import FAILED as FAULT
from agi_node.errors import AgiError
from agilab.contracts.datum import in_json
from agilab.contracts.lab_stages import LabStages, Stage
from agilab.contracts.subject import subject
from agilab.contracts.toml_matching import equal
from agilab.store.rows import NodeRow, RunRow, UnitRow
from agilab.store.store import Store
from agilab.store.transitions import GOOD
from agilab.store.worked import worked_together
from agilab.store.workspace import Workspace
from agilab.views.history import INTERRUPTED, state_of
from agilab.workflow.document.hidden import without_secrets
from agilab.workflow.document.locate import LabFile, parse_lab
from agilab.workflow.document.outcome import RunOutcome, StageOutcome
from agilab.workflow.document.own_runs import own_runs
from agilab.workflow.document.resolved import Resolved, ResolvedStage
from agilab.workflow.running.app_stages import is_of
from agilab.workflow.running.code import code_of, own_modules
from agilab.workflow.running.write_back import state_together

_MATTERS = (
    "runtime", "env", "workdir", "needs", "inputs", "outputs", "uses", "foreach", "zip", "require", "app", "args",
)  # fmt: skip
"""Keys of a stage by which a run of it would be another one; its code is told by itself."""


def outcome_of(
    file: LabFile, resolved: Resolved, workspace: Workspace, name: str | None = None
) -> RunOutcome | None:
    """What became of the stages that run now, in the newest run of the lab, or in the one that `name` says.

    None where there was no run and none was asked for. Raises what `Store.run` raises, AGI-STAGE-037 for a run of
    something else, -038 for the `last` of a lab that never ran.
    """
    if name is None and not workspace.db.exists():
        return None
    with Store(workspace, readonly=True) as store:
        run = _meant(store, file, name)
        return None if run is None else _read(store, run, file, resolved)


def _meant(store: Store, file: LabFile, name: str | None) -> RunRow | None:
    app = subject("lab", file.name)
    if name is not None and name != "last":
        run = store.run(name)
        if run.app != app and all(run.run_id != own.run_id for own in own_runs(store, file.path, file.lab)):
            raise AgiError(
                "AGI-STAGE-037",
                f"run {run.run_id} is not a run of {file.name}",
                found=run.app,
                allowed=app,
                try_=f"agilab runs list --app {shlex.quote(app)}",
                exit_code=FAULT,
            )
        return run
    newest = next(own_runs(store, file.path, file.lab), None)
    if newest is None and name is not None:
        raise AgiError(
            "AGI-STAGE-038",
            f"the lab {file.name} has no run",
            allowed="a run whose outcome can be shown",
            try_=f"agilab workflow run {shlex.quote(str(file.path))}",
            exit_code=FAULT,
        )
    return newest


def _read(store: Store, run: RunRow, file: LabFile, resolved: Resolved) -> RunOutcome:
    nodes = list(store.nodes(run.run_id))
    units: dict[str, list[UnitRow]] = {}
    for unit in store.units(run.run_id):
        units.setdefault(unit.node, []).append(unit)
    before = _Before(store, run, file.path)
    names, state = before.names(file.lab), state_of(store, run)
    stages = {}
    for name, one in resolved.stages.items():
        was = names.get(name)
        parts = [node for node in nodes if was is not None and is_of(node.node, was)]
        changed = tuple(before.changed(one, was, file)) if parts and was is not None else ()
        became = _outcome(was or name, parts, units, changed)
        interrupted = state == INTERRUPTED and became.state == "running"
        stages[name] = replace(became, state=INTERRUPTED) if interrupted else became
    still = {names.get(name) for name in resolved.stages}
    had = dict.fromkeys(node.node.partition("/")[0] for node in nodes)
    took = max(0, run.finished_us - run.created_us) / 1e6 if run.finished_us else None
    gone = tuple(name for name in had if name not in still)
    return RunOutcome(run.run_id, state, run.created_us, took, stages, gone)


def _outcome(
    stage: str, parts: list[NodeRow], units: Mapping[str, list[UnitRow]], changed: tuple[str, ...]
) -> StageOutcome:
    """What became of a stage, which may be several nodes where it calls an app."""
    own = next((node for node in parts if node.node == stage), None)
    if own is None:
        return StageOutcome(changed=changed)
    mine = [unit for node in parts for unit in units.get(node.node, ())]
    # The units of a mapped stage; of one that calls an app once, the items that the app worked.
    listed = [unit for unit in units.get(stage, ()) if unit.key] or [unit for unit in mine if unit.key]
    mapped = own.total > 1 or any(unit.key for unit in mine)
    return StageOutcome(
        _state(own, parts, mine),
        sum(unit.state in GOOD for unit in listed) if mapped else 0,
        len(listed) if mapped else 0,
        worked_together(unit for unit in mine if unit.worker),
        changed,
    )


def _state(own: NodeRow, parts: list[NodeRow], units: list[UnitRow]) -> str:
    """How a stage ended; where it has not, whether somebody is at it."""
    if own.finished_us is None and any(node.state == "running" for node in parts):
        return "running"
    return state_together(own, parts, units) if units else own.ending


class _Before:
    """The lab as a run had it: its document, the digests of its code, its params."""

    def __init__(self, store: Store, run: RunRow, path: Path) -> None:
        self._created: Mapping[str, Any] = store.created(run.run_id)
        text = store.objects.read(self._created["lab_digest"]).decode("utf-8")
        self._stages = {stage.id: stage for stage in parse_lab(text, path).lab.stages}
        self._codes: Mapping[str, str] = self._created.get("codes", {})
        self._modules: tuple[Path, dict[str, Path]] | None = None

    def names(self, lab: LabStages) -> dict[str, str]:
        """For each stage of the document as it is now what it was called in the run; none for one that is new."""
        found = {stage.id: stage.id for stage in lab.stages if stage.id in self._stages}
        gone = [stage for name, stage in self._stages.items() if name not in found]
        for stage in lab.stages:
            if stage.id not in found and (alike := [one for one in gone if _works_the_same(one, stage)]):
                found[stage.id] = alike[0].id
                gone.remove(alike[0])
        return found

    def changed(self, one: ResolvedStage, was: str, file: LabFile) -> Iterator[str]:
        """What is another since the run, in words: a new name, code (comments do not count), keys, params.

        What stands in an app, and what lies in the lab's folder, is not looked at: that is for a plan to tell.
        """
        asked = self._stages[was]
        if was != one.stage.id:
            yield f"was {was}"
        elif one.stage.app is None and self._code(one.stage, file) != self._codes.get(was):
            yield "code"
        old, new = _plain(asked), _plain(one.stage)
        yield from (key for key in _MATTERS if not equal(old.get(key), new.get(key)))
        yield from self._params(one, file.lab)

    def _code(self, stage: Stage, file: LabFile) -> str | None:
        if self._modules is None or self._modules[0] != file.folder:
            self._modules = (file.folder, own_modules(file.folder))
        try:
            return code_of(stage, file.lab, file.folder, self._modules[1]).digest
        except AgiError:  # its file is gone, or what it uses
            return None

    def _params(self, one: ResolvedStage, lab: LabStages) -> Iterator[str]:
        had, now = self._created.get("args", {}), in_json(without_secrets(lab.lab.params))
        for name in _params_of(one):
            if name in had and not equal(had[name], now.get(name)):
                yield f"param {name}"


def _params_of(one: ResolvedStage) -> Iterable[str]:
    """The params that a stage takes, or walks."""
    taken = [source for source in one.inputs if source.origin == "param"]
    walked = [axis.source for axis in one.axes if axis.source and axis.source.origin == "param"]
    return dict.fromkeys(source.name for source in (*taken, *walked))


def _works_the_same(one: Stage, other: Stage) -> bool:
    """Whether two stages of other names run the same, so that one is the other, renamed."""
    return (one.code, one.file, one.app, one.args) == (other.code, other.file, other.app, other.args)


def _plain(stage: Stage) -> dict[str, Any]:
    return stage.model_dump(mode="json", by_alias=True, exclude_defaults=True, include=set(_MATTERS))
