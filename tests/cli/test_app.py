"""`agilab app` and the arguments of apps, on an app of one's own."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from agi_node.errors import AgiError
from agilab.cli.app_arguments import arguments_as_options, limits, type_word
from agilab.contracts.base import read_document
from agilab.contracts.plan import Plan

from .conftest import Agilab, Lab, call

SCHEMA = {
    "properties": {
        "tracks": {"type": "string", "format": "agilab-files", "default": "data/*"},
        "min_points": {"type": "integer", "minimum": 2, "default": 2, "description": "Fewer are [left] out."},
        "workers": {"type": "integer", "default": 1},
        "loud": {"type": "boolean", "default": False},
        "name": {"type": "string"},
    },
    "required": ["name"],
}


def test_each_argument_becomes_an_option_but_those_that_the_command_has_itself() -> None:
    options = {
        option.opts[0]: option for option in arguments_as_options("x", SCHEMA, {}, {"--workers": True})
    }
    assert set(options) == {"--tracks", "--min-points", "--loud", "--name"}
    assert options["--loud"].secondary_opts == ["--no-loud"]
    assert options["--min-points"].default == "2"


def test_saved_arguments_are_the_defaults_that_help_shows() -> None:
    options = arguments_as_options("x", SCHEMA, {"min_points": 7}, {})
    assert next(option.default for option in options if option.opts == ["--min-points"]) == "7"


def test_types_and_limits_are_words_that_a_person_reads() -> None:
    fields = SCHEMA["properties"]
    assert isinstance(fields, dict)
    assert [type_word(field) for field in fields.values()] == [
        "files",
        "integer",
        "integer",
        "boolean",
        "text",
    ]
    assert limits(fields["min_points"]) == ">= 2"


def test_an_app_that_is_not_installed_has_no_help_and_names_the_command(agilab: Agilab) -> None:
    answer = agilab("run", "flight", "--help")
    assert answer.code == 3
    assert "error[AGI-APP-106]: flight_project has not been installed here yet" in answer.err
    assert "try       agilab app install flight" in answer.err


def test_the_help_of_a_command_needs_no_app(agilab: Agilab) -> None:
    answer = agilab("run", "--help")
    assert answer.code == 0
    assert "--keep-going" in answer.out


def test_built_in_apps_are_listed_where_nothing_is_installed(agilab: Agilab) -> None:
    (row,) = [row for row in agilab("app", "list", "--json").document if row["name"] == "flight_project"]
    assert row["state"] == "not installed"
    assert row["built_in"] is True
    assert "not installed" in agilab("app", "list").out
    assert "agilab app install flight" in agilab("app", "show", "flight").out


@pytest.mark.journey
def test_an_installed_app_shows_its_arguments_in_help(lab: Lab) -> None:
    answer = lab("run", "tides", "--help")
    assert answer.code == 0
    text = " ".join(answer.out.split())
    assert "Tides at a harbour, made up." in text
    assert "Arguments of tides" in text
    assert "--hours <INTEGER> How many hours. (>= 1) [default=4]" in text.replace(
        "[default: 4]", "[default=4]"
    )
    assert "--unit" in text
    assert "--loud" in text


@pytest.mark.journey
def test_an_app_of_ones_own_is_known_by_name_after_its_installation(lab: Lab) -> None:
    shown = lab("app", "show", "tides", "--json").document
    assert shown["state"] == "ready"
    assert [node["name"] for node in shown["description"]["nodes"]] == ["plan", "work", "reduce"]
    text = lab("app", "show", "tides").out
    assert "--hours" in text
    assert "moments" in text


@pytest.mark.journey
def test_an_edited_app_is_asked_again(lab: Lab, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(lab.app, tmp_path / "tides"))
    source = copy / "src" / "tides" / "__init__.py"
    before = lab("app", "show", str(copy), "--json").document
    source.write_text(source.read_text().replace("How many hours.", "How long."))
    listed = {one["folder"]: one["state"] for one in lab("app", "list", "--json").document}
    after = lab("app", "show", str(copy), "--json").document
    assert (before["state"], after["state"]) == ("ready", "ready")
    assert after["description"]["args_schema"]["properties"]["hours"]["description"] == "How long."
    assert listed.get(str(copy), "changed") == "changed"  # a list starts no process
    # One that cannot be imported has nothing to say; looking at it is no error.
    source.write_text("this is no Python")
    broken = lab("app", "show", str(copy), "--json")
    assert (broken.code, broken.document["state"]) == (0, "changed")


@pytest.mark.journey
def test_arguments_reach_the_app_in_any_spelling(lab: Lab) -> None:
    answer = lab("run", "tides", "--hours=2", "--break_at", "", "--loud", "--arg", "timeout=5", "--json")
    assert answer.code == 0, answer.err
    shown = lab("runs", "show", answer.document["run_id"], "--json").document
    assert shown["args"] == {
        "hours": 2, "seconds": 0.0, "unit": "m", "loud": True, "break_at": "", "timeout": 5,
    }  # fmt: skip


@pytest.mark.journey
def test_an_option_of_the_command_is_not_an_argument_of_the_app(lab: Lab) -> None:
    answer = lab("run", "tides", "--hours", "1", "--timeout", "30", "--json")
    assert answer.code == 0, answer.err
    assert lab("runs", "show", answer.document["run_id"], "--json").document["args"]["timeout"] == 9


@pytest.mark.journey
def test_a_wrong_argument_is_told_with_what_is_allowed(lab: Lab) -> None:
    answer = lab("run", "tides", "--hour", "3")
    assert answer.code == 2
    assert "has no option --hour" in answer.err
    assert "agilab run tides --hours" in answer.err
    answer = lab("run", "tides", "--hours", "0")
    assert answer.code == 2
    assert "the value of hours is not allowed" in answer.err


@pytest.mark.journey
def test_arguments_of_an_app_that_nobody_knows_yet_are_taken_and_checked_later(
    lab: Lab, tmp_path: Path
) -> None:
    home = tmp_path / "fresh"
    home.mkdir()
    (home / "settings.toml").write_text("[tracking]\nenabled = false\n")
    answer = call(home, "run", str(lab.app), "--hours", "1", "--loud", "--workers", "1", "--json")
    assert answer.code == 0, answer.err
    args = call(home, "runs", "show", "last", "--json").document["args"]
    assert (args["hours"], args["loud"]) == (1, True)
    assert "installing the locked packages of tides" in answer.err


@pytest.mark.journey
def test_a_plan_says_that_nothing_was_executed_and_how_good_it_is(lab: Lab) -> None:
    answer = lab("app", "plan", "tides", "--hours", "5", "--workers", "2")
    assert answer.code == 0, answer.err
    assert "nothing was executed" in answer.out
    lines = [
        line.split()[1] for line in answer.out.splitlines() if line.strip()[:1].isdigit() and " h" in line
    ]
    assert lines == ["h4", "h3", "h2", "h1", "h0"]  # largest first
    assert "makespan" in answer.out
    assert "total / 2 workers" in answer.out
    document = lab("app", "plan", "tides", "--hours", "5", "--workers", "2", "--json").document
    plan = read_document(document["path"], Plan)
    assert plan.executed is False
    assert plan.makespan.cost == 8.0
    assert {item["state"] for item in document["items"]} == {"not_executed"}


@pytest.mark.journey
def test_a_dry_run_leaves_a_plan_and_no_run(lab: Lab) -> None:
    before = lab("runs", "list", "--json").document
    answer = lab("run", "tides", "--dry-run", "--json")
    assert answer.code == 0
    assert answer.document["status"] == "not_executed"
    assert Path(answer.document["plan"]).is_file()
    assert answer.document["run_id"] is None
    assert lab("runs", "list", "--json").document == before


def test_an_argument_without_a_value_is_refused() -> None:
    import click

    from agilab.cli.app_arguments import given_arguments

    with pytest.raises(AgiError, match="--arg takes a name and a value"):
        given_arguments(click.Context(click.Command("run")), ["hours"])
