"""A lab and its notebook that were edited both: nothing of either side is gone without a row that names it."""

from __future__ import annotations

import copy
import json
import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import pytest

from agi_node.errors import AgiError
from agilab.contracts.base import parse_document, read_document
from agilab.contracts.lab_stages import LabStages
from agilab.notebooks.reading import read
from agilab.notebooks.supervisor.changes import Change
from agilab.notebooks.supervisor.export import notebook_of, text
from agilab.notebooks.supervisor.read_back import ReadBack, read_back
from agilab.workflow.notebooks.exporting import export_lab, round_trip
from agilab.workflow.notebooks.importing import write_import
from agilab.workflow.notebooks.joined import joined
from agilab.workflow.notebooks.preview import beside_what_is_there, preview_import, toml_of
from agilab.workflow.notebooks.three_ways import Side

TWO = """\
schema = "agilab.lab_stages.v2"

[lab]
title = "Two people"
params = { n = 3, m = 1 }

# a comment of one of them
[[stages]]
id = "one"
inputs = ["n"]
outputs = ["a"]
code = "a = n"

[[stages]]
id = "two"
inputs = ["a"]
outputs = ["b"]
question = "Twice?"
code = "b = 2 * a"

[[stages]]
id = "tell"
inputs = ["b"]
code = "b"
"""
Cells = list[dict[str, Any]]


@dataclass
class Sides:
    """A lab in a folder, and the notebook that was made of it."""

    lab: Path
    notebook: Path

    def in_file(self, old: str, new: str) -> None:
        said = self.lab.read_bytes().decode()
        assert said.count(old) == 1
        self.lab.write_bytes(said.replace(old, new).encode())

    def in_notebook(self, old: str, new: str) -> None:
        def change(cells: Cells) -> None:
            (cell,) = [cell for cell in cells if old in "".join(cell["source"])]
            cell["source"] = "".join(cell["source"]).replace(old, new)

        self.cells(change)

    def cells(self, change: Callable[[Cells], None]) -> None:
        book = json.loads(self.notebook.read_text(encoding="utf-8"))
        change(book["cells"])
        self.notebook.write_text(json.dumps(book), encoding="utf-8")

    def without(self, *names: str) -> None:
        self.cells(lambda cells: cells.__setitem__(slice(None), [c for c in cells if c["id"] not in names]))

    def rows(self, prefer: Side | None = None) -> list[tuple[str, str, str]]:
        preview = beside_what_is_there(preview_import([self.notebook]), self.lab.parent, prefer=prefer)
        return [(one["kind"], one["stage"], one["won"]) for one in preview.back]

    def imported(self, prefer: Side | None = None) -> dict[str, Any]:
        preview = beside_what_is_there(preview_import([self.notebook]), self.lab.parent, prefer=prefer)
        write_import(preview, self.lab.parent, lock=False)
        found: dict[str, Any] = tomllib.loads(self.lab.read_text(encoding="utf-8"))
        return found

    def backups(self) -> list[str]:
        return sorted(path.name for path in self.lab.parent.glob("*.bak*"))


def made(folder: Path, said: str = TWO) -> Sides:
    lab = folder / "lab_stages.toml"
    lab.write_bytes(said.encode())
    exported = export_lab(read_document(lab, LabStages), lab, folder / "n.ipynb")
    return Sides(lab, exported.path)


@pytest.fixture
def sides(tmp_path: Path) -> Sides:
    return made(tmp_path)


def codes(document: dict[str, Any]) -> dict[str, str]:
    return {stage["id"]: stage.get("code", "") for stage in document["stages"]}


FOUR = '\n[[stages]]\nid = "four"\ncode = "4"\n'


def test_what_one_side_changed_is_taken_from_there(sides: Sides) -> None:
    sides.lab.write_text(sides.lab.read_text() + FOUR)
    sides.in_file('"b = 2 * a"', '"b = a + a"')
    sides.in_file("m = 1", "m = 9, k = 2")
    sides.in_notebook("a = n", "a = n + 1")
    sides.in_notebook("n = 3", "n = 5")
    assert sides.rows() == [
        ("params", "", "cell"),
        ("edited", "one", "cell"),
        ("edited", "", "file"),
        ("edited", "two", "file"),
        ("added", "four", "file"),
    ]
    found = sides.imported()
    assert codes(found) == {"one": "a = n + 1", "two": "b = a + a", "tell": "b", "four": "4"}
    assert found["lab"]["params"] == {"n": 5, "m": 9, "k": 2}
    assert "# a comment of one of them" in sides.lab.read_text()
    before = sides.lab.read_bytes()
    assert sides.imported() == found, "once more changes nothing"
    assert sides.lab.read_bytes() == before
    assert sides.backups() == ["lab_stages.toml.bak"], "and keeps nothing of what it did not write"


def test_what_both_changed_is_refused_until_somebody_decides(sides: Sides) -> None:
    sides.in_file('"b = 2 * a"', '"b = a + a"')
    sides.in_notebook("b = 2 * a", "b = a << 1")
    before = sides.lab.read_bytes()
    with pytest.raises(AgiError, match="were edited in the same places") as refused:
        write_import(preview_import([sides.notebook]), sides.lab.parent, lock=False)
    assert (refused.value.code, refused.value.exit_code) == ("AGI-STAGE-067", 1)
    assert refused.value.found == "two: its code: edited in the notebook and in lab_stages.toml"
    assert sides.lab.read_bytes() == before
    assert sides.backups() == []
    assert ("both", "two", "file") in sides.rows("file")
    assert codes(sides.imported("file"))["two"] == "b = a + a"
    assert "both" not in [kind for kind, _, _ in sides.rows()], "what was decided is not asked again"
    assert codes(sides.imported("notebook"))["two"] == "b = a + a", "nor decided otherwise by the way"


def test_what_both_changed_is_the_notebooks_where_somebody_says_so(sides: Sides) -> None:
    sides.in_file('"b = 2 * a"', '"b = a + a"')
    sides.in_notebook("b = 2 * a", "b = a << 1")
    assert ("both", "two", "cell") in sides.rows("notebook")
    assert codes(sides.imported("notebook"))["two"] == "b = a << 1"
    assert sides.rows() == []


def test_both_changing_it_alike_is_no_clash(sides: Sides) -> None:
    sides.in_file('"b = 2 * a"', '"b = a + a"')
    sides.in_notebook("b = 2 * a", "b = a + a")
    before = sides.lab.read_bytes()
    assert codes(sides.imported())["two"] == "b = a + a"
    assert sides.lab.read_bytes() == before


def test_a_stage_whose_cells_are_gone_is_named_and_goes(sides: Sides) -> None:
    sides.without("two", "two-text")
    assert sides.rows() == [("deleted", "two", "cell")]
    assert list(codes(sides.imported())) == ["one", "tell"]


def test_a_code_cell_that_is_gone_is_named_and_its_words_stay(sides: Sides) -> None:
    sides.without("two")
    assert sides.rows() == [("deleted", "two", "cell")]
    found = sides.imported()
    assert found["stages"][1] == {"id": "two", "title": "two", "runtime": "none"}


def test_what_was_taken_over_once_is_no_clash_later(sides: Sides) -> None:
    sides.without("two")
    sides.in_notebook("%%stage one:", "%%stage first:")
    found = sides.imported()
    assert sides.imported() == found


def test_who_edits_and_imports_again_and_again_is_asked_nothing(sides: Sides) -> None:
    """The notebook remembers the lab of its export; what it gave the lab since is no edit of somebody else."""
    sides.lab.write_text(sides.lab.read_text() + FOUR)

    def added(cells: Cells) -> None:
        cells.insert(5, cell_of("code", "%%stage new: a\n1"))

    def moved(cells: Cells) -> None:
        (tell,) = [cell for cell in cells if cell["id"] == "tell"]
        cells.remove(tell)
        cells.insert(cells.index(next(cell for cell in cells if cell["id"] == "one")), tell)

    sides.cells(added)
    found: dict[str, Any] = {}
    for number in range(2, 5):
        sides.in_notebook("a = n" + f" + {number - 1}" * (number > 2), f"a = n + {number}")
        sides.in_notebook("n = 3" if number == 2 else f"n = {number + 9}", f"n = {number + 10}")
        sides.in_notebook("a\n1" + "0" * (number - 2), "a\n1" + "0" * (number - 1))
        if number == 3:
            sides.cells(moved)
        found = sides.imported()
        assert codes(found)["one"] == f"a = n + {number}"
        assert codes(found)["new"] == "1" + "0" * (number - 1)
        assert found["lab"]["params"] == {"n": number + 10, "m": 1}
    assert list(codes(found)) == ["tell", "four", "one", "new", "two"]
    sides.in_file("a = n + 4", "a = 7")
    sides.in_notebook("a = n + 4", "a = n + 5")
    with pytest.raises(AgiError, match="were edited in the same places"):
        sides.imported()


@pytest.mark.parametrize("gone", [("two", "two-text"), ("two",)])
@pytest.mark.parametrize("prefer", ["notebook", "file"])
def test_a_stage_that_one_deleted_and_another_edited_is_for_a_person(
    gone: tuple[str, ...], prefer: Side, sides: Sides
) -> None:
    sides.without(*gone)
    sides.in_file('"b = 2 * a"', '"b = a + a"')
    with pytest.raises(AgiError, match="were edited in the same places"):
        sides.imported()
    found = {stage["id"]: stage for stage in sides.imported(prefer)["stages"]}
    assert (found.get("two", {}).get("code") == "b = a + a") is (prefer == "file")
    assert ("two" in found) is (prefer == "file" or len(gone) == 1)


def test_a_stage_that_the_file_has_no_more_goes_unless_the_notebook_has_it_edited(sides: Sides) -> None:
    start = sides.lab.read_text().index('[[stages]]\nid = "two"')
    end = sides.lab.read_text().index('[[stages]]\nid = "tell"')
    sides.lab.write_text(sides.lab.read_text()[:start] + sides.lab.read_text()[end:])
    assert sides.rows() == [("deleted", "two", "file")]
    assert list(codes(sides.imported())) == ["one", "tell"]
    sides.in_notebook("b = 2 * a", "b = a << 1")
    assert ("both", "two", "undecided") in sides.rows()
    assert list(codes(sides.imported("notebook"))) == ["one", "two", "tell"]


def test_a_cell_that_lost_its_metadata_keeps_what_cells_do_not_say(sides: Sides) -> None:
    def retyped(cells: Cells) -> None:
        (cell,) = [cell for cell in cells if cell["id"] == "two"]
        cell |= {"metadata": {}, "id": "new", "source": "%%stage two: a -> b\nb = a << 1"}

    sides.cells(retyped)
    (_, two, _) = sides.imported()["stages"]
    assert two == {
        "id": "two",
        "inputs": ["a"],
        "outputs": ["b"],
        "code": "b = a << 1",
        "question": "Twice?",
    }


def test_two_stages_of_one_name_both_stay(sides: Sides) -> None:
    sides.lab.write_text(sides.lab.read_text() + FOUR)
    sides.in_notebook("%%stage two:", "%%stage four:")
    assert ("copied", "four-2", "file") in sides.rows()
    found = sides.imported()
    assert codes(found) == {"one": "a = n", "four": "b = 2 * a", "tell": "b", "four-2": "4"}
    assert sides.imported() == found


def test_the_order_is_that_of_who_moved_something(sides: Sides) -> None:
    parts = sides.lab.read_text().split("[[stages]]")
    sides.lab.write_text(
        "[[stages]]".join([parts[0], parts[2], parts[1] + "\n", parts[3], FOUR.split("]]")[1]])
    )

    def moved(cells: Cells) -> None:
        (tell,) = [cell for cell in cells if cell["id"] == "tell"]
        cells.remove(tell)
        cells.insert(3, tell)

    assert ("moved", "", "file") in sides.rows()
    assert list(codes(sides.imported())) == ["two", "one", "tell", "four"]
    sides.cells(moved)
    assert ("both", "", "undecided") in sides.rows()
    assert list(codes(sides.imported("notebook"))) == ["tell", "four", "one", "two"]


def test_another_lab_is_replaced_and_what_it_had_is_named(sides: Sides, tmp_path: Path) -> None:
    other = tmp_path / "other" / "lab_stages.toml"
    other.parent.mkdir()
    other.write_text(
        '[lab]\ntitle = "B"\n[[stages]]\nid = "one"\ncode = "1"\n[[stages]]\nid = "mine"\ncode = "2"\n'
    )
    preview = beside_what_is_there(preview_import([sides.notebook]), other.parent)
    assert [(one["kind"], one["stage"]) for one in preview.back] == [
        ("replaced", "one"),
        ("replaced", "mine"),
        ("replaced", ""),
    ]
    write_import(preview, other.parent, lock=False)
    assert list(codes(tomllib.loads(other.read_text()))) == ["one", "two", "tell"]


def test_a_copy_of_the_lab_elsewhere_is_still_that_lab(sides: Sides, tmp_path: Path) -> None:
    copied = tmp_path / "copy" / "lab_stages.toml"
    copied.parent.mkdir()
    copied.write_text(sides.lab.read_text() + FOUR)
    write_import(preview_import([sides.notebook]), copied.parent, lock=False)
    assert copied.read_text() == sides.lab.read_text() + FOUR


@pytest.mark.parametrize("edited", [False, True])
def test_line_ends_and_comments_of_the_file_stay(edited: bool, tmp_path: Path) -> None:
    sides = made(tmp_path, TWO.replace("\n", "\r\n"))
    before = sides.lab.read_bytes()
    if edited:
        sides.in_notebook("b = 2 * a", "b = a << 1")
    sides.imported()
    wanted = before.replace(b"b = 2 * a", b"b = a << 1") if edited else before
    assert sides.lab.read_bytes() == wanted


def test_a_roundtrip_beside_a_notebook_says_which_side_changed_what(sides: Sides) -> None:
    sides.in_file('"b = 2 * a"', '"b = a + a"')
    sides.in_notebook("a = n", "a = n + 1")
    told = round_trip(read_document(sides.lab, LabStages), sides.notebook, toml=sides.lab.read_text())
    assert [(one.kind, one.stage, one.won) for one in told.changes] == [
        ("edited", "one", "cell"),
        ("edited", "two", "file"),
    ]


# -- the law, by chance ---------------------------------------------------------------------------------------------


class Chance:
    """A lab and edits of it on both sides. Every text that somebody writes has a token that nothing else has."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.tokens = 0

    def token(self) -> str:
        self.tokens += 1
        return f"tok{self.tokens:04}x"

    def stage(self, name: str) -> dict[str, Any]:
        fields: dict[str, Any] = {
            "id": name,
            "code": f"{name}_{self.token()} = 1\n" * self.random.randint(1, 2),
        }
        for field in ("title", "description", "question", "env"):
            if self.random.random() < 0.4:
                fields[field] = self.token()
        for field in ("inputs", "outputs", "tags"):
            if self.random.random() < 0.4:
                fields[field] = [self.token()]
        if self.random.random() < 0.2:
            del fields["code"]
            fields |= {"app": "an_app", "args": {self.token(): self.token()}}
        return fields

    def lab(self) -> dict[str, Any]:
        names = [f"s{number}" for number in range(self.random.randint(0, 5))]
        lab = {"title": self.token(), "params": {"p": self.token(), "q": self.token()}}
        return {"lab": lab, "stages": [self.stage(name) for name in names]}

    def in_file(self, plain: dict[str, Any]) -> None:
        stages = plain["stages"]
        kind = self.random.choice(
            ["edit", "edit", "code", "delete", "add", "move", "rename", "param", "drop"]
        )
        some = self.random.choice(stages) if stages else None
        if kind == "add":
            stages.insert(
                self.random.randint(0, len(stages)), self.stage(self.random.choice(["new", "t1", "t2"]))
            )
            names = [stage["id"] for stage in stages]
            if len({*names}) < len(names):
                stages[:] = [one for at, one in enumerate(stages) if one["id"] not in names[:at]]
        elif kind == "param":
            plain["lab"]["params"][self.random.choice("pqr")] = self.token()
        elif some is None:
            return
        elif kind == "edit":
            some[self.random.choice(["title", "description", "question", "env"])] = self.token()
        elif kind == "code" and "code" in some:
            some["code"] = f"y = '{self.token()}'\n"
        elif kind == "delete":
            stages.remove(some)
        elif kind == "move":
            stages.remove(some)
            stages.insert(self.random.randint(0, len(stages)), some)
        elif kind == "drop":
            some.pop(self.random.choice(["title", "description", "question", "inputs"]), None)
        elif kind == "rename":
            some["id"] = f"f{self.token()}"

    def in_notebook(self, cells: Cells) -> None:
        kinds = [
            "code",
            "line",
            "delete",
            "strip",
            "add",
            "plain",
            "words",
            "text",
            "move",
            "rename",
            "param",
            "bare",
        ]
        kind = self.random.choice([*kinds, "swap", "wordless", "blank"])
        codes = [cell for cell in cells if role(cell) == "stage"]
        words = [cell for cell in cells if role(cell) == "text"]
        some = self.random.choice(codes) if codes else None
        where = self.random.randint(2, len(cells) - 1)
        if kind == "add":
            name = self.random.choice(["new", "t1", self.token()])
            cells.insert(where, cell_of("code", f"%%stage {name} -> {self.token()}\n{self.token()} = 2"))
        elif kind == "plain":
            cells.insert(where, cell_of("code", f"{self.token()} = 3"))
        elif kind == "text":
            cells.insert(where, cell_of("markdown", f"{self.random.choice(['## ', ''])}{self.token()}"))
        elif kind == "param":
            for cell in cells:
                if role(cell) == "params":
                    cell["source"] = f"p = '{self.token()}'\n" + source(cell).partition("\n")[2]
        elif kind == "words" and words:
            self.random.choice(words)["source"] = f"## {self.token()}\n\n{self.token()}"
        elif kind == "wordless" and words:
            cells.remove(self.random.choice(words))
        elif some is None:
            return
        elif kind == "code":
            some["source"] = f"{source(some)}\nz = '{self.token()}'"
        elif kind == "line":
            first, _, rest = source(some).partition("\n")
            some["source"] = f"{first.partition(':')[0].partition(' ->')[0]}: {self.token()}\n{rest}"
        elif kind in ("delete", "strip"):
            gone = [some]
            if kind == "delete":
                gone += [cell for cell in words if about(cell).get("stage") == about(some)["fields"]["id"]]
            cells[:] = [cell for cell in cells if not any(cell is one for one in gone)]
        elif kind == "move":
            cells.remove(some)
            cells.insert(where - 1, some)
        elif kind == "swap":
            other = self.random.choice(codes)
            one, two = (next(n for n, cell in enumerate(cells) if cell is which) for which in (some, other))
            cells[one], cells[two] = cells[two], cells[one]
        elif kind == "rename":
            rest = source(some).removeprefix("%%stage ")
            name = rest.split(":")[0].split(" ")[0].split("\n")[0]
            some["source"] = source(some).replace(name, self.random.choice(["new", self.token()]), 1)
        elif kind == "bare":
            some["source"] = source(some).partition("\n")[2] or "x = 1"
        elif kind == "blank":
            some["source"] = ""


def about(cell: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = cell["metadata"].get("agilab", {})
    return found


def role(cell: dict[str, Any]) -> Any:
    return about(cell).get("role")


def source(cell: dict[str, Any]) -> str:
    return "".join(cell["source"])


def cell_of(kind: str, said: str) -> dict[str, Any]:
    cell: dict[str, Any] = {"cell_type": kind, "id": said[-12:].strip(), "metadata": {}, "source": said}
    return cell | ({"outputs": [], "execution_count": None} if kind == "code" else {})


def back(notebook: dict[str, Any]) -> ReadBack:
    return read_back(read(text(notebook).encode(), name="lab.ipynb"))


def flat(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def texts(document: LabStages) -> dict[tuple[str, str], str]:
    """What stands where: (stage, field) → text; ("", field) for the lab."""
    plain = document.in_toml(defaults=False)
    found = {("", field): flat(value) for field, value in plain.get("lab", {}).items()}
    for stage in plain.get("stages", []):
        found |= {(stage["id"], field): flat(value) for field, value in stage.items()}
    return found


def _tokens(said: str) -> set[str]:
    return {*re.findall(r"tok\d{4}x", said)}


def names(change: Change, stage: str, came: dict[str, str]) -> bool:
    """Whether a row speaks of a stage, under the name that it had or has."""
    known = {stage, came.get(stage, stage), *(new for new, old in came.items() if old == stage)}
    return change.stage in known or any(f" {name}" in f" {change.what}" for name in known if name)


def check(seed: int) -> None:
    chance = Chance(seed)
    plain = chance.lab()
    first = LabStages.model_validate(plain)
    notebook = notebook_of(first)
    theirs = copy.deepcopy(plain)
    for _ in range(chance.random.randint(0, 3)):
        chance.in_file(theirs)
    for _ in range(chance.random.randint(0, 3)):
        chance.in_notebook(notebook["cells"])
    there = LabStages.model_validate(theirs)
    found = back(notebook)
    prefer: Side | None = chance.random.choice([None, "notebook", "file"])
    both = joined(found, there, prefer)
    told = [*found.changes, *both.changes]
    result = flat(both.document.in_toml(defaults=False))
    sides = {"file": texts(there), "notebook": texts(found.document)}
    for number, cell in enumerate(notebook["cells"]):
        name = str(about(cell).get("fields", {}).get("id") or about(cell).get("stage") or "")
        gone = _tokens(source(cell)) - _tokens(result)
        of_it = (
            one for one in told if one.cell == number or (role(cell) and names(one, name, dict(found.came)))
        )
        assert not gone or any(of_it), (
            f"seed {seed}: cell {number} {source(cell)} is gone without a word: {told}"
        )
    for side in sides.values():
        for (stage, field), said in side.items():
            if not _tokens(said) - _tokens(result):
                continue
            rows = [one for one in told if names(one, stage, dict(found.came))]
            assert rows, f"seed {seed}: {stage}.{field} {said} is gone without a word: {told}"
    for one in [*there.stages, *found.document.stages]:
        if one.id not in {stage.id for stage in both.document.stages}:
            assert any(names(row, one.id, dict(found.came)) for row in told), f"seed {seed}: {one.id}"
    if not found.changes and not both.undecided:
        assert texts(both.document) == texts(there), f"seed {seed}"
        assert [s.id for s in both.document.stages] == [s.id for s in there.stages], f"seed {seed}"
    if there == first:
        assert texts(both.document) == texts(found.document), f"seed {seed}"
        assert not both.changes, f"seed {seed}: {both.changes}"
    if not both.undecided:
        again = joined(found, both.document, prefer)
        assert texts(again.document) == texts(both.document), f"seed {seed}: a second time is another lab"
        assert parse_document(toml_of(both.document), LabStages, "it") == both.document


@pytest.mark.slow
def test_nothing_is_gone_without_a_row_that_names_it() -> None:
    for seed in range(400):
        check(seed)


@pytest.mark.slow
def test_nothing_is_gone_in_thousands_of_labs() -> None:
    for seed in range(10_000, 13_000):
        check(seed)
