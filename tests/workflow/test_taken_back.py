"""A lab that was put back to what it was before an import: what that brought in comes in again."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from agi_node.errors import AgiError
from tests.workflow.test_asked_once import LAB, inserted, without_what_is_remembered
from tests.workflow.test_joined import FOUR, Sides, made


@pytest.fixture
def sides(tmp_path: Path) -> Sides:
    return made(tmp_path, LAB)


def edited(sides: Sides) -> str:
    """Edit both cells and params of the notebook and import it; what the lab says then."""
    sides.in_notebook("y = x", "y = x + 1")
    sides.in_notebook("p = 1", "p = 10")
    sides.imported()
    said = sides.lab.read_text(encoding="utf-8")
    assert said == LAB.replace('"y = x"', '"y = x + 1"').replace("p = 1", "p = 10")
    return said


@pytest.mark.parametrize("cache", [True, False], ids=["remembered", "export forgotten"])
def test_who_does_as_the_import_says_can_import_again(cache: bool, sides: Sides) -> None:
    if not cache:
        without_what_is_remembered()
    said = edited(sides)
    for _ in range(3):
        sides.lab.with_name("lab_stages.toml.bak").replace(sides.lab)
        assert sides.rows() == [("params", "", "cell"), ("edited", "mid", "cell")]
        sides.imported()
        assert sides.lab.read_text(encoding="utf-8") == said
        assert sides.rows() == []


def test_each_version_of_the_file_is_the_one_that_its_import_left(sides: Sides) -> None:
    """As `git checkout` and `git stash` bring them back, one after the other."""
    versions = [LAB]
    for number in range(1, 5):
        sides.in_notebook("y + q" if number == 1 else f"y + {number - 1}", f"y + {number}")
        sides.in_file(f"p = {number}", f"p = {number + 1}")
        versions.append(sides.lab.read_text(encoding="utf-8"))
        sides.imported()
        versions.append(sides.lab.read_text(encoding="utf-8"))
    for version in versions[::-1] + versions:
        sides.lab.write_text(version, encoding="utf-8")
        before = tomllib.loads(version)
        found = sides.imported()
        assert found["stages"][2]["code"] == "y + 4"
        assert found["lab"] == before["lab"], "what the notebook never edited is the file's"


def test_what_a_run_wrote_meanwhile_is_no_edit(sides: Sides) -> None:
    edited(sides)
    last = '\n[stages.last_run]\nrun = "r"\nstatus = "succeeded"\nat = "2026-11-26T19:25:27Z"\n'
    sides.lab.write_text(LAB + last, encoding="utf-8")
    assert sides.rows() == [("params", "", "cell"), ("edited", "mid", "cell")]
    assert sides.imported()["stages"][1]["code"] == "y = x + 1"


def test_stages_that_came_and_went_come_and_go_again(sides: Sides) -> None:
    sides.cells(lambda cells: inserted(cells, -1, "z", "%%stage more: y\ny"))
    sides.without("prep", "prep-text")
    first = sides.imported()
    assert [stage["id"] for stage in first["stages"]] == ["mid", "tell", "more"]
    sides.lab.write_text(LAB, encoding="utf-8")
    assert sides.imported() == first


def test_a_decision_is_taken_back_with_the_rest(sides: Sides) -> None:
    sides.in_file('"y = x"', '"y = x * 2"')
    before = sides.lab.read_text(encoding="utf-8")
    sides.in_notebook("y = x", "y = x + 1")
    sides.in_notebook("p = 1", "p = 10")
    decided = sides.imported("file")
    assert sides.rows() == [("edited", "mid", "file")]
    sides.lab.write_text(before, encoding="utf-8")
    with pytest.raises(AgiError, match="were edited in the same places"):
        sides.imported()
    assert sides.imported("file") == decided


@pytest.mark.parametrize("prefer", ["notebook", "file"])
def test_who_puts_it_back_and_edits_something_else_is_asked_once(prefer: str, sides: Sides) -> None:
    said = edited(sides)
    sides.lab.write_text(LAB + FOUR, encoding="utf-8")
    with pytest.raises(AgiError) as refused:
        sides.imported()
    assert refused.value.code == "AGI-STAGE-067"
    assert refused.value.found == (
        "the lab's params p: edited in the notebook, and lab_stages.toml has it as before its import; "
        "mid: its code: edited in the notebook, and lab_stages.toml has it as before its import"
    )
    assert sides.lab.read_text(encoding="utf-8") == LAB + FOUR
    sides.imported("notebook" if prefer == "notebook" else "file")
    wanted = (said if prefer == "notebook" else LAB) + FOUR
    assert sides.lab.read_text(encoding="utf-8") == wanted
    sides.in_file('"4"', '"44"')
    sides.imported()
    assert sides.lab.read_text(encoding="utf-8") == wanted.replace('"4"', '"44"'), "and not again"


def test_one_edit_of_several_taken_back_in_the_file_is_the_files(sides: Sides) -> None:
    said = edited(sides)
    sides.in_file('"y = x + 1"', '"y = x"')
    assert sides.rows() == [("edited", "mid", "file")]
    sides.imported()
    assert sides.lab.read_text(encoding="utf-8") == said.replace('"y = x + 1"', '"y = x"')


def test_a_notebook_that_is_put_back_too_gives_nothing(sides: Sides) -> None:
    book = sides.notebook.read_text(encoding="utf-8")
    edited(sides)
    sides.lab.write_text(LAB, encoding="utf-8")
    sides.notebook.write_text(book, encoding="utf-8")
    assert sides.rows() == []
    sides.imported()
    assert sides.lab.read_text(encoding="utf-8") == LAB


@pytest.mark.slow
def test_what_is_remembered_does_not_grow_for_ever(sides: Sides) -> None:
    from agilab.store.workspace import Workspace

    files = (Workspace.default().cache / "notebooks").glob("*.json")
    file = max(files, key=lambda one: one.stat().st_mtime_ns)
    for number in range(60):
        sides.in_notebook(
            f"x + {number}" if number else "y = x", f"y = x + {number + 1}"[0 if not number else 4 :]
        )
        sides.imported()
    assert len(json.loads(file.read_text(encoding="utf-8"))["imports"]) <= 40
    sides.lab.with_name("lab_stages.toml.bak").unlink()
    before = sides.lab.read_text(encoding="utf-8")
    sides.lab.write_text(before.replace("x + 60", "x + 59"), encoding="utf-8")
    assert sides.imported()["stages"][1]["code"] == "y = x + 60"


# -- names ---------------------------------------------------------------------------------------------------------


def test_an_edit_in_the_file_of_what_names_a_renamed_stage_is_no_clash(sides: Sides) -> None:
    sides.in_notebook("%%stage prep", "%%stage first")
    sides.in_file('{ prep = ["x"] }', '{ prep = ["x", "math"] }')
    sides.imported()
    wanted = LAB.replace('{ prep = ["x"] }', '{ first = ["x", "math"] }').replace('"prep"', '"first"')
    assert sides.lab.read_text(encoding="utf-8") == wanted
    assert sides.rows() == [("edited", "mid", "file")]


def test_a_stage_that_came_into_the_file_is_told_the_new_name_too(sides: Sides) -> None:
    sides.in_notebook("%%stage prep", "%%stage first")
    new = '\n[[stages]]\nid = "new"\nuses = { prep = ["x"] }\nneeds = ["prep"]\ncode = "x"\n'
    sides.lab.write_text(LAB + new, encoding="utf-8")
    assert [row for row in sides.rows() if row[1] == "new"] == [
        ("added", "new", "file"),
        ("renamed", "new", "cell"),
    ]
    new_stage = sides.imported()["stages"][-1]
    assert (new_stage["uses"], new_stage["needs"]) == ({"first": ["x"]}, ["first"])


@pytest.mark.parametrize("followed", [True, False])
def test_a_stage_renamed_in_the_file_is_named_so_by_new_cells(followed: bool, sides: Sides) -> None:
    said = LAB.replace('id = "prep"', 'id = "first"')
    whole = said.replace("{ prep", "{ first").replace('["prep"]', '["first"]')
    sides.lab.write_text(whole if followed else said, encoding="utf-8")
    sides.cells(lambda cells: inserted(cells, -1, "z", "%%stage more: x from prep\nx"))
    assert sides.imported()["stages"][-1]["inputs"] == [{"name": "x", "from": "first"}]
    more = '\n[[stages]]\nid = "more"\ncode = "x"\n\n[[stages.inputs]]\nname = "x"\nfrom = "first"\n'
    assert tomllib.loads(sides.lab.read_text(encoding="utf-8")) == tomllib.loads(whole + more)
    assert sides.rows() == [("renamed", "prep", "file")]


def test_two_names_that_changed_places_stay_apart(sides: Sides) -> None:
    said = LAB.replace('"prep"', '"one"').replace("{ prep", "{ one").replace('"mid"', '"prep"')
    sides.lab.write_text(said, encoding="utf-8")
    sides.in_notebook("y + q", "y - q")
    sides.imported()
    assert sides.lab.read_text(encoding="utf-8") == said.replace("y + q", "y - q")


def test_a_name_that_another_stage_has_by_now_is_of_the_one_that_was_meant(sides: Sides) -> None:
    """What was exported names stages as they were called then, and a new cell as they are called now."""
    sides.in_notebook("%%stage prep", "%%stage first")
    new = "%%stage prep: -> k\nk = 1"
    sides.cells(lambda cells: inserted(cells, -1, "z", new))
    sides.cells(lambda cells: inserted(cells, -1, "zz", "%%stage last: k from prep\nk"))
    _, mid, _, _, last = sides.imported()["stages"]
    assert (mid["needs"], mid["uses"]) == (["first"], {"first": ["x"]})
    assert last["inputs"] == [{"name": "k", "from": "prep"}]
    assert sides.rows() == []


def test_stages_that_change_names_in_the_notebook_are_still_meant(sides: Sides) -> None:
    sides.in_notebook("%%stage prep", "%%stage third")
    sides.in_notebook("%%stage mid", "%%stage prep")
    sides.in_notebook("%%stage third", "%%stage mid")
    one, two, _ = sides.imported()["stages"]
    assert (one["id"], two["id"]) == ("mid", "prep")
    assert (two["needs"], two["uses"]) == (["mid"], {"mid": ["x"]})
