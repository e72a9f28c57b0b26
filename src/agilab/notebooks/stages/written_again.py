"""Files that are written again, where that keeps cells together.

What is overwritten goes from stage to stage (`stages.files`). Not so what is removed in between, which whoever writes
it next must not find; nor a module: a notebook has it as it was when it was imported, and a stage as it is by then.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence

from agilab.notebooks.code.patterns import goes_with
from agilab.notebooks.code.turns import certain
from agilab.notebooks.files.file_uses import FileUse
from agilab.notebooks.flow.links import Join, Links
from agilab.notebooks.inspecting import Inspection
from agilab.notebooks.modules.written_modules import tops_of
from agilab.notebooks.stages.own_values import held_by_names, may_hold

_WRITES = ("write", "add")


def removed_between(uses: Sequence[FileUse], number_of: Mapping[int, int]) -> Iterator[Join]:
    """Cells that remove what one above makes, up to the first that makes it again for certain."""
    own = [one for one in uses if one.is_own and one.cell in number_of]
    writes = [one for one in own if one.does in _WRITES]
    for gone in own:
        if gone.does != "remove":
            continue
        above = {one.path for one in writes if one.cell < gone.cell and goes_with(one.path, gone.path)}
        for path in sorted(above):
            below = [one for one in writes if one.cell > gone.cell and one.path == path]
            sure = min((one.cell for one in below if certain([one.turns])), default=None)
            last = max((one.cell for one in below if sure is None or one.cell <= sure), default=None)
            if last is not None:
                how = "removed" if gone.artifact.kind == "removed" else "moved away"
                why = f"{path} is {how} and then written again"
                yield Join(number_of[gone.cell], number_of[last], (path,), why)


def after_import(inspection: Inspection, links: Links, number_of: Mapping[int, int]) -> Iterator[Join]:
    """Cells that import a module of which a file is written below, up to the last that has something of it."""
    brings = _brings(inspection.module_texts)
    for top, files in inspection.modules.items():
        loads = {one for one, tops in brings.items() if top in tops} | {top}
        imports = {number_of.get(one.cell, -1) for one in inspection.imports if _top(one.module) in loads}
        for path in files:
            written = {number_of.get(use.cell, -1) for use in inspection.uses if _writes(use, path)}
            first = next((cell for cell in sorted(written) if any(0 <= one < cell for one in imports)), None)
            if first is None:
                continue
            users = _Users(inspection, links, frozenset(loads))
            below = range(first + 1, len(links.flows))
            last = next((cell for cell in reversed(below) if cell in imports or users.has(cell)), None)
            if last is not None:
                begin = max(one for one in imports if one < first)
                yield Join(begin, last, (path,), f"{path} is written again after it was imported")


def _writes(use: FileUse, path: str) -> bool:
    return use.does in _WRITES and use.path == path


def _top(module: str) -> str:
    return module.partition(".")[0]


def _brings(texts: Mapping[str, str]) -> dict[str, frozenset[str]]:
    """By the first part of its name, those of the modules that are loaded with one of the notebook's own."""
    found: dict[str, frozenset[str]] = {}
    for name, text in texts.items():
        found[_top(name)] = found.get(_top(name), frozenset()) | _tops(text)
    for _ in found:
        found = {
            top: tops.union(*(found.get(one, frozenset()) for one in tops)) for top, tops in found.items()
        }
    return found


def _tops(text: str) -> frozenset[str]:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return frozenset()
    return frozenset(top for node in ast.walk(tree) for top in tops_of(node))


class _Users:
    """Which cells have something of some modules: a name of theirs, a function that uses one, or an object."""

    def __init__(self, inspection: Inspection, links: Links, tops: frozenset[str]) -> None:
        self._links = links
        self._tops = tops
        self._held = held_by_names(links.flows, inspection.modules, inspection.module_texts)

    def has(self, cell: int) -> bool:
        seen: set[tuple[str, int]] = set()
        todo = [(name, cell) for name in self._links.reads[cell]]
        while todo:
            one = todo.pop()
            if one in seen:
                continue
            seen.add(one)
            if self._is_theirs(*one):
                return True
            taken = self._links.taken(*one) if self._links.carries(*one) else None
            if taken is not None:
                if not self._tops.isdisjoint(_tops(taken[1].text)):
                    return True
                todo += [(name, at) for name in taken[1].missing for at in (taken[0], one[1])]
        return False

    def _is_theirs(self, name: str, cell: int) -> bool:
        module = self._links.flows[cell].modules.get(name)
        if module is not None:
            return _top(module) in self._tops
        held = self._held.get(name, frozenset())
        return not self._tops.isdisjoint(held) and may_hold(self._links.value(name, cell))
