"""What a stage looked for and did not have, though a stage above it made it: in the notebook it was there.

Reading of code does not tell every path, and a stage keeps only what its outputs say. What it wrote besides, and what
others looked for in vain or began anew, the workers say (`agi_node.keeping`, `agi_node.sought`).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from agilab.engine.graph import Graph, Node
from agilab.notebooks.code.patterns import meets
from agilab.store.store import Store
from agilab.workflow.running.sought import files_among, is_among, looked_for, taken_away
from agilab.workflow.running.told import Told, all_told, listed

_LISTED = 3
_ITEM = re.compile(r"\{\w+\}")


@dataclass(frozen=True)
class _Made:
    """A file that a stage made; `kept` if an output says so."""

    path: str
    stage: str
    kept: bool


def made_above(store: Store, run_id: str, graph: Graph, stages: Collection[str]) -> Iterator[Told]:
    """What to say of those `stages` that had not what others made above them, and looked for it or added to it."""
    above: list[_Made] = []
    gone: set[str] = set()
    for node in graph.nodes:
        if not node.given.get("code"):
            continue
        if node.name in stages:
            yield from _said_of(node, store, run_id, above, gone)
        mine = [_Made(path, node.name, False) for path in all_told(store, run_id, node.name, "left")]
        mine += [_Made(path, node.name, True) for path in _outputs(node)]
        renewed = {one.path for one in mine}
        gone = taken_away(store, run_id, node, gone)
        above = [one for one in above if one.path not in renewed | gone] + mine


def _said_of(
    node: Node, store: Store, run_id: str, above: Sequence[_Made], gone: Collection[str]
) -> Iterator[Told]:
    asked = [path for path in looked_for(store, run_id, node) if path not in gone]
    has = [_ITEM.sub("*", name) for name in files_among(one["name"] for one in node.given.get("inputs", ()))]
    found = [
        one for one in above if not is_among(one.path, has) and any(_finds(one.path, path) for path in asked)
    ]
    outputs = _outputs(node)
    begun = {path for path in all_told(store, run_id, node.name, "begun") if is_among(path, outputs)}
    added = [one for one in above if one not in found and one.path in begun and not is_among(one.path, has)]
    for ones, does in ((found, "looked for"), (added, "adds to")):
        for maker in dict.fromkeys(one.stage for one in ones):
            for kept in (False, True):
                if paths := [one.path for one in ones if one.stage == maker and one.kept is kept]:
                    yield Told(node.name, _sentence(node.name, does, paths, maker, kept=kept))


def _sentence(stage: str, does: str, paths: list[str], maker: str, *, kept: bool) -> str:
    one = len(paths) == 1
    it = "it" if one else "them"
    gone = f"so that {'it was' if one else 'they were'} not there"
    missing = gone if does == "looked for" else f"and began {it} anew"
    if kept:
        return (
            f"{stage} {does} {listed(paths, _LISTED)}, which {maker} makes and {stage} does not take, {missing}; "
            f"add {it} to the inputs of {stage}"
        )
    return (
        f"{stage} {does} {listed(paths, _LISTED)}, which {maker} wrote and none of its outputs says, {missing}; "
        f"add {it} to the outputs of {maker} and to the inputs of {stage}"
    )


def _outputs(node: Node) -> list[str]:
    """The files that a stage says it makes, as patterns where a list is walked."""
    return [_ITEM.sub("*", name) for name in files_among(node.given.get("outputs", ()))]


def _finds(made: str, asked: str) -> bool:
    """Whether who asks for a path, or for what a pattern finds, would have found a file."""
    is_pattern = any(sign in asked for sign in "*?[")
    return made == asked or made.startswith(f"{asked}/") or (is_pattern and meets(made, asked))
