"""Each validation can fail: break what it looks at, and see."""

from __future__ import annotations

import json

from agilab.contracts.base import read_document, write_document
from agilab.contracts.run_manifest import RunManifest
from agilab.evidence.checks import validate
from agilab.evidence.manifest import build
from agilab.evidence.results import write_reduce_files
from agilab.store.store import Store
from tests.evidence.conftest import run_demo


def checks(store: Store, run_id: str, *, keep_going: bool = False) -> dict[str, bool]:
    return {check.name: check.passed for check in validate(store, run_id, keep_going=keep_going)}


def test_a_whole_run_passes_everything_and_its_failed_own_check_shows(store: Store) -> None:
    run = run_demo(store, [0, 1, 2])
    assert checks(store, run) == {
        "units": True,
        "partials": True,
        "merge": True,
        "log": True,
        "artifacts": True,
        "small": True,
    }


def test_one_unit_that_found_something_wrong_is_enough(store: Store) -> None:
    run = run_demo(store, [0, 1, 5])
    (small,) = [check for check in validate(store, run, keep_going=False) if check.name == "small"]
    assert not small.passed
    assert small.evidence == {"units": 3, "failed": 1}
    assert "work[5]" in small.message


def test_a_failed_unit_fails_the_count_unless_that_was_asked_for(store: Store) -> None:
    run = run_demo(store, [0, 9, 1], keep_going=True)
    assert not checks(store, run)["units"]
    assert checks(store, run, keep_going=True)["units"]


def rewrite_value(store: Store, node: str, old: str, new: str) -> None:
    """Change a recorded value behind the log's back."""
    store.db.execute("DROP TRIGGER IF EXISTS event_is_never_changed")
    changed = store.db.execute(
        "UPDATE event SET body=replace(body, ?, ?) WHERE kind='attempt_succeeded' AND unit_id=?",
        (old, new, node),
    )
    assert changed.rowcount == 1


def test_a_partial_that_was_changed_after_the_reduce_is_found(store: Store) -> None:
    run = run_demo(store, [0, 1, 2])
    rewrite_value(store, "work[2]", '"n":1', '"n":2')
    found = checks(store, run)
    assert not found["partials"]
    assert not found["log"]


def test_a_result_that_its_parts_do_not_give_is_found(store: Store) -> None:
    run = run_demo(store, [0, 1, 2])
    rewrite_value(store, "reduce", '"payload":{"n":3', '"payload":{"n":4')
    assert not checks(store, run)["merge"]


def test_an_artifact_with_other_bytes_is_found(store: Store) -> None:
    run = run_demo(store, [0, 1])
    path = store.objects.path(store.artifacts(run)[0].digest)
    path.chmod(0o644)
    path.write_bytes(b"{}")
    assert not checks(store, run)["artifacts"]


def test_the_manifest_is_computed_from_the_log_and_reads_back(store: Store) -> None:
    run = run_demo(store, [0, 9, 1], keep_going=True)
    files = write_reduce_files(store, run)
    manifest = build(store, run, validations=validate(store, run, keep_going=True), reduce_files=files)
    path = store.workspace.run_folder(run) / "run_manifest.json"
    write_document(path, manifest)
    again = read_document(path, RunManifest)
    assert again == manifest
    assert again.execution.units() == {"succeeded": 4, "failed": 1}
    (left_out,) = again.left_out
    assert (left_out.unit, left_out.error.code) == ("work[9]", "AGI-RUN-101")
    assert again.metrics["k"].count == 2, "what a failed attempt logged does not count"
    assert again.execution.log.head == store.run(run).head
    assert [ref.worker for ref in again.reduce] == [None, "w0", "w1"]


def test_a_failed_run_has_a_manifest_that_says_why(store: Store) -> None:
    run = run_demo(store, [9])
    manifest = build(store, run, validations=validate(store, run, keep_going=False), reduce_files=[])
    assert manifest.verdict.status == "failed"
    assert manifest.verdict.error is not None
    assert manifest.verdict.error.what == "work raised ValueError: nine"
    assert not manifest.verdict.passed
    assert json.loads(manifest.text())["verdict"]["error"]["whose"] == "author"
