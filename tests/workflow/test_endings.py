"""Why a notebook stopped: whether a stage stopped for the same, and whether it is only the place that it lacks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agi_node.failure import failure
from agilab.contracts.notebook_import import ImportedNotebook
from agilab.workflow.notebooks.both import _is_same_error
from agilab.workflow.notebooks.endings import advice_on, left_outside, missing_module, own_place
from agilab.workflow.notebooks.kernel import Failed
from agilab.workflow.notebooks.room import Room


class OwnError(Exception):
    pass


def raised(error: Exception) -> dict[str, Any]:
    """What a worker says of an error."""
    try:
        raise error
    except Exception as caught:
        return failure(caught, "stage fit", None)


def kernel_says(error: Exception) -> Failed:
    """What a kernel says of an error: its class's name, and its text (Jupyter's messaging, `ename`, `evalue`)."""
    return Failed(1, type(error).__name__, str(error))


ERRORS = (
    AssertionError(),
    AssertionError("x"),
    ValueError(),
    ValueError("x"),
    KeyError("x"),
    OwnError(),
    OwnError("x"),
)


@pytest.mark.parametrize("one", ERRORS, ids=repr)
def test_an_error_is_the_same_only_by_its_class_and_words(one: Exception) -> None:
    assert [_is_same_error(kernel_says(one), raised(other)) for other in ERRORS] == [
        one is each for each in ERRORS
    ]


def test_an_error_without_words_is_told_without_a_colon() -> None:
    assert [str(kernel_says(one)) for one in ERRORS[:2]] == ["AssertionError", "AssertionError: x"]


def test_a_module_that_one_could_install() -> None:
    def of(name: str, text: str) -> str:
        return missing_module(Failed(0, name, text))

    assert of("ModuleNotFoundError", "No module named 'watermark'") == "watermark"
    assert of("ModuleNotFoundError", "No module named 'pandas.gone'") == "", "pandas is there"
    assert of("ModuleNotFoundError", "No module named 'imp'") == "", "it was Python's own"
    assert of("ImportError", "cannot import name 'x' from 'y'") == ""
    assert missing_module(None) == ""
    assert advice_on("cv2", Path.cwd()) == "uv add opencv-python"
    assert advice_on("pkg_resources", Path.cwd()) == "uv add 'setuptools<81'", "82 no longer has it"
    assert advice_on("watermark", Path.cwd() / "a b") == f"uv add --directory '{Path.cwd()}/a b' watermark"
    assert advice_on("nobody_has", Path.cwd()) == "if it is the “nobody-has” on PyPI: uv add nobody-has"


def test_a_module_of_the_project_is_not_looked_for_on_pypi(tmp_path: Path) -> None:
    lab = tmp_path / "research"
    (tmp_path / "src" / "study").mkdir(parents=True)
    (tmp_path / "src" / "study" / "__init__.py").write_text("")
    (lab / "lib").mkdir(parents=True)
    (lab / "lib" / "tools.py").write_text("")
    assert advice_on("study", lab).startswith("It lies in ../src: add that folder to sys.path")
    assert own_place("tools", lab) == "lib"
    assert own_place("nobody_has", lab) == ""


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("[Errno 2] No such file or directory: '../data/x.csv'", "../data/x.csv"),
        ("No such file or directory (os error 2): ../data/x.csv", "../data/x.csv"),
        ("../data/x.csv not found.", "../data/x.csv"),
        ("cannot open {room}/data/x.csv", "../data/x.csv"),
        ("[Errno 2] No such file or directory: '../data/y.csv'", ""),
        ("[Errno 2] No such file or directory: 'data/x.csv'", ""),
        ("[Errno 2] No such file or directory: '{real}/data/x.csv'", ""),
        ("No module named 'tools'", "../tools.py"),
        ("No module named 'study'", "../code/study/__init__.py"),
        ("unable to open database file", "../data/x.csv"),
    ],
)
def test_what_lies_beside_the_folder_is_told(text: str, path: str, tmp_path: Path) -> None:
    real, scratch = tmp_path / "real", tmp_path / "agilab-verify-1" / "once" / "room-0"
    for folder in (real / "notebooks", real / "data", scratch / "folder"):
        folder.mkdir(parents=True)
    (real / "data" / "x.csv").write_text("1")
    (real / "tools.py").write_text("")
    (real / "code" / "study").mkdir(parents=True)
    (real / "code" / "study" / "__init__.py").write_text("")
    read = {"path": "../data/x.csv", "where": "outside", "direction": "read", "cell": 1}
    notebook = ImportedNotebook(
        name="n.ipynb", digest="", format="", language="", kernel="", counts={}, execution={},
        artifacts=(read,) if "database" in text else (),
    )  # fmt: skip
    kind = "ModuleNotFoundError" if "module" in text else "FileNotFoundError"
    failed = Failed(1, kind, text.format(room=scratch, real=real))
    room = Room(real / "notebooks", scratch / "folder")
    assert left_outside(failed, notebook, real / "notebooks" / "n.ipynb", room.place, room) == path
    assert left_outside(None, notebook, real / "notebooks" / "n.ipynb", room.place, room) == ""
