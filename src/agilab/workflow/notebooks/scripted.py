"""A lab's notebook as a Python file with percent cells, run by Python: its cells are run as Jupyter would run them.

To Python the first line of a stage's cell (`# %%stage tell: table`) is a comment and the code below it is code like any
other. So the file's first `Lab(…)` takes over before that code is reached: cells that are stages are handed to the lab,
the others run here, and then the program ends.
"""

from __future__ import annotations

import ast
import os
import re
import shlex
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, Protocol

from agi_node.errors import DONE, USAGE, AgiError
from agilab.envs.extras import how_to_get
from agilab.notebooks.document.cells import Cell
from agilab.notebooks.reading import read
from agilab.notebooks.supervisor.header import MAGIC, is_header


class TakesStages(Protocol):
    """What a lab does with cells."""

    def stage(self, line: str, code: str = "") -> str: ...


_STAGE = re.compile(rf"^# ?{re.escape(MAGIC)}[ \t]", re.MULTILINE)
_TAKES_WORDS = re.compile(r"\b(argv|argparse|optparse|click|docopt|fire|tyro|typer)\b")
"""What a cell that reads the command line says, so that its words are left to it."""
_JUPYTERS = re.compile(r"^(\s*)([%!].*)$", re.MULTILINE)
_begun: dict[Path, list[TakesStages]] = {}
"""The files whose cells are being run, each with the labs that they opened so far."""


@dataclass(frozen=True)
class Script:
    """A file of percent cells with stages among them, as Python runs it.

    Attributes:
        names: Those of its module.
        line: Where Python is, from 1.
    """

    path: Path
    names: dict[str, Any]
    line: int

    def opens(self, lab: TakesStages) -> None:
        """Run the cells from the one that Python is at, and end the program: it does not come back from here.

        A lab that one of these cells opens is the one that takes the stages below it.

        Raises AGI-STAGE-068 where the file is imported, and AGI-STAGE-050 without jupytext, before any cell is run.
        Words on the command line that no cell asks for end it as well (AGI-ARGS-103).
        """
        if self.path in _begun:
            _begun[self.path].append(lab)
            return
        if self.names.get("__name__") != "__main__":
            raise _imported(self.path)
        if sys.argv[1:] and not _TAKES_WORDS.search(self.path.read_text(encoding="utf-8")):
            raise self._as_a_program(_given_words(self.path))
        cells = self._cells()
        _begun[self.path] = []
        try:
            for cell, line in cells:
                self._run(cell, line)
        except AgiError as problem:
            raise self._as_a_program(problem) from None
        finally:
            del _begun[self.path]
        raise SystemExit(DONE)

    @staticmethod
    def _as_a_program(problem: AgiError) -> SystemExit:
        print(problem.render(), file=sys.stderr)
        return SystemExit(problem.exit_code)

    def _cells(self) -> list[tuple[Cell, int]]:
        """Each cell of code from the present one on, with the line of the file above its first one."""
        text = self.path.read_text(encoding="utf-8")
        notebook = read(text.encode(), name=self.path.name)
        if not notebook.whole:
            raise AgiError(
                "AGI-STAGE-050",
                f"the cells of {self.path.name} cannot be read",
                found="; ".join(finding.what for finding in notebook.findings),
                allowed="percent cells, which jupytext reads",
                try_=how_to_get("notebooks"),
            )
        placed = list(_placed(notebook.code_cells, text))
        first = max((at for at, (_, line) in enumerate(placed) if line < self.line), default=0)
        return placed[first:]

    def _run(self, cell: Cell, line: int) -> None:
        first, _, rest = cell.source.partition("\n")
        if is_header(first.rstrip()):
            lab = _begun[self.path][-1]  # the first cell opened it
            print(lab.stage(first.rstrip().removeprefix(MAGIC).strip(), rest))
        elif first.startswith("%%"):
            print(f"left out, for Jupyter only: {first}", file=sys.stderr)
        else:
            self._execute(_as_python(cell.source), line)

    def _execute(self, source: str, line: int) -> None:
        """Run a cell in the module, and print what its last expression is worth, as a terminal would."""
        tree = ast.parse(source, str(self.path))
        ast.increment_lineno(tree, line)
        last = tree.body[-1] if tree.body else None
        shown = ast.Expression(last.value) if isinstance(last, ast.Expr) else None
        exec(self._compiled(ast.Module(tree.body[: -1 if shown else None], [])), self.names)
        value = eval(self._compiled(shown), self.names) if shown else None
        if value is not None:
            print(repr(value))

    def _compiled(self, tree: ast.Module | ast.Expression) -> CodeType:
        kind = "eval" if isinstance(tree, ast.Expression) else "exec"
        return compile(tree, str(self.path), kind, dont_inherit=True)


def script_at(frame: FrameType | None) -> Script | None:
    """The script whose module calls, None for a call from elsewhere: a function, a cell of a kernel, any other file."""
    if frame is None or frame.f_code.co_name != "<module>":
        return None
    path = Path(frame.f_code.co_filename)
    try:
        path = path.resolve()
        said = path.suffix == ".py" and _STAGE.search(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # a cell has no file, or nobody can read it
        return None
    return Script(path, frame.f_globals, frame.f_lineno) if said else None


def _placed(cells: tuple[Cell, ...], text: str) -> Iterator[tuple[Cell, int]]:
    """Cells with the number of lines above each; one that stands otherwise in the text is taken to follow the last."""
    at = 0
    for cell in cells:
        first = cell.source.partition("\n")[0]
        found = text.find(cell.source if not is_header(first) else first, at)
        if found >= 0:
            at = found
        yield cell, text.count("\n", 0, at)
        at += len(first)


def _as_python(source: str) -> str:
    """A cell without what only Jupyter understands: magics and shell lines, which its text in the file comments out."""
    try:
        ast.parse(source)
    except SyntaxError:
        return _JUPYTERS.sub(r"\1pass  # \2", source)
    return source


def _given_words(path: Path) -> AgiError:
    return AgiError(
        "AGI-ARGS-103",
        f"{path.name} takes no words from the command line",
        found=shlex.join(sys.argv[1:]),
        allowed="its own cell of params, edited; or the lab's command, which takes --set NAME=VALUE",
        try_="agilab workflow run --help",
        exit_code=USAGE,
    )


def _imported(path: Path) -> AgiError:
    name = os.path.relpath(path)
    return AgiError(
        "AGI-STAGE-068",
        f"{path.name} is the notebook of a lab, and importing it would run its stages in this process",
        found="it is imported, or run under another name than __main__",
        allowed=f"python {name}, a notebook that is opened in Jupyter, or the lab itself",
        try_=f"python {name}",
    )
