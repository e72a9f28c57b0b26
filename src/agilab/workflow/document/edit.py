"""Editing a lab's document: stages come, go, move and get other names; what a person wrote around them stays.

Every edit keeps the text before it in the workspace's trash, and says the command that brings it back.
"""

from __future__ import annotations

import difflib
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from agi_node.errors import AgiError
from agilab.contracts.atomic import write_atomically
from agilab.contracts.base import write_document
from agilab.contracts.lab_stages import Input, LabStages, Stage
from agilab.store.workspace import Workspace
from agilab.workflow.document.locate import LabFile, read_text


@dataclass(frozen=True)
class Edited:
    """What an edit did.

    Attributes:
        kept: Where the text before it lies; None where there was none.
        notes: What a person should know, such as stages that lost an input.
    """

    path: Path
    lab: LabStages
    kept: Path | None
    notes: tuple[str, ...] = ()

    @property
    def undo(self) -> str | None:
        """The command that brings the text before it back."""
        return shlex.join(["cp", str(self.kept), str(self.path)]) if self.kept else None

    def to_plain(self) -> dict[str, Any]:
        """The same as JSON."""
        return {
            "status": "succeeded",
            "path": str(self.path),
            "stages": [stage.id for stage in self.lab.stages],
            "notes": list(self.notes),
            "undo": self.undo,
        }


def add_stage(lab: LabStages, stage: Stage, *, after: str | None = None, first: bool = False) -> LabStages:
    """The lab with one more stage: behind `after`, at the beginning, or at the end.

    Raises AGI-LAB-108 for an id that is taken, AGI-LAB-109 where there is no stage `after`.
    """
    if any(one.id == stage.id for one in lab.stages):
        raise AgiError(
            "AGI-LAB-108",
            "a stage of this id is there already",
            found=stage.id,
            allowed="an id of its own for each stage",
            try_=f"agilab workflow show {stage.id}",
        )
    stages = list(lab.stages)
    stages.insert(0 if first else len(stages) if after is None else position(lab, after) + 1, stage)
    return lab.with_changes(stages=tuple(stages))


def remove_stage(lab: LabStages, name: str) -> LabStages:
    """The lab without a stage, and without what others say of it by name. Raises AGI-LAB-109."""
    at = position(lab, name)
    return lab.with_changes(
        stages=tuple(_without(one, name) for number, one in enumerate(lab.stages) if number != at)
    )


def move_stage(lab: LabStages, name: str, *, after: str | None = None) -> LabStages:
    """The lab with a stage behind another one, or at the beginning. Raises AGI-LAB-109."""
    stages = list(lab.stages)
    moved = stages.pop(position(lab, name))
    if after == name:
        raise AgiError(
            "AGI-LAB-109", "a stage cannot stand behind itself", found=name, allowed="another stage"
        )
    rest = lab.with_changes(stages=tuple(stages))
    stages.insert(0 if after is None else position(rest, after) + 1, moved)
    return lab.with_changes(stages=tuple(stages))


def rename_stage(lab: LabStages, name: str, new: str) -> LabStages:
    """The lab with a stage under another id, wherever it is named. Raises AGI-LAB-108 and -109."""
    at = position(lab, name)
    if any(one.id == new for one in lab.stages):
        raise AgiError("AGI-LAB-108", "a stage of this id is there already", found=new, allowed="a new id")
    named = changed_stage(lab.stages[at], id=new)
    stages = [_renamed(named if one.id == name else one, name, new) for one in lab.stages]
    return lab.with_changes(stages=tuple(stages))


def changed_stage(stage: Stage, **changes: Any) -> Stage:
    """A stage with fields replaced. Raises AGI-LAB-110 for a value that cannot stand there."""
    return checked(lambda: stage.with_changes(**changes), stage.id)


def checked(make: Callable[[], Stage], name: str) -> Stage:
    """A stage as `make` makes it, its complaint in a person's words."""
    from pydantic import ValidationError

    try:
        return make()
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        context = problem.get("ctx", {})
        field = ".".join(str(part) for part in problem["loc"]) or "stage"
        raise AgiError(
            "AGI-LAB-110",
            f"{field} of {name} {context.get('phrase', 'is wrong')}",
            found=str(context["found"]) if "found" in context else f"{problem.get('input')!r:.100}",
            allowed=str(context.get("allowed", problem["msg"])),
            try_="agilab workflow add --help",
        ) from None


def position(lab: LabStages, name: str) -> int:
    """Where a stage stands. Raises AGI-LAB-109, with the nearest, where there is none of that id."""
    ids = [stage.id for stage in lab.stages]
    if name in ids:
        return ids.index(name)
    close = difflib.get_close_matches(name, ids, n=1, cutoff=0.5)
    raise AgiError(
        "AGI-LAB-109",
        "there is no stage of this id",
        found=name,
        allowed=", ".join(ids[:12]) or "no stage at all",
        try_=f"agilab workflow show {close[0]}" if close else "agilab workflow show",
    )


def write_lab(file: LabFile, lab: LabStages, workspace: Workspace, *, notes: Sequence[str] = ()) -> Edited:
    """Write an edited lab, the text before it kept in the trash. A lab that is as it was is not written.

    Raises AGI-LAB-103 for a file of version 1, AGI-LAB-107 where somebody else has written the file meanwhile, and
    what `write_document` raises.
    """
    file.writable()
    if lab == file.lab:
        return Edited(file.path, lab, None, tuple(notes))
    if read_text(file.path) != file.text:
        raise AgiError(
            "AGI-LAB-107",
            f"{file.path} was changed meanwhile, and is not written",
            found="another text than the one that was read",
            allowed="one writer at a time",
            try_="the same command again",
        )
    kept = keep(file.path, file.path.read_bytes(), workspace)
    write_document(file.path, lab)
    return Edited(file.path, lab, kept, tuple(notes))


def keep(path: Path, content: bytes, workspace: Workspace) -> Path:
    """Put what a file has into the workspace's trash; returns where it lies."""
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S-%f")
    kept = workspace.ensure().home / "trash" / stamp / path.name
    kept.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(kept, content)
    return kept


def _without(stage: Stage, name: str) -> Stage:
    changes: dict[str, Any] = {}
    if name in stage.needs:
        changes["needs"] = tuple(need for need in stage.needs if need != name)
    if name in stage.uses:
        changes["uses"] = {other: words for other, words in stage.uses.items() if other != name}
    if any(isinstance(one, Input) and one.source == name for one in stage.inputs):
        changes["inputs"] = tuple(_taken_from(one, name, None) for one in stage.inputs)
    return stage.with_changes(**changes) if changes else stage


def _renamed(stage: Stage, name: str, new: str) -> Stage:
    changes: dict[str, Any] = {}
    if name in stage.needs:
        changes["needs"] = tuple(new if need == name else need for need in stage.needs)
    if name in stage.uses:
        changes["uses"] = {new if other == name else other: words for other, words in stage.uses.items()}
    if any(isinstance(one, Input) and one.source == name for one in stage.inputs):
        changes["inputs"] = tuple(_taken_from(one, name, new) for one in stage.inputs)
    return stage.with_changes(**changes) if changes else stage


def _taken_from(one: str | Input, name: str, new: str | None) -> str | Input:
    """An input with another stage named as its maker, or none."""
    if isinstance(one, str) or one.source != name:
        return one
    if new is not None:
        return one.with_changes(source=new)
    return one.with_changes(source=None) if one.called or one.optional else one.name
