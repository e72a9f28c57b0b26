"""Stages that a person names, among those that a lab runs."""

from __future__ import annotations

import difflib
import shlex
from pathlib import Path

from agi_node.errors import AgiError
from agilab.workflow.document.resolved import Resolved

_SHOWN = 8


def refuse_unknown(stage: str, resolved: Resolved, lab: Path) -> None:
    """Raise AGI-STAGE-040 for a name that is no stage which runs, with those that are near; `lab` is its document."""
    if stage in resolved.stages:
        return
    place = shlex.quote(str(lab))
    if stage in resolved.left_out:
        kind = next(one for one in resolved.lab.stages if one.id == stage)
        what = f"the stage {stage} is {'text' if kind.enabled else 'disabled'}, and never runs"
        try_ = f"agilab workflow show {shlex.quote(stage)} {place}"
    else:
        what, try_ = "the lab has no stage of that name", f"agilab workflow show {place}"
    near = difflib.get_close_matches(stage, resolved.stages, n=4) or [*resolved.stages]
    more = f" and {len(near) - _SHOWN} more" if len(near) > _SHOWN else ""
    raise AgiError(
        "AGI-STAGE-040",
        what,
        found=stage,
        allowed=f"{', '.join(near[:_SHOWN])}{more}" if near else "no stage of it runs",
        try_=try_,
    )
