"""What execution counts and outputs say of how a notebook was run."""

from __future__ import annotations

from agilab.notebooks.inspecting import inspect
from tests.notebooks.building import code, markdown, notebook, stream


def said(*counts: int | None) -> list[tuple[str, int | None, str]]:
    cells = [code(f"x{place} = 1", count) for place, count in enumerate(counts)]
    return [(one.code, one.cell, one.what) for one in inspect(notebook(*cells)).findings]


def test_a_notebook_that_was_run_from_top_to_bottom_gives_nothing() -> None:
    assert said(1, 2, 3) == []
    execution = inspect(notebook(markdown("t"), code("a", 1), code("b", 2))).execution
    assert (execution.order, execution.never, execution.missing, execution.in_order) == ((1, 2), (), (), True)


def test_another_order_is_pointed_out_with_the_cells() -> None:
    assert said(1, 3, 2) == [("NB-401", 2, "cell 2 ran before cell 1 above it (counts 2 and 3)")]
    found = said(5, 1, 2, 3, 4)
    assert [(code_, cell) for code_, cell, _ in found] == [("NB-401", 1)]
    assert found[0][2].endswith("so did 3 more cells: 2, 3, 4")
    execution = inspect(notebook(code("a", 3), code("b", 1), code("c", 2))).execution
    assert (execution.order, execution.in_order) == ((1, 2, 0), False)


def test_gaps_and_late_starts_say_that_something_ran_before() -> None:
    assert [one[2] for one in said(1, 4, 5)] == ["no cell has the counts 2, 3: cells ran again, or are gone"]
    assert [one[2] for one in said(7, 8)] == ["the first count is 7, not 1: something ran before"]
    many = inspect(notebook(code("a", 1), code("b", 10**15)))
    assert len(many.execution.missing) < 1000
    assert len(many.findings[0].what) < 200


def test_cells_never_run_and_empty_ones_that_need_not() -> None:
    assert said(None, None) == [("NB-403", None, "no cell was run, or outputs and counts were cleared")]
    assert said(1, None, 2) == [("NB-403", 1, "never run: cell 1")]
    assert said(1, None, 2, None) == [("NB-403", 1, "never run: cells 1, 3")]
    assert [one.code for one in inspect(notebook(code("a", 1), code("  \n"))).findings] == []


def test_a_count_twice_is_two_sessions() -> None:
    assert ("NB-406", None, "several cells have the count 1") in said(1, 1)


def test_errors_and_large_outputs() -> None:
    error = {"output_type": "error", "ename": "KeyError", "evalue": "'x'", "traceback": []}
    found = inspect(notebook(code("a", 1, [stream("x" * (3 * 2**20))]), code("b", 2, [error])))
    assert [(one.code, one.cell, one.what) for one in found.findings] == [
        ("NB-405", 0, "cell 0 has 3.0 MiB of outputs"),
        ("NB-404", 1, "cell 1 ended with KeyError"),
    ]
