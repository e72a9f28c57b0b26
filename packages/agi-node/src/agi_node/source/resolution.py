"""What a name in a module of a source folder stands for."""

from __future__ import annotations

import ast
import builtins
from typing import NamedTuple

from agi_node.source.folder import Folder
from agi_node.source.module import OF_CONSTANTS, Definition, Module
from agi_node.source.names import Use
from agi_node.source.outside import ARRAYS, FINDERS, IMPORTERS, INERT, at_run_time
from agi_node.source.scopes import Import
from agi_node.source.tree import Chain, called_chain, nodes_of

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
_DISPLAYS = (ast.Dict, ast.List, ast.Set, ast.Tuple, ast.ListComp, ast.SetComp, ast.DictComp, ast.JoinedStr)
STEPS = (("plan",), ("work",), ("publish",), ("node",))


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
        name = at_run_time(dotted) or (dotted if dotted in FINDERS else None)
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

    def changeable(self, place: Place, by_reading: bool = False) -> bool:
        """Whether a name holds a value that can change in place, as far as one can see.

        `by_reading`: also by operators, indices and loops, as an iterator or an object of the app's own can.
        """
        return self._changeable(place, by_reading, set())

    def _changeable(self, place: Place, by_reading: bool, seen: set[Place]) -> bool:
        if place in seen:
            return False
        seen.add(place)
        definitions = self.definitions(place)
        values = [each for each in definitions if each.kind in ("value", "statement")]
        if values and any(each.kind in ("def", "class") for each in definitions):
            return True  # a function declares it global
        module = self._folder.module(place.module) if place.module else None
        for each in values:
            value = getattr(each.node, "value", None)
            if module is None or each.kind == "statement" or not isinstance(value, ast.expr):
                return True
            if by_reading and isinstance(value, _DISPLAYS):
                continue
            if isinstance(value, ast.Call):
                made = self._called(module, value)
                if made in INERT or (by_reading and made.partition(".")[0] in ARRAYS):
                    continue
                return True
            for part in nodes_of(value):
                if isinstance(part, ast.Name):
                    held = self.resolve(module, Use((part.id,), "soft"))
                    if any(one.module and self._changeable(one, by_reading, seen) for one in held):
                        return True
                elif not isinstance(part, (*OF_CONSTANTS, ast.Attribute)):
                    return True
        return False

    def _called(self, module: Module, call: ast.Call) -> str:
        """The dotted name of what lies outside and is called; empty for anything else."""
        chain = called_chain(call.func) if not isinstance(call.func, ast.Call) else None
        held = self.resolve(module, Use(chain)) if chain else []
        return next((one.name for one in held if not one.module), "")

    def is_app(self, place: Place) -> bool:
        """Whether a name is assigned an `agi_node.App`."""
        module = self._folder.module(place.module) if place.module else None
        definitions = self.definitions(place)
        if module is None or len(definitions) != 1 or definitions[0].kind != "value":
            return False
        value = getattr(definitions[0].node, "value", None)
        return isinstance(value, ast.Call) and self._called(module, value) in _APPS

    def is_step(self, place: Place) -> bool:
        """Whether a chain is one that registers a step: `app.work`."""
        return place.tail in STEPS and self.is_app(place)
