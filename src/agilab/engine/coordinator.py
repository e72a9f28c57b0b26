"""The loop around the core: one process that owns a run, starts units, and writes down what became of them."""

from __future__ import annotations

import errno
import heapq
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from agi_node.errors import ENVIRONMENT, AgiError
from agilab.engine.core import RunState
from agilab.engine.executor import Executor, Report, Task, Wanted, refuse_policies
from agilab.engine.expanding import expansion_body, rows_of, uncollected
from agilab.engine.expansion import keys_of
from agilab.engine.gathering import NOBODY, Gather, gathered
from agilab.engine.graph import Graph
from agilab.engine.interrupts import interrupts_to
from agilab.engine.reaper import reap
from agilab.engine.recording import end_of, metrics_body
from agilab.engine.reuse import CacheKey, LeaveOut, Memory, Reuse, SkipAgain
from agilab.engine.state import Command, Expand, Fact, Unit
from agilab.engine.tasks import Needs, TaskBuilder
from agilab.store import transitions as t
from agilab.store.events import Event
from agilab.store.locks import boot_id
from agilab.store.log import RunLog, now_us
from agilab.store.projection import expanded_items
from agilab.store.store import Store

LEASE_SECONDS = 60.0
LOOK_SECONDS = 0.005
"""The longest time between two looks at what people ask: a look costs as much as writing an event."""
START_AT_ONCE = 64
INTERRUPTED = "interrupted from the keyboard"
"""The reason of a cancel that Ctrl-C asked for."""
CANCEL_GRACE_SECONDS = 3.0
_ENDED = ("succeeded", "skipped", "failed", "lost", "cancelled")
_DISK_REFUSES = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)
Observer = Callable[["Coordinator", Report | None], None]


class Coordinator:
    """Carries a run to its end.

    Responsible for: doing what the core commands, in the log first; fencing; retries when they are due; leases; taking
    up what operators ask from other processes.
    Not responsible for: who may own the run (the caller holds its lock), what an app is, what a manifest says.

    `codes` are the digests of the nodes' code where they are known: with one, a success records what it depends on.
    `memory` decides whether an earlier result stands for a unit; without one, everything runs.
    `gather` says what a node that only gathers leaves.
    """

    def __init__(
        self,
        store: Store,
        run_id: str,
        graph: Graph,
        tasks: TaskBuilder,
        executor: Executor,
        *,
        observer: Observer | None = None,
        placement: Mapping[str, str] | None = None,
        codes: Mapping[str, str] | None = None,
        environment: str = "",
        memory: Memory | None = None,
        gather: Gather | None = None,
    ) -> None:
        refuse_policies(graph, executor)
        self.store = store
        self.run_id = run_id
        self.state = RunState(graph, placement, memory.asked if memory else None)
        self.log: RunLog = store.log(run_id)
        self.folder = store.workspace.run_folder(run_id)
        self._tasks = tasks
        self._executor = executor
        self._observer = observer
        self._placement = placement or {}
        self._codes = codes or {}
        self._environment = environment
        self._memory = memory
        self._gather = gather
        self._gathers = any(node.gathers for node in graph.nodes)
        self._decided: dict[str, str | None] = {}
        self._keys: dict[str, CacheKey] = {}
        self._data_version = -1
        self._look_due = 0.0
        self._payloads: dict[str, Any] = {}
        self._retries: list[tuple[float, str]] = []
        self._boot = boot_id()
        self._lease_due = time.monotonic() + LEASE_SECONDS / 3
        self._cancel_wanted: str | None = None
        self._cancel_by: str | None = None
        self._interrupts = 0
        self._began_ns = time.monotonic_ns()

    def execute(self) -> str:
        """Run to the end and return the final state. What the log already holds is not done again.

        An interrupt (Ctrl-C) becomes a cancel: running units get a moment to end, the log and the run stay whole; a
        second one ends them at once.
        """
        try:
            with interrupts_to(self._interrupted):
                self._take_over()
                while self.state.final is None:
                    try:
                        self._turn()
                    except AgiError as problem:
                        if problem.code.startswith("AGI-STORE"):
                            raise  # what cannot be written down cannot be carried on either
                        self._give_up(problem)
                self.log.flush(durable=True)
        except OSError as problem:
            if problem.errno in _DISK_REFUSES:
                raise self._unwritable(problem) from problem
            raise
        return self.state.final

    def payload(self, unit: Unit) -> Any:
        """The item that a unit works on; None for the one unit of an unmapped node."""
        return self._payloads.get(unit.unit_id)

    def _interrupted(self) -> None:
        if self._executor.in_user_code:
            raise KeyboardInterrupt
        self._interrupts += 1
        self.cancel(INTERRUPTED)

    def _give_up(self, problem: AgiError) -> None:
        """The executor cannot go on (no worker comes up, say): end the run, so that it has an end and evidence."""
        reason = problem.what
        self._follow(self._happened("run_stopping", reason=reason, error=problem.to_plain()))
        for unit in list(self.state.units.values()):
            if unit.state in (t.RUNNING, t.CANCELLING) and unit.attempt_id:
                self._ended(Report("lost", unit.unit_id, unit.attempt_id, {"reason": reason, "began": True}))
        self._carry_out(self.state.outstanding())

    def _unwritable(self, problem: OSError) -> AgiError:
        return AgiError(
            "AGI-STORE-005",
            f"what the run leaves behind cannot be written: {problem.strerror}",
            found=f"run {self.run_id}, {problem.filename or self.folder}",
            allowed="a writable disk with room",
            try_=f"make room, then: agilab runs resume {self.run_id}",
            whose="environment",
            exit_code=ENVIRONMENT,
        )

    def cancel(self, reason: str, by: str | None = None) -> None:
        """Ask for the end; takes effect at the next turn of the loop, or before anything starts."""
        self._cancel_wanted, self._cancel_by = reason, by

    # -- one turn ------------------------------------------------------------------------------------------

    def _turn(self) -> None:
        self._take_commands()
        if self._cancel_wanted and not self.state.cancelled:
            self._begin_cancel(self._cancel_wanted, self._cancel_by)
        elif self._interrupts > 1:
            self._interrupts = 1
            self._executor.cancel(grace_s=0)
        self._retry_what_is_due()
        self._start()
        self.log.flush_if_due()
        if self.state.final is not None:
            return
        if blocking := self.state.blocking():
            reason = f"nothing can run any more, and these are not done: {', '.join(blocking[:5])}"
            self._follow(self._happened("run_stopping", reason=reason))
            return
        for report in self._executor.poll(self._patience()):
            self._take(report)
        if self._observer:
            self._observer(self, None)
        self._renew_leases()
        self.log.flush_if_due()

    def _take_commands(self) -> None:
        """Take up what people asked from other processes. Costs a look at a counter now and then while nobody does."""
        now = time.monotonic()
        if now < self._look_due:
            return
        self._look_due = now + LOOK_SECONDS
        version = self.store.db.execute("PRAGMA data_version").fetchone()[0]
        if version == self._data_version:
            return
        self._data_version = version
        for number, verb, body in self.store.commands(self.run_id):
            self.log.take(number)
            if verb == "cancel" and not self.state.cancelled:
                self._begin_cancel(body.get("reason") or "cancelled by an operator", by=body.get("by"))
            elif verb == "pause" and not self.state.paused:
                self._follow(self._happened("run_paused", **body))
            elif verb == "unpause" and self.state.paused:
                self._follow(self._happened("run_unpaused", **body))
            elif verb == "note":
                self._record("note_added", body.pop("unit", None), **body)
            self.log.flush()

    def _begin_cancel(self, reason: str, by: str | None = None) -> None:
        self._follow(self._happened("cancel_requested", reason=reason, **({"by": by} if by else {})))
        self.log.flush()
        self._executor.cancel(grace_s=CANCEL_GRACE_SECONDS)

    def _start(self) -> None:
        units = self._to_run()
        nodes = self.state.nodes
        wanted = [
            Wanted(unit.node, self._placement.get(unit.unit_id), nodes[unit.node].node.environment)
            for unit in units
        ]
        places = self._executor.offers(wanted) if wanted else []
        if not any(places):
            return
        submitted: list[tuple[Task, str]] = []
        refused: list[Report] = []
        for unit, place in zip(units, places, strict=False):
            if place is None:
                continue
            node = self.state.nodes[unit.node].node
            needs = self._needs(unit)
            attempt_id = self._begun(unit, place.worker)
            if self._executor.capabilities.crash_isolation:
                expires = time.monotonic() + LEASE_SECONDS
                self.log.lease(attempt_id, place.worker, place.pid, place.pid_started, self._boot, expires)
            payload = self.payload(unit)
            try:
                task = self._tasks.task(unit, node, payload, needs, attempt_id, self.folder)
            except AgiError as problem:
                if problem.code.startswith("AGI-STORE"):
                    raise
                # What it is to be given cannot be given: that is the end of the attempt, and nobody hears of it.
                refused.append(Report("failed", unit.unit_id, attempt_id, {"error": problem.to_plain()}))
            else:
                submitted.append((task, place.worker))
        if self._executor.capabilities.crash_isolation:
            # In the log before it leaves this process: a coordinator that dies now knows what it had started.
            self.log.flush()
        self._executor.submit(submitted)
        for report in refused:
            self._ended(report)

    def _begun(self, unit: Unit, worker: str) -> str:
        """Write down that an attempt starts; returns its id."""
        why = self._decided.pop(unit.unit_id, None)
        said = {"why": why} if why else {}
        started = self._happened(
            "attempt_started", unit.unit_id, worker=worker, number=unit.attempts + 1, **said
        )
        self.state.apply(started)
        return started.attempt_id or ""

    def _to_run(self) -> list[Unit]:
        """Units to start now. What an earlier result stands for is settled on the way, and what that makes ready."""
        while self.state.has_ready:
            units = self.state.startable(START_AT_ONCE)
            if self._memory is None and not self._codes and not self._gathers:
                return units
            settled = False
            for unit in units:
                settled = self._settled(unit) or settled
            self.log.flush_if_due()
            if not settled:
                return units
        return []

    def _settled(self, unit: Unit) -> bool:
        """Whether a ready unit needs no executor: an earlier result stands for it, it gathers, or it is left out."""
        if unit.unit_id in self._decided:
            return False
        node = self.state.nodes[unit.node].node
        key = self._key(unit)
        decision = self._memory.decide(unit, node, key) if self._memory else None
        if isinstance(decision, Reuse):
            self._tasks.recorded(unit, decision.body)
            self._keys.pop(unit.unit_id, None)
            self._follow(self._happened("unit_reused", unit.unit_id, **decision.body))
            return True
        if isinstance(decision, LeaveOut):
            self._follow(self._happened("unit_left_out", unit.unit_id, reason=decision.reason))
            return True
        if isinstance(decision, SkipAgain):
            self._follow(self._happened("unit_skipped", unit.unit_id, reason=decision.reason))
            return True
        self._decided[unit.unit_id] = decision.why if decision else None
        if node.gathers:
            self._ended(gathered(self._gather, unit, node, self._needs(unit), self._begun(unit, NOBODY)))
        return node.gathers

    def _key(self, unit: Unit) -> CacheKey | None:
        """What the unit's result depends on, kept until it is recorded; None where that cannot be told."""
        node = self.state.nodes[unit.node].node
        code = self._codes.get(unit.node)
        if code is None or self.state.stands_alone(unit):
            return None
        try:
            identity = self._tasks.identity(unit, node, self.payload(unit), self._needs(unit))
        except AgiError as problem:
            if problem.code.startswith("AGI-STORE"):
                raise
            identity = (
                None  # what keeps it from being told keeps the unit from running, too, and is told then
            )
        if identity is None:
            return None
        args, inputs = identity
        key = self._keys[unit.unit_id] = CacheKey(code, args, inputs, node.environment or self._environment)
        return key

    def _needs(self, unit: Unit) -> Needs:
        """What each need has for a unit, with the tables as current as reading them wants."""
        node = self.state.nodes[unit.node].node
        if not node.needs:
            return {}
        if not self._tasks.remembers(node):
            self.log.flush()
        return self.state.inputs(unit)

    def _take(self, report: Report) -> None:
        if self._observer and report.kind in ("began", "progress"):
            self._observer(self, report)
        if report.kind == "cancelled" and not self.state.cancelled:
            # The interrupt reached the author's code itself; what it means comes before what it did.
            self._begin_cancel(INTERRUPTED)
        if report.kind == "metrics":
            self._metrics(report)
        elif report.kind in _ENDED:
            if self.state.is_current(report.unit_id, report.attempt_id):
                self._ended(report)
            elif not self._was_taken(report):
                self._record("report_refused", report.unit_id, report.attempt_id, report=report.kind)

    def _was_taken(self, report: Report) -> bool:
        """Whether this report ended the unit and has come again, which is nothing; an older attempt's is stale."""
        unit = self.state.units.get(report.unit_id)
        return unit is not None and unit.attempt_id == report.attempt_id

    def _ended(self, report: Report) -> None:
        unit = self.state.units[report.unit_id]
        kind, body = end_of(self.state, unit, report, self.store.objects)
        if kind == "attempt_succeeded":
            if key := self._keys.pop(unit.unit_id, None):
                body["cache"] = key.to_plain()
            self._tasks.recorded(unit, body)
        fact = self._happened(kind, unit.unit_id, report.attempt_id, **body)
        if "not_before_us" in body:
            wait = max(0, body["not_before_us"] - now_us()) / 1e6
            heapq.heappush(self._retries, (time.monotonic() + wait, unit.unit_id))
        if self._executor.capabilities.crash_isolation:
            self.log.release(report.attempt_id)
        self._follow(fact)

    def _metrics(self, report: Report) -> None:
        """Metrics of a unit that is still running: one event for each batch, which is a table."""
        if self.state.is_current(report.unit_id, report.attempt_id):
            table = metrics_body(report.data.get("metrics"), self.store.objects)
            if table:
                self._record("metrics_logged", report.unit_id, report.attempt_id, **table)

    # -- commands ------------------------------------------------------------------------------------------

    def _record(
        self, kind: str, unit_id: str | None = None, attempt_id: str | None = None, **data: Any
    ) -> Event:
        """Write an event from which nothing follows, or what follows is left to the caller."""
        return self.log.append(kind, unit_id, attempt_id, **data)

    def _happened(
        self, kind: str, unit_id: str | None = None, attempt_id: str | None = None, **data: Any
    ) -> Fact:
        """Write an event and return it for `_follow`."""
        return self._fact(self.log.append(kind, unit_id, attempt_id, **data), data)

    def _follow(self, fact: Fact) -> None:
        """Apply an event and do what follows from it."""
        self._carry_out(self.state.decide(fact))

    def _carry_out(self, commands: Iterable[Command]) -> None:
        """Do what was commanded, and what follows from that, until nothing follows any more."""
        queue: deque[Command] = deque(commands)
        while queue:
            command = queue.popleft()
            if not self.state.is_due(command):
                continue
            if isinstance(command, Expand):
                with uncollected():
                    queue.extend(self.state.decide(self._expand(command.node, command.under)))
            else:
                data = self._timed(command.kind, command.data)
                queue.extend(self.state.decide(self._happened(command.kind, command.unit_id, None, **data)))
            self.log.flush_if_due()

    def _expand(self, name: str, under: str) -> Fact:
        state = self.state.nodes[name]
        node = state.node
        if not self._tasks.remembers(node):
            self.log.flush()  # what it reads of the nodes before must be in the tables
        try:
            rows = rows_of(self.state, self._tasks, name, under)
        except AgiError as problem:
            if state.origin is not None:
                return self._happened("expansion_failed", node=name, under=under, error=problem.to_plain())
            return self._happened(
                "node_finished", node=name, state=t.FAILED, error=problem.to_plain(), because=["expansion"]
            )
        body = self._timed("node_expanded", expansion_body(self.state, name, under, rows, self.store.objects))
        if self._memory is not None:
            body |= self._memory.expanded(name, rows, self.state.units[under] if under else None)
        fact = self._fact(self.log.append_expansion(rows, **body), body, rows)
        if node.foreach is not None and not under:
            # Synced at once: the list is fixed for the run from here on, and a producer is never asked again.
            self.log.flush(durable=True)
        return fact

    def _timed(self, kind: str, data: Mapping[str, Any]) -> dict[str, Any]:
        """Add the monotonic time since this coordinator began, from which durations come: wall clocks step."""
        if kind in ("node_expanded", "node_finished", "run_finished"):
            return {**data, "elapsed_us": (time.monotonic_ns() - self._began_ns) // 1000}
        return dict(data)

    def _fact(
        self, event: Event, data: dict[str, Any], rows: Sequence[Mapping[str, Any]] | None = None
    ) -> Fact:
        """An event as the core sees it; `rows` are the units of an expansion where they are at hand."""
        units: list[tuple[str, tuple[str, ...], float]] = []
        if event.kind == "node_expanded":
            for item in expanded_items(data, self.store.objects.read) if rows is None else rows:
                units.append((item["unit_id"], keys_of(item), item["cost"]))
                self._payloads[item["unit_id"]] = item["payload"]
        return Fact(event.kind, event.run_seq, event.unit_id, event.attempt_id, data, units)

    # -- time ----------------------------------------------------------------------------------------------

    def _retry_what_is_due(self) -> None:
        now = time.monotonic()
        while self._retries and self._retries[0][0] <= now:
            _, unit_id = heapq.heappop(self._retries)
            if self.state.units[unit_id].state == t.UP_FOR_RETRY:
                self._follow(self._happened("retry_due", unit_id))

    def _patience(self) -> float:
        """How long to wait for reports: until the next retry, lease or group is due."""
        wait = 0.1
        if self._retries:
            wait = min(wait, max(0.0, self._retries[0][0] - time.monotonic()))
        return 0.0 if self.state.has_ready and not self.state.running else wait

    def _renew_leases(self) -> None:
        if time.monotonic() >= self._lease_due:
            self._lease_due = time.monotonic() + LEASE_SECONDS / 3
            self.log.renew(time.monotonic() + LEASE_SECONDS)
            self.log.flush()

    # -- taking over ---------------------------------------------------------------------------------------

    def _take_over(self) -> None:
        """Read the log into the state, close attempts whose process is gone, and go on from there."""
        running: dict[str, str] = {}
        last: Event | None = None
        for event in self.store.events(self.run_id):
            data = event.data
            self.state.apply(self._fact(event, data))
            last = event
        if self.state.final is not None:
            return
        if last is not None and last.kind != "plan_recorded":
            running = {
                unit.unit_id: unit.attempt_id or ""
                for unit in self.state.units.values()
                if unit.state in (t.RUNNING, t.CANCELLING)
            }
            reap(self.store, self.run_id)
            self._record("coordinator_took_over", open_attempts=len(running))
            self._due_again()
        for unit_id, attempt_id in running.items():
            # It did nothing wrong, and somebody decided to go on: that does not count against its budget.
            kind = "cancelled" if self.state.cancelled else "lost"
            reason = {"reason": "its coordinator ended", "began": False}
            self._ended(Report(kind, unit_id, attempt_id, reason))
            self.log.release(attempt_id)
        if self.state.paused:
            self._follow(self._happened("run_unpaused", by="resume"))
        if self._cancel_wanted and not self.state.cancelled:
            self._begin_cancel(self._cancel_wanted, self._cancel_by)
        self._carry_out(self.state.outstanding())

    def _due_again(self) -> None:
        for unit in self.state.units.values():
            if unit.state == t.UP_FOR_RETRY:
                # Never longer than the policy's own wait: the wall clock may have been set back meanwhile.
                longest = self.state.nodes[unit.node].node.policy.max_delay_s
                wait = min(max(0.0, (unit.not_before_us - now_us()) / 1e6), longest)
                heapq.heappush(self._retries, (time.monotonic() + wait, unit.unit_id))
