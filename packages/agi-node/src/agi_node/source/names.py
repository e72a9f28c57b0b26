"""Which names outside itself a definition uses: Python's scopes, followed through a syntax tree."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal, NamedTuple

from agi_node.source.outside import LOOKS
from agi_node.source.scopes import Import, bound_names, declared_global, defaults, imports_of, parameters
from agi_node.source.tree import Chain, chain_of, children, text_of, without_doc

Role = Literal["", "seen", "worked", "given", "called"]
"""What importing the module does with a name: nothing, looks it up, hands it to an operator (also an index, a loop,
a format), hands it to a call, calls it. An attribute of a name has the name's role."""


class Use(NamedTuple):
    """A name that is not the definition's own.

    Attributes:
        names: The chain, from a name of the module or of a local import.
        how: `store` where the last attribute is set or deleted; `soft` where the name may turn out to be none of the
            module's: inside text of an annotation, or in a class body that binds the same name.
        role: What importing the module does with it.
        through: The local imports that bind the first name, if it is not the module's.
        literal: The text given to it, if it is called with a text first (`import_module("flight.tracks")`).
    """

    names: Chain
    how: Literal["load", "store", "soft"] = "load"
    role: Role = ""
    through: tuple[Import, ...] = ()
    literal: str | None = None


class _Scope(NamedTuple):
    names: dict[str, tuple[Import, ...]]
    of_class: bool = False
    elsewhere: frozenset[str] = frozenset()


_UNPACKED = (ast.Tuple, ast.List)

_LONGEST = 200
"""Characters; no longer text is taken for a name."""


class Names(ast.NodeVisitor):
    """Collects the uses of one top-level statement of a module.

    Responsible for: scopes, chains of attributes, imports inside functions, what runs at import.
    Not responsible for: what a name stands for. That is the closure's.

    Attributes:
        uses: In the order of their appearance, each once.
        imports: Imports inside functions of the statement.
        runs: Whether importing the module runs more here than look-ups: calls, operators, indices, loops.
        texts: Texts that may name a module, a definition or a file.
        dynamic: A look-up that no reader of the text can follow, in words.
    """

    def __init__(self, package: str) -> None:
        self.uses: dict[Use, None] = {}
        self.imports: list[Import] = []
        self.runs = False
        self.texts: dict[str, None] = {}
        self.dynamic: str | None = None
        self._package = package
        self._scopes: list[_Scope] = []
        self._depth = 0
        self._role: Role = "seen"
        self._annotation = 0
        self._soft = False

    def generic_visit(self, node: ast.AST) -> None:
        for part in children(node):
            self.visit(part)

    def _use(
        self,
        names: Chain,
        how: Literal["load", "store"] = "load",
        literal: str | None = None,
        role: Role = "",
    ) -> None:
        if not LOOKS.isdisjoint(names[1:]):
            self.dynamic = f"looks at {'.'.join(names)}"
        role = "" if self._depth or self._annotation else role or self._role
        for at, scope in enumerate(reversed(self._scopes)):
            if scope.of_class and at:
                continue  # the names of a class body are not seen from inside its functions
            if names[0] in scope.elsewhere:
                break
            if names[0] in scope.names:
                through = scope.names[names[0]]
                if through:
                    self.uses[Use(names, how, role, through, literal)] = None
                elif scope.of_class:  # looked up in the module as long as the body has not bound it
                    self.uses[Use(names, "soft", role)] = None
                return
        self.uses[Use(names, "soft" if self._soft else how, role, (), literal)] = None

    def _text(self, text: str) -> None:
        if len(text) <= _LONGEST and ("." in text or ":" in text or text == "-m"):
            self.texts[text] = None

    def _all(self, nodes: Iterable[ast.AST | None]) -> None:
        for node in nodes:
            if node is not None:
                self.visit(node)

    def _note(self, annotation: ast.expr | None) -> None:
        if annotation is not None:
            self._annotation += 1
            self.visit(annotation)
            self._annotation -= 1

    def visit_Name(self, node: ast.Name) -> None:
        if not isinstance(node.ctx, ast.Store) or any(node.id in scope.elsewhere for scope in self._scopes):
            self._use((node.id,))

    def visit_Attribute(self, node: ast.Attribute) -> None:
        chain = chain_of(node)
        self.runs |= self._depth == 0 and not self._annotation  # it may be a property
        if chain is None:
            if node.attr in LOOKS:
                self.dynamic = f"looks at {node.attr}"
            self.visit(node.value)
        else:
            self._use(chain, "load" if isinstance(node.ctx, ast.Load) else "store")

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, str) and not self._annotation:
            self._text(node.value)
        elif isinstance(node.value, str):
            try:
                inner = ast.parse(node.value.strip(), mode="eval")
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                return  # a text of Literal[…] or Annotated[…], no annotation
            soft, self._soft = self._soft, True
            self.visit(inner.body)
            self._soft = soft

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        if isinstance(node.target, ast.Name):
            self._use((node.target.id,))
        self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        self._note(node.annotation)
        self._all([node.target, node.value])

    def visit_arg(self, node: ast.arg) -> None:
        self._note(node.annotation)

    def visit_Call(self, node: ast.Call) -> None:
        annotation, self._annotation = self._annotation, 0  # what is called in an annotation is called
        with self._run("given"):
            self._call(node)
        self._annotation = annotation

    def _call(self, node: ast.Call) -> None:
        called = chain_of(node.func)
        first = node.args[0] if node.args else None
        if called == ("vars",) and first is None:
            self.dynamic = "calls vars() without an argument"
        if called in (("getattr",), ("hasattr",), ("setattr",), ("delattr",)) and len(node.args) > 1:
            chain, name = chain_of(node.args[0]), text_of(node.args[1])
            if chain is not None and name is not None:
                self._use(called, role="called")
                self._use((*chain, name), "store" if called[0] in ("setattr", "delattr") else "load")
                self._all([*node.args[2:], *node.keywords])
                return
        text = text_of(first) if called and len(node.args) == 1 and not node.keywords else None
        if called is None:
            self.visit(node.func)
        else:
            self._use(called, literal=text, role="called")
        if text is None:
            self._all([*node.args, *node.keywords])

    @contextmanager
    def _run(self, role: Role) -> Iterator[None]:
        """Inside something that runs whenever the module is imported, if it is not inside a function."""
        self.runs |= self._depth == 0 and not self._annotation and role != "seen"
        before, self._role = self._role, role if self._role != "given" else "given"
        yield
        self._role = before

    def _worked(self, node: ast.AST) -> None:
        with self._run("worked"):
            self.generic_visit(node)

    visit_BinOp = visit_UnaryOp = visit_BoolOp = visit_Compare = visit_FormattedValue = visit_Starred = (
        _worked
    )

    def visit_Subscript(self, node: ast.Subscript) -> None:
        with self._run("worked" if isinstance(node.ctx, ast.Load) else "given"):
            self.generic_visit(node)

    def visit_IfExp(self, node: ast.IfExp) -> None:
        with self._run("worked"):
            self.visit(node.test)
        self._all([node.body, node.orelse])

    def visit_Assign(self, node: ast.Assign) -> None:
        self._all(node.targets)
        with self._run("worked" if any(isinstance(each, _UNPACKED) for each in node.targets) else self._role):
            self.visit(node.value)

    def visit_Import(self, node: ast.Import) -> None:
        self.imports.extend(imports_of(node, self._package))

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        self.imports.extend(imports_of(node, self._package))

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self._decorators(node.decorator_list)
        self._function(node, without_doc(node.body), node.returns)

    def _decorators(self, nodes: Sequence[ast.expr]) -> None:
        for node in nodes:
            with self._run("given"):
                chain = chain_of(node)
                if chain is None:
                    self.visit(node)
                else:
                    self._use(chain, role="called")

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self.visit_FunctionDef(node)

    def visit_Lambda(self, node: ast.Lambda) -> None:
        # Given to a call, it may be called right there.
        self._function(node, [node.body], None, inside=self._role != "given")

    def _function(
        self, node: Any, body: Sequence[ast.AST], returns: ast.expr | None, inside: bool = True
    ) -> None:
        self._all(defaults(node.args))
        given = parameters(node.args)
        with_types = self._push_types(node)
        self._all(given)
        self._note(returns)
        own = {parameter.arg: () for parameter in given} | bound_names(body, self._package)
        self._scopes.append(_Scope(own, elsewhere=declared_global(body)))
        self._depth += inside
        self._all(body)
        self._depth -= inside
        self._scopes.pop()
        if with_types:
            self._scopes.pop()

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._decorators(node.decorator_list)
        with_types = self._push_types(node)
        self._all([*node.bases, *node.keywords])
        self._scopes.append(
            _Scope(bound_names(node.body, self._package), of_class=True, elsewhere=declared_global(node.body))
        )
        self._all(without_doc(node.body))
        self._scopes.pop()
        if with_types:
            self._scopes.pop()

    def visit_TypeAlias(self, node: Any) -> None:
        with_types = self._push_types(node)
        self._note(node.value)
        if with_types:
            self._scopes.pop()

    def _push_types(self, node: Any) -> bool:
        """Python 3.12's `[T: bound]` is a scope around the definition."""
        types = getattr(node, "type_params", None)
        if not types:
            return False
        self._scopes.append(_Scope({each.name: () for each in types}))
        for each in types:
            self._note(getattr(each, "bound", None))
            self._note(getattr(each, "default_value", None))
        return True

    def visit_ListComp(self, node: ast.ListComp) -> None:
        self._comprehension(node.generators, [node.elt])

    def visit_SetComp(self, node: ast.SetComp) -> None:
        self._comprehension(node.generators, [node.elt])

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> None:
        self._comprehension(node.generators, [node.elt])

    def visit_DictComp(self, node: ast.DictComp) -> None:
        self._comprehension(node.generators, [node.key, node.value])

    def _comprehension(self, generators: Sequence[ast.comprehension], results: Sequence[ast.expr]) -> None:
        with self._run("worked"):
            self.visit(generators[0].iter)
        targets = [generator.target for generator in generators]
        self._scopes.append(_Scope(bound_names(targets, self._package)))
        for at, generator in enumerate(generators):
            self._all([generator.target, *generator.ifs, *([generator.iter] if at else [])])
        self._all(results)
        self._scopes.pop()
