"""What somebody asked for, and how the run shows itself to them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from agilab.engine.coordinator import Observer
from agilab.engine.graph import Policy
from agilab.projects.machine import cores


@dataclass(frozen=True)
class RunRequest:
    """What a person asked for.

    Attributes:
        app: Name or path.
        args: Arguments by name, as texts or plain values.
        workers: Processes at work; None takes the settings' number, or one for each core.
        keep_going: Whether other units go on after one failed for good.
        offline: Whether the network may be used to make an environment.
        track: Whether the run is remembered in MLflow.
        placement: `static` gives each item to a worker before the run; with `dynamic` idle workers take the next one.
        distribution: A file that says which worker gets which item; static then, with its workers.
        executor: `local`, `dask` for a cluster on this machine, or `dask:ADDRESS` of a running scheduler.
        cache: Whether results of earlier runs are used again where code, arguments, inputs and environment are equal.
    """

    app: str
    args: Mapping[str, Any] = field(default_factory=dict)
    workers: int | None = None
    keep_going: bool = False
    offline: bool = False
    track: bool = True
    policy: Policy = Policy()
    placement: Literal["static", "dynamic"] = "dynamic"
    distribution: Path | None = None
    executor: str = "local"
    cache: bool = False

    @property
    def cores_shared(self) -> int | None:
        """The cores that all workers share; None for those of a running scheduler, which may be on many hosts."""
        return None if ":" in self.executor else cores()


@dataclass(frozen=True)
class Faces:
    """How a run shows itself to whoever watches; each may be left as it is.

    Attributes:
        say: Told in a few words what begins now.
        note: Told what a person should know afterwards.
        observe: Called for every turn of the coordinator's loop.
    """

    say: Callable[[str], None] = lambda text: None
    note: Callable[[str], None] = lambda text: None
    observe: Observer | None = None
