"""Words that are not commands, options that do not exist, answers for scripts: what a wrong line gets back."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from agilab.contracts.base import parse_document
from agilab.contracts.run_result import RunResult

from .conftest import Agilab


@pytest.mark.parametrize(
    ("words", "named", "nearest"),
    [
        (["aap", "list"], "`agilab` has no command aap", "agilab app list"),
        (["runs", "shwo", "last"], "`agilab runs` has no command shwo", "agilab runs show last"),
        (["first-prof"], "`agilab` has no command first-prof", "agilab first-proof"),
        (["runs", "list", "--jsn"], "`agilab runs list` has no option --jsn", "agilab runs list --json"),
    ],
)
def test_a_typo_is_answered_with_the_command_that_was_meant(
    agilab: Agilab, words: list[str], named: str, nearest: str
) -> None:
    answer = agilab(*words)
    assert answer.code == 2
    assert named in answer.err
    assert f"try       {nearest}" in answer.err
    assert answer.out == ""


def test_a_word_that_resembles_nothing_gets_the_list_of_commands(agilab: Agilab) -> None:
    answer = agilab("env", "xyzzy")
    assert answer.code == 2
    assert "allowed   list, doctor, prune" in answer.err
    assert "try       agilab env --help" in answer.err


def test_an_app_that_does_not_exist_is_told_with_the_nearest_one(agilab: Agilab) -> None:
    answer = agilab("app", "show", "fligth")
    assert answer.code == 2
    assert "error[AGI-APP-101]: there is no such app" in answer.err
    assert "agilab app show flight_project" in answer.err


def test_a_missing_word_is_a_usage_error_that_names_it(agilab: Agilab) -> None:
    answer = agilab("runs", "show")
    assert answer.code == 2
    assert "missing argument 'RUN'" in answer.err


def test_a_number_out_of_range_is_refused_before_anything_happens(agilab: Agilab, home: Path) -> None:
    answer = agilab("run", "flight", "--workers", "0")
    assert answer.code == 2
    assert "--workers" in answer.err
    assert not home.exists()


def test_no_words_at_all_show_the_help(agilab: Agilab) -> None:
    answer = agilab()
    assert answer.code == 0
    assert "first-proof" in answer.out


def test_a_group_alone_shows_its_help_and_is_a_usage_error(agilab: Agilab) -> None:
    answer = agilab("runs")
    assert answer.code == 2
    assert "verify" in answer.out


def test_with_json_an_error_is_one_document_on_stdout_and_words_on_stderr(agilab: Agilab) -> None:
    answer = agilab("runs", "show", "nope", "--json")
    assert answer.code == 1
    assert answer.document["status"] == "failed"
    assert "AGI-STORE-005" in (answer.document["error"]["code"], answer.err)
    assert "error[" in answer.err


@pytest.mark.parametrize(
    "words", [["run", "nope"], ["run", "flight", "--workers", "none"], ["first-proof", "--wrokers"]]
)
def test_a_run_that_cannot_begin_still_answers_with_a_run_result(agilab: Agilab, words: list[str]) -> None:
    answer = agilab(*words, "--json")
    assert answer.code == 2
    result = parse_document(answer.out, RunResult, "stdout")
    assert result.status == "failed"
    assert result.run_id is None
    assert result.error is not None
    assert result.error.what in answer.err


def test_a_fault_of_our_own_is_one_line_and_a_file(tmp_path: Path) -> None:
    program = (
        "import sys\nfrom agilab.cli import main, boundary\n"
        "import click\n"
        "@click.command('boom')\n@click.argument('secret')\n"
        "def boom(secret): raise KeyError('unforeseen')\n"
        "main.cli.add_command(boom)\n"
        "sys.exit(boundary.run(['boom', 's3cret']))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        env={"AGILAB_HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
        check=False,
        timeout=60,
    )
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "unexpected KeyError: 'unforeseen'; please report it with" in done.stderr
    (log,) = (tmp_path / "logs").glob("crash-*.log")
    text = log.read_text()
    assert "Traceback (most recent call last)" in text
    assert "KeyError: 'unforeseen'" in text
    assert "s3cret" not in text


def test_a_full_disk_is_no_fault_of_our_own(tmp_path: Path) -> None:
    program = (
        "import sys\nfrom agilab.cli import main, boundary\n"
        "import click\n"
        "@click.command('fill')\n"
        "def fill(): open('/dev/full', 'wb', 0).write(b'x')\n"
        "main.cli.add_command(fill)\n"
        "sys.exit(boundary.run(['fill']))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        env={"AGILAB_HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
        check=False,
        timeout=60,
    )
    assert done.returncode == 3
    assert "error[AGI-STORE-005]: the disk refuses what the command writes: No space left" in done.stderr
    assert "make room, then the same command again" in done.stderr
    assert not (tmp_path / "logs").exists()


def test_a_reader_that_had_enough_is_no_error(home: Path) -> None:
    program = f"{sys.executable} -m agilab schema show run_manifest | head -1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", program],
        capture_output=True,
        text=True,
        env={"AGILAB_HOME": str(home), "PATH": "/usr/bin:/bin"},
        check=True,
    )
    assert done.stdout.splitlines() == ["{", "0"]
    assert done.stderr == ""


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
@pytest.mark.parametrize("words", [["--help"], ["runs", "list"], ["app", "list"]])
def test_any_encoding_can_be_written(agilab: Agilab, words: list[str], encoding: str) -> None:
    answer = agilab(*words, PYTHONIOENCODING=encoding)
    assert answer.code == 0, answer.err
    assert answer.out.strip()


def test_documents_are_listed_and_shown(agilab: Agilab) -> None:
    names = [row["name"] for row in agilab("schema", "list", "--json").document]
    assert "run_manifest" in names
    shown = agilab("schema", "show", "run_manifest.json").document
    assert shown["$schema"].startswith("https://json-schema.org/")
    assert shown == agilab("schema", "show", "agilab.run_manifest.v2").document


def test_an_unknown_document_is_answered_with_the_nearest_one(agilab: Agilab) -> None:
    answer = agilab("schema", "show", "run_manifst", "--json")
    assert answer.code == 2
    assert answer.document["error"]["try"] == "agilab schema show run_manifest"
    assert json.loads(answer.out)["status"] == "failed"


def test_there_are_no_runs_before_the_first(agilab: Agilab) -> None:
    assert agilab("runs", "list", "--json").document == []
    assert "agilab first-proof" in agilab("runs", "list").out
