"""One stage after another in a process: none finds what another left in the lab's own modules, loggers and classes."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agi_node import apart as room
from agi_node.protocol import Open
from agi_node.session import Session

Stage = Callable[[str], Any]


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A lab's folder that a worker has opened."""
    folder = tmp_path / "lab"
    folder.mkdir()
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(room, "_own", [])
    Session().open(Open(str(folder), None, {}, 0, {}))
    return folder


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """Runs code as a stage; what it calls x comes back."""
    done: list[int] = []

    def run(code: str) -> Any:
        work = tmp_path / f"work{len(done)}"
        done.append(1)
        (work / "lib").mkdir(parents=True)
        (work / "lib" / "beside.py").write_text(f"number = {len(done)}\n")
        with room.apart(work) as module:
            exec(code, module.__dict__)
            return module.__dict__["x"]

    return run


def test_a_module_of_the_lab_is_a_fresh_one_in_each_stage(lab: Path, stage: Stage) -> None:
    (lab / "deep").mkdir()
    (lab / "deep" / "__init__.py").write_text("from deep.part import SEEN\n")
    (lab / "deep" / "part.py").write_text("SEEN = []\n")
    code = "from deep import SEEN\nSEEN.append(1)\nx = len(SEEN)"

    assert [stage(code), stage(code), stage(code)] == [1, 1, 1]
    assert "deep" not in sys.modules


def test_a_folder_of_a_package_that_has_no_init_is_fresh_too(lab: Path, stage: Stage) -> None:
    (lab / "pack" / "logs").mkdir(parents=True)
    (lab / "pack" / "__init__.py").touch()
    (lab / "pack" / "logs" / "lines.py").write_text("SEEN = []\n")
    code = "from pack.logs.lines import SEEN\nSEEN.append(1)\nx = len(SEEN)"

    assert [stage(code), stage(code)] == [1, 1]


def test_installed_modules_stay(lab: Path, stage: Stage) -> None:
    inside = lab / ".venv" / "lib" / "site-packages"
    inside.mkdir(parents=True)
    (inside / "installed_here.py").write_text("SEEN = []\n")
    sys.path.append(str(inside))
    code = "import installed_here as one\none.SEEN.append(1)\nx = len(one.SEEN)"

    assert [stage(code), stage(code)] == [1, 2]
    del sys.modules["installed_here"]


def test_a_relative_folder_of_modules_is_the_stage_s_own(lab: Path, stage: Stage) -> None:
    code = "import sys\nsys.path.append('lib')\nimport beside\nx = beside.number"

    assert [stage(code), stage(code)] == [1, 2]


def test_an_object_of_another_stage_is_of_the_classes_of_this_one(lab: Path, stage: Stage) -> None:
    (lab / "shapes.py").write_text("class Shape:\n    pass\n")
    one = "import shapes\nclass Square(shapes.Shape):\n    sides = 4\n"

    written = stage(f"import cloudpickle\n{one}x = cloudpickle.dumps(Square())")
    read = f"import pickle, shapes\nit = pickle.loads({written!r})\nx = isinstance(it, shapes.Shape)"

    assert [stage(read), stage(read)] == [True, True]


def test_each_line_is_logged_once(lab: Path, stage: Stage) -> None:
    (lab / "noted.py").write_text(
        "import io, logging\nout = io.StringIO()\nlog = logging.getLogger('noted')\n"
        "log.addHandler(logging.StreamHandler(out))\n"
    )
    library = logging.StreamHandler()
    logging.getLogger("cloudpickle").addHandler(library)
    code = (
        "import logging, noted\nlogging.basicConfig(level=logging.DEBUG)\nnoted.log.warning('once')\n"
        "x = noted.out.getvalue(), len(noted.log.handlers)"
    )
    before = logging.root.level, list(logging.root.handlers)

    assert [stage(code), stage(code)] == [("once\n", 1), ("once\n", 1)]
    assert (logging.root.level, list(logging.root.handlers)) == before
    assert library in logging.getLogger("cloudpickle").handlers
    logging.getLogger("cloudpickle").removeHandler(library)
