"""The first events of a run: what it is, what it will do, and what it reads."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from agi_node.canonical import canonical
from agilab.contracts.uri import public_uri
from agilab.engine.graph import Graph
from agilab.engine.rerun import Preview, recorded
from agilab.projects.arguments import flag
from agilab.projects.discover import AppProject
from agilab.projects.distribution import keep
from agilab.projects.inputs import FileDigests
from agilab.projects.machine import workbench
from agilab.projects.node_tasks import files_named, inputs_named
from agilab.projects.prepare import PreparedApp, environment_record
from agilab.projects.request import RunRequest
from agilab.projects.work_items import PLAN
from agilab.store.store import Store

if TYPE_CHECKING:
    from agilab.contracts.distribution import Distribution

_THE_DISTRIBUTION = "the distribution.json that is kept with the run"


@dataclass(frozen=True)
class Child:
    """What makes a run the rerun of another one.

    Attributes:
        shown: The preview that it follows.
    """

    shown: Preview


@dataclass(frozen=True)
class Beginning:
    """All that the first events of a run say: what it is, and what it will do."""

    request: RunRequest
    prepared: PreparedApp
    args: Mapping[str, Any]
    workers: int
    graph: Graph
    uri: str | None
    placed: Distribution | None = None
    child: Child | None = None


def record(store: Store, run_id: str, beginning: Beginning, digests: FileDigests) -> None:
    """The first two events: what this run is, and what it will do.

    A plan says which files it found; of an app that plans nothing, those that its arguments name are recorded here.
    """
    request, prepared, args, graph = beginning.request, beginning.prepared, beginning.args, beginning.graph
    placed, child, uri = beginning.placed, beginning.child, beginning.uri
    named = read_without_a_plan(prepared, args, digests)
    inputs: dict[str, Any] = {"inputs": named} if named else {}
    log = store.log(run_id)
    log.append(
        "run_created",
        app=prepared.app.name,
        source=prepared.source_record(),
        source_digest=prepared.snapshot.digest,
        args=dict(args),
        environment=prepared.environment.fingerprint,
        environment_record=environment_record(prepared.environment),
        workbench=workbench(),
        executor=request.executor.partition(":")[0],
        workers=beginning.workers,
        keep_going=graph.keep_going,
        cache=any(node.policy.cache for node in graph.nodes),
        policy=dict(vars(request.policy)),
        **inputs,
        codes=prepared.codes,
        codes_digest=store.objects.put(canonical(prepared.code_parts)),
        placement="static" if placed else "dynamic",
        **({"distribution_digest": keep(store, placed)} if placed else {}),
        **(recorded(store, child.shown) if child else {}),
        tracking_uri=public_uri(uri, {"workspace": store.workspace.home}) if uri else None,
        replay={
            "command": _command(prepared.app, args, request),
            "needs": _needs(args) + ([_THE_DISTRIBUTION] if request.distribution else []),
        },
    )
    store.objects.put(graph.to_bytes())
    log.append(
        "plan_recorded",
        plan_digest=graph.digest,
        nodes=[{"name": node.name, "target": node.target} for node in graph.nodes],
    )
    log.flush(durable=True)


def read_without_a_plan(
    prepared: PreparedApp, args: Mapping[str, Any], digests: FileDigests
) -> list[dict[str, Any]]:
    """The files that the arguments of an app name where no plan of it says which it reads; each with its digest."""
    if PLAN in prepared.nodes:
        return []
    return inputs_named(files_named(prepared.description["args_schema"], args), prepared.roots, digests)


def _command(app: AppProject, args: Mapping[str, Any], request: RunRequest) -> str:
    words = ["agilab", "run", app.name]
    for name, value in args.items():
        words += [f"--{flag(name)}", value if isinstance(value, str) else json.dumps(value)]
    if request.keep_going:
        words.append("--keep-going")
    if request.distribution:
        words += ["--plan", "distribution.json"]
    elif request.placement == "static":
        words += ["--placement", "static"]
    if request.executor != "local":
        words += ["--executor", request.executor.partition(":")[0]]
    return shlex.join(words)


def _needs(args: Mapping[str, Any]) -> list[str]:
    """Data roots that the arguments speak of."""
    found = []
    for value in args.values():
        name, colon, _ = value.partition(":") if isinstance(value, str) else ("", "", "")
        if (
            colon
            and name.replace("-", "").replace("_", "").isalnum()
            and name not in ("app", "run", "workspace")
        ):
            found.append(f"data root {name}")
    return found
