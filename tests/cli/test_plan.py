"""`agilab app plan` and the placement of `agilab run`, as a person meets them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from agi_node.errors import AgiError
from agilab.cli.plan import bar, print_plan
from agilab.cli.run import placement_of
from agilab.contracts.base import parse_document
from agilab.contracts.distribution import Distribution
from agilab.contracts.plan import Plan

from .conftest import Lab


def test_a_distribution_is_a_static_placement_and_contradicts_a_dynamic_one() -> None:
    file = Path("mine.json")
    assert placement_of(None, None, default="dynamic") == "dynamic"
    assert placement_of(None, None, default="static") == "static"
    assert placement_of("dynamic", None, default="static") == "dynamic"
    assert placement_of(None, file, default="dynamic") == "static"
    with pytest.raises(AgiError, match="--placement dynamic leaves that open") as caught:
        placement_of("dynamic", file, default="static")
    assert caught.value.code == "AGI-PLAN-007"


def test_a_bar_is_as_long_as_its_share_and_has_letters_where_there_are_no_blocks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert [len(bar(share, 8)) for share in (0.0, 0.5, 1.0)] == [0, 4, 8]
    monkeypatch.setattr(sys, "stdout", SimpleNamespace(encoding="ascii"))
    assert bar(0.5, 8) == "####"


def big_plan(items: int, workers: int) -> Any:
    """A plan far larger than a screen, as `plan_app` returns one."""
    names = [f"w{number}" for number in range(workers)]
    head = json.loads((Path(__file__).parents[1] / "contracts/documents/plan.json").read_text())
    head["workers"] = [{"worker": name, "host": "local", "capacity": 1.0} for name in names]
    head["items"] = [
        {
            "unit": f"work[i{number}]", "node": "work", "key": f"i{number}", "order": number + 1,
            "state": "not_executed", "decision": "run", "why": "never run", "cost": 2.0, "seconds": 0.5,
            "worker": names[number % workers],
        }
        for number in range(items)
    ]  # fmt: skip
    head["makespan"] = {"cost": 2.0, "seconds": 0.5, "bound": 0.4, "basis": "measured in 3 earlier runs"}
    plan = parse_document(json.dumps(head), Plan, "plan.json")
    return SimpleNamespace(
        plan=plan,
        path=Path("/plans/plan.json"),
        distribution_path=Path("/my plans/distribution.json"),
        loads={name: 0.5 + number / 1000 for number, name in enumerate(names)},
        counts=dict.fromkeys(names, items // workers),
    )


def test_a_plan_of_thousands_is_a_screenful(capsys: pytest.CaptureFixture[str]) -> None:
    print_plan(big_plan(6_400, 64), "agilab run tides")
    text = capsys.readouterr().out
    lines = text.splitlines()
    assert len(lines) < 70
    assert "6,400 items · 64 workers · a worker for each item" in text
    assert "… and 6,380 more, in plan.json" in text
    assert "… and 48 more with 500 ms to 547 ms" in text
    assert "w63" in text
    assert "makespan  500 ms, 25.0% above the bound" in text
    assert "basis     measured in 3 earlier runs" in text
    assert lines[-1] == "  agilab run tides --plan '/my plans/distribution.json'"


@pytest.mark.parametrize(
    ("bound", "verdict"),
    [
        (0.5, "500 ms, cannot be beaten"),
        (0.49995, "500 ms, less than 0.1% above the bound"),
        (0.4, "500 ms, 25.0% above the bound"),
    ],
)
def test_only_a_plan_at_its_bound_cannot_be_beaten(
    capsys: pytest.CaptureFixture[str], bound: float, verdict: str
) -> None:
    planned = big_plan(4, 2)
    planned.plan = planned.plan.with_changes(makespan={**planned.plan.makespan.model_dump(), "bound": bound})
    print_plan(planned, "agilab run tides")
    assert f"makespan  {verdict}" in capsys.readouterr().out


def test_workers_that_share_cores_are_told_their_part_of_them(capsys: pytest.CaptureFixture[str]) -> None:
    planned = big_plan(12, 4)
    halves = [worker.model_dump() | {"capacity": 0.5} for worker in planned.plan.workers]
    planned.plan = planned.plan.with_changes(workers=halves)
    print_plan(planned, "agilab run tides")
    assert "they share 2 cores: each has 0.5 of one while all work" in capsys.readouterr().out
    planned.counts |= {"w2": 0, "w3": 0}
    print_plan(planned, "agilab run tides")
    assert "they share 2 cores: each of the 2 with items has 1 of one" in capsys.readouterr().out


@pytest.mark.journey
def test_a_plan_is_shown_edited_looked_at_again_and_followed(lab: Lab, tmp_path: Path) -> None:
    mine = tmp_path / "mine.json"
    words = ("tides", "--hours", "5", "--workers", "2")
    answer = lab("app", "plan", *words, "--output", str(mine))
    assert answer.code == 0, answer.err
    assert "nothing was executed" in answer.out
    assert "5 items · 2 workers · a worker for each item" in answer.out
    assert "which no placement can beat" in answer.out
    assert f"agilab run tides --hours 5 --plan {mine}" in answer.out

    plain = json.loads(mine.read_text())
    for item in plain["items"]:
        item["worker"] = "w1"
    mine.write_text(json.dumps(plain))
    answer = lab("app", "plan", "tides", "--hours", "5", "--plan", str(mine), "--json")
    assert answer.code == 0, answer.err
    assert {item["worker"] for item in answer.document["items"]} == {"w1"}
    assert answer.document["makespan"]["cost"] == 15.0
    assert Path(answer.document["distribution"]).is_file()

    answer = lab("run", "tides", "--hours", "5", "--plan", str(mine), "--json")
    assert answer.code == 0, answer.err
    folder = Path(answer.document["manifest"]).parent
    assert {item.worker for item in _read(folder / "distribution.json").items} == {"w1"}

    before = lab("runs", "list", "--json").document
    answer = lab("run", "tides", "--hours", "6", "--plan", str(mine))
    assert answer.code == 2
    assert "error[AGI-PLAN-002]" in answer.err
    assert "made for another plan of tides" in answer.err
    answer = lab("run", "tides", "--plan", str(tmp_path / "none.json"))
    assert answer.code == 2
    assert "there is no such file" in answer.err
    assert lab("runs", "list", "--json").document == before


@pytest.mark.journey
def test_a_dry_run_plans_as_the_run_would_place(lab: Lab) -> None:
    words = ("run", "tides", "--hours", "3", "--workers", "2", "--dry-run", "--json")
    for more, placed in (((), False), (("--placement", "static"), True)):
        answer = lab(*words, *more)
        assert answer.code == 0, answer.err
        plan = json.loads(Path(answer.document["plan"]).read_text())
        assert all((item["worker"] is not None) is placed for item in plan["items"])


def _read(path: Path) -> Distribution:
    return parse_document(path.read_bytes(), Distribution, str(path))
