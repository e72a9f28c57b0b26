"""What a notebook left beside what its stages left: values, files, what cells showed."""

from __future__ import annotations

import ast
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from agi_node.canonical import sha256_file, untag
from agilab.contracts.notebook_import import Compared, ImportedNotebook, ImportedStage
from agilab.notebooks.parsing import parse_notebook
from agilab.notebooks.reading import read
from agilab.store.store import Store
from agilab.workflow.document.resolve import name_of
from agilab.workflow.notebooks.kernel import Ran
from agilab.workflow.notebooks.likeness import alike, first_difference, whole
from agilab.workflow.notebooks.room import Room
from agilab.workflow.running.prepare import Lab

SHOWN = 100
"""Letters of a value in a difference."""


@dataclass(frozen=True)
class Both:
    """A notebook that ran, and the run of the stages that it became."""

    store: Store
    run_id: str
    lab: Lab
    notebook: ImportedNotebook
    file: Path
    ran: Ran
    room: Room

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

    @property
    def failed_stage(self) -> str:
        """The stage that has the cell at which the notebook failed; empty where none has, or none failed."""
        failed = self.ran.failed
        return next((one.id for one in self.notebook.stages if failed and failed.cell in one.cells), "")

    @property
    def fails_alike(self) -> bool:
        """Whether the stage of the cell at which the notebook failed ended with the same error, and none before it."""
        failed, stage = self.ran.failed, self.failed_stage
        if failed is None or not stage:
            return False
        states = {unit.node: unit.state for unit in self.store.units(self.run_id)}
        before = [one.id for one in self.notebook.stages[: [s.id for s in self.notebook.stages].index(stage)]]
        if states.get(stage) != "failed" or any(states.get(one) == "failed" for one in before):
            return False
        said = [
            str(event.data.get("error"))
            for event in self.store.events(self.run_id, kinds=("attempt_failed",))
            if event.unit_id == stage
        ]
        text = failed.text.strip().partition("\n")[0]
        return bool(said) and failed.name in said[-1] and text in said[-1]

    def reached(self, stage: ImportedStage) -> bool:
        """Whether the notebook came to the end of a stage's cells."""
        return self.ran.failed is None or all(cell < self.ran.failed.cell for cell in stage.cells)

    def cell_of(self, name: str, stage: ImportedStage) -> int | None:
        """The last cell of a stage that gives a name."""
        giving = [cell for cell in stage.cells if name in self._bound.get(cell, ())]
        return giving[-1] if giving else stage.cells[-1] if stage.cells else None

    @cached_property
    def _bound(self) -> Mapping[int, set[str]]:
        found: dict[int, set[str]] = {}
        for parsed in parse_notebook(read(self.file)).cells:
            if parsed.tree is not None:
                found[parsed.cell.index] = set(_bound(parsed.tree))
        return found

    def look(self, stage: str, *, files: bool = False) -> str:
        """The command that shows what a stage leaves."""
        folder = [] if self.lab.folder.resolve() == Path.cwd() else [str(self.lab.folder)]
        return shlex.join(
            ["agilab", "workflow", "try", stage, *folder, *(["--keep", "look"] if files else [])]
        )


def compared(both: Both) -> Iterator[Compared]:
    """Everything that a notebook and its stages have in common, one beside the other."""
    by_id = {stage.id: stage for stage in both.notebook.stages}
    for name, stage in sorted(both.notebook.finals.items()):
        if stage not in by_id or both.ran.broken:
            continue
        yield _value(both, name, by_id[stage])
    for imported in both.notebook.stages:
        unit = both.left[imported.id]
        if unit is None or not both.reached(imported):
            continue
        yield from _files(both, imported.id, unit)
        if (shown := _shown(both, imported, unit)) is not None:
            yield shown


# -- values ---------------------------------------------------------------------------------------------------------


def _value(both: Both, name: str, stage: ImportedStage) -> Compared:
    nothing = {"why": "the stage did not end well"}
    mine = (both.left[stage.id] or {}).get("also", {}).get(name, nothing)
    theirs = both.ran.values.get(name, {"why": "the notebook did not come to its end"})
    if not both.reached(stage) and both.left[stage.id] is None:
        equal, why = None, "neither comes so far"
    else:
        equal, why = _judged(theirs, mine)
    return Compared(
        kind="value",
        name=name,
        stage=stage.id,
        equal=equal,
        why=why,
        cell=both.cell_of(name, stage),
        look=both.look(stage.id) if equal is False else "",
    )


def _judged(theirs: Mapping[str, Any], mine: Mapping[str, Any]) -> tuple[bool | None, str]:
    """Whether two fingerprints are of equal values, and where they differ."""
    for whose, one in (("the notebook", theirs), ("the pipeline", mine)):
        if "why" in one:
            gone = "does not leave it" in one["why"] or "did not" in one["why"]
            return (False if gone else None), f"{whose}: {one['why']}"
    if whole(theirs) == whole(mine) and (theirs["kind"] != "object" or theirs["digest"]):
        return True, ""
    parts = theirs.get("parts", ()), mine.get("parts", ())
    if theirs["kind"] == mine["kind"] == "object":
        return alike(*parts)
    said = first_difference(*parts)
    if "text" in theirs and "text" in mine and len(theirs["text"]) + len(mine["text"]) <= SHOWN:
        said = f"{theirs['text']} in the notebook, {mine['text']} in the pipeline"
    return False, said or f"{_brief(theirs)} in the notebook, {_brief(mine)} in the pipeline"


def _brief(one: Mapping[str, Any]) -> str:
    text = str(one.get("text") or one.get("name") or f"{one.get('kind')} {one.get('digest', '')[:12]}")
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 10]} …"


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


# -- files ----------------------------------------------------------------------------------------------------------


def _files(both: Both, stage: str, unit: Mapping[str, Any]) -> Iterator[Compared]:
    digests = {row.name: row.digest for row in both.store.artifacts(both.run_id) if row.unit_id == stage}
    later = _written_later(both.lab, stage)
    for path, artifact in ((p, a) for files in unit["files"].values() for p, a in files.items()):
        if name_of(path) in later:
            continue  # a stage below writes it again; what that one leaves is compared
        there = both.room.file(path)
        equal = there is not None and sha256_file(there) == digests[artifact]
        why = ""
        if there is None:
            why = "the notebook does not write it"
        elif not equal:
            why = _bytes(there, both.store.objects.path(digests[artifact]))
        yield Compared(
            kind="file",
            name=path,
            stage=stage,
            equal=equal,
            why=why,
            look="" if equal else both.look(stage, files=True),
        )


def _bytes(theirs: Path, mine: Path) -> str:
    """Where two files differ: the first line of texts, the first byte of others."""
    one, other = theirs.read_bytes(), mine.read_bytes()
    sizes = f"other bytes: {len(one):,} in the notebook, {len(other):,} in the pipeline"
    try:
        texts = one.decode("utf-8"), other.decode("utf-8")
    except UnicodeDecodeError:
        at = next(
            (n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
        )
        return f"{sizes}; from byte {at:,} on"
    return f"{sizes}; {_difference(*texts)}"


def _written_later(lab: Lab, stage: str) -> set[str]:
    order = list(lab.resolved.order)
    below = order[order.index(stage) + 1 :] if stage in order else []
    return {name_of(name) for one in below for name in lab.resolved.stages[one].stage.outputs}


# -- what cells showed ----------------------------------------------------------------------------------------------


def _shown(both: Both, stage: ImportedStage, unit: Mapping[str, Any]) -> Compared | None:
    """What the last cell of a stage showed; None where it showed nothing."""
    cell = stage.cells[-1] if stage.cells else None
    theirs, mine = both.ran.shown.get(cell) if cell is not None else None, unit.get("shown")
    if theirs is None or mine is None:
        return None
    vague, equal = " at 0x" in theirs, _tidy(theirs) == _tidy(mine)
    why = "it names an address of memory" if vague else "" if equal else _difference(theirs, mine)
    return Compared(
        kind="shown",
        name=f"cell {cell}",
        stage=stage.id,
        equal=None if vague else equal,
        why=why,
        cell=cell,
        look="" if equal or vague else both.look(stage.id),
    )


def _tidy(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.strip().splitlines())


def _difference(one: str, other: str) -> str:
    """The first line in which two texts differ."""
    theirs, mine = _tidy(one).splitlines(), _tidy(other).splitlines()
    for number, (left, right) in enumerate(zip(theirs, mine, strict=False), 1):
        if left != right:
            return f"line {number}: {_cut(left)} in the notebook, {_cut(right)} in the pipeline"
    if len(theirs) == len(mine):
        return "only ends of lines differ"
    return f"{len(theirs):,} lines in the notebook, {len(mine):,} in the pipeline"


def _cut(text: str) -> str:
    return repr(text if len(text) <= 80 else f"{text[:78]} …")
