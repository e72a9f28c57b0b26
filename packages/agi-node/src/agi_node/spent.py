"""Code after which a process is no other stage's: it sets something of a library that nobody knows how to put back.

It is told by the text: `holoviews.extension("bokeh")`, `torch.set_num_threads(1)`, `pandas.DataFrame.total = total`.
A process too many costs a moment; one that was not as new would give another stage another result.
"""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator, Mapping
from typing import TypeGuard

from agi_node.settings import PUT_BACK

_SETS = re.compile(
    r"(?P<register>(un|de)?register(_\w+)?)|set\w*|extension|configure|config|install|init(ialize)?|use"
    r"|defaults|(en|dis)able(_\w+)?|(de)?activate(_\w+)?|(add|install|init|override|patch|prefer|reset)_\w+|loglevel"
    r"|append|extend|insert|update|add|discard|put|pop|remove|clear|define|load_definitions|sort|reverse|rotate|popitem"
    r"|appendleft|extendleft|popleft|move_to_end|\w+_update"
)
"""How functions are named that set how a library behaves."""
_TAKES = frozenset({"pop", "popitem", "popleft"})
"""How those of them are named that change a list or a dict also where somebody takes what they give."""
_STAYS = re.compile(
    r"copyreg\.(constructor|pickle)|csv\.field_size_limit|gc\.freeze|gettext\.(bind)?textdomain|nest_asyncio\.apply"
    r"|logging\.(addLevelName|setLogRecordFactory|setLoggerClass)|matplotlib\.font_manager\.fontManager\.addfont"
    r"|numpy\.(setbufsize|seterrcall)|os\.(nice|register_at_fork|setpriority|umask)|signal\.(alarm|signal)"
    r"|sys\.(addaudithook|set_int_max_str_digits|setprofile|setswitchinterval|settrace)|threading\.stack_size"
    r"|sys\.(meta_path|path_hooks)\.(append|insert|remove)|tracemalloc\.start"
)
"""What stays with a process though it is not named so, or though other settings of its module are put back."""
_PATCHES = ("unittest.mock.patch", "mock.patch")
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
    >>> spends(("import pandas\\nfor one in (pandas.Series, pandas.DataFrame):\\n    one.total = len",))
    True
    """
    trees = [tree for text in texts if (tree := _parsed(text)) is not None]
    names: dict[str, str] = {}
    for tree in trees:
        names |= {name: full for name, full in _imported(tree) if full.partition(".")[0] not in own}
    for tree in trees:
        names |= dict(_called_otherwise(tree, names))
    return any(_sets(node, names) for tree in trees for node in ast.walk(tree)) or any(
        _patches(tree, names) for tree in trees
    )


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


def _called_otherwise(tree: ast.Module, names: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Names that are given things of libraries, `K = pandas.DataFrame`, also one after another, by a loop."""
    for node in ast.walk(tree):
        targets, given = list[ast.expr](), list[ast.expr]()
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Attribute):
            targets, given = node.targets, [node.value]
        elif isinstance(node, ast.For | ast.AsyncFor | ast.comprehension) and isinstance(
            node.iter, ast.Tuple | ast.List | ast.Set
        ):
            targets, given = [node.target], node.iter.elts
        for target in targets:
            fulls = [full for one in given if (full := _full(one, names))]
            if isinstance(target, ast.Name) and fulls and target.id not in names:
                yield target.id, next((full for full in fulls if not _is_harmless(full)), fulls[0])


def _patches(tree: ast.Module, names: Mapping[str, str]) -> bool:
    """Whether `patch("a.b")` puts something elsewhere, other than for a block or a function."""
    ends: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.With | ast.AsyncWith):
            ends |= {item.context_expr for item in node.items}
        elif isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
            ends |= {*node.decorator_list}
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call) and node not in ends)
    return any(_full(call.func, names).startswith(_PATCHES) for call in calls)


def _untaken(node: ast.expr) -> Iterator[ast.expr]:
    """The parts of a statement that is an expression whose values nobody takes."""
    if isinstance(node, ast.IfExp):
        yield from (*_untaken(node.body), *_untaken(node.orelse))
    elif isinstance(node, ast.BoolOp):
        yield from _untaken(node.values[-1])
    elif isinstance(node, ast.ListComp):
        yield from _untaken(node.elt)
    else:
        yield node.value if isinstance(node, ast.Await) else node


def _sets(node: ast.AST, names: Mapping[str, str]) -> bool:
    if isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign | ast.Delete):
        targets = node.targets if isinstance(node, ast.Assign | ast.Delete) else [node.target]
        return any(_changes(_full(one, names)) for each in targets for one in _parts(each))
    if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
        decorators = (one.func if isinstance(one, ast.Call) else one for one in node.decorator_list)
        return any(_last(full).startswith("register") for one in decorators if (full := _full(one, names)))
    if isinstance(node, ast.Expr | ast.Lambda):
        body = node.value if isinstance(node, ast.Expr) else node.body
        return any(_is_set_by(call, names) for call in _untaken(body) if isinstance(call, ast.Call))
    full = _full(node.func, names) if isinstance(node, ast.Call) else ""
    return _STAYS.fullmatch(full) is not None or (
        _last(full) in _TAKES and full.count(".") > 1 and not _is_harmless(full)
    )


def _is_set_by(call: ast.Call, names: Mapping[str, str]) -> bool:
    """Whether a call whose result nobody takes sets something by its name."""
    if isinstance(call.func, ast.Name) and call.func.id in ("setattr", "delattr"):
        return bool(call.args) and _changes(f"{full}.?" if (full := _full(call.args[0], names)) else "")
    full = _full(call.func, names)
    means = _SETS.fullmatch(_last(full)) if "." in full else None
    return means is not None and (not _is_harmless(full) or means["register"] is not None)


def _is_harmless(full: str) -> bool:
    top, *rest = full.split(".")
    return top in _HARMLESS and "__dict__" not in rest


def _changes(full: str) -> bool:
    """Whether what is given to a name changes a library, and not only a setting that is put back."""
    top, *rest = full.split(".")
    return bool(rest) and (top not in _HARMLESS or not _SETTINGS & {*rest})


def _is_vars(node: ast.expr) -> TypeGuard[ast.Call]:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "vars"


def _parts(target: ast.expr) -> list[ast.expr]:
    return [*target.elts] if isinstance(target, ast.Tuple | ast.List) else [target]


def _last(full: str) -> str:
    return full.rpartition(".")[2]


def _full(node: ast.expr, names: Mapping[str, str]) -> str:
    """What something of a library is called in full; "" for what is of none. A name that is bound anew is none.

    An item is said by a `?`: `os.environ["A"]` is `os.environ.?`. What `vars` gives is its `__dict__`.
    """
    parts: list[str] = []
    while isinstance(node, ast.Attribute | ast.Subscript) or (_is_vars(node) and node.args):
        if isinstance(node, ast.Call):
            parts.append("__dict__")
            node = node.args[0]
        else:
            parts.append(node.attr if isinstance(node, ast.Attribute) else "?")
            node = node.value
    if (
        not isinstance(node, ast.Name)
        or node.id not in names
        or (not parts and isinstance(node.ctx, ast.Store))
    ):
        return ""
    return ".".join([names[node.id], *reversed(parts)])
