"""Executor `dask`: units on a local Dask cluster or on the workers of a running scheduler, in the app's environment.

Dask moves batches and nothing else: each Dask worker keeps children of the app's own environment (`host`), and
only JSON crosses. What units leave behind is staged on a file system that all machines share.
"""

from __future__ import annotations

import json
import os
import queue
import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from agi_node.errors import AgiError
from agilab.engine.dask import host
from agilab.engine.dask.admission import Admission, paths_needed
from agilab.engine.dask.cluster import Cluster, Message
from agilab.engine.dask.places import Flight, Place, Places
from agilab.engine.dask.refusal import no_agilab, nobody, scheduler_gone
from agilab.engine.dask.seats import plain_of
from agilab.engine.executor import Capabilities, Holder, Report, Task, Wanted
from agilab.engine.order import execute_order
from agilab.envs.worker_process import WorkerSpec
from agilab.store.locks import boot_id

LARGEST_ORDER = 256 * 1024
"""Bytes of a batch that pass through the scheduler; a larger one goes through a file that both sides see."""
PATIENCE_SECONDS = 30.0
IDLE_SECONDS = 60.0
CANCEL_MARGIN_SECONDS = 10.0
RELEASE_SECONDS = 3.0


class DaskExecutor:
    """Places are the threads of Dask workers, named `w0`, `w1`, … in the order of the workers' own names.

    Tiny units travel in batches: as many as take about 40 ms by what their node has taken so far, refilled when half
    of that is left. A Dask worker that dies loses only the units its places were at; one that comes takes a place
    that was left, or a new one. A worker whose host cannot run the app is not used (`refused` says why); where none
    is left, the run ends with the reason.

    Args:
        specs: What to start for each environment, by its fingerprint.
        workers: Processes of a local cluster (default: one for each core), or the most threads to use at `address`
            (default: all).
        logs: The run's folder for logs; it must be on a file system that all workers share.
        address: A running scheduler, `tcp://…` or `tls://…` (with Dask's own configuration of certificates); None
            starts a cluster on this machine, which nobody else can reach.
        shared: Further folders that every host must see, such as the object store.
        idle_s: How long a host keeps children that nobody uses, should this process end without a word.
    """

    name = "dask"
    in_user_code = False
    capabilities = Capabilities(timeout=True, kill=True, crash_isolation=True, own_environment=True)

    def __init__(
        self,
        specs: Mapping[str, WorkerSpec],
        *,
        workers: int | None = None,
        logs: Path,
        address: str | None = None,
        shared: Sequence[Path] = (),
        idle_s: float = IDLE_SECONDS,
    ) -> None:
        self._specs = specs
        self._logs = logs
        self._shared = shared
        self._idle_s = idle_s
        self._session = secrets.token_hex(8)
        self._spool = logs / f".dask-{self._session}"
        count = (workers or os.cpu_count() or 1) if address is None else (workers or 0)
        self._cluster = Cluster(address, count, self._spool)
        self._first = next(iter(specs), "")
        self._boot = boot_id()
        self._places = Places(count or None)
        self._batches: dict[str, Place] = {}
        self._environments: dict[str, str] = {}
        self._unlucky: set[str] = set()
        self._admission = Admission(self._ask)
        self._sent = 0
        self._backlog: list[Report] = []
        self._started = False
        self._closed = False
        self._ready = False
        self._cancelling = False
        self._give_up_at: float | None = None
        self._lonely_since = time.monotonic()

    @property
    def refused(self) -> Mapping[str, AgiError]:
        """Why a Dask worker is not used, by its address."""
        return self._admission.refused

    def start(self) -> None:
        """Connect, or start the cluster, while the manager plans. Raises AGI-ENV-130 where Dask is not installed."""
        if not self._started:
            self._spool.mkdir(parents=True, exist_ok=True)
            (self._spool / "token").write_text(self._session, encoding="utf-8")
            self._cluster.start()
            self._started = True
            self._lonely_since = time.monotonic()

    # -- places --------------------------------------------------------------------------------------------

    def offers(self, wanted: Sequence[Wanted]) -> Sequence[Holder | None]:
        self.start()
        if self._cancelling:
            return []
        chosen = zip(wanted, self._places.choose(wanted), strict=False)
        return [None if place is None else self._holder(place, unit.node) for unit, place in chosen]

    def _holder(self, place: Place, node: str) -> Holder:
        """The child that will run the unit, where it is a process of this boot of this machine; else pid 0."""
        only = self._first if len(self._specs) == 1 else ""
        pid, started = place.children.get(self._environments.get(node, only), (0, 0.0))
        return Holder(place.name, pid, started) if place.here else Holder(place.name, 0, 0.0)

    # -- units ---------------------------------------------------------------------------------------------

    def submit(self, tasks: Sequence[tuple[Task, str]]) -> None:
        batches: dict[tuple[str, str], list[Task]] = {}
        for task, name in tasks:
            # No name means the environment that there is, as for graphs of plain functions.
            environment = task.environment or self._first
            self._environments[task.node] = environment
            batches.setdefault((name, environment), []).append(task)
        for (name, environment), members in batches.items():
            self._send(self._places.by_name[name], environment, members)

    def _send(self, place: Place, environment: str, tasks: Sequence[Task]) -> None:
        if place.address is None:
            self._backlog.extend(
                _lost(task, f"worker {place.name} has gone before it was sent", began=False) for task in tasks
            )
            return
        self._sent += 1
        batch = f"{self._session}-{self._sent}"
        log = self._logs / f"units_{place.name}.log"
        order = {
            "topic": self._cluster.topic,
            "batch": batch,
            "place": place.name,
            "frames": [execute_order(task, log) for task in tasks],
            "limits": {task.attempt_id: task.timeout_s for task in tasks if task.timeout_s is not None},
            "environment": environment,
            "spec": plain_of(self._specs[environment]),
            "spool": str(self._spool),
            **self._common(),
        }
        data = json.dumps(order, separators=(",", ":")).encode()
        if len(data) > LARGEST_ORDER:
            file = self._spool / f"order-{batch}.json"
            file.write_bytes(data)
            data = json.dumps({"file": str(file)}).encode()
        for task in tasks:
            place.flights[task.attempt_id] = Flight(task, batch)
        self._batches[batch] = place
        self._cluster.submit(batch, data, place.address)

    def poll(self, timeout_s: float) -> list[Report]:
        self.start()
        reports, self._backlog = self._backlog, []
        # Nothing can come of hurrying as long as there is no worker: whoever asks with 0 would spin.
        wait = 0.0 if reports else timeout_s if self._places.open() else max(timeout_s, 0.02)
        for message in self._messages(wait):
            reports.extend(self._take(message))
        reports.extend(self._overdue())
        if not reports:
            self._check()
        return reports

    def cancel(self, *, grace_s: float) -> None:
        self._cancelling = True
        self._give_up_at = time.monotonic() + grace_s + CANCEL_MARGIN_SECONDS
        for address in {place.address for place in self._places.open() if place.flights}:
            self._cluster.ask(host.cancel, str(address), "cancel", grace_s=grace_s, **self._common())

    def dismiss(self) -> None:
        """Tell the hosts that nothing more will come, without waiting for their children to go."""
        if self._closed:
            return
        for address in {place.address for place in self._places.open()}:
            self._cluster.ask(host.release, str(address), "release", **self._common())

    def close(self) -> None:
        if not self._closed:
            self.dismiss()
            self._closed = True
            self._cluster.settle(RELEASE_SECONDS)
            self._cluster.close()

    # -- what comes from Dask ------------------------------------------------------------------------------

    def _messages(self, wait: float) -> Iterator[Message]:
        inbox = self._cluster.inbox
        try:
            yield inbox.get(timeout=wait) if wait > 0 else inbox.get_nowait()
            while True:
                yield inbox.get_nowait()
        except queue.Empty:
            return

    def _take(self, message: Message) -> list[Report]:
        if message.kind == "broken":
            raise message.what
        if message.kind == "ready":
            self._ready = True
            self._lonely_since = time.monotonic()
            for address in message.what:
                self._admission.come(address)
        elif message.kind == "joined":
            self._admission.come(message.what)
        elif message.kind == "left":
            self._admission.gone(message.what)
            return self._left(message.what)
        elif message.kind == "answer":
            about, address = message.what
            return self._answered(about, address, message.reply)
        elif message.kind == "news":
            return self._news(message.what)
        elif message.kind == "over":
            return self._over(message.what, message.reply)
        return []

    def _news(self, data: bytes) -> list[Report]:
        news = json.loads(data)
        if "file" in news:
            file = Path(news["file"])
            try:
                news = json.loads(file.read_bytes())
            except OSError:
                return []  # then the end of its batch says that these units are lost
            file.unlink(missing_ok=True)
        place = self._places.by_name[news["place"]]
        reports: list[Report] = []
        for kind, *what in news["news"]:
            if kind == "child":
                environment, pid, started = what
                place.children[environment] = (pid, started)
            elif kind == "broken":
                reports.extend(self._refuse(place.address or "", AgiError.from_plain(what[0])))
            else:
                reports.extend(self._unit_news(place, news["batch"], kind, what))
        return reports

    def _unit_news(self, place: Place, batch: str, kind: str, what: list[Any]) -> list[Report]:
        frame = what[0] if isinstance(what[0], dict) else {"attempt_id": what[0]}
        flight = place.flights.get(frame["attempt_id"])
        if flight is None or flight.batch != batch:
            return []  # of an attempt that was given up, or executed a second time
        task, data = flight.task, {**frame, "worker": place.name}
        if kind == "began":
            flight.began = True
        elif kind in ("progress", "metrics"):
            pass
        else:
            del place.flights[task.attempt_id]
            if kind == "lost":
                reason = f"worker {place.name}: {what[1]}"
                return [_lost(task, reason, began=bool(what[2]))]
            if kind == "done":
                kind = frame["status"]
                self._places.learn(task.node, frame.get("duration_us", 0) / 1e6)
        return [Report(kind, task.unit_id, task.attempt_id, data)]

    def _over(self, batch: str, problem: Exception | None) -> list[Report]:
        """A task of Dask has ended. Its news came before; a unit that none was told of is lost."""
        place = self._batches.pop(batch, None)
        self._cluster.over(batch)
        left = [flight for flight in place.flights.values() if flight.batch == batch] if place else []
        if not place or not left:
            return []
        why = f"{type(problem).__name__}: {problem}" if problem else "its batch ended without a word of it"
        reports = self._lose(place, left, f"worker {place.name}: {why[:300]}")
        if isinstance(problem, ImportError) and place.address:
            reports.extend(self._refuse(place.address, no_agilab(place.address, problem)))
        return reports

    def _left(self, address: str, why: str = "its Dask worker is gone") -> list[Report]:
        reports: list[Report] = []
        for place in self._places.at(address):
            place.address = None
            place.children.clear()
            reason = f"worker {place.name}: {why} ({address})"
            reports.extend(self._lose(place, list(place.flights.values()), reason))
        if not self._places.open():
            self._lonely_since = time.monotonic()
        return reports

    def _lose(self, place: Place, flights: list[Flight], reason: str) -> list[Report]:
        """Only what a place was at counts as begun.

        Where a worker dies within milliseconds, its word of the first unit may have died with it. The second time
        that this happens to a unit it counts as begun, or a unit that kills its host would be tried for ever.
        """
        reports = []
        for number, flight in enumerate(flights):
            task = flight.task
            began = flight.began or (number == 0 and task.unit_id in self._unlucky)
            if number == 0 and not flight.began:
                self._unlucky.add(task.unit_id)
            del place.flights[task.attempt_id]
            self._cluster.forget(flight.batch)
            if self._cancelling:
                reports.append(Report("cancelled", task.unit_id, task.attempt_id, {"worker": place.name}))
            else:
                reports.append(_lost(task, reason, began=began))
        return reports

    # -- hosts ---------------------------------------------------------------------------------------------

    def _ask(self, address: str) -> None:
        self._cluster.ask(
            host.look,
            address,
            "look",
            paths=paths_needed(self._specs.values(), self._shared),
            token=self._session,
            token_file=str(self._spool / "token"),
            ours=self._cluster.address is None,
        )

    def _answered(self, about: str, address: str, reply: Any) -> list[Report]:
        if about == "warm" and not isinstance(reply, Exception):
            for name, (pid, started) in reply["children"].items():
                self._places.by_name[name].children.setdefault(self._first, (pid, started))
        problem = self._admission.answered(address, reply) if about == "look" else None
        return self._refuse(address, problem) if problem else []

    def _seat_arrivals(self) -> None:
        """Give places to the workers that have come; at the start all together, so that names follow theirs."""
        for address, who in self._admission.admitted(together=not self._places.by_name):
            names = self._places.seat(address, who, here=who["boot"] == self._boot)
            if len(self._specs) == 1:
                self._cluster.ask(
                    host.warm,
                    address,
                    "warm",
                    places=names,
                    spec=plain_of(self._specs[self._first]),
                    **self._common(),
                )

    def _refuse(self, address: str, problem: AgiError) -> list[Report]:
        """Use a worker no more, and say so beside the run's logs."""
        self._admission.refused[address] = problem
        with (self._logs / "dask.log").open("a", encoding="utf-8") as log:
            log.write(f"{address} is not used:\n{problem.render()}\n")
        return self._left(address, problem.what)

    # -- time ----------------------------------------------------------------------------------------------

    def _overdue(self) -> list[Report]:
        if self._admission.waiting:
            self._seat_arrivals()
        if self._give_up_at is not None and time.monotonic() >= self._give_up_at:
            # A host that does not answer: what it still does is fenced off by the attempt.
            reason = "it did not end in time"
            return [
                report
                for place in self._places.by_name.values()
                for report in self._lose(place, list(place.flights.values()), reason)
            ]
        return []

    def _check(self) -> None:
        """Raise where nothing can come any more."""
        if self._closed:
            return
        if self._cluster.gone:
            raise scheduler_gone(self._cluster.address)
        if not self._ready or self._admission.waiting or self._places.open():
            return
        if self._admission.nobody_left:
            raise next(iter(self.refused.values()))
        if time.monotonic() - self._lonely_since > PATIENCE_SECONDS:
            raise next(iter(self.refused.values()), nobody(self._cluster.address, PATIENCE_SECONDS))

    # -- words ---------------------------------------------------------------------------------------------

    def _common(self) -> dict[str, Any]:
        return {"session": self._session, "idle_s": self._idle_s, "logs": str(self._logs)}


def _lost(task: Task, reason: str, *, began: bool) -> Report:
    return Report("lost", task.unit_id, task.attempt_id, {"reason": reason, "began": began})
