"""The reduce document counts what it lists, and takes what workers write to the byte."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from agi_node.partial import Concat, Distinct, Histogram, Max, Min, Moments, Partial, Sum, TopK
from agi_node.reduce import SCHEMA, read_reduce_document, reduce_document, reduce_text
from agilab.contracts.base import parse_document
from agilab.contracts.errors import AgiError
from agilab.contracts.reduce import ReduceDocument
from agilab.contracts.registry import schema_show

Plain = dict[str, Any]


class Part(Partial):
    names: Distinct[str] = frozenset()


class Summary(Partial):
    rows: Sum[int] = 0
    distance_m: Sum[float] = 0.0
    first: Min[str] = None
    last: Max[float] = None
    names: Distinct[str] = frozenset()
    notes: Concat[str] = ()
    speed: Moments = Moments()
    altitude: Histogram = Histogram(edges=(0.0, 1000.0))
    longest: TopK = TopK(2)
    part: Part = Part()


@pytest.fixture
def plain(plain_of: Callable[[str], Plain]) -> Plain:
    return plain_of("reduce")


def parse(plain: Plain) -> ReduceDocument:
    return parse_document(json.dumps(plain), ReduceDocument, "r.json")


def test_what_agi_node_writes_is_read_whole_and_written_back_byte_for_byte() -> None:
    states = [
        ("", Summary(rows=2**60, distance_m=float("inf"), names=frozenset({"$5"})).to_state()),
        ("$key", Summary(rows=1, notes=("a",), speed=Moments.of([1.0, 2.0]), first="é").to_state()),
    ]
    text = reduce_text(reduce_document("$flight", Summary, states, {"app": "flight", "limit": float("nan")}))

    document = parse_document(text, ReduceDocument, "r.json")

    assert document.schema_name() == SCHEMA
    assert document.name == "$flight"
    assert [partial.id for partial in document.partials] == ["", "$key"]
    assert document.payload["rows"] == 2**60 + 1
    assert document.payload["names"] == ["$5"]
    assert document.text() == text
    assert reduce_text(read_reduce_document(document.text())) == text
    Draft202012Validator(schema_show("reduce")).validate(json.loads(text))


def test_a_field_may_say_more_about_its_kind(plain: Plain) -> None:
    plain["fields"][0]["more"] = ["$int:1152921504606846976"]

    assert (parse(plain).fields[0].model_extra or {})["more"] == [2**60]
    assert parse(plain).plain() == plain


def test_a_count_that_is_not_the_number_of_partials_is_refused(plain: Plain) -> None:
    plain["partial_count"] = 3

    with pytest.raises(AgiError, match="counts other partials than it lists") as caught:
        parse(plain)

    assert caught.value.found == "partial_count 3"


def test_a_partial_that_counts_twice_is_refused(plain: Plain) -> None:
    plain["partials"][1]["id"] = "3950c2"

    with pytest.raises(AgiError, match="merges a partial twice") as caught:
        parse(plain)

    assert caught.value.found == "3950c2"
