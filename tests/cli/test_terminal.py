"""What a person sees: progress, colours, narrow windows, Ctrl-C."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from .conftest import Lab, Terminal

pytestmark = pytest.mark.journey

Open = Callable[..., Terminal]
LONG = ("run", "tides", "--hours", "6", "--seconds", "0.4", "--workers", "2")


def test_progress_shows_each_node_with_counts_and_goes_away(lab: Lab, terminal: Open) -> None:
    screen = terminal(lab.home, *LONG)
    shown = screen.read_until("2 running")
    assert re.search(r"work .*\d/6", shown)
    assert "reduce" in shown
    assert screen.finish() == 0
    assert "tides succeeded in" in screen.text
    assert "\x1b[1A" in screen.raw  # it drew over itself
    # The last thing the display did was to erase its lines; what stays is the summary.
    assert "running" not in screen.text[screen.text.rindex("tides succeeded in") :]


def test_counts_only_grow(lab: Lab, terminal: Open) -> None:
    screen = terminal(lab.home, *LONG)
    assert screen.finish() == 0
    counts = [int(count) for count in re.findall(r"work [^\n]*?(\d)/6", screen.text)]
    assert counts == sorted(counts)
    assert len(set(counts)) >= 3


def test_the_display_draws_at_most_about_ten_times_a_second(lab: Lab, terminal: Open) -> None:
    screen = terminal(lab.home, "run", "tides", "--hours", "300", "--json")
    assert screen.finish() == 0
    assert "300/300" not in screen.text  # --json: no display at all
    screen = terminal(lab.home, "run", "tides", "--hours", "300")
    assert screen.finish() == 0
    took = re.search(r"succeeded in ([\d.]+) (s|ms)", screen.text)
    assert took is not None
    seconds = float(took[1]) * (1 if took[2] == "s" else 0.001)
    drawn = screen.raw.count("plan")
    assert 1 <= drawn <= 10 * (seconds + 1) + 5


@pytest.mark.parametrize("more", [{"CI": "true"}, {"TERM": "dumb"}])
def test_a_build_server_gets_no_display(lab: Lab, terminal: Open, more: dict[str, str]) -> None:
    screen = terminal(lab.home, *LONG, **more)
    assert screen.finish() == 0
    assert "tides succeeded in" in screen.text
    assert "2 running" not in screen.text
    assert "\x1b[1A" not in screen.raw


def test_a_pipe_gets_no_display_and_no_colours(lab: Lab) -> None:
    answer = lab(*LONG)
    assert answer.code == 0
    assert "\x1b" not in answer.out + answer.err
    assert "running" not in answer.out + answer.err


def test_a_single_long_unit_tells_how_far_it_is(lab: Lab, terminal: Open) -> None:
    screen = terminal(lab.home, "run", "tides", "--hours", "1", "--seconds", "2")
    screen.read_until("5/10")
    assert "rising" in screen.text
    assert screen.finish() == 0


def test_ctrl_c_ends_the_run_in_order(lab: Lab, terminal: Open) -> None:
    screen = terminal(lab.home, "run", "tides", "--hours", "4", "--seconds", "30", "--workers", "2")
    screen.read_until("2 running")
    screen.press_ctrl_c()
    assert screen.finish() == 130
    assert "tides cancelled after" in screen.text
    assert "Traceback" not in screen.text
    shown = lab("runs", "show", "last", "--json").document
    assert shown["state"] == "cancelled"
    assert shown["manifest"] is not None


def test_ctrl_c_before_a_run_began_is_one_word(home: object, terminal: Open) -> None:
    screen = terminal(home, "run", "flight")
    screen.read_until("of flight-project")
    screen.press_ctrl_c()
    assert screen.finish() == 130
    assert "interrupted" in screen.text
    assert "Traceback" not in screen.text


@pytest.mark.parametrize("columns", [20, 40, 80, 200])
def test_any_width_shows_a_run(lab: Lab, terminal: Open, columns: int) -> None:
    screen = terminal(lab.home, "run", "tides", "--hours", "2", columns=columns)
    assert screen.finish() == 0
    assert "Traceback" not in screen.text
    for words in (["runs", "list"], ["runs", "show", "last"], ["app", "show", "tides"], ["run", "--help"]):
        screen = terminal(lab.home, *words, columns=columns)
        assert screen.finish() == 0, screen.text
        assert "Traceback" not in screen.text


def test_an_id_is_never_cut_off(lab: Lab, terminal: Open) -> None:
    run = lab("run", "tides", "--hours", "1", "--json").document["run_id"]
    screen = terminal(lab.home, "runs", "list", "--limit", "1", columns=30)
    assert screen.finish() == 0
    assert run in screen.text.replace("\n", "")


def test_errors_are_coloured_on_a_terminal_unless_that_is_unwanted(lab: Lab, terminal: Open) -> None:
    screen = terminal(lab.home, "runs", "show", "nope")
    assert screen.finish() == 1
    assert "\x1b[" in screen.raw
    assert "error[AGI-RUN-001]: there is no such run" in screen.text
    plain = terminal(lab.home, "runs", "show", "nope", NO_COLOR="1")
    assert plain.finish() == 1
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]", plain.raw)


def test_a_terminal_that_knows_no_unicode_gets_letters(lab: Lab, terminal: Open) -> None:
    screen = terminal(lab.home, *LONG, PYTHONIOENCODING="ascii")
    assert screen.finish() == 0
    assert "+ tides succeeded in" in screen.text
    assert screen.text.isascii()
