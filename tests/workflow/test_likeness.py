"""Two values beside each other: where they differ first, and whether fitted models are the same up to rounding."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from agi_node.outline import MORE, NOT_ALL, PARTS, outline
from agilab.workflow.notebooks.likeness import UNEXPLAINED, alike, first_difference, unexplained
from agilab.workflow.notebooks.rounding import ROUNDING

TABLE = pd.DataFrame({"a": range(1000), "s": [f"x{n}" for n in range(1000)]})

FRAME = "DataFrame of 1,000 by"


def other(row: int, column: str, value: Any) -> pd.DataFrame:
    table = TABLE.copy()
    table.loc[row, column] = value
    return table


@pytest.mark.parametrize(
    ("theirs", "mine", "said"),
    [
        ({"a": {"b": 2.86}}, {"a": {"b": 2.87}}, "['a']['b']: 2.86 in the notebook, 2.87 in the pipeline"),
        ([1, 2, 3], [1, 2], "list of 3 in the notebook, list of 2 in the pipeline"),
        ((1, [2, "x"]), (1, [2, "y"]), "[1][1]: 'x' in the notebook, 'y' in the pipeline"),
        (np.zeros((3, 4)), np.eye(3, 4), "[0, 0] 0.0 in the notebook, 1.0 in the pipeline, and 2 more"),
        (np.zeros(3), np.zeros(3, int), "float64 3 in the notebook, int64 3 in the pipeline"),
        (TABLE, other(7, "s", "y"), "['s'][7]: 'x7' in the notebook, 'y' in the pipeline"),
        (TABLE, other(7, "a", 70), "['a']: [7] 7 in the notebook, 70 in the pipeline"),
        (pl.from_pandas(TABLE), pl.from_pandas(other(7, "a", 70)), "['a'][7]: 7 in the notebook, 70 in the pipeline"),
        (TABLE, TABLE[["s"]], f"{FRAME} 2: ['a', 's'] in the notebook, {FRAME} 1: ['s'] in the pipeline"),
        (TABLE, other(777, "a", 0), "['a']: sum 499500.0 in the notebook, 498723.0 in the pipeline"),
        ({1, 2}, {1, 3}, "{1, 2} in the notebook, {1, 3} in the pipeline"),
        (float("nan"), 1.0, "nan in the notebook, 1.0 in the pipeline"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_the_first_difference_is_said_where_it_is(theirs: Any, mine: Any, said: str) -> None:
    found = first_difference(outline(theirs), outline(mine))
    assert found.replace("['1', '2']", "{1, 2}").replace("['1', '3']", "{1, 3}") == said


@pytest.mark.parametrize(
    "value", [TABLE, np.arange(5000.0), {"a": [None, b"x", 2 + 1j]}, "w" * 500, [print, math]]
)
def test_a_value_has_no_difference_from_itself(value: Any) -> None:
    assert first_difference(outline(value), outline(value)) == ""


def test_a_value_that_holds_itself_has_an_end() -> None:
    ring: list[Any] = [1]
    ring.append(ring)
    assert [part[0] for part in outline(ring)] == ["", "[0]", "[1]"]


RANDOM = np.random.default_rng(5)
X = RANDOM.normal(size=(150, 4)) * [1, 10, 100, 1000]
Y = (X @ [1, 0.1, 0.01, 0.001] + RANDOM.normal(size=150) > 0).astype(int)


def fitted(x: Any = X, **changed: Any) -> Any:
    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=500, **changed)).fit(x, Y)


def test_a_model_of_a_table_that_lay_otherwise_in_memory_is_equal_up_to_rounding() -> None:
    one, another = fitted(), fitted(np.asfortranarray(X))
    apart = np.abs(one[-1].coef_ - another[-1].coef_).max()
    assert 0 < apart < 1e-9, "numpy adds up columns of the two in another order"
    equal, why = alike(outline(one), outline(another))
    assert equal is True
    assert why.startswith("up to rounding (")


def test_a_model_of_one_other_row_or_parameter_is_another_one() -> None:
    x = X.copy()
    x[0, 0] += 1e-3
    equal, why = alike(outline(fitted()), outline(fitted(x)))
    assert equal is False
    assert ".mean_: [0] " in why
    equal, why = alike(outline(fitted()), outline(fitted(C=2.0)))
    assert equal is False
    assert why == ".steps[1][1].C: 1.0 in the notebook, 2.0 in the pipeline"


def test_a_forest_that_is_too_large_to_be_told_whole_is_not_called_equal() -> None:
    forest = outline(RandomForestClassifier(60, random_state=0).fit(X, Y))
    assert len(forest) == PARTS
    assert forest[-1] == ["", MORE]
    equal, why = alike(forest, forest)
    assert why == f"{UNEXPLAINED}: the first {PARTS:,} parts compared and alike; there are more"
    assert unexplained(equal, why)
    small = [outline(RandomForestClassifier(4, random_state=seed).fit(X, Y)) for seed in (0, 1)]
    assert alike(*small) == (False, ".random_state: 0 in the notebook, 1 in the pipeline")


def test_what_differs_in_no_part_cannot_be_told() -> None:
    model = outline(LinearRegression().fit(X, Y))
    equal, why = alike(model, model)
    assert equal is None
    assert unexplained(equal, why)
    assert alike([], model) == (None, f"{UNEXPLAINED}: they cannot be taken apart")
    unseen = [*model, ["", NOT_ALL]]
    equal, why = alike(unseen, unseen)
    assert why == f"{len(model)} parts compared and alike; {NOT_ALL}"
    assert not unexplained(equal, why)


class Odd:
    """Like results of libraries that hold what no pickle takes: there is only what it consists of."""

    def __init__(self, number: float) -> None:
        self.params = np.array([number, 2.0])
        self.open = (one for one in ())

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise TypeError("cannot pickle 'generator' object")


def test_an_object_that_no_pickle_takes_is_looked_into() -> None:
    parts = outline(Odd(1.0))
    assert [".params", "float64", "2", "1.0 2.0"] in parts
    assert alike(parts, outline(Odd(1.5)))[0] is False


def mutated(value: Any, at: int, factor: float) -> Any:
    changed = value.copy()
    changed.flat[at] = changed.flat[at] * factor if changed.flat[at] else factor
    return changed


SIZES = {
    "one kind": RANDOM.normal(size=300),
    "constants of physics": np.array([6.02214076e23, 1.380649e-23, 42.0, -6.62607015e-34, 0.0]),
    "long": RANDOM.normal(size=5000) * 7,
    "long, with an outlier": np.concatenate([[1e10], RANDOM.normal(size=4999)]),
    "complex": RANDOM.normal(size=(40, 5)) + 1j * RANDOM.normal(size=(40, 5)),
    "long and complex": RANDOM.normal(size=700) + 1j * RANDOM.normal(size=700),
    "singles": RANDOM.normal(size=900).astype(np.float32),
    "counts": RANDOM.integers(1, 10**15, size=1000),
    "flags": RANDOM.integers(0, 2, size=1000).astype(bool),
}


@pytest.mark.parametrize("kind", SIZES)
def test_one_changed_number_is_told_wherever_it_stands_and_whatever_stands_beside_it(kind: str) -> None:
    value, dice = SIZES[kind], np.random.default_rng(1)
    before = outline(value)
    for _ in range(40):
        at = int(dice.integers(value.size))
        changed = (
            mutated(value, at, 1 + 10.0 ** dice.uniform(-2 if kind == "singles" else -5, 2))
            if value.dtype.kind in "fc"
            else value ^ (np.arange(value.size) == at)
        )
        equal, why = alike(before, outline(changed))
        assert (equal is False, why) == (True, why), (at, value.flat[at], changed.flat[at])


@pytest.mark.parametrize(
    ("theirs", "mine"),
    [
        (np.array([10**15, 3, 4]), np.array([10**15, 3, 5])),
        ([6.022e23, 1.38e-23, 42.0], [6.022e23, 999.0, 43.0]),
        (pd.DataFrame({"x": [1e13, 2.0]}), pd.DataFrame({"x": [1e13, 77.0]})),
        (pd.Series([1e13, 2.0]), pd.Series([1e13, 77.0])),
        (np.array([1e13 + 0j, 2]), np.array([1e13 + 0j, 77])),
        (np.array([True, False]), np.array([True, True])),
        (np.arange(5000) + 10**15, (np.arange(5000) + 10**15) ^ (np.arange(5000) == 4000)),
    ],
)
def test_a_great_number_hides_no_change_of_a_small_one(theirs: Any, mine: Any) -> None:
    assert alike(outline(theirs), outline(mine))[0] is False


def test_adding_up_in_another_order_is_no_difference() -> None:
    dice, seen = np.random.default_rng(2), 0
    for number in range(200):
        table = dice.normal(size=(50, (4, 300, 2000)[number % 3])) * 10.0 ** dice.integers(-6, 6) + 1
        order = dice.permutation(len(table))
        one, other = table.sum(axis=0), table[order].sum(axis=0)
        seen += int((one != other).any())
        if (one == other).all():
            continue
        equal, why = alike(outline(one), outline(other))
        assert equal is True, why
    assert seen > 150, "numbers were added up in another order"


def test_what_is_left_where_sums_cancel_is_neither_equal_nor_different() -> None:
    table = RANDOM.normal(size=(60, 6))
    one, other = (each.T @ np.linalg.pinv(each.T) for each in (table, table[::-1]))
    assert np.abs(one - np.eye(6)).max() < 1e-12
    assert (one != other).any()
    equal, why = alike(outline(one), outline(other))
    assert equal is None
    assert "what rounding may leave of the greatest beside it" in why
    assert alike(outline([1e3, 1e-18]), outline([1e3, 0.0]))[0] is None
    wrong = one.copy()
    wrong[0, 1] = 1e-9
    assert alike(outline(one), outline(wrong))[0] is False


def test_how_little_numbers_differ_is_said() -> None:
    equal, why = alike(outline(np.array([1.0, 2.0])), outline(np.array([1.0, 2.0000002])))
    assert (equal, why) == (
        False,
        "[1] 2.0 in the notebook, 2.0000002 in the pipeline (by 1e-07 of it at most)",
    )


@given(st.integers(0, 10**6), st.integers(450, 600), st.floats(1e-6, 1e3))
def test_sums_tell_long_arrays_apart(seed: int, size: int, more: float) -> None:
    dice = np.random.default_rng(seed)
    one = dice.normal(size=size) * 10.0 ** dice.integers(-6, 6)
    at = int(dice.integers(size))
    shaken, changed, swapped = one * (1 + 1e-14), one.copy(), one.copy()
    changed[at] += np.abs(one).max() * more
    swapped[0], swapped[-1] = one[-1], one[0]
    told = [outline(each)[1:2] for each in (one, shaken, changed, swapped)]
    assert told[0][0][1] == "sums of float64"
    assert alike(told[0], told[1])[0] is not False
    if abs(changed[at] - one[at]) > 10 * ROUNDING * max(np.abs(one).sum(), np.abs(changed).sum()):
        assert alike(told[0], told[2])[0] is False
    if abs(one[0] - one[-1]) > 1e-3 * np.abs(one).max():
        assert alike(told[0], told[3])[0] is False, "the same numbers in other places are others"


class System:
    """As libraries number what they make."""

    def __init__(self, name: str, gain: float) -> None:
        self.name, self.gain = name, gain


def test_names_that_a_library_counts_up_are_no_difference_and_hide_none() -> None:
    one = outline(System("sys[12]", 1.0))
    equal, why = alike(one, outline(System("sys[3]", 1.0)))
    assert equal is None
    assert why.endswith(".name is 'sys[12]' in the notebook, 'sys[3]' in the pipeline")
    assert alike(one, outline(System("sys[3]", 2.0)))[0] is False
    assert alike(one, outline(System("plant", 1.0)))[0] is False
