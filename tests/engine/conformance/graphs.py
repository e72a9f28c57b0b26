"""The shapes of the conformance suite, and what may happen to one unit of each."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from agilab.engine.foreach import Nested
from agilab.engine.graph import Graph, Node, Policy

TROUBLES = ("ok", "fail", "retry", "crash", "cancel", "resume")


@dataclass(frozen=True)
class Shape:
    """A graph but for its policies, and the unit that trouble meets: (name, needs, options) of each node."""

    name: str
    unit: str
    nodes: tuple[tuple[str, tuple[str, ...], dict[str, Any]], ...]

    def graph(self, how: str, folder: Path) -> Graph:
        """The graph in which `how` happens to the unit.

        A run that is to be cancelled does one unit after another, so that it is known which of them came before.
        """
        trouble = None if how == "ok" else {"unit": unquote(self.unit), "how": how, "folder": str(folder)}
        policy = Policy(max_retries=int(how == "retry"), max_losses=1, delay_s=0.01)
        nodes = tuple(
            Node(name, f"lab:{name}", needs, args={"trouble": trouble}, policy=policy, **options)
            for name, needs, options in self.nodes
        )
        return Graph(nodes, keep_going=True, max_parallel=1 if how == "cancel" else None)


_NESTED: tuple[tuple[str, tuple[str, ...], dict[str, Any]], ...] = (
    ("years", (), {}),
    ("months", (), {"foreach": "years"}),
    ("rain", (), {"foreach": Nested("months")}),
    ("yearly", ("rain",), {"foreach": "years"}),
    ("climate", ("yearly", "rain"), {}),
)
SHAPES = (
    Shape("chain", "second", (("first", (), {}), ("second", ("first",), {}), ("third", ("second",), {}))),
    Shape(
        "fan-out",
        "each[c%20d]",
        (
            ("items", (), {}),
            ("each", (), {"foreach": "items"}),
            ("total", ("each",), {"require": 0.5}),
        ),
    ),
    Shape(
        "diamond",
        "left",
        (
            ("top", (), {}),
            ("left", ("top",), {}),
            ("right", ("top",), {}),
            ("bottom", ("left", "right"), {}),
        ),
    ),
    Shape("nested", "rain[2025/2025-0]", _NESTED),
    Shape("nested-parent", "months[2025]", _NESTED),
    Shape(
        "skip",
        "half[2]",
        (
            ("numbers", (), {}),
            ("half", (), {"foreach": "numbers"}),
            ("after", (), {"foreach": "half"}),
            ("lone", (), {}),
            ("never", ("lone",), {}),
            ("anyway", ("lone",), {"on_empty": True}),
            ("summary", ("after", "anyway"), {}),
        ),
    ),
)
