"""Random numbers that nobody can draw again: no two runs of the notebook agree, and none agrees with its stages."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from agilab.notebooks.code.values import Evaluator
from agilab.notebooks.code.walking import Nodes, Place
from agilab.notebooks.findings import Finding
from agilab.notebooks.rules import found

_DRAWS = re.compile(
    r"(?P<numpy>numpy\.random\.(?!seed$|default_rng$|get_state$|set_state$)[a-z]\w*)"
    r"|(?P<python>random\.(?!seed$|getstate$|setstate$)[a-z]\w*)"
    r"|(?P<torch>torch\.(rand|randn|randint|randperm|normal|bernoulli|multinomial|rand_like|randn_like))"
)
"""Calls that draw from a generator that a whole process shares, by whose it is."""
_SEEDS = re.compile(
    r"(?P<numpy>numpy\.random\.(seed|set_state))|(?P<python>random\.(seed|setstate))"
    r"|(?P<torch>torch\.(random\.)?(manual_seed|set_rng_state)|torch\.cuda\.manual_seed(_all)?)"
)
_HELPERS = re.compile(r"(.*\.)?(\w*seed\w*|set_?state)", re.IGNORECASE)
"""Calls that may seed whatever they like."""
_SEEDED = re.compile(
    r"\b(?:seed|manual_seed|set_seed|set_random_seed|seed_everything|set_state|setstate)\(\s*[^)\s]"
)
_GENERATORS = frozenset({"numpy.random.default_rng", "numpy.random.RandomState", "random.Random"})
"""Makers of a generator of one's own, which begins anew each time where they are given no seed."""
_OWN, _ANY = "own", "any"


@dataclass(frozen=True)
class _Call:
    """A draw or a seed: of which generator, and where; `later` is whether it is only done when a function is called."""

    name: str
    of: str
    at: tuple[int, int, int]
    later: bool

    def reaches(self, draw: _Call) -> bool:
        """Whether a seed may count for a draw. When functions are called, and with what, nobody says here."""
        if draw.later and draw.of == _OWN:
            return True
        if draw.of == _OWN:
            return self.of == _ANY
        return self.of in (_ANY, draw.of) and (draw.later or self.at < draw.at)


def unseeded(cells: Iterable[Nodes], evaluator: Evaluator, modules: Iterable[str] = ()) -> list[Finding]:
    """One finding for a notebook that draws without a seed, at the first place.

    A seed counts for its own library and what stands below it; one that somebody else may set, for every library. None
    is said where one of its own modules sets one, whose texts `modules` are.
    """
    if any(_SEEDED.search(text) for text in modules):
        return []
    draws: list[_Call] = []
    seeds: list[_Call] = []
    for nodes in cells:
        for node, place in nodes:
            if isinstance(node, ast.Call):
                name = evaluator.dotted(node.func)
                seeds += _seed(node, name, place, evaluator)
                draws += _draw(node, name, place, evaluator)
    draws = [draw for draw in draws if not any(seed.reaches(draw) for seed in seeds)]
    if not draws:
        return []
    first = min(draws, key=lambda one: one.at)
    more = len(draws) - 1
    also = (
        ""
        if not more
        else f"; so {'does' if more == 1 else 'do'} {more:,} more call{'s' if more > 1 else ''}"
    )
    cell, line, _ = first.at
    return [found("NB-511", f"{first.name}() draws without a seed{also}", cell=cell, line=line)]


def _seed(node: ast.Call, name: str, place: Place, evaluator: Evaluator) -> Iterator[_Call]:
    known = _SEEDS.fullmatch(name) if evaluator.is_library(node.func) else None
    if known is not None or name in _GENERATORS:
        of = (known.lastgroup if known is not None else None) or _OWN
        if not _without_seed(node):
            yield _call(node, name, of, place)
        return
    called = node.func.attr if isinstance(node.func, ast.Attribute) else name
    if _HELPERS.fullmatch(called):
        yield _call(node, name, _ANY, place)


def _draw(node: ast.Call, name: str, place: Place, evaluator: Evaluator) -> Iterator[_Call]:
    known = _DRAWS.fullmatch(name)
    if known is not None and evaluator.is_library(node.func):
        if not any(keyword.arg == "generator" for keyword in node.keywords):
            yield _call(node, name, known.lastgroup or _ANY, place)
    elif name in _GENERATORS and _without_seed(node):
        yield _call(node, name, _OWN, place)


def _call(node: ast.Call, name: str, of: str, place: Place) -> _Call:
    later = place.function or bool(place.owner)
    return _Call(name, of, (place.cell, node.lineno, node.col_offset), later)


def _without_seed(node: ast.Call) -> bool:
    given = [*node.args, *(keyword.value for keyword in node.keywords)]
    return all(isinstance(value, ast.Constant) and value.value is None for value in given)
