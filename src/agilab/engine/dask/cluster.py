"""The manager's connection to Dask, be it a local cluster or a running scheduler; all that is asynchronous is here.

Whatever happens in Dask's event loop becomes a message in one queue, which the coordinator's thread empties in
`poll`; no state is shared between the two.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import queue
import shutil
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agilab.engine.dask.refusal import not_installed, unreachable

CONNECT_SECONDS = 10.0
CLOSE_SECONDS = 5.0
SEND_SECONDS = 0.001
RELEASE_TOGETHER = 32


@dataclass(frozen=True, slots=True)
class Message:
    """What came from Dask.

    Kinds: `ready` (connected; the addresses of the workers that are there), `broken` (an `AgiError`: no connection),
    `joined` and `left` (an address), `news` (of a batch, JSON), `over` (a batch id; its exception, or None),
    `answer` (what was asked and whom; the reply or the exception).
    """

    kind: str
    what: Any = None
    reply: Any = None


class Cluster:
    """A client of a Dask scheduler, which lives in this process where `address` is None.

    Responsible for: starting and ending, calls to hosts, batches as pinned Dask tasks, who is there.
    Not responsible for: units. Nothing is submitted twice: Dask gets no retries.
    """

    def __init__(self, address: str | None, workers: int, spool: Path) -> None:
        self.address = address
        self.inbox: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._workers = workers
        self._spool = spool
        self._client: Any = None
        self._cluster: Any = None
        self._closing = False
        self._batches: dict[str, Any] = {}
        self._over: list[Any] = []
        self._calls: set[Future[Any]] = set()
        self._starter = threading.Thread(target=self._start, name="agilab-dask-start", daemon=True)

    def start(self) -> None:
        """Begin to connect; `ready` or `broken` follows. Raises AGI-ENV-130 where Dask is not installed."""
        try:
            import distributed  # noqa: F401
        except ImportError as problem:
            raise not_installed(problem) from None
        self._starter.start()

    @property
    def topic(self) -> str:
        """Where hosts send news: the client's own id, whose events the scheduler forgets when the client leaves."""
        return str(self._client.id)

    @property
    def gone(self) -> bool:
        """Whether the scheduler, once reached, is no longer there. It does not come back: its tasks died with it."""
        return self._client is not None and not self._closing and self._client.status != "running"

    def submit(self, batch: str, order: bytes, address: str) -> None:
        """Give a batch to one Dask worker and no other; `over` follows when its task has ended."""
        from agilab.engine.dask import host

        inbox = self.inbox
        if self.gone:
            inbox.put(Message("over", batch, ConnectionError("the scheduler is gone")))
            return
        future = self._client.submit(
            host.work,
            order,
            key=f"agilab-{batch}",
            workers=[address],
            allow_other_workers=False,
            pure=False,
            retries=0,
        )
        self._batches[batch] = future

        def ended(future: Any) -> None:
            problem = None
            if future.status == "error":
                with contextlib.suppress(Exception):
                    problem = future.exception()
            elif future.status != "finished":
                problem = RuntimeError(f"Dask says that its task is {future.status}")
            inbox.put(Message("over", batch, problem))

        future.add_done_callback(ended)

    def over(self, batch: str) -> None:
        """A batch has ended and Dask need not keep it. Told for many at once.

        Each telling makes the scheduler write to the worker, and then the next batch waits its turn for 5 ms.
        """
        future = self._batches.pop(batch, None)
        if future is not None:
            self._over.append(future)
        if len(self._over) >= RELEASE_TOGETHER:
            for future in self._over:
                future.release()
            self._over.clear()

    def forget(self, batch: str) -> None:
        """Nobody wants a batch any more: Dask need not run it."""
        future = self._batches.pop(batch, None)
        if future is not None:
            future.release()  # at once: the callback that waits for its end holds it too

    def ask(self, function: Callable[[bytes], Any], address: str, about: str, **order: Any) -> None:
        """Call a function of `host` on a worker, outside Dask's queue; `answer` follows, with `about`."""
        if self._client is None or self.gone:
            return
        call = asyncio.run_coroutine_threadsafe(
            self._call(function, address, about, json.dumps(order).encode()), self._client.loop.asyncio_loop
        )
        self._calls.add(call)
        call.add_done_callback(self._calls.discard)

    def settle(self, timeout_s: float) -> None:
        """Wait for answers to what was asked."""
        import concurrent.futures

        concurrent.futures.wait(list(self._calls), timeout=timeout_s)

    def close(self) -> None:
        """End what was started: the client, the local cluster, the folder for large messages. Idempotent."""
        self._closing = True
        if self._starter.ident is not None:
            self._starter.join()
        self._batches.clear()
        self._over.clear()
        client, self._client = self._client, None
        cluster, self._cluster = self._cluster, None
        with _quiet():
            if client is not None:
                with contextlib.suppress(Exception):
                    client.close(timeout=CLOSE_SECONDS)
            if cluster is not None:
                with contextlib.suppress(Exception):
                    cluster.close(timeout=CLOSE_SECONDS)
        shutil.rmtree(self._spool, ignore_errors=True)

    # -- in other threads ----------------------------------------------------------------------------------

    def _start(self) -> None:
        try:
            self._connect()
        except Exception as problem:
            self.inbox.put(Message("broken", unreachable(self.address, problem)))

    def _connect(self) -> None:
        from distributed import Client

        if self.address is None:
            self._cluster = self._local_cluster()
        client = Client(
            self._cluster or self.address, timeout=CONNECT_SECONDS, set_as_default=False, name="agilab"
        )
        # Its messages wait 10 ms for company, which a unit that needs the one before pays each time.
        if client.scheduler_comm is not None:
            client.scheduler_comm.interval = SEND_SECONDS
        self._client = client
        client.subscribe_topic("all", self._population)
        client.subscribe_topic(client.id, self._heard)
        self.inbox.put(Message("ready", sorted(client.nthreads())))

    def _local_cluster(self) -> Any:
        import dask.config
        from distributed import LocalCluster, Security

        settings = {
            "distributed.scheduler.allowed-failures": 0,
            "distributed.admin.low-level-log-length": 100,
            # There is no way to have no web server; this one shows nothing, at a port that nobody else wants.
            "distributed.scheduler.http.routes": [],
            # An app's worker sets its own number of threads; these would be read before it does.
            "distributed.nanny.pre-spawn-environ": {},
        }
        with dask.config.set(settings):
            return LocalCluster(
                n_workers=self._workers,
                threads_per_worker=1,
                processes=True,
                host="127.0.0.1",
                dashboard_address="127.0.0.1:0",
                scheduler_kwargs={"dashboard": False},
                # A Dask port runs whatever it is sent: on a shared machine it must not be open to everybody.
                security=Security.temporary(),
                protocol="tls",
                memory_limit=0,
                local_directory=str(self._spool),
                silence_logs=logging.CRITICAL,
            )

    def _population(self, event: Any) -> None:
        _, what = event
        if what.get("action") == "add-worker":
            self.inbox.put(Message("joined", what["worker"]))
        elif what.get("action") == "remove-worker":
            self.inbox.put(Message("left", what["worker"]))

    def _heard(self, event: Any) -> None:
        _, what = event
        if isinstance(what, bytes):  # the scheduler's own events of this client are dicts
            self.inbox.put(Message("news", what))

    async def _call(self, function: Callable[[bytes], Any], address: str, about: str, order: bytes) -> None:
        try:
            replies = await self._client.run(function, order, workers=[address], on_error="return")
            reply = replies[address]
        except Exception as problem:
            reply = problem
        if isinstance(reply, bytes):
            reply = json.loads(reply)
        self.inbox.put(Message("answer", (about, address), reply))


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Dask logs every connection that ends while it closes; none of that is news."""
    logger = logging.getLogger("distributed")
    before = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(before)
