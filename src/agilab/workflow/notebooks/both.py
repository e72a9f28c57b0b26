"""A notebook that ran, beside the run of the stages that it became."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from agi_node.canonical import untag
from agilab.contracts.notebook_import import ImportedNotebook, ImportedStage
from agilab.notebooks.python.parsing import parse_notebook
from agilab.notebooks.reading import read
from agilab.store.store import Store
from agilab.workflow.document.paths import name_of, path_of
from agilab.workflow.notebooks.endings import advice_on, left_outside, missing_module
from agilab.workflow.notebooks.kernel import Failed, Ran
from agilab.workflow.notebooks.lost_files import caches_in
from agilab.workflow.notebooks.room import Room
from agilab.workflow.running.prepare import Lab

_REMOVES = re.compile(
    r"\b(?:remove|unlink|removedirs|rmdir|rmtree|move|rename|renames|cleanup)\s*\(|\bos\.replace\s*\("
    r"|\.replace\([^,()]+\)|^\s*[!%]?\s*(?:rm|mv|rmdir)\s",
    re.MULTILINE,
)
"""Calls and commands after which a file is not where it was."""


@dataclass(frozen=True)
class Both:
    """A notebook that ran, and the run of the stages that it became.

    Attributes:
        written: The files that the notebook wrote, by path, with the time of the last change.
        unseen: Names that it leaves and that reading does not find, with the stages that were asked for them.
        draws: Whether it draws random numbers without a seed.
        python: The interpreter of the lab's environment.
    """

    store: Store
    run_id: str
    lab: Lab
    notebook: ImportedNotebook
    file: Path
    ran: Ran
    room: Room
    written: Mapping[str, float] = field(default_factory=dict)
    unseen: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    draws: bool = False
    python: Path = Path("python")

    @cached_property
    def left(self) -> Mapping[str, dict[str, Any] | None]:
        """What each stage recorded; None for one that did not end well."""
        return {stage.id: self._left(stage.id) for stage in self.notebook.stages}

    def _left(self, stage: str) -> dict[str, Any] | None:
        found = self.store.value(self.store.result(self.run_id, stage))
        return untag(found) if isinstance(found, dict) else None

    @property
    def pipeline_s(self) -> float:
        """Seconds that the notebook's stages took, added up."""
        mine = {stage.id for stage in self.notebook.stages}
        return sum(
            (unit.duration_us or 0) / 1e6 for unit in self.store.units(self.run_id) if unit.node in mine
        )

    @cached_property
    def failed_stage(self) -> str:
        """The stage that has the cell at which the notebook failed; empty where none has, or none failed.

        Of a cell that is not run by itself, such as one of imports, the first stage that failed with its statements.
        """
        failed = self.ran.failed
        at = next(
            (at for at, one in enumerate(self.notebook.stages) if failed and failed.cell in one.cells), None
        )
        if at is None:
            return ""
        own, *below = (one.id for one in self.notebook.stages[at:])
        if own in self._states:
            return own
        return next((one for one in below if self._states.get(one) == "failed"), own)

    @cached_property
    def _states(self) -> Mapping[str, str]:
        """How the unit of each stage ended."""
        return {unit.node: unit.state for unit in self.store.units(self.run_id)}

    @cached_property
    def fails_alike(self) -> bool:
        """Whether the stage of the cell at which the notebook failed ended with the same error, and none before it."""
        failed, stage = self.ran.failed, self.failed_stage
        if failed is None or not stage:
            return False
        states = self._states
        before = [one.id for one in self.notebook.stages[: [s.id for s in self.notebook.stages].index(stage)]]
        if states.get(stage) != "failed" or any(states.get(one) == "failed" for one in before):
            return False
        return stage in self._errors and _is_same_error(failed, self._errors[stage])

    @cached_property
    def _errors(self) -> Mapping[str, Mapping[str, Any]]:
        """The last error of each stage of the lab that had one."""
        events = self.store.events(self.run_id, kinds=("attempt_failed",))
        return {(event.unit_id or "").partition("[")[0]: event.data.get("error") or {} for event in events}

    @cached_property
    def failures(self) -> Mapping[str, str]:
        """What the stages of the whole lab failed with that did, in words."""
        failed = [stage for stage, state in self._states.items() if state == "failed"]
        return {stage: _said(self._errors.get(stage, {})) or f"{stage} failed" for stage in failed}

    @cached_property
    def cannot_run(self) -> str:
        """Why the notebook, which stopped, cannot be run here, and what helps; empty where that is not so."""
        failed, folder = self.ran.failed, self.lab.folder
        if failed is None or self.ran.died:
            return ""
        if path := left_outside(failed, self.notebook, self.file, Path(self.ran.place), self.room):
            return (
                f"cell {failed.cell} takes {path}, which is outside the notebook's folder (NB-303): neither a verified "
                f"run of it nor a stage has what lies there. Bring it into the folder. {failed}"
            )
        module = missing_module(failed)
        if not module:
            return ""
        return (
            f"the notebook does not run in this environment: cell {failed.cell} needs {module}. "
            f"{advice_on(module, folder)}"
        )

    def reached(self, stage: ImportedStage) -> bool:
        """Whether the notebook came to the end of a stage's cells."""
        return self.ran.failed is None or all(cell < self.ran.failed.cell for cell in stage.cells)

    def cell_of(self, name: str, stage: ImportedStage) -> int | None:
        """The last cell of a stage that gives a name."""
        giving = [cell for cell in stage.cells if name in self._bound.get(cell, ())]
        return giving[-1] if giving else stage.cells[-1] if stage.cells else None

    @cached_property
    def files_left(self) -> frozenset[str]:
        """Every file that a stage of the whole lab left."""
        return frozenset().union(*self.files_by_stage.values())

    @cached_property
    def files_by_stage(self) -> Mapping[str, frozenset[str]]:
        """The files that each stage of the whole lab left, in the order of its stages."""
        ended = {stage: self._left(stage) or {} for stage in self.lab.resolved.order}
        return {
            stage: frozenset(path for files in (one.get("files") or {}).values() for path in files)
            for stage, one in ended.items()
        }

    @property
    def caches(self) -> tuple[str, ...]:
        """Folders of caches in which the notebook left something."""
        return caches_in(self.written)

    def promised(self) -> Iterator[str]:
        """Files of stages that did not end well."""
        for stage in self.lab.resolved.order:
            if self._left(stage) is None:
                outputs = self.lab.resolved.stages[stage].stage.outputs
                yield from (name_of(name).removeprefix("./") for name in outputs)

    def removes_later(self, path: str, stage: str) -> bool:
        """Whether a file of a stage is moved or removed by a cell below it, which takes or names it."""
        name = path_of(path)
        parts = [part for part in PurePosixPath(path).parts if part not in ("..", "/")]
        ids = [one.id for one in self.notebook.stages]
        for below in self.notebook.stages[ids.index(stage) + 1 :] if stage in ids else ():
            text = self.text_of(below)
            known = self.lab.resolved.stages.get(below.id)
            takes = known is not None and name in {name_of(one.name) for one in known.inputs}
            if _REMOVES.search(text) and (takes or any(part in text for part in parts)):
                return True
        return False

    def text_of(self, stage: ImportedStage) -> str:
        """The cells of a stage as they stand in the notebook."""
        sources = {cell.index: cell.source for cell in read(self.file).cells}
        return "\n".join(sources.get(cell, "") for cell in stage.cells)

    @cached_property
    def _bound(self) -> Mapping[int, set[str]]:
        return names_given(self.file)

    def look(self, stage: str, *, files: bool = False) -> str:
        """The command that shows what a stage leaves."""
        folder = [] if self.lab.folder.resolve() == Path.cwd() else [str(self.lab.folder)]
        return shlex.join(
            ["agilab", "workflow", "try", stage, *folder, *(["--keep", "look"] if files else [])]
        )


def _is_same_error(failed: Failed, error: Mapping[str, Any]) -> bool:
    """Whether a stage's error is that of a notebook, by its class and by the first line of what it says."""
    kind = str(error.get("type") or failed.name).rpartition(".")[2]
    text, what = failed.text.strip().partition("\n")[0], str(error.get("what", ""))
    said = "\n".join(map(str, error.values()))
    return kind == failed.name and (text in said if text else what.endswith(f" raised {error.get('type')}"))


def _said(error: Mapping[str, Any]) -> str:
    """What went wrong in a stage, and where its code raised that for want of a package, how to get it."""
    what = str(error.get("what") or "")
    helps = error.get("code") == "AGI-RUN-101" and error.get("found") and error.get("try")
    return f"{what} ({error['found']}: {error['try']})" if helps else what


def names_given(file: Path) -> dict[int, set[str]]:
    """By cell of a notebook the names that its text gives."""
    return {
        parsed.cell.index: set(_bound(parsed.tree))
        for parsed in parse_notebook(read(file)).cells
        if parsed.tree is not None
    }


def _bound(tree: ast.AST) -> Iterator[str]:
    """Names that a cell gives: by assignment, definition or import, also to an item or an attribute of one."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield node.name
        elif isinstance(node, ast.alias):
            yield (node.asname or node.name).partition(".")[0]
        elif isinstance(node, (ast.Attribute, ast.Subscript)) and isinstance(node.ctx, ast.Store):
            inner: ast.expr = node
            while isinstance(inner, (ast.Attribute, ast.Subscript)):
                inner = inner.value
            if isinstance(inner, ast.Name):
                yield inner.id
