"""Exact totals of doubles, against `math.fsum` and `fractions.Fraction`."""

from __future__ import annotations

import math
import random
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agi_node.errors import AgiError
from agi_node.partial import exact

finite = st.floats(allow_nan=False, allow_infinity=False)
anything = st.floats(allow_nan=True, allow_infinity=True)


@given(finite)
@example(5e-324)
@example(1.7976931348623157e308)
@example(-0.0)
def test_a_double_comes_back_from_its_total_and_from_its_text(value):
    total = exact.lift(value)
    assert Fraction(total, 1 << exact.UNIT) == Fraction(value)
    assert exact.lower(total) == value
    assert exact.read(exact.write(total)) == total
    assert exact.read_double(exact.write_double(value)) == value


@given(st.lists(finite.map(lambda x: x / 64), max_size=40))
def test_the_exact_sum_is_that_of_fsum_and_of_fractions(values):
    total = exact.add_all([exact.lift(value) for value in values])
    assert exact.lower(total) == math.fsum(values)
    assert Fraction(total, 1 << exact.UNIT) == sum(map(Fraction, values))


@given(st.lists(anything, min_size=1, max_size=12), st.randoms(use_true_random=False))
def test_any_order_and_grouping_gives_one_text(values, chance: random.Random):
    totals = [exact.lift(value) for value in values]
    whole = exact.write(exact.add_all(totals))
    while len(totals) > 1:
        left, right = (totals.pop(chance.randrange(len(totals))) for _ in range(2))
        totals.append(exact.add(left, right))
    assert exact.write(totals[0]) == whole


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([math.inf, 1.0], "inf"),
        ([1e308, -math.inf], "-inf"),
        ([math.inf, -math.inf], "nan"),
        ([math.nan, 3.0], "nan"),
        ([math.nan, math.inf], "nan"),
    ],
)
def test_what_is_not_finite_behaves_as_in_ieee_754(values, expected):
    assert exact.write(exact.add_all([exact.lift(value) for value in values])) == expected
    assert repr(sum(values)) == expected


def test_a_sum_that_passes_beyond_the_range_of_doubles_comes_back():
    total = exact.add_all([exact.lift(value) for value in (1.7e308, 1.7e308, -1.7e308)])
    assert exact.lower(total) == 1.7e308
    assert exact.lower(exact.add(exact.lift(1.7e308), exact.lift(1.7e308))) == math.inf


def test_a_total_of_millions_of_the_most_extreme_doubles_stays_small():
    tiny, huge = exact.lift(5e-324), exact.lift(1.7976931348623157e308)
    assert isinstance(tiny, int)
    assert isinstance(huge, int)
    assert len(exact.write(10**7 * (huge + tiny))) < 600


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "1",
            "2*2^0",
            "0*2^0",
            "1*2^",
            "1*2^07",
            "-0",
            "+1*2^0",
            "A*2^0",
            " 1*2^0",
            "1_1*2^0",
            "1*2^0\n",
        ),
        *("1*2^-1075", "1*2^9999", "1*2^99999999999", "Infinity", "NaN", 1, 1.5, None, ["1*2^0"]),
    ],
)
def test_a_text_that_no_total_has_is_refused(text):
    with pytest.raises(AgiError, match="no exact number") as caught:
        exact.read(text)
    assert caught.value.code == "AGI-PART-006"


def test_more_digits_than_a_double_has_are_no_double():
    assert exact.read("20000000000001*2^0") == (2**53 + 1) << exact.UNIT
    with pytest.raises(AgiError, match="more digits than a double has"):
        exact.read_double("20000000000001*2^0")
