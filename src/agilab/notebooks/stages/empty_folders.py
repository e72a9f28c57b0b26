"""Folders that cells make, or that lie beside a notebook, and in which nothing lies: stages below look into them."""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Iterator

from agilab.notebooks.code.named_files import where_of
from agilab.notebooks.code.turns import IN_A_TRY
from agilab.notebooks.files.file_uses import FileUse
from agilab.notebooks.stages.planned import Planned
from agilab.notebooks.stages.stage_files import StageFiles


class EmptyFolders:
    """The folders that are there for one stage although no file of it lies in them.

    `above` are those that cells of stages above have made.
    """

    def __init__(self, one: Planned, cells: Collection[int], above: frozenset[str]) -> None:
        self._uses = [use for use in one.inspection.uses if use.cell in cells]
        lying = {
            path.rstrip("/") for path in one.inspection.there or () if path.endswith("/") and "*" not in path
        }
        self._above = above
        self._there = {path for path in above if "*" not in path} | lying
        self._made = {
            folder
            for use in self._uses
            if _makes(use) and not use.turns
            for folder in _with_those_above(use.path)
        }

    def needed(self, stage: StageFiles) -> Iterator[str]:
        """Those that the stage asks for, or writes into what it may not write, and would not find."""
        asked = {use.path for use in self._uses if use.is_own and use.does in ("look", "name", "remove")}
        asked |= {
            use.path for use in self._uses if _makes(use) and use.turns
        }  # a try says whether it was there
        listed = tuple(
            f"{use.path}/" for use in self._uses if use.does == "look" and use.artifact.kind == "folder"
        )
        asked |= {folder for folder in self._there if folder.startswith(listed)}
        asked |= stage.made.keys() & self._there  # a copy into a folder
        asked |= {posixpath.dirname(path) for path in stage.made if not stage.is_sure(path)}
        below = [path for path in stage.promised if "/" in path]  # its folder is made anyway
        below = [path for path in below if path not in asked]
        within = [one for one in self._above if "*" in one]  # folders of which nobody knows the names
        for folder in sorted(asked & self._there - self._made):
            if any(one.startswith(f"{folder}/") for one in within):
                continue
            sure = [path for path in stage.reads if path not in stage.optional]
            if not any(path == folder or path.startswith(f"{folder}/") for path in (*sure, *below)):
                yield f"{folder}/"

    def left(self) -> frozenset[str]:
        """Those that cells have made by the end of the stage, and that are still there."""
        found = {*self._above}
        for use in self._uses:
            if _makes(use):
                found.update(_with_those_above(use.path))
            elif use.does == "write" and use.artifact.kind == "folder" and "*" in use.path:
                found.add(use.path)
            elif use.does == "remove":
                found -= {one for one in found if one == use.path or one.startswith(f"{use.path}/")}
        return frozenset(found)


def _makes(use: FileUse) -> bool:
    """Whether a folder of the notebook's is there after it, whoever made it."""
    makes = use.does == "write" and use.artifact.kind == "folder" and not use.elsewhere
    own = not use.is_unsaid and where_of(use.path) == "relative" and "*" not in use.path
    return makes and own and all(turn.why == IN_A_TRY for turn in use.turns)


def _with_those_above(path: str) -> Iterator[str]:
    while path not in ("", "."):
        yield path
        path = posixpath.dirname(path)
