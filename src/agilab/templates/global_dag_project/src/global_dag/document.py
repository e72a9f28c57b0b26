"""The document `multi_app_dag.json` (`agilab.multi_app_dag.v1`): apps as nodes, artifacts handed on along edges."""

import json
from graphlib import CycleError, TopologicalSorter
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from agi_node import AgiError, FileRef


def _inside(path: str) -> str:
    parts = PurePosixPath(path).parts
    if not parts or path.startswith(("/", "~")) or "\\" in path or ".." in parts or ":" in parts[0]:
        raise ValueError(f"{path!r} is not a relative path inside the run's folder")
    return path


class Kept(BaseModel):
    """What every part has in common: keys that are not known here are kept."""

    model_config = ConfigDict(frozen=True, extra="allow")


class Artifact(Kept):
    """A file that one app leaves and another reads."""

    id: str = Field(min_length=1)
    kind: str
    path: Annotated[str, AfterValidator(_inside)]


class Node(Kept):
    """One run of one app."""

    id: str = Field(min_length=1)
    app: str = Field(min_length=1)
    purpose: str = ""
    produces: tuple[Artifact, ...] = ()
    consumes: tuple[Artifact, ...] = ()


class Edge(Kept):
    """One artifact, from the node that produces it to one that consumes it."""

    source: str = Field(alias="from")
    to: str
    artifact: str
    handoff: str = "file"


class Dag(Kept):
    """The whole document."""

    schema_id: Literal["agilab.multi_app_dag.v1"] = Field(alias="schema")
    dag_id: str
    label: str = ""
    nodes: tuple[Node, ...] = Field(min_length=1)
    edges: tuple[Edge, ...] = ()


def read_dag(file: FileRef) -> Dag:
    """The document in a file. Raises DAG-101 for what is none, 102 for an id that comes twice, naming the place."""
    try:
        dag = Dag.model_validate(json.loads(file.path.read_text(encoding="utf-8")))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise refusal("101", f"{file}: {where} is wrong", f"{first['input']!r:.120}", first["msg"]) from None
    except ValueError as error:
        raise refusal("101", f"{file} is no JSON", str(error)[:200], "a JSON object") from None
    ids = [node.id for node in dag.nodes]
    twice = sorted({one for one in ids if ids.count(one) > 1})
    if twice:
        raise refusal("102", f"{file}: a node's id comes twice", ", ".join(twice), "each id once")
    return dag


def broken_edges(dag: Dag) -> list[str]:
    """What is wrong with each edge: an end that does not exist, an artifact that is not made or not read there."""
    made = {node.id: {artifact.id for artifact in node.produces} for node in dag.nodes}
    read = {node.id: {artifact.id for artifact in node.consumes} for node in dag.nodes}
    found = []
    for edge in dag.edges:
        name = f"{edge.source} -> {edge.to}"
        found += [f"{name}: there is no node {end}" for end in (edge.source, edge.to) if end not in made]
        if edge.artifact not in made.get(edge.source, {edge.artifact}):
            found.append(f"{name}: {edge.source} does not produce {edge.artifact}")
        if edge.artifact not in read.get(edge.to, {edge.artifact}):
            found.append(f"{name}: {edge.to} does not consume {edge.artifact}")
    return found


def not_handed_over(dag: Dag) -> list[str]:
    """Artifacts that a node consumes and no edge brings."""
    brought = {(edge.to, edge.artifact) for edge in dag.edges}
    return [
        f"{node.id} consumes {artifact.id}, which no edge brings"
        for node in dag.nodes
        for artifact in node.consumes
        if (node.id, artifact.id) not in brought
    ]


def levels(dag: Dag) -> list[list[str]]:
    """Node ids by level: what stands in one may run at the same time. Raises DAG-103 for a circle, naming it."""
    sorter: TopologicalSorter[str] = TopologicalSorter({node.id: set() for node in dag.nodes})
    for edge in dag.edges:
        sorter.add(edge.to, edge.source)
    found = []
    try:
        sorter.prepare()
    except CycleError as error:
        circle = " → ".join(error.args[1])
        raise refusal("103", "the apps wait for each other in a circle", circle, "no circle") from None
    while sorter.is_active():
        found.append(sorted(sorter.get_ready()))
        sorter.done(*found[-1])
    return found


def refusal(number: str, what: str, found: str, allowed: str) -> AgiError:
    """The error for a document that makes no DAG."""
    given: dict[str, Any] = {"found": found, "allowed": allowed, "try_": "edit the DAG", "exit_code": 1}
    return AgiError(f"DAG-{number}", what, **given)
