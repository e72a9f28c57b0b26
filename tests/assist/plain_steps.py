"""What safe actions mean, once more and plainly: rows are dicts, missing is None, and nothing of AGILab is used.

The oracle of the generated code. It reads the JSON of the document; expressions come as nested lists of the test,
`["/", ["col", "a"], 2]`, beside the text that the document has.
"""

from __future__ import annotations

import datetime as dt
import math
import statistics
import zoneinfo
from collections.abc import Callable
from typing import Any

Row = dict[str, Any]
Table = tuple[list[str], list[Row]]
ZONE = zoneinfo.ZoneInfo("Europe/Paris")
"""Of moments with a zone; in a row they stand as moments of UTC, which Python compares and subtracts as such."""
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


def run(
    actions: list[dict[str, Any]], table: Table, others: dict[str, Table], trees: dict[str, Any]
) -> Table:
    """The table after the actions; `trees` has the nested lists of each expression by its text."""
    for action in actions:
        names, rows = table
        table = STEPS[action["do"]](action, list(names), [dict(row) for row in rows], others, trees)
    return table


# -- expressions ---------------------------------------------------------------------------------------------------


def value(tree: Any, row: Row) -> Any:
    if not isinstance(tree, list):
        return tree
    head, *rest = tree
    if head == "col":
        return row[rest[0]]
    if head == "if":
        return value(rest[1], row) if value(rest[0], row) is True else value(rest[2], row)
    if head in ("and", "or"):
        yes = [value(part, row) is True for part in rest]
        return all(yes) if head == "and" else any(yes)
    given = [value(part, row) for part in rest]
    if head == "not":
        return given[0] is not True
    if head == "missing":
        return given[0] is None
    if head == "!=":
        return not value(["==", *rest], row)
    if head in COMPARE:
        if len({getattr(one, "tzinfo", None) is None for one in given}) > 1:
            given = [wall(one) for one in given]
        return None not in given and COMPARE[head](*given)
    if None in given:
        return None
    return defined(PLAIN[head](*(given if head.endswith("_between") else map(wall, given))))


def wall(moment: Any) -> Any:
    """A moment as a clock on the wall shows it; anything else as it is."""
    zoned = isinstance(moment, dt.datetime) and moment.tzinfo is not None
    return moment.astimezone(ZONE).replace(tzinfo=None) if zoned else moment


def defined(number: Any) -> Any:
    """Not a number is no value."""
    return None if isinstance(number, float) and math.isnan(number) else number


COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "==": lambda a, b: a == b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "contains": lambda a, b: b in a,
    "starts": lambda a, b: a.startswith(b),
    "ends": lambda a, b: a.endswith(b),
}
PLAIN: dict[str, Callable[..., Any]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b if b else None,
    "//": lambda a, b: a // b if b else None,
    "%": lambda a, b: a % b if b else None,
    "neg": lambda a: -a,
    "abs": abs,
    "round": lambda a, digits=0: round(a, digits),
    "floor": lambda a: a if abs(a) == math.inf else math.floor(a),
    "ceil": lambda a: a if abs(a) == math.inf else math.ceil(a),
    "sqrt": lambda a: math.sqrt(a) if a >= 0 else None,
    "log": lambda a: math.log(a) if a > 0 else None,
    "lower": str.lower,
    "upper": str.upper,
    "strip": str.strip,
    "length": len,
    "year": lambda d: d.year,
    "month": lambda d: d.month,
    "day": lambda d: d.day,
    "hour": lambda d: d.hour,
    "weekday": lambda d: d.isoweekday(),
    "date": lambda d: d.date(),
    "days_between": lambda a, b: (b - a).days,
    "seconds_between": lambda a, b: (b - a).total_seconds(),
}


def holds(where: dict[str, Any], row: Row) -> bool:
    if "all" in where:
        return all(holds(part, row) for part in where["all"])
    if "any" in where:
        return any(holds(part, row) for part in where["any"])
    if "not" in where:
        return not holds(where["not"], row)
    x, test = row[where["column"]], where["test"]
    if test == "missing":
        return x is None
    if test == "known":
        return x is not None
    if test == "!=":
        return not holds({**where, "test": "=="}, row)
    if test == "not in":
        return not holds({**where, "test": "in"}, row)
    if x is None:
        return False
    if test == "in":
        return wall(x) in [like(v, x) for v in where["values"]]
    if test == "between":
        return bool(like(where["low"], x) <= wall(x) <= like(where["high"], x))
    other = row[where["other"]] if "other" in where else like(where["value"], x)
    x = x if "other" in where else wall(x)
    words = {"starts with": "starts", "ends with": "ends"}
    return other is not None and COMPARE[words.get(test, test)](x, other)


def like(literal: Any, x: Any) -> Any:
    if isinstance(x, dt.datetime):
        return dt.datetime.fromisoformat(literal)
    return dt.date.fromisoformat(literal) if isinstance(x, dt.date) else literal


# -- steps ---------------------------------------------------------------------------------------------------------


def groups(rows: list[Row], by: list[str]) -> dict[tuple[Any, ...], list[Row]]:
    found: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        found.setdefault(tuple(row[name] for name in by), []).append(row)
    return found


def figure(how: str, cells: list[Any]) -> Any:
    known = [cell for cell in cells if cell is not None]
    if how == "rows":
        return len(cells)
    if how == "count":
        return len(known)
    if how == "distinct":
        return len(set(known))
    if how == "sum":
        return summed(known)
    if not known:
        return None
    if how == "std":
        finite = all(map(math.isfinite, known))
        return statistics.stdev(known) if len(known) > 1 and finite else None
    pick: dict[str, Callable[[list[Any]], Any]] = {
        "mean": lambda k: None if summed(k) is None else summed(k) / len(k),
        "median": lambda k: defined(float(statistics.median(k))),
        "min": min,
        "max": max,
        "first": lambda k: k[0],
        "last": lambda k: k[-1],
    }
    return pick[how](known)


def summed(numbers: list[Any]) -> Any:
    if all(isinstance(number, int) for number in numbers):
        return sum(numbers)
    infinite = {number for number in numbers if math.isinf(number)}
    return math.fsum(numbers) if not infinite else None if len(infinite) > 1 else infinite.pop()


def select(a: Any, names: Any, rows: Any, others: Any, trees: Any) -> Table:
    return a["columns"], [{name: row[name] for name in a["columns"]} for row in rows]


def drop(a: Any, names: Any, rows: Any, others: Any, trees: Any) -> Table:
    kept = [name for name in names if name not in a["columns"]]
    return kept, [{name: row[name] for name in kept} for row in rows]


def rename(a: Any, names: Any, rows: Any, others: Any, trees: Any) -> Table:
    new = {name: a["names"].get(name, name) for name in names}
    return list(new.values()), [{new[name]: row[name] for name in names} for row in rows]


def filter_(a: Any, names: Any, rows: Any, others: Any, trees: Any) -> Table:
    return names, [row for row in rows if holds(a["where"], row)]


def derive(a: Any, names: Any, rows: Any, others: Any, trees: Any) -> Table:
    tree = trees[a["expression"]]
    rows = [{**row, a["column"]: value(tree, row)} for row in rows]
    return (names if a["column"] in names else [*names, a["column"]]), rows


def fill(a: Any, names: Any, rows: Any, others: Any, trees: Any) -> Table:
    for group in groups(rows, a.get("by", [])).values():
        for name in a["columns"]:
            cells = [row[name] for row in group]
            for row, cell in zip(group, filled(a, cells), strict=True):
                row[name] = cell
    return names, rows


def filled(a: Any, cells: list[Any]) -> list[Any]:
    using = a["using"]
    if using in ("value", "mean", "median"):
        put = a["value"] if using == "value" else figure(using, cells)
        if using == "value" and isinstance(put, str):
            reads = {"date": dt.date.fromisoformat, "datetime": dt.datetime.fromisoformat}
            put = reads.get(a["_kind"], str)(put)
            if a.get("_zoned"):
                put = put.replace(tzinfo=ZONE).astimezone(dt.UTC)
        return [put if cell is None else cell for cell in cells]
    if using == "backward":
        return filled({"using": "forward"}, cells[::-1])[::-1]
    out: list[Any] = []
    if using == "forward":
        for cell in cells:
            out.append(cell if cell is not None or not out else out[-1])
        return out
    known = [i for i, cell in enumerate(cells) if cell is not None]
    for i, cell in enumerate(cells):
        before, after = [k for k in known if k < i], [k for k in known if k > i]
        if cell is None and before and after:
            lo, hi = before[-1], after[0]
            cell = defined(cells[lo] + (cells[hi] - cells[lo]) * (i - lo) / (hi - lo))
        out.append(cell)
    return out


def sort(a: Any, names: Any, rows: Any, others: Any, trees: Any) -> Table:
    for key in reversed(a["by"]):
        key = {"column": key} if isinstance(key, str) else key
        known = [row for row in rows if row[key["column"]] is not None]
        ranks = sorted({row[key["column"]] for row in known}, reverse=key.get("descending", False))
        known = sorted(known, key=lambda row: ranks.index(row[key["column"]]))
        rows = known + [row for row in rows if row[key["column"]] is None]
    return names, rows


def aggregate(a: Any, names: Any, rows: Any, others: Any, trees: Any) -> Table:
    by = a.get("by", [])
    found = groups(rows, by) if by else {(): rows}
    out = []
    for key, group in found.items():
        row = dict(zip(by, key, strict=True))
        for measure in a["measures"]:
            cells = [one.get(measure.get("column")) for one in group]
            row[measure["called"]] = figure(measure["how"], cells)
        out.append(row)
    return [*by, *(measure["called"] for measure in a["measures"])], out


def rolling(a: Any, names: Any, rows: Any, others: Any, trees: Any) -> Table:
    for group in groups(rows, a.get("by", [])).values():
        for i, row in enumerate(group):
            if "rows" in a:
                window, least = group[max(0, i + 1 - a["rows"]) : i + 1], a.get("least", a["rows"])
            else:
                t, w = row[a["on"]], int(a["time"][:-1]) * UNITS[a["time"][-1]]
                least = a.get("least", 1)
                window = [
                    other
                    for other in group
                    if t is not None
                    and other[a["on"]] is not None
                    and 0 <= (t - other[a["on"]]).total_seconds() < w
                ]
            cells = [other[a["column"]] for other in window]
            cells = [None if cell is None or math.isinf(cell) else cell for cell in cells]
            enough = sum(cell is not None for cell in cells) >= least
            row[a["called"]] = figure(a["how"], cells) if enough else None
    return [*names, a["called"]], rows


def clip(a: Any, names: Any, rows: Any, others: Any, trees: Any) -> Table:
    for row in rows:
        for name in a["columns"]:
            if row[name] is not None:
                low, high = a.get("low", -math.inf), a.get("high", math.inf)
                row[name] = low if row[name] < low else high if row[name] > high else row[name]
    return names, rows


def join(a: Any, names: Any, rows: Any, others: Any, trees: Any) -> Table:
    other_names, other_rows = others[a["table"]]
    pairs = [(key, key) if isinstance(key, str) else (key["left"], key["right"]) for key in a["on"]]
    brought = [name for name in other_names if name not in [right for _, right in pairs]]
    out = []
    for row in rows:
        partners = [
            other
            for other in other_rows
            if all(row[left] is not None and row[left] == other[right] for left, right in pairs)
        ]
        if a["how"] in ("semi", "anti"):
            out += [row] if bool(partners) == (a["how"] == "semi") else []
            continue
        if not partners and a["how"] == "left":
            partners = [dict.fromkeys(brought)]
        out += [{**row, **{name: other[name] for name in brought}} for other in partners]
    return (names if a["how"] in ("semi", "anti") else [*names, *brought]), out


def limit(a: Any, names: Any, rows: Any, others: Any, trees: Any) -> Table:
    return names, rows[: a["rows"]] if a.get("end", "first") == "first" else rows[-a["rows"] :]


def deduplicate(a: Any, names: Any, rows: Any, others: Any, trees: Any) -> Table:
    place = 0 if a.get("keep", "first") == "first" else -1
    kept = {id(group[place]) for group in groups(rows, a.get("columns") or names).values()}
    return names, [row for row in rows if id(row) in kept]


def cast(a: Any, names: Any, rows: Any, others: Any, trees: Any) -> Table:
    for row in rows:
        for name in a["columns"]:
            row[name] = read(row[name], a["to"], a.get("format"))
    return names, rows


def read(text: str | None, to: str, format_: str | None) -> Any:
    if text is None:
        return None
    try:
        if to == "number":
            return float(text)
        moment = dt.datetime.strptime(text, format_ or ("%Y-%m-%d" if to == "date" else "%Y-%m-%dT%H:%M:%S"))
        return moment.date() if to == "date" else moment
    except ValueError:
        return None


STEPS: dict[str, Callable[..., Table]] = {
    "select": select,
    "drop": drop,
    "rename": rename,
    "filter": filter_,
    "derive": derive,
    "fill": fill,
    "sort": sort,
    "aggregate": aggregate,
    "rolling": rolling,
    "clip": clip,
    "join": join,
    "limit": limit,
    "deduplicate": deduplicate,
    "cast": cast,
}
