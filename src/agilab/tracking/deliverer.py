"""`python -P -m agilab.tracking.deliverer`: a child that knows MLflow, so that the manager need not.

It reads one JSON object a line from its standard input and writes one a line to its standard output; both
are moved to private descriptors first, so that a library that prints (or reads) cannot corrupt them. No
address or password is ever on its command line.

    → {"do": "open", "uri", "home", "experiment": text | null}    (first, once)
    → {"do": "deliver", "id", "payload": path}
    → {"do": "attach", "id", "run_id", "artifacts": [[path, name]], "tags": {}}
    ← {"event": "stage", "stage": text}                 (what it does now; also a sign of life)
    ← {"event": "done", "id", …}  |  {"event": "deferred", "id", "reason"}

It ends at the end of its input.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
import traceback
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from agilab.contracts.errors import AgiError
from agilab.tracking.reach import unreachable
from agilab.tracking.uri import scrub

if TYPE_CHECKING:
    from agilab.tracking.mlflow_backend import MlflowBackend

RETRY_AFTER_SECONDS = 30.0
"""How old a failed connection must be before a delivery tries another one."""

WORKING_TIMEOUT = "30"
"""Seconds for one request once the server has answered; the manager's own bound ends it earlier."""


class LastStatus(logging.Handler):
    """Remembers the status of the last HTTP answer, which MLflow's exceptions do not tell."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.status: int | None = None
        log = logging.getLogger("urllib3.connectionpool")
        log.setLevel(logging.DEBUG)
        log.propagate = False
        log.addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        # urllib3's one line for each answer: scheme, host, port, method, path, version, status, length
        if isinstance(record.args, tuple) and len(record.args) == 8 and isinstance(record.args[6], int):
            self.status = record.args[6]


class Deliverer:
    """The conversation with one manager about one store.

    Responsible for: an answer to each request, whatever MLflow raises.
    Not responsible for: how long that takes; the manager ends a deliverer that takes too long.
    """

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._uri = ""
        self._home = Path()
        self._experiment: str | None = None
        self._backend: MlflowBackend | None = None
        self._problem = "the store was never opened"
        self._tried_at = 0.0
        self._own_timeout = "MLFLOW_HTTP_REQUEST_TIMEOUT" in os.environ
        self._http = LastStatus()

    def handle(self, request: dict[str, Any]) -> None:
        """Do one request and answer it."""
        kind = request.get("do")
        self._http.status = None
        if kind == "open":
            self._uri, self._home = str(request["uri"]), Path(request["home"])
            self._experiment = request.get("experiment")
            self._connect()
            return
        try:
            if self._backend is None and time.monotonic() - self._tried_at > RETRY_AFTER_SECONDS:
                self._connect()
            if self._backend is None:
                self._say(event="deferred", id=request["id"], reason=self._problem)
            elif kind == "deliver":
                self._deliver(self._backend, request)
            else:
                self._attach(self._backend, request)
        except Exception as problem:
            traceback.print_exc()
            self._say(event="deferred", id=request["id"], reason=self._explain(problem))

    def _connect(self) -> None:
        self._tell("connecting")
        if not self._own_timeout:
            os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] = "3"
        try:
            why = unreachable(self._uri)
            if why is not None:
                self._problem = f"MLflow cannot be reached: {why}"
                return
            from agilab.tracking.mlflow_backend import MlflowBackend

            backend = MlflowBackend.open(self._uri, self._home, self._tell)
            self._tell("asking the store")
            backend.rehearse(self._experiment)
            self._backend = backend
            if not self._own_timeout:
                os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] = WORKING_TIMEOUT
            self._tell("ready")
        except Exception as problem:
            traceback.print_exc()
            self._problem = self._explain(problem)
        finally:
            self._tried_at = time.monotonic()

    def _deliver(self, backend: MlflowBackend, request: dict[str, Any]) -> None:
        began = time.perf_counter()
        delivered = backend.deliver(Path(request["payload"]))
        self._say(event="done", id=request["id"], seconds=time.perf_counter() - began, **asdict(delivered))

    def _attach(self, backend: MlflowBackend, request: dict[str, Any]) -> None:
        artifacts = [(Path(path), str(name)) for path, name in request["artifacts"]]
        parent, notes = backend.attach(request["run_id"], artifacts, request["tags"])
        self._say(event="done", id=request["id"], parent=parent, notes=notes)

    def _tell(self, stage: str) -> None:
        self._say(event="stage", stage=stage)

    def _say(self, **event: Any) -> None:
        self._out.write(json.dumps(event) + "\n")
        self._out.flush()

    def _explain(self, problem: Exception) -> str:
        """One line for a person, without credentials."""
        if isinstance(problem, AgiError):
            text = "; ".join(filter(None, (problem.what, problem.found, problem.allowed)))
        elif isinstance(problem, ImportError):
            text = f"MLflow cannot be imported: {problem}"
        else:
            text = " ".join(str(problem).split()) or type(problem).__name__
            status = self._http.status or 0
            if status in (401, 403):
                keys = "MLFLOW_TRACKING_USERNAME and …_PASSWORD, or …_TOKEN"
                text = f"MLflow refused the credentials ({keys}): {text}"
            elif "timed out" in text or "Timeout" in text:
                text = f"MLflow did not answer in time: {text}"
            elif status >= 400:
                text = f"MLflow answered {status}: {text}"
        return scrub(text, self._uri, self._home)[:500]


def take_channel() -> tuple[TextIO, TextIO]:
    """Standard input and output as private descriptors; afterwards 0 is empty and 1 is where 2 goes."""
    requests = os.fdopen(os.dup(0), "r", encoding="utf-8")
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return requests, answers


def main() -> None:
    requests, answers = take_channel()
    deliverer = Deliverer(answers)
    for line in requests:
        deliverer.handle(json.loads(line))
    # Nothing to save, and MLflow's own tear-down takes a tenth of a second.
    sys.stderr.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
