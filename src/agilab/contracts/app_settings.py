"""`app_settings.toml`: what an app is run with, saved beside it; written by people, the CLI and the UI alike.

Only what belongs to the app: facts of a machine are in the workspace's `settings.toml`, what a user
interface remembers is with the user interface.
"""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, JsonValue, model_validator

from agilab.contracts.base import Document
from agilab.contracts.record import Record
from agilab.contracts.rooted import InsidePath
from agilab.contracts.scalars import Count, Positive, Text, Uri, refusal


class ServiceHealth(Record):
    """What the health gate of a service lets pass."""

    allow_idle: bool = False
    """Whether a service without work is healthy."""
    max_unhealthy: Count = 0
    """Workers that may be unhealthy at a time."""
    max_restart_rate: Annotated[float, Field(ge=0, le=1)] = 0.25
    """Restarts for each worker and health check, at most."""


class Cluster(Record):
    """Where the work is done, by default."""

    executor: Literal["local", "dask"] = "local"
    scheduler: Uri | None = None
    """The address of a running Dask scheduler, such as `tcp://host:8786`."""
    placement: Literal["static", "dynamic"] = "dynamic"
    """Pin items to workers by cost beforehand, or let idle workers pull."""
    workers: dict[Text, Positive] = Field(default_factory=dict)
    """Worker processes for each host."""
    service_health: ServiceHealth = ServiceHealth()


class ConnectorCatalog(Record):
    """The app's own catalog of data connectors."""

    path: InsidePath = "connectors.toml"
    """Relative to the folder of this file."""


class Pages(Record):
    """The analysis pages that go with the app."""

    show: tuple[Text, ...] = ()
    default: Text | None = None
    """The page that opens first."""

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if self.default is not None and self.default not in self.show:
            raise refusal(
                "opens a page that is not shown", allowed="one of " + ", ".join(self.show), found=self.default
            )
        return self


class AppSettings(Document):
    """Saved arguments, cluster, connectors and pages of one app."""

    file_format: ClassVar[Literal["json", "toml"]] = "toml"
    by_hand: ClassVar[bool] = True

    schema_id: Literal["agilab.app_settings.v2"] = Field("agilab.app_settings.v2", alias="schema")
    args: dict[str, JsonValue] = Field(default_factory=dict)
    """Saved arguments; the app's `Args` says which there are and checks them."""
    cluster: Cluster = Cluster()
    connector_catalog: ConnectorCatalog | None = None
    connector_refs: dict[Text, Text] = Field(default_factory=dict)
    """What the app calls a connector, and its id in the catalog."""
    page_connector_refs: dict[Text, dict[Text, Text]] = Field(default_factory=dict)
    """The same for each page."""
    legacy_paths: dict[Text, Text] = Field(default_factory=dict)
    """Raw paths from before there were connectors, kept as they were; a use is a `legacy_path_fallback`."""
    pages: Pages = Pages()
