"""Settings of cells above that a stage's code begins with: in its own process nobody has made them."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator, Sequence

from agilab.notebooks.flow import states
from agilab.notebooks.flow.generators import seeds_of_what_may_draw
from agilab.notebooks.flow.libraries import DRAWN, libraries
from agilab.notebooks.flow.links import Links
from agilab.notebooks.flow.model import Setting

_FAMILIES = {
    "matplotlib": ("matplotlib", "seaborn", DRAWN),
    "seaborn": ("matplotlib", "seaborn", DRAWN),
    "pandas": ("pandas",),
}
"""Libraries that a setting of one counts for, where that is not itself alone."""
_EVERYWHERE = frozenset(
    {"warnings", "logging", "sys", "locale", "decimal", "mpmath", "time", "loggers", "builtins"}
    | {"codecs", "copyreg", "gc", "gettext", "resource", "socket", "threading"}
)
"""What whoever sets it sets for everybody."""


def repeated(
    links: Links, cells: Sequence[int], given: Collection[str] = ()
) -> Iterator[tuple[int, Setting]]:
    """What a stage of these cells repeats, each setting with its cell, in the order in which they stand.

    Nothing of states that it is `given`. One that only imports repeats the environment that it does so in: others take
    its imports as they stand there.
    """
    begin = cells[0]
    wanted = [one for one in _counting(links, cells) if links.can_hand_on(one[1], one[0], begin)]
    if any(links.flows[cell].calls for cell in cells):
        for cell in cells:
            wanted += [found for found in links.carried_settings.get(cell, ()) if found[0] < begin]
    elif any(links.flows[cell].modules.keys() & links.flows[cell].binds for cell in cells):
        wanted += [
            (cell, one)
            for cell, one in links.settings_above(begin)
            if one.state == states.ENVIRONMENT and links.can_repeat(one, cell, begin)
        ]
    wanted += seeds_of_what_may_draw(links, cells)
    wanted = [one for one in wanted if one[1].state not in given]
    once: set[tuple[int, int, str]] = set()  # an import may set several things
    for cell, one in sorted(dict.fromkeys(wanted), key=lambda one: (one[0], one[1].line)):
        if (place := (cell, one.line, one.text)) not in once:
            once.add(place)
            yield cell, one


def lost(links: Links, cells: Sequence[int]) -> Iterator[tuple[int, Setting]]:
    """What counts for a stage of these cells and cannot be repeated in it."""
    for cell, setting in _counting(links, cells):
        if not links.can_hand_on(setting, cell, cells[0]):
            yield cell, setting


def _counting(links: Links, cells: Sequence[int]) -> Iterator[tuple[int, Setting]]:
    """Settings of cells above that count for what a stage of these cells does."""
    again = frozenset[str]().union(*(links.flows[cell].again for cell in cells))
    if not (again or any(links.flows[cell].calls for cell in cells)):
        return
    used = libraries(links, cells)
    own = bool(used & links.flows.own_modules)
    above = [
        one
        for one in links.settings_above(cells[0])
        if one[1].runs & again or (one[1].state not in states.RANDOM and one[1].state != states.FOLDER)
    ]
    found = {
        one
        for one in above
        if one[1].runs & again
        or (
            own and (one[1].runs or one[1].state in states.METHODS_OF) and one[1].state.startswith("<options")
        )
        or (
            one[1].state in states.METHODS_OF and _is_spoken_of(states.METHODS_OF[one[1].state], links, cells)
        )
        or (_is_spoken_of(one[1].known_as, links, cells) if one[1].known_as else _counts(one[1], used))
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
    """Whether cells, or functions and classes of cells above that they use, have this word, which may be a pattern."""
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
            if any(isinstance(part, ast.Attribute) and spoken.fullmatch(part.attr) for part in parts):
                return True
            todo |= {part.id for part in parts if isinstance(part, ast.Name)} - seen
    return False


def _counts(setting: Setting, libraries: Collection[str]) -> bool:
    name = setting.state.removeprefix("<options ").removesuffix(">")
    if setting.state in (states.ENVIRONMENT, states.IMPORT_PATH) or name in _EVERYWHERE:
        return True
    return any(library in libraries for library in _FAMILIES.get(name, (name,)))
