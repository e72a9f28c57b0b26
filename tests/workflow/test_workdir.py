"""A stage that runs in a folder below the lab's: what a notebook in `notebooks/` reads from `../data` is there."""

from __future__ import annotations

import pytest

from agi_node.errors import AgiError
from agilab.workflow.judging.validate import validate
from agilab.workflow.notebooks.union import union_of
from agilab.workflow.running.prepare import read_lab
from tests.workflow.conftest import ALab

pytestmark = pytest.mark.slow

LAB = """
[[stages]]
id = "load"
workdir = "notebooks"
inputs = ["data/in.csv", "notebooks/tools.py"]
outputs = ["rows", "data/out/kept.txt", "notebooks/here.txt"]
code = '''
import os, tools
from pathlib import Path
rows = tools.numbers(Path("../data/in.csv").read_text())
os.makedirs("../data/out", exist_ok=True)
Path("../data/out/kept.txt").write_text(str(sum(rows)))
Path("here.txt").write_text(Path.cwd().name)
'''

[[stages]]
id = "tell"
inputs = ["data/out/kept.txt"]
code = "open('data/out/kept.txt').read()"
"""
WHERE = """
[[stages]]
id = "tell"
workdir = "{}"
code = "from pathlib import Path; '/'.join(Path.cwd().parts[-2:])"
"""
FILES = {
    "data__in.csv": "1,2,3",
    "notebooks__tools.py": "def numbers(text):\n    return [int(one) for one in text.split(',')]\n",
}


def test_a_stage_runs_in_a_folder_below_and_reaches_what_lies_beside_it(lab: ALab) -> None:
    lab.write(LAB, **FILES)
    assert [one.code for one in validate(lab.path, lab.workspace).findings] == []
    result = lab.run()
    assert result.status == "succeeded", result.error
    assert lab.shown(result, "tell") == "'6'"
    assert lab.file(result, "here.txt").read_text() == "notebooks"
    again = lab.run(cache=True)
    assert lab.states(again) == {"load": "reused", "tell": "reused"}
    result = lab.write(WHERE.format("a/b")).run(cache=True)
    assert lab.shown(result, "tell") == "'a/b'"
    assert lab.shown(lab.write(WHERE.format("a/c")).run(cache=True), "tell") == "'a/c'", (
        "it is part of what it is"
    )


def test_out_of_the_lab_is_still_told_and_a_kernel_of_its_own_has_no_such_folder(lab: ALab) -> None:
    lab.write(LAB.replace("'''\nimport os", "'''\nopen('../../far.txt')\nimport os"), **FILES)
    codes = [one.code for one in validate(lab.path, lab.workspace).findings]
    assert codes == ["AGI-STAGE-085"]
    union = union_of(read_lab(lab.path), lab.workspace)
    assert [one.kind for one in union.obstacles] == ["workdir"]


@pytest.mark.parametrize("folder", ["..", "../x", "/tmp", "a/../../b", "a//b", "~/x", ".", "a/"])
def test_a_folder_elsewhere_is_refused(lab: ALab, folder: str) -> None:
    lab.write(LAB.replace('workdir = "notebooks"', f'workdir = "{folder}"'), **FILES)
    with pytest.raises(AgiError) as refused:
        lab.run()
    assert "workdir" in f"{refused.value.what} {refused.value.found}"
