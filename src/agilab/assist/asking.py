"""From a question about a stage to a proposal, and from a proposal that somebody accepted to the lab's file.

Nothing is written before `accept`, and `accept` writes only what was shown.
"""

from __future__ import annotations

import difflib
import shlex
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from agi_node.errors import AgiError
from agilab.assist.answers import read_answer
from agilab.assist.code_checks import check_code
from agilab.assist.data.inputs import Left, inputs_of
from agilab.assist.data.known import Known
from agilab.assist.findings import Finding
from agilab.assist.keeping import keep
from agilab.assist.library import library_of
from agilab.assist.preprompt import pre_prompt
from agilab.assist.prompt import Prompt, Wants
from agilab.assist.providers import Answer, AssistProvider
from agilab.assist.steps.checking import check
from agilab.assist.steps.compiling import TABLE_FILES, Library, code_of
from agilab.contracts.assistance import Assistance, StageText, Steps
from agilab.contracts.base import read_document
from agilab.contracts.canonical import sha256_bytes
from agilab.contracts.lab_stages import LabStages, Origin, Stage, is_file
from agilab.contracts.safe_actions import SafeActions
from agilab.contracts.timestamps import timestamp


@dataclass(frozen=True)
class Outcome:
    """What became of a stage that was tried on a sample, in its own environment."""

    succeeded: bool | None
    """None where it could not be tried at all, which says nothing against it."""
    said: str = ""
    """In a line: what came out, why it failed, or why it was not tried."""
    on: str = ""
    """The part of its inputs that it was tried on, where that is not all: figures of what came out are of that."""


TryOut = Callable[[Stage], Outcome]
"""Tries a stage, its code inline, without recording a run. Whoever has an executor gives it."""


@dataclass(frozen=True)
class Wish:
    """What somebody asks, and how."""

    stage: str
    question: str
    wants: Wants = "either"
    append: bool = False
    library: Library | None = None
    send_rows: int = 0


@dataclass(frozen=True)
class Asked:
    """A question about a stage of a lab, ready to be sent."""

    lab_file: Path
    lab: LabStages
    stage: Stage
    code: str
    prompt: Prompt
    notes: tuple[str, ...] = ()
    seen: str = field(default="", repr=False)
    """The digest of the files as they were read: what changes in between is not overwritten."""

    def longer_than(self, rows: int) -> list[str]:
        """The values that the stage takes and that are, or may be, tables of more rows. A file is never cut."""
        taken = self.prompt.tables[1:] if self.prompt.append else self.prompt.tables
        return [
            table.name
            for table in taken
            if not is_file(table.name) and (table.schema.rows is None or table.schema.rows > rows)
        ]


@dataclass(frozen=True)
class Proposal:
    """What would become of the stage, and what is to be said about that."""

    asked: Asked
    answer: Answer
    provider: str
    code: str
    actions: SafeActions | None
    findings: tuple[Finding, ...]
    tried: Outcome | None = None

    @property
    def diff(self) -> list[str]:
        """The change as lines of a unified diff."""
        name = self.asked.stage.file or self.asked.stage.id
        before, after = (text.splitlines() for text in (self.asked.code, self.code))
        return list(difflib.unified_diff(before, after, f"{name} (now)", f"{name} (proposed)", lineterm=""))

    @property
    def changes(self) -> bool:
        """Whether anything would be different."""
        return self.code != self.asked.code

    @property
    def sound(self) -> bool:
        """Whether it may be accepted without a person's eye: no finding of any weight, and no trial that failed."""
        return not self.findings and (self.tried is None or self.tried.succeeded is not False)

    @property
    def stage(self) -> Stage:
        """The stage as it would be."""
        asked = self.asked
        origin = (asked.stage.origin or Origin()).with_changes(
            mode="generated", prompt_digest=asked.prompt.digest, digest=sha256_bytes(self.code.encode())
        )
        text: dict[str, Any] = {} if asked.stage.file else {"code": self.code}
        model = self.answer.model or self.provider
        return asked.stage.with_changes(**text, question=asked.prompt.question, model=model, origin=origin)

    def to_plain(self) -> dict[str, Any]:
        """The proposal for programs: nothing in it that was not shown, and no key ever."""
        return {
            "stage": self.asked.stage.id,
            "question": self.asked.prompt.question,
            "provider": self.provider,
            "model": self.answer.model,
            "server": self.answer.server,
            "prompt_digest": self.asked.prompt.digest,
            "seconds": self.answer.seconds,
            "kind": "code" if self.actions is None else "actions",
            "actions": None if self.actions is None else self.actions.plain(),
            "code": self.code,
            "diff": self.diff,
            "findings": [finding.to_plain() for finding in self.findings],
            "tried": None
            if self.tried is None
            else {"succeeded": self.tried.succeeded, "said": self.tried.said, "on": self.tried.on},
            "notes": list(self.asked.notes),
        }


def prepare(lab_file: Path, wish: Wish, left: Left) -> Asked:
    """Read the lab, what is known of the stage's inputs, and the app's own words; build the prompt. Sends nothing.

    Raises the errors of documents, AGI-ASSIST-060 for a stage that is not there or has no code to write, and
    AGI-ASSIST-061 for words of the app that cannot be used.
    """
    lab = read_document(lab_file, LabStages)
    stage = find_stage(lab, wish.stage, lab_file)
    if not wish.question.strip():
        raise AgiError(
            "AGI-ASSIST-060", "nothing is asked", found="an empty request", allowed="a request in words"
        )
    folder = lab_file.parent
    code = code_now(stage, folder)
    library = wish.library or library_of(lab, stage, code, folder, left)
    known = inputs_of(lab, stage, folder, left, library)
    tables = known.tables
    if wish.append:
        tables = (_so_far(stage, left), *tables)
    about = ". ".join(part.strip().rstrip(".") for part in (stage.title, stage.description) if part.strip())
    prompt = Prompt(
        question=wish.question.strip(),
        stage=stage.id,
        about=about,
        code=code,
        library=library,
        tables=tables,
        values=known.values,
        outputs=stage.outputs,
        wants=wish.wants,
        append=wish.append,
        pre_prompt=pre_prompt(folder),
        send_rows=wish.send_rows,
    )
    notes = (*known.notes, *_unknown(prompt))
    return Asked(lab_file, lab, stage, code, prompt, notes, state_of(lab_file, stage))


def propose(asked: Asked, provider: AssistProvider, hear: Callable[[str], None], home: Path) -> Proposal:
    """Ask, read the answer, check it, and keep the exchange under `home`. Nothing of the answer is run.

    Raises the errors of the provider, of answers that cannot be used, and of actions that do not fit the tables.
    """
    answer = provider.answer(asked.prompt, hear)
    reading = read_answer(answer.text, asked.prompt.wants, f"the {provider.name} provider")
    actions = None if reading.actions is None else _named(reading.actions, asked)
    code = _code(actions, asked) if actions is not None else str(reading.code)
    if asked.prompt.append and asked.code.strip():
        code = appended(asked.code, code)
    findings = check_code(code, given=given_names(asked.lab, asked.stage), outputs=asked.stage.outputs)
    proposal = Proposal(asked, answer, provider.name, code, actions, tuple(findings))
    keep(home, exchange_of(proposal))
    return proposal


def tried(proposal: Proposal, try_out: TryOut) -> Proposal:
    """The proposal with what became of a trial of it."""
    stage = proposal.stage
    if stage.file is not None:  # the file itself is still what it was
        kept = {name: getattr(stage, name) for name in stage.model_fields_set if name != "file"}
        stage = Stage.model_validate({**kept, "code": proposal.code})
    return replace(proposal, tried=try_out(stage))


def exchange_of(proposal: Proposal) -> Assistance:
    """The proposal as the document that is kept."""
    asked, answer, actions = proposal.asked, proposal.answer, proposal.actions
    return Assistance(
        asked_at=timestamp(datetime.now(UTC)),
        stage=asked.stage.id,
        question=asked.prompt.question,
        provider=proposal.provider,
        model=answer.model,
        server=answer.server,
        messages=asked.prompt.messages,
        prompt_digest=asked.prompt.digest,
        tables={table.name: table.schema for table in asked.prompt.tables},
        rows_sent=asked.prompt.send_rows,
        response=answer.text,
        response_digest=sha256_bytes(answer.text.encode()),
        seconds=answer.seconds,
        kind="code" if proposal.actions is None else "actions",
        actions=None
        if actions is None
        else Steps(table=actions.table, result=actions.result, actions=actions.actions),
        code=proposal.code,
        code_digest=sha256_bytes(proposal.code.encode()),
        before=StageText(
            code=asked.code or None,
            question=asked.stage.question,
            model=asked.stage.model,
            origin=asked.stage.origin,
        ),
    )


def find_stage(lab: LabStages, stage_id: str, lab_file: Path) -> Stage:
    """The stage of this id. Raises AGI-ASSIST-060 where there is none, or it calls an app."""
    found = next((stage for stage in lab.stages if stage.id == stage_id), None)
    if found is None:
        ids = [stage.id for stage in lab.stages]
        close = get_close_matches(stage_id, ids, n=1, cutoff=0.5)
        raise AgiError(
            "AGI-ASSIST-060",
            f"{lab_file.name} has no stage {stage_id!r}",
            found=stage_id[:80],
            allowed=", ".join(ids) or "none: it has no stages yet",
            try_=f"agilab workflow ask {close[0]} …" if close else _adding(lab, stage_id),
        )
    if found.app is not None:
        raise AgiError(
            "AGI-ASSIST-060",
            f"stage {stage_id!r} has no code to write",
            found=f"a call of the app {found.app!r}",
            allowed="a stage with code",
        )
    return found


def _adding(lab: LabStages, stage_id: str) -> str:
    """The command that adds an empty stage, which goes on with the last value of the lab."""
    values = [output for stage in lab.stages for output in stage.outputs if not is_file(output)]
    goes_on = f" --input {values[-1]} --output {values[-1]}" if values else ""
    return f"agilab workflow add {shlex.quote(stage_id[:80])} --code ''{goes_on}"


def code_now(stage: Stage, folder: Path) -> str:
    """The code of a stage as it stands, inline or in its file; empty where there is none yet.

    Raises AGI-ASSIST-060 for a file that is outside the lab's folder or cannot be read.
    """
    if stage.file is None:
        return stage.code or ""
    path = folder / stage.file
    try:
        if not path.resolve().is_relative_to(folder.resolve()):
            raise OSError("outside the folder of the lab")
        return path.read_bytes().decode("utf-8") if path.exists() else ""
    except (OSError, UnicodeDecodeError) as error:
        raise AgiError(
            "AGI-ASSIST-060",
            f"the file of stage {stage.id!r} cannot be read",
            found=f"{stage.file}: {getattr(error, 'strerror', None) or error!s:.80}",
            allowed="a Python file inside the folder of the lab",
        ) from None


def given_names(lab: LabStages, stage: Stage) -> set[str]:
    """The names that are there when the code of a stage begins."""
    names = set(stage.foreach)
    for one in stage.inputs:
        name = one if isinstance(one, str) else one.called or one.name
        if not is_file(name):
            names.add(name)
    return names | {name for taken in stage.uses.values() for name in taken}


def appended(before: str, new: str) -> str:
    """Code after code: imports that are not there yet go on top, the rest to the end."""
    lines = new.splitlines()
    imports = [line for line in lines if line.startswith(("import ", "from "))]
    body = "\n".join(line for line in lines if line not in imports).strip("\n")
    there = set(before.splitlines())
    missing = [line for line in imports if line not in there]
    head = "\n".join(missing) + "\n" if missing else ""
    if head and not before.startswith(("import ", "from ")):
        head += "\n"
    return f"{head}{before.rstrip()}\n\n{body}\n"


def _unknown(prompt: Prompt) -> list[str]:
    """What a person should know of the tables before the answer comes."""
    notes = [
        f"the columns of {table.name!r} are not known yet, so no step is checked against them"
        for table in prompt.tables
        if not table.schema.known
    ]
    notes += [
        f"{', '.join(table.schema.index)} is the index of {table.name!r}, no column, and steps leave it behind"
        for table in prompt.tables
        if table.schema.index
    ]
    if prompt.send_rows:
        notes += [
            f"no rows of {table.name!r} are sent: they cannot be read here"
            for table in prompt.tables
            if table.schema.known and not table.rows
        ]
    return notes


def _so_far(stage: Stage, left: Left) -> Known:
    """What the stage itself leaves: what further steps go on with."""
    values = [output for output in stage.outputs if not is_file(output)]
    if not values:
        raise AgiError(
            "AGI-ASSIST-060",
            f"stage {stage.id!r} leaves no value to go on with",
            found="no output that is a value",
            allowed="an output such as table",
            try_="leave --append out: the answer then replaces the code",
        )
    made = left(stage, values[0])
    return (
        Known(values[0])
        if made is None
        else replace(Known.of_value(values[0], made), items=tuple(stage.foreach))
    )


def _named(actions: SafeActions, asked: Asked) -> SafeActions:
    """The actions, with the result under the name of the stage's output where they name none."""
    values = [output for output in asked.stage.outputs if not is_file(output)]
    if actions.result is None and values and not asked.prompt.append and actions.table not in values:
        return actions.with_changes(result=values[0])
    return actions


def _code(actions: SafeActions, asked: Asked) -> str:
    tables = {table.name: table.schema for table in asked.prompt.tables}
    checked = check(actions, tables, "the answer")
    files = (
        []
        if asked.prompt.append
        else [one for one in asked.stage.outputs if one.lower().endswith(TABLE_FILES)]
    )
    return code_of(checked, asked.prompt.library, [one for one in files if "{" not in one])


def state_of(lab_file: Path, stage: Stage) -> str:
    """A digest of the lab's file and of the file of the stage, as they are now."""
    data = lab_file.read_bytes()
    path = lab_file.parent / stage.file if stage.file else None
    return sha256_bytes(data + (path.read_bytes() if path is not None and path.is_file() else b""))
