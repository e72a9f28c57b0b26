"""Whether an app takes some arguments: its own class judges them, in a worker, as it does when a unit begins.

A schema knows types and ranges. What its author's validators ask beyond them, often of several arguments together, only
the class itself can say.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from agi_node.canonical import tag
from agi_node.errors import AgiError
from agi_node.exact_json import exact_text
from agi_node.protocol import Execute
from agi_node.stage import TARGET
from agilab.envs.worker_process import ask
from agilab.projects.prepare import PreparedApp

NAME = "arguments"
PATIENCE_S = 60.0
_CODE = """\
from importlib import import_module
from operator import attrgetter

from agi_node.args import read_args

module, _, place = reference.partition(":")
app = attrgetter(place)(import_module(module))
read_args(app.args, values, f"arguments of {app.name}")
None
"""


def judge(prepared: PreparedApp, args: Mapping[str, Any]) -> None:
    """Have the app take these arguments, all of a run. Raises its AGI-ARGS-002 with everything that it refuses."""
    with TemporaryDirectory(prefix="agilab-arguments-") as scratch:
        folder = Path(scratch)
        item = {"reference": exact_text(prepared.app.reference), "values": exact_text(dict(args))}
        inputs = folder / "inputs.json"
        inputs.write_text(json.dumps({"values": {}, "files": [], "item": item}), encoding="utf-8")
        order = Execute(
            attempt_id=NAME,
            run_id=NAME,
            unit_id=NAME,
            node=NAME,
            key="",
            attempt=1,
            target=f"{TARGET}{NAME}",
            args={"code": tag(_CODE), "carried": [], "outputs": []},
            payload=None,
            inputs=str(inputs),
            staging=str(folder / "staging"),
            log=str(folder / "arguments.log"),
        )
        done = ask(prepared.spec, folder / "worker.log", order.message(), "done", timeout_s=PATIENCE_S)
    if done["status"] != "succeeded":
        raise AgiError.from_plain(done["error"])
