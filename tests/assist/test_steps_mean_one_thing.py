"""Safe actions mean the same as Polars, as pandas and as plain Python, whatever the table."""

from __future__ import annotations

import ast
import datetime as dt
import json
import math
from typing import Any

import pandas as pd
import polars as pl
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from agilab.assist.steps.checking import check
from agilab.assist.steps.compiling import code_of
from agilab.contracts.safe_actions import SafeActions
from tests.assist import plain_steps
from tests.assist.generated import KINDS, OTHER, Actions, Table, plain, schema_of, tables

POLARS = {
    "int": pl.Int64,
    "float": pl.Float64,
    "bool": pl.Boolean,
    "text": pl.String,
    "date": pl.Date,
    "datetime": pl.Datetime("us"),
}


def in_polars(table: Table, kinds: dict[str, str]) -> pl.DataFrame:
    names, rows = table
    frame = pl.DataFrame(
        {name: [row[name] for row in rows] for name in names}, schema={n: POLARS[kinds[n]] for n in names}
    )
    floats = [name for name in names if kinds[name] == "float"]
    # Of missing numbers, every second is a NaN, which must mean the same.
    nan = pl.int_range(pl.len()) % 2 == 0
    return frame.with_columns(
        pl.when(pl.col(name).is_null() & nan).then(float("nan")).otherwise(pl.col(name)).alias(name)
        for name in floats
    )


def in_pandas(table: Table, kinds: dict[str, str]) -> pd.DataFrame:
    """As pandas itself would have read the table from a parquet file."""
    names, rows = table
    made = {}
    for name in names:
        cells = [row[name] for row in rows]
        kind, gap = kinds[name], None in cells
        types = {
            "int": "float64" if gap else "int64",
            "float": "float64",
            "text": "str",
            "datetime": "datetime64[us]",
        }
        types |= {"bool": "object" if gap else "bool", "date": "object"}
        made[name] = pd.Series(cells, dtype=types[kind])
    return pd.DataFrame(made)


def cell(value: Any) -> Any:
    """A cell as plain Python: missing is None, a day at midnight its date."""
    if value is None or value is pd.NaT or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, pd.Timestamp):
        value = value.to_pydatetime()
    if isinstance(value, dt.datetime):
        return value
    if isinstance(value, dt.date):
        return dt.datetime.combine(value, dt.time())
    return value.item() if hasattr(value, "item") else value


def same(left: Any, right: Any) -> bool:
    left, right = cell(left), cell(right)
    if isinstance(left, (int, float)) and isinstance(right, (int, float)) and not isinstance(left, bool):
        return math.isclose(left, right, rel_tol=1e-9, abs_tol=1e-6)
    return left == right and type(left) is type(right)


def assert_equal(frame: Any, expected: Table, code: str) -> None:
    names, rows = expected
    found = (
        [list(row) for row in frame.iter_rows()]
        if isinstance(frame, pl.DataFrame)
        else [list(row) for row in frame.itertuples(index=False, name=None)]
    )
    wanted = [[row[name] for name in names] for row in rows]
    assert list(frame.columns) == names, code
    assert len(found) == len(wanted), f"{code}\n{frame}\n{wanted}"
    assert all(
        same(a, b) for one, two in zip(found, wanted, strict=True) for a, b in zip(one, two, strict=True)
    ), f"{code}\n{frame}\n{wanted}"


def executed(code: str, library: str, frames: dict[str, Any], result: str) -> Any:
    allowed = {"polars": {"polars"}, "pandas": {"pandas", "numpy"}}[library]
    imported = {
        alias.name
        for node in ast.walk(ast.parse(code))
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    assert imported <= allowed
    names = {node.id for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Name)}
    assert names <= {
        *frames,
        result,
        "pl",
        "pd",
        "np",
        "float",
        "x",
        "timed",
        "rolled",
        "found",
        "len",
        "object",
        "str",
    }
    space = dict(frames)
    exec(compile(code, "generated", "exec"), space)
    return space[result]


@given(data=st.data())
@pytest.mark.slow
# A failure prints the code and the table; making it smaller would take minutes.
@settings(
    max_examples=200,
    phases=[Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
def test_random_actions_leave_the_same_table_everywhere(data: st.DataObject) -> None:
    table, other = data.draw(tables(KINDS, 8)), data.draw(tables(OTHER, 4))
    drawn = Actions(data, schema_of(KINDS), schema_of(OTHER))
    for _ in range(data.draw(st.integers(1, 5))):
        drawn.add()
    document = {
        "schema": "agilab.safe_actions.v1",
        "table": "df",
        "result": "out",
        "actions": plain(drawn.actions),
    }
    parsed = SafeActions.model_validate_json(json.dumps(document), strict=True)
    checked = check(parsed, {"df": drawn.start, "stations": drawn.other}, "test")

    expected = plain_steps.run(drawn.actions, table, {"stations": other}, drawn.trees)

    for library, make in (("polars", in_polars), ("pandas", in_pandas)):
        code = code_of(checked, library)  # type: ignore[arg-type]
        frames = {"df": make(table, KINDS), "stations": make(other, OTHER)}
        before = frames["df"].clone() if library == "polars" else frames["df"].copy()
        try:
            found = executed(code, library, frames, "out")
        except Exception as error:
            pytest.fail(f"{type(error).__name__}: {error}\n{code}\n{frames['df']}")
        assert_equal(found, expected, code)
        assert before.equals(frames["df"]), f"the input changed\n{code}"
