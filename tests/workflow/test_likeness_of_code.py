"""Objects of classes that a notebook defines: alike however their text was compiled, others where it does otherwise."""

from __future__ import annotations

import ast
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from agi_node.artifacts import Staging
from agi_node.notebook_values import judged
from agilab.workflow.notebooks.comparison import judged_values
from agilab.workflow.notebooks.likeness import unexplained

TEXT = """
import json, math, functools
from collections import namedtuple
class S:
    K = 3
    def __init__(s, p): s.p = p
    def put(s): return json.dumps(s.p)
    @property
    def q(s): return json.loads(s.put(), parse_float=None)
    @staticmethod
    def u(x):
        for one in range(x):
            try:
                if x: return json.f()
                y = math.sqrt(x); json.load(y)
            except ValueError:
                with open(x) as f: json.dump([json.dumps(k) for k in x], f)
        return json.f()
    @functools.lru_cache
    def c(s): return math.sqrt(2)
    def pairs(s):
        while True: yield json.loads(s) or json.loads(s.p) and json.z()
P = namedtuple("P", "x y")
class T(tuple): pass
class F(float): pass
class I(int): pass
class W(str): pass
class L(list): pass
class D(dict): pass
class Z(set): pass
def f(x, *, k=2):
    return lambda z: math.pow(z, k)
made = S("x")
held = [S(1), S(2)]
"""


@pytest.fixture(autouse=True)
def _main() -> Iterator[None]:
    before = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = before


def told(text: str, what: str, folder: Path, *, whole: bool) -> dict[str, Any]:
    """The fingerprint of a value of a text that is compiled whole, as a stage is, or as Jupyter does."""
    main = types.ModuleType("__main__")
    sys.modules["__main__"] = main
    body = ast.parse(text + f"\nvalue = {what}\n").body
    for part in [body] if whole else [[one] for one in body]:
        exec(compile(ast.Module(part, []), "cells", "exec"), main.__dict__)
    return judged("value", main.value, Staging(folder / f"{whole}"))


def both(tmp_path: Path, what: str, old: str = "", new: str = "", other: str = "") -> tuple[bool | None, str]:
    theirs = told(TEXT, what, tmp_path, whole=False)
    assert old in TEXT
    return judged_values(theirs, told(TEXT.replace(old, new, 1), other or what, tmp_path, whole=True))


@pytest.mark.parametrize("what", ["made", "held", "S", "f", "f(2)", "[f]", "P(1, 2)", "Z(['a', 'b', 'c'])"])
def test_how_a_text_was_compiled_is_no_difference(what: str, tmp_path: Path) -> None:
    assert both(tmp_path, what) == (True, "")


@pytest.mark.parametrize(
    ("what", "old", "new", "where"),
    [
        ("made", "json.dumps(s.p)", "json.dumps(s.p+1)", ".put"),
        ("held", "json.dumps(s.p)", "json.dumps(s.p+1)", "[0].put"),
        ("made", "parse_float=None", "parse_int=None", ".q"),
        ("made", "math.sqrt(x); json.load(y)", "math.load(x); json.sqrt(y)", ".u"),
        ("made", "if x: return", "if not x: return", ".u"),
        ("made", "except ValueError", "except TypeError", ".u"),
        ("made", "math.sqrt(2)", "math.sqrt(3)", ".c"),
        ("made", "or json.loads(s.p) and", "and json.loads(s.p) or", ".pairs"),
        ("[f]", "math.pow(z, k)", "math.pow(k, z)", "[0]"),
    ],
)
def test_a_function_that_does_something_else_is_told(
    what: str, old: str, new: str, where: str, tmp_path: Path
) -> None:
    equal, why = both(tmp_path, what, old, new)
    assert equal is False
    assert why.startswith(f"{where}: code #")


def test_what_is_known_to_differ_and_not_where_is_told_apart(tmp_path: Path) -> None:
    equal, why = both(tmp_path, "made", "K = 3", "K = 4")
    assert unexplained(equal, why)


@pytest.mark.parametrize(
    ("theirs", "mine", "said"),
    [
        ("P(1, 2)", "P(1, 3)", ".y: 2 in the notebook, 3 in the pipeline"),
        ("[P(1, 2)]", "[P(1, 3)]", "[0].y: 2 in the notebook, 3 in the pipeline"),
        ("T([1, 2])", "T([1, 3])", "[1]: 2 in the notebook, 3 in the pipeline"),
        ("F(2.5)", "F(3.5)", "2.5 in the notebook, 3.5 in the pipeline"),
        ("I(2)", "I(3)", "2 in the notebook, 3 in the pipeline"),
        ("W('a')", "W('b')", "'a' in the notebook, 'b' in the pipeline"),
        ("L([1])", "L([2])", ".items[0]: 1 in the notebook, 2 in the pipeline"),
        ("D(a=1)", "D(a=2)", ".pairs[0][1]: 1 in the notebook, 2 in the pipeline"),
        ("Z([1, 2])", "Z([1, 3])", "['1', '2'] in the notebook, ['1', '3'] in the pipeline"),
    ],
)
def test_kinds_of_pythons_own_data_are_told_by_what_they_hold(
    theirs: str, mine: str, said: str, tmp_path: Path
) -> None:
    assert both(tmp_path, theirs, other=mine) == (False, said)


# -- other values ---------------------------------------------------------------------------------------------------


def values(theirs: Any, mine: Any, tmp_path: Path) -> tuple[bool | None, str]:
    return judged_values(
        judged("v", theirs, Staging(tmp_path / "a")), judged("v", mine, Staging(tmp_path / "b"))
    )


def test_plain_numbers_are_equal_up_to_their_last_digits_and_it_is_said(tmp_path: Path) -> None:
    for theirs, mine in ((4777.877980296744, 4777.877980296779), ([1e3, 0.1 + 0.2], [1e3, 0.3])):
        equal, why = values(theirs, mine, tmp_path)
        assert equal is True
        assert why.startswith("up to rounding (")
    assert values([0.1, 0.2], [0.1, 0.2001], tmp_path)[0] is False
    assert values(1_700_000_000.25, 1_700_000_001.25, tmp_path)[0] is False, "a second is no rounding"
    assert values({"a": 1.0}, {"a": 1}, tmp_path)[0] is False
    many = np.random.default_rng(1).normal(size=5_000).tolist()
    changed = [*many[:4_000], many[4_000] + 1e-6, *many[4_001:]]
    assert values(many, changed, tmp_path)[0] is False


def test_a_categorical_is_its_categories_and_their_order_too(tmp_path: Path) -> None:
    def one(categories: str = "abc", *, ordered: bool = False) -> Any:
        return pd.Categorical(["a", "b"], list(categories), ordered=ordered)

    assert values(one(), one(), tmp_path) == (True, "")
    assert values(one(), one("abd"), tmp_path)[0] is False
    assert values(one(), one(ordered=True), tmp_path) == (
        False,
        "categories, not ordered in the notebook, categories, ordered in the pipeline",
    )


def test_private_attributes_that_a_library_has_not_filled_yet_say_nothing(tmp_path: Path) -> None:
    kind = type("Array", (), {"__module__": "a_library"})
    sys.modules["a_library"] = types.ModuleType("a_library")
    sys.modules["a_library"].Array = kind  # type: ignore[attr-defined]
    made = []
    for held in (None, {}, {"units": "K"}):
        made.append(kind())
        made[-1]._attrs, made[-1].values = held, 3
    try:
        assert values(made[0], made[1], tmp_path) == (True, "")
        assert values(made[0], made[2], tmp_path)[0] is False
    finally:
        del sys.modules["a_library"]


def test_figures_that_hold_more_are_told_by_how_many(tmp_path: Path) -> None:
    figures = []
    for lines in (1, 2):
        figures.append(Figure())
        axes = figures[-1].add_subplot()
        for _ in range(lines):
            axes.plot([1, 2])
    equal, why = values(figures[0], figures[1], tmp_path)
    assert (equal, why) == (False, ".axes[0]: 1 line in the notebook, 2 in the pipeline")
