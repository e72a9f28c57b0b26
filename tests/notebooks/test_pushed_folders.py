"""`%pushd` and `%popd` over cells: the files of what stands between them, and the way back."""

from __future__ import annotations

from pathlib import Path

import pytest

from agilab.notebooks.inspecting import Inspection, inspect
from tests.notebooks.building import notebook

READS = "print(open('t.csv').read())"


def seen(folder: Path, *cells: str) -> Inspection:
    (folder / "data" / "deep").mkdir(parents=True)
    for name in ("data/t.csv", "data/deep/t.csv"):
        (folder / name).write_text("a\n")
    path = folder / "n.ipynb"
    path.write_bytes(notebook(*cells))
    return inspect(path)


@pytest.mark.parametrize(
    ("cells", "paths"),
    [
        (("%pushd data", READS, "%popd"), ["data/t.csv"]),
        (("%pushd ./data/deep/", READS, "%popd", "open('data/t.csv')"), ["data/deep/t.csv", "data/t.csv"]),
        (
            (f"%pushd data\n{READS}", f"%pushd deep\n{READS}\n%popd", READS, "%popd\nopen('data/t.csv')"),
            ["data/t.csv", "data/deep/t.csv", "data/t.csv", "data/t.csv"],
        ),
        (
            ("%pushd data", READS, "%popd", "%pushd data/deep", READS, "%popd"),
            ["data/t.csv", "data/deep/t.csv"],
        ),
        (("%pushd 'data'", READS, "pushd deep", READS), ["data/t.csv", "data/deep/t.csv"]),
    ],
)
def test_files_lie_in_the_folder_that_was_gone_to_and_after_the_way_back_in_the_one_before(
    tmp_path: Path, cells: tuple[str, ...], paths: list[str]
) -> None:
    found = seen(tmp_path, *cells)
    assert [(one.does, one.path, one.elsewhere) for one in found.uses] == [
        ("read", path, False) for path in paths
    ]
    assert not [one for one in found.findings if one.code == "NB-111"]


@pytest.mark.parametrize(
    "cells",
    [
        ("%popd",),
        ("%pushd ..", "%popd"),
        ("%pushd /data", "%popd"),
        ("%pushd ~/data", "%popd"),
        ("%pushd data", "%cd deep", "%popd"),
        ("import os\n%pushd data", "os.chdir('deep')", "x = 1\n%popd"),
        ("if True:\n    %pushd data", "%popd"),
        ("%pushd data", "if True:\n    %popd"),
        ("where = 'data'", "%pushd {where}", "%popd"),
    ],
)
def test_a_way_back_that_the_text_does_not_say_is_a_comment_and_said(
    tmp_path: Path, cells: tuple[str, ...]
) -> None:
    found = seen(tmp_path, *cells)
    (said,) = [one.what for one in found.findings if one.code == "NB-111"]
    assert said == "%popd became a comment: the text does not say which folder it goes back to"
    assert found.parsed.cells[-1].python.endswith("# %popd")
    assert found.parsed.cells[-1].tree is not None
