"""The laws of an app's partial, on the partials of a real run: merged by the app's own class, in its own environment.

A merge has an identity, is associative and commutative; otherwise a result depends on who was first. Declared rules are
exact, so their bytes are compared; an author's own merge may round, so its numbers may differ by `ROUNDING`.
"""

from __future__ import annotations

import json
import math
import random
import select
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from agi_node.canonical import canonical, digest, tag, untag
from agi_node.errors import AgiError
from agi_node.partial.description import described
from agi_node.reduce import read_reduce_document
from agilab.envs.worker_process import WorkerProcess, dead_on_arrival
from agilab.projects.check_case import Case, Nothing, Wrong
from agilab.projects.prepare import PreparedApp
from agilab.store.store import Store
from agilab.store.transitions import WITH_VALUE

REDUCE, WORK = "reduce", "work"
FIELDS_NAMED = 6
"""Fields of a result that the evidence names; of the others it says the number."""
AT_MOST = 24
"""Partials of a run with which a law is tried; more are taken evenly from all."""
ROUNDING = 1e-9
"""By how much, relatively, numbers of an author's own merge may differ with its order."""
PATIENCE_S = 120.0

Merge = Callable[[Sequence[Any]], Any]
"""Of some states, in this order, the merged one."""
Law = Callable[[list[Any], Merge, "Same"], str]


class Same:
    """Whether two states are one: to the byte, or up to rounding where the author merges by a function of their own."""

    def __init__(self, *, exact: bool) -> None:
        self.exact = exact

    def __call__(self, left: Any, right: Any) -> bool:
        return canonical(left) == canonical(right) or (not self.exact and _close(left, right))

    def __str__(self) -> str:
        return "to the byte" if self.exact else f"up to rounding ({ROUNDING:g})"


def reduced(case: Case) -> str:
    """The recorded result is the merge of the recorded partials, and holds each success once."""
    run_id = case.run()
    prepared = case.installed()
    if REDUCE not in prepared.nodes:
        raise Nothing("it has no partial, so nothing is merged")
    document = _document(case, run_id)
    partials = _partials(case, run_id)
    listed = {one["id"]: one["digest"] for one in document["partials"]}
    recorded = {key: digest(state) for key, state in partials.items()}
    if listed != recorded:
        odd = sorted(key for key in listed.keys() | recorded.keys() if listed.get(key) != recorded.get(key))
        raise Wrong(
            f"the result of run {run_id} holds other partials than were recorded: {odd[0]}", _look(run_id)
        )
    again = merger(case)([partials[key] for key in sorted(partials)])
    if canonical(again) != canonical(document["state"]):
        raise Wrong(
            f"merging the {len(partials)} recorded partials again gives another state than run {run_id} recorded",
            "let the merge follow from its two values alone: no chance, no clock, nothing kept between calls",
        )
    names = list(document["payload"])
    more = f" and {len(names) - FIELDS_NAMED} more" if len(names) > FIELDS_NAMED else ""
    told = ", ".join(names[:FIELDS_NAMED])
    return f"{len(partials)} partials merge again to the recorded bytes: {told}{more}"


def law(of: Law, case: Case) -> str:
    """One law, tried on partials of the run. A run of fewer than three lends each of them again."""
    run_id = case.run()
    if REDUCE not in case.installed().nodes:
        raise Nothing("it has no partial")
    partials = _partials(case, run_id)
    states = [partials[key] for key in sorted(partials)]
    if not states:
        raise Nothing("no unit of the run left a partial")
    step = max(1.0, len(states) / AT_MOST)
    some = [states[int(at * step)] for at in range(min(AT_MOST, len(states)))]
    while len(some) < 3:
        some += some
    exact = described("partial", _document(case, run_id)["fields"]).repeatable
    evidence = of(some, merger(case), Same(exact=exact))
    return evidence if len(states) <= AT_MOST else f"{evidence}; taken evenly from {len(states)}"


def identity(states: list[Any], merge: Merge, same: Same) -> str:
    """Merging with a partial that nothing was put into changes nothing, from either side."""
    empty = merge([])
    for state in states:
        for pair in ([empty, state], [state, empty]):
            if not same(merge(pair), merge([state])):
                raise Wrong(
                    f"a merge with the identity changes a partial: {_difference(merge([state]), merge(pair))}",
                    "let the default of each field be what changes nothing (`Merge(fn, identity=…)`)",
                )
    return f"{len(states)} partials stay as they are beside the identity, {same}"


def grouping(states: list[Any], merge: Merge, same: Same) -> str:
    """However partials are grouped, the result is one (associativity)."""
    chance = random.Random(len(states))
    whole = _fold(states, merge, lambda count: 0)
    ways: dict[str, Callable[[int], int]] = {
        "from the right": lambda count: count - 2,
        "the middle first": lambda count: (count - 2) // 2,
        "at random": lambda count: chance.randrange(count - 1),
        "at random again": lambda count: chance.randrange(count - 1),
    }
    for name, way in ways.items():
        other = _fold(states, merge, way)
        if not same(whole, other):
            raise Wrong(
                f"grouped {name} the {len(states)} partials merge to another result: {_difference(whole, other)}",
                "(a merge b) merge c has to be a merge (b merge c): carry sums and counts, not means",
            )
    return f"{len(states)} partials in {len(ways) + 1} groupings give one result, {same}"


def order(states: list[Any], merge: Merge, same: Same) -> str:
    """Whichever of two partials comes first, the result is one (commutativity)."""
    pairs = [*pairwise(states), *((states[0], state) for state in states[2:])]
    for a, b in pairs:
        one, other = merge([a, b]), merge([b, a])
        if not same(one, other):
            raise Wrong(
                f"two partials merge to another result the other way round: {_difference(one, other)}",
                "a merge b has to be b merge a: let no field keep the first or the last it saw",
            )
    return f"{len(pairs)} pairs of {len(states)} partials give one result either way round, {same}"


def merger(case: Case) -> Merge:
    """The app's own merge; one worker does it for all laws."""
    if case.merge is None:
        case.merge = case.closing.enter_context(_reducing(case.installed()))
    return case.merge


@contextmanager
def _reducing(prepared: PreparedApp) -> Iterator[Merge]:
    """A worker of the app that merges states by the app's own reduce, as often as asked."""
    with TemporaryDirectory(prefix="agilab-check-") as name:
        folder = Path(name)
        worker = WorkerProcess(prepared.spec, "check", folder / "worker.log")
        calls = iter(range(1 << 30))

        def merge(states: Sequence[Any]) -> Any:
            call = next(calls)
            path = folder / f"{call}.jsonl"
            lines = (
                {
                    "key": f"{at:06}",
                    "status": "succeeded",
                    "worker": "w1",
                    "value": tag(state),
                    "value_path": None,
                }
                for at, state in enumerate(states)
            )
            path.write_text(
                "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8"
            )
            staging = folder / f"staging-{call}"
            answer = _executed(worker, str(prepared.app.reference), path, staging, folder / "unit.log")
            file = answer.get("value_file")
            value = json.loads((staging / file).read_bytes()) if file else answer["value"]
            return untag(value)["whole"]["state"]

        try:
            yield merge
        finally:
            worker.close()


def _executed(
    worker: WorkerProcess, reference: str, inputs: Path, staging: Path, log: Path
) -> dict[str, Any]:
    """One reduce, by the worker; raises what the app's merge raised."""
    worker.send(
        {
            "type": "execute",
            "attempt_id": inputs.stem,
            "run_id": "check",
            "unit_id": REDUCE,
            "node": REDUCE,
            "key": "",
            "attempt": 1,
            "target": f"{reference}#{REDUCE}",
            "args": {},
            "payload": None,
            "inputs": str(inputs),
            "staging": str(staging),
            "log": str(log),
        }
    )
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        for frame in worker.frames():
            if frame["type"] in ("failed", "refused"):
                raise AgiError.from_plain(frame.get("error") or {"what": frame.get("why", "refused")})
            if frame["type"] == "done":
                if frame["status"] != "succeeded":
                    raise AgiError.from_plain(frame["error"])
                return frame
        if worker.ended:
            raise dead_on_arrival(worker)
        select.select([worker], [], [], 1.0)
    raise dead_on_arrival(worker, f"no answer within {PATIENCE_S:.0f} s")


def _fold(states: list[Any], merge: Merge, way: Callable[[int], int]) -> Any:
    """All states merged two neighbours at a time, `way` saying at which of them next."""
    left = list(states)
    while len(left) > 1:
        at = way(len(left))
        left[at : at + 2] = [merge(left[at : at + 2])]
    return left[0]


def _partials(case: Case, run_id: str) -> dict[str, Any]:
    """The state of every recorded success of the run, by its key."""
    with Store(case.workspace) as store:
        return {
            unit.key: untag(store.value(body))
            for unit, body in store.results(run_id, WORK)
            if unit.state in WITH_VALUE
        }


def _document(case: Case, run_id: str) -> dict[str, Any]:
    path = case.workspace.run_folder(run_id) / "reduce_summary.json"
    try:
        return read_reduce_document(path.read_text(encoding="utf-8"))
    except OSError:
        raise Wrong(f"run {run_id} left no reduce_summary.json", _look(run_id)) from None


def _look(run_id: str) -> str:
    return f"agilab runs verify {run_id}"


def _close(left: Any, right: Any) -> bool:
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(_close(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_close, left, right))
    if isinstance(left, float) and isinstance(right, float):
        return math.isclose(left, right, rel_tol=ROUNDING, abs_tol=ROUNDING) or (
            left != left and right != right
        )
    return type(left) is type(right) and left == right


def _difference(left: Any, right: Any, path: str = "") -> str:
    """The first place where two states differ."""
    if isinstance(left, dict) and isinstance(right, dict) and left.keys() == right.keys():
        for key in left:
            if canonical(left[key]) != canonical(right[key]):
                return _difference(left[key], right[key], f"{path}.{key}" if path else str(key))
    return f"{path or 'it'} is {json.dumps(left)[:60]}, then {json.dumps(right)[:60]}"
