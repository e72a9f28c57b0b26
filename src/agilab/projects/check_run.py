"""An app at work: installed, planned, run on its sample, and run again with one worker."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from agi_node.canonical import canonical
from agilab.contracts.base import read_document
from agilab.contracts.run_manifest import RunManifest, Validation
from agilab.contracts.run_result import RunResult
from agilab.engine.tasks import value_digest
from agilab.projects.check_case import Case, Nothing, Wrong
from agilab.projects.check_partial import REDUCE
from agilab.projects.request import RunRequest
from agilab.projects.work_items import PLAN, WORK, ask_for_items
from agilab.store.store import Store


def install(case: Case) -> str:
    """Its environment can be made, and its code imported there."""
    from agilab.projects.prepare import prepare

    with Store(case.workspace) as store:
        case.prepared = prepare(store, case.app, offline=case.offline, threads=1, say=case.faces.say)
    environment = case.prepared.environment
    word = "nodes" if case.prepared.has_nodes else "steps"
    return (
        f"environment {environment.fingerprint[:12]}, Python {environment.python_version}, "
        f"{len(environment.packages)} packages; {word}: {', '.join(case.prepared.nodes)}"
    )


def plan(case: Case) -> str:
    """It plans at least one item, the same ones when asked again; keys are unique, costs finite (the worker checks)."""
    prepared, args = case.ready()
    if PLAN not in prepared.nodes or WORK not in prepared.nodes:
        raise Nothing("it plans nothing: it has no items")
    with TemporaryDirectory(prefix="agilab-check-") as folder:
        first = ask_for_items(prepared, args, Path(folder) / "1")
        again = ask_for_items(prepared, args, Path(folder) / "2")
    if not first:
        raise Wrong(
            "its sample has no items", "let the plan yield at least one WorkItem with its saved arguments"
        )
    for one, other in zip(first, again, strict=False):
        if one != other:
            raise Wrong(
                f"asked twice it planned differently: {one.key!r} then {other.key!r}, or another payload or cost",
                "plan from arguments and files alone: no clock, no chance, no order of a set",
            )
    if len(first) != len(again):
        raise Wrong(
            f"asked twice it planned {len(first)} items, then {len(again)}", "plan from arguments and files"
        )
    case.items = first
    costs = [item.cost for item in first]
    return (
        f"{len(first)} items with keys of their own, twice the same; costs {min(costs):g} to {max(costs):g}"
    )


def run(case: Case) -> str:
    """A real run of its sample, which stays in the workspace with a note that it was a check."""
    case.ready()
    result, manifest = _run(case, case.workers)
    if manifest is None or manifest.verdict.status != "succeeded":
        error = result.error
        why = (
            f"{error.code} {error.what}" + (f": {error.found}" if error.found else "")
            if error
            else result.status
        )
        raise Wrong(
            f"run {result.run_id}: {why}"[:500], (error and error.try_) or f"agilab runs show {result.run_id}"
        )
    case.run_id = result.run_id
    units = sum(manifest.execution.units().values())
    return (
        f"{units} units with {case.workers} workers in {result.duration_seconds:.1f} s; run {result.run_id}"
    )


def own_checks(case: Case) -> str:
    """Everything that the run itself and the app's own `run.validate` established."""
    with Store(case.workspace) as store:
        found = _manifest(store, case.run()).verdict.validations
    failed = [check for check in found if not check.passed]
    if failed:
        told = "; ".join(f"{check.name}: {_said_by(check)}" for check in failed[:3])
        raise Wrong(f"{len(failed)} of {len(found)} failed: {told}"[:500], f"agilab runs show {case.run_id}")
    return f"{len(found)} validations passed: {', '.join(check.name for check in found)}"[:300]


def _said_by(check: Validation) -> str:
    """What a check of the run says, with what it measured."""
    measured = ", ".join(f"{name} {value}" for name, value in check.evidence.items())
    return f"{check.message} ({measured})" if check.message else measured


def same_bytes(case: Case) -> str:
    """The result does not depend on how many workers there were."""
    if not case.thorough:
        raise Nothing("only with --thorough: it takes another run")
    run_id = case.run()
    prepared = case.installed()
    merges, nodes = REDUCE in prepared.nodes, prepared.has_nodes
    if not (merges or nodes):
        raise Nothing("it has no partial, so nothing is merged")
    result, manifest = _run(case, 1)
    if manifest is None or manifest.verdict.status != "succeeded" or result.run_id is None:
        raise Wrong(
            f"run {result.run_id} with 1 worker ended {result.status}", f"agilab runs show {result.run_id}"
        )
    with Store(case.workspace) as store:
        if store.run(run_id).source_digest != store.run(result.run_id).source_digest:
            raise Nothing("somebody edited the app between the two runs")
        ours, theirs = _said(store, run_id), _said(store, result.run_id)
    for name in theirs["values"] if nodes else ():
        if ours["values"].get(name) != theirs["values"][name]:
            raise Wrong(
                f"what {name} returned in run {run_id} ({case.workers} workers) differs from that of {result.run_id} "
                "(1 worker)",
                "look for a clock, unseeded chance, the order of a set, or threads of a numerical library (one worker "
                "has all cores)",
            )
    for what in theirs["reduce"]:
        if canonical(ours["reduce"][what]) != canonical(theirs["reduce"][what]):
            raise Wrong(
                f"the {what} of run {run_id} ({case.workers} workers) differs from that of {result.run_id} (1 worker)",
                "look for a clock, unseeded chance, an order that depends on who is first, or threads of a numerical "
                "library (one worker has all cores)",
            )
    alike = len(ours["artifacts"] & theirs["artifacts"])
    what = "the merged result has" if merges else f"the values of {len(theirs['values'])} nodes have"
    return (
        f"{what} the same bytes with 1 and {case.workers} workers; "
        f"so have {alike} of {len(ours['artifacts'])} artifacts"
    )


def _said(store: Store, run_id: str) -> dict[str, Any]:
    """What a run comes to: the merged result by its parts, its artifacts by name and digest, and each node's value."""
    path = store.workspace.run_folder(run_id) / "reduce_summary.json"
    whole = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return {
        "reduce": {what: whole[what] for what in ("payload", "state", "partials", "fields") if what in whole},
        "artifacts": {(row.unit_id, row.name, row.digest) for row in store.artifacts(run_id)},
        "values": {
            unit.unit_id: value_digest(body)
            for node in store.nodes(run_id)
            for unit, body in store.results(run_id, node.node)
        },
    }


def _run(case: Case, workers: int) -> tuple[RunResult, RunManifest | None]:
    from agilab.projects.operate import note
    from agilab.projects.run import run_app

    request = RunRequest(str(case.app.folder), workers=workers, offline=case.offline, track=False)
    result = run_app(request, case.workspace)  # that it runs is said already
    if result.run_id is None:
        return result, None
    with Store(case.workspace) as store:
        note(store, result.run_id, f"a check of {case.app.name} (agilab app check)")
        return result, _manifest(store, result.run_id)


def _manifest(store: Store, run_id: str) -> RunManifest:
    return read_document(store.workspace.run_folder(run_id) / "run_manifest.json", RunManifest)
