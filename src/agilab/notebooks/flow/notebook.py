"""The notebook, cell after cell: what each cell reads, binds and changes, and what is known afterwards."""

from __future__ import annotations

import ast
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from agi_node.source.scopes import bound_names
from agi_node.source.tree import chain_of
from agilab.notebooks.flow import states
from agilab.notebooks.flow.calls import Calls
from agilab.notebooks.flow.facts import Facts
from agilab.notebooks.flow.makers import Maker, Seen
from agilab.notebooks.flow.model import CellFlow, Use, alterations_of, asked_of, methods_of
from agilab.notebooks.flow.values import Region, Value


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
        figures_stay: See `analyse_cells`.
        own_modules: The first parts of the names of the notebook's own modules.
        held: By the region of what was given by one of these: the state of which it is a part.
        modules: What naming something of these does, by its full name.
    """

    sources: tuple[str, ...]
    cells: tuple[CellFlow, ...]
    makers: tuple[Maker, ...]
    figures_stay: bool = True
    own_modules: frozenset[str] = frozenset()
    held: Mapping[Region, str] = field(default_factory=dict)
    modules: Mapping[str, Use] = field(default_factory=dict)

    def is_of_own_module(self, state: str) -> bool:
        """Whether a setting is one of a module of the notebook's own."""
        return state.removeprefix("<options ").rstrip(">") in self.own_modules

    def __getitem__(self, index: int) -> CellFlow:
        return self.cells[index]

    def __len__(self) -> int:
        return len(self.cells)


def analyse_cells(
    sources: Sequence[str],
    *,
    figures_stay: bool = True,
    modules: Mapping[str, Use] | None = None,
    of_module: bool = False,
    seen: Seen | None = None,
) -> Flows:
    """The flow of the cells of a notebook, which stand one after another; what one defines counts for those after it.

    `figures_stay` says that pyplot's current figure is still there in the next cell, as in a script. In Jupyter each
    cell's figures are shown and closed at its end, unless they are windows or widgets. `modules` says what naming
    something of the notebook's own modules does, by its full name: see `module_states`; `of_module` that the cells are
    the text of one of these; `seen` what was found out before, beside the same modules.

    Pure: nothing is executed, nothing is raised. A cell that is not Python has `syntax` and nothing else.
    """
    seen = seen or Seen()
    once = Counter(sources)  # a function that stands in two cells is two functions
    trees = [parsed(source, seen) if once[source] == 1 else _parsed(source) for source in sources]
    facts = [seen.of(tree) for tree in trees if isinstance(tree, ast.Module)]
    scope = Notebook(facts, figures_stay=figures_stay)
    scope.own_modules, scope.of_module, scope.seen = modules or {}, of_module, seen
    scope.own_does = methods_of(scope.own_modules)
    scope.own_alters = alterations_of(scope.own_modules)
    scope.own_asks = asked_of(scope.own_modules)
    scope.own_logs = any(states.LOGGING & {one for one, _ in use.does} for use in scope.own_modules.values())
    cells = tuple(
        scope.cell(index, source, tree)
        if isinstance(tree, ast.Module)
        else replace(scope.nothing(index), syntax=tree[1], syntax_line=tree[0])
        for index, (source, tree) in enumerate(zip(sources, trees, strict=True))
    )
    return Flows(
        tuple(sources),
        cells,
        scope.settled(),
        figures_stay,
        frozenset(one.partition(".")[0] for one in scope.own_modules),
        scope.held_regions,
        scope.own_modules,
    )


def parsed(source: str, seen: Seen) -> ast.Module | tuple[int, str]:
    """The tree of a text, or where it is not Python, and why."""
    if source not in seen.trees:
        seen.trees[source] = _parsed(source)
    return seen.trees[source]


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


class Notebook(Calls):
    """Walks cells in their order."""

    def __init__(self, facts: Sequence[Facts], *, figures_stay: bool) -> None:
        super().__init__(facts)
        self._figures_stay = figures_stay

    def state(self, name: str, does: states.Does, node: ast.AST) -> None:
        """Where figures outlive their cell, what draws goes on in the one that is there, unless it makes one."""
        if name == states.FIGURE and does == "begin" and self._figures_stay and name in self._path.status:
            chain = chain_of(node.func) if isinstance(node, ast.Call) else None
            does = "begin" if chain is not None and states.makes_a_figure(chain[-1]) else "go on"
        super().state(name, does, node)

    def nothing(self, index: int) -> CellFlow:
        """A cell that does nothing."""
        return CellFlow(index, bound=dict(self._path.status), values=dict(self._path.env), calls=False)

    def cell(self, index: int, source: str, tree: ast.Module) -> CellFlow:
        """Walk one cell."""
        self._begin(index)
        if not self._figures_stay:
            self._path.status.pop(states.FIGURE, None)
            self._path.env.pop(states.FIGURE, None)
        self._source = source.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        self._kept.append(tree)
        before = dict(self._path.status)
        future = [ast.unparse(node) for node in tree.body if _is_future(node)]
        try:
            for node in tree.body:
                self._statement = node
                self._touched = [set()]
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
            frozenset(self.seen.of(tree).loaded),
            {name: self._derived[name] for name in binds if name in self._derived},
            dict(self._lines),
            tuple(dict.fromkeys(self._doubts)),
            tuple(dict.fromkeys(self._settings)),
            future=tuple(future),
            calls=not all(defines(node) for node in tree.body),
            does=tuple(self._done),
            again=frozenset(self._again),
            by_calls=frozenset(self._by_calls),
        )

    def _give_up(self, tree: ast.Module) -> None:
        """The cell is nested so deeply that it cannot be followed."""
        self.inner.clear()
        self._loops.clear()
        self._tries.clear()
        self._applying.clear()
        self._implied.clear()
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


def _is_future(node: ast.stmt) -> bool:
    return isinstance(node, ast.ImportFrom) and node.module == "__future__"


def defines(node: ast.stmt) -> bool:
    """Whether a statement only imports, defines or says something."""
    if isinstance(
        node, (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Pass)
    ):
        return True
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
