"""Runs as people ask for them: how each ended, what failed first, what it left, also those that were interrupted."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agi_node.errors import AgiError
from agilab.store.models import ModelRow, registered_models, versions_delivered
from agilab.store.rows import ArtifactRow, NodeRow, RunRow, UnitRow
from agilab.store.store import Store
from agilab.store.transitions import FAILED, SUCCEEDED
from agilab.store.worked import worked_seconds
from agilab.store.workspace import Workspace

DOUBTFUL = "doubtful"
"""Every unit ended well, and a validation did not pass."""
INTERRUPTED = "interrupted"
"""The log says running and no process owns the run: its coordinator was killed, or the machine went down."""


@dataclass(frozen=True)
class RunSummary:
    """A run in one line.

    Attributes:
        state: running, succeeded, doubtful, failed, cancelled, or interrupted.
        duration_seconds: By the wall clock; None for a run that has not ended.
        units: Units by state, over all nodes.
    """

    run_id: str
    app: str
    state: str
    created_at: str
    finished_at: str | None
    duration_seconds: float | None
    units: Mapping[str, int]

    def to_plain(self) -> dict[str, Any]:
        """The summary as JSON."""
        return {
            "run_id": self.run_id,
            "app": self.app,
            "state": self.state,
            "created_at": self.created_at,
            "finished_at": self.finished_at,
            "duration_seconds": self.duration_seconds,
            "units": dict(self.units),
        }


@dataclass(frozen=True)
class UnitFailure:
    """A unit that failed for good, with the error it ended with."""

    unit_id: str
    error: AgiError
    attempts: int


@dataclass(frozen=True)
class RunView:
    """A run as the store has it, complete or not.

    Attributes:
        failures: The first ones, in the order in which they happened.
        failed: How many there are in all.
        manifest: Its path; None where the run has none (yet).
        tracking: The last thing the log says about a delivery (`tracking_recorded`), or None.
        verdict: `verdict` of the manifest as plain data, or None.
        models: What it registered, each with its version in the tracking store's registry, None where it has none yet.
        row: The run as its tables have it.
        children: Reruns that were made from it, the oldest first.
        rerun: What it was asked to repeat of its parent, where it is a rerun itself.
        older: The units that it used again although their `code`, `environment`,
            `arguments` or `inputs` are others by now.
        worked: For how many seconds at least one unit of a node was worked at, by node; none where none has been.
        notes: What people and AGILab itself wrote down of it: each text, and who.
    """

    summary: RunSummary
    args: Mapping[str, Any]
    nodes: tuple[NodeRow, ...]
    failures: tuple[UnitFailure, ...]
    failed: int
    artifacts: tuple[ArtifactRow, ...]
    folder: Path
    manifest: Path | None
    reduce: Path | None
    tracking: Mapping[str, Any] | None
    verdict: Mapping[str, Any] | None
    replay: str | None
    replay_needs: tuple[str, ...]
    models: tuple[tuple[ModelRow, str | None], ...]
    row: RunRow
    children: tuple[RunRow, ...]
    rerun: Mapping[str, Any] | None
    older: Mapping[str, tuple[str, ...]]
    worked: Mapping[str, float]
    notes: tuple[tuple[str, str], ...]


def read_runs(
    workspace: Workspace, *, app: str | None = None, limit: int = 20, offset: int = 0
) -> list[RunSummary]:
    """Runs, newest first; none where the workspace has no database yet."""
    if not workspace.db.exists():
        return []
    with Store(workspace, readonly=True) as store:
        return [summarise(store, run) for run in store.runs(app=app, limit=limit, offset=offset)]


def summarise(store: Store, run: RunRow) -> RunSummary:
    """A run in one line, with the state that it is really in."""
    counts: dict[str, int] = {}
    for node in store.nodes(run.run_id):
        for word, count in node.counts.items():
            counts[word] = counts.get(word, 0) + count
    run, state = _looked_up(store, run)
    # By the wall clock, which may have been set back meanwhile.
    took = max(0, run.finished_us - run.created_us) / 1e6 if run.finished_us else None
    return RunSummary(run.run_id, run.app, state, run.created_at, run.finished_at, took, counts)


def state_of(store: Store, run: RunRow) -> str:
    """The state of a run; one that says running and that no process owns was interrupted.

    One that succeeded and whose validations did not all pass is doubtful: its manifest says which.
    """
    return _looked_up(store, run)[1]


def _looked_up(store: Store, run: RunRow) -> tuple[RunRow, str]:
    if run.state == "running":
        from agilab.store.locks import has_owner

        if has_owner(store.workspace.run_folder(run.run_id)):
            return run, run.state
        # Its owner may have ended it, and itself, since the row was read.
        run = store.run(run.run_id)
        if run.state == "running":
            return run, INTERRUPTED
    doubtful = run.state == "succeeded" and store.verdict(run) == DOUBTFUL
    return run, DOUBTFUL if doubtful else run.state


def resume_command(app: str, run_id: str) -> str:
    """How to go on with a run: at a prompt, or where the functions of its flow are."""
    return f'flow.resume("{run_id}")' if is_flow(app) else f"agilab runs resume {run_id}"


def preview_command(app: str, run_id: str, unit: str | None = None) -> str:
    """How to see what a rerun of one unit, or of what is not done, would do."""
    if is_flow(app):
        selected = f"units=[{unit!r}]" if unit else "failed=True"
        return f'flow.preview_rerun("{run_id}", {selected})'
    selected = f"--unit {shlex.quote(unit)}" if unit else "--failed"
    return f"agilab runs rerun {run_id} {selected} --dry-run"


def is_flow(app: str) -> bool:
    """Whether runs of it are of a flow, which only the script or notebook with its functions can go on with."""
    return app.startswith("flow:")


def lacks_manifest(store: Store, run: RunRow) -> bool:
    """Whether an app's run has ended and its owner died before it wrote the evidence; `resume` writes it."""
    if run.state == "running":
        return False
    kinds = ("run_created", "manifest_written")
    found = {event.kind: event.data for event in store.events(run.run_id, kinds=kinds)}
    # A graph of plain functions has no source of an app, and no manifest.
    return "manifest_written" not in found and bool(found.get("run_created", {}).get("source"))


def view_run(store: Store, name: str, *, failures: int = 3) -> RunView:
    """Everything about one run that fits on a screen. `name` as `Store.run` takes it."""
    run = store.run(name)
    folder = store.workspace.run_folder(run.run_id)
    manifest, reduce = folder / "run_manifest.json", folder / "reduce_summary.json"
    created = store.created(run.run_id)
    summary = summarise(store, run)
    tracked = [event.data for event in store.events(run.run_id, kinds=("tracking_recorded",))]
    return RunView(
        summary,
        created.get("args", {}),
        tuple(store.nodes(run.run_id)),
        tuple(_first(_failures(store, run.run_id), failures)),
        summary.units.get(FAILED, 0),
        tuple(store.artifacts(run.run_id)),
        folder,
        manifest if manifest.is_file() else None,
        reduce if reduce.is_file() else None,
        tracked[-1] if tracked else None,
        _verdict(manifest),
        (created.get("replay") or {}).get("command"),
        tuple((created.get("replay") or {}).get("needs", ())),
        _models(store, run.run_id),
        run,
        tuple(children_of(store, run)),
        created.get("rerun"),
        _older(store, run.run_id, created.get("rerun") or {}),
        worked_seconds(store.units(run.run_id)),
        tuple(_notes(store, run.run_id)),
    )


def _notes(store: Store, run_id: str) -> Iterator[tuple[str, str]]:
    for event in store.events(run_id, kinds=("note_added",)):
        if text := event.data.get("text"):
            about = f"{event.unit_id}: " if event.unit_id else ""
            yield f"{about}{text}", str(event.data.get("by") or "")


def _models(store: Store, run_id: str) -> tuple[tuple[ModelRow, str | None], ...]:
    versions = versions_delivered(store, run_id)
    found = registered_models(store, run_id)
    return tuple((model, versions.get((model.name, model.artifact.digest))) for model in found)


def _older(store: Store, run_id: str, rerun: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    if not rerun:
        return {}
    # Whether these two are others is only told when a unit is ready, so the run's beginning does not count them.
    marks = [*(what for what in ("code", "environment") if rerun.get(f"older_{what}")), "arguments", "inputs"]
    events = list(store.events(run_id, kinds=("unit_reused",)))
    found = {
        what: tuple(sorted(event.unit_id or "" for event in events if event.data.get(f"older_{what}")))
        for what in marks
    }
    return {what: units for what, units in found.items() if units}


def children_of(store: Store, run: RunRow) -> list[RunRow]:
    """Runs that were made from this one, the oldest first."""
    found: list[RunRow] = []
    offset, size = 0, 200
    while True:
        rows = store.runs(app=run.app, limit=size, offset=offset)
        found += [row for row in rows if row.parent_run_id == run.run_id]
        # Newest first, and a child is younger than its parent: nothing after the parent can be one.
        if len(rows) < size or any(row.run_id == run.run_id for row in rows):
            return found[::-1]
        offset += size


def find_unit(store: Store, run_id: str, text: str) -> UnitRow:
    """The unit of this id, or the only one that this text names: by its key, or as `NODE[KEY]`, as the key was given.

    `4ca75f` finds `work[4ca75f]`, and `work[a b]` finds `work[a%20b]`. Raises AGI-RUN-003 where there is none,
    AGI-RUN-002 where there are several.
    """
    try:
        return store.unit(run_id, text)
    except AgiError:
        found = [unit for unit in store.units(run_id) if text in _names(unit)]
        if len(found) == 1:
            return found[0]
        if not found:
            raise
    raise AgiError(
        "AGI-RUN-002",
        f"several units of run {run_id} fit",
        found=f"{text}: {', '.join(unit.unit_id for unit in found[:4])}{' …' if len(found) > 4 else ''}",
        allowed="NODE[KEY]",
        try_=f"agilab runs show {run_id} {shlex.quote(found[0].unit_id)}",
        exit_code=1,
    )


def _names(unit: UnitRow) -> tuple[str, ...]:
    if not unit.key:
        return ()
    keys = (unit.key, unit.label, unit.unit_id.removeprefix(unit.node)[1:-1])
    return (*keys, *(f"{unit.node}[{key}]" for key in keys))


def failure_of(data: Mapping[str, Any], unit: UnitRow) -> AgiError:
    """The error in the body of an event that ended a unit."""
    if data.get("error"):
        return AgiError.from_plain(data["error"])
    return AgiError(
        "AGI-RUN-111",
        f"{unit.unit_id} was lost {unit.losses} times: {data.get('reason', 'its process is gone')}",
        whose="environment",
        exit_code=1,
    )


def _failures(store: Store, run_id: str) -> Iterator[UnitFailure]:
    units = [unit for unit in store.units(run_id, state=FAILED) if unit.done_seq is not None]
    for unit in sorted(units, key=lambda unit: unit.done_seq or 0):
        event = store.event(run_id, unit.done_seq or 0)
        yield UnitFailure(unit.unit_id, failure_of(event.data, unit), unit.attempts)
    for event in store.events(run_id, kinds=("node_finished",)):
        if "error" in event.data:
            yield UnitFailure(event.data["node"], AgiError.from_plain(event.data["error"]), 0)


def _first(found: Iterator[UnitFailure], count: int) -> list[UnitFailure]:
    return [failure for failure, _ in zip(found, range(count), strict=False)]


def _verdict(manifest: Path) -> Mapping[str, Any] | None:
    import json

    try:
        found = json.loads(manifest.read_text(encoding="utf-8")).get("verdict")
    except (OSError, ValueError, AttributeError):
        return None
    return found if isinstance(found, dict) else None


def succeeded_units(summary: RunSummary) -> tuple[int, int]:
    """(units that ended well, units in all)."""
    good = sum(summary.units.get(word, 0) for word in (SUCCEEDED, "skipped", "reused"))
    return good, sum(summary.units.values())
