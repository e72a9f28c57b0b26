"""`notebook_import.json`: what an import made of notebooks, and what it could not decide. Nothing was executed."""

from typing import ClassVar, Literal

from pydantic import Field, JsonValue

from agilab.contracts.base import Document
from agilab.contracts.record import Record
from agilab.contracts.scalars import Count, Text


class Location(Record):
    """Where in a notebook."""

    notebook: str
    cell: Count | None
    """Index of the cell, from 0; null for the file as a whole."""
    line: Count | None
    """Line of the cell, from 1; null where no single one is meant."""


class NotebookFinding(Record):
    """Something that somebody should know."""

    code: Text
    severity: Literal["error", "warning", "note"]
    location: Location
    what: str
    mend: str = ""


class ImportedStage(Record):
    """A stage and the cells that it came from."""

    id: Text
    cells: tuple[Count, ...]
    expects: tuple[dict[str, JsonValue], ...] = ()
    """What its cells showed when the notebook was last run: kind, mime, size, digest, the beginning of the text."""
    repeats: tuple[dict[str, JsonValue], ...] = ()
    """Settings of earlier cells (options, seeds) that it says again, because it runs apart."""


class CellEdge(Record):
    """A name that one cell gives and another takes."""

    name: Text
    source: Count = Field(alias="from")
    target: Count = Field(alias="to")
    how: Text
    """`value` or `definition`."""


class Border(Record):
    """Whether one stage ends after a cell, and why."""

    after: Count
    cut: bool
    crossing: tuple[Text, ...]
    why: str


class Undecided(Record):
    """Where the data flow cannot be told from the text."""

    cell: Count
    line: Count
    reason: str


class OtherFinal(Record):
    """A name that is left at the end, and of which reading does not tell the one stage that leaves it so."""

    stages: tuple[Text, ...] = ()
    """Those that may, the last one first: where it did not come to it, the next one has it."""
    doubt: str = ""
    """Why a value that differs there proves nothing; empty where it does."""


class ImportedNotebook(Record):
    """One notebook: what is in it, and what became of it."""

    name: str
    digest: str
    """SHA-256 of the file; empty where it could not be read."""
    format: str
    language: str
    kernel: str
    counts: dict[str, JsonValue]
    execution: dict[str, JsonValue]
    """In which order the counts say that its cells ran, which never did, which are missing."""
    imports: tuple[dict[str, JsonValue], ...] = ()
    requirements: tuple[dict[str, JsonValue], ...] = ()
    artifacts: tuple[dict[str, JsonValue], ...] = ()
    """Files that it reads or writes, with direction, kind, cell and line."""
    stages: tuple[ImportedStage, ...] = ()
    parameters: tuple[Count, ...] = ()
    borders: tuple[Border, ...] = ()
    edges: tuple[CellEdge, ...] = ()
    undecided: tuple[Undecided, ...] = ()
    finals: dict[Text, Text] = Field(default_factory=dict)
    """For each name that is left at the end the stage that last gave it."""
    others: dict[Text, OtherFinal] = Field(default_factory=dict)
    """The names besides those: modules, functions and classes are in neither, since they are no results."""

    def wanted(self) -> dict[str, tuple[str, ...]]:
        """Every name that is left at the end, with the stages that may have it, the one to believe first."""
        return {
            **{name: (stage,) for name, stage in self.finals.items()},
            **{name: other.stages for name, other in self.others.items()},
        }


class Compared(Record):
    """One value, file or output of the notebook beside that of the pipeline."""

    kind: Literal["value", "file", "shown", "printed", "picture"]
    name: Text
    stage: str
    """Empty for what no stage leaves."""
    equal: bool | None
    """Null where it cannot be compared; `why` says so."""
    why: str = ""
    """What is different, beginning with the first thing that is; or how far it could be compared."""
    cell: Count | None = None
    """The cell that last gave it."""
    look: str = ""
    """The command to look closer, where it differs."""
    made_of: str = ""
    """The name of the first difference above that it takes from, where there is one."""


class Verification(Record):
    """The notebook and the pipeline, both run, and compared."""

    notebook: str
    run_id: str
    equal: bool
    compared: tuple[Compared, ...]
    error: str = ""
    """What kept one of the two from running to its end."""
    beside: str = ""
    """What failed in the same run and is of another notebook of the lab."""
    fails_alike: bool = False
    """Whether both end with one and the same error in one and the same cell, and nothing before it differs."""
    cannot_run: bool = False
    """Whether nothing differs, and no more can be told than what was compared, since the notebook stopped: for want of
    what it finds elsewhere, or by an error of its own. `error` says of which, and what helps."""
    refused: str = ""
    """What of its stages keeps `agilab workflow run` from beginning, whatever was compared; it is not `equal` then."""
    notebook_s: float = 0.0
    """Seconds that its cells took."""
    pipeline_s: float = 0.0
    """Seconds that its stages took, added up."""
    caches: tuple[Text, ...] = ()
    """Folders of caches in which the notebook left something, which is not compared."""


class NotebookImport(Document):
    """The report of an import."""

    file_format: ClassVar[Literal["json", "toml"]] = "json"

    schema_id: Literal["agilab.notebook_import.v2"] = Field("agilab.notebook_import.v2", alias="schema")
    mode: Literal["not_executed_import"] = "not_executed_import"
    importable: bool
    """Whether every notebook could be read and something of it becomes a stage."""
    notebooks: tuple[ImportedNotebook, ...]
    dependencies: tuple[Text, ...] = ()
    """What the pipeline's environment needs, as requirements."""
    findings: tuple[NotebookFinding, ...] = ()
    toml: str = ""
    """The `lab_stages.toml` that the import proposes."""
    verification: tuple[Verification, ...] = ()
