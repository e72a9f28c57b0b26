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
    path = tmp_path / "lab_stages.toml"
    path.write_text(LAB)
    found = validate(path, Workspace(tmp_path / "home")).findings
    unread = [finding.what for finding in found if finding.code == "AGI-STAGE-025"]
    assert unread == ["use never reads its input other"]
