"""All that a target's code reaches in its source folder."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Sequence

from agi_node.canonical import digest, sha256_bytes
from agi_node.source.changes import Changes
from agi_node.source.code import ORDER, Code, code
from agi_node.source.folder import Folder
from agi_node.source.module import Definition, Module
from agi_node.source.names import Use
from agi_node.source.resolution import STEPS, Place, Resolution, Unresolved
from agi_node.source.scopes import Import
from agi_node.source.tree import Unreadable, called_chain


def code_at(folder: Folder, roots: Sequence[tuple[str, str]]) -> Code:
    """The code of what starts at these names of modules, together."""
    closure = _Closure(folder)
    try:
        closure.follow(roots)
    except (Unresolved, Unreadable) as error:
        return whole_package(folder, str(error))
    except RecursionError:
        return whole_package(folder, f"{closure.resolution.owner} is nested too deeply to be read")
    return code({**closure.parts, **folder.data()})


def whole_package(folder: Folder, reason: str) -> Code:
    """The code of everything in the folder, because of `reason`."""
    return code(folder.whole(), reason[:300])


class _Closure:
    """Reaches from roots over definitions to definitions, and imports what they import.

    Responsible for: which definitions count, and what importing a module runs.
    Not responsible for: reading files (`Folder`), scopes (`Names`), what a name stands for (`Resolution`).

    A module is *touched* when something in it is reached or imported. Its statements count from then on, and touch
    and reach in their turn; its definitions count only when they are reached. There is one exception: importing a
    module also runs decorators, base classes and the right-hand sides of assignments, and those can change what
    was reached (a registry, say). A definition that may do so (`Changes`) counts too. The registration of a step
    with an `agi_node.App` is none of these: it concerns the step alone.
    """

    def __init__(self, folder: Folder) -> None:
        self.parts: dict[str, str] = {}
        self.resolution = Resolution(folder)
        self._changes = Changes(folder, self.resolution)
        self._folder = folder
        self._reached: dict[tuple[str, str], None] = {}
        self._touched: dict[str, Module] = {}
        self._statements: dict[str, list[Definition]] = {}
        self._queue: list[tuple[Module, Definition]] = []

    def follow(self, roots: Iterable[tuple[str, str]]) -> None:
        """Reach everything; `Unresolved` with what cannot be followed."""
        for module, name in roots:
            if not self._folder.has(module.partition(".")[0]):
                self.parts[f"{module}.{name} (installed)"] = sha256_bytes(f"{module}:{name}".encode())
                continue
            self._touch(module)
            self.resolution.owner = "the target"
            for place in self.resolution.attribute(module, (name,), Use((name,)), set()):
                self._reach(place)
        while True:
            self._drain()
            if not self._take_in_changers():
                self._note_order()
                return

    def _drain(self) -> None:
        while self._queue:
            module, definition = self._queue.pop()
            names = definition.names
            if names.dynamic:
                raise Unresolved(f"{module.name} {names.dynamic}")
            for imported in names.imports:
                self._run_import(imported)
            for use in names.uses:
                places = self.resolution.resolve(module, use)
                for place in places:
                    self._reach(place)
                if use.literal and not any(place.name == "logging.getLogger" for place in places):
                    self._take_in_named(use.literal)
            for text in names.texts:
                self._take_in_named(text)
            if "-m" in names.texts:
                raise Unresolved(f"{module.name} says -m, which runs a module as a program")

    def _take_in_named(self, text: str) -> None:
        """Reach what a text names: `flight.tracks:read` may be looked up by it, `tool.py` run or read."""
        self.parts.update(self._folder.named(text))
        steps = text.replace(":", ".").split(".")
        if len(steps) == 1 or not all(step.isidentifier() for step in steps):
            return
        for end in range(len(steps), 0, -1):
            module = self._folder.module(".".join(steps[:end]))
            if module is not None:
                self._touch(module.name)
                name = steps[end] if end < len(steps) else "*"
                if name == "*" or name in module.names:
                    self._reach(Place(module.name, name))
                return

    def _reach(self, place: Place) -> None:
        module = self._folder.module(place.module) if place.module else None
        if module is None:
            return
        self._touch(place.module)
        for name in list(module.names) if place.name == "*" else [place.name]:
            key = (place.module, name)
            if key in self._reached:
                continue
            self._reached[key] = None
            definitions = module.names[name]
            own = [each.digest for each in definitions if each.kind != "statement"]
            if own:  # statements count as what runs on import
                self.parts[f"{place.module}.{name}"] = digest(own)
            self._queue.extend((module, each) for each in definitions)

    def _touch(self, name: str) -> None:
        """Import a module and the packages it lies in, as far as that runs anything."""
        importer, steps = self.resolution.owner, name.split(".")
        for end in range(1, len(steps) + 1):
            at = ".".join(steps[:end])
            if at in self._touched:
                continue
            module = self._folder.module(at)
            if module is None:
                if not self._folder.has(at):
                    raise Unresolved(f"{importer} imports {at}, which is not in the source")
                continue
            self._touched[at] = module
            for imported in module.imports:
                self.resolution.owner = at
                self._run_import(imported)
            statements = [each for each in module.statements if not self._registers(module, each)]
            self._statements[at] = statements
            if statements:
                self.parts[f"{at} (on import)"] = digest([each.digest for each in statements])
                self._queue.extend((module, each) for each in statements)

    def _run_import(self, imported: Import) -> None:
        if imported.module.startswith("."):
            raise Unresolved(
                f"{self.resolution.owner} imports {imported.module}, beyond the top of the source"
            )
        top = imported.module.partition(".")[0]
        if self._folder.has(top):
            self._touch(imported.module)
            if imported.name and self._folder.has(f"{imported.module}.{imported.name}"):
                module = self._folder.module(imported.module)
                if module is None or imported.name not in module.names or self._is_that(module, imported):
                    self._touch(f"{imported.module}.{imported.name}")
        elif imported.name == "*" and top not in sys.stdlib_module_names and top != "__future__":
            raise Unresolved(
                f"{self.resolution.owner} takes everything from {imported.module}, which is not in the source"
            )

    @staticmethod
    def _is_that(module: Module, imported: Import) -> bool:
        """Whether the name in a package is its submodule, imported there."""
        wanted = f"{imported.module}.{imported.name}"
        return any(
            each.bound is not None and wanted in (each.bound.module, f"{each.bound.module}.{each.bound.name}")
            for each in module.names[imported.name or ""]
        )

    def _take_in_changers(self) -> bool:
        """Reach the definitions of touched modules whose import may change something reached; whether there are any."""
        taken = False
        for module in list(self._touched.values()):
            for name, definitions in module.names.items():
                if (module.name, name) in self._reached:
                    continue
                if any(self._changes.by(module, each, self._reached) for each in definitions):
                    self._reach(Place(module.name, name))
                    taken = True
        return taken

    def _note_order(self) -> None:
        """The order in which each module runs what is not indifferent to it, and that of modules that change others."""
        active: list[str] = []
        for module in self._touched.values():
            ran = {id(each): each for each in self._statements[module.name]}
            moved = any(each.bound is None for each in ran.values())
            for name, definitions in module.names.items():
                if (module.name, name) in self._reached:
                    moved |= any(self._changes.by(module, each, self._reached) for each in definitions)
                    own = [each for each in definitions if getattr(each.node, "name", name) == name]
                    again = len(own) > 1 or bool(module.stars)
                    ran |= {id(each): each for each in own if again or each.looks}
            order = sorted(ran.values(), key=lambda each: (each.node.lineno, each.node.col_offset))
            if len(order) > 1:
                self.parts[f"{module.name} {ORDER}"] = digest([each.digest for each in order])
            if moved:
                active.append(module.name)
        if len(active) > 1:
            self.parts[f"imports {ORDER}"] = digest(active)

    def _registers(self, module: Module, statement: Definition) -> bool:
        """Whether a statement is `app.work(function)` and nothing else, which concerns that step alone."""
        call = getattr(statement.node, "value", None)
        if (
            statement.bound is not None
            or not isinstance(statement.node, ast.Expr)
            or not isinstance(call, ast.Call)
        ):
            return False
        chain = called_chain(call.func) if not isinstance(call.func, ast.Call) else None
        plain = len(call.args) == 1 and not call.keywords and not isinstance(call.args[0], ast.Call)
        if not plain or chain is None or chain[-1:] not in STEPS or called_chain(call.args[0]) is None:
            return False
        try:
            return any(
                self.resolution.is_step(place) for place in self.resolution.resolve(module, Use(chain))
            )
        except Unresolved:
            return False
