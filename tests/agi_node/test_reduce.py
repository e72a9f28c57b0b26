"""The reduce document: the same bytes from every split, and nothing damaged gets through."""

from __future__ import annotations

import copy
import json
import math
from itertools import combinations, pairwise
from typing import Annotated, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agi_node.canonical import canonical, digest, untag
from agi_node.errors import AgiError
from agi_node.partial import Concat, Distinct, Histogram, Merge, Min, Moments, Partial, Size, Sum, TopK
from agi_node.reduce import (
    merge_reduce_documents,
    read_reduce_document,
    reduce_document,
    reduce_text,
    verify_reduce_document,
)


class Part(Partial):
    hits: Sum[int] = 0
    top: TopK = TopK(2)


class Summary(Partial):
    rows: Sum[int] = 0
    metres: Sum[float] = 0.0
    first: Min[float] = None
    aircraft: Distinct[str] = frozenset()
    aircraft_count: Annotated[int, Size("aircraft")] = 0
    notes: Concat[Any] = ()
    speed: Moments = Moments()
    bins: Histogram = Histogram([0, 1])
    part: Part = Part()


class Own(Partial):
    rows: Sum[int] = 0
    mean: Annotated[float, Merge(lambda left, right: left / 3 + right / 3, identity=0.0)] = 0.0


class Overridden(Partial):
    rows: Sum[int] = 0
    aircraft: Distinct[str] = frozenset()
    aircraft_count: Annotated[int, Size("aircraft")] = 0
    part: Part = Part()

    def merge(self, other: Overridden) -> Overridden:
        return super().merge(other)


def summary(n: int) -> Summary:
    return Summary(
        rows=n * 2**60,
        metres=0.1 * n,
        first=1e20 / (n + 1),
        aircraft={f"F-{n % 3}", "$5"},
        notes=[{"n": n * 1e20}],
        speed=Moments.of([0.1 * n, 1e9 / (n + 1)]),
        bins=Histogram.of([n / 4], [0, 1]),
        part=Part(hits=n, top=TopK.of([(n % 4, f"u{n}")], 2)),
    )


STATES = [(f"u{n}", summary(n).to_state()) for n in range(6)]
WHOLE = reduce_document("flight", Summary, STATES, {"app": "flight"})


def refused(code: str, text: str) -> Any:
    return pytest.raises(AgiError, match=rf"{code}\]: .*{text}")


def change(path: str, value: Any) -> dict[str, Any]:
    document: Any = copy.deepcopy(WHOLE)
    *steps, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    inside = document
    for step in steps:
        inside = inside[step]
    inside[last] = value
    return document


def test_a_document_says_what_entered_it_and_how_its_fields_merge():
    assert list(WHOLE) == [
        *("schema", "name", "reducer", "partial_count", "partials", "fields", "payload", "state", "metadata")
    ]
    assert (WHOLE["schema"], WHOLE["name"], WHOLE["reducer"]) == ("agilab.reduce.v2", "flight", "Summary")
    assert WHOLE["partial_count"] == 6
    assert WHOLE["partials"][2] == {"id": "u2", "digest": digest(STATES[2][1])}
    assert WHOLE["fields"] == Summary.describe()
    assert WHOLE["payload"]["rows"] == sum(range(6)) * 2**60
    assert WHOLE["payload"]["metres"] == math.fsum(0.1 * n for n in range(6))
    assert WHOLE["payload"]["aircraft"] == ["$5", "F-0", "F-1", "F-2"]
    assert WHOLE["payload"]["aircraft_count"] == 4
    assert WHOLE["payload"]["part"]["top"] == [{"value": 3.0, "label": "u3"}, {"value": 2.0, "label": "u2"}]
    assert Summary.from_state(WHOLE["state"]) == Summary.merge_all(summary(n) for n in range(6))


def test_every_split_over_two_workers_merges_to_the_bytes_of_the_whole():
    for size in range(len(STATES) + 1):
        for chosen in combinations(STATES, size):
            rest = [state for state in STATES if state not in chosen]
            parts = [
                reduce_document("flight", Summary, worker, {"app": "flight", "worker": at})
                for at, worker in enumerate((chosen, rest))
            ]
            assert canonical(merge_reduce_documents(parts)) == canonical(WHOLE)


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 50), st.floats()), max_size=12),
    st.randoms(use_true_random=False),
)
def test_any_number_of_workers_in_any_order_gives_the_bytes_of_the_whole(units, chance):
    states = [
        (f"{at:03}", Summary(rows=n, metres=x, first=float(n), notes=[x]).to_state(), worker)
        for at, (worker, n, x) in enumerate(units)
    ]
    whole = reduce_document("flight", Summary, [(key, state) for key, state, _ in states])
    chance.shuffle(states)
    parts = [
        reduce_document("flight", Summary, [(key, state) for key, state, of in states if of == worker])
        for worker in range(4)
    ]
    # Through the files that workers leave behind, and merged in two steps.
    read = [read_reduce_document(reduce_text(part)) for part in parts]
    merged = merge_reduce_documents([merge_reduce_documents(read[:2]), *read[2:]])
    assert canonical(merged) == canonical(whole)
    assert reduce_text(merged) == reduce_text(whole)


def test_a_document_comes_back_from_its_file_and_from_canonical_json():
    assert read_reduce_document(reduce_text(WHOLE)) == WHOLE
    for read in (
        read_reduce_document(canonical(WHOLE)),
        read_reduce_document(untag(json.loads(canonical(WHOLE)))),
    ):
        # RFC 8785 writes 1e19 as an integer, so the readable payload may come back as one; the state does not.
        assert float(read["payload"]["first"]) == WHOLE["payload"]["first"]
        assert canonical(read["state"]) == canonical(WHOLE["state"])
        assert canonical(merge_reduce_documents([read])) == canonical(WHOLE)
    assert "$int:" in reduce_text(WHOLE)


def test_no_partials_reduce_to_the_identity():
    empty = reduce_document("flight", Summary, [])
    assert empty["partial_count"] == 0
    assert Summary.from_state(empty["state"]) == Summary.identity()
    assert merge_reduce_documents([empty, WHOLE])["state"] == WHOLE["state"]
    verify_reduce_document(empty, [])


def test_partials_are_taken_from_a_stream_one_after_the_other():
    def stream() -> Any:
        for n in range(2500):
            yield f"{n:05}", Summary(rows=1, metres=0.1).to_state()

    document = reduce_document("flight", Summary, stream())
    assert document["payload"]["rows"] == 2500
    assert document["payload"]["metres"] == math.fsum([0.1] * 2500)
    assert all(before["id"] < after["id"] for before, after in pairwise(document["partials"]))


def test_a_partial_that_would_count_twice_is_refused():
    with refused("AGI-PART-010", "partial 'u1' would count twice"):
        reduce_document("flight", Summary, [STATES[1], STATES[2], STATES[1]])
    one, two = (
        reduce_document("flight", Summary, STATES[:2]),
        reduce_document("flight", Summary, STATES[1:]),
    )
    with refused("AGI-PART-010", "partial 'u1' would count twice"):
        merge_reduce_documents([one, two])


def test_a_state_that_does_not_fit_names_its_partial_and_field():
    with refused("AGI-PART-006", r"partial 'bad': Summary\.rows"):
        reduce_document("flight", Summary, [STATES[0], ("bad", {**STATES[1][1], "rows": "1"})])


def test_a_document_holds_against_its_partials_and_no_others():
    verify_reduce_document(WHOLE, STATES)
    verify_reduce_document(WHOLE, reversed(STATES), Summary)
    verify_reduce_document(read_reduce_document(reduce_text(WHOLE)), STATES)
    with refused("AGI-PART-008", "partial 'u5' is listed and not there"):
        verify_reduce_document(WHOLE, STATES[:5])
    with refused("AGI-PART-008", "partial 'x' is there and not listed"):
        verify_reduce_document(WHOLE, [*STATES, ("x", STATES[0][1])])
    with refused("AGI-PART-008", "partial 'u3' has another digest"):
        verify_reduce_document(WHOLE, [*STATES[:3], ("u3", STATES[4][1]), *STATES[4:]])
    with refused("AGI-PART-008", "the fields are others"):
        verify_reduce_document(WHOLE, STATES, Part)
    with refused("AGI-PART-010", "would count twice"):
        verify_reduce_document(WHOLE, [*STATES, STATES[0]])


def test_a_mismatched_digest_and_a_result_that_does_not_follow_are_found():
    forged = copy.deepcopy(WHOLE)
    forged["partials"][0]["digest"] = "0" * 64
    with refused("AGI-PART-008", "partial 'u0' has another digest"):
        verify_reduce_document(forged, STATES)
    other = reduce_document("flight", Summary, STATES[:5])
    forged = {**WHOLE, "state": other["state"], "payload": other["payload"]}
    with refused("AGI-PART-008", "its state does not follow from its partials"):
        verify_reduce_document(forged, STATES)
    with refused("AGI-PART-008", "its payload does not follow from its state"):
        read_reduce_document({**WHOLE, "payload": {**WHOLE["payload"], "rows": 1}})
    for path, value in (
        ("payload.metres", 1.0),
        ("payload.metres", "1.5"),
        ("payload.rows", 15 * 2**60 + 1),
        ("payload.aircraft", ["$5"]),
        ("payload.first", 10**400),
        ("payload.notes", [{1, 2}]),
        ("payload.speed.count", None),
    ):
        with refused("AGI-PART-008", "its payload does not follow from its state"):
            merge_reduce_documents([change(path, value)])


@pytest.mark.parametrize("other", ["name", "edges"])
def test_documents_of_different_things_do_not_merge(other):
    class Summary(Partial):
        rows: Sum[int] = 0
        bins: Histogram = Histogram([0, 1])

    first = reduce_document("a", Summary, [("x", Summary().to_state())])

    class Summary(Partial):  # type: ignore[no-redef]
        rows: Sum[int] = 0
        bins: Histogram = Histogram([0, 1] if other == "name" else [0, 2])

    second = reduce_document("b" if other == "name" else "a", Summary, [("y", Summary().to_state())])
    with refused("AGI-PART-005", rf"documents\[1\]\.{'name' if other == 'name' else 'fields'} is not that"):
        merge_reduce_documents([first, second])


def test_an_authors_own_merge_is_reduced_in_key_order_and_cannot_be_merged_by_rule():
    states = [(f"{n:02}", Own(rows=1, mean=math.sqrt(n)).to_state()) for n in range(11)]
    whole = reduce_document("own", Own, states)
    assert canonical(reduce_document("own", Own, states[::-1])) == canonical(whole)
    assert [item["rule"] for item in whole["fields"]] == ["sum", "own"]
    with refused("AGI-PART-009", "Own: only the author's own merge knows"):
        merge_reduce_documents([whole])
    with refused("AGI-PART-009", "only the author's own merge knows"):
        verify_reduce_document(whole, states)
    verify_reduce_document(whole, states, Own)
    with refused("AGI-PART-008", "partial '00' is listed and not there"):
        verify_reduce_document(whole, states[1:])
    with refused("AGI-PART-008", "its state does not follow"):
        verify_reduce_document({**whole, "state": {**whole["state"], "mean": "1*2^0"}}, states, Own)


def test_a_class_that_overrides_merge_is_an_own_merge_in_every_field():
    states = [(key, Overridden(rows=1, aircraft=[key]).to_state()) for key in "abc"]
    whole = reduce_document("own", Overridden, states)
    assert whole["payload"]["aircraft_count"] == 3
    assert {item["rule"] for item in whole["fields"]} == {"own"}
    assert read_reduce_document(reduce_text(whole)) == whole
    with refused("AGI-PART-009", "own merge"):
        merge_reduce_documents([whole])
    verify_reduce_document(whole, states, Overridden)
    with refused("AGI-PART-009", "own merge"):
        verify_reduce_document(whole, states)


@pytest.mark.parametrize(
    ("document", "code", "text"),
    [
        (b"{", "AGI-PART-007", "this is no JSON"),
        ('{"a": "$what:3"}', "AGI-PART-007", "this is no JSON"),
        (b"\xff", "AGI-PART-007", "this is no JSON"),
        ([], "AGI-PART-007", "this is no object"),
        ({}, "AGI-PART-007", "schema is missing"),
        (WHOLE | {"extra": 1}, "AGI-PART-007", "extra is unknown"),
        ({k: v for k, v in WHOLE.items() if k != "state"}, "AGI-PART-007", "state is missing"),
        (change("schema", "agilab.reduce.v3"), "AGI-PART-007", "schema is unknown"),
        (change("name", ""), "AGI-PART-007", "name is wrong"),
        (change("payload", []), "AGI-PART-007", "payload is wrong"),
        (change("metadata", None), "AGI-PART-007", "metadata is wrong"),
        (change("partials", {}), "AGI-PART-007", "partials is no list"),
        (change("partials.1", "u1"), "AGI-PART-007", r"partials\[1\] is wrong"),
        (change("partials.1.digest", "ABC"), "AGI-PART-007", r"partials\[1\].digest is wrong"),
        (change("partials.1.digest", None), "AGI-PART-007", r"partials\[1\].digest is wrong"),
        (change("partials.1.id", "u0"), "AGI-PART-010", "partial 'u0' would count twice"),
        (change("partial_count", 7), "AGI-PART-007", "partial_count is wrong"),
        (change("fields", None), "AGI-PART-007", "fields makes no sense"),
        (change("fields.0.rule", "product"), "AGI-PART-007", r"fields\[0\] makes no sense"),
        (change("fields.0.type", "__import__('os')"), "AGI-PART-007", r"fields\[0\] makes no sense"),
        (change("fields.0.identity", 1), "AGI-PART-007", r"fields\[0\].identity makes no sense"),
        (change("fields.0.name", "metres"), "AGI-PART-007", r"fields\[1\].name makes no sense"),
        (change("fields.2.type", "os.system('x')"), "AGI-PART-007", r"fields\[2\] makes no sense"),
        (change("fields.4.of", "rows"), "AGI-PART-007", r"fields\[4\].of makes no sense"),
        (change("fields.8.fields", 3), "AGI-PART-007", "fields makes no sense"),
        (change("state.rows", "many"), "AGI-PART-006", r"Summary\.rows"),
        (change("state.bins.edges.1", "3*2^0"), "AGI-PART-005", r"Summary\.bins: other edges"),
    ],
)
def test_a_document_that_is_not_whole_is_refused_with_the_place(document, code, text):
    with refused(code, text):
        read_reduce_document(document)


V1 = {
    "schema_version": 1,
    "name": "flight",
    "reducer": "flight.sum",
    "partial_count": 2,
    "partial_ids": ["w0", "w1"],
    "payload": {"rows": 5},
    "metadata": {"app": "flight"},
}


def test_version_1_is_read_and_says_that_it_was_converted():
    read = read_reduce_document(V1)
    assert read["schema"] == "agilab.reduce.v2"
    assert read["partials"] == [{"id": "w0", "digest": None}, {"id": "w1", "digest": None}]
    assert (read["payload"], read["metadata"], read["state"]) == ({"rows": 5}, {"app": "flight"}, None)
    assert "schema_version 1" in read["converted"]
    assert read_reduce_document(json.dumps(V1)) == read
    assert read_reduce_document(read) == read
    assert read_reduce_document(V1 | {"host": "a"})["metadata"] == {
        "app": "flight",
        "schema_version_1": {"host": "a"},
    }


def test_version_1_cannot_be_merged_or_verified():
    with refused("AGI-PART-008", r"documents\[0\] \(flight\) carries no state"):
        merge_reduce_documents([V1])
    with refused("AGI-PART-008", "flight has no digests to verify"):
        verify_reduce_document(V1, [])


@pytest.mark.parametrize(
    ("document", "code", "text"),
    [
        (V1 | {"schema_version": 2}, "AGI-PART-007", "schema_version is unknown"),
        (V1 | {"schema_version": True}, "AGI-PART-007", "schema_version is unknown"),
        (V1 | {"partial_count": 3}, "AGI-PART-007", "partial_count is wrong"),
        (V1 | {"partial_ids": ["w0", "w0"]}, "AGI-PART-010", "partial 'w0' would count twice"),
        (V1 | {"partial_ids": "w0"}, "AGI-PART-007", "partial_ids is wrong"),
        ({k: v for k, v in V1.items() if k != "payload"}, "AGI-PART-007", "payload is missing"),
    ],
)
def test_a_damaged_version_1_is_refused_with_the_place(document, code, text):
    with refused(code, text):
        read_reduce_document(document)


def test_nothing_cannot_be_merged():
    with refused("AGI-PART-007", "nothing to merge"):
        merge_reduce_documents([])
