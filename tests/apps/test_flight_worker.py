"""The flight app through real workers: plan, work in several processes, reduce, publish."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from benchmarks.equality import assert_same
from tests.apps.sources import laid_out

from agi_node.canonical import canonical, untag
from agi_node.protocol import Decoder, Message, encode

ROOT = Path(__file__).parents[2]
APP = ROOT / "src/agilab/apps/flight_project"
CHATTER = ("heartbeat", "metrics", "progress", "began")


class Worker:
    """One worker process that has the flight app open."""

    def __init__(self, folder: Path, root: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        self.attempts = 0
        self.decoder = Decoder()
        self.ready: list[Message] = []
        self.socket, theirs = socket.socketpair()
        with theirs:
            channel, log = str(theirs.fileno()), str(folder / "worker.log")
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "agi_node.worker", "--channel", channel, "--log", log],
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        assert self.ask(type="hello", protocol=1)["type"] == "hello"
        opening = {
            "source": str(laid_out(APP, folder / "source")),
            "app": "flight:app",
            "roots": {"app": str(root)},
            "threads": 1,
            "env": {},
        }
        assert self.ask(type="open", **opening)["type"] == "opened"

    def ask(self, **message: Any) -> Message:
        self.socket.settimeout(30)
        self.socket.sendall(encode(message))
        while True:
            while not self.ready:
                self.ready.extend(self.decoder.feed(self.socket.recv(1 << 16)))
            answer = self.ready.pop(0)
            if answer["type"] not in CHATTER:
                return answer

    def execute(self, node: str, key: str = "", args: Any = None, **fields: Any) -> Message:
        self.attempts += 1
        staging = self.folder / f"staging/{self.attempts}"
        order = {
            "attempt_id": f"a{self.attempts}",
            "run_id": "r1",
            "unit_id": f"{node}[{key}]",
            "node": node,
            "key": key,
            "attempt": 1,
            "target": f"flight:app#{node}",
            "args": args or {},
            "payload": None,
            "inputs": None,
            "staging": str(staging),
            "log": str(self.folder / "unit.log"),
        }
        done = self.ask(type="execute", **order | fields)
        if done.get("value_file"):
            done["value"] = json.loads((staging / done["value_file"]).read_bytes())
        done["staging"] = staging
        return done

    def close(self) -> None:
        self.socket.close()
        self.process.wait(30)


Start = Callable[..., Worker]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    workers: list[Worker] = []

    def one(root: Path = APP) -> Worker:
        workers.append(Worker(tmp_path / f"worker{len(workers)}", root))
        return workers[-1]

    yield one
    for worker in workers:
        worker.close()


def run(workers: list[Worker], folder: Path, **args: Any) -> dict[str, Any]:
    """A whole run, its units dealt out in turn: the documents of the reduce, all failures, the publish's answer."""
    planned = workers[0].execute("plan", args=args)
    assert planned["status"] == "succeeded", planned["error"]
    lines, tables, failures = [], [], {}
    for at, item in enumerate(sorted(untag(planned["value"]), key=lambda item: item["key"])):
        worker = workers[at % len(workers)]
        done = worker.execute("work", item["key"], args=args, payload=item["payload"])
        if done["status"] != "succeeded":
            failures[item["key"]] = done["error"]
        lines.append(
            {
                "key": item["key"],
                "status": done["status"],
                "value": done["value"],
                "value_path": None,
                "worker": f"w{at % len(workers)}",
            }
        )
        tables += [
            [item["key"], str(done["staging"] / artifact["file"])]
            for artifact in done["artifacts"]
            if artifact["name"] == "trajectories"
        ]
    folder.mkdir(exist_ok=True)
    (folder / "units.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    reduced = workers[0].execute("reduce", args=args, inputs=str(folder / "units.jsonl"))
    assert reduced["status"] == "succeeded", reduced["error"]
    documents = untag(reduced["value"])
    inputs = {"state": documents["whole"]["state"], "artifacts": {"trajectories": tables}}
    (folder / "publish.json").write_bytes(canonical(inputs))
    published = workers[0].execute("publish", args=args, inputs=str(folder / "publish.json"))
    assert published["status"] == "succeeded", published["error"]
    return {**documents, "failures": failures, "publish": published, "tables": tables}


@pytest.mark.slow
def test_two_workers_give_the_polars_scripts_numbers_and_one_workers_bytes(
    start: Start, tmp_path: Path
) -> None:
    script = [sys.executable, str(ROOT / "benchmarks/flight_polars.py"), str(APP / "data")]
    theirs = json.loads(subprocess.run(script, capture_output=True, check=True).stdout)["payload"]
    first = start()
    two, one = run([first, start()], tmp_path / "two"), run([first], tmp_path / "one")

    payload = two["whole"]["payload"]
    assert_same(payload, theirs)
    assert two["whole"]["partial_count"] == 24
    assert sorted(two["workers"]) == ["w0", "w1"]
    assert [document["partial_count"] for document in two["workers"].values()] == [12, 12]
    assert canonical(two["whole"]["state"]) == canonical(one["whole"]["state"])
    assert canonical(two["whole"]["partials"]) == canonical(one["whole"]["partials"])

    assert [(v["name"], v["passed"]) for v in two["publish"]["validations"]] == [
        ("flights add up", True),
        ("no flight is too fast", True),
        ("rows add up", True),
        ("segments add up", True),
        ("groundspeed agreement", True),
    ]
    published = {artifact["name"]: artifact for artifact in two["publish"]["artifacts"]}
    assert {"flights", "outliers", "map", "summary"} <= published.keys()
    assert published["map"]["media_type"] == "image/svg+xml"
    assert pl.read_parquet([path for _, path in two["tables"]]).height == payload["row_count"]


def test_a_bad_file_is_named_and_the_others_still_count(start: Start, tmp_path: Path) -> None:
    data = tmp_path / "app/tracks"
    data.mkdir(parents=True)
    for name in ("0101de", "4bce03"):
        shutil.copy(APP / f"data/{name}.parquet", data)
    (data / "cut.parquet").write_bytes((APP / "data/39b002.parquet").read_bytes()[:9000])
    (data / "notes.parquet").write_text("not a table")

    outcome = run([start(data.parent)], tmp_path / "run", tracks="tracks")

    assert outcome["whole"]["payload"]["aircraft"] == ["0101de", "4bce03"]
    assert outcome["whole"]["payload"]["source_file_count"] == 2
    told = {key: (error["code"], error["what"]) for key, error in outcome["failures"].items()}
    assert told == {
        "cut": ("AGI-DATA-103", "app:tracks/cut.parquet is cut short"),
        "notes": ("AGI-DATA-102", "app:tracks/notes.parquet is no parquet file"),
    }
    assert all(verdict["passed"] for verdict in outcome["publish"]["validations"])


def test_the_app_describes_its_arguments_steps_and_fields(start: Start) -> None:
    described = start().ask(type="describe")["description"]
    schema = described["args_schema"]["properties"]
    assert schema["tracks"]["format"] == "agilab-files"
    assert {name: field["default"] for name, field in schema.items()} == {
        "tracks": "data/*.parquet",
        "min_points": 2,
        "max_gap_s": 300.0,
        "flight_gap_s": 600.0,
        "max_speed_mps": 340.3,
        "max_climb_fpm": 12_000.0,
    }
    assert (schema["min_points"]["minimum"], schema["max_gap_s"]["exclusiveMinimum"]) == (2, 0)
    assert all(field["description"] for field in schema.values())
    assert [node["name"] for node in described["nodes"]] == ["plan", "work", "reduce", "publish"]
    assert {field["name"]: field["rule"] for field in described["partial"]["fields"]} == {
        "row_count": "sum",
        "source_file_count": "sum",
        "aircraft": "distinct",
        "aircraft_count": "size",
        "flight_count": "sum",
        "segment_count": "sum",
        "impossible_speeds": "sum",
        "impossible_climbs": "sum",
        "distance_m": "sum",
        "speed_mps": "moments",
        "altitude_ft": "moments",
        "vertical_rate_fpm": "moments",
        "flight_distance_m": "moments",
        "flight_duration_s": "moments",
        "longest_flights": "topk",
        "time_start": "min",
        "time_end": "max",
    }


def test_the_picture_of_the_pipeline_shows_the_steps_that_exist(start: Start) -> None:
    picture = (APP / "pipeline_view.dot").read_text(encoding="utf-8")
    nodes = [node["name"] for node in start().ask(type="describe")["description"]["nodes"]]
    assert f"{' -> '.join(nodes)};" in picture
