"""A field that is one sum by another: derived from the merged sums, exactly, and never a mean of ratios."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agi_node import AgiError, Moments, Partial, Sum
from agi_node.partial import Ratio
from agi_node.reduce import (
    merge_reduce_documents,
    read_reduce_document,
    reduce_document,
    reduce_text,
    verify_reduce_document,
)


class Target(Partial):
    hits: Sum[int] = 0
    shots: Sum[int] = 0
    metres: Sum[float] = 0.0
    accuracy: Annotated[float | None, Ratio("hits", "shots")] = None
    metres_per_hit: Annotated[float | None, Ratio("metres", "hits")] = None


COUNTS = st.lists(st.tuples(st.integers(-(10**30), 10**30), st.integers(-(10**30), 10**30)), max_size=6)
FINITE = st.floats(allow_nan=False, allow_infinity=False)


def nearest(of: Fraction, to: Fraction) -> float | None:
    """The double nearest to a quotient, by Python's own fractions; None where there is none."""
    if not to:
        return None
    try:
        return float(of / to)
    except OverflowError:
        return math.inf if of / to > 0 else -math.inf


@given(COUNTS)
def test_of_whole_numbers_it_is_the_nearest_double_to_the_quotient_of_all(
    parts: list[tuple[int, int]],
) -> None:
    whole = Target.merge_all(Target(hits=hits, shots=shots) for hits, shots in parts)
    expected = nearest(Fraction(sum(hits for hits, _ in parts)), Fraction(sum(shots for _, shots in parts)))
    assert whole.accuracy == expected
    assert math.copysign(1, whole.accuracy or 0.0) == math.copysign(1, expected or 0.0) or not whole.accuracy


@given(st.lists(FINITE, max_size=6), st.integers(-(10**12), 10**12))
def test_of_a_sum_of_floats_it_is_exact_too(metres: list[float], hits: int) -> None:
    whole = Target.merge_all([*(Target(metres=metre) for metre in metres), Target(hits=hits)])
    assert whole.metres_per_hit == nearest(sum(map(Fraction, metres), Fraction(0)), Fraction(hits))


@given(COUNTS, st.randoms(use_true_random=False))
def test_no_order_and_no_grouping_changes_it(parts: list[tuple[int, int]], chance: Any) -> None:
    partials = [Target(hits=hits, shots=shots, metres=hits / 7) for hits, shots in parts]
    whole = Target.merge_all(partials)
    shuffled = list(partials)
    chance.shuffle(shuffled)
    cut = chance.randint(0, len(shuffled))
    again = Target.merge_all(shuffled[cut:]).merge(Target.merge_all(shuffled[:cut]))
    assert again == whole
    assert again.to_payload() == whole.to_payload()
    assert Target.identity().merge(whole) == whole
    assert Target.from_state(whole.to_state()).accuracy == whole.accuracy


def test_it_is_not_the_mean_of_two_ratios_and_not_stored() -> None:
    whole = Target(hits=1, shots=1).merge(Target(hits=1, shots=3))
    assert whole.accuracy == 0.5 != (1 / 1 + 1 / 3) / 2
    assert whole.to_payload()["accuracy"] == 0.5
    assert set(whole.to_state()) == {"hits", "shots", "metres"}


@pytest.mark.parametrize(
    ("metres", "hits", "expected"),
    [
        (0.0, 0, None),
        (3.0, 0, None),
        (math.inf, 0, None),
        (0.0, -5, 0.0),
        (math.inf, -2, -math.inf),
        (1e308, 1, 1e308),
    ],
)
def test_by_nothing_there_is_none_and_infinities_are_kept(
    metres: float, hits: int, expected: float | None
) -> None:
    found = Target(metres=metres, hits=hits).metres_per_hit
    assert found == expected
    assert math.copysign(1, found or 1.0) == math.copysign(1, expected or 1.0)


def test_what_is_no_number_stays_none() -> None:
    found = Target(metres=math.nan, hits=2).metres_per_hit
    assert found is not None
    assert math.isnan(found)


def test_documents_of_workers_merge_to_the_document_of_everything_without_the_class() -> None:
    states = [(key, Target(hits=hits, shots=9).to_state()) for key, hits in (("a", 1), ("b", 4))]
    whole = reduce_document("target", Target, states)
    assert merge_reduce_documents([reduce_document("target", Target, [state]) for state in states]) == whole
    assert whole["payload"]["accuracy"] == 5 / 18
    described = {field["name"]: field for field in whole["fields"]}
    assert described["accuracy"] == {
        "name": "accuracy",
        "rule": "ratio",
        "type": "float | None",
        "identity": None,
        "of": "hits",
        "to": "shots",
    }
    verify_reduce_document(whole, states)
    assert read_reduce_document(reduce_text(whole)) == whole


@pytest.mark.parametrize(("field", "name"), [("of", "speed"), ("to", "nothing")])
def test_a_document_whose_ratio_cannot_follow_is_refused_with_the_place(field: str, name: str) -> None:
    whole = reduce_document("target", Target, [("a", Target(hits=1).to_state())])
    whole["fields"][3][field] = name
    with pytest.raises(AgiError, match=rf"AGI-PART-007.*fields\[3\].{field} makes no sense(.|\n)*{name}"):
        read_reduce_document(whole)


def test_it_cannot_be_given() -> None:
    with pytest.raises(AgiError, match="it follows from 'hits' and 'shots', leave it out"):
        Target(accuracy=1.0)


@pytest.mark.parametrize("wrong", [("hits", "speed"), ("speed", "hits"), ("hits", "nothing")])
def test_it_is_a_ratio_of_sums_alone(wrong: tuple[str, str]) -> None:
    with pytest.raises(AgiError, match=r"(?s)Odd.odd is the ratio of a field that is no sum.*two Sum fields"):

        class Odd(Partial):
            hits: Sum[int] = 0
            speed: Moments = Moments()
            odd: Annotated[float | None, Ratio(*wrong)] = None
