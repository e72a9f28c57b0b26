"""Tables of classes below pandas' own are compared by what they hold, not by how pandas lets their columns lie."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from agi_node.artifacts import Staging
from agi_node.notebook_values import judged
from agilab.workflow.notebooks.likeness import alike, first_difference


class Places(pd.DataFrame):
    """A table that carries more along, as pandas' documentation has it."""

    _metadata = ["crs"]  # noqa: RUF012  # what pandas calls it

    @property
    def _constructor(self) -> Any:
        return Places

    @property
    def _constructor_sliced(self) -> Any:
        return Place


class Place(pd.Series):  # type: ignore[type-arg]
    _metadata = ["name", "crs"]  # noqa: RUF012  # what pandas calls it

    @property
    def _constructor(self) -> Any:
        return Place


def widened(*, whole: bool, kind: Any = Places) -> Any:
    """A table to which columns were added one by one; `whole` lays them together."""
    table = kind(
        {"name": ["a", "b", None], "size": pd.array([1, None, 3], dtype="Int64"), "held": [[1], {2}, "x"]}
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", pd.errors.PerformanceWarning)
        for number in range(120):
            table[f"c{number}"] = float(number)
    table = table.copy() if whole else table
    if kind is Places:
        table.crs = "EPSG:4326"
    return table


def mark(value: Any, folder: Path) -> dict[str, Any]:
    return judged("table", value, Staging(folder / str(id(value))))


@pytest.mark.parametrize("kind", [Places, pd.DataFrame])
def test_a_table_whose_columns_lie_otherwise_in_memory_is_the_same(kind: Any, tmp_path: Path) -> None:
    one, other = widened(whole=False, kind=kind), widened(whole=True, kind=kind)
    assert len(one._mgr.blocks) > len(other._mgr.blocks)
    one, other = mark(one, tmp_path), mark(other, tmp_path)
    assert one["digest"] == other["digest"] != ""
    assert first_difference(one["parts"], other["parts"]) == ""


def changed(**by: Any) -> Any:
    table = widened(whole=True)
    for name, value in by.items():
        setattr(table, name, value)
    return table


def with_value(column: str, value: Any) -> Any:
    table = widened(whole=True)
    table.loc[1, column] = value
    return table


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (with_value("c7", 7.5), "['c7']: [1] 7.0 in the notebook, 7.5 in the pipeline"),
        (with_value("size", 2), "['size']: "),
        (with_value("name", "c"), "['name'][1]: 'b' in the notebook, 'c' in the pipeline"),
        (with_value("held", "y"), "['held'][1]: "),
        (changed(crs="EPSG:3857"), ".crs: 'EPSG:4326' in the notebook, 'EPSG:3857' in the pipeline"),
        (changed(index=[1, 2, 3]), ".index: "),
        (changed(attrs={"of": "us"}), ".attrs is there in the pipeline alone"),
        (widened(whole=True).astype({"c3": "float32"}), "['c3']: float64 in the notebook, float32 in the pipeline"),
    ],
    ids=["number", "missing", "text", "object", "metadata", "index", "attrs", "dtype"],
)  # fmt: skip
def test_a_table_that_differs_in_one_thing_is_another_one(other: Any, said: str, tmp_path: Path) -> None:
    if other.crs is None:  # `astype` does not carry it along in every pandas
        other.crs = "EPSG:4326"
    one, two = mark(widened(whole=False), tmp_path), mark(other, tmp_path)
    assert one["digest"] != two["digest"]
    equal, _ = alike(one["parts"], two["parts"])
    assert equal is False
    assert said in first_difference(one["parts"], two["parts"])


def test_a_series_of_a_class_of_its_own_is_compared_with_what_it_carries_along(tmp_path: Path) -> None:
    def series(value: float = 2.0, crs: str = "EPSG:4326") -> Any:
        made = Place([1.0, value], name="x")
        made.crs = crs
        return made

    here = mark(series(), tmp_path)
    assert here["digest"] == mark(series(), tmp_path)["digest"]
    assert here["digest"] != mark(series(2.5), tmp_path)["digest"]
    elsewhere = mark(series(crs="EPSG:3857"), tmp_path)
    assert here["digest"] != elsewhere["digest"]
    assert first_difference(here["parts"], elsewhere["parts"]).startswith(".crs: ")
