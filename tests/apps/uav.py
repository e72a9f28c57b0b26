"""What the tests of the UAV apps share: scenarios by a few words, and runs of an app's plain functions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import import_module
from operator import itemgetter
from pathlib import Path
from typing import Any

from tests.apps.sources import import_from

from agi_node import LocalRun, RunContext
from agi_node.files import use_roots
from agi_node.items import plan_items
from agi_node.payload import read_payload
from agi_node.reduce import reduce_document

ROOT = Path(__file__).parents[2]
APPS = ROOT / "src/agilab/apps"
QUEUE, RELAY = APPS / "uav_queue_project", APPS / "uav_relay_queue_project"
LIBRARY = ROOT / "src/agilab/libraries/uav_network"

for folder in (QUEUE, RELAY):
    import_from(folder)


def relay(name: str, **changes: Any) -> dict[str, Any]:
    """A relay that hovers half-way, serves 100 packets/s and has room for 10."""
    return {
        "relay_id": name,
        "base_x_m": 1000.0,
        "base_y_m": 0.0,
        "alt_m": 100.0,
        "amplitude_m": 0.0,
        "period_s": 60.0,
        "service_rate_pps": 100.0,
        "queue_capacity_pkts": 10,
        "background_rate_pps": 0.0,
        "bias_ms": 0.0,
        **changes,
    }


def network(*relays: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A scenario as JSON: 2 km from source to sink, 60 packets/s for 20 s."""
    return {
        "scenario": "test",
        "sim_time_s": 20.0,
        "sampling_interval_s": 1.0,
        "source_rate_pps": 60.0,
        "packet_size_bytes": 1000,
        "geo_origin": {"latitude_deg": 43.6, "longitude_deg": 1.44},
        "source_node": {"node_id": "source", "x_m": 0.0, "y_m": 0.0, "alt_m": 0.0},
        "sink_node": {"node_id": "sink", "x_m": 2000.0, "y_m": 0.0, "alt_m": 0.0},
        "relays": list(relays),
        **changes,
    }


class Whole:
    """A run of an app's plain functions, one unit after the other: `root` is the folder that the app's paths mean."""

    def __init__(self, module: str, root: Path, scratch: Path, **args: Any) -> None:
        self.app = import_module(module).app
        self.args = self.app.args(**args)
        self.root, self.scratch = root, scratch
        self.runs: dict[str, LocalRun] = {}
        self.answer: Any = None
        with use_roots({"app": root}):
            self.items = plan_items(self.app.step("plan").call(None, self.args, None))
        self.partials = {item["key"]: self.work(item) for item in sorted(self.items, key=itemgetter("key"))}
        self.summary = self.app.partial.merge_all(self.partials.values())

    def work(self, item: Mapping[str, Any]) -> Any:
        """The partial of one unit; its run is kept."""
        run = RunContext.local(self.scratch / f"unit{len(self.runs)}", key=item["key"])
        self.runs[item["key"]] = run
        step = self.app.step("work")
        with use_roots({"app": self.root}):
            payload = read_payload(step.function, step.first, item["payload"], item["key"])
            return step.call(payload, self.args, run)

    @property
    def payload(self) -> dict[str, Any]:
        """What `reduce_summary.json` would say."""
        states = [(key, partial.to_state()) for key, partial in self.partials.items()]
        found: dict[str, Any] = reduce_document("test", type(self.summary), states)["payload"]
        return found

    def saved(self, name: str) -> list[tuple[str, Path]]:
        """What the units saved under a name."""
        return [(key, run.saved[name]) for key, run in self.runs.items() if name in run.saved]

    def publish(self, name: str = "publish", records: list[tuple[str, Path]] | None = None) -> LocalRun:
        """Publish these records, or others in their place."""
        earlier = {"replication": self.saved("replication") if records is None else records}
        earlier["queue_series"] = self.saved("queue_series")
        run = RunContext.local(self.scratch / name, node="publish", earlier=earlier)
        self.answer = self.app.step("publish").call(self.summary, self.args, run)
        return run


def verdicts(run: LocalRun) -> Mapping[str, bool]:
    return {verdict["name"]: verdict["passed"] for verdict in run.validations}


def write_scenario(folder: Path, scenario: Any, name: str = "test.json") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(scenario if isinstance(scenario, str) else json.dumps(scenario))
    return folder / name
