"""What a name in a module of a source folder stands for."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Container
from typing import NamedTuple

from agi_node.source.folder import Folder
from agi_node.source.module import Definition, Module, called_chain
from agi_node.source.names import Chain, Import, Use
from agi_node.source.outside import IMPORTERS, INERT, at_run_time

_OF_A_MODULE = frozenset(
    [
        "__file__",
        "__name__",
        "__doc__",
        "__path__",
        "__package__",
        "__annotations__",
        "__debug__",
        "__class__",
    ]
)
_OF_A_CLASS_BODY = frozenset({"__module__", "__qualname__", "__firstlineno__", "__static_attributes__"})
_APPS = frozenset({"agi_node.App", "agi_node.app.App"})
STEPS = (("plan",), ("work",), ("publish",))


class Unresolved(Exception):
    """What cannot be followed in the text, in words."""


class Place(NamedTuple):
    """What a use stands for: a name of a module here (`*`: all of them), or a dotted name outside (module "")."""

    module: str
    name: str
    tail: Chain = ()


class Resolution:
    """Follows names over definitions, imports, star imports and packages to where they are defined.

    Responsible for: every place that a name may stand for, and saying so where that cannot be known.
    Not responsible for: which of them count (`Closure`).

    Attributes:
        owner: Who uses the name, for the words of `Unresolved`.
    """

    def __init__(self, folder: Folder) -> None:
        self.owner = ""
        self._folder = folder

    def resolve(self, module: Module, use: Use) -> list[Place]:
        """The places that a use may stand for; none for a builtin."""
        self.owner = module.name
        if not use.through:
            return self._named(module, use.names, use, set())
        return [
            place for imported in use.through for place in self._through(imported, use.names[1:], use, set())
        ]

    def _named(self, module: Module, names: Chain, use: Use, seen: set[tuple[str, Chain]]) -> list[Place]:
        """A chain that starts at a name of the module."""
        found = self._held(module, names, use, seen)
        root, rest = names[0], names[1:]
        if found or self._takes_natively(module):
            return found
        if module.is_package and self._folder.has(f"{module.name}.{root}"):
            return self._of_module(f"{module.name}.{root}", rest, use, seen)
        if hasattr(builtins, root) or root in _OF_A_MODULE or root in _OF_A_CLASS_BODY or at_run_time(root):
            return self._outside(".".join(names), use)
        if use.how == "soft" or any(
            not self._folder.has(star.module.partition(".")[0]) for star in module.stars
        ):
            return []
        raise Unresolved(f"{module.name} uses the name {root}, which nothing in it defines")

    def _held(self, module: Module, names: Chain, use: Use, seen: set[tuple[str, Chain]]) -> list[Place]:
        """What a module's own definitions and its star imports make of a chain."""
        if (module.name, names) in seen:
            return []
        seen.add((module.name, names))
        found: list[Place] = []
        root, rest = names[0], names[1:]
        definitions = module.names.get(root, ())
        if definitions:
            found.append(Place(module.name, root, rest))
        for definition in definitions:
            if definition.bound is not None:
                found += self._through(definition.bound, rest, use, seen)
        for star in module.stars:
            other = self._folder.module(star.module)
            if other is not None:
                inside = self._held(other, names, use, seen)
                if inside and "__all__" in other.names:
                    inside.append(Place(other.name, "__all__"))
                found += inside
        return found

    def _takes_natively(self, module: Module) -> bool:
        """Whether a star import takes from a compiled module: its bytes count anyway."""
        return any(
            self._folder.has(star.module) and self._folder.module(star.module) is None
            for star in module.stars
        )

    def _through(self, imported: Import, rest: Chain, use: Use, seen: set[tuple[str, Chain]]) -> list[Place]:
        """A chain that starts at what an import binds."""
        top = imported.module.partition(".")[0]
        module = top if imported.top else imported.module
        if imported.module.startswith("."):
            raise Unresolved(f"{self.owner} imports {imported.module}, beyond the top of the source")
        if not self._folder.has(top):
            steps = [module, imported.name, *rest] if imported.name else [module, *rest]
            return self._outside(".".join(step for step in steps if step), use)
        if imported.name is None:
            return self._of_module(module, rest, use, seen)
        return self.attribute(module, (imported.name, *rest), use, seen)

    def _of_module(self, module: str, rest: Chain, use: Use, seen: set[tuple[str, Chain]]) -> list[Place]:
        """A chain that starts at a module object."""
        if rest:
            return self.attribute(module, rest, use, seen)
        if use.how == "soft":
            return []
        raise Unresolved(f"{self.owner} uses the module {module} as a value")

    def attribute(self, name: str, names: Chain, use: Use, seen: set[tuple[str, Chain]]) -> list[Place]:
        """A chain of attributes of a module here."""
        again = (name, names) in seen  # modules that import it from one another, or a package from itself
        root, rest = names[0], names[1:]
        module = self._folder.module(name)
        if module is None and not self._folder.has(name):
            raise Unresolved(f"{self.owner} imports {name}, which is not in the source")
        if use.how == "store" and not rest:
            raise Unresolved(f"{self.owner} changes {name}.{root} from outside")
        found = [] if module is None else self._held(module, names, use, seen)
        if self._folder.has(f"{name}.{root}") and (rest or not found):
            inner = use if not found else use._replace(how="soft")
            found += self._of_module(f"{name}.{root}", rest, inner, seen)
        if found or again or use.how == "soft" or root in _OF_A_MODULE:
            return found
        if module is None or self._takes_natively(module):
            return []
        dynamic = "its __getattr__ decides" if "__getattr__" in module.names else "nothing in it defines"
        raise Unresolved(f"{self.owner} uses {name}.{root}, which {dynamic}")

    def _outside(self, dotted: str, use: Use) -> list[Place]:
        name = at_run_time(dotted)
        if name is None or use.how == "soft":
            return [Place("", dotted)]
        if name in IMPORTERS and use.literal is not None and not use.literal.startswith("."):
            top = use.literal.partition(".")[0]
            if not self._folder.has(top):
                return [Place("", dotted)]
            module = self._folder.module(use.literal)
            if module is not None and not (module.is_package and self._folder.submodules(use.literal)):
                return [Place(use.literal, "*")]
        raise Unresolved(f"{self.owner} uses {dotted}: what that finds is known at run time only")

    def definitions(self, place: Place) -> list[Definition]:
        """What a place here is; nothing for one outside."""
        module = self._folder.module(place.module) if place.module else None
        return module.names.get(place.name, []) if module is not None else []

    def changeable(self, place: Place) -> bool:
        """Whether a name holds a value that can change in place, as far as one can see."""
        values = [each for each in self.definitions(place) if each.kind in ("value", "statement")]
        return any(not each.constant for each in values) and not self._is_call_of(place, INERT)

    def is_app(self, place: Place) -> bool:
        """Whether a name is assigned an `agi_node.App`."""
        return self._is_call_of(place, _APPS)

    def _is_call_of(self, place: Place, names: Container[str]) -> bool:
        """Whether a name is assigned what one of these, which lie outside, gives back."""
        module = self._folder.module(place.module) if place.module else None
        definitions = self.definitions(place)
        if module is None or len(definitions) != 1 or definitions[0].kind != "value":
            return False
        value = getattr(definitions[0].node, "value", None)
        chain = called_chain(value.func) if isinstance(value, ast.Call) else None
        if chain is None:
            return False
        return any(not one.module and one.name in names for one in self.resolve(module, Use(chain)))

    def is_step(self, place: Place) -> bool:
        """Whether a chain is one that registers a step: `app.work`."""
        return place.tail in STEPS and self.is_app(place)
