"""Which stages have other params than in an earlier run, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agilab.contracts.dated_json import spelled
from agilab.engine.graph import Graph
from agilab.store.store import Store
from agilab.workflow.document.hidden import without_secrets

SHOWN = 40
"""Letters of a value."""


def changed_params(store: Store, parent: str, graph: Graph) -> dict[str, str]:
    """For each stage of `graph` whose params are not those that it had in run `parent`: `param d is 9 now`."""
    before = Graph.from_bytes(store.objects.read(store.run(parent).plan_digest or ""))
    were = {node.name: _params(node.given) for node in before.nodes}
    found: dict[str, str] = {}
    for node in graph.nodes:
        now, then = _params(node.given), were.get(node.name)
        if then is None:
            continue
        shown = without_secrets(now)
        said = [
            f"param {name} is {_shown(shown[name])} now"
            for name, value in now.items()
            if name in then and then[name] != value
        ]
        if said:
            found[node.name] = ", ".join(said)
    return found


def _params(args: Mapping[str, Any]) -> Mapping[str, Any]:
    """The params of a stage, as its node has them; none of a node of an app."""
    params = args.get("params", {})
    return params if "code" in args and isinstance(params, dict) else {}


def _shown(value: Any) -> str:
    text = spelled(value)
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 2]} …"
