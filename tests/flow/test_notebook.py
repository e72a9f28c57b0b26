"""A person at a notebook or a prompt: cells that are run again, and errors that point at the cell."""

from __future__ import annotations

import linecache
import sys
import traceback
from collections.abc import Callable
from typing import Any

import pytest

from agi_node.errors import AgiError
from agilab.flow import Flow, Nested, RunFailed, product, zipped
from agilab.store.workspace import Workspace
from tests.flow.conftest import MakeFlow


@pytest.fixture
def prompt(monkeypatch: pytest.MonkeyPatch) -> None:
    """As at Python's own prompt."""
    monkeypatch.setattr(sys, "ps1", ">>> ", raising=False)


def cell(name: str, text: str, space: dict[str, Any]) -> None:
    """Run a cell as a kernel does: its lines are remembered and lie in no file."""
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    exec(compile(text, name, "exec"), space)


@pytest.mark.usefixtures("prompt")
@pytest.mark.parametrize(
    "over",
    [
        lambda seeds: seeds,
        lambda seeds: product(n=seeds),
        lambda seeds: zipped(n=seeds),
    ],
)
def test_a_cell_that_is_run_again_is_what_others_map_over(make: MakeFlow, over: Callable[..., Any]) -> None:
    flow = make()
    seeds = flow.node(lambda: [1, 2], name="seeds")
    flow.node(lambda n: n * n, name="square", foreach=over(seeds))
    assert flow.run()["square"] == [1, 4]
    flow.node(lambda: [3], name="seeds")
    assert flow.run()["square"] == [9]


@pytest.mark.usefixtures("prompt")
def test_a_cell_that_is_run_again_is_what_a_nested_map_takes_apart(make: MakeFlow) -> None:
    flow = make()
    years = flow.node(lambda n: [n, n + 1], name="years", foreach=[10])
    flow.node(lambda n: n, name="month", foreach=Nested(years))  # type: ignore[arg-type]
    flow.node(lambda n: [-n], name="years", foreach=[10])
    assert flow.run()["month"] == [-10]


def test_a_function_can_be_mapped_over_before_it_is_a_node(make: MakeFlow) -> None:
    def seeds() -> list[int]:
        return [1, 2]

    flow = make()
    flow.node(lambda n: n * n, name="square", foreach=seeds)
    flow.node(seeds)
    assert flow.run()["square"] == [1, 4]


@pytest.mark.parametrize(
    "call",
    [
        lambda flow: flow.run(nothing=1),
        lambda flow: flow.plan(nothing=1),
        lambda flow: flow.resume(),
        lambda flow: flow.rerun(),
        lambda flow: flow.preview_rerun(),
        lambda flow: flow.run(),
        lambda flow: flow.node(max),
    ],
)
def test_an_error_points_at_the_call_and_shows_one_line_of_ours(
    make: MakeFlow, call: Callable[[Flow], Any]
) -> None:
    flow = make()
    flow.node(lambda: 1 / 0, name="bad")
    with pytest.raises(AgiError) as caught:
        call(flow)
    frames = [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]
    ours = frames[frames.index("<lambda>") + 1 :]
    assert ours in (["called"], ["node", "called"]), "a decorator without brackets is one call more"


@pytest.mark.slow
def test_every_cell_that_a_worker_went_through_has_its_lines_in_the_traceback(make: MakeFlow) -> None:
    space: dict[str, Any] = {"__name__": "__main__"}
    cell("<cell 1>", "def helper():\n    return undefined_name  # the line at fault\n", space)
    cell("<cell 2>", "def node():\n    return helper()  # the line that calls it\n", space)
    flow = make()
    flow.node(space["node"])
    (failure,) = flow.run(workers=1, check=False).failures
    for line in ("<cell 1>", "the line at fault", "<cell 2>", "the line that calls it"):
        assert line in failure.traceback


def test_a_long_plan_says_in_a_notebook_how_much_it_does_not_show(make: MakeFlow) -> None:
    flow = make()
    flow.node(lambda n: n, name="each", foreach=range(1_030))
    for plan in (flow.plan(), flow.run() and flow.preview_rerun(from_node="each")):
        assert "… and 1,010 more" in repr(plan)
        assert "… and 1,010 more" in plan._repr_html_()


@pytest.mark.parametrize("call", [Flow.resume, Flow.rerun, Flow.preview_rerun])
def test_the_last_run_of_a_flow_without_any_is_no_other_flow_s(
    make: MakeFlow, call: Callable[[Flow], Any]
) -> None:
    other = make("other")
    other.node(lambda: 1, name="n")
    other.run()
    flow = make("mine")
    flow.node(lambda: 1, name="n")
    with pytest.raises(AgiError, match=r"AGI-FLOW-007.*flow mine has no run yet(.*\n)*.*flow.run\("):
        call(flow)


def test_what_has_ended_is_pointed_at_a_rerun(make: MakeFlow) -> None:
    flow = make()
    flow.node(lambda: 1 / 0, name="bad")
    run = flow.run(check=False)
    with pytest.raises(AgiError, match=rf"AGI-RUN-013(.*\n)*.*flow.rerun\('{run.run_id}', failed=True\)"):
        flow.resume()


def test_an_earlier_run_can_be_looked_at_by_who_did_not_start_it(make: MakeFlow, home: Workspace) -> None:
    flow = make()
    flow.node(lambda: {1, 2}, name="one")
    run_id = flow.run().run_id
    make("other").node(lambda: 1, name="n")
    fresh = make()  # as after a restart of the kernel
    assert fresh.recall()["one"] == {1, 2}
    assert fresh.recall().run_id == fresh.recall(run_id).run_id == run_id
    assert repr(fresh.recall()).startswith("✓ tried succeeded")


def test_a_failed_run_advises_to_explain_the_unit_that_failed(make: MakeFlow) -> None:
    flow = make()
    flow.node(lambda n: 1 / n, name="inverse", foreach=[1, 0])
    with pytest.raises(RunFailed, match=r"agilab runs explain \S+ 'inverse\[0\]'"):
        flow.run()


def test_an_interrupt_before_there_is_a_run_leaves_nothing(make: MakeFlow, home: Workspace) -> None:
    def interrupted(*_: object) -> Any:
        raise KeyboardInterrupt

    flow = make()
    flow.node(lambda: 1, name="one")
    with pytest.raises(KeyboardInterrupt):
        flow.run(executor=interrupted)
    assert list(home.runs.iterdir()) == []
