"""`agilab report notebook-import`: what an import keeps of notebooks, and that it executes nothing of them.

The import is done in a process that is watched; what it made is held against the notebooks, read again as plain JSON.
"""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from agi_node.canonical import sha256_file
from agilab.contracts.base import parse_document
from agilab.contracts.lab_stages import LabStages, Stage, is_file
from agilab.contracts.notebook_import import NotebookImport
from agilab.contracts.report import Check
from agilab.evidence.report import Scope
from agilab.notebooks.code.patterns import matches
from agilab.notebooks.document.metadata import metadata_of
from agilab.workflow.notebooks.preview import names_of
from agilab.workflow.reports import counted, dialect, judged
from agilab.workflow.reports.cells import raw_cells
from agilab.workflow.reports.kept import One, kept
from agilab.workflow.reports.taken_out import taken_out
from agilab.workflow.reports.watching import watched_import

WHOLE = "the import"
"""What a check is about that concerns all notebooks together."""
_PLAIN_METADATA = frozenset({"kernelspec", "language_info"})
"""What every notebook has, and a lab need not keep to become one again."""


def notebook_import(scope: Scope, *, files: Sequence[Path]) -> tuple[list[Check], dict[str, Any]]:
    """Import notebooks, watched, write nothing, and judge what came of it. Raises nothing for what the files hold."""
    before = {path: _seen(path) for path in files}
    try:
        plain, seen = watched_import(files)
    except RuntimeError as problem:
        return [judged(WHOLE, "import", str(problem), "", {"files": len(files)}, "executed")], {}
    report = NotebookImport.model_validate(plain)
    checks = [_nothing_executed(seen, before), *import_checks(report, files)]
    return checks, _details(report, _lab_of(report))


def import_checks(report: NotebookImport, files: Sequence[Path]) -> Iterator[Check]:
    """What an import says it made of these files, held against the files."""
    lab = _lab_of(report)
    by_name = dict(zip(names_of(files), files, strict=True))
    for notebook in report.notebooks:
        one = One(notebook, by_name[notebook.name], lab)
        yield from kept(one, report)
        yield from taken_out(one, report)
    if not any(one.stages or one.parameters for one in report.notebooks):
        return  # nothing was made of them: there is nothing that could be lost
    yield _files(report, lab)
    yield _metadata(files, lab)
    yield dialect.dialect_check(WHOLE, lab)


def _lab_of(report: NotebookImport) -> LabStages:
    return parse_document(report.toml, LabStages, "the import")


def _nothing_executed(seen: dict[str, list[str]], before: dict[Path, Any]) -> Check:
    touched = [path.name for path, was in before.items() if _seen(path) != was]
    evidence = {kind: len(found) for kind, found in seen.items()} | {"files_changed": len(touched)}
    found = [f"{kind}: {', '.join(what[:3])}" for kind, what in seen.items() if what]
    found += [f"changed: {', '.join(touched)}"] if touched else []
    good = "no code of theirs ran, no file was opened to write, no process, no connection (told by Python's audit)"
    return judged(WHOLE, "not_executed_import", "; ".join(found), good, evidence, "executed")


def _seen(path: Path) -> Any:
    """What would tell that a file, or the folder around it, was touched."""
    try:
        digest = sha256_file(path) if path.is_file() else ""  # a pipe would be waited for
        return digest, sorted(other.name for other in path.absolute().parent.iterdir())
    except OSError:
        return None


# -- all of them ----------------------------------------------------------------------------------------------------


def _is_named(path: str, named: set[str], code: str) -> bool:
    """Whether cells name a file: as it is, by a pattern, by a folder, or below one that they go to: `os.chdir(…)`."""
    path = path.rstrip("/")
    return any(
        path == one
        or path.startswith(f"{one}/")
        or matches(one, path)
        or (path.endswith(f"/{one}") and path.removesuffix(f"/{one}") in code)
        for one in named
    )


def _files(report: NotebookImport, lab: LabStages) -> Check:
    """Files that stages take and give are those that the notebooks' text names, each with a direction."""
    found = [one for notebook in report.notebooks for one in notebook.artifacts]
    ways = Counter(str(one.get("direction")) for one in found)
    taken = {name for stage in lab.stages for name in _paths(stage)}
    named = {str(one["path"]).removeprefix("./") for one in found}
    for workdir in {stage.workdir for stage in lab.stages} - {""}:
        named |= {posixpath.normpath(posixpath.join(workdir, one)) for one in named}
    modules = {
        str(one["module"]).partition(".")[0]
        for notebook in report.notebooks
        for one in notebook.imports
        if one.get("known_by") == "local"
    }
    code = "\n".join(stage.code or "" for stage in lab.stages)
    invented = sorted(
        name
        for name in taken
        if not _is_named(name.removeprefix("./"), named, code)
        and not (name.endswith(".py") and modules & {*name.removesuffix(".py").split("/")})
        and not set(name) & set("*{")
    )
    evidence = {"references": len(found), "directions": dict(ways), "of_stages": sorted(taken)}
    problem = f"no cell names {', '.join(invented[:4])}" if invented else ""
    ways_said = ", ".join(f"{count:,} {way}" for way, count in sorted(ways.items())) or "none"
    good = f"{ways_said}; stages take and give {counted(len(taken), 'file')} of these"
    return judged(WHOLE, "artifacts", problem, good, evidence)


def _paths(stage: Stage) -> set[str]:
    inputs = [one if isinstance(one, str) else one.name for one in stage.inputs]
    return {name for name in (*inputs, *stage.outputs) if is_file(name)}


def _metadata(files: Sequence[Path], lab: LabStages) -> Check:
    """What other tools wrote into the notebooks' metadata is in the lab."""
    theirs: dict[str, Any] = {}
    lost = []
    for path, name in zip(files, names_of(files), strict=True):
        raw = raw_cells(path)
        kept = metadata_of(lab.lab, name)
        for key, value in (raw.metadata if raw else {}).items():
            if key in _PLAIN_METADATA:
                continue
            theirs[key] = value
            if kept.get(key) != value:
                lost.append(f"{key} of {path.name}")
    problem = f"not kept: {', '.join(lost[:4])}" if lost else ""
    good = f"metadata of other tools kept: {', '.join(sorted(theirs)) or 'there is none'}"
    return judged(WHOLE, "metadata", problem, good, {"keys": sorted(theirs), "lost": lost})


def _details(report: NotebookImport, lab: LabStages) -> dict[str, Any]:
    return {
        "mode": report.mode,
        "importable": report.importable,
        "notebooks": [
            {
                "name": one.name,
                "counts": one.counts,
                "execution": one.execution,
                "artifacts": [
                    {key: each.get(key) for key in ("path", "direction", "kind", "cell", "line")}
                    for each in one.artifacts
                ],
                "edges": len(one.edges),
                "undecided": [each.plain() for each in one.undecided],
            }
            for one in report.notebooks
        ],
        "stages": dialect.rows(lab),
        "findings": [finding.plain() for finding in report.findings],
    }
