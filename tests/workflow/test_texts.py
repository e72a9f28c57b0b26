"""What cells print beside what their stage prints: equal, different, or different in what no run repeats."""

from __future__ import annotations

import pytest

from agilab.workflow.notebooks.comparison import looks
from agilab.workflow.notebooks.masks import ORDER, TIMES, by_chance, named
from agilab.workflow.notebooks.places import misfit
from agilab.workflow.notebooks.texts import difference, judged_texts, one_sided, tidy

SWAPPED = "line 1: \"{'a': 2, 'b': 3}\" in the notebook, \"{'a': 3, 'b': 2}\" in the pipeline"
OTHERWISE = "line 1: \"{'a': {2}, 'b': 3}\" in the notebook, \"{'b': {2}, 'a': 3}\" in the pipeline"


@pytest.mark.parametrize(
    ("theirs", "mine"),
    [
        ("a\nb\n", "a\nb"),
        ("\x1b[31mred\x1b[0m\n", "red\n"),
        ("1 %\r50 %\r100 %\n", "100 %\n"),
        ("a  \r\nb\r\n", "a\nb"),
        ("a\n<Figure size 640x480 with 1 Axes>\n", "a\n"),
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
        ("elapsed: 0.03s", "elapsed: 0.05s", "only measured times differ"),
        ("it took 3.25\n7", "it took 4.5\n7", "only measured times differ"),
        ("duration: 5 s", "duration: 2.5 s", "only times differ"),
        ("wrote /tmp/tmpab12/x", "wrote /tmp/tmpcd34/x", "only paths of temporary folders differ"),
        ("<S sys[12]: u>", "<S sys[3]: u>", "only numbers of objects, counted up in each process, differ"),
        ("{'a', 'b', 'c'}", "{'c', 'a', 'b'}", "only the order within a set differ"),
    ],
)
def test_what_two_runs_may_not_have_in_common_is_named_and_held_against_another_run(
    theirs: str, mine: str, why: str
) -> None:
    assert judged_texts(theirs, mine) == (None, why)


@pytest.mark.parametrize(
    ("theirs", "mine", "why"),
    [
        ("a 6\n", "a 8\n", "line 1: 'a 6' in the notebook, 'a 8' in the pipeline"),
        ("a\n", "a\nb\n", "1 line in the notebook, 2 lines in the pipeline"),
        ("3 s: 4 rows", "2 s: 5 rows", "line 1: '3 s: 4 rows' in the notebook, '2 s: 5 rows' in the pipeline"),
        ("{'a', 'b'}", "{'a', 'd'}", "line 1: \"{'a', 'b'}\" in the notebook, \"{'a', 'd'}\" in the pipeline"),
        ("{'a': 2, 'b': 3}", "{'a': 3, 'b': 2}", SWAPPED),
        ("{a} 3 {b} 5", "{a} 5 {b} 3", "line 1: '{a} 3 {b} 5' in the notebook, '{a} 5 {b} 3' in the pipeline"),
        ("{'a': {2}, 'b': 3}", "{'b': {2}, 'a': 3}", OTHERWISE),
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


def test_lines_that_only_one_has_are_explained_where_they_can_be() -> None:
    """What programs of shell lines complain of is the notebook's alone; what is said once in a process, a stage's."""
    both = "a\nb\n"
    complains = "cat: x.txt: No such file or directory\n/bin/sh: 1: tool: not found\n"
    assert "what a shell line says of errors" in one_sided(complains + both, both, shell=True, above="")
    assert one_sided(complains + both, both, shell=False, above="") == ""
    assert one_sided("lost.csv\n" + both, both, shell=True, above="") == "", "a line of a listing is missing"
    assert "once in a process" in one_sided(both, "hello\n" + both, shell=False, above="x\nhello\n")
    assert one_sided(both, "hello\nhello\n" + both, shell=False, above="hello\n") == "", "it was said once"
    assert one_sided("a\nc\n", "hello\na\nb\n", shell=False, above="hello\n") == "", "another line differs"


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


def test_lines_of_magics_that_take_the_time_are_the_notebooks_alone() -> None:
    theirs = "CPU times: user 2 us, sys: 0 ns, total: 2 us\nWall time: 5 us\na\n"
    assert judged_texts(theirs, "a\n", timed=True) == (True, "")
    assert judged_texts(theirs, "a\n")[0] is False, "a program may print such lines as well"


@pytest.mark.parametrize(
    ("theirs", "again", "mine", "agrees"),
    [
        ("pid 71, 3 rows", "pid 82, 3 rows", "pid 93, 3 rows", True),
        ("pid 71, 3 rows", "pid 82, 3 rows", "pid 93, 4 rows", False),
        ("pid 71, 3 rows", "pid 82, 3 rows", "pid none, 3 rows", False),
        ("pid 71\n3", "pid 82\n3", "pid 93\n4", False),
        ("3 rows", "3 rows", "4 rows", False),
        ("begin\nx\nend", "begin\nx\nx\nend", "begin\nx\nx\nx\nend", True),
        ("begin\nx\nend", "begin\nx\nx\nend", "begin\nx\nx\nx\nfin", False),
        ("a 3\nb", "a 4\nb", "a 5\nb\nb", False),
        ("period 3.2 s", "period 3.2 s", "period 1.6 s", False),
        ("half-life 5.0 hours", "half-life 5.0 hours", "half-life 7.0 hours", False),
        ("at 12:03:11", "at 12:03:11", "at 12:03:12", False),
        ("done in 3.2 s, 4 rows", "done in 3.4 s, 4 rows", "done in 2.9 s, 4 rows", True),
        ("done in 3.2 s, 4 rows", "done in 3.4 s, 4 rows", "done in 2.9 s, 5 rows", False),
        ("at 18:59:58, 4", "at 19:00:07, 4", "at 18:59:59, 4", True),
        ("crc 0xabcde of 0x7f01deadbeef", "crc 0xabcde of 0x7f02deadbeef", "crc 0xabcde of 0x7f03deadbeef", True),
        ("crc 0xabcde of 0x7f01deadbeef", "crc 0xabcde of 0x7f02deadbeef", "crc 0xabcdf of 0x7f03deadbeef", False),
        ("in /tmp/a1/x, 3", "in /tmp/b2/x, 3", "in /tmp/c3/y/x, 3", True),
        ("in /tmp/a1/x, 3", "in /tmp/b2/x, 3", "in /tmp/c3/y/x, 4", False),
            ("in /tmp/a1/x_22.csv", "in /tmp/b2/x_22.csv", "in /tmp/c3/y/x_22.csv", True),
            ("in /tmp/a1/x_22.csv", "in /tmp/b2/x_22.csv", "in /tmp/c3/y/x_23.csv", False),
            ("in /tmp/a1/tmpa1.csv", "in /tmp/b2/tmpb2.csv", "in /tmp/tmpc3.csv", True),
        ("{1, 2} 3", "{2, 1} 3", "{1, 2} 4", False),
        ("{'a', 'b', 'c'} 3", "{'b', 'c', 'a'} 3", "{'c', 'b', 'a'} 3", True),
        ("{'a', 'b'}", "{'b', 'a'}", "{'b', 'd'}", False),
        ("R2 .989\na 0.31\nb 1.22", "R2 .989\na 0.35\nb 1.27", "R2 .992\na 0.4\nb 1.1", False),
        ("loss -0.31 of 5", "loss 0.35 of 5", "loss 1e-05 of 5", True),
        ("score 0.95\nnoise 0.31", "score 0.95\nnoise 0.35", "score 0.96\nnoise 0.4", False),
        ("evaluations 38\nloss .31", "evaluations 38\nloss .35", "evaluations 34\nloss .4", False),
    ],
)  # fmt: skip
def test_a_place_that_a_notebook_does_not_repeat_is_let_go_and_others_count(
    theirs: str, again: str, mine: str, agrees: bool
) -> None:
    assert (misfit(theirs, [again], mine) is None) is agrees


def test_what_stands_in_a_row_with_a_draw_may_be_drawn_too() -> None:
    drawn = ("[3 5 1] of 9\nrows 4", ["[3 2 8] of 9\nrows 4"])
    assert misfit(*drawn, "[1 1 1] of 9\nrows 4", draws=True) is None
    assert misfit(*drawn, "[1 1 1] of 9\nrows 4") is not None, "nothing is drawn: the first is repeated"
    assert misfit(*drawn, "[1 1 1] of 8\nrows 4", draws=True) is not None
    assert misfit(*drawn, "[1 1 1] of 9\nrows 5", draws=True) is not None
    digits = ["\n".join(one) for one in ("1230000000000", "1345678912345", "2555555555555")]
    assert misfit(digits[0], digits[1:2], digits[2], draws=True) is None
    assert misfit("rows 3", ["rows 3"], "rows 4", draws=True) is not None, "this is repeated"


def test_several_runs_are_held_against_each_other() -> None:
    assert misfit("a 1 b 2", ["a 1 b 3"], "a 2 b 2") is not None
    assert misfit("a 1 b 2", ["a 1 b 3", "a 4 b 2"], "a 2 b 2") is None


def test_a_difference_is_told_where_it_is_and_not_at_the_time_above_it() -> None:
    one, other = "Time: 15:45:40\nscore 0.5", "Time: 15:45:59\nscore 0.6"
    assert judged_texts(one, other) == (
        False,
        "line 2: 'score 0.5' in the notebook, 'score 0.6' in the pipeline",
    )


def test_what_texts_may_differ_in_is_found_in_the_words_on_it() -> None:
    assert named(judged_texts("period 3 s", "period 2 s")[1]) == {TIMES}
    assert named(judged_texts("<A at 0x7f00deadbeef> 3 s", "<A at 0x7f00deadbee0> 4 s")[1]) == {
        "addresses in memory",
        TIMES,
    }
    assert named(judged_texts("{'a', 'b'}", "{'b', 'a'}")[1]) == {ORDER}
    assert not named(judged_texts("3 kg", "2 kg")[1])


def test_short_times_may_be_the_same_by_chance() -> None:
    assert by_chance(["it took 0.0 s"], ["it took 0.1 s"])
    assert by_chance(["done in 0.1 s"], ["done in 0.2 s"])
    assert not by_chance(["at 12:07"], ["at 12:08"]), "a clock of the second run is never behind the stage's"
    assert not by_chance(["it took 12.345 s"], ["it took 0.1 s"])
    assert not by_chance(["took 0.1 s, 4 rows"], ["took 0.1 s, 5 kg"])
