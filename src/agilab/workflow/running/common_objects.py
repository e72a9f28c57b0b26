"""Values that hold the same objects in the notebook: here a stage that takes them from different ones has each of these
objects twice, and what one stage changes in its own another does not see.

What one stage gives on is read together (`agi_node.together`). What is made of a value in another stage holds that
stage's own copy of what they have in common, which the workers tell.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import combinations

from agilab.engine.graph import Graph, Node
from agilab.store.store import Store
from agilab.workflow.running.told import Told, Value, all_told, listed, told_by

_THEMSELVES = "themselves"


def come_apart(store: Store, run_id: str, graph: Graph, stages: Collection[str]) -> Iterator[Told]:
    """What to say of those `stages` that take values of different stages which have objects in common that count as
    themselves."""
    made_of: dict[Value, set[Value]] = {}
    for node in graph.nodes:
        takes = _takes(node)
        if node.name in stages:
            pairs = [
                (one, other)
                for one, other in combinations(dict.fromkeys(takes.values()), 2)
                if one[0] != other[0]
                and ({one} | made_of.get(one, set())) & ({other} | made_of.get(other, set()))
            ]
            if pairs:
                yield Told(node.name, _sentence(node.name, pairs))
        for value, source, what in _told_of(store, run_id, node):
            if what == _THEMSELVES:
                known = made_of.setdefault(value, set())
                known |= {source} | made_of.get(source, set())


def changed_elsewhere(store: Store, run_id: str, graph: Graph, stages: Collection[str]) -> Iterator[Told]:
    """What to say of those `stages` that changed what another value holds, too, which a stage below takes."""
    kin = _kin(store, run_id, graph)
    for number, node in enumerate(graph.nodes):
        if node.name not in stages or not node.given.get("code"):
            continue
        takes = _takes(node)
        above = {one.name for one in graph.nodes[:number]}
        changed = dict.fromkeys(all_told(store, run_id, node.name, "changed"))
        outputs = {str(name) for name in node.given.get("outputs", ())}
        itself = {takes[name] for name in takes.keys() & (outputs | changed.keys())}
        for name, mine in ((name, takes[name]) for name in changed if name in takes):
            # What it takes of that stage as well holds the same objects here, too, and is looked at itself.
            told = itself | {one for one in takes.values() if one[0] == mine[0]}
            near = (mine, *kin.get(mine, ()))
            others = {one for other in near for one in kin.get(other, ()) if one[0] in above} - told
            readers: dict[Value, list[str]] = {}
            for below in graph.nodes[number + 1 :]:
                for value in dict.fromkeys(_takes(below).values()):
                    if value in others:
                        readers.setdefault(value, []).append(below.name)
            if readers:
                yield Told(node.name, _changed(node.name, name, readers))


def _kin(store: Store, run_id: str, graph: Graph) -> dict[Value, set[Value]]:
    """By value those with which it has objects in common."""
    found: dict[Value, set[Value]] = {}
    for node in graph.nodes:
        made_of = ((one, other) for one, other, _ in _told_of(store, run_id, node))
        for one, other in (*made_of, *_beside(store, run_id, node)):
            found.setdefault(one, set()).add(other)
            found.setdefault(other, set()).add(one)
    return found


def _takes(node: Node) -> dict[str, Value]:
    return {
        str(one["called"]): (str(one["stage"]), str(one["name"]))
        for one in node.given.get("inputs", ())
        if one["kind"] == "value" and one["stage"] is not None
    }


def _told_of(store: Store, run_id: str, node: Node) -> Iterator[tuple[Value, Value, str]]:
    """What the workers of a stage told: a value, one that it was made of, and what they have in common."""
    takes = _takes(node)
    for _, body in store.results(run_id, node.name) if node.given.get("code") else ():
        for name, met in told_by(store, body).get("made_of", {}).items():
            for called, what in met.items():
                if called in takes:
                    yield (node.name, name), takes[called], what


def _beside(store: Store, run_id: str, node: Node) -> Iterator[tuple[Value, Value]]:
    """The values of a stage that were written down together."""
    for _, body in store.results(run_id, node.name) if node.given.get("code") else ():
        places: dict[str, list[Value]] = {}
        for name, form in told_by(store, body).get("values", {}).items():
            if isinstance(form, dict) and "together" in form:
                places.setdefault(form["together"]["artifact"], []).append((node.name, name))
        for several in places.values():
            yield from combinations(several, 2)


def _sentence(stage: str, pairs: list[tuple[Value, Value]]) -> str:
    values = list(dict.fromkeys(one for pair in pairs for one in pair))
    said = listed([f"{name} of {maker}" for maker, name in values])
    return (
        f"{stage} takes {said}, which hold the same objects where one was made of the other; here each has its own, so "
        "that what ties them (a correlation, `is`, a change of one that the other sees) is gone: give them on from one "
        "stage, and take them there"
    )


def _changed(stage: str, name: str, readers: dict[Value, list[str]]) -> str:
    others = listed([one for _, one in readers])
    below = listed(list(dict.fromkeys(one for names in readers.values() for one in names)))
    hold = "holds" if len(readers) == 1 else "hold"
    return (
        f"{stage} changed {name} in place, and {others}, taken by {below}, {hold} some of the same objects, where "
        f"one was made of the other: in one process they would see the change, here they are as they were; if it "
        f"counts, put that change into the stage which makes {others}"
    )
