"""From a lab's notebook back to the lab, also where a person edited, added, moved or deleted cells.

What a person sees counts: a cell's text and its first line win over metadata, and the report says where they differ.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from agilab.contracts.lab_stages import Lab, LabStages, Stage
from agilab.contracts.toml_matching import longest_rise
from agilab.notebooks.document.attachments import attached_again, names_apart, said_of, shown_for
from agilab.notebooks.document.cells import Cell, Notebook
from agilab.notebooks.document.metadata import for_toml
from agilab.notebooks.supervisor.bare import with_roles
from agilab.notebooks.supervisor.base import KINDS, Base
from agilab.notebooks.supervisor.cell_names import known_as, name_of, words_of
from agilab.notebooks.supervisor.changes import Change, Changes
from agilab.notebooks.supervisor.export import SCHEMA
from agilab.notebooks.supervisor.header import is_header
from agilab.notebooks.supervisor.headings import heading, slug, stage_text, taken_apart
from agilab.notebooks.supervisor.kernel import KEY, theirs_of
from agilab.notebooks.supervisor.lab_params import LabParams
from agilab.notebooks.supervisor.merged import parted
from agilab.notebooks.supervisor.new_names import names_followed
from agilab.notebooks.supervisor.opened import is_opening, is_running
from agilab.notebooks.supervisor.prints import prints_of
from agilab.notebooks.supervisor.split import following, held_together, rewired, split_off
from agilab.notebooks.supervisor.stage_cells import FIRST_LINE, Role, StageCells, role_of, set_field


@dataclass(frozen=True)
class ReadBack:
    """A lab as a notebook has it.

    Attributes:
        changes: What a person changed.
        files: The pictures that the notebook holds, by path.
        kinds: Which values of the document were dates and times in its TOML when it was exported.
        base: What the lab was then.
        came: For each stage of a cell that was exported what it was called then.
        stripped: Those of which only the words are left.
        of_lab: Whether its metadata says what the lab was, so that what it does not say of the lab is not so.
        unsaid: For each stage, and for the lab (empty), fields of which no cell speaks: they are as at the export.
        cells: For each stage whose cell has no first line, its name being ours or that of metadata, that cell's id.
    """

    document: LabStages
    changes: tuple[Change, ...] = ()
    files: Mapping[str, bytes] = field(default_factory=dict)
    kinds: Mapping[str, Any] = field(default_factory=dict)
    base: Base = field(default_factory=Base)
    came: Mapping[str, str] = field(default_factory=dict)
    stripped: frozenset[str] = frozenset()
    of_lab: bool = False
    unsaid: Mapping[str, frozenset[str]] = field(default_factory=dict)
    cells: Mapping[str, str] = field(default_factory=dict)


def is_supervisor(notebook: Notebook) -> bool:
    """Whether a notebook is one that a lab was exported to: it says so, or its cells have first lines of stages."""
    if _mapping(notebook.metadata.get(KEY)).get("schema") == SCHEMA:
        return True
    return any(is_header(cell.source.partition("\n")[0].rstrip()) for cell in notebook.code_cells)


def read_back(notebook: Notebook) -> ReadBack:
    """The lab that a notebook holds. Nothing of it is lost; what cannot be taken over is a change `left_out`."""
    (apart,) = names_apart([notebook])
    return _Reader(with_roles(parted(apart))).read()


@dataclass
class _Pending:
    """Markdown above the next stage: words of a stage that has no code any more, and what somebody added."""

    words: Cell | None = None
    stage: str = ""
    extra: list[Cell] = field(default_factory=list)


class _Reader:
    def __init__(self, notebook: Notebook) -> None:
        self._notebook = notebook
        self._changes = Changes()
        self._stages: list[Stage] = []
        self._ids: set[str] = set()
        self._came: dict[str, str] = {}
        self._stripped: set[str] = set()
        self._roles: set[str] = set()
        self._said: set[str] = set()
        self._base = Base.of(notebook)
        self._words = words_of(notebook)
        self._plain: dict[str, str] = {}
        self._split = split_off(notebook)
        self._parts: dict[str, str] = {}
        self._places: list[tuple[str, str, Cell]] = []
        self._pending = _Pending()
        self._about = _mapping(notebook.metadata.get(KEY))
        self._kinds = _mapping(self._about.get(KINDS))
        self._lab = dict(_mapping(self._about.get("lab")))
        self._params = LabParams(self._lab, self._changes, _mapping(self._kinds.get("lab")).get("params"))
        self._cells = StageCells(self._changes, _mapping(self._kinds.get("stages")), self._free)

    def read(self) -> ReadBack:
        for cell in self._notebook.cells:
            role = role_of(cell)
            self._roles.add(str(role.get("role")))
            if cell.kind == "markdown":
                self._markdown(cell, role)
            elif cell.kind == "code":
                self._code(cell, role)
            elif cell.source.strip():
                self._changes.tell("left_out", "", cell, f"a {cell.kind} cell is in the notebook only")
        self._rest_of_the_text()
        self._wire_parts()
        self._gone()
        self._moves()
        self._names()
        set_field(self._lab, "notebook", for_toml(theirs_of(self._notebook.metadata, self._about)))
        document = LabStages(lab=Lab.model_validate(self._lab), stages=tuple(self._stages))
        found = attached_again(document, self._notebook)
        self._pictures(document, found.document)
        return ReadBack(
            found.document,
            self._changes.told(),
            found.files,
            self._kinds,
            self._base,
            self._came,
            frozenset(self._stripped),
            "lab" in self._about,
            self._changes.unsaid(),
            self._plain,
        )

    def _gone(self) -> None:
        """Tell of what was exported and has no cell any more."""
        for name in self._base.order:
            if name not in {*self._came.values()} | self._ids:
                self._changes.tell("deleted", name, None, "a stage whose cell is gone")
        for kind, role, names in (
            ("text", "head", ("title", "description")),
            ("params", "params", ("params",)),
        ):
            if role not in self._roles and any(_mapping(self._about.get("lab")).get(name) for name in names):
                what = f"the cell of the lab's {' and '.join(names)} is gone"
                self._changes.tell(kind, "", None, what, won="metadata")
                self._changes.not_said("", names)

    def _moves(self) -> None:
        """Tell of the fewest stages by whose moving the others stand as they stood."""
        left = {name: number for number, name in enumerate(self._base.order)}
        numbers = [left.pop(was, None) for was, _, _ in self._places]
        still = longest_rise(numbers)
        for number, (_, name, cell) in zip(numbers, self._places, strict=True):
            if number is not None and number not in still:
                self._changes.tell("moved", name, cell, "it stands elsewhere among the stages")

    def _names(self) -> None:
        """Let stages name others as the notebook calls them by now."""
        followed = names_followed(self._stages, self._came)
        for at, stage in enumerate(self._stages):
            if (now := followed.get(stage.id)) is not None:
                self._stages[at] = now
                self._changes.tell("renamed", stage.id, None, "what it names by another name now")

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
                self._changes.tell("text", name, cell, f"the picture {', '.join(changed)}")

    # -- markdown ------------------------------------------------------------------------------------------

    def _markdown(self, cell: Cell, role: Role) -> None:
        if role.get("role") == "head":
            self._head(cell)
        elif role.get("role") == "text" and "fields" in role:
            self._rest_of_the_text()
            self._text_stage(cell, role)
        elif role.get("role") == "text":
            self._rest_of_the_text()
            if not any(cell is one for cells in self._words.values() for one in cells):
                self._pending = _Pending(cell, str(role.get("stage")))
        elif cell.source.strip():
            self._pending.extra.append(cell)

    def _head(self, cell: Cell) -> None:
        title, description = str(self._lab.get("title", "")), str(self._lab.get("description", ""))
        if cell.source != heading(title or "A lab", description, level=1):
            self._changes.tell("text", "", cell, "the lab's title or description")
            found, rest = taken_apart(cell.source)
            set_field(self._lab, "title", found)
            set_field(self._lab, "description", rest)

    def _text_stage(self, cell: Cell, role: Role) -> None:
        """A stage that is only text."""
        stage = self._cells.text(cell, role)
        if stage is None:
            return
        if cell.source != stage_text(stage):
            self._changes.tell("text", stage.id, cell, "its title or description")
            title, rest = taken_apart(cell.source)
            stage = stage.with_changes(title=title, description=rest)
        self._add(stage, cell)

    def _rest_of_the_text(self) -> None:
        """Markdown that no stage followed becomes a stage that is only text."""
        pending, self._pending = self._pending, _Pending()
        cells = [*([pending.words] if pending.words else []), *pending.extra]
        if not cells:
            return
        title, rest = taken_apart("\n\n".join(cell.source for cell in cells))
        name = pending.stage if pending.words and pending.stage not in self._ids else ""
        named = name in self._base.order
        if named:
            self._came[name] = name
            self._stripped.add(name)
            self._changes.tell("deleted", name, cells[0], "its code: its words stay, as a stage of text")
        name = name or self._free(slug(title) or "text")
        if not named:  # by us alone: it is the stage that its cell is
            self._plain[name] = known_as(cells[0])
            self._changes.not_said(name, ("id", "runtime"))
        for cell in pending.extra:
            self._changes.tell("added", name, cell, "a stage of text")
        self._stages.append(Stage(id=name, title=title, description=rest, runtime="none"))
        self._ids.add(name)

    # -- code ----------------------------------------------------------------------------------------------

    def _code(self, cell: Cell, role: Role) -> None:
        name = role.get("role")
        first, _, rest = cell.source.partition("\n")
        if cell.id in self._split:
            self._split_off(cell, role, self._split[cell.id])
        elif is_header(first.rstrip()):
            self._stage(self._cells.code(cell, role, first.rstrip(), rest), cell)
        elif name == "params":
            self._params.take(cell)
        elif name == "open":
            if not is_opening(cell.source):
                self._changes.tell(
                    "left_out", "", cell, "the cell that opens the lab is in the notebook only"
                )
        elif name == "run":
            if not is_running(cell.source, self._params.known):
                self._changes.tell("left_out", "", cell, "the cell that runs the lab is in the notebook only")
        elif cell.is_injected and not role:
            self._params.inject(cell)
        elif cell.source.strip():
            stage = self._cells.without_a_line(cell, role)
            self._plain |= {} if role and cell.id_derived else {stage.id: known_as(cell)}
            self._stage(stage, cell)

    def _stage(self, stage: Stage | None, cell: Cell) -> None:
        if stage is not None:
            self._add(self._with_text(stage, cell), cell)

    def _split_off(self, cell: Cell, role: Role, of: str) -> None:
        """A part of a stage, without its words: see `split`."""
        stage = self._cells.part(cell, role, self._free(of))
        bare = replace(cell, metadata={})
        before = len(self._stages)
        self._stage(stage, bare)
        name = self._stages[before].id
        self._parts[name] = of
        if not is_header(cell.source.partition("\n")[0].rstrip()):
            self._plain[name] = known_as(cell)
            self._changes.not_said(name, ("id",))

    def _wire_parts(self) -> None:
        """Let what a stage that was split took and gave go with its code."""
        for of in dict.fromkeys(self._parts.values()):
            name = next((name for name, was in self._came.items() if was == of), "")
            cell = next((cell for was, now, cell in self._places if (was, now) == (of, name)), None)
            names = [name, *(part for part, whole in self._parts.items() if whole == of)]
            stages = {stage.id: stage for stage in self._stages}
            whole = None if cell is None else self._cells.exported(role_of(cell))
            if cell is None or whole is None:
                continue
            parts = rewired(whole, [stages[one] for one in names], self._plain)
            if parts[0] != stages[name]:
                self._changes.tell("header", name, cell, "outputs: they are split as its code is")
            for part, why in held_together(parts):
                self._changes.tell("split", part.id, None, why)
            now = {stage.id: stage for stage in parts}
            self._stages = [now.get(stage.id, stage) for stage in self._stages]
            for at, stage in enumerate(self._stages):
                if stage.id not in now and (follows := following(stage, parts)) != stage:
                    self._stages[at] = follows
                    self._changes.tell("renamed", stage.id, None, f"what it names of {name}, which was split")

    def _with_text(self, stage: Stage, cell: Cell) -> Stage:
        """The stage with its own words, wherever they stand, else those above it of a stage whose code is gone."""
        name = name_of(cell)
        own = next((one for one in self._words.get(name or stage.id, []) if one.id not in self._said), None)
        if own is not None and self._pending.words is not None:
            extra, self._pending.extra = self._pending.extra, []
            self._rest_of_the_text()  # nobody's any more: a stage that has its own words stands below them
            self._pending.extra = extra
        pending, self._pending = self._pending, _Pending()
        words = own or pending.words
        self._said |= {words.id} if words else set()
        if words is None and name and name not in self._came.values():
            self._changes.tell("text", stage.id, cell, "the words above it are gone", won="metadata")
            self._changes.not_said(stage.id, ("title",) if pending.extra else ("title", "description"))
        elif words is not None and words.source not in (
            stage_text(stage),
            stage_text(stage.with_changes(id=name or stage.id)),
        ):
            self._changes.tell("text", stage.id, words, "its title or description")
            title, rest = taken_apart(words.source)
            unsaid = title == stage.id and not stage.title
            stage = stage.with_changes(title="" if unsaid else title, description=rest)
        for one in pending.extra:
            self._changes.tell("added", stage.id, one, "markdown, which goes into its description")
        texts = [*([stage.description] if stage.description else []), *(one.source for one in pending.extra)]
        return stage.with_changes(description="\n\n".join(texts)) if pending.extra else stage

    # -- what is common ------------------------------------------------------------------------------------

    def _add(self, stage: Stage, cell: Cell) -> None:
        if stage.id in self._ids:
            name = self._free(stage.id)
            self._changes.tell("copied", name, cell, f"a second cell is called {stage.id}")
            stage = stage.with_changes(id=name)
        self._ids.add(stage.id)
        self._stages.append(stage)
        if not role_of(cell):  # what only metadata says
            said = {*prints_of(stage), *FIRST_LINE, "code"}
            self._changes.not_said(stage.id, {*Stage.model_fields} - said)
        if name := name_of(cell):
            self._places.append((name, stage.id, cell))
            if name not in self._came.values():
                self._came[stage.id] = name

    def _free(self, name: str) -> str:
        taken = self._ids | set(self._base.order)
        if name not in taken:
            return name
        return next(f"{name}-{n}" for n in range(2, 10_000) if f"{name}-{n}" not in taken)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
