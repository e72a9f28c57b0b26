"""Cells with the tag `raises-exception`: a notebook goes on below them, and so does the lab."""

from __future__ import annotations

import contextlib
import io
import json

import pytest

from agilab.notebooks.inspecting import inspect
from agilab.notebooks.stages.staging import stage_notebooks
from tests.notebooks.building import notebook

TEXT = "text = '''a\nb'''\nx = 2\nt[0] = 3\nx = 5"


def tagged(*cells: str, before: str = "t = (1, 2)\nx = 1") -> bytes:
    found = json.loads(notebook(before, *cells))
    for one in found["cells"][1:]:
        one["metadata"] = {"tags": ["raises-exception"]}
    return json.dumps(found).encode()


def test_what_stood_above_the_exception_is_done_and_the_rest_of_the_cell_is_not() -> None:
    found = inspect(tagged(TEXT))
    assert [(one.code, one.cell) for one in found.findings if one.code == "NB-122"] == [("NB-122", 1)]
    space: dict[str, object] = {}
    said = io.StringIO()
    with contextlib.redirect_stderr(said):
        for stage in stage_notebooks([found]).lab.stages:
            exec(stage.code or "", space)
    assert (space["x"], space["text"]) == (2, "a\nb")
    assert "TypeError: 'tuple' object does not support item assignment" in said.getvalue()


@pytest.mark.parametrize(
    "ends", ["import sys\nsys.exit()", "raise SystemExit('bye')", "exit()", "raise KeyboardInterrupt"]
)
def test_what_would_end_a_script_is_caught_as_a_kernel_goes_on_below_it(ends: str) -> None:
    space: dict[str, object] = {}
    found = inspect(tagged(f"x = 2\n{ends}\nx = 3"))
    assert "NB-512" not in [one.code for one in found.findings]
    said = io.StringIO()
    with contextlib.redirect_stderr(said):
        for stage in stage_notebooks([found]).lab.stages:
            exec(stage.code or "", space)
    assert space["x"] == 2
    assert said.getvalue()


def test_a_run_that_somebody_stops_is_stopped() -> None:
    (stage,) = stage_notebooks([inspect(tagged("x = stopped()", before="x = 1"))]).lab.stages

    def stopped() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        exec(stage.code or "", {"stopped": stopped})


def test_a_name_that_is_not_there_is_caught_with_the_rest() -> None:
    """A remark at the top of the cell makes room for the `try`, so that lines keep their numbers."""
    for source, line in (("# why\nprint(nowhere)", 2), ("x = 3\nprint(nowhere)", 3)):
        findings = stage_notebooks([inspect(tagged(source))]).report["findings"]
        (said,) = [one for one in findings if one["code"] == "NB-602"]
        assert said["what"].endswith("the cell catches that")
        assert said["location"]["line"] == line


def test_what_cannot_be_tried_stays_as_it_is_and_nothing_is_tried_twice() -> None:
    for source in ("from __future__ import annotations", "def f(:", "", TEXT_OF_A_STAGE):
        found = inspect(tagged(source))
        assert [one.python for one in found.parsed.cells][1] == source
        assert not [one for one in found.findings if one.code == "NB-122"]


TEXT_OF_A_STAGE = "try:\n    x = 1\nexcept Exception:\n    __import__('traceback').print_exc()"
