"""What each stage is given: the values and files that others made, by digest, and the item that it works on."""

from __future__ import annotations

import fnmatch
import glob
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from agi_node.canonical import untag
from agi_node.errors import FAILED, AgiError
from agi_node.handover import exact_value
from agi_node.stage import filled
from agi_node.values import NOT_PLAIN, as_plain
from agilab.engine.executor import Task
from agilab.engine.expansion import Item, items_for
from agilab.engine.foreach import Items, Nested, Over, Product, Zip
from agilab.engine.graph import Graph, Node
from agilab.engine.state import Unit
from agilab.engine.tasks import Needs, attempt_of, plain_digest
from agilab.flow.order import FlowTasks
from agilab.projects.inputs import FileDigests
from agilab.store.store import Store
from agilab.store.transitions import WITH_VALUE
from agilab.workflow.running.app_stages import CalledApp, handed_on, of_an_app
from agilab.workflow.running.graph import entries

_KEPT = ("value", "value_digest", "artifacts")
Form = dict[str, Any]


class StageTasks(FlowTasks):
    """Gives stages their inputs.

    Responsible for: which value or file of which unit a stage reads, and the digests of all that.
    Not responsible for: reading any of it; only the worker of the stage's environment does.
    """

    def __init__(
        self,
        store: Store,
        run_id: str,
        graph: Graph,
        roots: Mapping[str, str],
        *,
        called: Mapping[str, Mapping[str, str]] | None = None,
        digests: FileDigests | None = None,
        max_units: int = 10_000,
    ) -> None:
        super().__init__(store, run_id, graph, max_units=max_units)
        self._roots = roots
        self._nodes = {node.name: node for node in graph.nodes}
        self._last = of_an_app(graph)
        self._apps: dict[str, CalledApp] = {}
        for name, node in self._last.items():
            assert called is not None
            assert digests is not None
            self._apps[name] = CalledApp(
                store, run_id, node, called[name], digests, self._value_of, partial(self._files_of, node)
            )

    def remembers(self, node: Node) -> bool:
        if (app := self._app(node)) is not None:
            return app.remembers(node)
        return node.name not in self._last and super().remembers(node)

    def _app(self, node: Node) -> CalledApp | None:
        """Who knows what a node of a called app is given; None for a stage."""
        return self._apps.get(node.name.partition("/")[0]) if "/" in node.name else None

    def recorded(self, unit: Unit, body: Mapping[str, Any]) -> None:
        if unit.node in self._wanted:
            self._bodies[unit.unit_id] = {name: body[name] for name in _KEPT if name in body}

    def items(self, node: Node, under: Unit | None) -> list[Item]:
        """The items of a stage, each with its exact JSON as payload."""
        if (app := self._app(node)) is not None:
            return app.items(node, under)
        return items_for(replace(node, foreach=self._listed(node.foreach, under)), lambda name: None)

    def _listed(self, foreach: Any, under: Unit | None) -> Any:
        if isinstance(foreach, (Over, Nested)):
            unit_id = under.unit_id if under else foreach.node
            form = self._left(unit_id)["values"][foreach.value]
            return Items(entries(self._plain(form, unit_id, foreach.value), foreach.value))
        if isinstance(foreach, (Product, Zip)):
            axes = {name: self._listed(axis, under) for name, axis in foreach.axes.items()}
            return replace(foreach, axes=axes)
        return foreach

    def _plain(self, form: Form, unit_id: str, name: str) -> Any:
        """A value that the manager must know: a list to walk. Anything that needs a library stays with the workers."""
        if form["kind"] != "json":
            kind = form.get("type") or form.get("library") or form["kind"]
            return entries(object(), f"{name} (a value of kind {kind})")
        if "text" in form:
            return exact_value(form["text"])
        return exact_value(self._store.objects.read(self._digest_of(unit_id, form)).decode())

    def task(self, unit: Unit, node: Node, payload: Any, needs: Needs, attempt_id: str, folder: Path) -> Task:
        if (app := self._app(node)) is not None:
            return app.task(unit, node, payload, needs, attempt_id, folder)
        args = node.args
        item = self._item(node, payload, needs)
        if node.name in self._last:
            given = handed_on(self._store, self._run_id, node)
        else:
            given = {
                "values": dict(self._values(unit, node, self._in_order(needs))),
                "files": list(self._files(node, self._in_order(needs), item)),
                "item": item,
            }
        path: Path | None = None
        if any(given.values()):
            path = folder / "staging" / f"{attempt_id}.stage.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(given, ensure_ascii=False, separators=(",", ":")), encoding="utf-8")
        order = {name: args[name] for name in ("code", "file", "carried", "outputs", "also") if name in args}
        return attempt_of(self._run_id, unit, node, attempt_id, folder, args=order, payload=None, inputs=path)

    def identity(self, unit: Unit, node: Node, payload: Any, needs: Needs) -> tuple[str, str] | None:
        """Digests of what a stage promises and works on, and of everything that it reads."""
        if (app := self._app(node)) is not None:
            return app.identity(unit, node, payload, needs)
        if node.name in self._last:
            return None  # it hands on what the app's own nodes left, at no cost
        item = self._item(node, payload, needs)
        read: list[Any] = []
        needs = self._in_order(needs)
        for one in node.args["inputs"]:
            if one["stage"] is None:
                continue
            for other in _each(needs.get(one["stage"])):
                if other.state in WITH_VALUE:
                    read.append([one["name"], one["called"], other.key, *self._seen(other, one)])
        for name, file in self._folder_files(node, item):
            read.append([name, file["path"], file["digest"]])
        args = {"outputs": node.args["outputs"], "params": node.args["params"], "item": item}
        if "also" in node.args:  # an earlier result without these fingerprints would not do
            args["also"] = node.args["also"]
        return plain_digest(args), plain_digest(read)

    def _value_of(self, one: Mapping[str, Any]) -> Any:
        """A value that an app takes as an argument: plain data of a stage that runs once."""
        form = self._left(one["stage"])["values"][one["name"]]
        plain = self._plain_or_none(one["stage"], form)
        if plain is NOT_PLAIN:
            raise AgiError(
                "AGI-STAGE-054",
                f"an app is to be given {one['name']} of {one['stage']}, which is no plain data",
                found=str(form.get("type") or form.get("library") or form["kind"]),
                allowed="numbers, texts, and lists and dicts of these; or a file",
                try_=f"write it to a file, and give that: {{out/{one['name']}.csv}}",
                whose="author",
                exit_code=FAILED,
            )
        return plain

    def _plain_or_none(self, unit_id: str, form: Form) -> Any:
        if form["kind"] != "json":
            return NOT_PLAIN
        text = (
            form["text"]
            if "text" in form
            else self._store.objects.read(self._digest_of(unit_id, form)).decode()
        )
        return as_plain(exact_value(text))

    def _files_of(self, node: Node, one: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Where the files of an input lie: made by a stage that runs once, or of the lab's folder."""
        if one["stage"] is None:
            return [
                {"path": file["path"], "source": self._in_the_folder(file), "digest": file["digest"]}
                for name, file in self._folder_files(node, {})
                if name == one["name"]
            ]
        artifacts = self._left(one["stage"])["files"].get(one["name"], {})
        found = []
        for path, name in artifacts.items():
            digest = self._digest_of(one["stage"], {"artifact": name})
            source = str(self._store.objects.path(digest))
            found.append({"path": path, "source": source, "digest": digest})
        return found

    def _in_the_folder(self, file: Mapping[str, Any]) -> str:
        return str(Path(self._roots[file["root"]], file["path"]))

    # -- what a unit left ----------------------------------------------------------------------------------

    def _left(self, unit_id: str) -> dict[str, Any]:
        found: dict[str, Any] = untag(self._store.value(self._body(unit_id)))
        return found

    def _digest_of(self, unit_id: str, form: Mapping[str, Any]) -> str:
        for artifact in self._body(unit_id).get("artifacts", ()):
            if artifact["name"] == form["artifact"]:
                return str(artifact["digest"])
        raise AssertionError(f"{unit_id} has no artifact {form['artifact']}")

    def _seen(self, unit: Unit, one: Mapping[str, Any]) -> list[Any]:
        """What tells an input from another: the text of a value, or the digests of its artifacts."""
        left = self._left(unit.unit_id)
        if one["kind"] == "value":
            form = left["values"][one["name"]]
            return [self._digest_of(unit.unit_id, form)] if "artifact" in form else [form]
        artifacts = left["files"].get(one["name"], {})
        return [[path, self._digest_of(unit.unit_id, {"artifact": name})] for path, name in artifacts.items()]

    # -- inputs --------------------------------------------------------------------------------------------

    def _item(self, node: Node, payload: Any, needs: Needs) -> dict[str, str]:
        """The items that a unit works on by name, as exact JSON: its own, and those of the stage that it nests in."""
        if node.foreach is None:
            return {}
        axes = untag(node.args["axes"])
        if isinstance(node.foreach, (Product, Zip)):
            return {name: str(untag(payload[name])) if payload[name] is not None else "null" for name in axes}
        own = {axes[0]: str(untag(payload))}
        if isinstance(node.foreach, Nested):
            (outer,) = _each(needs[node.foreach.node])
            return {**self._left(outer.unit_id)["item"], **own}
        return own

    def _values(self, unit: Unit, node: Node, needs: Needs) -> Iterator[tuple[str, Form]]:
        for called, value in node.args["params"].items():
            yield called, {"kind": "tagged", "value": value}
        for one in node.args["inputs"]:
            if one["kind"] == "value" and one["stage"] is not None:
                units = needs.get(one["stage"])
                if isinstance(units, list):
                    items = [
                        [_key_below(other, unit), self._form(other, one["name"], node)]
                        for other in units
                        if other.state in WITH_VALUE
                    ]
                    yield one["called"], {"kind": "many", "items": items}
                elif units is not None and units.state in WITH_VALUE:
                    yield one["called"], self._form(units, one["name"], node)
                else:
                    yield one["called"], {"kind": "tagged", "value": None}

    def _form(self, unit: Unit, name: str, node: Node) -> Form:
        form = dict(self._left(unit.unit_id)["values"][name])
        if form["kind"] == "pickle" and self._nodes[unit.node].environment != node.environment:
            return {"kind": "refused", "error": _no_crossing(unit, name, form, node).to_plain()}
        if "artifact" in form:
            form["path"] = str(self._store.objects.path(self._digest_of(unit.unit_id, form)))
        return form

    def _files(self, node: Node, needs: Needs, item: Mapping[str, str]) -> Iterator[dict[str, Any]]:
        changed = set(node.args["outputs"])
        for name, file in self._folder_files(node, item):
            copy = bool({name, file["path"]} & changed)
            place = {"path": file["path"], "source": self._in_the_folder(file), "size": file["size"]}
            yield {**place, "copy": copy}
        for one in node.args["inputs"]:
            if one["kind"] == "file" and one["stage"] is not None:
                for unit in _each(needs.get(one["stage"])):
                    if unit.state in WITH_VALUE:
                        yield from self._made(unit, one["name"], copy=one["name"] in changed)

    def _made(self, unit: Unit, name: str, *, copy: bool) -> Iterator[dict[str, Any]]:
        for path, artifact in self._left(unit.unit_id)["files"].get(name, {}).items():
            digest = self._digest_of(unit.unit_id, {"artifact": artifact})
            yield {"path": path, "source": str(self._store.objects.path(digest)), "copy": copy}

    def _folder_files(self, node: Node, item: Mapping[str, str]) -> Iterator[tuple[str, dict[str, Any]]]:
        """The files of the lab's folder that a unit reads; those of its own item where the path names it."""
        values = {name: exact_value(text) for name, text in item.items()}
        for name, files in untag(node.args["files"]).items():
            mine = filled(name, values)
            pattern = "*" if mine == name else mine if glob.has_magic(mine) else glob.escape(mine)
            for file in files:
                if fnmatch.fnmatchcase(file["path"], pattern):
                    yield name, file


def _each(units: Unit | list[Unit] | None) -> Iterable[Unit]:
    return units if isinstance(units, list) else [units] if units is not None else []


def _key_below(unit: Unit, reader: Unit) -> str:
    """What tells a unit from the others that a reader gets: its keys without those that both have."""
    keys = unit.keys[len(reader.keys) :] if unit.keys[: len(reader.keys)] == reader.keys else unit.keys
    return "/".join(keys)


def _no_crossing(unit: Unit, name: str, form: Mapping[str, Any], node: Node) -> AgiError:
    return AgiError(
        "AGI-STAGE-115",
        f"stage {node.name} takes {name} from {unit.node}, which runs in another environment",
        found=f"{form.get('type', 'an object')}, which only its own environment can read",
        allowed="plain data, tables, arrays and bytes between environments",
        try_=f"hand over what {node.name} needs of it, or give both stages one env",
        whose="author",
        exit_code=FAILED,
    )
