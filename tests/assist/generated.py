"""Random tables and random actions that fit them, for Hypothesis."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

from hypothesis import strategies as st

from agilab.assist.steps.checking import check
from agilab.contracts.assistance import Column, TableSchema
from agilab.contracts.safe_actions import SafeActions
from tests.assist.plain_steps import Row, Table

START = dt.datetime(2026, 3, 29)
FLOATS = [-2.5, -1.0, -0.25, 0.0, 0.5, 1.5, 2.5, 3.0, 128.75]
CELLS: dict[str, st.SearchStrategy[Any]] = {
    "int": st.integers(-4, 6),
    "float": st.sampled_from(FLOATS),
    "bool": st.booleans(),
    "text": st.sampled_from(["FR", "DE", "fr", "", " a b ", "é.R", "2.5", "-1", "2026-03-01", "x"]),
    "date": st.integers(-2, 3).map(lambda day: (START + dt.timedelta(days=day)).date()),
    "datetime": st.integers(-6, 9).map(lambda step: START + dt.timedelta(hours=5 * step)),
}
KINDS = {
    "n": "int",
    "m": "int",
    "x": "float",
    "speed (m/s)": "float",
    "ok": "bool",
    "country": "text",
    "class": "text",
    "day": "date",
    "t": "datetime",
}
OTHER = {"id": "text", "n2": "int", "height": "float", "since": "date"}
TYPES = {
    "date": "date32[day]",
    "datetime": "timestamp[us]",
    "int": "int64",
    "float": "double",
    "text": "string",
    "bool": "bool",
}


def schema_of(kinds: dict[str, str]) -> TableSchema:
    columns = tuple(Column.model_validate({"name": n, "kind": k, "type": TYPES[k]}) for n, k in kinds.items())
    return TableSchema(columns=columns, source="preview")


def tables(kinds: dict[str, str], most: int) -> st.SearchStrategy[Table]:
    row = st.fixed_dictionaries({name: st.none() | CELLS[kind] | CELLS[kind] for name, kind in kinds.items()})
    return st.lists(row, max_size=most).map(lambda rows: (list(kinds), rows))


def written(cell: Any) -> Any:
    return cell.isoformat() if isinstance(cell, dt.date) else cell


class Actions:
    """Draws actions one by one, each against what the ones before leave."""

    def __init__(self, data: st.DataObject, table: TableSchema, other: TableSchema) -> None:
        self.data, self.table, self.other = data, table, other
        self.start = table
        self.actions: list[dict[str, Any]] = []
        self.trees: dict[str, Any] = {}
        self.fresh = 0

    def one_of(self, values: Any) -> Any:
        return self.data.draw(st.sampled_from(list(values)))

    def yes(self) -> bool:
        return self.data.draw(st.booleans())

    def names(self, *kinds: str) -> list[str]:
        return [c.name for c in self.table.columns if not kinds or c.kind in kinds]

    def some(self, names: list[str], most: int = 2) -> list[str]:
        return self.data.draw(st.lists(st.sampled_from(names), min_size=1, max_size=most, unique=True))

    def new(self) -> str:
        self.fresh += 1
        return f"new {self.fresh}" if self.fresh % 3 == 0 else f"new_{self.fresh}"

    def kind(self, name: str) -> str:
        column = self.table.column(name)
        assert column is not None
        return column.kind

    def add(self) -> None:
        """One more action, of a sort that the columns allow."""
        makers = [name for name in dir(self) if name.startswith("make_")]
        action = getattr(self, self.one_of(makers))()
        if action is None:
            return
        document = {
            "schema": "agilab.safe_actions.v1",
            "table": "df",
            "actions": [*plain(self.actions), action],
        }
        parsed = SafeActions.model_validate_json(json.dumps(document), strict=True)
        self.table = check(parsed, {"df": self.start, "stations": self.other}, "test").after
        if action["do"] == "fill" and action["using"] == "value":
            action = {**action, "_kind": self.kind(action["columns"][0])}
        self.actions.append(action)

    def make_select(self) -> Any:
        return {"do": "select", "columns": self.some(self.names(), 7)} if self.yes() else None

    def make_drop(self) -> Any:
        names = self.names()
        return {"do": "drop", "columns": self.some(names[1:])} if len(names) > 1 else None

    def make_rename(self) -> Any:
        return {"do": "rename", "names": {name: self.new() for name in self.some(self.names())}}

    def make_filter(self) -> Any:
        return {"do": "filter", "where": self.condition(2)}

    def condition(self, depth: int) -> dict[str, Any]:
        if depth and self.yes():
            word = self.one_of(["all", "any", "not"])
            if word == "not":
                return {"not": self.condition(depth - 1)}
            return {word: [self.condition(depth - 1) for _ in range(self.one_of([1, 2]))]}
        column = self.one_of(self.names())
        kind = self.kind(column)
        cell = CELLS[kind].map(written)
        tests = ["==", "!=", "in", "not in", "missing", "known"]
        tests += [] if kind == "bool" else ["<", "<=", ">", ">=", "between"]
        tests += ["contains", "starts with", "ends with"] if kind == "text" else []
        test = self.one_of(tests)
        made = {"column": column, "test": test}
        if test in ("missing", "known"):
            return made
        if test in ("in", "not in"):
            return {**made, "values": self.data.draw(st.lists(cell, min_size=1, max_size=3))}
        if test == "between":
            low, high = sorted([self.data.draw(cell), self.data.draw(cell)])
            return {**made, "low": low, "high": high}
        same = [name for name in self.names(kind) if name != column]
        if same and self.yes() and test in ("==", "!=", "<", "<=", ">", ">="):
            return {**made, "other": self.one_of(same)}
        return {**made, "value": self.data.draw(cell)}

    def make_derive(self) -> Any:
        tree = self.expression(self.one_of(["number", "number", "text", "bool", "moment"]), 2)
        if tree is None or not has_column(tree):
            return None
        text = spelled(tree)
        self.trees[text] = tree
        column = self.new() if self.yes() else self.one_of(self.names())
        return {"do": "derive", "column": column, "expression": text}

    def expression(self, kind: str, depth: int) -> Any:
        """A tree of this kind; None where no column gives one."""
        if kind == "bool":
            return self.boolean(depth)
        if kind == "moment":
            names = self.names("datetime")
            return ["date", ["col", self.one_of(names)]] if names else None
        if kind == "whole":
            names = self.names("int")
            return ["col", self.one_of(names)] if names and self.yes() else self.one_of([1, 2, 3, -2])
        if kind == "text":
            names = self.names("text")
            if not names:
                return None
            column = ["col", self.one_of(names)]
            if not depth:
                return column
            part = self.expression("text", depth - 1)
            return self.one_of(
                [
                    column,
                    ["lower", part],
                    ["upper", part],
                    ["strip", part],
                    ["+", part, "-z"],
                    ["+", column, part],
                    ["if", self.boolean(1), part, self.one_of(["no", column])],
                ]
            )
        return self.number(depth)

    def number(self, depth: int) -> Any:
        names = self.names("int", "float")
        leaf = (
            ["col", self.one_of(names)]
            if names and self.data.draw(st.integers(0, 3))
            else self.one_of([1, 2, 0.5, -3])
        )
        if not depth:
            return leaf
        a, b = self.number(depth - 1), self.number(depth - 1)
        choices: list[Any] = [["+", a, b], ["-", a, b], ["*", a, b]]
        if b != 0:
            choices.append(["/", a, b])
        whole = self.expression("whole", 0), self.expression("whole", 0)
        choices += [["//", *whole], ["%", *whole]]
        if has_column(a):
            choices += [["abs", a], ["neg", a], ["floor", a], ["ceil", a], ["sqrt", a], ["log", a]]
        if names:
            choices.append(["round", ["/", ["col", self.one_of(names)], 2]])
            choices.append(["if", self.boolean(1), a, self.one_of([b, None, 0])])
        for name in self.names("text"):
            choices.append(["length", ["col", name]])
        for name in self.names("date", "datetime"):
            choices += [[part, ["col", name]] for part in ("year", "month", "day", "weekday")]
        for name in self.names("datetime"):
            choices += [
                ["hour", ["col", name]],
                ["seconds_between", ["col", name], ["col", self.one_of(self.names("datetime"))]],
            ]
        for name in self.names("date"):
            choices.append(["days_between", ["col", name], ["col", self.one_of(self.names("date"))]])
        return self.one_of(choices)

    def boolean(self, depth: int) -> Any:
        if depth and self.yes():
            a, b = self.boolean(depth - 1), self.boolean(depth - 1)
            return self.one_of([["and", a, b], ["or", a, b], ["not", a]])
        name = self.one_of(self.names())
        kind = self.kind(name)
        cell = self.data.draw(CELLS[kind])
        literal = cell
        choices: list[Any] = [
            ["==", ["col", name], literal],
            ["!=", ["col", name], literal],
            ["missing", ["col", name]],
        ]
        if kind == "bool":
            choices.append(["col", name])
        else:
            choices += [["<", ["col", name], literal], [">=", ["col", name], literal]]
        if kind == "text":
            choices += [[how, ["col", name], "R"] for how in ("contains", "starts", "ends")]
        return self.one_of(choices)

    def by(
        self, *without: str, kinds: tuple[str, ...] = ("int", "text", "bool", "date", "datetime")
    ) -> list[str]:
        names = [name for name in self.names(*kinds) if name not in without]
        return self.some(names) if names and self.yes() else []

    def make_fill(self) -> Any:
        using = self.one_of(["value", "mean", "median", "forward", "backward", "interpolate"])
        numeric = using in ("mean", "median", "interpolate")
        names = self.names("int", "float") if numeric else self.names()
        if not names:
            return None
        columns = self.some(names, 1 if using == "value" else 2)
        made = {"do": "fill", "columns": columns, "using": using, "by": self.by(*columns)}
        if using == "value":
            made["value"] = self.data.draw(CELLS[self.kind(columns[0])].map(written))
        return made

    def make_sort(self) -> Any:
        return {
            "do": "sort",
            "by": [{"column": n, "descending": self.yes()} for n in self.some(self.names(), 3)],
        }

    def make_aggregate(self) -> Any:
        measures = []
        for _ in range(self.one_of([1, 2, 3])):
            column = self.one_of(self.names())
            hows = ["rows", "count", "distinct", "first", "last"]
            hows += ["min", "max"] if self.kind(column) != "bool" else []
            hows += ["sum", "mean", "median", "std"] * 2 if self.kind(column) in ("int", "float") else []
            how = self.one_of(hows)
            measures.append(
                {"called": self.new(), "how": how, **({} if how == "rows" else {"column": column})}
            )
        return {"do": "aggregate", "by": self.by(), "measures": measures}

    def make_rolling(self) -> Any:
        names, moments = self.names("int", "float"), self.names("date", "datetime")
        if not names:
            return None
        made = {"do": "rolling", "column": self.one_of(names), "called": self.new()}
        made["how"] = self.one_of(["sum", "mean", "median", "min", "max", "std"])
        if moments and self.yes():
            made |= {
                "time": self.one_of(["6h", "24h", "90m", "2d", "1w", "3600s"]),
                "on": self.one_of(moments),
            }
            made |= {"least": self.one_of([1, 2])} if self.yes() else {}
        else:
            rows = self.one_of([1, 2, 3])
            made |= {"rows": rows} | ({"least": self.one_of(range(1, rows + 1))} if self.yes() else {})
        return {**made, "by": self.by(made.get("on", ""), kinds=("int", "text", "date", "datetime"))}

    def make_clip(self) -> Any:
        names = self.names("int", "float")
        bounds = self.one_of([{"low": 0}, {"high": 2}, {"low": -1, "high": 1}])
        return {"do": "clip", "columns": self.some(names), **bounds} if names else None

    def make_join(self) -> Any:
        left = self.names("text")
        if not left or any(self.table.column(name) for name in OTHER):
            return None
        on: list[Any] = [{"left": self.one_of(left), "right": "id"}]
        if self.names("int") and self.yes():
            on.append({"left": self.one_of(self.names("int")), "right": "n2"})
        return {
            "do": "join",
            "table": "stations",
            "on": on,
            "how": self.one_of(["left", "inner", "semi", "anti"]),
        }

    def make_limit(self) -> Any:
        return {"do": "limit", "rows": self.one_of([1, 3, 20]), "end": self.one_of(["first", "last"])}

    def make_deduplicate(self) -> Any:
        columns = self.some(self.names(), 3) if self.yes() else []
        return {"do": "deduplicate", "columns": columns, "keep": self.one_of(["first", "last"])}

    def make_cast(self) -> Any:
        names = self.names("text")
        to = self.one_of(["number", "date"])
        return {"do": "cast", "columns": self.some(names, 1), "to": to} if names else None


def plain(actions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without what only the oracle needs to know."""
    return [{key: value for key, value in action.items() if key[0] != "_"} for action in actions]


def has_column(tree: Any) -> bool:
    return isinstance(tree, list) and (tree[0] == "col" or any(has_column(part) for part in tree[1:]))


def spelled(tree: Any) -> str:
    """The tree as text of the language, with every parenthesis."""
    if not isinstance(tree, list):
        return repr(tree.isoformat() if isinstance(tree, dt.date) else tree)
    head, *rest = tree
    parts = [spelled(part) for part in rest]
    if head == "col":
        return rest[0] if rest[0].isidentifier() and rest[0] not in ("class",) else f"col({rest[0]!r})"
    if head == "if":
        return f"({parts[1]} if {parts[0]} else {parts[2]})"
    if head in ("not", "neg"):
        return f"({'not ' if head == 'not' else '-'}{parts[0]})"
    if head in ("+", "-", "*", "/", "//", "%", "==", "!=", "<", "<=", ">", ">=", "and", "or"):
        return f"({f' {head} '.join(parts)})"
    return f"{head}({', '.join(parts)})"


__all__ = ["KINDS", "OTHER", "Actions", "Row", "Table", "plain", "schema_of", "tables"]
