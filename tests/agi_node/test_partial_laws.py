"""The monoid laws, as equality of canonical bytes, for every kind of field and for all of them together."""

from __future__ import annotations

import json
import math
import random
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Annotated, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agi_node.canonical import canonical, untag
from agi_node.partial import (
    Concat,
    Distinct,
    Histogram,
    Max,
    Merge,
    Min,
    Moments,
    Partial,
    Size,
    Sum,
    TopK,
)

numbers = st.floats(allow_nan=False)
any_float = st.floats() | st.integers(-(2**70), 2**70).map(float)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=4) | st.sampled_from(["$5", "$int:1", ""])
instants = st.datetimes(
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=2)), timezone(timedelta(hours=-7))]),
    min_value=datetime(2, 1, 1),
    max_value=datetime(9998, 1, 1),
)
plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=4,
)
EDGES = (-1.5, 0.0, 1.0, 1e6)


class Whole(Partial):
    value: Sum[int] = 0


class Real(Partial):
    value: Sum[float] = 0.0


class Least(Partial):
    value: Min[float] = None


class Greatest(Partial):
    value: Max[tuple[int, str]] = None


class Latest(Partial):
    value: Max[datetime] = None


class Earliest(Partial):
    value: Min[date] = None


class Names(Partial):
    value: Distinct[str] = frozenset()
    size: Annotated[int, Size("value")] = 0


class Cells(Partial):
    value: Distinct[tuple[float, int | None]] = frozenset()


class Readings(Partial):
    value: Concat[float] = ()


class Notes(Partial):
    value: Concat[Any] = ()


class Speeds(Partial):
    value: Moments = Moments()


class Bins(Partial):
    value: Histogram = Histogram(EDGES)


class Top(Partial):
    value: TopK = TopK(3)


class Pair(Partial):
    value: Real = Real()
    names: Names = Names()


class Flags(Partial):
    value: Annotated[int, Merge(lambda left, right: left | right, identity=0)] = 0


class Counts(Partial):
    """An author's own merge over a plain field, exact: a multiset union."""

    value: dict[str, int] = {}  # noqa: RUF012 (a field's identity)
    rows: Sum[int] = 0

    def merge(self, other: Counts) -> Counts:
        keys = self.value.keys() | other.value.keys()
        most = {key: max(self.value.get(key, 0), other.value.get(key, 0)) for key in keys}
        return Counts(value=most, rows=self.rows + other.rows)


moments = st.lists(any_float.filter(lambda x: not math.isnan(x)), max_size=5).map(Moments.of)
bins = st.lists(numbers, max_size=5).map(lambda values: Histogram.of(values, EDGES))
tops = st.lists(st.tuples(numbers, texts), max_size=5).map(lambda pairs: TopK.of(pairs, 3))
names = st.builds(Names, value=st.sets(texts, max_size=3))

KINDS: list[tuple[type[Partial], st.SearchStrategy[Any]]] = [
    (Whole, st.integers(-(2**70), 2**70)),
    (Real, any_float),
    (Least, st.none() | numbers),
    (Greatest, st.none() | st.tuples(st.integers(), texts)),
    (Latest, st.none() | instants),
    (Earliest, st.none() | st.dates()),
    (Names, st.sets(texts, max_size=4)),
    (Cells, st.sets(st.tuples(numbers, st.none() | st.integers()), max_size=4)),
    (Readings, st.lists(numbers, max_size=4)),
    (Notes, st.lists(plain, max_size=3)),
    (Speeds, moments),
    (Bins, bins),
    (Top, tops),
    (Pair, st.builds(Real, value=any_float)),
    (Flags, st.integers(0, 255)),
    (Counts, st.dictionaries(texts, st.integers(0, 9), max_size=3)),
]


class Everything(Partial):
    whole: Sum[int] = 0
    real: Sum[float] = 0.0
    least: Min[float] = None
    latest: Max[datetime] = None
    names: Distinct[str] = frozenset()
    names_count: Annotated[int, Size("names")] = 0
    readings: Concat[float] = ()
    notes: Concat[Any] = ()
    speeds: Moments = Moments()
    bins: Histogram = Histogram(EDGES)
    top: TopK = TopK(3)
    inner: Pair = Pair()
    flags: Annotated[int, Merge(lambda left, right: left | right, identity=0)] = 0


everything = st.builds(
    Everything,
    whole=st.integers(),
    real=any_float,
    least=st.none() | numbers,
    latest=st.none() | instants,
    names=st.sets(texts, max_size=3),
    readings=st.lists(numbers, max_size=3),
    notes=st.lists(plain, max_size=2),
    speeds=moments,
    bins=bins,
    top=tops,
    inner=st.builds(Pair, value=st.builds(Real, value=any_float), names=names),
    flags=st.integers(0, 255),
)
few = settings(max_examples=40, deadline=None)
every_kind = pytest.mark.parametrize(("cls", "values"), KINDS, ids=[cls.__name__ for cls, _ in KINDS])


def state(partial: Partial) -> bytes:
    return canonical(partial.to_state())


def merged_at_random(partials: list[Any], chance: random.Random) -> Any:
    """Merge in an order and a grouping that chance decides."""
    rest = list(partials)
    while len(rest) > 1:
        left, right = (rest.pop(chance.randrange(len(rest))) for _ in range(2))
        rest.append(left.merge(right))
    return rest[0]


@every_kind
@few
@given(data=st.data())
def test_the_identity_changes_nothing_on_either_side(cls, values, data):
    one = cls(value=data.draw(values))
    assert state(cls.identity().merge(one)) == state(one) == state(one.merge(cls.identity()))


@every_kind
@few
@given(data=st.data())
def test_merging_is_commutative_and_associative_to_the_byte(cls, values, data):
    a, b, c = (cls(value=data.draw(values)) for _ in range(3))
    assert state(a.merge(b)) == state(b.merge(a))
    assert state(a.merge(b).merge(c)) == state(a.merge(b.merge(c)))


@every_kind
@few
@given(data=st.data(), chance=st.randoms(use_true_random=False))
def test_no_order_and_no_grouping_shows_in_the_bytes(cls, values, data, chance):
    partials = [cls(value=value) for value in data.draw(st.lists(values, min_size=1, max_size=7))]
    whole = cls.merge_all(partials)
    other = merged_at_random(partials, chance)
    assert state(other) == state(whole)
    assert canonical(other.to_payload()) == canonical(whole.to_payload())


@every_kind
@few
@given(data=st.data())
def test_a_state_comes_back_from_json_as_the_same_bytes(cls, values, data):
    one = cls(value=data.draw(values))
    again = cls.from_state(untag(json.loads(canonical(one.to_state()))))
    assert state(again) == state(one)
    assert again == one
    assert hash(again) == hash(one)
    assert canonical(again.to_payload()) == canonical(one.to_payload())


@settings(deadline=None)
@given(st.lists(everything, max_size=6), st.randoms(use_true_random=False))
def test_a_partial_with_every_kind_of_field_obeys_the_laws(partials, chance):
    whole = Everything.merge_all(partials)
    chance.shuffle(partials)
    cut = chance.randrange(len(partials) + 1)
    left, right = Everything.merge_all(partials[:cut]), Everything.merge_all(partials[cut:])
    assert state(left.merge(right)) == state(whole) == state(right.merge(left))
    assert state(Everything.identity().merge(whole)) == state(whole)
    assert whole.names_count == len(whole.names) == whole.to_payload()["names_count"]


def test_more_partials_than_one_batch_merge_like_a_chain_of_merges():
    partials = [Real(value=0.1 * n) for n in range(3000)]
    chain = Real.identity()
    for partial in partials:
        chain = chain.merge(partial)
    assert state(Real.merge_all(iter(partials))) == state(chain)
    assert chain.value == math.fsum(0.1 * n for n in range(3000))


def test_a_merge_that_rounds_gives_the_same_bytes_however_the_partials_are_handed_over():
    class Mean(Partial):
        value: Annotated[float, Merge(lambda left, right: left / 3 + right / 3, identity=0.0)] = 0.0

    partials = [Mean(value=math.sqrt(n)) for n in range(77)]
    assert state(Mean.merge_all(partials)) == state(Mean.merge_all(iter(partials)))
    assert state(Mean.merge_all(partials)) != state(Mean.merge_all(partials[::-1]))


def test_the_order_of_a_bag_is_by_value_and_does_not_follow_arrival():
    assert Readings(value=[10.0, 9.0, -1.0]).value == (-1.0, 9.0, 10.0)
    assert Notes(value=["b", 2, None, "a"]).value == Notes(value=["a", None, "b", 2]).value
    assert Readings(value=[1.0]).merge(Readings(value=[1.0])).value == (1.0, 1.0)


def test_a_negative_zero_leaves_no_trace():
    for cls, value in ((Least, -0.0), (Readings, [-0.0]), (Speeds, Moments.of([-0.0])), (Real, -0.0)):
        positive = [0.0] if cls is Readings else Moments.of([0.0]) if cls is Speeds else 0.0
        assert repr(cls(value=value)) == repr(cls(value=positive))
        assert state(cls(value=value)) == state(cls(value=positive))
