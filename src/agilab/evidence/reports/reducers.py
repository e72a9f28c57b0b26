"""`agilab report reducers`: every app's reduce, and whether its contract holds on what its latest run recorded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from agi_node.canonical import canonical, digest, sha256_bytes, untag
from agi_node.errors import AgiError
from agi_node.partial.description import described
from agi_node.reduce import merge_reduce_documents, read_reduce_document, verify_reduce_document
from agilab.contracts.base import read_document
from agilab.contracts.report import Check, How
from agilab.contracts.run_manifest import RunManifest
from agilab.engine.graph import Graph
from agilab.evidence.laws import SHUFFLES, law_problems, taken
from agilab.evidence.report import KnownApp, Scope
from agilab.evidence.results import REDUCE, reduce_documents
from agilab.store.looking import open_to_look
from agilab.store.rows import RunRow
from agilab.store.store import Store
from agilab.store.transitions import WITH_VALUE

OWN_MERGE = "AGI-PART-009"
LAWS = {
    "written": "every partial reads and writes back to its own bytes",
    "identity": "merging with nothing changes nothing, from either side",
    "order": f"the recorded order, the reverse and {SHUFFLES} shuffles give one result",
    "grouping": f"{SHUFFLES} random trees of merges give the result of the whole",
}
_PAGE = 100


@dataclass(frozen=True)
class Reduced:
    """The latest run of an app that reached its reduce, with what it recorded.

    Attributes:
        newer: How many runs of the app came after it, none of which has a result.
    """

    app: str
    run: RunRow
    newer: int
    whole: dict[str, Any]
    by_worker: dict[str, dict[str, Any]]

    def check(
        self, name: str, problem: str, message: str, evidence: dict[str, Any], how: How = "executed"
    ) -> Check:
        """What was found of this run: passed unless there is a problem."""
        return Check(
            about=self.app,
            name=name,
            state="failed" if problem else "passed",
            how=how,
            run_id=self.run.run_id,
            evidence=evidence,
            message=problem or message,
        )


def reducers(scope: Scope) -> tuple[list[Check], dict[str, Any]]:
    """Each app's reducer, fields and rules; the laws, merges and artefacts of its latest run, looked at afresh."""
    checks: list[Check] = []
    details: list[dict[str, Any]] = []

    def take(app: KnownApp, found: Reduced | None, runs: int, store: Store | None) -> None:
        details.append(_plain(app, found, runs))
        if found is not None and store is not None:
            checks.extend(_checks(store, found))
        elif _merges(app) is not False:
            checks.append(_never(app, runs))

    if not scope.workspace.db.exists():
        for app in scope.apps:
            take(app, None, 0, None)
        return checks, {"apps": details}
    with open_to_look(scope.workspace) as store:
        for app in scope.apps:
            take(app, *_latest(store, app.name), store)
    return checks, {"apps": details}


def _latest(store: Store, app: str) -> tuple[Reduced | None, int]:
    """The newest run with a result, and how many runs were looked at for it."""
    seen = 0
    while page := store.runs(app=app, limit=_PAGE, offset=seen):
        for at, run in enumerate(page, seen):
            documents = reduce_documents(store, run.run_id)
            if documents is not None:
                return Reduced(app, run, at, *documents), at + 1
        seen += len(page)
    return None, seen


def _merges(app: KnownApp) -> bool | None:
    """Whether the app says that it has a partial; None where it was never asked."""
    return None if app.description is None else app.description.get("partial") is not None


def _never(app: KnownApp, runs: int) -> Check:
    why = f"none of its {runs:,} runs here reached a reduce" if runs else "never run here"
    return Check(
        about=app.name, name="run", state="unknown", how="static", message=f"{why}: agilab run {app.name}"
    )


def _checks(store: Store, found: Reduced) -> Iterator[Check]:
    run_id = found.run.run_id
    rows = [
        (unit.key, untag(store.value(body)))
        for unit, body in store.results(run_id, _merged_node(store, run_id))
        if unit.state in WITH_VALUE
    ]
    problem, own = "", False
    try:
        verify_reduce_document(found.whole, rows)
    except AgiError as error:
        own = error.code == OWN_MERGE
        problem = "" if own else _said(error)
    digests = {name: digest(found.whole[name]) for name in ("state", "payload")}
    words = "every recorded success is in it once" + ("" if own else ", and merged again they give its bytes")
    yield found.check(
        "partials", problem, f"{len(rows):,} partials: {words}", {"partials": len(rows), **digests}
    )
    if own:
        why = f"its merge is the author's own, which only the app can do: agilab app check {found.app}"
        yield Check(about=found.app, name="laws", state="unknown", how="static", run_id=run_id, message=why)
    else:
        yield from _laws(found, [state for _, state in rows])
        yield _workers(found)
    yield _artefacts(store, found)


def _laws(found: Reduced, states: list[Any]) -> Iterator[Check]:
    tried = taken(states)
    evidence = {"partials": len(tried)}
    try:
        shape = described(found.whole["reducer"], found.whole["fields"])
        for name, problem in law_problems(shape, tried):
            yield found.check(name, problem, LAWS[name], evidence)
    except AgiError as error:
        yield found.check("laws", _said(error), "", evidence)


def _workers(found: Reduced) -> Check:
    parts = list(found.by_worker.values())
    evidence = {"workers": len(parts), "partials": [part["partial_count"] for part in parts]}
    problem = ""
    try:
        again = merge_reduce_documents(parts)
        names = ("payload", "state", "partials")
        if not all(canonical(again[name]) == canonical(found.whole[name]) for name in names):
            problem = "the workers' artefacts merge to other bytes than the whole"
    except AgiError as error:
        problem = _said(error)
    return found.check("workers", problem, "the workers' artefacts merge to the bytes of the whole", evidence)


def _artefacts(store: Store, found: Reduced) -> Check:
    """The files of the reduce: with the bytes that the manifest lists, holding what the log recorded."""
    folder = store.workspace.run_folder(found.run.run_id)
    digests: dict[str, str] = {}
    problems: list[str] = []
    try:
        listed = read_document(folder / "run_manifest.json", RunManifest).reduce
    except AgiError as error:
        listed, problems = (), [_said(error)]
    for file in listed:
        recorded = found.whole if file.worker is None else found.by_worker.get(file.worker)
        try:
            data = (folder / file.path).read_bytes()
        except OSError as error:
            problems.append(f"{file.path}: {error.strerror or error}")
            continue
        digests[file.path] = sha256_bytes(data)
        if digests[file.path] != file.digest:
            problems.append(f"{file.path}: other bytes than the manifest says")
        elif recorded is None or not _same_document(data, recorded):
            problems.append(f"{file.path}: says another thing than the log")
    if not listed and not problems:
        problems.append("the manifest lists no reduce artefact")
    evidence = {"files": len(listed), "sha256": digests}
    whole = "".join(f"{path} {sha256[:12]}" for path, sha256 in list(digests.items())[:1])
    message = f"{whole} and {max(0, len(listed) - 1)} of workers hold what was recorded"
    return found.check("artefacts", "; ".join(problems[:3]), message, evidence, "derived")


def _same_document(data: bytes, recorded: dict[str, Any]) -> bool:
    try:
        return canonical(read_reduce_document(data)) == canonical(recorded)
    except AgiError:
        return False


def _merged_node(store: Store, run_id: str) -> str:
    """The node whose units were merged."""
    graph = Graph.from_bytes(store.objects.read(store.run(run_id).plan_digest or ""))
    return next(node.needs for node in graph.nodes if node.name == REDUCE)[0]


def _plain(app: KnownApp, found: Reduced | None, runs: int) -> dict[str, Any]:
    """What there is to say of an app beside the checks."""
    said = (app.description or {}).get("partial")
    partial: Mapping[str, Any] = said if isinstance(said, Mapping) else {}
    fields = found.whole["fields"] if found else partial.get("fields", ())
    return {
        "app": app.name,
        "place": app.place,
        "reducer": found.whole["reducer"] if found else partial.get("name"),
        "merges": True if found else _merges(app),
        "run_id": found.run.run_id if found else None,
        "run_state": found.run.state if found else None,
        "newer_runs_without_result": found.newer if found else runs,
        "partial_count": found.whole["partial_count"] if found else None,
        "workers": {name: part["partial_count"] for name, part in sorted(found.by_worker.items())}
        if found
        else {},
        "fields": [{key: field.get(key) for key in ("name", "rule", "type")} for field in fields],
    }


def _said(error: AgiError) -> str:
    return f"{error.what}{f' (found {error.found})' if error.found else ''}"
