"""What an operator may do to a run from any process: cancel, pause, unpause, note.

The run's owner alone writes its log, so a wish becomes a row that the owner takes up. Where no process owns the run,
whoever wishes takes the lock and becomes the owner for as long as it takes.
"""

from __future__ import annotations

import getpass
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from agi_node.errors import FAILED, USAGE, AgiError
from agilab.engine.coordinator import Coordinator
from agilab.engine.executor import Capabilities, Holder, Report, Task, Wanted
from agilab.engine.expansion import Item
from agilab.engine.graph import Graph, Node
from agilab.engine.state import Unit
from agilab.engine.tasks import Needs
from agilab.projects.finish import finish
from agilab.store.locks import RunLock, has_owner
from agilab.store.rows import RunRow
from agilab.store.store import Store

TAKEN_UP_SECONDS = 10.0
MARKS = ("", "keep", "promoted")
"""What a run may be marked with; a marked run is never pruned, and `` takes the mark away."""


@dataclass(frozen=True)
class Operated:
    """What became of a wish.

    Attributes:
        by_owner: Whether a living process took it up; otherwise it was done here.
        state: The run's state as its log has it afterwards.
    """

    run_id: str
    verb: str
    by_owner: bool
    state: str
    paused: bool

    def to_plain(self) -> dict[str, Any]:
        """The outcome as JSON."""
        return {
            "status": "succeeded",
            "run_id": self.run_id,
            "verb": self.verb,
            "by_owner": self.by_owner,
            "state": self.state,
            "paused": self.paused,
        }


def cancel(store: Store, name: str, *, reason: str = "", wait_s: float = 60.0) -> Operated:
    """End a run: what runs is ended politely, then for certain; nothing else starts; its manifest is written.

    Waits up to `wait_s` for the end. A run that nobody owns is closed here.
    Raises AGI-RUN-013 for a run that has ended, AGI-RUN-045 where its owner does not take the wish up.
    """
    run = _running(store, name, "cancel")
    wish = {"by": operator(), **({"reason": reason} if reason else {})}
    if _asked(store, run, "cancel", wish):
        _until(lambda: store.run(run.run_id).state != "running", wait_s)
        return _outcome(store, run, "cancel", by_owner=True)
    with RunLock(store.workspace.run_folder(run.run_id)):
        began = time.monotonic()
        graph = Graph.from_bytes(store.objects.read(run.plan_digest or ""))
        coordinator = Coordinator(store, run.run_id, graph, _Nothing(), _Nobody())
        coordinator.cancel(reason or "cancelled by an operator", by=operator())
        coordinator.execute()
        finish(
            store,
            run.run_id,
            delivery=None,
            patience_s=0.0,
            seconds=lambda: time.monotonic() - began,
            written_by="cancel",
        )
    return _outcome(store, run, "cancel", by_owner=False)


def pause(store: Store, name: str, *, reason: str = "") -> Operated:
    """Let running units finish and start no new ones. Raises AGI-RUN-044 where nobody runs the run."""
    return _owner_only(store, name, "pause", {"reason": reason} if reason else {})


def unpause(store: Store, name: str) -> Operated:
    """Go on starting units. Raises AGI-RUN-044 where nobody runs the run: `resume` goes on with it, paused or not."""
    return _owner_only(store, name, "unpause", {})


def note(store: Store, name: str, text: str, *, mark: str | None = None, unit: str | None = None) -> Operated:
    """Add an operator's note to a run or a unit of it, and mark the run where that is wished.

    Raises AGI-RUN-046 for a mark that is none, AGI-RUN-003 for a unit that is none.
    """
    run = store.run(name)
    if mark is not None and mark not in MARKS:
        raise AgiError(
            "AGI-RUN-046",
            "a run cannot be marked so",
            found=mark,
            allowed="keep, promoted, or nothing to take the mark away",
            exit_code=USAGE,
        )
    if unit is not None:
        unit = store.unit(run.run_id, unit).unit_id
    body = {"by": operator(), "text": text, **({} if mark is None else {"mark": mark})}
    if _asked(store, run, "note", {**body, **({"unit": unit} if unit else {})}):
        return _outcome(store, run, "note", by_owner=True)
    with RunLock(store.workspace.run_folder(run.run_id)):
        log = store.log(run.run_id)
        log.append("note_added", unit, **body)
        log.flush(durable=True)
    return _outcome(store, run, "note", by_owner=False)


def operator() -> str:
    """Who wishes, as the system knows them."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "somebody"


def _running(store: Store, name: str, verb: str) -> RunRow:
    run = store.run(name)
    if run.state != "running":
        raise run.over(allowed="a run that goes on", so=f"; there is nothing to {verb}")
    return run


def _owner_only(store: Store, name: str, verb: str, body: dict[str, str]) -> Operated:
    run = _running(store, name, verb)
    if not _asked(store, run, verb, {"by": operator(), **body}):
        raise AgiError(
            "AGI-RUN-044",
            f"nobody runs {run.run_id}, so there is nothing to {verb}",
            found="its coordinator is gone",
            allowed="a run that some process coordinates",
            try_=f"agilab runs resume {run.run_id}",
            exit_code=FAILED,
        )
    return _outcome(store, run, verb, by_owner=True)


def _asked(store: Store, run: RunRow, verb: str, body: dict[str, str]) -> bool:
    """Ask the owner and wait until it has taken the wish up; False where there is none, or it ended meanwhile."""
    folder = store.workspace.run_folder(run.run_id)
    if not has_owner(folder):
        return False
    wish = store.command(run.run_id, verb, **body)

    def taken() -> bool:
        return all(number != wish for number, _, _ in store.commands(run.run_id))

    if _until(lambda: taken() or not has_owner(folder), TAKEN_UP_SECONDS) and taken():
        return True
    if store.withdraw(wish):
        if has_owner(folder):
            raise AgiError(
                "AGI-RUN-045",
                f"the coordinator of run {run.run_id} did not take that up",
                found=f"no answer within {TAKEN_UP_SECONDS:.0f} s; the wish was taken back",
                try_=f"agilab runs tail {run.run_id}",
                whose="environment",
                exit_code=FAILED,
            )
        return False
    return True


def _until(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.02)
    return True


def _outcome(store: Store, run: RunRow, verb: str, *, by_owner: bool) -> Operated:
    now = store.run(run.run_id)
    return Operated(run.run_id, verb, by_owner, now.state, now.paused)


class _Nobody:
    """An executor that runs nothing: for closing a run that nobody will go on with."""

    name = "none"
    in_user_code = False
    capabilities = Capabilities(timeout=True, kill=True, crash_isolation=True, own_environment=True)

    def offers(self, wanted: Sequence[Wanted]) -> Sequence[Holder | None]:
        return []

    def submit(self, tasks: Sequence[tuple[Task, str]]) -> None:
        assert not tasks

    def poll(self, timeout_s: float) -> list[Report]:
        return []

    def cancel(self, *, grace_s: float) -> None:
        pass

    def dismiss(self) -> None:
        pass

    def close(self) -> None:
        pass


class _Nothing:
    """A builder of no tasks."""

    max_units = 0

    def recorded(self, unit: Unit, body: Any) -> None:
        pass

    def remembers(self, node: Node) -> bool:
        return True

    def items(self, node: Node, under: Unit | None) -> list[Item]:
        raise AssertionError("a cancelled run expands nothing")

    def task(self, unit: Unit, node: Node, payload: Any, needs: Needs, attempt_id: str, folder: Any) -> Task:
        raise AssertionError("a cancelled run starts nothing")

    def identity(self, unit: Unit, node: Node, payload: Any, needs: Needs) -> None:
        return None
