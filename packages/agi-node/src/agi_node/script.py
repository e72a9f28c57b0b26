"""The text of a stage, run in a namespace as a script is, and what its last line shows, as in a notebook."""

from __future__ import annotations

import ast
import contextlib
import inspect
import io
import linecache
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def execute(code: str, file: str, space: dict[str, Any]) -> Any:
    """Run the code; returns what its last statement is worth, where that is an expression.

    A script that says that it is done (`sys.exit()`, `sys.exit(0)`) is done.
    """
    body, last = compiled(code, file, shown=True)
    try:
        _run(body, space)
        return _run(last, space) if last is not None else None
    except SystemExit as ended:
        if ended.code is None or (type(ended.code) is int and ended.code == 0):
            return None
        raise


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


def _run(code: types.CodeType, space: dict[str, Any]) -> Any:
    result = eval(code, space)
    if code.co_flags & inspect.CO_COROUTINE:
        import asyncio  # 30 ms that only code with await pays

        return asyncio.run(result)
    return result


def compiled(code: str, file: str, *, shown: bool) -> tuple[types.CodeType, types.CodeType | None]:
    """The code, and apart from it, where it is to be `shown`, the expression that it ends with. Raises SyntaxError."""
    lines = code.splitlines(keepends=True)
    linecache.cache[file] = (len(code), None, lines, file)  # so that a traceback shows the line
    tree = ast.parse(code, file)
    last: ast.Expression | None = None
    if shown and tree.body and isinstance(tree.body[-1], ast.Expr) and not code.rstrip().endswith(";"):
        last = ast.Expression(tree.body.pop().value)  # type: ignore[attr-defined]  # it was just tested
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    body = compile(tree, file, "exec", flags, dont_inherit=True)
    return body, compile(last, file, "eval", flags, dont_inherit=True) if last is not None else None


def display(*values: Any, **_options: Any) -> None:
    """What notebooks show: here, in the log."""
    for value in values:
        print(text_of(value))


def text_of(value: Any) -> str:
    """What it says of itself, or what became of that."""
    try:
        return repr(value)
    except Exception as broken:  # the author's __repr__ is the author's code
        return f"<{type(value).__qualname__}: its text raised {type(broken).__qualname__}>"
