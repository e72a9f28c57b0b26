"""The oracle: a notebook executed plainly, and its stages executed apart, each with nothing but what it declares.

Independent of the analysis: `exec` and `pickle`. A stage gets a fresh `__main__`, the statements that it uses, and
copies of its inputs; what it leaves is copied out.
"""

from __future__ import annotations
import __future__

import contextlib
import io
import logging
import pickle
import random
import sys
import types
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from agi_node.source.carried import carried
from agilab.notebooks.flow.plan import Plan


@contextlib.contextmanager
def main_module() -> Iterator[dict[str, Any]]:
    """A fresh `__main__`, so that classes of the notebook can be pickled by name."""
    before = sys.modules["__main__"]
    module = types.ModuleType("__main__")
    module.__dict__["display"] = lambda *values: None
    sys.modules["__main__"] = module
    try:
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield module.__dict__
    finally:
        sys.modules["__main__"] = before


def run_notebook(cells: Sequence[str]) -> dict[str, Any]:
    """The names that the cells leave, executed in one namespace."""
    with main_module() as space:
        random.seed(99)
        future = 0  # holds for the cells below, as in a notebook
        for number, source in enumerate(cells):
            code = compile(source, f"<cell {number}>", "exec", future, dont_inherit=True)
            future |= code.co_flags & __future__.annotations.compiler_flag
            exec(code, space)
        return plain_all(space)


def run_apart(
    plan: Plan, between: Callable[[], None] = lambda: None
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The final values, and every stage's names, when the stages are executed apart; `between` runs before each."""
    values: dict[tuple[int, str], bytes] = {}
    spaces: list[dict[str, Any]] = []
    for number, stage in enumerate(plan.stages):
        between()
        with main_module() as space:
            for text in texts_for(plan, number):
                exec(compile(text, f"<uses of stage {number}>", "exec", dont_inherit=True), space)
            for name, source in stage.inputs.items():
                assert source is not None
                space[name] = pickle.loads(values[source, name])
            random.seed(1000 + number)
            exec(compile(stage.code, f"<stage {number}>", "exec", dont_inherit=True), space)
            for name in sorted(stage.outputs):
                values[number, name] = pickle.dumps(space[name])
            spaces.append(plain_all(space))
    return {name: spaces[number][name] for name, number in plan.finals.items()}, spaces


def texts_for(plan: Plan, number: int) -> list[str]:
    """The statements that a stage uses, with what they need of others', in the order of the stages."""
    wanted: dict[int, set[str]] = {}
    todo = [(source, name) for source, names in plan.stages[number].uses.items() for name in names]
    while todo:
        source, name = todo.pop()
        if name in wanted.setdefault(source, set()):
            continue
        wanted[source].add(name)
        taken = carried(plan.stages[source].code, wanted[source])
        for missing in taken.missing:
            todo += [
                (other, missing) for other, names in plan.stages[source].uses.items() if missing in names
            ]
    return [carried(plan.stages[source].code, names).text for source, names in sorted(wanted.items())]


def plain_all(space: dict[str, Any]) -> dict[str, Any]:
    return {
        name: plain(value) for name, value in space.items() if not name.startswith("__") and name != "display"
    }


def plain(value: Any, depth: int = 0) -> Any:
    """A value in a form that can be compared, whoever's copy it is."""
    if depth > 12:
        return "…"
    if value is None or isinstance(value, (bool, int, str, bytes, complex)):
        return value
    if isinstance(value, float):
        return value.hex()
    if isinstance(value, types.ModuleType):
        return ("module", value.__name__)
    if isinstance(value, logging.Logger):
        # At its root hang all the loggers of the process, which take many seconds to read.
        state = (value.name, value.level, value.propagate, value.disabled)
        return ("logger", state, plain(value.handlers, depth + 1))
    if isinstance(value, dict):
        return (type(value).__name__, [(plain(k, depth + 1), plain(v, depth + 1)) for k, v in value.items()])
    if isinstance(value, (set, frozenset)):
        return ("set", sorted(repr(plain(one, depth + 1)) for one in value))
    if isinstance(value, (list, tuple)):
        return (type(value).__name__, [plain(one, depth + 1) for one in value])
    if isinstance(value, type):
        return ("class", value.__name__)
    if callable(value) and hasattr(value, "__name__"):
        return ("function", value.__name__)
    if type(value).__module__.startswith(("matplotlib", "threading")):
        return ("one of its kind", type(value).__name__)
    if type(value).__module__.startswith(("pandas", "numpy", "sklearn", "scipy")):
        return _table(value, depth)
    if hasattr(value, "__dict__"):
        return (type(value).__name__, plain(vars(value), depth + 1))
    return (type(value).__name__, "" if " at 0x" in repr(value) else repr(value))


def _table(value: Any, depth: int) -> Any:
    if hasattr(value, "to_csv"):
        return (type(value).__name__, value.to_csv())
    if hasattr(value, "tolist"):
        return ("array", plain(value.tolist(), depth + 1))
    return (type(value).__name__, plain(getattr(value, "__dict__", {}), depth + 1))
