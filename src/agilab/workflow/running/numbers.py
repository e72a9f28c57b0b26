"""Random numbers that a stage drew from a generator which a stage above seeded: in the notebook they go on.

Each stage begins with generators of its own. What libraries draw no reading of code tells; the workers do
(`agi_node.numbers_drawn`).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from agilab.engine.graph import Graph, Node
from agilab.store.store import Store
from agilab.workflow.running.told import Told, all_told

_SEEDS = {
    "numpy.random": re.compile(r"^(np|numpy)\.random\.(seed|set_state)|^seed"),
    "random": re.compile(r"^random\.(seed|setstate)|^seed"),
}
_GOES_ON = {
    "numpy.random": re.compile(r"^numpy_random_*\.set_state"),
    "random": re.compile(r"^python_random_*\.setstate"),
}
"""How a stage takes up the numbers where the one above it has left them (`agilab.notebooks.flow.generators`)."""


@dataclass(frozen=True)
class _Seed:
    """Where the numbers of a generator were seeded last above, by which statement, and who has drawn since."""

    stage: str
    text: str
    drawn_by: str | None = None


def begun_anew(store: Store, run_id: str, graph: Graph, stages: Collection[str]) -> Iterator[Told]:
    """What to say of those `stages` whose random numbers are others than in a notebook that seeds them above."""
    above: dict[str, _Seed] = {}
    for node in graph.nodes:
        if not node.given.get("code"):
            continue
        drew = all_told(store, run_id, node.name, "drew")
        for generator, seeds in _SEEDS.items():
            before = above.get(generator)
            text = _seed_in(node, seeds)
            repeats = text in _repeated(node)
            if not text and before is not None and _seed_in(node, _GOES_ON[generator]):
                continue
            if generator in drew and before is not None and node.name in stages:
                if not text:
                    yield Told(node.name, _unseeded(node.name, generator, before))
                elif repeats and text == before.text and before.drawn_by is not None:
                    yield Told(node.name, _again(node.name, generator, before))
            drawn_by = node.name if generator in drew else None
            if text and before is not None and text == before.text and repeats:
                above[generator] = _Seed(before.stage, text, before.drawn_by or drawn_by)
            elif text:
                above[generator] = _Seed(node.name, text, drawn_by)
            elif before is not None:
                above[generator] = _Seed(before.stage, before.text, before.drawn_by or drawn_by)


def _unseeded(stage: str, generator: str, seed: _Seed) -> str:
    return (
        f"{stage} drew from the numbers of {generator}, which {seed.stage} seeded by {seed.text}: in one process they "
        f"go on, here each run has others; seed them in {stage}, or give both a generator that is handed on"
    )


def _again(stage: str, generator: str, seed: _Seed) -> str:
    return (
        f"{stage} drew from the numbers of {generator} after {seed.text}, and so did {seed.drawn_by} above it: each "
        "begins with the same ones, where a notebook that seeds them once goes on; give both a generator that is "
        "handed on, or put them into one stage"
    )


def _repeated(node: Node) -> set[str]:
    """The statements that an import has put at the head of a stage; one that stands there otherwise is meant so."""
    return {ast.unparse(ast.parse(str(text))) for text in node.given.get("repeated", ())}


def _seed_in(node: Node, seeds: re.Pattern[str]) -> str:
    """The last statement of a stage that seeds a generator; "" where there is none."""
    try:
        body = ast.parse(str(node.given["code"])).body
    except (SyntaxError, ValueError):
        return ""
    found = ""
    for one in body:
        if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        calls = [ast.unparse(node.func) for node in ast.walk(one) if isinstance(node, ast.Call)]
        if any(map(seeds.search, calls)):
            found = ast.unparse(one)
    return found
