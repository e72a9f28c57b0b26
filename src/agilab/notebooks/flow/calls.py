"""What happens when functions and classes of the notebook are called: their summaries, in terms of its names."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from agilab.notebooks.flow.by_name import ANY
from agilab.notebooks.flow.definitions import Definitions
from agilab.notebooks.flow.functions import INNER
from agilab.notebooks.flow.makers import Summary
from agilab.notebooks.flow.model import is_state
from agilab.notebooks.flow.values import NOTHING, PLAIN, Kind, Region, Value, either

_NOT_IMPLIED = frozenset(
    {"__setitem__", "__delitem__", "__setattr__", "__delattr__", "__call__", "__enter__", "__exit__"}
) | frozenset(
    {"__init__", "__new__", "__post_init__", "__class_getitem__", "__init_subclass__", "__set_name__"}
)
_IN_PLACE = (
    "__iadd__",
    "__isub__",
    "__imul__",
    "__itrue",
    "__ifloor",
    "__imod",
    "__ipow",
    "__imat",
    "__ior",
    "__iand",
    "__ixor",
)


class Calls(Definitions):
    """Lets functions run, in the abstract."""

    def implied(self, value: Value, line: int) -> None:
        """Naming a class of the notebook may run methods that nobody names, as printing its objects does.

        Where that changed nothing it is not asked again until something is another: classes are named often.
        """
        if self._applying or self._tries or not self.classes_in(value):
            self._imply(value, line)
            return
        if (known := self._implies.get(value)) is not None and known[0] == self._path:
            self._touched[-1] |= known[1]
            return
        before = self._path.copy(), self._binds_made, len(self._doubts), len(self._settings)
        self._touched.append(set())
        self._imply(value, line)
        touched = self._touched.pop()
        self._touched[-1] |= touched
        if before == (self._path, self._binds_made, len(self._doubts), len(self._settings)):
            self._implies[value] = before[0], touched

    def _imply(self, value: Value, line: int) -> None:
        for number in value.makers:
            if number in self._applying or not self._is_class(number) or (number, value) in self._implied:
                continue
            outermost = not self._applying
            self._implied.add(
                (number, value)
            )  # classes that speak of each other would come back to it again and again
            parts = self._with_parts([number])
            todo = [self._makers[each] for one in parts for each in self._with_bases(one)]
            methods = [
                method
                for maker in todo
                for name, found in maker.methods.items()
                for method in found
                if name.startswith("__")
                and name.endswith("__")
                and name not in _NOT_IMPLIED
                and not name.startswith(_IN_PLACE)
            ]
            more = set(parts) - self._applying
            self._applying |= more
            if methods:
                self._apply(list(dict.fromkeys(methods)), [value], line, whole=False)
            if hooks := sorted(frozenset[int]().union(*(maker.hooks for maker in todo))):
                self._reached(hooks, line)  # they are not followed, what they read has to be there
            self._applying -= more
            if outermost:
                self._implied.clear()

    def decorated(self, value: Value, by: Value, line: int) -> None:
        functions, _, _ = self._reached(sorted(by.makers | by.runs), line)
        summaries = [self._summary(number) for number in functions]
        for number in value.makers:
            maker = self._makers[number]
            maker.wants = maker.wants.union(*(one.first for one in summaries))
            maker.stateful |= any(one.acts for one in summaries)

    def called(
        self, callee: Value, node: ast.Call, args: Sequence[Value], named: Mapping[str, Value]
    ) -> Value | None:
        if not callee.makers and not callee.runs:
            return None
        every = [*args, *named.values(), *_spread(node, args, named)]
        classes = [number for number in callee.makers if self._is_class(number)]
        functions = [number for number in sorted(callee.makers | callee.runs) if not self._is_class(number)]
        results: list[Value] = []
        if len(callee.makers) == 1 and functions and not callee.runs:
            given = self._given(functions[0], node, args, named)
            results.append(self._apply(functions, every, node.lineno, given=given, node=node))
        elif functions:
            results.append(
                self._apply(functions, [callee, *every], node.lineno, node=node, made=callee.runs, skip=1)
            )
        if classes:
            results.append(self._construct(classes, every, node))
        for name in ("__call__",):
            for method in self._method_of(classes, name):
                results.append(self._apply([method], [callee, *every], node.lineno, node=node))
        return either(results)

    def _construct(self, classes: Sequence[int], every: Sequence[Value], node: ast.Call) -> Value:
        held = either([PLAIN, *every])
        made = self.new(node)
        lasting = NOTHING.union(*(self._makers[number].lasting for number in classes))
        value = Value(
            made.owns,
            made.owns | held.reaches | lasting,
            frozenset(classes) | held.makers,
            held.runs,
            held.tied,
            own=held.own,
        )
        for name in ("__init__", "__new__", "__post_init__"):
            for method in self._method_of(classes, name):
                more = self._apply([method], [value, *every], node.lineno, node=node)
                tied = value.tied or self._tied_in([method]) or self._summary(method).ties
                value = replace(value, reaches=value.reaches | more.reaches, tied=tied)
        return value

    def applied(self, held: Value, args: Sequence[Value], node: ast.expr) -> Value:
        functions = [number for number in sorted(held.makers | held.runs) if not self._is_class(number)]
        if not functions:
            return PLAIN
        given = [*args, *(value.inside() for value in args)]  # perhaps with items of what is given
        self._kept.append(node)
        apart = frozenset({self._number(("given", id(node)))})
        fresh = Value(apart, apart)
        return self._apply(functions, given, node.lineno, node=node, made=held.runs, fresh=fresh)

    def attribute(
        self, owner: Value, name: str, args: Sequence[Value] | None, node: ast.expr
    ) -> Value | None:
        classes = [number for number in owner.makers if self._is_class(number)]
        if owner.kind in ("plain", "list") or (owner.kind == "table" and not classes):
            return None
        if name == ANY:
            return self._any_attribute(owner, node)
        if name not in self._methods:
            called = self._method_of(self._with_parts(classes), "__call__") if args is not None else []
            if called:  # what an attribute holds is called: `net.layer(x)`
                self._apply(called, [owner, *(args or ())], node.lineno, node=node)
            return None
        methods = self._method_of(self._with_parts(classes), name) if classes else self._methods[name]
        if not methods or (not classes and not owner.reaches):
            return None
        if args is None and not self._reads_property(name, methods):
            held = owner.inside()
            return replace(held, makers=held.makers | frozenset(methods), kind="") if classes else None
        result = self._apply(methods, [owner, *(args or ())], node.lineno, node=node, receiver=True)
        return result if classes else None

    def _any_attribute(self, owner: Value, node: ast.expr) -> Value:
        """What reading an attribute gives whose name is not in the text."""
        named = {
            name
            for each in self._with_parts(number for number in owner.makers if self._is_class(number))
            for one in self._with_bases(each)
            for name in self._makers[one].methods
            if not name.startswith("__")
        }
        found = [self.attribute(owner, name, None, node) for name in sorted(named)]
        return either([owner.inside(), *(one for one in found if one is not None)])

    def _given(
        self, number: int, node: ast.Call, args: Sequence[Value], named: Mapping[str, Value]
    ) -> dict[str, Value] | None:
        """What each parameter gets; None where stars hide it."""
        summary = self._summary(number)
        if any(isinstance(arg, ast.Starred) for arg in node.args) or any(
            each.arg is None for each in node.keywords
        ):
            return None
        if len(args) > len(summary.parameters) or not named.keys() <= set(summary.parameters):
            return None
        given = dict(zip(summary.parameters, args, strict=False)) | dict(named)
        return self._makers[number].defaults | given

    def _anew(self, number: int) -> frozenset[str]:
        """The names that a function binds before anything could read what they were."""
        found, seen = frozenset[str](), set[int]()
        while number not in seen and not self._is_class(number):
            seen.add(number)
            summary = self._summary(number)
            found |= summary.anew
            called = self._run_by(summary.begins) if summary.begins else []
            if len(called) != 1:
                break
            (number,) = called
        return found

    def _reached(
        self, numbers: Sequence[int], line: int, anew: frozenset[str] = frozenset()
    ) -> tuple[list[int], set[int], list[Value]]:
        """Functions that may run when these do; those among them that only make objects; the values that they read.

        What they read of the names `anew` is bound by them.
        """
        todo = [(number, False) for number in numbers]
        seen: dict[int, bool] = {}
        values: list[Value] = []
        while todo:
            number, makes = todo.pop()
            if number in seen:
                seen[number] &= makes
                continue
            seen[number] = makes
            if self._is_class(number):
                for name in ("__init__", "__new__", "__post_init__"):
                    todo += [(each, True) for each in self._method_of([number], name)]
                todo += [(each, False) for each in self._method_of([number], "__call__")]
                continue
            summary = self._summary(number)
            for name in sorted(summary.reads):
                there = name in self._path.must or name in anew
                value = self._path.env.get(name) if there else self.load(name, line)
                if value is not None:
                    values.append(value)
                    todo += [(each, False) for each in sorted(value.makers | value.runs)]
            owners = {*summary.owners, *(self._properties_of_all() if ANY in summary.owners else ())}
            for name in sorted(owners):
                todo += [(each, False) for each in self._methods.get(name, ())]
        functions = [number for number in seen if not self._is_class(number)]
        return functions, {number for number in functions if seen[number]}, values

    def _apply(
        self,
        numbers: Sequence[int],
        args: Sequence[Value],
        line: int,
        *,
        given: Mapping[str, Value] | None = None,
        node: ast.expr | None = None,
        receiver: bool = False,
        whole: bool = True,
        made: Collection[int] = (),
        skip: int = 0,
        fresh: Value | None = None,
    ) -> Value:
        """Let functions run with these arguments.

        `given` says which parameter gets which, if that is known; `made` of which functions it is what they made that
        runs; that does not get the first `skip` arguments. `fresh` stands for what they make, else `node` does.
        """
        functions, makes, values = self._reached(
            [
                *numbers,
                *(each for value in args for each in value.makers | value.runs if not self._is_class(each)),
            ],
            line,
            self._anew(numbers[0]) if len(numbers) == 1 and whole else frozenset(),
        )
        summaries = [self._summary(number) for number in functions]
        args = [*args, *(value for number in functions for value in self._makers[number].defaults.values())]
        changes_given = any(
            str(region)[0] in "pd" and not (number in makes and str(region)[2:] in one.parameters[:1])
            for number, one in zip(functions, summaries, strict=True)
            for region in one.changed
        )
        every = either([PLAIN, *args, *(value for value in values if not self._is_definition(value))])
        called = fresh is None
        fresh = fresh or (self.new(node) if node is not None else PLAIN)
        stored = Value(fresh.owns, every.reaches | fresh.reaches, every.makers, every.runs, every.tied)
        surely = self._surely(numbers) if whole and called else set()
        for number, summary in zip(functions, summaries, strict=True):
            regions = set(summary.changed)
            if number in makes:  # what it changes is the object that it makes
                regions -= {f"{mark}:{name}" for mark in "pd" for name in summary.parameters[:1]}
            if changes_given and len(functions) > 1:
                regions |= summary.passed
                for name, owners in summary.owners.items():
                    if name in self._methods:
                        regions |= owners
            exact = given if number in numbers else None
            what = self._regions_of(
                regions, exact, args, receiver=receiver and number in numbers, summary=summary, skip=skip
            )
            self.change(what, stored, line)
            if receiver and number in numbers and summary.ties:
                self.change(args[0].owns, Value(tied=summary.ties), line)
            used = self._regions_of(
                summary.used, exact, args, receiver=receiver and number in numbers, summary=summary, skip=skip
            )
            self.change(used & self.spent, PLAIN, line)
            self._same |= self._regions_of(summary.same, None, args, receiver=False, summary=summary)
            self.does(summary.states, surely, node or ast.Pass(lineno=line))
            for reason, reads, binds in summary.doubts:
                self.doubt(line, reason, reads=reads, binds=binds)
            self._by_calls |= summary.binds
            for name in sorted(summary.binds):
                bound = self._bound(summary, name, stored, fresh, every, exact, args, skip)
                if name in summary.always and number in numbers and len(numbers) == 1 and whole:
                    self.bind(name, bound, line)
                else:
                    self._perhaps(name, bound, line)
            for name in sorted(summary.unbinds):
                self._perhaps_not(name, line)
        if any(value.own for value in (*args, *values)):
            methods = {name for one in summaries for name in one.owners}
            methods |= {"__call__"} if any(one.calls for one in summaries) else set()
            self.gives_own_on([*args, *values], node or ast.Pass(lineno=line), methods) if methods else None
        return self._gives(numbers, summaries, functions, every, fresh, given, args, made, skip)

    def _surely(self, numbers: Sequence[int]) -> set[str]:
        """States of the process that these functions, if they are one, set whenever they return."""
        todo, seen, found = [*numbers] if len(numbers) == 1 else [], set[int](), set[str]()
        while todo:
            number = todo.pop()
            seen.add(number)
            summary = self._summary(number)
            found |= summary.surely
            for name in summary.runs:
                some = self._methods.get(name[1:], []) if name[0] == "." else self._run_by(name)
                todo += [each for each in some if len(some) == 1 and each not in seen]
        return found

    def _run_by(self, name: str) -> list[int]:
        made = sorted(self._path.env.get(name, PLAIN).makers)
        return [
            each
            for one in made
            for each in (self._method_of([one], "__init__") if self._is_class(one) else [one])
        ]

    def _bound(
        self,
        summary: Summary,
        name: str,
        stored: Value,
        fresh: Value,
        every: Value,
        given: Mapping[str, Value] | None,
        args: Sequence[Value],
        skip: int,
    ) -> Value:
        """What a function binds to a name of the notebook: something of its own, or the thing that it was given."""
        said = [str(one) for one in summary.globals.get(name, PLAIN).owns if ":" in str(one)]
        itself = [self._held(one, given, args, skip) for one in sorted(said)]
        owns = either([PLAIN, *itself, *([every] if summary.calls else [])]).owns
        return replace(stored, owns=fresh.owns | owns) if owns else stored

    def _perhaps(self, name: str, value: Value, line: int) -> None:
        self.paths(lambda: self.bind(name, value, line), lambda: None)

    def _perhaps_not(self, name: str, line: int) -> None:
        self.paths(lambda: self.unbind(name, line), lambda: None)

    def _is_definition(self, value: Value) -> bool:
        own = frozenset[Region]().union(*(self._makers[number].kept for number in value.makers))
        return any(not self._is_class(number) for number in value.makers) and len(value.reaches - own) == 1

    def _regions_of(
        self,
        regions: Iterable[Region],
        given: Mapping[str, Value] | None,
        args: Sequence[Value],
        *,
        receiver: bool,
        summary: Summary,
        skip: int = 0,
    ) -> frozenset[Region]:
        """Regions of a summary as regions of the notebook."""
        found: set[Region] = set()
        for region in regions:
            mark, _, name = str(region).partition(":")
            if mark in ("g", "h"):
                value = self.held(name) if is_state(name) else self._path.env.get(name)
                held = [value] if value is not None else []
            elif name == INNER:
                held = list(args[skip:])
            elif given is not None:
                held = [given[name]] if name in given else []
            elif receiver and summary.parameters[:1] == (name,):
                held = list(args[:2])  # the object; or, where the class was named, its first argument
            else:
                held = list(args)
            for value in held:
                found |= value.owns if mark in ("g", "p") else value.reaches
        return frozenset(found)

    def _gives(
        self,
        numbers: Sequence[int],
        summaries: Sequence[Summary],
        functions: Sequence[int],
        every: Value,
        fresh: Value,
        given: Mapping[str, Value] | None,
        args: Sequence[Value],
        made: Collection[int],
        skip: int,
    ) -> Value:
        results: list[Value] = []
        classes: frozenset[int] | None = None
        for number, summary in zip(functions, summaries, strict=True):
            if number not in numbers:
                continue
            returns = summary.gives if number in made else summary.returns
            kept = self._makers[number].kept
            if returns.kind == "plain" and not returns.tied:
                results.append(PLAIN)
                continue
            held = [
                self._held(region, given, args, skip)
                for region in sorted(map(str, returns.reaches))
                if ":" in region
            ]
            parts = either([PLAIN, *held])
            reaches = parts.reaches | fresh.reaches | kept
            makers, tied = parts.makers, parts.tied or returns.tied
            if summary.calls or any(name in self._methods for name in summary.owners) or returns.tied:
                reaches |= every.reaches
                if classes is None:
                    classes = self._all_classes(functions) | self.classes_in(every)
                makers |= classes
                tied = tied or self._tied_in([each for each in functions if each not in made])
            runs = parts.runs | ({number} if returns.tied else frozenset())
            kind = self._kind_of(summary, returns)
            owns = fresh.owns | kept | (reaches if kind == "" else NOTHING)
            if kind == "iterator":
                owns = frozenset({self._number(("iterator", fresh.owns))})
                reaches |= owns
                self.spent |= owns
            results.append(Value(owns, reaches, makers, runs, tied, kind))
        return either(results) if results else PLAIN

    @staticmethod
    def _kind_of(summary: Summary, returns: Value) -> Kind:
        """What is certain of a result: something new with nothing in it that could be changed, or an iterator."""
        if returns.kind == "iterator":
            return "iterator"
        new = all(isinstance(region, int) and region in returns.owns for region in returns.reaches)
        return returns.kind if new and returns.kind in ("list", "table") and not summary.calls else ""

    def _held(
        self, region: str, given: Mapping[str, Value] | None, args: Sequence[Value], skip: int
    ) -> Value:
        mark, _, name = region.partition(":")
        if mark in ("g", "h"):
            return self.held(name) if is_state(name) else self._path.env.get(name, PLAIN)
        if name == INNER:
            return either([PLAIN, *args[skip:]])
        if given is not None:
            return given.get(name, PLAIN)
        return either([PLAIN, *args])

    def _all_classes(self, functions: Sequence[int]) -> frozenset[int]:
        names = frozenset[str]().union(*(self._summary(number).reads for number in functions))
        return self.classes_in(either([PLAIN, *(self._path.env.get(name, PLAIN) for name in names)]))

    def _tied_in(self, functions: Sequence[int]) -> str:
        return next((tied for number in functions if (tied := self._summary(number).returns.tied)), "")


def _spread(node: ast.Call, args: Sequence[Value], named: Mapping[str, Value]) -> list[Value]:
    """What stars give a call: the items of lists and dicts."""
    found = [value for arg, value in zip(node.args, args, strict=False) if isinstance(arg, ast.Starred)]
    return [
        value.inside() for value in (*found, *(named[name] for name in named if name.split(" ")[0] == "None"))
    ]
