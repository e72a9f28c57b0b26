"""Cells that may raise: a notebook goes on below one with the tag `raises-exception`, and so does its stage.

The tag is nbclient's, and so that of nbconvert, papermill and Jupyter Book.
"""

from __future__ import annotations

import ast
from dataclasses import replace

from agilab.notebooks.code.syntax import parse
from agilab.notebooks.findings import Finding
from agilab.notebooks.python.parsing import ParsedCell, ParsedNotebook
from agilab.notebooks.rules import found

TAG = "raises-exception"
_BEGIN = "try:"
_ASKED_TO_STOP = "except KeyboardInterrupt:\n    raise\n"
"""A run that somebody stops ends, whatever its cells may raise."""
_END = "except BaseException:\n    __import__('traceback').print_exc()"
"""A notebook goes on below `sys.exit()` and `exit()`, too."""


def with_tried(parsed: ParsedNotebook) -> ParsedNotebook:
    """The notebook with what such cells raise caught and shown, as Jupyter does; what stands above it has been done."""
    if not any(TAG in one.cell.tags for one in parsed.cells):
        return parsed
    cells, told = list[ParsedCell](), list[Finding]()
    for one in parsed.cells:
        tried = _tried(one) if TAG in one.cell.tags else one
        if tried is not one:
            what = f"what it raises is shown, and the stage goes on: it has the tag {TAG}"
            told.append(found("NB-122", what, cell=one.cell.index))
        cells.append(tried)
    return replace(parsed, cells=tuple(cells), findings=(*parsed.findings, *told))


def _tried(one: ParsedCell) -> ParsedCell:
    if one.tree is None or not one.tree.body or _is_tried(one.tree):
        return one
    if any(isinstance(node, ast.ImportFrom) and node.module == "__future__" for node in one.tree.body):
        return one  # which may stand nowhere else
    end = _END if "KeyboardInterrupt" in one.python else f"{_ASKED_TO_STOP}{_END}"
    lines = [*tried_lines(one.python, one.tree), *end.split("\n")]
    shift = 1
    if not lines[0].strip() or lines[0].lstrip().startswith("#"):  # so that each line keeps its number
        lines[0], shift = f"{_BEGIN}  {lines[0].strip()}".rstrip(), 0
    else:
        lines.insert(0, _BEGIN)
    python = "\n".join(lines)
    tree = parse(python).tree
    magics = tuple(replace(magic, line=magic.line + shift) for magic in one.magics)
    return replace(one, python=python, tree=tree, magics=magics)


def is_tried(one: ParsedCell) -> bool:
    """Whether a cell has the tag and is tried, so that its stage goes on whatever ends it."""
    return TAG in one.cell.tags and one.tree is not None and bool(one.tree.body) and _is_tried(one.tree)


def tried_lines(python: str, tree: ast.Module) -> list[str]:
    r"""The lines of a cell, further in by a step; those within a text stay, as they are part of it.

    >>> text = "if a:\n    b = '''c\nd'''"
    >>> tried_lines(text, ast.parse(text))
    ['    if a:', "        b = '''c", "d'''"]
    """
    within = {
        line
        for node in ast.walk(tree)
        if isinstance(node, ast.JoinedStr)
        or (isinstance(node, ast.Constant) and isinstance(node.value, str | bytes))
        for line in range(node.lineno + 1, (node.end_lineno or node.lineno) + 1)
    }
    return [
        line if number in within or not line.strip() else f"    {line}"
        for number, line in enumerate(python.split("\n"), 1)
    ]


def _is_tried(tree: ast.Module) -> bool:
    """Whether the whole cell is tried already: that of a notebook that stages were exported to."""
    first = tree.body[0]
    return len(tree.body) == 1 and isinstance(first, ast.Try) and any(not one.name for one in first.handlers)
