"""Which definitions change, while their module is imported, what somebody else looks at."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import NamedTuple

from agi_node.source.folder import Folder
from agi_node.source.module import Definition, Module
from agi_node.source.names import Use
from agi_node.source.outside import leaves_no_trace
from agi_node.source.resolution import Place, Resolution, Unresolved
from agi_node.source.tree import Unreadable, called_chain

Key = tuple[str, str]
"""A module and a name in it."""


class _Span(NamedTuple):
    """What calling a definition leads to.

    Attributes:
        reached: All of the app's own.
        changed: What of it can change: values, classes that keep book, functions and classes it looks into.
        lost: Whether it does what could not be followed, or calls something outside that may leave a trace.
    """

    reached: frozenset[Key]
    changed: frozenset[Key]
    lost: bool


class Changes:
    """Decides whether importing a definition may change something that is reached.

    That is so where it calls something outside, decorates with it or derives from it, unless that is known to leave no
    trace; where it calls what can change something reached; where it hands something reached to a call, or
    to an operator that can change it; and where it derives from a class that keeps book of those who do. In doubt it
    is so.
    """

    def __init__(self, folder: Folder, resolution: Resolution) -> None:
        self._folder = folder
        self._resolution = resolution
        self._spans: dict[Key, _Span] = {}

    def by(self, module: Module, definition: Definition, reached: Mapping[Key, object]) -> bool:
        """Whether it may change something in `reached`."""
        if not definition.active:
            return False
        try:
            if definition.kind == "class" and self._hooked(module, definition, reached):
                return True
            if self._called_at_once(module, definition):
                span = self._span(module.name, getattr(definition.node, "name", ""))
                if span.lost or not span.changed.isdisjoint(reached):
                    return True
            return any(use.role and self._use_changes(module, use, reached) for use in definition.names.uses)
        except (Unresolved, Unreadable):
            return True

    def _use_changes(self, module: Module, use: Use, reached: Mapping[Key, object]) -> bool:
        for place in self._resolution.resolve(module, use):
            if self._resolution.is_step(place):
                continue
            if not place.module:
                if use.role == "called" and not leaves_no_trace(place.name):
                    return True
                continue
            if place[:2] in reached and self._touches(place, use):
                return True
            if self._runs(place, use):
                span = self._span(place.module, place.name)
                at_risk = span.reached if use.how == "store" else span.changed
                if span.lost or not at_risk.isdisjoint(reached):
                    return True
        return False

    def _runs(self, place: Place, use: Use) -> bool:
        """Whether what is done with something of the app runs code of the app."""
        if use.role == "called" or use.how == "store":
            return True
        if use.role != "worked" and not place.tail:
            return False
        held = self._resolution.definitions(place)
        if any(each.kind == "class" for each in held):
            span = self._span(place.module, place.name)
            return any(
                each.hooks for key in span.reached for each in self._resolution.definitions(Place(*key))
            )
        return self._resolution.changeable(place, by_reading=True)

    def _called_at_once(self, module: Module, definition: Definition) -> bool:
        """Whether one of its decorators is a function of the app that calls it while it is imported."""
        return any(
            each.kind != "import" and (each.kind != "def" or each.calls_given)
            for chain in definition.decorators
            for place in self._resolution.resolve(module, Use(chain))
            if not self._resolution.is_step(place)
            for each in self._resolution.definitions(place)
        )

    def _touches(self, place: Place, use: Use) -> bool:
        """Whether what is done with something reached may change it."""
        if use.how == "store":
            return True
        definitions = [each for each in self._resolution.definitions(place) if each.kind != "import"]
        if any(each.kind in ("value", "statement") for each in definitions):
            by_reading = use.role in ("seen", "worked")  # an attribute may be a property
            return (use.role != "seen" or bool(place.tail)) and self._resolution.changeable(place, by_reading)
        if use.role == "called":
            return bool(definitions and place.tail)  # without a tail, its span tells
        if use.role != "given" or not definitions:
            return False
        return not place.tail or any(each.keeps for each in definitions)

    def _hooked(self, module: Module, definition: Definition, reached: Mapping[Key, object]) -> bool:
        """Whether a base class does something of its own with every class that derives from it."""
        todo: list[tuple[Module, Definition]] = [(module, definition)]
        seen: set[Key] = set()
        while todo:
            where, each = todo.pop()
            if not isinstance(each.node, ast.ClassDef):
                continue
            for base in (*each.node.bases, *(keyword.value for keyword in each.node.keywords)):
                chain = called_chain(base)
                for place in self._resolution.resolve(where, Use(chain)) if chain else ():
                    if not place.module:
                        if not leaves_no_trace(place.name):
                            return True
                    elif place[:2] not in seen:
                        seen.add(place[:2])
                        held = self._resolution.definitions(place)
                        if any(one.hooks or one.kind in ("value", "statement") for one in held):
                            span = self._span(place.module, place.name)
                            if span.lost or place[:2] in reached or not span.reached.isdisjoint(reached):
                                return True
                        other = self._folder.module(place.module)
                        if other is not None:
                            todo += [(other, one) for one in held]
        return False

    def _span(self, module: str, name: str) -> _Span:
        if (module, name) not in self._spans:
            changed: set[Key] = set()
            seen, todo, lost = {(module, name): None}, [(module, name)], False
            while todo:
                at = todo.pop()
                where = self._folder.module(at[0])
                for each in self._resolution.definitions(Place(*at)):
                    if where is not None and each.kind != "import":
                        named = self._named(where, each, changed)
                        lost |= named is None
                        todo += [key for key in named or () if key not in seen]
                        seen.update(dict.fromkeys(named or ()))
                if self._resolution.changeable(Place(*at)) or any(
                    each.keeps for each in self._resolution.definitions(Place(*at))
                ):
                    changed.add(at)
            self._spans[module, name] = _Span(frozenset(seen), frozenset(changed), lost)
        return self._spans[module, name]

    def _named(self, module: Module, definition: Definition, changed: set[Key]) -> list[Key] | None:
        """What of the app a definition names; None where it does what cannot be followed. Adds to `changed`."""
        named: list[Key] = []
        for use in definition.names.uses:
            try:
                places = self._resolution.resolve(module, use)
            except (Unresolved, Unreadable):
                return None
            for place in places:
                if not place.module:
                    if use.how != "soft" and not leaves_no_trace(place.name):
                        return None
                    continue
                held = self._resolution.definitions(place)
                if place.tail and any(one.kind in ("def", "class") for one in held):
                    changed.add(place[:2])
                if not self._resolution.is_app(place):
                    named.append(place[:2])
        return None if definition.names.dynamic else named
