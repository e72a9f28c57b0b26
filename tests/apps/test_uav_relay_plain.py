"""The UAV relay app's numbers against a plain script that knows neither SimPy nor AGILab."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.apps.test_uav_queue import assert_same_numbers
from tests.apps.uav import RELAY, ROOT, Whole

SCRIPT = ROOT / "benchmarks/uav_relay_plain.py"


@pytest.mark.slow
@pytest.mark.parametrize("target", [0.002, 0.05])
def test_the_shipped_metrics_give_what_the_plain_script_says(target: float, tmp_path: Path) -> None:
    ours = Whole("uav_relay_queue", RELAY, tmp_path, replications=2, target_loss=target)
    given = [str(RELAY / "data/queue_metrics.json"), "--replications", "2", "--target-loss", str(target)]
    done = subprocess.run([sys.executable, str(SCRIPT), *given], capture_output=True, text=True, check=True)
    theirs = json.loads(done.stdout)["payload"]
    assert_same_numbers(ours.payload, theirs)
    assert theirs["as_is"]["replications"] == 12
    assert 0 < theirs["upgraded"]["replications"] < 12
    assert theirs["upgraded"]["pdr"] > theirs["as_is"]["pdr_by_replication"]["min"]
