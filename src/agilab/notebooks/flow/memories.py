"""Which of a module's names are memories: what was found once and is given again, so that a fresh one gives the same.

That holds where its functions only ever set it (or an item of it) where it was not there, where what they put there
follows from the key alone, and where nobody looks at it otherwise. All else that functions change is a state.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from agi_node.source.tree import nodes_of
from agilab.notebooks.flow.module_functions import Function, names_in
from agilab.notebooks.flow.states import words

_ANEW = words(
    "uuid time datetime secrets tempfile getpass random urandom getpid environ getenv input now today"
)
"""Words of what is another thing when it is asked for again."""
LOOKED_AT = words("cache_info cache_clear cache_parameters")
"""What a function whose results are kept says of these."""
_QUEUES = words("Queue SimpleQueue LifoQueue PriorityQueue JoinableQueue")
_IN_MEMORY = words("sqlite:// sqlite:/// duckdb://")
_GIVES = words("get setdefault")
_MISSING = words("KeyError AttributeError NameError")


@dataclass
class Held:
    """What the functions of a module do with one of its names, or with an attribute of a class: `_one`, `Tracker._one`.

    Attributes:
        setters: Functions that put something there.
        sound: Whether all that is done with it is what is done with a memory.
    """

    setters: set[str] = field(default_factory=set)
    sound: bool = True


def is_in_memory(node: ast.Call) -> bool:
    """Whether a call makes a connection to what is in the memory of the process, or a queue: a fresh one is empty.

    >>> texts = ["sqlite3.connect(':memory:')", "duckdb.connect()", "sqlite3.connect('a.db')", "create_engine('sqlite://')"]
    >>> [is_in_memory(ast.parse(text, mode="eval").body) for text in texts]
    [True, True, False, True]
    """
    said = [
        part.value
        for each in (*node.args, *(one.value for one in node.keywords))
        for part in ast.walk(each)
        if isinstance(part, ast.Constant)
    ]
    if any(
        isinstance(text, str) and (":memory:" in text or "mode=memory" in text or text in _IN_MEMORY)
        for text in said
    ):
        return True
    called = ast.unparse(node.func)
    return called.rpartition(".")[2] in _QUEUES or (
        called == "duckdb.connect" and not (node.args or node.keywords)
    )


class Memories:
    """Reads the functions of one module. Not responsible for what these change: `module_states` asks that.

    Attributes:
        functions: Those of the module and of its classes.
        remembered: Names of functions whose results a decorator keeps.
    """

    def __init__(self, tree: ast.Module, remembered: Collection[str] = ()) -> None:
        self.functions = Function.all_of(tree)
        self.remembered = frozenset(remembered)
        self._classes = {node.name for node in tree.body if isinstance(node, ast.ClassDef)}
        self._named = {one.node.name: one for one in self.functions if not one.of}
        self._words: dict[str, set[str]] = {}
        for one in self.functions:
            self._words.setdefault(one.node.name, set()).update(one.words)

    def among(
        self, names: Collection[str], reads: Mapping[str, Collection[str]]
    ) -> dict[str, frozenset[str]]:
        """Those of the names that functions change that are memories, each with the words on which it depends.

        `reads` says which names, and which states of the process, the functions and classes read.
        """
        found = {name: held for name in names if (held := self._held(name)).sound}
        while wrong := {
            name for name, held in found.items() if self._depends(held, names - found.keys(), reads)
        }:
            for name in wrong:
                del found[name]
        said = {name for one in self.functions for name in one.parameters}
        return {name: frozenset(self._reached(held.setters) - said | {name}) for name, held in found.items()}

    def handed_out(self, name: str) -> set[str]:
        """Names of the module that a function of it gives to whoever calls it, or a part of them."""
        found: set[str] = set()
        todo = [self._named[name]] if name in self._named else []
        for one in todo:
            found |= {one.node.name} & self.remembered
            found |= one.gives
            todo += [
                self._named[each]
                for each in one.gives
                if each in self._named and self._named[each] not in todo
            ]
        return found

    def handed_out_by(self, method: Function) -> set[str]:
        """The same for a method."""
        return method.gives.union(*(self.handed_out(one) for one in method.gives))

    def touched_by(self, one: Function, changed: Collection[str]) -> set[str]:
        """Those of the names that a function changes by what others give it of them, and does not set itself."""
        given = {each for root in one.touches - {one.node.name} for each in self.handed_out(root)}
        given |= one.touches & self._classes
        return {
            name
            for name in given & {*changed}
            if not any(place.partition(".")[0] == name for place, _ in one.sets)
        }

    def _depends(self, held: Held, changing: Collection[str], reads: Mapping[str, Collection[str]]) -> bool:
        return any(
            one in changing or one.startswith("<") for setter in held.setters for one in reads.get(setter, ())
        )

    def _held(self, name: str) -> Held:
        if name in self.remembered:
            told = Held({name})
        else:
            places = self._places(name)
            told = Held(sound=bool(places) and not self._changes_by_its_objects(name))
            for place in places:
                self._read(place, told)
        about = self._reached(told.setters)
        told.sound &= bool(told.setters) and not about & _ANEW
        told.sound &= name not in self.remembered or not any(one.words & LOOKED_AT for one in self.functions)
        return told

    def _places(self, name: str) -> set[str]:
        """A variable is one place; a class is one for each attribute that is set on it."""
        if name not in self._classes:
            return {name}
        return {place for one in self.functions for place, _ in one.sets if place.startswith(f"{name}.")}

    def _changes_by_its_objects(self, name: str) -> bool:
        """Whether methods change, by `self`, what lies in the class."""
        return any(
            place.startswith("self.") and place.partition(".")[2] in one.of_class
            for one in self.functions
            if one.of == name
            for place, node in one.sets
            if not (isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Attribute))
        )

    def _read(self, place: str, told: Held) -> None:
        setters = {one.node.name for one in self.functions if any(each == place for each, _ in one.sets)}
        for one in self.functions:
            sets = [node for each, node in one.sets if each == place]
            mentions = {id(part) for part in one.parts if one.place(part) == place}
            if sets:
                told.setters.add(one.node.name)
                guarded = list(_guarded(one.node.body, place, one))
                inside = {id(part) for part in guarded}
                told.sound &= all(id(node) in inside for node in sets)
                told.sound &= _follows(one, sets, guarded)
            elif mentions and not setters & one.words:
                told.sound = False  # looked at by who does not see to it that it is there
            told.sound &= _only_gives(one, mentions, any(map(_is_keyed, sets)))

    def _reached(self, names: Collection[str]) -> set[str]:
        """The words of these functions and of those that they name."""
        found, todo = set[str](), [*names]
        while todo:
            more = self._words.get(todo.pop(), set()) - found
            found |= more
            todo += [one for one in more if one in self._words]
        return found


def _only_gives(one: Function, mentions: Collection[int], keyed: bool) -> bool:
    """Whether a place is only asked for what is there, not for how much, and given to nobody."""
    for part in one.parts if mentions else ():
        if isinstance(part, ast.Call):
            if any(id(arg) in mentions for arg in part.args) and getattr(part.func, "id", "") != "hasattr":
                return False
            func = part.func
            called = func if keyed and isinstance(func, ast.Attribute) else None
            if called is not None and id(called.value) in mentions and called.attr not in _GIVES:
                return False
        elif keyed and isinstance(part, (ast.Return, ast.For, ast.comprehension)):
            given = part.value if isinstance(part, ast.Return) else part.iter
            if given is not None and id(given) in mentions:
                return False
    return True


def _follows(one: Function, sets: list[ast.AST], guarded: list[ast.AST]) -> bool:
    """Whether what is put there follows from its key, or where there is none from nothing that a call says."""
    inside = {id(part) for part in guarded}
    outside: dict[str, set[str]] = {}
    for part in one.parts:
        if isinstance(part, ast.Assign) and id(part) not in inside:
            for target in part.targets:
                for name in names_in(target) if isinstance(target, (ast.Name, ast.Tuple)) else ():
                    outside.setdefault(name, set()).update(names_in(part.value))

    def said(names: set[str]) -> set[str]:
        while more := {each for name in names for each in outside.get(name, ())} - names:
            names = names | more
        return names & one.parameters

    of_class = {id(each) for part in guarded if one.is_class_of_object(part) for each in ast.walk(part)}
    used = {
        part.id
        for part in guarded
        if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load) and id(part) not in of_class
    }
    slices = [
        node.targets[0].slice
        for node in sets
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Subscript)
    ]
    return said(used) <= said({name for each in slices for name in names_in(each)})


def _is_keyed(node: ast.AST) -> bool:
    return isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Subscript)


def _guarded(body: list[ast.stmt], place: str, one: Function) -> Iterator[ast.AST]:
    """What is done only where a place was found not to have it."""
    sure = False
    for node in body:
        if sure or (isinstance(node, ast.If) and _asks(node.test, place, one)):
            yield from nodes_of(node)
            sure |= isinstance(node, ast.If) and isinstance(node.body[-1], ast.Return)
        elif isinstance(node, ast.Try):
            for handler in node.handlers:
                if handler.type is not None and names_in(handler.type) & _MISSING:
                    yield from (part for each in handler.body for part in nodes_of(each))
        elif isinstance(node, (ast.With, ast.For, ast.While)):
            yield from _guarded(node.body, place, one)


def _asks(test: ast.expr, place: str, one: Function) -> bool:
    """Whether a condition is that a place is None, is empty, is not there, or has a key, or the reverse."""
    for part in ast.walk(test):
        if isinstance(part, ast.Compare):
            sides = [part.left] if isinstance(part.ops[0], (ast.Is, ast.IsNot)) else part.comparators
            if isinstance(part.ops[0], (ast.Is, ast.IsNot, ast.In, ast.NotIn)) and any(
                one.place(side) == place for side in sides
            ):
                return True
        elif isinstance(part, ast.Call) and getattr(part.func, "id", "") == "hasattr" and len(part.args) == 2:
            owner, name = part.args
            if isinstance(name, ast.Constant) and f"{one.place(owner)}.{name.value!s}" == place:
                return True
    return isinstance(test, ast.UnaryOp) and one.place(test.operand) == place
