"""A store that cannot be reached costs a run next to nothing, and says why."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import psutil
import pytest

from agilab.tracking import Delivery, Outcome
from tests.tracking.places import Spool, free_port, until


@contextmanager
def answering(status: int, body: bytes = b"{}") -> Iterator[str]:
    """A server that gives one answer to everything."""

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = answer

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def black_hole() -> Iterator[str]:
    """It takes connections and never says a word."""
    with socket.socket() as hole:
        hole.bind(("127.0.0.1", 0))
        hole.listen(50)
        yield f"http://127.0.0.1:{hole.getsockname()[1]}"


def at_once(uri: str, home: Path, file: Path) -> tuple[Outcome, float]:
    """Start, deliver and wait as a run that is over before the deliverer is warm."""
    with Delivery.start(uri, home) as delivery:
        delivery.deliver(file)
        began = time.monotonic()
        outcome = delivery.wait(5)
        waited = time.monotonic() - began
        assert delivery.pid is None or psutil.pid_exists(delivery.pid)
    return outcome, waited


def test_a_refused_port_is_known_before_mlflow_is_imported(tmp_path: Path, spool: Spool) -> None:
    port = free_port()
    with Delivery.start(f"http://ann:s3cret@127.0.0.1:{port}", tmp_path / "home") as delivery:
        delivery.deliver(spool.write())
        outcome = delivery.wait(5)
        assert delivery.stage == "connecting"
    assert outcome.state == "deferred"
    assert outcome.reason == f"MLflow cannot be reached: 127.0.0.1:{port}: connection refused"


def test_a_black_hole_costs_no_more_than_the_bound(tmp_path: Path, spool: Spool) -> None:
    with black_hole() as uri:
        outcome, waited = at_once(uri, tmp_path / "home", spool.write())
    assert outcome.state == "deferred"
    assert "MLflow did not answer in time" in str(outcome.reason) or "was not done" in str(outcome.reason)
    assert waited < 5.5


def test_a_black_hole_met_during_the_run_costs_its_end_nothing(tmp_path: Path, spool: Spool) -> None:
    with black_hole() as uri, Delivery.start(uri, tmp_path / "home") as delivery:
        until(lambda: delivery.stage == "asking the store", 60)
        time.sleep(4)
        delivery.deliver(spool.write())
        began = time.monotonic()
        outcome = delivery.wait(5)
        assert time.monotonic() - began < 1
    assert "MLflow did not answer in time" in str(outcome.reason)


def test_whoever_waits_longer_is_still_bounded_by_silence(tmp_path: Path, spool: Spool) -> None:
    with black_hole() as uri, Delivery.start(uri, tmp_path / "home") as delivery:
        pid = delivery.pid
        delivery.deliver(spool.write())
        began = time.monotonic()
        outcome = delivery.wait(600, stalled_s=0.3)
        assert time.monotonic() - began < 10
        assert pid is not None
        assert not psutil.pid_exists(pid)
        delivery.deliver(spool.write())
        assert delivery.wait(5) == outcome
    assert outcome.state == "deferred"
    assert "was not done" in str(outcome.reason)


def test_an_address_that_nobody_routes_is_bounded_too(tmp_path: Path, spool: Spool) -> None:
    outcome, waited = at_once("http://192.0.2.1:5000", tmp_path / "home", spool.write())  # RFC 5737
    assert outcome.state == "deferred"
    assert waited < 5.5


@pytest.mark.parametrize("status", [500, 503, 404])
def test_a_server_that_fails_is_quoted(tmp_path: Path, spool: Spool, status: int) -> None:
    with answering(status, b'{"error": "no"}') as uri, Delivery.start(uri, tmp_path / "home") as delivery:
        delivery.deliver(spool.write())
        outcome = delivery.wait(30)
    assert outcome.state == "deferred"
    assert str(outcome.reason).startswith(f"MLflow answered {status}: ")


def test_a_web_server_that_is_no_mlflow_defers(tmp_path: Path, spool: Spool) -> None:
    with answering(200, b"<html>hello</html>") as uri, Delivery.start(uri, tmp_path / "home") as delivery:
        delivery.deliver(spool.write())
        outcome = delivery.wait(30)
    assert outcome.state == "deferred"
    assert outcome.reason


@pytest.mark.parametrize("status", [401, 403])
def test_a_wrong_password_is_named_and_not_repeated(tmp_path: Path, spool: Spool, status: int) -> None:
    with answering(status) as uri:
        secret = uri.replace("://", "://ann:s3cret@")
        with Delivery.start(secret, tmp_path / "home") as delivery:
            delivery.deliver(spool.write())
            outcome = delivery.wait(30)
    assert str(outcome.reason).startswith("MLflow refused the credentials (MLFLOW_TRACKING_USERNAME")
    assert "s3cret" not in str(outcome.reason)


def test_a_home_that_cannot_be_written_defers(tmp_path: Path, spool: Spool) -> None:
    (tmp_path / "home").write_text("a file")
    with Delivery.start("http://127.0.0.1:1", tmp_path / "home") as delivery:
        delivery.deliver(spool.write())
        outcome = delivery.wait(5)
    assert "could not be started" in str(outcome.reason)


def test_nothing_handed_over_is_nothing_delivered(tmp_path: Path) -> None:
    with Delivery.start("http://127.0.0.1:1", tmp_path / "home") as delivery:
        assert delivery.wait(5).reason == "nothing was handed over"


def test_starting_returns_at_once(tmp_path: Path) -> None:
    began = time.monotonic()
    with Delivery.start(f"sqlite:///{tmp_path}/mlflow/mlflow.db", tmp_path):
        assert time.monotonic() - began < 0.5
