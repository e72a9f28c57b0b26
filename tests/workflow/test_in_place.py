"""A value that a stage changes where it stands, though a stage below takes it as its maker left it."""

from __future__ import annotations

from pathlib import Path

import pytest

from agilab.projects.request import Faces
from agilab.store.workspace import Workspace
from agilab.workflow.running.execution import run_lab
from agilab.workflow.running.request import LabRequest

from .conftest import ALab

HEAD = """
schema = "agilab.lab_stages.v2"
[lab.params]
names = ["b", "a"]
[[stages]]
id = "make"
outputs = ["values", "model"]
code = '''
class Model:
    def __init__(self): self.weight = None
    def fit(self, values): self.weight = len(values); return "fitted"
    def predict(self): return (self.weight or 0) + 1
values, model = [3, 1, 2], Model()
'''
[[stages]]
id = "middle"
uses = { make = ["Model"] }
inputs = ["values", "model", "names"]
outputs = [OUTPUTS]
code = '''
CODE
'''
[[stages]]
id = "last"
uses = { make = ["Model"] }
inputs = ["values", "model", "names"]
code = "(values, model.weight, names)"
"""


def notes_of(lab: ALab, code: str, outputs: str = "") -> tuple[list[str], str | None]:
    """What a run says to a person, and what the last stage had."""
    lab.write(HEAD.replace("CODE", code).replace("OUTPUTS", outputs))
    notes: list[str] = []
    result = run_lab(LabRequest(lab.path, track=False), lab.workspace, Faces(note=notes.append))
    assert result.status == "succeeded", result.error
    return notes, lab.shown(result, "last")


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("import operator; operator.methodcaller('sort')(values)", "values"),
        ("status = model.fit(values)", "model"),
        ("again = names; again.append('c')", "names"),
    ],
)
def test_what_is_changed_and_not_given_on_is_told_with_who_takes_it(lab: ALab, code: str, name: str) -> None:
    notes, last = notes_of(lab, code)
    (note,) = notes
    assert note.startswith(f"middle changed {name} in place and does not give it on: last takes it")
    assert note.endswith(f"add {name} to the outputs of middle")
    assert last == "([3, 1, 2], None, ['b', 'a'])"  # and it is true


def test_with_the_advice_followed_nothing_is_told_and_the_change_arrives(lab: ALab) -> None:
    notes, last = notes_of(lab, "status = model.fit(values); values.sort()", '"values", "model"')
    assert (notes, last) == ([], "([1, 2, 3], 3, ['b', 'a'])")


@pytest.mark.parametrize(
    "code",
    [
        "total = sum(values) + model.predict() + len(sorted(names))",  # reads
        "values = [*values, 4]; names = []",  # other objects under the same names
        "copy = values.copy(); copy.sort()",
        "values.append(4); values.pop()",  # put back
    ],
)
def test_what_is_read_bound_anew_or_put_back_is_no_change(lab: ALab, code: str) -> None:
    assert notes_of(lab, code)[0] == []


def test_a_result_used_again_still_says_so(lab: ALab) -> None:
    lab.write(HEAD.replace("CODE", "values.reverse()").replace("OUTPUTS", ""))
    for _ in range(2):
        notes: list[str] = []
        run_lab(LabRequest(lab.path, track=False, cache=True), lab.workspace, Faces(note=notes.append))
        assert [note.split(" in place")[0] for note in notes] == ["middle changed values"]


TABLE = """
schema = "agilab.lab_stages.v2"
[[stages]]
id = "make"
outputs = ["table", "model"]
code = '''
import polars as pl
table = pl.DataFrame({"a": [1, 2, 3]})
model = {"rows": table, "slope": 0.5}
'''
[[stages]]
id = "middle"
inputs = ["table", "model"]
code = '''
CODE
'''
[[stages]]
id = "last"
inputs = ["table", "model"]
code = "table['a'].to_list(), list(model)"
"""


@pytest.mark.parametrize(
    ("code", "changed"),
    [
        ("table[0, 'a'] = 9", ["table", "model"]),
        ("table.insert_column(0, (table['a'] * 2).alias('b'))", ["table", "model"]),
        ("model['rows'][0, 'a'] = 9", ["table", "model"]),
        ("model['slope'] = 9", ["model"]),
        ("more = table.with_columns(b=1); more[0, 'b'] = 5; model['rows'].head()", []),
    ],
)
def test_tables_and_objects_that_hold_them(
    table_lab: ALab, code: str, changed: list[str], workspace: Workspace, tmp_path: Path
) -> None:
    table_lab.write(TABLE.replace("CODE", code))
    notes: list[str] = []
    result = run_lab(LabRequest(table_lab.path, track=False), workspace, Faces(note=notes.append))
    assert result.status == "succeeded", result.error
    assert [note.split()[2] for note in notes] == changed
    assert table_lab.left(result, "middle").get("changed", []) == changed
