"""What the cells of a notebook do to files, in the order in which it happens, wherever the text of it stands.

A helper that writes a file writes it in the cells that call it, and nowhere if none does; its path is what the call
says it is. Paths are followed into the folder that the notebook has changed to by then.
"""

from __future__ import annotations

import ast
import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from agilab.notebooks.code.artifact_calls import direction_of_name
from agilab.notebooks.code.named_files import Act, Artifact, where_of
from agilab.notebooks.code.turns import Turn
from agilab.notebooks.code.values import Evaluator
from agilab.notebooks.code.walking import Nodes
from agilab.notebooks.files.following import Folder, Followed, Step, definitions, name_of
from agilab.notebooks.modules.own_names import OwnModule
from agilab.notebooks.shell.command_words import WORDS

Does = Literal["read", "write", "add", "remove", "name", "look", "fill"]
_DOES: Mapping[str, Does] = {"read": "read", "written": "write", "both": "add"}
_HOLE = re.compile(r"\{[^{}]*\}")
_OF_THE_SHELL = re.compile(r"\$\{?\w+\}?|\{[^{}]*\}")


@dataclass(frozen=True)
class FileUse:
    """One thing that a cell does to a file.

    Attributes:
        cell: Index of the cell that does it, which is not always the one in whose text it stands.
        does: What; `add` keeps what the file held; `name` is a word of a command or goes into a call that is not known,
            either of which may take the file; `look` sees whether it is there, and what lies below it; `fill` puts
            files into the notebook's folder under names that nobody says: those of an archive.
        path: From the notebook's folder, if it is not absolute; a pattern where it is computed.
        turns: What has to turn out so that it is done; empty where it is whenever the cell is run.
        artifact: Where it stands.
        elsewhere: Whether the folder that the path is meant from is not known for certain.
        wide: The path as a pattern, for whatever the parameters say that are in it; empty where none is.
    """

    cell: int
    does: Does
    path: str
    turns: tuple[Turn, ...]
    artifact: Artifact
    elsewhere: bool = False
    wide: str = ""

    @property
    def is_own(self) -> bool:
        """Whether it is a file, as far as one can tell, of the notebook's folder; one may look at a folder, too."""
        if self.is_unsaid or where_of(self.path) != "relative":
            return False
        return self.artifact.kind != "folder" or self.does == "look"

    @property
    def is_unsaid(self) -> bool:
        """Whether the text says nothing of where it lies in the folder: `Path("..") / config["raw"]`."""
        all_computed = self.artifact.computed and not self.path.strip("*/")
        return self.artifact.where == "computed" or all_computed

    @property
    def only(self) -> str:
        """The condition in words; empty where there is none."""
        return ", ".join(dict.fromkeys(turn.why for turn in self.turns))


def file_uses(
    trees: Mapping[int, ast.Module],
    nodes: Mapping[int, Nodes],
    acts: Sequence[Act],
    evaluator: Evaluator,
    own: Sequence[OwnModule] = (),
) -> tuple[FileUse, ...]:
    """All uses of files, cell by cell; `acts` are those of all cells, and of the notebook's `own` modules."""
    followed = Followed(trees, nodes, acts, evaluator, own)
    folder = Folder()
    found: list[FileUse] = []
    for cell in sorted(trees):
        for step in followed.of_cell(cell):
            if step.act is None:
                folder = folder.after(step)
            else:
                found += _uses(cell, step, step.act, followed.meant_from(step.act.artifact, cell, folder))
    return tuple(found)


def uses_on_import(modules: Sequence[OwnModule], acts: Sequence[Act]) -> Iterator[FileUse]:
    """What own modules do to files through the functions that they call when they are imported.

    `acts` are those of the functions of all of them; `cell` of a use is the module's number.
    """
    names = {name for one in modules for name in _names_of(one.tree)}
    calling = [
        one
        for one in modules
        if any(
            isinstance(node, ast.Call) and not place.owner and name_of(node.func).lstrip(".") in names
            for node, place in one.nodes
        )
    ]
    if not calling:
        return
    followed = Followed({}, {}, acts, Evaluator({}), modules)
    for module in calling:
        for step in followed.of_import(module):
            if step.act is not None:
                yield from _uses(module.number, step, step.act, Folder())


def _names_of(tree: ast.Module) -> Iterator[str]:
    """The names of functions, classes and methods."""
    for node in definitions(tree):
        yield node.name
        if isinstance(node, ast.ClassDef):
            yield from (method.name for method in definitions(node))


def _uses(cell: int, step: Step, act: Act, folder: Folder) -> Iterator[FileUse]:
    one = act.artifact
    if one.where == "url":
        return
    holes = _OF_THE_SHELL if one.call == "shell" else _HOLE
    path, wide = holes.sub("*", one.path), holes.sub("*", one.wide)
    if one.where in ("relative", "outside"):
        path = posixpath.normpath(posixpath.join(folder.path or ".", path))
        wide = wide and posixpath.normpath(posixpath.join(folder.path or ".", wide))
    lost = folder.path is None or not folder.certain
    does = _does(one)
    if path == "." and does != "look":
        does = "fill" if does == "write" and one.kind == "files" else None
    if does is not None:
        yield FileUse(cell, does, path, step.turns, one, lost, wide)
    if act.gone:
        yield FileUse(cell, "remove", path, step.turns, one, lost, wide)


def _does(one: Artifact) -> Does | None:
    if one.direction == "read" and one.kind in ("folder", "seen"):
        return "look"
    if one.kind in WORDS:
        return "name"
    if one.direction == "unknown" and one.kind != "removed" and direction_of_name(one.call) != "written":
        return "name"
    return _DOES.get(one.direction)
