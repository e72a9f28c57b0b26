"""Python source whose package has another name: only what certainly means the package is changed.

Positions come from the syntax tree, so a word in a sentence or a variable of that name stays as it is.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator, Mapping

Edit = tuple[int, int, str]
_NAMING = frozenset({"import_module", "files", "reload", "getLogger"})
"""Functions whose first argument is a package by its name."""


def reimported(
    text: str, old: str, new: str, *, modules: Collection[str] = (), names: Mapping[str, str] = {}
) -> str:
    """Source in which the package `old` is called `new`.

    Changed are imports, the names that an `import old` binds, texts that refer to one of its `modules` or to an object
    in it, and the first argument of `App(…)` where it is among `names`. What cannot be parsed comes back as it is.

    >>> print(reimported('import tides.sea\\nfrom tides import app\\nx = tides.sea.f("tides")', "tides", "waves"))
    import waves.sea
    from waves import app
    x = waves.sea.f("tides")
    """
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return text
    begins = [0]
    for line in text.encode("utf-8").splitlines(keepends=True):
        begins.append(begins[-1] + len(line))
    data = text.encode("utf-8")
    edits = sorted(set(_edits(tree, data, begins, old, new, frozenset(modules), names)), reverse=True)
    for start, end, word in edits:
        data = data[:start] + word.encode("utf-8") + data[end:]
    return data.decode("utf-8")


def _edits(
    tree: ast.Module,
    data: bytes,
    begins: list[int],
    old: str,
    new: str,
    modules: frozenset[str],
    names: Mapping[str, str],
) -> Iterator[Edit]:
    def place(node: ast.expr | ast.stmt | ast.alias) -> int:
        return begins[node.lineno - 1] + node.col_offset

    def inside(node: ast.expr) -> Iterator[int]:
        """Where the text of a plain string begins, behind its quotes."""
        begin = place(node)
        quotes = re.match(rb"[rRuU]?(\"\"\"|'''|\"|')", data[begin:])
        if quotes:
            yield begin + quotes.end()

    refers = re.compile(
        rf"{re.escape(old)}((:\w+(\.\w+)*)|(\.({'|'.join(map(re.escape, sorted(modules))) or '(?!)'})(\.\w+)*(:\w+)?))"
    )
    bound = _binds(tree, old)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level == 0 and _top(node.module) == old:
            begin = place(node)
            found = re.compile(rb"from\s+").match(data, begin)
            if found:
                yield found.end(), found.end() + len(old), new
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if _top(alias.name) == old:
                    yield place(alias), place(alias) + len(old), new
        elif isinstance(node, ast.Name) and node.id == old and bound:
            yield place(node), place(node) + len(old), new
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and refers.fullmatch(node.value):
            yield from ((at, at + len(old), new) for at in inside(node))
        elif isinstance(node, ast.Call):
            first = _first_text(node)
            if first is None:
                continue
            called = _called(node.func)
            if called == "App" and first.value in names:
                yield from ((at, at + len(str(first.value)), names[str(first.value)]) for at in inside(first))
            elif called in _NAMING and first.value == old:
                yield from ((at, at + len(old), new) for at in inside(first))


def _binds(tree: ast.Module, old: str) -> bool:
    """Whether the name `old` is the package here: some `import` binds it, and nothing else does."""
    by_import = False
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            by_import |= any(_top(alias.name) == old and alias.asname is None for alias in node.names)
        if old in _stored(node):
            return False
    return by_import


def _stored(node: ast.AST) -> list[str]:
    """Names that a node binds to something other than a package of that name."""
    if isinstance(node, ast.Name):
        return [] if isinstance(node.ctx, ast.Load) else [node.id]
    if isinstance(node, ast.arg):
        return [node.arg]
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.ImportFrom):
        return [alias.asname or alias.name for alias in node.names]
    return [alias.asname for alias in node.names if alias.asname] if isinstance(node, ast.Import) else []


def _top(module: str | None) -> str:
    return (module or "").partition(".")[0]


def _called(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def _first_text(call: ast.Call) -> ast.Constant | None:
    first = call.args[0] if call.args else next((k.value for k in call.keywords if k.arg == "name"), None)
    return first if isinstance(first, ast.Constant) and isinstance(first.value, str) else None
