"""Where paths part and meet, over `Assignments`: branches, loops, handlers; the same for cells and for functions."""

from __future__ import annotations

import ast
from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import replace

from agi_node.source.tree import chain_of, children
from agilab.notebooks.flow.assignments import Assignments
from agilab.notebooks.flow.values import PLAIN, Value, either

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_AROUND = ("__enter__", "__aenter__", "__exit__", "__aexit__")
_RESTORES = {
    "catch_warnings": "warnings",
    "config_context": "sklearn",
    "errstate": "numpy",
    "localcontext": "decimal",
    "option_context": "pandas",
    "printoptions": "numpy",
    "rc_context": "matplotlib",
}
"""What is as it was behind a `with`, by the word that it is called by."""
_CALMS = frozenset({"suppress", "raises", "warns", "ExitStack"})


class Statements(Assignments):
    """Walks statements; a subclass says how paths part and meet."""

    @abstractmethod
    def define_class(self, node: ast.ClassDef) -> Value:
        """A class; its body runs."""

    @abstractmethod
    def repeated(self, body: Callable[[], None], *, once: bool, forever: bool) -> None:
        """This happens any number of times, `once` at least or perhaps not at all, `forever` until a `break`."""

    @abstractmethod
    def attempted(
        self, body: Callable[[], None], handlers: Sequence[Callable[[], None]], rest: Callable[[], None]
    ) -> None:
        """The body happens, in part or as a whole; then a handler where it was in part, or else the rest."""

    @abstractmethod
    def ends(self, node: ast.stmt, value: Value) -> None:
        """`return`, `raise`, `break` and `continue`: what follows on this path does not happen."""

    @abstractmethod
    def declare_global(self, node: ast.Global | ast.Nonlocal) -> None:
        """Names of another scope."""

    def block(self, body: Sequence[ast.stmt]) -> None:
        """Statement after statement."""
        for node in body:
            self.statement(node)

    def statement(self, node: ast.stmt) -> None:
        """One statement."""
        if isinstance(node, ast.Assign):
            value = self.value(node.value)
            for target in node.targets:
                self.assign(target, value, node.value)
        elif isinstance(node, ast.Expr):
            self._alone(node.value)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            self._import(node)
        elif isinstance(node, FUNCTIONS):
            self._function(node)
        elif isinstance(node, ast.ClassDef):
            for part in (*node.bases, *(each.value for each in node.keywords)):
                self.value(part)
            self._decorate(node, self.define_class(node))
        elif isinstance(node, ast.AugAssign):
            self._augment(node)
        elif isinstance(node, ast.AnnAssign):
            if not self.lazy:
                self.value(node.annotation)
            if node.value is not None:
                self.assign(node.target, self.value(node.value), node.value)
        elif isinstance(node, ast.If):
            self.value(node.test)
            self.paths(lambda: self.block(node.body), lambda: self.block(node.orelse))
        elif isinstance(node, (ast.For, ast.AsyncFor)):
            self._for(node)
        elif isinstance(node, ast.While):
            self._while(node)
        elif isinstance(node, (ast.With, ast.AsyncWith)):
            self._with(node)
        elif isinstance(node, (ast.Try,)) or type(node).__name__ == "TryStar":
            self._try(node)  # type: ignore[arg-type]  # TryStar has the same parts
        elif isinstance(node, ast.Match):
            self._match(node)
        elif isinstance(node, ast.Delete):
            for target in node.targets:
                self._delete(target)
        elif isinstance(node, (ast.Global, ast.Nonlocal)):
            self.declare_global(node)
        elif type(node).__name__ == "TypeAlias":
            self.bind(node.name.id, PLAIN, node.lineno)  # type: ignore[attr-defined]  # from Python 3.12 on
        else:
            values = [self.value(part) for part in children(node) if isinstance(part, ast.expr)]
            if isinstance(node, (ast.Return, ast.Raise, ast.Break, ast.Continue)):
                self.ends(node, either([PLAIN, *values]))

    # -- paths --------------------------------------------------------------------------------------------------

    def _for(self, node: ast.For | ast.AsyncFor) -> None:
        whole = self.value(node.iter)

        def once() -> None:
            self._each(node.target, whole, node.iter)
            self.block(node.body)

        self.repeated(once, once=_has_items(node.iter), forever=False)
        self.block(node.orelse) if not _breaks(node.body) else self.paths(
            lambda: self.block(node.orelse), lambda: None
        )

    def _each(self, target: ast.expr, whole: Value, source: ast.expr) -> None:
        """Give a loop's target an item; of `zip(axes, tables)` each name gets one of its own."""
        parts = self._side_by_side(source)
        targets = target.elts if isinstance(target, ast.Tuple) else []
        if len(targets) != len(parts) or any(isinstance(each, ast.Starred) for each in targets) or not parts:
            self.assign(target, self.items_of(whole, source), None)
            return
        for each, part in zip(targets, parts, strict=True):
            self.assign(each, PLAIN if part is None else self.items_of(self.value(part), part), None)

    def _side_by_side(self, node: ast.expr) -> list[ast.expr | None]:
        """What is walked by `zip` and `enumerate`, one by one; None for a number."""
        if not isinstance(node, ast.Call) or any(isinstance(arg, ast.Starred) for arg in node.args):
            return []
        chain = chain_of(node.func)
        full = self.full(chain) if chain else None
        if full == "zip" and all(each.arg == "strict" for each in node.keywords):
            return list(node.args)
        return [None, node.args[0]] if full == "enumerate" and node.args else []

    def _while(self, node: ast.While) -> None:
        forever = isinstance(node.test, ast.Constant) and bool(node.test.value)

        def once() -> None:
            self.value(node.test)
            self.block(node.body)

        self.value(node.test)
        self.repeated(once, once=forever, forever=forever)
        self.block(node.orelse) if not _breaks(node.body) else self.paths(
            lambda: self.block(node.orelse), lambda: None
        )

    def _with(self, node: ast.With | ast.AsyncWith) -> None:
        calms, outside = False, self.restored
        for item in node.items:
            value = self.value(item.context_expr)
            for name in _AROUND if value.own else ():
                self.runs_own(value, name, node)
            given = [self.attribute(value, name, (), item.context_expr) for name in _AROUND]
            calms |= any(one is not None for one in given)
            named = isinstance(item.context_expr, (ast.Name, ast.Attribute)) and not (
                value.makers or value.tied
            )
            if named and value.kind == "" and not value.calm:
                self.change(value.owns, PLAIN, node.lineno)  # `with model:` puts what is made in it there
            called = item.context_expr.func if isinstance(item.context_expr, ast.Call) else item.context_expr
            word = (chain_of(called) or ("",))[-1]
            calms |= word in _CALMS or bool(value.makers)
            if word in _RESTORES:
                self.restored |= {f"<options {_RESTORES[word]}>"}
            if item.optional_vars is not None:
                entered = [one for one in given[:2] if one is not None]
                if value.kind == "iterator":  # of a context manager made of a generator: what that yields
                    entered.append(replace(value.inside(), tied=value.tied))
                self.assign(item.optional_vars, either([value, *entered]), None)
        if calms:
            self.attempted(lambda: self.block(node.body), [lambda: None], lambda: None)
        else:
            self.block(node.body)
        self.restored = outside

    def _try(self, node: ast.Try) -> None:
        def handling(handler: ast.ExceptHandler) -> Callable[[], None]:
            def handle() -> None:
                if handler.type is not None:
                    self.value(handler.type)
                if handler.name:
                    self.bind(handler.name, self.new(handler), handler.lineno)
                self.block(handler.body)
                if handler.name:
                    self.unbind(handler.name, handler.lineno)

            return handle

        self.attempted(
            lambda: self.block(node.body),
            [handling(handler) for handler in node.handlers],
            lambda: self.block(node.orelse),
        )
        self.block(node.finalbody)

    def _match(self, node: ast.Match) -> None:
        subject = self.value(node.subject)

        def trying(case: ast.match_case) -> Callable[[], None]:
            def one() -> None:
                self._pattern(case.pattern, subject)
                self.value(case.guard)
                self.block(case.body)

            return one

        last = node.cases[-1]
        certain = (
            isinstance(last.pattern, ast.MatchAs) and last.pattern.pattern is None and last.guard is None
        )
        self.paths(*(trying(case) for case in node.cases), *([] if certain else [lambda: None]))

    def _pattern(self, pattern: ast.pattern, subject: Value) -> None:
        for part in ast.walk(pattern):
            name = part.rest if isinstance(part, ast.MatchMapping) else getattr(part, "name", None)
            if isinstance(name, str):
                self.bind(name, either([subject, subject.inside()]), pattern.lineno)
            if isinstance(part, ast.MatchValue):
                self.value(part.value)
            elif isinstance(part, ast.MatchClass):
                self.value(part.cls)


def _has_items(node: ast.expr) -> bool:
    """Whether a loop over this runs once at least."""
    if isinstance(node, (ast.List, ast.Tuple, ast.Set)):
        return any(not isinstance(item, ast.Starred) for item in node.elts)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.keywords:
        numbers = [arg.value if isinstance(arg, ast.Constant) else None for arg in node.args]
        if node.func.id == "range" and numbers and all(isinstance(number, int) for number in numbers):
            return bool(range(*numbers)) if len(numbers) < 3 or numbers[2] else False  # type: ignore[arg-type]
        return node.func.id == "enumerate" and len(node.args) == 1 and _has_items(node.args[0])
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and bool(node.value)


def _breaks(body: Sequence[ast.stmt]) -> bool:
    return any(isinstance(part, ast.Break) for node in body for part in ast.walk(node))
