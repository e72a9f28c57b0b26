"""Params that are secrets: which they are, and the params without them, as whatever leaves this machine has them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from agilab.notebooks.secrets import HIDDEN, is_literal_secret, is_secret_name, shaped

Path = tuple[str | int, ...]


def secrets_in(values: Any, at: Path = ()) -> Iterator[tuple[Path, str]]:
    """Where a secret stands in params or arguments, and of what kind: by the name that it has, or by its shape.

    >>> [path for path, _ in secrets_in({"api_key": "wJalrXUtnFEMI", "tokens": 512, "db": {"password": "x7-Rr.qq2"}})]
    [('api_key',), ('db', 'password')]
    """
    if isinstance(values, Mapping):
        for key, value in values.items():
            yield from secrets_in(value, (*at, key))
    elif isinstance(values, list | tuple):
        for number, value in enumerate(values):
            yield from secrets_in(value, (*at, number))
    elif isinstance(values, str):
        name = next((str(part) for part in reversed(at) if isinstance(part, str)), "")
        if is_secret_name(name) and is_literal_secret(values, name):
            yield at, f"a literal {name}"
        elif kind := next((kind for kind, _, _ in shaped(values)), None):
            yield at, kind


def without_secrets(values: Mapping[str, Any]) -> dict[str, Any]:
    """The same with `•••` in the place of each secret.

    >>> without_secrets({"api_key": "wJalrXUtnFEMI", "n": 3})
    {'api_key': '•••', 'n': 3}
    """
    hidden: dict[str, Any] = _without(values, {path for path, _ in secrets_in(values)}, ())
    return hidden


def _without(value: Any, secret: set[Path], at: Path) -> Any:
    if at in secret:
        return HIDDEN
    if isinstance(value, Mapping):
        return {key: _without(one, secret, (*at, key)) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_without(one, secret, (*at, number)) for number, one in enumerate(value)]
    return value
