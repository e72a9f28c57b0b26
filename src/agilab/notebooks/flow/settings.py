"""What a statement sets of the process, as a `Setting`: its text, where it can be repeated, and what that needs."""

from __future__ import annotations

import ast
from abc import abstractmethod
from collections.abc import Collection, Sequence
from dataclasses import replace

from agi_node.source.needs import needs_of
from agi_node.source.tree import chain_of, text_of
from agilab.notebooks.flow import knowledge as known
from agilab.notebooks.flow import states
from agilab.notebooks.flow.loggers import SILENCED, Loggers, is_called_logger, name_in
from agilab.notebooks.flow.loops import targets_of, things_in, unbinding, with_names_for
from agilab.notebooks.flow.makers import BUILTINS
from agilab.notebooks.flow.model import Setting
from agilab.notebooks.flow.setters import Reads, Setters
from agilab.notebooks.flow.values import PLAIN, Value

_PERHAPS = (ast.IfExp, ast.BoolOp, ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
"""What evaluates some of its parts not at all, or more than once."""


class Settings(Setters):
    """Says what statements of cells set."""

    _settings: list[Setting]
    _statement: ast.stmt | None
    _depth: int
    _done: dict[tuple[str, states.Does], None]
    _alters: set[str]
    _loggers: Loggers
    _stops: bool
    """Whether the text may stop patches."""

    def __init__(self) -> None:
        super().__init__()
        self._walked = ""
        """The full name of what of a library the loop walks that is walked here."""
        self._aliases: dict[str, tuple[str, ast.expr]] = {}
        """By name of what something of a library is called too: its full name, and how the text says it."""

    @abstractmethod
    def functions_in(self, node: ast.AST) -> tuple[Reads, Reads]:
        """What functions of the notebook read and do that a statement calls, and those that it puts somewhere."""

    def of_library(self, full: str, result: Value, every: Sequence[Value], node: ast.Call) -> Value:
        """What takes something out of a library's list sets that, also where it is asked for what it takes."""
        takes = states.takes_out(full) and states.state_of(full, frozenset()) is None
        if takes and (kept := self._perhaps_kept(full, node)):
            self.state(kept, "set", node)
        return super().of_library(full, result, every, node)

    def _method(self, node: ast.Call, name: str, owner: Value, every: Sequence[Value]) -> Value:
        """`vars(numpy).update(half=3)` is what `numpy.__dict__.update(half=3)` is."""
        place = node.func.value if isinstance(node.func, ast.Attribute) else node
        if (full := self._variables_of(place)) and states.changes_list(f"{full}.__dict__.{name}"):
            self.state(states.state_of_place(full), "set", node)
        return super()._method(node, name, owner, every)

    def _place(self, target: ast.Attribute | ast.Subscript, value: Value) -> None:
        """`vars(numpy)["half"] = 3` is what `numpy.half = 3` is."""
        super()._place(target, value)
        if isinstance(target, ast.Subscript) and (full := self._variables_of(target.value)):
            self.state(states.state_of_place(full), "set", target)

    def assign(self, target: ast.expr, value: Value, source: ast.expr | None) -> None:
        """`rc = plt.rcParams` is what `from matplotlib.pyplot import rcParams as rc` is, if something is set by it."""
        chain = chain_of(source) if isinstance(source, ast.Attribute) else None
        full = self.full(chain) if chain and chain[0] in self._path.modules else None
        super().assign(target, value, source)
        if full is not None and source and isinstance(target, ast.Name) and not self._known_as(full):
            is_put = any(place and len(place) > 1 and place[0] == target.id for place in self.put)
            if is_put or full in states.HOLDS_SETTINGS:
                self._path.modules[target.id] = full
                self._aliases[target.id] = (full, source)

    def _called_otherwise(self, node: ast.stmt) -> dict[str, ast.expr]:
        """What names of a statement stand for that are things of libraries; one that is given and set in one cell is
        no other name where another cell takes it.
        """
        here = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
        some = {name: each for name, each in self._aliases.items() if name in here}
        found = {name: one for name, (full, one) in some.items() if self.full((name,)) == full}
        for name in found.keys() & self._path.must:
            if not some[name][0].rpartition(".")[2][:1].isupper():
                self._path.env[name] = replace(
                    self._path.env[name], tied="another name for what a library holds"
                )
        return found

    def _variables_of(self, node: ast.expr) -> str:
        """The full name of what of a library `vars` is called on; empty where that is nothing of one."""
        if not isinstance(node, ast.Call) or len(node.args) != 1 or chain_of(node.func) != ("vars",):
            return ""
        chain = chain_of(node.args[0])
        full = self.full(chain) if chain else None
        return full if full is not None and full not in BUILTINS and not self._known_as(full) else ""

    def _for(self, node: ast.For | ast.AsyncFor) -> None:
        """A loop over things of libraries that gives them attributes is walked once for each of these libraries."""
        outside, things = self._walked, things_in(node, self.full)
        for self._walked in things or [""]:
            super()._for(node)
        self._walked = outside
        if things and isinstance(node.target, ast.Name):
            self._path.modules.pop(node.target.id, None)

    def _each(self, target: ast.expr, whole: Value, source: ast.expr) -> None:
        super()._each(target, whole, source)
        if self._walked and isinstance(target, ast.Name):
            self._path.modules[target.id] = self._walked

    def _log(self, state: str, does: states.Does, line: int, node: ast.AST) -> None:
        """A logger is got, or all are silenced: who is got after that has to speak in later stages as well."""
        if self.of_module:
            self._done[state, does] = None
        elif state == SILENCED:
            here = (one for one in self._settings if one.state == states.LOG_OPTIONS and one.line == line)
            if any(one.text for one in here):
                self._loggers.silence()
        elif self._loggers.begins_to_speak(state):
            self._settings.append(self._speaking(name_in(state), line, node))

    def _speaking(self, name: str, line: int, node: ast.AST) -> Setting:
        """That a logger speaks which is got here; `name` is how it is called, where that is known."""
        if name:
            there = self._path.modules.get("logging") == "logging"
            begin = "logging" if there else "__import__('logging')"
            needs = frozenset({"logging"} if there else ())
            return Setting(states.LOGGERS, line, f"{begin}.getLogger({name}).disabled = False", needs)
        made = self._statement
        target = made.targets[0] if isinstance(made, ast.Assign) and made.value is node else None
        if isinstance(target, ast.Name) and (_gets_logger(node) or is_called_logger(target.id)):
            return Setting(states.LOGGERS, line, f"{target.id}.disabled = False", frozenset({target.id}))
        return Setting(states.LOGGERS, line)

    def _unless_repeated(self, setting: Setting, node: ast.AST) -> None:
        """A module of the notebook's own that is set where that cannot be repeated is another one from here on."""
        top = setting.state.removeprefix("<options ").removesuffix(">")
        tied = any(self._path.env.get(name, PLAIN).tied for name in setting.needs | setting.later)
        if (tied or not setting.text) and self._is_of_own(setting.state):
            self.state(states.kept_in(f"{top}.*"), "go on", node)

    def _is_of_own(self, state: str) -> bool:
        top = state.removeprefix("<options ").removesuffix(">")
        return any(one.partition(".")[0] == top for one in self.own_modules)

    def _setting(self, name: str, line: int, place: ast.AST) -> Setting:
        defined = self._statement
        if isinstance(defined, (ast.ClassDef, ast.FunctionDef)) and place in defined.decorator_list:
            return self._registration(name, defined)
        if self._stops and getattr(getattr(place, "func", None), "attr", "") == "start":
            return Setting(name, line)  # where that is repeated nobody stops it
        node = self._by_its_call(self._statement, place)
        if isinstance(node, ast.Expr) or name not in states.RANDOM:  # a generator that is kept goes on
            node = _by_itself(node, place)
        simple = isinstance(node, (ast.Expr, ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Delete))
        if isinstance(node, ast.Expr) and node.value is not place:  # `print(1) if x.pop() else 2`
            simple = self._is_quiet(node.value, place)
        if node is None or (not (simple and not self._depth) and not self._only_sets(node)):
            return Setting(name, line)
        said = unbinding(node, self._path.status.keys() | self._path.env.keys())
        one = [] if isinstance(node, ast.For) else [getattr(node, "target", None)]
        targets = node.targets if isinstance(node, (ast.Assign, ast.Delete)) else one
        if any(isinstance(target, (ast.Name, ast.Tuple, ast.List)) for target in targets):
            return Setting(name, line)
        python = BUILTINS - self._path.status.keys()
        said = with_names_for(said, self._called_otherwise(said))
        python |= targets_of(node) | targets_of(said)
        needs = needs_of(said)
        run, put = self.functions_in(node)
        if put.acts:
            self._keep_there(put.reads, line)
            return Setting(name, line)
        now = (needs.now | run.reads) - python
        later = (needs.later | put.reads) - python - now
        for read in sorted(later & self._path.status.keys()):
            self.load(read, line)  # who has put it there may be the next to have it called
        return Setting(name, line, ast.unparse(said), now, later=later)

    def _keep_there(self, names: Collection[str], line: int) -> None:
        """Functions that change these are put where others call them, whenever they like."""
        for name in sorted(names):
            value = self.load(name, line)
            if not value.makers and name not in self._path.modules:
                self._path.env[name] = replace(value, tied=known.BY_PUT)
                self._alters.add(name)

    def _registration(self, name: str, node: ast.ClassDef | ast.FunctionDef) -> Setting:
        """A definition that its decorator makes known to a library: the whole of it is repeated."""
        needs = needs_of(node)
        found = needs.now | needs.later
        texts = [
            text for each in node.decorator_list for text in map(text_of, getattr(each, "args", ())) if text
        ]
        known_as = texts[0] if texts and texts[0].isidentifier() else ""
        return Setting(
            name, node.lineno, ast.unparse(node), found - (BUILTINS - self._path.status.keys()), known_as
        )

    def _by_its_call(self, node: ast.stmt | None, place: ast.AST) -> ast.stmt | None:
        """`context.prec = 5` as `getcontext().prec = 5`: what a name stands for here is another one elsewhere."""
        owner = place.value if isinstance(place, ast.Attribute) else None
        if not (isinstance(node, ast.Assign) and node.targets == [place] and isinstance(owner, ast.Name)):
            return node
        held = self._path.env.get(owner.id, PLAIN).owns
        calls = [self.contexts[region] for region in held if region in self.contexts]
        if len(calls) != 1 or not isinstance(place, ast.Attribute):
            return node
        target = ast.copy_location(ast.Attribute(calls[0], place.attr, ast.Store()), place)
        return ast.copy_location(ast.Assign([target], node.value), node)


def _by_itself(node: ast.stmt | None, place: ast.AST) -> ast.stmt | None:
    """`print(locale.setlocale(…))` and `old = numpy.seterr(…)` as the call alone: nothing is said or bound twice."""
    if not isinstance(node, (ast.Expr, ast.Assign, ast.AnnAssign)) or not isinstance(place, ast.Call):
        return node
    starts = isinstance(place.func, ast.Attribute) and place.func.attr == "start"  # gives what it starts
    return (
        node if starts or not _is_evaluated(place, node.value) else ast.copy_location(ast.Expr(place), node)
    )


def _is_evaluated(part: ast.expr, whole: ast.expr | None) -> bool:
    """Whether evaluating an expression evaluates this part of it once, whatever else is so."""
    waiting: list[ast.AST | None] = [whole]
    while waiting:
        one = waiting.pop()
        if one is part:
            return True
        if one is not None and not isinstance(one, _PERHAPS):
            waiting += list(ast.iter_child_nodes(one))
    return False


def _gets_logger(node: ast.AST) -> bool:
    chain = chain_of(node.func) if isinstance(node, ast.Call) else None
    last = node.func.attr if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) else ""
    return last == "getChild" or (chain or ("",))[-1] == "getLogger"
