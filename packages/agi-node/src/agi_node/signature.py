"""What a function must be to stand in a graph, where each parameter is given by its name."""

from __future__ import annotations

import inspect
import keyword
from collections.abc import Callable, Collection
from typing import Any

Objection = tuple[str, str]
"""What was found, and what is allowed instead."""


def objection(function: Callable[..., Any], name: str, reserved: Collection[str]) -> Objection | None:
    """Why a function cannot be a node of that name; None where it can.

    >>> objection(lambda raw: raw, "clean", ("run",)), objection(lambda *rows: rows, "clean", ())
    (None, ('the parameter *rows', 'parameters by name: each is a node or an argument'))
    """
    if not callable(function):
        return f"a {type(function).__name__}", "a function"
    if not name.isidentifier() or keyword.iskeyword(name) or name in reserved:
        spoken = " or ".join(f'"{one}"' for one in reserved)
        return repr(name), f"a name that a parameter can have, and not {spoken}; a lambda wants name=…"
    unwrapped = inspect.unwrap(function)
    if inspect.iscoroutinefunction(unwrapped) or inspect.isasyncgenfunction(unwrapped):
        return "an async function, which nobody here awaits", "def; asyncio.run(…) inside it"
    if inspect.isgeneratorfunction(unwrapped):
        return "a generator function", "a function that returns: return list(…)"
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return "a callable without a signature", "a function written in Python"
    for parameter in parameters:
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            return f"the parameter {parameter}", "parameters by name: each is a node or an argument"
    return None


def positional_only(parameters: Collection[inspect.Parameter]) -> str | None:
    """The first parameter that nobody can give by its name."""
    return next((one.name for one in parameters if one.kind is one.POSITIONAL_ONLY), None)
