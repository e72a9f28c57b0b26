"""A stage that calls an app: the app's own nodes as a part of the lab's graph, and what they leave as its outputs.

`queue` becomes `queue/plan`, `queue/work`, … in the app's environment, and a last node `queue` that hands on what the
stage promises: files by the names of the app's artifacts, values of JSON artifacts, and `summary`, the merged payload.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from agi_node.canonical import tag, untag
from agi_node.errors import FAILED, AgiError
from agilab.contracts.lab_stages import Stage, is_file
from agilab.engine.executor import Task
from agilab.engine.expansion import MAX_UNITS_PER_RUN, Item
from agilab.engine.foreach import Over
from agilab.engine.graph import Graph, Node, Policy
from agilab.engine.state import Unit
from agilab.engine.tasks import Needs
from agilab.envs.worker_process import WorkerSpec
from agilab.projects.discover import find_app
from agilab.projects.inputs import FileDigests
from agilab.projects.node_tasks import has_nodes
from agilab.projects.prepare import PreparedApp, arguments, prepare
from agilab.projects.tasks import AppTasks, app_graph
from agilab.store.store import Store
from agilab.store.transitions import WITH_VALUE
from agilab.workflow.document.resolve import Resolved, ResolvedStage

SUMMARY = "summary"
ROOT = "stage"
"""The root of files that a stage hands to its app: a folder of the run."""
_PLACE = re.compile(r"\{([^{}]+)\}")


@dataclass(frozen=True)
class AppStage:
    """An app that a stage calls.

    Attributes:
        key: Under which its workers stand: an environment alone would not say which source they import.
        args: As they will be given; a text `{name}` is filled in when the stages before have run.
    """

    stage: str
    key: str
    prepared: PreparedApp
    args: Mapping[str, Any]

    def spec(self, run_folder: Path, threads: int) -> WorkerSpec:
        """What its workers are started with, in a run whose files are in `run_folder`."""
        roots = {**self.prepared.roots, ROOT: str(run_folder / "stages" / self.stage)}
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
    lab: Resolved,
    stage: Stage,
    folder: Path,
    *,
    offline: bool,
    threads: int,
    say: Callable[[str], None],
) -> AppStage:
    """Make the app of a stage ready. Raises what preparing an app raises; AGI-STAGE-053 for what no stage can call."""
    assert stage.app is not None
    beside = folder / stage.app
    app = find_app(str(beside) if (beside / "pyproject.toml").is_file() else stage.app, store.workspace)
    prepared = prepare(store, app, offline=offline, threads=threads, say=say)
    if found := _cannot(lab, stage, prepared):
        raise AgiError(
            "AGI-STAGE-053",
            f"stage {stage.id} cannot call {app.name} so",
            found=found,
            allowed="an app of plan, work, reduce and publish, called once, on what stages that run once have left",
            try_="walk the items in the app's own plan, or gather them in a stage before",
            whose="author",
            exit_code=FAILED,
        )
    waits = any(_PLACE.search(value) for value in stage.args.values() if isinstance(value, str))
    # What is not known yet cannot be checked yet; the app's worker checks it when it is.
    args = dict(stage.args) if waits else arguments(prepared, store, stage.args, say)
    return AppStage(stage.id, f"{prepared.environment.fingerprint}:{app.name}", prepared, args)


def _cannot(lab: Resolved, stage: Stage, prepared: PreparedApp) -> str | None:
    """Why a stage cannot call its app; None where it can."""
    if stage.foreach:
        return "foreach"
    if has_nodes(prepared.description["nodes"]):
        return "an app of nodes"
    mapped = [one for one in lab.stages[stage.id].inputs if one.stage and lab.stages[one.stage].axes]
    return f"{mapped[0].name} of {mapped[0].stage}, which runs once for each item" if mapped else None


def nodes_of(app: AppStage, resolved: ResolvedStage, *, keep_going: bool, policy: Policy) -> list[Node]:
    """The app's nodes below the stage's name, after what the stage needs."""
    graph = app_graph(
        str(app.prepared.app.reference),
        app.prepared.description["nodes"],
        app.args,
        app.key,
        keep_going=keep_going,
        policy=policy,
    )
    found = []
    for node in graph.nodes:
        needs = tuple(app.prefix + need for need in node.needs) or resolved.needs
        foreach = Over(app.prefix + node.foreach.node) if isinstance(node.foreach, Over) else None
        found.append(replace(node, name=app.prefix + node.name, needs=needs, foreach=foreach))
    return found


def is_of(node: str, stage: str) -> bool:
    """Whether a node is one of those that a stage became."""
    return node == stage or node.startswith(f"{stage}/")


class CalledApp:
    """Gives the nodes of a called app what they read.

    Responsible for: filling in the values and files of the stages before. Everything else is `AppTasks`.
    """

    def __init__(
        self,
        store: Store,
        run_id: str,
        stage: Node,
        roots: Mapping[str, str],
        digests: FileDigests,
        value_of: Callable[[Mapping[str, Any]], Any],
        files_of: Callable[[Mapping[str, Any]], list[dict[str, Any]]],
    ) -> None:
        prefix = f"{stage.name}/"
        self._tasks = AppTasks(store, run_id, roots, digests, max_units=MAX_UNITS_PER_RUN, prefix=prefix)
        self._inputs = {one["called"]: one for one in untag(stage.args["inputs"])}
        self._params = untag(stage.args["params"])
        self._folder = Path(roots[ROOT])
        self._value_of = value_of
        self._files_of = files_of

    def remembers(self, node: Node) -> bool:
        return self._tasks.remembers(node)

    def items(self, node: Node, under: Unit | None) -> list[Item]:
        return self._tasks.items(node, under)

    def task(self, unit: Unit, node: Node, payload: Any, needs: Needs, attempt_id: str, folder: Path) -> Task:
        filled = replace(node, args=self._filled(node.args, self._place))
        return self._tasks.task(unit, filled, payload, needs, attempt_id, folder)

    def identity(self, unit: Unit, node: Node, payload: Any, needs: Needs) -> tuple[str, str] | None:
        filled = replace(node, args=self._filled(node.args, self._digests))
        return self._tasks.identity(unit, filled, payload, needs)

    def _filled(
        self, args: Mapping[str, Any], file: Callable[[str, Mapping[str, Any]], str]
    ) -> dict[str, Any]:
        """The arguments with what stages before have left; `file` says what stands for a file."""

        def given(name: str) -> Any:
            if name in self._params:
                return self._params[name]
            one = self._inputs[name]
            return file(name, one) if one["kind"] == "file" else self._value_of(one)

        known = {*self._inputs, *self._params}

        def value(text: Any) -> Any:
            if not isinstance(text, str):
                return text
            whole = _PLACE.fullmatch(text)
            if whole and whole.group(1) in known:
                return given(whole.group(1))
            return _PLACE.sub(
                lambda place: str(given(place.group(1))) if place.group(1) in known else place.group(), text
            )

        return dict(tag({name: value(text) for name, text in untag(dict(args)).items()}))

    def _place(self, name: str, one: Mapping[str, Any]) -> str:
        """Put a file of a stage before where the app can read it: `stage:out/a.csv`."""
        for file in self._files_of(one):
            target = self._folder / file["path"]
            if not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                target.symlink_to(file["source"])
        return f"{ROOT}:{name}"

    def _digests(self, name: str, one: Mapping[str, Any]) -> str:
        return f"{ROOT}:{name} {' '.join(str(file['digest']) for file in self._files_of(one))}"


def handed_on(store: Store, run_id: str, node: Node) -> dict[str, Any]:
    """What the last node of a called app is given: the app's artifacts as files, and values of those it promises."""
    prefix = f"{node.name}/"
    outputs = list(untag(node.args["outputs"]))
    artifacts = {
        Path(row.file).name: (row.name, row.digest)
        for row in store.artifacts(run_id)
        if row.unit_id.startswith(prefix)
    }
    path_of = store.objects.path
    files = [
        {"path": file, "source": str(path_of(digest)), "copy": False}
        for file, (_, digest) in artifacts.items()
        if file in outputs
    ]
    values: dict[str, Any] = {}
    for name in outputs:
        if is_file(name):
            continue
        for file, (called, digest) in artifacts.items():
            if called == name and file.endswith(".json"):
                values[name] = {"kind": "tagged", "value": json.loads(store.objects.read(digest))}
        if (
            name == SUMMARY
            and name not in values
            and (payload := _payload(store, run_id, prefix)) is not None
        ):
            values[name] = {"kind": "tagged", "value": payload}
    return {"values": values, "files": files, "item": {}}


def _payload(store: Store, run_id: str, prefix: str) -> Any:
    for unit, body in store.results(run_id, f"{prefix}reduce"):
        if unit.state in WITH_VALUE:
            value = store.value(body)
            return value["whole"]["payload"] if isinstance(value, dict) and "whole" in value else None
    return None


def of_an_app(graph: Graph) -> dict[str, Node]:
    """The last nodes of called apps, by the name of their stage."""
    names = {node.name.partition("/")[0] for node in graph.nodes if "/" in node.name}
    return {node.name: node for node in graph.nodes if node.name in names}
