"""`agilab runs gantt --format html`: runs of every size as a page, in a real browser and without a mouse."""

from __future__ import annotations

from pathlib import Path

import pytest

from agilab.views.chart import page as page_of
from agilab.views.timeline import Bar, Lane, Timeline
from tests.browser import Browser
from tests.pictures.conftest import Look

SECOND = 1_000_000
STATES = ("succeeded", "failed", "skipped", "lost", "cancelled", "interrupted", "running")


def made(workers: int, each: int, unit: str = "work[{}]", worker: str = "w{}") -> Timeline:
    """A run in which every worker did so many units of a second, with all the ends that there are."""
    lanes = tuple(
        Lane(
            worker.format(at),
            tuple(
                Bar(
                    unit.format(at * each + n),
                    "work",
                    1,
                    worker.format(at),
                    n * SECOND,
                    n * SECOND + 900_000,
                    STATES[(n // 3) % 7],
                )
                for n in range(each)
            ),
        )
        for at in range(workers)
    )
    span = each * SECOND
    path = tuple(unit.format(n) for n in range(each))
    return Timeline(
        "20261126-091402123-flight-4kq2zd",
        "flight_project",
        "failed",
        1_790_000_000_000_000,
        span,
        span,
        lanes,
        span,
        path,
        3,
    )


RUNS = {
    "nothing": Timeline(
        "20261126-091402123-x-4kq2zd", "x", "failed", 1_790_000_000_000_000, 0, 0, (), 0, (), 0
    ),
    "one": made(1, 1),
    "two workers": made(2, 9),
    "sixty workers": made(60, 12),
    "ten thousand units": made(2, 5_000),
    "long names": made(
        3, 5, "weather_of_every_station[" + "a" * 90 + "{}]", "tcp://a-long-name-of-a-host.example.org:{}"
    ),
    "scripts": made(2, 5, "料金[日本🚀{}]", "機械{}"),
}


@pytest.mark.parametrize("name", RUNS)
def test_nobody_has_anything_to_complain_about(name: str, looks_well: Look) -> None:
    looks_well("run.html", page_of(RUNS[name]))


def test_every_bar_that_is_wide_enough_is_reached_and_told_with_the_keyboard(
    browser: Browser, tmp_path: Path
) -> None:
    path = tmp_path / "run.html"
    path.write_text(page_of(RUNS["two workers"]), encoding="utf-8")
    said = []
    with browser.page(path.as_uri()) as page:
        for _ in range(2 * (1 + 9)):
            page.press("Tab")
            label, ring, shown = page.evaluate("""(() => {
                const one = document.activeElement;
                return [one.getAttribute('aria-label'), getComputedStyle(one).outlineStyle,
                        getComputedStyle(one, '::after').content];
            })()""")
            assert ring == "solid", "who presses Tab sees where they are"
            said.append(label)
            assert shown == "none" or label in shown
    bars = [bar.unit_id for lane in RUNS["two workers"].lanes for bar in lane.bars]
    assert [next((unit for unit in bars if one.startswith(f"{unit} ")), "") for one in said] == [
        "", *bars[:9], "", *bars[9:]
    ]  # fmt: skip


@pytest.mark.parametrize("width", [1280, 420])
def test_what_a_bar_says_is_inside_the_window(browser: Browser, tmp_path: Path, width: int) -> None:
    path = tmp_path / "run.html"
    path.write_text(page_of(RUNS["long names"]), encoding="utf-8")
    with browser.page(path.as_uri(), width=width) as page:
        for _ in range(12):
            page.press("Tab")
            assert page.evaluate("document.documentElement.scrollWidth") <= width
