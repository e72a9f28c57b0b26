"""What a manager learns about an app without importing it."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from .worker_client import WorkerClient, write_source

APP = '''
"""Aircraft tracks.

Distances and speeds."""
from agi_node import App, Args, Files, Moments, Partial, Sum, WorkItem
from pydantic import Field

class FlightArgs(Args):
    """Where the tracks are."""
    tracks: Files = "data/*.parquet"
    min_points: int = Field(2, ge=2, description="Aircraft with fewer positions are left out.")

class Summary(Partial):
    """What every unit returns."""
    rows: Sum[int] = 0
    speed: Moments = Moments()

app = App("flight", args=FlightArgs, partial=Summary)

@app.plan
def plan(args):
    """One item per file."""
    raise RuntimeError("describe must not plan")

@app.work
def work(payload, args, run):
    raise RuntimeError("describe must not work")
'''


def describe(folder: Path, app: str | None, **modules: str) -> dict[str, Any]:
    with WorkerClient(folder) as client:
        client.open(write_source(folder, **modules), app)
        client.send({"type": "describe"})
        return client.receive("described", "failed")


def test_a_description_says_all_that_a_manager_needs(tmp_path: Path) -> None:
    source = tmp_path / "source" / "src"
    (source / "pkg").mkdir(parents=True)
    (source / "pkg" / "table.csv").write_bytes(b"1,2")
    (source / ".secret").write_bytes(b"no")
    described = describe(tmp_path, "flight:app", flight=APP)["description"]
    assert (described["protocol"], described["app"]) == (1, "flight")
    assert described["doc"] == "Aircraft tracks.\n\nDistances and speeds."
    properties = described["args_schema"]["properties"]
    assert properties["tracks"] == {
        "default": "data/*.parquet",
        "format": "agilab-files",
        "title": "Tracks",
        "type": "string",
    }
    assert properties["min_points"]["minimum"] == 2
    assert properties["min_points"]["description"] == "Aircraft with fewer positions are left out."
    assert described["args_schema"]["additionalProperties"] is False
    assert described["nodes"] == [
        {"name": "plan", "target": "flight:app#plan", "doc": "One item per file."},
        {"name": "work", "target": "flight:app#work", "doc": ""},
        {"name": "reduce", "target": "flight:app#reduce", "doc": "What every unit returns."},
    ]
    assert described["partial"]["name"] == "Summary"
    assert [field["name"] for field in described["partial"]["fields"]] == ["rows", "speed"]
    assert described["source_digests"] == {
        "src/flight.py": hashlib.sha256(APP.encode()).hexdigest(),
        "src/pkg/table.csv": hashlib.sha256(b"1,2").hexdigest(),
    }


def test_an_app_without_plan_work_or_partial_is_described_too(tmp_path: Path) -> None:
    described = describe(tmp_path, "bare:app", bare="from agi_node import App\napp = App('bare')")[
        "description"
    ]
    assert (described["nodes"], described["partial"], described["doc"]) == ([], None, "")
    assert described["args_schema"]["properties"] == {}


@pytest.mark.parametrize(
    ("app", "text", "code", "what"),
    [
        (None, "", "AGI-APP-001", "no app is open"),
        ("bad:app", "app = 3", "AGI-APP-001", "bad:app is no app"),
        ("bad:app", "", "AGI-APP-001", "bad has no 'app'"),
        ("bad:app", "raise SystemExit(3)", "AGI-APP-002", "importing bad raised SystemExit: 3"),
        ("bad:app", "import nowhere", "AGI-APP-002", "importing bad raised ModuleNotFoundError"),
        (
            "bad:app",
            "import agi_node, typing\nclass A(agi_node.Args):\n    f: typing.Callable\napp = agi_node.App('a', args=A)",
            "AGI-APP-006",
            "the arguments of a have no JSON Schema",
        ),
    ],
)
def test_an_app_that_cannot_be_described_says_why(
    tmp_path: Path, app: str | None, text: str, code: str, what: str
) -> None:
    failed = describe(tmp_path, app, bad=text)
    assert failed["type"] == "failed"
    assert (failed["error"]["code"], failed["error"]["what"][: len(what)]) == (code, what)
