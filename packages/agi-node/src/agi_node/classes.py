"""Objects of classes that a stage or a notebook wrote: they come back as objects of the class that is written here.

Such a class travels by value, with the names that its code could see where the object was made. Where the same class
stands in the text that runs (a stage takes its statement by `uses`), its objects must be of that one: its code sees the
names of this stage, and `isinstance` holds.

A change violates this when an object becomes one of a class whose code is another.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Callable
from enum import Enum
from functools import cached_property
from typing import Any

_WRAPPED = (property, cached_property, classmethod, staticmethod)
_CODE = (types.FunctionType, *_WRAPPED)
_PLAIN = (bool, int, float, complex, str, bytes, tuple, types.NoneType)


def by_its_text(kind: type, reduced: Any) -> Any:
    """How pickle writes a class of `__main__` down, from how cloudpickle does: as its parts, and as whose it may be."""
    if kind.__module__ != "__main__" or not isinstance(reduced, tuple) or len(reduced) != 6:
        return reduced
    make, given, state, _, _, fill = reduced
    if _named(kind.__qualname__) is not kind or fill is None:
        return reduced
    return _own_or, (kind.__qualname__, marks_of(kind), make, given), (fill, state), None, None, _filled


def marks_of(kind: type, within: tuple[type, ...] = ()) -> list[Any]:
    """What tells a class from another of its name: its bases, and the code of what it defines."""
    own = [
        (name, _mark(value, (*within, kind)))
        for name, value in sorted(vars(kind).items())
        if isinstance(value, _CODE) or not name.startswith("__")
    ]
    return [[f"{base.__module__}.{base.__qualname__}" for base in kind.__bases__], own]


def _own_or(name: str, marks: list[Any], make: Callable[..., type], given: tuple[Any, ...]) -> type:
    """The class of `__main__` of this name, if its code is the same; else what is made of its parts."""
    own = _named(name)
    return own if isinstance(own, type) and marks_of(own) == marks else make(*given)


def _filled(kind: type, state: tuple[Callable[..., Any], Any]) -> None:
    """Give a class that was made of its parts what is in it; the one that stands here has it."""
    fill, parts = state
    if _named(kind.__qualname__) is not kind:
        fill(kind, parts)


def _named(name: str) -> Any:
    found: Any = sys.modules.get("__main__")
    for part in name.split("."):
        found = getattr(found, part, None)
    return found


def _mark(value: Any, within: tuple[type, ...] = ()) -> Any:
    """The code behind an attribute of a class, or its plain value; the name of its type where it is neither."""
    if isinstance(value, _WRAPPED):
        parts = ("fget", "fset", "fdel", "func", "__func__")
        return [type(value).__name__, *(_mark(getattr(value, part, None)) for part in parts)]
    if isinstance(value, types.FunctionType):
        return _code(value.__code__)
    if isinstance(value, type) and value.__module__ == "__main__" and value not in within:
        return marks_of(value, within)
    value = value.value if isinstance(value, Enum) else value
    return [type(value).__name__, repr(value)] if type(value) in _PLAIN else type(value).__name__


def _code(code: types.CodeType) -> list[Any]:
    constants = [_code(one) if isinstance(one, types.CodeType) else repr(one) for one in code.co_consts]
    return [code.co_code, code.co_names, code.co_varnames, constants]
