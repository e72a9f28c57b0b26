"""The words of version 1, and what becomes of them in version 2."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

META, SCHEMA = "__meta__", "agilab.lab_stages.v1"
REST = "AGILAB_V2"
"""The key under which a v1 file carries what only v2 has."""
RUNTIMES = {"runpy": "python", "agi.run": "app.run", "agi.install": "app.install"}
TEXTS = {"D": "description", "Q": "question", "M": "model", "C": "code", "E": "env", "label": "title"}
LISTS = {
    "needs": ("depends_on", "deps", "dependencies"),
    "inputs": ("consumes", "inputs", "input_paths"),
    "outputs": ("produces", "outputs", "output_paths"),
}
ORIGIN = {
    "NB_SOURCE_NOTEBOOK": "notebook",
    "NB_CELL_ID": "cells",
    "NB_CELL_INDEX": "indices",
    "NB_EXECUTION_COUNT": "execution_counts",
    "NB_EXECUTION_MODE": "mode",
}
IDS = ("id", "stage_id")
_SWITCHES = {
    **dict.fromkeys(("true", "yes", "on", "1", "y"), True),
    **dict.fromkeys(("false", "no", "off", "0", "n"), False),
}
FIELDS: Mapping[str, str] = {
    **TEXTS,
    **{key: field for field, keys in LISTS.items() for key in keys},
    **dict.fromkeys(IDS, "id"),
    **dict.fromkeys(ORIGIN, "origin"),
    "R": "runtime",
    "enabled": "enabled",
    "skip": "enabled",
}
"""Each key of a v1 stage that v2 has a field for."""


def is_v1(plain: Mapping[str, Any]) -> bool:
    """Whether this is a pipeline of version 1, with its `__meta__` or (in old files) without."""
    meta = plain.get(META)
    if isinstance(meta, Mapping):
        return True
    if "schema" in plain:
        return False
    return any(set(stage) & {"C", "Q", "D", "M", "R"} for key in modules_of(plain) for stage in plain[key])


def modules_of(plain: Mapping[str, Any]) -> list[str]:
    """The modules of a v1 file: its arrays of tables, each a pipeline."""
    return [
        key
        for key, value in plain.items()
        if isinstance(value, list) and value and all(isinstance(one, dict) for one in value)
    ]


def sequence(given: Any, ids: Sequence[str]) -> list[int] | None:
    """The positions that a `__sequence` means: ids, or numbers from 0 or 1; None where it names not each stage once.

    >>> sequence([2, 0, 1], "abc"), sequence([1, 2], "ab"), sequence(["b", "a"], "ab"), sequence([0, 0], "ab")
    ([2, 0, 1], [0, 1], [1, 0], None)
    """
    if not isinstance(given, list):
        return None
    number = len(ids)
    if all(isinstance(one, str) for one in given):
        found = [list(ids).index(one) for one in given if one in ids]
    elif all(is_count(one) for one in given):
        found = [one - (0 not in given) for one in given]
    else:
        return None
    return found if sorted(found) == list(range(number)) and len(given) == number else None


def origin_value(field: str, given: Any) -> Any:
    """A value of a notebook's lineage; None where it is none."""
    if field == "notebook":
        return given if isinstance(given, str) and given else None
    if field == "mode":
        return given if given in ("not_executed_import", "generated", "written") else None
    each = given if isinstance(given, list) and given else [given]
    right = (lambda one: isinstance(one, str) and one != "") if field == "cells" else is_count
    return tuple(each) if all(map(right, each)) else None


def switched(given: Any) -> bool | None:
    """Whether a switch is on, as people and older tools write it; None for a word that says neither.

    >>> [switched(word) for word in (True, "No", 0, "on", "later")]
    [True, False, False, True, None]
    """
    if given is None or isinstance(given, float):
        return None
    return _SWITCHES.get(str(given).strip().lower())


def is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 2**53
