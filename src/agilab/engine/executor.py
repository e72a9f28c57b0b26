"""The seam behind which units run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from agi_node.errors import AgiError
from agilab.engine.graph import Graph
from agilab.engine.state import NOTHING


class Task(NamedTuple):
    """One attempt as data: which target, with what, and where its output goes.

    Attributes:
        args: Keyword arguments (plain data, tagged).
        payload: First positional argument (plain data, tagged), or None.
        inputs: A file that holds what upstream units left, for targets that read many of them.
        staging: Folder for what the attempt writes; moved into the object store on success.
        mapped: Whether the payload is an item of a list, which may be None and is passed all the same.
    """

    run_id: str
    unit_id: str
    node: str
    key: str
    attempt_id: str
    attempt: int
    target: str
    environment: str
    args: Mapping[str, Any] = NOTHING
    payload: Any = None
    inputs: Path | None = None
    staging: str = ""
    timeout_s: float | None = None
    mapped: bool = False


class Report(NamedTuple):
    """What an executor has to say about an attempt.

    Kinds: `began`, `progress`, `metrics`, and, once for each attempt, one of `succeeded`, `skipped`, `failed`,
    `cancelled`, `lost`. `data` is the body of the worker's frame; for `lost` it holds `reason` and `began`.
    """

    kind: str
    unit_id: str
    attempt_id: str
    data: Mapping[str, Any] = NOTHING


@dataclass(frozen=True)
class Capabilities:
    """What an executor can keep; a policy that wants more is refused before the run starts."""

    timeout: bool
    kill: bool
    crash_isolation: bool
    own_environment: bool


@dataclass(frozen=True, slots=True)
class Holder:
    """The process that holds an attempt, so that a later owner can tell whether it is gone."""

    worker: str
    pid: int
    pid_started: float


class Wanted(NamedTuple):
    """A unit that is ready, as an executor sees it when it is asked for places: its node, and where it must run.

    `worker` is the one that a static plan chose; None leaves the choice to the executor.
    """

    node: str
    worker: str | None = None
    environment: str = ""


class Executor(Protocol):
    """Runs units somewhere and reports what became of them.

    Responsible for: starting an attempt, ending it, telling the truth about a lost one.
    Not responsible for: order, retries, caching, state. Those are the scheduler's.
    """

    name: str
    capabilities: Capabilities
    in_user_code: bool
    """Whether the author's code is running in this very thread, where an interrupt is meant for it."""

    def offers(self, wanted: Sequence[Wanted]) -> Sequence[Holder | None]:
        """A place for each of these units that would be taken now, None for the others, in the order given.

        May be shorter than `wanted`: what is not answered has no place now.
        """
        ...

    def submit(self, tasks: Sequence[tuple[Task, str]]) -> None:
        """Take tasks, each for the worker whose offer was accepted."""
        ...

    def poll(self, timeout_s: float) -> list[Report]:
        """Reports that have come in; waits up to `timeout_s` for the first."""
        ...

    def cancel(self, *, grace_s: float) -> None:
        """End every attempt: politely, then after `grace_s` for certain. Their reports still come."""
        ...

    def dismiss(self) -> None:
        """Say that no further task will come; does not wait. `close` still has to follow."""
        ...

    def close(self) -> None:
        """Give everything back. Idempotent."""
        ...


def refuse_policies(graph: Graph, executor: Executor) -> None:
    """Refuse, before anything runs, what an executor cannot keep. Raises AGI-GRAPH-010 and 011."""
    for node in graph.nodes:
        if node.policy.timeout_s is not None and not executor.capabilities.timeout:
            raise AgiError(
                "AGI-GRAPH-010",
                f"node {node.name} wants a timeout, which executor {executor.name} cannot keep",
                found=f"timeout_s={node.policy.timeout_s}",
                allowed="the local or the dask executor, or no timeout",
            )
        if node.environment and not executor.capabilities.own_environment:
            raise AgiError(
                "AGI-GRAPH-011",
                f"node {node.name} wants an environment of its own, which executor {executor.name} does not have",
                found=node.environment[:12],
                allowed="the local or the dask executor",
            )


Target = Callable[..., Any]
