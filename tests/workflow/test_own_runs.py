"""Labs whose folders have one name: each goes on with its own runs, wherever it lies."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from agi_node.errors import AgiError
from agilab.contracts.base import read_document
from agilab.contracts.lab_stages import LabStages
from agilab.engine.selection import Selection
from agilab.store.store import Store
from agilab.store.workspace import Workspace
from agilab.workflow.document.known import known_labs, labs_called, remember_lab
from agilab.workflow.document.locate import find_lab, read_lab_file
from agilab.workflow.document.own_runs import own_runs
from agilab.workflow.document.resolve import resolve
from agilab.workflow.document.versions import version
from agilab.workflow.outcomes import outcome_of
from agilab.workflow.running.again import rerun
from agilab.workflow.running.prepare import read_lab
from agilab.workflow.running.trial import try_stage
from tests.workflow.conftest import ALab

STUDY = """\
[[stages]]
id = "load"
outputs = ["x"]
code = "x = {x}"

[[stages]]
id = "tell"
inputs = ["x"]
outputs = ["y"]
code = "y = x + 1; y"
"""


@pytest.fixture
def two(tmp_path: Path, plain_project: Path, workspace: Workspace) -> tuple[ALab, ALab]:
    """Two labs in folders of one name; the second ran last."""
    labs = []
    for name, x in (("one", 100), ("two", 200)):
        folder = tmp_path / name / f"same_{tmp_path.name}"
        shutil.copytree(plain_project, folder)
        labs.append(ALab(folder, workspace).write(STUDY.format(x=x)))
        assert labs[-1].run().status == "succeeded"
    return labs[0], labs[1]


def ids(lab: ALab) -> list[str]:
    with Store(lab.workspace, readonly=True) as store:
        return [run.run_id for run in own_runs(store, lab.path, read_document(lab.path, LabStages))]


@pytest.mark.slow
def test_a_stage_goes_on_with_what_its_own_lab_left(two: tuple[ALab, ALab]) -> None:
    one, other = two
    assert len(ids(one)) == len(ids(other)) == 1
    assert ids(one) != ids(other)

    result = one.run(selection=Selection(only=("tell",)))
    assert one.shown(result, "tell") == "101"
    assert try_stage(read_lab(one.path), "tell", one.workspace).shown == "101"
    assert len(ids(one)) == 2
    assert version("last", one.path, one.workspace)[1].lab.stages[0].code == "x = 100"

    first = ids(one)[-1]
    again = rerun(first, Selection(only=("tell",)), one.workspace, track=False)
    assert one.shown(again, "tell") == "101"


def test_a_lab_that_was_moved_or_copied_knows_what_it_ran(two: tuple[ALab, ALab], tmp_path: Path) -> None:
    one, other = two
    (ran,) = ids(one)
    there = tmp_path / "three" / one.folder.name
    shutil.copytree(one.folder, there)
    copied = ALab(there, one.workspace)
    assert ids(copied) == [ran]

    shutil.rmtree(one.folder)
    result = copied.run(selection=Selection(only=("tell",)))
    assert copied.shown(result, "tell") == "101"
    assert ids(copied) == [result.run_id, ran]
    assert ids(other) == [one_id for one_id in ids(other) if one_id != ran]


def test_a_lab_under_another_name_goes_on_with_what_it_ran(two: tuple[ALab, ALab], tmp_path: Path) -> None:
    one, other = two
    (ran,) = ids(one)
    copied = ALab(tmp_path / "three" / f"copy_{tmp_path.name}", one.workspace)
    shutil.copytree(one.folder, copied.folder)
    assert ids(copied) == [ran]
    shown = read_lab_file(copied.path)
    outcome = outcome_of(shown, resolve(shown.lab, exists=lambda path: False), copied.workspace, ran)
    assert outcome is not None
    assert outcome.run_id == ran
    assert try_stage(read_lab(copied.path), "tell", copied.workspace).shown == "101"
    result = copied.run(selection=Selection(only=("tell",)))
    assert copied.shown(result, "tell") == "101"
    assert ids(copied) == [result.run_id, ran]
    assert ids(one) == [ran]  # what a copy runs is the copy's

    # Renamed back, a lab goes on with what it ran meanwhile.
    shutil.rmtree(one.folder)
    shutil.move(copied.folder, one.folder)
    assert ids(one) == [result.run_id, ran]
    assert not {*ids(one)} & {*ids(other)}


@pytest.mark.slow
def test_a_stage_that_was_pasted_brings_no_values_along(two: tuple[ALab, ALab], tmp_path: Path) -> None:
    one, _ = two
    pasted = one.path.read_text(encoding="utf-8").split("[[stages]]")[1]
    assert "last_run" in pasted
    shutil.copytree(one.folder, tmp_path / f"third_{tmp_path.name}")
    third = ALab(tmp_path / f"third_{tmp_path.name}", one.workspace)
    mine = STUDY.format(x=300).split("[[stages]]")
    third.write("[[stages]]".join(("", pasted, mine[2])))
    assert ids(third) == []

    third.write(STUDY.format(x=300))
    assert third.run().status == "succeeded"
    (own,) = ids(third)
    assert one.run().status == "succeeded"  # and is newer
    pasted = one.path.read_text(encoding="utf-8").split("[[stages]]")[1]
    third.write(
        "[[stages]]".join(("", pasted, third.path.read_text(encoding="utf-8").split("[[stages]]")[2]))
    )
    assert ids(third) == [own]
    assert try_stage(read_lab(third.path), "tell", third.workspace).shown == "301"


def test_a_run_of_a_lab_that_is_gone_is_not_run_again_as_another_of_its_name(two: tuple[ALab, ALab]) -> None:
    one, other = two
    (ran,) = ids(one)
    shutil.rmtree(one.folder)
    with pytest.raises(AgiError, match="is not where it was") as refused:
        rerun(ran, Selection(only=("tell",)), one.workspace, track=False)
    assert refused.value.code == "AGI-STAGE-036"
    assert len(ids(other)) == 1


def test_a_name_that_several_have_is_not_guessed(two: tuple[ALab, ALab]) -> None:
    one, other = two
    with pytest.raises(AgiError, match="several labs that ran here are called same_") as refused:
        find_lab(one.folder.name, one.workspace, here=one.folder.parent.parent.parent)
    assert refused.value.code == "AGI-LAB-114"
    assert str(one.folder) in str(refused.value.found)

    shutil.rmtree(one.folder)
    assert find_lab(one.folder.name, one.workspace, here=other.folder.parent.parent.parent) == other.path


def test_places_are_kept_newest_last_and_an_older_file_is_read(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "home").ensure()
    (workspace.home / "labs.json").write_text(
        '{"study": "/a/study/lab_stages.toml", "odd": 3}', encoding="utf-8"
    )
    assert labs_called("study", workspace) == [Path("/a/study/lab_stages.toml")]

    for number in range(30):
        remember_lab("study", tmp_path / str(number) / "lab_stages.toml", workspace)
    remember_lab("study", tmp_path / "29" / "lab_stages.toml", workspace)
    assert known_labs(workspace)["study"] == tmp_path / "29" / "lab_stages.toml"
    assert len(labs_called("study", workspace)) <= 20
