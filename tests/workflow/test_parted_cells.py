"""Cells that Jupyter merges, and splits with their metadata copied: which stages they are, and what stays with which.

How JupyterLab does both: https://github.com/jupyterlab/jupyterlab/blob/4.x/packages/notebook/src/actions.tsx
(`mergeCells` joins the texts with a blank line and keeps the metadata of the active cell, `splitCell` copies it to each
part; all get new ids).
"""

from __future__ import annotations

import copy
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agilab.contracts.lab_stages import Stage
from agilab.notebooks.inspecting import inspect
from agilab.notebooks.supervisor.split import held_together, rewired

from .test_joined import Cells, Sides, made

LAB = '''\
schema = "agilab.lab_stages.v2"

[lab]
params = { n = 3 }

[[stages]]
id = "load"
title = "Load it"
description = "Words of load."
question = "Really?"
inputs = ["n"]
outputs = ["table", "top", "out/a.csv"]
retries = 2
code = """
import os

def f(x):
    return [x]

table = f(n)

os.makedirs('out')
top = f(len(table))
open('out/a.csv', 'w').write(str(top))
"""

[[stages]]
id = "up"
title = "Up!"
inputs = ["table", { name = "top", from = "load" }]
outputs = ["all"]
uses = { load = ["f"] }
needs = ["load"]
code = "all = [str(x) for x in table + f(top)]"

[[stages]]
id = "walk"
question = "For each?"
foreach = { one = "all" }
inputs = ["table"]
outputs = ["r"]
retries = 1
code = "r = one + str(table)\\n"
'''
SPLIT = "os.makedirs"
Change = Callable[[Cells], None]


@pytest.fixture
def lab(tmp_path: Path) -> Sides:
    return made(tmp_path, LAB)


def text(cell: dict[str, Any]) -> str:
    return "".join(cell["source"])


def splitting(begin: str, line: str = "") -> Change:
    """Split the cell with such a line there, as JupyterLab does; then write a first line into the new cell."""

    def change(cells: Cells) -> None:
        (at,) = [n for n, cell in enumerate(cells) if f"\n{begin}" in text(cell)]
        above, found, below = text(cells[at]).partition(f"\n{begin}")
        new = copy.deepcopy(cells[at])
        cells[at] |= {"id": f"{cells[at]['id']}-above", "source": above.rstrip("\n")}
        source = "\n".join(filter(None, [line, (found + below).strip("\n")]))
        cells.insert(at + 1, new | {"id": f"{new['id']}-below", "source": source})

    return change


def merging(first: str, last: str, *, active: str) -> Change:
    def change(cells: Cells) -> None:
        names = [cell["id"] for cell in cells]
        at, end = names.index(first), names.index(last)
        merged = copy.deepcopy(cells[names.index(active)])
        merged |= {"id": "merged", "source": "\n\n".join(text(cell) for cell in cells[at : end + 1])}
        cells[at : end + 1] = [merged]

    return change


def stages(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {stage["id"]: stage for stage in document["stages"]}


# -- merged -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("active", ["up", "walk"])
def test_merged_cells_are_the_stages_that_they_were(lab: Sides, active: str) -> None:
    before = lab.lab.read_bytes()
    lab.cells(merging("up", "walk", active=active))
    assert not lab.rows(), "nothing was changed"
    lab.imported()
    assert lab.lab.read_bytes() == before


def test_words_between_merged_cells_are_still_those_of_their_stage(lab: Sides) -> None:
    lab.cells(merging("load", "walk", active="load"))
    lab.in_notebook("## Up!", "## Upper\n\nIt isn't code: no.")
    now = stages(lab.imported())
    assert (now["up"]["title"], now["up"]["description"]) == ("Upper", "It isn't code: no.")
    assert now["load"]["code"].endswith("write(str(top))\n")
    assert now["walk"] == stages_of(LAB)["walk"]


def stages_of(said: str) -> dict[str, dict[str, Any]]:
    return stages(tomllib.loads(said))


def test_a_comment_that_looks_like_a_heading_stays_where_code_follows(lab: Sides) -> None:
    lab.without("walk-text")
    lab.cells(merging("up", "walk", active="up"))
    lab.in_notebook("for x in table + f(top)]", "for x in table + f(top)]\n\n## once more\nall += all")
    assert stages(lab.imported())["up"]["code"].endswith("\n\n## once more\nall += all")


def test_merged_cells_can_be_edited_at_once(lab: Sides) -> None:
    lab.cells(merging("up", "walk", active="walk"))
    lab.in_notebook("r = one", "r = 2 * one")
    lab.in_notebook("%%stage walk: table", "%%stage stroll: table, top")
    now = stages(lab.imported())
    assert list(now) == ["load", "up", "stroll"]
    assert now["stroll"]["question"] == "For each?"
    assert now["stroll"]["inputs"] == ["table", "top"]
    assert now["stroll"]["foreach"] == {"one": "all"}
    assert now["stroll"]["code"] == "r = 2 * one + str(table)\n"
    assert "stage" not in now["up"]["code"]


@pytest.mark.parametrize("source", ["'''\n%%stage x: a -> b\n'''", '"""\n!it\'s\n%%stage x\n"""\n%time 1'])
def test_a_text_that_has_such_a_line_is_a_text(lab: Sides, source: str) -> None:
    lab.in_notebook("r = one", f"said = {source}\nr = one")
    now = stages(lab.imported())
    assert list(now) == ["load", "up", "walk"]
    assert f"said = {source}\n" in now["walk"]["code"]


def test_a_blank_line_above_the_first_line_is_none_of_the_code(lab: Sides) -> None:
    before = lab.lab.read_bytes()
    lab.in_notebook("%%stage walk", "\n\n%%stage walk")
    assert not lab.rows()
    lab.imported()
    assert lab.lab.read_bytes() == before


def test_a_line_that_cannot_be_read_is_told_with_its_cell_and_stands_as_a_comment(lab: Sides) -> None:
    lab.cells(merging("up", "walk", active="up"))
    lab.in_notebook("%%stage walk: table", "%%stage : table")
    rows = lab.rows()
    assert ("unreadable", "", "metadata") in rows
    code = stages(lab.imported())["cell"]["code"]
    assert code.startswith("# %%stage : table")
    compile(code, "cell", "exec")


def test_no_magic_is_told_of_a_merged_cell(lab: Sides) -> None:
    lab.cells(merging("up", "walk", active="up"))
    assert not [one.what for one in inspect(lab.notebook).findings if one.code in ("NB-103", "NB-111")]


# -- split ------------------------------------------------------------------------------------------------------------


def test_a_split_stage_has_its_words_once_and_gives_each_thing_once(lab: Sides) -> None:
    lab.cells(splitting(SPLIT))
    rows = lab.rows()
    now = stages(lab.imported())
    assert list(now) == ["load", "load-2", "up", "walk"]
    first, second = now["load"], now["load-2"]
    assert (first["outputs"], second["outputs"]) == (["table"], ["top", "out/a.csv"])
    assert second["inputs"] == ["table"]
    assert {name: set(names) for name, names in second["uses"].items()} == {"load": {"f", "os"}}
    assert [first[name] for name in ("title", "description", "question")] == [
        "Load it",
        "Words of load.",
        "Really?",
    ]
    assert second.keys() == {"id", "inputs", "outputs", "uses", "retries", "code"}
    assert now["up"]["inputs"] == ["table", {"name": "top", "from": "load-2"}]
    assert now["up"]["uses"] == {"load": ["f"]}
    assert now["up"]["needs"] == ["load", "load-2"]
    assert ("added", "load-2", "cell") in rows
    assert not lab.rows(), "it is not told again"


def test_the_parts_run_apart_as_they_did_together(lab: Sides) -> None:
    """By hand, each part in a namespace of its own with what it takes: `[3]`, and `f(1)`."""
    lab.cells(splitting("top = "))
    given: dict[str, Any] = {"n": 3}
    for stage in list(stages(lab.imported()).values())[:2]:
        lent = {
            f"def {one}": given[f"def {one}"] for names in stage.get("uses", {}).values() for one in names
        }
        space = {one: given[one] for one in stage["inputs"]}
        space |= {one.removeprefix("def "): what for one, what in lent.items()}
        code = "\n".join(line for line in stage["code"].split("\n") if not line.startswith(("os.", "open(")))
        exec(code, space)
        given |= {one: space[one] for one in stage["outputs"] if "/" not in one}
        given |= {f"def {one}": space[one] for one in ("f", "os") if one in space}
    assert (given["table"], given["top"]) == ([3], [1])


def test_a_value_that_a_part_changes_is_given_by_that_part_again(lab: Sides) -> None:
    lab.in_notebook("top = f(len(table))", "table.append(1)\ntop = f(len(table))")
    lab.cells(splitting(SPLIT))
    now = stages(lab.imported())
    assert now["load"]["outputs"] == ["table"]
    assert now["load-2"]["outputs"] == ["table", "top", "out/a.csv"]


def test_a_part_of_a_walked_stage_walks_too(lab: Sides) -> None:
    lab.in_notebook("r = one", "half = one\n\nr = half")
    lab.cells(splitting("r = half"))
    now = stages(lab.imported())
    assert now["walk-2"]["foreach"] == now["walk"]["foreach"] == {"one": "all"}
    assert now["walk"]["outputs"] == ["half"]
    assert set(now["walk-2"]["inputs"]) == {"half", "table"}
    assert (now["walk-2"]["retries"], "question" in now["walk-2"]) == (1, False)


def test_a_first_line_that_somebody_writes_into_the_new_cell_counts(lab: Sides) -> None:
    lab.cells(splitting(SPLIT, "%%stage late: table -> top, out/a.csv"))
    now = stages(lab.imported())
    assert list(now) == ["load", "late", "up", "walk"]
    assert now["load"]["outputs"] == ["table"]
    assert now["late"]["outputs"] == ["top", "out/a.csv"]
    assert set(now["late"]["uses"]["load"]) == {"f", "os"}
    assert not {"title", "description", "question"} & now["late"].keys()
    assert now["up"]["inputs"][1]["from"] == "late"


@pytest.mark.parametrize("is_imported", [True, False])
def test_deleting_the_second_part_leaves_the_first(lab: Sides, is_imported: bool) -> None:
    lab.cells(splitting(SPLIT))
    if is_imported:
        lab.imported()
    lab.without("load-below")
    now = stages(lab.imported())
    assert list(now) == ["load", "up", "walk"]
    assert now["load"]["description"] == "Words of load."
    assert now["load"]["code"].rstrip().endswith("table = f(n)")


@pytest.mark.parametrize("is_imported", [True, False])
def test_deleting_the_first_part_leaves_the_second_all_that_it_gives(lab: Sides, is_imported: bool) -> None:
    lab.cells(splitting(SPLIT))
    if is_imported:
        lab.imported()
        lab.in_file('id = "load-2"\n', 'id = "load-2"\ntimeout = 9.0\n')
    lab.without("load-above")
    now = stages(lab.imported())
    assert list(now) == ["load-2" if is_imported else "load", "up", "walk"]
    left = next(iter(now.values()))
    assert {"top", "out/a.csv"} <= set(left["outputs"])
    assert left["description"] == "Words of load.", "they stand above its cell"
    assert left.get("timeout") == (9.0 if is_imported else None)


def test_a_split_stage_whose_part_is_no_python_keeps_what_it_gives(lab: Sides) -> None:
    lab.cells(splitting(SPLIT))
    lab.in_notebook("top = f(len(table))", "top = f(len(table)")
    now = stages(lab.imported())
    assert now["load"]["outputs"] == ["table", "top", "out/a.csv"]
    assert "outputs" not in now["load-2"]


def test_magics_do_not_keep_anybody_from_telling_who_gives_what(lab: Sides) -> None:
    lab.in_notebook("import os\n", "%matplotlib inline\nimport os\n")
    lab.cells(splitting(SPLIT))
    assert stages(lab.imported())["load-2"]["outputs"] == ["top", "out/a.csv"]


def test_a_copy_whose_code_is_as_it_was_is_a_copy(lab: Sides) -> None:
    def copied(cells: Cells) -> None:
        (at,) = [n for n, cell in enumerate(cells) if cell["id"] == "load"]
        cells.insert(at + 1, copy.deepcopy(cells[at]) | {"id": "again"})

    lab.cells(copied)
    now = stages(lab.imported())
    assert now["load-2"]["outputs"] == now["load"]["outputs"]
    assert now["load-2"]["code"] == now["load"]["code"]


def test_a_merged_stage_that_is_edited_later_is_no_clash(lab: Sides) -> None:
    """Its code ends with a line end in the file, which a cell without metadata does not say."""
    lab.cells(merging("up", "walk", active="up"))
    lab.imported()
    lab.in_notebook("r = one", "r = 2 * one")
    assert stages(lab.imported())["walk"]["code"] == "r = 2 * one + str(table)\n"
    lab.without("merged", "up-text")
    assert list(stages(lab.imported())) == ["load"]


@pytest.mark.parametrize(
    ("above", "below", "told"),
    [
        ("import random\nrandom.seed(5)", "x = random.random()", "`random.seed(5)` of draw"),
        ("rows = [1]\nalso = rows", "also.append(2)\nx = rows", "share what is changed in place later"),
        ("import random", "x = random.random()", ""),
    ],
)
def test_parts_that_do_not_do_apart_what_they_did_as_one_are_told(above: str, below: str, told: str) -> None:
    parts = [Stage(id="draw", code=above), Stage(id="draw-2", code=below)]
    found = [(part.id, why) for part, why in held_together(parts)]
    assert [part for part, _ in found] == ["draw-2"] * bool(told)
    assert all(told in why for _, why in found)


DB = "import sqlite3\n{}sqlite3.connect('a.db').execute('{}')"


def split_in(*codes: str) -> list[Stage]:
    whole = Stage(id="a", code="\n\n".join(codes), outputs=("x",))
    parts = [Stage(id=f"a-{n}" if n > 1 else "a", code=code) for n, code in enumerate(codes, 1)]
    return rewired(whole, [parts[0].with_changes(outputs=("x",)), *parts[1:]], {part.id for part in parts})


@pytest.mark.parametrize(
    "above",
    [
        "class P:\n    n = 3\np = P()",
        "from collections import namedtuple\nP = namedtuple('P', 'n')\np = P(3)",
        "import enum\nP = enum.Enum('P', 'n')\np = P.n",
        "from dataclasses import dataclass\n@dataclass\nclass P:\n    n: int = 3\np = P()",
        "from typing import NamedTuple\nclass P(NamedTuple):\n    n: int\np = [P(3)][0]",
    ],
)
def test_a_part_has_the_class_of_an_object_that_it_takes(above: str) -> None:
    _, below = split_in(above, "x = p.n")
    assert (below.inputs, below.uses) == (("p",), {"a": ("P",)})
    _, below = split_in(above, "x = P and p.n")
    assert (below.inputs, below.uses) == (("p",), {"a": ("P",)})


@pytest.mark.parametrize(
    ("name", "written", "goes_on", "read"),
    [
        (
            "y.txt",
            "open('y.txt', 'w').write('a')",
            "open('y.txt', 'a').write('b')",
            "x = open('y.txt').read()",
        ),
        (
            "a.db",
            DB.format("", "create table t(a)"),
            DB.format("", "insert into t values (3)"),
            DB.format("x = ", "select 1"),
        ),
    ],
)
def test_a_file_that_a_part_goes_on_with_is_its_own_for_those_below(
    name: str, written: str, goes_on: str, read: str
) -> None:
    first, second, third = split_in(written, goes_on, read)
    assert (first.inputs, first.outputs) == ((), (name,))
    assert (second.inputs, second.outputs) == ((name,), (name,))
    assert third.inputs == (name,)
    assert "x" in third.outputs
