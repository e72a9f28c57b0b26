"""Which statements do nothing but set states of the process, so that they can be repeated: a seed, options."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from agi_node.source.scopes import defaults
from agi_node.source.tree import chain_of
from agilab.notebooks.flow import states
from agilab.notebooks.flow.makers import Maker
from agilab.notebooks.flow.statements import Statements
from agilab.notebooks.flow.states import words
from agilab.notebooks.flow.values import PLAIN
from agilab.notebooks.flow.ways import Way

_QUIET = words(
    """
    str int float bool len list dict tuple set range hasattr getattr isinstance min max abs round sorted enumerate zip
    vars os.getenv os.environ.get os.path.join os.path.dirname os.path.abspath os.path.expanduser os.fspath pathlib.Path
    logging.getLogger logging.Formatter logging.StreamHandler logging.NullHandler logging.getLevelName cycler.cycler
    torch.device sys.getrecursionlimit matplotlib.cycler matplotlib.pyplot.cycler property classmethod staticmethod
    functools.partial
    """
)
_QUIET_BEGINS = (
    "numpy.random.default_rng",
    "numpy.random.RandomState",
    "numpy.random.Generator",
    "random.Random",
)
_QUIET_METHODS = words(
    """
    get keys values items copy upper lower strip split join format replace startswith endswith is_available resolve
    absolute as_posix joinpath
    """
)
"""Calls that do nothing and print nothing, whatever they are given."""


@dataclass(frozen=True)
class Reads:
    """What functions read of the notebook, and whether they change any of it when they are called."""

    reads: frozenset[str]
    acts: bool


class Setters(Statements):
    """Asks statements of cells, and functions that these call."""

    _path: Way
    _makers: list[Maker]
    _statement: ast.stmt | None

    def __init__(self) -> None:
        super().__init__()
        self._asked: list[ast.AST] = []
        self._own_is_set = False
        """Whether something of a module of the notebook's own was set, which its functions may read."""

    def _only_sets(self, node: ast.stmt) -> bool:
        """Whether a statement does nothing but set states, so that it can be repeated: a call of `use_our_style()`."""
        if isinstance(node, ast.If):
            return self._is_quiet(node.test) and all(map(self._only_sets, (*node.body, *node.orelse)))
        if isinstance(node, ast.Try):
            bodies = (*node.body, *node.orelse, *node.finalbody)
            return all(map(self._only_sets, (*bodies, *(part for one in node.handlers for part in one.body))))
        if isinstance(node, (ast.For, ast.While)):
            may = bool(self._asked) or node is self._statement or isinstance(node, ast.While)
            quiet = self._is_quiet(node.iter if isinstance(node, ast.For) else node.test)
            return may and quiet and all(map(self._only_sets, (*node.body, *node.orelse)))
        if isinstance(node, (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Delete)):
            return self._is_quiet(getattr(node, "value", None)) and all(map(self._may_be_set, _targets(node)))
        if isinstance(node, ast.Return):
            call = node.value
            return self._is_quiet(call) or (isinstance(call, ast.Call) and self._is_setter(call))
        if not isinstance(node, ast.Expr):
            return isinstance(node, (ast.Import, ast.ImportFrom, ast.Pass))
        call = node.value
        return self._is_setter(call) if isinstance(call, ast.Call) else isinstance(call, ast.Constant)

    def _is_setter(self, call: ast.Call) -> bool:
        """Whether a call sets states and does nothing else."""
        if not all(map(self._is_quiet, (*call.args, *(each.value for each in call.keywords)))):
            return False
        chain = chain_of(call.func)
        full = self.full(chain) if chain else None
        if full is not None:
            if full in ("setattr", "delattr"):
                return self._is_of_library(call.args[0] if call.args else None)
            if (use := self.own_modules.get(full)) is not None:
                return use.only_sets and not self._own_is_set
            named = frozenset(str(each.arg) for each in call.keywords)
            sets = (states.state_of(full, named) or ("", ""))[1] == "set" or states.kept_by(full) is not None
            top = full.partition(".")[0]
            is_own = any(one.partition(".")[0] == top for one in self.own_modules)
            return sets or (not is_own and states.changes_list(full) is not None)
        if isinstance(call.func, ast.Attribute):
            return self.logs and states.sets_logger(call.func) and self._is_quiet(call.func.value)
        value = self._path.env.get(call.func.id, PLAIN) if isinstance(call.func, ast.Name) else PLAIN
        made = [self._makers[number].node for number in value.makers]
        return len(made) == 1 and isinstance(made[0], ast.FunctionDef) and self._all_set(made[0])

    def _all_set(self, node: ast.FunctionDef) -> bool:
        if node in self._asked:  # of itself
            return False
        self._asked.append(node)
        found = not node.decorator_list and all(map(self._only_sets, node.body))
        self._asked.pop()
        return found

    def _is_quiet(self, node: ast.expr | None, but: ast.AST | None = None) -> bool:
        """Whether evaluating it does nothing, `but` for one part of it."""
        for part in _evaluated(node):
            if isinstance(part, (ast.Await, ast.Yield, ast.YieldFrom, ast.NamedExpr)):
                return False
            if isinstance(part, ast.Call) and part is not but:
                chain = chain_of(part.func)
                full = (self.full(chain) if chain else None) or ""
                method = part.func.attr if isinstance(part.func, ast.Attribute) else ""
                known = full in _QUIET or full.startswith(_QUIET_BEGINS) or method in _QUIET_METHODS
                if not known:
                    return False
        return True

    def _may_be_set(self, target: ast.expr) -> bool:
        """Whether it is a place of a library's, or in a function one of its own names."""
        if isinstance(target, ast.Name):
            return bool(self._asked)
        if isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name) and self.logs:
            return target.attr in states.LOGGER_PLACES or self._is_place(target)
        return self._is_place(target)

    def _is_place(self, target: ast.expr) -> bool:
        """Whether it is an attribute or an item of a library's: `plt.rcParams["font.size"]`."""
        owner = target.value if isinstance(target, (ast.Attribute, ast.Subscript)) else None
        if isinstance(owner, ast.Call):
            called = chain_of(owner.func)
            return called is not None and self.full(called) in states.CONTEXTS
        return self._is_of_library(owner)

    def _is_of_library(self, node: ast.expr | None) -> bool:
        chain = chain_of(node) if node is not None else None
        return chain is not None and self.full(chain) is not None


def _evaluated(node: ast.expr | None) -> Iterator[ast.AST]:
    """All parts of an expression that are evaluated with it: not what a lambda does when it is called."""
    waiting: list[ast.AST] = [] if node is None else [node]
    while waiting:
        part = waiting.pop()
        yield part
        waiting += defaults(part.args) if isinstance(part, ast.Lambda) else ast.iter_child_nodes(part)


def _targets(node: ast.Assign | ast.AnnAssign | ast.AugAssign | ast.Delete) -> Sequence[ast.expr]:
    return node.targets if isinstance(node, (ast.Assign, ast.Delete)) else [node.target]
