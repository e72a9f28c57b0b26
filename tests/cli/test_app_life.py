"""`agilab app new · rename · delete · set · export · import · package`, as people and scripts use them."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from agilab.cli.boundary import run

from .conftest import Answer, Lab, Terminal, call


class Desk:
    """A folder to work in, with a home of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.home = folder / "desk", folder / "home"
        self.folder.mkdir()

    def __call__(self, *words: str, **more: str) -> Answer:
        return call(self.home, *words, cwd=self.folder, **more)

    def type(self, line: str) -> Answer:
        """What a person would copy from an answer."""
        words = shlex.split(line)
        assert words.pop(0) == "agilab"
        return self(*words)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_a_new_app_says_where_it_is_and_what_comes_next(desk: Desk) -> None:
    answer = desk("app", "new", "tides")
    assert answer.code == 0, answer.err
    assert answer.err == ""
    assert "tides_project is made from template mycode" in answer.out
    assert "agilab run tides" in answer.out
    source = next(line.split()[1] for line in answer.out.splitlines() if "$EDITOR" in line)
    assert (desk.folder / source).is_file(), "a path that can be typed here"
    (row,) = [one for one in desk("app", "list", "--json").document if one["name"] == "tides_project"]
    assert (row["built_in"], row["folder"]) == (False, str(desk.folder / "tides_project"))


@pytest.mark.journey
def test_what_a_new_app_says_next_can_be_done(desk: Desk) -> None:
    (desk.home).mkdir()
    (desk.home / "settings.toml").write_text("[tracking]\nenabled = false\n")
    answer = desk("app", "new", "tides")
    command = next(line.strip() for line in answer.out.splitlines() if "agilab run" in line)
    assert desk.type(command.split("  ")[0]).code == 0
    renamed = desk("app", "rename", "tides", "waves")
    runs = next(line.strip() for line in renamed.out.splitlines() if "runs list" in line).split("  ")[0]
    assert "1 run" in renamed.out
    assert "succeeded" in desk.type(runs).out, "runs stay findable under the old name"
    assert desk("run", "waves").code == 0, "and the app runs under the new one"
    undo = next(line.strip() for line in renamed.out.splitlines() if line.strip().endswith("undo"))
    assert desk.type(undo.removesuffix("undo").strip()).code == 0
    assert (desk.folder / "tides_project").is_dir()


def test_every_answer_is_one_json_document_for_scripts(desk: Desk) -> None:
    made = desk("app", "new", "tides", "--template", "polars", "--json")
    assert made.err == ""
    assert made.document["module"] == "tides"
    assert made.document["folder"] == str(desk.folder / "tides_project")
    assert desk("app", "new", "--list", "--json").document[0] == {
        "name": "mycode",
        "about": desk("app", "new", "--list", "--json").document[0]["about"],
        "default": True,
    }
    renamed = desk("app", "rename", "tides", "waves", "--json").document
    assert (renamed["was"], renamed["app"]) == ("tides_project", "waves_project")
    out = desk("app", "export", "waves", "--json").document
    assert out["already"] is False
    came = desk("app", "import", out["path"], "--name", "foam", "--json").document
    assert came["verified"] is True
    assert {one["path"].partition("/")[0] for one in came["missing"]} == {"data"}
    packed = desk("app", "package", "waves", "--offline", "--json")
    assert packed.document["path"].endswith(".whl")
    gone = desk("app", "delete", "waves", "--yes", "--json").document
    assert gone["deleted"] is True
    refused = desk("app", "new", "tides", "--clone", "nobody", "--json")
    assert refused.code == 2
    assert refused.document["error"]["code"] == "AGI-APP-101"


@pytest.mark.parametrize(
    ("words", "code", "wanted"),
    [
        (("new", "Tide Gauge"), "AGI-APP-120", "agilab app new tide_gauge"),
        (("new", "json", "--clone", "flight"), "AGI-APP-120", "agilab app new json_app --clone flight"),
        (("new",), "AGI-ARGS-103", "agilab app new --help"),
        (("new", "x", "--clone", "flight", "--template", "polars"), "AGI-ARGS-103", "one of the two"),
        (("rename", "flight", "boats"), "AGI-APP-124", "agilab app new my_flight --clone flight"),
        (("delete", "flight"), "AGI-APP-124", "agilab app new my_flight --clone flight"),
        (("set", "flight", "min_points=3"), "AGI-APP-124", "agilab app new my_flight --clone flight"),
        (("import", "nothing.zip"), "AGI-APP-130", "no such file"),
    ],
)
@pytest.mark.filterwarnings("ignore:.*append_metavars_help:PendingDeprecationWarning")
def test_errors_name_the_command_to_try(
    words: tuple[str, ...],
    code: str,
    wanted: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("AGILAB_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    assert run(["app", *words]) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert f"error[{code}]" in err
    assert wanted in err
    assert list(tmp_path.iterdir()) == []


def test_deleting_asks_and_nobody_to_ask_means_no(desk: Desk, terminal: Callable[..., Terminal]) -> None:
    desk("app", "new", "tides")
    app = desk.folder / "tides_project"
    for words in (("delete", "tides"), ("delete", "tides", "--json")):
        refused = desk("app", *words)
        assert refused.code == 2
        assert "there is nobody to ask" in refused.err
        assert "agilab app delete tides_project --yes" in refused.err
    for said, code, there in (("n", 130, True), ("y", 0, False)):
        screen = terminal(desk.home, "app", "delete", "tides", columns=80)
        shown = screen.read_until("Move it to the trash?")
        assert "8 files" in shown
        assert "0 runs" in shown
        screen.type(f"{said}\n")
        assert screen.finish() == code
        assert app.is_dir() is there
    again = desk("app", "new", "tides")
    assert again.code == 0, "the name is free"
    shutil.rmtree(app)
    undo = next(iter((desk.home / "trash").glob("*/tides_project")))
    subprocess.run(["mv", undo, app], check=True)
    assert desk("app", "show", "tides").code == 0


@pytest.mark.journey
def test_settings_are_shown_before_and_after_and_undone_by_what_is_printed(lab: Lab, tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(lab.home, home, symlinks=True, ignore=shutil.ignore_patterns("envs", "runs", "objects"))
    (home / "envs").symlink_to(lab.home / "envs")
    app = Path(shutil.copytree(lab.app, tmp_path / "tides"))
    assert call(home, "app", "install", str(app)).code == 0
    done = call(home, "app", "set", str(app), "hours=2", "unit=ft")
    assert done.code == 0, done.err
    assert [line.split() for line in done.out.splitlines() if line.startswith("  hours")] == [
        ["hours", "not", "set", "→", "2"]
    ]
    shown = call(home, "app", "show", str(app), "--json").document
    assert (shown["state"], shown["saved_args"]) == ("ready", {"hours": 2, "unit": "ft"})
    ran = call(home, "run", str(app), "--json")
    assert call(home, "runs", "show", ran.document["run_id"], "--json").document["args"]["hours"] == 2
    undo = next(line.strip() for line in done.out.splitlines() if line.strip().endswith("undo"))
    words = shlex.split(undo.removesuffix("undo"))[1:]
    words[words.index("tides")] = str(app)
    assert call(home, *words).code == 0
    assert call(home, "app", "show", str(app), "--json").document["saved_args"] == {}
    wrong = call(home, "app", "set", str(app), "hours=0", "--json")
    assert wrong.code == 2
    assert wrong.document["error"]["allowed"] == "at least 1"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("agilab app delete ti", "tides_project"),
        ("agilab app new x --clone ti", "tides_project"),
        ("agilab app new x --template po", "polars"),
    ],
)
def test_the_shell_completes_apps_and_templates(line: str, expected: str, desk: Desk) -> None:
    desk("app", "new", "tides")
    done = subprocess.run(
        [sys.executable, "-m", "agilab"],
        env={
            **os.environ,
            "AGILAB_HOME": str(desk.home),
            "_AGILAB_COMPLETE": "bash_complete",
            "COMP_WORDS": line,
            "COMP_CWORD": str(len(line.split()) - 1),
        },
        cwd=desk.folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert expected in done.stdout, done.stderr


def test_an_answer_fits_a_terminal_of_eighty_columns(desk: Desk, terminal: Callable[..., Terminal]) -> None:
    for words in (("new", "--help"), ("import", "--help")):
        screen = terminal(desk.home, "app", *words, columns=80)
        assert screen.finish() == 0
        assert [line for line in screen.text.splitlines() if len(line.rstrip()) > 80] == []


def test_an_import_that_does_not_hold_together_is_exit_code_one(desk: Desk) -> None:
    desk("app", "new", "tides")
    assert desk("app", "export", "tides").code == 0
    path = desk.folder / "tides_project.zip"
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 1
    path.write_bytes(data)
    answer = desk("app", "import", path.name, "--name", "waves")
    assert answer.code == 1
    assert "error[AGI-APP-133]" in answer.err
    assert sorted(one.name for one in desk.folder.iterdir()) == ["tides_project", "tides_project.zip"]
    assert json.loads(desk("app", "import", path.name, "--name", "waves", "--json").out)["status"] == "failed"
