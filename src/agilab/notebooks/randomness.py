"""Random numbers that nobody can draw again: no two runs of the notebook agree, and none agrees with its stages."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable

from agilab.notebooks.code.values import Evaluator
from agilab.notebooks.code.walking import Nodes, Place
from agilab.notebooks.findings import Finding
from agilab.notebooks.rules import found

_DRAWS = re.compile(
    r"numpy\.random\.(?!seed$|default_rng$|get_state$|set_state$)[a-z]\w*"
    r"|random\.(?!seed$|getstate$|setstate$)[a-z]\w*"
    r"|torch\.(rand|randn|randint|randperm|normal|bernoulli|multinomial|rand_like|randn_like)"
)
"""Calls that draw from a generator that a whole process shares."""
_SEEDS = re.compile(
    r"(.*\.)?(seed|manual_seed|manual_seed_all|set_seed|set_random_seed|seed_everything|set_state|setstate)"
)
_SEEDED = re.compile(
    r"\b(?:seed|manual_seed|set_seed|set_random_seed|seed_everything|set_state|setstate)\(\s*[^)\s]"
)
_GENERATORS = frozenset({"numpy.random.default_rng", "numpy.random.RandomState", "random.Random"})
"""Makers of a generator of one's own, which begins anew each time where they are given no seed."""


def unseeded(cells: Iterable[Nodes], evaluator: Evaluator, modules: Iterable[str] = ()) -> list[Finding]:
    """One finding for a notebook that draws without a seed, at the first place; none where a cell sets one.

    Nor where one of its own modules does, whose texts `modules` are.
    """
    if any(_SEEDED.search(text) for text in modules):
        return []
    places: list[tuple[str, Place, int]] = []
    for nodes in cells:
        for node, place in nodes:
            if not isinstance(node, ast.Call):
                continue
            name = evaluator.dotted(node.func)
            if _SEEDS.fullmatch(name) and (node.args or node.keywords):
                return []
            shared = _DRAWS.fullmatch(name) is not None and evaluator.is_library(node.func)
            if shared or (name in _GENERATORS and _without_seed(node)):
                places.append((name, place, node.lineno))
    if not places:
        return []
    name, place, line = min(places, key=lambda one: (one[1].cell, one[2]))
    more = len(places) - 1
    also = (
        ""
        if not more
        else f"; so {'does' if more == 1 else 'do'} {more:,} more call{'s' if more > 1 else ''}"
    )
    return [found("NB-511", f"{name}() draws without a seed{also}", cell=place.cell, line=line)]


def _without_seed(node: ast.Call) -> bool:
    given = [*node.args, *(keyword.value for keyword in node.keywords)]
    return all(isinstance(value, ast.Constant) and value.value is None for value in given)
