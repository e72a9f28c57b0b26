"""`uv.lock` under another project name: the lock that uv would write, without asking it."""

from __future__ import annotations

import re
from collections.abc import Mapping

_PACKAGE = "[[package]]\n"


def relocked(text: str, old: str, new: str, moved: Mapping[str, str] = {}) -> str:
    """The lock of a project that is called `new` now, and whose local libraries lie where `moved` says.

    uv lists packages by name, so the project's own changes its place. What is no lock of uv's comes back with the names
    changed all the same; `uv lock --check` judges it.
    """
    if new != old:
        text = re.sub(rf'(\bname = "){re.escape(old)}(?=")', rf"\g<1>{new}", text)
        text = _in_order(text, new)
    for spelled, now in moved.items():
        place = rf'(\b(?:directory|editable|path|virtual) = "){re.escape(spelled)}(?=")'
        # a default ties `now` to this turn of the loop
        text = re.sub(place, lambda found, now=now: found[1] + now, text)  # type: ignore[misc]
    return text


def _in_order(text: str, name: str) -> str:
    head, *blocks = text.split(_PACKAGE)
    at = next((at for at, block in enumerate(blocks) if _name(block) == name), None)
    if at is None:
        return text
    # Every block but the last ends with an empty line.
    blocks = [f"{block.rstrip()}\n" for block in blocks]
    own = blocks.pop(at)
    place = next((at for at, block in enumerate(blocks) if _name(block) > name), len(blocks))
    blocks.insert(place, own)
    return head + "\n".join(_PACKAGE + block for block in blocks)


def _name(block: str) -> str:
    found = re.match(r'name = "([^"]*)"', block)
    return found[1] if found else ""
