"""Names of runs and units: what they look like, that they come back, that they never collide."""

from __future__ import annotations

import hashlib
import re
import string
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agilab.contracts.errors import AgiError
from agilab.contracts.identifiers import (
    KEY_LIMIT,
    UnitId,
    new_run_id,
    parse_run_id,
    parse_unit_id,
    unit_id,
    unit_label,
)

NODES = st.lists(
    st.text(string.ascii_letters + string.digits + "_.-", min_size=1), min_size=1, max_size=3
).map("/".join)
SHORT_KEYS = st.text(max_size=13)  # at worst nine characters each once escaped


def test_a_run_id_says_when_and_which_app() -> None:
    run_id = new_run_id("flight", datetime(2026, 11, 23, 3, 44, 12, 371_999, UTC))

    assert re.fullmatch(r"20261123-034412371-flight-[0-9a-z]{6}", run_id)
    assert parse_run_id(run_id).at == datetime(2026, 11, 23, 3, 44, 12, 371_000, UTC)
    assert parse_run_id(run_id).app == "flight"


def test_a_run_id_is_in_utc_whatever_the_zone_of_the_clock() -> None:
    tokyo = datetime(2026, 1, 1, 8, 0, tzinfo=timezone(timedelta(hours=9)))

    assert new_run_id("flight", tokyo).startswith("20251231-230000000-")


@given(st.text())
@settings(deadline=None)
def test_any_app_name_gives_a_run_id_that_comes_back(app: str) -> None:
    run_id = new_run_id(app)

    assert str(parse_run_id(run_id)) == run_id


def test_run_ids_made_one_after_another_sort_in_that_order_even_within_a_millisecond() -> None:
    run_ids = [new_run_id(app) for app in ("zebra", "ant") * 500]

    assert run_ids == sorted(run_ids)


def test_threads_never_get_one_run_id_twice_nor_one_moment_twice() -> None:
    with ThreadPoolExecutor(8) as pool:
        run_ids = list(pool.map(lambda _: new_run_id("flight"), range(4_000)))

    assert len({parse_run_id(run_id).at for run_id in run_ids}) == 4_000


def test_processes_in_the_same_millisecond_are_kept_apart_by_the_random_end() -> None:
    now = datetime(2026, 11, 23, tzinfo=UTC)

    run_ids = {new_run_id("flight", now) for _ in range(500)}

    assert len(run_ids) == 500


@pytest.mark.parametrize(
    "text",
    [
        "",
        "flight",
        "20261123-034412371-flight",
        "20261323-034412371-flight-7k3f2q",
        "20260230-034412371-flight-7k3f2q",
        "20261123-034412371-Flight-7k3f2q",
        "20261123-034412371-flight-7k3f2i",
        "20261123-034412371-flight-7k3f2q\n",
        "../20261123-034412371-flight-7k3f2q",
    ],
)
def test_what_is_no_run_id_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(AgiError, match="this is not a run id") as caught:
        parse_run_id(text)

    assert caught.value.code == "AGI-DOC-010"
    assert "20261123-034412371-flight-7k3f2q" in str(caught.value.allowed)


def test_a_unit_id_reads_as_node_and_key() -> None:
    assert unit_id("train", "lr=0.1,seed=3") == "train[lr=0.1,seed=3]"
    assert unit_id("queue_baseline/work", "uav-3") == "queue_baseline/work[uav-3]"
    assert unit_id("plan") == unit_id("plan", "") == "plan"


def test_nested_keys_are_joined_with_a_slash_that_no_key_can_contain() -> None:
    assert unit_id("score", "a/b", "c") == "score[a%2Fb/c]"
    assert unit_id("score", "a", "b/c") != unit_id("score", "a/b", "c")


@given(NODES, st.lists(SHORT_KEYS, max_size=3))
@settings(deadline=None)
def test_a_unit_id_comes_back_as_its_node_and_keys(node: str, keys: list[str]) -> None:
    text = unit_id(node, *keys)

    assert parse_unit_id(text) == UnitId(node, () if keys == [""] else tuple(keys))
    assert re.fullmatch(r"[A-Za-z0-9_.=,+\-%/\[\]]+", text)
    assert str(parse_unit_id(text)) == text


@given(st.tuples(NODES, st.lists(SHORT_KEYS, max_size=3)), st.tuples(NODES, st.lists(SHORT_KEYS, max_size=3)))
@settings(deadline=None)
def test_two_units_never_have_one_id(one: tuple[str, list[str]], other: tuple[str, list[str]]) -> None:
    def meaning(unit: tuple[str, list[str]]) -> tuple[str, list[str]]:
        return unit[0], [] if unit[1] == [""] else unit[1]

    assert (unit_id(one[0], *one[1]) == unit_id(other[0], *other[1])) == (meaning(one) == meaning(other))


@given(st.text(alphabet=string.printable))
@settings(deadline=None)
def test_text_is_the_id_of_a_unit_or_refused_but_never_a_second_name_for_one(text: str) -> None:
    with suppress(AgiError):
        assert str(parse_unit_id(text)) == text


def test_a_key_of_120_characters_stays_and_a_longer_one_becomes_its_digest_and_keeps_its_label() -> None:
    fits, long = "k" * KEY_LIMIT, "k" * (KEY_LIMIT + 1)

    assert unit_id("work", fits) == f"work[{fits}]"
    assert unit_id("work", long) == f"work[{hashlib.sha256(long.encode()).hexdigest()}]"
    assert unit_label(long) == long


def test_a_key_is_measured_as_escaped_so_that_ids_stay_short_in_every_script() -> None:
    key = "航" * 14  # 126 characters once escaped

    assert unit_id("work", key) == f"work[{hashlib.sha256(key.encode()).hexdigest()}]"
    assert unit_label("outer", key) == f"outer/{key}"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[a]",
        "work[a",
        "work[]",
        "work[a b]",
        "work[%2f]",
        "work[%41]",
        "work[%FF]",
        "work[a]b",
        "a//b",
        "/a",
    ],
)
def test_what_is_no_unit_id_is_refused(text: str) -> None:
    with pytest.raises(AgiError, match="this is not the id of a unit"):
        parse_unit_id(text)


def test_a_node_with_brackets_in_its_name_is_refused() -> None:
    with pytest.raises(AgiError, match="this is not the name of a node") as caught:
        unit_id("work[a]")

    assert caught.value.found == "'work[a]'"


def test_a_key_that_utf8_cannot_hold_is_refused() -> None:
    with pytest.raises(AgiError, match="a key is not Unicode text"):
        unit_id("work", "\ud800")
