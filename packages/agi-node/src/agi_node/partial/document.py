"""Reading a reduce document: whole, or not at all, with the place that is wrong."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Final, NoReturn

from agi_node.canonical import canonical, untag
from agi_node.errors import FAILED, AgiError
from agi_node.partial.description import described
from agi_node.partial.refusal import BROKEN_DOCUMENT, COUNTED_TWICE, MISMATCH, shown

SCHEMA: Final = "agilab.reduce.v2"
_KEYS: Final = (
    "schema",
    "name",
    "reducer",
    "partial_count",
    "partials",
    "fields",
    "payload",
    "state",
    "metadata",
)
_V1_KEYS: Final = (
    "schema_version",
    "name",
    "reducer",
    "partial_count",
    "partial_ids",
    "payload",
    "metadata",
)
_HEX: Final = frozenset("0123456789abcdef")


def read_reduce_document(source: Any) -> dict[str, Any]:
    """Check a reduce document and give it back as version 2.

    Takes the text or bytes of a file, or a document as plain data. Version 1 (`schema_version: 1`) is
    converted: it has no digests, fields or state (None, [], None), and the extra key `converted` says so.
    Raises AGI-PART-007 with the path inside the document that is wrong, AGI-PART-008 when the payload does
    not follow from the state.

    >>> old = {"schema_version": 1, "name": "rows", "reducer": "r", "partial_count": 1,
    ...        "partial_ids": ["a"], "payload": {"rows": 5}, "metadata": {}}
    >>> read_reduce_document(old)["converted"]
    'agilab.reduce schema_version 1: no digests, no fields, no state'
    """
    if isinstance(source, str | bytes | bytearray):
        try:
            source = untag(json.loads(source))
        except (ValueError, RecursionError) as error:
            broken("this is no JSON", str(error), "the text of a reduce document")
    if type(source) is not dict:
        broken("this is no object", source, "a reduce document")
    if "schema_version" in source:
        return _from_v1(source)
    _same_keys(source, _KEYS)
    if source["schema"] != SCHEMA:
        broken("schema is unknown", source["schema"], f"{SCHEMA} (or schema_version 1)")
    _check_common(source)
    if type(source["partials"]) is not list or type(source["partial_count"]) is not int:
        broken("partials is no list, or partial_count no number", source["partials"], "a list and its length")
    seen: set[str] = set()
    for at, partial in enumerate(source["partials"]):
        where = f"partials[{at}]"
        if type(partial) is not dict or partial.keys() != {"id", "digest"} or type(partial["id"]) is not str:
            broken(f"{where} is wrong", partial, "an object with id and digest")
        if partial["id"] in seen:
            raise twice(source["name"], partial["id"])
        seen.add(partial["id"])
        mark = partial["digest"]
        if "converted" not in source and (
            type(mark) is not str or len(mark) != 64 or not _HEX.issuperset(mark)
        ):
            broken(f"{where}.digest is wrong", mark, "64 hexadecimal digits")
    if source["partial_count"] != len(source["partials"]):
        broken("partial_count is wrong", source["partial_count"], f"{len(source['partials'])}, as listed")
    if "converted" in source:
        return dict(source)
    shape = described(source["reducer"], source["fields"])
    if shape.repeatable:
        payload = shape.payload(shape.read(source["state"]))
        if not agrees(source["payload"], payload):
            not_following(source, "payload", "state", {"payload": payload})
    return dict(source)


def _from_v1(source: dict[str, Any]) -> dict[str, Any]:
    _same_keys(source, _V1_KEYS, others=True)
    if source["schema_version"] != 1 or type(source["schema_version"]) is not int:
        broken("schema_version is unknown", source["schema_version"], f"1, or schema {SCHEMA}")
    _check_common(source)
    ids = source["partial_ids"]
    if type(ids) is not list or any(type(key) is not str for key in ids):
        broken("partial_ids is wrong", ids, "a list of texts")
    if type(source["partial_count"]) is not int or source["partial_count"] != len(ids):
        broken("partial_count is wrong", source["partial_count"], f"{len(ids)}, as listed in partial_ids")
    for before, after in pairwise(sorted(ids)):
        if before == after:
            raise twice(source["name"], after)
    # A given dialect is read without loss: what others have added is carried along.
    rest = {key: value for key, value in source.items() if key not in _V1_KEYS}
    return {
        "schema": SCHEMA,
        "name": source["name"],
        "reducer": source["reducer"],
        "partial_count": len(ids),
        "partials": [{"id": key, "digest": None} for key in ids],
        "fields": [],
        "payload": source["payload"],
        "state": None,
        "metadata": {**source["metadata"], "schema_version_1": rest} if rest else source["metadata"],
        "converted": "agilab.reduce schema_version 1: no digests, no fields, no state",
    }


def _same_keys(source: dict[str, Any], keys: Sequence[str], others: bool = False) -> None:
    missing = [key for key in keys if key not in source]
    extra = [] if others else [key for key in source if key not in keys and key != "converted"]
    if missing:
        broken(f"{missing[0]} is missing", sorted(map(str, source)), ", ".join(keys))
    if extra:
        broken(f"{extra[0]} is unknown", extra, ", ".join(keys))


def _check_common(source: dict[str, Any]) -> None:
    for key in ("name", "reducer"):
        if type(source[key]) is not str or not source[key]:
            broken(f"{key} is wrong", source[key], "a text")
    for key in ("payload", "metadata"):
        if type(source[key]) is not dict:
            broken(f"{key} is wrong", source[key], "an object")


def agrees(found: Any, expected: Any) -> bool:
    """Whether a value read from a document is the expected one.

    RFC 8785 writes a double such as 1e16 with the digits of an integer, and a reader gives an integer back.
    """
    if isinstance(expected, dict):
        return (
            isinstance(found, dict)
            and found.keys() == expected.keys()
            and all(agrees(found[key], value) for key, value in expected.items())
        )
    if isinstance(expected, list):
        return isinstance(found, list) and len(found) == len(expected) and all(map(agrees, found, expected))
    if type(expected) is float and type(found) is int:
        return abs(found) < 10**21 and float(found) == expected
    try:
        return canonical(found) == canonical(expected)
    except (TypeError, ValueError):
        return False


def broken(what: str, found: Any, allowed: str) -> NoReturn:
    """Refuse a document that cannot be read."""
    raise AgiError(
        BROKEN_DOCUMENT, f"reduce document: {what}", found=shown(found), allowed=allowed, exit_code=FAILED
    )


def differs(document: dict[str, Any], what: str, found: str, allowed: str) -> NoReturn:
    """Refuse a document that says something else than its partials."""
    raise AgiError(
        MISMATCH,
        f"reduce document {document['name']}: {what}",
        found=found,
        allowed=allowed,
        exit_code=FAILED,
    )


def not_following(document: dict[str, Any], key: str, source: str, again: dict[str, Any]) -> NoReturn:
    """Refuse a document one of whose parts is not what comes of another."""
    what = f"its {key} does not follow from its {source}"
    differs(document, what, shown(document[key]), shown(again[key]))


def twice(name: str, key: str) -> AgiError:
    """The error for a partial that would enter a result twice."""
    return AgiError(
        COUNTED_TWICE,
        f"reduce document {name}: partial {key!r} would count twice",
        found=key,
        allowed="each partial once",
        exit_code=FAILED,
    )
