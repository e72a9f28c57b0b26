"""What a unit costs in the worker beyond what it does. The worker's own processor time: others use this machine too."""

from __future__ import annotations

import json
import threading
import time
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
def test_a_unit_that_does_nothing_costs_little_beside_its_two_messages(worker: WorkerClient) -> None:
    """Processor time of the worker beside writing and reading an order and an answer as JSON, on this machine now."""
    with worker as client:
        shared = {"log": str(client.folder / "units.log"), "staging": str(client.folder / "staging" / "idle")}
        frames = b"".join(encode(client.order("idle:nothing", **shared)) for _ in range(UNITS))
        before = client.execute("idle:used", **shared)["value"]
        sender = threading.Thread(target=client.socket.sendall, args=(frames,))
        sender.start()
        for _ in range(UNITS):
            done = client.receive("done")
            assert done["status"] == "succeeded"
        sender.join()
        cost = (client.execute("idle:used", **shared)["value"] - before) / UNITS
        order = client.order("idle:nothing", **shared)
    began = time.process_time()
    for _ in range(UNITS):
        for message in (order, done):
            json.loads(json.dumps(message))
    messages = (time.process_time() - began) / UNITS
    # Six to eight times when it was written.
    assert cost < 15 * messages, f"{cost * 1e6:.0f} µs a unit, {messages * 1e6:.0f} µs its messages"


def test_ten_thousand_metrics_cost_the_unit_less_than_a_fifth_of_a_second(worker: WorkerClient) -> None:
    with worker as client:
        assert client.execute("idle:metrics")["value"] < 0.2
