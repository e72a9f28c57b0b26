"""Merged statistics against a single pass by oracles: statistics, fractions, math.fsum, numpy."""

from __future__ import annotations

import math
import statistics
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agi_node.errors import AgiError
from agi_node.partial import Histogram, Moments, TopK

SEED = 20240501
moderate = st.floats(-1e6, 1e6)


def close(value: float | None, expected: float) -> bool:
    assert value is not None
    return math.isclose(value, expected, rel_tol=1e-12, abs_tol=0.0)


def oracle(values: list[float]) -> tuple[float, float]:
    """Mean and population variance in integer arithmetic over a common denominator, rounded once."""
    ratios = [value.as_integer_ratio() for value in values]
    common = max(below for _, below in ratios)
    whole = [above * (common // below) for above, below in ratios]
    count, total = len(whole), sum(whole)
    spread = count * sum(value * value for value in whole) - total * total
    return total / (count * common), spread / (count * common) ** 2


def test_the_oracle_agrees_with_rational_arithmetic():
    values = [0.1, -2.5, 1e9 / 3, 7.0, 1e-9]
    mean = sum(map(Fraction, values)) / 5
    assert oracle(values) == (float(mean), float(sum((Fraction(x) - mean) ** 2 for x in values) / 5))


@settings(deadline=None)
@given(st.lists(moderate, min_size=1, max_size=60))
def test_a_list_has_the_mean_and_variance_of_rational_arithmetic_to_the_last_bit(values):
    found = Moments.of(values)
    assert (found.mean, found.variance) == oracle(values)
    assert (found.count, found.min, found.max) == (len(values), min(values), max(values))
    assert found.std == math.sqrt(oracle(values)[1])


def rational(text: str) -> Fraction:
    """What an exact text says, read without our code: hexadecimal, times a power of two."""
    mantissa, _, power = text.partition("*2^")
    return Fraction(int(mantissa, 16)) * Fraction(2) ** int(power or 0)


whole_numbers = st.integers(-(2**70), 2**70).map(float)
any_finite = st.floats(allow_nan=False, allow_infinity=False)  # subnormal ones and the greatest among them


@settings(deadline=None)
@given(
    st.lists(moderate, min_size=1, max_size=80)
    | st.lists(whole_numbers, min_size=1, max_size=80)
    | st.lists(any_finite, min_size=1, max_size=20)
)
def test_the_state_of_a_list_is_the_sum_of_its_rationals_and_of_their_squares(values):
    state = Moments.of(values).to_state()
    assert rational(state["sum"]) == sum(map(Fraction, values))
    assert rational(state["squares"]) == sum(Fraction(value) ** 2 for value in values)


@pytest.mark.parametrize("power", [-1074, -1022, -947, -946, -1, 0, 1, 946, 947, 970, 1022])
@pytest.mark.parametrize("other", [0.1, 3.0, 5e-324, 1.7e308])
def test_a_list_is_summed_exactly_however_far_apart_its_numbers_are(power, other):
    values = [math.ldexp(1.0, power), -other, 0.0, other / 3, math.ldexp(1 + 2**-52, power)]
    state = Moments.of(values).to_state()
    assert rational(state["sum"]) == sum(map(Fraction, values))
    assert rational(state["squares"]) == sum(Fraction(value) ** 2 for value in values)


@settings(deadline=None, max_examples=40)
@given(st.integers(65, 3000), st.integers(0, 2**32), st.sampled_from([0.0, 1.0, 250.0, -1e4]), st.data())
def test_batches_of_an_array_merge_into_a_single_pass(size, seed, centre, data):
    values = np.random.default_rng(seed).normal(centre, 30.0, size)
    cuts = sorted(data.draw(st.lists(st.integers(0, size), max_size=4)))
    parts = [Moments.of(part) for part in np.split(values, cuts)]
    merged = Moments.merge_all(parts)
    mean, variance = statistics.fmean(values.tolist()), statistics.pvariance(values.tolist())
    assert close(merged.variance, variance)
    # A mean near zero is ill-conditioned relative to itself; relative to the spread it is not.
    assert math.isclose(merged.mean or 0.0, mean, rel_tol=1e-12, abs_tol=1e-12 * math.sqrt(variance))
    assert (merged.count, merged.min, merged.max) == (size, values.min(), values.max())


def test_an_array_of_several_chunks_has_the_moments_of_rational_arithmetic():
    values = np.random.default_rng(SEED).gamma(2.0, 40.0, 100_001)
    found = Moments.of(values)
    mean, variance = oracle(values.tolist())
    assert close(found.mean, mean)
    assert close(found.variance, variance)
    assert close(found.mean, math.fsum(values) / values.size)


@pytest.mark.parametrize(
    ("offset", "tolerance"), [(1e3, 1e-13), (1e9, 1e-13), (3e15, 1e-13)], ids=["1e3", "1e9", "3e15"]
)
def test_a_small_spread_on_a_large_offset_keeps_its_digits(offset, tolerance):
    values = offset + np.random.default_rng(SEED).normal(0.0, 1.0, 80_000)
    found = Moments.of(values).variance
    expected = oracle(values.tolist())[1]
    assert found is not None
    assert abs(found / expected - 1) < tolerance


def test_sorted_values_and_a_jump_between_chunks_do_not_disturb_the_variance():
    rising = np.sort(np.random.default_rng(SEED).normal(0.0, 1.0, 100_000))
    jump = np.concatenate([np.zeros(32_768), 1e9 + np.random.default_rng(SEED).normal(0.0, 1.0, 70_000)])
    for values in (rising, jump):
        assert close(Moments.of(values).variance, oracle(values.tolist())[1])


@pytest.mark.parametrize("constant", [0.1, -1e9 / 3, 5e-324, 1.7976931348623157e308, 1e-200, 0.0, -0.0])
@pytest.mark.parametrize("size", [1, 64, 65, 40_000, 100_003])
def test_a_constant_column_has_its_constant_as_mean_and_no_variance(constant, size):
    for values in ([constant] * min(size, 70), np.full(size, constant)):
        found = Moments.of(values)
        assert (found.mean, found.variance, found.min, found.max) == (constant, 0.0, constant, constant)


@pytest.mark.parametrize("power", [-1060, -700, -460, 490, 700, 1015])
def test_columns_near_the_ends_of_the_range_of_doubles_are_measured_like_others(power):
    values = np.ldexp(np.random.default_rng(SEED).uniform(1.0, 2.0, 70_000), power)
    found = Moments.of(values)
    mean, variance = oracle([math.ldexp(value, -power) for value in values.tolist()])
    assert found.mean is not None
    # Below 2^-1022 the values themselves have few digits left; the mean is then a double of few digits, too.
    assert math.isclose(math.ldexp(found.mean, -power), mean, rel_tol=1e-12 if power > -1000 else 1e-4)
    spread = (
        Fraction(found._squares, 1 << 2148) / found.count
        - (Fraction(found._total, 1 << 1074) / found.count) ** 2
    )
    assert math.isclose(float(spread / Fraction(2) ** (2 * power)), variance, rel_tol=1e-9)
    assert Moments.from_state(found.to_state()) == found


@settings(deadline=None)
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=65, max_size=90))
def test_no_array_of_doubles_gives_a_state_that_no_bag_could_have(values):
    found = Moments.of(np.array(values))
    assert Moments.from_state(found.to_state()) == found
    assert min(values) <= found.mean <= max(values)
    assert found.variance >= 0.0


@pytest.mark.parametrize(
    "dtype", ["float32", "float16", "int8", "uint8", "int64", "uint64", "bool", ">f8", "longdouble"]
)
def test_every_numeric_type_of_numpy_is_measured_as_doubles(dtype):
    values = np.random.default_rng(SEED).integers(0, 2 if dtype == "bool" else 100, 40_000).astype(dtype)
    found = Moments.of(values)
    mean, variance = oracle(values.astype(float).tolist())
    assert close(found.mean, mean)
    assert close(found.variance, variance)
    assert Moments.of(values[:64]).mean == oracle(values[:64].astype(float).tolist())[0]


def test_strides_and_dimensions_do_not_matter():
    values = np.random.default_rng(SEED).normal(5.0, 1.0, 80_000)
    doubled = np.repeat(values, 2)[::2]
    assert Moments.of(doubled) == Moments.of(values) == Moments.of(values.reshape(200, 400))
    read_only = values.copy()
    read_only.flags.writeable = False
    assert Moments.of(read_only) == Moments.of(values)


@pytest.mark.parametrize("size", [3, 1000])
def test_every_table_library_gives_the_same_moments(size):
    values = np.random.default_rng(SEED).normal(5.0, 1.0, size)
    expected = Moments.of(values)
    for column in (
        pl.Series(values),
        pd.Series(values),
        pd.Series(values, dtype="Float64"),
        pd.Series(values, dtype="double[pyarrow]"),
        pa.array(values),
        pa.chunked_array([values[:1], values[1:]]),
        np.ma.masked_array(values),
        pl.DataFrame({"x": values})["x"],
    ):
        assert Moments.of(column) == expected, type(column)


@pytest.mark.parametrize("size", [2, 1000])
def test_missing_values_are_refused_with_their_number_and_skipped_on_request(size):
    values = np.arange(float(size))
    holes = [None, *values.tolist()]
    for column in (
        holes,
        [math.nan, *values.tolist()],
        np.array([math.nan, *values]),
        np.array(holes, dtype=object),
        pl.Series(holes),
        pl.Series([math.nan, *values.tolist()]),
        pl.Series([None, *range(size)]),
        pd.Series(holes),
        pd.Series(holes, dtype="Float64"),
        pd.Series(holes, dtype="object"),
        pa.array(holes),
        np.ma.masked_array([7.0, *values], mask=[True] + [False] * size),
    ):
        with pytest.raises(AgiError, match=rf"1 of {size + 1:,} values are missing") as caught:
            Moments.of(column)
        assert caught.value.code == "AGI-PART-004"
        assert "skip_nan=True" in str(caught.value)
        assert Moments.of(column, skip_nan=True) == Moments.of(values)
        assert Histogram.of(column, [0, 1, 2], skip_nan=True).count == size
        with pytest.raises(AgiError, match=r"Histogram\.of: 1 of"):
            Histogram.of(column, [0, 1, 2])


def test_a_column_of_nothing_but_nan_is_empty_when_they_are_skipped():
    assert Moments.of(np.full(1000, math.nan), skip_nan=True) == Moments()
    assert Moments.of([], skip_nan=True) == Moments.of(np.array([])) == Moments()
    empty = Moments()
    assert (empty.count, empty.mean, empty.variance, empty.std, empty.min, empty.max) == (0,) + (None,) * 5


@pytest.mark.parametrize("many", [0, 1000])
def test_infinities_behave_as_in_ieee_754_and_stay_mergeable(many):
    rest = np.ones(many)
    up, down = Moments.of(np.append(rest, math.inf)), Moments.of(np.append(rest, -math.inf))
    assert (up.mean, up.max, down.mean, down.min) == (math.inf, math.inf, -math.inf, -math.inf)
    assert math.isnan(up.variance)
    assert math.isnan(up.merge(down).mean)
    both = up.merge(down)
    assert Moments.from_state(both.to_state()) == both == down.merge(up)
    assert both.count == 2 * many + 2


@pytest.mark.parametrize(
    "values", ["12.5", b"1", {"a": 1}, 7, None, ["1.5"], [1, object()], [10**400], np.array(["a"] * 100)]
)
def test_what_is_no_column_of_numbers_is_refused(values):
    with pytest.raises(AgiError, match="does not fit") as caught:
        Moments.of(values)
    assert caught.value.code == "AGI-PART-003"


def test_tables_and_columns_of_texts_and_times_are_refused():
    for column in (
        pl.DataFrame({"x": [1.0]}),
        pd.DataFrame({"x": [1.0]}),
        pl.Series(["a"] * 100),
        pd.Series(["a"] * 100),
        pd.Series(pd.to_datetime(["2024-01-01"])),
        np.array(["2024-01-01"], dtype="datetime64[s]"),
        np.array([1j] * 100),
    ):
        with pytest.raises(AgiError, match="AGI-PART-003"):
            Moments.of(column)


def test_a_polars_column_is_measured_where_there_is_no_numpy():
    code = (
        "import sys; sys.modules['numpy'] = None\n"
        "import polars as pl\n"
        "from agi_node.partial import Moments\n"
        "print(Moments.of(pl.Series([0.1] * 99 + [None]), skip_nan=True).mean)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "0.1"


@settings(deadline=None)
@given(st.lists(st.floats(-3.0, 12.0) | st.sampled_from([0.0, 5.0, 10.0]), max_size=200), st.booleans())
def test_a_histogram_counts_as_numpy_does(values, as_array):
    edges = [0.0, 1.0, 2.5, 5.0, 10.0]
    found = Histogram.of(np.array(values) if as_array else values, edges)
    assert list(found.counts) == np.histogram(values, edges)[0].tolist()
    assert found.under == sum(value < 0.0 for value in values)
    assert found.over == sum(value > 10.0 for value in values)
    assert found.count == len(values)


def test_a_histogram_of_more_than_one_block_counts_as_numpy_does():
    values = np.random.default_rng(SEED).normal(0.0, 1.0, 150_000)
    values[7] = math.inf
    edges = np.linspace(-2.0, 2.0, 41)
    found = Histogram.of(values, edges)
    assert list(found.counts) == np.histogram(values[np.isfinite(values)], edges)[0].tolist()
    assert found.over == (values > 2.0).sum()
    parts = [Histogram.of(part, edges) for part in np.array_split(values, 7)]
    assert Histogram.merge_all(parts) == found


@pytest.mark.parametrize(
    "edges", [[], [1.0], [1.0, 1.0], [2, 1], [0, math.inf], [0, math.nan, 1], ["a", "b"], 3]
)
def test_edges_that_do_not_increase_are_refused(edges):
    with pytest.raises(AgiError, match="edges") as caught:
        Histogram(edges)
    assert caught.value.code == "AGI-PART-001"
    assert "greater than the one before" in str(caught.value)


def test_histograms_with_different_edges_do_not_merge():
    with pytest.raises(AgiError, match="different edges do not merge") as caught:
        Histogram([0, 1]).merge(Histogram([0, 2]))
    assert caught.value.code == "AGI-PART-005"
    assert "[0.0, 2.0]" in str(caught.value)


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.floats(allow_nan=False), st.text("ab", max_size=1)), max_size=30), st.integers(1, 5)
)
def test_the_top_k_of_parts_are_those_of_a_full_sort(pairs, k):
    expected = sorted(pairs, key=lambda pair: (-pair[0], pair[1]))[:k]
    whole = TopK.of(pairs, k)
    assert list(whole.items) == expected
    assert TopK.of(pairs[::2], k).merge(TopK.of(pairs[1::2], k)) == whole


@pytest.mark.parametrize("pairs", [[(math.nan, "a")], [(1.0, 2)], [("x", "a")], [3.0], [(1.0,)], 5])
def test_what_is_no_pair_of_number_and_label_is_refused(pairs):
    with pytest.raises(AgiError, match=r"TopK\.of: pair 0") as caught:
        TopK.of(pairs, 2)
    assert caught.value.code == "AGI-PART-003"


def test_other_things_do_not_merge_with_statistics():
    with pytest.raises(AgiError, match="different length"):
        TopK(2).merge(TopK(3))
    for one in (Moments(), Histogram([0, 1]), TopK(2)):
        with pytest.raises(AgiError, match="only") as caught:
            one.merge(7)
        assert caught.value.code == "AGI-PART-005"
    for k in (0, -1, 1.5, True, "3"):
        with pytest.raises(AgiError, match="a whole number from 1"):
            TopK(k)
