"""The text of a stage, run in a namespace as a script is; and what its last line is worth, as in a notebook."""

from __future__ import annotations

import ast
import contextlib
import inspect
import io
import linecache
import re
import types
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

Seen = Callable[[Any, bool], object]
_SEEN = "__agilab_seen__"


def execute(code: str, file: str, space: dict[str, Any], seen: Seen | None = None) -> Any:
    """Run the code; returns what its last statement is worth, where that is an expression.

    `seen` is called with what each expression above it is worth, that stands as a statement of its own, and whether a
    cell may have ended there, which shows it. A script that says that it is done (`sys.exit()`, `sys.exit(0)`) is done.
    """
    body, last = compiled(code, file, shown=True, seen=seen is not None)
    if seen is not None:
        space[_SEEN] = seen
    try:
        return _run(body, last, space)
    except SystemExit as ended:
        if ended.code is None or (isinstance(ended.code, int) and ended.code == 0):
            return None
        raise
    finally:
        space.pop(_SEEN, None)


def as_script(file: str, code: str, work: Path, space: dict[str, Any]) -> None:
    """Let code that stands in a file find itself, and what it names from there, at the same relative place."""
    script = work / file
    script.parent.mkdir(parents=True, exist_ok=True)
    if not script.exists():
        script.write_text(code, encoding="utf-8")
    space["__file__"] = str(script)


def write_out(space: Mapping[str, Any]) -> None:
    """Files that the code left open: what they still hold is part of what it wrote."""
    for value in list(space.values()):
        if isinstance(value, io.IOBase) and not value.closed:
            with contextlib.suppress(OSError, ValueError):
                value.flush()


def _run(body: types.CodeType, last: types.CodeType | None, space: dict[str, Any]) -> Any:
    codes = [body] if last is None else [body, last]
    if not any(code.co_flags & inspect.CO_COROUTINE for code in codes):
        results = [eval(code, space) for code in codes]
    else:
        import asyncio  # 30 ms that only code with await pays

        results = asyncio.run(_awaited(codes, space))
    return results[-1] if last is not None else None


async def _awaited(codes: Sequence[types.CodeType], space: dict[str, Any]) -> list[Any]:
    """One loop for all of it, as in a notebook: what awaits a task may stand below what made it."""
    results = []
    for code in codes:
        result = eval(code, space)
        results.append(await result if code.co_flags & inspect.CO_COROUTINE else result)
    return results


def compiled(
    code: str, file: str, *, shown: bool, seen: bool = False
) -> tuple[types.CodeType, types.CodeType | None]:
    """The code, and apart from it, where it is to be `shown`, the expression that it ends with. Raises SyntaxError.

    With `seen`, what other expressions are worth goes to the function that has that name in the namespace.
    """
    lines = code.splitlines(keepends=True)
    linecache.cache[file] = (len(code), None, lines, file)  # so that a traceback shows the line
    tree = ast.parse(code, file)
    lines = re.split("\r\n|\r|\n", code)  # as the parser counts them
    last: ast.Expression | None = None
    if shown and tree.body and isinstance(tree.body[-1], ast.Expr) and not _is_quiet(tree.body[-1], lines):
        last = ast.Expression(tree.body.pop().value)  # type: ignore[attr-defined]  # it was just tested
    for statement in list(tree.body if seen else ()):
        if isinstance(statement, ast.Expr):
            ends = ast.Constant(_ends_a_cell(statement, lines))
            call = ast.Call(ast.Name(_SEEN, ast.Load()), [statement.value, ends], [])
            call = ast.fix_missing_locations(ast.copy_location(call, statement.value))
            if statement is tree.body[0] and ast.get_docstring(tree, clean=False) is not None:
                said = ast.copy_location(ast.Expr(call), statement)  # beside the text, which stays `__doc__`
                tree.body.insert(1 + sum(map(_is_future, tree.body)), said)
            else:
                statement.value = call
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    body = compile(tree, file, "exec", flags, dont_inherit=True)
    return body, compile(last, file, "eval", flags, dont_inherit=True) if last is not None else None


def _is_future(statement: ast.stmt) -> bool:
    """Whether it has to stand above all other code."""
    return isinstance(statement, ast.ImportFrom) and statement.module == "__future__"


def _is_quiet(statement: ast.stmt, lines: Sequence[str]) -> bool:
    """Whether a `;` stands behind it: a notebook does not show it."""
    line = lines[(statement.end_lineno or 1) - 1].encode()
    return line[statement.end_col_offset or 0 :].lstrip().startswith(b";")


def _ends_a_cell(statement: ast.stmt, lines: Sequence[str]) -> bool:
    """Whether nothing but remarks stands between it and two empty lines, as between cells that are one stage."""
    below = (line.strip() for line in lines[statement.end_lineno or 0 :])
    rest = [line for line, _ in zip((line for line in below if not line.startswith("#")), "12", strict=False)]
    return not any(rest) and not _is_quiet(statement, lines)
