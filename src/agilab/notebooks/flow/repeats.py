"""Settings of cells above that a stage's code begins with: in its own process nobody has made them."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator, Sequence

from agilab.notebooks.flow import knowledge as known
from agilab.notebooks.flow import states
from agilab.notebooks.flow.links import Links
from agilab.notebooks.flow.model import Setting

_DRAWN = "<drawn>"
_DRAWS = re.compile(r"\.(plot|hist|boxplot)\b")
"""How tables are drawn without naming the library that does."""
_FAMILIES = {
    "matplotlib": ("matplotlib", "seaborn", _DRAWN),
    "seaborn": ("matplotlib", "seaborn", _DRAWN),
    "pandas": ("pandas",),
}
"""Libraries that a setting of one counts for, where that is not itself alone."""
_EVERYWHERE = frozenset({"warnings", "logging", "sys", "locale", "decimal", "mpmath", "time"})
"""What whoever sets it sets for everybody."""


def repeated(links: Links, cells: Sequence[int]) -> Iterator[tuple[int, Setting]]:
    """What a stage of these cells repeats, each setting with its cell, in the order in which they stand."""
    begin = cells[0]
    wanted = [one for one in _counting(links, cells) if links.can_hand_on(one[1], one[0], begin)]
    if any(links.flows[cell].calls for cell in cells):
        for cell in cells:
            wanted += [found for found in links.carried_settings.get(cell, ()) if found[0] < begin]
    yield from sorted(dict.fromkeys(wanted), key=lambda one: (one[0], one[1].line))


def lost(links: Links, cells: Sequence[int]) -> Iterator[tuple[int, Setting]]:
    """What counts for a stage of these cells and cannot be repeated in it."""
    for cell, setting in _counting(links, cells):
        if not links.can_hand_on(setting, cell, cells[0]):
            yield cell, setting


def _counting(links: Links, cells: Sequence[int]) -> Iterator[tuple[int, Setting]]:
    """Settings of cells above that count for what a stage of these cells does."""
    if not any(links.flows[cell].calls for cell in cells):
        return
    libraries = _libraries(links, cells)
    above = [
        (flow.index, setting)
        for flow in links.flows.cells[: cells[0]]
        for setting in flow.settings
        if setting.state not in states.RANDOM and setting.state != states.FOLDER
    ]
    found = {
        one
        for one in above
        if (_is_spoken_of(one[1].known_as, links, cells) if one[1].known_as else _counts(one[1], libraries))
    }
    texts = [setting.text for _, setting in found if setting.known_as]
    for text in texts:  # what is made known may use what else is
        more = {one for one in above if one not in found and _speaks_of(text, one[1].known_as)}
        found |= more
        texts += [setting.text for _, setting in more]
    yield from (one for one in above if one in found)


def _speaks_of(text: str, word: str) -> bool:
    return bool(word) and re.search(rf"\b{word}\b", text) is not None


def _is_spoken_of(word: str, links: Links, cells: Sequence[int]) -> bool:
    """Whether cells, or functions and classes of cells above that they use, have this word."""
    spoken = re.compile(rf"\b{word}\b")
    if any(spoken.search(links.flows.sources[cell]) for cell in cells):
        return True
    todo = {name for cell in cells for name in links.flows[cell].reads}
    seen: set[str] = set()
    while todo:
        name = todo.pop()
        seen.add(name)
        for number in links.value(name, cells[0]).makers:
            parts = list(ast.walk(links.flows.makers[number].node))
            if any(isinstance(part, ast.Attribute) and part.attr == word for part in parts):
                return True
            todo |= {part.id for part in parts if isinstance(part, ast.Name)} - seen
    return False


def _counts(setting: Setting, libraries: Collection[str]) -> bool:
    name = setting.state.removeprefix("<options ").removesuffix(">")
    if setting.state in (states.ENVIRONMENT, states.IMPORT_PATH) or name in _EVERYWHERE:
        return True
    return any(library in libraries for library in _FAMILIES.get(name, (name,)))


def _libraries(links: Links, cells: Sequence[int]) -> set[str]:
    """The libraries whose names the cells read; those of tables and arrays where they have one."""
    found: set[str] = set()
    for cell in cells:
        flow = links.flows[cell]
        for name in (*flow.reads, *(flow.binds & flow.used)):
            if name in flow.modules:
                found.add(flow.modules[name].partition(".")[0])
            elif name in flow.values and flow.values[name].kind == "table":
                found |= known.TABLES
        if _DRAWS.search(links.flows.sources[cell]):
            found.add(_DRAWN)
    return found
