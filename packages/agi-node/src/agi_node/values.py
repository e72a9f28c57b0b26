"""Plain data: the only thing that crosses a process border by value."""

from __future__ import annotations

import json
import re
from typing import Any

from agi_node.canonical import tag
from agi_node.errors import FAILED, AgiError
from agi_node.lab_folder import levels_above
from agi_node.reference import FileRef

_COMMANDS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
INLINE_BYTES = 32 * 1024
"""The largest value, in bytes of compact tagged JSON, that travels inside a frame and stays in the log."""

DEEPEST = 200
"""How far plain data may nest; beyond it a JSON reader somewhere gives up."""

LONGEST_INT = 13_000
"""The most bits of an integer that is plain: Python writes no more than 4,300 digits unless it is told otherwise."""

ADVICE = {
    "Path": "run.log_artifact(path), or str(path)",
    "PosixPath": "run.log_artifact(path), or str(path)",
    "DataFrame": "run.save_table(name, table)",
    "LazyFrame": "run.save_table(name, table)",
    "Table": "run.save_table(name, table)",
    "Figure": "run.save_figure(name, figure)",
    "ndarray": "array.tolist(), or run.save_table for a large one",
    "Series": "series.to_list(), or run.save_table for a large one",
    "datetime": "moment.isoformat()",
    "date": "day.isoformat()",
    "set": "sorted(values)",
    "frozenset": "sorted(values)",
    "bytes": "write it to run.folder and run.log_artifact it",
    "coroutine": "a plain function: `async def` is not awaited here",
    "generator": "list(values)",
}
"""What to return instead of an object, by the name of its type."""

_encode = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False).encode


def plain(value: Any, subject: str) -> Any:
    """The value as JSON data, file references as their objects and tuples as lists.

    Raises AGI-RUN-102 naming the type and the path inside the value of the first thing that is not plain
    data: another type, a key that is no text, text that is not Unicode, nesting beyond 200 levels.

    >>> plain({"shape": (3, 4)}, "the value")
    {'shape': [3, 4]}
    """
    return _plain(value, subject, (), 0)


def _plain(value: Any, subject: str, path: tuple[str | int, ...], depth: int) -> Any:
    kind = type(value)
    if value is None or kind is bool or kind is int or kind is float:
        return value
    if kind is str:
        return _text(value, subject, path)
    if depth > DEEPEST:
        raise _refusal(
            subject, path[:6], f"more than {DEEPEST} levels of nesting", "flatter data (is it cyclic?)"
        )
    if isinstance(value, FileRef):
        return value.to_plain()
    if isinstance(value, (list, tuple)):
        return [_plain(item, subject, (*path, at), depth + 1) for at, item in enumerate(value)]
    if isinstance(value, dict):
        out = {}
        for key, item in value.items():
            if not isinstance(key, str):
                raise _refusal(
                    subject, path, f"the key {key!r:.60} ({type(key).__name__})", "text keys: str(key)"
                )
            out[_text(key, subject, path)] = _plain(item, subject, (*path, key), depth + 1)
        return out
    # Enums of text, numpy.float64 and the like are what they derive from.
    if isinstance(value, str):
        return _text(str.__str__(value), subject, path)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    advice = ADVICE.get(kind.__name__)
    if advice is None and kind.__module__.partition(".")[0] == "numpy" and hasattr(value, "item"):
        advice = "value.item()"
    if advice is None and hasattr(value, "model_dump"):
        advice = 'value.model_dump(mode="json")'
    raise _refusal(subject, path, f"{kind.__module__}.{kind.__qualname__}", advice)


def _text(value: str, subject: str, path: tuple[str | int, ...]) -> str:
    if not _is_unicode(value):
        found = f"text that is not Unicode: {value!r:.60}"
        raise _refusal(subject, path, found, 'text.encode("utf-8", "replace").decode()')
    return value


NOT_PLAIN: Any = object()
"""What `as_plain` says of a value that is an object."""


def as_plain(value: Any, depth: int = 0) -> Any:
    """A function's result as plain data where that keeps what it is, else `NOT_PLAIN`.

    Stricter than `plain`: an enum, a named tuple, a dict with keys that are no text are objects, for the next function
    may rely on what makes them one. Scalars of numpy become Python's own, tuples lists, and a dict has its names in
    order: so they arrive alike whether they come from memory, from the log or from an earlier run.

    >>> as_plain({"b": (1, 2), "a": None}), as_plain({1: 2}) is NOT_PLAIN
    ({'a': None, 'b': [1, 2]}, True)
    """
    kind = type(value)
    if value is None or kind is bool or kind is float:
        return value
    if kind is int:
        return value if value.bit_length() <= LONGEST_INT else NOT_PLAIN
    if kind is str:
        return value if _is_unicode(value) else NOT_PLAIN
    if depth > DEEPEST:
        return NOT_PLAIN
    if kind is list or kind is tuple:
        items = [as_plain(item, depth + 1) for item in value]
        return NOT_PLAIN if any(item is NOT_PLAIN for item in items) else items
    if kind is dict:
        out = {}
        for key in value:
            if type(key) is not str or not _is_unicode(key):
                return NOT_PLAIN
        for key in sorted(value):
            item = as_plain(value[key], depth + 1)
            if item is NOT_PLAIN:
                return NOT_PLAIN
            out[key] = item
        return out
    if isinstance(value, FileRef):
        return value.to_plain()
    if kind.__module__ == "numpy" and getattr(value, "ndim", None) == 0 and hasattr(value, "item"):
        scalar = value.item()
        if type(scalar) in (bool, int, float, str) and kind.__name__ != "ndarray":
            return as_plain(scalar)
    return NOT_PLAIN


def _is_unicode(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _refusal(subject: str, path: tuple[str | int, ...], found: str, advice: str | None) -> AgiError:
    where = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return AgiError(
        "AGI-RUN-102",
        f"{subject} is not plain data" + (f" at {where.lstrip('.')}" if where else ""),
        found=found,
        allowed="None, bool, int, float, text, FileRef, and lists and dicts (with text keys) of these",
        try_=advice,
        whose="author",
        exit_code=FAILED,
    )


def staged_form(value: Any) -> bytes | None:
    """The bytes of a plain value that is too large for a frame, None for one that is not.

    Tagged, as compact JSON with sorted keys, as it would stand in the log. Not RFC 8785, which writes 1.0 like 1: a
    list of floats would come back as integers as soon as it is long.

    >>> staged_form({"rows": 3}) is None, staged_form([1.0] * 10_000)[:9]
    (True, b'[1.0,1.0,')
    """
    # Nothing grows more than fivefold from Python's text to the tagged one, so most values need no second look.
    if len(json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")) * 5 <= INLINE_BYTES:
        return None
    text = _encode(tag(value)).encode("utf-8")
    return text if len(text) > INLINE_BYTES else None


def scrub(text: str, longest: int = 2_000) -> str:
    """Any text as bounded, honest Unicode: for messages whose origin nobody controls.

    What would move a terminal's cursor or change its colours is spelt out: "\\x1b[31m" is told, not obeyed.
    """
    if len(text) > longest:
        text = f"{text[: longest - 40]} … ({len(text):,} characters)"
    if not text.isprintable():
        text = _COMMANDS.sub(lambda found: f"\\x{ord(found[0]):02x}", text)
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def with_folders(text: str, folder: str, root: str = "") -> str:
    """A text with the folder that code ran in as `.`, and those above it as `..`: two runs have two of them.

    They are named up to the one in which the lab's own lies, `root` (`agi_node.lab_folder`).

    >>> with_folders("at /tmp/a/b/x.csv and /tmp/a/y.csv", "/tmp/a/b")
    'at ./x.csv and ../y.csv'
    """
    name = "."
    for _ in range(1 + levels_above(folder, root)):
        text = text.replace(folder, name)
        folder, name = folder.rpartition("/")[0], ".." if name == "." else f"../{name}"
        if folder.count("/") < 2:
            break
    return text
