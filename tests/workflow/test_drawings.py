"""Figures beside each other: by what is drawn in them, not by the fields of their objects."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest

from agi_node.artifacts import Staging
from agi_node.likeness import digest_of
from agi_node.notebook_values import judged
from agi_node.outline import outline
from agi_node.pictures import watch
from agilab.contracts.notebook_import import ImportedStage
from agilab.workflow.notebooks.comparison import judged_values
from agilab.workflow.notebooks.drawn import paired
from agilab.workflow.notebooks.kernel import Ran


@pytest.fixture(autouse=True)
def _figures() -> Iterator[None]:
    yield
    plt.close("all")


def figure(last: float = 1.0, title: str = "sine", color: str = "C0") -> Any:
    made, axes = plt.subplots(2, 2)
    axes[0, 0].plot([0.0, 1.0, last], color=color)
    axes[0, 0].set_title(title)
    axes[1, 1].scatter([1, 2], [3, last])
    axes[0, 1].bar(["a", "b"], [1, last])
    axes[1, 0].imshow(np.eye(3) * last)
    return made


def both(theirs: Any, mine: Any, tmp_path: Path) -> tuple[bool | None, str]:
    return judged_values(
        judged("f", theirs, Staging(tmp_path / "a")), judged("f", mine, Staging(tmp_path / "b"))
    )


@pytest.mark.parametrize("part", ["figure", "axes", "first", "line"])
def test_the_same_drawing_is_equal_whoever_drew_it_last(part: str, tmp_path: Path) -> None:
    take = {
        "figure": lambda each: each,
        "axes": lambda each: np.array(each.axes),
        "first": lambda each: each.axes[0],
        "line": lambda each: list(each.axes[0].lines),
    }[part]
    one, other = figure(), figure()
    one.savefig(io.BytesIO(), dpi=30)  # leaves caches of a renderer behind
    assert both(take(one), take(other), tmp_path) == (True, "")


@pytest.mark.slow
def test_other_numbers_other_texts_and_other_looks_are_told(tmp_path: Path) -> None:
    equal, why = both(figure(), figure(2.0), tmp_path)
    assert equal is False
    assert "lines[0]" in why
    assert both(figure(), figure(title="cosine"), tmp_path) == (
        False,
        ".axes[0].title: 'sine' in the notebook, 'cosine' in the pipeline",
    )
    one, other = figure(), figure()
    other.axes[0].set_facecolor("yellow")
    equal, why = both(one, other, tmp_path)
    assert equal is None, "the pixels differ, and no part that is told does"
    assert "alike" in why


def test_looking_at_a_figure_leaves_it_as_it_was(tmp_path: Path) -> None:
    made = figure()
    canvas = made.canvas
    judged("f", made, Staging(tmp_path / "a"))
    assert made.canvas is canvas
    assert plt.fignum_exists(made.number)


def test_a_line_that_was_taken_out_of_its_figure_is_no_error(tmp_path: Path) -> None:
    def line() -> Any:
        (made,) = plt.figure().add_subplot().plot([1, 2])
        made.remove()
        return made

    assert both(line(), line(), tmp_path)[0] is not False


# -- other objects that are known by numbers of their process -----------------------------------------------------


def test_keys_that_are_addresses_do_not_count_and_what_they_lead_to_does(tmp_path: Path) -> None:
    first, second = 0x7F55_D000_1340, 0x7F55_D000_9990
    assert both({first: [1]}, {second: [1]}, tmp_path) == (None, "its keys are addresses in memory")
    assert both({first: [1]}, {second: [2]}, tmp_path)[0] is False
    times = {1_700_000_000_000: 1}, {1_700_003_600_000: 1}
    assert both(*times, tmp_path)[0] is False, "milliseconds since 1970 are no addresses"


def test_a_generator_of_numbers_is_where_it_stands_not_what_it_was_made_of(tmp_path: Path) -> None:
    one, other = np.random.RandomState(), np.random.RandomState()
    assert digest_of(one, Staging(tmp_path / "a")) != digest_of(other, Staging(tmp_path / "b"))
    for each in (one, other):
        each.set_state(np.random.RandomState(7).get_state())
    assert both(one, other, tmp_path) == (True, "")
    other.rand()
    assert both(one, other, tmp_path)[0] is False
    fresh = np.random.Generator(np.random.PCG64()), np.random.Generator(np.random.PCG64())
    for generator in fresh:
        generator.bit_generator.state = np.random.PCG64(3).state
    assert both(*fresh, tmp_path) == (True, "")
    assert outline(fresh[0]) == outline(fresh[1])


def test_why_a_value_cannot_be_compared_is_one_whole_sentence(tmp_path: Path) -> None:
    def endless() -> Iterator[int]:
        yield 1

    found = judged("g", endless(), Staging(tmp_path / "a"))
    assert found == {
        "why": "it cannot be written down: generator: TypeError: cannot pickle 'generator' object"
    }

    class Odd:
        def __reduce_ex__(self, protocol: object) -> Any:
            raise ValueError("several words\non  more lines " + "and so on " * 60)

    why = judged("o", Odd(), Staging(tmp_path / "b"))["why"]
    assert "\n" not in why
    assert why.endswith(("and …", "so …", "on …"))
    assert len(why) < 240


def test_a_closed_file_is_its_name_and_what_it_was_opened_for(tmp_path: Path) -> None:
    files = []
    for mode in ("w", "w", "a"):
        with (tmp_path / "x.txt").open(mode) as file:
            files.append(file)
    assert both(files[0], files[1], tmp_path) == (True, "")
    assert both(files[0], files[2], tmp_path)[0] is False


def test_a_figure_that_a_stage_closes_is_the_picture_that_the_notebook_showed_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plt, "_backend_mod", None)
    plt.switch_backend("module://agi_node.shown")
    watching = watch(tmp_path)
    assert watching is not None
    try:
        plt.close(figure(5.0))
        plt.close(figure(6.0))
        plt.close(plt.figure())
        watching.see(kept := figure(7.0))
        plt.close(kept)
    finally:
        watch(None)
        plt.switch_backend("agg")
    assert watching.closed == [0, 1], (
        "one without axes is no picture, and one that was kept is not told again"
    )
    five, six, seven = (versions[-1][1] for versions in watching.found)
    stage = ImportedStage(id="s", cells=(3, 4))
    unit = {"pictures": [five, six, seven], "closed": [0, 1]}

    def beside(*told: Any) -> list[Any]:
        return paired(stage, Ran(pictures=[[(3, one)] for one in told]), unit)[1]

    assert beside(seven) == [seven]
    assert beside(six, seven) == [six, seven]
    assert beside(seven, five) == [seven, five]
    assert beside(six, five, seven) == [six, five, seven]
    eight = judged("figure", figure(8.0), Staging(tmp_path / "eight"))
    assert beside(eight, six, seven) == [five, six, seven], "that is held against what is left"
    assert len(beside(eight, six, seven, five, five)) == 3, "there are not so many"


def test_of_many_pictures_those_are_compared_that_are_told() -> None:
    stage = ImportedStage(id="s", cells=(3, 4))
    one: dict[str, Any] = {"digest": "a"}
    shown: list[Any] = [[(3, one)]] * 200 + [[(4, one)]] * 30
    theirs, mine, why = paired(stage, Ran(pictures=shown), {"pictures": [one] * 200})
    assert (len(theirs), len(mine), why) == (200, 200, "only the first 200 pictures are compared")
