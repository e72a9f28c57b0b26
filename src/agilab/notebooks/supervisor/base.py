"""What a lab was when it and its notebook last agreed: by it an edit on either side is told.

That is its export, as the notebook remembers it, until an import has joined the two; then it is what the notebook said
at that import, as `git merge` takes the last common commit.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from agilab.contracts.lab_stages import Lab, LabStages, Stage
from agilab.contracts.moments import dated_as
from agilab.notebooks.document.cells import Notebook
from agilab.notebooks.supervisor.cell_text import Ends
from agilab.notebooks.supervisor.kernel import KEY
from agilab.notebooks.supervisor.prints import (
    Prints,
    digest_of,
    in_order,
    prints,
    prints_of,
    said,
    short_digest,
)

ORDER = "order"
"""The key, within ours, of the stages' names in their order, by which a cell that was moved or deleted is told."""
WAS = "was"
"""The key, within ours, of digests of all that was said: of a cell that is gone nothing else is left."""
KINDS = "kinds"
"""The key, within ours, of what a document's TOML has and metadata has not: dates and times."""


def remembered(document: LabStages) -> dict[str, Any]:
    """What the metadata of a notebook keeps of a lab, so that an edit of the lab is told later."""
    stages = {stage.id: short_digest(said(stage)) for stage in document.stages}
    theirs = {"notebook": short_digest(document.lab.notebook)} if document.lab.notebook else {}
    about: dict[str, Any] = {WAS: {"lab": short_digest(said(document.lab)), **theirs, "stages": stages}}
    return {ORDER: list(stages), **about} if stages else about


def words_id(stage: str) -> str:
    """The id of the cell with the words of a stage (nbformat has room for 64 letters)."""
    return f"{stage[:58]}-text"


def mark_of(about: Mapping[str, Any]) -> str:
    """What tells one export from another: a digest of what its metadata keeps; empty where it keeps nothing."""
    kept = {name: about[name] for name in (ORDER, WAS) if name in about}
    return short_digest(kept) if kept else ""


@dataclass(frozen=True)
class Then:
    """What a stage, or the lab, was.

    Attributes:
        whole: A digest of all that was said, empty where nobody kept it.
        fields: Fingerprints of each field; None where only the whole is known.
    """

    whole: str = ""
    fields: Prints | None = None

    def was(self, record: Lab | Stage) -> bool:
        """Whether a record says the same now."""
        if self.whole:
            return self.whole == short_digest(said(record))
        return self.fields is not None and _as_written(self.fields, record) == prints_of(record)

    def was_but(self, record: Lab | Stage, unsaid: Collection[str]) -> bool:
        """Whether a record says the same now, some fields aside."""
        if not unsaid or self.fields is None:
            return self.was(record)
        now, then = (
            {name: one for name, one in side.items() if name not in unsaid}
            for side in (prints_of(record), _as_written(self.fields, record))
        )
        return now == then

    def beside(self, *records: Lab | Stage) -> Prints | None:
        """The fingerprints of each field, also by a record that says the same now; None where nobody knows them."""
        if self.fields is not None:
            found = self.fields
            for record in records:
                found = _as_written(found, record)
            return found
        return next((prints_of(record) for record in records if self.was(record)), None)


def _as_written(fields: Prints, record: Lab | Stage) -> Prints:
    """Fingerprints with that of a record's code, where they have that of the same code as its cell shows it.

    A cell that lost its metadata cannot say how its code ended.
    """
    code = record.code if isinstance(record, Stage) else None
    if not code or fields.get("code") != digest_of(Ends.of(code).cell(code)):
        return fields
    return {**fields, "code": digest_of(code)}


@dataclass(frozen=True)
class Base:
    """A lab as it was when it and its notebook agreed. A stage goes by the *key* that it had at the export.

    Attributes:
        mark: Which export the notebook is of, empty where it does not say.
        order: The keys of its stages.
        lab: What was said of the lab.
        metadata: A digest of other tools' metadata, which the notebook does not keep apart.
        stages: What was said of each stage, by key.
        names: The key of a stage by what its document called it.
        cells: The key of a stage by the cell that it is, where that has no name for it.
        exported: The lab as it was exported, where this one is of a later import.
        number: Which import that is.
        undone: What of the document, by name and empty for the lab, is again as it was before an import changed it.
    """

    mark: str = ""
    order: tuple[str, ...] = ()
    lab: Then = field(default_factory=Then)
    metadata: str | None = None
    stages: Mapping[str, Then] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    cells: Mapping[str, str] = field(default_factory=dict)
    exported: Base | None = None
    number: int | None = None
    undone: frozenset[str] = frozenset()

    @classmethod
    def of(cls, notebook: Notebook) -> Base:
        """What a notebook remembers; nothing where nobody exported it, or its metadata is gone."""
        about = _mapping(notebook.metadata.get(KEY))
        kinds = _mapping(about.get(KINDS))
        was = _mapping(about.get(WAS))
        told = _told(notebook, _mapping(kinds.get("stages")))
        digests = _mapping(was.get("stages"))
        listed = about.get(ORDER)
        order = [str(name) for name in listed] if isinstance(listed, list) else []
        names = tuple(dict.fromkeys([*order, *told]))
        lab = dated_as(dict(_mapping(about.get("lab"))), _only(kinds.get("lab"), "params"))
        return cls(
            mark_of(about),
            names,
            Then(_digest(was.get("lab")), prints(in_order(lab), None) if about else None),
            _digest(was.get("notebook")) or (short_digest({}) if about else None),
            {name: Then(_digest(digests.get(name)), told.get(name)) for name in names},
            {name: name for name in names},
            {words_id(name): name for name in names},
        )

    @property
    def first(self) -> Base:
        """The lab as it was exported."""
        return self.exported or self

    def later(self, given: Mapping[str, Any]) -> Base:
        """The lab as its notebook said it at its last import; itself where `given` is nothing, or of another export."""
        mark = given.get("mark")
        if mark is None or (self.mark and mark != self.mark):
            return self
        stages = {str(key): Then("", _mapping(one)) for key, one in _mapping(given.get("stages")).items()}
        names, cells = (
            {str(name): str(key) for name, key in _mapping(given.get(some)).items()}
            for some in ("names", "cells")
        )
        lab = Then("", _mapping(given.get("lab")))
        number, undone = given.get("number"), frozenset(map(str, given.get("undone", ())))
        return Base(self.mark, tuple(stages), lab, None, stages, names, cells, self.first, number, undone)

    def knows(self, key: str) -> bool:
        """Whether it can be told that a stage is as it was."""
        then = self.stages.get(key, Then())
        return bool(then.whole) or then.fields is not None

    def of_stage(self, key: str) -> Then:
        """What a stage was; nothing of one that was not there."""
        return self.stages.get(key, Then())

    def of_lab(self, *labs: Lab) -> Prints:
        """The fingerprints of what was said of the lab; of other tools' metadata as one of these labs still has it."""
        found = dict(self.lab.fields or {})
        if self.metadata is not None:
            known = (lab for lab in labs if short_digest(lab.notebook) == self.metadata)
            if (one := next(known, None)) is not None and "notebook" in (kept := prints_of(one)):
                found["notebook"] = kept["notebook"]
        return found


def _told(notebook: Notebook, kinds: Mapping[str, Any]) -> dict[str, Prints]:
    """For each stage whose cell is still there what its metadata says of it."""
    found: dict[str, Prints] = {}
    for cell in notebook.cells:
        role = _mapping(cell.metadata.get(KEY))
        fields = role.get("fields")
        if isinstance(fields, Mapping) and (name := str(fields.get("id"))) not in found:
            plain = dated_as(dict(fields), _only(kinds.get(name), "foreach"))
            found[name] = prints(in_order(plain), role.get("code_digest"))
    return found


def _digest(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _only(kinds: Any, name: str) -> dict[str, Any]:
    """The kinds of one field: of others a document has the text alone."""
    return {name: _mapping(kinds).get(name)}


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
