"""How the rest of a form about figures is read: those of groups, and those of a window that moves along the rows."""

from __future__ import annotations

from agilab.assist.offline.phrases import Action, by_of
from agilab.assist.offline.words import Reader

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
    return [{"do": "aggregate", "measures": measures, **by_of(reader)}]


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
            action["least"] = reader.must_count()
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
    number = reader.must_count()
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
