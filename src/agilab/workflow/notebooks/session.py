"""A lab in a notebook: cells say what its stages are, and one call runs them, each in its own environment.

    from agilab import Lab
    lab = Lab("lab_stages.toml")

    %%stage tell: table
    len(table)

    lab.run()

It is the same run as `agilab workflow run`, with the same manifest; nothing of a stage runs in this process. A Python
file with such cells does the same by `python study.py` (`scripted`).
"""

from __future__ import annotations

import html
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agi_node.errors import USAGE, AgiError
from agilab.contracts.lab_stages import LabStages, Stage
from agilab.contracts.run_result import RunResult
from agilab.notebooks.supervisor.cell_text import Ends
from agilab.notebooks.supervisor.header import MAGIC, Header, HeaderError, is_header, means, parse
from agilab.store.store import Store
from agilab.store.workspace import Workspace
from agilab.workflow.document.locate import FILE, read_lab_file
from agilab.workflow.document.params import params_given
from agilab.workflow.notebooks.scripted import script_at
from agilab.workflow.running.execution import run_lab
from agilab.workflow.running.prepare import lab_from
from agilab.workflow.running.request import LabRequest
from agilab.workflow.running.trial import Trial, try_stage


@dataclass(frozen=True)
class LabRun:
    """How a run of a lab ended; shown as a table of its stages where a notebook shows it.

    Attributes:
        stages: (stage, state, what its last expression was worth), in order; a mapped stage's units by state.
    """

    result: RunResult
    stages: tuple[tuple[str, str, str], ...]

    @property
    def run_id(self) -> str:
        """The run, as `agilab runs show` takes it."""
        return self.result.run_id or ""

    def __repr__(self) -> str:
        width = max((len(name) for name, _, _ in self.stages), default=0)
        lines = [f"  {name:<{width}}  {state:<10}  {shown}".rstrip() for name, state, shown in self.stages]
        return "\n".join([f"{self.result.status}  {self.run_id}", *lines])

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td style='text-align:left'><code>{html.escape(name)}</code></td><td>{html.escape(state)}</td>"
            f"<td style='text-align:left'>{f'<code>{html.escape(shown)}</code>' if shown else ''}</td></tr>"
            for name, state, shown in self.stages
        )
        head = f"{html.escape(self.result.status)} <code>{html.escape(self.run_id)}</code>"
        return f"<div>{head}<table>{rows}</table></div>"


class Lab:
    """The stages of a document, as this notebook has them.

    Responsible for: taking the cells that say `%%stage`, and running the lab with them.
    Not responsible for: writing them into the document; `agilab notebook import` does that.
    """

    def __init__(self, file: str | Path = FILE, *, workspace: Workspace | None = None) -> None:
        script = script_at(sys._getframe(1))
        path = Path(file)
        if script is not None:  # a script may run in any folder; its lab lies beside it
            script.opens(self)
            path = Path(os.path.relpath(script.path.parent / path))
        self.path = path / FILE if path.is_dir() else path
        self._workspace = workspace
        self._document = read_lab_file(self.path).lab
        self._cells: dict[str, Stage] = {}
        _register(self)

    @property
    def document(self) -> LabStages:
        """The document with the cells that were run in this notebook in place of its own stages."""
        known = {stage.id for stage in self._document.stages}
        stages = [self._cells.get(stage.id, stage) for stage in self._document.stages]
        stages += [stage for name, stage in self._cells.items() if name not in known]
        return self._document.with_changes(stages=tuple(stages))

    def stage(self, line: str, code: str = "") -> str:
        """Take a cell as a stage; `line` is what follows `%%stage`. Returns what came of it, in words.

        Raises AGI-STAGE-044 for a line that is no header.
        """
        try:
            header = parse(f"{MAGIC} {line}")
        except HeaderError as problem:
            raise AgiError(
                "AGI-STAGE-044",
                "the first line of the cell does not say what the stage takes and gives",
                found=f"{line}: {problem}",
                allowed="%%stage NAME: inputs -> outputs",
                whose="author",
                exit_code=USAGE,
            ) from None
        known = {stage.id: stage for stage in self._document.stages}.get(header.id)
        made = _stage(known, header, code)
        if known is not None and made.model_dump() == known.model_dump():
            self._cells[header.id] = known
            return f"{header.id}: as in {self.path.name}"
        self._cells[header.id] = made
        return f"{header.id}: {'a stage of this notebook' if known is None else 'as edited here'}"

    def run(
        self, *, cache: bool = False, workers: int | None = None, track: bool = True, **params: Any
    ) -> LabRun:
        """Run every stage, each in its own environment, and leave the evidence of a run.

        Raises the error of the stage that failed, after the run has ended and its manifest is written.
        """
        request = LabRequest(
            self.path,
            params=self._changed(params),
            workers=workers,
            track=track,
            cache=cache,
            document=self.document,
        )
        result = run_lab(request, self._workspace)
        run = LabRun(result, self._told(result)) if result.run_id else LabRun(result, ())
        if result.error is not None:
            if result.run_id:
                print(run)  # which run it is, and what became of the other stages
            raise AgiError.from_plain(result.error.plain())
        return run

    def try_stage(self, name: str, *, rows: int | None = None, key: str | None = None) -> Trial:
        """Run one stage on what the last run left above it; nothing is recorded."""
        return try_stage(lab_from(self.path, self.document), name, self._workspace, rows=rows, key=key)

    def _changed(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """The params that are not as the document has them; one that it does not have is refused by the run."""
        own = self._document.lab.params
        given = params_given(params, own)
        return {name: value for name, value in given.items() if name not in own or own[name] != value}

    def _told(self, result: RunResult) -> tuple[tuple[str, str, str], ...]:
        from agi_node.canonical import untag

        with Store(self._workspace or Workspace.default()) as store:
            found = []
            for node in store.nodes(result.run_id or ""):
                units = list(store.units(result.run_id or "", node=node.node))
                shown = ""
                if len(units) == 1:
                    value = untag(store.value(store.result(result.run_id or "", units[0].unit_id)))
                    said = (
                        value.get("shown") if isinstance(value, Mapping) else None
                    )  # an app leaves what it likes
                    shown = str(said or "").partition("\n")[0][:120]
                states = ", ".join(f"{count} {state}" for state, count in node.counts.items())
                found.append((node.node, node.state if len(units) == 1 else states, shown))
            return tuple(found)


def _stage(known: Stage | None, header: Header, code: str) -> Stage:
    said = header.fields()
    if header.app is None and header.file is None:
        had = known.code if known is not None else None
        said["code"] = Ends.of(had).code(code) if had is not None else code if code.strip() else None
    if known is None:
        return Stage.model_validate(
            {name: value for name, value in said.items() if value not in (None, (), {})}
        )
    as_known = {name: getattr(known, name) for name in said if means(getattr(known, name), said[name])}
    return known.with_changes(**{**said, **as_known})


def _register(lab: Lab) -> None:
    """Make `%%stage` a cell magic of the notebook that this runs in, where it does."""
    shell = sys.modules.get("IPython")
    running = shell.get_ipython() if shell is not None and hasattr(shell, "get_ipython") else None
    if running is not None:
        running.register_magic_function(lambda line, cell="": print(lab.stage(line, cell)), "cell", "stage")
        if _with_a_body not in running.input_transformers_cleanup:
            running.input_transformers_cleanup.insert(0, _with_a_body)


def _with_a_body(lines: list[str]) -> list[str]:
    """A cell that is a first line alone, such as an app's: IPython refuses cell magics without a body."""
    return [*lines, "\n"] if len(lines) == 1 and is_header(lines[0].rstrip()) else lines
