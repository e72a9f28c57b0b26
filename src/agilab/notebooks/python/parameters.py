"""A cell of parameters: its names with the plain values that a lab's params can be, and the rest of its text."""

from __future__ import annotations

import ast
import datetime
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

from agi_node.source.scopes import bound_names
from agilab.contracts.datum import in_json, moments_in
from agilab.notebooks.code.literals import Names, literal, names_after
from agilab.notebooks.document.metadata import is_text
from agilab.notebooks.python.parsing import ParsedNotebook

_LARGEST = 2**53
"""Whole numbers from here on are not the same everywhere."""


@dataclass(frozen=True)
class Odd:
    """A name of such a cell that stays code."""

    name: str
    line: int
    why: str


@dataclass(frozen=True)
class Parameters:
    """What is in a cell of parameters.

    Attributes:
        given: Names with their values.
        text: The cell without all but these, dates as their texts.
        rest: The cell without these, line for line; empty where nothing else is in it.
    """

    given: dict[str, Any] = field(default_factory=dict)
    text: str = ""
    rest: str = ""
    odd: tuple[Odd, ...] = ()


@dataclass(frozen=True)
class Again:
    """What a cell of parameters and the one right below it both give.

    Attributes:
        replaced: Names whose first value nothing needs: only the second counts.
        twice: Names of which both values are needed, so that neither can be given from outside.
    """

    replaced: frozenset[str] = frozenset()
    twice: frozenset[str] = frozenset()


def again(above: ast.Module, below: ast.Module) -> Again:
    """What two cells of parameters, one right below the other, both give.

    >>> again(ast.parse("n = 5\\nk = 1\\nm = n * 2"), ast.parse("n = 8\\nk = 2"))
    Again(replaced=frozenset({'k'}), twice=frozenset({'n'}))
    """
    read = {one.id for one in _names([*above.body, *below.body]) if isinstance(one.ctx, ast.Load)}
    both = frozenset(bound_names(above.body, "")) & frozenset(bound_names(below.body, ""))
    return Again(both - read, both & read)


def given_again(parsed: ParsedNotebook) -> Iterator[tuple[int, Again]]:
    """What a cell of parameters and that of papermill right below it both give, by the index of each."""
    for one, below in pairwise(parsed.cells):
        if below.cell.is_injected and one.cell.gives_parameters and one.tree and below.tree:
            found = again(one.tree, below.tree)
            yield one.cell.index, found
            yield below.cell.index, replace(found, replaced=frozenset())


def parameters_of(source: str, names: Names | None = None, both: Again | None = None) -> Parameters:
    """Take a cell apart, name by name. Nothing is given where the text is not Python.

    `names` are those of `datetime` that cells above have imported; what `both` says is replaced is left out.

    >>> found = parameters_of("n = 40\\nlimit = None\\nm = n * 2")
    >>> found.given, found.rest, [one.name for one in found.odd]
    ({'n': 40}, '\\nlimit = None\\nm = n * 2', ['limit', 'm'])
    """
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return Parameters(rest=source)
    counts: dict[str, int] = {}
    for node in body:
        for name in _stored(node):
            counts[name] = counts.get(name, 0) + 1
    known = names or {}
    given: dict[str, Any] = {}
    odd: list[Odd] = []
    stays: list[ast.stmt] = []
    dead: list[ast.stmt] = []
    both = both or Again()
    for node in body:
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            continue
        known = names_after([node], known)
        name, value = _assigned(node)
        if name in both.replaced and counts[name] == 1 and _is_plain(value):
            dead.append(node)
            continue
        if not name or value is None:
            stays.append(node)
            continue
        why = "set more than once" if counts[name] > 1 or name in both.twice else _odd(value, known)
        if why:
            odd.append(Odd(name, node.lineno, why))
            stays.append(node)
        else:
            given[name] = literal(value, known)
    dated = any(moments_in(given))
    if not stays and not dated and not dead:
        return Parameters(given, source if given else "", "" if given else source)
    if not given and not dead:
        return Parameters({}, "", source, tuple(odd))
    gives = [node for node in body if _assigned(node)[0] in given]
    text = _only(source, gives)
    if dated:
        # As texts, for a value needs no import to be given.
        plain = {name: f"{name} = {in_json(value)!r}" for name, value in given.items()}
        text = _lines_with({node.lineno: plain[_assigned(node)[0]] for node in gives}, len(_lines(source)))
    return Parameters(given, text, _without(source, [*gives, *dead], stays) if stays else "", tuple(odd))


def _assigned(node: ast.stmt) -> tuple[str, ast.expr | None]:
    """The one name that a statement gives a value, and that."""
    if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
        return node.targets[0].id, node.value
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return node.target.id, node.value
    return "", None


def _stored(node: ast.stmt) -> set[str]:
    return {one.id for one in _names([node]) if isinstance(one.ctx, ast.Store | ast.Del)}


def _names(nodes: Iterable[ast.stmt]) -> Iterator[ast.Name]:
    return (one for node in nodes for one in ast.walk(node) if isinstance(one, ast.Name))


def _is_plain(value: ast.expr | None) -> bool:
    """Whether working a value out does nothing else: it is written out."""
    try:
        literal(value or ast.Constant(None), {})
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return False
    return True


def _odd(value: ast.expr, names: Names) -> str:
    """Why a lab's params cannot be this; empty where they can."""
    try:
        return odd_value(literal(value, names))
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return "no value that is written out"


def odd_value(value: object) -> str:
    """Why a value is none that a lab's params can be; empty where it is. TOML has no null.

    >>> odd_value([1, {"a": "b"}]), odd_value(None), odd_value({1: 2})
    ('', 'None', 'a dict whose keys are no texts')
    """
    if value is None:
        return "None"
    if isinstance(value, list | dict):
        if isinstance(value, dict) and not all(isinstance(key, str) for key in value):
            return "a dict whose keys are no texts"
        inner = value.values() if isinstance(value, dict) else value
        why = next((why for one in inner if (why := odd_value(one))), "")
        return why and (why if why.startswith("a list or dict") else f"a list or dict that holds {why}")
    if isinstance(value, float):
        return "" if math.isfinite(value) else "no finite number"
    if isinstance(value, str):
        return "" if is_text(value) else "a text with half a character"
    if isinstance(value, bool | datetime.date | datetime.time):
        return ""
    if isinstance(value, int):
        return "" if abs(value) < _LARGEST else "a number that is too large"
    return "a tuple" if isinstance(value, tuple) else f"a value of type {type(value).__name__}"


def _lines_with(texts: Mapping[int, str], count: int) -> str:
    """So many lines, with these texts on theirs."""
    return "\n".join(texts.get(number, "") for number in range(1, count + 1))


def _only(source: str, nodes: Sequence[ast.stmt]) -> str:
    """The text of some statements, each on its own lines."""
    lines = [""] * len(_lines(source))
    _put(lines, source, nodes)
    return "\n".join(lines)


def _without(source: str, nodes: Sequence[ast.stmt], stays: Sequence[ast.stmt]) -> str:
    """A text without some statements and what stands behind them on their lines; `stays` are the others."""
    lines = _lines(source)
    gone = {line for node in nodes for line in _lines_of(node)}
    shared = [node for node in stays if not gone.isdisjoint(_lines_of(node))]
    for line in {*gone, *(line for node in shared for line in _lines_of(node))}:
        lines[line - 1] = ""
    _put(lines, source, shared)
    return "\n".join(lines).rstrip("\n")


def _put(lines: list[str], source: str, nodes: Sequence[ast.stmt]) -> None:
    """Write the text of statements on their lines, which hold nothing yet but what others of them have there."""
    for node in nodes:
        segment = (ast.get_source_segment(source, node) or "").split("\n")
        for number, part in enumerate(segment, node.lineno - 1):
            lines[number] = f"{lines[number]}; {part}" if lines[number] else part


def _lines_of(node: ast.stmt) -> range:
    return range(node.lineno, (node.end_lineno or node.lineno) + 1)


def _lines(source: str) -> list[str]:
    return source.replace("\r\n", "\n").replace("\r", "\n").split("\n")
