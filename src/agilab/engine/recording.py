"""What an executor reports, as the log keeps it: small values in the event, everything else in the object store."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agi_node.canonical import sha256_file
from agi_node.errors import AgiError
from agilab.engine.core import RunState
from agilab.engine.executor import Report
from agilab.engine.state import Unit
from agilab.store import transitions as t
from agilab.store.events import body_text
from agilab.store.log import now_us
from agilab.store.objects import ObjectStore

INLINE_VALUE_BYTES = 32 * 1024
_SAID = (
    *("duration_us", "cpu_us", "max_rss", "log_span", "params", "validations", "reason"),
    *("codec", "value_type", "value_size"),  # of a value that is no plain data, see agi_node.codec
)
"""Of a report, what the event of a success repeats as it is."""


def end_of(run: RunState, unit: Unit, report: Report, objects: ObjectStore) -> tuple[str, dict[str, Any]]:
    """The event that a report of an attempt's end becomes, and its body.

    What a success left behind is adopted into the object store first; where that is not what its writer announced, the
    attempt has failed.
    """
    data = report.data
    if report.kind in ("succeeded", "skipped"):
        try:
            return f"attempt_{report.kind}", _success(report, objects)
        except AgiError as problem:
            return _failure(run, unit, {"error": problem.to_plain()})
    if report.kind == "failed":
        return _failure(run, unit, data)
    if report.kind == "lost":
        return _loss(run, unit, data)
    return "attempt_cancelled", {key: data[key] for key in ("duration_us", "log_span") if key in data}


def _failure(run: RunState, unit: Unit, data: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    to, wait = run.after_failure(unit)
    body: dict[str, Any] = {"to": to, "error": data.get("error")}
    for key in ("duration_us", "cpu_us", "max_rss", "log_span", "validations"):
        if data.get(key):
            body[key] = data[key]
    return "attempt_failed", _put_off(body, wait)


def _loss(run: RunState, unit: Unit, data: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    began = bool(data.get("began", True))
    to, wait = run.after_loss(unit, began=began)
    reason = data.get("reason", "the process is gone")
    body = {"to": to, "reason": reason, "began": began}
    if "log_span" in data:
        body["log_span"] = data["log_span"]
    return "attempt_lost", _put_off(body, wait)


def _put_off(body: dict[str, Any], wait_s: float) -> dict[str, Any]:
    """When a retry is due, by the clock on the wall, so that the next owner of the run knows it too."""
    if body["to"] == t.UP_FOR_RETRY:
        body["not_before_us"] = now_us() + int(wait_s * 1e6)
    return body


def _success(report: Report, objects: ObjectStore) -> dict[str, Any]:
    """The body of a success or skip: small values as they are, files adopted into the object store.

    Raises AGI-STORE-006 where a staged file is not what its writer announced.
    """
    data = report.data
    body: dict[str, Any] = {key: data[key] for key in _SAID if data.get(key)}
    if data.get("value_file"):
        staged = Path(data["staging"], data["value_file"])
        body["value_digest"] = objects.adopt(staged, sha256_file(staged), staged.stat().st_size)
    elif report.kind == "succeeded":
        value = data.get("value")
        if not _is_short(value) and len(text := canonical_text(value)) > INLINE_VALUE_BYTES:
            body["value_digest"] = objects.put(text)
        else:
            body["value"] = value
    if data.get("artifacts"):
        body["artifacts"] = [
            {
                **{key: artifact[key] for key in ("name", "kind", "media_type", "size", "digest")},
                **({"meta": artifact["meta"]} if artifact.get("meta") else {}),
                "file": artifact["file"],
            }
            for artifact in data["artifacts"]
        ]
    if data.get("artifacts") and "staging" in data:  # what was gathered lies in the store already
        staging = Path(data["staging"])
        for artifact in data["artifacts"]:
            objects.adopt(staging / artifact["file"], artifact["digest"], artifact["size"])
        # Now, while the workers are busy: a thousand folders at the end would be waited for.
        shutil.rmtree(staging, ignore_errors=True)
    body.update(metrics_body(data.get("metrics"), objects))
    return body


def metrics_body(table: Mapping[str, Any] | None, objects: ObjectStore) -> dict[str, Any]:
    """A batch of metric points as a table in the event, or as an object where it is long; nothing for no points."""
    if not table or not table.get("name"):
        return {}
    text = json.dumps(table, separators=(",", ":")).encode()
    if len(text) > INLINE_VALUE_BYTES:
        return {"metrics_digest": objects.put(text)}
    return {"metrics": dict(table)}


def canonical_text(value: Any) -> bytes:
    """Plain data as the bytes by which its size is judged and under which it is stored."""
    return body_text(value).encode()


def _is_short(value: Any) -> bool:
    """Whether a value is below the limit without its text being made: most are a number or a few words."""
    return value is None or isinstance(value, (int, float)) or (isinstance(value, str) and len(value) < 1000)
