"""What an app computes does not depend on who computes it: 1, 2 or 7 workers, here or on Dask, or a plain loop.

Every built-in app is found in its folder; there is no list of names. For each, a loop over its plain functions in one
process of its own environment says what has to come out (`plain_loop`). All runs must come to the same bytes: the whole
reduce document (payload, exact state, the digest of each partial) and *every* artifact of every unit, tables, pictures
and previews, none excepted. What may differ is not the app's: metrics of time, logs, events, the manifest, and
which worker's share of the reduce holds what; the shares together must again give the payload.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from agi_node.canonical import canonical, tag
from agi_node.reduce import merge_reduce_documents
from agilab.projects.discover import BUILT_IN, read_app
from agilab.projects.plan import plan_app
from agilab.projects.prepare import PreparedApp, arguments, prepare
from agilab.projects.request import RunRequest
from agilab.projects.run import run_app
from agilab.store.store import Store
from agilab.store.workspace import Workspace

pytestmark = [pytest.mark.journey, pytest.mark.slow, pytest.mark.xdist_group("every_app")]
APPS = sorted(path.parent for path in BUILT_IN.glob("*/pyproject.toml"))
LOOP = Path(__file__).with_name("plain_loop.py")
MOST = 7
LIGHTER = {
    "rows": 80_000,
    "replications": 2,
    "target_loss": 0.05,  # which two replications can decide
    "pdr_within": 0.5,
    "max_events": 200,
    "targets": "24h,1d,2d",
    "origin_every_h": 24,
}
"""Less of the same work, for apps that have an argument of that name; an app that has none works its whole sample."""


@dataclass
class Sample:
    """An app with its lighter arguments."""

    workspace: Workspace
    prepared: PreparedApp
    args: dict[str, Any]
    scratch: Path

    @cached_property
    def expected(self) -> dict[str, Any]:
        """What a plain loop in the app's environment comes to."""
        spec = self.prepared.spec
        asked = {"source": str(spec.source), "app": spec.app, "roots": dict(self.prepared.roots)}
        asked |= {"args": self.args, "folder": str(self.scratch)}
        done = subprocess.run(
            [str(spec.python), "-P", str(LOOP)],
            input=json.dumps(asked),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found


@pytest.fixture(scope="module", params=APPS, ids=lambda app: app.name)
def sample(
    request: pytest.FixtureRequest, workspace: Workspace, tmp_path_factory: pytest.TempPathFactory
) -> Sample:
    app = read_app(request.param)
    with Store(workspace) as store:
        prepared = prepare(store, app, offline=False, threads=1, say=lambda text: None)
        lighter = {
            name: value
            for name, value in LIGHTER.items()
            if name in prepared.description["args_schema"]["properties"]
        }
        args = arguments(prepared, store, lighter, lambda text: None)
    return Sample(workspace, prepared, args, tmp_path_factory.mktemp("loop"))


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """The address of one Dask cluster for all apps: two processes, with threads for seven workers."""
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=2,
        threads_per_worker=4,
        processes=True,
        host="127.0.0.1",
        dashboard_address="127.0.0.1:0",
        silence_logs=50,
    ) as made:
        yield f"dask:{made.scheduler_address}"


def in_turn(sample: Sample, wanted: RunRequest) -> Path:
    """Workers get items in turn, as a person may write it: a plan leaves idle whom it can spare."""
    path = sample.scratch / "in_turn.json"
    plan_app(replace(wanted, placement="static"), sample.workspace, output=path)
    document = json.loads(path.read_bytes())
    names = [worker["worker"] for worker in document["workers"]]
    for number, item in enumerate(document["items"]):
        item["worker"] = names[number % len(names)]
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


# One worker on Dask is not among them: what Dask adds is where workers live, and two show that.
@pytest.mark.parametrize(
    ("workers", "executor"), [(1, "local"), (2, "local"), (MOST, "local"), (2, "dask"), (MOST, "dask")]
)
def test_a_run_comes_to_the_bytes_of_a_plain_loop(
    sample: Sample, executor: str, workers: int, request: pytest.FixtureRequest
) -> None:
    place = request.getfixturevalue("cluster") if executor == "dask" else executor
    wanted = RunRequest(
        str(sample.prepared.app.folder), args=sample.args, workers=workers, executor=place, track=False
    )
    # Here each of seven gets its share, or the first might be done before the last is awake; there the quickest take.
    dealt = executor == "local" and workers == MOST
    if dealt:
        wanted = replace(wanted, distribution=in_turn(sample, wanted))
    result = run_app(wanted, sample.workspace)
    assert result.status == "succeeded", result.error
    assert result.run_id is not None
    folder = sample.workspace.run_folder(result.run_id)
    found, expected = json.loads((folder / "reduce_summary.json").read_bytes()), sample.expected
    for part in ("payload", "state", "partials", "fields"):
        assert canonical(found[part]) == canonical(expected["reduce"][part]), part

    with Store(sample.workspace) as store:
        keys = {row.unit_id: row.key for row in store.units(result.run_id, node="work")}
        ours = {
            (keys.get(row.unit_id, row.unit_id), row.name): row.digest
            for row in store.artifacts(result.run_id)
        }
        answer = store.value(store.result(result.run_id, "publish"))
    theirs = {(unit, name): digest for unit, name, digest in expected["artifacts"]}
    assert ours.keys() == theirs.keys()
    assert [name for name in ours if ours[name] != theirs[name]] == []
    assert len(ours) > len(found["partials"]), "every unit left something, and so did publishing"
    assert canonical(tag(answer)) == canonical(expected["answer"])

    shares = [json.loads(path.read_bytes()) for path in sorted(folder.glob("reduce_summary_worker_*.json"))]
    assert len(shares) == workers if dealt or workers == 1 else 1 <= len(shares) <= workers
    assert sum(share["partial_count"] for share in shares) == len(found["partials"]) >= MOST
    assert canonical(merge_reduce_documents(shares)["payload"]) == canonical(found["payload"])


def test_there_are_apps() -> None:
    assert len(APPS) >= 6
