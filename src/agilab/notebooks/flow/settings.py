"""What a statement sets of the process, as a `Setting`: its text, where it can be repeated, and what that needs."""

from __future__ import annotations

import ast
from abc import abstractmethod
from collections.abc import Collection
from dataclasses import replace

from agi_node.source.needs import needs_of
from agi_node.source.tree import chain_of, text_of
from agilab.notebooks.flow import knowledge as known
from agilab.notebooks.flow import states
from agilab.notebooks.flow.loggers import SILENCED, Loggers, is_called_logger, name_in
from agilab.notebooks.flow.makers import BUILTINS
from agilab.notebooks.flow.model import Setting
from agilab.notebooks.flow.setters import Reads, Setters
from agilab.notebooks.flow.values import PLAIN


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

    @abstractmethod
    def functions_in(self, node: ast.AST) -> tuple[Reads, Reads]:
        """What functions of the notebook read and do that a statement calls, and those that it puts somewhere."""

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
        node = _unprinted(self._by_its_call(self._statement, place), place)
        simple = isinstance(node, (ast.Expr, ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Delete))
        if node is None or (not (simple and not self._depth) and not self._only_sets(node)):
            return Setting(name, line)
        one = [getattr(node, "target", None)]
        targets = node.targets if isinstance(node, (ast.Assign, ast.Delete)) else one
        if any(isinstance(target, (ast.Name, ast.Tuple, ast.List)) for target in targets):
            return Setting(name, line)
        python = BUILTINS - self._path.status.keys()
        needs = needs_of(node)
        run, put = self.functions_in(node)
        if put.acts:
            self._keep_there(put.reads, line)
            return Setting(name, line)
        now = (needs.now | run.reads) - python
        later = (needs.later | put.reads) - python - now
        for read in sorted(later & self._path.status.keys()):
            self.load(read, line)  # who has put it there may be the next to have it called
        return Setting(name, line, ast.unparse(node), now, later=later)

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
        if not (calls and isinstance(place, ast.Attribute)):
            return node
        target = ast.copy_location(ast.Attribute(calls[0], place.attr, ast.Store()), place)
        return ast.copy_location(ast.Assign([target], node.value), node)


def _unprinted(node: ast.stmt | None, place: ast.AST) -> ast.stmt | None:
    """`print(locale.setlocale(…))` as the call alone: what is repeated says nothing a second time."""
    shown = node.value if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) else None
    if shown is None or not isinstance(place, ast.expr) or place not in shown.args:
        return node
    prints = isinstance(shown.func, ast.Name) and shown.func.id in ("print", "display")
    return ast.copy_location(ast.Expr(place), shown) if prints else node


def _gets_logger(node: ast.AST) -> bool:
    chain = chain_of(node.func) if isinstance(node, ast.Call) else None
    last = node.func.attr if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) else ""
    return last == "getChild" or (chain or ("",))[-1] == "getLogger"
