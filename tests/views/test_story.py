"""Why a run, a node or a unit is as it is: on logs of every kind, made by the real engine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from agi_node.errors import AgiError
from agi_node.items import Skip
from agilab.engine.executor import Capabilities, Report, Task
from agilab.engine.foreach import Nested
from agilab.engine.graph import Graph, Node, Policy
from agilab.engine.inline import InlineExecutor
from agilab.engine.rerun import Rerun, preview
from agilab.engine.reuse import Cache
from agilab.engine.selection import Selection
from agilab.store.locks import RunLock
from agilab.store.store import Store
from agilab.store.workspace import Workspace
from agilab.views.explanation import explain
from agilab.views.story import STEPS, Explanation
from tests.views.made_runs import Written, execute, reader

MAP_REDUCE = (
    Node("list", "list"),
    Node("square", "square", ("list",), foreach="list"),
    Node("total", "total", ("square",)),
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(Workspace(tmp_path / "home")) as store:
        yield store


def total(square: list[int]) -> int:
    return sum(square)


def refuses(*bad: int) -> Any:
    def square(n: int) -> int:
        if n in bad:
            raise ValueError(f"{n} is not welcome")
        return n * n

    return {"list": lambda: list(range(10)), "square": square, "total": total}


def commands(found: Explanation) -> list[str]:
    return [one.command for one in found.next]


def test_a_run_that_succeeded(store: Store) -> None:
    execute(store, Graph(MAP_REDUCE), refuses())
    found = explain(store, "r1")
    assert found.state == "succeeded"
    assert "12 of 12 units are done" in found.sentence
    assert found.error is None
    assert commands(found)[0] == "agilab runs verify r1"
    assert dict(found.given)["arguments"] == {"size": 3}
    assert found.steps[0].kind == "run_created"


def test_a_unit_that_succeeded_says_why_it_ran_and_what_it_was_given(store: Store) -> None:
    execute(store, Graph(MAP_REDUCE), refuses())
    found = explain(store, "r1", "square[3]")
    assert "square[3] succeeded on inline after" in found.sentence
    assert "everything that it needs was done" in found.reasons[0]
    given = dict(found.given)
    assert given["payload"] == 3
    assert len(given["payload digest"]) == 64
    assert found.needs == ("list (succeeded)",)
    assert found.needed_by == ("total (succeeded)",)
    assert [step.kind for step in found.steps][-2:] == ["attempt_started", "attempt_succeeded"]
    assert explain(store, "r1", "3") == found


def test_a_failed_run_names_what_failed_first_whose_fault_it_is_and_what_that_blocks(store: Store) -> None:
    execute(store, Graph(MAP_REDUCE, keep_going=True), refuses(2, 7))
    found = explain(store, "r1")
    assert found.state == "failed"
    assert "square[2] failed first (square raised ValueError: 2 is not welcome)" in found.sentence
    said = " ".join(found.reasons)
    assert "At fault is the app's code (AGI-RUN-101)." in said
    assert "2 units failed in all." in said
    assert "Blocked by it: 1 node (total)." in said
    assert "agilab runs explain r1 'square[2]'" in commands(found)
    assert "agilab runs rerun r1 --failed --dry-run" in commands(found)


def test_a_failed_unit_has_its_error_its_budget_and_the_next_command(store: Store) -> None:
    execute(store, Graph(MAP_REDUCE, keep_going=True), refuses(2))
    found = explain(store, "r1", "square[2]")
    assert found.error is not None
    assert found.error.code == "AGI-RUN-101"
    assert "At fault is the app's code." in found.sentence
    assert "Its policy allows no retries." in found.reasons
    assert commands(found) == [
        "agilab runs show r1 'square[2]'",
        "agilab runs rerun r1 --unit 'square[2]' --dry-run",
    ]


def test_a_node_that_never_began_says_whose_failure_it_is(store: Store) -> None:
    execute(store, Graph(MAP_REDUCE, keep_going=True), refuses(2))
    found = explain(store, "r1", "total")
    assert (found.kind, found.state) == ("node", "upstream_failed")
    assert "because square did not end as it requires" in found.sentence
    assert commands(found) == ["agilab runs explain r1 square"]
    square = explain(store, "r1", "square")
    assert "9 succeeded, 1 failed" in square.sentence or "1 failed, 9 succeeded" in square.sentence
    assert "Failed: square[2]." in square.reasons


def test_units_that_were_given_up_say_which_failure_stopped_the_run(store: Store) -> None:
    execute(store, Graph(MAP_REDUCE), refuses(0) | {"list": lambda: list(range(500))})
    cancelled = next(store.units("r1", state="cancelled"))
    found = explain(store, "r1", cancelled.unit_id)
    assert "never ran: the run was stopping before its turn (square[0] failed)" in found.sentence
    run = explain(store, "r1")
    assert "units that had not begun" in " ".join(run.reasons)


def test_a_unit_that_was_tried_again_tells_each_attempt(store: Store) -> None:
    calls: list[int] = []

    def flaky() -> str:
        calls.append(1)
        if len(calls) < 3:
            raise OSError("not yet")
        return "done"

    execute(store, Graph((Node("n", "n", policy=Policy(max_retries=2, delay_s=0.01)),)), {"n": flaky})
    found = explain(store, "r1", "n")
    assert "n succeeded at attempt 3" in found.sentence
    kinds = [step.kind for step in found.steps]
    assert kinds.count("attempt_failed") == 2
    assert kinds.count("retry_due") == 2
    assert "now up_for_retry" in found.steps[kinds.index("attempt_failed")].text
    assert "Tried again: 1 unit (n)." in explain(store, "r1").reasons


class Killed(InlineExecutor):
    """Loses the first attempts of a unit, as an executor does whose processes are killed."""

    capabilities = Capabilities(timeout=False, kill=False, crash_isolation=False, own_environment=False)
    losses = 1

    def poll(self, timeout_s: float) -> list[Report]:
        reports = super().poll(timeout_s)
        for number, report in enumerate(reports):
            if report.unit_id == "n" and self.losses:
                self.losses -= 1
                lost = {"reason": "its process was ended by SIGKILL", "began": True}
                reports[number] = Report("lost", report.unit_id, report.attempt_id, lost)
        return reports


def test_a_unit_whose_process_was_lost_says_so_and_how_often_it_may_be(store: Store) -> None:
    graph = Graph((Node("n", "n", policy=Policy(max_losses=1, delay_s=0.01)),))
    execute(store, graph, {}, executor=Killed({"n": lambda: 1}))
    found = explain(store, "r1", "n")
    assert "Its process was lost 1 time: its process was ended by SIGKILL." in found.reasons
    assert "Further attempts after a loss that its policy allows: 1." in found.reasons
    broken = Killed({"n": lambda: 1})
    broken.losses = 9
    execute(store, graph, {}, executor=broken, run_id="r2")
    failed = explain(store, "r2", "n")
    assert failed.error is not None
    assert failed.error.code == "AGI-RUN-111"
    assert "At fault is the machine or its environment." in failed.sentence


def test_a_cancelled_run_says_who_and_why(store: Store) -> None:
    def ask(coordinator: Any, report: Any) -> None:
        if len(list(store.commands("r1"))) == 0 and not coordinator.state.cancelled:
            with Store(store.workspace) as other:
                other.command("r1", "cancel", by="ada", reason="the wrong data")

    functions = refuses() | {"list": lambda: list(range(500))}
    execute(store, Graph(MAP_REDUCE), functions, observer=ask)
    found = explain(store, "r1")
    assert found.state == "cancelled"
    assert "Cancelled by ada: the wrong data." in found.reasons
    given_up = [unit for unit in store.units("r1", node="square", state="cancelled") if not unit.attempts]
    told = explain(store, "r1", given_up[-1].unit_id)
    assert told.sentence.endswith("never ran: the run was cancelled before its turn (the wrong data).")


def test_a_unit_that_skipped_itself_and_a_node_that_had_nothing_to_do(store: Store) -> None:
    functions = {"list": lambda: [1, 2], "square": lambda n: Skip("odd") if n % 2 else n, "total": total}
    execute(store, Graph(MAP_REDUCE), functions)
    assert explain(store, "r1", "square[1]").sentence == "square[1] skipped itself: odd."
    execute(store, Graph(MAP_REDUCE), functions | {"list": list}, run_id="r2")
    assert "total was skipped: square left nothing to do" in explain(store, "r2", "total").sentence
    assert "square was skipped: it has no units" in explain(store, "r2", "square").sentence


def test_an_expansion_that_failed_is_what_failed_first(store: Store) -> None:
    execute(store, Graph(MAP_REDUCE), refuses() | {"list": lambda: ["a", "b", "a"]})
    found = explain(store, "r1")
    assert "square failed first (two items of node square have the same key)" in found.sentence
    assert "could not be expanded into units" in explain(store, "r1", "square").sentence


def test_a_result_that_was_used_again_leads_to_the_run_that_made_it(store: Store) -> None:
    graph = Graph((Node("n", "n", policy=Policy(cache=True)),))
    codes = {"n": "c" * 64}
    execute(store, graph, {"n": lambda: 7}, codes=codes)
    first = explain(store, "r1", "n")
    assert dict(first.given)["cache code"] == "c" * 64
    execute(store, graph, {"n": lambda: 8}, run_id="r2", codes=codes, memory=Cache(store, "functions"))
    found = explain(store, "r2", "n")
    assert found.sentence == "n was not run: the result of run r1 was used again."
    assert "code, arguments, inputs and environment equal" in found.reasons[0]
    assert commands(found) == ["agilab runs explain r1 n"]
    codes = {"n": "d" * 64}
    execute(store, graph, {"n": lambda: 8}, run_id="r3", codes=codes, memory=Cache(store, "functions"))
    assert "code changed since run r2" in explain(store, "r3", "n").reasons[0]


def test_a_rerun_says_what_it_left_out_what_it_kept_and_why_it_ran_the_rest(store: Store) -> None:
    graph = Graph(MAP_REDUCE, keep_going=True)
    execute(store, graph, refuses(1, 2))
    shown = preview(store, "r1", graph, Selection(units=("square[1]",)), {})
    asked = {"selection": shown.selection.to_plain()}
    execute(store, graph, refuses(), run_id="r2", memory=Rerun(store, shown), parent="r1", rerun=asked)
    left_out = explain(store, "r2", "square[2]")
    assert left_out.sentence == "square[2] was left out: failed in run r1, and not selected."
    assert explain(store, "r2", "square[1]").reasons[0] == "It ran because: selected."
    assert explain(store, "r2", "square[3]").sentence.startswith(
        "square[3] was not run: the result of run r1 was used again"
    )
    run = explain(store, "r2")
    assert run.needs == ("run r1, of which it is a rerun",)
    assert dict(run.given)["rerun"] == asked
    assert "Results of earlier runs that were used again: 9." in run.reasons


def test_a_rerun_that_fails_again_blames_it_for_nothing_that_was_left_out(store: Store) -> None:
    graph = Graph(MAP_REDUCE, keep_going=True)
    execute(store, graph, refuses(1, 2))
    shown = preview(store, "r1", graph, Selection(units=("square[1]",)), {})
    asked = {"selection": shown.selection.to_plain()}
    execute(store, graph, refuses(1), run_id="r2", memory=Rerun(store, shown), parent="r1", rerun=asked)
    said = " ".join(explain(store, "r2").reasons)
    assert "had not begun" not in said
    assert "Left out, as the rerun was asked for others: 1 unit." in said


def test_a_run_that_ended_well_without_some_of_its_units_says_what_failed(store: Store) -> None:
    graph = Graph((*MAP_REDUCE[:2], Node("total", "total", ("square",), require="any")), keep_going=True)
    execute(store, graph, refuses(2))
    for state, verdict in (("succeeded", "passed"), ("doubtful", "doubtful")):
        log = store.log("r1")
        log.append("manifest_written", verdict=verdict)
        log.flush()
        found = explain(store, "r1")
        assert found.state == state
        assert "11 of 12 units are done" in found.sentence
        assert "All units" not in found.sentence
        assert "square[2] failed first (square raised ValueError: 2 is not welcome)." in found.reasons
        assert "agilab runs explain r1 'square[2]'" in commands(found)


def test_a_note_on_a_unit_hides_neither_its_error_nor_its_process(store: Store) -> None:
    run = Written(store, Graph((Node("n", "n"), Node("m", "m"))))
    run.expand("n")
    run.fail("n", run.start("n", "w0"), 1000)
    run.expand("m")
    attempt = run.start("m", "w1")
    run.log.append("note_added", "n", by="ada", text="bad frame")
    run.log.append("note_added", "m", by="ada", text="slow")
    run.log.lease(attempt, "w1", 4242, 1.0, "boot", 1e12)
    run.log.flush()
    with RunLock(store.workspace.run_folder("r1")):
        assert explain(store, "r1", "n").sentence.startswith("n failed on w0: n raised ValueError: no.")
        assert "Process 4242 holds it." in explain(store, "r1", "m").reasons


def test_a_run_of_a_flow_goes_on_where_its_functions_are(store: Store) -> None:
    Written(store, Graph(MAP_REDUCE), app="flow:demo").log.flush()
    assert commands(explain(store, "r1")) == ['flow.resume("r1")']


def looked_at(store: Store, graph: Graph, functions: Any, *questions: str) -> list[Explanation]:
    """Explanations asked for by somebody else while the node called `look` is running."""
    found: list[Explanation] = []
    holder: list[Any] = []

    def look(**needs: Any) -> int:
        holder[0].log.flush()
        with reader(store) as other:
            found.extend(explain(other, "r1", question or None) for question in questions)
        return 1

    def hold(coordinator: Any, report: Any) -> None:
        holder[:] = [coordinator]

    execute(store, graph, {**functions, "look": look}, observer=hold)
    return found


def test_while_it_runs_a_run_says_what_is_left_and_what_one_can_do(store: Store) -> None:
    graph = Graph((Node("a", "a"), Node("look", "look", ("a",)), Node("z", "z", ("look",))))
    run, unit, node = looked_at(store, graph, {"a": lambda: 1, "z": lambda look: 2}, "", "look", "z")
    assert run.state == "running"
    assert "The run is going on: 1 of 2 units are done, 1 running." in run.sentence
    assert "Not begun: z (waits for look (0 of 1 ended))." in run.reasons
    assert commands(run)[0] == "agilab runs tail r1"
    assert "look is running on inline since" in unit.sentence
    assert node.sentence == "z has not begun: it waits for look (0 of 1 ended)."


def test_a_unit_waits_for_its_own_key_only_and_for_a_free_slot(store: Store) -> None:
    graph = Graph(
        (
            Node("list", "list"),
            Node("a", "a", foreach="list", policy=Policy(pool="disk")),
            Node("b", "b", foreach="a"),
        ),
        pools={"disk": 1},
    )
    found: list[Explanation] = []
    holder: list[Any] = []

    def a(n: int) -> int:
        if n == 1:
            holder[0].log.flush()
            with reader(store) as other:
                found.extend(explain(other, "r1", name) for name in ("b[1]", "a[2]"))
        return n

    def hold(coordinator: Any, report: Any) -> None:
        holder[:] = [coordinator]

    execute(store, graph, {"list": lambda: [1, 2], "a": a, "b": lambda n: n}, observer=hold)
    waiting, ready = found
    assert waiting.reasons == ("Waits for a[1] (running).",)
    assert "a[1] of a" in waiting.needs[0]
    assert "All 1 slots of pool disk are taken." in ready.reasons


def test_units_of_nested_maps_are_explained_by_their_keys(store: Store) -> None:
    graph = Graph(
        (
            Node("day", "day", foreach=["mon", "tue"]),
            Node("hour", "hour", foreach=Nested("day")),
            Node("peak", "peak", foreach="day", needs=("hour",)),
        ),
        keep_going=True,
    )

    def hour(text: str) -> str:
        if text == "mon 2":
            raise ValueError("no reading")
        return text

    functions = {"day": lambda d: [f"{d} 1", f"{d} 2"], "hour": hour, "peak": lambda d, hour: max(hour)}
    execute(store, graph, functions)
    failed = next(store.units("r1", node="hour", state="failed"))
    assert explain(store, "r1", failed.unit_id).needs == ("day[mon] of day (succeeded, 2 of 2 units ended)",)
    blocked = explain(store, "r1", "peak[mon]")
    assert blocked.state == "upstream_failed"
    assert "never ran, because hour" in blocked.sentence
    assert blocked.next[0].command.startswith("agilab runs explain r1 ")
    assert explain(store, "r1", "peak[tue]").state == "succeeded"
    assert "Blocked by it: 1 node (peak), 1 unit." in explain(store, "r1").reasons


def test_a_paused_run_says_who_paused_it_and_how_to_go_on(store: Store) -> None:
    written = Written(store, Graph(MAP_REDUCE))
    written.expand("list")
    written.log.append("run_paused", by="ada", reason="the disk is full")
    written.log.flush()
    store.command("r1", "unpause", by="bob")
    with RunLock(store.workspace.run_folder("r1")):
        found = explain(store, "r1")
        unit = explain(store, "r1", "list")
    assert found.sentence.startswith("The run is paused")
    assert any(
        reason.startswith("Paused by ada at ") and "the disk is full" in reason for reason in found.reasons
    )
    assert "Asked for by bob and not taken up yet: unpause." in found.reasons
    assert "agilab runs unpause r1" in commands(found)
    assert unit.state == "ready"
    assert "The run is paused: nothing new starts." in unit.reasons
    assert commands(unit) == ["agilab runs unpause r1"]


class PowerCut(BaseException):
    """Ends the coordinator between two events, as a power cut does."""


def test_an_interrupted_run_names_the_command_that_goes_on(store: Store) -> None:
    class Cut(InlineExecutor):
        def _call(self, task: Task) -> Report:
            if task.unit_id == "square[3]":
                raise PowerCut
            return super()._call(task)

    functions = refuses() | {"square": lambda n: n}
    with pytest.raises(PowerCut):
        execute(store, Graph(MAP_REDUCE), functions, executor=Cut(functions))
    found = explain(store, "r1")
    assert found.state == "interrupted"
    assert "nobody runs it any more" in found.sentence
    assert commands(found) == ["agilab runs resume r1"]
    unit = next(unit for unit in store.units("r1", node="square") if unit.state != "succeeded")
    told = explain(store, "r1", unit.unit_id)
    assert "nobody runs the run any more" in told.sentence
    assert commands(told) == ["agilab runs resume r1"]


def test_a_retry_that_is_waited_for_says_when_it_is_due_and_what_went_wrong(store: Store) -> None:
    graph = Graph((Node("n", "n", policy=Policy(max_retries=3)),))
    written = Written(store, graph)
    written.expand("n")
    attempt = written.start("n", "w0")
    written.fail("n", attempt, 1000, to="up_for_retry")
    written.log.flush()
    with RunLock(store.workspace.run_folder("r1")):
        found = explain(store, "r1", "n")
        run = explain(store, "r1")
    assert found.sentence == "n waits for a retry, which is due now."
    assert "The attempt before ended with: n raised ValueError: no." in found.reasons
    assert "Waiting for a retry: 1 unit, the next which is due now." in run.reasons


def test_a_run_without_a_plan_is_explained_too(store: Store) -> None:
    log = store.log("r1")
    log.append("run_created", app="functions", args={})
    log.flush()
    found = explain(store, "r1")
    assert found.sentence == "The run has no plan yet; it was interrupted before that."
    assert commands(found) == ["agilab runs resume r1"]


def test_a_long_story_is_told_by_its_ends(store: Store) -> None:
    written = Written(store, Graph((Node("n", "n", policy=Policy(max_retries=100)),)))
    written.expand("n")
    for _ in range(60):
        attempt = written.start("n", "w0")
        written.fail("n", attempt, 10, to="up_for_retry")
        written.log.append("retry_due", "n")
    written.log.flush()
    found = explain(store, "r1", "n")
    assert len(found.steps) == STEPS
    assert found.left_out == 1 + 3 * 60 - STEPS
    assert found.steps[-1].kind == "retry_due"


def test_explanations_stay_small_however_many_units_there_are(store: Store) -> None:
    functions = refuses(*range(0, 2000, 2)) | {"list": lambda: list(range(2000))}
    execute(store, Graph(MAP_REDUCE, keep_going=True), functions)

    def size(found: Explanation) -> int:
        return len(str(found.to_plain()))

    assert size(explain(store, "r1")) < 6000
    assert size(explain(store, "r1", "square")) < 3000


@pytest.mark.parametrize("name", ["square[99]", "nope"])
def test_what_is_not_there_is_told_with_the_form_of_its_name(store: Store, name: str) -> None:
    execute(store, Graph(MAP_REDUCE), refuses())
    with pytest.raises(AgiError, match="has no such unit") as refused:
        explain(store, "r1", name)
    assert refused.value.code == "AGI-RUN-003"


def test_an_explanation_is_plain_data(store: Store) -> None:
    import json

    execute(store, Graph(MAP_REDUCE, keep_going=True), refuses(2))
    subjects: Sequence[str | None] = (None, "square", "square[2]", "square[1]", "total")
    for subject in subjects:
        plain = explain(store, "r1", subject).to_plain()
        assert json.loads(json.dumps(plain)) == plain
        assert plain["sentence"].endswith(".")
