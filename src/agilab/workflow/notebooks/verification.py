"""Proving an import: the notebook itself and the pipeline, both run, and what they leave compared.

The notebook runs from top to bottom in a Jupyter kernel (`kernel`), in a view of its folder (`room`), with the packages
of the lab's own environment; several of one folder run in one view, in the order in which they exchange files. Compared
(`comparison`) are the values that its names stand for at the end, every file that it writes, and what cells show and
print. What cannot be compared is said with its name, and why. Where something differs, the notebook runs once
more: what it does not repeat itself (`repeats`) cannot be asked of the pipeline.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from agilab.contracts.notebook_import import Compared, ImportedNotebook, NotebookImport, Verification
from agilab.engine.coordinator import Coordinator
from agilab.engine.executor import Report
from agilab.envs import Environment
from agilab.notebooks.stages.above import root_of
from agilab.projects.request import Faces
from agilab.store.store import Store
from agilab.store.workspace import Workspace
from agilab.workflow.ahead import errors_ahead, said_of
from agilab.workflow.judging.findings import Finding
from agilab.workflow.notebooks.both import Both, names_given
from agilab.workflow.notebooks.causes import with_causes
from agilab.workflow.notebooks.comparison import compared
from agilab.workflow.notebooks.cut_off import scratch_folder
from agilab.workflow.notebooks.endings import VERIFYING
from agilab.workflow.notebooks.kernel import Ran, jupyter_for, run_notebook, surroundings
from agilab.workflow.notebooks.other_languages import foreign_cells, in_other_languages
from agilab.workflow.notebooks.own_places import without_own_places
from agilab.workflow.notebooks.profile import own_profile
from agilab.workflow.notebooks.repeats import (
    Again,
    beside_chance,
    in_another_order,
    is_of_order,
    is_random,
    perhaps_by_chance,
    without_unrepeated,
    worth_repeating,
)
from agilab.workflow.notebooks.room import Room, room_for
from agilab.workflow.notebooks.verdicts import not_run, verdict_on
from agilab.workflow.running.execution import run_lab
from agilab.workflow.running.prepare import Lab, prepare_lab, read_lab
from agilab.workflow.running.request import LabRequest

UNSEEDED = "NB-511"
"""The finding of a notebook that draws random numbers without a seed."""


def verify_import(
    report: NotebookImport,
    notebooks: Mapping[str, Path],
    path: Path,
    workspace: Workspace | None = None,
    faces: Faces = Faces(),
) -> tuple[Verification, ...]:
    """Run each notebook and the lab at `path`, and compare them; one verification for each notebook.

    `notebooks` are the files by name. Nothing of their folders is changed. Stages that an ordinary run would refuse run
    here all the same, and that is told; notebooks that are not Python do not. Raises AGI-STAGE-047 where Jupyter cannot
    be had, what keeps a lab from running, and KeyboardInterrupt where its run was cancelled.
    """
    workspace = (workspace or Workspace.default()).ensure()
    lab = read_lab(path)
    order, still = _in_order(report, lab), in_other_languages(report)
    if not lab.resolved.stages or len(still) == len(order):
        return tuple(not_run(one.name, still.get(one.name, "")) for one in order)
    errors = errors_ahead(path, workspace)
    with Store(workspace) as store:
        environment = prepare_lab(store, lab, offline=False, say=faces.say).main
    jupyter = jupyter_for(workspace, environment, faces.say)
    with scratch_folder(VERIFYING) as scratch:
        workdirs = {
            one.origin.notebook or "": one.workdir
            for one in lab.document.stages
            if one.origin and one.workdir
        }
        kernel = _Kernel(jupyter, environment, surroundings(scratch), faces.say, workdirs)
        files = [(one, notebooks[one.name].resolve()) for one in order if one.name not in still]
        ended = list(_notebooks(files, kernel, scratch / "once"))
        faces.say("running the stages")
        request = LabRequest(path, track=False, keep_going=True, write_back=False, also=_asked(ended))
        request = replace(request, environ=kernel.shared)
        result = run_lab(request, workspace, _telling(faces))
        if result.status == "cancelled":
            raise KeyboardInterrupt(f"{result.run_id} was cancelled, so that there is nothing to compare")
        with Store(workspace) as store:
            unseeded = {one.location.notebook for one in report.findings if one.code == UNSEEDED}
            boths = [
                replace(_both(store, result.run_id or "", lab, one, unseeded), python=environment.python)
                for one in ended
            ]
            parts = [without_own_places(tuple(compared(both)), both, jupyter) for both in boths]
            _repeat(boths, parts, files, kernel, scratch)
            found = {
                both.notebook.name: verdict_on(
                    both, with_causes(both, mine), result, report.findings, _refused(both, errors)
                )
                for both, mine in zip(boths, parts, strict=True)
            }
            return tuple(found.get(one.name) or not_run(one.name, still[one.name]) for one in order)


def _refused(both: Both, errors: Sequence[Finding]) -> str:
    """Which of the errors that a run is refused for are of a notebook's stages."""
    mine = {one.id for one in both.notebook.stages}
    return "\n".join(said_of([one for one in errors if one.stage in mine]))


def _repeat(
    boths: Sequence[Both],
    parts: list[tuple[Compared, ...]],
    files: Sequence[tuple[ImportedNotebook, Path]],
    kernel: _Kernel,
    scratch: Path,
) -> None:
    """Run notebooks of which something differs again, and say in `parts` what they do not repeat themselves.

    One that draws without a seed, or does not repeat something, once more: two draws of few things are often the same.
    One that differs in the order of sets once more with another seed of hashes.
    """
    before, runs = list(parts), [list[Again]() for _ in boths]
    numbers = {both.file: at for at, both in enumerate(boths)}
    for run in (2, 3):
        doubtful = [
            both.file
            for both, mine in zip(boths, parts, strict=True)
            if worth_repeating(mine) and (run == 2 or both.draws or is_random(mine))
        ]
        for one in _notebooks(_up_to(files, doubtful, kernel), kernel, scratch / f"run-{run}", again=True):
            at = numbers[one.file]
            runs[at].append(Again(one.ran, one.room, one.written))
            parts[at] = without_unrepeated(before[at], boths[at], runs[at])
    unordered = [both.file for both, mine in zip(boths, before, strict=True) if any(map(is_of_order, mine))]
    if unordered:
        shared = {**kernel.shared, "PYTHONHASHSEED": str(int(kernel.shared["PYTHONHASHSEED"]) + 1)}
        other = replace(kernel, shared=shared)
        for one in _notebooks(_up_to(files, unordered, kernel), other, scratch / "hashes", again=True):
            at = numbers[one.file]
            parts[at] = in_another_order(
                parts[at], before[at], boths[at], Again(one.ran, one.room, one.written)
            )
    stages = beside_chance(boths, parts)
    for at, both in enumerate(boths):
        if both.draws:
            parts[at] = perhaps_by_chance(parts[at], 3, "it draws without a seed")
        elif is_random(parts[at]):
            why = "it stands beside what the notebook does not repeat, or takes from it"
            parts[at] = perhaps_by_chance(parts[at], 3, why, stages)


@dataclass(frozen=True)
class _Kernel:
    """What notebooks run with.

    Attributes:
        shared: Variables that the workers of their stages have too.
        workdirs: Where notebooks lie below their lab's folder, by name, for those that do.
    """

    jupyter: Path
    environment: Environment
    shared: Mapping[str, str]
    say: Callable[[str], None]
    workdirs: Mapping[str, str]

    def root(self, notebook: ImportedNotebook, file: Path) -> Path:
        """The folder of the lab of a notebook."""
        return root_of(file, self.workdirs.get(notebook.name, ""))


@dataclass(frozen=True)
class _Ended:
    """A notebook that ran.

    Attributes:
        written: The files that it wrote, with the time of the last change.
    """

    notebook: ImportedNotebook
    file: Path
    ran: Ran
    room: Room
    written: Mapping[str, float]

    @cached_property
    def unseen(self) -> dict[str, tuple[str, ...]]:
        """Names that it leaves and that reading does not find, with the stages that may have them, the last first."""
        if not self.ran.others:
            return {}
        given = {name for names in names_given(self.file).values() for name in names}
        doubtful = {one.cell for one in self.notebook.undecided}
        stages = [one.id for one in reversed(self.notebook.stages) if doubtful & {*one.cells}]
        return {name: tuple(stages) for name in self.ran.others if name not in given}


def _notebooks(
    files: Sequence[tuple[ImportedNotebook, Path]], kernel: _Kernel, scratch: Path, *, again: bool = False
) -> Iterator[_Ended]:
    """Run the notebooks, those of one folder in one room."""
    rooms: dict[Path, Room] = {}
    scratch.mkdir()
    profile = own_profile(scratch / "ipython")  # one for all: `%store -r` of one finds what another stored
    for number, (notebook, file) in enumerate(files):
        workdir = kernel.workdirs.get(notebook.name, "")
        folder = kernel.root(notebook, file)
        if folder not in rooms:
            place = scratch / f"room-{len(rooms)}"
            place.mkdir()
            rooms[folder] = room_for(folder, place, kernel.say)
        room = rooms[folder]
        how = "again: does it repeat itself?" if again else "in a kernel"
        kernel.say(f"running {notebook.name} {how}")
        before = room.written()
        ran = run_notebook(
            room,
            f"{workdir}/{file.name}" if workdir else file.name,
            sorted(notebook.wanted()),
            jupyter=kernel.jupyter,
            environment=kernel.environment,
            scratch=scratch / f"notebook-{number}",
            say=kernel.say,
            shared=kernel.shared,
            profile=profile,
            left_out=foreign_cells(file),
        )
        now = room.written()
        written = {path: when / 1e9 for path, (size, when) in now.items() if before.get(path) != (size, when)}
        yield _Ended(notebook, file, ran, room, written)


def _up_to(
    files: Sequence[tuple[ImportedNotebook, Path]], doubtful: Sequence[Path], kernel: _Kernel
) -> list[tuple[ImportedNotebook, Path]]:
    """Of each room the notebooks up to the last doubtful one: those above it may write what it reads."""
    roots = [kernel.root(notebook, file) for notebook, file in files]
    return [
        (notebook, file)
        for number, (notebook, file) in enumerate(files)
        if any(
            later in doubtful and root == roots[number]
            for (_, later), root in zip(files[number:], roots[number:], strict=True)
        )
    ]


def _both(store: Store, run_id: str, lab: Lab, one: _Ended, unseeded: Collection[str]) -> Both:
    draws = one.notebook.name in unseeded
    return Both(store, run_id, lab, one.notebook, one.file, one.ran, one.room, one.written, one.unseen, draws)


def _asked(ended: Sequence[_Ended]) -> dict[str, tuple[str, ...]]:
    """By stage the names whose values are wanted of it."""
    found: dict[str, tuple[str, ...]] = {}
    for one in ended:
        found |= {stage.id: () for stage in one.notebook.stages}
        for name, stages in (*one.notebook.wanted().items(), *one.unseen.items()):
            for stage in stages:
                found[stage] = (*found[stage], name)
    return found


def _in_order(report: NotebookImport, lab: Lab) -> list[ImportedNotebook]:
    """The notebooks in the order of their stages: whoever writes a file runs before whoever reads it."""
    place = {stage.id: number for number, stage in enumerate(lab.document.stages)}
    return sorted(
        report.notebooks,
        key=lambda notebook: min(
            (place.get(one.id, len(place)) for one in notebook.stages), default=len(place)
        ),
    )


def _telling(faces: Faces) -> Faces:
    """The same faces, which are also told of each stage when it has ended, and what it took."""
    began: dict[str, float] = {}
    told: set[str] = set()
    watch: Callable[[Coordinator, Report | None], None] | None = faces.observe

    def observe(coordinator: Coordinator, report: Report | None) -> None:
        if watch is not None:
            watch(coordinator, report)
        for name, node in coordinator.state.nodes.items():
            if node.running and name not in began:
                began[name] = time.monotonic()
            if node.finished and name not in told:
                told.add(name)
                took = f", {time.monotonic() - began[name]:.1f} s" if name in began else ""
                faces.note(f"stage {name} {node.state}{took}")

    return Faces(say=faces.say, note=faces.note, observe=observe)
