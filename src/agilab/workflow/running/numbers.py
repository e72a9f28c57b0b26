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
_SEEDS_IN_TEXT = re.compile(r"\b(seed\w*|\w+_seed|set_?state)\(")
"""How a text looks that seeds somewhere, if nothing says which generator."""
_OF = {
    "numpy.random": re.compile(r"\b(numpy_random_*|(np|numpy)\.random)\.(seed|set_state)\("),
    "random": re.compile(r"(?<![\w.])(python_random_*|random)\.(seed|setstate)\("),
}
"""How one looks that says it."""
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
    above: dict[tuple[str, str], _Seed] = {}  # by notebook: each has a process of its own
    for node in graph.nodes:
        if not node.given.get("code"):
            continue
        drew = all_told(store, run_id, node.name, "drew")
        for generator in _SEEDS:
            where = str(node.given.get("notebook", "")), generator
            before = above.get(where)
            text = _seed_in(node, generator)
            repeats = text in _repeated(node)
            if (
                not text
                and before is not None
                and (_goes_on(node, generator) or _seeds_itself(node, generator))
            ):
                continue
            if generator in drew and before is not None and node.name in stages:
                if not text:
                    yield Told(node.name, _unseeded(node.name, generator, before))
                elif repeats and text == before.text and before.drawn_by is not None:
                    yield Told(node.name, _again(node.name, generator, before))
            drawn_by = node.name if generator in drew else None
            if text and before is not None and text == before.text and repeats:
                above[where] = _Seed(before.stage, text, before.drawn_by or drawn_by)
            elif text:
                above[where] = _Seed(node.name, text, drawn_by)
            elif before is not None:
                above[where] = _Seed(before.stage, before.text, before.drawn_by or drawn_by)


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


def _texts(node: Node) -> list[str]:
    """What a stage takes from the texts of others, and its own."""
    return [*(str(text) for _, text in node.given.get("carried", ())), str(node.given["code"])]


def _seeds_itself(node: Node, generator: str) -> bool:
    """Whether the stage may seed in another way than by a statement of its own: by a helper, under another name."""
    (other,) = _OF.keys() - {generator}
    return any(_SEEDS_IN_TEXT.search(_OF[other].sub("", text)) for text in _texts(node))


def _goes_on(node: Node, generator: str) -> bool:
    return any(_GOES_ON[generator].search(line) for line in str(node.given["code"]).splitlines())


def _seed_in(node: Node, generator: str) -> str:
    """The last statement of a stage that seeds a generator; "" where there is none."""
    try:
        trees = [ast.parse(text) for text in _texts(node)]
    except (SyntaxError, ValueError):
        return ""
    found = ""
    for one in trees[-1].body:
        if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        calls = [ast.unparse(node.func) for node in ast.walk(one) if isinstance(node, ast.Call)]
        named = [call for call in calls if _SEEDS[generator].search(call)]
        if any(_of(call, trees) in ("", generator) for call in named):
            found = ast.unparse(one)
    return found


def _of(call: str, trees: list[ast.Module]) -> str:
    """The module that a function which is called by its name alone was imported from; "" where none says."""
    for one in (node for tree in trees for node in ast.walk(tree)):
        if isinstance(one, ast.ImportFrom) and any((name.asname or name.name) == call for name in one.names):
            return one.module or ""
    return ""
