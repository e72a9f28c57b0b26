"""The notebook's own names: what each holds, whether it is bound, and what a cell reads and changes of them."""

from __future__ import annotations

import ast
from abc import abstractmethod
from collections.abc import Callable, Sequence

from agi_node.source.pure import dotted
from agi_node.source.tree import Chain
from agilab.notebooks.flow import knowledge as known
from agilab.notebooks.flow import states
from agilab.notebooks.flow.facts import Facts
from agilab.notebooks.flow.loggers import Loggers, is_of_logger
from agilab.notebooks.flow.makers import BUILTINS, Maker, Seen
from agilab.notebooks.flow.model import Setting, Undecided
from agilab.notebooks.flow.module_effects import draws, module_of, run_by
from agilab.notebooks.flow.settings import Settings
from agilab.notebooks.flow.values import PLAIN, Region, Value, either
from agilab.notebooks.flow.ways import Way, joined, with_stored

_ROUNDS = 5


class Names(Settings):
    """Keeps what is known of names while cells are walked, path by path."""

    def __init__(self, facts: Sequence[Facts]) -> None:
        super().__init__()
        self._path = Way()
        self._makers: list[Maker] = []
        self._by_node: dict[ast.AST, int] = {}
        self.seen = Seen()
        self._methods: dict[str, list[int]] = {}
        self._properties: set[str] = set()
        self._mentions: dict[int, tuple[str, ...]] = {}
        self._numbers: dict[object, int] = {}
        self.held_regions: dict[Region, str] = {}
        """By the region of what was given by a module of the notebook's own: the state of which it is a part."""
        self._kept: list[ast.AST] = []
        self._touched: list[set[Region]] = [set()]
        """What was read in this statement; above it, the last, since a class began to be asked what naming it does."""
        self._derived: dict[str, frozenset[Region]] = {}
        self._loops: list[tuple[list[Way], list[Way]]] = []
        self._tries: list[dict[str, Value]] = []
        self._depth = 0
        self._hides_python = False
        self._applying: set[int] = set()
        self._implied: set[tuple[int, Value]] = set()
        self._implies: dict[Value, tuple[Way, set[Region]]] = {}
        """By what holds classes: where naming it changed nothing, and what that read."""
        self._binds_made = 0
        """How often a name was bound."""
        self._imports: dict[str, str] = {}
        self._own: set[str] = set()
        self._own_methods: set[str] = set()
        self._stored: set[str] = set()
        self._brought: dict[str, int] = {}
        self._loggers = Loggers()
        self._logging: set[str] = set()
        """Modules of the notebook's own that have got their loggers."""
        self._stops = False
        self.put = set()
        calm: dict[str, bool] = {}
        for each in facts:
            self._own |= each.own
            self._own_methods |= each.own_methods
            self._imports |= each.imports
            self._stored |= each.stored
            self.put |= each.put
            self.told_in_place |= each.in_place
            self.told_written |= each.written
            self.told_sql |= each.sql
            self._stops |= each.stops
            calm |= {name: lets and calm.get(name, True) for name, lets in each.calm.items()}
        self.calm_names = frozenset(name for name, lets in calm.items() if lets)
        self._begin(0)

    def _begin(self, index: int) -> None:
        self._index = index
        self._implies.clear()
        self._path.must = set()
        self._path.dead = False
        self._reads: dict[str, int] = {}
        self._may: set[str] = set()
        self._unbound: set[str] = set()
        self._alters: set[str] = set()
        self._by_calls: set[str] = set()
        self._changed: set[Region] = set()
        self._same: set[Region] = set()
        self._lines: dict[str, int] = {}
        self._doubts: list[Undecided] = []
        self._settings: list[Setting] = []
        self._done: dict[tuple[str, states.Does], None] = {}
        self._again: set[str] = set()
        self._statement: ast.stmt | None = None
        self._source: list[str] = []

    def load(self, name: str, line: int) -> Value:
        for names in reversed(self.inner):
            if name in names:
                return names[name]
        path = self._path
        if name not in path.must:
            if name in BUILTINS and name not in path.env and not self._hides_python:
                return PLAIN
            self._reads.setdefault(name, line)
        value = path.env.get(name)
        if value is None:
            if name in BUILTINS:
                return PLAIN
            region = self._number(("name", name))
            value = path.env[name] = Value(frozenset({region}), frozenset({region}))
        self._touched[-1] |= value.reaches
        if name in self._derived:
            self._touched[-1] |= self._derived[name]
        if value.makers:
            self.implied(value, line)
        return value

    def bind(self, name: str, value: Value, line: int) -> None:
        path = self._path
        self._binds_made += 1
        self._derived[name] = frozenset().union(*self._touched)
        path.env[name] = value
        for held in self._tries:
            held[name] = either([held[name], value]) if name in held else value
        path.status[name] = True
        path.must.add(name)
        path.modules.pop(name, None)
        self._may.add(name)
        self._lines.setdefault(name, line)

    def unbind(self, name: str, line: int) -> None:
        path = self._path
        path.env.pop(name, None)
        path.status.pop(name, None)
        path.modules.pop(name, None)
        path.must.discard(name)
        self._unbound.add(name)

    def bind_import(self, name: str, full: str, line: int, *, adds: bool = False) -> None:
        if adds and self._path.modules.get(name) == full:
            self.load(name, line)
        top = full.partition(".")[0]
        moved = states.IMPORT_PATH in self._path.status and not known.is_installed(top)
        runs = run_by(full, self.own_modules) if self.own_modules and not self.of_module else []
        why = "found where this notebook lets modules be looked for" if moved else ""
        why = why or ("of a module that draws random numbers when it is imported" if draws(runs) else "")
        self.bind(name, Value(tied=why) if why else PLAIN, line)
        self._path.modules[name] = self.through(full)
        use = self.own_modules.get(full)
        if use is not None and use.kind == "variable":
            self.uses_module(full, ast.Pass(lineno=line))

    def runs_modules(self, full: str, line: int) -> None:
        effects = run_by(full, self.own_modules)
        loggers = [state for one in effects if one.module not in self._logging for state in one.logs]
        self._logging |= {one.module for one in effects}
        effects = [one for one in effects if one.does or one.asks or one.brings]
        known_here = [one for one in effects if one.module in self._brought]
        self._again |= {one.module for one in known_here if self._brought[one.module] < self._index}
        new = [one for one in effects if one.module not in self._brought]
        self._brought |= {one.module: self._index for one in new}
        text = "" if self._depth else self._importing(module_of(full, self.own_modules))
        runs = frozenset(one.module for one in new)
        logged = any(state == states.LOG for one in new for state, _ in one.does)  # who logs is in this stage
        for (state, how), known_as in (
            (each, one.known_as.get(each[0], ("",))) for one in new for each in one.does
        ):
            if logged and state == states.LOG_OPTIONS:
                continue
            options = f"<options {state[1:].partition('.')[0]}>" if states.is_kept(state) and text else state
            if how == "set" or options != state:
                self._done[options, "set"] = None
                self._settings += [
                    Setting(options, line, text, known_as=word, runs=runs) for word in known_as
                ]
                if state in states.STATES:
                    self.bind(state, Value(tied=states.in_words(state)), line)
            else:
                self.state(state, how, ast.Pass(lineno=line))
        if any(one.asks for one in new):
            self._settings.append(Setting(f"<import {full}>", line, text, runs=runs))
        for state in loggers:
            self.state(state, "set", ast.Pass(lineno=line))

    def _importing(self, module: str) -> str:
        """A statement that imports a module and leaves all names of the notebook what they are."""
        top = module.partition(".")[0]
        taken = top in self._stored or self._imports.get(top, top) != top
        return f"__import__({module!r})" if taken else f"import {module}"

    def star(self, module: str, line: int) -> None:
        self.doubt(line, f"from {module} import * binds names that are not in the text", reads=False)
        self._hides_python |= module.partition(".")[0] in known.STAR_SHADOWS

    def full(self, chain: Chain) -> str | None:
        first = chain[0]
        path = self._path
        if any(first in names for names in self.inner):
            return None
        if first in path.modules:
            return self.through(dotted(chain, path.modules))
        if first in path.status or first in path.env:
            return None
        if first in self._imports:
            return self.through(dotted(chain, self._imports))
        return dotted(chain, {}) if first in BUILTINS or dotted((first,), {}) != first else None

    def mention(self, name: str, line: int) -> bool:
        if name not in self._path.status:
            return False
        self.load(name, line)
        return True

    def has_library(self, top: str) -> bool:
        return any(full.partition(".")[0] == top for full in self._imports.values())

    def is_own_method(self, name: str) -> bool:
        return name in self._own_methods

    def region(self, node: ast.AST) -> Region:
        self._kept.append(node)  # so that its id stays its own
        return self._number(id(node))

    def held(self, state: str) -> Value:
        region = self._number(("held", state))
        self.held_regions[region] = state
        return Value(frozenset({region}), frozenset({region}))

    def _number(self, key: object) -> Region:
        return self._numbers.setdefault(key, len(self._numbers))

    def change(self, what: frozenset[Region], stored: Value, line: int) -> None:
        if not what:
            return
        self._changed |= what
        path = self._path
        adds = bool(stored.reaches or stored.makers or stored.runs or stored.tied or stored.own)
        for name, value in path.env.items():
            if not value.reaches.isdisjoint(what):
                if name not in path.must:
                    self._alters.add(name)
                if adds and (more := with_stored(value, stored)) is not value:
                    path.env[name] = more
                    self.stores += 1
        for held in self._tries if adds else ():
            for name, value in held.items():
                if not value.reaches.isdisjoint(what) and (more := with_stored(value, stored)) is not value:
                    held[name] = more
                    self.stores += 1

    def state(self, name: str, does: states.Does, node: ast.AST) -> None:
        line = getattr(node, "lineno", 1)
        if is_of_logger(name):
            self._log(name, does, line, node)
            return
        kept = states.is_kept(name)
        self._done[name, does] = None
        self._own_is_set |= does != "use" and (kept or self._is_of_own(name))
        tied = Value(tied=states.in_words(name) if kept or name in states.STATES else "a setting")
        if does == "set":
            setting = self._setting(name, line, node)
            self._settings.append(setting)
            self._unless_repeated(setting, node)
            if name in states.STATES:
                self.bind(name, tied, line)
        elif does == "begin":
            self.bind(name, tied, line)
        elif does == "end":
            self._touch_state(name, line)
            self.unbind(name, line)
        else:
            goes_on = (kept or name == states.DATABASE) and does == "go on"
            self._touch_state(name, line, changes=goes_on)
            if (name == states.FIGURE or goes_on) and name not in self._path.status:
                self.bind(name, tied, line)

    def _touch_state(self, name: str, line: int, *, changes: bool = False) -> None:
        """A state that was set is read, and (but for the folder and the environment) another one afterwards."""
        if name not in self._path.status:
            return
        if name not in self._path.must:
            self._reads.setdefault(name, line)
        if changes or name in states.RANDOM or name == states.FIGURE:
            self._alters.add(name)

    def doubt(self, line: int, reason: str, *, reads: bool = True, binds: bool = True) -> None:
        self._doubts.append(Undecided(self._index, line, reason, reads, binds))

    def same(self, values: Sequence[Value]) -> None:
        self._same |= either([PLAIN, *values]).owns

    def inside(self, way: Callable[[], None]) -> None:
        self._depth += 1
        way()
        self._depth -= 1

    def paths(self, *ways: Callable[[], None]) -> None:
        before = self._path
        ends: list[Way] = []
        self._depth += 1
        for way in ways:
            self._path = before.copy()
            way()
            ends.append(self._path)
        self._depth -= 1
        self._path = joined(ends)

    def repeated(self, body: Callable[[], None], *, once: bool, forever: bool) -> None:
        continued: list[Way] = []
        broken: list[Way] = []
        self._loops.append((continued, broken))
        self._depth += 1
        head = self._path
        ends: list[Way] = []
        for _ in range(_ROUNDS):
            self._path = head.copy()
            continued.clear()
            broken.clear()
            body()
            ends = [path for path in (self._path, *continued) if not path.dead]
            again = joined([head, *ends])
            if again.env == head.env and again.status == head.status:
                break
            head = again
        self._depth -= 1
        self._loops.pop()
        exits = [*([] if forever else ends if once else [head]), *broken]
        if exits:
            self._path = joined(exits)
        else:
            self._path = head.copy()
            self._path.dead = True

    def attempted(
        self, body: Callable[[], None], handlers: Sequence[Callable[[], None]], rest: Callable[[], None]
    ) -> None:
        middle = self._path.copy()
        held = dict(middle.env)
        unbound = self._unbound
        self._unbound = set()
        self._tries.append(held)
        self._depth += 1
        body()
        self._tries.pop()
        for name in held.keys() - middle.status.keys() - middle.env.keys():
            middle.status[name] = False
        for name in self._unbound & middle.status.keys():
            middle.status[name] = False
        middle.must -= self._unbound
        middle.env = held
        self._unbound |= unbound
        rest()
        ends = [self._path]
        for handler in handlers:
            self._path = middle.copy()
            handler()
            ends.append(self._path)
        self._depth -= 1
        self._path = joined(ends)

    def ends(self, node: ast.stmt, value: Value) -> None:
        if self._loops and not self._path.dead:
            continued, broken = self._loops[-1]
            if isinstance(node, ast.Continue):
                continued.append(self._path.copy())
            elif isinstance(node, ast.Break):
                broken.append(self._path.copy())
        self._path.dead = True

    def declare_global(self, node: ast.Global | ast.Nonlocal) -> None:
        pass

    @abstractmethod
    def implied(self, value: Value, line: int) -> None:
        """Operators, loops and printing may run methods of the notebook's classes that nobody names."""
