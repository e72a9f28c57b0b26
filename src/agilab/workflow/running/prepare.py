"""Making a lab ready: its document, its environments, a snapshot of its source, the code and files of each stage."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agi_node.canonical import canonical, tag
from agi_node.errors import FAILED, AgiError
from agilab.contracts.lab_stages import LabStages, Stage
from agilab.contracts.subject import subject
from agilab.envs import Environment, ensure, local_libraries
from agilab.envs.worker_process import WorkerSpec
from agilab.projects.discover import find_app
from agilab.projects.inputs import FileDigests, fill_in_digests
from agilab.projects.machine import checkout
from agilab.projects.roots import roots_of
from agilab.store.snapshot import Snapshot, materialise, take
from agilab.store.store import Store
from agilab.store.workspace import Workspace
from agilab.workflow.document.lab_folder import exists, references
from agilab.workflow.document.locate import read_lab_file
from agilab.workflow.document.params import refuse_unbounded
from agilab.workflow.document.resolve import resolve
from agilab.workflow.document.resolved import Problem, Resolved
from agilab.workflow.running.app_stages import AppStage, files_of, prepare_app_stage
from agilab.workflow.running.code import StageCode, code_of, own_modules

Say = Callable[[str], None]


@dataclass(frozen=True)
class Lab:
    """A document of stages and where it lies.

    Attributes:
        name: The folder's name, by which people call it.
        document: With the params as they were asked for.
    """

    path: Path
    name: str
    document: LabStages
    resolved: Resolved

    @property
    def folder(self) -> Path:
        return self.path.parent

    @property
    def app(self) -> str:
        """The app under which its runs stand."""
        return subject("lab", self.name)


@dataclass(frozen=True)
class PreparedLab:
    """A lab whose stages can run.

    Attributes:
        snapshot: The source of the lab's own modules, without the document itself, which every run writes to.
        environments: By fingerprint, the lab's own first.
        environment_of: For each stage the fingerprint of its environment.
        apps: The apps that stages call.
        files: For each stage the files of the lab's folder that it reads, as references with digests, by input.
    """

    lab: Lab
    snapshot: Snapshot
    source: Path
    environments: Mapping[str, Environment]
    environment_of: Mapping[str, str]
    apps: Mapping[str, AppStage]
    code: Mapping[str, StageCode]
    files: Mapping[str, Mapping[str, list[dict[str, Any]]]]
    roots: Mapping[str, str]

    @property
    def main(self) -> Environment:
        return next(iter(self.environments.values()))

    @property
    def codes(self) -> dict[str, str]:
        """The digest of each node's code."""
        called = {
            app.prefix + name: code for app in self.apps.values() for name, code in app.prepared.codes.items()
        }
        return {**{name: code.digest for name, code in self.code.items()}, **called}

    @property
    def code_parts(self) -> dict[str, dict[str, str]]:
        """The parts of each node's code with their digests, by which a change is explained."""
        parts = {name: dict(code.parts) for name, code in self.code.items()}
        for app in self.apps.values():
            parts |= {app.prefix + name: found for name, found in app.prepared.code_parts.items()}
        return parts

    def specs(self, run_folder: Path, threads: int) -> dict[str, WorkerSpec]:
        """What workers of each environment, and of each app that is called, are started with."""
        own = {
            fingerprint: WorkerSpec(environment.python, self.source, None, self.roots, threads)
            for fingerprint, environment in self.environments.items()
        }
        return {**own, **{app.key: app.spec(run_folder, threads) for app in self.apps.values()}}

    def held(self) -> list[Environment]:
        """Every environment that a run works in."""
        return [*self.environments.values(), *(app.prepared.environment for app in self.apps.values())]

    def source_record(self) -> dict[str, Any]:
        """`AppSource` of the manifest."""
        return {
            "name": self.lab.app,
            "version": None,
            "source_digest": self.snapshot.digest,
            "vcs": checkout(self.lab.folder),
        }

    def inputs(self) -> list[dict[str, Any]]:
        """Every file of the folder that some stage reads, or that an app of nodes is given by name, once."""
        listed = [file for files in self.files.values() for mine in files.values() for file in mine]
        listed += [file for app in self.apps.values() for file in files_of(app, self.lab.folder)]
        return list({(file["root"], file["path"]): file for file in listed}.values())


def read_lab(path: Path, params: Mapping[str, Any] | None = None) -> Lab:
    """The lab that a document describes, with `params` in place of those in it.

    Raises what reading a document raises, AGI-STAGE-033 for a param that the lab does not have, -063 for one that JSON
    cannot carry, AGI-STAGE-030 for a lab whose stages cannot be put in order or lack an input, and -069 for another
    value of a param that no stage takes.
    """
    return lab_from(path, read_lab_file(path).lab, params)


def lab_from(
    path: Path, document: LabStages, params: Mapping[str, Any] | None = None, *, to_run: bool = True
) -> Lab:
    """The lab of a document that lies, or will lie, at `path`. Raises as `read_lab`.

    One that is only looked at (`to_run=False`) may lack inputs.
    """
    given, before = dict(params or {}), document.lab.params
    if unknown := given.keys() - before.keys():
        raise AgiError(
            "AGI-STAGE-033",
            "the lab has no param of that name",
            found=", ".join(sorted(unknown)),
            allowed=", ".join(before) or f"none: [lab.params] of {path.name} is empty",
        )
    if given:
        lab = document.lab.with_changes(params={**before, **given})
        document = document.with_changes(lab=lab)
    if to_run:
        refuse_unbounded(document)
    path = path.resolve()  # workers have other working folders
    folder = path.parent
    resolved = resolve(document, exists=lambda name: exists(folder, name))
    if to_run:
        _refuse_unresolved(path, resolved)
        _refuse_idle(path, resolved, {name for name in given if given[name] != before.get(name)})
    return Lab(path, folder.name, document, resolved)


def _refuse_idle(path: Path, resolved: Resolved, changed: Collection[str]) -> None:
    """Raise AGI-STAGE-069 where another value of a param would change nothing, but be recorded as if it had."""
    if idle := sorted(set(changed) - resolved.params):
        raise AgiError(
            "AGI-STAGE-069",
            f"no stage takes {'these params' if idle[1:] else 'this param'}, so another value changes nothing",
            found=", ".join(idle),
            allowed=", ".join(sorted(resolved.params)) or "none: no stage takes a param",
            try_=f"add it to the inputs of the stages that need it in {path.name}, and take out of their code "
            "what sets it",
        )


def prepare_lab(store: Store, lab: Lab, *, offline: bool, say: Say) -> PreparedLab:
    """Make every environment, take the snapshot, and note what each stage depends on.

    Raises what `envs.ensure` and `snapshot.take` raise, AGI-STAGE-031 and -032 for code, AGI-STAGE-034 for a stage
    whose environment cannot be found.
    """
    workspace = store.workspace
    stages = [lab.resolved.stages[name].stage for name in lab.resolved.order]
    environments: dict[str, Environment] = {}
    environment_of: dict[str, str] = {}
    own = Stage(id="own")
    apps: dict[str, AppStage] = {}
    for stage in [own, *stages]:
        if stage.kind == "app.run":
            resolved = lab.resolved.stages[stage.id]
            apps[stage.id] = prepare_app_stage(
                store, resolved, lab.folder, offline=offline, threads=1, say=say
            )
        if stage.kind == "app.install":
            ensure(find_app(str(stage.app), workspace).folder, workspace.home, offline=offline, on_step=say)
        if stage is not own and (stage.env == "" or stage.app is not None):
            environment_of[stage.id] = next(iter(environments))
            continue
        project = project_of(stage, lab.folder, workspace)
        environment = ensure(project, workspace.home, offline=offline, on_step=say)
        environments.setdefault(environment.fingerprint, environment)
        if stage is not own:
            environment_of[stage.id] = environment.fingerprint
    taken = take(lab.folder, store.objects, local_libraries(lab.folder, workspace.home))
    files = {name: digest for name, digest in taken.files.items() if name != lab.path.name}
    snapshot = Snapshot(store.objects.put(canonical(files)), files)
    source = materialise(snapshot, store.objects, workspace.snapshots)
    modules = own_modules(source)
    return PreparedLab(
        lab,
        snapshot,
        source,
        environments,
        environment_of,
        apps,
        {stage.id: code_of(stage, lab.document, lab.folder, modules) for stage in stages},
        _files(store, lab, roots_of(workspace, lab.folder)),
        roots_of(workspace, lab.folder),
    )


def _files(store: Store, lab: Lab, roots: Mapping[str, str]) -> dict[str, dict[str, list[dict[str, Any]]]]:
    """The files of the folder that stages read, with their digests: what a run reads is settled before it begins."""
    found: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for name in lab.resolved.order:
        for source in lab.resolved.stages[name].inputs:
            if source.kind == "file" and source.origin == "folder":
                found.setdefault(name, {})[source.name] = references(lab.folder, source.name, "app")
    digests = FileDigests(store.workspace.cache)
    try:
        for files in found.values():
            for listed in files.values():
                tagged = [tag(file) for file in listed]
                fill_in_digests(tagged, roots, digests)
                for file, filled in zip(listed, tagged, strict=True):
                    file["digest"] = filled["digest"]
    finally:
        digests.close()
    return found


def project_of(stage: Stage, folder: Path, workspace: Workspace) -> Path:
    """The uv project whose environment a stage runs in. Raises AGI-STAGE-034 where there is none."""
    if stage.env and not (folder / stage.env / "pyproject.toml").is_file():
        try:
            return find_app(stage.env, workspace).folder
        except AgiError:
            raise _no_project(
                f"stage {stage.id}", stage.env, "a folder with pyproject.toml, or an app"
            ) from None
    project = folder / stage.env
    if not (project / "pyproject.toml").is_file():
        raise _no_project(
            f"the lab {folder.name}", str(project), "pyproject.toml and uv.lock beside its stages"
        )
    return project.resolve()


def _no_project(whose: str, found: str, allowed: str) -> AgiError:
    return AgiError(
        "AGI-STAGE-034",
        f"{whose} has no environment to run in",
        found=found,
        allowed=allowed,
        try_="uv init --bare --no-workspace && uv add pydantic",
        whose="author",
        exit_code=FAILED,
    )


def _refuse_unresolved(path: Path, resolved: Resolved) -> None:
    found = [_in_words(problem) for problem in resolved.problems]
    found += [f"a ring of stages: {' -> '.join((*ring, ring[0]))}" for ring in resolved.cycles]
    if found:
        raise AgiError(
            "AGI-STAGE-030",
            f"{path.name} cannot be run as it stands",
            found="; ".join(found[:3]) + (f"; and {len(found) - 3} more" if len(found) > 3 else ""),
            allowed="stages whose inputs somebody makes",
            try_=f"agilab workflow validate {shlex.quote(str(path))}",
            whose="author",
            exit_code=FAILED,
        )


def _in_words(problem: Problem) -> str:
    words = {
        "missing": "which no stage makes, and is no param and no file",
        "ambiguous": f"which several stages make: {', '.join(problem.others)}",
        "unknown_stage": "and there is no such stage",
        "left_out": "which is disabled or only text",
        "not_made_there": f"which {', '.join(problem.others)} does not declare",
        "itself": "which is itself",
        "outside": "which leaves the lab's folder",
        "no_list": "which is a file and no list",
    }
    verb = {"inputs": "takes", "needs": "needs", "foreach": "walks"}[problem.key]
    return f"stage {problem.stage} {verb} {problem.name}, {words[problem.kind]}"


def stages_of(resolved: Resolved) -> Iterable[Stage]:
    """The stages that run, each after what it needs."""
    return (resolved.stages[name].stage for name in resolved.order)
