"""Pictures of pipelines, as people write them; what each shows is by the DOT language's own definition."""

from __future__ import annotations

import pytest

from agi_node.errors import AgiError
from agilab.projects.pipeline_view import read_view


@pytest.mark.parametrize(
    ("text", "nodes", "edges"),
    [
        ("digraph { }", "", ""),
        ("strict digraph G { a; b -> c }", "a b c", "bc"),
        ("digraph { a -> {b c} -> d }", "a b c d", "ab ac bd cd"),
        ("digraph { subgraph s { a b } -> c; }", "a b c", "ac bc"),
        ('digraph "my graph" { "a" [label="x -> y; z"]; a -> "b" }', "a b", "ab"),
        ("digraph { // a -> b\n# c -> d\n/* e -> f\n*/ g -> h }", "g h", "gh"),
        (
            "digraph { rankdir=LR; node [shape=box, style=rounded] edge [color=red]; a -> b [weight=2][style=bold] }",
            "a b",
            "ab",
        ),
        ("digraph { a:port:n -> b:w; c [label=<<b>bold</b> x>] }", "a b c", "ab"),
        ("digraph { a -> b; a -> b; b -> b }", "a b", "ab bb"),
        (
            "digraph { subgraph cluster_0 { label = inside; node [style=filled]; a -> b } b -> c }",
            "a b c",
            "ab bc",
        ),
        ("digraph { node -> a }", None, None),
        ("DIGRAPH { nodes -> graphic }", "nodes graphic", None),
    ],
)
def test_nodes_and_edges(text: str, nodes: str | None, edges: str | None) -> None:
    if nodes is None:
        with pytest.raises(AgiError, match="AGI-VIEW-001"):
            read_view(text)
        return
    found = read_view(text)
    assert found.nodes == tuple(nodes.split())
    if edges is not None:
        assert {"".join(edge) for edge in found.edges} == set(edges.split())


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("graph { a -- b }", 1),
        ("digraph {\n a -- b }", 2),
        ("digraph {\n a -> b\n", 2),
        ("digraph { a -> }", 1),
        ("digraph { } digraph { }", 1),
        ("digraph {\n\n a ? b }", 3),
        ("", 1),
        ("digraph { a [label=\n", 1),
    ],
)
def test_what_is_no_picture_is_refused_with_its_line(text: str, line: int) -> None:
    with pytest.raises(AgiError, match=f"view.dot, line {line}: this is no directed graph"):
        read_view(text, "view.dot")


def test_edges_between_some_nodes_lead_over_others() -> None:
    view = read_view("digraph { data -> plan -> a -> b -> work; b -> a; work -> page }")
    assert view.among(["plan", "work"]) == {("plan", "work")}
    assert view.among(["plan", "b", "work"]) == {("plan", "b"), ("b", "b"), ("b", "work")}
