"""Real stores: a SQLite database made by MLflow, and an `mlflow server` on loopback."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from agilab.tracking import Delivery
from agilab.tracking.uri import sqlite_uri
from tests.tracking.places import Place, Spool, free_port, until


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    folder = tmp_path / "spool"
    folder.mkdir()
    return Spool(folder)


@pytest.fixture(scope="session")
def made_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MLflow's database as the first delivery of a home makes it, once for all tests."""
    home = tmp_path_factory.mktemp("made")
    database = home / "mlflow" / "mlflow.db"
    with Delivery.start(sqlite_uri(database), home) as delivery:
        until(lambda: delivery.stage == "ready", 60)
    return database


@pytest.fixture
def local(tmp_path: Path, made_database: Path) -> Place:
    home = tmp_path / "home"
    (home / "mlflow").mkdir(parents=True)
    database = home / "mlflow" / "mlflow.db"
    shutil.copyfile(made_database, database)
    return Place(home, sqlite_uri(database))


@pytest.fixture(scope="session")
def server_uri(tmp_path_factory: pytest.TempPathFactory, made_database: Path) -> Iterator[str]:
    """A real MLflow server."""
    folder = tmp_path_factory.mktemp("server")
    shutil.copyfile(made_database, folder / "mlflow.db")
    port = free_port()
    log = (folder / "log").open("wb")
    server = subprocess.Popen(
        [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1",
         "--backend-store-uri", sqlite_uri(folder / "mlflow.db"), "--artifacts-destination", str(folder / "kept")],
        env=os.environ | {
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true",
        },
        stdout=log, stderr=log, start_new_session=True, cwd=folder,
    )  # fmt: skip
    uri = f"http://127.0.0.1:{port}"

    def healthy() -> bool:
        assert server.poll() is None, (folder / "log").read_text()
        try:
            return bool(urllib.request.urlopen(f"{uri}/health", timeout=5).status == 200)
        except OSError:
            return False

    try:
        until(healthy, 90)
        yield uri
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()
        log.close()


@pytest.fixture
def remote(tmp_path: Path, server_uri: str) -> Place:
    home = tmp_path / "home"
    home.mkdir()
    return Place(home, server_uri)
