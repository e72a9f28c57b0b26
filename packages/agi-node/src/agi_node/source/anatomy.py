"""Functions and classes taken apart into plain data: what they do, without where they were written."""

from __future__ import annotations

import dataclasses
import dis
import enum
import re
import types
from collections.abc import Callable, Iterator
from typing import Any

from agi_node.canonical import digest

_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")

_MADE_BY_PYTHON = frozenset(
    {
        *(
            "__dict__",
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


def noted_types(thing: Any) -> list[list[str]]:
    held = vars(thing).get("__annotations__", {}) if isinstance(thing, type) else thing.__annotations__
    return [
        [name, dotted_name(each) if isinstance(each, type) else said(each)] for name, each in held.items()
    ]


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
        members = [[name, said(each), value(each.default_factory)] for name, each in fields.items()]
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
        noted_types(kind),
    ]


def _given(value: Any) -> Any:
    return Ellipsis if value is dataclasses.MISSING else value
