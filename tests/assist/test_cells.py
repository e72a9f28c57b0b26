"""Odd cells of csv files: what is said of a column is what the code that reads it makes of it, with either library."""

from __future__ import annotations

import math
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from agilab.assist.data.figures import kind_of
from agilab.assist.data.known import Known
from agilab.assist.engines import Library
from agilab.assist.steps.checking import check
from agilab.assist.steps.compiling import code_of
from agilab.contracts.safe_actions import SafeActions

COLUMNS = [
    # numbers
    *(["1"], ["-1"], ["+1"], ["-0"], ["01"], ["007"], ["1", "+1"], ["--1"], ["+ 1"], ["1-"], ["1 000"], ["1_000"]),
    *(["1,000"], ["1,5"], ["1.5"], ["1."], [".5"], ["+.5"], ["+1.5"], ["00.5"], ["1", "1.5"], ["."], ["-"]),
    *(["1e5"], ["1E5"], ["1.e5"], [".5e3"], ["1.5e+3"], ["1e+"], ["e5"], ["1d5"], ["1e400"], ["1e5000"], ["1e-400"]),
    *(["inf"], ["Inf"], ["-INF"], ["+inf"], ["Infinity"], ["infinite"], ["1", "inf"], ["1.5", "-inf"], [" inf "]),
    *(["nan"], ["NaN"], ["-NaN"], ["NAN", "1"], ["1.5", "NaN"], ["NaN", "+1"], ["NA"], ["N/A"], ["1", "NA"], ["null"]),
    *([" 1"], ["1 "], ["\t1"], [" 1.5 "], ["1", " 2"], [" "], [" ", "1"], ["\u00a01"], ['"1"'], ['"1.5"']),
    *(["0x1F"], ["0b1"], ["12%"], ["$5"], ["1/2"], ["1j"], ["\u0663"], ["1\u0663"], ["\u0663.5"], ["\u0663", "x"]),
    *([""], ["1", ""], ['""', "1"], ["1.5", ""], ["1", "x"], ["true", "1"], ["0", "1"]),
    # whole numbers that no machine word holds
    *([str(2**63 - 1)], [str(2**63)], [str(2**64 - 1)], [str(2**64)], [str(-(2**63) - 1)], ["-1", str(2**63)]),
    *(["1" * 400], ["1.5", "1" * 25], ["1" * 25, "1.5"], ["0" * 45 + "7"], [str(2**53 + 1), ""], [str(2**64), ""]),
    # yes and no
    *(["true"], ["True"], ["TRUE"], ["tRue"], ["true", "False"], [" true"], ["t"], ["yes"], ['"true"']),
    *(["true", "x"], ["true", ""], ["True", "", "FALSE"]),
    # moments
    *(["2024-01-02"], ["2024-01-02", ""], ['""', "2024-01-02"], ['"2024-01-02"'], ["2024-1-2"], ["2024/01/02"]),
    *(["02.01.2024"], ["01/02/2024"], ["2024-01-02", "02.01.2024"], ["20240102"], ["2024-01"], ["1.2.3"]),
    *(["2024-13-01"], ["2024-02-30"], ["0001-01-01", "9999-12-31"], ["24-01-02"], ["Jan 2, 2024"]),
    *(["2024-01-02 03:04"], ["2024-01-02T03:04:05", "2024-01-02 03:04"], ["2024-01-02 24:00"], ["2024-01-02 03"]),
    *(["2024-01-02T03:04:05.5", "2024-01-02T03:04:05"], ["2024-01-02", "2024-01-02T03:04:05"]),
    *(["2024-01-02T03:04:05Z"], ["2024-01-02T03:04:05+01:00"], ["03:04"], ["03:04:05", "03:04"], ["20240102T030405"]),
]  # fmt: skip


def read(cells: list[str], library: Library, folder: Path) -> tuple[Known, Any]:
    """What is said of a file, and the table that the written code makes of it."""
    path = folder / "t.csv"
    quoted = [f'"{cell}"' if "," in cell else cell for cell in cells]
    path.write_text("a,b\n" + "".join(f"{cell},z\n" for cell in quoted), encoding="utf-8")
    known = Known.of_file("t.csv", path, library)
    nothing = SafeActions(table="t.csv", actions=())
    code = code_of(check(nothing, {"t.csv": known.schema}, "x"), library)
    names: dict[str, Any] = {}
    exec(code.replace('"t.csv"', repr(str(path))), names)
    return known, names["t"]


def plain(value: Any) -> Any:
    """A cell of either library with what is missing as None, and a moment as its ISO text."""
    if value is None or value is pd.NaT or (isinstance(value, float) and math.isnan(value)):
        return None
    return value.isoformat() if hasattr(value, "isoformat") else value


def expected(known: Known) -> list[Any]:
    """The cells as they were said to be; moments as Python reads them."""
    cells = [plain(row[0]) for row in known.rows]
    if known.schema.columns[0].kind != "datetime":
        return cells
    return [cell and datetime.fromisoformat(cell).isoformat() for cell in cells]


@pytest.mark.parametrize("cells", COLUMNS, ids=ascii)
def test_polars_reads_a_csv_column_as_it_is_said_to(cells: list[str], tmp_path: Path) -> None:
    known, table = read(cells, "polars", tmp_path)
    assert kind_of(str(table.schema["a"])) == known.schema.columns[0].kind
    assert [plain(cell) for cell in table["a"].to_list()] == expected(known)


@pytest.mark.parametrize("cells", COLUMNS, ids=ascii)
def test_pandas_reads_a_csv_column_as_it_is_said_to(cells: list[str], tmp_path: Path) -> None:
    known, table = read(cells, "pandas", tmp_path)
    kind = known.schema.columns[0].kind
    column = table["a"]
    found = [plain(cell) for cell in column.tolist()]
    missing = None in found
    # A whole number beside a missing value is a float there, and a yes or no an object; both hold what they are.
    types = {"int": "iuf" if missing else "iu", "bool": "bO" if missing else "b", "float": "f"}
    moments = dict.fromkeys(("date", "datetime"), "M")
    assert column.dtype.kind in (types | moments | {"text": "OUTS"})[kind]
    if kind == "date":
        found = [cell and cell.removesuffix("T00:00:00") for cell in found]
    assert found == expected(known)
