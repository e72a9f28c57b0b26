"""What a stage that calls an app hands on: files by the names of the app's artifacts, values of its nodes, its summary.

Everything lies in the store already; here it only gets the names under which the stage promises it.
"""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from agi_node.canonical import untag
from agi_node.errors import FAILED, AgiError
from agi_node.exact_json import exact_text, exact_value
from agi_node.handover import INLINE
from agi_node.keeping import filled
from agilab.contracts.lab_stages import is_file
from agilab.engine.graph import Node
from agilab.projects.branch import Branch
from agilab.projects.tasks import merged_by
from agilab.store.store import Store

SUMMARY = "summary"
_SAYS = ("name", "kind", "media_type", "size", "digest", "file")


@dataclass(frozen=True)
class Leavings:
    """What an app left for one item.

    Attributes:
        artifacts: What its units saved, each with the key of its unit; empty for a step or a node.
        values: Bodies of the nodes' results, by name.
        summary: The merged payload, in a list of one; empty where there is none.
    """

    artifacts: list[tuple[str, Mapping[str, Any]]]
    values: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    summary: list[Any] = field(default_factory=list)

    @classmethod
    def of_items(cls, branch: Branch, reduce: str) -> Leavings:
        """Of an app of items; `reduce` is the node that merged."""
        whole = merged_by(branch, reduce)
        saved: list[tuple[str, Mapping[str, Any]]] = [
            (key, {name: getattr(row, name) for name in _SAYS}) for key, row in branch.artifacts()
        ]
        return cls(saved, {}, [untag(whole["payload"])] if whole else [])

    @classmethod
    def of_nodes(cls, store: Store, bodies: Mapping[str, Mapping[str, Any]]) -> Leavings:
        """Of an app of nodes, from what finished each of them."""
        saved = [("", one) for body in bodies.values() for one in body.get("artifacts", ())]
        values = {name: body for name, body in bodies.items() if "value" in body or "value_digest" in body}
        return cls(saved, values)

    def named(self, name: str) -> list[tuple[str, Mapping[str, Any]]]:
        """JSON artifacts of a name: that of a step or node alone where there is one, else those of all units."""
        found = [
            (key, one) for key, one in self.artifacts if one["name"] == name and one["file"].endswith(".json")
        ]
        return _inner_last(found)

    def files(self, pattern: str) -> list[tuple[str, Mapping[str, Any]]]:
        """Artifacts whose file has such a name, in the same way; previews of tables are none."""
        found = [
            (key, one)
            for key, one in self.artifacts
            if fnmatch.fnmatchcase(_file(one), pattern)
            and not one["name"].endswith((".preview", ".together"))
        ]
        names = dict.fromkeys(_file(one) for _, one in found)
        return [
            each for name in names for each in _inner_last([both for both in found if _file(both[1]) == name])
        ]

    def there(self) -> Iterator[str]:
        """What a stage could promise."""
        yield from self.values
        if self.summary:
            yield SUMMARY
        for _, one in self.artifacts:
            yield _file(one)


def gathered(store: Store, stage: Node, item: Mapping[str, str], left: Leavings) -> dict[str, Any]:
    """`{"value", "artifacts"}` of a unit of the stage. Raises AGI-STAGE-101 for what the app did not leave."""
    gathering = _Gathering(store, stage, left)
    at = {name: exact_value(text) for name, text in item.items()}
    for name in stage.given["outputs"]:
        if is_file(name):
            gathering.file(name, filled(name, at))
        else:
            gathering.value(name)
    value = {"values": gathering.values, "files": gathering.files, "shown": None, "item": dict(item)}
    return {"value": value, "artifacts": gathering.artifacts}


class _Gathering:
    """What has been gathered so far, in the form in which a stage's worker would have reported it."""

    def __init__(self, store: Store, stage: Node, left: Leavings) -> None:
        self._store, self._stage, self._left = store, stage, left
        self.values: dict[str, Any] = {}
        self.files: dict[str, dict[str, str]] = {}
        self.artifacts: list[dict[str, Any]] = []

    def file(self, declared: str, path: str) -> None:
        """An output file: the artifact of that name in whatever folder; of a folder or pattern, all that fit."""
        folder, _, pattern = path.rpartition("/")
        found = self._left.files(pattern or "*")
        if not found:
            raise self._missing(f"the file {path}")
        names = [_file(one) for _, one in found]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise self._refused(
                f"promises the file {path}, and {names.count(twice)} work items left {twice}",
                f"keys {', '.join([key for key, one in found if _file(one) == twice][:4])}",
                f"an artifact that the app saves once, in publish; or the value {PurePosixPath(twice).stem}, a dict",
            )
        self.files[declared] = {}
        for _, one in found:
            place = f"{folder}/{_file(one)}" if folder else _file(one)
            self.files[declared][place] = self._kept({**one, "meta": {"path": place}})

    def value(self, name: str) -> None:
        """An output value: that of a node, a JSON artifact (of many units a dict by key), or the merged payload."""
        if name in self._left.values:
            self.values[name] = self._of_node(name, self._left.values[name])
        elif found := self._left.named(name):
            read = {key: untag(json.loads(self._store.objects.read(one["digest"]))) for key, one in found}
            self.values[name] = self._plain(name, read.get("", read))
        elif name == SUMMARY and self._left.summary:
            self.values[name] = self._plain(name, self._left.summary[0])
        else:
            raise self._missing(f"the value {name}")

    def _of_node(self, name: str, body: Mapping[str, Any]) -> dict[str, Any]:
        codec = body.get("codec")
        if codec is None:
            return self._plain(name, untag(self._store.value(dict(body))))
        from agi_node.encoding import MEDIA

        entry = {
            "name": name,
            "kind": "file",
            "media_type": MEDIA[codec],
            "size": body["value_size"],
            "digest": body["value_digest"],
            "file": f"{name}.{'bin' if codec == 'bytes' else codec}",
        }
        library = str(body["value_type"]).partition(".")[0]
        said = {} if codec == "bytes" else {"library": library}
        return {"kind": codec, "artifact": self._kept(entry), **said}

    def _plain(self, name: str, value: Any) -> dict[str, Any]:
        """Plain data as a stage hands it over: exactly, so that any stage, or a list that is walked, takes it."""
        text = exact_text(value)
        assert text is not None  # it was read from JSON
        if len(text) <= INLINE:
            return {"kind": "json", "text": text}
        data = text.encode()
        entry = {"name": name, "kind": "json", "media_type": "application/json", "size": len(data)}
        return {
            "kind": "json",
            "artifact": self._kept(
                {**entry, "digest": self._store.objects.put(data), "file": f"{name}.json"}
            ),
        }

    def _kept(self, entry: Mapping[str, Any]) -> str:
        """Take an artifact in under a name of its own; returns the name."""
        same = next((one for one in self.artifacts if one["digest"] == entry["digest"]), None)
        if same is not None and same["file"] == _file(entry):
            return str(same["name"])
        taken = {one["name"] for one in self.artifacts}
        name, number = entry["name"], 2
        while name in taken:
            name, number = f"{entry['name']}-{number}", number + 1
        self.artifacts.append({**entry, "name": name, "file": _file(entry)})
        return str(name)

    def _missing(self, what: str) -> AgiError:
        there = list(dict.fromkeys(self._left.there()))
        more = f" and {len(there) - 8:,} more" if len(there) > 8 else ""
        return self._refused(
            f"promises {what}, and its app did not leave it",
            ", ".join(there[:8]) + more or "the app left nothing",
            "what the app saves with run.save_…, the names of its nodes, or summary",
        )

    def _refused(self, what: str, found: str, allowed: str) -> AgiError:
        return AgiError(
            "AGI-STAGE-101",
            f"stage {self._stage.name} {what}",
            found=found,
            allowed=allowed,
            try_="agilab workflow show",
            whose="author",
            exit_code=FAILED,
        )


def _file(entry: Mapping[str, Any]) -> str:
    """The name of an artifact's file, whatever its folder."""
    return str(entry["file"]).rpartition("/")[2]


def _inner_last(found: list[tuple[str, Mapping[str, Any]]]) -> list[tuple[str, Mapping[str, Any]]]:
    """What a step or node saved alone, where there is such; it speaks for the whole, and units for themselves."""
    whole = [both for both in found if both[0] == ""]
    return whole[-1:] if whole else found
