"""A field that is the square root of a mean: derived where it is read, never kept and never merged."""

from __future__ import annotations

import math
from typing import Annotated

import pytest

from agi_node import AgiError, Moments, Partial
from agi_node.partial import Root
from agi_node.reduce import (
    merge_reduce_documents,
    read_reduce_document,
    reduce_document,
    reduce_text,
    verify_reduce_document,
)


class Errors(Partial):
    mse: Moments = Moments()
    rmse: Annotated[float | None, Root("mse")] = None


def test_it_follows_the_merged_mean_and_is_not_the_mean_of_two_roots() -> None:
    one, other = Errors(mse=Moments.of([9.0])), Errors(mse=Moments.of([41.0]))
    whole = one.merge(other)
    assert whole.rmse == 5.0 != (math.sqrt(9) + math.sqrt(41)) / 2
    assert whole.to_payload()["rmse"] == 5.0
    assert "rmse" not in whole.to_state()


def test_of_nothing_there_is_none() -> None:
    assert Errors().rmse is None
    assert Errors().to_payload()["rmse"] is None


def test_documents_of_workers_merge_to_the_document_of_everything() -> None:
    states = [
        ("a", Errors(mse=Moments.of([9.0])).to_state()),
        ("b", Errors(mse=Moments.of([41.0])).to_state()),
    ]
    whole = reduce_document("errors", Errors, states)
    parts = [reduce_document("errors", Errors, [state]) for state in states]
    assert merge_reduce_documents(parts) == whole
    assert whole["payload"]["rmse"] == 5.0
    verify_reduce_document(whole, states)
    assert read_reduce_document(reduce_text(whole)) == whole


def test_it_cannot_be_given() -> None:
    with pytest.raises(AgiError):
        Errors(rmse=1.0)


def test_it_is_derived_from_moments_alone() -> None:
    with pytest.raises(AgiError, match=r"(?s)Odd.rmse is the root.*nothing"):

        class Odd(Partial):
            rmse: Annotated[float | None, Root("nothing")] = None
