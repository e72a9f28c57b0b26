"""From a lab's notebook back to the lab, also where a person edited, added, moved or deleted cells.

What a person sees counts: a cell's text and its first line win over metadata, and the report says where they differ.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

from pydantic import ValidationError

from agilab.contracts.lab_stages import Lab, LabStages, Stage
from agilab.contracts.toml_edit import longest_rise
from agilab.notebooks.attachments import attached_again, names_apart, said_of, shown_for
from agilab.notebooks.cells import Cell, Notebook
from agilab.notebooks.metadata import for_toml
from agilab.notebooks.supervisor.cell_text import Ends
from agilab.notebooks.supervisor.export import (
    KEY,
    KINDS,
    ORDER,
    PLAIN_METADATA,
    SCHEMA,
    digest_of,
    is_other_kernel,
    opening,
    running,
    stage_text,
)
from agilab.notebooks.supervisor.header import Header, HeaderError, is_header, parse

MOST_SPELLED = 80
"""Characters of an expression that a report repeats."""


@dataclass(frozen=True)
class Change:
    """Where a notebook says something else than it did when it was exported.

    Attributes:
        kind: `edited`, `added`, `moved`, `renamed`, `copied`, `header`, `text`, `params`, `left_out` or `unreadable`.
        cell: Index of the cell, from 0.
        won: What counts now: `cell` or `metadata`.
    """

    kind: str
    stage: str
    cell: int
    what: str
    won: str = "cell"

    @property
    def stayed_behind(self) -> bool:
        """Whether somebody wrote what could not be read, so that the lab does not have it."""
        return self.kind == "unreadable"

    def to_plain(self) -> dict[str, Any]:
        """The change as JSON."""
        return {"kind": self.kind, "stage": self.stage, "cell": self.cell, "what": self.what, "won": self.won}


@dataclass(frozen=True)
class ReadBack:
    """A lab as a notebook has it.

    Attributes:
        changes: What a person changed.
        files: The pictures that the notebook holds, by path.
        kinds: Which texts of the document were dates and times in its TOML when it was exported.
    """

    document: LabStages
    changes: tuple[Change, ...] = ()
    files: Mapping[str, bytes] = field(default_factory=dict)
    kinds: Mapping[str, Any] = field(default_factory=dict)


def is_supervisor(notebook: Notebook) -> bool:
    """Whether a notebook is one that a lab was exported to: it says so, or its cells have first lines of stages."""
    about = notebook.metadata.get(KEY)
    if isinstance(about, Mapping) and about.get("schema") == SCHEMA:
        return True
    return any(is_header(cell.source.partition("\n")[0].rstrip()) for cell in notebook.code_cells)


def read_back(notebook: Notebook) -> ReadBack:
    """The lab that a notebook holds. Nothing of it is lost; what cannot be taken over is a change `left_out`."""
    (apart,) = names_apart([notebook])
    return _Reader(apart).read()


@dataclass
class _Pending:
    """Markdown above the next stage."""

    text: str = ""
    stage: str | None = None
    extra: list[str] = field(default_factory=list)


class _Reader:
    def __init__(self, notebook: Notebook) -> None:
        self._notebook = notebook
        self._changes: list[Change] = []
        self._stages: list[Stage] = []
        self._ids: set[str] = set()
        self._places: list[tuple[str, str, Cell]] = []
        self._pending = _Pending()
        about = notebook.metadata.get(KEY)
        self._about: Mapping[str, Any] = about if isinstance(about, Mapping) else {}
        said = self._about.get("lab")
        self._lab: dict[str, Any] = dict(said) if isinstance(said, Mapping) else {}

    def read(self) -> ReadBack:
        for cell in self._notebook.cells:
            role = self._role(cell)
            if cell.kind == "markdown":
                self._markdown(cell, role)
            elif cell.kind == "code":
                self._code(cell, role)
            elif cell.source.strip():
                self._tell("left_out", "", cell, f"a {cell.kind} cell is in the notebook only")
        self._rest_of_the_text()
        self._moves()
        self._set(self._lab, "notebook", for_toml(self._metadata()))
        document = LabStages(lab=Lab.model_validate(self._lab), stages=tuple(self._stages))
        found = attached_again(document, self._notebook)
        self._pictures(document, found.document)
        kinds = self._about.get(KINDS)
        return ReadBack(
            found.document,
            tuple(self._changes),
            found.files,
            kinds if isinstance(kinds, Mapping) else {},
        )

    def _moves(self) -> None:
        """Tell of the fewest stages by whose moving the others stand as they stood."""
        order = self._about.get(ORDER)
        left = {str(name): number for number, name in enumerate(order if isinstance(order, list) else ())}
        numbers = [left.pop(was, None) for was, _, _ in self._places]
        still = longest_rise(numbers)
        for number, (_, name, cell) in zip(numbers, self._places, strict=True):
            if number is not None and number not in still:
                self._tell("moved", name, cell, "it stands elsewhere among the stages")

    def _pictures(self, before: LabStages, after: LabStages) -> None:
        """Tell of each record whose pictures are others than those that it was exported with."""
        records = [("", said_of(before.lab), said_of(after.lab))]
        for had, has in zip(before.stages, after.stages, strict=True):
            records.append((had.id, said_of(had), said_of(has)))
        for name, was, said in records:
            changed = sorted(one for one in {*was, *said} if was.get(one) != said.get(one))
            own = (cell for cell in self._notebook.cells if shown_for(cell) == name)
            shown = (cell for cell in self._notebook.cells if {*changed} & cell.attachments.keys())
            if changed and (cell := next(own, None) or next(shown, None)) is not None:
                self._tell("text", name, cell, f"the picture {', '.join(changed)}")

    def _metadata(self) -> dict[str, Any]:
        """What other tools wrote, and the kernel that the lab's own notebook had, unless somebody chose another.

        What Jupyter writes by itself when it runs a notebook is none of it: which Python it was, the state of widgets.
        """
        theirs = self._notebook.metadata
        known = self._about.get("kept") or []
        kernel = self._about.get("kernel")
        chosen = is_other_kernel(theirs)
        aside = kernel if isinstance(kernel, Mapping) and not chosen else {}

        def is_own(name: str, value: Any) -> bool:
            if name in PLAIN_METADATA:
                return not aside and (name in known or (chosen and PLAIN_METADATA[name] != value))
            return name in known or name not in (KEY, "jupytext", "widgets")

        return {**aside, **{name: value for name, value in theirs.items() if is_own(name, value)}}

    # -- markdown ------------------------------------------------------------------------------------------

    def _markdown(self, cell: Cell, role: Mapping[str, Any]) -> None:
        source = cell.source
        if role.get("role") == "head":
            self._head(cell)
        elif role.get("role") == "text" and "fields" in role:
            self._rest_of_the_text()
            self._text_stage(cell, role)
        elif role.get("role") == "text":
            self._rest_of_the_text()
            self._pending = _Pending(source, str(role.get("stage")))
        elif source.strip():
            self._pending.extra.append(source)
            self._tell("added", self._pending.stage or "", cell, "markdown that goes with the next stage")

    def _head(self, cell: Cell) -> None:
        title, description = str(self._lab.get("title", "")), str(self._lab.get("description", ""))
        from agilab.notebooks.supervisor.export import heading

        if cell.source != heading(title or "A lab", description, level=1):
            self._tell("text", "", cell, "the lab's title or description")
            found, rest = _taken_apart(cell.source)
            self._set(self._lab, "title", found)
            self._set(self._lab, "description", rest)

    def _text_stage(self, cell: Cell, role: Mapping[str, Any]) -> None:
        """A stage that is only text."""
        fields = dict(role["fields"])
        if fields.get("foreach") and isinstance(role.get("header"), str):
            fields["foreach"] = parse(role["header"]).foreach
        stage = self._made(fields, cell)
        if stage is None:
            return
        if cell.source != stage_text(stage):
            self._tell("text", stage.id, cell, "its title or description")
            title, rest = _taken_apart(cell.source)
            stage = stage.with_changes(title=title, description=rest)
        self._add(stage, cell)

    def _rest_of_the_text(self) -> None:
        """Markdown that no stage followed becomes a stage that is only text."""
        texts = [*([self._pending.text] if self._pending.text else []), *self._pending.extra]
        pending, self._pending = self._pending, _Pending()
        if pending.extra or (pending.text and pending.stage not in self._ids):
            title, rest = _taken_apart("\n\n".join(texts))
            name = self._free(_slug(title) or "text")
            self._stages.append(Stage(id=name, title=title, description=rest, runtime="none"))
            self._ids.add(name)

    # -- code ----------------------------------------------------------------------------------------------

    def _code(self, cell: Cell, role: Mapping[str, Any]) -> None:
        name = role.get("role")
        first, _, rest = cell.source.partition("\n")
        if is_header(first.rstrip()):
            self._stage(cell, role, first.rstrip(), rest)
        elif name == "params":
            self._params(cell)
        elif name == "open":
            if not cell.source.startswith(opening("")[:20]):
                self._tell("left_out", "", cell, "the cell that opens the lab is in the notebook only")
        elif name == "run":
            if cell.source.strip() != running(self._lab.get("params", {})):
                self._tell("left_out", "", cell, "the cell that runs the lab is in the notebook only")
        elif cell.source.strip():
            self._plain_cell(cell, role)

    def _params(self, cell: Cell) -> None:
        try:
            found = _assignments(cell.source)
        except ValueError as problem:
            self._tell(
                "unreadable", "", cell, f"params are assignments of plain data: {problem}", won="metadata"
            )
            return
        if found != self._lab.get("params", {}):
            self._tell("params", "", cell, "the params of the lab")
        self._set(self._lab, "params", found)  # also where they are equal: Jupyter sorts names in metadata

    def _stage(self, cell: Cell, role: Mapping[str, Any], line: str, body: str) -> None:
        fields = dict(role["fields"]) if isinstance(role.get("fields"), Mapping) else {}
        try:
            header = parse(line)
        except HeaderError as problem:
            self._tell(
                "unreadable", str(fields.get("id", "")), cell, f"its first line: {problem}", won="metadata"
            )
            if not fields:
                self._plain_cell(cell, {})
                return
            header = Header.of(Stage.model_validate({**fields, "code": None}))
        known = self._made(fields, cell) if fields else None
        said = header.fields()
        if known is None:
            self._tell("added", header.id, cell, "a stage")
        else:
            for name, value in said.items():
                if getattr(known, name) != value:
                    kind = "renamed" if name == "id" else "header"
                    self._tell(kind, header.id, cell, f"{name}: its first line and metadata differ")
        for name, value in said.items():
            if known is None or name == "foreach" or getattr(known, name) != value:
                self._set(fields, name, value)  # the order of lists is that of the line: metadata is sorted
        self._body(fields, header, body, cell, role)
        stage = self._made(fields, cell)
        if stage is not None:
            self._add(self._with_text(stage, cell), cell)

    def _body(
        self, fields: dict[str, Any], header: Header, body: str, cell: Cell, role: Mapping[str, Any]
    ) -> None:
        if header.app is not None:
            try:
                found = _assignments(body)
            except ValueError as problem:
                what = f"arguments of an app are assignments of plain data: {problem}"
                self._tell("unreadable", header.id, cell, what, won="metadata")
                return
            if found != fields.get("args", {}):
                self._tell("edited", header.id, cell, "its arguments")
            self._set(fields, "args", found)
        elif header.file is None:
            had, code = role.get("code_digest"), _code_of(body, role)
            if had is not None and had != digest_of(code):
                self._tell("edited", header.id, cell, "its code")
            if body or had is not None or "code_digest" not in role:
                fields["code"] = code

    def _plain_cell(self, cell: Cell, role: Mapping[str, Any]) -> None:
        """A cell that a person added, or whose first line they took away."""
        fields = dict(role["fields"]) if isinstance(role.get("fields"), Mapping) else {}
        name = str(fields.get("id") or self._free("cell"))
        won = "metadata" if fields else "cell"
        self._tell(
            "added", name, cell, "code without a first line that says what it takes and gives", won=won
        )
        stage = self._made({**fields, "id": name, "code": _code_of(cell.source, role)}, cell)
        if stage is not None:
            self._add(self._with_text(stage, cell), cell)

    def _with_text(self, stage: Stage, cell: Cell) -> Stage:
        """The stage with the markdown above it."""
        pending, self._pending = self._pending, _Pending()
        text = pending.text
        if pending.stage is not None and pending.stage != stage.id and pending.stage in self._ids:
            text = ""
        if text and text != stage_text(stage) and text != stage_text(stage.with_changes(id=pending.stage)):
            self._tell("text", stage.id, cell, "its title or description")
            title, rest = _taken_apart(text)
            stage = stage.with_changes(title=title, description=rest)
        if pending.extra:
            description = "\n\n".join([*([stage.description] if stage.description else []), *pending.extra])
            stage = stage.with_changes(description=description)
        return stage

    # -- what is common ------------------------------------------------------------------------------------

    def _made(self, fields: dict[str, Any], cell: Cell) -> Stage | None:
        try:
            return Stage.model_validate(fields)
        except ValidationError as problem:
            first = problem.errors()[0]
            where = ".".join(map(str, first["loc"]))
            self._tell(
                "unreadable", str(fields.get("id", "")), cell, f"{where}: {first['msg']}", won="metadata"
            )
            return None

    def _add(self, stage: Stage, cell: Cell) -> None:
        if stage.id in self._ids:
            name = self._free(stage.id)
            self._tell("copied", name, cell, f"a second cell is called {stage.id}")
            stage = stage.with_changes(id=name)
        self._ids.add(stage.id)
        self._stages.append(stage)
        fields = self._role(cell).get("fields")
        if isinstance(fields, Mapping):
            self._places.append((str(fields.get("id")), stage.id, cell))

    def _free(self, name: str) -> str:
        taken = self._ids | {
            str(self._role(cell).get("fields", {}).get("id"))
            for cell in self._notebook.cells
            if isinstance(self._role(cell).get("fields"), Mapping)
        }
        if name not in taken:
            return name
        return next(f"{name}-{n}" for n in range(2, 10_000) if f"{name}-{n}" not in taken)

    def _set(self, fields: dict[str, Any], name: str, value: Any) -> None:
        """Set a field, or take it away where it says nothing: what nobody said stays unsaid."""
        if value in (None, "", (), {}, []):
            fields.pop(name, None)
        else:
            fields[name] = value

    def _tell(self, kind: str, stage: str, cell: Cell, what: str, *, won: str = "cell") -> None:
        self._changes.append(Change(kind, stage, cell.index, what, won))

    def _role(self, cell: Cell) -> Mapping[str, Any]:
        about = cell.metadata.get(KEY)
        return about if isinstance(about, Mapping) else {}


def _code_of(body: str, role: Mapping[str, Any]) -> str:
    """The code of a stage by what its cell says: with the ends that its code had, also where it was edited."""
    ends = Ends.said(role)
    return body if ends is None or role.get("code_digest") == digest_of(body) else ends.code(body)


def _taken_apart(text: str) -> tuple[str, str]:
    """The title and the rest of a markdown text; no title where it does not begin with a heading."""
    first, _, rest = text.partition("\n")
    if first.startswith("#"):
        return first.lstrip("#").strip(), rest.strip("\n")
    return "", text


def _slug(title: str) -> str:
    name = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in title.lower())
    name = "-".join(part for part in name.split("-") if part)[:40]
    return name if name[:1].isalpha() else ""


def _assignments(source: str) -> dict[str, Any]:
    """Assignments of plain data by name. Raises `ValueError` for anything else, with its line."""
    found: dict[str, Any] = {}
    try:
        tree = ast.parse(source)
    except SyntaxError as problem:
        raise ValueError(f"line {problem.lineno or 1} cannot be read") from None
    except (ValueError, RecursionError, MemoryError):
        raise ValueError("it cannot be read") from None
    for statement in tree.body:
        target = statement.targets[0] if isinstance(statement, ast.Assign) else None
        if (
            not isinstance(statement, ast.Assign)
            or not isinstance(target, ast.Name)
            or len(statement.targets) > 1
        ):
            raise ValueError(f"line {statement.lineno} is no assignment to a name")
        try:
            found[target.id] = _plain(ast.literal_eval(statement.value))
        except (ValueError, TypeError, RecursionError, MemoryError):
            said = f"line {statement.lineno}, {target.id}: {_spelled(statement.value, source)}"
            raise ValueError(said) from None
    return found


def _plain(value: Any) -> Any:
    """A value as JSON has it, tuples as lists. Raises `ValueError` for what JSON has not: sets, bytes, other keys."""
    if isinstance(value, tuple | list):
        return list(map(_plain, value))
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {key: _plain(one) for key, one in value.items()}
    if value is None or isinstance(value, str | int) or (isinstance(value, float) and isfinite(value)):
        return value
    raise ValueError(type(value).__qualname__)


def _spelled(value: ast.expr, source: str) -> str:
    """An expression as Python has it, in one line that a person can take in."""
    try:
        text = ast.unparse(value)
    except RecursionError:  # a sum of hundreds of terms: as it stands
        text = ast.get_source_segment(source, value) or "…"
    text = " ".join(text.split())
    return text if len(text) <= MOST_SPELLED else f"{text[: MOST_SPELLED - 2]} …"
