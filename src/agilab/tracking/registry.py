"""Models into MLflow's registry: one version for each model of a run, found by tag before it is made.

Runs in the deliverer only, which hands its client in. A version carries `agilab.run_id`, `agilab.unit` and
`agilab.digest`, so a delivery that is repeated, or goes on where another was killed, finds what is there. Its source
is a folder of the run's artifacts that holds the model's file alone: `models:/NAME/VERSION` downloads that file.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agilab.tracking.limits import TAG_LENGTH, fit_values
from agilab.tracking.marks import APP, RUN_ID

if TYPE_CHECKING:
    from agilab.contracts.tracking import TrackedModel, TrackingPayload

UNIT, DIGEST = "agilab.unit", "agilab.digest"
_HAS_NONE = (
    *("FEATURE_DISABLED", "NOT_IMPLEMENTED", "ENDPOINT_NOT_FOUND"),
    *("INVALID_PARAMETER_VALUE", "PERMISSION_DENIED"),
)
"""Answers of a store that has no registry, or whose registry will never take this: asking again changes nothing."""

Upload = Callable[[Path, str], None]
"""Puts a file among the artifacts of the parent run, under a path."""


def register(
    client: Any, run: str, payload: TrackingPayload, upload: Upload, notes: list[str]
) -> tuple[dict[str, str], ...]:
    """Make sure that the registry has a version for each model; returns `{"name", "digest", "version"}` of each.

    What the registry refuses for good is said in `notes`; any other trouble is the caller's.
    """
    found: list[dict[str, str]] = []
    for model in payload.models:
        try:
            version = version_of(client, payload.run_id, model)
            if version is None and not Path(model.path).is_file():
                notes.append(f"model {model.name!r} is not in the registry: its file is gone")
                continue
            if version is None:
                version = _made(client, run, payload, model, upload, notes)
        except Exception as problem:
            if _code(problem) not in _HAS_NONE:
                raise
            why = " ".join(str(problem).split())[:300]
            notes.append(f"model {model.name!r} is not in the registry: {why}")
            continue
        found.append({"name": model.name, "digest": model.digest, "version": version})
    return tuple(found)


def version_of(client: Any, run_id: str, model: TrackedModel) -> str | None:
    """The version that an earlier delivery made, or None; of several the oldest."""
    token = None
    versions: list[int] = []
    while True:
        page = client.search_model_versions(
            f"name = '{model.name}' AND tags.`{RUN_ID}` = '{run_id}'", max_results=1000, page_token=token
        )
        for one in page:
            if (one.tags.get(UNIT), one.tags.get(DIGEST)) == (model.unit, model.digest):
                versions.append(int(one.version))
        token = page.token
        if not token:
            return str(min(versions)) if versions else None


def _code(problem: Exception) -> str | None:
    """The word by which an `MlflowException` says what is wrong; None for any other."""
    return getattr(problem, "error_code", None)


def _made(
    client: Any,
    run: str,
    payload: TrackingPayload,
    model: TrackedModel,
    upload: Upload,
    notes: list[str],
) -> str:
    folder = f"models/{re.sub(r'[^A-Za-z0-9_.-]+', '-', model.name)}-{model.digest[:12]}"
    upload(Path(model.path), f"{folder}/{model.file}")
    try:
        client.create_registered_model(model.name, {APP: payload.app})
    except Exception as problem:
        if _code(problem) != "RESOURCE_ALREADY_EXISTS":
            raise
    own = {RUN_ID: payload.run_id, UNIT: model.unit, DIGEST: model.digest}
    tags = {**fit_values(model.tags, TAG_LENGTH, "tag", notes), **own}
    place = str(client.get_run(run).info.artifact_uri).rstrip("/")
    made = client.create_model_version(
        model.name, f"{place}/{folder}", run, tags, description=model.description or None
    )
    return str(made.version)
