"""What importing a module of the notebook's own does to the process: what its top level does, and what it imports.

Once, where a notebook imports it first; in each stage that imports it, for every stage is a process of its own.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator, Mapping

from agi_node.source.needs import FUNCTIONS
from agi_node.source.tree import children
from agilab.notebooks.flow import states
from agilab.notebooks.flow.loggers import is_of_logger, of_module
from agilab.notebooks.flow.model import CellFlow, Effects, Use

_ENVIRONMENT = re.compile(
    r"\b(?:environb?|getenv|expandvars|expanduser|home|BaseSettings|load_dotenv|dotenv_values|decouple|environs|dynaconf"
    r"|gettempdir)\b"
)
"""How a module asks for environment variables."""
_OPTIONS = re.compile(
    r"\b(?:get_option|rcParams|get_printoptions|getcontext|get_context|getlocale|options)\b"
)
OPTIONS = "<options"
"""How states begin that are options of a library."""
_DOES: Collection[states.Does] = ("set", "begin", "go on")


def effects_of(name: str, text: str, flow: CellFlow, others: Collection[str]) -> Effects | None:
    """What importing a module does; None where that is nothing. `flow` is its top level, `others` are own modules."""
    words: dict[str, tuple[str, ...]] = {}
    for setting in flow.settings:
        words[setting.state] = (*words.get(setting.state, ()), setting.known_as)
    does = tuple(
        (state, how)
        for state, how in flow.does
        if (
            how in _DOES and not is_of_logger(state) and state != states.FIGURE and not _is_below(state, name)
        )
        or (how == "use" and state in states.RANDOM)
    )
    brings = tuple(dict.fromkeys(_brought(ast.parse(text), name, others)))
    asked = ((states.ENVIRONMENT, _ENVIRONMENT), (OPTIONS, _OPTIONS))
    asks = frozenset(state for state, words_of_it in asked if words_of_it.search(text))
    logs = tuple(of_module(state, name) for state, _ in flow.does if is_of_logger(state))
    return Effects(name, does, words, asks, brings, logs) if does or brings or asks or logs else None


def run_by(full: str, uses: Mapping[str, Use]) -> list[Effects]:
    """What importing something by its full name runs of modules, in order, each once."""
    found: dict[str, Effects | None] = {}
    for name in _with_packages(full):
        _add(name, uses, found)
    return [one for one in found.values() if one is not None]


def module_of(full: str, uses: Mapping[str, Use]) -> str:
    """The own module that an import of this full name imports; empty where it is none."""
    return next((name for name in reversed(_with_packages(full)) if _effects(name, uses) is not None), "")


def draws(effects: Collection[Effects]) -> bool:
    """Whether importing these draws random numbers that no seed of theirs says."""
    seeded: set[str] = set()
    for one in effects:
        for state, how in one.does:
            if state in states.RANDOM and how == "use" and state not in seeded:
                return True
            seeded.add(state)
    return False


def _add(name: str, uses: Mapping[str, Use], found: dict[str, Effects | None]) -> None:
    effects = _effects(name, uses)
    if effects is None or name in found:
        return
    found[name] = None  # it may import itself by others
    for other in effects.brings:
        for each in _with_packages(other):
            _add(each, uses, found)
    del found[name]
    found[name] = effects


def _effects(name: str, uses: Mapping[str, Use]) -> Effects | None:
    effects = uses[name].effects if name in uses else None
    return effects if effects is not None and effects.module == name else None


def _with_packages(full: str) -> list[str]:
    """`a`, `a.b` and `a.b.c`."""
    parts = full.split(".")
    return [".".join(parts[:end]) for end in range(1, len(parts) + 1)]


def _is_below(state: str, name: str) -> bool:
    """Whether it is what the module holds, or one that nobody imports without it."""
    return states.is_kept(state) and (f"{state[1:-1].rpartition('.')[0]}.").startswith(f"{name}.")


def _brought(tree: ast.Module, name: str, others: Collection[str]) -> Iterator[str]:
    """The own modules that are imported where it is imported, by full names; also what is taken out of them."""
    todo: list[ast.AST] = [*reversed(tree.body)]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Import):
            names = [each.name for each in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{each.name}" for each in node.names] if node.module else []
        elif isinstance(node, (*FUNCTIONS, ast.Lambda)):
            continue
        else:
            todo += [part for part in reversed(children(node)) if not isinstance(part, ast.expr)]
            continue
        for full in names:
            own = [one for one in _with_packages(full) if one in others and one != name]
            yield from own[-1:]
