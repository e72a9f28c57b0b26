"""`agilab app check` as people and scripts use it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from .conftest import Lab

pytestmark = pytest.mark.journey
MYCODE = Path(__file__).parents[2] / "src/agilab/templates/mycode_project"


@pytest.fixture
def sound(tmp_path: Path) -> str:
    return str(shutil.copytree(MYCODE, tmp_path / "mycode_project"))


def test_a_sound_app_is_told_check_by_check(lab: Lab, sound: str) -> None:
    answer = lab("app", "check", sound, "--offline")
    assert answer.code == 0, answer.out
    lines = answer.out.splitlines()
    assert lines[0] == "mycode_project"
    assert "✓ pipeline view  plan -> work -> reduce -> publish, as the app says of itself" in lines
    assert "· data card      it brings no data" in lines
    assert "· workers        only with --thorough: it takes another run" in lines
    assert any(line.startswith("all 15 checks passed in ") for line in lines)
    assert lines[-1].startswith("its run: agilab runs show ")
    assert "agilab: checking plan" in answer.err


def test_what_failed_comes_last_with_what_mends_it(lab: Lab, sound: str) -> None:
    Path(sound, "README.md").unlink()
    answer = lab("app", "check", sound, "--offline")
    assert answer.code == 1
    tail = answer.out[answer.out.index("✗ readme") :].splitlines()
    assert tail[0] == "✗ readme         there is no README.md"
    assert (
        tail[1]
        == "  try            write mycode_project/README.md: what it does, how to run it, what comes out"
    )
    assert tail[3].startswith("1 check of 17 failed, 14 passed")


def test_a_script_reads_one_document(lab: Lab, sound: str) -> None:
    Path(sound, "pipeline_view.dot").write_text("digraph d { plan -> reduce }")
    answer = lab("app", "check", sound, "--offline", "--json")
    assert answer.code == 1
    document = answer.document
    assert (document["status"], document["app"]) == ("failed", "mycode_project")
    (bad,) = [one for one in document["checks"] if one["verdict"] == "failed"]
    assert bad["name"] == "pipeline view"
    assert bad["evidence"].startswith("work is not in the picture; publish is not in the picture")
    assert bad["mend"] == "edit mycode_project/pipeline_view.dot"


def test_an_app_that_does_not_exist_is_an_error_not_a_check(lab: Lab) -> None:
    answer = lab("app", "check", "flihgt")
    assert answer.code == 2
    assert "error[AGI-APP-101]" in answer.err
    assert "flight_project" in answer.err
