"""What a stranger meets: odd names, narrow windows, files in the way, apps never installed, a run broken off."""

from __future__ import annotations

import json
import re
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from agi_node.errors import AgiError
from agilab.cli.app_view import typed
from agilab.envs.extras import how_to_get
from agilab.projects.life.create import create_app
from agilab.projects.plan import plan_app
from agilab.projects.request import RunRequest
from agilab.projects.run import run_app
from agilab.store.workspace import Workspace

from .conftest import Agilab, Lab, Terminal

Open = Callable[..., Terminal]


def test_an_executor_that_is_not_here_is_told_before_anything_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    workspace = Workspace(tmp_path / "home")
    for ask in (run_app, plan_app):
        with pytest.raises(AgiError, match="needs the extra `dask`") as missing:
            ask(RunRequest("flight_project", executor="dask"), workspace)
        assert (missing.value.code, missing.value.exit_code) == ("AGI-ENV-130", 3)
        with pytest.raises(AgiError, match="no executor of that name"):
            ask(RunRequest("flight_project", executor="moon"), workspace)
    assert not (tmp_path / "home").exists()
    # These tests run in a checkout, where pip would install another AGILab.
    assert re.fullmatch(r"(\.venv/bin/)?uv sync --no-dev --inexact --extra dask", how_to_get("dask"))
    checkout = Path.cwd()
    monkeypatch.chdir(tmp_path)  # in a project of one's own, which has no such extra
    there = re.escape(str(checkout))
    command = rf"({there}/\.venv/bin/)?uv sync --project {there} --no-dev --inexact --extra dask"
    assert re.fullmatch(command, how_to_get("dask"))


@pytest.mark.parametrize("name", ["polars", "pandas", "numpy", "sklearn", "joblib", "dateutil"])
def test_an_app_is_not_named_as_a_library_that_it_may_want(tmp_path: Path, name: str) -> None:
    with pytest.raises(AgiError, match=f"would hide the package {name}") as refused:
        create_app(Workspace(tmp_path / "home"), name, into=tmp_path)
    assert refused.value.try_ == f"agilab app new {name}_app"
    assert not (tmp_path / f"{name}_project").exists()


def test_a_path_is_typed_as_a_shell_takes_it() -> None:
    assert typed("Dossier é ü 测试/x.py") == "'Dossier é ü 测试/x.py'"
    assert typed("~/mes scénarios") == "~/'mes scénarios'"


@pytest.mark.journey
def test_an_app_in_a_folder_with_spaces_is_set_before_it_was_installed(lab: Lab, tmp_path: Path) -> None:
    into = tmp_path / "Dossier é ü 测试"
    into.mkdir()
    made = lab("app", "new", "stranger", "--template", "mycode", "--into", str(into))
    assert made.code == 0, made.err
    assert f"$EDITOR '{into}/stranger_project/src/stranger/__init__.py'" in made.out
    shown = lab("app", "show", "stranger")
    assert f"agilab app install '{into}/stranger_project'" in shown.out

    done = lab("app", "set", "stranger", "points=11", "--json")
    assert done.code == 0, done.err
    assert re.search("agilab: .* stranger-project", done.err)  # it says that it makes the environment
    (change,) = done.document["changes"]
    assert (change["key"], change["after"]) == ("points", 11)
    # Edited since: it is asked again, not sent to be installed.
    source = into / "stranger_project/src/stranger/__init__.py"
    source.write_text(source.read_text() + "\n# mine\n")
    again = lab("app", "show", "stranger")
    assert "--points" in again.out
    assert "publish" in again.out


@pytest.mark.journey
def test_a_second_export_replaces_the_first_where_that_is_said(lab: Lab, tmp_path: Path) -> None:
    target = tmp_path / "tides.zip"
    target.write_bytes(b"something else")
    refused = lab("app", "export", "tides", "--to", str(target))
    assert refused.code == 1
    assert "or with --force" in refused.err
    assert target.read_bytes() == b"something else"
    done = lab("app", "export", "tides", "--to", str(target), "--force", "--json")
    assert done.code == 0, done.err
    assert done.document["already"] is False
    assert target.read_bytes()[:2] == b"PK"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.journey
def test_a_root_is_kept_for_runs_and_not_for_what_never_was_one(
    agilab: Agilab, home: Path, tmp_path: Path
) -> None:
    home.mkdir()
    (home / "settings.toml").write_text("[tracking]\nenabled = false\n")
    folder = tmp_path / "mes scénarios"
    folder.mkdir()
    (folder / "x.csv").write_text("no,columns\n1,2\n")
    roots = lambda: tomllib.loads((home / "settings.toml").read_text()).get("roots", {})  # noqa: E731
    made = agilab("app", "new", "roots", "--template", "pandas", "--into", str(tmp_path))
    assert made.code == 0, made.err
    refused = agilab("run", "roots", "--tables", str(folder), "--least-hours", "99")
    assert refused.code == 2, refused.err
    assert roots() == {}
    planned = agilab("app", "plan", "roots", "--tables", str(tmp_path / "mes*" / "*.parquet"))
    assert planned.code != 0
    assert roots() == {}
    failed = agilab("run", "roots", "--tables", str(folder))
    assert failed.code == 1, failed.out
    assert roots() == {"mes-scenarios": str(folder)}  # its manifest and a rerun say `mes-scenarios:…`
    assert "mes-scenarios:x.csv" in failed.err
    assert f"where     mes-scenarios is {folder}" in failed.err
    assert str(folder) in agilab("runs", "show", "last").out
    assert str(folder) not in (home / "runs").rglob("run_manifest.json").__next__().read_text()


@pytest.mark.journey
def test_after_ctrl_c_the_rest_is_done_and_what_was_done_is_kept(lab: Lab, terminal: Open) -> None:
    screen = terminal(lab.home, "run", "tides", "--hours", "8", "--seconds", "0.8", "--workers", "2")
    screen.read_until("2/8")
    screen.press_ctrl_c()
    assert screen.finish() == 130
    run = lab("runs", "list", "--json", "--limit", "1").document[0]["run_id"]
    command = f"agilab runs rerun {run} --failed"
    assert command in screen.text
    assert command in lab("runs", "show", run).out
    resumed = lab("runs", "resume", run)
    assert resumed.code == 1
    assert f"try       {command}" in resumed.err

    done = {unit["unit"] for unit in _units(lab, run) if unit["state"] == "succeeded"}
    assert {unit for unit in done if unit.startswith("work")}
    again = lab(*command.split()[1:], "--json")
    assert again.code == 0, again.err
    units = {unit["unit"]: unit["state"] for unit in _units(lab, again.document["run_id"])}
    assert {unit for unit, state in units.items() if state == "reused"} == done - {"plan"}
    assert sum(unit.startswith("work") for unit in units) == 8


def _units(lab: Lab, run: str) -> list[dict[str, str]]:
    found: list[dict[str, str]] = lab("runs", "show", run, "--json").document["records"]["units"]
    return found


@pytest.mark.journey
def test_without_colours_a_terminal_gets_no_attributes_either(lab: Lab, terminal: Open) -> None:
    for words in (("app", "list"), ("app", "list", "--help"), ("run", "nothing_there")):
        screen = terminal(lab.home, *words, columns=80, NO_COLOR="1")
        screen.finish()
        assert screen.text.strip()
        assert not re.search(r"\x1b\[[0-9;]*m", screen.raw), words


@pytest.mark.journey
def test_folders_that_leave_no_room_for_words_stand_below(lab: Lab, terminal: Open) -> None:
    screen = terminal(lab.home, "app", "list", columns=80)
    assert screen.finish() == 0
    wide = json.loads(lab("app", "list", "--json").out)
    words = {word for one in wide if one["built_in"] for word in one["summary"].split()}
    assert words <= set(screen.text.split()), "a word was broken"
    assert str(lab.app) in screen.text.replace("\n", "").replace(" ", "")
