"""Which code ran, in which environment, on which machines."""

from typing import Literal, Self

from pydantic import Field, model_validator

from agilab.contracts.record import Record
from agilab.contracts.scalars import Count, Digest, Positive, Text, refusal


class Vcs(Record):
    """The state of the checkout that an app's source was taken from."""

    revision: Text
    """The commit, as the version control system names it."""
    dirty: bool
    """Whether the source differed from that commit; then the source digest is the truth, not the revision."""


class Compiled(Record):
    """Whether an app that has a compiled part ran with it."""

    state: Literal["built", "fallback"]
    """Fallback: its workers imported the plain source."""
    why: str = ""
    """Why it fell back, such as a compiler that is not there."""
    modules: dict[Text, Digest] = Field(default_factory=dict)
    """The compiled modules that the workers could import, by their place in the import folder."""

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if (self.state == "built") != bool(self.modules):
            raise refusal(
                "names modules that do not go with its state", allowed="compiled modules with the state built"
            )
        if (self.state == "fallback") != bool(self.why):
            raise refusal(
                "gives a reason that does not go with its state", allowed="why with the state fallback"
            )
        return self


class AppSource(Record):
    """An app and the exact source of it."""

    name: Text
    version: str | None = None
    """What its pyproject.toml says."""
    source_digest: Digest
    """Of the snapshot that the workers imported."""
    vcs: Vcs | None
    """Null for a source that no version control system knows."""
    compiled: Compiled | None = None
    """Null for an app that compiles nothing."""


class Interpreter(Record):
    """The Python of an environment."""

    implementation: Text
    """Such as CPython."""
    version: Text
    """Such as 3.11.7."""


class Platform(Record):
    """What the environment was made for."""

    system: Text
    """Such as Linux."""
    machine: Text
    """Such as x86_64."""
    release: str = ""
    """The system's own version, where it says one."""


class NodePackage(Record):
    """The `agi_node` inside an environment."""

    version: Text
    digest: Digest
    """Over its files: two builds of one version differ here."""


class Host(Record):
    """A machine that took part."""

    name: Text
    cpus: Positive
    """Logical cores that the process could use."""
    memory: Count | None = None
    """Bytes, where they could be found out."""


class Environment(Record):
    """The locked environment of an app: third-party packages, and the `agi_node` added to them."""

    fingerprint: Digest
    """Of the exported lock, the interpreter, the platform and `agi_node`: equal means interchangeable."""
    lock_digest: Digest
    """Of `uv export --frozen --no-emit-project --no-annotate --no-header`."""
    interpreter: Interpreter
    platform: Platform
    agi_node: NodePackage


class Workbench(Record):
    """The AGILab that planned, scheduled and recorded."""

    agilab: Text = Field(description="Its version.")
    hosts: tuple[Host, ...]
    """Every machine that took part, the coordinator's first."""
