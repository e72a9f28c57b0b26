"""A stage, and what is said of all stages together, in the one spelling of version 1 that we write."""

from __future__ import annotations

from typing import Any

from agilab.contracts.lab_stages import Lab, Stage
from agilab.workflow.legacy.words import FIELDS, LISTS, ORIGIN, REST, RUNTIMES, TEXTS


def stage_to_v1(stage: Stage) -> dict[str, Any]:
    """The stage as plain data; what only v2 has stands under `REST`."""
    plain = stage.in_toml()
    found: dict[str, Any] = {"id": stage.id}
    for key, field in TEXTS.items():
        if plain.get(field) or (field == "code" and field in plain):
            found[key] = plain.pop(field)
    words = {word: key for key, word in RUNTIMES.items()}
    if plain.get("runtime") in words:
        found["R"] = words[plain.pop("runtime")]
    for field, keys in LISTS.items():
        if plain.get(field):
            found[keys[0]] = plain.pop(field)
    if plain.get("enabled") is False:
        found["enabled"] = plain.pop("enabled")
    origin = plain.pop("origin", {})
    for key, field in ORIGIN.items():
        if origin.get(field) and None not in list(origin[field]):
            value = origin.pop(field)
            found[key] = value[0] if isinstance(value, list) and len(value) == 1 else value
    extra = {key: value for key, value in plain.pop("extra", {}).items() if key != "v1"}
    hidden = {key: value for key, value in extra.items() if key in FIELDS or key == REST}
    found |= {key: value for key, value in extra.items() if key not in hidden}
    plain.pop("id")
    # A lineage of which nothing is known is still one: this stage came from somewhere.
    plain |= (
        {"origin": origin} if origin or (stage.origin is not None and not set(ORIGIN) & set(found)) else {}
    )
    plain |= {"extra": hidden} if hidden else {}
    rest = {key: value for key, value in plain.items() if _says_something(key, value)}
    return {**found, **({REST: rest} if rest else {})}


def _says_something(key: str, value: Any) -> bool:
    return not (value in ("", [], {}) and key != "origin") and not (key == "enabled" and value is True)


def lab_to_v1(lab: Lab) -> dict[str, Any]:
    """What is said of all stages together, which v1 has no words for."""
    mine = lab.in_toml()
    extra = {key: value for key, value in mine.pop("extra", {}).items() if key != "v1"}
    return {key: value for key, value in {**mine, "extra": extra}.items() if value}
