"""`app_export.json`: what an exported app consists of, file by file, and what it does not bring along."""

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from agilab.contracts.base import Document
from agilab.contracts.record import Record
from agilab.contracts.rooted import InsidePath
from agilab.contracts.run_export import ExportedFile
from agilab.contracts.scalars import Count, Text, refusal


class StayedBehind(Record):
    """A file of the app that is not in the export."""

    path: InsidePath
    size: Count = Field(description="bytes")
    why: Text


class Wheels(Record):
    """For whom the wheels below `wheelhouse/` were chosen."""

    python: Text
    """The version of Python, such as `3.11`."""
    platform: Text
    """As `sysconfig.get_platform()` says it, such as `linux-x86_64`."""


class AppExport(Document):
    """An app, ready to be taken elsewhere: its own files below `<app>/`, and perhaps wheels below `wheelhouse/`.

    Says nothing of when or where it was made: the same app exported twice is the same bytes.
    """

    index_name: ClassVar[str] = "app_export.json"

    schema_id: Literal["agilab.app_export.v1"] = Field("agilab.app_export.v1", alias="schema")
    app: Text
    """The name of the app's folder."""
    version: Text | None = None
    files: tuple[ExportedFile, ...]
    """Every file but this one, by path."""
    left_out: tuple[StayedBehind, ...] = ()
    """By their paths in the app: data mostly, which whoever imports may have to bring."""
    wheels: Wheels | None = None

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        paths = [file.path for file in self.files]
        if len(set(paths)) != len(paths):
            twice = next(path for path in paths if paths.count(path) > 1)
            raise refusal("lists a file twice", allowed="every file once", found=twice)
        stray = [path for path in paths if not path.startswith((f"{self.app}/", "wheelhouse/"))]
        if stray or "/" in self.app:
            raise refusal(
                "lists a file outside of the app",
                allowed=f"files below {self.app}/ and wheelhouse/",
                found=stray[0] if stray else self.app,
            )
        if self.wheels is None and any(path.startswith("wheelhouse/") for path in paths):
            raise refusal("has wheels and does not say for whom", allowed="wheels", found="null")
        return self
