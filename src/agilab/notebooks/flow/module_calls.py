"""The calls by which a module is asked what it does: of its functions, of its classes, of the objects that it holds."""

from __future__ import annotations

import ast
from collections.abc import Collection, Mapping

from agi_node.source.tree import nodes_of
from agilab.notebooks.flow import states
from agilab.notebooks.flow.makers import Maker
from agilab.notebooks.flow.model import Use
from agilab.notebooks.flow.module_functions import Function, is_decorated
from agilab.notebooks.flow.module_text import words_of
from agilab.notebooks.flow.notebook import Flows
from agilab.notebooks.flow.statements import FUNCTIONS
from agilab.notebooks.flow.values import PLAIN

_UNNAMED = frozenset(
    (
        "__call__",
        "__enter__",
        "__exit__",
        "__aenter__",
        "__aexit__",
        "__getattr__",
        "__getitem__",
        "__iter__",
        "__next__",
    )
)
"""Methods of objects of the module that a notebook calls without naming them."""
_CALLED = ("a method of one object", "a function made by a function")
"""What is tied to its process that can be called."""


def concerned(
    tree: ast.Module, flows: Flows, others: Mapping[str, Use], collected: Collection[str]
) -> set[str]:
    """Functions and classes that speak of what may be kept, themselves or by others: the rest need not be asked."""
    module = flows[1]
    tops = {one.partition(".")[0] for one in others}
    definitions = [node for node in tree.body if isinstance(node, (*FUNCTIONS, ast.ClassDef))]
    spoken = {node.name: words_of(node) for node in definitions}
    found = {name for name, value in module.values.items() if value.kind != "plain" and name not in spoken}
    found |= {one for node in nodes_of(tree) if isinstance(node, ast.Global) for one in node.names}
    found |= {
        name
        for name, full in module.modules.items()
        if full.partition(".")[0] in tops or full.startswith(("random", "logging", "numpy.random", "duckdb"))
    }
    found |= {
        node.name
        for node in definitions
        if "random" in spoken[node.name]
        or any(
            isinstance(part, (ast.Assign, ast.AnnAssign))
            for part in node.body
            if isinstance(node, ast.ClassDef)
        )
        or (isinstance(node, FUNCTIONS) and (node.args.defaults or node.args.kw_defaults))
    }
    found |= {name for name in spoken if _touches_process(name, flows)} | {*collected}
    while more := {name for name, words in spoken.items() if name not in found and words & found}:
        found |= more
    return found & spoken.keys()


def _touches_process(name: str, flows: Flows) -> bool:
    """Whether a function, or a method of a class, does something to a state of the process itself."""
    makers = [flows.makers[number] for number in flows[1].values.get(name, PLAIN).makers]
    methods = [flows.makers[each] for one in makers for some in one.methods.values() for each in some]
    does = [what for one in (*makers, *methods) if one.summary for what in one.summary.states]
    return any(how != "use" or state in states.RANDOM for state, how in does)


def calls_of(
    flows: Flows, functions: Collection[Function], concerned: Collection[str], definitions: Collection[str]
) -> dict[str, list[str]]:
    """What calls each function, each class with its methods, and the methods of objects that the module holds.

    Those that are not concerned are called by nothing.
    """
    by_class = {
        (one.of, one.node.name)
        for one in functions
        if one.of and (one.by_class or is_decorated(one.node, "staticmethod"))
    }
    found: dict[str, list[str]] = {}
    for name in sorted(flows[1].binds):
        value = flows[1].values.get(name, PLAIN)
        if name not in definitions and name not in flows[1].modules and (value.runs or value.tied in _CALLED):
            found[name] = [f"{name}()"]  # `step = counter()`, `note = SEEN.append`
        for number in sorted(value.makers):
            maker = flows.makers[number]
            methods = [one for one in maker.methods if one.isidentifier()]
            if maker.name == name and name in definitions:
                found[name] = [f"{name}()"] if name in concerned else []
                for one in methods if name in concerned else ():
                    itself = (name, one) in by_class and one != "__new__"
                    call = f"{name}.{one}()" if itself else f"{name}().{one}()"
                    found[name].append(call)
                    if itself:
                        found[f"{name}.{one}"] = [call]
                break
            if maker.kind != "class":
                found[name] = [f"{name}()"]  # `add = lambda x: …`, `put = store.put`
            else:
                methods = [one for one in _methods_of(maker, flows) if one.isidentifier()]
                named = [one for one in methods if one in _UNNAMED or not one.startswith("_")]
                item = f"{name}[0]" if value.kind in ("list", "tuple") else name
                found |= {f"{name}.{one}": [f"{item}.{one}()"] for one in named}
    return found


def _methods_of(maker: Maker, flows: Flows) -> list[str]:
    """The methods of a class and of its bases in the module."""
    classes = [maker]
    for one in classes:
        classes += (base for number in sorted(one.bases) if (base := flows.makers[number]) not in classes)
    return list(dict.fromkeys(method for one in classes for method in one.methods))
