"""What runs wrote into a lab stays there when a notebook of it is read back."""

from __future__ import annotations

from pathlib import Path

import pytest

from agilab.contracts.base import read_document
from agilab.contracts.lab_stages import LabStages
from agilab.workflow.notebooks.exporting import export_lab
from agilab.workflow.notebooks.importing import write_import
from agilab.workflow.notebooks.preview import preview_import
from tests.workflow.studies import book

STAGES = '# mine\n[[stages]]\nid = "a"\ncode = "1"\n{a}\n[[stages]]\nid = "b"\ncode = "2"\n{b}\n'
NOON, LATER = "2026-11-26T12:00:00Z", "2026-11-26T12:00:00.500000Z"


def ran(at: str, number: int) -> str:
    """What a run that ended at this moment writes."""
    return (
        f'[stages.last_run]\nrun = "2026112{number}-120000000-lab-7k3f2q"\nstatus = "succeeded"\nat = "{at}"\n'
        f"seconds = {number}.0\n"
    )


def write(path: Path, a: str, b: str) -> LabStages:
    path.write_text(STAGES.format(a=a, b=b), encoding="utf-8")
    return read_document(path, LabStages)


@pytest.mark.parametrize("edited", [False, True])
def test_the_newer_run_of_each_stage_stays(edited: bool, tmp_path: Path) -> None:
    lab = tmp_path / "lab_stages.toml"
    made = export_lab(write(lab, ran(NOON, 1), ran(LATER, 2)), lab, tmp_path / "lab.ipynb")
    if edited:
        text = made.path.read_text(encoding="utf-8")
        assert '"2"' in text
        made.path.write_text(text.replace('"2"', '"20 + 2"'), encoding="utf-8")
    write(lab, ran(LATER, 3), ran(NOON, 4))

    write_import(preview_import([made.path]), tmp_path, lock=False)

    found = read_document(lab, LabStages)
    # a ran again after the export; of b the notebook knows a later run than the file does.
    assert [stage.last_run.seconds for stage in found.stages if stage.last_run] == [3.0, 2.0]
    assert found.stages[1].code == ("20 + 2" if edited else "2")
    assert lab.read_text(encoding="utf-8").startswith("# mine")


def test_the_first_run_after_the_export_stays_and_elsewhere_that_of_the_notebook(tmp_path: Path) -> None:
    lab = tmp_path / "lab_stages.toml"
    made = export_lab(write(lab, "", ran(NOON, 2)), lab, tmp_path / "lab.ipynb")
    write(lab, ran(NOON, 3), "")
    write_import(preview_import([made.path]), tmp_path, lock=False)
    write_import(preview_import([made.path]), tmp_path / "copy", lock=False)
    here, there = (
        [stage.last_run and stage.last_run.seconds for stage in read_document(path, LabStages).stages]
        for path in (lab, tmp_path / "copy" / "lab_stages.toml")
    )
    assert (here, there) == ([3.0, 2.0], [None, 2.0])


def test_a_notebook_that_is_imported_again_keeps_the_run_of_stages_that_are_as_they_were(
    tmp_path: Path,
) -> None:
    path = tmp_path / "study.ipynb"
    path.write_bytes(book("# %% [markdown]\n# One\n# %%\nx = 1\n# %% [markdown]\n# Two\n# %%\nprint(x)\n"))
    write_import(preview_import([path]), tmp_path, lock=False)
    lab = tmp_path / "lab_stages.toml"
    document = read_document(lab, LabStages)
    plain = lab.read_text(encoding="utf-8")
    assert len(document.stages) == 2
    for stage in document.stages:
        head = f'id = "{stage.id}"\n'
        at = plain.index(head)
        end = plain.find("[[stages]]", at)
        end = len(plain) if end < 0 else end
        plain = f"{plain[:end].rstrip()}\n\n{ran(NOON, 5)}\n{plain[end:]}"
    lab.write_text(plain, encoding="utf-8")
    assert all(stage.last_run for stage in read_document(lab, LabStages).stages)

    path.write_bytes(path.read_bytes().replace(b"x = 1", b"x = 7"))
    write_import(preview_import([path]), tmp_path, lock=False)

    one, two = read_document(lab, LabStages).stages
    assert ((one.code or "").strip(), one.last_run) == ("x = 7", None)
    assert two.last_run is not None


def test_a_file_that_is_no_lab_keeps_nothing(tmp_path: Path) -> None:
    lab = tmp_path / "lab_stages.toml"
    made = export_lab(write(lab, ran(NOON, 1), ""), lab, tmp_path / "lab.ipynb")
    target = tmp_path / "other"
    target.mkdir()
    (target / "lab_stages.toml").write_text('[[old]]\nC = "1"\n', encoding="utf-8")
    written = write_import(preview_import([made.path]), target, lock=False)
    assert written.backup == "lab_stages.toml.bak"
    first, _ = read_document(target / "lab_stages.toml", LabStages).stages
    assert first.last_run is not None
    assert first.last_run.seconds == 1.0
