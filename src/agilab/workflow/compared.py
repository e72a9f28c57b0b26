"""Two versions of a lab compared with the code that lies in files: that of stages, and the modules that they import."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agilab.contracts.lab_stages import LabStages, Stage
from agilab.contracts.moments import kinds_between
from agilab.workflow.document.diff import FieldChange, LabDiff, StageChange, compare, lines_between
from agilab.workflow.document.paths import leaves_the_lab
from agilab.workflow.running.code import modules_of, own_modules


@dataclass(frozen=True)
class Version:
    """A document, and the folder with the Python files beside it; `kinds` tells its dates (`contracts.moments`)."""

    lab: LabStages
    folder: Path
    kinds: Mapping[str, Any] = field(default_factory=dict)

    def text_of(self, stage: Stage) -> str | None:
        """The code of a stage that is in a file; None where it is in none that can be read."""
        if stage.file is None or leaves_the_lab(stage.file):
            return None
        return _read(self.folder / stage.file)


@dataclass(frozen=True)
class ModuleChange:
    """A module of the lab that is another, and the stages that import it, directly or by others.

    Attributes:
        kind: `added` and `removed` are said of what stages import, not only of what lies there.
    """

    module: str
    kind: str
    stages: tuple[str, ...]
    lines: tuple[str, ...]

    def to_plain(self) -> dict[str, Any]:
        """The change as JSON."""
        return {
            "module": self.module,
            "kind": self.kind,
            "stages": list(self.stages),
            "lines": list(self.lines),
        }


@dataclass(frozen=True)
class Compared:
    """All differences of two versions."""

    document: LabDiff
    modules: tuple[ModuleChange, ...]

    @property
    def same(self) -> bool:
        return self.document.same and not self.modules


def compare_versions(before: Version, after: Version, *, runs: bool = False) -> Compared:
    """What is another in the documents, in the files of stages' code, and in the lab's modules that stages import."""
    found = _with_kinds(compare(before.lab, after.lab, runs=runs), before, after)
    return Compared(_with_files(found, before, after), _modules(before, after))


def _with_kinds(found: LabDiff, before: Version, after: Version) -> LabDiff:
    """The differences of the documents, and what is a date in one of them and its text in the other."""
    fields = tuple(
        FieldChange(f"kind of {where}", was, now)
        for where, was, now in kinds_between((before.lab, before.kinds), (after.lab, after.kinds))
    )
    return LabDiff((*found.lab, *fields), found.stages)


def _with_files(found: LabDiff, before: Version, after: Version) -> LabDiff:
    """The differences of the documents, and those of the files that stages of both name."""
    old = {stage.id: stage for stage in before.lab.stages}
    said = {change.stage: change for change in found.stages if change.kind != "removed"}
    changes: list[StageChange] = []
    for stage in after.lab.stages:
        change = said.get(stage.id)
        was = old.get((change.was or "") if change else stage.id)
        field = _file_change(before.text_of(was), after.text_of(stage), stage) if was else None
        if field is not None:
            fields = (*(change.fields if change else ()), field)
            moved = change.moved if change else False
            change = StageChange(stage.id, "changed", was.id if was else None, moved, fields)
        changes += [change] if change else []
    removed = [change for change in found.stages if change.kind == "removed"]
    return LabDiff(found.lab, (*changes, *removed))


def _file_change(old: str | None, new: str | None, stage: Stage) -> FieldChange | None:
    if old == new or (old is None and stage.file is None):
        return None
    return FieldChange(f"code in {stage.file or 'a file'}", old, new, lines_between(old or "", new or ""))


def _modules(before: Version, after: Version) -> tuple[ModuleChange, ...]:
    old, new = _imported(before), _imported(after)
    found = []
    for module in sorted({*old, *new}):
        was, now = (_read(side[module][0]) if module in side else None for side in (old, new))
        if was == now:
            continue
        kind = "added" if was is None else "removed" if now is None else "changed"
        stages = (new if module in new else old)[module][1]
        found.append(ModuleChange(module, kind, tuple(stages), lines_between(was or "", now or "")))
    return tuple(found)


def _imported(version: Version) -> Mapping[str, tuple[Path, list[str]]]:
    """The modules of the lab that stages import, each with its file and those stages."""
    modules = own_modules(version.folder)
    found: dict[str, tuple[Path, list[str]]] = {}
    for stage in version.lab.stages:
        text = stage.code or version.text_of(stage) or ""
        for module, path in modules_of([text], modules).items():
            found.setdefault(module, (path, []))[1].append(stage.id)
    return found


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8-sig", errors="replace")
    except OSError:
        return None
