"""At which import a notebook and its lab last agreed, where the lab's document was put back since.

`mv lab_stages.toml.bak lab_stages.toml` and `git checkout lab_stages.toml` take an import back. What it gave the lab is
then no agreement any more, and comes in again at the next one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from agilab.contracts.lab_stages import LabStages
from agilab.notebooks.supervisor.prints import said, short_digest

Digests = Mapping[str, str]
"""A digest of what a document says of the lab (empty name), and of each stage, in their order; not of its runs."""
Import = Mapping[str, Any]
"""What is remembered of an import, or of the export (the first): its `number`, the one that it built `on`, and the
digests of the document `before` and `after`, besides what the notebook said."""
_MOST = 40
"""Imports that are remembered of one notebook."""


def digests_of(document: LabStages) -> dict[str, str]:
    """The digests of a document."""
    stages = {stage.id: short_digest(said(stage)) for stage in document.stages}
    return {"": short_digest(said(document.lab)), **stages}


def agreed(imports: Sequence[Import], now: Digests | None) -> dict[str, Any]:
    """The import by which a document as it is now is to be joined; nothing where that is the export, or unknown.

    The last one that left the document so; else the one before that which found it so; else the last. Of that `undone`
    names what of the document is again as an import found it, together with all else that that import changed, while
    other things are not: whether somebody took it back or only edits, nobody can tell.
    """
    if not imports:
        return {}
    for one in reversed(imports):
        if now is not None and _same(one.get("after"), now):
            return dict(one)
        if now is not None and _same(one.get("before"), now):
            number = one.get("on")
            return next((dict(other) for other in imports if other.get("number") == number), {})
    return {**imports[-1], "undone": sorted(_undone(imports, now or {}))}


def with_import(
    imports: Sequence[Import], what: Import, on: int | None, before: Digests | None
) -> list[Import]:
    """The imports with one more; one that says what the last did is the last."""
    last = imports[-1] if imports else {}
    known = all(last.get(name) == value for name, value in what.items())
    if known and (before is None or before in (last.get("before"), last.get("after"))):
        return list(imports)
    number = last.get("number", -1) + 1
    kept = list(imports[1 - _MOST :])
    numbers = {one.get("number") for one in kept}
    if len(kept) < len(imports):  # what one built on that is forgotten cannot be gone back to
        kept = [one if one.get("on") in numbers else {**one, "before": None} for one in kept]
    return [*kept, {**what, "number": number, "on": on, "before": before}]


def _undone(imports: Sequence[Import], now: Digests) -> set[str]:
    last = imports[-1].get("after") or {}
    found: set[str] = set()
    for one in imports:
        before = one.get("before")
        changed = set() if before is None else _differing(before, one.get("after") or {})
        if changed <= _differing(now, last) and not changed & _differing(now, before or {}):
            found |= changed
    return found


def _differing(one: Digests, other: Digests) -> set[str]:
    return {name for name in {*one, *other} if one.get(name) != other.get(name)}


def _same(one: Digests | None, other: Digests) -> bool:
    """Whether two documents say the same, in the same order."""
    return one is not None and list(one.items()) == list(other.items())
