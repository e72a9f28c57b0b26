"""What each unit of a lab is given: the item that it works on, values and files of others, files of the folder."""

from __future__ import annotations

import fnmatch
import glob
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from agi_node.canonical import untag
from agi_node.errors import FAILED, AgiError
from agi_node.exact_json import exact_value
from agi_node.keeping import filled
from agilab.engine.foreach import Nested, Product, Zip
from agilab.engine.graph import Graph, Node
from agilab.engine.state import Unit
from agilab.engine.tasks import Needs
from agilab.projects.inputs import FileDigests
from agilab.store.transitions import WITH_VALUE
from agilab.workflow.running.left import Form, Left

_AXIS = re.compile(r"\{[A-Za-z_]\w*\}")
Item = dict[str, str]
"""What a unit works on: names of axes with their items as exact JSON, from the outermost in."""


class Given:
    """Responsible for: which value or file of which unit a stage reads. Not for: reading any of it.

    `roots` are the folders that files of the lab lie below; `digests` knows whether they still are what was planned.
    """

    def __init__(self, left: Left, graph: Graph, roots: Mapping[str, str], digests: FileDigests) -> None:
        self._left = left
        self._environments = {node.name: node.environment for node in graph.nodes}
        self._roots = roots
        self._digests = digests

    def item(self, node: Node, axes: Iterable[str], payload: Any, needs: Needs) -> Item:
        """The items that a unit works on: its own, called `axes`, and those of the stage that it nests in."""
        names = list(axes)
        if node.foreach is None:
            return {}
        if isinstance(node.foreach, (Product, Zip)):
            return {
                name: str(untag(payload[name])) if payload[name] is not None else "null" for name in names
            }
        own = {names[0]: str(untag(payload))}
        if isinstance(node.foreach, Nested):
            (outer,) = each(needs[node.foreach.node])
            return {**self._left.of(outer.unit_id)["item"], **own}
        return own

    def values(self, unit: Unit, node: Node, needs: Needs) -> Iterator[tuple[str, Form]]:
        """How each input value is read, by the name that it is bound to."""
        for called, value in node.args["params"].items():
            yield called, {"kind": "tagged", "value": value}
        for one in node.given["inputs"]:
            if one["kind"] == "value" and one["stage"] is not None:
                units = needs.get(one["stage"])
                if isinstance(units, list):
                    items = [
                        [key_below(other, unit), self._form(other, one["name"], node)]
                        for other in units
                        if other.state in WITH_VALUE
                    ]
                    yield one["called"], {"kind": "many", "items": items}
                elif units is not None and units.state in WITH_VALUE:
                    yield one["called"], self._form(units, one["name"], node)
                else:
                    yield one["called"], {"kind": "tagged", "value": None}

    def files(self, node: Node, needs: Needs, item: Item) -> Iterator[dict[str, Any]]:
        """Every input file: its path, and where its bytes lie; a copy where the stage may change it.

        One that an input names itself is that one, also where a pattern of another finds a file of that name. Raises
        AGI-STAGE-102 for a file of the folder that is not what was planned.
        """
        changed = set(node.given["outputs"])
        named = {one["name"] for one in node.given["inputs"]}
        for one in node.given["inputs"]:
            if one["kind"] == "file":
                for file in self.files_of(node, one, needs, item):
                    if file["path"] in named - {one["name"]}:
                        continue
                    place: dict[str, Any] = {
                        key: file[key]
                        for key in ("path", "source", "size", "digest", "stored")
                        if key in file
                    }
                    yield {**place, "copy": bool({one["name"], file["path"]} & changed)}

    def files_of(
        self, node: Node, one: Mapping[str, Any], needs: Needs, item: Item
    ) -> Iterator[dict[str, Any]]:
        """The files of one input: of the units that made them, or of the lab's folder. Raises as `files`."""
        if one["stage"] is not None:
            for unit in each(needs.get(one["stage"])):
                if unit.state in WITH_VALUE:
                    yield from self._left.files(unit.unit_id, one["name"])
            return
        for file in self._of_the_folder(node, one["name"], item):
            yield {**file, "source": self._unchanged(file)}

    def read(self, node: Node, needs: Needs, item: Item) -> list[Any]:
        """All that a unit reads of others and of the folder, by what tells it from another."""
        found: list[Any] = []
        together: list[tuple[str, str]] = []
        for one in node.given["inputs"]:
            if one["stage"] is not None:
                for other in each(needs.get(one["stage"])):
                    if other.state in WITH_VALUE:
                        seen = self._left.seen(other.unit_id, one)
                        found.append([one["name"], one["called"], other.key, *seen])
                        if one["kind"] == "value" and self._environments[other.node] == node.environment:
                            digest = self._left.together(other.unit_id, one["name"])
                            together += [(other.unit_id, digest)] if digest is not None else []
        for name in node.given["files"]:
            for file in self._of_the_folder(node, name, item):
                found.append([name, file["path"], file["digest"]])
        # Who takes one value alone does not see which objects it has in common with others.
        found += [["together", one[1]] for one in dict.fromkeys(together) if together.count(one) > 1]
        return found

    def _form(self, unit: Unit, name: str, node: Node) -> Form:
        form = self._left.form(unit.unit_id, name)
        if "path" in form:
            form |= {"stage": unit.node, "called": name}  # for whoever cannot read it
        if self._environments[unit.node] != node.environment:
            if form["kind"] == "pickle":
                return {"kind": "refused", "error": _no_crossing(unit, name, form, node).to_plain()}
            form.pop("together", None)
        return form

    def _of_the_folder(self, node: Node, name: str, item: Item) -> Iterator[dict[str, Any]]:
        """Files of the lab's folder that an input names; those of the unit's own item where the path says so."""
        mine = pattern_of(name, item)
        pattern = "*" if mine == pattern_of(name, {}) else mine
        for file in node.given["files"].get(name, ()):
            if fnmatch.fnmatchcase(file["path"], pattern):
                yield file

    def _unchanged(self, file: Mapping[str, Any]) -> str:
        """Where a file of the folder lies. Costs a look at it; it is read only where size, mtime or inode changed."""
        path = Path(self._roots[file["root"]], file["path"])
        if path.is_file() and (now := self._digests.of([path])[0]) != file["digest"]:
            raise AgiError(
                "AGI-STAGE-102",
                f"the input file {file['path']} changed after the run was planned",
                found=f"{path.stat().st_size:,} bytes, digest {now[:12]}",
                allowed=f"{file['size']:,} bytes, digest {file['digest'][:12]}",
                try_="run the lab again: what it reads is settled when it begins",
                exit_code=FAILED,
            )
        return str(path)  # the worker says where nothing is there any more


def each(units: Unit | list[Unit] | None) -> Iterable[Unit]:
    """The units that a need has: several, one, or none."""
    return units if isinstance(units, list) else [units] if units is not None else []


def pattern_of(name: str, item: Item) -> str:
    """A file's path for the item, as a pattern; what is not walked stands for anything.

    Raises AGI-STAGE-103 for an item that would lead elsewhere.

    >>> pattern_of("out/{city}-{day}.csv", {"city": '"Oslo [N]"'})
    'out/Oslo [[]N]-*.csv'
    """
    values = {axis: exact_value(text) for axis, text in item.items()}
    filled(name, values)
    for axis, value in values.items():
        name = name.replace("{" + axis + "}", glob.escape(str(value)))
    return _AXIS.sub("*", name)


def key_below(unit: Unit, reader: Unit) -> str:
    """What tells a unit from the others that a reader gets: its keys without those that both have."""
    keys = unit.keys[len(reader.keys) :] if unit.keys[: len(reader.keys)] == reader.keys else unit.keys
    return "/".join(keys)


def _no_crossing(unit: Unit, name: str, form: Mapping[str, Any], node: Node) -> AgiError:
    found = f"{form.get('type', 'an object')}, which only its own environment can read"
    allowed = "plain data, tables, arrays and bytes between environments"
    try_ = f"hand over what {node.name} needs of it, or give both stages one env"
    if "why" in form:  # a table that was no table to those who wrote it down
        found = f"{form.get('type')} that {unit.node} had to pickle: {form['why']}"
        allowed = "a table that parquet or Arrow brings back as it is"
        try_ = f"{form['mend']}, where {unit.node} runs" if "mend" in form else try_
    elif "holds" in form:
        found += f": {name}{form['holds']}"
    return AgiError(
        "AGI-STAGE-115",
        f"stage {node.name} takes {name} from {unit.node}, which runs in another environment",
        found=found,
        allowed=allowed,
        try_=try_,
        whose="author",
        exit_code=FAILED,
    )
