"""From one cell to the stage that it holds: its first line and its text against what metadata remembers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from agilab.contracts.datum import in_json
from agilab.contracts.lab_stages import Stage
from agilab.contracts.moments import dated_as
from agilab.notebooks.document.cells import Cell
from agilab.notebooks.supervisor.assignments import assignments
from agilab.notebooks.supervisor.cell_text import Ends
from agilab.notebooks.supervisor.changes import Changes
from agilab.notebooks.supervisor.export import ELSEWHERE
from agilab.notebooks.supervisor.header import Header, HeaderError, is_header, means, parse
from agilab.notebooks.supervisor.kernel import KEY
from agilab.notebooks.supervisor.prints import digest_of, same

FIRST_LINE = frozenset({"id", "inputs", "outputs", "foreach", "app", "file"})
"""What only the first line of a cell says."""
WORDS = frozenset({"title", "description", "question", "model", "origin", "last_run", "extra"})
"""What is said of a stage, and not how it runs: of a stage that is split it stays with the first part."""
Role = Mapping[str, Any]
"""What metadata of ours says of a cell."""


def role_of(cell: Cell) -> Role:
    """What metadata of ours says of a cell; empty for a cell of somebody else's."""
    about = cell.metadata.get(KEY)
    return about if isinstance(about, Mapping) else {}


def set_field(fields: dict[str, Any], name: str, value: Any) -> None:
    """Set a field, or take it away where it says nothing: what nobody said stays unsaid."""
    if value in (None, "", (), {}, []):
        fields.pop(name, None)
    else:
        fields[name] = value


class StageCells:
    """Responsible for: the stage of a cell, without the words above it. Not for: its place, and whether its id is free.

    `kinds` says of each stage which of its texts are dates and times; `free` gives a name that no stage has.
    """

    def __init__(self, changes: Changes, kinds: Mapping[str, Any], free: Callable[[str], str]) -> None:
        self._changes = changes
        self._kinds = kinds
        self._free = free

    def text(self, cell: Cell, role: Role) -> Stage | None:
        """A stage that is only text. Its words are those of metadata."""
        fields = self._fields(role)
        if fields.get("foreach") and isinstance(role.get("header"), str):
            # The order of lists is that of the line: metadata is sorted.
            fields["foreach"] = self._dated(str(fields.get("id")), parse(role["header"]).foreach)
        return self._made(fields, cell)

    def code(self, cell: Cell, role: Role, line: str, body: str) -> Stage | None:
        """The stage of a cell with a first line; None for what is no stage, of which was told."""
        fields = self._fields(role)
        try:
            header = parse(line)
        except HeaderError as problem:
            self._changes.unread(str(fields.get("id", "")), cell, f"its first line: {problem}", FIRST_LINE)
            known = _stage_of({**fields, "code": None}) if fields else None
            if known is None:
                return self.without_a_line(replace(cell, source=f"# {cell.source}"), {})
            header = Header.of(known)
        known = self._made(fields, cell) if fields else None
        said = header.fields()
        said["foreach"] = self._dated(str(fields.get("id")), said["foreach"])
        if known is None:
            self._changes.tell("added", header.id, cell, "a stage")
        else:
            for name, value in said.items():
                if not means(getattr(known, name), value):
                    kind = "renamed" if name == "id" else "header"
                    what = f"{name}: its first line and metadata differ"
                    self._changes.tell(kind, header.id, cell, what)
        for name, value in said.items():
            if known is None or name == "foreach" or not means(getattr(known, name), value):
                set_field(fields, name, value)  # the order of lists is that of the line: metadata is sorted
        self._body(fields, header, body, cell, role)
        return self._made(fields, cell) or self._as_it_was(role, body, cell)

    def without_a_line(self, cell: Cell, role: Role) -> Stage:
        """The stage of a cell that a person added, or whose first line they took away."""
        fields = self._fields(role)
        name = str(fields.get("id") or self._free("cell"))
        won = "metadata" if fields else "cell"
        what = "code without a first line that says what it takes and gives"
        self._changes.tell("added", name, cell, what, won=won)
        self._changes.not_said(name, FIRST_LINE)
        made = {**fields, "id": name, "code": code_of(cell.source, role)}
        return self._made(made, cell) or self._as_it_was(role, cell.source, cell)

    def exported(self, role: Role) -> Stage | None:
        """The stage of a cell as metadata has it, without its code."""
        return _stage_of(self._fields(role))

    def part(self, cell: Cell, role: Role, free: str) -> Stage:
        """The stage of a cell that was split off another one, of which it has what is not words; else called `free`."""
        fields = {name: value for name, value in self._fields(role).items() if name not in WORDS}
        first, _, body = cell.source.partition("\n")
        if is_header(first.rstrip()):
            stage = self.code(cell, {}, first.rstrip(), body) or Stage(id=free, code=body)
            how = {name: value for name, value in fields.items() if name not in FIRST_LINE}
            return _stage_of({**how, **stage.model_dump(by_alias=True, exclude_defaults=True)}) or stage
        self._changes.tell("added", free, cell, f"code that was split off {fields.get('id')}")
        return _stage_of({**fields, "id": free, "code": code_of(cell.source, role)}) or Stage(
            id=free, code=cell.source
        )

    def _as_it_was(self, role: Role, body: str, cell: Cell) -> Stage:
        """What a cell is whose edit makes no stage: that stage as it was, with its code as it stands if it has some."""
        fields = self._fields(role)
        stages = (_stage_of({**fields, "code": code_of(body, role)}), _stage_of(fields))
        known = next((stage for stage in stages if stage is not None), None)
        return known or Stage(id=self._free("cell"), code=cell.source)

    def _body(self, fields: dict[str, Any], header: Header, body: str, cell: Cell, role: Role) -> None:
        """Take what stands below the first line: arguments of an app, or code."""
        if header.app is not None:
            try:
                found = in_json(assignments(body))  # an app takes a date as its text
            except ValueError as problem:
                what = f"arguments of an app are assignments of plain data: {problem}"
                self._changes.unread(header.id, cell, what, ["args"])
                return
            if not same(found, fields.get("args", {})):
                self._changes.tell("edited", header.id, cell, "its arguments")
            set_field(fields, "args", found)
        elif header.file is not None:
            if body.strip() and not (body.startswith(ELSEWHERE) and len(body.strip().splitlines()) == 1):
                what = f"what stands below its first line: its code is in {header.file}"
                self._changes.unread(header.id, cell, what, [])
        else:
            had, code = role.get("code_digest"), code_of(body, role)
            if had is not None and had != digest_of(code):
                self._changes.tell("edited", header.id, cell, "its code")
            if body or had is not None or "code_digest" not in role:
                fields["code"] = code

    def _fields(self, role: Role) -> dict[str, Any]:
        """What metadata has of the stage of a cell; empty where it has nothing."""
        fields = dict(role["fields"]) if isinstance(role.get("fields"), Mapping) else {}
        if "foreach" in fields:
            fields["foreach"] = self._dated(str(fields.get("id")), fields["foreach"])
        return fields

    def _dated(self, stage: str, foreach: Any) -> Any:
        """Lists to walk with dates and times where they were some."""
        kinds = self._kinds.get(stage)
        return dated_as(foreach, kinds.get("foreach") if isinstance(kinds, Mapping) else None)

    def _made(self, fields: dict[str, Any], cell: Cell) -> Stage | None:
        try:
            return Stage.model_validate(fields)
        except ValidationError as problem:
            first = problem.errors()[0]
            where = ".".join(map(str, first["loc"]))
            what = f"{where}: {first['msg']}"
            self._changes.unread(str(fields.get("id", "")), cell, what, {*Stage.model_fields} - {"code"})
            return None


def _stage_of(fields: dict[str, Any]) -> Stage | None:
    """The stage that fields are, None where they are none."""
    try:
        return Stage.model_validate(fields)
    except ValidationError:
        return None


def code_of(body: str, role: Role) -> str:
    """The code of a stage by what its cell says: with the ends that its code had, also where it was edited."""
    ends = Ends.said(role)
    return body if ends is None or role.get("code_digest") == digest_of(body) else ends.code(body)
