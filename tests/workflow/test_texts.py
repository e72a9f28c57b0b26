"""What cells print beside what their stage prints: equal, different, or different in what no run repeats."""

from __future__ import annotations

import pytest

from agilab.workflow.notebooks.comparison import looks
from agilab.workflow.notebooks.texts import agrees_where_repeated, difference, judged_texts, only_times, tidy


@pytest.mark.parametrize(
    ("theirs", "mine"),
    [
        ("a\nb\n", "a\nb"),
        ("\x1b[31mred\x1b[0m\n", "red\n"),
        ("1 %\r50 %\r100 %\n", "100 %\n"),
        ("a  \r\nb\r\n", "a\nb"),
        ("a\n<Figure size 640x480 with 1 Axes>\n", "a\n"),
        ("CPU times: user 2 us, sys: 0 ns, total: 2 us\nWall time: 5 us\na\n", "a\n"),
        ("a\n", "[agilab] t goes on without the freq of its index\na\n"),
    ],
)
def test_how_a_terminal_came_to_a_text_is_no_difference(theirs: str, mine: str) -> None:
    assert judged_texts(theirs, mine) == (True, "")
    assert judged_texts(mine, theirs) == (True, "")


@pytest.mark.parametrize(
    ("theirs", "mine", "why"),
    [
        ("<A at 0x7f00deadbeef> 3", "<A at 0x7f00deadbee0> 3", "only addresses in memory differ"),
        ("done in 3.2 s, 4 rows", "done in 0.9 s, 4 rows", "only times differ"),
        ("at 12:03:11.5: 4", "at 12:03:12.9: 4", "only times differ"),
        ("it took 3.25\n7", "it took 4.5\n7", "only measured times differ"),
        ("duration: 5 s", "duration: 2.5 s", "only times differ"),
        ("wrote /tmp/tmpab12/x", "wrote /tmp/tmpcd34/x", "only paths of temporary folders differ"),
        ("<S sys[12]: u>", "<S sys[3]: u>", "only numbers of objects, counted up in each process, differ"),
        ("{'a', 'b', 'c'}", "{'c', 'a', 'b'}", "only the order within a set differ"),
    ],
)
def test_what_no_two_runs_have_in_common_is_not_called_different(theirs: str, mine: str, why: str) -> None:
    assert judged_texts(theirs, mine) == (None, why)


@pytest.mark.parametrize(
    ("theirs", "mine", "why"),
    [
        ("a 6\n", "a 8\n", "line 1: 'a 6' in the notebook, 'a 8' in the pipeline"),
        ("a\n", "a\nb\n", "1 line in the notebook, 2 lines in the pipeline"),
        ("3 s: 4 rows", "2 s: 5 rows", "line 1: '3 s: 4 rows' in the notebook, '2 s: 5 rows' in the pipeline"),
        ("{'a', 'b'}", "{'a', 'd'}", "line 1: \"{'a', 'b'}\" in the notebook, \"{'a', 'd'}\" in the pipeline"),
        ("row[3] ok", "row[4] ok", "line 1: 'row[3] ok' in the notebook, 'row[4] ok' in the pipeline"),
        ("mass 5 kg", "mass 6 kg", "line 1: 'mass 5 kg' in the notebook, 'mass 6 kg' in the pipeline"),
    ],
)  # fmt: skip
def test_a_number_among_times_is_still_a_difference(theirs: str, mine: str, why: str) -> None:
    assert judged_texts(theirs, mine) == (False, why)


def test_a_magic_explains_lines_more_on_its_side_and_nothing_else() -> None:
    assert judged_texts("env: X=1\na\n", "a\n", prints=True)[0] is None
    assert judged_texts("env: X=1\na\n", "b\n", prints=True)[0] is False
    assert judged_texts("a\n", "a\nb\n", prints=True)[0] is False
    assert judged_texts("", "kept\n", hides=True)[0] is None
    assert judged_texts("", "kept\n")[0] is False


def test_of_a_long_line_the_place_is_told_where_it_differs() -> None:
    one, other = "x" * 300 + "A" + "y" * 300, "x" * 300 + "B" + "y" * 300
    said = difference(one, other)
    assert "A" in said.partition(" in the notebook")[0]
    assert "B" in said.partition(" in the notebook")[2]
    assert len(said) < 240


def test_empty_lines_within_count() -> None:
    assert tidy("\n\na\n\nb\n\n") == ["a", "", "b"]
    assert judged_texts("a\n\nb", "a\nb")[0] is False


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("total = 3\n!ls out", "ls out"),
        ("  ! ls -la 'out/a b' | head", "ls -la 'out/a b'"),
        ("%pwd", "pwd"),
        ("%%bash\nset -e\nfind . -name '*.csv'", "find . -name '*.csv'"),
        ("dir(x)\nfind = 3\n!echo a", ""),
        ("files = !ls out", ""),
        ("ls = [1]\nprint(ls)", ""),
    ],
)
def test_a_shell_line_that_lists_its_folder_is_known(text: str, command: str) -> None:
    assert looks(text) == command


def test_a_listing_of_the_folder_is_not_compared_where_it_differs() -> None:
    equal, why = judged_texts("a.csv b.csv\n", "b.csv\n", looks="ls out")
    assert equal is None
    assert why.startswith("`ls out` tells of the folder")
    assert judged_texts("a\n", "a\n", looks="ls out") == (True, "")


@pytest.mark.parametrize(
    ("theirs", "again", "mine", "agrees"),
    [
        ("pid 71, 3 rows", "pid 82, 3 rows", "pid 93, 3 rows", True),
        ("pid 71, 3 rows", "pid 82, 3 rows", "pid 93, 4 rows", True),
        ("pid 71\n3", "pid 82\n3", "pid 93\n4", False),
        ("3 rows", "3 rows", "4 rows", False),
        ("begin\nx\nend", "begin\nx\nx\nend", "begin\nx\nx\nx\nend", True),
        ("begin\nx\nend", "begin\nx\nx\nend", "begin\nx\nx\nx\nfin", False),
        ("period 3.2 s", "period 3.2 s", "period 1.6 s", False),
        ("half-life 5.0 hours", "half-life 5.0 hours", "half-life 7.0 hours", False),
        ("at 12:03:11", "at 12:03:11", "at 12:03:12", False),
        ("done in 3.2 s, 4 rows", "done in 3.4 s, 4 rows", "done in 2.9 s, 4 rows", True),
        ("done in 3.2 s, 4 rows", "done in 3.4 s, 4 rows", "done in 2.9 s, 5 rows", False),
        ("it took 0.0 s", "it took 0.0 s", "it took 0.1 s", True),
        ("it took 12.345 s", "it took 12.345 s", "it took 0.1 s", False),
        ("R2 .989\na 0.31\nb 1.22", "R2 .989\na 0.35\nb 1.27", "R2 .992\na 0.4\nb 1.1", True),
        ("score 0.95\nnoise 0.31", "score 0.95\nnoise 0.35", "score 0.96\nnoise 0.4", False),
        ("\n".join("1230000000000"), "\n".join("1345678912345"), "\n".join("2555555555555"), True),
        ("evaluations 38\nloss .31", "evaluations 38\nloss .35", "evaluations 34\nloss .4", False),
    ],
)
def test_a_line_that_a_notebook_does_not_repeat_is_let_go_and_others_count(
    theirs: str, again: str, mine: str, agrees: bool
) -> None:
    assert agrees_where_repeated(theirs, again, mine) is agrees


def test_all_that_is_printed_beside_a_draw_without_a_seed_may_be_drawn_too() -> None:
    texts = ("evaluations 38\nloss .31", "evaluations 38\nloss .35", "evaluations 34\nloss .4")
    assert agrees_where_repeated(*texts, draws=True)
    assert not agrees_where_repeated("rows 3", "rows 3", "rows 4", draws=True), "this is repeated"


def test_a_difference_is_told_where_it_is_and_not_at_the_time_above_it() -> None:
    one, other = "Time: 15:45:40\nscore 0.5", "Time: 15:45:59\nscore 0.6"
    assert judged_texts(one, other) == (
        False,
        "line 2: 'score 0.5' in the notebook, 'score 0.6' in the pipeline",
    )


def test_texts_that_differ_in_times_are_held_against_another_run() -> None:
    assert only_times(judged_texts("period 3 s", "period 2 s")[1])
    assert only_times(judged_texts("<A at 0x7f00deadbeef> 3 s", "<A at 0x7f00deadbee0> 4 s")[1])
    assert not only_times(judged_texts("<A at 0x7f00deadbeef>", "<A at 0x7f00deadbee0>")[1])
    assert not only_times(judged_texts("3 kg", "2 kg")[1])
