"""Apps that hand artifacts to each other: their DAG checked, ordered and drawn. Nothing of it is executed."""

from collections.abc import Iterator
from html import escape
from typing import Any

from pydantic import Field

from agi_node import App, Args, Distinct, FileRef, Files, Partial, RunContext, Sum, WorkItem

from .document import Dag, Node, broken_edges, levels, not_handed_over, read_dag

BOX, GAP, HEIGHT = 190, 130, 90
COLOURS = (
    "svg{color-scheme:light dark;background:#fff;fill:#1f2328}"
    ".line{fill:#eef1f4;stroke:#57606a}.app,marker{fill:#57606a}"
    "@media(prefers-color-scheme:dark){svg{background:#0d1117;fill:#e6edf3}"
    ".line{fill:#21262d;stroke:#9198a1}.app,marker{fill:#9198a1}}"
)
"""On a light ground, and on a dark one."""


class GlobalDagArgs(Args):
    """Which documents."""

    dags: Files = Field("multi_app_dag.json", validate_default=True, description="One or more DAG documents.")


class Handoffs(Partial):
    """What every node declares; each field says how two of them merge."""

    nodes: Sum[int] = 0
    apps: Distinct[str] = frozenset()
    produced: Distinct[str] = frozenset()
    consumed: Distinct[str] = frozenset()


app = App("global_dag", args=GlobalDagArgs, partial=Handoffs)


@app.plan
def nodes(args: GlobalDagArgs) -> Iterator[WorkItem]:
    """One item for each node of each document; a document that cannot be read is refused before anything runs."""
    for file in args.dags:
        for node in read_dag(file).nodes:
            yield WorkItem(key=f"{file.stem}:{node.id}", payload={"file": file, "id": node.id})


@app.work
def declare(item: dict[str, Any], run: RunContext) -> Handoffs:
    """What one node makes and reads, kept as the contract of its app."""
    file = FileRef.from_plain(item["file"])
    node: Node = next(node for node in read_dag(file).nodes if node.id == item["id"])
    run.save_json("node", node.model_dump(mode="json", by_alias=True))
    run.log_metrics({"produces": len(node.produces), "consumes": len(node.consumes)})
    return Handoffs(
        nodes=1,
        apps=frozenset({node.app}),
        produced=frozenset(f"{file.stem}:{artifact.id}" for artifact in node.produces),
        consumed=frozenset(f"{file.stem}:{artifact.id}" for artifact in node.consumes),
    )


@app.publish
def order(handoffs: Handoffs, args: GlobalDagArgs, run: RunContext) -> dict[str, list[list[str]]]:
    """For each document the order of its nodes and its picture; does every artifact come from somewhere?"""
    found = {}
    for file in args.dags:
        dag = read_dag(file)
        found[file.stem] = levels(dag)
        run.save_figure(file.stem, picture(dag, found[file.stem]))
        for name, wrong in (("edges agree", broken_edges(dag)), ("all is brought", not_handed_over(dag))):
            run.validate(
                f"{file.stem}: {name}", not wrong, value=len(wrong), limit=0, message="; ".join(wrong[:3])
            )
    missing = sorted(handoffs.consumed - handoffs.produced)
    run.validate("all is produced", not missing, value=len(missing), limit=0, message=", ".join(missing[:5]))
    run.save_json("order", found)
    return found


def picture(dag: Dag, ordered: list[list[str]]) -> str:
    """The DAG as SVG: a column for each level, an arrow with its artifact for each edge."""
    at = {
        one: (20 + x * (BOX + GAP), 20 + y * HEIGHT)
        for x, column in enumerate(ordered)
        for y, one in enumerate(column)
    }
    width, height = 40 + len(ordered) * (BOX + GAP) - GAP, 40 + max(map(len, ordered)) * HEIGHT
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        'font-family="sans-serif" font-size="13"><defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" '
        'markerWidth="8" markerHeight="8" orient="auto"><path d="M0 0L8 4L0 8z"/></marker></defs>'
        f"<title>{escape(dag.dag_id)}</title><style>{COLOURS}</style>"
    ]
    for edge in dag.edges:
        if edge.source in at and edge.to in at:
            (x, y), (u, v) = at[edge.source], at[edge.to]
            parts.append(f'<path class="line" d="M{x + BOX} {y + 25}L{u} {v + 25}" marker-end="url(#tip)"/>')
            middle = ((x + BOX + u) / 2, (y + v) / 2 + 18)
            parts.append(
                f'<text x="{middle[0]}" y="{middle[1]}" text-anchor="middle">{escape(edge.artifact)}</text>'
            )
    for node in dag.nodes:
        x, y = at[node.id]
        parts.append(f'<rect class="line" x="{x}" y="{y}" width="{BOX}" height="50" rx="6"/>')
        parts.append(f'<text x="{x + 10}" y="{y + 21}" font-weight="bold">{escape(node.id)}</text>')
        parts.append(f'<text x="{x + 10}" y="{y + 40}" class="app">{escape(node.app)}</text>')
    return "\n".join([*parts, "</svg>", ""])
