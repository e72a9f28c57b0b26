"""How the rest of each form is read, after its first words. Each function takes a reader and gives actions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from agilab.assist.offline.conditions import condition
from agilab.assist.offline.words import Reader

Action = dict[str, Any]

HOWS = {
    "mean": "mean",
    "average": "mean",
    "sum": "sum",
    "total": "sum",
    "median": "median",
    "minimum": "min",
    "min": "min",
    "maximum": "max",
    "max": "max",
    "standard deviation": "std",
    "std": "std",
    "first": "first",
    "last": "last",
    "number of different": "distinct",
    "distinct": "distinct",
    "count": "count",
}
_ROLLING = {word: how for word, how in HOWS.items() if how in ("sum", "mean", "median", "min", "max", "std")}
_UNITS = {
    "second": "s",
    "minute": "m",
    "hour": "h",
    "day": "d",
    "week": "w",
    "s": "s",
    "min": "m",
    "h": "h",
    "d": "d",
}


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


def _by(reader: Reader) -> dict[str, Any]:
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
        raise reader.fail("mean, median, a value, previous, next or interpolation")
    return [{**action, **_by(reader)}]


def filling(using: str) -> Callable[[Reader], list[Action]]:
    def read(reader: Reader) -> list[Action]:
        return [{"do": "fill", "columns": reader.columns(), "using": using, **_by(reader)}]

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


def _rows(reader: Reader) -> int:
    number = reader.must_number()
    if not isinstance(number, int) or number < 1:
        reader.at -= 1
        raise reader.fail("a whole number, 1 or more")
    return number


def extreme(descending: bool) -> Callable[[Reader], list[Action]]:
    def read(reader: Reader) -> list[Action]:
        rows = _rows(reader)
        reader.take("rows", "row")
        reader.must("by")
        key = {"column": reader.must_column(), "descending": descending}
        return [{"do": "sort", "by": [key]}, {"do": "limit", "rows": rows}]

    return read


def limit(end: str) -> Callable[[Reader], list[Action]]:
    def read(reader: Reader) -> list[Action]:
        rows = _rows(reader)
        reader.must("rows", "row")
        return [{"do": "limit", "rows": rows, "end": end}]

    return read


def _measure(reader: Reader) -> Action:
    reader.take("the")
    if reader.take("number of rows", "count of rows", "count rows", "rows"):
        measure: Action = {"how": "rows", "called": "rows"}
    else:
        word = reader.take(*HOWS)
        if word is None:
            raise reader.fail("mean, sum, median, min, max, std, count, first, last or number of different")
        if word == "count" and (reader.done or reader.lower() in ("by", "per", "for", "as", "and", ",")):
            measure = {"how": "rows", "called": "rows"}
        else:
            reader.take("of", "values of")
            column = reader.must_column()
            measure = {"how": HOWS[word], "column": column, "called": f"{HOWS[word]}_{column}"}
    if reader.take("as", "called"):
        measure["called"] = reader.name("a name for the figure")
    return measure


def aggregate(reader: Reader) -> list[Action]:
    measures = [_measure(reader)]
    while reader.take(", and", ",", "and"):
        measures.append(_measure(reader))
    return [{"do": "aggregate", "measures": measures, **_by(reader)}]


def grouped(reader: Reader) -> list[Action]:
    by = reader.columns()
    reader.take("and take", "and compute", "and", ",", ":", "taking", "with")
    measures = [_measure(reader)]
    while reader.take(", and", ",", "and"):
        measures.append(_measure(reader))
    return [{"do": "aggregate", "by": by, "measures": measures}]


def rolling(reader: Reader) -> list[Action]:
    window = _window(reader)
    word = reader.take(*_ROLLING)
    if word is None:
        raise reader.fail("mean, sum, median, min, max or std")
    reader.take("of")
    action: Action = {"do": "rolling", "column": reader.must_column(), "how": _ROLLING[word]}
    if window is None:
        reader.must("over")
        reader.take("the last", "last")
        window = _window(reader)
        if window is None:
            raise reader.fail("a window: 24 hours, 7 days, 3 rows")
    action |= {word: value for word, value in window.items() if word != "name"}
    called = f"{action['column']}_{action['how']}_{window['name']}"
    on = None
    while True:
        if reader.take("by", "per", "for each", "within each"):
            action["by"] = reader.columns()
        elif reader.take("on", "along"):
            on = reader.must_column()
        elif reader.take("as", "called"):
            called = reader.name("a name for the new column")
        elif reader.take("with at least"):
            action["least"] = _rows(reader)
            reader.take("values", "value")
        else:
            break
    if "time" in action:
        action["on"] = on if on is not None else _moment(reader)
    elif on is not None:
        raise reader.fail("no `on` for a window of rows")
    return [{**action, "called": called}]


def window_first(reader: Reader) -> list[Action]:
    start = reader.at
    if _window(reader) is None:
        raise reader.fail("a window: 24 hours, 7 days, 3 rows")
    end = reader.at
    reader.must("rolling", "moving")
    words = reader.words
    reader.words = [*words[start:end], *words[reader.at :]]
    reader.at = 0
    return rolling(reader)


def _window(reader: Reader) -> Action | None:
    word = reader.words[reader.at] if not reader.done else None
    if word is not None and word.kind == "word" and word.text[:1].isdigit():  # 24h
        digits = word.text.rstrip("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
        unit = word.text[len(digits) :].lower()
        if digits.isdigit() and unit in _UNITS:
            reader.at += 1
            return {"time": f"{digits}{_UNITS[unit]}", "name": f"{digits}{_UNITS[unit]}"}
    if word is None or word.kind != "number":
        return None
    number = _rows(reader)
    reader.take("-")
    unit = reader.lower().rstrip("s") if reader.lower() not in ("s",) else "s"
    if unit == "row":
        reader.at += 1
        return {"rows": number, "name": f"{number}_rows"}
    if unit not in _UNITS:
        raise reader.fail("a unit: seconds, minutes, hours, days, weeks or rows")
    reader.at += 1
    return {"time": f"{number}{_UNITS[unit]}", "name": f"{number}{_UNITS[unit]}"}


def _moment(reader: Reader) -> str:
    """The one column of moments; which one must be said where there are several."""
    for kind in ("datetime", "date"):
        names = [column.name for column in reader.table.columns if column.kind == kind]
        if len(names) == 1:
            return names[0]
        if names:
            raise reader.fail(f"`on` and a column of moments: {', '.join(names)}")
    raise reader.fail("`on` and a column of moments")


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
