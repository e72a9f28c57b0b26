"""What the store hands out: rows of the projections as plain records."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from agi_node.errors import FAILED, AgiError


def iso(at_us: int | None) -> str | None:
    """Microseconds since the epoch as ISO 8601 in UTC."""
    if at_us is None:
        return None
    return datetime.fromtimestamp(at_us / 1e6, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run as the projection has it. `state` is running, succeeded, failed or cancelled.

    `mark` is what a person marked it with last (`promoted`, `keep`), or empty; a marked run is never pruned.
    """

    run_id: str
    app: str
    parent_run_id: str | None
    state: str
    paused: bool
    created_us: int
    finished_us: int | None
    plan_digest: str | None
    source_digest: str | None
    environment: str | None
    head: str
    event_count: int
    mark: str = ""

    def over(self, *, allowed: str, so: str = "") -> AgiError:
        """The error for whoever wants something of a run that has ended: AGI-RUN-013."""
        return AgiError(
            "AGI-RUN-013",
            f"run {self.run_id} has ended{so}",
            found=self.state,
            allowed=allowed,
            try_=f"agilab runs show {self.run_id}",
            exit_code=FAILED,
        )

    @property
    def created_at(self) -> str:
        return iso(self.created_us) or ""

    @property
    def finished_at(self) -> str | None:
        return iso(self.finished_us)


@dataclass(frozen=True, slots=True)
class NodeRow:
    """A node with its units counted by state."""

    node: str
    position: int
    state: str
    target: str
    total: int
    started_us: int | None
    finished_us: int | None
    counts: dict[str, int]

    @property
    def ending(self) -> str:
        """The state as people hear it: of a node that ended well the state of its units, where they share one.

        So a node of which nothing ran is reused, and one that had nothing to do is skipped.
        """
        return next(iter(self.counts)) if self.state == "succeeded" and len(self.counts) == 1 else self.state


@dataclass(frozen=True, slots=True)
class UnitRow:
    """A unit as the projection has it; durations in microseconds."""

    unit_id: str
    node: str
    key: str
    label: str
    position: int
    cost: float
    state: str
    attempt_id: str | None
    attempts: int
    retries: int
    losses: int
    not_before_us: int
    worker: str | None
    started_us: int | None
    ended_us: int | None
    duration_us: int | None
    done_seq: int | None


def _folder_name(key: str) -> str:
    """A key as a folder: `.` and `..` would lead elsewhere."""
    return key.replace(".", "%2E") if key in (".", "..") else key


@dataclass(frozen=True, slots=True)
class ArtifactRow:
    """An artifact that a recorded success left behind."""

    unit_id: str
    name: str
    kind: str
    media_type: str
    size: int
    digest: str
    file: str

    @property
    def place(self) -> str:
        """Where the readable view shows it, relative to the run's folder: by node, key and file name."""
        node, _, key = self.unit_id.partition("[")
        keys = [_folder_name(part) for part in key.removesuffix("]").split("/")]
        file = self.file.rpartition("/")[2]
        return "/".join(part for part in ("artifacts", node, *keys, file) if part)


@dataclass(frozen=True, slots=True)
class LeaseRow:
    """Which process held an attempt when its lease was last renewed."""

    attempt_id: str
    worker: str
    pid: int
    pid_started: float
    boot: str
    expires_s: float
