"""`agilab workflow new | add | rm | mv | show | diff | view | validate | migrate`, as a person types them."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agilab.cli.boundary import run

# rich-click says of its own settings that they will be others one day; in a process of its own nobody sees that.
pytestmark = pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
Agilab = Callable[..., tuple[int, str, str]]


@pytest.fixture
def agilab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Agilab:
    """Runs `agilab workflow WORDS` in a folder of its own; answers with exit code, stdout and stderr."""
    monkeypatch.setenv("AGILAB_HOME", str(tmp_path / "home"))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")

    def agilab(*words: str) -> tuple[int, str, str]:
        code = run(["workflow", *words])
        return (code, *capsys.readouterr())

    return agilab


@pytest.fixture
def lab(agilab: Agilab) -> Path:
    """A new lab in the current folder."""
    assert agilab("new", ".")[0] == 0
    return Path("lab_stages.toml")


def document(answer: tuple[int, str, str]) -> Any:
    assert answer[0] == 0, answer
    return json.loads(answer[1])


def test_from_nothing_to_a_lab_with_nothing_in_its_way(agilab: Agilab) -> None:
    code, out, _ = agilab("new", "nights")
    assert code == 0
    assert "nights is made: lab_stages.toml, pyproject.toml, uv.lock" in out
    assert "agilab workflow run nights" in out
    assert agilab("validate", "nights") == (0, "2 stages, nothing in the way\n", "")
    assert document(agilab("validate", "nights", "--json"))["findings"] == []
    code, _, err = agilab("new", "nights")
    assert code == 2
    assert "error[AGI-LAB-105]: a lab is there already" in err


def test_a_stage_that_is_added_is_judged_at_once(agilab: Agilab, lab: Path) -> None:
    code, out, _ = agilab(
        "add", "plot", "--code", "x = totl", "--input", "total", "--output", "x", "--after", "numbers"
    )
    assert code == 0
    assert "plot is added" in out
    assert "plot reads totl, which nothing gives" in out
    assert "did you mean total?" in out
    assert document(agilab("show", "--json"))["order"] == ["numbers", "summary", "plot"]
    assert [one["id"] for one in document(agilab("show", "--json"))["stages"]] == [
        "numbers",
        "plot",
        "summary",
    ]
    undo = next(line for line in out.splitlines() if line.strip().startswith("cp "))
    subprocess.run(shlex.split(undo.replace("undo", "")), check=True)
    assert "plot" not in lab.read_text()


def test_code_comes_from_stdin_and_options_become_fields(
    agilab: Agilab, lab: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    source = tmp_path / "code.py"
    source.write_text("y = [n]\nz = n\n")
    with source.open() as file:
        monkeypatch.setattr(sys, "stdin", file)
        options = (
            "--foreach",
            "n=numbers",
            "--output",
            "y",
            "--cache",
            "--title",
            "Each",
            "--needs",
            "summary",
        )
        code, _, err = agilab("add", "each", "--code", "-", *options)
    assert code == 0, err
    assert "code = '''\ny = [n]\nz = n\n'''\n" in lab.read_text()
    shown = document(agilab("show", "each", "--json"))
    assert shown["foreach"] == {"n": "numbers"}
    assert (shown["cache"], shown["needs"], shown["after"]) == (True, ["summary"], ["numbers", "summary"])
    assert "for each n of numbers" in agilab("show")[1]


@pytest.mark.parametrize(
    ("words", "code", "found"),
    [
        (("add", "x"), "AGI-ARGS-103", "x with nothing"),
        (("add", "x", "--code", "1", "--app", "flight"), "AGI-LAB-110", "code and app"),
        (("add", "1x", "--code", "1"), "AGI-LAB-110", "'1x'"),
        (("add", "x", "--code", "1", "--arg", "a=1"), "AGI-ARGS-103", "a=1"),
        (("add", "x", "--code", "1", "--foreach", "a"), "AGI-ARGS-103", "a"),
        (("add", "x", "--code", "1", "--after", "nmbers"), "AGI-LAB-109", "nmbers"),
        (("add", "numbers", "--code", "1"), "AGI-LAB-108", "numbers"),
        (("rm", "zzz"), "AGI-LAB-109", "zzz"),
        (("mv", "numbers"), "AGI-ARGS-103", "no place and no id"),
        (("mv", "numbers", "--first", "--after", "summary"), "AGI-ARGS-103", "--after and --first"),
        (("show", "zzz"), "AGI-LAB-109", "zzz"),
        (("diff", "HEAD"), "AGI-LAB-112", "HEAD"),
        (("view", "--output", "a.png"), "AGI-ARGS-103", "a.png"),
        (("validate", "--explain", "AGI-STAGE-999"), "AGI-LAB-104", "AGI-STAGE-999"),
        (("migrate", "lab_stages.toml"), "AGI-LAB-111", "2 stages"),
        (("validate", "nowhere"), "AGI-LAB-101", "nowhere"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_written(
    agilab: Agilab, lab: Path, words: tuple[str, ...], code: str, found: str
) -> None:
    before = lab.read_bytes()
    exit_code, _, err = agilab(*words)
    assert exit_code == 2
    assert err.startswith(f"error[{code}]")
    assert f"found     {found}\n" in err
    assert "Traceback" not in err
    assert lab.read_bytes() == before


def test_moving_and_taking_out(agilab: Agilab, lab: Path) -> None:
    assert "summary is total now" in agilab("mv", "summary", "--first", "--to", "total")[1]
    assert [one["id"] for one in document(agilab("show", "--json"))["stages"]] == ["total", "numbers"]
    assert "stands there already" in agilab("mv", "total", "--first")[1]
    code, out, _ = agilab("rm", "numbers")
    assert code == 0
    assert "total takes the value numbers, which nothing makes" in out


def test_a_lab_that_would_not_run_fails_and_a_warning_fails_only_strictly(agilab: Agilab, lab: Path) -> None:
    agilab("add", "get", "--code", "import os\nos.system('ls')")
    assert agilab("validate")[0] == 0
    assert agilab("validate", "--strict")[0] == 1
    agilab("add", "bad", "--code", "x =")
    code, out, _ = agilab("validate")
    assert code == 1
    assert "1 error, 1 warning: it would not run" in out
    assert "agilab workflow validate --explain AGI-STAGE-070" in out


def test_every_finding_can_be_explained(agilab: Agilab) -> None:
    code, out, _ = agilab("validate", "--explain", "071")
    assert code == 0
    assert "AGI-STAGE-071  error: A name that nothing gives" in out
    assert "Has it not" in out
    listed = document(agilab("validate", "--explain", "all", "--json"))
    assert len(listed) > 40
    for one in listed:
        assert document(agilab("validate", "--explain", one["code"], "--json"))["why"]


def test_a_stage_is_shown_with_where_its_inputs_come_from(agilab: Agilab, lab: Path) -> None:
    out = agilab("show", "summary")[1]
    assert "numbers (numbers)" in out
    assert "total = sum(numbers)" in out
    # a word that is no stage may be a lab, and a lab may be named behind the stage
    assert agilab("show", ".")[1] == agilab("show")[1]
    assert agilab("show", "summary", ".")[1] == out


def test_a_picture_of_somebodys_own_is_kept(agilab: Agilab, lab: Path) -> None:
    assert "numbers: Make a few numbers" in agilab("view")[1]
    assert document(agilab("view", "--json"))["edges"] == [{"from": "numbers", "to": "summary"}]
    assert agilab("view", "--output", "pipeline_view.dot")[0] == 0
    assert agilab("view", "--output", "pipeline_view.dot")[0] == 0  # made here: may be made anew
    assert agilab("validate")[0] == 0
    Path("pipeline_view.dot").write_text("digraph { summary -> numbers }\n")
    assert "it shows summary -> numbers, which is not so" in agilab("validate")[1]
    code, _, err = agilab("view", "--output", "pipeline_view.dot")
    assert code == 2
    assert "error[AGI-LAB-113]" in err
    undo = document(agilab("view", "--output", "pipeline_view.dot", "--force", "--json"))["undo"]
    subprocess.run(shlex.split(undo), check=True)
    assert Path("pipeline_view.dot").read_text() == "digraph { summary -> numbers }\n"


def test_a_drawing_says_how_it_becomes_a_picture(agilab: Agilab, lab: Path) -> None:
    assert "  agilab workflow view --output stages.svg " in agilab("view")[1]
    assert "  agilab workflow view . --output stages.svg " in agilab("view", ".", "--no-run")[1]
    assert agilab("view", "--output", "stages.svg")[0] == 0
    assert Path("stages.svg").read_text().startswith("<svg")


def test_an_option_that_is_only_a_little_like_another_is_no_slip_of_the_hand(
    agilab: Agilab, lab: Path
) -> None:
    assert agilab("view", "--format", "svg")[2].endswith("  try       agilab workflow view --help\n")
    assert agilab("view", "--outptu", "a.svg")[2].endswith("  try       agilab workflow view --output\n")


@pytest.mark.parametrize(
    ("words", "near"),
    [
        (("run", "--only", "zzz"), "numbers, summary"),
        (("plan", "--from", "number"), "numbers"),
        (("try", "sumary"), "summary"),
    ],
)
def test_a_stage_that_is_not_there_is_told_with_those_that_are_near(
    agilab: Agilab, lab: Path, words: tuple[str, ...], near: str
) -> None:
    code, _, err = agilab(*words)
    assert code == 2
    assert err.startswith("error[AGI-STAGE-040]: the lab has no stage of that name\n")
    assert f"  allowed   {near}\n" in err
    assert "  try       agilab workflow show " in err


def test_a_stage_that_never_runs_is_not_asked_to_run(agilab: Agilab, lab: Path) -> None:
    assert agilab("add", "words", "--text", "What we learnt")[0] == 0
    lab.write_text(lab.read_text().replace('id = "summary"', 'id = "summary"\nenabled = false'))
    for stage, kind in (("words", "text"), ("summary", "disabled")):
        for words in (("run", "--only", stage), ("try", stage)):
            code, _, err = agilab(*words)
            assert code == 2
            assert f"error[AGI-STAGE-040]: the stage {stage} is {kind}, and never runs" in err


@pytest.mark.parametrize("text", ["", "# nothing yet\n"])
def test_a_file_that_says_nothing_is_of_no_version(agilab: Agilab, text: str) -> None:
    Path("lab_stages.toml").write_text(text)
    for to in ("v1", "v2"):
        code, _, err = agilab("migrate", "lab_stages.toml", "--to", to)
        assert code == 2
        assert "error[AGI-LAB-111]: lab_stages.toml is empty, and of no version" in err
    assert Path("lab_stages.toml").read_text() == text


def test_a_file_that_is_no_toml_is_looked_at_by_validate(agilab: Agilab) -> None:
    Path("lab_stages.toml").write_text('[lab]\ntitle = "x\n')
    code, _, err = agilab("run")
    assert code == 2
    assert "error[AGI-DOC-002]" in err
    assert "try       agilab workflow validate lab_stages.toml" in err


def test_two_files_are_compared_from_the_first_to_the_second(agilab: Agilab, lab: Path) -> None:
    Path("other.toml").write_text(lab.read_text().replace("range(10)", "range(11)"))
    out = agilab("diff", "lab_stages.toml", "other.toml")[1]
    assert "    -numbers = [n * n for n in range(10)]" in out
    assert "    +numbers = [n * n for n in range(11)]" in out
    assert document(agilab("diff", ".", "lab_stages.toml", "--json"))["same"] is True


def test_an_old_file_is_looked_at_migrated_and_brought_back(agilab: Agilab) -> None:
    text = '# mine\n[[flight]]\nD = "Load"\nC = "x = 1"\nR = "runpy"\n'
    path = Path("lab_stages.toml")
    path.write_text(text)
    assert "version  1: agilab workflow migrate makes it version 2" in agilab("show")[1]
    code, _, err = agilab("rm", "Load")
    assert code == 2
    assert "error[AGI-LAB-103]" in err
    code, out, err = agilab("migrate", "lab_stages.toml", "--dry-run")
    assert code == 0
    assert path.read_text() == text
    assert "would be version 2 now" in err
    done = document(agilab("migrate", "lab_stages.toml", "--json"))
    assert path.read_text() == out
    assert done["notes"][0] == {
        "line": 2,
        "kind": "changed",
        "stage": "Load",
        "what": "stage 1 of flight had no id and is Load now",
    }
    code, out, _ = agilab("migrate", "lab_stages.toml", "--to", "v1", "--dry-run")
    assert out == text


def test_stages_labs_and_codes_are_completed(lab: Path, tmp_path: Path) -> None:
    import os

    def offered(typed: str) -> list[str]:
        environ = os.environ | {"_AGILAB_COMPLETE": "bash_complete", "COMP_WORDS": typed}
        environ |= {"COMP_CWORD": str(len(typed.split(" ")) - 1)}
        done = subprocess.run(
            [sys.executable, "-m", "agilab"],
            env=environ,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        return [line.partition(",")[2] for line in done.stdout.splitlines() if line]

    assert offered("agilab workflow show ") == ["numbers", "summary"]
    assert offered("agilab workflow validate --explain AGI-STAGE-07") == [
        "AGI-STAGE-070",
        "AGI-STAGE-071",
        "AGI-STAGE-072",
        "AGI-STAGE-073",
        "AGI-STAGE-074",
    ]


@pytest.mark.parametrize(
    ("code", "meaning"),
    [
        ("AGI-STAGE-101", "an output that a stage, or the app that it calls, did not leave"),
        ("114", "a value that cannot leave its process"),
        ("agi-stage-053", "an error of `validate` about a stage that would run"),
    ],
)
def test_a_code_that_a_run_prints_is_explained_too(agilab: Agilab, code: str, meaning: str) -> None:
    code_, out, _ = agilab("validate", "--explain", code)
    assert code_ == 0
    assert meaning in " ".join(out.split())


def test_every_code_of_stages_is_explained() -> None:
    from agilab.workflow.codes import meanings
    from agilab.workflow.judging.rules import rules

    root = Path(__file__).parents[2]
    files = [*(root / "src" / "agilab").rglob("*.py"), *(root / "packages").rglob("*.py")]
    raised = {
        code
        for file in files
        if "rules" not in file.parts
        for code in re.findall(r'"(AGI-STAGE-[0-9]{3})",?$', file.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert raised
    assert raised <= rules().keys() | meanings().keys()


def test_params_are_shown_as_they_are_set(agilab: Agilab, lab: Path) -> None:
    text = lab.read_text(encoding="utf-8")
    params = '[lab.params]\nflag = true\nfl = 1.0\nword = "yes"\n'
    lab.write_text(text.replace("\n# A stage", f"\n{params}\n# A stage", 1), encoding="utf-8")
    assert 'flag = true, fl = 1.0, word = "yes"' in agilab("show")[1]


def test_only_goes_with_no_other_way_of_selecting(agilab: Agilab, lab: Path) -> None:
    code, _, err = agilab("run", "--only", "numbers", "--only", "summary", "--failed")
    assert code == 2
    assert "one way of selecting at a time" in err


def test_a_new_lab_is_called_as_its_folder(agilab: Agilab) -> None:
    for folder, title in (("Werk Süd", "Werk Süd"), ("two_nights-MRI", "Two nights MRI")):
        assert agilab("new", folder)[0] == 0
        assert f'title = "{title}"' in (Path(folder) / "lab_stages.toml").read_text(encoding="utf-8")


def test_commands_that_are_hinted_at_can_be_pasted(agilab: Agilab) -> None:
    _, out, _ = agilab("new", "a lab é")
    hinted = [line.split("   ")[0] for line in map(str.strip, out.splitlines()) if line.startswith("agilab")]
    assert [shlex.split(line)[-1] for line in hinted] == ["a lab é", "a lab é"]
    Path("some where").mkdir()
    _, _, err = agilab("show", "--json", "summary", "some where")
    assert "agilab workflow new 'some where'" in err


def test_code_on_one_line_of_the_document_is_located_within_it(agilab: Agilab, lab: Path) -> None:
    lab.write_text('[[stages]]\nid = "a"\ncode = "é = \\"x\\"\\nb = lost\\nc = é + gone"\n', encoding="utf-8")
    code, out, _ = agilab("validate", "--json")
    places = {one["found"]: one["location"]["column"] for one in json.loads(out)["findings"]}
    line = lab.read_text(encoding="utf-8").splitlines()[2]
    assert code == 1
    assert places == {name: line.index(name) + 1 for name in ("lost", "gone")}
