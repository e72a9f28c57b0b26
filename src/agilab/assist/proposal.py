"""From a question to a proposal: asked, read, checked, and tried where somebody can. Nothing is written to the lab."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from agilab.assist.answers import read_answer
from agilab.assist.asking import Asked
from agilab.assist.code_checks import check_code
from agilab.assist.engines import TABLE_FILES
from agilab.assist.findings import Finding
from agilab.assist.keeping import keep
from agilab.assist.providers import Answer, AssistProvider
from agilab.assist.stage_text import appended, given_names
from agilab.assist.steps.checking import check
from agilab.assist.steps.compiling import code_of
from agilab.contracts.assistance import Assistance, StageText, Steps
from agilab.contracts.canonical import sha256_bytes
from agilab.contracts.lab_stages import Origin, Stage, is_file
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
        """Whether it may be accepted without a person's eye: no finding of any weight, and somebody who vouches for it.

        That is a trial, the columns that its steps were checked against, or whoever wished no trial.
        """
        if self.findings or (self.tried is not None and self.tried.succeeded is False):
            return False
        return self.tried is None or bool(self.tried.succeeded) or self.fits

    @property
    def fits(self) -> bool:
        """Whether it is steps that were checked against known columns."""
        return self.actions is not None and all(table.schema.known for table in self.asked.prompt.tables)

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
    findings = check_code(
        code,
        given=given_names(asked.lab, asked.stage),
        outputs=asked.stage.outputs,
        used={name for taken in asked.stage.uses.values() for name in taken},
        before=asked.code,
    )
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
            code=asked.stage.code if asked.stage.file is None else asked.code or None,
            question=asked.stage.question,
            model=asked.stage.model,
            origin=asked.stage.origin,
        ),
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
    keys = {table.name: table.key for table in asked.prompt.tables if table.key}
    return code_of(checked, asked.prompt.library, [one for one in files if "{" not in one], keys)
