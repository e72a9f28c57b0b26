"""What docs/assistance.md promises where engines differ by themselves, each on a table small enough to see."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pytest

from agi_node.artifacts import Staging
from agi_node.handover import hand_over
from agi_node.tables import Table
from agilab.assist.data.known import Known
from agilab.assist.steps.checking import check
from agilab.assist.steps.compiling import code_of
from tests.assist.tables import actions_of, checked, result_of, rows_of, table_of

LIBRARIES = ["polars", "pandas"]


def both(plan: Any, data: dict[str, list[Any]], library: str) -> list[tuple[Any, ...]]:
    frame = pl.DataFrame(data) if library == "polars" else pd.DataFrame(data)
    return rows_of(result_of(plan, library, df=frame))


@pytest.mark.parametrize("library", LIBRARIES)
def test_not_turns_around_and_a_missing_value_is_neither_above_nor_equal(library: str) -> None:
    table = table_of(x="float")
    data = {"x": [1.0, None, 3.0]}

    def kept(where: dict[str, Any]) -> list[Any]:
        return [row[0] for row in both(checked(table, {"do": "filter", "where": where}), data, library)]

    assert kept({"column": "x", "test": ">", "value": 2}) == [3.0]
    assert kept({"not": {"column": "x", "test": ">", "value": 2}}) == [1.0, None]
    assert kept({"column": "x", "test": "!=", "value": 3}) == [1.0, None]
    assert kept({"column": "x", "test": "not in", "values": [3]}) == [1.0, None]
    assert kept({"column": "x", "test": "between", "low": 1, "high": 2}) == [1.0]


@pytest.mark.parametrize("library", LIBRARIES)
def test_nan_is_a_missing_value(library: str) -> None:
    plan = checked(table_of(x="float"), {"do": "fill", "columns": ["x"], "using": "mean"})

    assert both(plan, {"x": [1.0, float("nan"), 3.0]}, library) == [(1.0,), (2.0,), (3.0,)]


@pytest.mark.parametrize("library", LIBRARIES)
def test_dividing_by_nothing_gives_nothing(library: str) -> None:
    plan = checked(
        table_of(a="int", b="int"),
        {"do": "derive", "column": "q", "expression": "a / b"},
        {"do": "derive", "column": "whole", "expression": "a // b"},
        {"do": "derive", "column": "rest", "expression": "a % b"},
    )

    assert both(plan, {"a": [7, -7, 1], "b": [2, 2, 0]}, library) == [
        (7, 2, 3.5, 3, 1),
        (-7, 2, -3.5, -4, 1),  # as Python divides: downwards
        (1, 0, None, None, None),
    ]


@pytest.mark.parametrize("library", LIBRARIES)
def test_equal_rows_keep_their_order_and_missing_ones_come_last_both_ways(library: str) -> None:
    data = {"k": [2.0, None, 1.0, 2.0], "n": [0, 1, 2, 3]}

    for descending, order in ((False, [2, 0, 3, 1]), (True, [0, 3, 2, 1])):
        plan = checked(
            table_of(k="float", n="int"), {"do": "sort", "by": [{"column": "k", "descending": descending}]}
        )
        assert [row[1] for row in both(plan, data, library)] == order


@pytest.mark.parametrize("library", LIBRARIES)
def test_groups_come_as_they_first_appear_and_missing_is_one(library: str) -> None:
    plan = checked(
        table_of(g="text", x="float"),
        {
            "do": "aggregate",
            "by": ["g"],
            "measures": [
                {"called": "rows", "how": "rows"},
                {"called": "known", "how": "count", "column": "x"},
                {"called": "sum", "how": "sum", "column": "x"},
                {"called": "first", "how": "first", "column": "x"},
                {"called": "std", "how": "std", "column": "x"},
            ],
        },
    )

    data = {"g": ["z", None, "a", "z", None], "x": [None, None, 1.0, 4.0, 2.0]}
    assert both(plan, data, library) == [
        ("z", 2, 1, 4.0, 4.0, None),
        (None, 2, 1, 2.0, 2.0, None),
        ("a", 1, 1, 1.0, 1.0, None),
    ]


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_window_of_time_holds_its_end_not_its_beginning_and_all_rows_of_one_moment(library: str) -> None:
    day = [dt.datetime(2026, 3, 1, hour) for hour in (0, 6, 6, 12)]
    plan = checked(
        table_of(t="datetime", x="float"),
        {"do": "rolling", "column": "x", "how": "sum", "called": "s", "time": "6h", "on": "t"},
    )

    rows = both(plan, {"t": [day[3], day[1], day[0], day[2]], "x": [8.0, 2.0, 1.0, 4.0]}, library)

    assert [row[2] for row in rows] == [8.0, 6.0, 1.0, 6.0]


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_window_of_rows_is_whole_unless_fewer_are_asked_for(library: str) -> None:
    table, data = table_of(x="float"), {"x": [1.0, 2.0, 4.0]}
    rolling = {"do": "rolling", "column": "x", "how": "mean", "called": "m", "rows": 2}

    assert [row[1] for row in both(checked(table, rolling), data, library)] == [None, 1.5, 3.0]
    assert [row[1] for row in both(checked(table, {**rolling, "least": 1}), data, library)] == [1.0, 1.5, 3.0]


@pytest.mark.parametrize("library", LIBRARIES)
def test_missing_keys_meet_nothing_and_rows_keep_their_order(library: str) -> None:
    plan = checked(
        table_of(k="text"),
        {"do": "join", "table": "other", "on": ["k"], "how": "left"},
        other=table_of(k="text", v="float"),
    )
    left, right = {"k": ["b", None, "a"]}, {"k": ["a", "b", "b", None], "v": [1.0, 2.0, 3.0, 9.0]}
    make: Any = pl.DataFrame if library == "polars" else pd.DataFrame

    rows = rows_of(result_of(plan, library, df=make(left), other=make(right)))

    assert rows == [("b", 2.0), ("b", 3.0), (None, None), ("a", 1.0)]


@pytest.mark.parametrize("library", LIBRARIES)
def test_interpolation_stays_between_known_values(library: str) -> None:
    plan = checked(table_of(x="float"), {"do": "fill", "columns": ["x"], "using": "interpolate"})

    rows = both(plan, {"x": [None, 1.0, None, None, 4.0, None]}, library)

    assert [row[0] for row in rows] == [None, 1.0, 2.0, 3.0, 4.0, None]


@pytest.mark.parametrize("library", LIBRARIES)
def test_small_integers_do_not_wrap_around(library: str) -> None:
    table = table_of(a="int")
    table = table.with_changes(columns=[table.columns[0].with_changes(type="Int8")])
    plan = checked(table, {"do": "derive", "column": "twice", "expression": "a + a"})
    frame = pl.DataFrame({"a": pl.Series([100], dtype=pl.Int8)})

    rows = rows_of(result_of(plan, library, df=frame if library == "polars" else frame.to_pandas()))

    assert rows == [(100, 200)]


def test_counts_can_be_subtracted_from_in_polars() -> None:
    plan = checked(
        table_of(g="text"),
        {"do": "aggregate", "by": ["g"], "measures": [{"called": "n", "how": "rows"}]},
        {"do": "derive", "column": "less", "expression": "n - 3"},
    )

    assert rows_of(result_of(plan, "polars", df=pl.DataFrame({"g": ["a", "a"]}))) == [("a", 2, -1)]


@pytest.mark.parametrize("library", LIBRARIES)
def test_an_empty_cell_of_a_file_is_missing_and_namibia_is_not(
    library: str, tmp_path: Any, monkeypatch: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cities.csv").write_text("code;day;n\nNA;2026-03-01;1\n;2026-03-02;\n", encoding="utf-8")
    known = Known.of_file("cities.csv", tmp_path / "cities.csv")
    actions = actions_of(
        {"do": "filter", "where": {"column": "day", "test": "<=", "value": "2026-03-02"}},
        {"do": "derive", "column": "next", "expression": "n + day(day)"},
        table="cities.csv",
    )
    plan = check(actions, {"cities.csv": known.schema}, "actions.json")

    rows = rows_of(result_of(plan, library))

    assert [(row[0], row[2], row[3]) for row in rows] == [("NA", 1, 2), (None, None, None)]


def test_the_code_reads_as_a_person_would_write_it() -> None:
    table = table_of(city="text", price="float", day="date")
    price = table.columns[1].with_changes(low=-2, high=351)
    plan = checked(
        table.with_changes(columns=(table.columns[0], price, table.columns[2]), rows=9, looked_at=9),
        {
            "do": "filter",
            "where": {
                "all": [
                    {"column": "price", "test": ">", "value": 0},
                    {"column": "day", "test": ">=", "value": "2026-01-01"},
                ]
            },
        },
        {
            "do": "aggregate",
            "by": ["city"],
            "measures": [{"called": "mean_price", "how": "mean", "column": "price"}],
        },
        {"do": "sort", "by": [{"column": "mean_price", "descending": True}]},
    )

    assert code_of(plan, "polars") == (
        "import polars as pl\n"
        "\n"
        "df = df.fill_nan(None)  # NaN is a missing value too\n"
        'df = df.filter(pl.col("price") > 0, pl.col("day") >= pl.date(2026, 1, 1))\n'
        'df = df.group_by("city", maintain_order=True).agg(mean_price=pl.col("price").mean())\n'
        'df = df.sort("mean_price", descending=True, nulls_last=True, maintain_order=True)\n'
    )
    assert code_of(plan, "pandas") == (
        "import pandas as pd\n"
        "\n"
        'df = df.assign(day=pd.to_datetime(df["day"]))\n'
        "df = df[\n"
        '    (df["price"] > 0)\n'
        '    & (df["day"] >= pd.Timestamp("2026-01-01"))\n'
        "].reset_index(drop=True)\n"
        'df = df.groupby("city", sort=False, dropna=False, as_index=False).agg(\n'
        '    mean_price=("price", "mean"),\n'
        ")\n"
        'df = df.sort_values("mean_price", ascending=False, kind="stable", ignore_index=True)\n'
    )


def test_names_of_tables_do_not_meet_those_of_steps_and_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "timed.csv").write_text("k,v\na,1\n", encoding="utf-8")
    table, other = table_of(k="text", t="datetime", x="float"), table_of("csv", k="text", v="int")
    actions = actions_of(
        {"do": "rolling", "column": "x", "how": "sum", "called": "s", "time": "6h", "on": "t"},
        {"do": "join", "table": "timed.csv", "on": ["k"]},
        table="timed",
    )
    frame = {"k": ["a", "b"], "t": [dt.datetime(2026, 3, 1, 6), dt.datetime(2026, 3, 1, 5)], "x": [1.0, 2.0]}
    plan = check(actions, {"timed": table, "timed.csv": other}, "actions.json")

    for library, make in (("polars", pl.DataFrame), ("pandas", pd.DataFrame)):
        found = rows_of(result_of(plan, library, timed=make(frame)))
        assert [(row[3], row[4]) for row in found] == [(3.0, 1), (2.0, None)]


# -- categories are their values --------------------------------------------------------------------------------


CATEGORIES: dict[str, list[Any]] = {
    "City": ["b", "a", None, "b"],
    "n": [10, 2, None, 10],
    "day": [dt.datetime(2026, 1, 3), dt.datetime(2026, 1, 1), None, dt.datetime(2026, 1, 3)],
    "x": [1, 2, 4, 8],
}


def as_categories(library: str) -> pl.DataFrame | pd.DataFrame:
    if library == "polars":  # which has categories of texts alone
        return pl.DataFrame(CATEGORIES, schema_overrides={"City": pl.Categorical})
    frame = pd.DataFrame(CATEGORIES)
    kept = {name: pd.Categorical(frame[name]) for name in ("n", "day")}
    city = pd.Categorical(CATEGORIES["City"], categories=["unused", "b", "a"])  # an order that means nothing
    return frame.assign(City=city, **kept)


CITY_SUMS = [("b", 9), ("a", 2), (None, 4)]  # 1 + 8, 2, 4: in the order of their first rows


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        ({"do": "aggregate", "by": ["City"], "measures": [["s", "sum", "x"]]}, CITY_SUMS),
        ({"do": "aggregate", "measures": [["s", "sum", "n"], ["m", "max", "n"]]}, [(22, 10)]),
        ({"do": "aggregate", "measures": [["m", "min", "City"], ["k", "max", "City"]]}, [("a", "b")]),
        (
            {"do": "aggregate", "measures": [["m", "max", "day"]]},
            [(dt.datetime(2026, 1, 3),)],
        ),
        ({"do": "sort", "by": [{"column": "City"}]}, [2, 1, 8, 4]),
        ({"do": "filter", "where": {"column": "n", "test": ">", "value": 3}}, [1, 8]),
        ({"do": "filter", "where": {"column": "City", "test": ">", "value": "a"}}, [1, 8]),
        ({"do": "fill", "columns": ["City"], "using": "value", "value": "new"}, [1, 2, 4, 8]),
    ],
)
@pytest.mark.parametrize("library", LIBRARIES)
def test_categories_are_their_values(
    action: dict[str, Any], expected: list[Any], library: str, tmp_path: Path
) -> None:
    if "measures" in action:
        words = ("called", "how", "column")
        action = {**action, "measures": [dict(zip(words, one, strict=True)) for one in action["measures"]]}
    frame = as_categories(library)
    before = frame.clone() if isinstance(frame, pl.DataFrame) else frame.copy()
    staging = Staging(tmp_path)
    hand_over("df", frame, staging, "df")
    table = Known.of_value("df", staging.path("df.preview")).schema
    number = "int" if library == "polars" else "float"  # pandas' own whole numbers with a gap
    assert [table.column(name).kind for name in CATEGORIES] == ["text", number, "datetime", "int"]  # type: ignore[union-attr]

    found = rows_of(result_of(checked(table, action), library, df=frame))

    assert (
        found if action["do"] == "aggregate" else [row[list(CATEGORIES).index("x")] for row in found]
    ) == expected
    if action["do"] == "fill":
        assert [row[0] for row in found] == ["b", "a", "new", "b"]
    assert before.equals(frame)


def test_categories_with_an_order_are_no_texts() -> None:
    ordered = pd.DataFrame({"size": pd.Categorical(["S", "L"], categories=["S", "L"], ordered=True)})
    enum = pl.DataFrame({"size": ["S", "L"]}, schema={"size": pl.Enum(["S", "L"])})

    for frame in (ordered, enum):
        preview = json.dumps(Table.of(frame, "t").preview()).encode()
        assert Known.of_preview("t", preview).schema.columns[0].kind == "other"


@pytest.mark.parametrize("library", LIBRARIES)
def test_categories_of_a_file_of_pandas_are_their_values(
    library: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = as_categories("pandas")
    assert isinstance(frame, pd.DataFrame)
    small = pd.Series([100, 100, 2, 2], dtype="int8").astype("category")
    frame.assign(small=small).to_parquet(tmp_path / "t.parquet")
    monkeypatch.chdir(tmp_path)
    table = Known.of_file("t.parquet", tmp_path / "t.parquet").schema
    actions = actions_of(
        {"do": "derive", "column": "twice", "expression": "small * 2"},
        {"do": "fill", "columns": ["City"], "using": "value", "value": "new"},
        {"do": "filter", "where": {"column": "n", "test": ">", "value": 3}},
        {"do": "sort", "by": [{"column": "City"}]},
        table="t.parquet",
        result="out",
    )

    found = result_of(check(actions, {"t.parquet": table}, "test"), library)

    assert [(row[0], row[1], row[3], row[-1]) for row in rows_of(found)] == [
        ("b", 10, 1, 200),  # and no number of 8 bits, which 200 is too large for
        ("b", 10, 8, 4),
    ]
