"""Calls, and what is known of libraries when one of theirs is called; the rest is for those whose names they are."""

from __future__ import annotations

import ast
import itertools
from abc import abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from agi_node.source.tree import Chain, chain_of, nodes_of, text_of
from agilab.notebooks.flow import by_name, databases, loggers, reading, spoken, states, written
from agilab.notebooks.flow import knowledge as known
from agilab.notebooks.flow.by_name import ANY
from agilab.notebooks.flow.expressions import drawn
from agilab.notebooks.flow.model import Alters
from agilab.notebooks.flow.other_names import OtherNames
from agilab.notebooks.flow.patches import patched_by
from agilab.notebooks.flow.values import NOTHING, PLAIN, Kind, Region, Value, either, holding
from agilab.notebooks.flow.ways import with_stored

_WALKS = ("itertools.", "collections.", "functools.reduce", "more_itertools.", "numpy.fromiter")
"""How the names of those begin that walk what they are given, besides Python's own."""


class LibraryCalls(OtherNames):
    """Evaluates calls."""

    def call(self, node: ast.Call) -> Value:
        node = by_name.without_getattr(node)
        chain = chain_of(node.func)
        full = self.full(chain) if chain else None
        args = [self.value(arg) for arg in node.args]
        named = dict(
            zip(keyword_names(node), [self.value(each.value) for each in node.keywords], strict=True)
        )
        every = [*args, *named.values()]
        if full is not None and chain:
            self.load(chain[0], node.lineno)
            self._altered_by_given(node, every)
            if self._is_variable(full):
                self.runs_own(self.with_own(PLAIN, full), "__call__", node, every)
            made = self.of_library(full, self._library(node, full, args, named), every, node)
            if patched := patched_by(node, self.full):
                made = replace(self.new(node), tied="a patch, which is one of its process")
                self.patched |= dict.fromkeys(made.owns, patched)
            return self.of_collection(full, made)
        if isinstance(node.func, ast.Attribute):
            owner = self.value(node.func.value)
            self._altered_by_given(node, [owner, *every])
            self.asks_own(node.func.attr, owner, node)
            for region in owner.owns & self.patched.keys() if node.func.attr == "start" else ():
                self.state(self.patched[region], "set", node)
            self.runs_own(owner, node.func.attr, node, every)
            for name in spoken.asked_for(node.func.attr, node, self.texts):
                self.load(name, node.lineno)
            if self.has_library("duckdb"):
                for name in spoken.of_connection(node.func.attr, node, self.texts):
                    self.mention(name, node.lineno)
            found = self.attribute(owner, node.func.attr, every, node)
            self.applied(owner, [owner, *every], node)
            given = self._method(node, node.func.attr, owner, every) if found is None else found
            return self.of_method(node.func.attr, given)
        callee = self.value(node.func)
        if one := self.stands_for(callee):  # `f = tools.note`
            self._altered_by_given(node, every)
            return self.of_library(one, self._library(node, one, args, named), every, node)
        self.asks_own("__call__", callee, node)
        self.runs_own(callee, "__call__", node, every)
        if not callee.makers:
            self._altered_by_method("__call__", node, callee, args, named)
        if isinstance(node.func, ast.Call) or self.spent & callee.owns:  # `getattr(x, name)(…)`
            self.used_up([callee], every, node.lineno)
        result = self.called(callee, node, args, named)
        if result is None:
            self.gives_own_on(every, node)
            mixed = [self.new(node), callee.inside(), *every, *(one.inside() for one in every)]
            result = either(mixed).with_kind("")
        return self.of_method("__call__", result)

    def used_up(self, values: Sequence[Value], given: Sequence[Value], line: int) -> None:
        """What is another thing after each use is used, perhaps with items of what is given."""
        for value in values:
            if self.spent & value.owns:
                others = [one for one in given if one is not value]
                self.change(value.owns, either([PLAIN, *others, *(one.inside() for one in others)]), line)

    @abstractmethod
    def mention(self, name: str, line: int) -> bool:
        """A word in a text that a library reads; whether it is a name of the notebook's, which then is read."""

    @abstractmethod
    def has_library(self, top: str) -> bool:
        """Whether the notebook imports a library."""

    def _library(self, node: ast.Call, full: str, args: Sequence[Value], named: Mapping[str, Value]) -> Value:
        every = [*args, *named.values()]
        line = node.lineno
        if full == "super":
            return self.first_parameter()
        if full in ("eval", "exec") and len(node.args) == 1 and (text := text_of(node.args[0])) is not None:
            return self._said(text, full, node)
        if (read := by_name.attribute_of(full, node)) is not None:
            value = self.value(read)
            return PLAIN if full == "hasattr" else either([value, *args[2:]])
        for name in map(text_of, node.args) if full in known.GIVES_ATTRIBUTES else ():
            self.attribute(self.new(node), (name or ANY).partition(".")[0], None, node)
        if full in known.MAKES_AGAIN and args:
            again = self.new(node)
            again = replace(again, reaches=again.reaches | args[0].reaches, makers=args[0].makers)
            for name in ("__init__", "__post_init__"):
                self.attribute(again, name, every[1:], node)
        reason = known.UNDECIDED.get(full) or (known.UNDECIDED_BARE.get(full) if not node.args else None)
        if reason:
            self.doubt(line, reason, binds=full not in known.BINDS_NOTHING)
        for name in spoken.asked_for(full.rpartition(".")[2], node, self.texts):
            self.load(name, line)
        mentioned = [name for name in spoken.of_function(full, node, self.texts) if self.mention(name, line)]
        found = states.state_of(full, frozenset(named))
        if found and found[0] == states.FOLDER and node.args and self._is_from_here(node.args[0]):
            self.state(states.FOLDER, "use", node)
        if found and not (found[1] == "set" and found[0] in self.restored):
            self.state(*found, node)
        if logged := loggers.logged_by(full, node, self.calm_names):
            self.state(logged, "set", node)
        if found := databases.does_of(full, node, self.texts, told=self.told_sql or self.of_module):
            self.state(*found, node)
        if full.rpartition(".")[2].startswith(known.FILES):
            self.state(states.FOLDER, "use", node)
        if full in ("setattr", "delattr") and node.args and (chain := chain_of(node.args[0])):
            self._sets_place(chain, node)
        use = None
        if self.own_modules:
            self._changes_modules(node, full)
            owner, _, word = full.rpartition(".")
            if (
                word in states.LOGS
                and owner in self.own_modules
                and self.own_modules[owner].kind == "variable"
            ):
                self.state(states.LOG, "use", node)  # a logger of the module
            use = self.uses_module(full, node, called=True)
            self._altered(self._alters_of(full), node, args, named)
            if use is not None and use.makes:
                made = self._result(node, full, every, named, PLAIN)
                return replace(
                    either([made, *map(self.held, sorted(use.holds))]),
                    tied=f"an object of {self._known_as(full)}, whose module keeps what it does",
                )
        given = self.applied(either([PLAIN, *every]), every, node)
        method = written.by_its_class(full)
        changed = [
            known.CHANGES_ARGUMENT.get(full),
            *written.of_function(full),
            0 if method in known.CHANGING_METHODS else None,
            *written.overwritten(full, node),
        ]
        if method is not None and (place := written.of_method(method)) is not None:
            changed.append(place + 1)
        for at in changed:
            if at is not None and len(args) > at:
                others = [value for number, value in enumerate(args) if number != at]
                self.change(args[at].owns, either([PLAIN, *others, *named.values()]), line)
        self.used_up(every, every, line)
        for value in every if "." not in full or full.startswith(_WALKS) else ():
            self.walk_own(value, line)
        self._written(node, named)
        if args and self._in_place(node):
            self.change(args[0].owns, PLAIN, line)
        result = self._result(node, full, every, named, given)
        if use is not None and use.holds:
            result = either([result, *map(self.held, sorted(use.holds))])
        if mentioned and spoken.has_formula(full):
            return replace(result, tied="a model whose formula calls what is defined here")
        return result

    def _sets_place(self, chain: Chain, node: ast.Call) -> None:
        """`setattr(os, "getenv", f)` is what `os.getenv = f` is."""
        owner = self.full(chain)
        name = text_of(node.args[1]) if len(node.args) > 1 else None
        if (
            owner is not None
            and not self._known_as(owner)
            and (found := states.state_of_place(f"{owner}.{name}"))
        ):
            self.state(found, "set", node)

    def _alters_of(self, full: str) -> Sequence[Alters]:
        """What calling something of an own module by its full name changes of what it is given."""
        known_as = self._known_as(full)
        word = full.rpartition(".")[2]
        return self.own_modules[known_as].alters if known_as == full else self.own_alters.get(word, ())

    def _altered(
        self, some: Sequence[Alters], node: ast.Call, args: Sequence[Value], named: Mapping[str, Value]
    ) -> None:
        """Functions of own modules change what they are given."""
        stars = any(isinstance(arg, ast.Starred) for arg in node.args) or "None" in named
        every = [*args, *named.values()]
        inside = [value.inside() for value in every] if some else []
        others: dict[int, Value] = {}
        since: dict[tuple[int, str], int] = {}
        for one in some:
            told = None if stars else one.at(len(args), named)
            for region in sorted(one.regions):
                if told is None:
                    held = [*every, *inside]
                else:
                    place = told.get(region[2:])
                    held = [args[place]] if isinstance(place, int) else [named[place]] if place else []
                for value in held:
                    asked = (id(value), region[0])
                    if since.get(asked) == self.stores:
                        continue  # another function of this name has done so, and nothing came of others since
                    if id(value) not in others:
                        rest = (each for each in every if each is not value)
                        others[id(value)] = either([PLAIN, *rest])
                    what = value.owns if region[0] == "p" else value.reaches
                    self.change(what, others[id(value)], node.lineno)
                    since[asked] = self.stores

    def _altered_by_given(self, node: ast.Call, every: Sequence[Value]) -> None:
        """A function of an own module that changes what it is given is given on: `df.pipe(tools.add)`."""
        chains = map(
            chain_of, (*node.args, *(each.value for each in node.keywords)) if self.own_modules else ()
        )
        names = [full for chain in chains if chain and (full := self.full(chain)) is not None]
        if any(self._known_as(full) and self._alters_of(full) for full in names):
            self.change(either([PLAIN, *every]).reaches, PLAIN, node.lineno)

    def _altered_by_method(
        self, name: str, node: ast.Call, owner: Value, args: Sequence[Value], named: Mapping[str, Value]
    ) -> None:
        """What a method changes if its object is one of a class of an own module."""
        some = self.own_alters.get(name, ()) if owner.kind == "" else ()
        held = either([PLAIN, *args, *named.values()])
        for one in some:
            itself = one.itself()
            if itself:
                given = frozenset[Region]().union(*(self.given.get(each, ()) for each in owner.owns))
                self.change(owner.owns - (given if itself == {"p"} else NOTHING), held, node.lineno)
            rest = frozenset(each for each in one.regions if each[2:] not in one.parameters[:1])
            if rest:
                self._altered([replace(one, parameters=one.parameters[1:], regions=rest)], node, args, named)

    def _is_module(self, full: str) -> bool:
        return full in self.own_modules and self.own_modules[full].kind == "module"

    def _is_from_here(self, path: ast.expr) -> bool:
        """Whether a path says itself, and no name does, that it begins at the folder of now."""
        texts = [node.value for node in nodes_of(path) if isinstance(node, ast.Constant)]
        if any(isinstance(text, str) and text.startswith(("/", "~")) for text in texts):
            return False
        chains = [chain_of(node) for node in nodes_of(path) if isinstance(node, ast.Name | ast.Attribute)]
        known = [self.full(chain) for chain in chains if chain is not None]
        return None not in known and (bool(texts) or any("cwd" in (one or "") for one in known))

    def _changes_modules(self, node: ast.Call, full: str) -> None:
        """`tools.SEEN.append(1)`, `heapq.heappush(tools.SEEN, 1)`, `setattr(tools, "RATE", 3)`, `reload(tools)`."""
        owner, _, method = full.rpartition(".")
        if method in known.CHANGING_METHODS and self._known_as(owner) and not self._is_module(owner):
            self.changes_module(owner, node)
        at = 0 if full == "importlib.reload" else known.CHANGES_ARGUMENT.get(full)
        chain = chain_of(node.args[at]) if at is not None and len(node.args) > at else None
        if chain and (changed := self.full(chain)):
            self.changes_module(changed, node)

    def _written(self, node: ast.Call, named: Mapping[str, Value]) -> None:
        """What is given to be written into, by a keyword."""
        for each, key in zip(node.keywords, keyword_names(node), strict=True):
            value = named[key]
            if each.arg is None and self.told_written:  # `**kw` may say it
                self.change(value.inside().owns, PLAIN, node.lineno)
            elif written.is_written(each.arg):
                inside = value.inside().owns if value.kind == "tuple" else value.owns
                self.change(value.owns | inside, PLAIN, node.lineno)

    def _said(self, text: str, full: str, node: ast.Call) -> Value:
        """`eval` or `exec` of a text that stands there."""
        try:
            tree = ast.parse(text.strip(), mode="eval" if full == "eval" else "exec")
        except (SyntaxError, ValueError):
            return PLAIN
        if isinstance(tree, ast.Expression):
            for part in ast.walk(tree):
                if isinstance(part, ast.expr):
                    ast.copy_location(part, node)
            return self.value(tree.body)
        self.doubt(node.lineno, known.UNDECIDED[full])
        return PLAIN

    def _result(
        self, node: ast.Call, full: str, every: Sequence[Value], named: Collection[str], given: Value
    ) -> Value:
        """What a library's function returns; `given` is what functions that it got may have given it."""
        if full in ("id", "operator.is_", "operator.is_not"):
            self.same(every)
        if full in ("type", "vars") and every:
            return every[0]
        if full == "range":
            return holding([], self.region(node), "list")
        if full in known.PLAIN_RESULT:
            return PLAIN
        inner = [value.inside() for value in every]
        if full in known.ITEM_RESULT:
            return either([PLAIN, given, *inner, *(every if len(every) > 1 else [])])
        if full == "object":
            return replace(self.new(node), tied=known.tied_by(full))
        why = known.tied_by(full)
        if full in known.COLLECTS:
            itself = every[len(node.args) :]  # `dict(a=x)` holds x
            value = holding([*inner, *itself], self.region(node), "list")
            return replace(value, tied=next((one.tied for one in inner if one.tied and full != "list"), ""))
        copies = known.copies_collections(full, [value.kind for value in every])
        new = known.makes_new(full) or copies
        new = new and not written.shares_as_told(node)
        new = new and not (full in known.DRAWS_FROM and any(one.kind != "plain" for one in every))
        if full in known.ITERATORS or why == known.A_BAR:
            held = holding(every if full == "filter" else inner, self.region(node), "iterator")
            held = holding([held, *inner, *([given] if full == "map" else [])], self.region(node), "iterator")
            self.spent |= held.owns
            return replace(held, tied=why)
        if why == known.A_FIGURE:
            return self.drawing(node, [] if new else [*every, *inner])
        if why:
            held = holding([] if new else [*every, *inner], self.region(node), "")
            self.spent |= held.owns
            return replace(held, tied=why)
        is_table = full.partition(".")[0] in known.TABLES and not reading.is_solver(full)
        kind: Kind = "table" if is_table else ""
        if new:
            value = self.new(node, kind)
            if copies or written.takes_objects(node):
                value = replace(value, makers=frozenset().union(*map(self.classes_in, every)))
        else:
            made = self.new(node)
            self._notes(made, [*every, *inner])
            value = replace(either([made, given, *every, *inner]), kind=kind)
            if full.partition(".")[0] in known.MODELLING:
                self.modelling |= made.owns
            if not full.rpartition(".")[2][:1].isupper() or kind == "table":
                value = replace(value, tied="")
        if full in known.SPENT:
            self.spent |= value.owns
            self.generators |= value.owns
        if full in known.GROWING:
            self.growing |= value.owns
        if kind != "table" and written.overwrites(node):
            self.overwriting |= value.owns
        if full in states.CONTEXTS:
            self.contexts |= dict.fromkeys(value.owns, node)
        value = replace(value, calm=reading.is_calm(full) and not self._known_as(full))
        if states.is_random_model(full) and "random_state" not in named:
            self.unseeded |= value.owns
        return value

    def _method(self, node: ast.Call, name: str, owner: Value, every: Sequence[Value]) -> Value:
        line = node.lineno
        held = [value for value in every if value.kind != "plain"]
        given = self.applied(either([PLAIN, *every]), [owner, *every], node)
        by_name = dict(zip(keyword_names(node), every[len(node.args) :], strict=True))
        self._altered_by_method(name, node, owner, every[: len(node.args)], by_name)
        is_table = owner.kind == "table" and name in known.LOOKS
        changes = (name in known.CHANGING_METHODS and not is_table) or name.endswith("_") > name.startswith(
            "_"
        )
        if changes or self._in_place(node) or self.spent & owner.owns:
            keeps = not self.generators & owner.owns
            self.change(owner.owns, either([PLAIN, *held]) if keeps else PLAIN, line)
        elif self._may_change(owner, name) and not draws_a_table(node):
            was_given = frozenset[Region]().union(*(self.given.get(one, ()) for one in owner.owns))
            self.change(owner.owns - was_given, either([PLAIN, *held]), line)
        if name in known.SOLVES and owner.kind == "" and not owner.calm:
            inside = [owner, *(value for value in held if value.kind in ("", "list"))]
            self.change(either(inside).reaches, PLAIN, line)
        at = written.of_method(name)
        if self.overwriting & owner.owns:
            self.change(either([PLAIN, *held]).owns, PLAIN, line)
        elif at is not None and len(node.args) > at:
            self.change(every[at].owns, PLAIN, line)
        self._written(node, by_name)
        self.used_up(every, [owner, *every], line)
        if self.generators & owner.owns:  # numbers, or items of what is given
            return either([PLAIN, self.new(node, "table"), *(value.inside() for value in held)])
        if name in ("fit", "fit_transform", "fit_predict") and self.unseeded & owner.reaches:
            self.state(states.RANDOM_NUMPY, "use", node)
        if name == "sample" and not any(each.arg in ("random_state", "seed") for each in node.keywords):
            self.state(states.RANDOM_NUMPY, "use", node)
        if name.startswith(known.FILES):
            self.state(states.FOLDER, "use", node)
        if owner.tied == databases.A_TABLE and databases.of_table(name):
            self.state(states.DATABASE, "go on", node)
        if self._is_logged(name, owner, node):
            self.state(states.LOG, "use", node)
        if states.sets_logger(node.func) and self.logs and owner.kind == "":
            self.state(states.LOG_OPTIONS, "set", node)
        if name == "getChild" and self.logs and owner.kind == "":
            self.state(loggers.UNKNOWN, "set", node)
        if name in self.own_does and owner.kind == "" and not self.is_own_method(name):
            self.does(self.own_does[name], (), node)
        if name in known.DRAWS and owner.kind in ("", "table") and not owner.makers:
            return self.drawing(node, [owner, *held])
        if owner.kind == "figure":
            return drawn(owner) if known.is_drawn(name) else _part(owner, held)
        if owner.tied and name in known.RELEASES:
            rest = owner.reaches - self.spent
            free = [self.new(node), given, Value(rest, rest, owner.makers)]
            return replace(either(free), runs=frozenset(), tied="", kind="")
        if owner.kind == "plain":
            return PLAIN if name in known.PLAIN_METHODS else holding(every, self.region(node), "list")
        if name in known.GIVES_ITEM and owner.kind in ("list", "tuple"):
            return either([PLAIN, owner.inside(), *held])
        if name in known.PLAIN_METHODS and owner.kind in ("list", "tuple"):
            return PLAIN
        if name in ("items", "keys", "values") and owner.kind != "table" and not every:
            view = holding([owner], self.region(node), "iterator")
            return replace(view, tied="a window on a dictionary")
        if owner.kind in ("list", "tuple") and name in ("copy", "union", "intersection", "difference"):
            return holding([owner.inside(), *held], self.region(node), "list")
        is_table |= owner.kind == "table" or name in known.TABLE_METHODS
        if name in ("copy", "clone", "deepcopy") and owner.kind == "":
            return holding([owner], self.region(node), "")
        if name in known.PREDICTS and owner.kind == "":
            return replace(self.new(node, "table"), makers=owner.makers, tied=owner.tied)
        shares = name in known.SHARING_METHODS or written.shares_as_told(node)
        if name == "fit" and owner.kind == "":  # itself, or what holds it and the data
            made = self.new(node)
            whole = either([made, given, owner, *held])
            return replace(whole, owns=made.owns | owner.owns | given.owns, kind="")
        if is_table and not shares:
            return replace(self.new(node, "table"), makers=owner.makers, tied=owner.tied)
        made = self.new(node)
        self._notes(made, held)
        mixed = either([made, given, owner, owner.inside(), *held])
        return replace(mixed, kind="table" if is_table else "", calm=owner.calm)

    @property
    def logs(self) -> bool:
        """Whether there may be loggers: by the library, or by a module of the notebook's own."""
        return self.has_library("logging") or self.own_logs

    def _is_logged(self, name: str, owner: Value, node: ast.Call) -> bool:
        """Whether a call writes into a log."""
        return name in states.LOGS and bool(node.args) and owner.kind != "table" and self.logs

    def _in_place(self, node: ast.Call) -> bool:
        """Whether a call is told to change what it is called on; `**given` may say it where a dict of the text does."""
        return any(
            (each.arg is None and self.told_in_place)
            or (each.arg == "inplace" and not (isinstance(each.value, ast.Constant) and not each.value.value))
            for each in node.keywords
        )

    def _may_change(self, owner: Value, name: str) -> bool:
        """Whether a method of something that nothing is known of may change it, though its result is taken."""
        unknown = owner.kind == "" and not owner.calm and not owner.tied
        if name in states.LOGS - {"log"} and self.has_library("logging"):
            return False
        return unknown and not self.is_own_method(name) and not reading.only_reads(name)

    def _notes(self, made: Value, given: Sequence[Value]) -> None:
        """What something was made of, which it may be itself for all one knows."""
        regions = either([PLAIN, *given]).owns
        for one in made.owns:
            self.given[one] = self.given.get(one, frozenset()) | regions

    def classes_in(self, value: Value) -> frozenset[int]:
        """The notebook's classes whose objects a value may hold."""
        return frozenset()

    @abstractmethod
    def is_own_method(self, name: str) -> bool:
        """Whether a class of the notebook has a method of this name: what that does is read, not guessed."""

    def first_parameter(self) -> Value:
        """What `super()` stands for."""
        return Value()


def _part(figure: Value, held: Sequence[Value]) -> Value:
    """What drawing into a figure gives: a part of it."""
    return replace(with_stored(figure, either([PLAIN, *held])), kind="figure", tied=figure.tied)


def draws_a_table(node: ast.Call) -> bool:
    """Whether a call is one of a table's ways to be drawn: `df.plot.scatter(…)`."""
    owner = node.func.value if isinstance(node.func, ast.Attribute) else None
    return isinstance(owner, ast.Attribute) and owner.attr in known.DRAWS


def keyword_names(node: ast.Call) -> list[str]:
    """The names under which a call gives something; `**kw` is "None", each further one has a number behind that.

    >>> keyword_names(ast.parse("f(a=1, **b, **c)", mode="eval").body)
    ['a', 'None', 'None 2']
    """
    stars = itertools.count(1)
    return [
        one.arg or ("None" if (number := next(stars)) == 1 else f"None {number}") for one in node.keywords
    ]
