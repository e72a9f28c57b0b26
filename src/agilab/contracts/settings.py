"""`settings.toml` of a workspace: facts of this machine, the one document in which absolute paths stand."""

from pathlib import PurePosixPath, PureWindowsPath
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, WithJsonSchema, model_validator

from agilab.contracts.base import Document
from agilab.contracts.record import Record
from agilab.contracts.rooted import RootName
from agilab.contracts.scalars import Positive, Uri, refusal

RESERVED = ("app", "run", "workspace", "local")
"""Root names that AGILab gives itself."""


def _absolute(folder: str) -> str:
    if not PurePosixPath(folder).is_absolute() and not PureWindowsPath(folder).is_absolute():
        raise refusal(
            "is not absolute", allowed='an absolute folder, such as "/data/adsb"', kind="agilab_spelling"
        )
    return folder


Folder = Annotated[
    str,
    AfterValidator(_absolute),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": r"^(/|[A-Za-z]:[\\/]|[\\/]{2}[^\\/]+[\\/]+[^\\/]+)",
            "description": "an absolute folder",
        }
    ),
]


class TrackingSettings(Record):
    """Where runs are remembered."""

    uri: Uri | None = None
    """The MLflow address where `MLFLOW_TRACKING_URI` names none; without either, the workspace's own database."""
    enabled: bool = True


class WorkerSettings(Record):
    """How many processes a run takes."""

    default: Positive | None = None
    """Without it, the cores of this machine."""


class Settings(Document):
    """What holds for every run of a workspace."""

    file_format: ClassVar[Literal["json", "toml"]] = "toml"
    by_hand: ClassVar[bool] = True

    schema_id: Literal["agilab.settings.v1"] = Field("agilab.settings.v1", alias="schema")
    roots: dict[RootName, Folder] = Field(default_factory=dict)
    """Folders of data, by the name under which documents refer to them."""
    tracking: TrackingSettings = TrackingSettings()
    workers: WorkerSettings = WorkerSettings()

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if taken := sorted(set(RESERVED) & self.roots.keys()):
            raise refusal(
                "names a root that AGILab itself provides", allowed="another name", found=f"roots.{taken[0]}"
            )
        return self
