"""Running part of a flow again, with the parent's results for the rest: also objects, also in worker processes."""

from __future__ import annotations

from typing import Any

import pandas
import pytest

from agi_node.errors import AgiError
from agilab import Flow, Results
from agilab.store.check import chain_problems, projection_problems
from agilab.store.store import Store
from agilab.store.workspace import Workspace


def study(home: Workspace, bad: set[int], factor: int = 10) -> Flow:
    """A flow whose mapped node raises for some items, and returns tables for the others."""
    flow = Flow("study", workspace=home)

    @flow.node(foreach=[1, 2, 3])
    def table(n: int) -> Any:
        if n in bad:
            raise ValueError(f"{n} is bad")
        return pandas.DataFrame({"n": [n * factor]})

    @flow.node(foreach=table)
    def twice(table: Any) -> Any:
        return table * 2

    @flow.node(require="any")
    def total(twice: Results) -> int:
        return int(sum(result.value["n"].iloc[0] for result in twice if result.good))

    return flow


def executed(home: Workspace, run_id: str) -> set[str]:
    with Store(home, readonly=True) as store:
        assert list(chain_problems(store, run_id)) == []
        assert list(projection_problems(store, run_id)) == []
        return {str(event.unit_id) for event in store.events(run_id, kinds=("attempt_started",))}


@pytest.mark.parametrize("workers", [None, pytest.param(2, marks=pytest.mark.slow)])
def test_what_failed_runs_again_on_the_functions_as_they_are_now(
    home: Workspace, workers: int | None
) -> None:
    first = study(home, {2}).run(check=False)
    assert first["total"] == 80
    mended = study(home, set())
    shown = mended.preview_rerun(first.run_id, failed=True)
    assert set(shown.of("run")) == {"table[2]", "twice[2]", "total"}
    assert shown.of("reuse")["table[1]"] == f"reused from run {first.run_id}, older code"
    assert repr(shown).splitlines()[0] == "study: 3 to run, 4 to reuse"
    second = mended.rerun(failed=True, workers=workers)
    assert executed(home, second.run_id) == {"table[2]", "twice[2]", "total"}
    assert second["total"] == 120
    assert list(second.values("table")["1"]["n"]) == [10], (
        "an object that was used again is still that object"
    )
    with Store(home, readonly=True) as store:
        assert store.run(second.run_id).parent_run_id == first.run_id
        older = {
            e.unit_id for e in store.events(second.run_id, kinds=("unit_reused",)) if e.data["older_code"]
        }
    # `bad` is what the function closes over: the kept results are of older code, and say so.
    assert older == {"table[1]", "table[3]"}


def test_without_a_selection_only_what_would_come_out_differently_runs(home: Workspace) -> None:
    first = study(home, set()).run()
    again = study(home, set()).rerun(first.run_id)
    assert executed(home, again.run_id) == set()
    assert again["total"] == 120
    changed = study(home, set(), factor=100).rerun(first.run_id)
    assert "table[1]" in executed(home, changed.run_id)
    assert changed["total"] == 1200


def test_a_unit_that_is_not_there_is_refused_and_nothing_is_recorded(home: Workspace) -> None:
    flow = study(home, set())
    flow.run()
    with Store(home, readonly=True) as store:
        before = len(store.runs())
    with pytest.raises(AgiError, match=r"(?s)AGI-RUN-040.*table\[7\]"):
        flow.rerun(units=["table[7]"])
    with Store(home, readonly=True) as store:
        assert len(store.runs()) == before
