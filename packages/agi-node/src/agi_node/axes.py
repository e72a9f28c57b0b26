"""What a table has beside its cells and no file of it says: kept as plain data, and given back.

Levels of an index that no row uses, and their order; columns that are a range; names that are no texts; how often times
come; what was noted of the table (pandas); which columns are known to be in order (polars). `told` says what is lost
and is not among these, so that the table is pickled.
"""

from __future__ import annotations

import contextlib
import importlib
from typing import Any

from agi_node.exact_json import exact_text, exact_value

LEVELS = 20_000
"""Letters that the levels of an index may take."""
_SIMPLE = "biuf"
AXES = ("index", "columns")


def told(frame: Any, back: Any) -> tuple[dict[str, Any], str]:
    """What must be given `back` to a table that was read so that it is `frame` again; and what cannot be, in words.

    >>> import pandas
    >>> told(pandas.DataFrame([[1, 2]]), pandas.DataFrame([[1, 2]], columns=[0, 1]))
    ({'columns': {'range': [0, 2, 1]}}, '')
    """
    found: dict[str, Any] = {}
    for name in AXES:
        axis, other = getattr(frame, name), getattr(back, name)
        if same_axis(axis, other):
            continue
        form = _form(axis)
        if form is None or not same_axis(axis, _given(other, form)):
            return {}, f"{'an index' if name == 'index' else 'columns'} that would come back as another one"
        found[name] = form
    for name, value, other in (
        ("attrs", dict(frame.attrs), dict(back.attrs)),
        ("flags", frame.flags.allows_duplicate_labels, back.flags.allows_duplicate_labels),
    ):
        text = exact_text(value)
        if text is None and value:
            return {}, f"{name} that are no plain data"
        if text != exact_text(other):
            found[name] = text
    if missing := _missing(frame, back):
        found["nan"] = missing
    odd = next((str(name) for at, name in enumerate(frame.columns) if not _same_objects(frame, back, at)), "")
    if odd:
        return {}, f"column {odd!r} whose objects would come back as others"
    return found, ""


def in_order(frame: Any) -> dict[str, Any]:
    """Columns of a table of polars that are known to be in order, which speeds up what comes after and lets it be."""
    found = {
        series.name: bool(series.flags["SORTED_DESC"])
        for series in frame.get_columns()
        if series.flags.get("SORTED_ASC") or series.flags.get("SORTED_DESC")
    }
    return {"sorted": found} if found else {}


def give_back(table: Any, found: dict[str, Any]) -> Any:
    """A table that was read, with what `told` or `in_order` found."""
    if "sorted" in found:
        polars = importlib.import_module("polars")
        return table.with_columns(
            polars.col(name).set_sorted(descending=falls) for name, falls in found["sorted"].items()
        )
    for at in found.get("nan", ()):
        column = table.iloc[:, at]
        table.isetitem(at, column.where(column.notna(), float("nan")))
    for name in AXES:
        if name in found:
            setattr(table, name, _given(getattr(table, name), found[name]))
    if "attrs" in found:
        table.attrs = exact_value(found["attrs"])
    if "flags" in found:
        table.flags.allows_duplicate_labels = exact_value(found["flags"])
    return table


def same_axis(one: Any, other: Any) -> bool:
    """Whether two indices are one and the same: also in their types, names, levels, and how often times come."""
    if type(one) is not type(other) or _names(one) != _names(other) or len(one) != len(other):
        return False
    if hasattr(one, "levels"):
        levels = zip(one.levels, other.levels, strict=False)
        codes = zip(one.codes, other.codes, strict=False)
        return (
            one.nlevels == other.nlevels
            and all(same_axis(*each) for each in levels)
            and all((left == right).all() for left, right in codes)
        )
    if hasattr(one, "start"):
        return bool((one.start, one.stop, one.step) == (other.start, other.stop, other.step))
    if repr(one.dtype) != repr(other.dtype) or getattr(one, "freq", None) != getattr(other, "freq", None):
        return False
    if hasattr(one, "categories") and not same_axis(one.categories, other.categories):
        return False
    if one.dtype == object and list(map(type, one)) != list(map(type, other)):
        return False
    return bool(one.equals(other))


def _names(axis: Any) -> list[tuple[type, str]]:
    return [(type(name), repr(name)) for name in axis.names]


def _form(axis: Any) -> dict[str, Any] | None:
    """What makes an index out of one with equal labels; None where there is no plain form of it."""
    found: dict[str, Any] = {}
    names = exact_text(list(axis.names))
    if names is None:
        return None
    if any(name is not None for name in axis.names):
        found["names"] = names
    if hasattr(axis, "levels"):
        levels = [_level(level) for level in axis.levels]
        if None in levels or sum(len(level["labels"]) for level in levels if level) > LEVELS:
            return None
        return {**found, "levels": levels}
    if hasattr(axis, "start"):
        return {**found, "range": [axis.start, axis.stop, axis.step]}
    if (freq := getattr(axis, "freq", None)) is not None:
        found["freq"] = getattr(freq, "freqstr", "")
    elif axis.dtype == object:
        found["dtype"] = "object"
    return found or None


def _level(level: Any) -> dict[str, Any] | None:
    """The labels of one level, in their order."""
    kind = level.dtype
    found: dict[str, Any] = {"dtype": str(kind)}
    if getattr(kind, "kind", "") in ("M", "m"):
        labels: Any = level.asi8.tolist()
        if (freq := getattr(level, "freq", None)) is not None:
            found["freq"] = freq.freqstr
    elif str(kind) in ("object", "str") or (kind.kind in _SIMPLE and not hasattr(kind, "na_value")):
        labels = level.tolist()
    else:
        return None
    text = exact_text(labels)
    return None if text is None else {**found, "labels": text}


def _given(axis: Any, form: dict[str, Any]) -> Any:
    """An index as its form says, from one with the same labels."""
    pandas = importlib.import_module("pandas")
    if "levels" in form:
        levels = [_made(pandas, level) for level in form["levels"]]
        codes = [level.get_indexer(axis.get_level_values(at)) for at, level in enumerate(levels)]
        axis = pandas.MultiIndex(levels=levels, codes=codes, verify_integrity=False)
    elif "range" in form:
        axis = pandas.RangeIndex(*form["range"])
    elif "freq" in form:
        with contextlib.suppress(ValueError):  # one's own holidays: there is no word for them
            axis = axis.__class__(axis, freq=form["freq"])
    elif "dtype" in form:
        axis = axis.astype(form["dtype"])
    axis = axis.view() if hasattr(axis, "view") else axis
    return axis.set_names(exact_value(form["names"])) if "names" in form else axis


def _made(pandas: Any, level: dict[str, Any]) -> Any:
    found = pandas.Index(exact_value(level["labels"]))
    found = (
        found.astype("int64").astype(level["dtype"])
        if level["dtype"].startswith(("dat", "tim"))
        else found.astype(level["dtype"])
    )
    return found.__class__(found, freq=level["freq"]) if "freq" in level else found


def _missing(frame: Any, back: Any) -> list[int]:
    """The columns of objects, by number, in which what is missing is NaN and would come back as None."""
    found = []
    for at, (kind, after) in enumerate(zip(frame.dtypes, back.dtypes, strict=True)):
        if str(kind) == str(after) == "object":
            gaps = frame.iloc[:, at][frame.iloc[:, at].isna()].tolist()
            if gaps and all(type(one) is float for one in gaps):
                found.append(at)
    return found


def _same_objects(frame: Any, back: Any, at: int) -> bool:
    """Whether the objects of a column would come back as they are; texts do, numbers and times are no objects."""
    if str(frame.dtypes.iloc[at]) != "object":
        return True
    one, other = frame.iloc[:, at], back.iloc[:, at]
    gaps, there = one[one.isna()].tolist(), one.notna()
    if gaps and not (all(gap is None for gap in gaps) or all(type(gap) is float for gap in gaps)):
        return False
    pairs = zip(one[there].tolist(), other[there].tolist(), strict=True)
    return all(
        type(left) is type(right) and (type(left) is str or repr(left) == repr(right))
        for left, right in pairs
    )
