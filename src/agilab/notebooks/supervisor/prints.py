"""Fingerprints of what a lab and its stages say, field by field and entry by entry: by them an edit is told later."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from agi_node.canonical import sha256_bytes
from agilab.contracts.lab_stages import Lab, Stage

Prints = Mapping[str, Any]
"""A digest for each field; for one with named entries the same again: `{"code": "ab…", "args": {"n": "cd…"}}`."""
_SHORT = 16
_BY_NAME = frozenset({"params", "args", "uses", "extra", "notebook"})
"""Fields whose entries are edited one by one."""
_OF_JSON = ("extra", "notebook", "timeout")
"""What a notebook has in its metadata alone, where a whole number may lose its point (JavaScript has one kind)."""


def said(record: Lab | Stage) -> dict[str, Any]:
    """What a record says, as data; without what runs write, and with the order of the lists that are walked."""
    return in_order(record.in_toml(defaults=False))


def in_order(plain: Mapping[str, Any]) -> dict[str, Any]:
    """The same of a record's plain data, with one spelling for what means the same: `{ name = "x" }` is `"x"`."""
    found = {name: value for name, value in plain.items() if name != "last_run"}
    if isinstance(lists := found.get("foreach"), Mapping):
        found["foreach"] = [list(pair) for pair in lists.items()]
    if isinstance(inputs := found.get("inputs"), list | tuple):
        found["inputs"] = [_input(one) for one in inputs]
    return found | {name: _whole(found[name]) for name in _OF_JSON if name in found}


def _input(one: Any) -> Any:
    return one["name"] if isinstance(one, Mapping) and one.keys() == {"name"} else one


def _whole(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _whole(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_whole(one) for one in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def prints_of(record: Lab | Stage) -> dict[str, Any]:
    """The fingerprints of all that a record says."""
    plain = said(record)
    code = plain.pop("code", None)
    return prints(plain, None if code is None else digest_of(code))


def prints(plain: Mapping[str, Any], code: str | None) -> dict[str, Any]:
    """The fingerprints of fields as `in_order` spells them, with the digest of the code beside them."""
    found = {
        name: _print(value) if name in _BY_NAME else short_digest(value) for name, value in plain.items()
    }
    return found if code is None else {**found, "code": code}


def _print(value: Any) -> Any:
    if isinstance(value, Mapping) and value:
        return {name: _print(one) for name, one in value.items()}
    return short_digest(value)


def same(one: Any, other: Any) -> bool:
    """Whether data is the same, of the same kinds, in whatever order names stand.

    >>> same({"a": 1, "b": 2}, {"b": 2, "a": 1}), same([1], [True]), same(None, {})
    (True, False, False)
    """
    return _text(one) == _text(other)


def digest_of(code: str) -> str:
    """SHA-256 over a text, by which an edit is told."""
    return sha256_bytes(code.encode("utf-8", "surrogatepass"))


def short_digest(plain: Any) -> str:
    """A digest of data, long enough to tell one edit from another."""
    return digest_of(_text(plain))[:_SHORT]


def _text(data: Any) -> str:
    return json.dumps(data, sort_keys=True, default=repr)
