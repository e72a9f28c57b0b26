"""How values are written in TOML that people read: code as a block of lines, lists in one line while they are short."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

WIDTH = 100
"""Columns that a line may take before a list is written over several."""
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
"""What must be escaped wherever it stands: everything but tab and line feed."""


def spelled_key(key: str) -> str:
    """
    >>> spelled_key("title"), spelled_key("a b")
    ('title', '"a b"')
    """
    return key if _BARE.fullmatch(key) else _escaped(key)


def spelled(value: Any, *, before: int = 0) -> str:
    """A value, `before` columns of its line being taken. Raises `ValueError` for what TOML does not have.

    >>> print(spelled("x = 'a'\\n"))
    '''
    x = 'a'
    '''
    >>> spelled(["a", {"name": "b", "from": "c"}]), spelled("say \\"no\\"")
    ('["a", { name = "b", from = "c" }]', '\\'say "no"\\'')
    """
    if isinstance(value, str) and "\n" in value:
        return _block(value)
    if isinstance(value, (list, tuple)):
        line = _in_line(value)
        if len(line) + before <= WIDTH or not value:
            return line
        return "[\n" + "".join(f"    {_in_line(item)},\n" for item in value) + "]"
    return _in_line(value)


def spelled_table(path: tuple[str, ...], values: Mapping[str, Any], *, array: bool = False) -> str:
    """A table under its header, tables that are long or deep below it."""
    name = ".".join(map(spelled_key, path))
    here, below = _shared(values)
    head = f"[[{name}]]" if array else f"[{name}]"
    # A header that only opens the way to the next one says nothing.
    parts = [] if below and not here and not array else ["\n".join([head, *here]) + "\n"]
    parts += [spelled_table((*path, key), inner) for key, inner in below.items()]
    return "\n".join(parts)


def spelled_document(values: Mapping[str, Any]) -> str:
    """A whole document: its own values, then its tables, then its lists of tables."""
    tables = {key: value for key, value in values.items() if isinstance(value, Mapping)}
    lists = {key: value for key, value in values.items() if is_tables(value)}
    rest = {key: value for key, value in values.items() if key not in tables and key not in lists}
    parts = ["".join(f"{row}\n" for row in _shared(rest)[0])] if rest else []
    parts += [spelled_table((key,), inner) for key, inner in tables.items()]
    parts += [spelled_table((key,), inner, array=True) for key, each in lists.items() for inner in each]
    return "\n".join(parts)


def is_tables(value: Any) -> bool:
    """Whether a value is written as `[[…]]`: a list of tables, and not an empty one."""
    return isinstance(value, (list, tuple)) and bool(value) and all(isinstance(one, Mapping) for one in value)


def fits_a_line(key: str, value: Mapping[str, Any]) -> bool:
    """Whether a table is short and flat enough for braces."""
    if not value:
        return True
    deep = any(isinstance(inner, Mapping) for inner in value.values())
    long = any(isinstance(inner, str) and "\n" in inner for inner in value.values())
    return not deep and not long and len(spelled_key(key)) + len(_in_line(value)) <= WIDTH - 20


def _shared(values: Mapping[str, Any]) -> tuple[list[str], dict[str, Mapping[str, Any]]]:
    """Lines for the values that stand directly in a table, and the tables that get a header of their own."""
    here: list[str] = []
    below: dict[str, Mapping[str, Any]] = {}
    for key, value in values.items():
        if isinstance(value, Mapping) and not fits_a_line(key, value):
            below[key] = value
        else:
            here.append(spelled_pair(key, value))
    return here, below


def spelled_pair(key: str, value: Any) -> str:
    """`key = value`."""
    name = spelled_key(key)
    return f"{name} = {spelled(value, before=len(name) + 3)}"


def _in_line(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return _float(value)
    if isinstance(value, Mapping):
        return f"{{ {', '.join(_pairs(value))} }}" if value else "{}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(_in_line(item) for item in value)}]"
    if hasattr(value, "isoformat"):
        return str(value.isoformat())
    raise ValueError(f"TOML has no {'null' if value is None else type(value).__name__}")


def _pairs(values: Mapping[str, Any]) -> Iterator[str]:
    for key, value in values.items():
        yield f"{spelled_key(key)} = {_in_line(value)}"


def _float(value: float) -> str:
    if math.isfinite(value):
        return repr(value)  # 1e+16 and 1.5 are TOML as Python writes them
    return "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"


def _text(text: str) -> str:
    as_it_is = ('"' in text or "\\" in text) and not ("'" in text or "\n" in text or _CONTROL.search(text))
    return f"'{text}'" if as_it_is else _escaped(text)


def _escaped(text: str) -> str:
    # JSON's escapes are TOML's, but for the one character that JSON leaves as it is.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _block(text: str) -> str:
    """Text of several lines between quotes in threes, so that whatever it holds comes back.

    Nothing can be escaped between `'''`. Where the text needs it (quotes in threes, control characters, a last quote)
    it stands between triple double quotes.
    """
    if not ("'''" in text or text.endswith("'") or _CONTROL.search(text)):
        return f"'''\n{text}'''"
    body = text.replace("\\", "\\\\").replace('"""', '""\\"')
    body = f'{body[:-1]}\\"' if body.endswith('"') else body
    body = _CONTROL.sub(lambda match: _escaped(match[0])[1:-1], body)
    return f'"""\n{body}"""'
