"""Programs that `%run` runs: read as if they stood in the cell; and what of them a stage does not as IPython does."""

from __future__ import annotations

import ast
import posixpath
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from agilab.notebooks.code.brought_code import brought, tree_of_file
from agilab.notebooks.code.syntax import parse
from agilab.notebooks.findings import Finding
from agilab.notebooks.python.parsing import ParsedCell
from agilab.notebooks.rules import found
from agilab.notebooks.secrets import redact

_ITS_OWN = "globals().update(runpy.run_"
_RUNS = (_ITS_OWN, "exec(compile(open(")
_OTHERS = frozenset({"unittest.main", "absltest.main", "app.run"})
"""What ends a program by `sys.exit` once it is done."""
_ENDS = frozenset({"exit", "quit", "SystemExit", "_exit"})


def programs_that_exit(cells: Iterable[ParsedCell], folder: Path) -> Iterator[Finding]:
    """One finding for each `%run` of a program that may end by `sys.exit`, and so leave no names behind.

    With `-i` it has the notebook's own, which stay.
    """
    for one in cells:
        for magic in one.magics:
            name = magic.meaning.runs
            if name.endswith(".py") and _ITS_OWN in magic.meaning.python and _exits(folder / name):
                what = f"%run {redact(name)} may end by sys.exit: what it has named until then is lost"
                mend = f"%run -i {redact(name)}, or without sys.exit: from the program import main; main()"
                yield found("NB-115", what, cell=one.cell.index, line=magic.line, mend=mend)


def with_programs(
    trees: Mapping[int, ast.Module], cells: Sequence[ParsedCell], folder: Path
) -> tuple[dict[int, ast.Module], list[str]]:
    """The trees of cells, each program behind the line that runs it; and the texts of these programs.

    All that a program has stands in that line, and `__file__` is its path from the notebook's folder.
    """
    whole, texts = dict(trees), []
    for one in cells:
        runs = {magic.line: magic.meaning.runs for magic in one.magics if magic.meaning.runs.endswith(".py")}
        programs: dict[int, list[ast.stmt]] = {}
        for line, name in runs.items():
            program = tree_of_file(folder / name)
            if program is not None:
                texts.append(ast.unparse(program))
                programs[line] = _moved(program, line, posixpath.normpath(name))
        if programs and one.cell.index in whole:
            again = parse(one.python).tree
            if again is not None:
                whole[one.cell.index] = _Within(programs).visit(again)
    return whole, texts


class _Within(ast.NodeTransformer):
    """Puts programs behind the statements that run them."""

    def __init__(self, programs: Mapping[int, list[ast.stmt]]) -> None:
        self._programs = programs

    def visit_Expr(self, node: ast.Expr) -> ast.stmt | list[ast.stmt]:
        program = self._programs.get(node.lineno)
        return [node, *program] if program and ast.unparse(node).startswith(_RUNS) else node


def _moved(program: ast.Module, line: int, name: str) -> list[ast.stmt]:
    """The statements of a program that is run as one, in one line."""
    body: list[ast.stmt] = []
    for one in program.body:
        is_main = isinstance(one, ast.If) and ast.unparse(one.test) == "__name__ == '__main__'"
        body += one.body if isinstance(one, ast.If) and is_main else [one]
    return brought(body, line, name)


def _exits(file: Path) -> bool:
    tree = tree_of_file(file)
    return tree is not None and any(_is_end(node) for node in ast.walk(tree))


def _is_end(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call):
        return isinstance(node, ast.Raise) and isinstance(node.exc, ast.Name) and node.exc.id == "SystemExit"
    called = node.func
    if ast.unparse(called) in _OTHERS:
        return True
    name = (
        called.attr
        if isinstance(called, ast.Attribute)
        else called.id
        if isinstance(called, ast.Name)
        else ""
    )
    return name in _ENDS
