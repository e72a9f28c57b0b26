"""The manager's end of a delivery: start early, hand over a payload, wait no longer than one likes."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any, Literal

from agilab.tracking.uri import scrub

_QUIET = {
    # No telemetry of any kind, ours or theirs.
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    # A repeated request could make a second run: deliveries are repeated as a whole, with a look first.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    "MLFLOW_ENABLE_ASYNC_LOGGING": "false",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_LOGGING_LEVEL": "ERROR",
    "GIT_PYTHON_REFRESH": "quiet",
}
_UNWANTED = ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI", "MLFLOW_RUN_ID", "PYTEST_CURRENT_TEST")
_CLOSE_SECONDS = 0.5


@dataclass(frozen=True)
class Outcome:
    """What became of a delivery.

    Attributes:
        state: "delivered"; or "deferred", with a `reason`, to be tried again later.
        parent_run_id: MLflow's id of the parent run.
        nodes: MLflow's id of each node's nested run.
        experiment: MLflow's id of the experiment.
        ui: An address to open, or a command to type, that shows the run.
        notes: What MLflow could not take as it was (a shortened parameter, a file that is gone).
        reason: One line, without credentials.
        models: Name, digest and version of each model that the registry has of it.
        already: All of it was there before.
        seconds: How long the writing took.
    """

    state: Literal["delivered", "deferred"]
    parent_run_id: str | None = None
    nodes: Mapping[str, str] = field(default_factory=dict)
    experiment: str | None = None
    ui: str | None = None
    notes: tuple[str, ...] = ()
    reason: str | None = None
    models: tuple[Mapping[str, str], ...] = ()
    already: bool = False
    seconds: float = 0.0

    @property
    def delivered(self) -> bool:
        return self.state == "delivered"


_NOTHING = Outcome("deferred", reason="nothing was handed over")


class Delivery:
    """A deliverer at work for one run, or for several one after the other.

    Responsible for: never costing the run more than the caller's bound, and an `Outcome` in every case.
    Not responsible for: what is written (see `mlflow_backend`), and for trying again.

    `start` returns at once; the child imports MLflow and opens the store meanwhile. Requests are queued and
    done in order. It ends only its own child, which also ends by itself when this process does.
    """

    def __init__(self, uri: str, home: Path) -> None:
        self._uri = uri
        self._home = home.absolute()
        self._child: subprocess.Popen[str] | None = None
        self._errors: IO[bytes] | None = None
        self._events: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._sent = 0
        self._open: dict[int, str] = {}
        self._stage = "starting"
        self._ended = ""
        self._outcome = _NOTHING

    @classmethod
    def start(cls, uri: str, home: Path, experiment: str | None = None) -> Delivery:
        """Start a deliverer for the store at `uri` (see `resolve_uri`).

        `experiment`, if it is known already, is made sure of while nobody waits.
        """
        delivery = cls(uri, home)
        try:
            delivery._spawn()
        except OSError as problem:
            # A run is not to fail because it cannot be remembered.
            delivery._ended = scrub(f"the deliverer could not be started: {problem}", uri, delivery._home)
        else:
            delivery._send(do="open", uri=uri, home=str(delivery._home), experiment=experiment)
        return delivery

    def _spawn(self) -> None:
        folder = self._home / "mlflow"
        folder.mkdir(parents=True, exist_ok=True)
        environ = {key: value for key, value in os.environ.items() if key not in _UNWANTED} | _QUIET
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  # closed in `close`
        self._child = child = subprocess.Popen(
            [sys.executable, "-P", "-m", "agilab.tracking.deliverer"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            cwd=folder,  # whatever a library drops, it does not drop where the user works
            env=environ,
            text=True,
            encoding="utf-8",
            start_new_session=True,  # Ctrl-C is for the manager, which then decides
        )
        threading.Thread(target=self._listen, args=(child,), name="agilab-delivery", daemon=True).start()

    @property
    def pid(self) -> int | None:
        """The child's process id while there is one."""
        return self._child.pid if self._child else None

    @property
    def stage(self) -> str:
        """What the deliverer was last known to do: "ready" when warm."""
        while self._child and not self._events.empty():
            self._take(self._events.get())
        return self._stage

    def deliver(self, payload: Path) -> None:
        """Hand over a payload file; returns at once."""
        self._ask("deliver", payload=str(Path(payload).absolute()))

    def attach(
        self, run_id: str, artifacts: Iterable[tuple[Path, str]] = (), tags: Mapping[str, str] | None = None
    ) -> None:
        """Add to a run delivered before (the manifest, which is written last); returns at once."""
        files = [[str(Path(path).absolute()), name] for path, name in artifacts]
        self._ask("attach", run_id=run_id, artifacts=files, tags=dict(tags or {}))

    def wait(self, timeout_s: float, stalled_s: float | None = None) -> Outcome:
        """What became of everything handed over so far, after `timeout_s` seconds at most.

        With `stalled_s` it also gives up when the deliverer showed no sign of life for so long; so a big
        delivery may take its time while a dead server may not. A deliverer that was given up is ended.
        """
        began = alive = time.monotonic()
        while self._open:
            until = began + timeout_s
            if stalled_s is not None:
                until = min(until, alive + stalled_s)
            try:
                event = self._events.get(timeout=max(until - time.monotonic(), 0.0))
            except queue.Empty:
                waited = time.monotonic() - began
                self._give_up(f"MLflow was not done {waited:.1f} s after it was asked ({self._stage})")
                break
            alive = time.monotonic()
            self._take(event)
        return self._outcome

    def close(self) -> None:
        """End the deliverer; within about half a second. What was not waited for may remain undone."""
        child, self._child = self._child, None
        if child is not None:
            _end(child, _CLOSE_SECONDS if not self._open else 0.0)
        if self._errors is not None:
            self._errors.close()
            self._errors = None

    def __enter__(self) -> Delivery:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _ask(self, do: str, **request: Any) -> None:
        if self._child is None:
            self._defer(self._ended or "the deliverer was closed")
            return
        self._sent += 1
        self._open[self._sent] = do
        self._send(do=do, id=self._sent, **request)

    def _send(self, **request: Any) -> None:
        child = self._child
        assert child is not None
        assert child.stdin is not None
        try:
            child.stdin.write(json.dumps(request) + "\n")
            child.stdin.flush()
        except OSError:
            pass  # the reader thread sees its end too and says so, in order

    def _listen(self, child: subprocess.Popen[str]) -> None:
        assert child.stdout is not None
        with child.stdout as answers:
            for line in answers:
                # What an interpreter's start-up prints (a .pth file, a sitecustomize) comes before the channel.
                with contextlib.suppress(ValueError):
                    event = json.loads(line)
                    if isinstance(event, dict) and "event" in event:
                        self._events.put(event)
        self._events.put(None)

    def _take(self, event: dict[str, Any] | None) -> None:
        if event is None:
            self._give_up(f"the deliverer ended ({self._stage}){self._last_words()}")
        elif event["event"] == "stage":
            self._stage = event["stage"]
        elif event["event"] == "deferred":
            self._open.pop(event["id"], None)
            self._defer(event["reason"])
        elif self._open.pop(event["id"], None) == "deliver":
            self._outcome = Outcome(
                "delivered",
                parent_run_id=event["parent"],
                nodes=event["nodes"],
                experiment=event["experiment"],
                ui=event["ui"],
                notes=tuple(event["notes"]),
                models=tuple(event["models"]),
                already=event["already"],
                seconds=event["seconds"],
            )
        else:
            if self._outcome is _NOTHING:  # attached to a run that another process delivered
                self._outcome = Outcome("delivered", parent_run_id=event["parent"])
            self._outcome = replace(self._outcome, notes=(*self._outcome.notes, *event["notes"]))

    def _defer(self, reason: str) -> None:
        self._outcome = replace(self._outcome, state="deferred", reason=reason)

    def _give_up(self, reason: str) -> None:
        self._ended = reason
        child, self._child = self._child, None
        if child is not None:
            _end(child, 0.0)
        if self._open:
            self._open.clear()
            self._defer(reason)

    def _last_words(self) -> str:
        if self._errors is None:
            return ""
        self._errors.seek(0)
        lines = self._errors.read()[-2000:].decode("utf-8", "replace").strip().splitlines()
        return f": {scrub(lines[-1], self._uri, self._home)[:300]}" if lines else ""


def _end(child: subprocess.Popen[str], patience_s: float) -> None:
    """End a child that may already be gone: by the end of its input, then by its process id."""
    with contextlib.suppress(OSError):
        assert child.stdin is not None
        child.stdin.close()
    try:
        child.wait(patience_s)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
