"""What the data flow of a cell is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from agilab.notebooks.flow.states import Does
from agilab.notebooks.flow.values import Region, Value


@dataclass(frozen=True)
class Undecided:
    """Something that reading cannot tell: what it may read or bind is any name.

    Attributes:
        cell: Position among the cells that were given, from 0.
        line: In that cell, from 1.
        reason: What stands there.
        reads: Whether any name may be read.
        binds: Whether any name may be bound or changed.
    """

    cell: int
    line: int
    reason: str
    reads: bool = True
    binds: bool = True


@dataclass(frozen=True)
class Setting:
    """A statement that sets something of the process: a seed, an option, an environment variable, the import path.

    Attributes:
        state: What is set: `<random numpy>`, `<options matplotlib>`, …
        line: Of its statement, from 1.
        text: The statement, where repeating it elsewhere sets the same; else empty.
        needs: Names that the statement reads.
        later: Names that functions read which the statement puts away, whenever they are called.
        known_as: Of a definition that a decorator makes known to a library: by which word others use it.
        runs: Of an import: the modules of the notebook's own whose top level runs for the first time by it.
    """

    state: str
    line: int
    text: str = ""
    needs: frozenset[str] = frozenset()
    known_as: str = ""
    runs: frozenset[str] = frozenset()
    later: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Effects:
    """What importing one of the notebook's own modules does to the process, besides that the module is there.

    Attributes:
        module: Its full name.
        does: To states of the process, and to what others of these modules hold.
        known_as: By state the words by which others use definitions that it makes known to a library; an empty one
            where it sets more than that.
        asks: What it may ask for that others set: environment variables, options of libraries (`<options`).
        brings: The others of these modules that it imports.
        logs: What it does to loggers, in order: those that it gets, and that it silences all that are there.
    """

    module: str
    does: tuple[tuple[str, Does], ...] = ()
    known_as: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    asks: frozenset[str] = frozenset()
    brings: tuple[str, ...] = ()
    logs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Alters:
    """What a call of a function or method of one of the notebook's own modules changes of what it is given.

    Attributes:
        parameters: Of it, in order; of a method also the object.
        regions: `p:x` for what comes as its parameter x, `d:x` for what may lie in that.
        of_object: Whether its first parameter is the object that it is called on.
        is_read: Whether it runs where its name is read, as a property does.
    """

    parameters: tuple[str, ...]
    regions: frozenset[str]
    of_object: bool = False
    is_read: bool = False

    def itself(self) -> set[str]:
        """The marks of its object: `p` where that is changed, `d` where something may be that lies in it."""
        first = self.parameters[:1] if self.of_object else ()
        return {one[0] for one in self.regions if one[2:] in first}

    def at(self, args: int, named: Mapping[str, object]) -> dict[str, int | str] | None:
        """By parameter the argument that it gets, by its place or its name; None where that cannot be told."""
        if args > len(self.parameters) or not named.keys() <= {*self.parameters}:
            return None
        return {**dict(zip(self.parameters, range(args), strict=False)), **{name: name for name in named}}


@dataclass(frozen=True)
class Use:
    """What naming something of one of the notebook's own modules does to what these keep.

    Attributes:
        reads: States that it may read: `<tools.CACHE>`, and `<tools.*>` for anything of the module.
        changes: States that it may change when it is called.
        kind: What it is; an import copies what a variable holds.
        makes: Whether objects are made by it whose methods change such a state.
        holds: States of which a call gives a part that can be changed in place.
        memory: Of a variable, function or class that is a memory: the words on which it depends; None for all others.
        does: What a call of it does, or may do, to states of the process: a seed, an option, the folder, the log file.
        surely: Those of these states that each call has set when it ends.
        only_sets: Whether a call does nothing but set such states, so that it can be repeated.
        methods: Of a class: by method what a call of it may do to states of the process.
        effects: Of a module: what importing it does.
        libraries: Of a module: the first parts of the names of what it imports.
        alias: Of a name that a module has of a library: the full name of what it stands for.
        alters: Of a function or a class: what calling it changes of what it is given.
        by_method: Of a class: the same by method, for those that change anything.
        asks: Of a class: by method the states of these modules that a call of it reads.
        has: Of what is asked for names that there are not: those that there are.
    """

    reads: frozenset[str] = frozenset()
    changes: frozenset[str] = frozenset()
    kind: Literal["module", "variable", "definition"] = "module"
    makes: bool = False
    holds: frozenset[str] = frozenset()
    memory: frozenset[str] | None = None
    does: tuple[tuple[str, Does], ...] = ()
    surely: frozenset[str] = frozenset()
    only_sets: bool = False
    methods: Mapping[str, tuple[tuple[str, Does], ...]] = field(default_factory=dict)
    effects: Effects | None = None
    libraries: frozenset[str] = frozenset()
    alias: str = ""
    alters: tuple[Alters, ...] = ()
    by_method: Mapping[str, tuple[Alters, ...]] = field(default_factory=dict)
    asks: Mapping[str, frozenset[str]] = field(default_factory=dict)
    has: frozenset[str] = frozenset()


@dataclass(frozen=True)
class CellFlow:
    """What one cell needs, makes and changes. Names in angle brackets are states of the process.

    Attributes:
        index: Position among the cells, from 0.
        reads: Names whose value from before is read (or may be), with the line where first.
        keeps: Names that the cell binds on some paths only: on others the value from before stays.
        binds: Names that it binds, on some path at least.
        always: Names that it has bound whenever it ends.
        unbinds: Names that `del` may leave unbound.
        alters: Names whose value from before is changed in place, by whatever name that is done.
        changed: Regions that are changed.
        same: Regions of values that are asked whether they are one object.
        bound: After the cell: names bound so far; True where it is certain.
        values: After the cell: what is known of each name.
        modules: After the cell: names of imports, with the full name of what they stand for.
        used: Names that it mentions, whoever bound them.
        derived: For each name that it binds, the regions of what was read to make its value.
        lines: Where a name is bound first.
        syntax: What keeps it from being Python; then everything else is empty.
        future: Its `from __future__` statements.
        calls: Whether anything happens but imports and definitions.
        does: What it does to states of the process, and to what modules of the notebook's own hold.
        by_calls: Names that functions which it calls bind, so that its text alone does not say what they are.
        again: Modules of the notebook's own that it imports and that a cell above imported first.
    """

    index: int
    reads: Mapping[str, int] = field(default_factory=dict)
    keeps: frozenset[str] = frozenset()
    binds: frozenset[str] = frozenset()
    always: frozenset[str] = frozenset()
    unbinds: frozenset[str] = frozenset()
    alters: frozenset[str] = frozenset()
    changed: frozenset[Region] = frozenset()
    same: frozenset[Region] = frozenset()
    bound: Mapping[str, bool] = field(default_factory=dict)
    values: Mapping[str, Value] = field(default_factory=dict)
    modules: Mapping[str, str] = field(default_factory=dict)
    used: frozenset[str] = frozenset()
    derived: Mapping[str, frozenset[Region]] = field(default_factory=dict)
    lines: Mapping[str, int] = field(default_factory=dict)
    undecided: tuple[Undecided, ...] = ()
    settings: tuple[Setting, ...] = ()
    syntax: str = ""
    syntax_line: int = 0
    future: tuple[str, ...] = ()
    calls: bool = True
    does: tuple[tuple[str, Does], ...] = ()
    again: frozenset[str] = frozenset()
    by_calls: frozenset[str] = frozenset()


def methods_of(modules: Mapping[str, Use]) -> dict[str, tuple[tuple[str, Does], ...]]:
    """By method of a class of the notebook's own modules: what a call of it may do to states of the process."""
    found: dict[str, dict[tuple[str, Does], None]] = {}
    for use in modules.values():
        for method, does in use.methods.items():
            found.setdefault(method, {}).update(dict.fromkeys(does))
    return {method: tuple(does) for method, does in found.items()}


def alterations_of(modules: Mapping[str, Use]) -> dict[str, tuple[Alters, ...]]:
    """By method of a class of the notebook's own modules: what a call of it changes of what it is given."""
    found: dict[str, dict[Alters, None]] = {}
    for use in modules.values():
        for method, some in use.by_method.items():
            found.setdefault(method, {}).update(dict.fromkeys(some))
    return {method: tuple(some) for method, some in found.items()}


def asked_of(modules: Mapping[str, Use]) -> dict[str, frozenset[str]]:
    """By method of a class of the notebook's own modules: what these hold that a call of it reads."""
    found: dict[str, frozenset[str]] = {}
    for use in modules.values():
        for method, states in use.asks.items():
            found[method] = found.get(method, frozenset()) | states
    return found


def is_state(name: str) -> bool:
    """Whether a name stands for a state of the process.

    >>> is_state("<figure>"), is_state("figure")
    (True, False)
    """
    return name.startswith("<")
