"""What a lab was when its notebook was made, as far as the notebook remembers: by it an edit on either side is told."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from agi_node.canonical import sha256_bytes
from agilab.contracts.lab_stages import Lab, LabStages, Stage
from agilab.contracts.moments import dated_as
from agilab.notebooks.cells import Notebook
from agilab.notebooks.supervisor.kernel import KEY

ORDER = "order"
"""The key, within ours, of the stages' names in their order, by which a cell that was moved or deleted is told."""
WAS = "was"
"""The key, within ours, of digests of all that was said: of a cell that is gone nothing else is left."""
KINDS = "kinds"
"""The key, within ours, of what a document's TOML has and metadata has not: dates and times."""
_SHORT = 16


def said(record: Lab | Stage) -> dict[str, Any]:
    """What a record says, as data; without what runs write, and with the order of the lists that are walked."""
    return _in_order(record.in_toml(defaults=False))


def same(one: Any, other: Any) -> bool:
    """Whether data is the same, of the same kinds, in whatever order names stand.

    >>> same({"a": 1, "b": 2}, {"b": 2, "a": 1}), same([1], [True]), same(None, {})
    (True, False, False)
    """
    return _text(one) == _text(other)


def _in_order(plain: Mapping[str, Any]) -> dict[str, Any]:
    found = {name: value for name, value in plain.items() if name != "last_run"}
    if isinstance(lists := found.get("foreach"), Mapping):
        found["foreach"] = [list(pair) for pair in lists.items()]
    return found


def remembered(document: LabStages) -> dict[str, Any]:
    """What the metadata of a notebook keeps of a lab, so that an edit of the lab is told later."""
    stages = {stage.id: _digest(said(stage)) for stage in document.stages}
    theirs = {"notebook": _digest(document.lab.notebook)} if document.lab.notebook else {}
    about: dict[str, Any] = {WAS: {"lab": _digest(said(document.lab)), **theirs, "stages": stages}}
    return {ORDER: list(stages), **about} if stages else about


@dataclass(frozen=True)
class Base:
    """A lab as it was exported.

    Attributes:
        order: Its stages.
        lab: What was said of the lab, without other tools' metadata.
        stages: For each stage whose cell is still there what was said of it, without its code.
        codes: For each of these the digest of its code, None where it had none.
        was: Digests of all that was said, where the notebook has them: of stages by name, and of the lab.
        later: The same of what the notebook itself gave to the lab since, as `remembered` spells it.
    """

    order: tuple[str, ...] = ()
    lab: Mapping[str, Any] = field(default_factory=dict)
    stages: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    codes: Mapping[str, str | None] = field(default_factory=dict)
    was: Mapping[str, Any] = field(default_factory=dict)
    later: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, notebook: Notebook) -> Base:
        """What a notebook remembers; nothing where nobody exported it, or its metadata is gone."""
        about = _mapping(notebook.metadata.get(KEY))
        kinds = _mapping(about.get(KINDS))
        of_stages = _mapping(kinds.get("stages"))
        stages: dict[str, Mapping[str, Any]] = {}
        codes: dict[str, str | None] = {}
        for cell in notebook.cells:
            role = _mapping(cell.metadata.get(KEY))
            if (
                isinstance(fields := role.get("fields"), Mapping)
                and (name := str(fields.get("id"))) not in stages
            ):
                stages[name] = _in_order(dated_as(dict(fields), _only(of_stages.get(name), "foreach")))
                codes[name] = role.get("code_digest")
        listed = about.get(ORDER)
        order = [str(name) for name in listed] if isinstance(listed, list) else []
        names = tuple(dict.fromkeys([*order, *stages]))
        lab = dated_as(dict(_mapping(about.get("lab"))), _only(kinds.get("lab"), "params"))
        return cls(names, lab, stages, codes, _mapping(about.get(WAS)))

    def knows(self, stage: str) -> bool:
        """Whether it can be told that a stage is as it was."""
        return stage in _mapping(self.was.get("stages")) or stage in self.stages

    def is_as_it_was(self, record: Lab | Stage) -> bool:
        """Whether a record, of the lab now, says what it said then, or what the notebook itself made of it."""
        if self.is_given(record):
            return True
        if isinstance(record, Lab):
            return bool(self.was.get("lab") == _digest(said(record)))
        known = _mapping(self.was.get("stages")).get(record.id)
        if known is not None:
            return bool(known == _digest(said(record)))
        fields = self.stages.get(record.id)
        now = said(record)
        code = now.pop("code", None)
        return same(fields, now) and self.codes.get(record.id) == (None if code is None else digest_of(code))

    def is_given(self, record: Lab | Stage) -> bool:
        """Whether a record says what the notebook gave to the lab when it was last imported."""
        later = _mapping(self.later.get(WAS))
        name = None if isinstance(record, Lab) else record.id
        known = later.get("lab") if name is None else _mapping(later.get("stages")).get(name)
        return bool(known is not None and known == _digest(said(record)))

    def orders(self) -> list[list[str]]:
        """The orders in which the stages stood then, and as the notebook gave them."""
        return [list(self.order), *([self.later[ORDER]] if ORDER in self.later else [])]

    def has_metadata(self, lab: Lab) -> bool:
        """Whether what other tools say of a lab is what they said then."""
        return bool(self.was.get("notebook", _digest({})) == _digest(lab.notebook))


def digest_of(code: str) -> str:
    """SHA-256 over a text, by which an edit is told."""
    return sha256_bytes(code.encode("utf-8", "surrogatepass"))


def _digest(plain: Any) -> str:
    return digest_of(_text(plain))[:_SHORT]


def _text(data: Any) -> str:
    return json.dumps(data, sort_keys=True, default=repr)


def _only(kinds: Any, name: str) -> dict[str, Any]:
    """The kinds of one field: of others a document has the text alone."""
    return {name: _mapping(kinds).get(name)}


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
