"""What the TAB key offers."""

from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import Agilab, Lab, call


def offered(home: Path, typed: str) -> list[str]:
    """The words that bash would show for this line."""
    answer = call(
        home, _AGILAB_COMPLETE="bash_complete", COMP_WORDS=typed, COMP_CWORD=str(len(typed.split(" ")) - 1)
    )
    assert answer.code == 0, answer.err
    assert answer.err == ""
    return [line.partition(",")[2] for line in answer.out.splitlines() if line]


def test_commands_are_completed(home: Path) -> None:
    assert offered(home, "agilab fi") == ["first-proof"]
    assert offered(home, "agilab runs ") == [
        *("tail", "explain", "graph", "gantt", "rerun", "cancel", "pause", "unpause", "note"),
        *("list", "show", "verify", "resume"),
    ]


def test_apps_are_completed_by_name(home: Path) -> None:
    assert "flight_project" in offered(home, "agilab run fl")


def test_documents_are_completed(home: Path) -> None:
    assert "run_manifest" in offered(home, "agilab schema show run_m")


def test_nothing_is_offered_and_nothing_breaks_where_there_is_no_run(home: Path) -> None:
    assert offered(home, "agilab runs show ") == []


@pytest.mark.journey
def test_an_installed_app_completes_its_own_arguments(lab: Lab) -> None:
    words = offered(lab.home, "agilab run tides --")
    assert {"--hours", "--seconds", "--unit", "--loud", "--workers", "--json"} <= set(words)
    assert offered(lab.home, "agilab run tides --unit ") == ["m", "ft"]


@pytest.mark.journey
def test_runs_are_completed_by_any_part_of_their_id(lab: Lab) -> None:
    run = lab("run", "tides", "--hours", "1", "--json").document["run_id"]
    assert run in offered(lab.home, "agilab runs show ")
    assert offered(lab.home, f"agilab runs show {run[-6:]}") == [run]
    assert "work[h0]" in offered(lab.home, f"agilab runs show {run} w")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_has_a_script(agilab: Agilab, shell: str) -> None:
    answer = agilab("completion", shell)
    assert answer.code == 0
    assert "_AGILAB_COMPLETE" in answer.out


def test_the_shell_is_taken_from_the_environment(agilab: Agilab) -> None:
    assert agilab("completion", SHELL="/usr/bin/fish").out == agilab("completion", "fish").out
    answer = agilab("completion", SHELL="/bin/tcsh")
    assert answer.code == 2
    assert "allowed   bash, zsh, fish" in answer.err
