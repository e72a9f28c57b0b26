"""Who did what when: bars from measured durations, lanes that never overlap, the critical path; and the picture."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agilab.engine.graph import Graph, Node, Policy
from agilab.store.locks import RunLock
from agilab.store.store import Store
from agilab.store.workspace import Workspace
from agilab.views.chart import PIXELS, blocks, cells, page, ticks
from agilab.views.timeline import Bar, Lane, Timeline, _apart, read_timeline
from tests.views.made_runs import Written, execute

SECOND = 1_000_000


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(Workspace(tmp_path / "home")) as store:
        yield store


MAP = Graph(
    (Node("list", "list"), Node("work", "work", ("list",), foreach="list"), Node("sum", "sum", ("work",)))
)


def two_workers(store: Store) -> Written:
    """list 1 s on w0; then a 4 s on w0 beside b 1 s and c 2 s on w10; then sum 1 s on w0."""
    run = Written(store, MAP)
    run.expand("list")
    attempt = run.start("list", "w0")
    run.now_us += SECOND
    run.succeed("list", attempt, SECOND)
    run.finish("list")
    run.expand("work", "a", "b", "c")
    a = run.start("work[a]", "w0")
    b = run.start("work[b]", "w10")
    c = run.start("work[c]", "w10")  # sent ahead
    run.now_us += SECOND
    run.succeed("work[b]", b, SECOND)
    run.now_us += 2 * SECOND
    run.succeed("work[c]", c, 2 * SECOND)
    run.now_us += SECOND
    run.succeed("work[a]", a, 4 * SECOND)
    run.finish("work")
    run.expand("sum")
    attempt = run.start("sum", "w0")
    run.now_us += SECOND
    run.succeed("sum", attempt, SECOND)
    run.finish("sum")
    run.end()
    return run


def test_bars_lie_where_the_work_was_done_not_where_it_was_sent(store: Store) -> None:
    two_workers(store)
    found = read_timeline(store, "r1")
    assert [lane.worker for lane in found.lanes] == ["w0", "w10"]
    assert [(bar.unit_id, bar.start_us, bar.end_us) for bar in found.lanes[1].bars] == [
        ("work[b]", SECOND, 2 * SECOND),
        ("work[c]", 2 * SECOND, 4 * SECOND),
    ]
    assert found.span_us == found.working_us == 6 * SECOND
    assert found.utilisation(found.lanes[0]) == 1.0
    assert found.utilisation(found.lanes[1]) == 0.5


def test_the_critical_path_is_the_longest_chain_of_units_that_waited_for_each_other(store: Store) -> None:
    two_workers(store)
    found = read_timeline(store, "r1")
    assert found.critical == ("list", "work[a]", "sum")
    assert found.critical_us == 6 * SECOND
    assert [bar.unit_id for bar in found.longest[:2]] == ["work[a]", "work[c]"]


def test_units_tied_by_their_keys_wait_only_for_their_own(store: Store) -> None:
    graph = Graph((Node("a", "a", foreach=[1, 2]), Node("b", "b", foreach="a"), Node("c", "c", ("b",))))
    run = Written(store, graph)
    run.expand("a", "1", "2")
    run.expand("b", "1", "2")
    for node, key, seconds in (("a", "1", 5), ("a", "2", 1), ("b", "1", 1), ("b", "2", 3)):
        attempt = run.start(f"{node}[{key}]", "w0")
        run.now_us += seconds * SECOND
        run.succeed(f"{node}[{key}]", attempt, seconds * SECOND)
    run.log.flush()
    found = read_timeline(store, "r1")
    # 5 + 1 under key 1, 1 + 3 under key 2; waiting for all of a would make it 5 + 3.
    assert (found.critical, found.critical_us) == (("a[1]", "b[1]"), 6 * SECOND)


def test_what_was_used_again_or_never_ran_is_no_part_of_the_critical_path(store: Store) -> None:
    run = Written(store, Graph((Node("a", "a"), Node("b", "b", ("a",)), Node("c", "c", ("b",)))))
    run.expand("a")
    attempt = run.start("a", "w0")
    run.now_us += SECOND
    run.succeed("a", attempt, SECOND)
    run.expand("b")
    run.log.append("unit_reused", "b", from_run="r0")
    run.expand("c")
    attempt = run.start("c", "w0")
    run.now_us += SECOND
    run.succeed("c", attempt, SECOND)
    run.end()
    found = read_timeline(store, "r1")
    assert (found.critical, found.critical_us) == (("a", "c"), 2 * SECOND)


def test_every_attempt_has_its_bar_and_the_chain_counts_them_together(store: Store) -> None:
    run = Written(store, Graph((Node("n", "n", policy=Policy(max_retries=1)),)))
    run.expand("n")
    attempt = run.start("n", "w0")
    run.now_us += SECOND
    run.fail("n", attempt, SECOND, to="up_for_retry")
    run.now_us += 3 * SECOND
    run.log.append("retry_due", "n")
    attempt = run.start("n", "w1")
    run.now_us += 2 * SECOND
    run.succeed("n", attempt, 2 * SECOND)
    run.finish("n")
    run.end()
    found = read_timeline(store, "r1")
    assert [(bar.worker, bar.attempt, bar.state) for lane in found.lanes for bar in lane.bars] == [
        ("w0", 1, "failed"),
        ("w1", 2, "succeeded"),
    ]
    assert found.critical_us == 3 * SECOND


def test_a_clock_that_is_set_back_makes_no_time_run_backwards(store: Store) -> None:
    run = Written(store, MAP)
    run.expand("list")
    attempt = run.start("list", "w0")
    run.now_us -= 3600 * SECOND
    run.succeed("list", attempt, 2 * SECOND)
    run.finish("list")
    run.expand("work", "a")
    attempt = run.start("work[a]", "w0")
    run.now_us += SECOND
    run.succeed("work[a]", attempt, SECOND)
    run.log.flush()
    found = read_timeline(store, "r1")
    first, second = found.lanes[0].bars
    assert 0 <= first.start_us <= first.end_us <= second.start_us
    assert second.duration_us == SECOND
    assert found.span_us < 10 * SECOND


def test_what_ran_when_the_owner_died_lasts_to_its_last_word_and_what_was_sent_ahead_has_no_bar(
    store: Store,
) -> None:
    run = Written(store, MAP)
    run.expand("list")
    attempt = run.start("list", "w0")
    run.succeed("list", attempt, 0)
    run.finish("list")
    run.expand("work", "a", "b")
    a, b = run.start("work[a]", "w0"), run.start("work[b]", "w0")
    run.now_us += 2 * SECOND
    run.log.append(
        "metrics_logged", "work[a]", a, metrics={"name": ["x"], "value": [1], "step": [0], "at_ms": [0]}
    )
    run.log.flush()
    open_ = read_timeline(store, "r1")
    assert [(bar.unit_id, bar.state) for bar in open_.lanes[0].bars] == [
        ("list", "succeeded"),
        ("work[a]", "interrupted"),
    ]
    run.now_us += 3600 * SECOND
    run.log.append("coordinator_took_over", open_attempts=2)
    for unit, attempt in (("work[a]", a), ("work[b]", b)):
        run.log.append("attempt_lost", unit, attempt, to="ready", began=False, reason="its coordinator ended")
    run.log.flush()
    found = read_timeline(store, "r1")
    assert [(bar.unit_id, bar.state) for bar in found.lanes[0].bars][1:] == [("work[a]", "lost")]
    assert found.lanes[0].bars[1].duration_us < 3600 * SECOND


def test_what_runs_right_now_lasts_until_now(store: Store) -> None:
    run = Written(store, MAP)
    run.expand("list")
    run.start("list", "w0")
    run.log.flush()
    with RunLock(store.workspace.run_folder("r1")):
        found = read_timeline(store, "r1", now_us=run.now_us + 5 * SECOND)
    (bar,) = found.lanes[0].bars
    assert (bar.state, bar.duration_us) == ("running", 5 * SECOND)
    assert read_timeline(store, "r1", now_us=run.now_us + 5 * SECOND).lanes[0].bars[0].state == "interrupted"


def add(work: list[int]) -> int:
    return sum(work)


def test_a_real_run_takes_no_longer_than_it_took(store: Store) -> None:
    execute(store, MAP, {"list": lambda: list(range(50)), "work": lambda n: n, "sum": add})
    found = read_timeline(store, "r1")
    (lane,) = found.lanes
    assert found.bars == 52
    assert lane.busy_us <= found.working_us <= found.span_us
    assert found.critical_us <= found.span_us
    assert found.critical[0] == "list"
    assert found.critical[-1] == "sum"


def test_a_run_in_which_nothing_ran_is_a_timeline_too(store: Store) -> None:
    log = store.log("r1")
    log.append("run_created", app="functions", args={})
    log.flush()
    found = read_timeline(store, "r1")
    assert (found.lanes, found.critical_us, found.longest) == ((), 0, ())
    assert "Nothing was executed" in page(found)


BARS = st.lists(st.tuples(st.integers(0, 10**7), st.integers(0, 10**6)), max_size=60).map(
    lambda rows: [
        Bar(f"n[{i}]", "n", 1, "w0", at, at + took, "succeeded") for i, (at, took) in enumerate(rows)
    ]
)


@given(BARS)
def test_bars_of_one_worker_never_overlap_and_come_in_order(bars: list[Bar]) -> None:
    apart = _apart(bars)
    assert len(apart) == len(bars)
    assert all(bar.start_us >= 0 for bar in apart)
    assert all(one.end_us <= other.start_us or other.duration_us == 0 for one, other in pairwise(apart))


@given(BARS, st.integers(1, 300))
def test_blocks_and_cells_lose_no_work(bars: list[Bar], width: int) -> None:
    lane = Lane("w0", tuple(_apart(bars)))
    span = max([bar.end_us for bar in lane.bars], default=1)
    drawn = blocks(lane, span)
    assert [bar for block in drawn for bar in block.bars] == list(lane.bars)
    assert sum(block.busy_us for block in drawn) == lane.busy_us
    row = cells(lane, span, width)
    assert len(row) == width
    assert sum(part for part, _ in row) * span / width == pytest.approx(lane.busy_us, abs=width + 1)


def test_a_failure_is_never_hidden_among_successes() -> None:
    states = ["succeeded"] * 50 + ["failed"] + ["succeeded"] * 50
    bars = tuple(Bar(f"n[{i}]", "n", 1, "w0", i, i + 1, state) for i, state in enumerate(states))
    lane = Lane("w0", (*bars, Bar("n[z]", "n", 1, "w0", 200, 10**7, "succeeded")))
    first = blocks(lane, 10**7)[0]
    assert (first.state, len(first.bars)) == ("failed", 101)
    assert cells(lane, 10**7, 20)[0][1] == "failed"
    timeline = Timeline("r1", "app", "failed", 0, 10**7, 10**7, (lane,), 1, ("n[z]",), 0)
    assert "101 attempts, 1 failed (n[50])" in page(timeline)


@pytest.mark.parametrize("state", ["failed", "lost", "skipped"])
def test_one_among_thousands_does_not_give_its_colour_to_all_of_them(state: str) -> None:
    states = ["succeeded"] * 10_000
    states[5000] = state
    bars = tuple(
        Bar(f"n[{i}]", "n", 1, "w0", i * 1000, i * 1000 + 999, word) for i, word in enumerate(states)
    )
    span = 10_000 * 1000
    drawn = blocks(Lane("w0", bars), span)
    wide = {
        word: sum(block.end_us - block.start_us for block in drawn if block.state == word) for word in states
    }
    assert wide[state] <= 3 * span / PIXELS
    assert wide["succeeded"] > 0.99 * span


def test_states_that_take_turns_are_no_more_blocks_than_a_page_has_pixels() -> None:
    words = ("succeeded", "skipped", "failed")
    bars = tuple(Bar(f"n[{i}]", "n", 1, "w0", i * 10, i * 10 + 9, words[i % 3]) for i in range(20_000))
    assert len(blocks(Lane("w0", bars), 200_000)) <= PIXELS + 1


def test_a_bar_that_ends_where_a_cell_begins_is_not_in_it() -> None:
    bar = Bar("n", "n", 1, "w0", 0, 50, "failed")
    assert [word for _, word in cells(Lane("w0", (bar,)), 100, 4)] == ["failed", "failed", "", ""]
    nothing = Bar("n", "n", 1, "w0", 100, 100, "failed")
    assert [word for _, word in cells(Lane("w0", (nothing,)), 100, 4)] == ["", "", "", "failed"]


@given(st.integers(0, 10**14), st.integers(2, 20))
def test_ticks_are_few_and_begin_at_nothing(span: int, most: int) -> None:
    found = ticks(span, most)
    assert found[0] == 0
    assert found[-1] <= span
    assert len(found) <= most


class Reader(HTMLParser):
    """Checks that elements are closed in order, and collects what a person or a browser meets."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_is_whole_asks_for_nothing_and_is_the_same_each_time(store: Store) -> None:
    two_workers(store)
    timeline = read_timeline(store, "r1")
    text = page(timeline)
    assert text == page(read_timeline(store, "r1"))
    reader = Reader()
    reader.feed(text)
    assert reader.open == []
    assert not re.search(r"https?:|//|url\(|@import|<script|<link|<img", text)
    assert "prefers-color-scheme: dark" in text
    assert ("data-say", "work[a] succeeded, 4.0 s, from 1.0 s to 5.0 s") in reader.attributes
    assert ("tabindex", "0") in reader.attributes
    assert "Critical path, 6.0 s" in reader.text
    assert "100%" in reader.text


def test_a_name_is_text_and_never_markup() -> None:
    bar = Bar('n[<script>"&]', "n", 1, "<w>", 0, SECOND, "failed")
    timeline = Timeline(
        "r<1>", "<app>", "failed", 0, SECOND, SECOND, (Lane("<w>", (bar,)),), SECOND, (bar.unit_id,), 0
    )
    text = page(timeline)
    assert "<script>" not in text
    assert "<w>" not in text
    reader = Reader()
    reader.feed(text)
    assert reader.open == []
    assert bar.unit_id in reader.text


def test_ten_thousand_units_are_a_page_that_a_browser_shows_at_once() -> None:
    bars = tuple(
        Bar(f"work[{i:05}]", "work", 1, "w0", i * 10, i * 10 + 9, "succeeded") for i in range(10_000)
    )
    text = page(
        Timeline("r1", "app", "succeeded", 0, 100_000, 100_000, (Lane("w0", bars),), 9, ("work[00000]",), 0)
    )
    assert text.count("<span") < PIXELS + 20
    assert len(text) < 400_000
