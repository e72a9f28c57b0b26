"""Trying one stage on the real inputs of the last run, without recording anything."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

from agi_node.canonical import untag
from agi_node.errors import FAILED, AgiError
from agi_node.handover import in_words
from agilab.engine.order import execute_order
from agilab.engine.rerun import standing_for
from agilab.engine.state import Unit
from agilab.envs.worker_process import ask
from agilab.projects.inputs import FileDigests
from agilab.projects.machine import cores
from agilab.projects.request import Faces
from agilab.store.store import Store
from agilab.store.workspace import Workspace
from agilab.workflow.document.named import refuse_unknown
from agilab.workflow.running.execution import last_run
from agilab.workflow.running.graph import lab_graph
from agilab.workflow.running.prepare import Lab, prepare_lab
from agilab.workflow.running.recorded import Recorded
from agilab.workflow.running.tasks import StageTasks
from agilab.workflow.running.trial_app import try_app
from agilab.workflow.running.trial_result import Trial, last_lines

__all__ = ["Trial", "try_stage"]
PATIENCE_S = 600.0


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
    refuse_unknown(stage, lab.resolved, lab.path)
    with (
        Store(workspace) as store,
        tempfile.TemporaryDirectory(prefix="agilab-try-") as scratch,
        ExitStack() as stack,
    ):
        prepared = prepare_lab(store, lab, offline=offline, say=faces.say)
        graph = lab_graph(prepared)
        node = next(node for node in graph.nodes if node.name == stage)
        run_id = standing_for(store, last_run(store, lab).run_id, node.needs) if node.needs else ""
        roots = {app.stage: app.spec(Path(scratch), 1).roots for app in prepared.apps.values()}
        digests = stack.enter_context(closing(FileDigests(workspace.cache)))
        tasks = StageTasks(store, run_id, graph, prepared.roots, called=roots, digests=digests)
        called = tasks.called(stage)
        begins = called.first if called else stage
        first = next(node for node in graph.nodes if node.name == begins)
        recorded = Recorded(store, run_id, graph, first)
        tasks.state, tasks.payload_of = recorded.state, recorded.payload
        unit = _unit(recorded, recorded.expand(tasks), stage, key, run_id)
        folder = Path(scratch)
        if called is not None:
            if rows is not None:
                raise _no_rows(stage)
            faces.say(
                f"trying {stage_unit(stage, unit)}: the whole of {prepared.apps[stage].prepared.app.name}"
            )
            return try_app(prepared.apps[stage], node, called.trial(unit), unit, folder, digests, keep)
        task = tasks.task(unit, node, recorded.payload(unit), recorded.state.inputs(unit), "try", folder)
        if rows is not None and task.inputs:
            _only(rows, task.inputs)
        spec = prepared.specs(folder, cores())[node.environment]
        faces.say(f"trying {unit.unit_id}")
        order = execute_order(task, folder / "log")
        done = ask(spec, folder / "worker.log", order, "done", timeout_s=node.policy.timeout_s or PATIENCE_S)
        return _told(unit.unit_id, done, folder, keep)


def _unit(recorded: Recorded, units: list[Unit], stage: str, key: str | None, run_id: str) -> Unit:
    """The unit that was asked for, of the node with which the stage begins; else the first that a run would begin."""
    chosen = [unit for unit in units if key is None or key in (unit.key, stage_unit(stage, unit))]
    if units and not chosen:
        raise AgiError(
            "AGI-STAGE-041",
            f"stage {stage} has no unit of that key",
            found=key,
            allowed=", ".join(unit.key for unit in units[:8]),
        )
    for unit in chosen:
        if not recorded.lacks(unit):
            return unit
    lacking = recorded.lacks(chosen[0] if chosen else None)
    what = f"{', '.join(lacking[:3])} without a result" if lacking else "an empty list to walk"
    raise _no_inputs(stage, f"{what} in run {run_id or '(none)'}")


def stage_unit(stage: str, unit: Unit) -> str:
    """What a person calls a unit: by its stage, whatever node it is of."""
    return f"{stage}{unit.unit_id[len(unit.node) :]}"


def _no_rows(stage: str) -> AgiError:
    return AgiError(
        "AGI-STAGE-042",
        f"stage {stage} calls an app, which takes no part of its tables",
        found="--rows",
        allowed="--rows of a stage that is code",
        try_=f"agilab workflow try {stage}",
    )


def _no_inputs(stage: str, found: str) -> AgiError:
    return AgiError(
        "AGI-STAGE-039",
        f"stage {stage} cannot be tried: the last run left nothing for it to work on",
        found=found,
        allowed="a last run that left what the stage takes, or as much of it as its require asks for",
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
    return Trial(
        unit,
        done["status"],
        round(done["duration_us"] / 1e6, 3),
        last_lines([folder / "log"]),
        {name: in_words(form, artifacts) for name, form in value.get("values", {}).items()},
        value.get("shown"),
        sorted(files),
        done["error"],
    )
