"""One stage of a notebook: its cells, and what crosses its borders."""

from __future__ import annotations

from dataclasses import dataclass, field

from agilab.notebooks.flow.generators import Generator
from agilab.notebooks.flow.links import Unmade
from agilab.notebooks.flow.model import Setting


@dataclass
class StageFlow:
    """One stage.

    Attributes:
        cells: Its cells, in order.
        inputs: Values that it takes, with the number of the stage that makes each; None for what is there before.
        lacks: Of these, what a cell that is not run would give, with that cell.
        uses: Statements that it takes, by number of the stage in whose text they are.
        outputs: Values that it gives to others.
        repeated: Settings of cells above that its code begins with, each with its cell.
        taken: Generators of random numbers that it goes on with, by the state of the process that they are.
        given: The same of those that it hands on.
        future: `from __future__` statements that hold in it.
        idle: Whether nothing of it needs to run: others take its statements, and that is all that it is for.
        unmade: Names that it reads and nothing makes.
    """

    cells: tuple[int, ...]
    inputs: dict[str, int | None] = field(default_factory=dict)
    lacks: dict[str, int] = field(default_factory=dict)
    uses: dict[int, set[str]] = field(default_factory=dict)
    outputs: set[str] = field(default_factory=set)
    repeated: tuple[tuple[int, Setting], ...] = ()
    taken: dict[str, Generator] = field(default_factory=dict)
    given: dict[str, Generator] = field(default_factory=dict)
    future: tuple[str, ...] = ()
    unmade: tuple[Unmade, ...] = ()
    idle: bool = False
    code: str = ""
