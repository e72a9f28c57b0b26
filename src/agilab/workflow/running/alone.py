"""Stages that are asked for alone: whether the run that they follow has what they take."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from agi_node.errors import FAILED, AgiError
from agilab.engine.foreach import common
from agilab.engine.graph import Graph
from agilab.engine.rerun import Preview
from agilab.engine.selection import is_part
from agilab.workflow.running.prepare import Lab

SHOWN = 4
"""Stages that are told; of more than these it is quicker to say `--failed`."""


def refuse_starved(lab: Lab, graph: Graph, shown: Preview) -> None:
    """Raise AGI-STAGE-066 where a stage that is to run alone takes of another what that never left.

    Such a run would begin and fail with nothing done. One that lacks only some items of a list goes on without them.
    """
    if not shown.selection.alone:
        return
    lacking: dict[str, str] = {}
    asked = [name for name in lab.resolved.order if name in shown.selection.nodes]
    waiting = list(asked)
    while waiting:
        for need, why in _lacking(lab, graph, shown, waiting.pop()):
            if need not in lacking and need not in asked:
                lacking[need] = why
                waiting.append(need)
    if not lacking:
        return
    together = [name for name in lab.resolved.order if name in lacking or name in asked]
    others = [name for name in together if name in lacking]
    more = [f"and {len(others) - SHOWN} more"] if len(others) > SHOWN else []
    raise AgiError(
        "AGI-STAGE-066",
        f"{', '.join(asked)} cannot run alone, and nothing was begun",
        found="; ".join([f"{name}: {lacking[name]}" for name in others[:SHOWN]] + more),
        allowed="stages whose inputs the last run has, or makers of these that are asked for, too",
        try_=shlex.join(["agilab", "workflow", "run", str(lab.folder), *_asking(together)]),
        exit_code=FAILED,
    )


def _lacking(lab: Lab, graph: Graph, shown: Preview, name: str) -> Iterator[tuple[str, str]]:
    """The stages whose results one needs and the parent has not, or not enough of, each with what became of it."""
    for need in lab.resolved.stages[name].needs:
        kept = [unit for unit in (*shown.reuse, *shown.execute) if _node_of(unit) == need]
        left = {unit: why for unit, why in shown.leave_out.items() if _node_of(unit) == need}
        if not left:
            continue
        entry = next(node for node in graph.nodes if is_part(node.name, name) and need in node.needs)
        axes = graph.axes[need]
        if common(axes, graph.axes[entry.name]):
            enough = bool(kept)  # each unit hears for itself what it lacks
        else:
            enough = entry.satisfied(len(kept), len(kept) + len(left), single=not axes)
        if not enough:
            why = next(iter(left.values())).removesuffix(", and not selected")
            yield need, why if not kept else f"{why}: {len(left)} of {len(kept) + len(left)} units"


def _node_of(unit: str) -> str:
    return unit.partition("[")[0]


def _asking(stages: list[str]) -> list[str]:
    if len(stages) > SHOWN:
        return ["--failed"]
    return [word for name in stages for word in ("--only", name)]
