"""Values of several stages that hold the same objects in the notebook: who takes two of them has each object twice.

What one stage gives on is read together (`agi_node.together`). What is made of a value in another stage holds that
stage's own copy of what they have in common, which the workers tell.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import combinations

from agilab.engine.graph import Graph
from agilab.store.store import Store
from agilab.workflow.running.told import Told, listed, told_by

Value = tuple[str, str]
"""A stage, and the name of what it gives on."""


def come_apart(store: Store, run_id: str, graph: Graph, stages: Collection[str]) -> Iterator[Told]:
    """What to say of those `stages` that take values of different stages which have objects in common."""
    made_of: dict[Value, set[Value]] = {}
    for node in graph.nodes:
        takes = {
            str(one["called"]): (str(one["stage"]), str(one["name"]))
            for one in node.given.get("inputs", ())
            if one["kind"] == "value" and one["stage"] is not None
        }
        if node.name in stages:
            pairs = [
                (one, other)
                for one, other in combinations(dict.fromkeys(takes.values()), 2)
                if one[0] != other[0]
                and ({one} | made_of.get(one, set())) & ({other} | made_of.get(other, set()))
            ]
            if pairs:
                yield Told(node.name, _sentence(node.name, pairs))
        for _, body in store.results(run_id, node.name) if node.given.get("code") else ():
            for name, called in told_by(store, body).get("made_of", {}).items():
                sources = {takes[one] for one in called if one in takes}
                known = made_of.setdefault((node.name, name), set())
                known |= sources.union(*(made_of.get(one, set()) for one in sources))


def _sentence(stage: str, pairs: list[tuple[Value, Value]]) -> str:
    values = list(dict.fromkeys(one for pair in pairs for one in pair))
    said = listed([f"{name} of {maker}" for maker, name in values])
    return (
        f"{stage} takes {said}, which hold the same objects where one was made of the other; here each has its own, so "
        "that what ties them (a correlation, `is`, a change of one that the other sees) is gone: give them on from one "
        "stage, and take them there"
    )
