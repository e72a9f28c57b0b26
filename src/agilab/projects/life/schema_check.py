"""Does a value fit a JSON Schema? As far as the schemas of arguments go, with an answer that a person can use.

Known are the keywords that pydantic writes for plain data. Any other is passed over: the app itself judges when it
plans.
"""

from __future__ import annotations

import json
import math
import operator
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

Schema = Mapping[str, Any]
_TYPES: Mapping[str, tuple[type | tuple[type, ...], str]] = {
    "string": (str, "text"),
    "boolean": (bool, "true or false"),
    "integer": (int, "a whole number"),
    "number": ((int, float), "a number"),
    "array": (list, "a list"),
    "object": (dict, "an object"),
    "null": (type(None), "null"),
}
_LIMITS: Mapping[str, tuple[Callable[[Any, Any], bool], str]] = {
    "minimum": (operator.ge, "at least"),
    "exclusiveMinimum": (operator.gt, "more than"),
    "maximum": (operator.le, "at most"),
    "exclusiveMaximum": (operator.lt, "less than"),
}
_LENGTHS: Mapping[str, tuple[type, Callable[[Any, Any], bool], str]] = {
    "minLength": (str, operator.ge, "at least {} letters"),
    "maxLength": (str, operator.le, "at most {} letters"),
    "minItems": (list, operator.ge, "at least {} items"),
    "maxItems": (list, operator.le, "at most {} items"),
}


def complaint(value: Any, schema: Schema, whole: Schema, where: str = "") -> tuple[str, str] | None:
    """(place inside the value, what is allowed there) of the first thing that does not fit; None where all does.

    >>> complaint([1, "two"], {"type": "array", "items": {"type": "integer"}}, {})
    ('[1]', 'a whole number')
    """
    return next(_complaints(value, schema, whole, where), None)


def _complaints(value: Any, schema: Schema, whole: Schema, where: str) -> Iterator[tuple[str, str]]:
    if "$ref" in schema:
        target = whole.get("$defs", {}).get(str(schema["$ref"]).rpartition("/")[2], {})
        yield from _complaints(value, target, whole, where)
    if "anyOf" in schema:
        options = [list(_complaints(value, option, whole, where)) for option in schema["anyOf"]]
        if all(options):
            deepest = max(options, key=lambda found: len(found[0][0]))[0]
            if deepest[0] != where:
                yield deepest
            else:
                yield where, " or ".join(dict.fromkeys(found[0][1] for found in options))
            return
    if "type" in schema and not _is_a(value, schema["type"]):
        yield where, _TYPES.get(schema["type"], (object, schema["type"]))[1]
        return
    allowed = schema["enum"] if "enum" in schema else [schema["const"]] if "const" in schema else None
    if allowed is not None and not any(_same(value, one) for one in allowed):
        yield where, "one of " + ", ".join(json.dumps(one, ensure_ascii=False) for one in allowed)
        return
    yield from ((where, text) for text in _beyond(value, schema))
    if isinstance(value, list):
        yield from _inside_list(value, schema, whole, where)
    elif isinstance(value, dict):
        yield from _inside_object(value, schema, whole, where)


def _beyond(value: Any, schema: Schema) -> Iterator[str]:
    if isinstance(value, float) and not math.isfinite(value):
        yield "a finite number"  # as JSON knows no other, and no document would hold it
    elif isinstance(value, int | float) and not isinstance(value, bool):
        for key, (holds, words) in _LIMITS.items():
            if key in schema and not holds(value, schema[key]):
                yield f"{words} {schema[key]}"
    for key, (kind, holds, words) in _LENGTHS.items():
        if key not in schema or not isinstance(value, str | list) or not isinstance(value, kind):
            continue
        if not holds(len(value), schema[key]):
            yield words.format(schema[key])
    if isinstance(value, str) and "pattern" in schema and not re.search(schema["pattern"], value):
        yield f"text that matches {schema['pattern']}"


def _inside_list(
    value: Sequence[Any], schema: Schema, whole: Schema, where: str
) -> Iterator[tuple[str, str]]:
    fixed = schema.get("prefixItems", [])
    for at, item in enumerate(value):
        inner = fixed[at] if at < len(fixed) else schema.get("items", {})
        if isinstance(inner, Mapping):
            yield from _complaints(item, inner, whole, f"{where}[{at}]")
    if schema.get("uniqueItems") and any(
        _same(one, other) for at, one in enumerate(value) for other in value[:at]
    ):
        yield where, "every item once"


def _inside_object(
    value: Mapping[str, Any], schema: Schema, whole: Schema, where: str
) -> Iterator[tuple[str, str]]:
    known = schema.get("properties", {})
    for name in schema.get("required", []):
        if name not in value:
            yield where, f"an object with {name}"
    others = schema.get("additionalProperties", True)
    for name, item in value.items():
        place = f"{where}.{name}" if where else name
        if name in known:
            yield from _complaints(item, known[name], whole, place)
        elif others is False:
            yield place, "one of " + ", ".join(known)
        elif isinstance(others, Mapping):
            yield from _complaints(item, others, whole, place)


def _is_a(value: Any, kind: str) -> bool:
    python, _ = _TYPES.get(kind, (object, kind))
    if isinstance(value, bool):
        return kind == "boolean" or kind not in _TYPES
    if kind == "integer" and isinstance(value, float):
        return value.is_integer()
    return isinstance(value, python)


def _same(one: Any, other: Any) -> bool:
    # 1 == True in Python; in JSON they are two values.
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)
