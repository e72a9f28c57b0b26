"""Files that a notebook fetches where they are not there: those that lie there are what it goes on with.

`if not exists("utils.py"): urlretrieve(url, "utils.py")` fetches nothing where the file lies beside the notebook, and
needs no network then. A stage that is to do the same is given the file.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from agilab.notebooks.code.known_texts import last_part
from agilab.notebooks.code.named_files import where_of
from agilab.notebooks.code.walking import Nodes
from agilab.notebooks.files.file_uses import FileUse

_FETCHING = ("urlretrieve", ".download", ".download_file", ".hf_hub_download", "gdown.cached_download")
"""How the names of calls end that bring what is elsewhere, whatever it is called there."""


def with_lying(uses: Sequence[FileUse], cells: Iterable[Nodes], folder: Path | None) -> tuple[FileUse, ...]:
    """The uses, with a reading of each file that lies there where a cell looks for it and else fetches it."""
    looks = {
        (use.cell, use.path)
        for use in uses
        if use.does == "look" and use.artifact.kind == "seen" and use.is_own
    }
    fetched = [(use.cell, use.path) for use in uses if use.does == "write" and (use.cell, use.path) in looks]
    if folder is None or not fetched:
        return tuple(uses)
    names = set(_names_of_addresses(cells))
    lying = {
        (use.cell, use.path)
        for use in uses
        if (use.cell, use.path) in fetched
        and use.does == "write"
        and (use.artifact.call.endswith(_FETCHING) or last_part(use.path) in names)
        and _lies(folder, use.path)
    }
    return tuple(_both(uses, lying))


def _both(uses: Sequence[FileUse], lying: set[tuple[int, str]]) -> Iterator[FileUse]:
    left = set(lying)
    for use in uses:
        if (use.cell, use.path) in left and use.does == "look":
            left.remove((use.cell, use.path))
            artifact = replace(use.artifact, direction="read", kind="file")
            yield replace(use, does="read", turns=(), artifact=artifact)
        yield use


def _names_of_addresses(cells: Iterable[Nodes]) -> Iterator[str]:
    """What files are called in the addresses that the notebook names."""
    for nodes in cells:
        for node, _ in nodes:
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and "://" in node.value:
                for word in node.value.split():
                    yield last_part(word.partition("?")[0].strip("'\";,)"))


def _lies(folder: Path, path: str) -> bool:
    if where_of(path) not in ("relative", "outside") or "*" in path or "\0" in path:
        return False
    try:
        return (folder / path).is_file()
    except OSError:
        return False
