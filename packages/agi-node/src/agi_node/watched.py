"""Values that other stages take too: did the code of this one change them where they stand?

A notebook has one copy of a value, so that cells below see what was done to it. Stages have one each: what is done to
it is gone at the end of a stage that does not give it on. Both can be meant, and only whoever runs the code knows
whether anything was done at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agi_node import pickles
from agi_node.artifacts import Staging
from agi_node.errors import AgiError
from agi_node.exact_json import exact_text
from agi_node.handover import Form, take_over
from agi_node.together import is_small

MOST = 64 * 2**20
"""Bytes of a value from which on nobody looks: it would have to be written down once more."""


class Watched:
    """The values of some forms, as they were bound before the code ran.

    Responsible for: `changed` names those that are other values now, of the same objects. A name that the code binds
    anew says nothing: what it was bound to before is as it was, or nobody's.
    Not responsible for: objects that cannot be written down or taken apart, and those above `MOST` bytes; of the
    values of `kin`, of which others may hold a part, those that hold no objects or are not small.
    """

    def __init__(
        self, names: list[str], kin: list[str], forms: Mapping[str, Form], space: Mapping[str, Any]
    ) -> None:
        self._forms = {name: forms[name] for name in names if name in forms and _size(forms[name]) <= MOST}
        self._forms |= {name: forms[name] for name in kin if name in forms and is_small(forms[name])}
        self._bound = {name: space[name] for name in self._forms}

    def changed(self, space: Mapping[str, Any], scratch: Path) -> list[str]:
        """The names whose values were changed in place. Costs a look at each; what looks different is read again."""
        return [
            name
            for name, form in self._forms.items()
            if space.get(name) is self._bound[name] and _is_changed(name, form, space[name], scratch)
        ]


def _is_changed(name: str, form: Form, value: Any, scratch: Path) -> bool:
    text = exact_text(value)
    if text is not None and form["kind"] in ("json", "tagged"):
        known = "text" in form and "inside" not in form
        return text != (form["text"] if known else exact_text(take_over(form)))
    if form["kind"] == "pickle" and _has_its_bytes(name, form, value):
        return False
    before = _mark(name, take_over(form), scratch / "before")
    return before is not None and _mark(name, value, scratch / "now") != before


def _has_its_bytes(name: str, form: Form, value: Any) -> bool:
    """Whether an object is written down as it was: then nothing of it changed. Other bytes say nothing."""
    try:
        return pickles.written(value, name) == Path(form["path"]).read_bytes()
    except AgiError:
        return False


def _mark(name: str, value: Any, folder: Path) -> str | None:
    """What is the same exactly if two values are; None where that cannot be told. An object's text may well be new."""
    from agi_node.notebook_values import judged

    found = judged(name, value, Staging(folder / name))
    return found.get("digest") or (found.get("text") if found.get("kind") != "object" else None)


def _size(form: Form) -> int:
    if form["kind"] in ("module", "refused"):
        return MOST + 1  # nothing to look at
    if form["kind"] == "many":
        return sum(_size(one) for _, one in form["items"])
    return Path(form["path"]).stat().st_size if "path" in form else 0
