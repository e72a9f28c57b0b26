"""The same steps on odd kinds: pandas' own missing value, zones whose clock changes, infinity, large numbers."""

from __future__ import annotations

import datetime as dt
import json
import math
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from agi_node.artifacts import Staging
from agi_node.errors import AgiError
from agi_node.handover import hand_over
from agilab.assist.data.figures import nullable_of
from agilab.assist.data.known import Known
from agilab.assist.data.parquet import nullable_columns
from agilab.assist.steps.checking import check
from agilab.assist.steps.compiling import code_of
from agilab.contracts.assistance import Column, TableSchema
from agilab.contracts.safe_actions import SafeActions
from tests.assist import plain_steps
from tests.assist.generated import CELLS, OTHER, TYPES, Actions, Table, plain, schema_of, tables
from tests.assist.tables import checked, result_of, rows_of
from tests.assist.test_steps_mean_one_thing import executed, in_pandas, in_polars, same

CHANGE = dt.datetime(2026, 3, 28, 22, tzinfo=dt.UTC)
BACK = dt.datetime(2026, 10, 24, 21, tzinfo=dt.UTC)
INFINITE = [math.inf, -math.inf, 0.5, -2.0, 3.0]
ODD: dict[str, Any] = {
    "n": CELLS["int"],
    "big": st.sampled_from([2**53 - 1, -(2**52), 7, 2**40 + 1]),
    "x": CELLS["float"],
    "w": st.sampled_from(INFINITE),
    "ok": CELLS["bool"],
    "s": CELLS["text"],
    "z": st.tuples(st.sampled_from([CHANGE, BACK]), st.integers(0, 12)).map(
        lambda pair: pair[0] + dt.timedelta(minutes=30 * pair[1])
    ),
    "y": st.integers(0, 60).map(lambda step: CHANGE + dt.timedelta(hours=step)),
}
KINDS = {
    "n": "int",
    "big": "int",
    "x": "float",
    "w": "float",
    "ok": "bool",
    "s": "text",
    "z": "datetime",
    "y": "datetime",
}
NULLABLE = {"n": "Int64", "big": "Int64", "x": "Float64", "w": "Float64", "ok": "boolean", "s": "string"}
ZONED = "timestamp[us, tz=Europe/Paris]"


def odd_schema(table: Table, *, nullable: bool) -> TableSchema:
    """What a run would have told of the table: bounds of finite numbers, and which values are missing."""
    columns = []
    for name, kind in KINDS.items():
        cells = [row[name] for row in table[1]]
        known = [cell for cell in cells if cell is not None]
        finite = kind in ("int", "float") and known and all(map(math.isfinite, known))
        type_ = ZONED if kind == "datetime" else TYPES[kind]
        columns.append(
            Column(
                name=name,
                kind=kind,  # type: ignore[arg-type]  # one of the kinds
                type=nullable_of(type_) if nullable and name in NULLABLE else type_,
                low=min(known) if finite else None,
                high=max(known) if finite else None,
                missing=(len(cells) - len(known)) / len(cells) if cells else None,
            )
        )
    rows = len(table[1])
    return TableSchema(columns=tuple(columns), source="preview", rows=rows, looked_at=rows)


def odd_frames(table: Table) -> dict[str, Any]:
    """The table in Polars, in plain pandas, and in pandas' nullable types."""
    naive = {name: "datetime" if kind == "datetime" else kind for name, kind in KINDS.items()}
    rows = [
        {n: c.replace(tzinfo=None) if isinstance(c, dt.datetime) else c for n, c in row.items()}
        for row in table[1]
    ]
    zoned = [name for name, kind in KINDS.items() if kind == "datetime"]
    polars = in_polars((table[0], rows), naive).with_columns(
        pl.col(zoned).dt.replace_time_zone("UTC").dt.convert_time_zone("Europe/Paris")
    )
    pandas = in_pandas((table[0], rows), naive)
    for name in zoned:
        pandas[name] = pandas[name].dt.tz_localize("UTC").dt.tz_convert("Europe/Paris")
    nullable = pandas.astype(
        {name: type_ for name, type_ in NULLABLE.items() if name not in ("n", "big")}
    ).assign(
        n=pd.array([row["n"] for row in rows], dtype="Int64"),
        big=pd.array([row["big"] for row in rows], dtype="Int64"),
    )
    return {"polars": polars, "pandas": pandas, "nullable": nullable}


def alike(left: Any, right: Any) -> bool:
    """Equal cells; moments by their instant, infinities by their sign, text of Python's float by nothing."""

    def told(value: Any) -> Any:
        if value is pd.NA or value is pd.NaT:
            return None
        if isinstance(value, dt.datetime) and value.tzinfo is not None:
            return (value.to_pydatetime() if isinstance(value, pd.Timestamp) else value).astimezone(dt.UTC)
        return value

    left, right = told(left), told(right)
    if any(isinstance(one, float) and math.isinf(one) for one in (left, right)):
        return left is not None and right is not None and float(left) == float(right)
    if isinstance(left, (int, float)) and isinstance(right, (int, float)) and abs(right) > 2**40:
        return math.isclose(left, right, rel_tol=1e-12)
    return same(left, right)


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning", "ignore:.*not supported as a fill value")
@given(data=st.data(), nullable=st.booleans())
@pytest.mark.slow
@settings(
    max_examples=150,
    phases=[Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
def test_steps_on_odd_kinds_leave_the_same_table_or_are_refused(data: st.DataObject, nullable: bool) -> None:
    table = data.draw(
        st.lists(
            st.fixed_dictionaries({name: st.none() | cells | cells for name, cells in ODD.items()}),
            max_size=8,
        ).map(lambda rows: (list(KINDS), rows))
    )
    other = data.draw(tables(OTHER, 3))
    drawn = OddActions(data, odd_schema(table, nullable=nullable), schema_of(OTHER))
    for _ in range(data.draw(st.integers(1, 4))):
        drawn.add()
    document = {"schema": "agilab.safe_actions.v1", "table": "df", "result": "out"}
    parsed = SafeActions.model_validate_json(
        json.dumps({**document, "actions": plain(drawn.actions)}), strict=True
    )
    plan = check(parsed, {"df": drawn.start, "stations": drawn.other}, "test")

    expected = plain_steps.run(drawn.actions, table, {"stations": other}, drawn.trees)

    frames = odd_frames(table)
    for library, name in (("polars", "polars"), ("pandas", "nullable" if nullable else "pandas")):
        code = code_of(plan, library)  # type: ignore[arg-type]  # one of two words
        make = in_polars if library == "polars" else in_pandas
        given = {"df": frames[name], "stations": make(other, OTHER)}
        try:
            found = executed(code, library, given, "out")
        except Exception as error:
            pytest.fail(f"{type(error).__name__}: {error}\n{code}\n{frames[name]}")
        assert_alike(found, expected, code)


class OddActions(Actions):
    """Actions on these tables; one that is refused by name is left out."""

    def add(self) -> None:
        before = self.table, list(self.actions)
        try:
            super().add()
        except AgiError as error:
            if error.code != "AGI-ASSIST-001":
                raise
            self.table, self.actions = before
        if len(self.actions) > len(before[1]) and self.actions[-1].get("_kind") == "datetime":
            (column,) = self.actions[-1]["columns"]
            self.actions[-1]["_zoned"] = "tz=" in before[0].column(column).type


def assert_alike(frame: Any, expected: Table, code: str) -> None:
    names, rows = expected
    found = (
        frame.rows() if isinstance(frame, pl.DataFrame) else list(frame.itertuples(index=False, name=None))
    )
    wanted = [[row[name] for name in names] for row in rows]
    assert list(frame.columns) == names, code
    assert len(found) == len(wanted), f"{code}\n{frame}\n{wanted}"
    for one, two in zip(found, wanted, strict=True):
        for name, a, b in zip(names, one, two, strict=True):
            assert alike(a, b), f"{name}: {a!r} is not {b!r}\n{code}\n{frame}\n{wanted}"


NULLS = pd.DataFrame(
    {
        "I": pd.array([1, None, 3, 9], dtype="Int64"),
        "B": pd.array([True, None, False, True], dtype="boolean"),
        "S": pd.array(["x", None, "y", "x"], dtype="string"),
        "A": pd.array([1, None, 3, 9], dtype="int64[pyarrow]"),
    }
)


def written_by_pandas(frame: pd.DataFrame, folder: Path, kind: str) -> Known:
    """The table as it is known from a file of the lab, or from what a stage left."""
    if kind == "file":
        frame.to_parquet(folder / "df.parquet")
        return Known.of_file("df", folder / "df.parquet", "pandas")
    folder = folder / "staging"
    folder.mkdir()
    if kind == "arrow":  # what categories are is in no parquet, so such a table is an Arrow file
        frame = frame.assign(C=pd.Categorical(["c"] * len(frame)))
    hand_over("df", frame, Staging(folder), "df")
    assert any(folder.rglob("df.arrow")) == (kind == "arrow")
    return Known.of_value("df", next(folder.rglob("df.preview.json")))


@pytest.mark.parametrize("kind", ["file", "value", "arrow"])
@pytest.mark.parametrize(
    ("where", "rows"),
    [
        ({"column": "S", "test": "!=", "value": "x"}, [1, 2]),
        ({"column": "I", "test": "!=", "value": 1}, [1, 2, 3]),
        ({"not": {"column": "I", "test": ">", "value": 1}}, [0, 1]),
        ({"not": {"column": "A", "test": "between", "low": 2, "high": 9}}, [0, 1]),
        ({"not": {"column": "B", "test": "==", "value": True}}, [1, 2]),
        (
            {
                "any": [
                    {"column": "B", "test": "==", "value": False},
                    {"column": "I", "test": "!=", "value": 1},
                ]
            },
            [1, 2, 3],
        ),
        ({"column": "S", "test": "missing"}, [1]),
    ],
)
def test_pandas_own_missing_value_passes_the_tests_that_any_passes(
    kind: str, where: dict[str, Any], rows: list[int], tmp_path: Path
) -> None:
    known = written_by_pandas(NULLS, tmp_path, kind)
    plan = checked(known.schema, {"do": "filter", "where": where})

    left = result_of(plan, "pandas", df=NULLS.assign(C=pd.Categorical(["c"] * len(NULLS))))

    assert left["I"].fillna(-1).tolist() == [[1, -1, 3, 9][row] for row in rows]


@pytest.mark.parametrize("kind", ["file", "value"])
def test_a_column_that_no_step_uses_keeps_its_type(kind: str, tmp_path: Path) -> None:
    known = written_by_pandas(NULLS, tmp_path, kind)
    plan = checked(known.schema, {"do": "filter", "where": {"column": "I", "test": "known"}})

    left = result_of(plan, "pandas", df=NULLS.copy())

    assert [str(left[name].dtype) for name in NULLS] == ["float64", "boolean", "string", "int64[pyarrow]"]


def test_what_an_arrow_file_does_not_say_is_no_error(tmp_path: Path) -> None:
    path = tmp_path / "df.arrow"
    for data in (b"", b"ARROW1", b"ARROW1\0\0\xff\xff\xff\xff\xff\xff\xff\x7f", b"x" * 40):
        path.write_bytes(data)
        assert nullable_columns(path) == set()
    pl.DataFrame({"a": [1]}).write_ipc(path)
    assert nullable_columns(path) == set()


def test_a_choice_by_a_condition_that_is_not_known_takes_the_other(tmp_path: Path) -> None:
    known = written_by_pandas(NULLS, tmp_path, "file")
    plan = checked(known.schema, {"do": "derive", "column": "z", "expression": "'a' if B else 'b'"})

    assert result_of(plan, "pandas", df=NULLS.copy())["z"].tolist() == ["a", "b", "b", "a"]


@pytest.mark.parametrize(
    ("where", "rows"),
    [
        ({"column": "I", "test": "!=", "value": 1}, 3),
        ({"not": {"column": "I", "test": ">", "value": 1}}, 2),
        ({"not": {"column": "I", "test": "between", "low": 2, "high": 9}}, 2),
    ],
)
def test_of_a_table_that_nobody_knows_yet_missing_means_the_same(where: dict[str, Any], rows: int) -> None:
    plan = checked(TableSchema(), {"do": "filter", "where": where})

    assert len(result_of(plan, "pandas", df=NULLS.copy())) == rows


def test_whole_numbers_that_no_float_holds_are_refused_where_some_are_missing(tmp_path: Path) -> None:
    large = pd.DataFrame({"I": pd.array([1, None, 2**60 + 1], dtype="Int64"), "k": [1, 2, 3]})
    known = written_by_pandas(large, tmp_path, "file")
    checked(known.schema, {"do": "filter", "where": {"column": "k", "test": ">", "value": 1}})

    with pytest.raises(AgiError, match="a float cannot hold") as caught:
        checked(known.schema, {"do": "filter", "where": {"column": "I", "test": "!=", "value": 1}})
    assert caught.value.found == "'I', from 1 to 1.16e+18"


@pytest.mark.parametrize("library", ["polars", "pandas"])
def test_a_number_of_64_bits_without_a_sign_is_left_alone_or_refused(library: str) -> None:
    frame = pl.DataFrame({"g": ["a", "b"], "u": pl.Series([1, 2**63 + 5], dtype=pl.UInt64)})
    high = Column(
        name="u",
        kind="int",
        type="UInt64" if library == "polars" else "uint64",
        low=1,
        high=9.23e18,
        missing=0,
    )
    table = TableSchema(
        columns=(Column(name="g", kind="text", type="String"), high), source="preview", rows=2, looked_at=2
    )
    plan = checked(table, {"do": "filter", "where": {"column": "g", "test": "==", "value": "b"}})

    left = result_of(plan, library, df=frame if library == "polars" else frame.to_pandas())
    assert left["u"].to_list() == [2**63 + 5]
    with pytest.raises(AgiError, match="more than 64 bits"):
        checked(table, {"do": "derive", "column": "v", "expression": "u + 1"})


def zoned(library: str, *moments: str) -> Any:
    """A table of moments on the clock of Paris, from those of UTC."""
    utc = [dt.datetime.fromisoformat(moment) for moment in moments]
    frame = pl.DataFrame({"t": utc, "k": [1] * len(utc)}).with_columns(
        pl.col("t").dt.replace_time_zone("UTC").dt.convert_time_zone("Europe/Paris")
    )
    return frame if library == "polars" else frame.to_pandas()


CLOCK = TableSchema(
    columns=(Column(name="t", kind="datetime", type=ZONED), Column(name="k", kind="int", type="int64")),
    source="preview",
)


@pytest.mark.parametrize("library", ["polars", "pandas"])
def test_a_day_is_that_of_the_clock_and_a_literal_too(library: str) -> None:
    # 23:30 UTC on the 30th is half past midnight in Paris; half past two there is skipped on the 31st.
    frame = zoned(library, "2024-03-30T22:30", "2024-03-30T23:30", "2024-03-31T00:59", "2024-03-31T01:00")
    days = checked(
        CLOCK,
        {"do": "derive", "column": "d", "expression": "date(t)"},
        {"do": "filter", "where": {"column": "d", "test": "==", "value": "2024-03-31"}},
    )
    skipped = {"column": "t", "test": ">", "value": "2024-03-31T02:30:00"}

    assert len(result_of(days, library, df=frame)) == 3
    assert len(result_of(checked(CLOCK, {"do": "filter", "where": skipped}), library, df=frame)) == 1


@pytest.mark.parametrize("library", ["polars", "pandas"])
def test_a_window_of_a_day_has_24_hours_also_where_the_clock_changes(library: str) -> None:
    # The same hour of the wall clock is 23 hours later in March, and 25 in October.
    march, october = ("2024-03-30T11:00", "2024-03-31T10:00"), ("2024-10-26T10:00", "2024-10-27T11:00")
    window = {"do": "rolling", "column": "k", "how": "sum", "called": "s", "time": "1d", "on": "t"}

    for moments, sums in ((march, [1, 2]), (october, [1, 1])):
        assert result_of(checked(CLOCK, window), library, df=zoned(library, *moments))["s"].to_list() == sums


@pytest.mark.parametrize("library", ["polars", "pandas"])
def test_what_fills_is_on_the_clock_of_its_column(library: str) -> None:
    frame = zoned(library, "2024-03-30T22:30", "2024-03-30T23:30")
    empty = (
        frame.with_columns(t=pl.when(pl.int_range(2) == 0).then("t"))
        if library == "polars"
        else frame.assign(t=frame["t"].where(frame.index == 0))
    )
    plan = checked(CLOCK, {"do": "fill", "columns": ["t"], "using": "value", "value": "2024-04-01T02:30:00"})

    (_, moment) = result_of(plan, library, df=empty)["t"].to_list()

    assert moment.astimezone(dt.UTC).isoformat() == "2024-04-01T00:30:00+00:00"


@pytest.mark.parametrize(
    ("value", "what"),
    [("2024-03-31T02:30:00", "is no moment in"), ("2024-10-27T02:30:00", "is two moments in")],
)
def test_a_clock_that_shows_it_never_or_twice_cannot_fill(value: str, what: str) -> None:
    with pytest.raises(AgiError, match=f"{what} Europe/Paris"):
        checked(CLOCK, {"do": "fill", "columns": ["t"], "using": "value", "value": value})


@pytest.mark.parametrize(
    "action",
    [
        {"do": "filter", "where": {"column": "t", "test": "<", "other": "u"}},
        {"do": "derive", "column": "s", "expression": "seconds_between(t, u)"},
        {"do": "derive", "column": "s", "expression": "t if k > 0 else u"},
        {"do": "join", "table": "other", "on": [{"left": "t", "right": "u"}]},
    ],
)
@pytest.mark.parametrize("type_", ["timestamp[us]", "timestamp[us, tz=UTC]"])
def test_moments_of_two_zones_do_not_meet(action: dict[str, Any], type_: str) -> None:
    u = Column(name="u", kind="datetime", type=type_)
    table = CLOCK.with_changes(columns=(*CLOCK.columns, u))

    with pytest.raises(AgiError, match="moments of (several|two) zones"):
        checked(table, action, other=TableSchema(columns=(u,), source="preview"))


def test_a_zone_stays_with_what_is_made_of_its_moments() -> None:
    steps = [
        {"do": "derive", "column": "w", "expression": "t if k > 0 else None"},
        {"do": "aggregate", "measures": [{"called": "w", "how": "min", "column": "w"}]},
        {"do": "filter", "where": {"column": "w", "test": ">", "value": "2024-03-31T01:00:00"}},
    ]
    for library in ("polars", "pandas"):
        frame = zoned(library, "2024-03-31T00:59", "2024-03-31T01:00")
        assert len(result_of(checked(CLOCK, *steps), library, df=frame)) == 1


@pytest.mark.parametrize("library", ["polars", "pandas"])
def test_dates_are_read_as_they_are_written_and_no_other_text_is(library: str) -> None:
    texts = [
        "01.02.2024",
        "1.2.2024",
        "01.02.24",
        " 01.02.2024",
        "01.02.2024 ",
        "30.02.2024",
        "01.02.10024",
        "\u06601.02.2024",
    ]
    table = TableSchema(columns=(Column(name="s", kind="text", type="string"),), source="preview")
    plan = checked(table, {"do": "cast", "columns": ["s"], "to": "date", "format": "%d.%m.%Y"})
    frame = pl.DataFrame({"s": texts}) if library == "polars" else pd.DataFrame({"s": texts})

    read = rows_of(result_of(plan, library, df=frame))

    assert [str(day)[:10] for (day,) in read] == ["2024-02-01"] * 2 + ["None"] * 6


def test_what_no_engine_rounds_or_reads_alike_is_refused() -> None:
    table = TableSchema(
        columns=(Column(name="k", kind="int"), Column(name="s", kind="text")), source="preview"
    )

    with pytest.raises(AgiError, match="rounds to other digits") as caught:
        checked(table, {"do": "derive", "column": "z", "expression": "round(k, -2)"})
    assert caught.value.found == "-2 digits"
    with pytest.raises(AgiError, match="engines read differently") as caught:
        checked(table, {"do": "cast", "columns": ["s"], "to": "date", "format": "%c"})
    assert caught.value.found == "%c"


@pytest.mark.parametrize("library", ["polars", "pandas"])
def test_a_window_sees_finite_numbers_alone(library: str) -> None:
    cells = [1.0, math.inf, 2.0, 4.0, -math.inf]
    table = TableSchema(columns=(Column(name="x", kind="float"),), source="preview", rows=5, looked_at=5)
    plan = checked(
        table, {"do": "rolling", "column": "x", "how": "sum", "called": "s", "rows": 2, "least": 1}
    )
    frame = pl.DataFrame({"x": cells}) if library == "polars" else pd.DataFrame({"x": cells})

    assert [row[1] for row in rows_of(result_of(plan, library, df=frame))] == [1, 1, 2, 6, 4]


def test_a_window_of_whole_numbers_that_no_float_holds_is_refused() -> None:
    table = TableSchema(columns=(Column(name="k", kind="int", low=0, high=4.62e18),), source="preview")

    with pytest.raises(AgiError, match="a window of whole numbers"):
        checked(table, {"do": "rolling", "column": "k", "how": "mean", "called": "s", "rows": 2})


@pytest.mark.parametrize("library", ["polars", "pandas"])
def test_a_column_of_yes_and_no_by_another_name_still_lacks_what_it_lacks(library: str) -> None:
    table = TableSchema(columns=(Column(name="ok", kind="bool"),), source="preview")
    plan = checked(table, {"do": "derive", "column": "z", "expression": "ok"})
    cells = [True, None, False]
    frame = pl.DataFrame({"ok": cells}) if library == "polars" else pd.DataFrame({"ok": cells}, dtype=object)

    assert [row[1] for row in rows_of(result_of(plan, library, df=frame))] == cells


@pytest.mark.parametrize("library", ["polars", "pandas"])
def test_capitals_are_those_of_python(library: str) -> None:
    texts = ["Straße", None, "İstanbul", "ΟΔΟΣ", "ŉ"]
    table = TableSchema(columns=(Column(name="s", kind="text"),), source="preview")
    plan = checked(
        table,
        {"do": "derive", "column": "u", "expression": "upper(s)"},
        {"do": "derive", "column": "l", "expression": "lower(s)"},
    )
    frame = pl.DataFrame({"s": texts}) if library == "polars" else pd.DataFrame({"s": texts})

    rows = rows_of(result_of(plan, library, df=frame))

    assert [row[1:] for row in rows] == [(t and t.upper(), t and t.lower()) for t in texts]


@pytest.mark.parametrize("library", ["polars", "pandas"])
def test_a_text_made_of_missing_ones_is_still_a_text(library: str) -> None:
    table = TableSchema(
        columns=(Column(name="c", kind="text", type="String"),), source="preview", rows=2, looked_at=2
    )
    plan = checked(table, {"do": "derive", "column": "z", "expression": "strip(upper(c))"})
    frame = pl.DataFrame({"c": pl.Series([None, None], dtype=pl.String)})

    left = result_of(plan, library, df=frame if library == "polars" else frame.to_pandas())
    assert [one for one in left["z"] if isinstance(one, str)] == []
    assert len(left["z"]) == 2
