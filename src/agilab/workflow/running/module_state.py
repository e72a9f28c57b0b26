"""What one stage changed of the lab's own modules, which stages further down import afresh.

In a notebook the cell below sees the change; here it is lost. An import of a notebook keeps such cells in one stage
where it can tell; no reading of code tells for certain, so the worker looks (`agi_node.own_state`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from agilab.engine.graph import Graph
from agilab.notebooks.flow.module_states import module_uses
from agilab.store.store import Store
from agilab.workflow.running.told import Told, listed, told_by

_LISTED = 3
"""Names that a sentence has."""
_KEYED = ("dict ", "OrderedDict ", "defaultdict ", "set ")


def changed_in_modules(
    store: Store, run_id: str, graph: Graph, folder: Path, those: Collection[str]
) -> Iterator[Told]:
    """What to say of each of `those` stages that leaves something else in modules of the lab's `folder` than is found
    by stages below it.

    What is a memory of results, which a fresh module makes anew, is none of it; nor is what both set alike, unless it
    goes on where it was: in a notebook the second draws other numbers than the first.
    """
    held = {node.name: _modules(store, run_id, node.name) for node in graph.nodes if node.given.get("code")}
    stages = list(held)
    memories = cache(_memories)
    for at, stage in enumerate(stages):
        if stage not in those:
            continue
        by_readers: dict[tuple[str, ...], list[str]] = {}
        for module, found in held[stage].items():
            for name, mark in found["names"].items():
                theirs = {one: held[one][module]["names"] for one in stages[at + 1 :] if module in held[one]}
                others = {
                    one: names.get(name, "")
                    for one, names in theirs.items()
                    if names.get(name) != mark or name in found["on"]
                }
                top = f"{module}.{name.partition('.')[0]}"
                if others and top in memories(module, folder / found["path"]):
                    others = {
                        one: other
                        for one, other in others.items()
                        if other != mark and _is_no_memory(mark, other)
                    }
                if others:
                    by_readers.setdefault(tuple(others), []).append(f"{module}.{name}")
        for readers, names in by_readers.items():
            yield Told(stage, _sentence(stage, names, readers))


def _is_no_memory(mark: str, other: str) -> bool:
    """Whether one thing that was to be found once is another one in two stages: it was changed since."""
    return bool(other) and not mark.startswith(_KEYED)


def _sentence(stage: str, names: Sequence[str], readers: Sequence[str]) -> str:
    one = len(readers) == 1
    return (
        f"{stage} left {listed(names, _LISTED)} other than an import gives it: {listed(readers)} "
        f"{'imports' if one else 'import'} that afresh and {'does' if one else 'do'} not see it; if it counts there, "
        "make one stage of them or hand it over as a value"
    )


def _modules(store: Store, run_id: str, node: str) -> dict[str, dict[str, Any]]:
    """The own modules that the units of a stage imported, with what they hold other than after it, taken together."""
    found: dict[str, dict[str, Any]] = {}
    for _, body in store.results(run_id, node):
        for module, told in told_by(store, body).get("modules", {}).items():
            one = found.setdefault(module, {"path": told["path"], "names": {}, "on": set()})
            one["names"] |= told["names"]
            one["on"].update(told.get("on", ()))
    return found


def _memories(module: str, path: Path) -> frozenset[str]:
    """The names of a module that are memories: what was found once, and would be found again."""
    try:
        uses = module_uses({module: path.read_text(encoding="utf-8")})
    except (OSError, ValueError):
        return frozenset()
    return frozenset(name for name, use in uses.items() if use.memory is not None)
