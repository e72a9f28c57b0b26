"""The notebook's functions and classes: which there are, what their methods are, what decorators do to them."""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace

from agi_node.source.needs import needs_of
from agi_node.source.tree import chain_of, nodes_of
from agilab.notebooks.flow.classes import Classes, keeps_its_result
from agilab.notebooks.flow.functions import Body
from agilab.notebooks.flow.makers import FunctionNode, Maker, Summary
from agilab.notebooks.flow.model import Alters, Use
from agilab.notebooks.flow.setters import Reads
from agilab.notebooks.flow.states import Does
from agilab.notebooks.flow.values import PLAIN, Value, either

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


class Definitions(Classes):
    """Keeps every function and class that was met, by number."""

    def assign(self, target: ast.expr, value: Value, source: ast.expr | None) -> None:
        if isinstance(target, ast.Name) and isinstance(source, ast.Call):
            chain = chain_of(source.func)
            full = self.full(chain) if chain else None
            if full in _CLASS_MAKERS and len(source.args) + len(source.keywords) > 1:
                made = self._make(Maker(target.id, "class", source))
                value = replace(self.new(source), makers=value.makers | {made})
        super().assign(target, value, source)

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
        outer: set[str] = set()
        self.inner.append({})
        for part in node.body:
            if isinstance(part, (ast.FunctionDef, ast.AsyncFunctionDef)):
                self._add_function(maker, part)
                self.inner[-1][part.name] = PLAIN
                for default in (*part.args.defaults, *part.args.kw_defaults):
                    self.value(default)
            elif isinstance(part, (ast.Assign, ast.AnnAssign)) and part.value is not None:
                value = self.value(part.value)
                held.append(value)
                for target in part.targets if isinstance(part, ast.Assign) else [part.target]:
                    if isinstance(target, ast.Name):
                        self._add_property(maker, target.id, part.value)
                    if isinstance(target, ast.Name) and target.id in outer:
                        self.bind(target.id, value, part.lineno)
                        maker.stateful = True
                        continue
                    self.inner[-1] |= {
                        each.id: value for each in ast.walk(target) if isinstance(each, ast.Name)
                    }
            elif isinstance(part, ast.Expr):
                self.value(part.value)
            elif isinstance(part, ast.Global):
                outer.update(part.names)
            elif not isinstance(part, (ast.Pass, ast.AnnAssign)):
                maker.stateful = True  # a class whose body does more: taken as it is, once
        self.inner.pop()
        whole = either([PLAIN, *held])
        maker.lasting = whole.reaches
        maker.stateful |= _changes_itself(node) or bool(whole.tied)
        value = self.new(node)
        return Value(value.owns, value.owns | whole.reaches, frozenset({number}) | whole.makers)

    def _made(self, maker: Maker, node: FunctionNode) -> Value:
        number = self._make(maker)
        arguments = node.args
        places = [each.arg for each in (*arguments.posonlyargs, *arguments.args)]
        ends = list(zip(places[::-1], arguments.defaults[::-1], strict=False))[::-1]
        ends += [
            (each.arg, default)
            for each, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
            if default is not None
        ]
        defaults = {name: self.value(default) for name, default in ends}
        self._makers[number].defaults = {
            name: value for name, value in defaults.items() if value.owns and not value.makers
        }
        made = self.new(node)
        held = either([PLAIN, *self._makers[number].defaults.values()])
        return Value(made.owns, made.owns | held.reaches, frozenset({number}))

    def remembering(self, value: Value, node: ast.expr) -> Value:
        kept = frozenset({self._number(("kept", id(node)))})
        self._kept.append(node)
        for number in value.makers:
            self._makers[number].kept = kept
        return replace(value, reaches=value.reaches | kept)

    def functions_in(self, node: ast.AST) -> tuple[Reads, Reads]:
        parts = list(ast.walk(node))
        called = {
            part.func.id for part in parts if isinstance(part, ast.Call) and isinstance(part.func, ast.Name)
        }
        named = {part.id for part in parts if isinstance(part, ast.Name)}
        lambdas = [part for part in parts if isinstance(part, ast.Lambda)]
        here = [number for number, one in enumerate(self._makers) if one.node in lambdas] if lambdas else []
        return self._read_by(called, []), self._read_by(named - called, here)

    def _read_by(self, names: Collection[str], numbers: Collection[int]) -> Reads:
        """What these functions read of the notebook, and those that they call."""
        todo, seen, found, acts = [*numbers], set[int](), set[str](), False
        for name in names:
            todo += self._path.env.get(name, PLAIN).makers
        while todo:
            number = todo.pop()
            if number in seen:
                continue
            seen.add(number)
            todo += (each for some in self._makers[number].methods.values() for each in some)
            one = self._summary(number)
            reads = {name for name in one.reads if name in self._path.status}
            found |= reads | one.binds
            acts |= (
                bool(one.binds) or one.remembers or any(str(each)[:2] in ("g:", "h:") for each in one.changed)
            )
            for name in reads:
                todo += self._path.env.get(name, PLAIN).makers
        return Reads(frozenset(found), acts)

    def _summary(self, number: int) -> Summary:
        maker = self._makers[number]
        if maker.summary is None:
            maker.summary = Summary()
            if isinstance(maker.node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
                imports = {**self._imports, **self._path.modules}
                told = (self.told_in_place, self.told_written, self.told_sql, self.calm_names)
                names = (frozenset(self._own), frozenset(self._own_methods), frozenset(imports.items()))
                asked = (maker.node, told, names, self.of_module)
                if asked not in self.seen.summaries:
                    self.seen.summaries[asked] = _summarise(
                        maker.node,
                        self._own.__contains__,
                        self.is_own_method,
                        imports,
                        told=told,
                        modules=self.own_modules,
                        of_module=self.of_module,
                        own=(self.own_does, self.own_logs, self.own_alters),
                    )
                maker.summary = self.seen.summaries[asked]
                if maker.summary.remembers:
                    maker.stateful = True
        return maker.summary


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


def _summarise(
    node: FunctionNode,
    is_own: Callable[[str], bool],
    is_own_method: Callable[[str], bool],
    imports: Mapping[str, str],
    *,
    told: tuple[bool, bool, bool, frozenset[str]],
    modules: Mapping[str, Use],
    of_module: bool,
    own: tuple[Mapping[str, tuple[tuple[str, Does], ...]], bool, Mapping[str, tuple[Alters, ...]]],
) -> Summary:
    body = Body(node, is_own, is_own_method, imports)
    body.told_in_place, body.told_written, body.told_sql, body.calm_names = told
    body.own_modules, body.of_module = modules, of_module
    body.own_does, body.own_logs, body.own_alters = own
    if keeps_its_result(node):
        body.changes_owner()
    return body.summary()
