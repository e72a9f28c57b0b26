"""The children that a Dask worker keeps warm: one of each environment at each seat, for as long as they are used."""

from __future__ import annotations

import selectors
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agi_node.errors import AgiError
from agilab.envs.worker_process import WorkerProcess, WorkerSpec


@dataclass
class Child:
    """A worker process of the app's environment, and whether it has come up."""

    process: WorkerProcess
    selector: selectors.BaseSelector
    opened: bool = False

    def frames(self) -> list[dict[str, Any]]:
        """What it says of its units. Raises what it says of itself: that it cannot serve this app."""
        found = []
        for frame in self.process.frames():
            if frame["type"] == "opened":
                self.opened = True
            elif frame["type"] in ("failed", "refused"):
                raise AgiError.from_plain(
                    frame.get("error")
                    or {"code": "AGI-ENV-122", "what": frame.get("why", "the worker refused")}
                )
            else:
                found.append(frame)
        return found

    def close(self, *, grace_s: float) -> None:
        self.selector.close()
        self.process.close(grace_s=grace_s)


@dataclass
class Seat:
    """One place: at most one child of each environment, and one batch at a time."""

    name: str
    session: Session
    lock: threading.Lock = field(default_factory=threading.Lock)
    children: dict[str, Child] = field(default_factory=dict)
    failed_starts: int = 0
    used: float = field(default_factory=time.monotonic)

    def child(self, spec: WorkerSpec, logs: Path) -> WorkerProcess:
        """The child for a spec, started where there is none or where it ended meanwhile. Raises AGI-ENV-120."""
        return self.staff(spec, logs).process

    def staff(self, spec: WorkerSpec, logs: Path) -> Child:
        """As `child`, for whoever listens to it. Raises what an idle one has said of itself."""
        name = name_of(spec)
        child = self.children.get(name)
        if child is not None:
            child.frames()  # what came while it was idle: heartbeats, or its end
            if not child.process.ended:
                return child
            self.drop(spec)
        process = WorkerProcess(spec, self.name, logs / f"worker_{self.name}.log")
        selector = selectors.DefaultSelector()
        selector.register(process, selectors.EVENT_READ)
        self.children[name] = Child(process, selector)
        return self.children[name]

    def drop(self, spec: WorkerSpec) -> None:
        """End a child now, with everything it started."""
        child = self.children.pop(name_of(spec), None)
        if child is not None:
            child.selector.close()
            child.process.kill()

    def close(self, *, grace_s: float = 0.5) -> None:
        """Ask its children to shut down, and end them after `grace_s`."""
        for child in self.children.values():
            child.close(grace_s=grace_s)
        self.children.clear()


@dataclass
class Session:
    """What this Dask worker keeps for one executor."""

    name: str
    idle_s: float
    seats: dict[str, Seat] = field(default_factory=dict)
    kill_at: float | None = None
    """Set where everything is to end: what still runs at this moment is killed."""

    def close(self) -> None:
        """End every child of the session."""
        for seat in list(self.seats.values()):
            # A batch that runs sees `kill_at` and lets go; nobody waits here for one that cannot.
            if seat.lock.acquire(timeout=1.0):
                try:
                    seat.close()
                finally:
                    seat.lock.release()

    def rest(self, now: float) -> bool:
        """Close children that nobody has used for long: their manager may have died. True when none is left."""
        for seat in list(self.seats.values()):
            if now - seat.used > self.idle_s and seat.lock.acquire(blocking=False):
                try:
                    if now - seat.used > self.idle_s:
                        seat.close()
                        del self.seats[seat.name]
                finally:
                    seat.lock.release()
        # An ended session is remembered for as long as a batch of it might still wait in Dask's queue.
        ended_lately = self.kill_at is not None and now - self.kill_at < self.idle_s
        return not self.seats and not ended_lately


_SESSIONS: dict[str, Session] = {}
_keeper: threading.Thread | None = None
_opening = threading.Lock()


def session_of(name: str, idle_s: float) -> Session:
    """The session of this name, which may be new; its idle children are closed after `idle_s`."""
    global _keeper
    with _opening:
        session = _SESSIONS.setdefault(name, Session(name, idle_s))
        if _keeper is None:
            _keeper = threading.Thread(target=_keep_house, name="agilab-idle-children", daemon=True)
            _keeper.start()
    return session


def seat_of(session: str, place: str, idle_s: float) -> Seat:
    """The seat of a place, which may be new; it counts as used now."""
    owner = session_of(session, idle_s)
    with _opening:
        seat = owner.seats.get(place)
        if seat is None:
            seat = owner.seats[place] = Seat(place, owner)
        seat.used = time.monotonic()
    return seat


def _keep_house() -> None:
    global _keeper
    while True:
        time.sleep(min(5.0, *(max(0.05, session.idle_s / 4) for session in list(_SESSIONS.values())), 5.0))
        now = time.monotonic()
        with _opening:
            for session in list(_SESSIONS.values()):
                if session.rest(now):
                    del _SESSIONS[session.name]
            if not _SESSIONS:
                _keeper = None
                return


def plain_of(spec: WorkerSpec) -> dict[str, Any]:
    """A spec as the JSON that it travels as."""
    return {
        "python": str(spec.python),
        "source": str(spec.source) if spec.source else None,
        "app": spec.app,
        "roots": dict(spec.roots),
        "threads": spec.threads,
        "functions": str(spec.functions) if spec.functions else None,
    }


def spec_of(plain: Mapping[str, Any]) -> WorkerSpec:
    """A spec from the JSON that it travels as."""
    source = Path(plain["source"]) if plain["source"] else None
    functions = Path(plain["functions"]) if plain.get("functions") else None
    return WorkerSpec(
        Path(plain["python"]), source, plain["app"], plain["roots"], plain["threads"], functions=functions
    )


def name_of(spec: WorkerSpec) -> str:
    """What tells the children of a seat apart."""
    return repr(spec)
