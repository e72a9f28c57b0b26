"""Trying one stage on the real inputs of the last run, without recording anything."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agi_node.canonical import untag
from agi_node.errors import FAILED, AgiError
from agi_node.handover import in_words
from agilab.engine.graph import Graph
from agilab.engine.order import execute_order
from agilab.engine.reuse import CacheKey, Decision, Execute, reuse_of
from agilab.engine.state import Unit
from agilab.envs.worker_process import ask
from agilab.flow.preview import Walk
from agilab.projects.execution import Faces
from agilab.projects.inputs import FileDigests
from agilab.projects.machine import cores
from agilab.store.store import Store
from agilab.store.transitions import WITH_VALUE
from agilab.store.workspace import Workspace
from agilab.workflow.running.execution import last_run
from agilab.workflow.running.graph import lab_graph
from agilab.workflow.running.prepare import Lab, prepare_lab
from agilab.workflow.running.tasks import StageTasks

PATIENCE_S = 600.0
LOG_LINES = 200


@dataclass(frozen=True)
class Trial:
    """What came of a trial.

    Attributes:
        unit: The unit that was tried: of a mapped stage one of many.
        log: What the code printed, its last lines.
        values: What each output value is, in words.
        shown: The text of the last expression.
        files: The files that outputs name, relative to `folder`, where they were asked for.
        error: What went wrong, as an error's plain form.
    """

    unit: str
    status: str
    seconds: float
    log: str
    values: Mapping[str, str]
    shown: str | None
    files: Sequence[str]
    error: Mapping[str, Any] | None

    @property
    def passed(self) -> bool:
        return self.status in ("succeeded", "skipped")

    def to_plain(self) -> dict[str, Any]:
        """The outcome as JSON."""
        return {
            "status": self.status,
            "unit": self.unit,
            "seconds": self.seconds,
            "log": self.log,
            "values": dict(self.values),
            "shown": self.shown,
            "files": list(self.files),
            "error": dict(self.error) if self.error else None,
        }


def try_stage(
    lab: Lab,
    stage: str,
    workspace: Workspace | None = None,
    faces: Faces = Faces(),
    *,
    key: str | None = None,
    rows: int | None = None,
    keep: Path | None = None,
    offline: bool = False,
) -> Trial:
    """Run a stage as it is now on what the last run recorded above it; nothing is recorded.

    Args:
        key: Which unit of a mapped stage; the first one where it is not said.
        rows: Only so many rows of each table that it reads.
        keep: A folder that gets the files that the stage promises; without it nothing stays.

    Raises AGI-STAGE-039 where the last run has no result of a stage above, and what keeps a run from beginning.
    """
    workspace = (workspace or Workspace.default()).ensure()
    if stage not in lab.resolved.stages:
        raise AgiError(
            "AGI-STAGE-040",
            "the lab has no stage of that name that runs",
            found=stage,
            allowed=", ".join(lab.resolved.order),
        )
    with (
        Store(workspace) as store,
        tempfile.TemporaryDirectory(prefix="agilab-try-") as scratch,
        ExitStack() as stack,
    ):
        prepared = prepare_lab(store, lab, offline=offline, say=faces.say)
        graph = lab_graph(prepared)
        node = next(node for node in graph.nodes if node.name == stage)
        run_id = last_run(store, lab).run_id if node.needs else ""
        called = {app.stage: app.spec(Path(scratch), 1).roots for app in prepared.apps.values()}
        digests = stack.enter_context(closing(FileDigests(workspace.cache)))
        tasks = StageTasks(store, run_id, graph, prepared.roots, called=called, digests=digests)
        walk = Walk(tasks, _above(graph, stage), _Recorded(store, run_id, stage), prepared.codes)
        walk.steps()
        unit = _unit(walk, stage, key, run_id)
        folder = Path(scratch)
        task = tasks.task(unit, node, walk.payload(unit), walk.state.inputs(unit), "try", folder)
        if rows is not None and task.inputs:
            _only(rows, task.inputs)
        spec = prepared.specs(folder, cores())[node.environment]
        faces.say(f"trying {unit.unit_id}")
        order = execute_order(task, folder / "log")
        done = ask(spec, folder / "worker.log", order, "done", timeout_s=node.policy.timeout_s or PATIENCE_S)
        return _told(unit.unit_id, done, folder, keep)


class _Recorded:
    """Everything above the stage is what the last run recorded, whatever its code is now."""

    def __init__(self, store: Store, run_id: str, stage: str) -> None:
        self._store = store
        self._run_id = run_id
        self._stage = stage

    def decide(self, unit: Unit, node: Any, key: CacheKey | None) -> Decision:
        if unit.node == self._stage or not self._run_id:
            return Execute()
        known = {row.unit_id: row.state for row in self._store.units(self._run_id, node=unit.node)}
        if known.get(unit.unit_id) not in WITH_VALUE:
            return Execute(f"{unit.unit_id} has no result in run {self._run_id}")
        body = self._store.result(self._run_id, unit.unit_id)
        return reuse_of(self._run_id, unit.unit_id, body, why="as recorded")

    def expanded(self, node: str, rows: Sequence[Mapping[str, Any]], under: Unit | None) -> dict[str, Any]:
        return {}


def _above(graph: Graph, stage: str) -> Graph:
    """The stage and everything that it needs."""
    by_name = {node.name: node for node in graph.nodes}
    wanted, todo = set(), [stage]
    while todo:
        name = todo.pop()
        if name not in wanted:
            wanted.add(name)
            todo += by_name[name].needs
    return Graph(tuple(node for node in graph.nodes if node.name in wanted), keep_going=graph.keep_going)


def _unit(walk: Walk, stage: str, key: str | None, run_id: str) -> Unit:
    units = walk.state.nodes[stage].units
    chosen = [unit for unit in units if key is None or key in (unit.key, unit.unit_id)]
    if chosen and all(given is not None for given in walk.state.inputs(chosen[0]).values()):
        waiting = [
            other.unit_id
            for given in walk.state.inputs(chosen[0]).values()
            for other in (given if isinstance(given, list) else [given])
            if other is not None and other.state not in WITH_VALUE
        ]
        if not waiting:
            return chosen[0]
        raise _no_inputs(stage, f"{', '.join(waiting[:3])} without a result in run {run_id}")
    if units and key is not None:
        raise AgiError(
            "AGI-STAGE-041",
            f"stage {stage} has no unit of that key",
            found=key,
            allowed=", ".join(unit.key for unit in units[:8]),
        )
    raise _no_inputs(stage, f"what it walks has no result in run {run_id or '(none)'}")


def _no_inputs(stage: str, found: str) -> AgiError:
    return AgiError(
        "AGI-STAGE-039",
        f"stage {stage} cannot be tried: the last run left nothing for it to work on",
        found=found,
        allowed="a last run in which everything above the stage succeeded",
        try_="agilab workflow run",
        exit_code=FAILED,
    )


def _only(rows: int, inputs: Path) -> None:
    given = json.loads(inputs.read_bytes())
    for form in given["values"].values():
        for one in [entry[1] for entry in form["items"]] if form["kind"] == "many" else [form]:
            if one["kind"] in ("parquet", "arrow"):
                one["head"] = rows
    inputs.write_text(json.dumps(given, ensure_ascii=False), encoding="utf-8")


def _told(unit: str, done: Mapping[str, Any], folder: Path, keep: Path | None) -> Trial:
    staging = folder / "staging" / "try"
    value: dict[str, Any] = {}
    if done["status"] == "succeeded":
        file = done.get("value_file")
        value = untag(json.loads((staging / file).read_bytes()) if file else done["value"])
    artifacts = {entry["name"]: entry for entry in done["artifacts"]}
    files = {path: name for listed in value.get("files", {}).values() for path, name in listed.items()}
    if keep is not None:
        for path, name in files.items():
            target = keep / path
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(staging / artifacts[name]["file"], target)
    log = folder / "log"
    lines = log.read_text("utf-8", "replace").splitlines() if log.exists() else []
    return Trial(
        unit,
        done["status"],
        round(done["duration_us"] / 1e6, 3),
        "\n".join(lines[-LOG_LINES:]),
        {name: in_words(form, artifacts) for name, form in value.get("values", {}).items()},
        value.get("shown"),
        sorted(files),
        done["error"],
    )
