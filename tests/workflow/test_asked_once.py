"""What a notebook and its lab agreed on is not asked again, whatever becomes of names, cells and their metadata."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from agi_node.errors import AgiError
from agilab.contracts.base import read_document
from agilab.contracts.lab_stages import LabStages
from agilab.store.workspace import Workspace
from agilab.workflow.notebooks.exporting import round_trip
from tests.workflow.test_joined import Cells, Sides, cell_of, made

LAB = '''\
schema = "agilab.lab_stages.v2"

[lab]
title = "T"
description = "About it."
params = { p = 1, q = 2 }  # by hand

# words
[[stages]]
id = "prep"
title = "Load it"
description = "Words *here*."
question = "Q?"
enabled = true
inputs = ["p"]
outputs = ["x"]
code = """
x = p

"""

[[stages]]
id = "mid"
inputs = [{ name = "x" }]
outputs = ["y"]
uses = { prep = ["x"] }
needs = ["prep"]
code = "y = x"

[[stages]]
id = "tell"
inputs = ["y", "q"]
timeout = 60
code = "y + q"
'''


@pytest.fixture
def sides(tmp_path: Path) -> Sides:
    return made(tmp_path, LAB)


def inserted(cells: Cells, at: int, name: str, source: str, **metadata: Any) -> None:
    cells.insert(at, {**cell_of("code", source), "id": name, "metadata": metadata})


def without_what_is_remembered() -> None:
    for file in (Workspace.default().cache / "notebooks").glob("*.json"):
        file.unlink()


def test_an_edit_of_one_entry_is_not_lost_where_another_is_decided(sides: Sides) -> None:
    sides.in_notebook("p = 1\nq = 2", "p = 10\nq = 20")
    sides.in_file("p = 1", "p = 99")
    with pytest.raises(AgiError, match="were edited in the same places") as refused:
        sides.imported()
    assert refused.value.found == "the lab's params p: edited in the notebook and in lab_stages.toml"
    assert sides.imported("file")["lab"]["params"] == {"p": 99, "q": 20}


def test_an_edit_of_the_file_after_an_import_is_the_files_alone(sides: Sides) -> None:
    sides.in_notebook("y = x", "y = x + 1")
    sides.imported()
    sides.in_file("y = x + 1", "y = x + 2")
    said = sides.lab.read_bytes()
    assert sides.rows() == [("edited", "mid", "file")]
    sides.imported()
    assert sides.lab.read_bytes() == said


@pytest.mark.parametrize("won", ["notebook", "file"])
def test_what_was_decided_stays_when_something_else_is_asked(won: Any, sides: Sides) -> None:
    sides.in_notebook("y = x", "y = x + 1")
    sides.in_file('"y = x"', '"y = x + 2"')
    code = sides.imported(won)["stages"][1]["code"]
    sides.in_notebook("p = 1", "p = 10")
    sides.in_file("p = 1", "p = 11")
    assert [row for row in sides.rows() if row[0] == "both"] == [("both", "", "undecided")]
    other = "file" if won == "notebook" else "notebook"
    found = sides.imported(other)
    assert (found["stages"][1]["code"], found["lab"]["params"]["p"]) == (code, 11 if other == "file" else 10)


def test_an_edit_taken_back_in_the_notebook_is_an_edit(sides: Sides) -> None:
    sides.in_notebook("y = x", "y = x + 1")
    sides.imported()
    sides.in_notebook("y = x + 1", "y = x")
    assert sides.rows() == [("edited", "mid", "cell")]
    assert sides.imported()["stages"][1]["code"] == "y = x"


def test_what_nobody_edited_is_as_the_file_spells_it(sides: Sides) -> None:
    """A name as a table, a whole number of seconds, what goes without saying: none of it is an edit."""
    document = read_document(sides.lab, LabStages)
    assert round_trip(document, toml=LAB).identical
    assert sides.rows() == []
    sides.in_notebook("y + q", "y - q")
    sides.in_file('outputs = ["y"]', 'outputs = ["y", "z"]')
    sides.imported()
    wanted = LAB.replace("y + q", "y - q").replace('outputs = ["y"]', 'outputs = ["y", "z"]')
    assert sides.lab.read_text(encoding="utf-8") == wanted


@pytest.mark.parametrize("known", [True, False], ids=["imported", "not imported"])
@pytest.mark.parametrize("cache", [True, False], ids=["remembered", "forgotten"])
@pytest.mark.parametrize("whole", [True, False], ids=["all metadata gone", "the cells' gone"])
def test_a_cleaned_notebook_is_still_the_labs(known: bool, cache: bool, whole: bool, sides: Sides) -> None:
    """As `nb-clean` and `nbconvert --ClearMetadataPreprocessor.enabled=True` leave it."""
    if known:
        sides.imported()
    if not cache:
        without_what_is_remembered()
    book = json.loads(sides.notebook.read_text(encoding="utf-8"))
    for cell in book["cells"]:
        cell["metadata"] = {}
    if whole:
        book["metadata"] = {}
    sides.notebook.write_text(json.dumps(book), encoding="utf-8")
    assert sides.rows() == []
    sides.imported()
    assert sides.lab.read_text(encoding="utf-8") == LAB
    sides.in_notebook("y = x", "y = x + 1")
    sides.in_file("y + q", "y - q")
    sides.in_file("Load it", "Load that")
    assert sides.rows() == [("edited", "prep", "file"), ("edited", "mid", "cell"), ("edited", "tell", "file")]
    sides.imported()
    wanted = LAB.replace("y = x", "y = x + 1").replace("y + q", "y - q").replace("Load it", "Load that")
    assert sides.lab.read_text(encoding="utf-8") == wanted


def test_what_papermill_injected_is_what_the_lab_is_given(sides: Sides) -> None:
    sides.cells(
        lambda cells: inserted(cells, 3, "i", "# Parameters\np = 7\nz = 1\n", tags=["injected-parameters"])
    )
    assert sides.rows() == [("left_out", "", "cell"), ("params", "", "cell")]
    found = sides.imported()
    assert found["lab"]["params"] == {"p": 7, "q": 2}
    assert [stage["id"] for stage in found["stages"]] == ["prep", "mid", "tell"]


def test_a_stage_renamed_in_the_file_is_the_one_of_its_cell(sides: Sides) -> None:
    sides.in_file('id = "mid"', 'id = "middle"')
    sides.in_notebook("y = x", "y = x + 1")
    assert sides.rows() == [("edited", "mid", "cell"), ("renamed", "mid", "file")]
    sides.imported()
    wanted = LAB.replace('"mid"', '"middle"').replace("y = x", "y = x + 1")
    assert sides.lab.read_text(encoding="utf-8") == wanted
    sides.in_notebook("y = x + 1", "y = x + 2")
    assert sides.imported()["stages"][1]["code"] == "y = x + 2"


def test_a_stage_renamed_in_its_first_line_is_called_so_by_the_others(sides: Sides) -> None:
    sides.in_notebook("%%stage prep", "%%stage first")
    sides.imported()
    wanted = LAB.replace('"prep"', '"first"').replace("{ prep =", "{ first =")
    assert sides.lab.read_text(encoding="utf-8") == wanted
    assert sides.rows() == []


def test_a_stage_of_a_plain_cell_that_is_deleted_in_the_file_stays_away(sides: Sides) -> None:
    sides.cells(lambda cells: inserted(cells, -1, "z", "z = 1"))
    assert sides.imported()["stages"][-1] == {"id": "cell", "code": "z = 1"}
    sides.in_file("Load it", "Load that")
    sides.imported()
    edited = LAB.replace("Load it", "Load that")
    assert sides.lab.read_text(encoding="utf-8") != edited
    sides.lab.write_text(edited.replace("y + q", "y - q"), encoding="utf-8")
    with pytest.raises(AgiError, match="were edited in the same places") as refused:
        sides.imported()  # who puts back what was before that import and edits something else may mean either
    found = "cell: added in the notebook, and gone from lab_stages.toml again"
    assert refused.value.found == found
    sides.imported("file")
    sides.in_file("y - q", "y * q")
    assert ("deleted", "cell", "file") in sides.rows()
    sides.imported()
    assert sides.lab.read_text(encoding="utf-8") == edited.replace("y + q", "y * q")


def test_a_plain_cell_stays_its_stage_wherever_others_come(sides: Sides) -> None:
    sides.cells(lambda cells: inserted(cells, -1, "one", "one = 1"))
    sides.imported()
    sides.in_file('code = "one = 1"', 'code = "one = 1"\noutputs = ["one"]\nretries = 3')
    sides.cells(lambda cells: inserted(cells, -2, "zero", "zero = 0"))
    (zero, one) = sides.imported()["stages"][-2:]
    assert one == {"id": "cell", "code": "one = 1", "outputs": ["one"], "retries": 3}
    assert zero == {"id": "cell-2", "code": "zero = 0"}
    sides.in_notebook("one = 1", "one = 11")
    sides.in_notebook("zero = 0", "zero = 00")
    assert sides.rows() == [("edited", "cell-2", "cell"), ("edited", "cell", "cell")]
    (zero, one) = sides.imported()["stages"][-2:]
    assert (zero["code"], one["code"]) == ("zero = 00", "one = 11")


def test_another_plain_cell_in_its_place_is_another_stage(sides: Sides) -> None:
    sides.cells(lambda cells: inserted(cells, -1, "one", "one = 1"))
    sides.imported()
    sides.in_file('code = "one = 1"', 'code = "one = 1"\noutputs = ["one"]')
    sides.without("one")
    sides.cells(lambda cells: inserted(cells, -1, "two", "two = 2"))
    assert ("both", "cell", "undecided") in sides.rows(), "deleted there and edited here"
    assert sides.imported("notebook")["stages"][-1] == {"id": "cell", "code": "two = 2"}


def test_what_cannot_be_read_and_words_that_are_gone_change_nothing(sides: Sides) -> None:
    """Metadata has what was exported, which is not what the notebook gave the lab since."""
    sides.in_notebook("p = 1", "p = 10")
    sides.in_notebook("## Load it", "## Load that")
    sides.in_notebook("%%stage mid: x", "%%stage mid: x, q")
    sides.imported()
    said = sides.lab.read_text(encoding="utf-8")
    assert said != LAB
    sides.in_notebook("p = 10", "p = open()")
    sides.in_notebook("%%stage mid: x", "%%stage mid:: x")
    sides.without("prep-text")
    assert sides.rows() == [
        ("unreadable", "", "metadata"),
        ("text", "prep", "metadata"),
        ("unreadable", "mid", "metadata"),
    ]
    sides.imported()
    assert sides.lab.read_text(encoding="utf-8") == said
    sides.in_notebook("p = open()", "p = 12")
    assert sides.imported()["lab"]["params"]["p"] == 12


def test_tables_in_tables_are_joined_entry_by_entry(tmp_path: Path) -> None:
    said = LAB + '\n[[stages]]\nid = "call"\napp = "an_app"\nargs = { m = { a = 1, b = 2 }, n = 3 }\n'
    sides = made(tmp_path, said)
    sides.in_notebook("m = {'a': 1, 'b': 2}\nn = 3", "m = {'a': 10, 'b': 20}\nn = 3")
    sides.in_file("b = 2 }, n = 3", "b = 5, c = 6 }, n = 4")
    with pytest.raises(AgiError) as refused:
        sides.imported()
    assert refused.value.found == "call: its args m.b: edited in the notebook and in lab_stages.toml"
    assert sides.imported("file")["stages"][-1]["args"] == {"m": {"a": 10, "b": 5, "c": 6}, "n": 4}


@pytest.mark.parametrize("whole", [True, False], ids=["all metadata gone", "the cells' gone"])
def test_a_cleaned_notebook_keeps_its_stages_of_text(whole: bool, tmp_path: Path) -> None:
    intro = '[[stages]]\nid = "intro"\ntitle = "Introduction"\ndescription = "Long."\nquestion = "Why?"\n\n'
    note = '[[stages]]\nid = "note"\nruntime = "none"\ntags = ["a"]\n\n'
    said = (
        LAB.replace("# words\n", f"{intro}{note}# words\n")
        + "\n"
        + intro.replace("intro", "coda").rstrip()
        + "\n"
    )
    sides = made(tmp_path, said)
    book = json.loads(sides.notebook.read_text(encoding="utf-8"))
    for cell in book["cells"]:
        cell["metadata"] = {}
    if whole:
        book["metadata"] = {}
    sides.notebook.write_text(json.dumps(book), encoding="utf-8")
    assert sides.rows() == []
    sides.in_notebook("## note", "## Take note")
    sides.imported()
    wanted = said.replace('tags = ["a"]', 'tags = ["a"]\ntitle = "Take note"')
    assert tomllib.loads(sides.lab.read_text(encoding="utf-8")) == tomllib.loads(wanted)


def test_a_whole_number_that_lost_its_point_on_the_way_is_no_edit(tmp_path: Path) -> None:
    """Jupyter's page keeps numbers as JavaScript does."""
    said = LAB + "extra = { x = 1.0, y = [2.0, 3] }\n"
    sides = made(tmp_path, said)
    book = sides.notebook.read_text(encoding="utf-8")
    saved = re.sub(r"(\d)\.0\b(?=[,\n])", r"\1", book)
    assert saved != book
    sides.notebook.write_text(saved, encoding="utf-8")
    sides.in_notebook("y + q", "y - q")
    sides.imported()
    assert sides.lab.read_text(encoding="utf-8") == said.replace("y + q", "y - q")
