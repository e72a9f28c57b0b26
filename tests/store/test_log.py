"""The log: order, chain, groups, guards, and one owner."""

from __future__ import annotations

import hashlib
import itertools
import json
import sqlite3

import pytest

from agi_node.errors import AgiError
from agilab.store.check import chain_problems, object_problems, projection_problems
from agilab.store.events import GENESIS
from agilab.store.log import GROUP_EVENTS, RunLog
from agilab.store.store import Store


def test_the_chain_can_be_verified_by_a_script_that_knows_only_the_documented_form(
    store: Store, finished_run: str
) -> None:
    before = GENESIS
    rows = store.db.execute(
        "SELECT run_id, run_seq, at_us, kind, coalesce(unit_id,''), coalesce(attempt_id,''), body, sha256"
        " FROM event ORDER BY run_seq"
    ).fetchall()
    for *fields, digest in rows:
        before = hashlib.sha256("\n".join([before, *map(str, fields)]).encode()).hexdigest()
        assert before == digest
    assert store.run(finished_run).head == before
    assert len(rows) == 14


def test_a_whole_run_has_no_problems(store: Store, finished_run: str) -> None:
    assert list(chain_problems(store, finished_run)) == []
    assert list(projection_problems(store, finished_run)) == []
    assert list(object_problems(store, finished_run)) == []


def test_the_projection_counts_retries_apart_from_attempts(store: Store, finished_run: str) -> None:
    a, b = store.units(finished_run)
    assert (a.state, a.attempts, a.retries, a.losses) == ("succeeded", 2, 1, 0)
    assert (b.state, b.attempts, b.retries) == ("failed", 1, 0)
    assert store.nodes(finished_run)[0].counts == {"failed": 1, "succeeded": 1}
    assert [row.place for row in store.artifacts(finished_run)] == ["artifacts/work/a/t.json"]


@pytest.mark.parametrize(
    "statement", ["UPDATE event SET body='{}' WHERE run_seq=3", "DELETE FROM event WHERE run_seq=3"]
)
def test_the_log_refuses_to_be_changed(store: Store, finished_run: str, statement: str) -> None:
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        store.db.execute(statement)


def test_an_event_changed_behind_our_back_breaks_the_chain_there(store: Store, finished_run: str) -> None:
    store.db.execute("DROP TRIGGER event_is_never_changed")
    store.db.execute(
        "UPDATE event SET body=replace(body, '\"Y\"', '\"Z\"') WHERE kind='attempt_failed' AND unit_id='work[b]'"
    )
    assert list(chain_problems(store, finished_run)) == [
        "event 12 of r1 (attempt_failed) does not match its digest"
    ]


def test_an_event_removed_from_the_middle_is_missed(store: Store, finished_run: str) -> None:
    store.db.execute("DROP TRIGGER event_is_never_deleted")
    store.db.execute("DELETE FROM event WHERE run_seq=7")
    assert "event 7 of r1 is missing (found 8)" in list(chain_problems(store, finished_run))


def test_events_cut_off_at_the_end_are_missed(store: Store, finished_run: str) -> None:
    store.db.execute("DROP TRIGGER event_is_never_deleted")
    store.db.execute("DELETE FROM event WHERE run_seq>12")
    assert list(chain_problems(store, finished_run)) == ["the log of r1 ends at event 12, the run says 14"]


def test_a_projection_changed_behind_our_back_differs_from_the_fold(store: Store, finished_run: str) -> None:
    store.db.execute("UPDATE unit SET state='succeeded' WHERE key='b'")
    (problem,) = projection_problems(store, finished_run)
    assert problem.startswith("unit work[b]: the table has")


def test_an_object_with_other_bytes_is_found(store: Store, finished_run: str) -> None:
    path = store.objects.path(store.artifacts(finished_run)[0].digest)
    path.chmod(0o644)
    path.write_bytes(b"43")
    (problem,) = object_problems(store, finished_run)
    assert problem.endswith("has other bytes than its digest says")


def test_an_event_that_is_not_legal_changes_nothing(store: Store, finished_run: str) -> None:
    log = store.log(finished_run)
    log.append("note_added", text="fine")
    log.append("attempt_succeeded", "work[b]", "a11", value=2)
    with pytest.raises(AgiError, match="attempt_succeeded is not legal for work.b."):
        log.flush()
    assert store.run(finished_run).event_count == 14
    assert list(chain_problems(store, finished_run)) == []


def test_a_stale_attempt_cannot_report(store: Store) -> None:
    log = store.log("r2")
    log.append("run_created", app="demo")
    log.append("plan_recorded", plan_digest="x", nodes=[{"name": "n", "target": "m:f"}])
    log.append(
        "node_expanded", node="n", count=1, items=[{"unit_id": "n", "key": "", "cost": 1.0, "payload": None}]
    )
    log.append("unit_ready", "n")
    first = log.append("attempt_started", "n", worker="w0")
    log.append("attempt_lost", "n", first.attempt_id, to="ready", began=False)
    second = log.append("attempt_started", "n", worker="w1")
    log.flush()
    log.append("attempt_succeeded", "n", first.attempt_id, value="old")
    with pytest.raises(AgiError, match="not legal for n"):
        log.flush()
    again = store.log("r2")
    again.append("attempt_succeeded", "n", second.attempt_id, value="new")
    again.flush()
    assert next(store.units("r2")).state == "succeeded"


def test_nothing_but_records_may_follow_the_end_of_a_run(store: Store, finished_run: str) -> None:
    log = store.log(finished_run)
    log.append("note_added", who="me", text="looked at it")
    log.append("run_unpaused")
    with pytest.raises(AgiError, match="run_unpaused is not legal"):
        log.flush()
    log = store.log(finished_run)
    log.append("note_added", who="me", text="looked at it")
    log.flush()
    assert store.run(finished_run).event_count == 15


def test_a_second_writer_of_the_same_run_is_refused_and_nothing_is_lost(store: Store) -> None:
    log = store.log("r3")
    log.append("run_created", app="demo")
    log.flush()
    with Store(store.workspace) as other:
        intruder = other.log("r3")
        log.append("note_added", text="first")
        log.flush()
        intruder.append("note_added", text="second")
        with pytest.raises(AgiError, match="another process has written to the log"):
            intruder.flush()
    assert [event.kind for event in store.events("r3")] == ["run_created", "note_added"]


def test_an_expansion_at_hand_makes_the_rows_that_its_object_makes_when_the_log_is_folded(
    store: Store,
) -> None:
    count = 1_000
    rows = [
        {"unit_id": f"n[k{i}]", "key": f"k{i}", "cost": i / 8, "payload": {"i": i, "text": "x" * 40}}
        for i in range(count)
    ]
    log = store.log("r1")
    log.append("run_created", app="demo")
    log.append("plan_recorded", plan_digest="x", nodes=[{"name": "n", "target": "m:f"}])
    digest = store.objects.put(json.dumps(rows).encode())
    event = log.append_expansion(rows, node="n", count=count, ready=True, items_digest=digest)
    log.flush()
    assert event.data == {"node": "n", "count": count, "ready": True, "items_digest": digest}
    found = store.db.execute("SELECT unit_id, key, label, position, cost, state FROM unit ORDER BY position")
    assert found.fetchall() == [(f"n[k{i}]", f"k{i}", f"k{i}", i, i / 8, "ready") for i in range(count)]
    assert list(chain_problems(store, "r1")) == []
    assert list(projection_problems(store, "r1")) == []  # which reads the object


def test_a_group_that_was_refused_leaves_the_run_as_it_was_and_goes_in_when_there_is_room(
    store: Store,
) -> None:
    log = store.log("r1")
    log.append("run_created", app="demo")
    log.flush()
    log.append("run_finished", state="cancelled")
    pages = store.db.execute("PRAGMA page_count").fetchone()[0]
    store.db.execute(f"PRAGMA max_page_count={pages}")  # a disk without room
    log.append("note_added", text="x" * 100_000)
    with pytest.raises(AgiError, match="log cannot be written"):
        log.flush()
    assert (store.run("r1").state, store.run("r1").event_count) == ("running", 1)
    store.db.execute(f"PRAGMA max_page_count={pages + 1_000}")
    log.flush()
    assert (store.run("r1").state, store.run("r1").event_count) == ("cancelled", 3)
    assert list(projection_problems(store, "r1")) == []


def test_groups_are_flushed_when_full_or_old_and_not_before(store: Store) -> None:
    clock = itertools.count(0.0, 0.001)
    log = RunLog(store.db, store.objects, "r4", monotonic=lambda: next(clock))
    log.append("run_created", app="demo")
    log.flush_if_due()
    assert store.db.execute("SELECT count(*) FROM event").fetchone() == (0,)
    for _ in range(GROUP_EVENTS):
        log.append("note_added", text="x")
    log.flush_if_due()
    assert store.run("r4").event_count == GROUP_EVENTS + 1


def test_the_clock_may_step_back_and_order_stays(store: Store) -> None:
    times = iter([2_000_000, 1_000_000, 500_000])
    log = RunLog(store.db, store.objects, "r5", clock=lambda: next(times))
    log.append("run_created", app="demo")
    log.append("note_added", text="a")
    log.append("note_added", text="b")
    log.flush()
    assert [(event.run_seq, event.at_us) for event in store.events("r5")] == [
        (1, 2_000_000),
        (2, 1_000_000),
        (3, 500_000),
    ]
    assert list(chain_problems(store, "r5")) == []


def test_a_run_is_named_by_any_unique_end_of_its_id(store: Store) -> None:
    for name in ("20261123-101500-flight-aaaa", "20261123-101501-flight-bbbb"):
        log = store.log(name)
        log.append("run_created", app="flight_project")
        log.flush()
    assert store.run("bbbb").run_id.endswith("bbbb")
    assert store.run("last").run_id.endswith("bbbb")
    with pytest.raises(AgiError, match="several runs fit"):
        store.run("20261123")
    with pytest.raises(AgiError, match="there is no such run"):
        store.run("zzzz")
    assert [run.run_id[-4:] for run in store.runs()] == ["bbbb", "aaaa"]
