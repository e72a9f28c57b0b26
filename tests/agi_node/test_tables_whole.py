"""Tables that one stage hands to another are the same in everything that can be seen, not in their cells only."""

from __future__ import annotations

import datetime
import decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from tests.agi_node.test_handover import through

from agi_node.artifacts import Staging
from agi_node.handover import hand_over
from agi_node.notebook_values import judged
from agilab.workflow.notebooks.comparison import judged_values

FIRMS = pd.DataFrame(
    {"x": range(6)}, index=pd.MultiIndex.from_product([["b", "a", "c"], [2, 1]], names=["firm", "year"])
)
SALES = pd.DataFrame({"a": [1, 2, 1, 2], "b": ["x", "x", "y", "y"], "v": [1.0, 2.0, 3.0, 4.0]})


def noted(**attrs: Any) -> pd.DataFrame:
    frame = pd.DataFrame({"a": [1]})
    frame.attrs.update({name.lstrip("_"): value for name, value in attrs.items()})
    return frame


def columns(*names: Any, **how: Any) -> pd.DataFrame:
    return pd.DataFrame(np.ones((2, len(names))), columns=pd.Index(list(names), **how))


def indexed(index: Any) -> pd.DataFrame:
    return pd.DataFrame({"a": range(len(index))}, index=index)


KEPT = {
    "levels that no row uses": FIRMS[FIRMS.x > 3],
    "levels in their own order": pd.concat([FIRMS.loc["a"], FIRMS.loc["b"]], keys=["z", "a"]),
    "levels of columns": SALES.groupby("a").agg({"v": ["mean", "max"]}),
    "levels of times": indexed(pd.MultiIndex.from_product([["x"], pd.date_range("2024", periods=3)]))[1:],
    "levels of times in a zone": indexed(
        pd.MultiIndex.from_product([["x"], pd.date_range("2024", periods=3, tz="Europe/Paris")])
    )[1:],
    "missing labels": indexed(pd.MultiIndex.from_tuples([("x", 1.0), (np.nan, 2.0), ("y", 3.0)]))[:2],
    "one level": indexed(pd.MultiIndex.from_arrays([["a", "b"]])),
    "one name for two levels": indexed(pd.MultiIndex.from_arrays([[1, 2], [3, 4]], names=["k", "k"])),
    "columns that are a range": pd.DataFrame(np.ones((2, 3))),
    "columns that are numbers": columns(0, 1, 2),
    "no columns": pd.DataFrame(index=[1, 2]),
    "nothing": pd.DataFrame(),
    "a name of columns": SALES.pivot(index="a", columns="b", values="v"),
    "columns of objects": columns("a", "b", dtype=object),
    "labels of objects": indexed(pd.Index(["x", "y"], dtype=object)),
    "a number as a name": indexed(pd.Index([3, 4], name=7)),
    "a pair as a name": indexed(pd.Index([3, 4], name=("p", 1))),
    "the name of a nameless index": indexed(pd.Index([3, 4], name="__index_level_0__")),
    "a range": indexed(pd.RangeIndex(5, 14, 3)),
    "notes with pairs": noted(unit="m", n=(1, 2)),
    "no label twice": pd.DataFrame({"a": [1]}).set_flags(allows_duplicate_labels=False),
    "missing numbers among objects": pd.DataFrame({"a": pd.Series([np.nan] * 3, dtype=object)}),
}
PICKLED = {
    "decimals of two lengths": pd.DataFrame({"a": [decimal.Decimal("1.10"), decimal.Decimal("2"), None]}),
    "notes that are no plain data": noted(made=datetime.UTC),
    "holidays of one's own": indexed(
        pd.date_range("2024", periods=2, freq=pd.offsets.CustomBusinessDay(holidays=["2024-01-02"]))
    ),
    "truth as a name": pd.DataFrame({True: [1], False: [2]}),
}


def seen(frame: pd.DataFrame) -> list[Any]:
    """Everything that a person can see of a table, as text."""
    rows = [[f"{type(cell).__name__} {cell!r}" for cell in frame.iloc[:, at]] for at in range(frame.shape[1])]
    told = [rows, list(map(repr, frame.dtypes)), repr(frame.attrs), frame.flags.allows_duplicate_labels]
    return [*told, *(_axis(axis) for axis in (frame.index, frame.columns))]


def _axis(axis: pd.Index[Any]) -> list[Any]:
    found = [
        type(axis).__name__,
        repr(axis.dtype),
        list(map(repr, axis.names)),
        repr(getattr(axis, "freq", None)),
    ]
    levels = [_axis(level) for level in getattr(axis, "levels", ())]
    codes = [list(map(int, code)) for code in getattr(axis, "codes", ())]
    ends = [getattr(axis, name, None) for name in ("start", "stop", "step")]
    return [*found, levels, codes, ends, [f"{type(one).__name__} {one!r}" for one in axis]]


@pytest.mark.filterwarnings("ignore:DatetimeIndex.values")  # pyarrow's, of pandas 3.1
@pytest.mark.parametrize("name", [*KEPT, *PICKLED])
def test_a_table_of_pandas_is_the_same_in_everything(name: str, tmp_path: Path) -> None:
    frame = (KEPT | PICKLED)[name]
    form = hand_over("x", frame, Staging(tmp_path / "a"), "x")
    assert (form["kind"] == "pickle") == (name in PICKLED)
    assert ("why" in form) == (name in PICKLED)
    assert seen(through(frame, tmp_path / "b")) == seen(frame)


def test_levels_that_no_row_uses_are_told_apart(tmp_path: Path) -> None:
    few = FIRMS[FIRMS.x > 3]
    bare = few.set_axis(few.index.remove_unused_levels())
    for number, (one, other) in enumerate([(few, bare), (few.x, bare.x), (few.index, bare.index)]):
        found = [
            judged("v", each, Staging(tmp_path / f"{number}{at}")) for at, each in enumerate((one, other))
        ]
        equal, why = judged_values(*found)
        assert equal is False
        assert "levels[0]" in why
        assert judged_values(found[0], found[0]) == (True, "")


def test_tables_of_others_come_back_whole(tmp_path: Path) -> None:
    frame = pl.DataFrame({"up": [1, 2], "down": [2, 1], "any": [2, 1]}).with_columns(
        pl.col("up").set_sorted(), pl.col("down").set_sorted(descending=True)
    )
    back = through(frame, tmp_path / "a")
    assert back.equals(frame)
    assert [series.flags for series in back] == [series.flags for series in frame]
    twice = pa.table([[1], [2]], names=["a", "a"])
    assert through(twice, tmp_path / "b").equals(twice)


def test_an_array_that_may_not_be_written_to_may_not_be_afterwards(tmp_path: Path) -> None:
    array = np.broadcast_to(np.arange(3), (2, 3))
    back = through(array, tmp_path / "a")
    assert not back.flags.writeable
    assert through(array.copy(), tmp_path / "b").flags.writeable
