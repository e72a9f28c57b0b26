"""What the units of a lab's run left: their values and files, as the events that finished them say.

Reads lists that stages walk and plain data that an app is given, which are JSON. Anything that needs a library stays
with the workers; a pickle is never read here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from agi_node.canonical import untag
from agi_node.errors import FAILED, AgiError
from agi_node.exact_json import exact_value
from agi_node.handover import BESIDE
from agi_node.values import NOT_PLAIN
from agilab.engine.state import Unit
from agilab.store.store import Store
from agilab.workflow.document.walked import entries, for_an_app, no_list

Form = dict[str, Any]
"""How a value is read, as `agi_node.handover` has it."""


class Left:
    """Responsible for: finding the value or file that an input names. Not for: whose it is, and who gets it.

    `body` gives the body of the event that finished a unit.
    """

    def __init__(self, store: Store, body: Callable[[str], Mapping[str, Any]]) -> None:
        self._store = store
        self._body = body

    def of(self, unit_id: str) -> dict[str, Any]:
        """`{"values", "files", "item", …}` of a unit that succeeded."""
        found: dict[str, Any] = untag(self._store.value(dict(self._body(unit_id))))
        return found

    def form(self, unit_id: str, name: str) -> Form:
        """How a value that a unit left is read, with the place of its file where it is one."""
        form: Form = dict(self.of(unit_id)["values"][name])
        if "artifact" in form:
            form["path"] = str(self._store.objects.path(self._digest(unit_id, form["artifact"])))
        if (digest := self.together(unit_id, name)) is not None:
            place = {"path": str(self._store.objects.path(digest)), "unit": unit_id}
            form["together"] = {**form["together"], **place}
        return form

    def together(self, unit_id: str, name: str) -> str | None:
        """The digest of what a value was written into with others that hold the same objects; None for most."""
        together = self.of(unit_id)["values"][name].get("together")
        return None if together is None else self._digest(unit_id, together["artifact"])

    def seen(self, unit_id: str, one: Mapping[str, Any]) -> list[Any]:
        """What tells an input from another: the text of a value, or the digests of its artifacts."""
        left = self.of(unit_id)
        if one["kind"] == "value":
            form = left["values"][one["name"]]
            if "artifact" not in form:
                return [{said: told for said, told in form.items() if said != "together"}]
            beside = [form[said] for said in BESIDE if said in form]
            return [self._digest(unit_id, form["artifact"]), *beside]
        artifacts = left["files"].get(one["name"], {})
        return [[path, self._digest(unit_id, name)] for path, name in artifacts.items()]

    def files(self, unit_id: str, name: str) -> Iterator[dict[str, Any]]:
        """The files that a unit left for an output: path, where its bytes lie, and their digest."""
        for path, artifact in self.of(unit_id)["files"].get(name, {}).items():
            digest = self._digest(unit_id, artifact)
            source = str(self._store.objects.path(digest))
            yield {"path": path, "source": source, "digest": digest, "stored": True}

    def entries(self, unit_id: str, name: str) -> list[dict[str, str]]:
        """A list that a unit left, as the items to walk. Raises AGI-RUN-030 for what is no list of data."""
        form = self.of(unit_id)["values"][name]
        if form["kind"] != "json":
            raise no_list(name, *_kind_of(form))
        return entries(self._exact(unit_id, form), name)

    def plain(self, unit: Unit, name: str) -> Any:
        """A value that an app can be given. Raises AGI-STAGE-054 for one that is no plain data."""
        form = self.of(unit.unit_id)["values"][name]
        found = for_an_app(self._exact(unit.unit_id, form)) if form["kind"] == "json" else NOT_PLAIN
        if found is NOT_PLAIN:
            kind = str(form.get("type") or form.get("library") or form["kind"])
            raise no_plain(
                f"{name} of {unit.node}", kind, f"write it to a file, and give that: {{out/{name}.csv}}"
            )
        return found

    def _exact(self, unit_id: str, form: Mapping[str, Any]) -> Any:
        if "text" in form:
            return exact_value(form["text"], plain=True)
        return exact_value(
            self._store.objects.read(self._digest(unit_id, form["artifact"])).decode(), plain=True
        )

    def _digest(self, unit_id: str, name: str) -> str:
        for artifact in self._body(unit_id).get("artifacts", ()):
            if artifact["name"] == name:
                return str(artifact["digest"])
        raise AssertionError(f"{unit_id} has no artifact {name}")


def no_plain(what: str, found: str, mend: str) -> AgiError:
    """An app takes plain data only."""
    return AgiError(
        "AGI-STAGE-054",
        f"an app is to be given {what}, which is no plain data",
        found=found,
        allowed="numbers, texts, dates, and lists and dicts of these; or a file",
        try_=mend,
        whose="author",
        exit_code=FAILED,
    )


def _kind_of(form: Form) -> tuple[str, str]:
    """The name of a value's type, and what it is in words: what is no plain data is not read here."""
    if form["kind"] == "npy":
        return "ndarray", "an array of numpy"
    if (library := form.get("library")) is not None:
        return "DataFrame", f"a table of {library}"
    kind = str(form.get("type") or form["kind"])
    odd = f": item {form['holds']}" if form.get("holds") else ""
    return kind.rpartition(".")[2], f"a value of type {kind}{odd}"
