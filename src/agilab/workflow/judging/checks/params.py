"""What of the params of a lab does not reach a stage as it stands in the document."""

from __future__ import annotations

import datetime
import tomllib
from collections.abc import Iterator
from typing import Any

from agilab.workflow.document.params import moments, unbounded
from agilab.workflow.judging.checks.case import Case
from agilab.workflow.judging.findings import Finding

_MOMENTS: dict[type, str] = {
    datetime.datetime: "date and time",
    datetime.date: "date",
    datetime.time: "time",
}


def dates(case: Case) -> Iterator[Finding]:
    """Params that TOML knows as dates, and stages get as text."""
    if case.file.converted is not None:
        return
    for name, value in moments(case.file.text).items():
        what = f"the param {name} is a {_MOMENTS[type(value)]}, and stages get its text"
        mend = f"datetime.{type(value).__name__}.fromisoformat({name})"
        yield case.finding(
            "062", case.place(None, "lab", "params", name), None, what, value.isoformat(), mend
        )
    for name, value in _params(case.file.text).items():
        if isinstance(value, (list, dict)) and (first := next(_within(value), None)) is not None:
            what = f"the param {name} holds a {_MOMENTS[type(first)]}, and stages get its text"
            mend = f"datetime.{type(first).__name__}.fromisoformat of each text in {name}"
            at = case.place(None, "lab", "params", name)
            yield case.finding("062", at, None, what, first.isoformat(), mend)


def _params(text: str) -> dict[str, Any]:
    """The params as TOML has them, in which dates are dates."""
    table = tomllib.loads(text).get("lab", {})
    params = table.get("params", {}) if isinstance(table, dict) else {}
    return params if isinstance(params, dict) else {}


def _within(value: Any) -> Iterator[Any]:
    """The dates and times in a list or a table, however deep."""
    if isinstance(value, (list, dict)):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _within(one)
    elif type(value) in _MOMENTS:
        yield value


def numbers(case: Case) -> Iterator[Finding]:
    """Params that are no finite numbers."""
    params = case.file.lab.lab.params
    for name in unbounded(params):
        at = case.place(None, "lab", "params", name)
        mend = f'write it as text, "inf" or "nan", and use float({name})'
        what = f"the param {name} is no finite number, or holds one that is not"
        yield case.finding("063", at, None, what, str(params[name])[:80], mend)
