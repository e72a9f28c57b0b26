"""An input that only a function of another stage reads is read."""

from __future__ import annotations

from pathlib import Path

from agilab.store.workspace import Workspace
from agilab.workflow.judging.validate import validate

LAB = """
[lab]
params = { rate = 2, other = 3 }

[[stages]]
id = "helpers"
code = '''
def scaled(number):
    return number * rate
'''

[[stages]]
id = "use"
inputs = ["rate", "other"]
uses = { helpers = ["scaled"] }
code = "scaled(4)"
"""


def test_what_a_taken_function_reads_counts_as_read(tmp_path: Path) -> None:
    assert unread_in(LAB, tmp_path) == ["use never reads its input other"]


def test_what_a_text_names_may_be_read_where_the_text_is(tmp_path: Path) -> None:
    lab = LAB.replace("scaled(4)", "scaled(4); rows = database.sql('select * from other')")
    assert unread_in(lab, tmp_path) == []
    assert unread_in(lab.replace("from other", "from another"), tmp_path) == [
        "use never reads its input other"
    ]


def unread_in(lab: str, folder: Path) -> list[str]:
    path = folder / "lab_stages.toml"
    path.write_text(lab)
    found = validate(path, Workspace(folder / "home")).findings
    return [finding.what for finding in found if finding.code == "AGI-STAGE-025"]
