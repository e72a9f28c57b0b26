"""An app's functions called one after the other in one process, by the app's own Python: no engine, no log, no workers.

    python -P plain_loop.py < REQUEST      the request: source, app, roots, args, folder (where files may go)

Prints what a run of the app has to come to: `reduce` (the document), `artifacts` ([key, name, digest]) and `answer`
(what publishing returned), as JSON.
"""

from __future__ import annotations

import json
import sys
from operator import itemgetter
from pathlib import Path
from typing import Any

from agi_node import LocalRun, RunContext
from agi_node.args import read_args
from agi_node.canonical import tag
from agi_node.items import Skip, plan_items
from agi_node.payload import read_payload
from agi_node.protocol import Open
from agi_node.reduce import reduce_document
from agi_node.session import Session


def loop(source: str, app: str, roots: dict[str, str], args: dict[str, Any], folder: str) -> dict[str, Any]:
    """Plan, work in the order of keys, reduce, publish."""
    session = Session()
    session.open(Open(source, app, roots, threads=1, env={}))
    found = session.app()
    assert found.partial is not None
    given = read_args(found.args, args, app)
    work = found.step("work")
    runs: dict[str, LocalRun] = {}
    states: list[tuple[str, Any]] = []
    partials = []
    for item in sorted(plan_items(found.step("plan").call(None, given, None)), key=itemgetter("key")):
        key = item["key"]
        run = RunContext.local(Path(folder) / f"unit{len(runs)}", key=key)
        with run.active(roots):
            payload = read_payload(work.function, work.first, item["payload"], key)
            partial = work.call(payload, given, run)
        if not isinstance(partial, Skip):
            runs[key] = run
            states.append((key, partial.to_state()))
            partials.append(partial)
    answer = None
    if "publish" in found.nodes():
        earlier: dict[str, list[tuple[str, Path]]] = {}
        for run in runs.values():
            for name, path in run.saved.items():
                earlier.setdefault(name, []).append((run.key, path))
        run = runs["publish"] = RunContext.local(Path(folder) / "publish", node="publish", earlier=earlier)
        with run.active(roots):
            answer = found.step("publish").call(found.partial.merge_all(partials), given, run)
    entries = [(unit, entry["name"], entry["digest"]) for unit, run in runs.items() for entry in run.staged]
    document = reduce_document(found.name, found.partial, states, {"app": found.name})
    return {"reduce": tag(document), "artifacts": sorted(entries), "answer": tag(answer)}


if __name__ == "__main__":
    json.dump(loop(**json.load(sys.stdin)), sys.stdout)
