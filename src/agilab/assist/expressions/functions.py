"""The functions of the language: what each takes, what it gives, in words for whoever writes one wrongly."""

from __future__ import annotations

from dataclasses import dataclass

from agilab.assist.expressions.nodes import Kind

NUMBER: tuple[Kind, ...] = ("int", "float")
MOMENT: tuple[Kind, ...] = ("date", "datetime")


@dataclass(frozen=True)
class Function:
    """A function: the kinds of its arguments, and of what it gives (None: the kind of its first argument)."""

    usage: str
    meaning: str
    takes: tuple[tuple[Kind, ...], ...]
    gives: Kind | None
    optional: int = 0
    """How many of the last arguments may be left out; these are literals."""


FUNCTIONS = {
    "abs": Function("abs(x)", "size without sign", (NUMBER,), None),
    "round": Function(
        "round(x, digits)", "to so many digits, halves to even", (NUMBER, ("int",)), "float", 1
    ),
    "floor": Function("floor(x)", "the whole number at or below", (NUMBER,), None),
    "ceil": Function("ceil(x)", "the whole number at or above", (NUMBER,), None),
    "sqrt": Function("sqrt(x)", "square root; of less than 0, missing", (NUMBER,), "float"),
    "log": Function("log(x)", "natural logarithm; of 0 and less, missing", (NUMBER,), "float"),
    "lower": Function("lower(text)", "small letters", (("text",),), "text"),
    "upper": Function("upper(text)", "capital letters", (("text",),), "text"),
    "strip": Function("strip(text)", "without blanks at both ends", (("text",),), "text"),
    "length": Function("length(text)", "number of characters", (("text",),), "int"),
    "year": Function("year(moment)", "such as 2026", (MOMENT,), "int"),
    "month": Function("month(moment)", "1 to 12", (MOMENT,), "int"),
    "day": Function("day(moment)", "1 to 31", (MOMENT,), "int"),
    "hour": Function("hour(moment)", "0 to 23", (("datetime",),), "int"),
    "weekday": Function("weekday(moment)", "1 (Monday) to 7", (MOMENT,), "int"),
    "date": Function("date(moment)", "its day", (("datetime",),), "date"),
    "days_between": Function(
        "days_between(a, b)", "days from date a to date b", (("date",), ("date",)), "int"
    ),
    "seconds_between": Function(
        "seconds_between(a, b)", "seconds from moment a to moment b", (("datetime",), ("datetime",)), "float"
    ),
    "missing": Function(
        "missing(x)", "whether there is no value", (("int", "float", "bool", "text", *MOMENT),), "bool"
    ),
    "contains": Function("contains(text, 'part')", "whether it has the part", (("text",), ("text",)), "bool"),
    "starts": Function(
        "starts(text, 'part')", "whether it begins with the part", (("text",), ("text",)), "bool"
    ),
    "ends": Function("ends(text, 'part')", "whether it ends with the part", (("text",), ("text",)), "bool"),
}
TEXT_TESTS = {"contains": "contains", "starts": "starts with", "ends": "ends with"}
