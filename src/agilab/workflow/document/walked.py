"""The items of a list that a stage walks: each with the key that names its unit, and exactly as it is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from agi_node.canonical import sha256_bytes, tag
from agi_node.errors import FAILED, AgiError
from agi_node.exact_json import exact_text
from agi_node.values import NOT_PLAIN, as_plain
from agilab.contracts.datum import in_json, moments_in
from agilab.engine.expansion import items_of

_MENDS = {
    "ndarray": "{name} = {name}.tolist()",
    "Series": "{name} = {name}.to_list()",
    "Index": "{name} = {name}.to_list()",
    "DataFrame": "{name} = {name}[COLUMN].to_list()",
    "OrderedDict": "{name} = dict({name})",
    "Counter": "{name} = dict({name})",
    "defaultdict": "{name} = dict({name})",
    "int": "{name} = list(range({name}))",
    "NoneType": "{name} = []",
    "str": "{name} = [{name}]",
    "list": "{name} = [str(one) for one in {name}], or another text or number for each item",
    "dict": "{name} = {{key: str(one) for key, one in {name}.items()}}, or another text or number for each item",
    "tuple": "{name} = [str(one) for one in {name}], or another text or number for each item",
}
"""What makes a list of a value, by the name of its type; `list(…)` of any other."""


def entries(value: Any, name: str) -> list[dict[str, str]]:
    """The items of a list (or of a dict, whose names become keys), each with its key and exactly as it is, as JSON.

    Raises AGI-RUN-030 for what is no list, or has items that are no data.
    """
    pairs: Iterable[tuple[str | None, Any]]
    if isinstance(value, dict):
        pairs = [(str(key), item) for key, item in value.items()]
    elif isinstance(value, (list, tuple, range)):
        pairs = [(None, item) for item in value]
    elif isinstance(value, (set, frozenset)):
        pairs = [(None, item) for item in sorted(value, key=repr)]
    else:
        raise no_list(name, type(value).__name__, f"{type(value).__name__}: {value!r:.80}")
    found = []
    for key, item in pairs:
        text = exact_text(item)
        if text is None:
            raise no_list(name, "list", f"an item of type {type(item).__name__}")
        found.append({"key": key if key is not None else _key(item, text), "payload": text})
    return found


def for_an_app(value: Any) -> Any:
    """A value as plain data, dates and times as their texts, which pydantic reads back; else `NOT_PLAIN`."""
    return as_plain(in_json(value) if any(moments_in(value)) else value)


def no_list(name: str, kind: str, found: str) -> AgiError:
    """A value that cannot be walked; `kind` is the name of its type."""
    return AgiError(
        "AGI-RUN-030",
        f"a stage is to run for each of {name}, which is no list of data",
        found=found,
        allowed="a list, a tuple, a range, a set or a dict of texts, numbers and other plain data",
        try_=_MENDS.get(kind, "{name} = list({name})").format(name=name),
        whose="author",
        exit_code=FAILED,
    )


def _key(item: Any, text: str) -> str:
    plain = for_an_app(item)
    if plain is NOT_PLAIN:
        return sha256_bytes(text.encode())[:12]
    tagged = tag(plain)
    if isinstance(tagged, str) and not isinstance(plain, str):
        return tagged.partition(":")[2]  # a number that JSON does not have
    return items_of([tagged])[0].key
