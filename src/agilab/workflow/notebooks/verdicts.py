"""What is said of a notebook and of the run of its stages when both have ended and been compared.

They *differ* where something that was compared does, or where a stage fails which the notebook comes through. A
notebook that stops by itself cannot be verified; and what fails in the lab beside its stages is not held against it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from agilab.contracts.notebook_import import Compared, NotebookFinding, Verification
from agilab.contracts.run_result import RunResult
from agilab.workflow.notebooks.both import Both
from agilab.workflow.notebooks.endings import advice_on, missing_module
from agilab.workflow.notebooks.likeness import unexplained

_NOT_DEFINED = re.compile(r"NameError: name '(\w+)' is not defined")
_NOBODY_MAKES_IT, _RUNS_ANOTHER = "NB-602", "NB-115"
"""The findings of a name that no cell makes, and of a program that is run and may bring in names."""
_COMMENT = "became a comment"


def verdict_on(
    both: Both,
    parts: tuple[Compared, ...],
    result: RunResult,
    findings: Sequence[NotebookFinding],
    refused: str = "",
) -> Verification:
    """The verification of a notebook of which `parts` were compared; `findings` are those of the import.

    `refused` says what of its stages keeps an ordinary run from beginning.
    """
    told = {one.equal for one in parts}
    cannot = both.cannot_run if False not in told else ""
    alike = both.fails_alike and False not in told and not cannot
    stopped = not cannot and not alike and False not in told and _is_nobodys(both, result)
    error = _alike(both) if alike else cannot or "; ".join(_ends(both, result, findings, stopped=stopped))
    return Verification(
        notebook=both.notebook.name,
        run_id=both.run_id,
        equal=not (error or refused)
        and True in told
        and False not in told
        and not any(unexplained(one.equal, one.why) for one in parts),
        compared=parts,
        error=error,
        beside="; ".join(_beside(both)),
        fails_alike=alike,
        cannot_run=bool(cannot) or stopped,
        refused=refused,
        notebook_s=round(both.ran.seconds, 3),
        pipeline_s=round(both.pipeline_s, 3),
        caches=both.caches,
    )


def not_run(notebook: str, why: str) -> Verification:
    """The verification of a notebook that has nothing to run, or `why` it was not."""
    return Verification(
        notebook=notebook, run_id="", equal=False, compared=(), error=why, cannot_run=bool(why)
    )


def _is_nobodys(both: Both, result: RunResult) -> bool:
    """Whether the notebook, or the run as a whole, did not come to its end, and no stage failed before that."""
    if both.ran.broken:
        return True
    if any(stage.id in both.failures and both.reached(stage) for stage in both.notebook.stages):
        return False
    broken = result.error is not None and not both.failures
    return bool(both.ran.failed is not None or both.ran.broken or broken)


def _alike(both: Both) -> str:
    failed = both.ran.failed
    module = missing_module(failed)
    help_ = f"; {advice_on(module, both.lab.folder)}" if module else ""
    cell = "" if failed is None else failed.cell
    return f"fails alike: cell {cell} and the pipeline's stage {both.failed_stage} end with {failed}{help_}"


def _ends(
    both: Both, result: RunResult, findings: Sequence[NotebookFinding], *, stopped: bool
) -> Iterator[str]:
    """What kept the notebook and its stages from their ends."""
    failed = both.ran.failed
    if both.ran.broken:
        yield both.ran.broken
    if failed is not None and both.ran.died:
        yield f"the notebook's kernel died at cell {failed.cell} ({both.ran.died}), and its values with it"
    elif failed is not None:
        yield f"{'the notebook itself fails in ' if stopped else ''}cell {failed.cell}: {failed}"
    if stopped and both.left.get(both.failed_stage) is not None:
        yield f"the pipeline's stage {both.failed_stage}, which has that cell, comes to its end"
    mine = next((both.failures[one.id] for one in both.notebook.stages if one.id in both.failures), "")
    if mine:
        yield f"the pipeline: {mine}{_said_before(both, mine, findings)}"
    elif result.error is not None and not both.failures:
        yield f"the pipeline: {result.error.what}"


def _beside(both: Both) -> Iterator[str]:
    """What stages of others failed with."""
    mine = {one.id for one in both.notebook.stages}
    of = {one.id: one.origin.notebook for one in both.lab.document.stages if one.origin}
    for stage, what in both.failures.items():
        if stage not in mine:
            yield f"what failed besides is of {of.get(stage) or 'no notebook'}: {what}"


def _said_before(both: Both, what: str, findings: Sequence[NotebookFinding]) -> str:
    """The findings that told of a name for want of which a stage failed; empty where none did."""
    missing = _NOT_DEFINED.search(what)
    mine = [one for one in findings if one.location.notebook == both.notebook.name]
    named = re.compile(rf"\b{missing[1]}\b") if missing else None
    told = [one for one in mine if one.code == _NOBODY_MAKES_IT and named and named.search(one.what)][:1]
    told += [one for one in mine if told and one.code == _RUNS_ANOTHER and _COMMENT in one.what][:1]
    return "".join(f" ({one.code}, cell {one.location.cell}: {one.what})" for one in told)
