"""Canonical JSON against the rfc8785 package, and what it adds: tags for what JSON readers disagree about."""

from __future__ import annotations

import json
import math
import struct
from datetime import date, datetime, time, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from agi_node.canonical import canonical, digest, sha256_bytes, sha256_file, tag, untag


def printed_as_integer(number: float) -> bool:
    """Floats that the RFC prints like integers beyond 2^53; ours are tagged instead."""
    return 2**53 < abs(number) < 1e21


offsets = st.none() | st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))
moments = st.dates() | (st.datetimes(timezones=offsets) | st.times()).map(lambda one: one.replace(fold=0))
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | moments,
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=25,
)


@given(anything)
def test_canonical_json_is_the_rfc_over_the_tagged_value(value: Any) -> None:
    try:
        expected = rfc8785.dumps(tag(value))
    except (UnicodeEncodeError, rfc8785.CanonicalizationError):
        return  # lone surrogates are no Unicode text, and the RFC has no form for them
    assert canonical(value) == expected


@given(st.binary(min_size=8, max_size=8))
def test_every_double_is_printed_as_ecmascript_prints_it(bits: bytes) -> None:
    (number,) = struct.unpack("d", bits)
    if math.isfinite(number) and not printed_as_integer(number):
        assert canonical(number) == rfc8785.dumps(number)


@pytest.mark.parametrize(
    "number", [0.0, -0.0, 1.0, 2.0**53, 1e21, 1e22, 1e-4, 1e-5, 1e-6, 1e-7, 5e-324, 1.7e308]
)
def test_the_borders_of_number_formatting(number: float) -> None:
    assert canonical(number) == rfc8785.dumps(number)


@given(anything)
def test_anything_survives_tagging_and_any_json_reader(value: Any) -> None:
    try:
        text = canonical(value).decode("utf-8")
    except UnicodeEncodeError:
        return
    again = untag(json.loads(text))
    assert canonical(again) == canonical(value)
    assert untag(tag(value)) == value or "nan" in repr(value)


def test_a_large_float_does_not_come_back_as_an_integer() -> None:
    assert untag(json.loads(canonical(1e16))) == 1e16
    assert isinstance(untag(json.loads(canonical(1e16))), float)


class Pair(tuple[int, int]):
    pass


class Word(str):
    pass


def test_subclasses_count_as_what_they_are_made_of() -> None:
    assert (
        canonical([Pair((1, 2)), Word("$5"), True, 2**60])
        == b'[[1,2],"$str:$5",true,"$int:1152921504606846976"]'
    )


def test_equal_values_have_equal_digests_and_others_do_not() -> None:
    assert digest({"b": 1, "a": [2.0]}) == digest({"a": (2,), "b": 1.0})
    assert digest(2**53) != digest(2**53 + 1)
    assert digest("$int:1") != digest(1)
    assert digest(float("nan")) != digest("$float:nan")


@given(moments)
def test_a_date_or_time_is_another_value_than_its_text(value: Any) -> None:
    again = untag(json.loads(canonical(value)))
    assert (again, type(again), again.isoformat()) == (value, type(value), value.isoformat())
    assert digest(value) != digest(value.isoformat())
    assert untag(tag(tag(value))) == tag(value)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({1: 2}, "text keys, not int"),
        ([object()], "object is not plain data"),
        ([datetime(2024, 5, 31, tzinfo=ZoneInfo("Europe/Paris"))], "datetime is not plain data"),
        ([datetime(2024, 5, 31, tzinfo=timezone(timedelta(hours=2), "CEST"))], "datetime is not plain data"),
        ([time(2, 30, fold=1)], "time is not plain data"),
        ([type("Day", (date,), {})(2024, 5, 31)], "Day is not plain data"),
    ],
)
def test_what_is_no_plain_data_is_refused_by_name(value: Any, said: str) -> None:
    with pytest.raises(TypeError, match=said):
        canonical(value)


def test_a_file_has_the_digest_of_its_bytes(tmp_path: Any) -> None:
    (tmp_path / "f").write_bytes(b"abc" * 1000)
    assert sha256_file(tmp_path / "f") == sha256_bytes(b"abc" * 1000)
