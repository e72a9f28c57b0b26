"""What a notebook's own modules have by another name, in a collection, or in what a library made of it.

`f = tools.note`, `for step in tools.STEPS.values()`, `functools.partial(tools.note, 1)`: a `Value` carries along what
it may be of these (`Value.own`), and whoever calls it, or a method of it, does what naming it there would do.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Sequence
from dataclasses import replace

from agilab.notebooks.flow import knowledge as known
from agilab.notebooks.flow.expressions import Expressions
from agilab.notebooks.flow.states import words
from agilab.notebooks.flow.values import PLAIN, Value, either

_NONE: frozenset[str] = frozenset()
_OF_ITEMS = words("values items get pop copy setdefault popitem")
"""Methods of collections that give what these hold."""
_GIVES_ITSELF = _OF_ITEMS | {"fit", "set_params", "__getitem__"}
_HOLDS = words(
    "functools.partial joblib.delayed dask.delayed dask.delayed.delayed zip enumerate reversed iter"
)
"""Functions whose results hold what these are given."""


class OtherNames(Expressions):
    """Follows what is of own modules through values."""

    def _is_variable(self, full: str) -> bool:
        return full in self.own_modules and self.own_modules[full].kind == "variable"

    def stands_for(self, value: Value) -> str:
        """The full name of the function or the class that a value is and nothing else; empty if it is none such."""
        if len(value.own) != 1 or value.reaches or value.makers:
            return ""
        (one,) = value.own
        return one if one in self.own_modules and self.own_modules[one].kind == "definition" else ""

    def runs_own(self, value: Value, method: str, node: ast.AST, given: Sequence[Value] = ()) -> None:
        """A method of a value is called, `__call__` if it is itself, with what is given."""
        for one in sorted(each for each in value.own if not each.startswith("*")):
            use = self.own_modules[one]
            if use.kind == "definition":
                self.uses_module(one, node)
                if use.alters:
                    self.change(either([PLAIN, value, *given]).reaches, PLAIN, getattr(node, "lineno", 1))
            elif f"{one}.{method}" in self.own_modules:
                self.uses_module(f"{one}.{method}", node)
            elif method in known.CHANGING_METHODS:
                self.changes_module(one, node)

    def gives_own_on(
        self, values: Sequence[Value], node: ast.AST, methods: Collection[str] = ("__call__",)
    ) -> None:
        """These are given to what may call them, or these methods of them."""
        for value in values:
            for one in sorted({each.removeprefix("*") for each in value.own}):
                if self._is_variable(one):
                    for name in sorted(methods):
                        if f"{one}.{name}" in self.own_modules:
                            self.uses_module(f"{one}.{name}", node)
                else:
                    self.runs_own(replace(value, own=frozenset({one})), "__call__", node, values)

    def asks_own(self, method: str, owner: Value, node: ast.AST) -> None:
        """A method of a class of own modules may be called, which reads what these hold by now."""
        if owner.kind == "" and not self.of_module:
            for state in sorted(self.own_asks.get(method, ())):
                self.state(state, "use", node)

    def missing_of_own(self, full: str, node: ast.AST) -> None:
        """A name that an own module, or an object in one, has not: its `__getattr__` is asked."""
        known_as = self._known_as(full)
        word = full.removeprefix(f"{known_as}.").partition(".")[0]
        asked = self.own_modules.get(f"{known_as}.__getattr__")
        if known_as != full and asked is not None and word not in asked.has:
            self.uses_module(f"{known_as}.__getattr__", node)

    def of_library(self, full: str, result: Value, every: Sequence[Value], node: ast.Call) -> Value:
        """What a function that is not the notebook's gives of what it was given, which it may have called."""
        if not any(value.own for value in every):
            return result if not result.own else replace(result, own=_NONE)
        name = full.rpartition(".")[2]
        holds = name[:1].isupper() or name.startswith("make_") or full in _HOLDS
        if holds or full in known.COLLECTS:
            return result if result.kind != "plain" else replace(result, own=_NONE)
        if full not in known.PLAIN_RESULT and not known.only_looks(name):
            self.gives_own_on(every, node)
        return replace(result, own=_NONE)

    def of_collection(self, full: str, result: Value) -> Value:
        """What a method of a collection in an own module gives: `tools.STEPS.values()`."""
        owner, _, name = full.rpartition(".")
        if name not in _OF_ITEMS or self.of_module or not self._is_variable(owner):
            return result
        return replace(result, own=frozenset({f"*{owner}" if name in ("values", "items") else owner}))

    def of_method(self, name: str, result: Value) -> Value:
        """What a method gives."""
        return result if name in _GIVES_ITSELF or not result.own else replace(result, own=_NONE)
