"""Values of several runs of a notebook beside a stage's: let go where the runs differ, held to the rest."""

from __future__ import annotations

import json
import pickle
import random
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from agi_node import held
from agi_node.artifacts import Staging
from agi_node.notebook_values import judged
from agilab.workflow.notebooks.comparison import judged_values
from agilab.workflow.notebooks.contents import are_pickles
from agilab.workflow.notebooks.same_parts import Judged, other_value


def mark(value: Any, folder: Path) -> dict[str, Any]:
    return judged("value", value, Staging(folder / str(len(list(folder.iterdir())))))


def asked(runs: list[Any], mine: Any, folder: Path, *, draws: bool = False) -> Judged:
    return other_value([mark(one, folder) for one in runs], mark(mine, folder), draws=draws)


@pytest.mark.parametrize(
    ("runs", "mine", "fits"),
    [
        ([{"took": 0.123, "n": 3}, {"took": 0.125, "n": 3}], {"took": 0.2, "n": 3}, True),
        ([{"took": 0.123, "n": 3}, {"took": 0.125, "n": 3}], {"took": 0.2, "n": 4}, False),
        ([{"took": 0.123, "n": 3}, {"took": 0.125, "n": 3}], {"took": 0.2}, False),
        ([[0.5, 0.25, 1.5], [0.5, 0.75, 1.5]], [0.5, 0.1, 1.5], True),
        ([[0.5, 0.25, 1.5], [0.5, 0.75, 1.5]], [0.5, 0.1, 1.6], False),
        ([[0.5, 0.25], [0.5, 0.75]], [0.5, 0.1, 0.2], False),
        (["pid 71, 3 rows", "pid 82, 3 rows"], "pid 93, 3 rows", True),
        (["pid 71, 3 rows", "pid 82, 3 rows"], "pid 93, 4 rows", False),
        ([Path("/tmp/a1/b"), Path("/tmp/c2/b")], Path("/tmp/below/d3/b"), True),
        ([Path("/tmp/a1/b"), Path("/tmp/c2/b")], Path("/tmp/d3/c"), False),
        ([3, 3], 4, False),
        ([{"a", "b"}, {"a", "c"}], {"a", "d"}, True),
    ],
)
def test_what_runs_repeat_counts(runs: list[Any], mine: Any, fits: bool, tmp_path: Path) -> None:
    assert asked(runs, mine, tmp_path).fits is fits


def test_items_beside_a_draw_may_agree_by_chance(tmp_path: Path) -> None:
    drawn = [[1, 2, 3, 4], [1, 5, 3, 6]]
    assert not asked(drawn, [2, 2, 2, 2], tmp_path).fits
    assert asked(drawn, [2, 2, 2, 2], tmp_path, draws=True).fits
    assert not asked(drawn, [2, 2, 2], tmp_path, draws=True).fits, "how many there are is repeated"
    noise = [{"noise": random.random(), "n": 3} for _ in range(2)]
    assert not asked(noise, {"noise": 0.5, "n": 4}, tmp_path, draws=True).fits


def test_clocks_are_no_draws(tmp_path: Path) -> None:
    runs = [[time.time(), 5] for _ in range(2)]
    runs[1][0] += 1
    assert asked(runs, [time.time(), 5], tmp_path) == Judged(fits=True, noisy=True, by_shape=True)
    assert not asked(runs, [time.time(), 6], tmp_path).fits


def test_how_a_library_is_set_to_print_makes_no_difference(tmp_path: Path) -> None:
    held_in = {"train": (pd.DataFrame(np.eye(3, 30)), [1])}
    with pd.option_context("display.max_columns", 0):
        one = mark(held_in, tmp_path)
    with pd.option_context("display.max_columns", 5):
        other = mark(held_in, tmp_path)
    assert one["text"] != other["text"]
    assert judged_values(one, other) == (True, "")


def test_bytes_between_the_fields_of_an_array_make_no_difference(tmp_path: Path) -> None:
    dtype = np.dtype([("flag", "u1"), ("size", "f8")], align=True)
    arrays = [np.full(2 * dtype.itemsize, fill, "u1").view(dtype) for fill in (1, 2)]
    for array in arrays:
        array["flag"], array["size"] = 1, 2.5
    marks = [mark({"nodes": array, "of": object}, tmp_path) for array in arrays]
    assert arrays[0].tobytes() != arrays[1].tobytes()
    assert judged_values(*marks) == (True, "")
    arrays[1]["size"][1] = 3.5
    assert judged_values(marks[0], mark({"nodes": arrays[1], "of": object}, tmp_path))[0] is False


def test_pickles_are_what_they_hold(tmp_path: Path) -> None:
    text = "".join(["no ", "constant"])
    files = [tmp_path / name for name in ("one.pkl", "two.pkl", "other.pkl")]
    for file, value in zip(files, ([text, text], [text, "no " + text[3:]], [text, "x"]), strict=True):
        file.write_bytes(pickle.dumps(value))
    assert files[0].read_bytes() != files[1].read_bytes(), "one text twice, or two"
    assert are_pickles(*files[:2])
    marks = json.loads(held.told(tmp_path, *map(str, files)))
    assert judged_values(marks[0], marks[1]) == (True, "")
    assert judged_values(marks[0], marks[2])[0] is False


def test_what_differs_is_told_of_a_place_that_runs_repeat(tmp_path: Path) -> None:
    runs = [{"at": 0.123456, "rows": 25}, {"at": 0.654321, "rows": 25}]
    assert asked(runs, {"at": 0.5, "rows": 26}, tmp_path).where == (
        "['rows']: 25 in the notebook, 26 in the pipeline"
    )
    runs = [[0.123456, 7.0], [0.654321, 7.0]]
    assert asked(runs, [0.5, 8.0], tmp_path).where == (
        "7.0 in the notebook, 8.0 in the pipeline, among what it repeats"
    )


def test_names_of_threads_are_counted_up_in_each_process(tmp_path: Path) -> None:
    def told(theirs: Any, mine: Any) -> tuple[bool | None, str]:
        names = (("a", theirs), ("b", mine))
        return judged_values(*(judged("v", one, Staging(tmp_path / at)) for at, one in names))

    equal, why = told(["Thread-5 (work)", 3], ["Thread-1 (work)", 3])
    assert equal is None
    assert "counted up in each process" in why
    assert told(["Thread-5 (work)"], ["Thread-1 (walk)"])[0] is False
    assert told(["Thread-5 (work)", 3], ["Thread-1 (work)", 4])[0] is False


def test_a_place_that_another_kind_of_value_takes_is_told_in_words(tmp_path: Path) -> None:
    marks = [judged("v", one, Staging(tmp_path / "v")) for one in ([None, 1.5], [float("nan"), 1.5])]
    equal, why = judged_values(*marks)
    assert equal is False
    assert "it in the pipeline" not in why
    assert "None" in why or "null" in why
