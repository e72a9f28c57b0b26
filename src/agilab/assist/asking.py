"""A question about a stage of a lab, made ready to be sent: the prompt, and what a person should know beforehand."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from agi_node.errors import AgiError
from agilab.assist.data.inputs import Keyed, Left, inputs_of, none_keyed, why_unknown
from agilab.assist.data.known import Known
from agilab.assist.engines import Library
from agilab.assist.library import library_of
from agilab.assist.preprompt import pre_prompt
from agilab.assist.prompt import Prompt, Wants
from agilab.assist.stage_text import code_now, find_stage, state_of
from agilab.contracts.base import read_document
from agilab.contracts.lab_stages import LabStages, Stage, is_file


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


def prepare(lab_file: Path, wish: Wish, left: Left, keyed: Keyed = none_keyed) -> Asked:
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
    known = inputs_of(lab, stage, folder, left, library, keyed)
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


def _unknown(prompt: Prompt) -> list[str]:
    """What a person should know of the tables before the answer comes."""
    notes = [
        f"the columns of {table.name!r} are not known{f': {table.why}' if table.why else ' yet'}, "
        "so no step is checked against them"
        for table in prompt.tables
        if not table.schema.known
    ]
    notes += [
        f"{table.name!r} is a dict of tables here: steps work on all of them as one, with the key as the column "
        f"{table.key!r}"
        for table in prompt.tables
        if table.key
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
        Known(values[0], why=why_unknown(stage))
        if made is None
        else replace(Known.of_value(values[0], made), items=tuple(stage.foreach))
    )
