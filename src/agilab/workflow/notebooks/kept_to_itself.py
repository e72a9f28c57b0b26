"""What an object of a library keeps to itself, made when somebody asks: caches, and what no other class sees (`__x`).

Such an attribute that is there on one side alone tells nothing for certain: a look at the object may have made it. One
with a single underscore may hold what everybody sees (`_attrs` of xarray), and those of the notebook's classes count.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from agi_node.outline import MORE

Parts = Sequence[Sequence[str]]
ONLY_THAT = "they differ only in what a library keeps to itself"
"""Begins the words on two objects that are alike in all else."""
_PRIVATE = re.compile(
    r"(?:[^\[]|\[[^\]]*\])*?\.(?:_[A-Za-z]\w*?__\w+|_(?=\w*(?:cache|memo|lazy))(?!_)\w+)(?![\w])"
)
_OF_THE_NOTEBOOK = "__main__."


def without(theirs: Parts, mine: Parts) -> tuple[Parts, Parts, str]:
    """Both without such attributes that one of them lacks, or has as None; and the first of these, in words."""
    there = [
        {attribute: None for part in side for attribute in _attributes(part[0])} for side in (theirs, mine)
    ]
    kinds = {part[0]: part[1] for side in (mine, theirs) for part in side if len(part) == 2}
    empty = [{part[0] for part in side if part[1:] == ["None"]} for side in (theirs, mine)]
    left: dict[str, bool] = {}
    for attribute in [*there[0], *there[1]]:
        has = [attribute in side and attribute not in none for side, none in zip(there, empty, strict=True)]
        owner = attribute.rpartition("._")[0]
        if has[0] != has[1] and not kinds.get(owner, _OF_THE_NOTEBOOK).startswith(_OF_THE_NOTEBOOK):
            left.setdefault(attribute, has[0])
    if not left:
        return theirs, mine, ""
    first, in_notebook = next(iter(left.items()))
    sides = ("notebook", "pipeline") if in_notebook else ("pipeline", "notebook")
    said = f"{first} is there in the {sides[0]}, and not in the {sides[1]}"
    rest = [[part for part in side if not left.keys() & {*_attributes(part[0])}] for side in (theirs, mine)]
    if any(side and side[-1][1] == MORE for side in rest):  # what follows was told of one side alone
        shortest = min(map(len, rest)) - 1
        rest = [[*side[:shortest], ["", MORE]] for side in rest]
    return rest[0], rest[1], said


def _attributes(path: str) -> Iterator[str]:
    """The attributes of this kind that lead to a part, each as a path, the outermost first."""
    end = 0
    while found := _PRIVATE.match(path, end):
        end = found.end()
        yield path[:end]
