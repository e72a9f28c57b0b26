"""The answer of an app, and the numbers that its checks judge: at the end of a run, and wherever it is shown."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from tests.projects.conftest import write_app

from agilab.cli.answer import LINES, answer_block
from agilab.cli.checks import check_words
from agilab.cli.render import out

from .conftest import Agilab


def shown(capsys: pytest.CaptureFixture[str], answer: object) -> list[str]:
    out(*answer_block(answer, "run-1"))
    return capsys.readouterr().out.splitlines()


def test_names_stand_beside_values_and_what_is_nested_below_its_name(
    capsys: pytest.CaptureFixture[str],
) -> None:
    answer = {
        "pi": math.pi, "year": 1898, "rows": 36550, "none": None, "nan": math.nan,
        "nile": {"p": 0.001, "deep": {"deeper": {"gone": 1}}}, "list": [1, 2, 3], "empty": {},
    }  # fmt: skip
    assert shown(capsys, answer) == [
        "  pi          3.14159",
        "  year        1898",
        "  rows        36,550",
        "  none        none",
        "  nan         nan",
        "  nile",
        "    p         0.001",
        "    deep",
        "      deeper  1 field",
        "  list        1, 2, 3",
        "  empty       nothing",
    ]


def test_rows_are_a_table_with_the_authors_own_names(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"p": 0.4, "walks": 2000, "why": "low"}, {"p": 0.45, "walks": None}]
    assert shown(capsys, rows) == [
        "     p  walks  why",
        "   0.4   2000  low",
        "  0.45   none",
    ]


def test_a_large_answer_is_a_screenful_and_says_where_the_rest_is(
    capsys: pytest.CaptureFixture[str],
) -> None:
    lines = shown(capsys, {f"k{number}": number for number in range(1000)})
    assert len(lines) == LINES + 1
    assert lines[-1] == "  agilab runs show run-1 --json   … and 984 lines more"
    lines = shown(capsys, [{f"column{number}": row for number in range(40)} for row in range(50)])
    assert len(lines) == LINES + 2
    assert max(map(len, lines)) <= 100
    assert lines[-1].startswith("  agilab runs show run-1 --json   … and 34 rows, ")
    (line,) = shown(capsys, {"text": "x" * 5000})
    assert len(line) <= 100


def test_nothing_in_an_answer_speaks_to_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(capsys, {"a\x1b[2Jb": "one\ntwo\x07\x1b]0;title\x07"}) == ["  a [2Jb  one two ]0;title"]
    assert shown(capsys, "plain") == ["  value  plain"]


@pytest.mark.parametrize(
    ("message", "value", "limit", "said"),
    [
        ("", 27, 27, "value 27 · limit 27"),
        ("least at 1d: MAE 0.16 °C", -0.03, 0, "least at 1d: MAE 0.16 °C · value -0.03 · limit 0"),
        ("12.24 m/s, at most 20", 12.2382, 20, "12.24 m/s, at most 20"),
        ("36,550 of them", 36550, 36551, "36,550 of them · limit 36,551"),
        ("98.2 %, \N{MINUS SIGN}3 at least", 0.9823, -3, "98.2 %, \N{MINUS SIGN}3 at least"),
        ("best at 1d", 0.7, None, "best at 1d · value 0.7"),
        ("no value at all", None, None, "no value at all"),
        ("picture is whole", [40, 30], None, "picture is whole · value 40, 30"),
    ],
)  # fmt: skip
def test_a_check_gives_the_numbers_that_its_message_does_not(
    message: str, value: object, limit: object, said: str
) -> None:
    evidence = {name: one for name, one in (("value", value), ("limit", limit)) if one is not None}
    assert check_words(message, evidence) == said


APP = '''\
from agi_node import App, Args, Partial, RunContext, Sum, WorkItem


class Count(Partial):
    """What is counted."""

    done: Sum[int]


class CountArgs(Args):
    """How many."""

    many: int = 3


app = App("counts", args=CountArgs, partial=Count)


@app.plan
def items(args):
    for number in range(args.many):
        yield WorkItem(key=f"n{number}", payload=number, cost=1)


@app.work
def one(number: int, args, run):
    return Count(done=1)


@app.publish
def last(count: Count, args: CountArgs, run: RunContext):
    if args.many == 5:
        return None
    run.validate("enough", count.done >= 3, value=count.done, limit=3, message="counted them")
    return {"big": 2**60, "none": float("nan"), "done": count.done}
'''


@pytest.mark.journey
def test_what_publish_returned_stands_wherever_the_run_is_shown(
    agilab: Agilab, home: Path, tmp_path: Path
) -> None:
    home.mkdir()
    (home / "settings.toml").write_text("[tracking]\nenabled = false\n")
    folder = str(write_app(tmp_path / "counts_project", APP, name="counts"))
    answer = agilab("run", folder)
    assert answer.code == 0, answer.err
    assert answer.out.index("\nAnswer\n") < answer.out.index("\nResult\n")
    assert "  big   1,152,921,504,606,846,976\n  done  3\n  none  nan\n" in answer.out
    assert "enough" in answer.out
    assert "counted them · value 3 · limit 3" in answer.out

    # JSON has what Python cannot lose: 2^60 and NaN as tagged text (agi_node.canonical).
    wanted = {"big": "$int:1152921504606846976", "done": 3, "none": "$float:nan"}
    assert agilab("runs", "show", "last", "--json").document["answer"] == wanted
    assert "  done  3\n" in agilab("runs", "show", "last").out
    assert agilab("run", "counts_project", "--json").document["answer"] == wanted

    failed = agilab("run", "counts_project", "--many", "2")
    assert failed.code == 1
    assert "counted them · value 2 · limit 3" in agilab("runs", "show", "last").out
    nothing = agilab("run", "counts_project", "--many", "5", "--json").document
    assert nothing["answer"] is None
    assert "Answer" not in agilab("runs", "show", "last").out
    assert json.loads(Path(nothing["manifest"]).read_text())["verdict"]["status"] == "succeeded"
