"""The kinds of value that a field may hold, each known by its text.

A kind is what lets plain data be merged by someone who has only the text: `tuple[str, float]` says how
such a value is checked, written into a state, read back, shown and ordered. The texts are Python
annotations over a closed set: `bool int float str date datetime None json`, `list[…]`, `dict[str, …]`,
`tuple[…]` and `… | None`. Nothing here imports or evaluates what a text says.
"""

from __future__ import annotations

import ast
import types
import typing
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Union, get_args, get_origin

from agi_node.partial.refusal import declaration, foreign, unfit
from agi_node.partial.scalars import NAMED, SIMPLE, Kind, accept_str


@lru_cache(maxsize=256)
def kind(text: str) -> Kind:
    """The kind with this text. Raises `ValueError` for a text outside the closed set.

    >>> kind("tuple[str, float]").encode(("a", 0.5))
    ['a', '1*2^-1']
    """
    try:
        return _build(ast.parse(text, mode="eval").body)
    except (SyntaxError, RecursionError, MemoryError) as error:
        raise ValueError(f"{text!r:.80} is no type of a partial's field") from error


def spell(annotation: Any) -> str:
    """The text of an annotation. Raises AGI-PART-001 for a type that has no plain form.

    >>> spell(tuple[str, float | None]), spell(list[Any])
    ('tuple[str, float | None]', 'list[json]')
    """
    if annotation in (Any, object, dict, list):
        return "json"
    if annotation is None or annotation is types.NoneType:
        return "None"
    if isinstance(annotation, type) and annotation in NAMED:
        return annotation.__name__
    if typing.is_typeddict(annotation):
        return "json"
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is typing.Annotated:
        return spell(inner[0])
    if origin is list:
        return f"list[{spell(inner[0])}]"
    if origin is tuple and inner:
        return f"tuple[{', '.join('...' if item is ... else spell(item) for item in inner)}]"
    if origin is dict and inner[0] is str:
        return f"dict[str, {spell(inner[1])}]"
    if origin in (Union, types.UnionType) and len(inner) == 2 and types.NoneType in inner:
        return f"{spell(inner[0] if inner[1] is types.NoneType else inner[1])} | None"
    raise declaration(
        "this type has no plain form, so it could not be written, read and merged elsewhere",
        found=getattr(annotation, "__name__", None) or repr(annotation),
        allowed="bool, int, float, str, date, datetime, Any (JSON), list[…], dict[str, …], tuple[…], …|None",
    )


def _build(node: ast.expr) -> Kind:
    match node:
        case ast.Name(id=name) if name in SIMPLE:
            return SIMPLE[name]
        case ast.Constant(value=None):
            return SIMPLE["None"]
        case ast.BinOp(left=inner, op=ast.BitOr(), right=ast.Constant(value=None)):
            return _optional(_build(inner))
        case ast.Subscript(value=ast.Name(id="list"), slice=inner):
            return _list(_build(inner))
        case ast.Subscript(value=ast.Name(id="dict"), slice=ast.Tuple(elts=[ast.Name(id="str"), inner])):
            return _dict(_build(inner))
        case ast.Subscript(
            value=ast.Name(id="tuple"), slice=ast.Tuple(elts=[inner, ast.Constant(value=value)])
        ) if value is ...:
            return _row(_build(inner))
        case ast.Subscript(value=ast.Name(id="tuple"), slice=ast.Tuple(elts=inner)):
            return _tuple([_build(item) for item in inner])
        case ast.Subscript(value=ast.Name(id="tuple"), slice=inner):
            return _tuple([_build(inner)])
    raise ValueError(f"{ast.unparse(node):.80} is no type of a partial's field")


def _optional(inner: Kind) -> Kind:
    def through(step: Callable[[Any], Any]) -> Callable[[Any], Any]:
        return lambda value: None if value is None else step(value)

    return Kind(
        f"{inner.text} | None",
        through(inner.accept),
        through(inner.encode),
        through(inner.decode),
        through(inner.plain),
        ordered=False,
        hashable=inner.hashable,
    )


def _sequence(value: Any, allowed: str) -> list[Any]:
    if isinstance(value, list | tuple):
        return list(value)
    # Columns of numpy, Polars, pandas and pyarrow; a text is a sequence of texts only by accident.
    for name in ("tolist", "to_list", "to_pylist"):
        if hasattr(value, name):
            listed = getattr(value, name)()
            if isinstance(listed, list):
                return listed
    raise unfit(value, allowed)


def _stored(plain: Any, length: int | None = None) -> list[Any]:
    if type(plain) is not list or (length is not None and len(plain) != length):
        raise foreign(
            "a list of another form", found=plain, allowed="a list" if length is None else f"{length} values"
        )
    return plain


def _list(inner: Kind) -> Kind:
    text = f"list[{inner.text}]"
    return Kind(
        text,
        lambda value: [inner.accept(item) for item in _sequence(value, text)],
        lambda value: [inner.encode(item) for item in value],
        lambda plain: [inner.decode(item) for item in _stored(plain)],
        lambda value: [inner.plain(item) for item in value],
        ordered=False,
        hashable=False,
    )


def _row(inner: Kind) -> Kind:
    text = f"tuple[{inner.text}, ...]"
    return Kind(
        text,
        lambda value: tuple([inner.accept(item) for item in _sequence(value, text)]),
        lambda value: [inner.encode(item) for item in value],
        lambda plain: tuple([inner.decode(item) for item in _stored(plain)]),
        lambda value: [inner.plain(item) for item in value],
        ordered=inner.ordered,
        hashable=inner.hashable,
    )


def _tuple(inner: list[Kind]) -> Kind:
    text = f"tuple[{', '.join(item.text for item in inner)}]"

    def accept(value: Any) -> tuple[Any, ...]:
        items = _sequence(value, text)
        if len(items) != len(inner):
            raise unfit(value, f"{len(inner)} values: {text}")
        return tuple([step.accept(item) for step, item in zip(inner, items, strict=True)])

    return Kind(
        text,
        accept,
        lambda value: [step.encode(item) for step, item in zip(inner, value, strict=True)],
        lambda plain: tuple(
            [step.decode(item) for step, item in zip(inner, _stored(plain, len(inner)), strict=True)]
        ),
        lambda value: [step.plain(item) for step, item in zip(inner, value, strict=True)],
        ordered=all(item.ordered for item in inner),
        hashable=all(item.hashable for item in inner),
    )


def _dict(inner: Kind) -> Kind:
    text = f"dict[str, {inner.text}]"

    def through(step: Callable[[Any], Any]) -> Callable[[Any], Any]:
        return lambda value: {key: step(item) for key, item in value.items()}

    def accept(value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise unfit(value, text)
        return {key: inner.accept(value[key]) for key in sorted(map(accept_str, value))}

    def decode(plain: Any) -> dict[str, Any]:
        if type(plain) is not dict or any(type(key) is not str for key in plain):
            raise foreign("no object", found=plain, allowed=text)
        return {key: inner.decode(plain[key]) for key in sorted(plain)}

    return Kind(
        text, accept, through(inner.encode), decode, through(inner.plain), ordered=False, hashable=False
    )
