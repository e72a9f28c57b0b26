"""A graph that cannot run is refused before anything runs, and the error names the culprit."""

from __future__ import annotations

import pytest

from agi_node.errors import AgiError
from agilab.engine.foreach import Items, Nested, product, zipped
from agilab.engine.graph import Graph, Node, Policy


def test_nodes_come_after_what_they_need() -> None:
    graph = Graph((Node("c", "c", ("b",)), Node("a", "a"), Node("b", "b", ("a",))))
    assert [node.name for node in graph.nodes] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("nodes", "complaint"),
    [
        ((Node("a", "a"), Node("a", "b")), "two nodes are called a"),
        ((Node("a", "a", ("ghost",)),), r"(?s)node a needs a node that does not exist.*ghost"),
        (
            (Node("a", "a"), Node("b", "b", (), foreach="ghost")),
            r"(?s)node b needs a node that does not exist.*ghost",
        ),
        (
            (Node("a", "a"), Node("b", "b", foreach=Nested("a"))),
            r"(?s)AGI-GRAPH-006.*node b nests in a node that is not mapped.*a",
        ),
        (
            (Node("a", "a", foreach=[1]), Node("b", "b", foreach=product(x="a", y=[1]))),
            r"(?s)AGI-GRAPH-006.*node b combines the items of a node that is mapped itself.*a",
        ),
        (
            (Node("a", "a", policy=Policy(pool="gpu")),),
            r"(?s)AGI-GRAPH-003.*takes from a pool that the graph does not have.*gpu",
        ),
        (
            (Node("a", "a", policy=Policy(max_parallel=0)),),
            r"(?s)AGI-GRAPH-007.*node a lets nothing run",
        ),
        (
            (Node("a", "a", ("c",)), Node("b", "b", ("a",)), Node("c", "c", ("b",))),
            r"(?s)cycle.*a -> c -> b -> a",
        ),
        ((Node("a", "a", ("a",)),), r"(?s)cycle.*a -> a"),
        ((Node("a", "a", require=0),), r"(?s)requires something that cannot be.*0"),
        ((Node("a", "a", require=1.5),), "cannot be"),
    ],
)
def test_a_graph_that_cannot_run_is_refused(nodes: tuple[Node, ...], complaint: str) -> None:
    with pytest.raises(AgiError, match=complaint):
        Graph(nodes)


def test_a_graph_survives_being_written_down() -> None:
    graph = Graph(
        (
            Node("a", "m:a", args={"x": 1}),
            Node("b", "m:b", ("a",), foreach="a", policy=Policy(max_retries=2)),
            Node("c", "m:c", foreach=product(lr=[0.1, float("nan")], row="a")),
            Node("d", "m:d", foreach=zipped(x=[1], y=[2, 3], fill=True)),
            Node("e", "m:e", foreach=Nested("b"), policy=Policy(pool="gpu", cache=True)),
            Node("f", "m:f", foreach=Items({"x": 1, "y": 2**60})),
        ),
        pools={"gpu": 1},
        max_parallel=4,
        keep_going=True,
    )
    again = Graph.from_bytes(graph.to_bytes())
    assert again.axes == graph.axes
    assert list(again.nodes[2].foreach.axes) == ["lr", "row"]
    assert again.digest == graph.digest


@pytest.mark.parametrize(
    ("require", "good", "total", "content"),
    [
        ("all", 2, 3, False),
        ("all", 3, 3, True),
        ("any", 1, 9, True),
        ("any", 0, 9, False),
        (2, 2, 9, True),
        (0.5, 4, 9, False),
        (0.5, 5, 9, True),
    ],
)
def test_what_a_node_requires_of_its_needs(
    require: str | int | float, good: int, total: int, content: bool
) -> None:
    assert Node("r", "r", require=require).satisfied(good, total) is content


@pytest.mark.parametrize(
    ("require", "good", "content"), [(2, 1, True), (2, 0, False), (0.5, 1, True), ("all", 0, False)]
)
def test_a_count_asks_one_unit_of_a_need_that_is_one_unit(
    require: str | int | float, good: int, content: bool
) -> None:
    assert Node("r", "r", require=require).satisfied(good, 1, single=True) is content
    assert not Node("r", "r", require=2).satisfied(good, 1)
