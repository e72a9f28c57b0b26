"""Using a result of an earlier run again: by what a result depends on, and what a rerun decided.

A unit's result depends on the code of its target, its arguments, its inputs and its environment. Each is a digest, and
the key of the result is the digest of the four. Code may ask for the key of its unit, too, so only a result of the same
unit stands for it. Hits and misses are explained by comparing the digests one by one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from agilab.engine.graph import Node
from agilab.engine.state import Unit
from agilab.store.events import body_text
from agilab.store.store import Store

CARRIED = (
    *("value", "value_digest", "codec", "value_type", "value_size"),
    *("artifacts", "params", "validations"),
)
"""Of a success, what a reuse repeats. Metrics and logs stay with the run that made them."""

LOOKED_AT = 6
"""Runs of the app, the latest ones, in which the nearest miss is looked for."""


@dataclass(frozen=True, slots=True)
class CacheKey:
    """What a result depends on, as SHA-256 digests in hex."""

    code: str
    args: str
    inputs: str
    environment: str

    @property
    def key(self) -> str:
        """The digest of the four together, under which the result is found."""
        text = body_text({name: getattr(self, name) for name in ("code", "args", "inputs", "environment")})
        return hashlib.sha256(text.encode()).hexdigest()

    def to_plain(self) -> dict[str, str]:
        """The form in which events carry it."""
        return {
            "key": self.key,
            "code": self.code,
            "args": self.args,
            "inputs": self.inputs,
            "environment": self.environment,
        }


@dataclass(frozen=True, slots=True)
class Reuse:
    """Use an earlier result: `body` is that of the `unit_reused` to record."""

    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Execute:
    """Run the unit, and say why where there is a reason to tell."""

    why: str | None = None


@dataclass(frozen=True, slots=True)
class LeaveOut:
    """Neither run nor reuse it: a rerun was asked for others."""

    reason: str


@dataclass(frozen=True, slots=True)
class SkipAgain:
    """The unit skipped itself in the run that is done again; it keeps its key, and the reason."""

    reason: str


Decision = Reuse | Execute | LeaveOut | SkipAgain


class Memory(Protocol):
    """Decides, when a unit is ready, whether an earlier result stands for it. Reads the store; changes nothing."""

    def decide(self, unit: Unit, node: Node, key: CacheKey | None) -> Decision:
        """What is to be done with a unit. `key` is None where its result cannot be told by what it depends on."""
        ...

    def expanded(self, node: str, rows: Sequence[Mapping[str, Any]], under: Unit | None) -> dict[str, Any]:
        """What else the event of an expansion should say."""
        ...

    def asked(self, node: str) -> bool:
        """Whether the run is made for this node: what became of it says how the run ended."""
        ...


def reuse_of(
    run_id: str,
    unit_id: str,
    body: Mapping[str, Any],
    *,
    why: str,
    older_code: bool = False,
    older_environment: bool = False,
    older_arguments: bool = False,
    older_inputs: bool = False,
) -> Reuse:
    """The decision to use what `unit_id` of `run_id` recorded, whose body is given."""
    carried = {name: body[name] for name in CARRIED if name in body}
    if "cache" in body:
        carried["cache"] = body["cache"]
    origin = {
        "from_run": body.get("from_run", run_id),
        "from_unit": body.get("from_unit", unit_id),
        "from_attempt": body.get("from_attempt"),
    }
    older = {
        "older_code": older_code,
        "older_environment": older_environment,
        "older_arguments": older_arguments,
        "older_inputs": older_inputs,
    }
    return Reuse({**carried, **origin, "why": why, **older})


def older_words(older_code: bool, older_environment: bool) -> str:
    """What of a result that is kept all the same is another by now; empty where nothing is.

    >>> older_words(True, False), older_words(False, True), older_words(True, True)
    ('older code', 'older environment', 'older code and environment')
    """
    found = [what for what, older in (("code", older_code), ("environment", older_environment)) if older]
    return f"older {' and '.join(found)}" if found else ""


class Cache:
    """Results of earlier runs of the same app, found by their keys.

    `app` bounds the search for the nearest miss: the latest run of the app that has the unit says what changed since.
    """

    def __init__(
        self,
        store: Store,
        app: str,
        parts: Mapping[str, Mapping[str, str]] | None = None,
    ) -> None:
        self._store = store
        self._parts = parts or {}
        self._before = [run.run_id for run in store.runs(app=app, limit=LOOKED_AT)]
        self._code: dict[str, Mapping[str, Any]] = {}

    def asked(self, node: str) -> bool:
        return True

    def decide(self, unit: Unit, node: Node, key: CacheKey | None) -> Decision:
        if not node.policy.cache:
            return Execute()
        if key is None:
            return Execute("not cached: what its result depends on cannot be told by digest")
        rows = self._store.db.execute(
            "SELECT c.run_id, e.body, i.run_id FROM cached c"
            " JOIN event e ON e.run_id=c.run_id AND e.run_seq=c.done_seq"
            " LEFT JOIN imported i ON i.run_id=c.run_id"
            " WHERE c.cache_key=? AND c.unit_id=? ORDER BY c.run_id DESC LIMIT 3",
            (key.key, unit.unit_id),
        ).fetchall()
        for run_id, recorded, imported in rows:
            body = json.loads(recorded)
            # A pickle that came from elsewhere is somebody else's code: it is looked at, never loaded.
            if is_whole(self._store, body) and not (imported and is_pickled(body)):
                source = body.get("from_run", run_id)
                why = f"reused from run {source}: code, arguments, inputs and environment equal"
                return reuse_of(run_id, unit.unit_id, body, why=why)
        if rows:
            return Execute("the earlier result's files are gone, or are a pickle that was imported")
        return Execute(self._nearest(unit, node, key))

    def expanded(self, node: str, rows: Sequence[Mapping[str, Any]], under: Unit | None) -> dict[str, Any]:
        return {}

    def _nearest(self, unit: Unit, node: Node, key: CacheKey) -> str:
        """Why nothing fits: what differs from the result that comes nearest, of the latest runs that have the unit."""
        nearest: tuple[int, str, Mapping[str, str]] | None = None
        now = key.to_plain()
        for run_id in self._before:
            before = self._store.result(run_id, unit.unit_id).get("cache")
            if before:
                differing = sum(before[name] != now[name] for name in now if name != "key")
                if nearest is None or differing < nearest[0]:
                    nearest = (differing, run_id, before)
        if nearest is None:
            return "never run" if len(self._before) < LOOKED_AT else "not run in the latest runs"
        _, run_id, before = nearest
        return f"{self.difference(run_id, node.name, before, key)} since run {run_id}"

    def difference(self, run_id: str, node: str, before: Mapping[str, str], now: CacheKey) -> str:
        """What differs between an earlier result's key and this one, in words."""
        found = []
        if before["code"] != now.code:
            found.append(self._code_difference(run_id, node))
        found += [
            f"{word} changed"
            for name, word in (("args", "arguments"), ("inputs", "inputs"), ("environment", "environment"))
            if before[name] != getattr(now, name)
        ]
        return "; ".join(found) or "nothing changed"

    def _code_difference(self, run_id: str, node: str) -> str:
        from agi_node.source import explain

        before = self._codes_of(run_id).get(node)
        now = self._parts.get(node)
        if before is None or now is None:
            return "code changed"
        return str(explain(before, now))

    def _codes_of(self, run_id: str) -> Mapping[str, Any]:
        if run_id not in self._code:
            import json

            created = self._store.created(run_id)
            digest = str(created.get("codes_digest"))
            known = digest in self._store.objects
            self._code[run_id] = json.loads(self._store.objects.read(digest)) if known else {}
        return self._code[run_id]


def is_pickled(body: Mapping[str, Any]) -> bool:
    """Whether a result, or a value in it, can only be read as a pickle."""
    pickles = "application/x-python-pickle"
    return body.get("codec") == "pickle" or any(
        artifact.get("media_type") == pickles for artifact in body.get("artifacts", ())
    )


def is_whole(store: Store, body: Mapping[str, Any]) -> bool:
    """Whether every object that a result speaks of is (still) there, in its full length."""
    if "value_digest" in body and body["value_digest"] not in store.objects:
        return False
    artifacts = body.get("artifacts", ())
    return all(store.objects.holds(artifact["digest"], artifact["size"]) for artifact in artifacts)
