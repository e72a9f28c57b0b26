"""A pipeline as a file of version 1: `D`, `Q`, `M`, `C`, `R`, for tools that read these.

What only v2 has stands under one key of its own, so that nothing is lost on the way back.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agilab.contracts.lab_stages import LabStages, Stage
from agilab.workflow.legacy.reading import from_v1
from agilab.workflow.legacy.spelling import lab_to_v1, stage_to_v1
from agilab.workflow.legacy.values import dated
from agilab.workflow.legacy.words import FIELDS, META, REST, SCHEMA, sequence

Names = dict[str, list[str]]
"""The ids of the stages of each module."""
_MODULE = "lab"
"""What the one module is called where nobody ever gave it a name."""


def to_v1(lab: LabStages, *, module: str = _MODULE) -> dict[str, Any]:
    """The pipeline as the plain data of a v1 file. What was read from v1 and not changed is spelled as it was."""
    kept = lab.lab.extra.get("v1", {})
    kept = dated(kept, kept.get("values", ())) if isinstance(kept, Mapping) else {}
    whole = _whole(lab, kept)
    by_id = {stage.id: _spelled(stage) for stage in lab.stages}
    top = dict(kept.get("top", {}))
    names = _modules(lab, kept, module, top, whole.get(META, {}))
    found = {name: [by_id[one] for one in stages] for name, stages in names.items()}
    _without_stale(lab, {**whole, **top}, found, names)
    return {**whole, **top, **found}


def _spelled(stage: Stage) -> dict[str, Any]:
    """A stage with the spellings that it once had."""
    kept = stage.extra.get("v1", {})
    if not isinstance(kept, Mapping):
        return stage_to_v1(stage)
    odd = kept.get("values", ())
    back = dated(stage_to_v1(stage), [one for one in odd if one[0] != "v1"])
    keep = dated(kept, [one[1:] for one in odd if one[0] == "v1"]).get("keep", {})
    found = {**{key: value for key, value in back.items() if key not in kept.get("without", ())}, **keep}
    order = [key for key in str(kept.get("order", "")).split(" ") if key in found]
    return {key: found[key] for key in [*order, *(key for key in found if key not in order)]}


def _whole(lab: LabStages, kept: Mapping[str, Any]) -> dict[str, Any]:
    without = kept.get("without", ())
    meta = {"schema": SCHEMA, "version": 1, **kept.get("meta", {})}
    mine = lab_to_v1(lab.lab)
    meta = {key: value for key, value in meta.items() if key not in without} | ({REST: mine} if mine else {})
    return {} if META in without and not mine else {META: meta}


def _modules(
    lab: LabStages, kept: Mapping[str, Any], module: str, top: dict[str, Any], meta: dict[str, Any]
) -> Names:
    """The ids of each module in the order of its file; a stage that is new joins the last module."""
    ids = [stage.id for stage in lab.stages]
    before: Mapping[str, list[str]] = kept.get("modules", {}) or {module: ids}
    last = list(before)[-1]
    known = {one for names in before.values() for one in names}
    found: Names = {}
    for name, names in before.items():
        mine = [one for one in ids if one in names or (one not in known and name == last)]
        key = f"{name}__sequence"
        order = sequence(top.get(key, meta.get(key)), names)
        walked = names if order is None else [names[number] for number in order]
        if walked == mine:
            found[name] = names
        else:
            top.pop(key, None)
            meta.pop(key, None)
            found[name] = mine
    return {name: names for name, names in found.items() if names}


def _without_stale(
    lab: LabStages, whole: Mapping[str, Any], found: Mapping[str, list[dict[str, Any]]], names: Names
) -> None:
    """Take away kept spellings of what has been changed since: a reader would get the old value."""
    stages = {stage.id: stage for stage in lab.stages}
    for _ in range(2):  # an id that changes changes what others need
        again = from_v1({**whole, **found})
        for (module, number), other in zip(again.places, again.lab.stages, strict=True):
            raw, stage = found[module][number], stages[names[module][number]]
            back = stage_to_v1(stage)
            for key, field in FIELDS.items():
                if getattr(other, field) != getattr(stage, field):
                    raw.pop(key, None)
                    raw |= {key: back[key]} if key in back else {}
