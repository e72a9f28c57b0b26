"""Values as they are handed over: what comes back is what was given, or it is refused by name."""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import io
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import polars.testing
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agi_node import AgiError, FileRef
from agi_node.encoding import Encoded, decode, encode, is_table, received, staged

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
MOMENT = dt.datetime(2026, 2, 3, 4, 5, 6, 789)


def back(value: Any) -> Any:
    return again(encode(value))


def again(found: Encoded) -> Any:
    return decode(found.kind, found.value if found.data is None else found.data, found.library)


@given(JSON)
def test_plain_data_come_back_as_they_are(value: Any) -> None:
    found = encode(value)
    assert (found.kind, found.data, found.library, found.type_name) == ("json", None, None, None)
    assert again(found) == value


def test_what_is_nearly_plain_becomes_so() -> None:
    class Colour(enum.StrEnum):
        RED = "red"

    found = back({"n": np.int64(3), "pair": (1, 2), "file": FileRef("app", "a.csv", 1, None)})
    assert found["n"] == 3
    assert type(found["n"]) is int
    assert found["pair"] == [1, 2]
    assert found["file"] == {"root": "app", "path": "a.csv", "size": 1, "digest": None}
    assert type(back(Colour.RED)) is str


@given(st.binary())
def test_bytes_come_back_as_they_are(value: bytes) -> None:
    found = encode(value)
    assert (found.kind, found.media_type, found.type_name) == ("bytes", "application/octet-stream", "bytes")
    assert again(found) == value


POLARS = {
    "integers": pl.Series([1, None], dtype=pl.Int8),
    "wide integers": pl.Series([2**100, None], dtype=pl.Int128),
    "floats": pl.Series([math.nan, -0.0]),
    "texts": pl.Series(["é", None]),
    "bytes": pl.Series([b"\x00", None]),
    "an enum": pl.Series(["a", "b"], dtype=pl.Enum(["c", "b", "a"])),
    "categories": pl.Series(["a", "b"], dtype=pl.Categorical),
    "times": pl.Series([MOMENT, None], dtype=pl.Datetime("ns", "Europe/Paris")),
    "durations": pl.Series([dt.timedelta(seconds=1), None]),
    "decimals": pl.Series([decimal.Decimal("1.23"), None]),
    "lists": pl.Series([[1], [2, 3]]),
    "arrays": pl.Series([[1, 2], [3, 4]], dtype=pl.Array(pl.Int16, 2)),
    "structs": pl.Series([{"a": 1, "b": "x"}, None]),
    "structs without fields": pl.Series([{}, {}]),
    "nothing": pl.Series([None, None]),
}


@pytest.mark.parametrize("column", POLARS.values(), ids=POLARS.keys())
def test_a_polars_frame_comes_back_with_its_types(column: pl.Series) -> None:
    frame = pl.DataFrame({"x": column})
    found = encode(frame)
    assert (found.library, found.type_name) == ("polars", "polars.DataFrame")
    result = again(found)
    assert result.schema == frame.schema
    polars.testing.assert_frame_equal(result, frame)


def test_what_parquet_cannot_hold_goes_as_arrow() -> None:
    assert encode(pl.DataFrame({"x": [1]})).kind == "parquet"
    assert encode(pl.DataFrame({"x": [{}]})).kind == "arrow"
    assert encode(pa.table({"x": pa.array([1], pa.timestamp("s"))})).kind == "arrow"
    assert encode(pd.DataFrame({"x": pd.Categorical(["b"], ["a", "b"])})).kind == "arrow"


PANDAS = {
    "a plain index": pd.DataFrame({"a": [1, 2], "b": [0.5, math.nan]}),
    "a range with a name": pd.DataFrame({"a": [1, 2]}, index=pd.RangeIndex(3, 7, 2, name="k")),
    "an index of texts": pd.DataFrame({"a": [1, 2]}, index=pd.Index(["x", "y"], name="k")),
    "two levels": pd.DataFrame(
        {"a": [1, 2]}, index=pd.MultiIndex.from_tuples([("x", 1), ("y", 2)], names=["p", "q"])
    ),
    "numbers as columns": pd.DataFrame([[1, 2]], columns=[10, 20]),
    "two rows of columns": pd.DataFrame([[1, 2]], columns=pd.MultiIndex.from_tuples([("a", 1), ("b", 2)])),
    "categories of texts": pd.DataFrame({"a": pd.Categorical(["b", "a"], ["z", "b", "a"], ordered=True)}),
    "categories of numbers": pd.DataFrame({"a": pd.Categorical([3, 1], [3, 1, 9])}),
    "texts": pd.DataFrame({"a": ["é", None]}),
    "missing integers": pd.DataFrame({"a": pd.array([1, None], dtype="Int64")}),
    "Arrow's integers": pd.DataFrame({"a": pd.array([1, None], dtype="int64[pyarrow]")}),
    "days": pd.DataFrame({"a": [dt.date(2026, 1, 1), None]}),
    "decimals": pd.DataFrame({"a": [decimal.Decimal("1.2"), decimal.Decimal("1.234")]}),
    "seconds": pd.DataFrame({"a": pd.Series([MOMENT, None]).astype("datetime64[s]")}),
    "zones": pd.DataFrame({"a": pd.Series([MOMENT, None]).dt.tz_localize("Asia/Tokyo")}),
    "periods": pd.DataFrame({"a": pd.period_range("2026", periods=2, freq="M")}),
    "intervals": pd.DataFrame({"a": pd.interval_range(0, 2)}),
    "no columns": pd.DataFrame(index=[1, 2]),
    "nothing at all": pd.DataFrame(),
}


@pytest.mark.parametrize("frame", PANDAS.values(), ids=PANDAS.keys())
def test_a_pandas_frame_comes_back_with_its_index_and_types(frame: pd.DataFrame) -> None:
    found = encode(frame)
    assert (found.library, found.type_name) == ("pandas", "pandas.DataFrame")
    pd.testing.assert_frame_equal(again(found), frame)


LOSSY = {
    "lists": (pd.DataFrame({"a": [[1], [2, 3]]}), "column 'a' with objects of type list"),
    "sets": (pd.DataFrame({"a": [{1}, {2}]}), "column 'a' with objects of type set"),
    "dicts": (pd.DataFrame({"a": [{"x": 1}, {"y": 2}]}), "column 'a' with objects of type dict"),
    "integers as objects": (pd.DataFrame({"a": pd.Series([1, 2], dtype=object)}), "come back as int64"),
    "a mixture": (pd.DataFrame({"a": pd.Series(["x", 1], dtype=object)}), "column a"),
    "complex numbers": (pd.DataFrame({"a": [1j]}), "column a"),
    "sparse columns": (pd.DataFrame({"a": pd.arrays.SparseArray([0, 1])}), "column a"),
    "columns of one name": (pd.DataFrame([[1, 2]], columns=["a", "a"]), "columns called 'a', 'a'"),
    "columns of two types": (pd.DataFrame([[1, 2]], columns=[1, "b"]), "columns called 1, 'b'"),
    "objects of polars": (pl.DataFrame({"a": pl.Series([object()], dtype=pl.Object)}), "Object"),
    "rows of nothing": (pl.DataFrame(height=3), "3 rows without columns"),
}


@pytest.mark.parametrize(("frame", "told"), LOSSY.values(), ids=LOSSY.keys())
def test_a_table_that_would_come_back_otherwise_is_refused(frame: Any, told: str) -> None:
    with pytest.raises(AgiError, match="would not come back as it is") as refused:
        encode(frame, "what load returned")
    assert refused.value.code == "AGI-RUN-114"
    assert refused.value.what.startswith("what load returned")
    assert told in (refused.value.found or "")


ARROW = {
    "run ends": pa.RunEndEncodedArray.from_arrays(pa.array([2], pa.int32()), pa.array([1])),
    "a union": pa.UnionArray.from_dense(pa.array([0], pa.int8()), pa.array([0], pa.int32()), [pa.array([1])]),
    "a dictionary": pa.DictionaryArray.from_arrays(pa.array([0, 0], pa.int8()), pa.array(["a", "unused"])),
    "a map": pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int32())),
    "days in milliseconds": pa.array([86_400_000], pa.date64()),
    "halves": pa.array([np.float16(0.5)], pa.float16()),
}


@pytest.mark.parametrize("column", ARROW.values(), ids=ARROW.keys())
def test_an_arrow_table_comes_back_with_its_types_and_metadata(column: pa.Array) -> None:
    table = pa.table({"x": column}).replace_schema_metadata({"unit": "m"})
    result = back(table)
    assert type(result) is pa.Table
    assert result.schema.equals(table.schema, check_metadata=True)
    assert result.equals(table)


def test_a_table_is_read_by_whoever_reads_parquet() -> None:
    """pyarrow reads what polars wrote, and the other way round."""
    frame = pl.DataFrame({"x": [1, 2], "y": ["a", None]})
    assert pq.read_table(io.BytesIO(encode(frame).data or b"")).to_pylist() == frame.to_dicts()
    table = pa.table({"x": [1, 2]})
    assert pl.read_parquet(io.BytesIO(encode(table).data or b"")).to_dicts() == table.to_pylist()


@pytest.mark.parametrize("library", ["polars", "pandas", "pyarrow"])
def test_whoever_reads_may_want_another_library(library: str) -> None:
    for frame in (pl.DataFrame({"x": [1, 2]}), pd.DataFrame({"x": [1, 2]}), pa.table({"x": [1, 2]})):
        found = encode(frame)
        result = decode(found.kind, found.data, library)
        assert type(result).__module__.partition(".")[0] == library
        assert list(result["x"]) == [1, 2] or result["x"].to_pylist() == [1, 2]


def test_equal_tables_have_equal_bytes_whatever_pieces_they_are_in() -> None:
    whole = pl.DataFrame({"x": range(1000)})
    assert encode(pl.concat([whole[:300], whole[300:]], rechunk=False)).data == encode(whole).data
    table = whole.to_arrow()
    assert encode(pa.concat_tables([table[:300], table[300:]])).data == encode(table).data


def test_a_table_is_read_from_its_file(tmp_path: Path) -> None:
    frame = pl.DataFrame({"x": [1, 2]})
    path = tmp_path / "a[1]"  # an object's name is its digest; no pattern is looked for in it
    path.write_bytes(encode(frame).data or b"")
    polars.testing.assert_frame_equal(decode("parquet", path, "polars"), frame)
    assert decode("parquet", path, "pyarrow").to_pydict() == {"x": [1, 2]}
    path.write_bytes(b"abc")
    assert decode("bytes", path) == b"abc"


REFUSED = {
    "a class of one's own": (object(), "builtins.object", None),
    "a set": ({1}, "builtins.set", "sorted(values)"),
    "a lazy frame": (pl.LazyFrame({"x": [1]}), "polars.lazyframe.frame.LazyFrame", "frame.collect()"),
    "a series": (pd.Series([1]), "pandas", "series.to_frame(), or series.to_list()"),
    "an array": (np.zeros(3), "numpy.ndarray", "array.tolist()"),
    "a table inside": (
        {"a": pl.DataFrame()},
        "polars.dataframe.frame.DataFrame",
        "return the table by itself",
    ),
    "a long integer": (1 << 20_000, "13,000 bits", "str(number)"),
    "a subclass": (type("Geo", (pd.DataFrame,), {})({"x": [1]}), "Geo", None),
    "a bytearray": (bytearray(b"x"), "bytearray", "bytes(value)"),
}


@pytest.mark.parametrize(("value", "found", "advice"), REFUSED.values(), ids=REFUSED.keys())
def test_anything_else_is_refused_with_its_type_and_what_to_do(
    value: Any, found: str, advice: str | None
) -> None:
    with pytest.raises(AgiError, match="what load returned cannot be handed over") as refused:
        encode(value, "what load returned")
    error = refused.value
    assert error.code == "AGI-RUN-102"
    assert found in (error.found or "")
    assert "one whole table" in (error.allowed or "")
    if advice:
        assert advice in (error.try_ or "")


def test_where_in_the_value_it_is_is_told() -> None:
    with pytest.raises(AgiError, match=r"cannot be handed over at a\[1\]\.b"):
        encode({"a": [1, {"b": {1}}]})


UNREADABLE = {
    "no parquet": ("parquet", b"PAR1 nothing", "polars", "a table as parquet"),
    "no Arrow file": ("arrow", b"nothing", "pyarrow", "a table as arrow"),
    "an unknown library": ("parquet", b"", "dplyr", "polars, pandas, pyarrow"),
    "a pickle": ("pickle", b"", None, "json, parquet, arrow, bytes"),
    "no file": ("bytes", Path("/nowhere/at/all"), None, "a file"),
}


@pytest.mark.parametrize(
    ("kind", "content", "library", "allowed"), UNREADABLE.values(), ids=UNREADABLE.keys()
)
def test_what_cannot_be_read_is_told(kind: str, content: Any, library: str | None, allowed: str) -> None:
    with pytest.raises(AgiError, match="the need raw cannot be read back here") as refused:
        decode(kind, content, library, "the need raw")
    assert refused.value.code == "AGI-RUN-113"
    assert allowed in (refused.value.allowed or "")


def test_only_a_whole_table_is_one() -> None:
    assert [is_table(x) for x in (pl.DataFrame(), pd.DataFrame(), pa.table({}))] == [True] * 3
    assert not any(is_table(x) for x in (pl.Series(), pl.LazyFrame(), [], {"a": 1}, None))


WIRE: dict[str, tuple[Any, dict[str, Any]]] = {
    "small": ({"a": 2**60}, {"value": {"a": "$int:1152921504606846976"}, "value_file": None}),
    "large": ([1.0] * 20_000, {"value": None, "value_file": "value.json"}),
    "bytes": (b"xyz", {"value_file": "value.bin", "codec": "bytes", "value_type": "bytes", "value_size": 3}),
    "parquet": (
        pl.DataFrame({"x": [1]}),
        {"value_file": "value.parquet", "codec": "parquet", "value_type": "polars.DataFrame"},
    ),
    "arrow": (
        pa.table({"x": pa.array([1], pa.timestamp("s"))}),
        {"value_file": "value.arrow", "codec": "arrow", "value_type": "pyarrow.Table"},
    ),
}


@pytest.mark.parametrize(("value", "said"), WIRE.values(), ids=WIRE.keys())
def test_on_the_wire_a_value_is_plain_data_or_a_file(
    value: Any, said: dict[str, Any], tmp_path: Path
) -> None:
    told = staged(tmp_path / "staging", encode(value))
    assert said.items() <= told.items()
    entry = {name: told.get(name) for name in ("value", "codec", "value_type")}
    if told["value_file"]:
        path = tmp_path / "staging" / told["value_file"]
        assert told.get("value_size", path.stat().st_size) == path.stat().st_size
        entry["value_path"] = str(path)
    result = received(entry)
    assert type(result) is type(value)
    assert result.equals(value) if hasattr(value, "equals") else result == value


@pytest.mark.slow
def test_no_table_library_is_imported_for_plain_data_and_a_missing_one_is_named() -> None:
    code = """
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("polars", "pandas", "pyarrow", "numpy"):
            raise ImportError(f"asked for {name}", name=name)
sys.meta_path.insert(0, Missing())
from agi_node import AgiError
from agi_node.encoding import decode, encode
encode({"a": [1.0]}), encode(b"x"), decode("json", {"a": 1}), decode("bytes", b"x")
try:
    decode("parquet", b"", "polars")
except AgiError as error:
    print(error.code, error.found, error.try_, sep="|")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert (
        done.stdout.strip()
        == "AGI-RUN-113|a table of polars, and no polars in this environment|uv add polars"
    )
