"""One of a notebook's own modules: what naming each of its names does to what it keeps."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from agi_node.source.scopes import bound_names
from agi_node.source.tree import nodes_of
from agilab.notebooks.flow import knowledge as known
from agilab.notebooks.flow import states
from agilab.notebooks.flow.alterations import Alterations
from agilab.notebooks.flow.loggers import of_module
from agilab.notebooks.flow.made_objects import MadeObjects
from agilab.notebooks.flow.makers import Seen, Summary
from agilab.notebooks.flow.memories import LOOKED_AT, Memories
from agilab.notebooks.flow.model import CellFlow, Use
from agilab.notebooks.flow.module_calls import calls_of, concerned
from agilab.notebooks.flow.module_effects import effects_of
from agilab.notebooks.flow.module_functions import Function, is_decorated
from agilab.notebooks.flow.module_text import bases_of, collected_in, in_memory, libraries_of, loggers_of
from agilab.notebooks.flow.notebook import Flows, analyse_cells, parsed
from agilab.notebooks.flow.statements import FUNCTIONS
from agilab.notebooks.flow.values import PLAIN

_DEFINED = (*FUNCTIONS, ast.ClassDef)
_MOST_CALLS = 150
"""Calls that are asked of one module: where there are more, each of them may do anything to what the module holds."""
_AROUND = "__"
"""How names of methods begin that are called without being named."""
_SEEDS = (
    ("seed(", states.RANDOM_PYTHON),
    ("seed(", states.RANDOM_NUMPY),
    ("manual_seed", states.RANDOM_TORCH),
    ("set_seed", states.RANDOM_TENSORFLOW),
    ("set_random_seed", states.RANDOM_TENSORFLOW),
)
"""Words of a text that may seed, and what."""
_SETS_LOG = ("basicConfig", *sorted(states.LOGGER_SETS))


@dataclass
class _Does:
    """What the calls of one name do: names of the module and states that they change, and that they read.

    Attributes:
        does: What they do to states of the process, in order.
        surely: Those that each of them has set at its end.
        only_sets: Whether they do nothing but set such states.
    """

    changes: set[str] = field(default_factory=set)
    reads: set[str] = field(default_factory=set)
    does: dict[tuple[str, states.Does], None] = field(default_factory=dict)
    surely: frozenset[str] = frozenset()
    only_sets: bool = False


class OwnModule:
    """Reads one module.

    Attributes:
        told: States of any module that its functions change by what they were given of them.
    """

    def __init__(
        self, name: str, text: str, others: Mapping[str, Use], told: Collection[str], seen: Seen
    ) -> None:
        """`others` is what is known of all modules by now, `told` the states that are changed by what is given.

        `seen` is of all texts that are read beside these.
        """
        self._seen = seen
        self._name = name
        self._text = text
        self._others = others
        self._modules_known = {one for one, use in others.items() if use.kind == "module"}
        self._named = told
        self.told: set[str] = set()
        self._by_name: dict[str, dict[str, tuple[tuple[str, states.Does], ...]]] = {}
        self._asks: dict[str, dict[str, set[str]]] = {}

    def uses(self) -> Iterator[tuple[str, Use]]:
        """What naming each of its names does, by the full name."""
        above = _begun(self._others)
        bare = analyse_cells([above, self._text], modules=self._others, of_module=True, seen=self._seen)
        module = bare[1]
        effects = None if module.syntax else effects_of(self._name, self._text, module, self._modules_known)
        if module.syntax:
            return
        if any(one.reads for one in module.undecided):
            yield self._name, replace(unasked(self._name, self._text), effects=effects)
            return
        tree = parsed(self._text, self._seen)
        assert isinstance(tree, ast.Module), "it has no error of syntax"
        self._tree = tree
        self._modules = module.modules
        self._own = module.binds - module.modules.keys()
        self._loggers = loggers_of(self._tree)
        self._definitions = {part.name for part in self._tree.body if isinstance(part, _DEFINED)}
        self._memories = Memories(self._tree, _remembered(bare))
        self._in_memory = in_memory(self._tree)
        self._methods = _methods(bare)
        self._alterations = Alterations(bare)
        self._collected = collected_in(self._tree)
        self._binds = module.binds
        asked = concerned(self._tree, bare, self._others, self._collected) | self._memories.remembered
        self._calls = calls_of(bare, self._memories.functions, asked, self._definitions)
        self._remembering = {
            name
            for name, value in module.values.items()
            if any((made := bare.makers[one].summary) is not None and made.remembers for one in value.runs)
        }
        self._does = self._asked([above, self._text], module)
        changed = {one for each in self._does.values() for one in each.changes} & module.binds
        touched: set[str] = set()
        for one in self._memories.functions if changed else ():
            found = self._memories.touched_by(one, changed)
            touched |= found
            for name in {one.of or one.node.name, f"{one.of}.{one.node.name}"} & self._does.keys():
                self._does[name].changes |= found
        self._memory = self._memories_of(changed - touched)
        self._parts = changed | {one for one in self._own if module.values.get(one, PLAIN).kind != "plain"}
        self._makers = {part.name for part in self._tree.body if isinstance(part, ast.ClassDef)}
        self._made = MadeObjects(self._memories.functions, self._makers)

        reads = _with_modules([states.kept_in(f"{self._name}.*")])
        yield self._name, Use(reads, effects=effects, libraries=libraries_of(self._tree))
        for name, full in module.modules.items():  # what a package gives on
            if name in module.binds and full in self._others:
                yield f"{self._name}.{name}", self._others[full]
            elif name in module.binds and full.partition(".")[0] not in self._modules_known:
                yield f"{self._name}.{name}", Use(reads, kind="definition", alias=full)
        for name in sorted(self._own | self._calls.keys()):
            yield f"{self._name}.{name}", self._use(name)
        for name in sorted(self._memories.remembered & self._own):
            for word in LOOKED_AT:
                yield f"{self._name}.{name}.{word}", self._looked_at(name, clears=word == "cache_clear")

    def _asked(self, above: list[str], module: CellFlow) -> dict[str, _Does]:
        """What calls do, by the name that is called."""
        texts = sorted({call for some in self._calls.values() for call in some})
        if len(texts) > _MOST_CALLS:
            return {name: _Does({"*"}, {"*"}) for name in self._calls}
        flows = analyse_cells([*above, *texts], modules=self._others, of_module=True, seen=self._seen)
        by_text: dict[str, _Does] = {}
        for text, flow in zip(texts, flows.cells[2:], strict=True):
            given = {state for region, state in flows.held.items() if region in flow.changed}
            self.told |= given
            reads = (flow.reads.keys() & module.binds) - module.modules.keys()
            process = {
                (of_module(one, self._name), how): None for one, how in flow.does if not states.is_kept(one)
            }
            by_text[text] = _Does(
                self._changed(flow, module) | given,
                reads | {one for one in flow.reads if _goes_on(one)},
                process,
                frozenset(one for one, how in process if how != "use" and one in flow.always),
                all(how == "set" or one == states.ENVIRONMENT for one, how in process)
                and all(one.text for one in flow.settings)
                and not any(states.is_kept(one) and how != "use" for one, how in flow.does),
            )
        does: dict[str, _Does] = {}
        for name, some in self._calls.items():
            does[name] = _Does()
            for call in some:
                found = by_text[call]
                does[name].changes |= found.changes
                does[name].reads |= found.reads
                if call == some[0] or f".{_AROUND}" in call:
                    does[name].does |= found.does
            if some:
                first = by_text[some[0]]
                does[name].surely = first.surely
                does[name].only_sets = first.only_sets and len(some) == 1 and first.changes <= self._loggers
            self._by_name[name] = {
                method: tuple(
                    one for one in by_text[call].does if self._is_its_own(one, name, method, by_text[some[0]])
                )
                for call in some[1:]
                if (method := call.rpartition(".")[2].removesuffix("()")) and not method.startswith(_AROUND)
            }
            self._asks[name] = {
                call.rpartition(".")[2].removesuffix("()"): by_text[call].reads for call in some[1:]
            }
            if name in self._memories.remembered | self._remembering:
                does[name].changes.add(name)
        for name in self._collected:  # who makes a class of it says its name
            does.setdefault(name, _Does()).changes.add(name)
        for one in self._memories.functions:  # whose class is given by Python itself
            if one.node.name == "__new__" and any(place.startswith(f"{one.of}.") for place, _ in one.sets):
                does.setdefault(one.of, _Does()).changes.add(one.of)
        bases = bases_of(self._tree)
        for one in self._memories.functions:
            if one.sets_by_object:  # the class itself, or one below
                for name in (name for name, some in bases.items() if one.of in some):
                    does.setdefault(name, _Does()).changes |= {name, one.of}
        for name, its_bases in bases.items():
            for full in (_full(each, self._modules) for each in its_bases):
                if full in self._others and self._others[full].makes:
                    does.setdefault(name, _Does()).changes |= self._others[full].changes
        return does

    def _is_its_own(self, one: tuple[str, states.Does], name: str, method: str, made: _Does) -> bool:
        """Whether a method does something to the process that is not only what making its object does."""
        return one not in made.does or any(
            one in summary.states for summary in self._methods.get((name, method), ())
        )

    def _changed(self, flow: CellFlow, module: CellFlow) -> set[str]:
        """What a call changes that a fresh module would have otherwise: a connection is made anew and is as good."""
        found = {*flow.alters, *flow.binds}
        own = {
            one
            for one in found & module.binds
            if one in module.values
            and (module.values[one].tied not in known.MADE_ANEW or one in self._in_memory)
        }
        return own | {one for one in found if states.is_kept(one)}

    def _memories_of(self, changed: Collection[str]) -> dict[str, frozenset[str]]:
        """The names that functions change and that are memories, each with what it depends on."""
        elsewhere = {one for use in self._others.values() for one in use.changes}
        reads: dict[str, set[str]] = {}
        for name, does in self._does.items():
            some = {one for one in does.reads if not states.is_kept(one) or one in elsewhere}
            reads.setdefault(name.rpartition(".")[2], set()).update(some - {states.LOG})
        found = self._memories.among(changed, reads)
        for one in self._memories.functions:
            if one.of and not one.by_class and not is_decorated(one.node, "staticmethod"):
                for name in self._memories.handed_out_by(one):  # objects that give it are not followed
                    found.pop(name, None)
        return {name: about for name, about in found.items() if self._state(name) not in self._named}

    def _state(self, name: str) -> str:
        return name if name.startswith("<") else states.kept_in(f"{self._name}.{name}")

    def _holds(self, name: str) -> frozenset[str]:
        """The states of which a call gives a part that can be changed in place."""
        if name not in self._calls and name not in self._definitions:
            return frozenset({self._state(name)} if name in self._memory else ())
        owner, _, method = name.rpartition(".")
        methods = (
            [one for one in self._memories.functions if one.of == owner and one.node.name == method]
            if owner
            else []
        )
        if name in self._makers:
            methods = [
                one for one in self._memories.functions if one.of == name and one.node.name == "__new__"
            ]
        given = self._memories.handed_out(name).union(*map(self._memories.handed_out_by, methods))
        found = {
            self._state(one)
            for one in given & self._parts - self._loggers
            if one in self._memory or one not in self._definitions
        }
        functions = [
            one for one in self._memories.functions if one.node.name == name and not one.of
        ] + methods
        for one in functions:
            for root in one.gives:
                found |= self._given_on(root, one)
        return frozenset(found)

    def _given_on(self, root: str, one: Function) -> set[str]:
        """What a function gives that it was given itself by another module."""
        full = self._modules.get(root, "")
        return {
            state
            for name, use in self._others.items()
            if full
            and use.holds
            and (name == full or (name.startswith(f"{full}.") and name.rpartition(".")[2] in one.words))
            for state in use.holds
        }

    def _use(self, name: str) -> Use:
        does = self._does.get(name, _Does())
        holds = self._holds(name)
        changes = self._changes(name)
        changed = frozenset(map(self._state, changes)) | {one for one in holds if one in self._named}
        top = name.partition(".")[0]
        makes = (
            top in self._makers
            and any(map(states.is_kept, changed))
            and (name in self._makers or bool(holds))
        )
        makes |= any(map(self._is_at_work, self._made.given_by(name)))
        kind: Literal["variable", "definition"] = (
            "definition" if name in self._calls or name in self._definitions else "variable"
        )
        reads = (
            frozenset(map(self._state, {name, *does.reads} - self._memory.keys() - self._loggers)) | changed
        )
        reads = frozenset(one for one in reads if states.is_kept(one))
        reads |= _with_modules([*reads, states.kept_in(f"{self._name}.*")])
        memory = self._memory.get(name)
        process = (tuple(does.does), does.surely, does.only_sets and not changed)
        told = self._alterations
        return Use(
            reads,
            changed,
            kind,
            makes,
            holds,
            memory,
            *process,
            self._by_name.get(name, {}),
            alters=told.of(name),
            by_method=told.by_method(name) if name in self._makers else {},
            asks=self._asked_by(name) if name in self._makers else {},
            has=self._names_there(name) if name.endswith("__getattr__") else frozenset(),
        )

    def _changes(self, name: str) -> set[str]:
        found = self._does.get(name, _Does()).changes
        return {one for one in found if one not in self._memory and one not in self._loggers}

    def _is_at_work(self, name: str) -> bool:
        """Whether objects of a class, or what a function of another module gives, change what a module holds."""
        if name in self._makers:
            return any(map(states.is_kept, map(self._state, self._changes(name))))
        full = _full(name, self._modules)
        return full in self._others and self._others[full].makes

    def _asked_by(self, name: str) -> dict[str, frozenset[str]]:
        """By method of a class what calling it reads of what modules hold."""
        hidden = {name, *self._memory, *self._loggers}
        asks = {
            method: frozenset(filter(states.is_kept, map(self._state, reads - hidden)))
            for method, reads in self._asks.get(name, {}).items()
        }
        return {method: some for method, some in asks.items() if some}

    def _names_there(self, name: str) -> frozenset[str]:
        """Names that an object has, or the module, so that nobody is asked for them."""
        if name == "__getattr__":
            return frozenset(self._binds)
        stored = {
            part.attr
            for part in nodes_of(self._tree)
            if isinstance(part, ast.Attribute) and not isinstance(part.ctx, ast.Load)
        }
        return frozenset(stored).union(
            *(bound_names(part.body, "") for part in self._tree.body if isinstance(part, ast.ClassDef))
        )

    def _looked_at(self, name: str, *, clears: bool) -> Use:
        """What `f.cache_info()` does."""
        state = frozenset({self._state(name)})
        kept = name not in self._memory
        reads = _with_modules([*state]) | state
        return Use(reads, state if clears and kept else frozenset(), "variable", False, state, frozenset())


def _full(name: str, modules: Mapping[str, str]) -> str:
    first, dot, rest = name.partition(".")
    return f"{modules.get(first, first)}{dot}{rest}"


def unasked(name: str, text: str) -> Use:
    """What naming anything of a module may do whose text is too long to be asked, or does not say what it does."""
    kept = frozenset({states.kept_in(f"{name}.*")})
    seeds = [state for word, state in _SEEDS if word in text]
    does: tuple[tuple[str, states.Does], ...] = tuple((one, "set") for one in dict.fromkeys(seeds))
    if "logging" in text:
        does += ((states.LOG_OPTIONS, "set"),) if any(one in text for one in _SETS_LOG) else ()
    return Use(_with_modules([*kept]), kept, does=does)


def _methods(flows: Flows) -> dict[tuple[str, str], list[Summary]]:
    """By class and method: what the method itself does."""
    return {
        (name, method): [found for each in some if (found := flows.makers[each].summary) is not None]
        for name in flows[1].binds
        for number in flows[1].values.get(name, PLAIN).makers
        if flows.makers[number].name == name
        for method, some in flows.makers[number].methods.items()
    }


def _with_modules(some: Collection[str]) -> frozenset[str]:
    """The states that are whatever the modules hold that these are in, and their packages."""
    found = [one[1:-1].split(".")[:-1] for one in some if states.is_kept(one)]
    return frozenset(
        states.kept_in(f"{'.'.join(parts[:end])}.*") for parts in found for end in range(1, len(parts) + 1)
    )


def _goes_on(name: str) -> bool:
    return name in states.RANDOM or name == states.LOG or states.is_kept(name)


def _begun(others: Mapping[str, Use]) -> str:
    """A cell above that sets and changes whatever may be, so that whoever reads of it is seen to."""
    lines = ["import random, numpy, logging", "random.seed(0)", "numpy.random.seed(0)"]
    lines.append("logging.basicConfig(filename='any')")
    for name, use in others.items():
        if use.kind == "module":
            lines += [f"import {name}", f"setattr({name}, 'any', 0)"]
        elif use.kind == "variable":
            lines.append(f"{name}.append(0)")
    return "\n".join(lines)


def _remembered(flows: Flows) -> set[str]:
    """Functions of a module whose results a decorator keeps."""
    found = {name: flows[1].values.get(name, PLAIN).makers for name in flows[1].binds}
    return {name for name, makers in found.items() if any(flows.makers[one].kept for one in makers)}
