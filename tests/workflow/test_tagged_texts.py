"""Texts that begin with `$`, as the tags of our own JSON do: wherever people write them they stay what they are."""

from __future__ import annotations

import json
import math

import pytest

from agilab.cli import boundary
from agilab.contracts.base import read_document
from agilab.contracts.run_manifest import RunManifest
from agilab.contracts.tracking import TrackingPayload
from agilab.engine.selection import Selection
from agilab.projects.finish import write_payload
from agilab.store.store import Store
from agilab.workflow.running.again import rerun
from tests.workflow.conftest import ALab

# rich-click says of its own settings that they will be others one day; in a process of its own nobody sees that.
pytestmark = pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
LAB = """
[lab]
title = "$lab"
params = { band = "$low", odd = ["$HOME", "$int:5", "$float:nan", "$"], tab = { "$k" = "$v" } }

[[stages]]
id = "prices"
title = "$title"
question = "$how much"
inputs = ["$in.csv"]
outputs = ["prices", "terms", "$out.csv"]
code = '''
prices = ["$10", "$20"]
terms = {"$ref": 1, "$tuple": ("$str:", {"$set": "$date"})}
open("$out.csv", "w").write(open("$in.csv").read() + "$more")
run.log_param("fee", "$int:5")
run.validate("dear", True, value="$5", limit=float("inf"))
'''

[[stages]]
id = "each"
foreach = { price = "prices" }
inputs = ["terms", "band", "tab", "$out.csv"]
outputs = ["bought", "out/{price}.csv"]
code = '''
bought = [price, terms, band, tab, open("$out.csv").read()]
open(f"out/{price}.csv", "w").write(price)
run.log_param("price", price)
run.log_metric("left", float("nan"))
'''

[[stages]]
id = "odd"
foreach = { one = "odd" }
outputs = ["same"]
code = "same = one"

[[stages]]
id = "beside"
foreach = { one = ["$a", "$ref"], other = ["$b", "c"] }
zip = true
outputs = ["both"]
code = "both = one + other"

[[stages]]
id = "all"
inputs = ["bought", "same", "both", "out/{price}.csv"]
outputs = ["seen.json"]
code = '''
import json
from pathlib import Path
files = {path.name: path.read_text() for path in Path("out").iterdir()}
Path("seen.json").write_text(json.dumps([bought, same, both, files]))
'''
"""
PARAMS = {"band": "$low", "odd": ["$HOME", "$int:5", "$float:nan", "$"], "tab": {"$k": "$v"}}
TERMS = {"$ref": 1, "$tuple": ["$str:", {"$set": "$date"}]}
CSV = "a\n1\n$more"
SEEN = [
    {price: [price, TERMS, "$low", {"$k": "$v"}, CSV] for price in ("$10", "$20")},
    {one: one for one in ("$HOME", "$int:5", "$float:nan", "$")},
    {"one=$a,other=$b": "$a$b", "one=$ref,other=c": "$refc"},
    {"$10.csv": "$10", "$20.csv": "$20"},
]
"""What Python makes of the code above, written down by hand."""


@pytest.mark.slow
def test_they_reach_stages_evidence_and_tracking_and_no_view_stumbles(
    lab: ALab, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lab.write(LAB, **{"$in.csv": "a\n1\n"})
    done = lab.run()
    assert done.error is None, done.error
    run = done.run_id or ""
    assert json.loads(lab.file(done, "seen.json").read_text(encoding="utf-8")) == SEEN

    manifest = read_document(done.manifest or "", RunManifest)
    assert manifest.args == PARAMS
    assert [file.path for file in manifest.inputs] == ["$in.csv"]
    (dear,) = [one for one in manifest.verdict.validations if one.name == "dear"]
    assert dear.evidence == {"value": "$5", "limit": float("inf")}

    with Store(lab.workspace) as store:
        told = read_document(write_payload(store, run, []), TrackingPayload)
    nodes = {node.node: node for node in told.nodes}
    assert nodes["prices"].params["fee"] == "$int:5"
    table = nodes["each"].table
    assert table is not None
    rows = [dict(zip(table.columns, row, strict=True)) for row in table.data]
    assert [(row["key"], row["price"], row["left"] != row["left"]) for row in rows] == [
        ("$10", "$10", True),
        ("$20", "$20", True),
    ]

    monkeypatch.setenv("AGILAB_HOME", str(lab.workspace.home))
    monkeypatch.chdir(lab.folder)
    units = ["prices", "each", "each[%2410]", "odd[%24int%3A5]", "beside[one=%24a,other=%24b]"]
    for words in (
        *(["workflow", word] for word in ("view", "show", "validate")),
        ["workflow", "plan", "--cache", "--set", "band=$high"],
        ["workflow", "diff", "last"],
        *(["runs", word, run] for word in ("show", "explain", "graph", "verify")),
        *(["runs", word, run, unit] for word in ("show", "explain") for unit in units),
    ):
        assert boundary.run(words) == 0, capsys.readouterr()
        shown = capsys.readouterr().out
        # A tag that shows is one too many; what people wrote is shown as they wrote it.
        assert "$str:" not in shown.replace('"$str:"', "").replace("'$str:'", ""), shown

    again = rerun(run, Selection(from_node="each"), lab.workspace, track=False)
    assert json.loads(lab.file(again, "seen.json").read_text(encoding="utf-8")) == SEEN


def test_a_metric_that_is_no_number_does_not_keep_a_run_from_mlflow(lab: ALab) -> None:
    """JSON has no NaN: written as such, the payload could never be read by whoever delivers it."""
    lab.write("""
        [[stages]]
        id = "each"
        foreach = { name = ["a", "$b"] }
        code = "run.log_metric('loss', float('nan' if name == 'a' else '-inf'))"
    """)
    done = lab.run()
    assert done.error is None
    with Store(lab.workspace) as store:
        told = read_document(write_payload(store, done.run_id or "", []), TrackingPayload)
    (node,) = told.nodes
    assert node.table is not None
    where = node.table.columns.index("loss")
    assert [math.isnan(row[where]) or row[where] for row in node.table.data] == [True, -math.inf]


def test_a_key_of_what_json_has_no_number_for_is_its_text(lab: ALab) -> None:
    lab.write("""
        [[stages]]
        id = "make"
        outputs = ["numbers"]
        code = "numbers = [10**30, float('inf'), 1e17]"

        [[stages]]
        id = "each"
        foreach = { number = "numbers" }
        outputs = ["same"]
        code = "same = number"

        [[stages]]
        id = "all"
        inputs = ["same"]
        code = "list(same.items())"
    """)
    done = lab.run()
    assert done.error is None
    shown = "[('1000000000000000000000000000000', 1000000000000000000000000000000), ('inf', inf), ('1e+17', 1e+17)]"
    assert lab.shown(done, "all") == shown
