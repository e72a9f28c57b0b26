"""A rerun executes what its preview says, uses the rest again, and never touches what was not meant."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agi_node import Skip
from agi_node.errors import AgiError
from agilab.engine.coordinator import Coordinator
from agilab.engine.foreach import Nested
from agilab.engine.graph import Graph, Node
from agilab.engine.inline import InlineExecutor
from agilab.engine.invariants import validate
from agilab.engine.rerun import Preview, Rerun, preview
from agilab.engine.reuse import Cache, Memory
from agilab.engine.selection import Selection
from agilab.engine.tasks import FunctionTasks
from agilab.store.check import chain_problems, object_problems, projection_problems
from agilab.store.store import Store
from agilab.store.workspace import Workspace
from tests.engine.conftest import begin, values

Functions = Mapping[str, Callable[..., Any]]


def execute(
    store: Store,
    run_id: str,
    graph: Graph,
    functions: Functions,
    *,
    memory: Memory | None = None,
    codes: Mapping[str, str] | None = None,
) -> Coordinator:
    begin(store, run_id, graph)
    codes = {node.name: "v1" for node in graph.nodes} if codes is None else codes
    tasks = FunctionTasks(store, run_id, graph)
    run = Coordinator(
        store, run_id, graph, tasks, InlineExecutor(functions), codes=codes, environment="e", memory=memory
    )
    run.execute()
    validate(run.state)
    assert list(chain_problems(store, run_id)) == []
    assert list(projection_problems(store, run_id)) == []
    assert list(object_problems(store, run_id)) == []
    return run


def rerun(
    store: Store,
    graph: Graph,
    functions: Functions,
    selection: Selection,
    *,
    codes: Mapping[str, str] | None = None,
    parent: str = "r1",
    run_id: str = "r2",
) -> Preview:
    codes = {node.name: "v1" for node in graph.nodes} if codes is None else codes
    shown = preview(store, parent, graph, selection, codes, "e")
    execute(store, run_id, graph, functions, memory=Rerun(store, shown), codes=codes)
    return shown


def executed(store: Store, run_id: str = "r2") -> set[str]:
    return {str(event.unit_id) for event in store.events(run_id, kinds=("attempt_started",))}


def states(store: Store, run_id: str = "r2") -> dict[str, str]:
    return {unit.unit_id: unit.state for unit in store.units(run_id)}


GRAPH = Graph(
    (
        Node("list", "list"),
        Node("each", "each", foreach="list"),
        Node("twice", "twice", foreach="each"),
        Node("total", "total", ("twice",)),
    ),
    keep_going=True,
)


def functions(bad: set[int] = frozenset(), items: tuple[int, ...] = (1, 2, 3)) -> Functions:  # type: ignore[assignment]
    def each(n: int) -> int:
        if n in bad:
            raise ValueError(f"{n} is bad")
        return n * 10

    return {"list": lambda: list(items), "each": each, "twice": lambda n: 2 * n, "total": sum_}


def size(big: str) -> int:
    return len(big)


def sum_(twice: list[int]) -> int:
    return sum(twice)


@pytest.fixture
def failed(store: Store) -> Store:
    """A run in which one of three keys failed, and with it what needs it."""
    execute(store, "r1", GRAPH, functions({2}))
    return store


def test_a_rerun_of_what_failed_executes_planned_minus_succeeded(failed: Store) -> None:
    shown = rerun(failed, GRAPH, functions(), Selection(failed=True))
    assert shown.execute == {
        "each[2]": "failed before",
        "twice[2]": "needs each[2], which runs",
    }
    assert shown.new == {"total": "never expanded"}
    assert executed(failed) == {"each[2]", "twice[2]", "total"}
    assert values(failed, "total", "r2") == {"": 120}
    assert states(failed)["each[1]"] == "reused"


def test_mapped_siblings_that_never_started_are_not_forgotten(store: Store) -> None:
    """The run stopped at the first failure: its siblings have not failed, and a rerun of what failed runs them."""
    strict = Graph(GRAPH.nodes, max_parallel=1)
    execute(store, "r1", strict, functions({1}))
    assert set(states(store, "r1").values()) >= {"failed", "cancelled"}
    shown = rerun(store, strict, functions(), Selection(failed=True))
    assert shown.execute["each[3]"] == "never started"
    assert executed(store) == {
        "each[1]",
        "each[2]",
        "each[3]",
        "twice[1]",
        "twice[2]",
        "twice[3]",
        "total",
    } - {name for name, state in states(store, "r1").items() if state == "succeeded"}
    assert values(store, "total", "r2") == {"": 120}


def test_a_rerun_of_one_key_never_touches_a_sibling(failed: Store) -> None:
    shown = rerun(failed, GRAPH, functions(), Selection(units=("each[1]",)))
    assert executed(failed) == {"each[1]", "twice[1]"}
    assert shown.leave_out["each[2]"] == "failed in run r1, and not selected"
    assert states(failed)["each[2]"] == "cancelled"
    assert states(failed)["each[3]"] == "reused"
    # The total wants all of them, and one is as undone as it was.
    assert {node.node: node.state for node in failed.nodes("r2")}["total"] == "upstream_failed"


def test_without_downstream_only_the_selected_unit_runs(store: Store) -> None:
    execute(store, "r1", GRAPH, functions())
    shown = rerun(store, GRAPH, functions(items=(1, 2, 3)), Selection(units=("each[2]",), downstream=False))
    assert executed(store) == {"each[2]"}
    assert shown.reuse["twice[2]"].why == "reused from run r1, although each[2] runs again"
    assert states(store)["total"] == "reused"


def test_from_a_node_on_everything_after_it_runs_and_nothing_before(store: Store) -> None:
    execute(store, "r1", GRAPH, functions())
    rerun(store, GRAPH, functions(), Selection(from_node="twice"))
    assert executed(store) == {"twice[1]", "twice[2]", "twice[3]", "total"}


def test_conditions_select_by_state_node_and_key(failed: Store) -> None:
    codes = {node.name: "v1" for node in GRAPH.nodes}

    def chosen(**where: str) -> set[str]:
        shown = preview(failed, "r1", GRAPH, Selection(where=where, downstream=False), codes, "e")
        return set(shown.execute)

    assert chosen(state="failed") == {"each[2]"}
    assert chosen(state="unfinished") == {"each[2]", "twice[2]"}
    assert chosen(node="twice", key="[13]") == {"twice[1]", "twice[3]"}
    with pytest.raises(AgiError, match=r"(?s)AGI-RUN-041.*state=fialed.*unfinished"):
        chosen(state="fialed")
    with pytest.raises(AgiError, match=r"(?s)AGI-RUN-040.*no node of that name.*total"):
        chosen(node="totl")


def test_a_unit_that_is_not_there_is_refused_and_the_nearest_named(failed: Store) -> None:
    with pytest.raises(AgiError, match=r"(?s)AGI-RUN-040.*no unit of that name.*each\[9\].*each\[1\]"):
        preview(failed, "r1", GRAPH, Selection(units=("each[9]",)), {}, "e")


def test_without_a_selection_results_are_used_where_they_would_come_out_the_same(store: Store) -> None:
    execute(store, "r1", GRAPH, functions())
    rerun(store, GRAPH, functions(), Selection())
    assert executed(store) == set()
    assert set(states(store).values()) == {"reused"}
    assert values(store, "total", "r2") == {}
    assert [body["value"] for _, body in store.results("r2", "total")] == [120]


def test_changed_code_runs_again_and_what_needs_it(store: Store) -> None:
    execute(store, "r1", GRAPH, functions())
    codes = {**{node.name: "v1" for node in GRAPH.nodes}, "twice": "v2"}
    shown = rerun(store, GRAPH, functions(), Selection(), codes=codes)
    assert shown.execute["twice[1]"] == "code changed"
    assert executed(store) == {"twice[1]", "twice[2]", "twice[3]", "total"}


def test_with_a_selection_earlier_successes_are_kept_and_marked_as_older_code(failed: Store) -> None:
    codes = {**{node.name: "v1" for node in GRAPH.nodes}, "each": "v2"}
    shown = rerun(failed, GRAPH, functions(), Selection(failed=True), codes=codes)
    assert shown.reuse["each[1]"].older_code
    assert shown.reuse["each[1]"].why == "reused from run r1, older code"
    (event,) = [e for e in failed.events("r2", kinds=("unit_reused",)) if e.unit_id == "each[1]"]
    assert event.data["older_code"] is True
    assert event.data["from_run"] == "r1"


@pytest.mark.parametrize(
    ("code", "environment", "words"),
    [
        ("v1", "f", "older environment"),
        ("v2", "f", "older code and environment"),
        ("v1", "e", ""),
    ],
)
def test_what_is_kept_from_another_environment_is_marked_too(
    failed: Store, code: str, environment: str, words: str
) -> None:
    codes = {**{node.name: "v1" for node in GRAPH.nodes}, "each": code}
    shown = preview(failed, "r1", GRAPH, Selection(failed=True), codes, environment)
    assert shown.reuse["each[1]"].why == "reused from run r1" + (f", {words}" if words else "")
    assert Preview.from_plain(shown.to_plain()) == shown
    execute(failed, "r2", GRAPH, functions(), memory=Rerun(failed, shown), codes=codes)
    (event,) = [e for e in failed.events("r2", kinds=("unit_reused",)) if e.unit_id == "each[1]"]
    marks = event.data["older_code"], event.data["older_environment"]
    assert marks == (code != "v1", environment != "e")
    # Kept once more, it still says that it is not of now.
    again = preview(failed, "r2", GRAPH, Selection(failed=True), codes, environment)
    assert again.reuse["each[1]"].why == "reused from run r2" + (f", {words}" if words else "")


@pytest.mark.parametrize("downstream", [True, False], ids=["from", "only"])
def test_a_node_that_the_parent_lacks_was_never_run(store: Store, downstream: bool) -> None:
    first, made = Graph((Node("a", "a"), Node("b", "b"))), {"a": lambda: 3, "b": lambda: 1}
    execute(store, "r1", first, made)
    nodes = (*first.nodes, Node("double", "double", ("a",)), Node("after", "after", ("double",)))
    more = {**made, "double": lambda a: 2 * a, "after": lambda double: double}
    asked = Selection(from_node="double", downstream=downstream)
    shown = rerun(store, Graph(nodes), more, asked)
    assert set(shown.new) == executed(store) == ({"double", "after"} if downstream else {"double"})
    assert set(shown.reuse) == {"a", "b"}
    assert values(store, "double", "r2") == {"": 6}


def test_a_node_that_is_no_more_is_refused(store: Store) -> None:
    execute(store, "r1", Graph((Node("a", "a"), Node("b", "b"))), {"a": lambda: 3, "b": lambda: 1})
    now = Graph((Node("a", "a"), Node("been", "been")))
    with pytest.raises(AgiError, match=r"(?s)AGI-RUN-040.*no node of that name any more.*been"):
        preview(store, "r1", now, Selection(from_node="b"), {}, "e")
    with pytest.raises(AgiError, match=r"(?s)AGI-RUN-040.*no node of that name\n"):
        preview(store, "r1", now, Selection(from_node="c"), {}, "e")


def test_a_list_that_grew_shrank_and_changed_its_order_is_followed_by_key(store: Store) -> None:
    execute(store, "r1", GRAPH, functions())
    codes = {**{node.name: "v1" for node in GRAPH.nodes}, "list": "v2"}
    rerun(store, GRAPH, functions(items=(3, 4, 1)), Selection(), codes=codes)
    assert executed(store) == {"list", "each[4]", "twice[4]", "total"}
    (event,) = [e for e in store.events("r2", kinds=("node_expanded",)) if e.data["node"] == "each"]
    assert event.data["removed"] == ["each[2]"]
    assert event.data["new_count"] == 1
    assert values(store, "total", "r2") == {"": 160}


def test_a_key_whose_item_changed_runs_again(store: Store) -> None:
    graph = Graph((Node("list", "list"), Node("each", "each", foreach="list")))
    execute(store, "r1", graph, {"list": lambda: {"a": 1, "b": 2}, "each": lambda n: n})
    rerun(
        store,
        graph,
        {"list": lambda: {"a": 1, "b": 5}, "each": lambda n: n},
        Selection(),
        codes={"list": "v2", "each": "v1"},
    )
    assert executed(store) == {"list", "each[b]"}
    (started,) = [e for e in store.events("r2", kinds=("attempt_started",)) if e.unit_id == "each[b]"]
    assert started.data["why"] == "its item or arguments changed since run r1"


def test_what_skipped_itself_skips_again_with_its_reason(store: Store) -> None:
    graph = Graph((Node("each", "each", foreach=[1, 2]),))
    execute(store, "r1", graph, {"each": lambda n: Skip("odd") if n == 1 else n})
    rerun(store, graph, {"each": lambda n: n}, Selection())
    assert states(store) == {"each[1]": "skipped", "each[2]": "reused"}
    assert executed(store) == set()


def test_a_rerun_of_a_rerun_names_the_run_that_did_the_work(store: Store) -> None:
    execute(store, "r1", GRAPH, functions())
    rerun(store, GRAPH, functions(), Selection())
    rerun(store, GRAPH, functions(), Selection(), parent="r2", run_id="r3")
    assert {e.data["from_run"] for e in store.events("r3", kinds=("unit_reused",))} == {"r1"}


def test_a_result_whose_object_is_gone_is_made_again(store: Store) -> None:
    graph = Graph((Node("big", "big"), Node("size", "size", ("big",))))
    made = {"big": lambda: "x" * 50_000, "size": size}
    execute(store, "r1", graph, made)
    (digest,) = [e.data["value_digest"] for e in store.events("r1") if "value_digest" in e.data]
    store.objects.path(digest).unlink()
    rerun(store, graph, made, Selection())
    assert executed(store) == {"big"}
    assert [body["value"] for _, body in store.results("r2", "size")] == [50_000]


def test_a_run_that_has_not_ended_has_no_rerun(store: Store) -> None:
    begin(store, "r1", GRAPH)
    with pytest.raises(AgiError, match=r"(?s)AGI-RUN-042.*has not ended.*runs resume r1"):
        preview(store, "r1", GRAPH, Selection(), {}, "e")


def test_a_preview_changes_nothing_and_is_the_same_twice(failed: Store) -> None:
    before = failed.run("r1")
    one = preview(failed, "r1", GRAPH, Selection(failed=True), {}, "e")
    two = preview(failed, "r1", GRAPH, Selection(failed=True), {}, "e")
    assert one.digest == two.digest
    assert failed.run("r1") == before
    assert len(failed.runs()) == 1
    other = preview(failed, "r1", GRAPH, Selection(failed=True), {"each": "v9"}, "e")
    assert other.digest != one.digest


@st.composite
def cases(draw: st.DrawFn) -> tuple[Graph, dict[str, Any], set[str], Selection]:
    nodes: list[Node] = []
    made: dict[str, Any] = {}
    for number in range(draw(st.integers(1, 5))):
        name = f"n{number}"
        needs = tuple(node.name for node in nodes if draw(st.booleans()))
        foreach: Any = None
        if needs and draw(st.booleans()):
            source = draw(st.sampled_from(needs))
            axes = Graph(tuple(nodes)).axes[source]
            foreach = Nested(source) if axes and len(axes) < 2 and draw(st.booleans()) else source
        nodes.append(Node(name, name, needs, foreach=foreach, require=draw(st.sampled_from(["all", "any"]))))
    graph = Graph(tuple(nodes), keep_going=draw(st.booleans()))
    names = [node.name for node in nodes]
    kind = draw(st.sampled_from(["none", "failed", "from", "where"]))
    selection = Selection(
        failed=kind == "failed",
        from_node=draw(st.sampled_from(names)) if kind == "from" else None,
        where={"node": draw(st.sampled_from(names))} if kind == "where" else {},
        downstream=draw(st.booleans()),
    )
    bad = {name for name in names if draw(st.integers(0, 4)) == 0}
    return graph, made, bad, selection


@pytest.mark.slow
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cases(), st.sampled_from([1, 2, 3]))
def test_what_runs_is_what_the_preview_said(
    tmp_path_factory: pytest.TempPathFactory,
    drawn: tuple[Graph, dict[str, Any], set[str], Selection],
    modulus: int,
) -> None:
    graph, _, bad, selection = drawn
    calls: dict[str, int] = {}

    def function(name: str, broken: bool) -> Callable[..., Any]:
        def run(*payload: Any, **needs: Any) -> Any:
            calls[name] = calls.get(name, 0) + 1
            if broken and calls[name] % modulus == 0:
                raise ValueError("broken")
            return ["a", "b", "c"]

        return run

    with Store(Workspace(tmp_path_factory.mktemp("home"))) as store:
        first = {node.name: function(node.name, node.name in bad) for node in graph.nodes}
        execute(store, "r1", graph, first)
        second = {node.name: function(node.name, False) for node in graph.nodes}
        shown = rerun(store, graph, second, selection)
        known = set(states(store, "r1"))
        ran = executed(store)
        assert ran & known <= set(shown.execute), "something ran that the preview did not name"
        kept = {name for name, state in states(store).items() if state == "reused"}
        assert not kept & set(shown.execute)
        assert kept <= set(shown.reuse)
        after = states(store)
        # What was to run and did not: only what needs something that was left out, or whose need is gone.
        for name in set(shown.execute) - ran:
            assert after.get(name) in (None, "upstream_failed", "skipped"), (name, after.get(name))
        if not shown.leave_out:
            assert set(shown.execute) <= ran
            assert store.run("r2").state == "succeeded"
        for name, state in after.items():
            if name in shown.leave_out:
                assert state in ("cancelled", "upstream_failed")


def test_a_cached_node_is_reused_by_any_later_run_and_says_why(store: Store) -> None:
    from agilab.engine.graph import Policy

    graph = Graph((Node("each", "each", foreach=[1, 2], policy=Policy(cache=True)),))
    made: Functions = {"each": lambda n: n}
    execute(store, "r1", graph, made, memory=Cache(store, "functions"))
    assert [e.data["why"] for e in store.events("r1", kinds=("attempt_started",))] == ["never run"] * 2
    execute(store, "r2", graph, made, memory=Cache(store, "functions"))
    assert executed(store) == set()
    (why,) = {e.data["why"] for e in store.events("r2", kinds=("unit_reused",))}
    assert why == "reused from run r1: code, arguments, inputs and environment equal"
    execute(store, "r3", graph, made, memory=Cache(store, "functions"), codes={"each": "v2"})
    assert {e.data["why"] for e in store.events("r3", kinds=("attempt_started",))} == {
        "code changed since run r2"
    }


def test_a_node_after_an_equal_result_is_reused_although_what_it_needs_ran_again(store: Store) -> None:
    """Cut off early: a key is of what a unit is given, not of how that came about."""
    from agilab.engine.graph import Policy

    cached = Policy(cache=True)
    graph = Graph((Node("a", "a", policy=cached), Node("b", "b", ("a",), policy=cached)))
    made: Functions = {"a": lambda: 1, "b": lambda a: a + 1}
    execute(store, "r1", graph, made, memory=Cache(store, "functions"))
    execute(store, "r2", graph, made, memory=Cache(store, "functions"), codes={"a": "v2", "b": "v1"})
    assert executed(store) == {"a"}
    assert states(store) == {"a": "succeeded", "b": "reused"}
