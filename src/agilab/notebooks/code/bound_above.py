"""Which names a notebook has bound by a line of a cell: enough to tell its own `$path` from the shell's `$HOME`.

A name of a shell's loop, or one that `%env` sets, is none of Python's.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Container, Mapping, Sequence

from agi_node.source.scopes import bound_names
from agilab.notebooks.code.syntax import parse
from agilab.notebooks.document.cells import Cell

_ASSIGNED = re.compile(r"(\s*[\w.,\s\[\]'\"*]+=)\s*[!%].*")
"""`x = !ls`."""
_TIMED = re.compile(r"(\s*)%{1,2}time\s+(?![-%!])(.*)")
_WHOLE = re.compile(r"%%(\w+)(.*)")
_GIVES = re.compile(r"--(?:out|err)[= ]\s*(\w+)|\s(\w+)\s*<<")
"""Names that the line of a magic for the whole cell gives."""
_KEEPS_PYTHON = frozenset(
    {"capture", "debug", "lprun", "memit", "mprun", "prun", "scalene", "snakeviz", "time", "wandb"}
)
_BINDING = re.compile(
    r"^\s*(?:(?:async\s+)?(?:for|import|class|def)\s+(\w+)|([A-Za-z_][\w, \t]{0,200}?)[ \t]*(?::[^=\n]{0,80})?=(?!=))"
    r"|\b(?:as|import)\s+(\w+)",
    re.MULTILINE,
)
"""Where a text does not parse."""


def bound_by(lines: Sequence[str], *, inside: bool = False) -> frozenset[str]:
    """The names that lines of a cell bind; with `inside` also those of functions in it, and what these take.

    >>> sorted(bound_by(["x = !ls", "!for f in *.csv; do echo $f; done", "%env Y=1", "%time z = 3"]))
    ['x', 'z']
    """
    text, told = _python(lines)
    tree = parse(text).tree
    if tree is None:
        groups = (group for match in _BINDING.finditer(text) for group in match.groups() if group)
        return frozenset(told).union(*(re.findall(r"\w+", group) for group in groups))
    names = set(bound_names(tree.body, ""))
    if inside:
        for node in ast.walk(tree):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                names.add(node.id)
            elif isinstance(node, ast.arg):
                names.add(node.arg)
    return frozenset(names | told)


def _python(lines: Sequence[str]) -> tuple[str, set[str]]:
    """What of them is Python, and the names that the line of a magic for the whole cell gives."""
    told: set[str] = set()
    kept: list[str] = []
    for line in lines:
        whole = _WHOLE.match(line)
        if whole and not any(one.strip() for one in kept):
            told.update(name for match in _GIVES.finditer(whole[2]) for name in match.groups() if name)
            if whole[1] == "capture":
                told.update(word for word in whole[2].split() if word.isidentifier())
            if whole[1] not in _KEEPS_PYTHON:
                return "", told
            kept.append("")
        elif (assigned := _ASSIGNED.fullmatch(line)) is not None:
            kept.append(f"{assigned[1]} 0")
        elif line.lstrip().startswith(("%", "!", "?")):
            timed = _TIMED.fullmatch(line)
            blank = line[: len(line) - len(line.lstrip())]
            kept.append(timed[1] + timed[2] if timed else f"{blank}pass")
        else:
            kept.append(line)
    return "\n".join(kept), told


class Bound:
    """The names that the cells of a notebook bind, cell by cell; looked for only when somebody asks.

    `brought` are more of them, by the index of a cell: for it, too, they count as bound above.
    """

    def __init__(self, cells: Sequence[Cell], brought: Mapping[int, frozenset[str]]) -> None:
        self._cells = cells
        self._brought = brought
        self._by_cell: dict[int, frozenset[str]] = {}
        self._anywhere: frozenset[str] | None = None

    def anywhere(self) -> Container[str]:
        """Those that any cell binds, also in functions."""
        return _Asked(self._everywhere)

    def above(self, index: int) -> Container[str]:
        """Those that cells above the one of that index bind."""
        return _Asked(lambda: self._above(index))

    def _everywhere(self) -> frozenset[str]:
        if self._anywhere is None:
            every = (bound_by(cell.source.splitlines(), inside=True) for cell in self._cells)
            self._anywhere = frozenset[str]().union(*every, *self._brought.values())
        return self._anywhere

    def _above(self, index: int) -> frozenset[str]:
        found = {name for cell, names in self._brought.items() if cell <= index for name in names}
        for cell in self._cells:
            if cell.index >= index:
                break
            if cell.index not in self._by_cell:
                self._by_cell[cell.index] = bound_by(cell.source.splitlines())
            found |= self._by_cell[cell.index]
        return frozenset(found)


class _Asked:
    """Names that are looked for when the first one is asked for."""

    def __init__(self, find: Callable[[], frozenset[str]]) -> None:
        self._find = find
        self._names: frozenset[str] | None = None

    def __contains__(self, name: object) -> bool:
        if self._names is None:
            self._names = self._find()
        return name in self._names
