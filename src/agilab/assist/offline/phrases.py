"""How the rest of a form about rows and columns is read, after its first words: from a reader to actions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from agilab.assist.offline.conditions import condition
from agilab.assist.offline.words import Reader

Action = dict[str, Any]


def keep_rows(reader: Reader) -> list[Action]:
    return [{"do": "filter", "where": condition(reader)}]


def drop_rows(reader: Reader) -> list[Action]:
    return [{"do": "filter", "where": {"not": condition(reader)}}]


def select(reader: Reader) -> list[Action]:
    return [{"do": "select", "columns": reader.columns()}]


def drop(reader: Reader) -> list[Action]:
    return [{"do": "drop", "columns": reader.columns()}]


def rename(reader: Reader) -> list[Action]:
    reader.take("columns", "column")
    names = {}
    while True:
        old = reader.must_column()
        reader.must("to", "as", "into")
        names[old] = reader.name("a new name")
        if not reader.take(", and", ",", "and"):
            return [{"do": "rename", "names": names}]


def by_of(reader: Reader) -> dict[str, Any]:
    """The columns of groups, where some are said."""
    return {"by": reader.columns()} if reader.take("for each", "per", "by", "within each", "within") else {}


def fill(reader: Reader) -> list[Action]:
    reader.take("missing values of", "missing values in", "missing", "gaps in", "gaps of")
    action: Action = {"do": "fill", "columns": reader.columns()}
    reader.must("with", "by", "using")
    reader.take("the", "its", "their")
    if word := reader.take("mean", "average", "median"):
        action["using"] = "median" if word == "median" else "mean"
    elif reader.take("last value", "previous value", "previous", "forward", "last"):
        action["using"] = "forward"
    elif reader.take("next value", "next", "backward"):
        action["using"] = "backward"
    elif reader.take("linear interpolation", "interpolation", "interpolating"):
        action["using"] = "interpolate"
    elif not reader.done and reader.words[reader.at].kind in ("number", "quoted", "date"):
        action |= {"using": "value", "value": reader.words[reader.at].value}
        reader.at += 1
    elif word := reader.take("true", "false"):
        action |= {"using": "value", "value": word == "true"}
    else:
        raise reader.fail(reader.instead("mean, median, a value, previous, next or interpolation"))
    return [{**action, **by_of(reader)}]


def filling(using: str) -> Callable[[Reader], list[Action]]:
    def read(reader: Reader) -> list[Action]:
        return [{"do": "fill", "columns": reader.columns(), "using": using, **by_of(reader)}]

    return read


def _keys(reader: Reader) -> list[Action]:
    keys = []
    while True:
        key: Action = {"column": reader.must_column()}
        if reader.take("descending", "desc", "downwards", "largest first", "newest first"):
            key["descending"] = True
        else:
            reader.take("ascending", "asc", "upwards", "smallest first", "oldest first")
        keys.append(key)
        if not reader.take(", then by", ", and", ",", "and", "then by"):
            return keys


def sort(reader: Reader) -> list[Action]:
    return [{"do": "sort", "by": _keys(reader)}]


def extreme(descending: bool) -> Callable[[Reader], list[Action]]:
    def read(reader: Reader) -> list[Action]:
        rows = reader.must_count()
        reader.take("rows", "row")
        reader.must("by")
        key = {"column": reader.must_column(), "descending": descending}
        return [{"do": "sort", "by": [key]}, {"do": "limit", "rows": rows}]

    return read


def limit(end: str) -> Callable[[Reader], list[Action]]:
    def read(reader: Reader) -> list[Action]:
        rows = reader.must_count()
        reader.must("rows", "row")
        return [{"do": "limit", "rows": rows, "end": end}]

    return read


def clip(reader: Reader) -> list[Action]:
    action: Action = {"do": "clip", "columns": reader.columns()}
    while True:
        if reader.take("at most", "to at most", "below"):
            action["high"] = reader.must_number()
        elif reader.take("at least", "to at least", "above"):
            action["low"] = reader.must_number()
        elif reader.take("to between", "between", "to", "from"):
            bracket = reader.take("[", "(")
            action["low"] = reader.must_number()
            reader.must("and", "to", ",")
            action["high"] = reader.must_number()
            if bracket:
                reader.must("]", ")")
        else:
            break
        reader.take("and")
    if "low" not in action and "high" not in action:
        raise reader.fail("between … and …, at least …, or at most …")
    return [action]


def joining(how: str) -> Callable[[Reader], list[Action]]:
    def read(reader: Reader) -> list[Action]:
        reader.take("with", "the table", "table")
        if reader.done or reader.words[reader.at].kind not in ("word", "quoted"):
            raise reader.fail("the name of a table")
        table = reader.name("the name of a table")
        reader.must("on", "by")
        keys: list[Any] = []
        while True:
            left = reader.must_column()
            if reader.take("=", "=="):
                keys.append({"left": left, "right": reader.name("a column of the other table")})
            else:
                keys.append(left)
            if not reader.take(", and", ",", "and"):
                return [{"do": "join", "table": table, "on": keys, "how": how}]

    return read


def derive(reader: Reader) -> list[Action]:
    reader.take("a column", "column", "the column")
    name = reader.name("a name for the column")
    reader.must("=", "as")
    text = reader.rest()
    if not text:
        raise reader.fail("an expression, such as a / b")
    return [{"do": "derive", "column": name, "expression": text}]


def deduplicate(reader: Reader) -> list[Action]:
    action: Action = {"do": "deduplicate"}
    if reader.take("by", "of", "in", "on"):
        action["columns"] = reader.columns()
    if word := reader.take("keeping the last", "keep last", "keeping the first", "keep first"):
        action["keep"] = word.split()[-1]
    return [action]


def cast(reader: Reader) -> list[Action]:
    columns = reader.columns()
    reader.must("as", "to", "into")
    reader.take("a")
    word = reader.must("numbers", "number", "dates", "date", "datetimes", "datetime", "moments", "times")
    to = {"n": "number", "d": "date"}.get(word[0], "datetime") if not word.startswith("datet") else "datetime"
    action: Action = {"do": "cast", "columns": columns, "to": to}
    if reader.take("format", "with format", "written as"):
        action["format"] = reader.name("a format in quotes, such as '%d.%m.%Y'")
    return [action]
