"""Editing a lab: what is asked for happens, what a person wrote stays, and everything can be undone."""

from __future__ import annotations

import shlex
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agi_node.errors import AgiError
from agilab.contracts.base import read_document, write_document
from agilab.contracts.lab_stages import Input, LabStages, Stage
from agilab.envs import Uv
from agilab.store.workspace import Workspace
from agilab.workflow.document.create import create_lab
from agilab.workflow.document.edit import (
    add_stage,
    changed_stage,
    move_stage,
    remove_stage,
    rename_stage,
    write_lab,
)
from agilab.workflow.document.locate import find_lab, read_lab_file
from agilab.workflow.judging.validate import validate

LAB = """# Nights
schema = "agilab.lab_stages.v2"

[lab]
title = "Nights"   # the title

# ---- Reading ----

# as it comes
[[stages]]
id = "load"
code = '''
table = [1]   # rows
'''
outputs = ["table"]

# ---- Counting ----

[[stages]]
id = "count"
code = "warm = table"
uses = { load = ["x"] }
inputs = [{ name = "table", from = "load" }]  # from above
needs = ["load"]
outputs = ["warm"]

# the end
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A lab that a test may edit."""
    found = tmp_path / "lab" / "lab_stages.toml"
    found.parent.mkdir()
    found.write_text(LAB)
    return found


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "home")


def test_a_stage_is_added_as_a_block_and_nothing_else_changes(path: Path, workspace: Workspace) -> None:
    file = read_lab_file(path)
    stage = Stage(id="plot", title="A chart", code='print("it\'s")\nx = 1\n', inputs=("warm",))

    write_lab(file, add_stage(file.lab, stage, after="load"), workspace)

    block = """
[[stages]]
id = "plot"
title = "A chart"
inputs = ["warm"]
code = '''
print("it's")
x = 1
'''
"""
    assert path.read_text() == LAB.replace("\n# ---- Counting", f"{block}\n# ---- Counting")


def test_an_edit_can_be_undone_by_the_command_that_it_names(path: Path, workspace: Workspace) -> None:
    file = read_lab_file(path)

    edited = write_lab(file, remove_stage(file.lab, "load"), workspace)

    assert "as it comes" not in path.read_text()
    assert "# ---- Reading ----" in path.read_text()
    assert edited.undo
    subprocess.run(shlex.split(edited.undo), check=True)
    assert path.read_text() == LAB


def test_what_others_say_of_a_stage_by_name_goes_with_it(path: Path) -> None:
    count = remove_stage(read_lab_file(path).lab, "load").stages[0]

    assert (count.needs, count.uses, count.inputs) == ((), {}, ("table",))


def test_a_new_id_is_used_wherever_the_old_one_was(path: Path, workspace: Workspace) -> None:
    file = read_lab_file(path)

    write_lab(file, rename_stage(file.lab, "load", "read"), workspace)

    count = read_document(path, LabStages).stages[1]
    assert (count.needs, count.uses) == (("read",), {"read": ("x",)})
    assert count.inputs == (Input(name="table", source="read"),)
    assert path.read_text().count("#") == LAB.count("#")


def test_a_stage_moves_with_its_comment(path: Path, workspace: Workspace) -> None:
    file = read_lab_file(path)

    write_lab(file, move_stage(file.lab, "load", after="count"), workspace)

    text = path.read_text()
    assert text.index('"count"') < text.index("# as it comes") < text.index('id = "load"')


def test_a_lab_that_stays_as_it_was_is_not_written(path: Path, workspace: Workspace) -> None:
    file = read_lab_file(path)
    edited = write_lab(file, move_stage(file.lab, "load"), workspace)
    assert edited.undo is None
    assert not workspace.home.exists()


def test_somebody_elses_edit_is_not_written_over(path: Path, workspace: Workspace) -> None:
    file = read_lab_file(path)
    path.write_text(LAB + "# mine\n")

    with pytest.raises(AgiError, match="was changed meanwhile") as caught:
        write_lab(file, remove_stage(file.lab, "load"), workspace)

    assert caught.value.code == "AGI-LAB-107"
    assert path.read_text() == LAB + "# mine\n"


@pytest.mark.parametrize(
    ("edit", "code", "found"),
    [
        (lambda lab: add_stage(lab, Stage(id="load")), "AGI-LAB-108", "load"),
        (lambda lab: add_stage(lab, Stage(id="new"), after="laod"), "AGI-LAB-109", "laod"),
        (lambda lab: remove_stage(lab, "zzz"), "AGI-LAB-109", "zzz"),
        (lambda lab: rename_stage(lab, "load", "count"), "AGI-LAB-108", "count"),
        (lambda lab: rename_stage(lab, "load", "1 x"), "AGI-LAB-110", "'1 x'"),
        (lambda lab: move_stage(lab, "load", after="load"), "AGI-LAB-109", "load"),
        (lambda lab: changed_stage(lab.stages[0], retries=-1), "AGI-LAB-110", "-1"),
        (lambda lab: changed_stage(lab.stages[0], app="x"), "AGI-LAB-110", "code and app"),
    ],
)
def test_what_cannot_be_is_refused_by_name(path: Path, edit: Any, code: str, found: str) -> None:
    with pytest.raises(AgiError, match="AGI-LAB") as caught:
        edit(read_lab_file(path).lab)
    assert (caught.value.code, caught.value.found) == (code, found)


def test_a_file_of_version_1_is_read_and_not_written(tmp_path: Path, workspace: Workspace) -> None:
    path = tmp_path / "lab_stages.toml"
    path.write_text('[[flight]]\nid = "a"\nC = "x"\n')
    file = read_lab_file(path)

    with pytest.raises(AgiError, match="is of version 1") as caught:
        write_lab(file, remove_stage(file.lab, "a"), workspace)

    assert caught.value.try_ == f"agilab workflow migrate {path}"


# -- new --------------------------------------------------------------------------------------------------------


def test_a_new_lab_has_nothing_in_its_way_and_its_lock_is_fresh(tmp_path: Path, workspace: Workspace) -> None:
    made = create_lab(tmp_path / "warm-nights_2")

    assert validate(made.path, workspace).findings == ()
    assert made.files == ("lab_stages.toml", "pyproject.toml", "uv.lock")
    project = tomllib.loads((made.path.parent / "pyproject.toml").read_text())["project"]
    assert project["name"] == "warm-nights-2-lab"
    Uv.found().run("lock", "--check", "--offline", cwd=made.path.parent, doing="check", try_="")


def test_a_new_lab_in_a_project_leaves_the_project_alone(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[project]\n")

    made = create_lab(tmp_path, app="flight_project")

    assert made.files == ("lab_stages.toml",)
    (stage,) = read_lab_file(made.path).lab.stages
    assert (stage.id, stage.app, stage.kind) == ("flight", "flight_project", "app.run")
    with pytest.raises(AgiError, match="a lab is there already"):
        create_lab(tmp_path)


# -- where ------------------------------------------------------------------------------------------------------


def test_the_nearest_lab_above_is_meant(
    path: Path, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = path.parent / "a" / "b"
    deep.mkdir(parents=True)
    monkeypatch.chdir(deep)

    assert find_lab(None, workspace).resolve() == path
    assert find_lab("../..", workspace).resolve() == path
    assert find_lab(str(path), workspace) == path


@pytest.mark.parametrize("text", ["nothing", "no/such", "x.toml", "flight"])
def test_what_is_no_lab_is_told(tmp_path: Path, workspace: Workspace, text: str) -> None:
    with pytest.raises(AgiError, match="there is no such lab"):
        find_lab(text, workspace, here=tmp_path)


# -- laws -------------------------------------------------------------------------------------------------------

CODE = st.text(st.sampled_from("ab'\"\\\n\t #é[]="), max_size=12)
STAGES = st.lists(
    st.fixed_dictionaries(
        {"id": st.sampled_from("abcdef")},
        optional={
            "title": CODE,
            "code": CODE,
            "description": CODE,
            "needs": st.lists(st.sampled_from("abc"), max_size=2),
            "inputs": st.lists(
                st.sampled_from(["t", {"name": "t", "from": "a"}, {"name": "u", "as": "v"}]), max_size=3
            ),
            "foreach": st.just({"i": [1, "x", {"y": [2]}]}),
            "extra": st.dictionaries(
                CODE, st.dictionaries(CODE, st.integers() | CODE, max_size=2), max_size=2
            ),
            "origin": st.just({"notebook": "n.ipynb", "execution_counts": [1, 2]}),
        },
    ),
    max_size=5,
    unique_by=lambda one: one["id"],
)


@pytest.mark.slow
@given(STAGES, STAGES)
@settings(max_examples=60)
def test_any_lab_may_become_any_other_in_its_file(
    tmp_path_factory: pytest.TempPathFactory, old: list[dict[str, Any]], new: list[dict[str, Any]]
) -> None:
    path = tmp_path_factory.mktemp("labs") / "lab_stages.toml"
    before, after = (LabStages(stages=tuple(map(Stage.model_validate, one))) for one in (old, new))

    write_document(path, before)
    assert read_document(path, LabStages) == before
    same = path.read_bytes()
    write_document(path, read_document(path, LabStages))
    assert path.read_bytes() == same
    write_document(path, after)
    assert read_document(path, LabStages) == after
