"""Marks of a merge inside a cell: as `git merge` and nbdime's `nbmerge` leave them, and what only looks like them."""

from __future__ import annotations

import pytest

from agilab.notebooks.reading import read

from .building import code, markdown, notebook

GIT = "<<<<<<< HEAD\na = 1\n=======\na = 2\n>>>>>>> topic"
NBDIME = "<<<<<<< local\na = 1\n=======\na = 2\n>>>>>>> remote"
DIFF3 = "<<<<<<< HEAD\na = 1\n||||||| 1f2e3d4\na = 0\n=======\na = 2\n>>>>>>> topic"


@pytest.mark.parametrize(
    ("source", "line"),
    [
        (GIT, 1),
        (NBDIME, 1),
        (DIFF3, 1),
        (f"x = 1\n{GIT}\ny = 2", 2),
        (GIT.replace("\n", "\r\n"), 1),
        (f"%%stage load: n -> a\n{NBDIME}", 2),
        (f"%%bash\n{GIT}", 2),
        ("a = 2\n>>>>>>> topic", 2),
        ("<<<<<<< REMOTE CELL DELETED >>>>>>>\na = 1", 1),
    ],
)
def test_marks_in_code_are_refused_with_the_number_of_the_cell(source: str, line: int) -> None:
    found = read(notebook(code("b = 1"), code(source)))
    assert not found.whole
    (finding,) = [one for one in found.findings if one.code == "NB-007"]
    assert (finding.severity, finding.cell, finding.line) == ("error", 1, line)
    assert "cell 1" in finding.what


@pytest.mark.parametrize(
    "source",
    [
        f"said = '''\n{GIT}\n'''",
        f"%%stage load\nsaid = '''\n{GIT}\n'''\n!ls",
        f"await tell('''\n{NBDIME}\n''')",
        "# " + GIT.replace("\n", "\n# "),
        "x = 1\n=======\n",
    ],
)
def test_what_stands_in_a_text_or_is_half_a_mark_is_none(source: str) -> None:
    found = read(notebook(code(source)))
    assert found.whole
    assert "NB-007" not in {one.code for one in found.findings}


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("Two words\n=======\n\nand more", None),
        (">>>>>>> quoted seven times\n=======", None),
        (f"So git shows it:\n\n```\n{GIT}\n```", None),
        ("<<<<<<< HEAD\nOne\n=======\nOther\n>>>>>>> topic", 1),
        (f"```\ncode\n```\n\n{NBDIME}", 5),
        ("<<<<<<< LOCAL CELL DELETED >>>>>>>\nWords", 1),
    ],
)
def test_words_have_a_conflict_where_all_its_marks_stand(source: str, line: int | None) -> None:
    found = read(notebook(markdown(source)))
    assert found.whole == (line is None)
    assert [one.line for one in found.findings if one.code == "NB-007"] == ([line] if line else [])
