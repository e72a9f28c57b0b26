"""The models that a run registered, as the log has them: marks on artifacts of recorded successes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from agilab.store.rows import ArtifactRow
from agilab.store.store import Store


@dataclass(frozen=True, slots=True)
class ModelRow:
    """An artifact that its unit said to be a model.

    Attributes:
        name: What the model is called in a registry.
    """

    name: str
    artifact: ArtifactRow
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)


def registered_models(store: Store, run_id: str) -> list[ModelRow]:
    """What the units of a run registered, by unit and name.

    A result that was used again registers nothing: its model is that of the run that made it.
    """
    rows: dict[tuple[str, str], ArtifactRow] | None = None
    found: list[ModelRow] = []
    for event in store.events(run_id, kinds=("attempt_succeeded",)):
        if '"model":' not in event.body:
            continue
        for one in event.data.get("artifacts", ()):
            said = one.get("meta", {}).get("model")
            if said:
                rows = rows or {(row.unit_id, row.name): row for row in store.artifacts(run_id)}
                row = rows[event.unit_id or "", one["name"]]
                found.append(ModelRow(said["name"], row, said["description"], said["tags"]))
    return sorted(found, key=lambda model: (model.artifact.unit_id, model.name))


def versions_delivered(store: Store, run_id: str) -> dict[tuple[str, str], str]:
    """The version that the registry of the tracking store gave a model, by its name and digest, where it has one."""
    found: dict[tuple[str, str], str] = {}
    for event in store.events(run_id, kinds=("tracking_recorded",)):
        for one in event.data.get("models", ()):
            found[one["name"], one["digest"]] = one["version"]
    return found
