"""A lab as a Python file with percent cells: what comes back whole is written, everything else is refused."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agi_node.errors import AgiError
from agilab.contracts.lab_stages import LabStages, Stage
from agilab.notebooks.reading import read
from agilab.notebooks.supervisor.export import notebook_of
from agilab.notebooks.supervisor.read_back import read_back
from agilab.workflow.notebooks.exporting import export_lab, round_trip
from agilab.workflow.notebooks.text_forms import in_text, lost_in_text
from tests.notebooks.supervisor.test_round_trip import CODES, lab_by_chance, said

pytest.importorskip("jupytext")


def of(*codes: str) -> LabStages:
    return LabStages(stages=tuple(Stage(id=f"s{number}", code=code) for number, code in enumerate(codes, 1)))


@pytest.mark.parametrize(
    ("code", "line"),
    [
        ("x = 1\n# %%\ny = 2", 2),
        ("if x:\n    # %%\n    pass", 2),
        ("x = 1\n\n# In[3]:\ny = 2", 3),
        ("# %% [markdown]\nx = 1", 1),
        ("text = 'a'\n\n\n#%% b\n", 4),
        ("a\rb", 1),
    ],
)
def test_a_line_that_would_part_a_cell_is_refused_by_stage_and_line(
    code: str, line: int, tmp_path: Path
) -> None:
    lab = of("first = 1", code)
    with pytest.raises(AgiError) as refused:
        export_lab(lab, tmp_path / "lab_stages.toml", tmp_path / "lab.py")
    assert refused.value.code == "AGI-STAGE-064"
    assert str(refused.value.found) == f"stage s2, line {line}: {code.split(chr(10))[line - 1]!r}"
    assert list(tmp_path.iterdir()) == []
    assert export_lab(lab, tmp_path / "lab_stages.toml", tmp_path / "lab.ipynb").cells == 7
    told = round_trip(lab)
    assert told.identical
    assert told.not_in_percent == str(refused.value.found)


@pytest.mark.parametrize("code", ["text = '''\n# %%\n'''", "# # %%\n!ls\n%time x", "'''\nx\n'''\n\n\n", ""])
def test_what_percent_cells_hold_is_written_and_comes_back(code: str, tmp_path: Path) -> None:
    lab = of(code, "last = 1")
    export_lab(lab, tmp_path / "lab_stages.toml", tmp_path / "lab.py")
    assert said(read_back(read(tmp_path / "lab.py")).document) == said(lab)
    assert round_trip(lab).not_in_percent == ""


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(st.lists(CODES.filter(lambda code: "\x0c" not in code), min_size=1, max_size=6))
def test_code_that_ends_as_code_does_comes_back_from_every_form(codes: list[str]) -> None:
    lab = of(*codes)
    for name in ("lab.py", "lab.md", "lab.Rmd"):
        text = in_text(notebook_of(lab), name)
        found = read_back(read(text.encode(), name=name))
        assert said(found.document) == said(lab)
        assert found.changes == ()


@pytest.mark.parametrize("name", ["lab.py", "lab.md", "lab.Rmd"])
def test_a_code_with_a_form_feed_is_refused_with_its_line(name: str) -> None:
    with pytest.raises(AgiError) as refused:
        in_text(notebook_of(of("x = 1\n\x0c\ny = 2")), name)
    assert (refused.value.code, refused.value.found) == ("AGI-STAGE-064", "stage s1, line 2: '\\x0c'")


def test_what_jupytext_writes_and_cannot_read_is_refused_with_its_reason() -> None:
    lab = LabStages(stages=(Stage(id="s1", code="x = 1", question="Which of them :)"),))
    assert in_text(notebook_of(lab), "lab.md")
    with pytest.raises(AgiError) as refused:
        in_text(notebook_of(lab), "lab.Rmd")
    assert str(refused.value.found).startswith("all of it: jupytext could not read it")
    assert refused.value.try_ == "agilab notebook export, to an .ipynb, or an .md; or change that line"


@pytest.mark.parametrize("name", ["lab.qmd", "lab.R", "lab.jl", "lab.txt", "lab"])
def test_a_form_in_which_no_lab_comes_back_is_refused_by_its_suffix(name: str, tmp_path: Path) -> None:
    with pytest.raises(AgiError) as refused:
        export_lab(of("x = 1"), tmp_path / "lab_stages.toml", tmp_path / name)
    assert refused.value.code == "AGI-STAGE-050"
    assert refused.value.found in (f".{name.rpartition('.')[2].lower()}", "no suffix")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_labs_by_chance_come_back_whole_or_are_refused() -> None:
    random, written = Random(8), 0
    for _ in range(120):
        lab = without_odd_line_ends(lab_by_chance(random))
        made = notebook_of(lab)
        if lost_in_text(made):
            with pytest.raises(AgiError, match="would not give this notebook back"):
                in_text(made, "lab.py")
            continue
        text = in_text(made, "lab.py")
        written += 1
        assert said(read_back(read(text.encode(), name="lab.py")).document) == said(lab)
    assert written > 60, "otherwise the test is of refusals alone"


def without_odd_line_ends(lab: LabStages) -> LabStages:
    """The lab with blanks for line ends that no percent cell can hold."""
    text = json.dumps(lab.model_dump(mode="json", by_alias=True, exclude_defaults=True))
    return LabStages.model_validate_json(text.replace("\\r", " ").replace("\\u2028", " "))
