"""A run's graph as text and as DOT."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agilab.engine.graph import Graph, Node
from agilab.store.rows import NodeRow
from agilab.store.store import Store
from agilab.store.workspace import Workspace
from agilab.views.dot import dot
from agilab.views.drawing import draw
from agilab.views.outline import Outline, OutlineNode, read_outline
from tests.views.made_runs import execute


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(Workspace(tmp_path / "home")) as store:
        yield store


def outline(*nodes: tuple[str, tuple[str, ...]]) -> Outline:
    """An outline of nodes that have not begun, from names and needs."""
    made: dict[str, OutlineNode] = {}
    for position, (name, needs) in enumerate(nodes):
        depth = 1 + max((made[need].depth for need in needs), default=-1)
        row = NodeRow(name, position, "pending", "t", 0, None, None, {})
        made[name] = OutlineNode(name, "t", needs, None, (), "all", False, "", {}, {}, depth, row)
    return Outline(made)


def lines(text: str) -> tuple[str, ...]:
    return tuple(line.rstrip() for line in text.strip("\n").splitlines())


def test_a_map_and_a_reduce_after_a_failure(store: Store) -> None:
    def square(n: int) -> int:
        if n == 2:
            raise ValueError("two")
        return n

    graph = Graph(
        (
            Node("list", "list"),
            Node("square", "square", ("list",), foreach="list"),
            Node("total", "total", ("square",)),
        ),
        keep_going=True,
    )
    execute(store, graph, {"list": lambda: [1, 2, 3], "square": square, "total": lambda square: 0})
    drawing = draw(read_outline(store, store.run("r1")), width=80)
    assert drawing.lines == lines(
        """
          ┌───────────┐
          │ list      │
          │ succeeded │
          └─────┬─────┘
                │
┌───────────────┴───────────────┐
│ square (each of list)         │
│ failed: 1 failed, 2 succeeded │
└───────────────┬───────────────┘
                │
       ┌────────┴────────┐
       │ total           │
       │ upstream_failed │
       └─────────────────┘
"""
    )
    coloured = {(drawing.lines[span.line][span.start : span.end], span.state) for span in drawing.spans}
    assert coloured == {("succeeded",) * 2, ("failed",) * 2, ("upstream_failed",) * 2}


def test_a_diamond_and_an_edge_that_passes_a_layer() -> None:
    found = draw(
        outline(("a", ()), ("b", ("a",)), ("c", ("a",)), ("d", ("b", "c")), ("e", ("a", "d"))), width=80
    )
    assert found.lines == lines(
        """
            ┌─────────┐
            │ a       │
            │ pending │
            └────┬────┘
     ┌───────────┴┬────────┐
┌────┴────┐  ┌────┴────┐   │
│ b       │  │ c       │   │
│ pending │  │ pending │   │
└────┬────┘  └────┬────┘   │
     └────────────┤        │
             ┌────┴────┐   │
             │ d       │   │
             │ pending │   │
             └────┬────┘   │
                  └─┬──────┘
               ┌────┴────┐
               │ e       │
               │ pending │
               └─────────┘
"""
    )


def test_two_nodes_with_different_needs_in_common_keep_their_lines_apart() -> None:
    found = draw(outline(("a", ()), ("b", ()), ("x", ("a", "b")), ("y", ("b",)), ("z", ("a",))), width=80)
    assert found.lines[4:7] == lines(
        """
     ┌─────┴─────┐      │
     │           │ ┌────┴──────┐
┌────┴────┐  ┌───┴─┴───┐  ┌────┴────┐
"""
    )


def test_a_terminal_without_box_characters_gets_letters() -> None:
    found = draw(outline(("a", ()), ("b", ("a",))), width=80, fancy=False)
    assert "".join(found.lines).isascii()
    assert found.lines[0] == "+---------+"


def test_a_graph_that_is_wider_than_the_terminal_becomes_a_list() -> None:
    wide = outline(("root", ()), *((f"leaf{number}", ("root",)) for number in range(30)))
    found = draw(wide, width=80)
    assert found.lines[0] == "root  pending"
    assert found.lines[1] == "  leaf0  pending ← root"
    assert len(found.lines) == 31
    assert draw(wide, width=80, fancy=False).lines[1] == "  leaf0  pending <- root"


@st.composite
def graphs(draw_: st.DrawFn) -> Outline:
    count = draw_(st.integers(1, 9))
    nodes = []
    for number in range(count):
        needs = draw_(st.sets(st.integers(0, number - 1), max_size=3)) if number else set()
        nodes.append((f"n{number}", tuple(f"n{need}" for need in sorted(needs))))
    return outline(*nodes)


def followed(drawing: tuple[str, ...]) -> set[tuple[str, str]]:
    """The edges that somebody reads who follows the lines down from each box, without ever turning up."""
    grid = [list(line.ljust(max(map(len, drawing)))) for line in drawing]
    boxes: dict[tuple[int, int], str] = {}
    for row, line in enumerate(grid):
        for column, sign in enumerate(line):
            if (
                sign == "┌"
                and row + 3 < len(grid)
                and grid[row + 1][column] == "│"
                and grid[row + 1][column + 1] == " "
            ):
                end = column + 1
                while line[end] in "─┴":
                    end += 1
                name = "".join(grid[row + 1][column + 2 : end]).strip(" │")
                if line[end] == "┐" and name.startswith("n") and grid[row + 3][column] == "└":
                    for inside in range(column, end + 1):
                        boxes[row, inside] = name
                        boxes[row + 3, inside] = name
    edges = set()
    ways = {
        "│": {"d": "d", "l": "l", "r": "r"},  # somebody else's line, drawn over this one
        "─": {"l": "l", "r": "r"},
        "└": {"d": "r"},
        "┘": {"d": "l"},
        "┌": {"l": "d"},
        "┐": {"r": "d"},
        "├": {"d": "dr", "l": "d"},
        "┤": {"d": "dl", "r": "d"},
        "┬": {"l": "ld", "r": "rd"},
        "┴": {"d": "lr", "l": "l", "r": "r"},
        "┼": {"d": "dlr", "l": "dl", "r": "dr"},
    }
    moves = {"d": (1, 0), "l": (0, -1), "r": (0, 1)}
    for (row, column), name in boxes.items():
        if grid[row][column] != "┬":
            continue
        todo, seen = [(row + 1, column, "d")], set()
        while todo:
            here = todo.pop()
            if here in seen:
                continue
            seen.add(here)
            y, x, way = here
            if (y, x) in boxes:
                if grid[y][x] == "┴":
                    edges.add((name, boxes[y, x]))
                continue
            for turn in ways.get(grid[y][x], {}).get(way, ""):
                todo.append((y + moves[turn][0], x + moves[turn][1], turn))
    return edges


@settings(max_examples=150)
@given(graphs())
def test_whoever_follows_the_lines_of_a_drawing_finds_each_edge_and_no_other(graph: Outline) -> None:
    found = draw(graph, width=400)
    text = "\n".join(found.lines)
    for name in graph.nodes:
        assert text.count(f" {name} ") == 1 or "←" in text
    if "┌" not in text:
        return  # drawn as a list
    edges = {(need, node.name) for node in graph.nodes.values() for need in node.needs}
    assert followed(found.lines) == edges


needs_dot = pytest.mark.skipif(shutil.which("dot") is None, reason="graphviz is not installed here")


@needs_dot
def test_graphviz_reads_what_is_written_for_it_with_odd_names_too(store: Store) -> None:
    graph = Graph((Node("list", "list"), Node("work/on-it.2", 'odd"\\', ("list",), foreach="list")))
    execute(store, graph, {"list": lambda: ['a"b', "c\\d", "Île/4"], 'odd"\\': lambda item: item})
    found = read_outline(store, store.run("r1"))
    units = {name: list(store.units("r1", node=name)) for name in found.nodes}
    drawn = subprocess.run(
        ["dot", "-Tplain"],
        input=dot(found, "r1", units),
        capture_output=True,
        text=True,
        check=True,
        timeout=20,
    )
    assert drawn.stderr == ""
    rows = [line.split()[:3] for line in drawn.stdout.splitlines()]
    assert sum(row[0] == "node" for row in rows) == 2 + 3
    assert ["edge", "list", '"work/on-it.2"'] in rows


def test_one_element_for_each_node_however_many_units_it_has(store: Store) -> None:
    graph = Graph((Node("list", "list"), Node("work", "work", ("list",), foreach="list")))
    execute(store, graph, {"list": lambda: list(range(300)), "work": lambda n: n})
    found = read_outline(store, store.run("r1"))
    assert dot(found, "r1").count("label=") == 2 + 1
    assert len(draw(found, width=80).lines) == 9
