"""Which code ran, in which environment, on which machines."""

from pydantic import Field

from agilab.contracts.record import Record
from agilab.contracts.scalars import Count, Digest, Positive, Text


class Vcs(Record):
    """The state of the checkout that an app's source was taken from."""

    revision: Text
    """The commit, as the version control system names it."""
    dirty: bool
    """Whether the source differed from that commit; then the source digest is the truth, not the revision."""


class AppSource(Record):
    """An app and the exact source of it."""

    name: Text
    version: str | None = None
    """What its pyproject.toml says."""
    source_digest: Digest
    """Of the snapshot that the workers imported."""
    vcs: Vcs | None
    """Null for a source that no version control system knows."""


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
