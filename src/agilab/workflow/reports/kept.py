"""What an import keeps of one notebook: its cells, code, text, counts, tags and outputs, held against its file."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agi_node.canonical import sha256_file
from agilab.contracts.lab_stages import LabStages, Stage
from agilab.contracts.notebook_import import ImportedNotebook, NotebookImport
from agilab.contracts.report import Check
from agilab.notebooks.python.parsing import parse_notebook
from agilab.notebooks.reading import read
from agilab.workflow.reports import counted, judged, listed, unknown
from agilab.workflow.reports.cells import Raw, RawCell, raw_cells


@dataclass(frozen=True)
class One:
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


def kept(one: One, report: NotebookImport) -> Iterator[Check]:
    """What is kept of a notebook; of one that could not be read only that."""
    notebook = read(one.path)
    digest = sha256_file(one.path) if one.path.is_file() else ""
    problem = ""
    if not notebook.whole:
        grave = [finding.what for finding in notebook.findings if finding.severity == "error"]
        problem = "; ".join(grave[:2]) or "it could not be read whole"
    elif digest != one.imported.digest:
        problem = f"read as {one.imported.digest[:12]}, is {digest[:12]}"
    elif not one.imported.stages and not one.imported.parameters:
        problem = "there is nothing in it to import"
    evidence = {"sha256": digest, "format": one.imported.format, "language": one.imported.language}
    kind = f"{one.imported.format}, {one.imported.language or 'no language said'}"
    guessed = [finding.what for finding in notebook.findings if finding.code in ("NB-026", "NB-027")]
    how = "; ".join(["read", *guessed]) if guessed else "read whole"
    yield judged(one.name, "read", problem, f"{kind}: {how}", evidence)
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


def _cells(one: One, raw: Raw, report: NotebookImport) -> Check:
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
    problems = [f"in no stage: cells {listed(lost)}"] if lost else []
    problems += [f"in several stages: cells {listed(twice)}"] if twice else []
    problem = "; ".join(problems)
    stages = counted(len(one.imported.stages), "stage")
    good = f"{counted(len(filled) - len(out), 'code cell')} in {stages}, each in one"
    good += f"; {len(out):,} left out, with a finding" if out else ""
    return judged(one.name, "cells", problem, good, evidence)


def _code(one: One) -> Check:
    """Every statement of a cell stands in its stage's code, in the order of the notebook."""
    notebook = read(one.path)
    sources = {cell.index: cell.source for cell in notebook.cells}
    parsed = {cell.cell.index: cell for cell in parse_notebook(notebook).cells}
    statements, missing = 0, []
    for stage, cells in one.stages():
        stands = iter(_statements(stage.code or ""))
        for index in cells:
            if index not in parsed:  # another language: kept letter for letter
                missing += [] if sources[index] == stage.code else [index]
                continue
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
    problem = f"not all statements of cells {listed(missing)} stand in their stage" if missing else ""
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
    there = {line.strip().lstrip("# ") for line in code.splitlines()}
    return all(line.strip().lstrip("# ") in there for line in source.splitlines())


def _markdown(one: One, raw: Raw) -> Check:
    """Every line of text stands in a description or, between two cells of a stage, as a comment of its code.

    A heading may have become a title.
    """
    lab = one.lab.lab
    texts = [lab.title, lab.description]
    texts += [text for stage in one.lab.stages for text in (stage.title, stage.description)]
    texts += [_comments(stage.code or "") for stage in one.lab.stages]
    said = {_bare(line) for text in texts for line in text.splitlines()}
    cells = [cell for cell in raw.cells if cell.kind == "markdown" and cell.source.strip()]
    lost = [
        cell.index for cell in cells if not {_bare(line) for line in cell.source.splitlines()} <= said | {""}
    ]
    evidence = {"markdown_cells": len(cells), "kept": len(cells) - len(lost)}
    problem = f"text of cells {listed(lost)} is with no stage" if lost else ""
    good = f"the text of {counted(len(cells), 'cell')} is with the lab and its stages"
    return judged(one.name, "markdown", problem, good, evidence)


def _comments(code: str) -> str:
    lines = (line.strip() for line in code.splitlines())
    return "\n".join(line.removeprefix("#") for line in lines if line.startswith("#"))


def _bare(line: str) -> str:
    """A line of markdown without the marks of a heading and of emphasis."""
    line = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", line.strip())
    return re.sub(r"[*`_#\s]+", " ", line).strip()


def _lineage(one: One, raw: Raw) -> Check:
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


def _outputs(one: One, raw: Raw) -> Check:
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
    problem = f"not all that cells {listed(wrong)} showed is expected" if wrong else ""
    return judged(one.name, "outputs", problem, f"{counted(parts, 'output')} kept as expectations", evidence)


def _expects(cell: RawCell, parts: list[Any]) -> bool:
    return cell.parts == len(parts) and not Counter(cell.outputs) - Counter(part["digest"] for part in parts)
