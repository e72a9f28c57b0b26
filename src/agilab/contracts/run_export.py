"""`export.json`: what an exported run consists of, file by file, and by which head its log is known."""

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from agilab.contracts.base import Document
from agilab.contracts.record import Record
from agilab.contracts.rooted import InsidePath
from agilab.contracts.scalars import Count, Digest, Positive, RunIdText, Text, refusal


class ExportedFile(Record):
    """A file of the export."""

    path: InsidePath
    size: Count = Field(description="bytes")
    digest: Digest


class RunExport(Document):
    """One run, ready to be taken elsewhere.

    Says nothing of when or where it was made: the same run exported twice is the same bytes.
    """

    index_name: ClassVar[str] = "export.json"

    schema_id: Literal["agilab.run_export.v1"] = Field("agilab.run_export.v1", alias="schema")
    run_id: RunIdText
    app: Text
    state: Literal["succeeded", "failed", "cancelled"]
    events: Positive
    """Lines of the log."""
    head: Digest
    """The last link of the log's hash chain. Kept elsewhere, it tells this export from a forged one."""
    manifest: Digest | None
    """Of `run/run_manifest.json`; null for a run that left none."""
    files: tuple[ExportedFile, ...]
    """Every file but this one, by path."""

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        paths = [file.path for file in self.files]
        if len(set(paths)) != len(paths):
            twice = next(path for path in paths if paths.count(path) > 1)
            raise refusal("lists a file twice", allowed="every file once", found=twice)
        if self.index_name in paths:
            raise refusal("lists itself", allowed="every file but export.json", found=self.index_name)
        return self
