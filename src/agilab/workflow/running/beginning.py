"""The first two events of a lab's run: what it is, and what it will do."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from agi_node.canonical import canonical, tag
from agilab.contracts.atomic import write_atomically
from agilab.contracts.dated_json import spelled
from agilab.contracts.datum import in_json
from agilab.contracts.syntax import BOM, decoded
from agilab.contracts.uri import public_uri
from agilab.engine.graph import Graph
from agilab.engine.rerun import Preview, recorded
from agilab.projects.machine import workbench
from agilab.projects.prepare import environment_record
from agilab.store.store import Store
from agilab.workflow.document.hidden import secrets_in, without_secrets
from agilab.workflow.document.locate import FILE, read_lab_file
from agilab.workflow.document.own_runs import place_of
from agilab.workflow.running.prepare import Lab, PreparedLab
from agilab.workflow.running.request import LabRequest

NAMED = 8
"""How many stages are named that somebody edited."""


@dataclass(frozen=True)
class Beginning:
    """All that the first events of a run say."""

    request: LabRequest
    prepared: PreparedLab
    graph: Graph
    workers: int
    uri: str | None
    shown: Preview | None = None


def record(store: Store, run_id: str, beginning: Beginning) -> None:
    """The first two events: what this run is, and what it will do."""
    request, prepared, graph = beginning.request, beginning.prepared, beginning.graph
    lab, shown, uri = prepared.lab, beginning.shown, beginning.uri
    log = store.log(run_id)
    text = document_text(request)
    write_atomically(
        store.workspace.run_folder(run_id) / FILE, text
    )  # what `workflow diff LAB last` compares with
    log.append(
        "run_created",
        app=lab.app,
        lab_digest=store.objects.put(text),
        lab_place=place_of(request.path),
        source=prepared.source_record(),
        source_digest=prepared.snapshot.digest,
        args=in_json(without_secrets(lab.document.lab.params)),  # what manifest and MLflow have
        given=tag(dict(request.params)),
        inputs=tag(prepared.inputs()),
        environment=prepared.main.fingerprint,
        environment_record=environment_record(prepared.main),
        environments={name: environment_record(found) for name, found in prepared.environments.items()},
        called={app.stage: app.record() for app in prepared.apps.values()},
        workbench=workbench(),
        executor=request.executor.partition(":")[0],
        workers=beginning.workers,
        keep_going=graph.keep_going,
        cache=any(node.policy.cache for node in graph.nodes),
        codes=prepared.codes,
        codes_digest=store.objects.put(canonical(prepared.code_parts)),
        placement="dynamic",
        **(recorded(store, shown) if shown else {}),
        tracking_uri=public_uri(uri, {"workspace": store.workspace.home}) if uri else None,
        replay={
            "command": _command(lab, request),
            "needs": [f"the lab {lab.name}", *_untold(request), *_edited(request, run_id)],
        },
    )
    store.objects.put(graph.to_bytes())
    log.append(
        "plan_recorded",
        plan_digest=graph.digest,
        nodes=[{"name": node.name, "target": node.target} for node in graph.nodes],
    )
    log.flush(durable=True)


def document_text(request: LabRequest) -> bytes:
    """The document that a run is of, as the text of a file."""
    if request.document is None:
        return decoded(request.path.read_bytes(), str(request.path)).removeprefix(BOM).encode()
    from agilab.contracts.toml import merged

    file = read_lab_file(request.path)
    previous = file.text if file.dialect == "v2" else ""
    return merged(previous, request.document.in_toml(), str(request.path)).encode()


def _edited(request: LabRequest, run_id: str) -> list[str]:
    """What a notebook had otherwise than the lab's document, which the command alone would run."""
    if request.document is None:
        return []
    own = read_lab_file(request.path).lab
    known = {stage.id: stage for stage in own.stages}
    names = [stage.id for stage in request.document.stages if stage != known.get(stage.id)]
    if not names:
        return []
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    which = f"{'stage' if len(names) == 1 else 'stages'} {', '.join(names[:NAMED])}{more}"
    kept = f"runs/{run_id}/{FILE}"
    return [f"{which} as edited in the notebook: {kept} of the workspace in the place of the lab's {FILE}"]


def _untold(request: LabRequest) -> list[str]:
    """Secrets among the params that were given, which no command repeats."""
    names = dict.fromkeys(str(path[0]) for path, _ in secrets_in(request.params))
    return [f"a value for the param {name}, which is a secret" for name in names]


def _command(lab: Lab, request: LabRequest) -> str:
    words = ["agilab", "workflow", "run", lab.name]
    for name, value in without_secrets(request.params).items():
        words += ["--set", f"{name}={value if isinstance(value, str) else spelled(value)}"]
    if request.keep_going:
        words.append("--keep-going")
    return shlex.join(words)
