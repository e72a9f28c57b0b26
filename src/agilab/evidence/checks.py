"""Validations of a run: each is established here and now from what the run left, or carries the app's own evidence."""

from __future__ import annotations

from collections import Counter
from typing import Any, Literal

from agi_node.canonical import canonical, digest, untag
from agi_node.errors import AgiError
from agi_node.reduce import merge_reduce_documents
from agilab.contracts.run_manifest import Validation
from agilab.engine.graph import Graph, Node
from agilab.engine.rerun import selection_of
from agilab.evidence.results import REDUCE, reduce_documents
from agilab.store.check import amiss, chain_problems
from agilab.store.store import Store
from agilab.store.transitions import CANCELLED, FAILED, GOOD, SUCCEEDED, UPSTREAM_FAILED, WITH_VALUE


def validate(store: Store, run_id: str, *, keep_going: bool) -> list[Validation]:
    """All validations of a finished run, in the order in which a reader asks them."""
    found = [_units(store, run_id, keep_going=keep_going)]
    documents = reduce_documents(store, run_id)
    if documents is not None:
        found.append(_partials_counted(store, run_id, documents[0]))
        if (again := _merges_again(*documents)) is not None:
            found.append(again)
    found.append(_log(store, run_id))
    found.append(_objects(store, run_id))
    found.extend(_from_the_app(store, run_id))
    return found


def _units(store: Store, run_id: str, *, keep_going: bool) -> Validation:
    counts: dict[str, int] = {}
    bad_nodes = []
    asked, aside = selection_of(store, run_id), 0
    spared = _spared(store, run_id) if keep_going else {}
    spared = {name: count for name, count in spared.items() if asked.judges(name)}
    for node in store.nodes(run_id):
        if not asked.judges(node.node):
            aside += sum(count for state, count in node.counts.items() if state not in GOOD) or (
                node.state in (UPSTREAM_FAILED, CANCELLED)
            )
            continue
        for state, count in node.counts.items():
            counts[state] = counts.get(state, 0) + count
        undone = sum(node.counts.get(state, 0) for state in (UPSTREAM_FAILED, CANCELLED))
        never = node.state in (UPSTREAM_FAILED, CANCELLED) and (not undone or undone != spared.get(node.node))
        if never or (node.state == FAILED and not node.counts):
            bad_nodes.append(node.node)
    total, good = sum(counts.values()), sum(counts.get(state, 0) for state in GOOD)
    failed = counts.get(FAILED, 0) + sum(spared.values())
    passed = not bad_nodes and good > 0 and (good == total or (keep_going and good + failed == total))
    message = f"{good} of {total} units ended well"
    if failed:
        message += f"; {failed} left out" + (", as the run allowed" if keep_going else "")
    if bad_nodes:
        message += f"; never done: {', '.join(bad_nodes)}"
    if aside:
        message += f"; {aside} more undone, not asked for"
    return Validation(
        name="units", passed=passed, how="derived", evidence={"good": good, "total": total}, message=message
    )


def _spared(store: Store, run_id: str) -> dict[str, int]:
    """By node, how many units wait for one that failed, or that a rerun left as undone as they were: in a run where all
    who need them are content without. Whether they are is the engine's verdict: else the run does not succeed.
    """
    if store.run(run_id).state != SUCCEEDED:
        return {}
    left = store.events(run_id, kinds=("unit_left_out", "unit_upstream_failed"))
    return dict(Counter((event.unit_id or "").partition("[")[0] for event in left))


def _partials_counted(store: Store, run_id: str, whole: dict[str, Any]) -> Validation:
    """The partials in the reduce artefact are those of the recorded successes, each with its digest."""
    source = next(node.needs for node in _graph_nodes(store, run_id) if node.name == REDUCE)[0]
    recorded = {
        unit.key: digest(untag(store.value(body)))
        for unit, body in store.results(run_id, source)
        if unit.state in WITH_VALUE
    }
    merged = {partial["id"]: partial["digest"] for partial in whole["partials"]}
    differing = sorted(key for key in recorded.keys() | merged.keys() if recorded.get(key) != merged.get(key))
    return Validation(
        name="partials",
        passed=not differing and bool(recorded),
        how="executed",
        evidence={"recorded": len(recorded), "merged": len(merged), "differing": len(differing)},
        message=f"differs: {', '.join(differing[:5])}"
        if differing
        else "every recorded success is in the result once",
    )


def _merges_again(whole: dict[str, Any], by_worker: dict[str, dict[str, Any]]) -> Validation | None:
    """Merging the workers' artefacts again gives the whole, byte for byte.

    None where a field has the author's own merge: that lives in the app, which the manager does not import.
    """
    try:
        again = merge_reduce_documents(list(by_worker.values()))
    except AgiError as problem:
        if problem.code == "AGI-PART-009":
            return None
        equal, message = False, problem.what
    else:
        equal = all(canonical(again[part]) == canonical(whole[part]) for part in ("payload", "state"))
        message = f"the workers' artefacts merge to {'the same' if equal else 'other'} bytes"
    evidence = {"workers": len(by_worker), "state": digest(whole["state"])}
    return Validation(name="merge", passed=equal, how="executed", evidence=evidence, message=message)


def _log(store: Store, run_id: str) -> Validation:
    problems = list(chain_problems(store, run_id))
    run = store.run(run_id)
    return Validation(
        name="log",
        passed=not problems,
        how="executed",
        evidence={"events": run.event_count, "head": run.head},
        message=problems[0] if problems else "every link of the log's chain was computed again",
    )


def _objects(store: Store, run_id: str) -> Validation:
    """Artifacts with other bytes are set aside: the next run that wants one makes it again, and does not take these."""
    rows = store.artifacts(run_id)
    saved = {row.digest for row in rows}
    problems = []
    for name, what, wrong in amiss(store, run_id):
        damaged = name in saved and name in store.objects
        if damaged:
            store.objects.set_aside(name)
        problems.append(f"{what}: object {name[:12]} {wrong}{'; it is set aside' if damaged else ''}")
    return Validation(
        name="artifacts",
        passed=not problems,
        how="executed",
        evidence={"artifacts": len(rows), "bytes": sum(row.size for row in rows)},
        message=problems[0] if problems else "every artifact was read again and has its digest",
    )


def _from_the_app(store: Store, run_id: str) -> list[Validation]:
    """What the app itself checked with `run.validate`; a mapped node's checks are one validation for all units."""
    found: list[Validation] = []
    mapped: dict[str, list[tuple[str, dict[str, Any]]]] = {}
    # Of a result that is used again, the checks that it passed, or did not, count as they did.
    for event in store.events(run_id, kinds=("attempt_succeeded", "unit_reused")):
        if '"validations":' not in event.body:
            continue
        how: Literal["executed", "derived"] = "executed" if event.kind == "attempt_succeeded" else "derived"
        for check in event.data.get("validations", ()):
            if "[" in (event.unit_id or ""):
                mapped.setdefault(check["name"], []).append((event.unit_id or "", check))
            else:
                evidence = {
                    key: untag(check[key]) for key in ("value", "limit") if check.get(key) is not None
                }
                found.append(
                    Validation(
                        name=check["name"],
                        passed=check["passed"],
                        how=how,
                        evidence=evidence or {"unit": event.unit_id},
                        message=check.get("message") or "",
                    )
                )
    for name, checks in mapped.items():
        failed = [
            f"{unit}: {check.get('message') or untag(check.get('value'))}"
            for unit, check in checks
            if not check["passed"]
        ]
        found.append(
            Validation(
                name=name,
                passed=not failed,
                how="executed",
                evidence={"units": len(checks), "failed": len(failed)},
                message="; ".join(failed[:3]),
            )
        )
    return found


def _graph_nodes(store: Store, run_id: str) -> tuple[Node, ...]:
    run = store.run(run_id)
    return Graph.from_bytes(store.objects.read(run.plan_digest or "")).nodes
