"""What becomes of a proposal that somebody accepts: the lab's file, what is kept, and the way back."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from agi_node.errors import FAILED, AgiError
from agilab.assist.keeping import keep, kept
from agilab.assist.proposal import Proposal, exchange_of
from agilab.assist.stage_text import code_now, find_stage, spelled_as, state_of
from agilab.contracts.atomic import write_atomically
from agilab.contracts.base import read_document, write_document
from agilab.contracts.canonical import sha256_bytes
from agilab.contracts.lab_stages import LabStages, Stage
from agilab.contracts.timestamps import timestamp


def accept(proposal: Proposal, home: Path) -> None:
    """Write the proposal into the lab, and note in the kept exchange that it was accepted.

    Comments and layout of the file stay. Raises AGI-ASSIST-062, with nothing written, where the lab has changed since
    it was read.
    """
    asked = proposal.asked
    if state_of(asked.lab_file, asked.stage) != asked.seen:
        raise AgiError(
            "AGI-ASSIST-062",
            f"{asked.lab_file.name} was changed while the answer was on its way",
            found=f"another {asked.lab_file.name}, or another file of stage {asked.stage.id!r}",
            allowed="the lab as it was when the question was asked",
            try_="ask again: the answer is kept, and --provider replay gives it again where nothing else changed",
            exit_code=FAILED,
        )
    keep(home, exchange_of(proposal).with_changes(accepted_at=timestamp(datetime.now(UTC))))
    _write(asked.lab_file, asked.lab, proposal.stage, proposal.code)


def undo(lab_file: Path, stage_id: str, home: Path) -> Stage:
    """Put back what the stage said before its last accepted answer; returns the stage as it is then.

    Raises AGI-ASSIST-063 where no answer was accepted, or the code was edited since.
    """
    lab = read_document(lab_file, LabStages)
    stage = find_stage(lab, stage_id, lab_file)
    digest = None if stage.origin is None else stage.origin.prompt_digest
    now = sha256_bytes(code_now(stage, lab_file.parent).encode())
    answered = kept(home, digest) if digest is not None else []
    exchange = next((one for one in reversed(answered) if one.accepted_at and one.code_digest == now), None)
    if exchange is None:
        edited = bool(answered)
        raise AgiError(
            "AGI-ASSIST-063",
            f"there is no answer in stage {stage.id!r} that can be undone",
            found="code that was edited since" if edited else "code that no answer kept here is behind",
            allowed="the code just as it was accepted",
            try_=f"git diff {lab_file.name}",
            exit_code=FAILED,
        )
    before = exchange.before
    values = {name: getattr(stage, name) for name in stage.model_fields_set}
    for name in ("code", "question", "model", "origin"):
        values.pop(name, None)
        found = getattr(before, name)
        if found or (name == "code" and found is not None):  # an empty text of code was there too
            values[name] = found
    if stage.file:
        values.pop("code", None)
    restored = Stage.model_validate(values)
    _write(lab_file, lab, restored, before.code or "")
    return restored


def _write(lab_file: Path, lab: LabStages, stage: Stage, code: str) -> None:
    stages = tuple(stage if one.id == stage.id else one for one in lab.stages)
    path = lab_file.parent / stage.file if stage.file else None
    before = path.read_bytes() if path is not None and path.is_file() else None
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, spelled_as(code, before or b""))
    try:
        write_document(lab_file, lab.with_changes(stages=stages))
    except BaseException:
        # Two files cannot change at one instant; if the second refuses, the first goes back.
        if path is not None and before is not None:
            write_atomically(path, before)
        elif path is not None:
            path.unlink(missing_ok=True)
        raise
