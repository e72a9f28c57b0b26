"""Params as a person writes them: text that becomes what the lab's own value is, or is refused."""

from __future__ import annotations

import datetime
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic_core import PydanticCustomError

from agi_node.errors import USAGE, AgiError
from agilab.contracts import dated_json
from agilab.contracts.datum import checked
from agilab.contracts.lab_stages import LabStages

_MOMENT = (datetime.date, datetime.time)
Kind = tuple[str, Callable[[str], Any]]
"""What is allowed, in words, and how text becomes it; ValueError for text that does not."""


def params_from(texts: Mapping[str, str], params: Mapping[str, Any]) -> dict[str, Any]:
    """Values for the params of a lab, each of the kind of the one that it replaces.

    A name that the lab does not have stays text: whoever reads the lab refuses it. Raises AGI-STAGE-058 for a text that
    is no value of its param's kind.

    >>> params_from({"days": "30", "name": "007"}, {"days": 1, "name": "x"})
    {'days': 30, 'name': '007'}
    """
    found: dict[str, Any] = {}
    for name, text in texts.items():
        if name not in params:
            found[name] = text
            continue
        allowed, read = _kind_of(params[name])
        try:
            found[name] = like(params[name], read(text))
        except (ValueError, RecursionError):
            raise _refused(name, text or "nothing", allowed, params[name]) from None
    return found


def params_given(values: Mapping[str, Any], params: Mapping[str, Any]) -> dict[str, Any]:
    """Values that a program gives, such as papermill: a text that stands for a date is that date.

    Raises AGI-STAGE-058 for a text that is none, and for what no lab can hold.
    """
    found = dict(values)
    for name in values.keys() & params.keys():
        try:
            found[name] = checked(like(params[name], values[name]))
        except (ValueError, PydanticCustomError):
            raise _refused(name, repr(values[name]), _kind_of(params[name])[0], params[name]) from None
    return found


def like(own: Any, value: Any) -> Any:
    """A value with dates and times in place of their texts, where the one that it replaces has such.

    In a list all items are what the own ones are, if these are all of one kind. Raises `ValueError` for what is no
    date and no time where one is wanted.

    >>> like([datetime.date(2024, 5, 31)], ["2024-06-01", "2024-06-02"])
    [datetime.date(2024, 6, 1), datetime.date(2024, 6, 2)]
    """
    if isinstance(own, _MOMENT):
        if isinstance(value, str):
            return _kind_of(own)[1](value)
        return value if isinstance(value, _MOMENT) else _no()
    if isinstance(own, list | tuple) and isinstance(value, list | tuple):
        one = own[0] if own and len({_kind_of(each)[0] for each in own}) == 1 else None
        return [like(one, each) for each in value]
    if isinstance(own, dict) and isinstance(value, dict):
        return {key: like(own.get(key), each) for key, each in value.items()}
    return value


def _refused(name: str, found: str, allowed: str, own: Any) -> AgiError:
    return AgiError(
        "AGI-STAGE-058",
        f"the param {name} cannot have this value",
        found=found[:120],
        allowed=f"{allowed}, as in the lab: {_shown(own)}",
        exit_code=USAGE,
    )


@dataclass(frozen=True)
class Unbounded:
    """A value that is, or holds, infinity or NaN, which JSON has not, and so neither plans nor logs.

    Attributes:
        stage: The stage that says it; None for a param of the lab.
        path: Its keys, within the stage or the whole.
    """

    stage: str | None
    path: tuple[str, ...]
    value: Any

    @property
    def what(self) -> str:
        """It in words."""
        kind = {"params": "param", "foreach": "list", "args": "argument"}[self.path[-2]]
        of = f" of {self.stage}" if self.stage else ""
        return f"the {kind} {self.path[-1]}{of} is no finite number, or holds one that is not"

    @property
    def mend(self) -> str:
        return f'write it as text, "inf" or "nan", and use float({self.path[-1]})'


def unbounded(lab: LabStages) -> Iterator[Unbounded]:
    """What is no finite number among the params of a lab, the lists that its stages write out, and their arguments."""
    for name, value in lab.lab.params.items():
        if not _is_bounded(value):
            yield Unbounded(None, ("lab", "params", name), value)
    for stage in lab.stages:
        for key, values in (("foreach", stage.foreach), ("args", stage.args)):
            for name, value in values.items():
                if stage.enabled and not _is_bounded(value):
                    yield Unbounded(stage.id, (key, name), value)


def refuse_unbounded(lab: LabStages) -> None:
    """Raise AGI-STAGE-063 naming the first value that is, or holds, infinity or NaN."""
    for one in unbounded(lab):
        raise AgiError(
            "AGI-STAGE-063",
            one.what,
            found=str(one.value)[:120],
            allowed="numbers that JSON has: what the document says travels as JSON",
            try_=one.mend,
            exit_code=USAGE,
        )


def _is_bounded(value: Any) -> bool:
    if isinstance(value, dict):
        return all(map(_is_bounded, value.values()))
    if isinstance(value, list | tuple):
        return all(map(_is_bounded, value))
    return not isinstance(value, float) or math.isfinite(value)


def _kind_of(value: Any) -> Kind:
    if isinstance(value, datetime.datetime) and value.tzinfo is not None:
        return "a date and time with its offset, such as 2024-05-31T12:00:00+02:00", _zoned
    for kind, words in _KINDS:
        if type(value) is kind:
            return words
    return "JSON", _data


def _truth(text: str) -> bool:
    return {"true": True, "false": False}[text.lower()] if text.lower() in ("true", "false") else _no()


def _number(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _no()


def _iso(kind: Any) -> Callable[[str], Any]:
    def read(text: str) -> Any:
        found = kind.fromisoformat(text)
        return _no() if getattr(found, "tzinfo", None) is not None else found

    return read


def _zoned(text: str) -> datetime.datetime:
    """A moment everywhere on earth stays one: no zone is dropped, and none is made up."""
    found = datetime.datetime.fromisoformat(text)
    return _no() if found.tzinfo is None else found


def _data(text: str, kind: type | None = None) -> Any:
    value = dated_json.read(text, parse_constant=_no, parse_float=_number)
    return value if kind is None or type(value) is kind else _no()


def _no(_: str = "") -> Any:
    raise ValueError


def _shown(value: Any) -> str:
    text = dated_json.spelled(value)
    return text if len(text) <= 60 else f"{text[:57]}…"


_KINDS: tuple[tuple[type, Kind], ...] = (
    (bool, ("true or false", _truth)),
    (int, ("a whole number", int)),
    (float, ("a finite number", _number)),
    (str, ("text", str)),
    (list, ("a list as JSON, such as [1, 2]", lambda text: _data(text, list))),
    (dict, ('a table as JSON, such as {"a": 1}', lambda text: _data(text, dict))),
    (
        datetime.datetime,
        ("a date and time without offset, such as 2024-05-31T12:00:00", _iso(datetime.datetime)),
    ),
    (datetime.date, ("a date, such as 2024-05-31", _iso(datetime.date))),
    (datetime.time, ("a time, such as 12:30:00", _iso(datetime.time))),
)
