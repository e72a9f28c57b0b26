"""What one value of a partial's field is: a `Kind`, and the simple ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from math import isnan
from types import NoneType
from typing import Any

from agi_node.canonical import canonical
from agi_node.partial import exact
from agi_node.partial.refusal import foreign, unfit


@dataclass(frozen=True)
class Kind:
    """How the values of one type are checked, written and ordered.

    Attributes:
        text: The type as an author writes it; `kind(text)` gives this kind again.
        accept: A Python value to its one representation in memory; raises AGI-PART-003.
        encode: That representation to plain JSON whose canonical bytes survive being written and read.
        decode: The inverse of `encode`; raises AGI-PART-006.
        plain: That representation to plain JSON for people.
        ordered: Whether the values have an order of their own (others are ordered by canonical bytes).
        hashable: Whether values can be members of a set.
    """

    text: str
    accept: Callable[[Any], Any]
    encode: Callable[[Any], Any]
    decode: Callable[[Any], Any]
    plain: Callable[[Any], Any]
    ordered: bool = True
    hashable: bool = True

    def sort(self, values: Iterable[Any]) -> list[Any]:
        """The values in their one order, whatever order they came in."""
        if self.ordered:
            return sorted(values)
        return sorted(values, key=lambda value: canonical(self.encode(value)))


def _same(value: Any) -> Any:
    return value


def _exactly(wanted: type, allowed: str) -> Callable[[Any], Any]:
    def decode(plain: Any) -> Any:
        if type(plain) is not wanted:
            raise foreign("a value of another type", found=plain, allowed=allowed)
        return plain

    return decode


def _accept_bool(value: Any) -> bool:
    if type(value) is bool:
        return value
    # numpy.bool_ is no subclass of bool; it is the one other type that calls itself so.
    if type(value).__name__ in ("bool", "bool_") and hasattr(value, "item"):
        return bool(value)
    raise unfit(value, "True or False")


def _accept_int(value: Any) -> int:
    if type(value) is int:
        return value
    # bool is an int to every type checker, and numpy's integers answer to __index__; 3.0 is neither.
    try:
        return int(value.__index__())
    except (AttributeError, TypeError):
        raise unfit(value, "a whole number (int)") from None


def accept_double(value: Any) -> float:
    """A number as a double; NaN passes. Raises AGI-PART-003 for what is no number."""
    if type(value) is float:
        return value
    if isinstance(value, str | bytes) or not hasattr(value, "__float__"):
        raise unfit(value, "a number (float)")
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        raise unfit(value, "a number in the range of doubles (float)") from None


def _accept_float(value: Any) -> float:
    number = accept_double(value)
    if isnan(number):
        raise unfit(value, "a number; NaN has no place in an order and equals nothing")
    return number + 0.0  # -0.0 becomes 0.0: two equal values must not have two texts


def _decode_float(plain: Any) -> float:
    number = exact.read_double(plain)
    if isnan(number):
        raise foreign("a NaN where values are ordered", found=plain, allowed="a number")
    return number


def accept_str(value: Any) -> str:
    if not isinstance(value, str):
        raise unfit(value, "a text (str)")
    if not value.isascii():
        try:
            value.encode("utf-8")
        except UnicodeEncodeError:
            raise unfit(value, "a text that UTF-8 can write (no lone surrogates)") from None
    return value if type(value) is str else str.__str__(value)


def _accept_datetime(value: Any) -> datetime:
    if not isinstance(value, datetime):
        raise unfit(value, "a datetime with its time zone")
    if value.utcoffset() is None:
        raise unfit(value, "a datetime with its time zone, such as value.replace(tzinfo=UTC)")
    at = value.astimezone(UTC)
    # Rebuilt, because subclasses (pandas.Timestamp) carry parts that a datetime's text does not.
    return datetime(at.year, at.month, at.day, at.hour, at.minute, at.second, at.microsecond, UTC)


def _encode_datetime(value: datetime) -> str:
    return value.isoformat().replace("+00:00", "Z")


def _decode_datetime(plain: Any) -> datetime:
    try:
        value = datetime.fromisoformat(plain)
        if value.utcoffset() is not None and _encode_datetime(value.astimezone(UTC)) == plain:
            return value.replace(tzinfo=UTC)
    except (TypeError, ValueError, OverflowError):
        pass
    raise foreign("no instant", found=plain, allowed="ISO 8601 in UTC, such as 2024-05-01T12:00:00Z")


def _accept_date(value: Any) -> date:
    if not isinstance(value, date) or isinstance(value, datetime):
        raise unfit(value, "a date without a time")
    return date(value.year, value.month, value.day)


def _decode_date(plain: Any) -> date:
    try:
        value = date.fromisoformat(plain)
        if value.isoformat() == plain:
            return value
    except (TypeError, ValueError):
        pass
    raise foreign("no date", found=plain, allowed="ISO 8601, such as 2024-05-01")


def _accept_none(value: Any) -> None:
    if value is not None:
        raise unfit(value, "None")


def _accept_json(value: Any) -> Any:
    """Plain JSON in the one form that a JSON reader gives back: 3.0 is 3, a tuple is a list."""
    if value is None or type(value) is bool:
        return value
    if isinstance(value, str):
        return accept_str(value)
    if isinstance(value, dict):
        return {key: _accept_json(value[key]) for key in sorted(map(accept_str, value))}
    if isinstance(value, list | tuple):
        return [_accept_json(item) for item in value]
    if isinstance(value, float):
        number = float(value)
        # RFC 8785 writes whole doubles below 1e21 as integers, and a reader gives integers back.
        return int(number) if number.is_integer() and abs(number) < 1e21 else number
    if hasattr(value, "__index__"):
        return int(value.__index__())
    raise unfit(value, "plain JSON (None, bool, int, float, str, list, dict)")


def _decode_json(plain: Any) -> Any:
    try:
        return _accept_json(plain)
    except Exception as error:
        raise foreign("not plain JSON", found=plain, allowed="plain JSON") from error


def _none_plain(value: Any) -> None:
    return None


SIMPLE = {
    "bool": Kind("bool", _accept_bool, _same, _exactly(bool, "true or false"), _same),
    "int": Kind("int", _accept_int, _same, _exactly(int, "a whole number"), _same),
    "float": Kind("float", _accept_float, exact.write_double, _decode_float, _same),
    "str": Kind("str", accept_str, _same, _exactly(str, "a text"), _same),
    "date": Kind("date", _accept_date, date.isoformat, _decode_date, date.isoformat),
    "datetime": Kind("datetime", _accept_datetime, _encode_datetime, _decode_datetime, _encode_datetime),
    "None": Kind("None", _accept_none, _none_plain, _exactly(NoneType, "null"), _none_plain, ordered=False),
    "json": Kind("json", _accept_json, _same, _decode_json, _same, ordered=False, hashable=False),
}
NAMED = (bool, int, float, str, date, datetime)
