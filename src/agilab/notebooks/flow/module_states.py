"""What a notebook's own modules keep from one call to the next: lists that their functions fill, names that they set.

A stage that imports such a module gets a fresh one. Which of its names that concerns is asked of its text: each
function and each method runs in the abstract, as a call in a notebook does, and what that changes is kept. A memory of
results (`if key not in CACHE: CACHE[key] = …`) is not, see `memories`: a fresh one gives the same, unless the notebook
changes what it was given of it, looks at it, or sets what it was made of.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Mapping, Sequence

from agi_node.source.scopes import bound_names
from agi_node.source.tree import Unreadable, nodes_of, parse
from agilab.notebooks.flow import states
from agilab.notebooks.flow.makers import Seen
from agilab.notebooks.flow.model import Use
from agilab.notebooks.flow.notebook import Flows, analyse_cells
from agilab.notebooks.flow.own_module import OwnModule, unasked

_ROUNDS, _LONGEST = 3, 60_000
"""Times that modules are read which import each other, and characters of one: longer ones may do anything."""
_WORD = re.compile(r"[A-Za-z_]\w*")


def with_modules(sources: Sequence[str], texts: Mapping[str, str], *, figures_stay: bool = True) -> Flows:
    """The flow of the cells of a notebook whose own modules have these texts, by their full names."""
    told: frozenset[str] = frozenset()
    while True:
        uses = module_uses(texts, told)
        flows = analyse_cells(sources, figures_stay=figures_stay, modules=uses)
        more = _told(flows, uses) - told
        if not more:
            return flows
        told |= more


def module_uses(texts: Mapping[str, str], told: Collection[str] = ()) -> dict[str, Use]:
    """What naming something of these modules does, by its full name; `texts` are theirs, by the modules' full names.

    `told` are states of theirs that whoever is given a part of them changes.

    >>> uses = module_uses({"tools": "SEEN = []\\ndef see(x):\\n    SEEN.append(x)\\ndef twice(x):\\n    return 2 * x"})
    >>> uses["tools.see"].changes, uses["tools.twice"].changes
    (frozenset({'<tools.SEEN>'}), frozenset())
    """
    given = texts
    long = {module: unasked(module, text) for module, text in texts.items() if len(text) > _LONGEST}
    texts = {module: _absolute(text, module, given) for module, text in given.items() if module not in long}
    found: dict[str, Use] = dict(long)
    every = set(told)
    seen = Seen()
    for _ in range(_ROUNDS if len(texts) > 1 else 1):
        before, known = found, set(every)
        seen = seen.beside_others()
        modules = [OwnModule(module, text, before, known, seen) for module, text in texts.items() if text]
        found = long | {name: use for one in modules for name, use in one.uses()}
        every |= {state for one in modules for state in one.told}
        if found == before and every == known:
            break
    return found


def _told(flows: Flows, uses: Mapping[str, Use]) -> frozenset[str]:
    """States that the notebook changes by what it was given of them, and memories of what it sets."""
    regions = frozenset[int | str]().union(*(flow.changed | flow.same for flow in flows.cells))
    found = {state for region, state in flows.held.items() if region in regions}
    memories = {states.kept_in(name): use.memory for name, use in uses.items() if use.memory}
    if memories:
        settings = [one for flow in flows.cells for one in flow.settings if flows.is_of_own_module(one.state)]
        words = {word for one in settings for word in _WORD.findall(one.text)}
        words |= {
            name[1:-1].rpartition(".")[2]
            for flow in flows.cells
            for name in (*flow.binds, *flow.alters)
            if states.is_kept(name)
        }
        unknown = any(not one.text for one in settings)
        found |= {state for state, depends in memories.items() if unknown or depends & words}
    return frozenset(found)


def _absolute(text: str, module: str, every: Mapping[str, str]) -> str:
    """The text with `from .parts import x` as `from tools.parts import x`, and each name of `from tools import *`.

    Empty where it is not Python.
    """
    try:
        tree = parse(text.encode())
    except (Unreadable, UnicodeError):
        return ""
    guards = [node for node in tree.body if isinstance(node, ast.If) and "__main__" in ast.dump(node.test)]
    for guard in guards:  # whoever imports it does not run that
        guard.body = [ast.Pass()]
    changed = bool(guards)
    for node in (node for node in nodes_of(tree) if isinstance(node, ast.ImportFrom)):
        before = (node.module, len(node.names), node.names[0].name)
        node.module, node.level = _module_of(node, module, every), 0
        if before[2] == "*" and node.module in every:
            names = sorted(_public(node.module, every, {module}))
            node.names = [ast.alias(name) for name in names] or [ast.alias("__name__", "_")]
        changed |= before != (node.module, len(node.names), node.names[0].name)
    return ast.unparse(tree) if changed else text


def _module_of(node: ast.ImportFrom, module: str, every: Collection[str]) -> str:
    """The full name of the module that a statement of a module imports from."""
    if not node.level:
        return node.module or ""
    up = node.level - any(one.startswith(f"{module}.") for one in every)
    return ".".join(part for part in (*module.split(".")[: -up or None], node.module) if part)


def _public(module: str, every: Mapping[str, str], asked: set[str]) -> set[str]:
    """The names that `from module import *` binds."""
    asked.add(module)
    try:
        tree = parse(every[module].encode())
    except (Unreadable, UnicodeError):
        return set()
    found = {name for name in bound_names(tree.body, "") if not name.startswith(("_", "*"))}
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            texts = [part.value for part in ast.walk(node.value) if isinstance(part, ast.Constant)]
            return {text for text in texts if isinstance(text, str) and text.isidentifier()}
        if isinstance(node, ast.ImportFrom) and node.names[0].name == "*":
            other = _module_of(node, module, every)
            found |= _public(other, every, asked) if other in every and other not in asked else set()
    return found
