"""The lab under examination: its document with every place in it, its edges, its folder."""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from agi_node.source.carried import Carried, carried
from agi_node.source.scopes import bound_names
from agilab.contracts.lab_stages import Stage, is_file
from agilab.contracts.toml_layout import Layout, layout
from agilab.store.workspace import Workspace
from agilab.workflow.document.lab_folder import exists
from agilab.workflow.document.locate import LabFile
from agilab.workflow.document.paths import leaves_the_lab
from agilab.workflow.document.resolve import resolve
from agilab.workflow.document.resolved import Resolved
from agilab.workflow.judging.findings import Finding, Location
from agilab.workflow.judging.names import Names, given_by_functions, names_of
from agilab.workflow.judging.rules import rules
from agilab.workflow.legacy.words import FIELDS

Check = Callable[["Case"], Iterator[Finding]]


@dataclass(frozen=True)
class Case:
    """What every check may ask. Stages are counted as the document has them."""

    file: LabFile
    workspace: Workspace
    _names: dict[str, Names | SyntaxError | None] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        return self.file.folder

    @cached_property
    def layout(self) -> Layout:
        return layout(self.file.text)

    @cached_property
    def resolved(self) -> Resolved:
        return resolve(self.file.lab, exists=lambda name: exists(self.folder, name))

    @cached_property
    def number(self) -> dict[str, int]:
        """The position of each stage in the document."""
        return {stage.id: number for number, stage in enumerate(self.file.lab.stages)}

    def stage(self, name: str) -> Stage:
        return self.file.lab.stages[self.number[name]]

    def text_of(self, stage: Stage) -> str | None:
        """The code of a stage; None where it has none, or a file that cannot be read."""
        if stage.file is None:
            return stage.code
        if leaves_the_lab(stage.file):
            return None
        try:
            return (self.folder / stage.file).read_text(encoding="utf-8-sig")
        except (OSError, ValueError):  # not there, not UTF-8, no path at all
            return None

    def names(self, stage: Stage) -> Names | SyntaxError | None:
        """The names of a stage's code, what is wrong with its syntax, or None where there is no code."""
        if stage.id not in self._names:
            text = self.text_of(stage)
            try:
                self._names[stage.id] = (
                    None if text is None else names_of(text, self.given(stage), stage.outputs)
                )
            except SyntaxError as problem:
                self._names[stage.id] = problem
        return self._names[stage.id]

    def given(self, stage: Stage) -> set[str]:
        """The names that a stage gets from outside: input values, items, and what it uses."""
        one = self.resolved.stages.get(stage.id)
        found = {source.called for source in one.inputs if source.kind == "value"} if one else set()
        found |= {axis.name for axis in one.axes} if one else set(stage.foreach)
        for other, names in stage.uses.items():
            found.update(names)
            taken = self.taken(other, names)
            if taken is not None:
                found.update(bound_names(_statements(taken.text), ""), given_by_functions(taken.text))
        return found

    def taken(self, name: str, words: Collection[str]) -> Carried | None:
        """What can be taken from the text of a stage; None where it has none, or none that is Python."""
        text = self.text_of(self.stage(name)) if name in self.number else None
        try:
            return None if text is None else carried(text, words)
        except (SyntaxError, ValueError, RecursionError):
            return None

    # -- places ------------------------------------------------------------------------------------------------

    def place(self, stage: str | None, *path: str | int) -> Location:
        """Where a field of a stage stands (of the whole, without a stage)."""
        offset = self.layout.offset(self._path(stage, path))
        return Location(self.file.path.name, self.layout.line(offset), self.layout.column(offset))

    def code_place(self, stage: Stage, line: int, column: int) -> Location:
        """Where a line of a stage's code stands: in its file, or in the document."""
        if stage.file is not None:
            return Location(stage.file, line, column)
        path = self._path(stage.id, ("code",))
        found = self.layout.code_line(path, line)
        if found is not None:
            return Location(self.file.path.name, found, column)
        pair = self.layout.pairs.get(path)
        at = pair.value if pair else self.layout.offset(path)
        if pair is not None:
            at += spelled_at(self.file.text[pair.value : pair.end], line, column)
        return Location(self.file.path.name, self.layout.line(at), self.layout.column(at))

    def _path(self, stage: str | None, path: tuple[str | int, ...]) -> tuple[str | int, ...]:
        if stage is None:
            return path
        number = self.number[stage]
        if self.file.converted is None:
            return ("stages", number, *path)
        begin = self.file.converted.places[number]
        field_ = path[0] if path else ""
        keys = [
            key for key, owner in FIELDS.items() if owner == field_ and (*begin, key) in self.layout.places
        ]
        return (*begin, keys[0], *path[1:]) if keys else begin

    def finding(
        self, code: str, at: Location, stage: str | None, what: str, found: str = "", mend: str = ""
    ) -> Finding:
        """A finding of a rule, whose own words stand in where no mend is given."""
        known = rules()[f"AGI-STAGE-{code}"]
        return Finding(known.code, known.severity, at, stage, what, found, mend or known.mend)


def spelled_at(spelled: str, line: int, column: int) -> int:
    """How far into the TOML of a string on one line a line and a column (from 1) of the string itself stand.

    >>> spelled_at(r'"a = 1\\nb"', 2, 1), spelled_at("'a = 1'", 1, 5)
    (8, 5)
    """
    import re

    if spelled[:1] not in ("'", '"') or spelled[:3] in ("'''", '"""'):
        return 0
    escape = re.compile(r"\\(?:u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|.)" if spelled[0] == '"' else r"(?!)")
    at, row, col = 1, 1, 1
    while at < len(spelled) - 1 and (row, col) < (line, column):
        found = escape.match(spelled, at)
        if found and found[0] == "\\n":
            row, col = row + 1, 1
        else:
            col += 1
        at += len(found[0]) if found else 1
    return at


def item_names(path: str) -> set[str]:
    """The names in braces of a path: `out/{city}.csv` has `city`."""
    import re

    return set(re.findall(r"\{([A-Za-z_]\w*)\}", path))


def files_of(names: tuple[str, ...]) -> list[str]:
    return [name for name in names if is_file(name)]


def _statements(text: str) -> list[ast.stmt]:
    try:
        return ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError):
        return []
