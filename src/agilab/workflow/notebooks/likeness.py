"""Two values beside each other, as their outlines tell them (`agi_node.outline`): where they differ, by how much."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from agi_node.drawings import NUMBER_OF
from agi_node.number_parts import SUMS
from agi_node.outline import BY_ADDRESS, MORE, NOT_ALL
from agilab.workflow.notebooks.kept_to_itself import ONLY_THAT, without
from agilab.workflow.notebooks.rounding import ROUNDING, apart, first_block, numbers, precision, relative

LITTLE = 1e-4
"""Differences up to which it is said how small they are, relative to the numbers."""
_PLAIN = ("list of", "tuple of", "dict of")
_SCALARS = ("float", "complex", "float64")
NUMBERED = re.compile(r"(?<=\w)\[\d+\]")
"""What a library adds to the name of each object that it makes, counting them."""
THREADS = re.compile(r"\b(Thread-|Dummy-|ThreadPoolExecutor-|Process-|\w*PoolWorker-|Task-)\d+(?:[_:]\d+)*")
"""Names that Python gives threads, processes and tasks, counting those of a process."""
UNEXPLAINED = "they differ, and it is not found in what"
"""Begins the words on two objects that are known not to hold the same, where no part of them says where."""
PERHAPS, COUNTED_UP = "perhaps by chance", "counted up in each process"
"""Stand in the words on what differs and may do so by itself, though no run of the notebook shows that it does."""
BY_KEYS = "its keys are addresses in memory"
NOT_REPEATED = "the notebook itself does not repeat it"
_ONE = {"axes": "axes", "patches": "patch"}
_COUNTED = re.compile(rf"(.*)\.{NUMBER_OF}(\w+)")
Parts = Sequence[Sequence[str]]


def first_difference(theirs: Parts, mine: Parts) -> str:
    """Where the notebook's value is not the pipeline's, in a line; empty where their parts are the same."""
    mine = _in_order_of(theirs, mine)
    for one, other in zip(theirs, mine, strict=False):
        if list(one) != list(other):
            return _said_of(one, other, theirs, mine)
    if len(theirs) != len(mine):
        return f"{len(theirs):,} parts in the notebook, {len(mine):,} in the pipeline"
    return ""


def _said_of(one: Sequence[str], other: Sequence[str], theirs: Parts, mine: Parts) -> str:
    """What stands at one place of both, in words."""
    where = one[0] or other[0]
    if (counted := _COUNTED.fullmatch(where)) and one[0] == other[0]:
        kind = _ONE.get(counted[2], counted[2][:-1]) if one[1] == "1" else counted[2]
        found = f"{one[1]} {kind} in the notebook, {other[1]} in the pipeline"
        return f"{counted[1]}: {found}" if counted[1] else found
    if one[0] != other[0] and (alone := _alone(one, mine, "notebook") or _alone(other, theirs, "pipeline")):
        return alone
    if one[0] != other[0] and len(one) == len(other):
        return f"{one[0] or 'it'} in the notebook, {other[0] or 'it'} in the pipeline"
    found = (
        _number(one, other)
        if len(one) == len(other) == 4
        else f"{_said(one)} in the notebook, {_said(other)} in the pipeline"
    )
    return f"{where}: {found}" if where else found


def alike(theirs: Parts, mine: Parts) -> tuple[bool | None, str]:
    """Whether two objects whose digests differ hold the same up to rounding, and what tells so, in words.

    None where that cannot be told from their parts: there are none, or too many, or what differs is not among them
    (`unexplained`).
    """
    whole_of_it = [NOT_ALL] not in [part[1:] for part in (*theirs[-1:], *mine[-1:])]
    theirs, mine, hidden = without(_told(theirs), _told(mine))
    mine = _in_order_of(theirs, mine)
    if not theirs or not mine:
        return None, f"{UNEXPLAINED}: they cannot be taken apart" if whole_of_it else NOT_ALL
    worst, where, numbered, small = 0.0, "", "", ""
    digits = False
    plain = (len(theirs[0]) == 4 and not theirs[0][2]) or theirs[0][1].startswith(_PLAIN)
    for one, other in zip(theirs, mine, strict=False):
        if list(one) == list(other):
            continue
        if _only_numbered(one, other):
            numbered = numbered or f"{one[0]} is {_said(one)} in the notebook, {_said(other)} in the pipeline"
            continue
        off = apart(one, other, plain=plain and one[1] in _SCALARS)
        if off.by == math.inf:
            return False, _said_of(one, other, theirs, mine)
        if off.small and not small:
            small = f"{one[0] or 'it'} differs only by what rounding may leave of the greatest beside it: {off.small}"
        digits = digits or off.digits
        worst, where = max((worst, where), (off.by, one[0] or "it"))
    if len(theirs) != len(mine):
        return False, first_difference(theirs, mine)
    if hidden:
        return None, f"{ONLY_THAT}: {hidden}"
    if numbered:
        return None, f"only names differ that are {COUNTED_UP}: {numbered}"
    said = f"{len(theirs):,} part{'' if len(theirs) == 1 else 's'} compared"
    alike_so_far = f"alike up to rounding, {where} by {worst:.0e} at most" if worst else "alike"
    if MORE in (theirs[-1][1], mine[-1][1]):
        found = f"the first {said} and {alike_so_far}; there are more"
        return None, f"{UNEXPLAINED}: {found}" if whole_of_it and not worst else found
    if not whole_of_it:
        return None, f"{said} and {alike_so_far}; {NOT_ALL}"
    if not worst and not small and any(part[1].endswith(BY_ADDRESS) for part in theirs):
        return None, BY_KEYS
    if digits:
        return None, f"{UNEXPLAINED}: {said}, long arrays alike in the first digits of each number"
    if small:
        return None, small
    if not worst:
        return None, f"{UNEXPLAINED}: {said} and alike"
    return (
        True,
        f"up to rounding ({said}): {where} by {worst:.0e} at most{precision([one[1] for one in theirs])}",
    )


def unexplained(equal: bool | None, why: str) -> bool:
    """Whether two things are known to differ, and nothing shows that this is nobody's doing: no proof of anything."""
    return (
        equal is None
        and any(word in why for word in (UNEXPLAINED, PERHAPS, COUNTED_UP, ONLY_THAT))
        and NOT_REPEATED not in why
    )


def _told(parts: Parts) -> Parts:
    return parts[:-1] if parts and list(parts[-1]) == ["", NOT_ALL] else parts


def _in_order_of(theirs: Parts, mine: Parts) -> Parts:
    """The parts of one side as they stand on the other, where both have those of the same names: the order in which the
    attributes of an object were set is no part of it.
    """
    names, others = [part[0] for part in theirs], [part[0] for part in mine]
    if names == others or sorted(names) != sorted(others) or MORE in (theirs[-1][1], mine[-1][1]):
        return mine
    places = {name: place for place, name in reversed([*enumerate(names)])}
    return sorted(mine, key=lambda part: places[part[0]])


def _alone(part: Sequence[str], others: Parts, side: str) -> str:
    """That there is no attribute of this name on the other side; empty where there is."""
    if not part[0] or part[0].endswith("]") or any(one[0] == part[0] for one in others):
        return ""
    return f"{part[0]} is there in the {side} alone"


def _only_numbered(one: Sequence[str], other: Sequence[str]) -> bool:
    """Whether these are names that a library numbers as it makes them: `sys[3]`, `sys[4]`."""
    if len(one) != 2 or len(other) != 2 or one[0] != other[0]:
        return False
    if THREADS.search(one[1]) and THREADS.sub(r"\1", one[1]) == THREADS.sub(r"\1", other[1]):
        return True
    return one[0].endswith("name") and NUMBERED.sub("[]", one[1]) == NUMBERED.sub("[]", other[1]) != one[1]


def whole(value: Mapping[str, Any]) -> dict[str, Any]:
    """A value's fingerprint without its outline: what two have in common exactly if they are equal.

    Of an object also without its text, which depends on settings of libraries and leaves out what it holds.
    """
    said = ("parts", "text") if value.get("kind") == "object" and value.get("digest") else ("parts",)
    return {name: one for name, one in value.items() if name not in said}


def _number(one: Sequence[str], other: Sequence[str]) -> str:
    """The first number that differs, and how many do."""
    if list(one[1:3]) != list(other[1:3]):
        return f"{_kind(one)} in the notebook, {_kind(other)} in the pipeline"
    if one[1].startswith("blocks"):
        return first_block(one, other)
    pairs = list(zip(one[3].split(" "), other[3].split(" "), strict=True))
    differing = [at for at, (left, right) in enumerate(pairs) if left != right]
    first = next((at for at in differing if relative(*numbers(" ".join(pairs[at]))) > ROUNDING), differing[0])
    left, right = pairs[first]
    if one[1].startswith("sums"):
        return f"{SUMS[first]} {left} in the notebook, {right} in the pipeline"
    at = _place(first, one[2])
    more = f", and {len(differing) - 1:,} more" if len(differing) > 1 else ""
    return f"{at}{left} in the notebook, {right} in the pipeline{_little(pairs)}{more}"


def _little(pairs: Sequence[tuple[str, str]]) -> str:
    """How little all of some numbers differ; empty where it is easily seen."""
    most = max(relative(*numbers(f"{left} {right}")) for left, right in pairs)
    return f" (by {most:.0e} of it at most)" if most < LITTLE else ""


def _place(at: int, shape: str) -> str:
    sizes = [int(size) for size in shape.split("x")] if shape else []
    indices: list[int] = []
    for size in reversed(sizes):
        indices.insert(0, at % size)
        at //= size
    return f"[{', '.join(map(str, indices))}] " if indices else ""


def _kind(part: Sequence[str]) -> str:
    return f"{part[1]} {part[2].replace('x', ' by ')}".strip()


def _said(part: Sequence[str]) -> str:
    return part[1] if len(part) == 2 else part[3] if len(part[3]) <= 40 else _kind(part)
