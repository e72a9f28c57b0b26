"""Safe actions that do not fit their tables are refused, with the place and what would fit."""

from __future__ import annotations

from typing import Any

import pytest

from agi_node.errors import AgiError
from agilab.assist.steps.checking import check
from agilab.contracts.assistance import Column, TableSchema
from tests.assist.tables import actions_of, checked, table_of

TABLE = table_of(city="text", price="float", n="int", ok="bool", day="date", t="datetime", what="other")


@pytest.mark.parametrize(
    ("action", "place", "found"),
    [
        ({"do": "select", "columns": ["city", "prise"]}, "actions[0].columns[1]", "'prise'"),
        ({"do": "select", "columns": ["city", "city"]}, "actions[0].columns[1]", "'city'"),
        (
            {"do": "drop", "columns": [column.name for column in TABLE.columns]},
            "actions[0].columns leaves no column",
            "all of them",
        ),
        ({"do": "rename", "names": {"city": "price"}}, "actions[0] has two columns of one name", "'price'"),
        (
            {"do": "filter", "where": {"column": "price", "test": "==", "value": "x"}},
            "actions[0].where",
            "'x'",
        ),
        (
            {"do": "filter", "where": {"column": "day", "test": ">", "value": "soon"}},
            "actions[0].where",
            "'soon'",
        ),
        (
            {"do": "filter", "where": {"column": "day", "test": ">", "value": "2026-01-01T10:00:00"}},
            "actions[0].where",
            "10:00:00",
        ),
        ({"do": "filter", "where": {"column": "ok", "test": "<", "value": True}}, "orders yes and no", "ok"),
        (
            {"do": "filter", "where": {"column": "price", "test": "contains", "value": "1"}},
            "actions[0].where",
            "price",
        ),
        ({"do": "filter", "where": {"all": []}}, "combines no conditions", "an empty list"),
        (
            {"do": "filter", "where": {"column": "city", "test": "==", "other": "n"}},
            "does not compare",
            "city (text) and n",
        ),
        ({"do": "derive", "column": "x", "expression": "city * 2"}, "actions[0].expression", "city"),
        ({"do": "derive", "column": "x", "expression": "price / 0"}, "divides by nothing", "price"),
        ({"do": "derive", "column": "x", "expression": "price / (1 - 1)"}, "divides by nothing", "price"),
        ({"do": "derive", "column": "x", "expression": "city + n"}, "adds text and a number", "city, n"),
        ({"do": "derive", "column": "x", "expression": "None"}, "gives nothing", "None"),
        ({"do": "derive", "column": "x", "expression": "price if city else n"}, "chooses by text", "city"),
        (
            {"do": "derive", "column": "x", "expression": "1 if price > 0 else 'no'"},
            "chooses between two kinds",
            "numbers",
        ),
        ({"do": "derive", "column": "x", "expression": "price % 2 // 1"}, "actions[0].expression", "price"),
        (
            {"do": "fill", "columns": ["city"], "using": "mean"},
            "actions[0].columns[0]",
            "'city', which has text",
        ),
        ({"do": "fill", "columns": ["n"], "using": "value", "value": 0.5}, "actions[0].value", "0.5"),
        (
            {"do": "fill", "columns": ["n"], "using": "mean", "by": ["n"]},
            "groups by a column that it fills",
            "'n'",
        ),
        ({"do": "sort", "by": ["what"]}, "actions[0].by[0]", "'what'"),
        (
            {"do": "aggregate", "by": ["price"], "measures": [{"called": "n", "how": "rows"}]},
            "actions[0].by[0]",
            "'price'",
        ),
        (
            {"do": "aggregate", "by": ["city"], "measures": [{"called": "city", "how": "rows"}]},
            "two columns of one name",
            "'city'",
        ),
        (
            {"do": "aggregate", "measures": [{"called": "m", "how": "mean", "column": "city"}]},
            "measures[0].column",
            "'city'",
        ),
        (
            {"do": "rolling", "column": "price", "how": "mean", "called": "m", "time": "1h", "on": "n"},
            "actions[0].on",
            "'n'",
        ),
        (
            {"do": "rolling", "column": "price", "how": "mean", "called": "n", "rows": 2},
            "actions[0].called",
            "'n'",
        ),
        ({"do": "clip", "columns": ["n"], "high": 1.5}, "actions[0].columns[0]", "'n' at 1.5"),
        ({"do": "cast", "columns": ["price"], "to": "date"}, "actions[0].columns[0]", "'price'"),
        ({"do": "join", "table": "other", "on": ["price"]}, "actions[0].on[0]", "'price'"),
        (
            {"do": "join", "table": "other", "on": [{"left": "n", "right": "id"}]},
            "joins two kinds",
            "whole numbers and text",
        ),
        (
            {"do": "join", "table": "other", "on": [{"left": "city", "right": "id"}]},
            "whose name is taken",
            "'n' of 'other'",
        ),
    ],
)
def test_a_step_that_does_not_fit_is_refused_with_its_place(
    action: dict[str, Any], place: str, found: str
) -> None:
    with pytest.raises(AgiError) as caught:
        checked(TABLE, action, other=table_of(id="text", n="int"))

    assert caught.value.code == "AGI-ASSIST-001"
    assert place in caught.value.what
    assert found in str(caught.value.found)
    assert caught.value.allowed


def test_a_step_is_judged_by_what_the_one_before_leaves() -> None:
    with pytest.raises(AgiError, match=r"actions\[1\].columns\[0\] names a column that is not there"):
        checked(TABLE, {"do": "rename", "names": {"city": "town"}}, {"do": "drop", "columns": ["city"]})


def test_the_nearest_name_is_said() -> None:
    with pytest.raises(AgiError) as caught:
        checked(TABLE, {"do": "drop", "columns": ["prise"]})

    assert str(caught.value.allowed).startswith("'price' (did you mean that?)")


def test_a_table_that_the_stage_is_not_given_is_refused() -> None:
    with pytest.raises(AgiError, match="names a table that the stage is not given") as caught:
        checked(TABLE, {"do": "join", "table": "stations", "on": ["city"]})

    assert (caught.value.code, caught.value.allowed) == ("AGI-ASSIST-002", "df")


def test_a_table_is_not_joined_with_itself_and_has_a_name_of_its_own() -> None:
    with pytest.raises(AgiError, match="joins a table with itself"):
        checked(TABLE, {"do": "join", "table": "df", "on": ["city"]})
    with pytest.raises(AgiError, match="is a name that the code needs itself"):
        check(actions_of(table="pl"), {"pl": TABLE}, "actions.json")


def test_a_table_with_two_columns_of_one_name_is_refused() -> None:
    twice = TableSchema(
        columns=(Column(name="a", kind="int"), Column(name="a", kind="int")), source="preview"
    )

    with pytest.raises(AgiError, match="has two columns of one name"):
        check(actions_of(), {"df": twice}, "actions.json")


def test_what_a_step_leaves_is_known_to_the_next() -> None:
    plan = checked(
        TABLE,
        {"do": "derive", "column": "unit", "expression": "price / n"},
        {"do": "derive", "column": "month", "expression": "month(day)"},
        {"do": "fill", "columns": ["n"], "using": "mean"},
        {"do": "cast", "columns": ["city"], "to": "date"},
    )

    kinds = {column.name: column.kind for column in plan.after.columns}
    assert (kinds["unit"], kinds["month"], kinds["n"], kinds["city"]) == ("float", "int", "float", "date")


def test_of_an_unknown_table_every_column_may_be_there() -> None:
    plan = checked(
        TableSchema(),
        {"do": "filter", "where": {"column": "a", "test": ">", "value": 1}},
        {"do": "aggregate", "by": ["b"], "measures": [{"called": "m", "how": "mean", "column": "a"}]},
    )

    assert [column.name for column in plan.after.columns] == ["b", "m"]
