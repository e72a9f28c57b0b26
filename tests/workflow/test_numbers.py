"""Random numbers that are others than in the notebook, since each stage begins with its own, are told."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from agilab.projects.request import Faces
from agilab.store.workspace import Workspace
from agilab.workflow.running.execution import run_lab
from agilab.workflow.running.request import LabRequest

from .conftest import ALab, lock

HEAD = """
schema = "agilab.lab_stages.v2"
[[stages]]
id = "above"
outputs = ["first"]
code = '''
import random, numpy as np
ABOVE
first = 1
'''
[[stages]]
id = "below"
inputs = ["first"]
outputs = ["second"]
code = '''
BELOW
second = first
'''
"""
UNSEEN = "getattr(__import__('numpy'), 'random').rand()"
"""Draws as a library does, of which the text says nothing."""


@pytest.fixture(scope="session")
def numpy_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("numbers") / "study"
    folder.mkdir()
    lock(folder, "study", "numpy")
    return folder


@pytest.fixture
def numpy_lab(tmp_path: Path, workspace: Workspace, numpy_project: Path) -> ALab:
    """An empty lab with NumPy in its environment."""
    shutil.copytree(numpy_project, tmp_path / "study")
    return ALab(tmp_path / "study", workspace)


def notes_of(lab: ALab, above: str, below: str, repeated: str = "") -> list[str]:
    more = f"extra = {{ repeated = [{repeated!r}] }}\n" if repeated else ""
    lab.write(HEAD.replace("ABOVE", above).replace("BELOW", below) + more)
    notes: list[str] = []
    result = run_lab(LabRequest(lab.path, track=False), lab.workspace, Faces(note=notes.append))
    assert result.status == "succeeded", result.error
    return notes


@pytest.mark.parametrize(
    ("above", "below", "generator", "text"),
    [
        ("np.random.seed(3)", UNSEEN, "numpy.random", "np.random.seed(3)"),
        ("random.seed(3); random.random()", "__import__('random').random()", "random", "random.seed(3)"),
        ("from numpy.random import seed\nseed(4)", UNSEEN, "numpy.random", "seed(4)"),
    ],
)
def test_numbers_that_only_a_stage_above_seeds_are_told(
    numpy_lab: ALab, above: str, below: str, generator: str, text: str
) -> None:
    (note,) = notes_of(numpy_lab, above, below)
    assert note == (
        f"below drew from the numbers of {generator}, which above seeded by {text}: in one process they go on, "
        "here each run has others; seed them in below, or give both a generator that is handed on"
    )


def test_a_seed_of_the_other_generator_is_none(numpy_lab: ALab) -> None:
    (note,) = notes_of(numpy_lab, "np.random.seed(3)", f"import random\nrandom.seed(3)\n{UNSEEN}")
    assert note.startswith("below drew from the numbers of numpy.random, which above seeded by")


def test_numbers_that_two_stages_begin_alike_are_told(numpy_lab: ALab) -> None:
    (note,) = notes_of(
        numpy_lab,
        f"np.random.seed(3)\n{UNSEEN}",
        f"import numpy as np\nnp.random.seed(3)\n{UNSEEN}",
        "np.random.seed(3)",
    )
    assert note.startswith(
        "below drew from the numbers of numpy.random after np.random.seed(3), and so did above"
    )


@pytest.mark.parametrize(
    ("above", "below"),
    [
        ("np.random.seed(3)", "1"),
        ("1", UNSEEN),
        ("from random import seed\nseed(3)", UNSEEN),
        ("np.random.seed(3)", f"import numpy.random as npr\nnpr.seed(4)\n{UNSEEN}"),
        ("np.random.seed(3)", f"import numpy as np\ndef fix(n):\n    np.random.seed(n)\nfix(4)\n{UNSEEN}"),
        ("np.random.seed(3)", f"import numpy as np\nnp.random.seed(3)\n{UNSEEN}"),  # only one draws
        (
            f"np.random.seed(3)\n{UNSEEN}",
            f"import numpy as np\nnp.random.seed(3)\n{UNSEEN}",
        ),  # the author says so
        ("np.random.seed(3); np.random.rand()", f"import numpy as np\nnp.random.seed(5)\n{UNSEEN}"),
        ("np.random.seed(3); np.random.rand()", "import numpy as np\nnp.random.default_rng(1).random()"),
        ("np.random.seed(3)", "import random; random.Random(3).random()"),
        ("np.random.seed(3)", "__import__('random').random()"),  # another generator
    ],
)
def test_numbers_that_are_the_notebooks_or_nobodys_are_not(numpy_lab: ALab, above: str, below: str) -> None:
    assert notes_of(numpy_lab, above, below) == []


GOING_ON = """
schema = "agilab.lab_stages.v2"
[[stages]]
id = "above"
outputs = ["first", "numpy_random_state"]
code = '''
import numpy as np
np.random.seed(3)
first = float(np.random.rand())


import numpy.random as numpy_random
numpy_random_state = numpy_random.get_state()
'''
[[stages]]
id = "below"
inputs = ["first", "numpy_random_state"]
code = '''
import numpy.random as numpy_random
numpy_random.set_state(numpy_random_state)

first, float(UNSEEN)
'''
"""


def test_numbers_that_are_handed_on_are_those_of_one_process_and_nothing_is_told(numpy_lab: ALab) -> None:
    numpy_lab.write(GOING_ON.replace("UNSEEN", UNSEEN))
    notes: list[str] = []
    result = run_lab(LabRequest(numpy_lab.path, track=False), numpy_lab.workspace, Faces(note=notes.append))
    assert (result.status, notes) == ("succeeded", [])
    one, two = np.random.RandomState(3).rand(2)
    assert numpy_lab.shown(result, "below") == repr((float(one), float(two)))


def test_a_seed_of_another_notebook_is_none(numpy_lab: ALab) -> None:
    text = HEAD.replace("ABOVE", "np.random.seed(3)").replace("BELOW", UNSEEN)
    first, second = text.split('[[stages]]\nid = "below"')
    origin = '[stages.origin]\nnotebook = "{}.ipynb"\n'
    numpy_lab.write(f'{first}{origin.format("a")}[[stages]]\nid = "below"{second}{origin.format("b")}')
    notes: list[str] = []
    result = run_lab(LabRequest(numpy_lab.path, track=False), numpy_lab.workspace, Faces(note=notes.append))
    assert (result.status, notes) == ("succeeded", [])
