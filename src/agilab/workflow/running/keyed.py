"""Which inputs reach a stage as a dict from key to value: what is made for each item of a list it does not walk."""

from __future__ import annotations

from agilab.contracts.lab_stages import LabStages, Stage
from agilab.workflow.document.resolve import resolve
from agilab.workflow.document.resolved import ResolvedStage


def keyed_inputs(lab: LabStages, stage: Stage) -> dict[str, str]:
    """The values that a stage takes as dicts, as it calls them, each with a name for its keys.

    Those of one list are called as its item is. A stage that has no code yet is taken for one that has. Nothing is said
    of files.
    """
    runs = stage.with_changes(
        enabled=True, **({"code": "pass", "runtime": None} if stage.kind == "none" else {})
    )
    stages = tuple(runs if one.id == stage.id else one for one in lab.stages)
    resolved = resolve(lab.with_changes(stages=stages), exists=lambda name: True)
    reader = resolved.stages[stage.id]
    found = {}
    for source in reader.inputs:
        if source.kind == "value" and source.stage is not None and source.stage in resolved.stages:
            maker = resolved.stages[source.stage]
            theirs, mine = _axes(maker), _axes(reader)
            shared = _common(theirs, mine)
            if shared < len(theirs):
                found[source.called] = "_".join(name for _, name in theirs[shared:])
    return found


def _axes(one: ResolvedStage) -> list[tuple[str, str]]:
    """An identity and a name for each key of a stage's units, from the outermost in: lists that are combined share one.

    What is combined in another way, or with its items called otherwise, has other keys.
    """
    outer = [(axis.identity, axis.name) for axis in one.axes[: len(one.axes) - len(one.foreach)]]
    own = [(axis.identity, axis.name) for axis in one.foreach]
    if len(own) > 1:
        own = [(f"{one.stage.zip} {own}", "_".join(name for _, name in own))]
    return [*outer, *own]


def _common(one: list[tuple[str, str]], other: list[tuple[str, str]]) -> int:
    pairs = zip(one, other, strict=False)
    return next((n for n, (a, b) in enumerate(pairs) if a[0] != b[0]), min(len(one), len(other)))
