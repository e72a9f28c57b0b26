"""Which definitions change, while their module is imported, what somebody else looks at."""

from __future__ import annotations

import ast
from collections.abc import Mapping

from agi_node.source.folder import Folder
from agi_node.source.module import Definition, Module, called_chain
from agi_node.source.names import Use
from agi_node.source.outside import leaves_no_trace
from agi_node.source.resolution import Place, Resolution, Unresolved
from agi_node.source.tree import Unreadable

Key = tuple[str, str]
"""A module and a name in it."""


class Changes:
    """Decides whether importing a definition may change something that is reached.

    That is so where a decorator from outside may register it, where it reads an attribute of something reached that
    can change in place, where it calls what reaches such a thing, and where it derives from a class that keeps book
    of those who do. In doubt it is so.
    """

    def __init__(self, folder: Folder, resolution: Resolution) -> None:
        self._folder = folder
        self._resolution = resolution
        self._spans: dict[Key, tuple[frozenset[Key], bool]] = {}

    def by(self, module: Module, definition: Definition, reached: Mapping[Key, object]) -> bool:
        """Whether it may change something in `reached`."""
        try:
            if definition.kind == "class" and self._hooked(module, definition, reached):
                return True
            for chain in definition.decorators:
                for place in self._resolution.resolve(module, Use(chain)):
                    if not place.module and not leaves_no_trace(place.name):
                        return True
                    own = any(each.kind != "import" for each in self._resolution.definitions(place))
                    if own and place.tail and place[:2] in reached and not self._resolution.is_step(place):
                        return True
            if not definition.names.calls:
                return False
            for use in definition.names.uses:
                if use.eager and self._use_changes(module, use, reached):
                    return True
        except (Unresolved, Unreadable):
            return True
        return False

    def _use_changes(self, module: Module, use: Use, reached: Mapping[Key, object]) -> bool:
        for place in self._resolution.resolve(module, use):
            if not place.module or self._resolution.is_step(place):
                continue
            if place.tail and place[:2] in reached and self._resolution.changeable(place):
                return True
            if any(each.kind in ("def", "class") for each in self._resolution.definitions(place)):
                span, lost = self._span(place.module, place.name)
                if lost or not span.isdisjoint(reached):
                    return True
        return False

    def _hooked(self, module: Module, definition: Definition, reached: Mapping[Key, object]) -> bool:
        """Whether a base class that is reached does something of its own with every class that derives from it."""
        todo: list[tuple[Module, Definition]] = [(module, definition)]
        seen: set[Key] = set()
        while todo:
            where, each = todo.pop()
            if not isinstance(each.node, ast.ClassDef):
                continue
            for base in (*each.node.bases, *(keyword.value for keyword in each.node.keywords)):
                chain = called_chain(base)
                for place in self._resolution.resolve(where, Use(chain)) if chain else ():
                    if place.module and place[:2] not in seen:
                        seen.add(place[:2])
                        held = self._resolution.definitions(place)
                        if any(one.hooks for one in held):
                            span, lost = self._span(place.module, place.name)
                            if lost or place[:2] in reached or not span.isdisjoint(reached):
                                return True
                        other = self._folder.module(place.module)
                        if other is not None:
                            todo += [(other, one) for one in held]
        return False

    def _span(self, module: str, name: str) -> tuple[frozenset[Key], bool]:
        """What calling a definition can change: the values it reaches, and functions and classes it looks into.

        The second is whether that could not be followed to its end.
        """
        if (module, name) in self._spans:
            return self._spans[module, name]
        found: set[Key] = set()
        seen, todo, lost = {(module, name)}, [(module, name)], False
        while todo and not lost:
            at = todo.pop()
            where = self._folder.module(at[0])
            for each in self._resolution.definitions(Place(*at)):
                if where is None or each.kind == "import":
                    continue
                lost |= each.names.dynamic is not None
                for use in each.names.uses:
                    try:
                        places = self._resolution.resolve(where, use)
                    except (Unresolved, Unreadable):
                        lost = True
                        break
                    for place in places:
                        key = place[:2]
                        held = self._resolution.definitions(place)
                        looked_into = place.tail and any(one.kind in ("def", "class") for one in held)
                        if looked_into or self._resolution.changeable(place):
                            found.add(key)
                        if place.module and key not in seen and not self._resolution.is_app(place):
                            seen.add(key)
                            todo.append(key)
        self._spans[module, name] = frozenset(found), lost
        return self._spans[module, name]
