"""`agilab workflow ask`, as a person at a shell sees it."""

from __future__ import annotations

import contextlib
import json
import shlex
from pathlib import Path

import pytest

from agi_node.errors import AgiError
from agilab.cli.render import print_error
from agilab.cli.workflow_ask import ask
from agilab.cli.workflow_edit import add
from agilab.contracts.base import read_document
from agilab.contracts.lab_stages import LabStages
from tests.assist.chat_server import serving, streams

pytestmark = [
    pytest.mark.slow,
    # Of the house's settings of help; a process of its own, as people start it, does not show it.
    pytest.mark.filterwarnings("ignore:.*rich-click:PendingDeprecationWarning"),
]

LAB = """\
[[stages]]
id = "load"
inputs = ["prices.csv"]
outputs = ["prices"]
code = '''
import polars as pl

prices = pl.read_csv("prices.csv")
'''
"""


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AGILAB_HOME", str(tmp_path / "home"))
    for name in ("URL", "MODEL", "KEY"):
        monkeypatch.delenv(f"AGILAB_ASSIST_{name}", raising=False)
    (tmp_path / "prices.csv").write_text("who,price\na,3.5\nb,1\n", encoding="utf-8")
    (tmp_path / "lab_stages.toml").write_text(LAB, encoding="utf-8")
    return tmp_path / "lab_stages.toml"


def run(*words: str) -> object:
    return ask.main(list(words), prog_name="agilab workflow ask", standalone_mode=False)


def test_an_answer_is_shown_and_accepted(lab: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("load", "top 1 by price", "--yes", "--no-try") == 0

    shown = capsys.readouterr().out
    assert "+prices = prices.head(1)" in shown
    assert "accepted, by offline; undo: agilab workflow ask load --undo" in shown
    assert "head(1)" in lab.read_text(encoding="utf-8")
    assert run("load", "--undo") == 0
    assert "head(1)" not in lab.read_text(encoding="utf-8")


def test_without_a_person_nothing_is_accepted(lab: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(AgiError, match="nobody to ask"):
        run("load", "top 1 by price", "--no-try")

    assert "+prices = prices.head(1)" in capsys.readouterr().out
    assert lab.read_text(encoding="utf-8") == LAB


def test_a_stage_that_is_not_there_is_added_as_the_error_says(lab: Path) -> None:
    with pytest.raises(AgiError, match="has no stage 'sauber'") as caught:
        run("sauber", "top 3 by price")
    words = shlex.split(caught.value.try_ or "")
    assert words[:3] == ["agilab", "workflow", "add"]

    assert add.main(words[3:], prog_name="agilab workflow add", standalone_mode=False) == 0

    stage = read_document(lab, LabStages).stages[-1]
    assert (stage.id, stage.inputs, stage.outputs) == ("sauber", ("prices",), ("prices",))
    assert run("sauber", "keep rows where price > 1", "--yes", "--no-try") == 0


def test_code_with_a_risk_is_never_accepted_by_itself(lab: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serving(streams("```python\nimport os\nprices = os.system('touch here')\n```")) as server:
        assert run("load", "x", "--url", server.url, "--model", "m", "--yes") == 1

    shown = capsys.readouterr().out
    assert "starts another program: os.system" in shown
    assert "not accepted: see above" in shown
    assert lab.read_text(encoding="utf-8") == LAB
    assert not (lab.parent / "here").exists()


def test_code_that_reads_otherwise_than_it_runs_is_spelt_out_and_not_accepted_by_itself(
    lab: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = "prices = 1  # \u202e all is well \u2066\x1b[8m"
    with serving(streams(f"```python\n{code}\n```")) as server:
        assert run("load", "x", "--url", server.url, "--model", "m", "--yes") == 1

    shown = capsys.readouterr().out
    assert "+prices = 1  # <U+202E> all is well <U+2066><U+001B>[8m" in shown
    assert "ASK-008" in shown
    assert "RIGHT-TO-LEFT OVERRIDE" in shown
    assert not {"\u202e", "\u2066"} & set(shown)
    assert "\x1b[8m" not in shown
    assert lab.read_text(encoding="utf-8") == LAB


def test_json_is_one_document(lab: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("load", "top 1 by price", "--json", "--no-try") == 0

    plain = json.loads(capsys.readouterr().out)
    assert (plain["accepted"], plain["kind"], plain["provider"], plain["tried"]) == (
        False,
        "actions",
        "offline",
        None,
    )
    assert [action["do"] for action in plain["actions"]["actions"]] == ["sort", "limit"]


def test_a_dry_run_shows_what_would_be_sent_and_sends_nothing(
    lab: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(streams("x")) as server:
        assert run("load", "secret wish", "--url", server.url, "--model", "m", "--dry-run") == 0
        assert server.asked == []

    shown = capsys.readouterr().out
    assert "Request: secret wish" in shown
    assert "nothing was sent" in shown
    assert not (lab.parent / "home" / "assist").exists()


def test_the_key_is_shown_nowhere(
    lab: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_KEY", "sk-planted-77")
    with serving(streams("```python\nprices = 1\n```")) as server:
        for more in ((), ("--json",), ("--dry-run",)):
            words = (
                "load",
                "x",
                "--url",
                server.url,
                "--model",
                "m",
                "--key",
                "env:MY_KEY",
                "--no-try",
                *more,
            )
            with contextlib.suppress(AgiError):  # without a terminal, the first of them ends so
                run(*words)
        with pytest.raises(AgiError, match="by reference") as caught:
            run("load", "x", "--url", server.url, "--model", "m", "--key", "sk-planted-77")
    captured = capsys.readouterr()

    assert server.asked[0]["headers"]["Authorization"] == "Bearer sk-planted-77"
    assert "sk-planted" not in captured.out + captured.err + caught.value.render()
    files = [path.read_text(encoding="utf-8") for path in lab.parent.rglob("*") if path.is_file()]
    assert not [text for text in files if "sk-planted" in text]


def test_signs_that_steer_a_terminal_are_not_passed_on(lab: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serving(streams("```python\nprices = '\x1b[2J'\n```")) as server, pytest.raises(AgiError):
        run("load", "x", "--url", server.url, "--model", "m", "--no-try")

    assert "\x1b" not in capsys.readouterr().out


def test_an_error_steers_no_terminal_either(lab: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serving(streams("\x1b[2J\x1b]0;title\x07 no code")) as server, pytest.raises(AgiError) as caught:
        run("load", "x", "--url", server.url, "--model", "m")

    print_error(caught.value)

    said = capsys.readouterr().err
    assert "<U+001B>[2J<U+001B>]0;title<U+0007> no code" in said
    assert not {"\x1b", "\x07"} & set(said)


def test_code_that_nobody_tried_is_not_accepted_by_itself(
    lab: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = lab.read_text(encoding="utf-8")
    lab.write_text(
        text + '\n[[stages]]\nid = "next"\ninputs = ["prices"]\noutputs = ["out"]\n', encoding="utf-8"
    )
    before = lab.read_bytes()
    with serving(streams("```python\nout = prices['nosuch']\n```")) as server:
        assert run("next", "x", "--url", server.url, "--model", "m", "--yes") == 1

    assert (
        "nobody vouches for it; run the lab up to here first, or ask with --no-try" in capsys.readouterr().out
    )
    assert lab.read_bytes() == before


def test_a_stage_that_says_it_already_is_left_alone(lab: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serving(streams('import polars as pl\n\nprices = pl.read_csv("prices.csv")')) as server:
        assert run("load", "x", "--url", server.url, "--model", "m") == 0

    assert "nothing would change" in capsys.readouterr().out
