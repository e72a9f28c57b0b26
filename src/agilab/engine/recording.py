"""What an executor reports, as the log keeps it: small values in the event, everything else in the object store."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agi_node.canonical import sha256_file
from agilab.engine.executor import Report
from agilab.store.events import body_text
from agilab.store.objects import ObjectStore

INLINE_VALUE_BYTES = 32 * 1024
_SAID = (
    *("duration_us", "cpu_us", "max_rss", "log_span", "params", "validations", "reason"),
    *("codec", "value_type", "value_size"),  # of a value that is no plain data, see agi_node.codec
)
"""Of a report, what the event of a success repeats as it is."""


def success_body(report: Report, objects: ObjectStore) -> dict[str, Any]:
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
        staging = Path(data["staging"])
        body["artifacts"] = [
            {
                **{key: artifact[key] for key in ("name", "kind", "media_type", "size", "digest")},
                **({"meta": artifact["meta"]} if artifact.get("meta") else {}),
                "file": artifact["file"],
            }
            for artifact in data["artifacts"]
        ]
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
