"""What the nodes of an app are given that a stage calls: arguments filled in with values, files and items of the lab.

Everything else is what the app is given when it runs by itself (`projects.tasks`, `projects.node_tasks`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from agi_node.canonical import tag, untag
from agi_node.exact_json import exact_value
from agi_node.placing import show
from agi_node.values import NOT_PLAIN
from agilab.contracts.datum import in_json
from agilab.contracts.identifiers import unit_id
from agilab.engine.executor import Task
from agilab.engine.expansion import MAX_UNITS_PER_RUN, Item
from agilab.engine.foreach import sources
from agilab.engine.graph import Graph, Node
from agilab.engine.state import Unit
from agilab.engine.tasks import Needs, plain_digest
from agilab.projects.branch import Branch
from agilab.projects.inputs import FileDigests
from agilab.projects.node_tasks import NodeTasks, inputs_named
from agilab.projects.tasks import STEPS, AppTasks
from agilab.store.store import Store
from agilab.store.transitions import WITH_VALUE
from agilab.workflow.document.walked import for_an_app
from agilab.workflow.running import given as about
from agilab.workflow.running.gathered import Leavings, gathered
from agilab.workflow.running.left import Left, no_plain

ROOT = "stage"
"""The root of files that stages hand to their apps: a folder of the run, in it one for each stage."""
FILES = "stages"
File = Callable[[str, list[dict[str, Any]], tuple[str, ...]], str]
"""What stands for an input of files in the arguments, by its pattern, its files and the keys of the unit."""


@dataclass(frozen=True)
class Around:
    """The lab around a called app: what its stages left, and what a unit of it would be given."""

    left: Left
    given: about.Given
    needs: Callable[[Unit], Needs]
    payload: Callable[[Unit], Any]


class CalledApp:
    """Gives the nodes of a called app what they read.

    Responsible for: the arguments of each unit, and what the stage hands on in the end.
    `stage` is the node that gathers; the app's own stand below its name. Where it is mapped they all are: a unit of the
    app has the keys of the stage's unit first.
    """

    def __init__(
        self,
        store: Store,
        run_id: str,
        graph: Graph,
        stage: Node,
        roots: Mapping[str, str],
        digests: FileDigests,
        around: Around,
    ) -> None:
        prefix = f"{stage.name}/"
        self._store, self._run_id, self._stage, self._prefix = store, run_id, stage, prefix
        self._nodes = {node.name: node for node in graph.nodes if node.name.startswith(prefix)}
        self._first = next(iter(self._nodes.values()))
        self._depth = len(graph.axes[stage.name])
        self._roots, self._digests, self._around = roots, digests, around
        self._inputs = {one["called"]: one for one in stage.given["inputs"]}
        self._params = stage.given["params"]
        self._bodies: dict[str, Mapping[str, Any]] = {}
        self._filled: dict[tuple[str, tuple[str, ...]], dict[str, Any]] = {}
        options: dict[str, Any] = {"max_units": MAX_UNITS_PER_RUN, "prefix": prefix}
        self._tasks: AppTasks | NodeTasks = (
            NodeTasks(store, run_id, graph, stage.args["reads"], roots=roots, digests=digests, **options)
            if self._of_nodes
            else AppTasks(store, run_id, roots, digests, **options)
        )

    @cached_property
    def _of_nodes(self) -> bool:
        return not {node.target.partition("#")[2] for node in self._nodes.values()} <= {*STEPS}

    def remembers(self, node: Node) -> bool:
        return self._tasks.remembers(node)

    def recorded(self, unit: Unit, body: Mapping[str, Any]) -> None:
        """Told of what the app's own nodes left. Of nodes, of which there are few, it is kept."""
        self._tasks.recorded(unit, body)
        if self._of_nodes:
            self._bodies[unit.unit_id] = body

    def has_list_of(self, node: Node) -> bool:
        """Whether what a node maps over is the app's own plan, not a list of the lab."""
        return any(source in self._nodes for source in sources(node.foreach))

    def items(self, node: Node, under: Unit | None) -> list[Item]:
        return self._tasks.items(node, under)

    def task(self, unit: Unit, node: Node, payload: Any, needs: Needs, attempt_id: str, folder: Path) -> Task:
        """One attempt. Raises what filling in the arguments raises, and what the app's own builder does."""
        given = replace(node, args=self._arguments(unit, node, self._place, "read"))
        return self._tasks.task(unit, given, self._own(node, payload), needs, attempt_id, folder)

    def identity(self, unit: Unit, node: Node, payload: Any, needs: Needs) -> tuple[str, str] | None:
        given = replace(node, args=self._arguments(unit, node, _told, "told"))
        identity = self._tasks.identity(unit, given, self._own(node, payload), needs)
        if identity is None or not self._of_nodes or not node.args:
            return identity
        args, inputs = identity
        files = self._files_read(given.args)
        return args, plain_digest([inputs, files]) if files else inputs

    def trial(self, unit: Unit) -> tuple[about.Item, dict[str, Any]]:
        """What the app would be run with by itself: the items of a unit of its first node, and its arguments."""
        takes = next((node for node in self._nodes.values() if node.args), self._first)
        return self._about(unit)[0], untag(self._arguments(unit, takes, self._place, "read"))

    @property
    def first(self) -> str:
        """The app's first node, which waits for what the stage needs."""
        return self._first.name

    def gathered(self, unit: Unit) -> dict[str, Any]:
        """What the stage hands on for a unit of it: `{"value", "artifacts"}`. Raises AGI-STAGE-101 as `gathered`."""
        item, _ = self._about(unit)
        return gathered(self._store, self._stage, item, self._leavings(unit))

    def gathered_identity(self, unit: Unit) -> tuple[str, str]:
        """What that depends on: exactly what it is, which costs nothing to find out."""
        return plain_digest({"outputs": self._stage.args["outputs"]}), plain_digest(self.gathered(unit))

    # -- the unit of the stage that a unit of the app belongs to ---------------------------------------------

    def _about(self, unit: Unit) -> tuple[about.Item, Needs]:
        """The items that it works on, and what the stage needs: as the app's first node has them."""
        keys = unit.keys[: self._depth]
        first = replace(unit, unit_id=unit_id(self._first.name, *keys), node=self._first.name, keys=keys)
        needs = self._around.needs(first)
        axes = self._stage.given["axes"]
        return self._around.given.item(self._first, axes, self._around.payload(first), needs), needs

    def _own(self, node: Node, payload: Any) -> Any:
        """The item of the app's plan; that of the stage is nothing that the app knows, but for its arguments."""
        return payload if self.has_list_of(node) and node.target.endswith("#work") else None

    def _leavings(self, unit: Unit) -> Leavings:
        if not self._of_nodes:
            branch = Branch(self._store, self._run_id, list(self._nodes), unit.keys)
            return Leavings.of_items(branch, f"{self._prefix}reduce")
        bodies = {}
        for name in self._nodes:
            one = unit_id(name, *unit.keys)
            bodies[name.removeprefix(self._prefix)] = self._bodies.get(one) or self._store.result(
                self._run_id, one
            )
        return Leavings.of_nodes(self._store, bodies)

    # -- arguments -------------------------------------------------------------------------------------------

    def _arguments(self, unit: Unit, node: Node, file: File, how: str) -> dict[str, Any]:
        """The arguments of a node with what stages before have left; none of a node that takes none."""
        if not node.args:
            return {}
        keys = unit.keys[: self._depth]
        known = self._filled.get((how, keys))
        if known is None:
            item, needs = self._about(unit)
            values = _Places(self._plain_items(item), lambda name: self._value(name, item, needs, keys, file))
            names = {*self._inputs, *self._params, *item}
            known = dict(tag(values.put_into(node.given, names)))
            self._filled[how, keys] = known
        return known

    def _value(self, name: str, item: about.Item, needs: Needs, keys: tuple[str, ...], file: File) -> Any:
        if name in self._params:
            return in_json(self._params[name])
        one = self._inputs[name]
        if one["kind"] == "file":
            files = list(self._around.given.files_of(self._stage, one, needs, item))
            return file(about.pattern_of(one["name"], item), files, keys)
        found = needs.get(one["stage"])
        if not isinstance(found, list):
            good = found is not None and found.state in WITH_VALUE
            return self._around.left.plain(found, one["name"]) if found and good else None
        return {
            about.key_below(other, replace(other, keys=keys)): self._around.left.plain(other, one["name"])
            for other in found
            if other.state in WITH_VALUE
        }

    def _plain_items(self, item: about.Item) -> dict[str, Any]:
        found = {}
        for name, text in item.items():
            found[name] = for_an_app(exact_value(text, plain=True))
            if found[name] is NOT_PLAIN:
                raise no_plain(f"the item {name}", text[:80], "walk names or numbers")
        return found

    def _place(self, pattern: str, files: list[dict[str, Any]], keys: tuple[str, ...]) -> str:
        """Put files where the app can read them, those of each item apart; returns `stage:add/Oslo/out/a.csv`."""
        inside = unit_id(self._stage.name, *keys).replace("[", "/").rstrip("]")
        apart = "/".join(f"%2E{part[1:]}" if part.startswith(".") else part for part in inside.split("/"))
        for file in files:
            target = Path(self._roots[ROOT], apart, file["path"])
            if not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                show(Path(file["source"]), target)
        return f"{ROOT}:{apart}/{pattern}"

    def _files_read(self, args: Mapping[str, Any]) -> list[Any]:
        """Files outside the lab that the arguments name once they are filled in, by digest."""
        named = [untag(args.get(name)) for name in self._stage.given["patterns"]]
        texts = [text for one in named for text in (one if isinstance(one, list) else [one])]
        patterns = [text for text in texts if isinstance(text, str) and not text.startswith(f"{ROOT}:")]
        return [
            [file["root"], file["path"], file["digest"]]
            for file in inputs_named(patterns, self._roots, self._digests)
        ]


@dataclass(frozen=True)
class _Places:
    """Texts with names in braces, and what stands there: an item, or what `value` says of an input or param."""

    items: Mapping[str, Any]
    value: Callable[[str], Any]

    def put_into(self, args: Any, names: set[str]) -> Any:
        """The same data with each `{name}` replaced; a text that is nothing else becomes the value itself."""
        if isinstance(args, dict):
            return {key: self.put_into(one, names) for key, one in args.items()}
        if isinstance(args, list):
            return [self.put_into(one, names) for one in args]
        return self._text(args, names) if isinstance(args, str) else args

    def _text(self, text: str, names: set[str]) -> Any:
        pattern = places(names)
        if whole := pattern.fullmatch(text):
            return self._of(whole.group()[1:-1])
        return pattern.sub(lambda place: str(self._of(place.group()[1:-1])), text)

    def _of(self, name: str) -> Any:
        return self.items[name] if name in self.items else self.value(name)


def places(names: set[str]) -> re.Pattern[str]:
    """What finds `{name}` in a text, for the longest of these names that fits; `{out/{city}.csv}` is one of them.

    >>> places({"city", "out/{city}.csv"}).findall("{out/{city}.csv} of {city} and {more}")
    ['{out/{city}.csv}', '{city}']
    """
    tokens = sorted((re.escape("{" + name + "}") for name in names), key=len, reverse=True)
    return re.compile("|".join(tokens) or r"(?!)")


def _told(pattern: str, files: list[dict[str, Any]], keys: tuple[str, ...]) -> str:
    """What stands for files where an argument only counts by what it says."""
    return f"{ROOT}:{pattern} {' '.join(str(file['digest']) for file in files)}"
