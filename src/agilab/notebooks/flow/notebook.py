"""The notebook's own names, cell after cell: what each cell reads, binds and changes, and what is known afterwards."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from agi_node.source.needs import needs_of
from agi_node.source.pure import dotted
from agi_node.source.scopes import bound_names, imports_of
from agi_node.source.tree import Chain, chain_of, nodes_of
from agilab.notebooks.flow import knowledge as known
from agilab.notebooks.flow.functions import BUILTINS, Body, FunctionNode, Maker, Summary
from agilab.notebooks.flow.model import CellFlow, Setting, Undecided
from agilab.notebooks.flow.statements import Statements
from agilab.notebooks.flow.values import NOTHING, PLAIN, Region, Value, either

_CLASS_MAKERS = frozenset(
    (
        *(
            "collections.namedtuple",
            "typing.NamedTuple",
            "typing.TypedDict",
            "typing.NewType",
            "enum.Enum",
            "type",
        ),
        *(
            "dataclasses.make_dataclass",
            "enum.IntEnum",
            "enum.Flag",
            "types.new_class",
            "pydantic.create_model",
        ),
    )
)
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
_ROUNDS = 5


def analyse(source: str) -> CellFlow:
    """The flow of one cell by itself.

    >>> flow = analyse("total = 0\\nfor row in rows:\\n    total += row['x']\\nbest.append(total)")
    >>> sorted(flow.reads), sorted(flow.binds), sorted(flow.always), sorted(flow.alters)
    (['best', 'rows'], ['row', 'total'], ['total'], ['best'])
    """
    return analyse_cells([source])[0]


@dataclass(frozen=True)
class Flows:
    """The flow of the cells of a notebook.

    Attributes:
        sources: Their texts.
        makers: Functions and classes that the values name by their position.
    """

    sources: tuple[str, ...]
    cells: tuple[CellFlow, ...]
    makers: tuple[Maker, ...]

    def __getitem__(self, index: int) -> CellFlow:
        return self.cells[index]

    def __len__(self) -> int:
        return len(self.cells)


def analyse_cells(sources: Sequence[str]) -> Flows:
    """The flow of the cells of a notebook, which stand one after another; what one defines counts for those after it.

    Pure: nothing is executed, nothing is raised. A cell that is not Python has `syntax` and nothing else.
    """
    trees = [_parsed(source) for source in sources]
    scope = Notebook([tree for tree in trees if isinstance(tree, ast.Module)])
    cells = tuple(
        scope.cell(index, source, tree)
        if isinstance(tree, ast.Module)
        else replace(scope.nothing(index), syntax=tree[1], syntax_line=tree[0])
        for index, (source, tree) in enumerate(zip(sources, trees, strict=True))
    )
    return Flows(tuple(sources), cells, scope.settled())


def _parsed(source: str) -> ast.Module | tuple[int, str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the author hears of an invalid escape when the cell runs
        try:
            return ast.parse(source)
        except SyntaxError as error:
            return error.lineno or 0, error.msg
        except ValueError as error:
            return 0, str(error)
        except (RecursionError, MemoryError):
            return 0, "nested too deeply"


@dataclass
class _Path:
    """What is so on the path that is being walked."""

    env: dict[str, Value] = field(default_factory=dict)
    status: dict[str, bool] = field(default_factory=dict)
    must: set[str] = field(default_factory=set)
    modules: dict[str, str] = field(default_factory=dict)
    dead: bool = False

    def copy(self) -> _Path:
        return _Path(dict(self.env), dict(self.status), set(self.must), dict(self.modules), self.dead)


class Notebook(Statements):
    """Walks cells in their order."""

    def __init__(self, trees: Sequence[ast.Module]) -> None:
        super().__init__()
        self._path = _Path()
        self._makers: list[Maker] = []
        self._methods: dict[str, list[int]] = {}
        self._numbers: dict[object, int] = {}
        self._kept: list[ast.AST] = []
        self._touched: set[Region] = set()
        self._derived: dict[str, frozenset[Region]] = {}
        self._loops: list[tuple[list[_Path], list[_Path]]] = []
        self._tries: list[dict[str, Value]] = []
        self._depth = 0
        self._hides_python = False
        self._applying: set[int] = set()
        self._imports: dict[str, str] = {}
        self._own: set[str] = set()
        for tree in trees:
            self._own |= bound_names(tree.body, "").keys()
            for node in nodes_of(tree):
                if isinstance(node, (ast.Import, ast.ImportFrom)):
                    self._imports |= _imported(node)
                elif isinstance(node, ast.Global):
                    self._own |= set(node.names)
        self._begin(0)

    def _begin(self, index: int) -> None:
        self._index = index
        self._path.must = set()
        self._path.dead = False
        self._reads: dict[str, int] = {}
        self._may: set[str] = set()
        self._unbound: set[str] = set()
        self._alters: set[str] = set()
        self._changed: set[Region] = set()
        self._same: set[Region] = set()
        self._lines: dict[str, int] = {}
        self._doubts: list[Undecided] = []
        self._settings: list[Setting] = []
        self._statement: ast.stmt | None = None
        self._source: list[str] = []

    def nothing(self, index: int) -> CellFlow:
        """A cell that does nothing."""
        return CellFlow(index, bound=dict(self._path.status), values=dict(self._path.env), calls=False)

    def cell(self, index: int, source: str, tree: ast.Module) -> CellFlow:
        """Walk one cell."""
        self._begin(index)
        self._source = source.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        self._kept.append(tree)
        before = dict(self._path.status)
        future = [ast.unparse(node) for node in tree.body if _is_future(node)]
        try:
            for node in tree.body:
                self._statement = node
                self._touched = set()
                self.statement(node)
        except RecursionError:
            self._give_up(tree)
        path = self._path
        binds = frozenset(name for name in self._may if name in path.status)
        keeps = frozenset(name for name in self._may - path.must if name in before and name in path.status)
        return CellFlow(
            index,
            dict(self._reads),
            keeps,
            binds,
            frozenset(path.must),
            frozenset(name for name in self._unbound if not path.status.get(name)),
            frozenset(self._alters),
            frozenset(self._changed),
            frozenset(self._same),
            dict(path.status),
            dict(path.env),
            dict(path.modules),
            frozenset(
                node.id
                for node in nodes_of(tree)
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
            ),
            {name: self._derived[name] for name in binds if name in self._derived},
            dict(self._lines),
            tuple(dict.fromkeys(self._doubts)),
            tuple(dict.fromkeys(self._settings)),
            future=tuple(future),
            calls=not all(_defines(node) for node in tree.body),
        )

    def _give_up(self, tree: ast.Module) -> None:
        """The cell is nested so deeply that it cannot be followed."""
        self.inner.clear()
        self._loops.clear()
        self._tries.clear()
        self._depth = 0
        self._path.dead = False
        self.doubt(1, "the cell is nested too deeply to be followed")
        for name in bound_names(tree.body, ""):
            self.bind(name, Value(tied="not known"), 1)

    def settled(self) -> tuple[Maker, ...]:
        """Functions and classes that were met, each with its summary; values name them by their position."""
        for number in range(len(self._makers)):
            self._summary(number)
        return tuple(self._makers)

    # -- names --------------------------------------------------------------------------------------------------

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
        self._touched |= value.reaches
        if name in self._derived:
            self._touched |= self._derived[name]
        if value.makers:
            self._implied(value, line)
        return value

    def bind(self, name: str, value: Value, line: int) -> None:
        path = self._path
        self._derived[name] = frozenset(self._touched)
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
        moved = known.IMPORT_PATH in self._path.status and not known.is_installed(top)
        self.bind(
            name, Value(tied="found where this notebook lets modules be looked for") if moved else PLAIN, line
        )
        self._path.modules[name] = full

    def star(self, module: str, line: int) -> None:
        self.doubt(line, f"from {module} import * binds names that are not in the text", reads=False)
        self._hides_python |= module.partition(".")[0] in known.STAR_SHADOWS

    def full(self, chain: Chain) -> str | None:
        first = chain[0]
        path = self._path
        if any(first in names for names in self.inner):
            return None
        if first in path.modules:
            return dotted(chain, path.modules)
        if first in path.status or first in path.env:
            return None
        if first in self._imports:
            return dotted(chain, self._imports)
        return dotted(chain, {}) if first in BUILTINS or dotted((first,), {}) != first else None

    def region(self, node: ast.AST) -> Region:
        self._kept.append(node)  # so that its id stays its own
        return self._number(id(node))

    def _number(self, key: object) -> Region:
        return self._numbers.setdefault(key, len(self._numbers))

    def assign(self, target: ast.expr, value: Value, source: ast.expr | None) -> None:
        if isinstance(target, ast.Name) and isinstance(source, ast.Call):
            chain = chain_of(source.func)
            full = self.full(chain) if chain else None
            if full in _CLASS_MAKERS and len(source.args) + len(source.keywords) > 1:
                made = self._make(Maker(target.id, "class", source))
                value = replace(self.new(source), makers=value.makers | {made})
        super().assign(target, value, source)

    # -- effects ------------------------------------------------------------------------------------------------

    def change(self, what: frozenset[Region], stored: Value, line: int) -> None:
        if not what:
            return
        self._changed |= what
        path = self._path
        adds = bool(stored.reaches or stored.makers or stored.runs or stored.tied)
        for name, value in path.env.items():
            if not value.reaches.isdisjoint(what):
                if name not in path.must:
                    self._alters.add(name)
                if adds:
                    path.env[name] = _with(value, stored)
        for held in self._tries if adds else ():
            for name, value in held.items():
                if not value.reaches.isdisjoint(what):
                    held[name] = _with(value, stored)

    def state(self, name: str, does: known.Does, node: ast.AST) -> None:
        line = getattr(node, "lineno", 1)
        tied = Value(tied=known.STATES.get(name, "a setting"))
        if does == "set":
            setting = self._setting(name, line)
            self._settings.append(setting)
            if name in known.STATES:
                self.bind(name, tied, line)
        elif does == "begin":
            self.bind(name, tied, line)
        elif does == "end":
            self._touch_state(name, line)
            self.unbind(name, line)
        else:
            self._touch_state(name, line)
            if name == known.FIGURE and name not in self._path.status:
                self.bind(name, tied, line)

    def _touch_state(self, name: str, line: int) -> None:
        """A state that was set is read, and (but for the folder and the environment) another one afterwards."""
        if name not in self._path.status:
            return
        if name not in self._path.must:
            self._reads.setdefault(name, line)
        if name in known.RANDOM or name == known.FIGURE:
            self._alters.add(name)

    def _setting(self, name: str, line: int) -> Setting:
        node = self._statement
        if self._depth or not isinstance(node, (ast.Expr, ast.Assign, ast.AugAssign, ast.AnnAssign)):
            return Setting(name, line)
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if any(isinstance(target, (ast.Name, ast.Tuple, ast.List)) for target in targets):
            return Setting(name, line)
        return Setting(
            name, line, ast.unparse(node), needs_of(node).now - (BUILTINS - self._path.status.keys())
        )

    def doubt(self, line: int, reason: str, *, reads: bool = True, binds: bool = True) -> None:
        self._doubts.append(Undecided(self._index, line, reason, reads, binds))

    def same(self, values: Sequence[Value]) -> None:
        self._same |= either([PLAIN, *values]).owns

    # -- functions and classes ----------------------------------------------------------------------------------

    def function(self, node: ast.Lambda) -> Value:
        return self._made(Maker("lambda", "lambda", node), node)

    def define(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> Value:
        return self._made(Maker(node.name, "function", node), node)

    def define_class(self, node: ast.ClassDef) -> Value:
        bases = either([PLAIN, *(self.value(base) for base in node.bases)])
        maker = Maker(
            node.name, "class", node, bases=frozenset(each for each in bases.makers if self._is_class(each))
        )
        number = self._make(maker)
        needs = needs_of(node, annotations=not self.lazy)
        for name in sorted(needs.now):
            self.load(name, node.lineno)
        held: list[Value] = []
        self.inner.append({})
        for part in node.body:
            if isinstance(part, (ast.FunctionDef, ast.AsyncFunctionDef)):
                method = self._make(Maker(part.name, "function", part))
                maker.methods[part.name] = method
                if method not in self._methods.setdefault(part.name, []):
                    self._methods[part.name].append(method)
                self.inner[-1][part.name] = PLAIN
                for default in (*part.args.defaults, *part.args.kw_defaults):
                    self.value(default)
            elif isinstance(part, (ast.Assign, ast.AnnAssign)) and part.value is not None:
                value = self.value(part.value)
                held.append(value)
                for target in part.targets if isinstance(part, ast.Assign) else [part.target]:
                    self.inner[-1] |= {
                        each.id: value for each in ast.walk(target) if isinstance(each, ast.Name)
                    }
            elif isinstance(part, ast.Expr):
                self.value(part.value)
            elif not isinstance(part, (ast.Pass, ast.AnnAssign)):
                maker.stateful = True  # a class whose body does more: taken as it is, once
        self.inner.pop()
        whole = either([PLAIN, *held])
        maker.lasting = whole.reaches
        maker.stateful |= _changes_itself(node) or bool(whole.tied)
        value = self.new(node)
        return Value(value.owns, value.owns | whole.reaches, frozenset({number}) | whole.makers)

    def _made(self, maker: Maker, node: ast.AST) -> Value:
        return replace(self.new(node), makers=frozenset({self._make(maker)}))

    def _make(self, maker: Maker) -> int:
        """The number of a maker; a definition that is met again, in a loop, is the same."""
        for number, other in enumerate(self._makers):
            if other.node is maker.node:
                return number
        self._makers.append(maker)
        return len(self._makers) - 1

    def _is_class(self, number: int) -> bool:
        return self._makers[number].kind == "class"

    def _summary(self, number: int) -> Summary:
        maker = self._makers[number]
        if maker.summary is None:
            maker.summary = Summary()
            if isinstance(maker.node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
                maker.summary = _summarise(
                    maker.node, self._own.__contains__, {**self._imports, **self._path.modules}
                )
                if maker.summary.remembers:
                    maker.stateful = True
        return maker.summary

    def _method_of(self, numbers: Iterable[int], name: str) -> list[int]:
        """The methods of that name of these classes and their bases."""
        found, todo, seen = [], list(numbers), set()
        while todo:
            number = todo.pop()
            if number not in seen and self._is_class(number):
                seen.add(number)
                maker = self._makers[number]
                if name in maker.methods:
                    found.append(maker.methods[name])
                else:
                    todo += maker.bases
        return found

    def _implied(self, value: Value, line: int) -> None:
        """Operators, loops and printing may run methods of the notebook's classes that nobody names."""
        for number in value.makers:
            if number in self._applying or not self._is_class(number):
                continue
            todo = [number, *self._makers[number].bases]
            methods = [
                method
                for each in todo
                for name, method in self._makers[each].methods.items()
                if name.startswith("__")
                and name.endswith("__")
                and name not in _NOT_IMPLIED
                and not name.startswith(_IN_PLACE)
            ]
            if methods:
                self._applying.add(number)
                self._apply(methods, [value], line, whole=False)
                self._applying.discard(number)

    def called(
        self, callee: Value, node: ast.Call, args: Sequence[Value], named: Mapping[str, Value]
    ) -> Value | None:
        if not callee.makers and not callee.runs:
            return None
        every = [*args, *named.values()]
        classes = [number for number in callee.makers if self._is_class(number)]
        functions = [number for number in sorted(callee.makers | callee.runs) if not self._is_class(number)]
        results: list[Value] = []
        if len(callee.makers) == 1 and functions and not callee.runs:
            given = self._given(self._summary(functions[0]), node, args, named)
            results.append(self._apply(functions, every, node.lineno, given=given, node=node))
        elif functions:
            results.append(self._apply(functions, [callee, *every], node.lineno, node=node, made=callee.runs))
        if classes:
            results.append(self._construct(classes, every, node))
        for name in ("__call__",):
            for method in self._method_of(classes, name):
                results.append(self._apply([method], [callee, *every], node.lineno, node=node))
        return either(results)

    def decorated(self, value: Value, by: Value, line: int) -> None:
        functions, _, _ = self._reached(sorted(by.makers | by.runs), line)
        summaries = [self._summary(number) for number in functions]
        for number in value.makers:
            maker = self._makers[number]
            maker.wants = maker.wants.union(*(one.first for one in summaries))
            maker.stateful |= any(one.acts for one in summaries)

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
        )
        for name in ("__init__", "__new__", "__post_init__"):
            for method in self._method_of(classes, name):
                more = self._apply([method], [value, *every], node.lineno, node=node)
                value = replace(
                    value, reaches=value.reaches | more.reaches, tied=value.tied or self._tied_in([method])
                )
        return value

    def applied(self, held: Value, args: Sequence[Value], node: ast.expr) -> Value:
        functions = [number for number in sorted(held.makers | held.runs) if not self._is_class(number)]
        if not functions:
            return PLAIN
        given = [*args, *(value.inside() for value in args)]  # perhaps with items of what is given
        return self._apply(functions, given, node.lineno, node=node, made=held.runs)

    def attribute(
        self, owner: Value, name: str, args: Sequence[Value] | None, node: ast.expr
    ) -> Value | None:
        if name not in self._methods or owner.kind in ("plain", "list", "table"):
            return None
        classes = [number for number in owner.makers if self._is_class(number)]
        methods = self._method_of(classes, name) if classes else self._methods[name]
        if not methods or (not classes and not owner.reaches):
            return None
        if args is None and not any(_is_property(self._makers[method].node) for method in methods):
            held = owner.inside()
            return replace(held, makers=held.makers | frozenset(methods), kind="") if classes else None
        result = self._apply(methods, [owner, *(args or ())], node.lineno, node=node, receiver=True)
        return result if classes else None

    # -- calls --------------------------------------------------------------------------------------------------

    def _given(
        self, summary: Summary, node: ast.Call, args: Sequence[Value], named: Mapping[str, Value]
    ) -> dict[str, Value] | None:
        """What each parameter gets; None where stars hide it."""
        if any(isinstance(arg, ast.Starred) for arg in node.args) or any(
            each.arg is None for each in node.keywords
        ):
            return None
        if len(args) > len(summary.parameters) or not named.keys() <= set(summary.parameters):
            return None
        return dict(zip(summary.parameters, args, strict=False)) | dict(named)

    def _reached(self, numbers: Sequence[int], line: int) -> tuple[list[int], set[int], list[Value]]:
        """Functions that may run when these do; those among them that only make objects; the values that they read."""
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
                value = self._path.env.get(name) if name in self._path.must else self.load(name, line)
                if value is not None:
                    values.append(value)
                    todo += [(each, False) for each in sorted(value.makers | value.runs)]
            for name in summary.owners:
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
    ) -> Value:
        """Let functions run with these arguments; `given` says which parameter gets which, if that is known, and `made`
        of which functions it is what they made that runs."""
        functions, makes, values = self._reached(
            [
                *numbers,
                *(each for value in args for each in value.makers | value.runs if not self._is_class(each)),
            ],
            line,
        )
        summaries = [self._summary(number) for number in functions]
        changes_given = any(
            str(region)[0] in "pd" and not (number in makes and str(region)[2:] in one.parameters[:1])
            for number, one in zip(functions, summaries, strict=True)
            for region in one.changed
        )
        every = either([PLAIN, *args, *(value for value in values if not self._is_definition(value))])
        fresh = self.new(node) if node is not None else PLAIN
        stored = Value(fresh.owns, every.reaches | fresh.reaches, every.makers, every.runs, every.tied)
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
                regions, exact, args, receiver=receiver and number in numbers, summary=summary
            )
            self.change(what, stored, line)
            self._same |= self._regions_of(summary.same, None, args, receiver=False, summary=summary)
            for name, does in summary.states:
                self._depth += 1
                self.state(name, does, node or ast.Pass(lineno=line))
                self._depth -= 1
            for reason, reads, binds in summary.doubts:
                self.doubt(line, reason, reads=reads, binds=binds)
            for name in sorted(summary.binds):
                if name in summary.always and number in numbers and len(numbers) == 1 and whole:
                    self.bind(name, stored, line)
                else:
                    self._perhaps(name, stored, line)
            for name in sorted(summary.unbinds):
                self._perhaps_not(name, line)
        return self._gives(numbers, summaries, functions, every, fresh, given, args, made)

    def _perhaps(self, name: str, value: Value, line: int) -> None:
        self.paths(lambda: self.bind(name, value, line), lambda: None)

    def _perhaps_not(self, name: str, line: int) -> None:
        self.paths(lambda: self.unbind(name, line), lambda: None)

    def _is_definition(self, value: Value) -> bool:
        return any(not self._is_class(number) for number in value.makers) and len(value.reaches) == 1

    def _regions_of(
        self,
        regions: Iterable[Region],
        given: Mapping[str, Value] | None,
        args: Sequence[Value],
        *,
        receiver: bool,
        summary: Summary,
    ) -> frozenset[Region]:
        """Regions of a summary as regions of the notebook."""
        found: set[Region] = set()
        for region in regions:
            mark, _, name = str(region).partition(":")
            if mark in ("g", "h"):
                value = self._path.env.get(name)
                held = [value] if value is not None else []
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
    ) -> Value:
        results: list[Value] = []
        for number, summary in zip(functions, summaries, strict=True):
            if number not in numbers:
                continue
            returns = summary.gives if number in made else summary.returns
            if returns.kind == "plain" and not returns.tied:
                results.append(PLAIN)
                continue
            held = [
                self._held(region, given, args)
                for region in sorted(map(str, returns.reaches))
                if ":" in region
            ]
            parts = either([PLAIN, *held])
            reaches = parts.reaches | fresh.reaches
            makers, tied = parts.makers, parts.tied or returns.tied
            if summary.calls or any(name in self._methods for name in summary.owners) or returns.tied:
                reaches |= every.reaches
                others = [self._makers[each] for each in self._all_classes(functions)]
                makers |= frozenset(self._make(each) for each in others) | frozenset(
                    each for each in every.makers if self._is_class(each)
                )
                tied = tied or self._tied_in([each for each in functions if each not in made])
            runs = parts.runs | ({number} if returns.tied else frozenset())
            whole = any(region.startswith(("p:", "d:", "g:", "h:")) for region in map(str, returns.reaches))
            kind = (
                returns.kind if not whole and returns.kind in ("list", "table") and not summary.calls else ""
            )
            owns = fresh.owns | (reaches if kind == "" else NOTHING)
            results.append(Value(owns, reaches, makers, runs, tied, kind))
        return either(results) if results else PLAIN

    def _held(self, region: str, given: Mapping[str, Value] | None, args: Sequence[Value]) -> Value:
        mark, _, name = region.partition(":")
        if mark in ("g", "h"):
            return self._path.env.get(name, PLAIN)
        if given is not None:
            return given.get(name, PLAIN)
        return either([PLAIN, *args])

    def _all_classes(self, functions: Sequence[int]) -> Iterator[int]:
        for number in functions:
            for name in self._summary(number).reads:
                value = self._path.env.get(name)
                if value is not None:
                    yield from (each for each in value.makers if self._is_class(each))

    def _tied_in(self, functions: Sequence[int]) -> str:
        return next((tied for number in functions if (tied := self._summary(number).returns.tied)), "")

    # -- paths --------------------------------------------------------------------------------------------------

    def paths(self, *ways: Callable[[], None]) -> None:
        before = self._path
        ends: list[_Path] = []
        self._depth += 1
        for way in ways:
            self._path = before.copy()
            way()
            ends.append(self._path)
        self._depth -= 1
        self._path = _joined(ends)

    def repeated(self, body: Callable[[], None], *, once: bool, forever: bool) -> None:
        continued: list[_Path] = []
        broken: list[_Path] = []
        self._loops.append((continued, broken))
        self._depth += 1
        head = self._path
        ends: list[_Path] = []
        for _ in range(_ROUNDS):
            self._path = head.copy()
            continued.clear()
            broken.clear()
            body()
            ends = [path for path in (self._path, *continued) if not path.dead]
            again = _joined([head, *ends])
            if again.env == head.env and again.status == head.status:
                break
            head = again
        self._depth -= 1
        self._loops.pop()
        exits = [*([] if forever else ends if once else [head]), *broken]
        if exits:
            self._path = _joined(exits)
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
        self._path = _joined(ends)

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


def _with(value: Value, stored: Value) -> Value:
    """A value in which another may lie from now on."""
    itself = value.kind != "table" and not stored.owns.isdisjoint(value.owns)
    return Value(
        value.owns,
        value.reaches | stored.reaches,
        value.makers | stored.makers,
        value.runs | stored.runs,
        value.tied or stored.tied,
        "" if itself else value.kind,
    )


def _joined(paths: Sequence[_Path]) -> _Path:
    """What is so where paths meet; those that ended elsewhere do not count, unless all did."""
    live = [path for path in paths if not path.dead] or list(paths)
    first = live[0]
    if len(live) == 1:
        return first.copy()
    env, status, must, modules = dict(first.env), dict(first.status), set(first.must), dict(first.modules)
    for path in live[1:]:
        for name, value in path.env.items():
            mine = env.get(name)
            if mine is not value:
                env[name] = value if mine is None else either([mine, value])
        if path.status != status:
            for name in path.status.keys() - status.keys():
                status[name] = False
            status = {name: certain and path.status.get(name, False) for name, certain in status.items()}
        must &= path.must
        if path.modules != modules:
            modules = {name: full for name, full in modules.items() if path.modules.get(name) == full}
    return _Path(env, status, must, modules, all(path.dead for path in paths))


def _is_future(node: ast.stmt) -> bool:
    return isinstance(node, ast.ImportFrom) and node.module == "__future__"


def _imported(node: ast.Import | ast.ImportFrom) -> dict[str, str]:
    found: dict[str, str] = {}
    for each in imports_of(node, ""):
        full = f"{each.module}.{each.name}" if each.name else each.module
        found[each.bound] = each.module.partition(".")[0] if each.top else full
    return found


def _summarise(node: FunctionNode, is_own: Callable[[str], bool], imports: Mapping[str, str]) -> Summary:
    return Body(node, is_own, imports).summary()


def _is_property(node: ast.AST) -> bool:
    decorators = getattr(node, "decorator_list", ())
    return any("property" in ast.unparse(each) or "getter" in ast.unparse(each) for each in decorators)


def _defines(node: ast.stmt) -> bool:
    if isinstance(
        node, (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Pass)
    ):
        return True
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _changes_itself(node: ast.ClassDef) -> bool:
    """Whether methods set attributes of the class and not of an object."""
    for part in nodes_of(node):
        if isinstance(part, ast.Attribute) and not isinstance(part.ctx, ast.Load):
            owner = part.value
            if isinstance(owner, ast.Name) and owner.id in ("cls", "mcs", node.name):
                return True
            if isinstance(owner, ast.Attribute) and owner.attr == "__class__":
                return True
            if isinstance(owner, ast.Call) and isinstance(owner.func, ast.Name) and owner.func.id == "type":
                return True
    return False
