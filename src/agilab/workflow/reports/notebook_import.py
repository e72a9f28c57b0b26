"""`agilab report notebook-import`: what an import keeps of notebooks, and that it executes nothing of them.

The import is done in a process that is watched; what it made is held against the notebooks, read again as plain JSON.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agi_node.canonical import sha256_file
from agilab.contracts.base import parse_document
from agilab.contracts.lab_stages import LabStages, Stage, is_file
from agilab.contracts.notebook_import import ImportedNotebook, NotebookImport
from agilab.contracts.report import Check
from agilab.evidence.report import Scope
from agilab.notebooks.parsing import parse_notebook
from agilab.notebooks.reading import read
from agilab.workflow.reports import counted, dialect, judged, unknown
from agilab.workflow.reports.cells import Raw, RawCell, raw_cells
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
    by_name = {path.name: path for path in files}
    for notebook in report.notebooks:
        yield from _of_one(_One(notebook, by_name[notebook.name], lab), report)
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
        return sha256_file(path), sorted(other.name for other in path.absolute().parent.iterdir())
    except OSError:
        return None


# -- one notebook -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _One:
    """A notebook as it was imported, its file, and the stages that were made of all."""

    imported: ImportedNotebook
    path: Path
    lab: LabStages

    @property
    def name(self) -> str:
        return self.imported.name

    def stages(self) -> Iterator[tuple[Stage, tuple[int, ...]]]:
        """The stages that it became, each with the indices of its cells."""
        by_id = {stage.id: stage for stage in self.lab.stages}
        for one in self.imported.stages:
            if one.id in by_id:
                yield by_id[one.id], one.cells


def _of_one(one: _One, report: NotebookImport) -> Iterator[Check]:
    notebook = read(one.path)
    digest = sha256_file(one.path) if one.path.is_file() else ""
    problem = ""
    if not notebook.whole:
        grave = [finding.what for finding in notebook.findings if finding.severity == "error"]
        problem = "; ".join(grave[:2]) or "it could not be read whole"
    elif digest != one.imported.digest:
        problem = f"read as {one.imported.digest[:12]}, is {digest[:12]}"
    elif not one.imported.stages and not one.imported.parameters:
        problem = f"there is nothing in Python to import: {one.imported.language or 'no language said'}"
    evidence = {"sha256": digest, "format": one.imported.format, "language": one.imported.language}
    kind = f"{one.imported.format}, {one.imported.language or 'no language said'}"
    yield judged(one.name, "read", problem, f"{kind}: read whole", evidence)
    if problem:
        return
    raw = raw_cells(one.path)
    if raw is None:
        yield unknown(one.name, "cells", "no JSON of a notebook: there is nothing to count its cells by")
        return
    yield _cells(one, raw, report)
    yield _code(one)
    yield _markdown(one, raw)
    yield _lineage(one, raw)
    yield _outputs(one, raw)


def _cells(one: _One, raw: Raw, report: NotebookImport) -> Check:
    """Each code cell with something in it is in one stage or gives the params; why another is left out is a finding."""
    placed = Counter(cell for _, cells in one.stages() for cell in cells) + Counter(one.imported.parameters)
    told = [finding for finding in report.findings if finding.location.notebook == one.name]
    why = {
        finding.location.cell for finding in told if finding.code.startswith("NB-1")
    }  # languages and magics
    if any(finding.code == "NB-101" for finding in told):
        why |= {cell.index for cell in read(one.path).code_cells if not cell.is_python}
    filled = [cell.index for cell in raw.cells if cell.kind == "code" and cell.source.strip()]
    out = [index for index in filled if not placed[index]]
    lost = [index for index in out if index not in why]
    twice = [index for index, times in placed.items() if times > 1]
    evidence = {
        "code_cells": len(filled),
        "in_stages": sum(len(cells) for _, cells in one.stages()),
        "as_params": len(one.imported.parameters),
        "left_out_with_a_finding": len(out) - len(lost),
        "stages": len(one.imported.stages),
    }
    problems = [f"in no stage: cells {_listed(lost)}"] if lost else []
    problems += [f"in several stages: cells {_listed(twice)}"] if twice else []
    problem = "; ".join(problems)
    stages = counted(len(one.imported.stages), "stage")
    good = f"{counted(len(filled) - len(out), 'code cell')} in {stages}, each in one"
    good += f"; {len(out):,} left out, with a finding" if out else ""
    return judged(one.name, "cells", problem, good, evidence)


def _code(one: _One) -> Check:
    """Every statement of a cell stands in its stage's code, in the order of the notebook."""
    parsed = {cell.cell.index: cell for cell in parse_notebook(read(one.path)).cells}
    statements, missing = 0, []
    for stage, cells in one.stages():
        stands = iter(_statements(stage.code or ""))
        for index in cells:
            if parsed[index].tree is None:
                if not _stands_as_comment(parsed[index].cell.source, stage.code or ""):
                    missing.append(index)
                continue
            wanted = [
                text
                for text in _statements(parsed[index].python)
                if "ImportFrom(module='__future__'" not in text
            ]
            statements += len(wanted)
            if not all(text in stands for text in wanted):
                missing.append(index)
                stands = iter(())
    evidence = {"statements": statements, "cells_that_differ": missing}
    problem = f"not all statements of cells {_listed(missing)} stand in their stage" if missing else ""
    return judged(
        one.name, "code", problem, f"{counted(statements, 'statement')} in their stages, in order", evidence
    )


def _statements(source: str) -> list[str]:
    try:
        return [ast.dump(node) for node in ast.parse(source).body]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []


def _stands_as_comment(source: str, code: str) -> bool:
    """Whether every line of a cell that is no Python stands in the code, as itself or behind a `#`."""
    there = {line.strip().removeprefix("#").strip() for line in code.splitlines()}
    return all(line.strip().removeprefix("#").strip() in there for line in source.splitlines())


def _markdown(one: _One, raw: Raw) -> Check:
    """Every line of text stands in a description; a heading may have become a title."""
    lab = one.lab.lab
    texts = [lab.title, lab.description]
    texts += [text for stage in one.lab.stages for text in (stage.title, stage.description)]
    said = {_bare(line) for text in texts for line in text.splitlines()}
    cells = [cell for cell in raw.cells if cell.kind == "markdown" and cell.source.strip()]
    lost = [
        cell.index for cell in cells if not {_bare(line) for line in cell.source.splitlines()} <= said | {""}
    ]
    evidence = {"markdown_cells": len(cells), "kept": len(cells) - len(lost)}
    problem = f"text of cells {_listed(lost)} is in no description" if lost else ""
    good = f"the text of {counted(len(cells), 'cell')} is with the lab and its stages"
    return judged(one.name, "markdown", problem, good, evidence)


def _bare(line: str) -> str:
    """A line of markdown without the marks of a heading and of emphasis."""
    line = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", line.strip())
    return re.sub(r"[*`_#\s]+", " ", line).strip()


def _lineage(one: _One, raw: Raw) -> Check:
    """Execution counts and tags of the cells, as their stages say them."""
    by_index = {cell.index: cell for cell in raw.cells}
    wrong = []
    for stage, cells in one.stages():
        counts = stage.origin.execution_counts if stage.origin else ()
        tags = {tag for index in cells for tag in by_index[index].tags if tag.strip()}
        if tuple(by_index[index].count or 0 for index in cells) != counts or not tags <= set(stage.tags):
            wrong.append(stage.id)
    ran = sum(cell.count is not None for cell in raw.cells)
    evidence = {"cells_with_count": ran, "tags": sorted({tag for cell in raw.cells for tag in cell.tags})}
    problem = f"counts or tags of {', '.join(wrong[:4])} are others" if wrong else ""
    return judged(
        one.name, "lineage", problem, f"execution counts ({ran:,}) and tags are those of the cells", evidence
    )


def _outputs(one: _One, raw: Raw) -> Check:
    """What cells showed is expected of their stages: as many representations, and the same texts by digest."""
    expected: dict[int, list[Any]] = {}
    for stage in one.imported.stages:
        for part in stage.expects:
            expected.setdefault(int(str(part["cell"])), []).append(part)
    placed = {cell for _, cells in one.stages() for cell in cells}
    cells = [cell for cell in raw.cells if cell.index in placed]
    wrong = [cell.index for cell in cells if not _expects(cell, expected.get(cell.index, []))]
    parts = sum(cell.parts for cell in cells)
    evidence = {"representations": parts, "texts": sum(len(cell.outputs) for cell in cells)}
    problem = f"not all that cells {_listed(wrong)} showed is expected" if wrong else ""
    return judged(one.name, "outputs", problem, f"{counted(parts, 'output')} kept as expectations", evidence)


def _expects(cell: RawCell, parts: list[Any]) -> bool:
    return cell.parts == len(parts) and not Counter(cell.outputs) - Counter(part["digest"] for part in parts)


# -- all of them ----------------------------------------------------------------------------------------------------


def _files(report: NotebookImport, lab: LabStages) -> Check:
    """Files that stages take and give are those that the notebooks' text names, each with a direction."""
    found = [one for notebook in report.notebooks for one in notebook.artifacts]
    ways = Counter(str(one.get("direction")) for one in found)
    taken = {name for stage in lab.stages for name in _paths(stage)}
    named = {str(one["path"]).removeprefix("./") for one in found}
    invented = sorted(
        name for name in taken if name.removeprefix("./") not in named and not set(name) & set("*{")
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
    for path in files:
        raw = raw_cells(path)
        for key, value in (raw.metadata if raw else {}).items():
            if key in _PLAIN_METADATA:
                continue
            theirs[key] = value
            if lab.lab.notebook.get(key) != value:
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


def _listed(numbers: list[int]) -> str:
    return ", ".join(map(str, numbers[:8])) + (" …" if len(numbers) > 8 else "")
