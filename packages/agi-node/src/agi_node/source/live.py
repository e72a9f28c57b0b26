"""The code of a live function: what it will execute, and the live things that this reaches."""

from __future__ import annotations

import dataclasses
import dis
import enum
import functools
import re
import sys
import types
from collections.abc import Callable
from typing import Any, get_args

from agi_node.canonical import digest, sha256_bytes
from agi_node.source.anatomy import (
    all_instructions,
    array_body,
    class_body,
    code_body,
    dotted_name,
    found_by_name,
    noted_types,
    said,
    type_body,
    types_in_text,
)
from agi_node.source.code import Code, code
from agi_node.source.outside import FINDERS, LOOKS, at_run_time, is_outside

_SAID_BY_REPR = frozenset(
    {
        *(f"datetime.{name}" for name in ("date", "datetime", "time", "timedelta", "timezone")),
        *(f"pathlib.{name}" for name in ("PosixPath", "WindowsPath", "PurePosixPath", "PureWindowsPath")),
        *("pathlib._local.PosixPath", "pathlib._local.WindowsPath"),  # Python 3.13 says where they are made
        *(
            "decimal.Decimal",
            "fractions.Fraction",
            "uuid.UUID",
            "zoneinfo.ZoneInfo",
            "builtins.range",
            "builtins.slice",
        ),
        *("typing._SpecialForm", "typing._AnyMeta"),
        *("typing.TypeVar", "typing.ParamSpec", "builtins.ellipsis", "builtins.NotImplementedType"),
        *("builtins.method_descriptor", "builtins.wrapper_descriptor", "builtins.classmethod_descriptor"),
        *(
            "builtins.member_descriptor",
            "operator.itemgetter",
            "operator.attrgetter",
            "dataclasses._DataclassParams",
            "dataclasses._HAS_DEFAULT_FACTORY_CLASS",
        ),
    }
)
"""Types whose `repr` is the whole value."""


class _Undigestible(Exception):
    """What has no digest, in words."""


def code_of_live(function: Callable[..., Any]) -> Code:
    """See `agi_node.source.code_of_function`."""
    reach = _Reach()
    try:
        reach.start(function)
    except (_Undigestible, RecursionError) as error:
        why = (
            str(error) if isinstance(error, _Undigestible) else f"{reach.owner} reaches too deep a structure"
        )
        return Code(None, {name: reach.parts[name] for name in sorted(reach.parts)}, why[:300])
    return code(reach.parts)


class _Reach:
    """Digests a function and, over its globals and closures, all that is the user's own.

    Functions and classes of the user are parts of their own; plain data that a function reads from its module is one
    too. What is installed counts by name.
    """

    def __init__(self) -> None:
        self.parts: dict[str, str] = {}
        self.owner = ""
        self._keys: dict[int, str] = {}
        self._held: list[Any] = []  # an id is a name only as long as its object lives
        self._queue: list[tuple[str, Any]] = []
        self._inside: set[int] = set()

    def start(self, function: Callable[..., Any]) -> None:
        self.owner = dotted_name(function)
        plain = self._value(function)
        if plain[0] != "part":
            self.parts[f"{self.owner} (called)"] = digest(plain)
        while self._queue:
            key, thing = self._queue.pop()
            self.owner = key
            body = class_body(thing, self._value) if isinstance(thing, type) else self._function(thing)
            self.parts[key] = digest(body)

    def _part(self, thing: Any) -> list[Any]:
        if id(thing) not in self._keys:
            self._held.append(thing)
            name = dotted_name(thing)
            taken = sum(key == name or key.startswith(f"{name}#") for key in self._keys.values())
            self._keys[id(thing)] = f"{name}#{taken + 1}" if taken else name
            self._queue.append((self._keys[id(thing)], thing))
        return ["part", self._keys[id(thing)]]

    # --- functions ---

    def _function(self, function: types.FunctionType) -> list[Any]:
        for instructions, names in all_instructions(function.__code__):
            self._globals(function, instructions, names)
        cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
        return [
            code_body(function.__code__),
            self._value(function.__defaults__),
            self._value(function.__kwdefaults__),
            [[name, self._cell(name, cell)] for name, cell in cells],
            [[name, self._value(value)] for name, value in sorted(vars(function).items())],
            noted_types(function, self._value),
            [self._value(each) for each in types_in_text(function)],
        ]

    def _cell(self, name: str, cell: types.CellType) -> Any:
        try:
            return self._value(cell.cell_contents)
        except ValueError:
            return ["empty", name]

    def _globals(
        self, function: types.FunctionType, instructions: list[dis.Instruction], names: set[str]
    ) -> None:
        own = function.__globals__
        home = str(own.get("__name__", "__main__"))
        for at, step in enumerate(instructions):
            if step.argval in LOOKS:
                raise _Undigestible(f"{self.owner} looks at {step.argval}")
            if step.opname in ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"):
                chain = [str(step.argval)]
                for later in instructions[at + 1 :]:
                    if later.opname not in ("LOAD_ATTR", "LOAD_METHOD"):
                        break
                    chain.append(str(later.argval))
                self._global(own, home, chain)
            elif step.opname == "IMPORT_NAME":
                self._import(str(step.argval), instructions[max(0, at - 2) : at], names)

    def _global(self, own: dict[str, Any], home: str, chain: list[str]) -> None:
        name = chain[0]
        if name not in own:
            if found := at_run_time(name):
                raise _Undigestible(f"{self.owner} uses {found}: what that finds is known at run time only")
            if name not in vars(sys.modules["builtins"]):
                raise _Undigestible(f"{self.owner} uses the name {name}, which is not defined")
            return
        value = own[name]
        while isinstance(value, types.ModuleType) and not is_outside(value.__name__) and len(chain) > 1:
            home, name, chain = value.__name__, chain[1], chain[1:]
            if name not in vars(value):
                raise _Undigestible(f"{self.owner} uses {home}.{name}, which is not defined")
            value = vars(value)[name]
        if isinstance(value, types.ModuleType):
            self._module(value, chain[1:])
            return
        owner, key = self.owner, f"{home}.{name}"
        self.owner = f"{owner}, which uses {key},"
        plain = self._value(value)
        self.owner = owner
        if plain[0] != "part" or plain[1] != key:
            self.parts.setdefault(f"{key} =" if key in self._keys.values() else key, digest(plain))

    def _module(self, module: types.ModuleType, rest: list[str]) -> None:
        name = module.__name__
        if not is_outside(name) or (name in FINDERS and not rest):
            raise _Undigestible(f"{self.owner} uses the module {name} as a value, which cannot be digested")
        self._installed(".".join([name, *rest]))

    def _import(self, name: str, before: list[dis.Instruction], names: set[str]) -> None:
        relative = any(
            step.opname.startswith("LOAD_CONST") and step.argval not in (0, None, ()) for step in before[:1]
        )
        if relative or not is_outside(name):
            raise _Undigestible(
                f"{self.owner} imports {name or 'its package'} when it runs, which cannot be digested"
            )
        for each in sorted(names):
            self._installed(f"{name}.{each}", quiet=True)
        self._installed(name)

    def _installed(self, dotted: str, quiet: bool = False) -> None:
        found = at_run_time(dotted.lstrip("_"))
        if found:
            raise _Undigestible(f"{self.owner} uses {found}: what that finds is known at run time only")
        top = dotted.partition(".")[0]
        if not quiet and top not in ("builtins", "types"):
            self.parts[f"{top} (installed)"] = sha256_bytes(top.encode())

    # --- values ---

    def _value(self, value: Any) -> list[Any]:
        kind = type(value)
        if value is None or kind in (bool, str, float, complex):
            return [kind.__name__, repr(value)]
        if kind is int:
            return ["int", f"{value:#x}"]
        if kind in (bytes, bytearray):
            return [kind.__name__, sha256_bytes(bytes(value))]
        if isinstance(value, types.FunctionType):
            return self._outer(value) or self._part(value)
        if isinstance(value, type):
            return self._outer(value) or self._part(value)
        if id(value) in self._inside:
            raise _Undigestible(f"{self.owner} reaches a value that holds itself")
        self._inside.add(id(value))
        try:
            found = self._structure(value, kind)
        finally:
            self._inside.discard(id(value))
        if found is None:
            raise _Undigestible(
                f"{self.owner} reaches a {kind.__module__}.{kind.__qualname__}, which cannot be digested"
            )
        return found

    def _outer(self, value: Any) -> list[Any] | None:
        """What is installed, by name; None for what is the user's own."""
        if isinstance(value, types.FunctionType):
            home = str(value.__globals__.get("__name__"))  # `functools.wraps` gives it the module of another
        else:
            home = getattr(value, "__module__", None) or "builtins"
        if not is_outside(home):
            return None
        dotted = dotted_name(value)
        self._installed(dotted if is_outside(dotted) else home)
        if not isinstance(value, types.FunctionType) or found_by_name(value):
            return ["installed", dotted]
        # A library made it, of the user's functions perhaps: they are in its closure, or it wraps them.
        return [
            "made",
            f"{home}.{value.__code__.co_qualname}",
            [self._cell("", cell) for cell in value.__closure__ or ()],
            [self._value(value.__defaults__), self._value(value.__kwdefaults__)],
            [[name, self._value(each)] for name, each in sorted(vars(value).items())],
        ]

    def _structure(self, value: Any, kind: type) -> list[Any] | None:
        if kind in (list, tuple):
            return [kind.__name__, [self._value(item) for item in value]]
        if kind in (set, frozenset):
            return [kind.__name__, sorted(digest(self._value(item)) for item in value)]
        if kind is dict:
            return ["dict", [[self._value(key), self._value(item)] for key, item in value.items()]]
        if kind is types.MappingProxyType:
            return ["mapping", self._value(dict(value))]
        if isinstance(value, types.ModuleType):
            self._module(value, [])
            return ["module", value.__name__]
        if isinstance(value, types.MethodType):
            return ["method", self._value(value.__func__), self._value(value.__self__)]
        if isinstance(value, types.BuiltinFunctionType):
            if value.__self__ is None or isinstance(value.__self__, types.ModuleType):
                return self._outer(value)
            return ["method", value.__name__, self._value(value.__self__)]
        if kind is functools.partial:
            return ["partial", self._value(value.func), self._value(value.args), self._value(value.keywords)]
        if isinstance(value, (staticmethod, classmethod)):
            return [kind.__name__, self._value(value.__func__)]
        if kind is property:
            return ["property", *(self._value(each) for each in (value.fget, value.fset, value.fdel))]
        if kind is functools.cached_property:
            return ["cached", self._value(value.func)]
        if isinstance(value, enum.Enum):
            return ["member", self._value(kind), value.name]
        if kind is re.Pattern:
            return ["pattern", self._value(value.pattern), value.flags]
        if get_args(value):
            return type_body(value, self._value)
        name = f"{kind.__module__}.{kind.__qualname__}"
        if name in _SAID_BY_REPR:
            return [name, said(value)]
        if name == "logging.Logger":
            return [name, value.name]
        if dataclasses.is_dataclass(value) and getattr(kind, "__dataclass_params__").frozen:  # noqa: B009
            fields = dataclasses.fields(value)
            return ["record", self._value(kind), [self._value(getattr(value, each.name)) for each in fields]]
        if isinstance(value, tuple) and hasattr(kind, "_fields"):
            return ["record", self._value(kind), [self._value(item) for item in value]]
        if is_outside(kind.__module__):
            wrapped = getattr(value, "__wrapped__", None)
            if callable(value) and isinstance(wrapped, types.FunctionType):
                return ["wrapped", name, self._value(wrapped)]
            return array_body(value, kind)
        return None
