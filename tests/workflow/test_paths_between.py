"""Paths into a stage's own folder lead into that of the stage that reads them, wherever in a value they stand."""

from __future__ import annotations

from pathlib import Path, PurePath
from typing import Any

import pytest

from agi_node.artifacts import Staging
from agi_node.handover import hand_over, take_over
from agi_node.lab_folder import running_in
from agi_node.likeness import digest_of
from tests.workflow.conftest import ALab


class Reader:
    """An object that keeps where its files are."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.address = f"sqlite:///{root}/a.db"
        self.again = [root, root]


def handed(value: Any, one: Path, two: Path, scratch: Path) -> tuple[Any, str]:
    """A value as a stage that runs in `two` gets it from one that runs in `one`, and the kind of its form."""
    staging = Staging(scratch)
    with running_in(one):
        form = hand_over("value", value, staging, "a value")
    if "artifact" in form:
        form["path"] = str(staging.path(form["artifact"]))
    with running_in(two):
        return take_over(form), form["kind"]


def test_an_object_keeps_its_paths_and_what_of_it_is_one_object(tmp_path: Path) -> None:
    one, two = tmp_path / "one" / "lab", tmp_path / "two" / "lab"
    rows = [1]
    value = {"reader": Reader(one), "rows": rows, "same": rows, "else": one.parent, "near": f"{one}our"}

    found, kind = handed(value, one, two, tmp_path / "kept")

    assert kind == "pickle"
    reader = found["reader"]
    assert (reader.root, reader.address) == (two, f"sqlite:///{two}/a.db")
    assert reader.again == [two, two]
    assert found["rows"] is found["same"], "one list under two names"
    assert (found["else"], found["near"]) == (one.parent, f"{one}our"), "neither lies in the folder"


def test_a_function_keeps_the_path_that_it_reads(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    space: dict[str, Any] = {"__name__": "__main__", "ROOT": one / "data"}
    exec("def place():\n    return ROOT", space)

    found, _ = handed([space["place"]], one, two, tmp_path / "kept")

    assert found[0]() == two / "data"


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
def test_a_column_of_paths_leads_into_the_folder_of_the_reader(library: str, tmp_path: Path) -> None:
    module = pytest.importorskip(library)
    make = module.table if library == "pyarrow" else module.DataFrame
    one, two = tmp_path / "one", tmp_path / "two"
    table = make({"file": [f"{one}/a.csv", None, f"{one}/b.csv"], "word": ["a", "b", "c"], "n": [1, 2, 3]})

    found, kind = handed(table, one, two, tmp_path / "kept")

    assert kind == "parquet"
    back = found.to_pydict() if library == "pyarrow" else {name: list(found[name]) for name in table.columns}
    assert [back["file"][0], back["file"][2]] == [f"{two}/a.csv", f"{two}/b.csv"]
    assert back["file"][1] is None or back["file"][1] != back["file"][1], "a missing one stays missing"
    assert (back["word"], back["n"]) == (["a", "b", "c"], [1, 2, 3])
    if library == "pandas":
        assert list(found.dtypes) == list(table.dtypes)


def test_two_objects_that_differ_by_their_folders_alone_are_alike(tmp_path: Path) -> None:
    found = []
    for folder in (tmp_path / "one", tmp_path / "two"):
        with running_in(folder):
            found.append(digest_of([Reader(folder), PurePath(folder, "x")], Staging(tmp_path / "parts")))
            found.append(digest_of(Reader(folder / "sub"), Staging(tmp_path / "parts")))
    assert found[:2] == found[2:]
    assert found[0] != found[1]


@pytest.mark.slow
def test_an_object_made_above_finds_the_files_below(lab: ALab) -> None:
    (lab.folder / "data").mkdir()
    for name in ("a", "b"):
        (lab.folder / "data" / f"{name}.csv").write_text(name)
    text = """
[[stages]]
id = "find"
inputs = ["data/a.csv", "data/b.csv"]
outputs = ["reader", "files"]
code = '''
from pathlib import Path
class Reader:
    def __init__(self):
        self.dir = Path.cwd() / "data"
    def names(self):
        return sorted(one.name for one in self.dir.glob("*.csv"))
reader = Reader()
files = sorted(str(one) for one in reader.dir.glob("*.csv"))
'''

[[stages]]
id = "read"
inputs = ["reader", "files", "data/a.csv", "data/b.csv"]
uses = { find = ["Reader"] }
code = "[reader.names(), [open(one).read() for one in files]]"
"""
    lab.write(text)
    assert lab.shown(lab.run(), "read") == "[['a.csv', 'b.csv'], ['a', 'b']]"


@pytest.mark.slow
def test_paths_that_a_stage_is_given_are_not_what_it_changed(lab: ALab) -> None:
    text = """
[[stages]]
id = "find"
outputs = ["files"]
code = "from pathlib import Path; files = [str(Path.cwd() / 'a.csv')]"

[[stages]]
id = "look"
inputs = ["files"]
code = "files.count('a')"

[[stages]]
id = "more"
inputs = ["files"]
code = "len(files)"
"""
    lab.write(text)
    assert lab.run().notes == ()
