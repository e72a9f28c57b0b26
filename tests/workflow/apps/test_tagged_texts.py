"""Apps that are given texts, files and items that begin with `$`, as the tags of our own JSON do."""

from __future__ import annotations

import json

import pytest

from agilab.contracts.base import read_document
from agilab.contracts.run_manifest import RunManifest
from agilab.contracts.tracking import TrackingPayload
from agilab.engine.selection import Selection
from agilab.projects.finish import write_payload
from agilab.store.store import Store
from agilab.workflow.running.again import rerun
from agilab.workflow.running.prepare import read_lab
from agilab.workflow.running.trial import try_stage
from tests.workflow.conftest import ALab

pytestmark = pytest.mark.slow

LAB = """
[lab.params]
label = "$int:5"
cities = ["$Oslo", "$str:Rome"]

[[stages]]
id = "add"
app = "adding"
foreach = { city = "cities" }
inputs = ["label", "in/$Oslo.txt"]
outputs = ["{city}/report.json"]
args = { file = "{in/$Oslo.txt}", label = "{label}" }

[[stages]]
id = "fixed"
app = "adding"
outputs = ["report.json"]
args = { file = "in/$Oslo.txt", label = "$HOME" }

[[stages]]
id = "steps"
app = "steps"
outputs = ["scaled"]
args = { file = "in/*.txt" }

[[stages]]
id = "tell"
inputs = ["{city}/report.json", "report.json", "scaled"]
outputs = ["told.json"]
code = '''
import json
from pathlib import Path
from agi_node.canonical import untag  # what `run.save_json` writes is tagged
read = lambda path: untag(json.loads(path.read_text()))
each = {path.parent.name: read(path) for path in Path().glob("*/report.json")}
Path("told.json").write_text(json.dumps([each, read(Path("report.json")), scaled]))
'''
"""
REPORT = {"label": "$int:5", "total": 7, "parts": ["$Oslo-0", "$Oslo-1", "$Oslo-2"]}
SEEN = [
    {"$Oslo": REPORT, "$str:Rome": REPORT},
    {**REPORT, "label": "$HOME"},
    {"total": 1 + 2 + 4 + 10},
]


def test_they_are_what_the_app_gets_and_what_it_leaves(calling: ALab) -> None:
    calling.write(
        LAB, **{"in/$Oslo.txt": "1 2 4", "adding/in/$Oslo.txt": "1 2 4", "steps/in/$a.txt": "1 2 4"}
    )
    done = calling.run()
    assert done.error is None, done.error
    assert json.loads(calling.file(done, "told.json").read_text(encoding="utf-8")) == SEEN
    files = {file.path for file in read_document(done.manifest or "", RunManifest).inputs}
    assert {"in/$Oslo.txt", "steps/in/$a.txt"} <= files
    with Store(calling.workspace) as store:
        told = read_document(write_payload(store, done.run_id or "", []), TrackingPayload)
    assert told.params["label"] == "$int:5"

    tried = try_stage(read_lab(calling.path), "add", calling.workspace, key="$Oslo")
    assert tried.error is None
    again = rerun(done.run_id or "", Selection(from_node="add"), calling.workspace, track=False)
    assert json.loads(calling.file(again, "told.json").read_text(encoding="utf-8")) == SEEN
