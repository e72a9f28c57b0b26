"""What is said of a table is true of all its rows, or says of how many: against plain Python over the same cells."""

from __future__ import annotations

import datetime as dt
import io
import json
import math
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agi_node.artifacts import Staging
from agi_node.handover import hand_over
from agi_node.tables import PREVIEW_ROWS
from agilab.assist.data.inputs import inputs_of
from agilab.assist.data.known import Known
from agilab.assist.expressions.kinds import column_kind
from agilab.assist.expressions.parsing import NotUnderstood
from agilab.assist.offline.provider import OfflineProvider
from agilab.assist.prompt import Prompt
from agilab.contracts.assistance import Column, TableSchema
from agilab.contracts.lab_stages import LabStages, Stage

SALES = {
    "day": [dt.datetime(2020, 1, 1) + dt.timedelta(days=n) for n in range(2000)],
    "id": list(range(2000)),
    "note": [None] * 1000 + ["x"] * 1000,
    "gap": [1.0] * 1500 + [None] * 500,
}
LIBRARIES = {
    "pandas": pd.DataFrame,
    "polars": pl.DataFrame,
    "pyarrow": pa.table,
}


def left(table: Any, folder: Path) -> Known:
    """A value as a stage leaves it, as it is known to whoever asks about the next one."""
    staging = Staging(folder)
    hand_over("t", table, staging, "t")
    return Known.of_value("t", staging.path("t.preview"))


def named(known: Known, name: str) -> Column:
    column = known.schema.column(name)
    assert column is not None
    return column


@pytest.mark.parametrize("library", LIBRARIES)
def test_figures_of_a_value_are_those_of_all_its_rows(library: str, tmp_path: Path) -> None:
    known = left(LIBRARIES[library](SALES), tmp_path)

    # By hand: 2000 days from 2020-01-01 end on 2025-06-22; bounds are rounded outwards to three digits.
    assert (named(known, "day").low, named(known, "day").high) == ("2020-01", "2025-06")
    assert (named(known, "id").low, named(known, "id").high, named(known, "id").distinct) == (0, 2000, 2000)
    assert (named(known, "note").missing, named(known, "note").distinct) == (0.5, 1)
    assert (named(known, "gap").low, named(known, "gap").high, named(known, "gap").missing) == (1, 1, 0.25)
    assert known.schema.whole
    said = known.described(0)
    assert "- 'note': text, 50% missing, 1 different" in said
    assert "- 'gap': float, from 1 to 1, 25% null" in said
    assert "first" not in said


CELLS = {
    "n": st.none() | st.integers(-(2**40), 2**40),
    "few": st.none() | st.integers(-3, 3),
    "text": st.none() | st.sampled_from(["a", "b", "ü", ""]),
    "x": st.none() | st.floats(-1e6, 1e6),
    "day": st.none() | st.dates(dt.date(1900, 1, 1), dt.date(2200, 1, 1)),
}
TYPES = {"n": pl.Int64, "few": pl.Int64, "text": pl.String, "x": pl.Float64, "day": pl.Date}


@st.composite
def columns_of_cells(draw: st.DrawFn) -> dict[str, list[Any]]:
    """A table whose first rows say little of the others: a short beginning, again and again, and another end."""
    repeated, size = draw(st.integers(PREVIEW_ROWS, 3 * PREVIEW_ROWS)), 12
    begins = {name: draw(st.lists(cell, min_size=size, max_size=size)) for name, cell in CELLS.items()}
    ends = {name: draw(st.lists(cell, min_size=size, max_size=size)) for name, cell in CELLS.items()}
    return {name: (begins[name] * (repeated // size + 1))[:repeated] + ends[name] for name in CELLS}


@given(columns_of_cells(), st.sampled_from(["polars", "pyarrow"]))
@settings(max_examples=40, deadline=None)
def test_no_figure_is_that_of_a_part(cells: dict[str, list[Any]], library: str) -> None:
    frame = pl.DataFrame(cells, schema=TYPES)
    with tempfile.TemporaryDirectory() as folder:
        known = left(frame if library == "polars" else frame.to_arrow(), Path(folder))

    for name, values in cells.items():
        column, there = named(known, name), [value for value in values if value is not None]
        share = 1 - len(there) / len(values)
        assert column.missing == pytest.approx(share, abs=1e-4)
        if column.distinct is not None:
            assert column.distinct == len(set(there))
        if name == "few" and there:
            assert column.distinct is not None
        if not there:
            assert column.low is None
        elif name == "day":
            months = sorted(f"{day:%Y-%m}" for day in there)
            assert (column.low, column.high) == (months[0], months[-1])
        elif name != "text":
            assert column.low is not None
            assert float(column.low) <= min(there) <= max(there) <= float(column.high or 0)
            assert float(column.high or 0) - max(there) <= 0.0101 * abs(max(there))
            assert min(there) - float(column.low) <= 0.0101 * abs(min(there))


def test_what_is_known_of_the_first_rows_alone_says_so(tmp_path: Path) -> None:
    table = pd.DataFrame({"n": range(500), "kind": pd.Categorical(["a", "b"] * 250)})  # an Arrow file
    (tmp_path / "t.csv").write_text("n\n" + "\n".join(map(str, range(20_000))) + "\n", encoding="utf-8")

    of_value, of_csv = left(table, tmp_path), Known.of_file("t.csv", tmp_path / "t.csv")

    assert "a table, 500 rows (what is said of its columns is of its first 100 rows)" in of_value.described(0)
    assert "a table (what is said of its columns is of its first 10000 rows)" in of_csv.described(0)


def test_a_file_of_another_table_says_nothing_of_this_one(tmp_path: Path) -> None:
    known = left(pl.DataFrame({"n": range(500)}), tmp_path)
    assert named(known, "n").high == 499
    pl.DataFrame({"n": range(400)}).write_parquet(tmp_path / "artifacts" / "t.parquet")
    other = Known.of_value("t", tmp_path / "artifacts" / "t.preview.json")
    (tmp_path / "artifacts" / "t.parquet").write_bytes(b"PAR1 and no more")
    broken = Known.of_value("t", tmp_path / "artifacts" / "t.preview.json")

    for found in (other, broken):
        assert (found.schema.looked_at, named(found, "n").high) == (100, 99)
        assert "first 100 rows" in found.described(0)


def test_numbers_without_a_bound_have_none(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {"x": [1.0, math.inf] * 100, "nan": [math.nan, 2.0] * 100, "u": [2**64 - 1] * 200},
        schema={"x": pl.Float64, "nan": pl.Float64, "u": pl.UInt64},
    )
    few = left(frame.head(4), tmp_path / "few")
    many = left(frame, tmp_path / "many")

    for known in (few, many):
        assert named(known, "x").low is None
        assert (named(known, "nan").low, named(known, "nan").high) == (2, 2)
        # A number of 64 bits without a sign is none below 0 (2^64 = 18,446,744,073,709,551,616).
        assert (named(known, "u").low, named(known, "u").high) == (1.84e19, 1.85e19)
    assert "'nan': float, from 2 to 2, 50% missing" in few.described(0)
    assert "'nan': float, from 2 to 2\n" in many.described(
        0
    )  # the footer counts no NaN: nothing is said of it


def test_a_share_is_never_rounded_to_none_or_all(tmp_path: Path) -> None:
    known = left(pl.DataFrame({"a": [None] + [1] * 299, "b": [1] + [None] * 299}), tmp_path)

    assert "'a': int, from 1 to 1, 1% missing" in known.described(0)
    assert "'b': int, from 1 to 1, 99% missing" in known.described(0)


def test_values_are_not_counted_where_a_dictionary_is_not_all_of_them(tmp_path: Path) -> None:
    words = [f"word number {n:06}" for n in range(120_000)]  # more than pyarrow puts into a dictionary
    cells = {"words": words, "same": ["a"] * 120_000}
    arrow, polars = left(pa.table(cells), tmp_path / "a"), left(pl.DataFrame(cells), tmp_path / "b")
    rows = 300_000  # two row groups, each with a dictionary of its own
    grouped = left(pl.DataFrame({"n": [n % 7 for n in range(rows)]}), tmp_path / "c")
    unused = pa.DictionaryArray.from_arrays(pa.array([0, 1] * 100), pa.array(["a", "b", "in no row"]))
    pq.write_table(pa.table({"d": unused}), tmp_path / "d.parquet")

    assert named(arrow, "words").distinct is None
    assert named(arrow, "same").distinct == named(polars, "same").distinct == 1
    assert named(polars, "words").distinct in (None, 120_000)
    assert (named(grouped, "n").distinct, named(grouped, "n").high, grouped.schema.rows) == (None, 6, rows)
    assert named(Known.of_file("d", tmp_path / "d.parquet"), "d").distinct is None


@given(st.binary(min_size=1, max_size=40), st.floats(0, 1))
@settings(max_examples=60, deadline=None)
def test_damaged_pages_are_counted_by_nobody(noise: bytes, place: float) -> None:
    whole = io.BytesIO()
    pl.DataFrame({"n": [1, 2, 3] * 100}).write_parquet(whole)
    data = bytearray(whole.getvalue())
    footer = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    at = 4 + int(place * (footer - 4))
    data[at : min(at + len(noise), footer)] = noise[: footer - at]
    preview = {"schema": [{"name": "n", "type": "Int64"}], "count": 300, "rows": [[1]], "cut": 0}
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "t.parquet").write_bytes(data)
        (Path(folder) / "t.preview.json").write_text(json.dumps(preview), encoding="utf-8")

        known = Known.of_value("t", Path(folder) / "t.preview.json")

    assert named(known, "n").high == 3  # the footer is whole


# -- an index is no column --------------------------------------------------------------------------------------


def test_an_index_of_pandas_is_no_column(tmp_path: Path) -> None:
    sales = pd.DataFrame({"shop": ["x", "y"] * 100, "n": range(200), "m": 1.0})
    means, gaps = left(sales.groupby("shop").mean(), tmp_path / "a"), left(sales[sales.n > 2], tmp_path / "b")
    levels = left(sales.groupby(["shop", "n"]).mean(), tmp_path / "c")

    assert [column.name for column in means.schema.columns] == ["n", "m"]
    assert [column.name for column in gaps.schema.columns] == ["shop", "n", "m"]
    assert [column.name for column in levels.schema.columns] == ["m"]
    assert (means.schema.index, gaps.schema.index, levels.schema.index) == (("shop",), (), ("shop", "n"))
    assert "Its index, which is no column: 'shop'" in means.described(0)
    assert "index" not in gaps.described(0)
    assert means.rows == [[99.0, 1.0], [100.0, 1.0]]  # the mean of 0, 2 … 198, and of 1, 3 … 199
    assert "x" not in means.described(2).split("JSON:")[1]


def test_an_index_that_pandas_wrote_is_a_column_to_others(tmp_path: Path) -> None:
    frame = pd.DataFrame({"n": [1, 2]}, index=pd.Index(["x", "y"], name="shop"))
    frame.to_parquet(tmp_path / "t.parquet")
    stage = Stage(id="use", inputs=("t.parquet",))
    lab = LabStages(stages=(stage,))

    def names(library: Any) -> list[str]:
        found = inputs_of(lab, stage, tmp_path, lambda maker, name: None, library)
        return sorted(column.name for column in found.tables[0].schema.columns)

    assert names("polars") == sorted(pl.read_parquet(tmp_path / "t.parquet").columns) == ["n", "shop"]
    assert names("pandas") == list(pd.read_parquet(tmp_path / "t.parquet").columns) == ["n"]
    table = left(pq.read_table(tmp_path / "t.parquet"), tmp_path / "arrow")  # of pyarrow, which has no index
    assert [column.name for column in table.schema.columns] == ["n", "shop"]


def test_a_step_over_an_index_is_refused_and_says_what_it_is() -> None:
    table = TableSchema(columns=(Column(name="n", kind="int"),), index=("shop",), source="preview")
    prompt = Prompt("keep rows where shop is 'x'", "s", tables=(Known("t", table),))

    with pytest.raises(Exception, match="does not understand") as offline:
        OfflineProvider().answer(prompt, lambda piece: None)
    with pytest.raises(NotUnderstood) as checked:
        column_kind("shop", table)

    for said in (str(getattr(offline.value, "allowed", "")), checked.value.allowed):
        assert "shop is the index, which is no column before a reset_index()" in said


def test_a_table_of_a_mapped_stage_is_one_of_several(tmp_path: Path) -> None:
    maker = Stage.model_validate({"id": "load", "foreach": {"city": "cities"}, "outputs": ("t",)})
    user = Stage(id="use", inputs=("t",))
    staging = Staging(tmp_path)
    hand_over("t", pl.DataFrame({"n": [1, 2]}), staging, "t")
    found = inputs_of(
        LabStages(stages=(maker, user)), user, tmp_path, lambda stage, name: staging.path("t.preview")
    )

    assert "t: a table, 2 rows (one for each city, this is the first), with the columns" in found.tables[
        0
    ].described(0)
