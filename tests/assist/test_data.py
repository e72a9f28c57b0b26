"""What is known of tables: against the libraries that wrote them, and never with a row in it."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agi_node.errors import AgiError
from agi_node.tables import Table
from agilab.assist.data.figures import outwards
from agilab.assist.data.inputs import inputs_of, left_in
from agilab.assist.data.known import Known
from agilab.contracts.lab_stages import Input, LabStages, LastRun, Stage

FRAME = pl.DataFrame(
    {
        "n": [1, None, 300],
        "u": pl.Series([1, 2, 3], dtype=pl.UInt8),
        "x": [1.5, 2.25, None],
        "who": ["Planted Person", None, "Someone Else"],
        "ok": [True, None, False],
        "day": [dt.date(2026, 1, 5), dt.date(2026, 3, 7), None],
        "t": [dt.datetime(2026, 1, 5, 1), None, dt.datetime(2026, 2, 5, 1)],
        "list": [[1], [2], [3]],
        "inner": [{"n": 1, "who": "a"}] * 3,
    }
)
KINDS = ["int", "int", "float", "text", "bool", "date", "datetime", "other", "other"]


def by_polars(path: Path) -> None:
    FRAME.write_parquet(path, statistics=True)


def by_arrow(path: Path) -> None:
    pq.write_table(FRAME.to_arrow(), path, row_group_size=1)


def by_old_arrow(path: Path) -> None:
    pq.write_table(FRAME.to_arrow(), path, version="1.0", use_deprecated_int96_timestamps=True)


@pytest.mark.parametrize("write", [by_polars, by_arrow, by_old_arrow])
def test_a_parquet_file_is_known_by_its_footer_whoever_wrote_it(write: Any, tmp_path: Path) -> None:
    path = tmp_path / "table.parquet"
    write(path)

    schema = Known.of_file("table.parquet", path).schema

    assert [column.name for column in schema.columns] == FRAME.columns
    assert [column.kind for column in schema.columns] == KINDS
    assert schema.rows == 3
    number = schema.column("n")
    assert number is not None
    assert (number.low, number.high, number.missing) == (1, 300, 0.3333)
    day = schema.column("day")
    assert day is not None
    assert (day.low, day.high) == ("2026-01", "2026-03")


@given(
    st.lists(st.none() | st.integers(-(2**40), 2**40), min_size=1, max_size=30),
    st.lists(st.none() | st.floats(-1e6, 1e6), min_size=1, max_size=30),
)
@settings(max_examples=40)
def test_bounds_of_a_footer_hold_the_values_and_are_near(numbers: list[Any], reals: list[Any]) -> None:
    size = max(len(numbers), len(reals))
    columns = {"n": numbers + [None] * (size - len(numbers)), "x": reals + [None] * (size - len(reals))}
    types = pa.schema([("n", pa.int64()), ("x", pa.float64())])
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "t.parquet"
        pq.write_table(pa.table(columns, schema=types), path, row_group_size=7)
        schema = Known.of_file("t.parquet", path).schema

    for column, cells in zip(schema.columns, columns.values(), strict=True):
        known = [cell for cell in cells if cell is not None]
        assert column.missing == round(1 - len(known) / size, 4)
        if known and len(known) == size:  # some writers leave bounds out of a group without values
            assert column.low is not None
            assert float(column.low) <= min(known)
            assert max(known) <= float(column.high or 0)
            assert float(column.high or 0) - max(known) <= 0.011 * abs(max(known))


@pytest.mark.parametrize(
    "data",
    [b"", b"PAR1", b"PAR1" + b"\xff" * 40 + b"PAR1", b"PAR1\x15\x00\x00\x00\x04\x00\x00\x00PAR1", b"x" * 100],
)
def test_what_is_no_parquet_is_refused_by_name(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "t.parquet").write_bytes(data)

    with pytest.raises(AgiError, match="data/t.parquet cannot be read as parquet") as caught:
        Known.of_file("data/t.parquet", tmp_path / "t.parquet")

    assert caught.value.code == "AGI-ASSIST-003"


@given(st.binary(max_size=60), st.integers(0, 400))
@settings(max_examples=60)
def test_a_damaged_footer_is_refused_and_never_a_traceback(noise: bytes, place: int) -> None:
    import io
    import tempfile

    whole = io.BytesIO()
    FRAME.write_parquet(whole)
    data = bytearray(whole.getvalue())
    at = max(4, len(data) - 8 - place)
    data[at : at + len(noise)] = noise
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "t.parquet"
        path.write_bytes(bytes(data))
        try:
            found = Known.of_file("t.parquet", path).schema.source
        except AgiError as error:
            found = error.code
        assert found in ("parquet", "AGI-ASSIST-003")


def test_a_csv_file_is_known_by_its_cells(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(
        "\ufeffn;x;who;day;t;ok;odd\n1;1.5;a b;2026-01-05;2026-01-05 10:00;true;1\n2;;NA;;;;x\n",
        encoding="utf-8",
    )

    schema = Known.of_file("t.csv", path).schema

    assert [(c.name, c.kind) for c in schema.columns] == [
        ("n", "int"),
        ("x", "float"),
        ("who", "text"),
        ("day", "date"),
        ("t", "datetime"),
        ("ok", "bool"),
        ("odd", "text"),
    ]
    assert (schema.rows, schema.separator) == (2, ";")
    assert [column.missing for column in schema.columns] == [0.0, 0.5, 0.0, 0.5, 0.5, 0.5, 0.0]


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"", "no header"),
        (b"a,b\n1\n", "a row 2 of another length"),
        (b"a,b\n\xff\xfe,1\n", "no UTF-8"),
        (b"a\x00,b\n1,2\n", "binary data"),
    ],
)
def test_what_is_no_csv_is_refused_by_name(data: bytes, found: str, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(data)

    with pytest.raises(AgiError, match="t.csv cannot be read as csv") as caught:
        Known.of_file("t.csv", tmp_path / "t.csv")

    assert found in str(caught.value.found)


def test_a_large_csv_is_looked_at_in_part(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("n\n" + "\n".join(map(str, range(20_000))) + "\n", encoding="utf-8")

    schema = Known.of_file("t.csv", path).schema

    assert (schema.rows, schema.looked_at) == (None, 10_000)
    assert schema.columns[0].distinct is None


def test_a_preview_of_save_table_is_known() -> None:
    preview = json.dumps(Table.of(FRAME.drop("list", "inner"), "t").preview()).encode()

    known = Known.of_preview("tracks", preview)

    assert [column.kind for column in known.schema.columns] == KINDS[:-2]
    assert (known.schema.rows, known.schema.looked_at) == (3, 3)


def test_no_text_and_no_number_of_a_row_is_told_without_consent(tmp_path: Path) -> None:
    rows = [
        {"who": f"person-{i}", "salary": 51_237.13 + i, "born": dt.date(1980, 5, 1 + i)} for i in range(20)
    ]
    frame = pl.DataFrame(rows)
    frame.write_csv(tmp_path / "p.csv")
    frame.write_parquet(tmp_path / "p.parquet")
    known = [
        Known.of_preview("p", json.dumps(Table.of(frame, "p").preview()).encode()),
        Known.of_file("p.csv", tmp_path / "p.csv"),
        Known.of_file("p.parquet", tmp_path / "p.parquet"),
    ]
    values = [str(value) for row in frame.iter_rows() for value in row]

    for table in known:
        said = table.described(0) + repr(table) + json.dumps(table.schema.plain())
        assert not [value for value in values if value in said]
    assert "person-1" in known[0].described(2)
    assert "person-2" not in known[0].described(2)


@given(st.floats(-1e12, 1e12), st.sampled_from([-1, 1]))
def test_a_bound_is_rounded_away_from_the_values_to_three_digits(number: float, direction: int) -> None:
    rounded = outwards(number, direction)

    assert (rounded - number) * direction >= -1e-9 * abs(number)
    assert abs(rounded - number) <= 0.0101 * abs(number)


LAB = LabStages(
    stages=(
        Stage(
            id="load",
            outputs=("df", "out/a.csv"),
            last_run=LastRun(
                run="20261123-034412371-lab-7k3f2q", status="succeeded", at="2026-11-23T03:44:12Z"
            ),
        ),
        Stage(id="other", outputs=("df",), enabled=False),
        Stage(
            id="use",
            inputs=(
                Input.model_validate({"name": "df", "as": "tracks"}),
                "here.csv",
                "out/a.csv",
                "k",
                "data/*.csv",
                "../x.csv",
            ),
        ),
    ),
    lab={"params": {"k": 1}},  # type: ignore[arg-type]  # as a file says it
)


def test_inputs_of_a_stage_come_from_the_last_run_and_from_the_folder(tmp_path: Path) -> None:
    place = tmp_path / "runs" / "20261123-034412371-lab-7k3f2q" / "artifacts" / "load"
    place.mkdir(parents=True)
    (place / "df.preview.json").write_text(
        json.dumps(Table.of(FRAME.select("n", "x"), "df").preview()), encoding="utf-8"
    )
    (place / "a.csv").write_text("p,q,r\n1,2,3\n", encoding="utf-8")
    (tmp_path / "lab").mkdir()
    (tmp_path / "lab" / "here.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    (tmp_path / "x.csv").write_text("outside\n1\n", encoding="utf-8")

    found = inputs_of(LAB, LAB.stages[2], tmp_path / "lab", left_in(tmp_path / "runs"))

    assert {table.name: len(table.schema.columns) for table in found.tables} == {
        "tracks": 2,
        "here.csv": 2,
        "out/a.csv": 3,
    }
    assert found.values == ("k", "data/*.csv", "../x.csv")


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        ([2**60 + n for n in range(5)], "int"),
        ([2**63 - 1, -(2**63)], "int"),
        ([2**64 - 1, 0], "int"),  # without a sign
        (["0000000000000000000000000007"], "int"),
        ([2**63, -1], "text"),
        ([2**64], "text"),
        ([-(2**63) - 1], "text"),
        (["1" * 5_000], "text"),
        ([2**60, "1.5"], "float"),
        (["1e18"], "float"),
    ],
)
def test_whole_numbers_of_a_csv_file_are_whole_up_to_64_bits(
    cells: list[Any], kind: str, tmp_path: Path
) -> None:
    path = tmp_path / "t.csv"
    path.write_text("n,x\n" + "".join(f"{cell},1\n" for cell in cells), encoding="utf-8")

    known = Known.of_file("t.csv", path)

    column = known.schema.columns[0]
    assert column.kind == kind
    if kind == "int":
        assert [row[0] for row in known.rows] == [int(cell) for cell in cells]
        assert column.low is not None
        assert column.low <= min(map(int, cells)) <= max(map(int, cells)) <= column.high  # type: ignore[operator]  # numbers
        assert pd.read_csv(path).dtypes["n"].kind in "iu"  # as the engines themselves read them
        assert pl.read_csv(path).schema["n"].is_integer()
