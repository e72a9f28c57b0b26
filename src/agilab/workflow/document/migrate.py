"""From a file of version 1 to one of version 2, and back: nothing lost, everything said, the old file kept."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from agi_node.errors import AgiError
from agilab.contracts.atomic import write_atomically
from agilab.contracts.base import parse_document
from agilab.contracts.lab_stages import LabStages
from agilab.contracts.syntax import BOM, parse_toml
from agilab.contracts.toml_layout import Path as Place
from agilab.contracts.toml_spelling import spelled_document
from agilab.workflow.document.locate import LabFile, read_lab_file
from agilab.workflow.legacy.comments import carried
from agilab.workflow.legacy.notes import Note
from agilab.workflow.legacy.reading import read_v1
from agilab.workflow.legacy.respelt import respelt, with_line_ends
from agilab.workflow.legacy.words import FIELDS, META
from agilab.workflow.legacy.writing import to_v1


@dataclass(frozen=True)
class Migration:
    """What was, or would be, written.

    Attributes:
        target: Where the new text goes.
        backup: Where the old file is kept, if its place is taken; None where nothing is written yet.
    """

    source: Path
    target: Path
    to: Literal["v1", "v2"]
    text: str
    notes: tuple[Note, ...]
    stages: int
    backup: Path | None = None
    written: bool = False

    @property
    def undo(self) -> str | None:
        """The command that brings the old file back."""
        return shlex.join(["mv", str(self.backup), str(self.target)]) if self.backup else None

    def to_plain(self) -> dict[str, Any]:
        """The same as JSON."""
        return {
            "status": "succeeded",
            "source": str(self.source),
            "target": str(self.target),
            "to": self.to,
            "stages": self.stages,
            "written": self.written,
            "backup": str(self.backup) if self.backup else None,
            "undo": self.undo,
            "notes": [
                {"line": note.line, "kind": note.kind, "stage": note.stage, "what": note.what}
                for note in self.notes
            ],
        }


def planned(
    path: Path, *, to: Literal["v1", "v2"] = "v2", output: Path | None = None, module: str | None = None
) -> Migration:
    """What a migration would write. Nothing is changed.

    Raises what reading raises, AGI-LAB-111 for a file that is of that version already or says nothing, AGI-LAB-106 for
    a module that is not there.
    """
    file = read_lab_file(path, module=module)
    if not parse_toml(file.text, str(path)):
        raise AgiError(
            "AGI-LAB-111",
            f"{path} is empty, and of no version",
            found="no key and no table",
            allowed="a lab of version 1 or 2",
            try_="agilab workflow new .",
        )
    if file.dialect == to:
        raise AgiError(
            "AGI-LAB-111",
            f"{path} is of version {to[1]} already",
            found=f"{len(file.lab.stages)} stages",
            try_="agilab workflow show"
            if to == "v2"
            else f"agilab workflow migrate {shlex.quote(str(path))}",
        )
    target = output or path
    if to == "v1":
        text, notes = _as_v1(file), tuple(respelt(file.text))
    else:
        assert file.converted is not None
        text, notes = _as_v2(file), (*file.converted.notes, *respelt(file.text))
    notes = tuple(sorted(notes, key=lambda note: note.line))
    return Migration(path, target, to, with_line_ends(text, file.text), notes, len(file.lab.stages))


def migrate(planned: Migration) -> Migration:
    """Write it. A file whose place is taken is kept beside it, under a name that nothing has.

    Raises AGI-DOC-006 where the disk refuses; then nothing has changed.
    """
    backup = None
    if planned.target.exists():
        backup = backup_of(planned.target)
        write_atomically(backup, planned.target.read_bytes())
    mark = BOM.encode() if planned.source.read_bytes().startswith(BOM.encode()) else b""
    write_atomically(planned.target, mark + planned.text.encode("utf-8"))
    fields = {**planned.__dict__, "backup": backup, "written": True}
    return Migration(**fields)


def _as_v2(file: LabFile) -> str:
    text = spelled_document(file.lab.in_toml())
    assert file.converted is not None
    number = {place: at for at, place in enumerate(file.converted.places)}
    modules = {module for module, _ in file.converted.places}

    def place(path: Place) -> Place:
        stage = number.get((str(path[0]), path[1] if len(path) > 1 and isinstance(path[1], int) else -1))
        if stage is None and path[0] != META and path[0] not in modules:
            return ("lab", "extra", "v1", "top", *path)
        if stage is None:
            return (
                ("lab", "extra", "v1", "meta")
                if path[0] == META and path[1:] not in ((), ("schema",))
                else ("schema",)
            )
        if len(path) == 2:
            return ("stages", stage)
        field = FIELDS.get(str(path[2]))
        return ("stages", stage, field) if field else ("stages", stage, "extra", *path[2:])

    return _sure(carried(file.text, text, place), text, lambda one: parse_document(one, LabStages, "v2"))


def _as_v1(file: LabFile) -> str:
    plain = to_v1(file.lab)
    text = spelled_document(plain)
    order = read_v1(text, "v1")
    number = {stage.id: place for stage, place in zip(order.lab.stages, order.places, strict=True)}

    def place(path: Place) -> Place:
        if path[:1] == ("stages",) and len(path) > 1 and isinstance(path[1], int):
            begin = number.get(file.lab.stages[path[1]].id, ())
            fields = [key for key, field in FIELDS.items() if len(path) > 2 and field == path[2]]
            return (*begin, *fields[:1])
        if path[:3] == ("lab", "extra", "v1"):
            return path[4:] if path[3:4] == ("top",) else (META, *path[4:])
        return (META, "schema") if path == ("schema",) else (META,)

    return _sure(carried(file.text, text, place), text, lambda one: read_v1(one, "v1").lab)


def _sure(text: str, without: str, read: Callable[[str], LabStages]) -> str:
    """The text with the comments, if it means what the one without them means."""
    return text if read(text) == read(without) else without


def backup_of(path: Path) -> Path:
    """A name beside a file that nothing has: `lab_stages.toml.bak`, then `.bak2` …"""
    taken: Sequence[str] = [
        one.name for one in path.parent.iterdir() if one.name.startswith(f"{path.name}.bak")
    ]
    numbers = [int(found[1] or 1) for name in taken if (found := re.fullmatch(r".*\.bak(\d*)", name))]
    return path.with_name(f"{path.name}.bak{max(numbers) + 1 if numbers else ''}")
