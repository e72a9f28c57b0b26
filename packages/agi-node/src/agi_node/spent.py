"""Code after which a process is no other stage's: it sets something of a library that nobody knows how to put back.

It is told by the text: `holoviews.extension("bokeh")`, `torch.set_num_threads(1)`, `pandas.DataFrame.total = total`.
A process too many costs a moment; one that was not as new would give another stage another result.
"""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator, Mapping

from agi_node.settings import PUT_BACK

_SETS = re.compile(
    r"(?P<register>(un|de)?register(_\w+)?)|set([A-Z_]\w*)?|setup|extension|configure|config|install|init(ialize)?|use"
    r"|defaults|(en|dis)able(_\w+)?|(de)?activate(_\w+)?|(add|install|init|override|patch|prefer|reset)_\w+|loglevel"
    r"|append|extend|insert|update|add|discard|put|pop|remove|clear|setdefault|define|load_definitions"
)
"""How functions are named that set how a library behaves."""
_HARMLESS = PUT_BACK | frozenset(
    {"agi_node", "logging", "matplotlib", "os", "pyplot", "random", "seaborn", "tqdm", "warnings"}
)
"""Modules whose settings are put back behind a stage (`apart`), or are for whoever asks for them alone."""
_SETTINGS = frozenset(
    {"argv", "display", "environ", "modules", "options", "path", "rcParams", "rcParamsDefault"}
)
"""Parts of their names that are settings, where all else that is given to such a module changes the module."""


@functools.lru_cache(maxsize=256)
def spends(texts: tuple[str, ...], own: frozenset[str] = frozenset()) -> bool:
    """Whether one of these texts of Python sets something of a library that stays in the process.

    `own` are modules that go with the stage.

    >>> spends(("import torch\\ntorch.set_num_threads(1)",)), spends(("import pandas as pd\\npd.set_option('a', 1)",))
    (True, False)
    >>> spends(("from pandas import DataFrame\\nDataFrame.total = len",)), spends(("a = []\\na.append(1)",))
    (True, False)
    """
    trees = [tree for text in texts if (tree := _parsed(text)) is not None]
    names: dict[str, str] = {}
    for tree in trees:
        names |= {name: full for name, full in _imported(tree) if full.partition(".")[0] not in own}
    return any(_sets(node, names) for tree in trees for node in ast.walk(tree))


def _parsed(text: str) -> ast.Module | None:
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _imported(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """The names that imports bind, with what they stand for."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for one in node.names:
                top = one.name.partition(".")[0]
                yield (one.asname, one.name) if one.asname else (top, top)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            for one in node.names:
                yield one.asname or one.name, f"{node.module}.{one.name}"


def _sets(node: ast.AST, names: Mapping[str, str]) -> bool:
    if isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign | ast.Delete):
        targets = node.targets if isinstance(node, ast.Assign | ast.Delete) else [node.target]
        return any(_changes(_full(one, names)) for each in targets for one in _parts(each))
    if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
        decorators = (one.func if isinstance(one, ast.Call) else one for one in node.decorator_list)
        return any(_last(full).startswith("register") for one in decorators if (full := _full(one, names)))
    if not isinstance(node, ast.Expr) or not isinstance(node.value, ast.Call):
        return False
    call = node.value
    if isinstance(call.func, ast.Name) and call.func.id in ("setattr", "delattr"):
        return bool(call.args) and _changes(f"{full}.?" if (full := _full(call.args[0], names)) else "")
    full = _full(call.func, names)
    means = _SETS.fullmatch(_last(full)) if "." in full else None
    return means is not None and (full.partition(".")[0] not in _HARMLESS or means["register"] is not None)


def _changes(full: str) -> bool:
    """Whether what is given to a name changes a library, and not only a setting that is put back."""
    top, *rest = full.split(".")
    return bool(rest) and (top not in _HARMLESS or not _SETTINGS & {*rest})


def _parts(target: ast.expr) -> list[ast.expr]:
    return [*target.elts] if isinstance(target, ast.Tuple | ast.List) else [target]


def _last(full: str) -> str:
    return full.rpartition(".")[2]


def _full(node: ast.expr, names: Mapping[str, str]) -> str:
    """What something of a library is called in full; "" for what is of none. A name that is bound anew is none.

    An item is said by a `?`: `os.environ["A"]` is `os.environ.?`.
    """
    parts: list[str] = []
    while isinstance(node, ast.Attribute | ast.Subscript):
        parts.append(node.attr if isinstance(node, ast.Attribute) else "?")
        node = node.value
    if (
        not isinstance(node, ast.Name)
        or node.id not in names
        or (not parts and isinstance(node.ctx, ast.Store))
    ):
        return ""
    return ".".join([names[node.id], *reversed(parts)])
