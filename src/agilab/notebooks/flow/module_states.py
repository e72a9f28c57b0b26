"""What a notebook's own modules keep from one call to the next: lists that their functions fill, names that they set.

A stage that imports such a module gets a fresh one. Which of its names that concerns is asked of its text: each
function and each method runs in the abstract, as a call in a notebook does, and what that changes is kept. A memory of
results (`if key not in CACHE: CACHE[key] = …`) is not: a fresh one gives the same.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Mapping
from typing import Literal

from agi_node.source.tree import Unreadable, nodes_of, parse
from agilab.notebooks.flow import knowledge as known
from agilab.notebooks.flow import states
from agilab.notebooks.flow.model import CellFlow, Use
from agilab.notebooks.flow.notebook import Flows, analyse_cells
from agilab.notebooks.flow.statements import FUNCTIONS

_ROUNDS = 3
_MOST_CALLS, _LONGEST = 40, 60_000
"""Calls that are asked of one module, and characters of its text: beyond that its functions are not asked."""


def module_uses(texts: Mapping[str, str]) -> dict[str, Use]:
    """What naming something of these modules does, by its full name; `texts` are theirs, by the modules' full names.

    >>> uses = module_uses({"tools": "SEEN = []\\ndef see(x):\\n    SEEN.append(x)\\ndef twice(x):\\n    return 2 * x"})
    >>> uses["tools.see"].changes, uses["tools.twice"].changes
    (frozenset({'<tools.SEEN>'}), frozenset())
    """
    texts = {
        module: _absolute(text, module, texts) for module, text in texts.items() if len(text) <= _LONGEST
    }
    found: dict[str, Use] = {}
    for _ in range(_ROUNDS if len(texts) > 1 else 1):  # modules that import each other
        before = found
        found = {
            name: use
            for module, text in texts.items()
            if text
            for name, use in _uses_of(module, text, before)
        }
        if found == before:
            break
    return found


def _absolute(text: str, module: str, every: Collection[str]) -> str:
    """The text with `from .parts import x` as `from tools.parts import x`; empty where it is not Python."""
    try:
        tree = parse(text.encode())
    except (Unreadable, UnicodeError):
        return ""
    relative = [node for node in nodes_of(tree) if isinstance(node, ast.ImportFrom) and node.level]
    is_package = any(one.startswith(f"{module}.") for one in every)
    for node in relative:
        up = node.level - is_package
        base = ".".join(module.split(".")[: -up or None])
        node.module, node.level = ".".join(part for part in (base, node.module) if part), 0
    return ast.unparse(tree) if relative else text


def _uses_of(module: str, text: str, others: Mapping[str, Use]) -> Iterator[tuple[str, Use]]:
    above = _begun(others)
    bare = analyse_cells([above, text], modules=others)
    if bare[1].syntax or bare[1].undecided:
        return
    tree = ast.parse(text)
    concerned = _concerned(tree, bare[1], others)
    calls = {name: some if name in concerned else [] for name, some in _calls(bare)}
    if sum(map(len, calls.values())) > _MOST_CALLS:
        calls = {name: [] for name in calls}
    every = [(name, call) for name, some in calls.items() for call in some]
    flows = analyse_cells([above, text, *(call for _, call in every)], modules=others)
    changes: dict[str, set[str]] = {name: set() for name in calls}
    reads: dict[str, set[str]] = {name: set() for name in calls}
    for (name, _), flow in zip(every, flows.cells[2:], strict=True):
        changes[name] |= _changed(flow, bare[1])
        reads[name] |= (flow.reads.keys() & bare[1].binds) - bare[1].modules.keys()
        reads[name] |= {one for one in flow.reads if _goes_on(one)}
    changed = {one for some in changes.values() for one in some} & bare[1].binds
    memories = _memories(tree, changed) | _loggers(tree)

    def named(some: set[str]) -> frozenset[str]:
        return frozenset(
            one if one.startswith("<") else states.kept_in(f"{module}.{one}") for one in some - memories
        )

    yield module, Use(_with_modules([states.kept_in(f"{module}.*")]))
    for name, full in bare[1].modules.items():  # what a package gives on
        if name in bare[1].binds and full in others:
            yield f"{module}.{name}", others[full]
    for name in sorted(bare[1].binds - bare[1].modules.keys()):
        does = named(changes.get(name, set()))
        makes = len(calls.get(name, ())) > 1 and any(map(states.is_kept, does))
        kind: Literal["variable", "definition"] = "definition" if name in calls else "variable"
        read = named({name, *reads.get(name, ())}) | does
        read |= _with_modules([*read, states.kept_in(f"{module}.*")])
        yield f"{module}.{name}", Use(read, does, kind, makes)


def _concerned(tree: ast.Module, module: CellFlow, others: Mapping[str, Use]) -> set[str]:
    """Functions and classes that speak of what may be kept, themselves or by others: the rest need not be asked."""
    tops = {one.partition(".")[0] for one in others}
    found = {name for name, value in module.values.items() if value.kind != "plain" and not value.makers}
    found |= {one for node in nodes_of(tree) if isinstance(node, ast.Global) for one in node.names}
    found |= {
        name
        for name, full in module.modules.items()
        if full.partition(".")[0] in tops or full.startswith(("random", "logging", "numpy.random"))
    }
    definitions = [node for node in tree.body if isinstance(node, (*FUNCTIONS, ast.ClassDef))]
    spoken = {node.name: _words_of(node) for node in definitions}
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
    while more := {name for name, words in spoken.items() if name not in found and words & found}:
        found |= more
    return found & spoken.keys()


def _words_of(node: ast.AST) -> set[str]:
    names = {part.id for part in nodes_of(node) if isinstance(part, ast.Name)}
    return names | {part.attr for part in nodes_of(node) if isinstance(part, ast.Attribute)}


def _with_modules(some: Collection[str]) -> frozenset[str]:
    """The states that are whatever the modules hold that these are in, and their packages."""
    found = [one[1:-1].split(".")[:-1] for one in some if states.is_kept(one)]
    return frozenset(
        states.kept_in(f"{'.'.join(parts[:end])}.*") for parts in found for end in range(1, len(parts) + 1)
    )


def _goes_on(name: str) -> bool:
    return name in states.RANDOM or name == states.LOG or states.is_kept(name)


def _begun(others: Mapping[str, Use]) -> str:
    """A cell above that sets and changes whatever may be, so that whoever reads of it is seen to."""
    lines = ["import random, numpy, logging", "random.seed(0)", "numpy.random.seed(0)"]
    lines.append("logging.basicConfig(filename='any')")
    for name, use in others.items():
        if use.kind == "module":
            lines += [f"import {name}", f"setattr({name}, 'any', 0)"]
        elif use.kind == "variable":
            lines.append(f"{name}.append(0)")
    return "\n".join(lines)


def _calls(flows: Flows) -> Iterator[tuple[str, list[str]]]:
    """By name of a function or class, what calls it: of a class also each of its methods."""
    for name in sorted(flows[1].binds):
        for number in flows[1].values[name].makers:
            maker = flows.makers[number]
            if maker.name != name:
                continue
            methods = [f"{name}().{one}()" for one in maker.methods if one.isidentifier()]
            yield name, [f"{name}()", *(methods or ([f"{name}()"] if maker.kind == "class" else []))]
            break


def _changed(flow: CellFlow, module: CellFlow) -> set[str]:
    """What a call changes that a fresh module would have otherwise: a connection is made anew and is as good."""
    found = {*flow.alters, *flow.binds}
    own = {
        one
        for one in found & module.binds
        if one in module.values and module.values[one].tied not in known.MADE_ANEW
    }
    return own | {one for one in found if _goes_on(one)}


def _memories(tree: ast.Module, names: set[str]) -> set[str]:
    """Names whose functions only ever set them, or an item of them, where that was not there."""
    functions = [node for node in nodes_of(tree) if isinstance(node, FUNCTIONS)]
    guarded = {name: {part for one in functions for part in _guarded(one.body, name)} for name in names}
    found: set[str] = set()
    blamed: set[str] = set()
    for part in (part for function in functions for part in nodes_of(function)):
        name = _set_name(part)
        if name in names:
            found.add(name)
            blamed |= set() if isinstance(part, ast.Assign) and part in guarded[name] else {name}
        elif isinstance(part, ast.Call):  # whoever is given it may do what it likes
            blamed |= {one.id for one in part.args if isinstance(one, ast.Name)}
    return found - blamed


def _loggers(tree: ast.Module) -> set[str]:
    """Names for loggers, of which there is one by each name in any process."""
    calls = ((node.targets[0], node.value) for node in tree.body if isinstance(node, ast.Assign))
    return {
        target.id
        for target, call in calls
        if isinstance(target, ast.Name)
        and isinstance(call, ast.Call)
        and "getLogger" in ast.unparse(call.func)
    }


def _set_name(node: ast.AST) -> str:
    """The name that a statement or a call sets, or something of it; empty for all others."""
    target: ast.AST | None = None
    if isinstance(node, ast.Assign):
        target = node.targets[0] if len(node.targets) == 1 else None
    elif isinstance(node, (ast.AugAssign, ast.AnnAssign, ast.NamedExpr)):
        target = node.target
    elif isinstance(node, ast.Delete):
        target = node.targets[0]
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        target = node.func.value if node.func.attr in known.CHANGING_METHODS else None
    while isinstance(target, (ast.Attribute, ast.Subscript)):
        target = target.value
    return target.id if isinstance(target, ast.Name) else ""


def _guarded(body: list[ast.stmt], name: str) -> Iterator[ast.AST]:
    """What is done only where `name` was found not to have it."""
    sure = False
    for node in body:
        if sure or (isinstance(node, ast.If) and _asks(node.test, name)):
            yield from nodes_of(node)
            sure |= isinstance(node, ast.If) and isinstance(node.body[-1], ast.Return)
        elif isinstance(node, (ast.With, ast.For, ast.While)):
            yield from _guarded(node.body, name)


def _asks(test: ast.expr, name: str) -> bool:
    """Whether a condition is that a name is None, is empty, or has a key, or the reverse."""
    for part in ast.walk(test):
        if isinstance(part, ast.Compare):
            sides = [part.left] if isinstance(part.ops[0], (ast.Is, ast.IsNot)) else part.comparators
            if isinstance(part.ops[0], (ast.Is, ast.IsNot, ast.In, ast.NotIn)) and any(
                isinstance(side, ast.Name) and side.id == name for side in sides
            ):
                return True
    return isinstance(test, ast.UnaryOp) and isinstance(test.operand, ast.Name) and test.operand.id == name
