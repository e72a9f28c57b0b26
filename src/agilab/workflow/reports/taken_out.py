"""What an import takes out of a notebook's code: imports, magics, the order of its cells, what passes between stages.

Each is looked for again in the notebook's own text, by plainer means, and held against what the import says.
"""

from __future__ import annotations

import ast
import re
import sys
import warnings
from collections.abc import Iterator
from itertools import pairwise

from agilab.contracts.lab_stages import Stage
from agilab.contracts.notebook_import import NotebookFinding, NotebookImport
from agilab.contracts.report import Check
from agilab.workflow.judging.names import GIVEN, names_of
from agilab.workflow.reports import counted, judged, listed
from agilab.workflow.reports.cells import Raw, RawCell, raw_cells
from agilab.workflow.reports.kept import One

_MAGIC = re.compile(r"^\s*(%%?[A-Za-z]\w*|!)", re.MULTILINE)
_RISKS = {
    "installs": re.compile(r"^\s*[!%]?\s*(pip3?|conda|mamba) install\b", re.MULTILINE),
    "absolute paths": re.compile(r"""["'](/home/|/Users/|[A-Z]:\\\\?Users)"""),
    "requests": re.compile(r"\brequests\.(get|post|put|delete)\("),
}


def taken_out(one: One, report: NotebookImport) -> Iterator[Check]:
    """What was taken out of a notebook that became stages; nothing of another one."""
    raw = raw_cells(one.path)
    if raw is None or not one.imported.stages:
        return
    told = [finding for finding in report.findings if finding.location.notebook == one.name]
    placed = {cell for _, cells in _python(one) for cell in cells}
    mine = [cell for cell in raw.cells if cell.index in placed]
    yield _imports(one, mine)
    yield _magics(one, mine, told)
    yield _order(one, raw, told)
    yield _flow(one, told)
    yield _risks(one, mine, told)


def _python(one: One) -> Iterator[tuple[Stage, tuple[int, ...]]]:
    """The stages with Python in them; of a notebook in Python also those that only lend their text."""
    ours = one.imported.language.lower() in ("python", "ipython", "")
    return ((stage, cells) for stage, cells in one.stages() if ours or stage.kind == "python")


def _tree(source: str) -> ast.Module | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a person's escapes in texts
        try:
            return ast.parse(source)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None


def _imports(one: One, cells: list[RawCell]) -> Check:
    """Every module that a cell imports is in the list, and those that are not Python's own with what provides them."""
    wanted: dict[str, int] = {}
    for cell in cells:
        for node in ast.walk(_tree(cell.source) or ast.Module([], [])):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module or ""]
            for name in names:
                wanted.setdefault(name.partition(".")[0], cell.index)
    known = {str(each["module"]).partition(".")[0]: each for each in one.imported.imports}
    lost = {name: cell for name, cell in wanted.items() if name not in known}
    foreign = sorted(name for name in wanted if name in known and name not in sys.stdlib_module_names)
    silent = [
        name for name in foreign if not (known[name].get("distribution") or known[name].get("known_by"))
    ]
    problem = (
        f"not in the list: {', '.join(lost)} (cells {listed(sorted(set(lost.values())))})" if lost else ""
    )
    problem = problem or (f"nobody says who provides {', '.join(silent)}" if silent else "")
    provided = {name: known[name].get("distribution") for name in foreign}
    said = ", ".join(f"{name} by {by}" if by else f"{name} by nobody known" for name, by in provided.items())
    good = f"{counted(len(wanted), 'module')} imported" + (f": {said}" if said else "")
    return judged(one.name, "imports", problem, good, {"modules": sorted(wanted), "provided_by": provided})


def _magics(one: One, cells: list[RawCell], told: list[NotebookFinding]) -> Check:
    """A cell with magics or shell lines stands in its stage as Python, or a finding says what became of it."""
    flagged = {finding.location.cell for finding in told if finding.code.startswith("NB-1")}
    python = {
        cell: _tree(stage.code or "") is not None for stage, numbers in _python(one) for cell in numbers
    }
    found = [cell for cell in cells if _tree(cell.source) is None and _MAGIC.search(cell.source)]
    silent = [cell.index for cell in found if cell.index not in flagged and not python[cell.index]]
    translated = sum(python[cell.index] and cell.index not in flagged for cell in found)
    evidence = {"cells": len(found), "told": len(found) - translated - len(silent), "translated": translated}
    problem = f"cells {listed(silent)} have magics that no finding names" if silent else ""
    good = f"{counted(len(found), 'cell')} with magics or shell lines: {translated:,} made Python, "
    good += f"{evidence['told']:,} told in findings" if found else ""
    return judged(one.name, "magics", problem, good if found else "there are none", evidence)


def _order(one: One, raw: Raw, told: list[NotebookFinding]) -> Check:
    """Cells whose counts fall are said to have run in another order than they stand."""
    counts = [cell.count for cell in raw.cells if cell.kind == "code" and cell.count is not None]
    rising = all(left < right for left, right in pairwise(counts))
    said = bool(one.imported.execution.get("in_order"))
    pointed = any(finding.code.startswith("NB-4") for finding in told)
    problem = ""
    if rising != said:
        problem = (
            f"by their counts its cells ran {'in order' if rising else 'in another order'}, which is not said"
        )
    elif not rising and not pointed:
        problem = "its cells ran in another order than they stand, and no finding says so"
    without = sum(cell.kind == "code" for cell in raw.cells) - len(counts)
    good = "that its cells ran in another order is said"
    if not counts:
        good = "no cell says that it ever ran"
    elif rising:
        rest = f"; {counted(without, 'cell')} never ran" if without else ""
        good = f"its cells ran in the order in which they stand{rest}"
    return judged(one.name, "order", problem, good, {"counts": len(counts), "in_order": rising})


def _flow(one: One, told: list[NotebookFinding]) -> Check:
    """Every name that a stage reads and does not make is an input, a param, used text, Python's own; or a finding.

    That is read from the stages' code by name. Whether the values that cross are those of the notebook, which calls may
    change unseen, only running both can tell.
    """
    doubted = " ".join(finding.what for finding in told)
    params, passed, open_, lost = set(one.lab.lab.params), 0, 0, []
    for stage, cells in _python(one):
        try:
            names = names_of(stage.code or "", leaves=stage.outputs)
        except SyntaxError:
            open_ += 1  # told under `code`
            continue
        if names.open:
            open_ += 1
            continue
        given = _given(stage) | params
        passed += len(given & set(names.needed))
        for name in names.needed:
            unsure = any(each.cell in cells for each in one.imported.undecided)
            if (
                name not in given
                and name not in GIVEN
                and not unsure
                and not re.search(rf"\b{name}\b", doubted)
            ):
                lost.append(f"{name} of {stage.id}")
    problem = f"read and given by nobody: {', '.join(lost[:5])}" if lost else ""
    good = f"each name that a stage's code reads is given, {passed:,} of them by other stages"
    good += f"; {counted(open_, 'stage')} undecided" if open_ else ""
    good += "; whether the values are the notebook's, only a run tells (notebook import --verify)"
    return judged(one.name, "flow", problem, good, {"names": passed, "lost": lost, "undecided_stages": open_})


def _given(stage: Stage) -> set[str]:
    inputs = {one if isinstance(one, str) else one.called or one.name for one in stage.inputs}
    return inputs | set(stage.foreach) | {name for names in stage.uses.values() for name in names}


def _risks(one: One, cells: list[RawCell], told: list[NotebookFinding]) -> Check:
    """Cells that plainly install, name a place of one machine or ask the network have a finding."""
    flagged = {finding.location.cell for finding in told}
    seen = {
        kind: [cell.index for cell in cells if pattern.search(_code_of(cell.source))]
        for kind, pattern in _RISKS.items()
    }
    silent = {kind: [cell for cell in numbers if cell not in flagged] for kind, numbers in seen.items()}
    problem = "; ".join(
        f"{kind} of cells {listed(numbers)} in no finding" for kind, numbers in silent.items() if numbers
    )
    said = ", ".join(
        f"{kind} in {counted(len(numbers), 'cell')}" for kind, numbers in seen.items() if numbers
    )
    return judged(
        one.name, "risks", problem, f"told: {said}" if said else "nothing plain to see", {"cells": seen}
    )


def _code_of(source: str) -> str:
    return "\n".join(line for line in source.splitlines() if not line.lstrip().startswith("#"))
