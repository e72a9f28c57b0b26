"""`assistance.json`: one question about a stage, all that was sent for it, what came back, and what became of that."""

from typing import Annotated, Literal

from pydantic import Field

from agilab.contracts.base import Document
from agilab.contracts.lab_stages import Origin, StageId
from agilab.contracts.record import Record
from agilab.contracts.safe_actions import Action
from agilab.contracts.scalars import Count, Digest, PublicUri, Seconds, Text, Timestamp

Kind = Literal["int", "float", "bool", "text", "date", "datetime", "other", "unknown"]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False, description="a share from 0 to 1")]


class Column(Record):
    """What is known of a column. Numbers and months as bounds, never a text that stands in the table."""

    name: str
    kind: Kind
    type: str = ""
    """What the library that holds the table calls it."""
    low: int | float | str | None = None
    """A bound of its values from below, rounded outwards: three digits of a number, the month of a date."""
    high: int | float | str | None = None
    missing: Share | None = None
    """Null and NaN, of the rows that were looked at; of numbers in a parquet file, null alone."""
    distinct: Count | None = None
    """Different known values, where those of every row are known."""


class TableSchema(Record):
    """What is known of a table, without its rows."""

    columns: tuple[Column, ...] = ()
    index: tuple[str, ...] = ()
    """The names of pandas' index, where it has some: none of the columns."""
    rows: Count | None = None
    looked_at: Count = 0
    """The rows from which the figures of the columns come: the first ones, where there are more."""
    source: Literal["preview", "csv", "parquet", "steps", "unknown"] = "unknown"
    separator: str = ","
    """Of a csv file."""

    @property
    def whole(self) -> bool:
        """Whether the figures of the columns are those of every row."""
        return self.looked_at == self.rows

    @property
    def known(self) -> bool:
        """Whether the columns are known at all; of an unknown table, every name may be one."""
        return self.source != "unknown"

    def column(self, name: str) -> Column | None:
        """The column of this name; None where there is none."""
        return next((column for column in self.columns if column.name == name), None)


class Message(Record):
    """A part of a conversation, in the words of the protocol."""

    role: Literal["system", "user", "assistant"]
    content: str


class Steps(Record):
    """Safe actions as they were used: those of the answer, with the name of the stage's output."""

    table: Text
    result: Text | None = None
    actions: tuple[Action, ...]


class StageText(Record):
    """What a stage said before an answer was accepted, so that it can be said again."""

    code: str | None = None
    question: str = ""
    model: str = ""
    origin: Origin | None = None


class Assistance(Document):
    """One exchange. It holds what left this machine, word by word; no credential is ever part of that."""

    schema_id: Literal["agilab.assistance.v1"] = Field("agilab.assistance.v1", alias="schema")
    asked_at: Timestamp
    stage: StageId
    question: Text
    provider: Text
    model: str = ""
    server: PublicUri | None = None
    """The address that was asked, without credentials; null where nothing left this machine."""
    messages: tuple[Message, ...]
    prompt_digest: Digest
    """SHA-256 over the messages as canonical JSON."""
    tables: dict[str, TableSchema] = Field(default_factory=dict)
    rows_sent: Count = 0
    """How many rows of each table are in the messages, by consent."""
    response: str
    response_digest: Digest
    """SHA-256 over the response as UTF-8."""
    seconds: Seconds = 0.0
    kind: Literal["actions", "code"]
    actions: Steps | None = None
    code: str
    """What the answer comes to, for the stage as a whole."""
    code_digest: Digest
    before: StageText = StageText()
    accepted_at: Timestamp | None = None
    """Null where nobody has accepted it."""
