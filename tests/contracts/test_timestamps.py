"""Moments have one spelling, in UTC, and come back."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agilab.contracts.timestamps import SPELLING, moment, timestamp, utc_now

ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(st.datetimes(datetime(1000, 1, 2), datetime(9999, 12, 30), timezones=ZONES))
@settings(deadline=None)
def test_a_moment_comes_back_from_its_text_whatever_its_zone(when: datetime) -> None:
    text = timestamp(when)

    assert re.fullmatch(SPELLING, text)
    assert moment(text) == when


@given(st.lists(st.datetimes(datetime(1000, 1, 2), datetime(9999, 12, 30), timezones=ZONES)))
@settings(deadline=None)
def test_timestamps_sort_as_text_as_they_do_in_time(moments: list[datetime]) -> None:
    assert sorted(map(timestamp, moments)) == [timestamp(when) for when in sorted(moments)]


def test_now_is_now_and_in_utc() -> None:
    before = datetime.now(UTC)

    assert before <= moment(utc_now()) <= datetime.now(UTC)


def test_a_moment_without_a_zone_is_refused_rather_than_guessed() -> None:
    with pytest.raises(ValueError, match="2026-11-23T03:44:12 has no time zone"):
        timestamp(datetime(2026, 11, 23, 3, 44, 12))


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-23",
        "2026-11-23T03:44:12",
        "2026-11-23T03:44:12+01:00",
        "2026-11-23 03:44:12Z",
        "٢026-11-23T03:44:12Z",
    ],
)
def test_another_spelling_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a UTC timestamp such as"):
        moment(text)


def test_a_day_that_no_calendar_has_is_refused() -> None:
    with pytest.raises(ValueError, match="day"):
        moment("2026-02-30T00:00:00Z")
