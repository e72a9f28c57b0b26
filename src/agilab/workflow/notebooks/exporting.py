"""From a lab on disk to a notebook on disk, and the proof that the way back loses nothing."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from agi_node.errors import FAILED, AgiError
from agilab.contracts.atomic import write_atomically
from agilab.contracts.lab_stages import Input, LabStages
from agilab.contracts.moments import kinds_between, kinds_in
from agilab.notebooks.document.attachments import paths_of
from agilab.notebooks.reading import read
from agilab.notebooks.stages.texts import stand_in
from agilab.notebooks.supervisor.changes import Change
from agilab.notebooks.supervisor.export import notebook_of, text
from agilab.notebooks.supervisor.read_back import ReadBack, is_supervisor, read_back
from agilab.notebooks.supervisor.single_kernel import is_magic, single_kernel
from agilab.store.workspace import Workspace
from agilab.workflow.notebooks.bringing import within
from agilab.workflow.notebooks.given import given, remember_export
from agilab.workflow.notebooks.joined import is_of, joined
from agilab.workflow.notebooks.text_forms import in_text, lost_in_text
from agilab.workflow.notebooks.union import Union, kernel_order, union_of
from agilab.workflow.running.code import text_of
from agilab.workflow.running.prepare import lab_from


@dataclass(frozen=True)
class Exported:
    """A notebook that was made of a lab.

    Attributes:
        union: For a notebook with one kernel, how it came to be allowed.
    """

    path: Path
    cells: int
    union: Union | None = None

    def to_plain(self) -> dict[str, Any]:
        """The same as JSON."""
        found: dict[str, Any] = {"status": "succeeded", "path": str(self.path), "cells": self.cells}
        return {**found, "union": self.union.to_plain()} if self.union else found


def export_lab(document: LabStages, path: Path, output: Path) -> Exported:
    """Write the notebook that runs a lab, each stage in its environment; `path` is the lab's document."""
    relative = os.path.relpath(path.resolve(), output.resolve().parent).replace(os.sep, "/")
    kinds = kinds_in(path.read_text(encoding="utf-8")) if path.is_file() else {}
    pictures = _pictures(document, path.parent, output)
    notebook = notebook_of(document, file=relative, pictures=pictures, kinds=kinds)
    exported = _write(notebook, output)
    remember_export(output, path, document)
    return exported


def export_single_kernel(
    document: LabStages, path: Path, output: Path, workspace: Workspace, *, offline: bool = False
) -> Exported:
    """Write a lab as one ordinary notebook. Raises AGI-STAGE-049 where its stages cannot share one kernel."""
    lab = lab_from(path, _in_one_kernel(document))
    union = union_of(lab, workspace, offline=offline)
    if not union.allowed:
        raise AgiError(
            "AGI-STAGE-049",
            "these stages cannot share one kernel",
            found="; ".join(obstacle.what for obstacle in union.obstacles[:4]),
            allowed="one runtime, environments that resolve together, names that keep their meaning, "
            "code that neither ends Python nor asks for its file",
            try_=f"agilab notebook export {shlex.quote(str(path.parent))}",
            exit_code=FAILED,
        )
    order = kernel_order(lab)
    run = {stage.id for stage in document.stages if stage.id in order and not is_magic(stage)}
    codes = {stage.id: text_of(stage, lab.folder) for stage in document.stages if stage.id in run}
    pictures = _pictures(document, path.parent, output)
    exported = _write(single_kernel(document, codes, order, pictures), output)
    return Exported(exported.path, exported.cells, union)


def _in_one_kernel(document: LabStages) -> LabStages:
    """The same with cells of other languages (`%%R`) as stages that take and give what they say: a kernel runs them."""
    stages = [
        stage.with_changes(runtime="python", code=stand_in(map(_called, stage.inputs), stage.outputs))
        if is_magic(stage)
        else stage
        for stage in document.stages
    ]
    return document.with_changes(stages=tuple(stages))


def _called(one: str | Input) -> str:
    return one if isinstance(one, str) else one.called or one.name


def _pictures(document: LabStages, folder: Path, output: Path) -> dict[str, bytes]:
    """The files of a lab that its cells show, as far as they are there; only an .ipynb can hold them."""
    if output.suffix != ".ipynb":
        return {}
    paths = [path for path in paths_of(document) if within(path) and (folder / path).is_file()]
    return {path: (folder / path).read_bytes() for path in paths}


def _write(notebook: dict[str, Any], output: Path) -> Exported:
    content = text(notebook) if output.suffix == ".ipynb" else in_text(notebook, output.name)
    write_atomically(output, content.encode("utf-8"))
    return Exported(output, len(notebook["cells"]))


@dataclass(frozen=True)
class RoundTrip:
    """A lab there and back, or what a notebook says beside its lab.

    Attributes:
        identical: Whether the lab that comes back is the lab, and nothing stands in the notebook that cannot be read.
        lost: Stages and fields that differ.
        not_in_percent: What a Python file with percent cells would not give back, so that it is not exported to one;
            empty where it comes back whole, None where that was not asked or jupytext is not there.
    """

    identical: bool
    lost: tuple[str, ...]
    changes: tuple[Change, ...]
    not_in_percent: str | None = None

    def to_plain(self) -> dict[str, Any]:
        """The answer as JSON."""
        return {
            "identical": self.identical,
            "lost": list(self.lost),
            "changes": [change.to_plain() for change in self.changes],
            "not_in_percent": self.not_in_percent,
        }


def round_trip(
    document: LabStages, notebook: Path | None = None, *, toml: str = "", path: Path | None = None
) -> RoundTrip:
    """Take a lab to a notebook and back; or compare it with a notebook that it was exported to.

    `toml` is the text of the document, which still knows a date from its text; `path` is where it lies, by which it is
    known what an import of that notebook took over already.
    Raises AGI-STAGE-051 for a notebook that no lab was exported to.
    """
    kinds = kinds_in(toml)
    if notebook is not None:
        found = _from(notebook)
        if path is not None:
            found = replace(found, base=found.base.later(given(notebook, path)))
        both = (_without_runs(document), _without_runs(found.document))  # a run since then is no edit
        lost = (*differences(*both), *other_kinds(document, kinds, found))
        whole = not any(change.stayed_behind for change in found.changes)
        if is_of(found, document):
            both_ways = joined(found, document)
            return RoundTrip(not lost and whole, lost, (*both_ways.since, *both_ways.changes))
        return RoundTrip(not lost and whole, lost, found.changes)
    made = notebook_of(document, kinds=kinds)
    found = read_back(read(text(made).encode(), name="lab.ipynb"))
    lost = (*differences(document, found.document), *other_kinds(document, kinds, found))
    return RoundTrip(not lost and not found.changes, lost, found.changes, not_in_percent(made))


def not_in_percent(notebook: Mapping[str, Any]) -> str | None:
    """What of a lab's notebook percent cells would not give back; None without jupytext, empty where all comes back."""
    try:
        return str(lost_in_text(notebook) or "")
    except AgiError:
        return None


def _from(path: Path) -> ReadBack:
    notebook = read(path)
    if not is_supervisor(notebook):
        raise AgiError(
            "AGI-STAGE-051",
            f"{path.name} is no notebook that a lab was exported to",
            found="; ".join(finding.what for finding in notebook.findings[:2]) or "no metadata of a lab",
            allowed="a notebook of `agilab notebook export`",
            try_=f"agilab notebook import {shlex.quote(str(path))}",
        )
    return read_back(notebook)


def differences(one: LabStages, other: LabStages) -> list[str]:
    """Stages and fields in which two labs differ, in words."""
    found = []
    if _said(one.lab) != _said(other.lab):
        found.append("what is said of the lab as a whole")
    mine, theirs = {s.id: s for s in one.stages}, {s.id: s for s in other.stages}
    found += [f"stage {name} is gone" for name in mine if name not in theirs]
    found += [f"stage {name} is new" for name in theirs if name not in mine]
    for name in mine.keys() & theirs.keys():
        left, right = _said(mine[name]), _said(theirs[name])
        fields = sorted(key for key in left.keys() | right.keys() if left.get(key) != right.get(key))
        found += [f"stage {name} has another {', '.join(fields)}"] if fields else []
    order = [stage.id for stage in other.stages if stage.id in mine]
    if order != [stage.id for stage in one.stages if stage.id in theirs]:
        found.append("the stages stand in another order")
    return found


def _without_runs(document: LabStages) -> LabStages:
    """The lab without what runs wrote back."""
    stages = tuple(stage.with_changes(last_run=None) for stage in document.stages)
    return document.with_changes(stages=stages)


def other_kinds(document: LabStages, kinds: Mapping[str, Any], back: ReadBack) -> list[str]:
    """Where a date or time of the document's TOML comes back as another kind, in words."""
    return [
        f"{where} is {was}, and {now} in the notebook"
        for where, was, now in kinds_between((document, kinds), (back.document, back.kinds))
    ]


def _said(record: Any) -> dict[str, Any]:
    plain: dict[str, Any] = record.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return plain
