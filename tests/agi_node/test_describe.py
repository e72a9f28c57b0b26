"""What a manager learns about an app without importing it."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from agi_node.canonical import digest

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


def test_files_as_a_default_are_described_as_a_person_types_them(tmp_path: Path) -> None:
    others = """
class Others(Args):
    tracks: Files = Files("winter:tracks/*.csv")

other = App("other", args=Others, partial=Summary)

@other.work
def count(payload, args, run):
    return Summary()
"""
    described = describe(tmp_path, "flight:other", flight=APP + others)["description"]
    assert described["args_schema"]["properties"]["tracks"]["default"] == "winter:tracks/*.csv"


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
    nodes = described["nodes"]
    assert [(node["name"], node["target"], node["doc"]) for node in nodes] == [
        ("plan", "flight:app#plan", "One item per file."),
        ("work", "flight:app#work", ""),
        ("reduce", "flight:app#reduce", "What every unit returns."),
    ]
    assert [node["code"]["whole_package"] for node in nodes] == [None, None, None]
    assert described["partial"]["name"] == "Summary"
    assert [field["name"] for field in described["partial"]["fields"]] == ["rows", "speed"]
    assert described["source_digests"] == {
        "src/flight.py": hashlib.sha256(APP.encode()).hexdigest(),
        "src/pkg/table.csv": hashlib.sha256(b"1,2").hexdigest(),
    }


def codes(folder: Path, **modules: str) -> dict[str, dict[str, Any]]:
    folder.mkdir(exist_ok=True)
    nodes = describe(folder, "flight:app", **modules)["description"]["nodes"]
    return {node["name"]: node["code"] for node in nodes}


def test_each_step_s_code_is_its_own_with_the_app_s_arguments_and_partial(tmp_path: Path) -> None:
    before = codes(tmp_path / "1", flight=APP)
    shared = {
        "flight.app",
        "flight.FlightArgs",
        "flight.Summary",
        "flight.App",
        "flight.Args",
        "flight.Files",
    }
    shared |= {"flight.Moments", "flight.Partial", "flight.Sum", "flight.Field", "flight (order)"}
    assert {name: set(code["parts"]) - shared for name, code in before.items()} == {
        "plan": {"flight.plan"},
        "work": {"flight.work"},
        "reduce": set(),
    }
    for code in before.values():
        assert code["digest"] == digest(code["parts"])
    for old, new, changed in (
        ("describe must not work", "describe never works", ["work"]),
        ("One item per file.", "An item per file.", ["plan"]),
        ("rows: Sum[int] = 0", "lines: Sum[int] = 0", ["plan", "work", "reduce"]),
        ("min_points: int", "at_least: int", ["plan", "work", "reduce"]),
        ("Distances and speeds.", "Speeds.", []),
    ):
        after = codes(tmp_path / new.replace(" ", ""), flight=APP.replace(old, new))
        assert [name for name in before if before[name] != after[name]] == changed, old


def test_a_step_is_found_where_it_is_defined_however_it_is_registered(tmp_path: Path) -> None:
    steps = """
import functools
def wrapped(g):
    return lambda payload: g(payload)
def plan(args): return []
def work(payload): return helper()
def helper(): return 1
def publish(summary): return 2
@wrapped
def other(payload): return 3
"""
    text = "from agi_node import App\nimport steps\napp = App('a')\napp.plan(steps.plan)\n"
    for register, part in (
        ("app.work(steps.work)", "steps.helper"),
        ("from steps import work as w\napp.work(w)", "steps.helper"),
        ("app.work(steps.other)", "steps.other"),
        ("inner = steps.wrapped(steps.work)\napp.work(inner)", "steps.helper"),
    ):
        found = codes(tmp_path / f"{len(register)}{part}", flight=f"{text}{register}\n", steps=steps)
        assert found["work"]["whole_package"] is None
        assert part in found["work"]["parts"], register
        assert part not in found["plan"]["parts"], register


def test_a_step_that_no_name_holds_is_the_whole_package(tmp_path: Path) -> None:
    text = "from agi_node import App\napp = App('a')\napp.work(lambda payload: payload)\n"
    found = codes(tmp_path, flight=text, unrelated="x = 1")
    assert found["work"]["whole_package"] == "the work function is bound to no name of a module"
    assert set(found["work"]["parts"]) == {"flight.py", "unrelated.py"}


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
