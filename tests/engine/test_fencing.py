"""Reports that come twice, late, or for something that never was: the log tells, and nothing moves."""

from __future__ import annotations

from collections.abc import Sequence

from agilab.engine.coordinator import Coordinator
from agilab.engine.executor import Capabilities, Holder, Report, Task
from agilab.engine.graph import Graph, Node, Policy
from agilab.engine.tasks import FunctionTasks
from agilab.store.check import projection_problems
from agilab.store.store import Store
from tests.engine.conftest import begin, values


class Stammering:
    """An executor that loses its first attempt, then hears from it after all, and says everything twice."""

    name = "stammering"
    in_user_code = False
    capabilities = Capabilities(timeout=False, kill=False, crash_isolation=False, own_environment=False)

    def __init__(self) -> None:
        self.taken: list[Task] = []
        self.waiting: list[Task] = []

    def offers(self, nodes: Sequence[str]) -> Sequence[Holder]:
        return [] if self.waiting else [Holder("w0", 1, 0.0)]

    def submit(self, tasks: Sequence[tuple[Task, str]]) -> None:
        self.waiting = [task for task, _ in tasks]
        self.taken += self.waiting

    def poll(self, timeout_s: float) -> list[Report]:
        reports = []
        for task in self.waiting:
            if task.attempt_id == self.taken[0].attempt_id:
                reports.append(Report("lost", task.unit_id, task.attempt_id, {"began": True}))
            else:
                late = Report("succeeded", task.unit_id, self.taken[0].attempt_id, {"value": "too late"})
                good = Report("succeeded", task.unit_id, task.attempt_id, {"value": "in time"})
                ghost = Report("failed", "never[was]", "a999", {"error": {}})
                reports += [late, good, good, late, ghost]
        self.waiting = []
        return reports

    def cancel(self, *, grace_s: float) -> None: ...

    def dismiss(self) -> None: ...

    def close(self) -> None: ...


def test_a_late_success_of_a_lost_attempt_is_refused_and_logged_and_the_same_report_twice_is_nothing(
    store: Store,
) -> None:
    graph = Graph((Node("n", "n", policy=Policy(delay_s=0.01)), Node("m", "m", ("n",))))
    begin(store, "r1", graph)
    executor = Stammering()
    tasks = FunctionTasks(store, "r1", graph, max_units=10)
    assert Coordinator(store, "r1", graph, tasks, executor).execute() == "succeeded"
    assert values(store, "n") == {"": "in time"}
    stale = executor.taken[0].attempt_id
    refused = [(event.unit_id, event.attempt_id) for event in store.events("r1", kinds=("report_refused",))]
    assert refused.count(("n", stale)) == 2
    assert ("never[was]", "a999") in refused
    successes = [event.unit_id for event in store.events("r1", kinds=("attempt_succeeded",))]
    assert sorted(successes) == ["m", "n"]
    assert list(projection_problems(store, "r1")) == []
