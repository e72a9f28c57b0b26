"""Functions and classes taken apart into plain data: what they do, without where they were written."""

from __future__ import annotations

import dataclasses
import dis
import enum
import re
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any, get_args, get_origin

from agi_node.canonical import digest, sha256_bytes
from agi_node.source.outside import is_outside

_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")

_MADE_BY_PYTHON = frozenset(
    {
        *(
            "__dict__",
            "__slotnames__",  # pickling an instance leaves it
            "__weakref__",
            "__module__",
            "__qualname__",
            "__firstlineno__",
            "__static_attributes__",
        ),
        *("__dataclass_fields__", "__match_args__", "__abstractmethods__", "_abc_impl", "__parameters__"),
        *("__orig_bases__", "__annotations__", "__classcell__"),
    }
)

_MADE_BY_PYDANTIC = ("__pydantic_", "__class_vars__", "__signature__", "model_")


def said(value: object) -> str:
    """The `repr` of a value, without its address."""
    return _ADDRESS.sub("", repr(value))


def dotted_name(thing: Any) -> str:
    name = getattr(thing, "__qualname__", None) or type(thing).__qualname__
    return f"{getattr(thing, '__module__', None) or 'builtins'}.{name}"


def all_instructions(top: types.CodeType) -> Iterator[tuple[list[dis.Instruction], set[str]]]:
    """The instructions of a function and of those inside it, with the names each of them uses."""
    todo = [top]
    while todo:
        at = todo.pop()
        yield [step for step in dis.get_instructions(at) if step.opname != "EXTENDED_ARG"], set(at.co_names)
        todo += [each for each in at.co_consts if isinstance(each, types.CodeType)]


def code_body(at: types.CodeType) -> list[Any]:
    """What a code object does, without where its text stood."""
    return [
        at.co_name,
        [at.co_argcount, at.co_posonlyargcount, at.co_kwonlyargcount, at.co_flags],
        at.co_code.hex(),
        at.co_exceptiontable.hex(),
        *(list(names) for names in (at.co_names, at.co_varnames, at.co_freevars, at.co_cellvars)),
        [_constant(each) for each in at.co_consts],
    ]


def _constant(value: Any) -> Any:
    if isinstance(value, types.CodeType):
        return code_body(value)
    if isinstance(value, tuple):
        return ["tuple", [_constant(item) for item in value]]
    if isinstance(value, frozenset):
        return ["frozenset", sorted(digest(_constant(item)) for item in value)]
    return [type(value).__name__, f"{value:#x}" if type(value) is int else repr(value)]


def noted_types(thing: Any, value: Callable[[Any], list[Any]]) -> list[list[Any]]:
    """What a function or class says of types; libraries build code of these."""
    held = vars(thing).get("__annotations__", {}) if isinstance(thing, type) else thing.__annotations__
    return [[name, type_body(each, value)] for name, each in held.items()]


def type_body(noted: Any, value: Callable[[Any], list[Any]]) -> list[Any]:
    """A type, or what one of `typing` is made of; anything else by its `repr`."""
    if isinstance(noted, type) and get_origin(noted) is None:
        return value(noted)
    if parts := get_args(noted):
        inner = [
            type_body(each, value)
            if not isinstance(each, (list, tuple))
            else [type_body(one, value) for one in each]
            for each in parts
        ]
        return ["of", said(get_origin(noted)), inner]
    return ["said", said(noted)]


def class_body(kind: type, value: Callable[[Any], list[Any]]) -> list[Any]:
    """What a class is made of; `value` gives the plain form of what it holds.

    Of an enum the members, of a dataclass and a pydantic model the fields with their rules, of each the rest without
    what Python or pydantic make of these.
    """
    held = {name: each for name, each in vars(kind).items() if name not in _MADE_BY_PYTHON}
    members: list[Any] = []
    if issubclass(kind, enum.Enum):
        own = (types.FunctionType, staticmethod, classmethod, property)
        members = [[name, value(each.value)] for name, each in kind.__members__.items()]
        held = {name: each for name, each in held.items() if isinstance(each, own) and name != "_new_member_"}
    elif "__pydantic_fields__" in held:
        fields = held["__pydantic_fields__"]
        members = [
            [name, said(each), type_body(each.annotation, value), value(each.default_factory)]
            for name, each in fields.items()
        ]
        members.append(said(held["__pydantic_decorators__"]))
        members.append(value(held.get("model_config")))
        held = {name: each for name, each in held.items() if not name.startswith(_MADE_BY_PYDANTIC)}
    elif dataclasses.is_dataclass(kind):
        members = [
            [each.name, value(_given(each.default)), value(_given(each.default_factory))]
            for each in dataclasses.fields(kind)
        ]
    return [
        [value(base) for base in kind.__bases__],
        value(type(kind)),
        members,
        [[name, value(each)] for name, each in sorted(held.items())],
        noted_types(kind, value),
    ]


def _given(value: Any) -> Any:
    return Ellipsis if value is dataclasses.MISSING else value


def types_in_text(function: types.FunctionType) -> list[type]:
    """The types that annotations name in text, as all do after `from __future__ import annotations`."""
    texts = [each for each in function.__annotations__.values() if isinstance(each, str)]
    held = [function.__globals__.get(name) for name in re.findall(r"[^\W\d]\w*", " ".join(texts))]
    return [each for each in held if isinstance(each, type)]


def found_by_name(function: types.FunctionType) -> bool:
    """Whether an installed module holds this very function under its name."""
    if not is_outside(function.__module__ or "__main__"):
        return False
    held: Any = sys.modules.get(function.__module__)
    for step in function.__qualname__.split("."):
        held = getattr(held, step, None)
    return held is function


def array_body(value: Any, kind: type) -> list[Any] | None:
    numpy = sys.modules.get("numpy")
    if (
        numpy is None
        or not (kind is numpy.ndarray or isinstance(value, numpy.generic))
        or value.dtype.hasobject
    ):
        return None
    return ["array", str(value.dtype), value.dtype.str, list(value.shape), sha256_bytes(value.tobytes())]
