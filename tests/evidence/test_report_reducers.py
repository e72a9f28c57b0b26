"""`report reducers`: what it says of a run that is whole, and which check says that one is not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from agi_node import Moments, Partial, Sum
from agi_node.partial.declaration import shape_of
from agi_node.partial.shape import Field, Shape
from agilab.contracts.base import parse_document
from agilab.contracts.report import Check, Report
from agilab.evidence.laws import law_problems, taken
from agilab.evidence.report import KnownApp, Scope, report_kind
from agilab.store.store import Store
from agilab.store.workspace import Workspace
from tests.evidence import conftest
from tests.evidence.conftest import run_demo
from tests.evidence.exports import finished

DEMO = KnownApp("demo_project", "remembered")
NAMES = ["partials", "written", "identity", "order", "grouping", "workers", "artefacts"]


def report(workspace: Workspace, *apps: KnownApp) -> Report:
    made = report_kind("reducers").make(Scope(workspace, apps or (DEMO,)))
    return parse_document(made.text(), Report, "report")


def states(found: Report) -> dict[str, str]:
    return {check.name: check.state for check in found.checks}


def only_failed(found: Report) -> Check:
    (check,) = [check for check in found.checks if check.state == "failed"]
    assert found.verdict == "failed"
    return check


def test_a_whole_run_passes_every_check_and_is_described(store: Store) -> None:
    run = finished(store)
    found = report(store.workspace)
    assert states(found) == dict.fromkeys(NAMES, "passed")
    assert found.verdict == "passed"
    assert {check.run_id for check in found.checks} == {run}
    assert [check.how for check in found.checks] == ["executed"] * 6 + ["derived"]
    (app,) = found.details["apps"]
    assert (app["reducer"], app["run_id"], app["place"]) == ("Total", run, "remembered")
    assert {field["name"]: field["rule"] for field in app["fields"]} == {
        "n": "sum",
        "x": "sum",
        "spread": "moments",
    }
    assert app["partial_count"] == sum(app["workers"].values()) > 1
    artefacts = found.checks[-1].evidence["sha256"]
    assert set(artefacts) == {
        "reduce_summary.json",
        "reduce_summary_worker_0.json",
        "reduce_summary_worker_1.json",
    }


def test_an_app_that_never_ran_is_said_to_be_so_and_has_not_passed(tmp_path: Path) -> None:
    found = report(Workspace(tmp_path / "nothing"))
    (check,) = found.checks
    assert (check.name, check.state, check.message) == (
        "run",
        "unknown",
        "never run here: agilab run demo_project",
    )
    assert found.verdict == "incomplete"
    assert not (tmp_path / "nothing").exists(), "looking leaves nothing behind"


def test_what_an_app_said_of_itself_is_shown_before_it_ever_ran(store: Store) -> None:
    finished(store)
    described = {"partial": {"name": "Tides", "fields": [{"name": "hours", "rule": "sum", "type": "int"}]}}
    tides = KnownApp("tides", "built in", described)
    found = report(store.workspace, tides, DEMO)
    assert found.verdict == "incomplete"
    assert found.details["apps"][0] | {} == {
        "app": "tides",
        "place": "built in",
        "reducer": "Tides",
        "merges": True,
        "run_id": None,
        "run_state": None,
        "newer_runs_without_result": 0,
        "partial_count": None,
        "workers": {},
        "fields": [{"name": "hours", "rule": "sum", "type": "int"}],
    }


def test_an_app_without_a_partial_has_nothing_to_prove(store: Store) -> None:
    finished(store)
    found = report(store.workspace, KnownApp("pages", "built in", {"partial": None}), DEMO)
    assert found.verdict == "passed"
    assert found.details["apps"][0]["merges"] is False


def test_newer_runs_without_a_result_are_counted(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    run = finished(store)
    monkeypatch.setattr(conftest, "RUN", "20261124-101500000-demo-bbbbbb")
    run_demo(store, [9])
    found = report(store.workspace)
    (app,) = found.details["apps"]
    assert (app["run_id"], app["newer_runs_without_result"]) == (run, 1)


def test_runs_that_never_reached_a_reduce_are_no_result(store: Store) -> None:
    run_demo(store, [9])
    (check,) = report(store.workspace).checks
    assert check.state == "unknown"
    assert check.message == "none of its 1 runs here reached a reduce: agilab run demo_project"


# what can be wrong


def rewrite(store: Store, unit: str, old: str, new: str) -> None:
    """Change a recorded value behind the log's back."""
    store.db.execute("DROP TRIGGER IF EXISTS event_is_never_changed")
    changed = store.db.execute(
        "UPDATE event SET body=replace(body, ?, ?) WHERE kind='attempt_succeeded' AND unit_id=?",
        (old, new, unit),
    )
    assert changed.rowcount == 1


def test_a_partial_that_was_changed_is_named(store: Store) -> None:
    finished(store)
    rewrite(store, "work[2]", '"n":1', '"n":2')
    check = only_failed(report(store.workspace))
    assert check.name == "partials"
    assert "partial '2' has another digest" in check.message


def test_a_result_that_its_partials_do_not_give_is_found(store: Store) -> None:
    finished(store)
    rewrite(store, "reduce", '"payload":{"n":3', '"payload":{"n":4')
    found = report(store.workspace)
    assert {name for name, state in states(found).items() if state == "failed"} == {
        "partials",
        "workers",
        "artefacts",
    }


@pytest.mark.parametrize("name", ["reduce_summary.json", "reduce_summary_worker_1.json"])
def test_an_artefact_with_other_bytes_is_named(store: Store, name: str) -> None:
    path = store.workspace.run_folder(finished(store)) / name
    path.write_text(path.read_text().replace('"n": ', '"n":  '))
    check = only_failed(report(store.workspace))
    assert (check.name, check.message) == ("artefacts", f"{name}: other bytes than the manifest says")


def test_an_artefact_that_is_gone_and_a_manifest_that_is_gone_are_named(store: Store) -> None:
    folder = store.workspace.run_folder(finished(store))
    (folder / "reduce_summary_worker_0.json").unlink()
    assert "reduce_summary_worker_0.json: No such file" in only_failed(report(store.workspace)).message
    (folder / "run_manifest.json").unlink()
    check = only_failed(report(store.workspace))
    assert check.name == "artefacts"
    assert "run_manifest.json" in check.message


def test_a_merge_of_the_authors_own_is_not_claimed(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    class Total(Partial):
        n: Sum[int] = 0
        x: Sum[float] = 0.0
        spread: Moments = Moments()

        def merge(self, other: Total) -> Total:
            return Total(n=self.n + other.n, x=self.x + other.x, spread=self.spread.merge(other.spread))

    monkeypatch.setattr(conftest, "Total", Total)
    finished(store)
    found = report(store.workspace)
    assert states(found) == {"partials": "passed", "laws": "unknown", "artefacts": "passed"}
    assert found.verdict == "incomplete"
    assert "agilab app check demo_project" in found.checks[1].message


# the laws can be broken


class Total(Partial):
    n: Sum[int] = 0


class Odd:
    """The rule of a whole number, but for what one test changes."""

    def __init__(self, **changed: Any) -> None:
        self.rule = shape_of(Total).fields[0].rule
        self.changed = changed

    def __getattr__(self, name: str) -> Any:
        return self.changed[name] if name in self.changed else getattr(self.rule, name)


def broken(**changed: Any) -> dict[str, str]:
    shape = Shape("Odd", (Field("n", Odd(**changed)),))  # type: ignore[arg-type]
    return {
        name: problem for name, problem in law_problems(shape, [{"n": n} for n in (3, 5, 8, 1)]) if problem
    }


def test_a_sum_keeps_all_laws() -> None:
    assert broken() == {}


def test_a_rule_that_keeps_the_first_breaks_the_order() -> None:
    assert "order" in broken(merge=lambda a, b: a or b, fold=lambda column: next(filter(None, column), 0))


def test_a_rule_that_subtracts_breaks_the_grouping() -> None:
    assert "grouping" in broken(merge=lambda a, b: a - b)


def test_a_rule_whose_nothing_is_something_breaks_the_identity() -> None:
    assert broken(identity=1)["identity"] == "partial 1 of 4 becomes another"


def test_a_rule_that_forgets_breaks_the_writing() -> None:
    assert "written" in broken(write=lambda value: min(value, 5))


def test_of_very_many_partials_some_are_taken_evenly() -> None:
    some = taken(range(25_000))
    assert (len(some), some[0], some[-1]) == (10_000, 0, 24_997)
    assert taken([1, 2]) == [1, 2]
    assert taken([]) == []


def test_no_partials_keep_all_laws() -> None:
    assert [problem for _, problem in law_problems(shape_of(Total), [])] == [""] * 4


def test_a_report_cannot_claim_more_than_its_checks(store: Store) -> None:
    finished(store)
    plain = json.loads(report(store.workspace).text())
    for change, said in (
        ({"verdict": "incomplete"}, "does not follow from the checks"),
        ({"checks": [plain["checks"][0] | {"evidence": {}}]}, "judged without evidence"),
        ({"checks": [plain["checks"][0] | {"state": "unknown", "message": ""}]}, "unknown for no reason"),
        ({"checks": [plain["checks"][0] | {"how": "derived", "run_id": None}]}, "derived from no run"),
        ({"checks": []}, "does not follow from the checks"),
    ):
        with pytest.raises(Exception, match=said):
            parse_document(json.dumps(plain | change), Report, "report")
