"""What one stage changed of the lab's own modules, which stages further down import afresh.

In a notebook the cell below sees the change; here it is lost. An import of a notebook keeps such cells in one stage
where it can tell; no reading of code tells for certain, so the worker looks (`agi_node.own_state`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from agilab.engine.graph import Graph
from agilab.notebooks.flow.module_states import module_uses
from agilab.store.store import Store

_LISTED = 3
"""Names that a sentence has."""
_KEYED = ("dict ", "OrderedDict ", "defaultdict ", "set ")


def changed_in_modules(store: Store, run_id: str, graph: Graph, folder: Path) -> Iterator[str]:
    """A sentence for each stage that leaves something else in modules than stages below it find; `folder` is the lab's.

    What is a memory of results, which a fresh module makes anew, is none of it.
    """
    held = {node.name: _modules(store, run_id, node.name) for node in graph.nodes if node.given.get("code")}
    stages = list(held)
    for at, stage in enumerate(stages):
        by_readers: dict[tuple[str, ...], list[str]] = {}
        for module, found in held[stage].items():
            for name, mark in found["names"].items():
                theirs = {one: held[one][module]["names"] for one in stages[at + 1 :] if module in held[one]}
                others = {
                    one: names.get(name, "") for one, names in theirs.items() if names.get(name) != mark
                }
                if others and _is_memory(module, name, folder / found["path"]):
                    others = {one: other for one, other in others.items() if _is_no_memory(mark, other)}
                if others:
                    by_readers.setdefault(tuple(others), []).append(f"{module}.{name}")
        for readers, names in by_readers.items():
            yield _sentence(stage, names, readers)


def _is_no_memory(mark: str, other: str) -> bool:
    """Whether one thing that was to be found once is another one in two stages: it was changed since."""
    return bool(other) and not mark.startswith(_KEYED)


def _sentence(stage: str, names: Sequence[str], readers: Sequence[str]) -> str:
    some = ", ".join(names[:_LISTED]) + (f" and {len(names) - _LISTED} more" if len(names) > _LISTED else "")
    one = len(readers) == 1
    who = readers[0] if one else f"{', '.join(readers[:-1])} and {readers[-1]}"
    return (
        f"{stage} left {some} other than an import gives it: {who} {'imports' if one else 'import'} that afresh and "
        f"{'does' if one else 'do'} not see it; if it counts there, make one stage of them or hand it over as a value"
    )


def _modules(store: Store, run_id: str, node: str) -> dict[str, dict[str, Any]]:
    """What the units of a stage tell of modules, taken together."""
    found: dict[str, dict[str, Any]] = {}
    for _, body in store.results(run_id, node):
        for module, told in modules_of(store, body).items():
            one = found.setdefault(module, {"path": told["path"], "names": {}})
            one["names"] |= told["names"]
    return found


def modules_of(store: Store, body: dict[str, object]) -> Mapping[str, Any]:
    """The own modules that the unit of a stage imported, from the event that finished it."""
    value = store.value(body)
    told = value.get("modules", {}) if isinstance(value, dict) and "item" in value else {}
    return told if isinstance(told, dict) else {}


def _is_memory(module: str, name: str, path: Path) -> bool:
    """Whether what a module's name holds is but what was found once, and would be found again."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return False
    use = module_uses({module: text}).get(f"{module}.{name.partition('.')[0]}")
    return use is not None and use.memory is not None
