"""What `--verify` prints: what is equal in a line; what differs, and what cannot be told, by its reason."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import RenderableType

    from agilab.contracts.notebook_import import Compared, Verification

MOST_NAMES = 10
"""Names of a row; more are counted."""


def verification_view(one: Verification) -> RenderableType:
    """What is equal in a line; of what differs, and of what cannot be told, where it is and how to look closer.

    What is made of something that differs stands below that, by its name.
    """
    from rich.console import Group
    from rich.text import Text

    from agilab.cli.render import mark
    from agilab.cli.words import duration
    from agilab.workflow.notebooks.likeness import unexplained

    equal = [each.name for each in one.compared if each.equal is True]
    unsure = [each for each in one.compared if each.equal is None]
    word, style = ("equal", "green") if one.equal else _not_equal(one)
    if one.fails_alike or one.cannot_run:
        word, style = "fails alike" if one.fails_alike else "cannot be verified here", "yellow"
    judged = len(one.compared) - len(unsure)
    counts = [f"{len(equal)} of {judged:,} compared are equal"] if judged else []
    counts += [f"{len(unsure):,} not compared: {_some(_names(unsure))}"] if unsure else []
    if word == "different" and judged == len(equal):
        counts.insert(0, "a stage fails where the notebook does not")
    parts: list[RenderableType] = [
        Text.assemble(
            (word, style),
            f": {'; '.join(counts)}" if counts else "",
            (f"  notebook {duration(one.notebook_s)}, stages {duration(one.pipeline_s)}", "dim"),
        )
    ]
    if one.error:
        parts.append(Text(one.error, style))
    if one.refused:
        parts.append(Text(f"agilab workflow run would refuse the lab: {one.refused}", "red"))
    if one.beside:
        parts.append(Text(one.beside, "yellow"))
    if equal:
        parts.append(Text.assemble(mark(True), " ", (", ".join(equal), "dim")))
    said = [each for each in one.compared if each.equal is True and each.why]
    for why, alike in _by(said, lambda each: each.why):
        parts.append(Text.assemble(mark(True), " ", (_some(_names(alike)), "bold"), (_place(alike), "dim")))
        parts.append(Text(f"    {why}"))
    parts += _differing(one)
    for why, alike in _by(unsure, lambda each: each.why):
        parts.append(Text.assemble(("?", "yellow"), " ", (_some(_names(alike)), "bold")))
        parts.append(Text(f"    {why if unexplained(None, why) else f'not compared: {why}'}"))
    if one.caches:
        parts.append(Text(f"left out, as caches of tools: {_some(one.caches)}", "dim"))
    return Group(*parts)


def _differing(one: Verification) -> Iterator[RenderableType]:
    """What differs by itself, each with what is made of it; what differs for one reason stands together."""
    from rich.text import Text

    from agilab.cli.render import mark

    differ = [each for each in one.compared if each.equal is False]
    first = [each for each in differ if not each.made_of]
    below = dict(_by([each for each in differ if each.made_of], lambda each: each.made_of))
    for why, alike in _by(first, lambda each: each.why):
        yield Text.assemble(mark(False), " ", (_some(_names(alike)), "bold"), (_place(alike), "dim"))
        yield Text(f"    {why}")
        made = [each for name in dict.fromkeys(_names(alike)) for each in below.get(name, ())]
        if made:
            yield Text(f"    and {len(made):,} made of it: {_some(_names(made))}")
        if look := next((each.look for each in alike if each.look), ""):
            yield Text(f"    {look}", "cyan")


def _place(alike: Sequence[Compared]) -> str:
    """Where something is, which kind it is; of several the kinds and the stages."""
    kinds = ", ".join(dict.fromkeys(each.kind for each in alike))
    stages = list(dict.fromkeys(each.stage for each in alike if each.stage))
    only = alike[0]
    cell = "" if len(alike) > 1 or only.cell is None or only.kind == "shown" else f", cell {only.cell}"
    where = f", stage{'s' if len(stages) > 1 else ''} {_some(stages)}" if stages else ""
    return f"  {kinds}{cell}{where}"


def _by(parts: Iterable[Compared], key: Callable[[Compared], str]) -> list[tuple[str, list[Compared]]]:
    """Parts that are alike in something, in the order of the first of each."""
    found: dict[str, list[Compared]] = {}
    for each in parts:
        found.setdefault(key(each), []).append(each)
    return list(found.items())


def _names(parts: Iterable[Compared]) -> list[str]:
    return [f"what {each.name} shows" if each.kind == "shown" else each.name for each in parts]


def _not_equal(one: Verification) -> tuple[str, str]:
    """The word, and its colour, for a notebook and stages that are not proved equal."""
    from agilab.workflow.notebooks.likeness import unexplained

    told = {each.equal for each in one.compared}
    if one.error or False in told:
        return "different", "red"
    if one.refused:
        return "cannot run", "red"
    undecided = True in told or any(unexplained(each.equal, each.why) for each in one.compared)
    return ("undecided" if undecided else "nothing to compare"), "yellow"


def _some(names: Sequence[str], most: int = MOST_NAMES) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most:,} more" if len(names) > most else "")
