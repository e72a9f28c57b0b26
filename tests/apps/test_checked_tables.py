"""Tables of other people: what comes of a file is what stands in it, and what is refused is told by its place."""

from __future__ import annotations

import csv
import importlib
import re
import sys
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agi_node import AgiError, FileRef
from agi_node.files import use_roots

LIBRARY = Path(__file__).parents[2] / "src/agilab/libraries/checked_tables"
sys.path.insert(0, str(LIBRARY / "src"))
checked = importlib.import_module("checked_tables")
Codes, Column, Table, Unit = (getattr(checked, name) for name in ("Codes", "Column", "Table", "Unit"))

CODES = Codes("AGI-DATA", empty=1, damaged=2, column=3, kind=4, limits=5)
FAHRENHEIT = Unit("°F", lambda fahrenheit: (fahrenheit - 32) / 1.8)
WEATHER = Table(
    [
        Column("place", "text", also={"station": None, "site": None}),
        Column("time", "datetime", "", datetime(1900, 1, 1), datetime(2100, 1, 1)),
        Column("air_c", "number", "°C", -90, 60, gaps=True, also={"air_f": FAHRENHEIT}, decimals=3),
        Column("rain", "number", "mm", least=0, gaps=True),
    ],
    CODES,
)

Read = Callable[..., pl.DataFrame]
Refused = Callable[..., AgiError]


@pytest.fixture
def read(tmp_path: Path) -> Iterator[Read]:
    """What a table is read as from a file of this content."""

    def one(content: str | bytes | pl.DataFrame, table: Any = WEATHER, name: str = "") -> pl.DataFrame:
        path = tmp_path / (name or ("a.parquet" if isinstance(content, pl.DataFrame) else "a.csv"))
        if isinstance(content, pl.DataFrame):
            content.write_parquet(path)
        else:
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        found: pl.DataFrame = table.read(FileRef("app", path.name, path.stat().st_size))
        return found

    with use_roots({"app": tmp_path}):
        yield one


@pytest.fixture
def refused(read: Read, tmp_path: Path) -> Refused:
    """The error that reading ends with."""

    def one(*given: Any, **more: Any) -> AgiError:
        with pytest.raises(AgiError) as caught:
            read(*given, **more)
        assert caught.value.exit_code == 1
        assert str(tmp_path) not in caught.value.render(), "no absolute path"
        return caught.value

    return one


def frame(**columns: Any) -> pl.DataFrame:
    """Two good rows in parquet's own types, with other columns where some are given."""
    good: dict[str, Any] = {
        "place": ["X", "Y"],
        "time": [datetime(2020, 1, 1), datetime(2020, 1, 2)],
        "air_c": [1.5, None],
        "rain": [0.0, 2.0],
    }
    return pl.DataFrame({name: value for name, value in (good | columns).items() if value is not None})


HEADER = "place,time,air_c,rain\n"

# what is read

cells = st.one_of(st.none(), st.floats(-80, 55).map(lambda value: round(value, 3)))
rows = st.lists(
    st.tuples(
        st.text("abcXYZ é-", min_size=1, max_size=6).filter(str.strip),
        st.datetimes(datetime(1950, 1, 1), datetime(2090, 1, 1)),
        cells,
        st.one_of(st.none(), st.integers(0, 10**9)),
    ),
    min_size=1,
    max_size=20,
)


@settings(max_examples=20, deadline=None)
@given(data=rows)
def test_one_table_is_read_from_csv_and_from_parquet(data: list[Any], tmp_path_factory: Any) -> None:
    folder = tmp_path_factory.mktemp("tables")
    with (folder / "a.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["rain", "place", "time", "note", "air_c"])
        for place, time, air, rain in data:
            shown = ["NA" if value is None else repr(value) for value in (rain, air)]
            writer.writerow([shown[0], place, time.isoformat(timespec="microseconds"), "n", shown[1]])
    places, times, airs, rains = (list(column) for column in zip(*data, strict=True))
    given_types = {
        "note": pyarrow.array(["n"] * len(data)),
        "air_c": pyarrow.array(airs, pyarrow.float64()),
        "rain": pyarrow.array(rains, pyarrow.int64()),
        "time": pyarrow.array(times, pyarrow.timestamp("us")),
        "place": pyarrow.array(places),
    }
    pyarrow.parquet.write_table(pyarrow.table(given_types), folder / "a.parquet")
    with use_roots({"app": folder}):
        for name in ("a.csv", "a.parquet"):
            table = WEATHER.read(FileRef("app", name, (folder / name).stat().st_size))
            assert table.columns == ["place", "time", "air_c", "rain"]
            assert table.rows() == data
            assert table.dtypes == [pl.String, pl.Datetime("us"), pl.Float64, pl.Float64]


def test_numbers_in_another_unit_become_the_columns_own(read: Read) -> None:
    text = "place,time,air_f,rain\n" + "".join(
        f"X,2020-01-0{at},{f},1\n" for at, f in ((1, 32), (2, -40), (3, 99.1))
    )
    assert read(text)["air_c"].to_list() == [0.0, -40.0, 37.278]  # 67.1 / 1.8 = 37.27777…
    table = frame(air_c=None).with_columns(air_f=pl.Series([140, None], dtype=pl.Int16))
    assert read(table)["air_c"].to_list() == [60.0, None], "the limits are those of the own unit"


def test_the_first_of_several_names_counts_and_ones_own_before_all(read: Read) -> None:
    both = frame(place=None, site=["s", "s"], station=["t", "u"])
    assert read(both)["place"].to_list() == ["t", "u"]
    assert read(both.with_columns(place=pl.lit("own")))["place"].to_list() == ["own", "own"]
    assert read(frame(air_f=[500.0, 500.0]))["air_c"].to_list() == [1.5, None]


def test_times_are_brought_to_utc(read: Read) -> None:
    east = timezone(timedelta(hours=2))
    zoned = frame(time=[datetime(2020, 1, 1, 2, tzinfo=east), datetime(2020, 1, 1, 3, tzinfo=east)])
    zoned = zoned.with_columns(pl.col("time").dt.convert_time_zone("Europe/Paris").dt.cast_time_unit("ms"))
    text = f"{HEADER}X,2020-01-01T02:00:00+02:00,1,1\nX,2020-01-01T03:00:00+02:00,1,1\n"
    for table in (read(zoned), read(text)):
        assert table["time"].to_list() == [datetime(2020, 1, 1), datetime(2020, 1, 1, 1)]


def test_gaps_are_null_however_they_are_told(read: Read) -> None:
    text = f"{HEADER}X,2020-01-01,,NA\nX,2020-01-01,NaN,\n"
    assert read(text).select("air_c", "rain").rows() == [(None, None)] * 2
    told = frame(air_c=[float("nan"), None], rain=pl.Series([None, None], dtype=pl.Null))
    assert read(told).select("air_c", "rain").rows() == [(None, None)] * 2


def test_categories_are_texts_and_other_columns_are_not_looked_at(read: Read) -> None:
    table = frame(place=pl.Series(["X", "Y"], dtype=pl.Categorical), other=pl.Series([[1], [2]]))
    assert read(table)["place"].to_list() == ["X", "Y"]


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_name_that_looks_like_a_pattern_is_just_a_name(read: Read, suffix: str) -> None:
    content = frame() if suffix == "parquet" else f"{HEADER}X,2020-01-01,1.5,0\nY,2020-01-02,,2\n"
    assert read(content, name=f"a[1]*.{suffix}").height == 2


def test_a_table_without_rows_is_a_table(read: Read) -> None:
    assert read(HEADER).shape == read(frame().clear()).shape == (0, 4)


def test_limits_themselves_are_allowed(read: Read) -> None:
    assert read(frame(air_c=[-90.0, 60.0], time=[datetime(1900, 1, 1), datetime(2100, 1, 1)])).height == 2


# what is refused


def test_the_first_row_is_told_whatever_column_it_is_in(refused: Refused) -> None:
    error = refused(f"{HEADER}X,2020-01-01,1,1\nX,2020-01-01,warm,1\nX,noon,1,1\n")
    assert error.what == "app:a.csv has no number as air_c in row 2"
    error = refused(frame(air_c=[0.0, 99.0], rain=[-1, 0]))
    assert error.what == "app:a.parquet has a rain out of range, row 1"


def test_files_that_hold_no_table(refused: Refused) -> None:
    assert (refused(b"").code, refused(b"", name="a.parquet").found) == ("AGI-DATA-1", "0 bytes")
    ragged = refused(f"{HEADER}X,2020-01-01,1,1\nX,2020-01-01,1,1,1,1\n")
    assert (ragged.code, ragged.what) == ("AGI-DATA-2", "app:a.csv cannot be read")
    notes = refused(b"some notes", name="a.parquet")
    assert (notes.code, notes.what, notes.found) == (
        "AGI-DATA-2",
        "app:a.parquet is no parquet file",
        "b'some' at the start",
    )
    cut = refused(b"PAR1 and nothing more", name="a.parquet")
    assert (cut.code, cut.what, cut.found) == ("AGI-DATA-2", "app:a.parquet is cut short", "21 bytes")
    hollow = refused(b"PAR1 and nothing else PAR1", name="a.parquet")
    assert (hollow.code, hollow.what) == ("AGI-DATA-2", "app:a.parquet is damaged inside")


def test_an_app_may_tell_more_kinds_of_bad_files_apart(refused: Refused) -> None:
    codes = Codes("AGI-X", empty=1, damaged=2, column=3, kind=4, limits=5, foreign=6, cut=7, value=8)
    table = Table([Column("n", "number")], codes, try_="mend it")
    found = [refused(content, table, name="a.parquet") for content in (b"", b"no", b"PAR1 cut", b"PAR1 PAR1")]
    assert [error.code for error in found] == ["AGI-X-1", "AGI-X-6", "AGI-X-7", "AGI-X-2"]
    assert refused("n\n1\nx\n", table).code == "AGI-X-8"
    assert {error.try_ for error in found} == {"mend it"}


def test_missing_columns_are_told_beside_those_that_are_there(refused: Refused) -> None:
    for content in ("when,rain\n2020-01-01,1\n", pl.DataFrame({"when": [1], "rain": [1]})):
        error = refused(content)
        assert error.code == "AGI-DATA-3"
        assert error.what.endswith("has no column place, time, air_c")
        assert error.found == "when, rain"
        assert error.allowed == "place (or station, site), time, air_c (or air_f in °F), rain"


@pytest.mark.parametrize(
    ("columns", "name", "found", "kind"),
    [
        ({"place": [1, 2]}, "place", "Int64", "text"),
        ({"place": [None, None]}, "place", "Null", "text"),
        ({"time": [date(2020, 1, 1)] * 2}, "time", "Date", "datetime"),
        ({"time": ["2020-01-01", "2020-01-02"]}, "time", "String", "datetime"),
        ({"air_c": [True, False]}, "air_c", "Boolean", "number"),
        ({"air_c": None, "air_f": ["50", "51"]}, "air_f", "String", "number"),
    ],
)
def test_a_column_of_another_type_is_told_as_the_file_calls_it(
    refused: Refused, columns: dict[str, Any], name: str, found: str, kind: str
) -> None:
    table = frame(**{key: value for key, value in columns.items() if value is None or value[0] is not None})
    nothing = [pl.lit(None).alias(key) for key, value in columns.items() if value and value[0] is None]
    error = refused(table.with_columns(nothing))
    assert (error.code, error.found, error.allowed) == ("AGI-DATA-4", found, kind)
    assert error.what == f"app:a.parquet has a column {name} of another type"


@pytest.mark.parametrize(
    ("line", "what", "found"),
    [
        ("X,2020-01-01,warm,1", "has no number as air_c in row 3", "'warm'"),
        ("X,2020-01-01,inf degrees,1", "has no number as air_c in row 3", "'inf degrees'"),
        ("X,noon,1,1", "has no datetime as time in row 3", "'noon'"),
        ("X,,1,1", "has no datetime as time in row 3", "None"),
        ("NA,2020-01-01,1,1", "has no text as place in row 3", "None"),
        ("X,2020-02-30,1,1", "has no datetime as time in row 3", "'2020-02-30'"),
    ],
)
def test_a_text_that_is_no_value_is_told_with_its_row(
    refused: Refused, line: str, what: str, found: str
) -> None:
    error = refused(f"{HEADER}X,2020-01-01,1,1\nX,2020-01-01,NA,1\n{line}\nX,1,never,reached\n")
    assert (error.code, error.what, error.found) == ("AGI-DATA-4", f"app:a.csv {what}", found)


def test_a_value_that_must_not_be_missing_in_parquet(refused: Refused) -> None:
    error = refused(frame(place=["X", None]))
    assert (error.code, error.what) == ("AGI-DATA-4", "app:a.parquet has no text as place in row 2")


@pytest.mark.parametrize(
    ("columns", "what", "found", "allowed"),
    [
        ({"air_c": [None, 60.001]}, "an air_c out of range, row 2", "60.001", "-90 to 60 °C"),
        ({"air_c": [float("-inf"), 0.0]}, "an air_c out of range, row 1", "-inf", "-90 to 60 °C"),
        ({"air_c": None, "air_f": [50, 500]}, "an air_c out of range, row 2", "260.0", "-90 to 60 °C"),
        ({"rain": [3, -1]}, "a rain out of range, row 2", "-1.0", "0 mm or more"),
        (
            {"time": [datetime(2020, 1, 1), datetime(2100, 1, 1, 0, 0, 1)]},
            "a time out of range, row 2",
            "2100-01-01 00:00:01",
            "1900-01-01 00:00:00 to 2100-01-01 00:00:00",
        ),
    ],
)
def test_a_value_out_of_range_is_told_with_its_row(
    refused: Refused, columns: dict[str, Any], what: str, found: str, allowed: str
) -> None:
    error = refused(frame(**columns))
    assert (error.code, error.what) == ("AGI-DATA-5", f"app:a.parquet has {what}")
    assert (error.found, error.allowed) == (found, allowed)


def test_a_time_that_no_calendar_has_is_out_of_range(refused: Refused) -> None:
    times = pl.Series([0, -(2**62)], dtype=pl.Int64).cast(pl.Datetime("us"))
    error = refused(frame().with_columns(time=times))
    assert (error.code, error.what) == ("AGI-DATA-5", "app:a.parquet has a time out of range, row 2")


@settings(max_examples=60, deadline=None)
@given(values=st.lists(st.one_of(st.none(), st.floats(-200, 200)), min_size=1, max_size=30))
def test_what_is_out_of_range_is_the_first_that_is(values: list[float | None], tmp_path_factory: Any) -> None:
    folder = tmp_path_factory.mktemp("limits")
    pl.DataFrame({"n": pl.Series(values, dtype=pl.Float64)}).write_parquet(folder / "n.parquet")
    table = Table([Column("n", "number", "", -100, 100, gaps=True)], CODES)
    strays = [row for row, value in enumerate(values, 1) if value is not None and not -100 <= value <= 100]
    with use_roots({"app": folder}):
        file = FileRef("app", "n.parquet", (folder / "n.parquet").stat().st_size)
        if not strays:
            assert table.read(file)["n"].to_list() == values
            return
        with pytest.raises(AgiError, match="has a n out of range") as caught:
            table.read(file)
    assert caught.value.what.endswith(f"row {strays[0]}")
    assert caught.value.found == str(values[strays[0] - 1])


def test_the_readmes_example_reads_and_refuses_as_it_says(read: Read, refused: Refused) -> None:
    text = (LIBRARY / "README.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    names: dict[str, Any] = {}
    exec(code.replace("table = TIDES.read(file)", ""), names)
    rows = "Brest,2024-01-01T00:00:00Z,10\n"
    found = read(f"port,when,level_ft\n{rows}", names["TIDES"], "tides.csv")
    assert found.rows() == [("Brest", datetime(2024, 1, 1), 3.048)]
    error = refused(
        f"port,when,level_ft\n{rows}Brest,2024-01-01T01:00:00Z,500\n", names["TIDES"], name="tides.csv"
    )
    assert "\n".join(f"    {line}" for line in error.render().splitlines()) in text
