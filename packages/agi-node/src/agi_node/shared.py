"""The objects that several values hold, where it matters that each is one: what is done to it through one value is seen
through the other, and some (a measured quantity) are the same as themselves alone.

What a value holds is what pickle met when it wrote the value down, or, of plain data, its lists, sets and dicts. Texts,
numbers, dates, paths, functions, classes, and what a library's own `==` and `hash` call the same when it is read again,
are as good twice.
"""

from __future__ import annotations

import contextlib
import copyreg
import dataclasses
import datetime
import decimal
import enum
import fractions
import functools
import gc
import os
import pathlib
import re
import sys
import types
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal

from agi_node import codec
from agi_node.asked import is_own_module

Held = dict[int, Any]
"""Objects by their ids, which are theirs as long as these are kept."""
Common = Literal["", "changeable", "themselves"]
HOLDERS = frozenset((list, dict, set))
_WALKED = HOLDERS | {tuple}
_PLAIN = (
    *(str, bytes, int, float, complex, types.NoneType, tuple, frozenset, range, slice),
    *(types.EllipsisType, types.NotImplementedType, types.CodeType, types.CellType, types.ModuleType),
    *(types.BuiltinFunctionType, types.MethodType, property, classmethod, staticmethod),
    *(types.MappingProxyType, functools.cached_property, dataclasses.Field),
    *(datetime.date, datetime.time, datetime.timedelta, datetime.tzinfo),
    *(decimal.Decimal, fractions.Fraction, enum.Enum, pathlib.PurePath, re.Pattern, uuid.UUID),
)
"""Of which two equal ones are as good as one, or whose parts are looked at by themselves. A cell of a function is
written down with each function anew."""
_CODE = (type, types.FunctionType)
_PYTHON = os.path.dirname(os.__file__)
_PLAIN_IN_LIBRARIES = {
    "numpy": ("generic", "ufunc"),
    "pickle": ("PickleBuffer",),
}
_AS_ANY = (copyreg.__newobj__, copyreg.__newobj_ex__, copyreg._reconstructor)  # type: ignore[attr-defined]
"""What makes an object that says nothing of how it is made: a new one each time."""


def held_by_pickle(memo: Mapping[int, tuple[int, Any]]) -> Held:
    """What pickle met, from what it remembers, without what is plain by its type."""
    plain = _plain_types()
    kept: dict[type, bool] = {}
    held: Held = {}
    for one, (_, found) in memo.items():
        kind = type(found)
        if kind not in kept:
            kept[kind] = not issubclass(kind, plain)
        if kept[kind]:
            held[one] = found
    return held


def held_by_data(value: Any) -> Held:
    """The lists, dicts and sets of plain data, itself among them; of anything else only itself, if it is not plain."""
    if type(value) not in _WALKED:
        return {} if isinstance(value, _plain_types()) else {id(value): value}
    held: Held = {id(value): value}
    level = [value]
    while level:
        inner = gc.get_referents(*level)
        if _WALKED.isdisjoint(map(type, inner)):
            break
        found = {id(one): one for one in inner if type(one) in _WALKED}
        level = [one for at, one in found.items() if at not in held]
        held |= found
    return {one: found for one, found in held.items() if type(found) in HOLDERS}


def meeting(held: Mapping[str, Held], within: Callable[[list[Any]], Held]) -> list[list[str]]:
    """The names of values that hold an object which must be one, or are joined by others that do.

    `within` says what values of libraries hold, as memory of what pickle met in them: it is theirs.
    """
    groups: list[list[str]] = []
    judge = _Judge(within)
    for name, mine in held.items():
        met = [group for group in groups if any(judge.share(mine, held[other]) for other in group)]
        groups = [group for group in groups if group not in met]
        groups.append([*(other for group in met for other in group), name])
    return [group for group in groups if len(group) > 1]


def in_common(mine: Held, theirs: Held, within: Callable[[list[Any]], Held]) -> Common:
    """What two values have in common: objects that count as themselves, others that may be changed, or nothing.

    What a library makes for itself and compares by its place in memory, as xarray its indexes, counts as the latter.
    """
    judge = _Judge(within)
    met = judge.met(mine, theirs)
    return "" if not met else "themselves" if any(map(_is_itself, met)) else "changeable"


def _is_itself(found: Any) -> bool:
    kind = type(found)
    hashed: Any = kind.__hash__
    if kind in HOLDERS or hashed is None:
        return False
    return hashed is not object.__hash__ or is_own_module(kind.__module__)


class _Judge:
    """Responsible for: whether what two values hold meets in an object that must be one.

    Asks once for each type, for a value may hold a million objects of one.
    """

    def __init__(self, within: Callable[[list[Any]], Held]) -> None:
        self._within = within
        self._kinds: dict[type, bool] = {}

    def share(self, one: Held, other: Held) -> bool:
        return bool(self.met(one, other))

    def met(self, one: Held, other: Held) -> list[Any]:
        """The objects that two values hold and that must be one."""
        both = [one[at] for at in one.keys() & other.keys()]
        code = [found for found in both if isinstance(found, _CODE)]
        theirs = {id(found) for each in code for found in _of_code(each)}
        must = [found for found in both if id(found) not in theirs and self._must_be_one(found)]
        if not must:
            return []
        values = [found for found in both if not isinstance(found, _CODE) and not self._must_be_one(found)]
        of_values = self._within(values) if values else {}
        return [found for found in must if id(found) not in of_values]

    def _must_be_one(self, found: Any) -> bool:
        kind = type(found)
        if kind not in self._kinds:
            self._kinds[kind] = kind in HOLDERS or not (issubclass(kind, _CODE) or _is_as_good_twice(found))
        return self._kinds[kind]


def _is_as_good_twice(found: Any) -> bool:
    """Whether an object, read again, is itself, or one that its library calls the same."""
    kind = type(found)
    if _is_of_python(kind) and any(one is found for one in vars(sys.modules[kind.__module__]).values()):
        return True
    if issubclass(kind, tuple(_loaded({"pandas": ("Index",)}))):
        return True
    hashed: Any = kind.__hash__
    by_id = hashed is object.__hash__
    try:
        reduced = found.__reduce_ex__(5)
        if isinstance(reduced, str):
            return True
        if hashed is None or (by_id and reduced[0] in _AS_ANY):
            return False
        if kind.__module__ == "__main__" and not _is_frozen(kind):
            return False  # a person's own class may call equal what is changed later
        again = codec.again(found)
        return again is found or (not by_id and hash(again) == hash(found) and bool(again == found))
    except Exception:  # this runs code of the object's own
        return False


def _of_code(code: Any) -> Iterator[Any]:
    """What a class or a function has by itself. No more than that: what it knows beyond may be a person's objects."""
    if isinstance(code, type):
        for kind in code.__mro__:
            yield from vars(kind).values()
        return
    yield from (code.__annotations__, code.__kwdefaults__, code.__dict__)
    yield from (*(code.__defaults__ or ()), *(code.__kwdefaults__ or {}).values())
    if code.__code__.co_filename.startswith(_PYTHON):  # as `__repr__` of a dataclass has a set
        for cell in code.__closure__ or ():
            with contextlib.suppress(ValueError):  # it is empty
                yield cell.cell_contents


def _is_of_python(kind: type) -> bool:
    return kind.__module__.partition(".")[0] in sys.stdlib_module_names and kind.__module__ in sys.modules


def _is_frozen(kind: type) -> bool:
    return bool(getattr(getattr(kind, "__dataclass_params__", None), "frozen", False))


def _plain_types() -> tuple[type, ...]:
    return (*_PLAIN, *_loaded(_PLAIN_IN_LIBRARIES))


def _loaded(names: Mapping[str, Sequence[str]]) -> list[type]:
    modules = [(sys.modules.get(module), name) for module, listed in names.items() for name in listed]
    found = [getattr(module, name, None) for module, name in modules if module is not None]
    return [kind for kind in found if isinstance(kind, type)]
