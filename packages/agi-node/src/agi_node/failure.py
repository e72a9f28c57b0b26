"""An exception as plain data: whose it is, what to do, and the traceback of the author's own frames."""

from __future__ import annotations

import os
import sys
import traceback
from pathlib import Path
from types import TracebackType
from typing import Any

from agi_node.errors import FAILED, AgiError
from agi_node.lacking import DISTRIBUTIONS, lack_behind
from agi_node.sought import sought_by
from agi_node.values import scrub

TRACEBACK_LINES = 40
_OURS = os.path.dirname(os.path.abspath(__file__)) + os.sep


def failure(error: BaseException, subject: str, source: Path | None) -> dict[str, Any]:
    """What went wrong in a unit, as the `error` of a done or failed message.

    An `AgiError` keeps its code; anything else that the author's code raised is AGI-RUN-101. `sought` is there where it
    ended a stage that had looked for something, see `agi_node.sought`.
    """
    # Where we raised because of something else, the author wants to read about that.
    shown = error.__cause__ or error if isinstance(error, AgiError) else error
    name = type(error).__qualname__
    if isinstance(error, AgiError):
        plain = error.to_plain()
    else:
        message = _message(error)
        found, try_ = _lack(error)
        plain = AgiError(
            "AGI-RUN-101",
            f"{subject} raised {name}" + (f": {message}" if message else ""),
            found=found,
            try_=try_,
            whose="author",
            exit_code=FAILED,
        ).to_plain()
    for field in ("what", "found", "allowed", "try"):
        if plain[field] is not None:
            plain[field] = scrub(str(plain[field]))
    looked_for = {"sought": paths} if (paths := sought_by(error)) else {}
    return {
        **plain,
        "type": type(shown).__qualname__,
        "traceback": own_traceback(shown, source),
        **looked_for,
    }


def _lack(error: BaseException) -> tuple[str | None, str | None]:
    """What of Jupyter's is missing where an error may come of that, in words, and the command that brings it."""
    try:
        lack = lack_behind(error)
    except Exception:  # the author's __str__ and __getattr__ are the author's code
        return None, None
    if lack is None:
        return None, None
    asker, name = lack
    who = "the code" if asker == "__main__" else asker
    said = f"{who} looked for the package {name}, which comes with Jupyter and is not in this environment"
    return said, f"uv add {DISTRIBUTIONS[name]}"


def own_traceback(error: BaseException, source: Path | None) -> str:
    """The traceback as Python prints it, reduced to what the author can read.

    Frames inside the source folder and the one that raised, without ours; at most 40 lines, paths relative to the
    source. "" where nothing of it is the author's.
    """
    inside = _prefix(source)
    try:
        whole = traceback.TracebackException(type(error), error, error.__traceback__, compact=True)
        left = [_trim(part, inside) for part in _chain(whole)]
        if not any(left) and not isinstance(error, SyntaxError):
            return ""
        text = "".join(whole.format())
    except (RecursionError, MemoryError):
        text = f"{type(error).__qualname__} at {_deepest(error.__traceback__)}\n"
    for folder in (inside, os.fspath(source) + os.sep if source is not None else None):
        if folder:
            text = text.replace(f'File "{folder}', 'File "')
    for folder in sorted({os.path.join(p, "") for p in sys.path if p}, key=len, reverse=True):
        text = text.replace(f'File "{folder}', 'File "')
    lines = [scrub(line, 300) for line in text.rstrip("\n").split("\n")]
    if len(lines) > TRACEBACK_LINES:
        head, tail = TRACEBACK_LINES // 3, TRACEBACK_LINES - TRACEBACK_LINES // 3 - 1
        lines[head:-tail] = [f"  … {len(lines) - head - tail} lines left out …"]
    return "\n".join(lines)


def place(error: BaseException, source: Path | None) -> str | None:
    """File and line of the author's own that an exception comes from, relative to the source; None if there is none."""
    found = None
    if isinstance(error, SyntaxError) and error.filename:
        found = f"{error.filename}, line {error.lineno}"
    inside = _prefix(source)
    for frame, line in traceback.walk_tb(error.__traceback__):
        path = os.path.realpath(frame.f_code.co_filename)
        if inside and path.startswith(inside) and not isinstance(error, SyntaxError):
            found = f"{path}, line {line}"
    return found.replace(inside, "") if found and inside else found


def _prefix(source: Path | None) -> str | None:
    return os.path.realpath(source) + os.sep if source is not None else None


def _chain(whole: traceback.TracebackException) -> list[traceback.TracebackException]:
    found: list[traceback.TracebackException] = []
    todo, seen = [whole], set()
    while todo and len(found) < 20:
        part = todo.pop()
        if id(part) in seen:
            continue
        seen.add(id(part))
        found.append(part)
        todo += [other for other in (part.__cause__, part.__context__) if other is not None]
        todo += getattr(part, "exceptions", None) or []
    return found


def _trim(part: traceback.TracebackException, inside: str | None) -> bool:
    """Drop the frames that are not the author's; says whether any is left."""
    frames = [frame for frame in part.stack if not _is_ours(frame.filename)]
    own = [frame for frame in frames if _is_own(frame.filename, inside)]
    if own:
        # What raised stays visible where it is a library: "polars, in read_parquet" is half of the answer.
        frames = own if frames[-1] is own[-1] else [*own, frames[-1]]
    part.stack = traceback.StackSummary.from_list(frames)
    return bool(frames)


def _is_own(filename: str, inside: str | None) -> bool:
    """Whether a file is the author's: of the source, or the code of a stage."""
    return filename.startswith("<stage ") or bool(inside and os.path.realpath(filename).startswith(inside))


def _is_ours(filename: str) -> bool:
    return filename.startswith((_OURS, "<frozen "))


def _deepest(trace: TracebackType | None) -> str:
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return "an unknown place"
    return f"{os.path.basename(trace.tb_frame.f_code.co_filename)}:{trace.tb_lineno}"


def _message(error: BaseException) -> str:
    try:
        return scrub(str(error))
    except Exception as broken:  # the author's __str__ is the author's code too
        return f"(its text cannot be read: {type(broken).__qualname__})"
