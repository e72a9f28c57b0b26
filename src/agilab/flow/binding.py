"""Declared nodes and arguments as a graph of the engine: who needs whom, and who is given what."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agi_node.canonical import canonical, tag
from agi_node.errors import AgiError
from agi_node.values import NOT_PLAIN, as_plain
from agilab.engine.foreach import sources
from agilab.engine.graph import Graph, Node
from agilab.flow.declaration import Declared, Function, names_of, settled


@dataclass(frozen=True)
class Bound:
    """A graph that can run.

    Attributes:
        functions: By target.
        given: The arguments that somebody gave, as plain data.
        args: All arguments with their values, defaults included; `node.name` where nodes have different defaults.
    """

    graph: Graph
    functions: Mapping[str, Function]
    given: Mapping[str, Any]
    args: Mapping[str, Any]


def bind(
    flow: str,
    nodes: Mapping[str, Declared],
    arguments: Mapping[str, Any],
    *,
    keep_going: bool | None = None,
    pools: Mapping[str, int] | None = None,
    max_parallel: int | None = None,
    max_units: int = 100_000,
) -> Bound:
    """Tie parameters to nodes and arguments.

    `keep_going` None goes on after a failure where some node is content with a part of what it needs.

    Raises AGI-FLOW-006 for a flow without nodes, AGI-FLOW-003 for a parameter that nobody gives, AGI-FLOW-004 for an
    argument that nobody takes, AGI-FLOW-005 for one that is no plain data, and what `Graph` raises.
    """
    if not nodes:
        raise AgiError(
            "AGI-FLOW-006",
            f"flow {flow} has nothing to run",
            found="no nodes",
            allowed="at least one function with @flow.node",
            whose="author",
        )
    given = {name: _plain(name, value) for name, value in arguments.items()}
    _refuse_unknown(flow, nodes, given)
    names = names_of(nodes)
    used: dict[str, dict[str, Any]] = {}
    built = [_node(flow, node, nodes, given, names, used) for node in nodes.values()]
    if keep_going is None:
        keep_going = any(node.require != "all" for node in nodes.values())
    graph = Graph(
        tuple(built),
        keep_going=keep_going,
        pools=dict(pools or {}),
        max_parallel=max_parallel,
        max_units=max_units,
    )
    functions = {node.target: nodes[node.name].function for node in built}
    return Bound(graph, functions, given, _flat(used))


def _node(
    flow: str,
    node: Declared,
    nodes: Mapping[str, Declared],
    given: Mapping[str, Any],
    names: Mapping[int, str],
    used: dict[str, dict[str, Any]],
) -> Node:
    foreach = settled(node, names)
    needs, args = [], {}
    for parameter in node.asked:
        name = parameter.name
        if name in nodes:
            if name in sources(foreach):
                raise AgiError(
                    "AGI-FLOW-003",
                    f"node {node.name} maps over {name} and asks for the whole of it too",
                    found=f"parameter {name}",
                    allowed=f"a node between them that returns what {node.name} needs of the whole",
                    whose="author",
                )
            needs.append(name)
            continue
        if name not in given and parameter.default is inspect.Parameter.empty:
            raise _missing(node.name, name, nodes)
        value = given[name] if name in given else as_plain(parameter.default)
        if value is not NOT_PLAIN:
            used.setdefault(name, {})[node.name] = value
            # A default that plain data would change (a tuple, say) is left to the function, as an object is.
            if name in given or repr(value) == repr(parameter.default):
                args[name] = value
    return Node(
        node.name,
        f"{flow}:{node.name}",
        tuple(needs),
        foreach,
        args=tag(args),
        require=node.require,
        on_empty=node.on_empty,
        policy=node.policy,
    )


def _plain(name: str, value: Any) -> Any:
    plain = as_plain(value)
    if plain is NOT_PLAIN:
        raise AgiError(
            "AGI-FLOW-005",
            f"the argument {name} is no plain data",
            found=f"{type(value).__module__}.{type(value).__qualname__}",
            allowed="numbers, texts, None, and lists and dicts of these: arguments are written down with the run",
            try_=f"@flow.node def {name}(): return …",
        )
    return plain


def _refuse_unknown(flow: str, nodes: Mapping[str, Declared], given: Mapping[str, Any]) -> None:
    known = {p.name: None for node in nodes.values() for p in node.asked if p.name not in nodes}
    for name in given:
        if name in nodes:
            raise AgiError(
                "AGI-FLOW-004",
                f"the argument {name} has the name of a node, whose result it would hide",
                found=name,
                allowed=", ".join(known) or "no arguments",
            )
        if name not in known:
            raise AgiError(
                "AGI-FLOW-004",
                f"no node of flow {flow} takes an argument {name}",
                found=name,
                allowed=", ".join(known) or "no arguments",
                try_=_close(name, known),
            )


def _missing(node: str, name: str, nodes: Mapping[str, Declared]) -> AgiError:
    near = _close(name, nodes)
    return AgiError(
        "AGI-FLOW-003",
        f"nobody gives the parameter {name} of node {node}",
        found=f"{name}: no node, no argument, no default",
        allowed=f"a node ({', '.join(nodes)}), an argument, or a default",
        try_=near or f"flow.run({name}=…)",
        whose="author",
    )


def _close(name: str, known: Mapping[str, Any]) -> str | None:
    near = difflib.get_close_matches(name, known, 1)
    return f"did you mean {near[0]}?" if near else None


def _flat(used: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, by_node in used.items():
        values = list(by_node.values())
        if len({canonical(value) for value in values}) == 1:
            flat[name] = values[0]
        else:
            flat |= {f"{node}.{name}": value for node, value in by_node.items()}
    return flat
