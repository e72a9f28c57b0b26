"""A stage that calls an app, made ready; and the app's own nodes as a part of the lab's graph.

`queue` becomes `queue/plan`, `queue/work`, … (or the nodes of the app) in the app's environment, and a last node
`queue` that gathers what the stage promises (`gathered`). With `foreach` all are mapped: each item is the whole app.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from agi_node.canonical import tag, untag
from agilab.contracts.lab_stages import Stage
from agilab.engine.expansion import MAX_UNITS_PER_RUN
from agilab.engine.foreach import Foreach, Nested, Over
from agilab.engine.graph import GATHER, Graph, Node, Policy
from agilab.envs.worker_process import WorkerSpec
from agilab.projects.arguments import properties
from agilab.projects.discover import find_app
from agilab.projects.inputs import FileDigests
from agilab.projects.node_tasks import files_named, inputs_named
from agilab.projects.prepare import PreparedApp, arguments, prepare
from agilab.projects.tasks import app_graph
from agilab.store.store import Store
from agilab.workflow.document.resolved import ResolvedStage
from agilab.workflow.running.called import FILES, ROOT, places


@dataclass(frozen=True)
class AppStage:
    """An app that a stage calls.

    Attributes:
        key: Under which its workers stand: an environment alone would not say which source they import.
        args: As they will be given; a text `{name}` is filled in when the stages before have run.
        reads: Files that they name and that do not depend on any stage, with digests: what its nodes may read.
        patterns: The arguments that name files.
    """

    stage: str
    key: str
    prepared: PreparedApp
    args: Mapping[str, Any]
    reads: Sequence[Mapping[str, Any]] = ()
    patterns: Sequence[str] = ()

    def spec(self, run_folder: Path, threads: int) -> WorkerSpec:
        """What its workers are started with, in a run whose files are in `run_folder`."""
        roots = {**self.prepared.roots, ROOT: str(run_folder / FILES)}
        return replace(self.prepared.spec, roots=roots, threads=threads)

    @property
    def prefix(self) -> str:
        """How the names of its nodes begin."""
        return f"{self.stage}/"

    def record(self) -> dict[str, Any]:
        """What a run must know of it to be gone on with."""
        prepared = self.prepared
        return {
            "key": self.key,
            "app": prepared.app.name,
            "reference": prepared.app.reference,
            "environment": prepared.environment.fingerprint,
            "source_digest": prepared.snapshot.digest,
            "compiled": prepared.built.record() if prepared.built else None,
        }


def prepare_app_stage(
    store: Store,
    resolved: ResolvedStage,
    folder: Path,
    *,
    offline: bool,
    threads: int,
    say: Callable[[str], None],
) -> AppStage:
    """Make the app of a stage ready. Raises what preparing an app raises, and for arguments that it does not have."""
    stage = resolved.stage
    assert stage.app is not None
    beside = folder / stage.app
    app = find_app(str(beside) if (beside / "pyproject.toml").is_file() else stage.app, store.workspace)
    prepared = prepare(store, app, offline=offline, threads=threads, say=say)
    waiting = {name: value for name, value in stage.args.items() if _waits(value, resolved)}
    settled = _settled(prepared, store, stage, waiting, say)
    schema = prepared.description["args_schema"]
    reads: list[dict[str, Any]] = []
    if prepared.has_nodes:
        digests = FileDigests(store.workspace.cache)
        try:
            reads = inputs_named(files_named(schema, settled), prepared.roots, digests)
        finally:
            digests.close()
    named = [name for name in schema.get("properties", {}) if files_named(schema, {name: "x"})]
    key = f"{prepared.environment.fingerprint}:{app.name}"
    return AppStage(stage.id, key, prepared, {**settled, **waiting}, reads, named)


def _waits(value: Any, resolved: ResolvedStage) -> bool:
    """Whether an argument stands for something that is known when the stages before have run."""
    if isinstance(value, (list, dict)):
        return any(_waits(one, resolved) for one in (value.values() if isinstance(value, dict) else value))
    names = {one.called for one in resolved.inputs} | {axis.name for axis in resolved.axes}
    return isinstance(value, str) and places(names).search(value) is not None


def _settled(
    prepared: PreparedApp,
    store: Store,
    stage: Stage,
    waiting: Mapping[str, Any],
    say: Callable[[str], None],
) -> dict[str, Any]:
    """The arguments that are known now, with the app's saved ones and its defaults, checked.

    Those that wait only have to be arguments of the app: its worker checks their values when they are there.
    """
    schema = prepared.description["args_schema"]
    known = properties(schema)
    given = {name: value for name, value in stage.args.items() if name not in waiting or name not in known}
    needed = [name for name in schema.get("required", ()) if name not in waiting]
    said = {**prepared.description, "args_schema": {**schema, "required": needed}}
    found = arguments(replace(prepared, description=said), store, given, say)
    return {name: value for name, value in found.items() if name not in waiting}


def nodes_of(app: AppStage, stage: Node, resolved: ResolvedStage, *, keep_going: bool) -> list[Node]:
    """What a stage becomes: the app's nodes below its name, after what the stage needs, and the one that gathers.

    `stage` is the node that it would be if it had code. The app's first nodes wait for what it needs and walk what it
    walks; the others follow these item by item, and the items of the app's own plan nest in it.
    """
    graph = app_graph(
        str(app.prepared.app.reference),
        app.prepared.described,
        app.args,
        app.key,
        keep_going=keep_going,
        policy=stage.policy,
    )
    nodes = [_below(app.prefix, node, graph, stage, resolved) for node in graph.nodes]
    return [*nodes, _gathering(app, stage, graph, keep_going=keep_going)]


def is_of(node: str, stage: str) -> bool:
    """Whether a node is one of those that a stage became."""
    return node == stage or node.startswith(f"{stage}/")


def _below(prefix: str, node: Node, graph: Graph, stage: Node, resolved: ResolvedStage) -> Node:
    name, needs = prefix + node.name, tuple(prefix + need for need in node.needs)
    if isinstance(node.foreach, Over):
        plan = prefix + node.foreach.node
        over = Nested(plan) if stage.foreach else Over(plan)
        policy = replace(node.policy, max_units=node.policy.max_units or MAX_UNITS_PER_RUN)
        return replace(node, name=name, needs=needs, foreach=over, policy=policy)
    if not needs:
        return replace(node, name=name, needs=resolved.needs, foreach=stage.foreach, require=stage.require)
    return replace(node, name=name, needs=needs, foreach=_following(prefix, node.needs, graph, stage))


def _following(prefix: str, needs: Sequence[str], graph: Graph, stage: Node) -> Foreach | None:
    """What a later node of the app walks, where the stage is mapped: the units of one before it, one by one.

    After the app's own items it walks what the stage walks: to follow the plan would be to need it.
    """
    if stage.foreach is None:
        return None
    plain = next((need for need in needs if not graph.axes[need]), None)
    return stage.foreach if plain is None else Over(prefix + plain)


def _gathering(app: AppStage, stage: Node, graph: Graph, *, keep_going: bool) -> Node:
    """The stage's own node: after everything that nobody else of the app needs, and whatever it promises by name."""
    needed = {need for node in graph.nodes for need in node.needs}
    outputs = stage.given["outputs"]
    last = [node.name for node in graph.nodes if node.name not in needed or node.name in outputs]
    partial = keep_going and any(graph.axes[name] for name in last)
    return Node(
        stage.name,
        GATHER,
        needs=tuple(app.prefix + name for name in last),
        foreach=_following(app.prefix, last, graph, stage),
        args={
            **{name: stage.args[name] for name in ("outputs", "inputs", "params", "files", "axes")},
            "reads": [dict(file) for file in app.reads],  # tagged already
            "patterns": tag(list(app.patterns)),
        },
        require="any" if partial else "all",
        environment=stage.environment,
        policy=Policy(cache=stage.policy.cache),
    )


def files_of(app: AppStage, folder: Path) -> Iterator[dict[str, Any]]:
    """The files that an app of nodes reads, as the lab calls them; those that it has no name for are left out."""
    for file in (untag(dict(one)) for one in app.reads):
        if file["root"] != "app":
            yield file
            continue
        path = Path(app.prepared.roots["app"], file["path"])
        if path.is_relative_to(folder):
            yield {**file, "path": path.relative_to(folder).as_posix()}
