"""What a statement does to names, over `LibraryCalls`: assignments, imports, definitions, and a call by itself."""

from __future__ import annotations

import ast
from abc import abstractmethod
from dataclasses import replace

from agi_node.source.scopes import imports_of, parameters
from agi_node.source.tree import chain_of
from agilab.notebooks.flow import knowledge as known
from agilab.notebooks.flow import reading, states
from agilab.notebooks.flow.library_calls import LibraryCalls, draws_a_table
from agilab.notebooks.flow.spoken import texts_in
from agilab.notebooks.flow.values import PLAIN, Value, either, holding

_IN_PLACE = {
    ast.Add: "add",
    ast.Sub: "sub",
    ast.Mult: "mul",
    ast.Div: "truediv",
    ast.FloorDiv: "floordiv",
    ast.Mod: "mod",
    ast.Pow: "pow",
    ast.MatMult: "matmul",
    ast.BitOr: "or",
    ast.BitAnd: "and",
    ast.BitXor: "xor",
    ast.LShift: "lshift",
    ast.RShift: "rshift",
}

_METHODS = frozenset({"__len__", "__getitem__", "__contains__", "__iter__", "__next__", "__call__"})
_OF_ONE = "a method of one object"
_WITH_NAMES_OF_THEIR_OWN = (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


class Assignments(LibraryCalls):
    """Walks statements that have no others in them; a subclass says what binding a name means."""

    @abstractmethod
    def define(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> Value:
        """A function with a name."""

    def decorated(self, value: Value, by: Value, line: int) -> None:
        """A function or class is given to a decorator of the notebook's own."""

    def remembering(self, value: Value, node: ast.expr) -> Value:
        """A function whose results are kept by a decorator and given again."""
        return value

    @abstractmethod
    def bind_import(self, name: str, full: str, line: int, *, adds: bool = False) -> None:
        """A module, or something out of one; it `adds` to the module that is there where `import a.b` makes `a`."""

    @abstractmethod
    def runs_modules(self, full: str, line: int) -> None:
        """Something of the notebook's own modules is imported: these run, if they have not yet."""

    @abstractmethod
    def star(self, module: str, line: int) -> None:
        """All names of a module."""

    @abstractmethod
    def unbind(self, name: str, line: int) -> None:
        """`del name`."""

    def assign(self, target: ast.expr, value: Value, source: ast.expr | None) -> None:
        """Give a target a value; `source` is the expression that it comes from."""
        if isinstance(target, ast.Name):
            if isinstance(source, (ast.Constant, ast.JoinedStr)):
                self.texts[target.id] = [*self.texts.get(target.id, ()), *texts_in(source, {})]
            self.bind(target.id, value, target.lineno)
        elif isinstance(target, (ast.Tuple, ast.List)):
            parts = source.elts if isinstance(source, (ast.Tuple, ast.List)) else []
            exact = len(parts) == len(target.elts) and not any(
                isinstance(each, ast.Starred) for each in (*parts, *target.elts)
            )
            inside = self.items_of(value, target)
            values = [self.value(part) for part in parts] if exact else [inside] * len(target.elts)
            for part, one in zip(target.elts, values, strict=True):
                self.assign(part, one, None)
        elif isinstance(target, ast.Starred):
            self.assign(target.value, holding([value], self.region(target), "list"), None)
        elif isinstance(target, (ast.Attribute, ast.Subscript)):
            self._place(target, replace(value, tied=_OF_ONE) if self._is_bound(source) else value)

    def _is_bound(self, source: ast.expr | None) -> bool:
        """Whether it is a method of something of the notebook's own, as Python names it: `index.__len__`."""
        chain = chain_of(source) if isinstance(source, ast.Attribute) else None
        return chain is not None and chain[-1] in _METHODS and self.full(chain) is None

    def _place(self, target: ast.Attribute | ast.Subscript, value: Value) -> None:
        """`x.a = value`, `x[i] = value`, and `del` of these."""
        if isinstance(target, ast.Subscript):
            self.value(target.slice)
        chain = chain_of(target.value)
        full = self.full(chain) if chain else None
        if chain and full is not None:
            self.load(chain[0], target.lineno)
            name = f"{full}.{target.attr}" if isinstance(target, ast.Attribute) else full
            if full in known.UNDECIDED:
                self.doubt(target.lineno, known.UNDECIDED[full])
            elif full == "builtins" and isinstance(target, ast.Attribute):
                if isinstance(target.ctx, ast.Del):
                    self.unbind(target.attr, target.lineno)
                else:
                    self.bind(target.attr, replace(value, tied=known.AMONG_BUILTINS), target.lineno)
            elif self.of_module and self._known_as(name):
                self.changes_module(name, target)
            elif found := states.state_of_place(name):
                self.state(found, "set", target)
            return
        owner = self.value(target.value)
        self.runs_own(owner, "__setitem__", target)
        self.change(owner.owns, value, target.lineno)
        for region in owner.owns if owner.owns <= self.contexts.keys() else ():
            self.state(states.CONTEXTS[self._full_of(self.contexts[region])], "set", target)
        if isinstance(target, ast.Attribute):
            self.attribute(owner, target.attr, [value], target)
        for name in (
            ("__setattr__", "__delattr__")
            if isinstance(target, ast.Attribute)
            else ("__setitem__", "__delitem__")
        ):
            self.attribute(owner, name, [value], target)

    def _full_of(self, node: ast.Call) -> str:
        chain = chain_of(node.func)
        return (chain and self.full(chain)) or next(iter(states.CONTEXTS))

    def _augment(self, node: ast.AugAssign) -> None:
        if not isinstance(node.target, ast.Name):
            value = self.value(node.value)
            owner = (
                self.value(node.target.value)
                if isinstance(node.target, (ast.Attribute, ast.Subscript))
                else PLAIN
            )
            self.change(owner.inside().owns, value, node.lineno)
            self.assign(node.target, either([owner.inside(), value]), None)
            return
        before = self.load(node.target.id, node.lineno)
        value = self.value(node.value)
        self.attribute(before, f"__i{_IN_PLACE.get(type(node.op), '')}__", [value], node.target)
        if before.kind == "plain":
            # a number stays one; with an array it becomes an array
            after = (
                PLAIN if value.kind == "plain" else self.new(node, "table" if value.kind == "table" else "")
            )
        elif before.kind == "tuple":
            after = holding([before, value], None, "tuple")
        else:
            self.change(before.owns, value.inside(), node.lineno)
            after = either(
                [before, holding([before.inside(), value.inside()], self.region(node), before.kind)]
            )
        self.bind(node.target.id, after, node.lineno)

    def _delete(self, target: ast.expr) -> None:
        if isinstance(target, ast.Name):
            self.load(target.id, target.lineno)
            self.unbind(target.id, target.lineno)
        elif isinstance(target, (ast.Tuple, ast.List)):
            for part in target.elts:
                self._delete(part)
        elif isinstance(target, (ast.Attribute, ast.Subscript)):
            self._place(target, PLAIN)

    def _import(self, node: ast.Import | ast.ImportFrom) -> None:
        for found in imports_of(node, ""):
            if found.name == "*":
                if self.own_modules and not self.of_module:
                    self.runs_modules(found.module, node.lineno)
                self.star(found.module, node.lineno)
            elif found.module == "__future__":
                self.lazy |= found.name == "annotations"
            else:
                full = f"{found.module}.{found.name}" if found.name else found.module
                if self.own_modules and not self.of_module:
                    self.runs_modules(full, node.lineno)
                self.bind_import(
                    found.bound, found.module.partition(".")[0] if found.top else full, node.lineno
                )
                if full == "__main__":
                    self.doubt(node.lineno, "importing __main__ gives access to every name")

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        if not self.lazy:
            for noted in (*(each.annotation for each in parameters(node.args)), node.returns):
                self.value(noted)
        self._decorate(node, self.define(node))

    def _decorate(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef, value: Value) -> None:
        for decorator in reversed(node.decorator_list):
            chain = chain_of(decorator)
            called = chain_of(decorator.func) if isinstance(decorator, ast.Call) else chain
            wrapping = self.value(decorator)
            call = ast.copy_location(ast.Call(decorator, [], []), decorator)
            result = self.called(wrapping, call, [value], {})
            if result is not None:
                self.decorated(value, wrapping, node.lineno)
                value = either([value, result])
            elif called and self.full(called) in known.REMEMBER:
                value = self.remembering(value, decorator)
            elif called and (full := self.full(called)) and (state := states.registered_by(full)):
                if states.state_of(full, frozenset()) is None:  # else evaluating it has set that
                    self.state(state, "set", decorator)
            elif not (chain and self.full(chain) is not None) and wrapping.owns:
                self.change(wrapping.reaches, value, node.lineno)  # `@app.route(…)` keeps it
        self.bind(node.name, value, node.lineno)

    def _perhaps_kept(self, full: str, call: ast.Call) -> str | None:
        """The state of a library that a call sets, by its name; not of one that is given something that may change."""
        kept = states.perhaps_kept_by(full)
        if kept is None or full.partition(".")[0] in {one.partition(".")[0] for one in self.own_modules}:
            return None
        waiting, given = [*call.args, *(one.value for one in call.keywords)], list[ast.expr]()
        while waiting:
            part = waiting.pop()
            if isinstance(part, ast.Name):
                given.append(part)
            elif not isinstance(part, _WITH_NAMES_OF_THEIR_OWN):
                waiting += [one for one in ast.iter_child_nodes(part) if isinstance(one, ast.expr)]
        return None if any(self.value(one).owns for one in given) else kept

    def _alone(self, node: ast.expr) -> None:
        """A call whose result nobody takes is there for what it does."""
        value = self.value(node)
        call = node.value if isinstance(node, ast.Await) else node
        if not isinstance(call, ast.Call):
            return
        chain = chain_of(call.func)
        full = self.full(chain) if chain else None
        if full is not None:
            looks = known.only_looks(full.rpartition(".")[2])
            harmless = looks or full in known.PLAIN_RESULT or known.makes_new(full) or known.tied_by(full)
            if not harmless and self._is_variable(full.rpartition(".")[0]):
                self.changes_module(full.rpartition(".")[0], call)
            if states.state_of(full, frozenset()) is not None:
                return
            if (kept := states.kept_by(full)) or (kept := self._perhaps_kept(full, call)):
                self.state(kept, "set", call)
            elif "." in full and not harmless:
                for arg in call.args:
                    self.change(self.value(arg).owns, PLAIN, node.lineno)
        elif isinstance(call.func, ast.Attribute) and not (
            reading.only_shows(call.func.attr) or draws_a_table(call)
        ):
            owner = self.value(call.func.value)
            name = call.func.attr
            quiet = owner.kind in ("list", "tuple", "plain") or name.startswith(("to_", "get", "is_"))
            quiet |= owner.kind == "table" and (reading.only_reads(name) or name in known.TABLE_METHODS)
            given = [self.value(arg) for arg in (*call.args, *(each.value for each in call.keywords))]
            if not quiet and self.attribute(owner, name, given, call) is None:
                self.change(owner.owns, value, node.lineno)
                known_name = name in known.CHANGING_METHODS or self.is_own_method(name)
                if owner.kind == "" and not owner.calm and not known_name:
                    self.change(either([PLAIN, *given]).owns, PLAIN, node.lineno)
        elif not isinstance(call.func, (ast.Attribute, ast.Lambda)):
            called = self.value(call.func)
            if not called.makers and not called.runs:  # of a parameter it is asked where it is known
                known_here = frozenset(region for region in called.owns if not isinstance(region, str))
                self.change(known_here, PLAIN, node.lineno)
