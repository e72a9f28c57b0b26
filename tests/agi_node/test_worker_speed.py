"""What a unit costs in the worker beyond what it does. The worker's own processor time: others use this machine too."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from agi_node.protocol import encode

from .worker_client import WorkerClient, write_source

UNITS = 5_000

IDLE = """
import time
def nothing(): return None
def used(): return time.process_time()
def metrics(run):
    start = time.process_time()
    for n in range(10_000): run.log_metric("loss", 0.5, step=n)
    return time.process_time() - start
"""


@pytest.fixture
def worker(tmp_path: Path) -> WorkerClient:
    client = WorkerClient(tmp_path)
    client.open(write_source(tmp_path, idle=IDLE))
    return client


@pytest.mark.slow
def test_a_unit_that_does_nothing_costs_less_than_150_microseconds(worker: WorkerClient) -> None:
    with worker as client:
        shared = {"log": str(client.folder / "units.log"), "staging": str(client.folder / "staging" / "idle")}
        frames = b"".join(encode(client.order("idle:nothing", **shared)) for _ in range(UNITS))
        before = client.execute("idle:used", **shared)["value"]
        sender = threading.Thread(target=client.socket.sendall, args=(frames,))
        sender.start()
        for _ in range(UNITS):
            assert client.receive("done")["status"] == "succeeded"
        sender.join()
        cost = (client.execute("idle:used", **shared)["value"] - before) / UNITS
    assert cost < 150e-6, f"{cost * 1e6:.0f} µs a unit"


def test_ten_thousand_metrics_cost_the_unit_less_than_a_fifth_of_a_second(worker: WorkerClient) -> None:
    with worker as client:
        assert client.execute("idle:metrics")["value"] < 0.2
