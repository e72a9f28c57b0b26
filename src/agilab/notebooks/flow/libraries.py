"""Which libraries cells use, by name or through what they are given."""

from __future__ import annotations

import re
from collections.abc import Sequence

from agilab.notebooks.flow import knowledge as known
from agilab.notebooks.flow.links import Links

DRAWN = "<drawn>"
_DRAWS = re.compile(r"\.(plot|hist|boxplot)\b")
"""How tables are drawn without naming the library that does."""


def libraries(links: Links, cells: Sequence[int]) -> set[str]:
    """The libraries whose names the cells read; those of tables and arrays where they have one."""
    found: set[str] = set()
    for cell in cells:
        flow = links.flows[cell]
        for name in (*flow.reads, *(flow.binds & flow.used)):
            if name in flow.modules:
                top = flow.modules[name].partition(".")[0]
                found |= {top} | _libraries_of(links, top)
            elif name in flow.values and flow.values[name].kind == "table":
                found |= known.TABLES
        if _DRAWS.search(links.flows.sources[cell]):
            found.add(DRAWN)
    for top in _imported_by_functions(links, cells) if links.imports_inside else ():
        found |= {top} | _libraries_of(links, top)
    return found


def _imported_by_functions(links: Links, cells: Sequence[int]) -> set[str]:
    """The first parts of what functions and classes import themselves that cells use, or these."""
    found: set[str] = set()
    seen: set[str] = set()
    todo = {
        name
        for cell in cells
        for name in (*links.flows[cell].reads, *(links.flows[cell].binds & links.flows[cell].used))
    }
    while todo:
        name = todo.pop()
        seen.add(name)
        for number in links.value(name, cells[-1] + 1).makers:
            maker = links.flows.makers[number]
            found |= links.imports_inside.get(number, frozenset())
            todo |= (maker.summary.reads if maker.summary is not None else frozenset[str]()) - seen
            for method in {each for some in maker.methods.values() for each in some}:
                of_it = links.flows.makers[method].summary
                todo |= (of_it.reads if of_it is not None else frozenset[str]()) - seen
    return found


def _libraries_of(links: Links, top: str) -> set[str]:
    """The libraries that modules of the notebook's own use, which are named by this first part, and those of theirs."""
    if top not in links.flows.own_modules:
        return set()
    found, todo = set[str](), [top]
    while todo:
        own = todo.pop()
        some = [use for name, use in links.flows.modules.items() if name.partition(".")[0] == own]
        more = frozenset[str]().union(*(use.libraries for use in some)) - found
        found |= more
        todo += sorted(more & links.flows.own_modules)
    return found
