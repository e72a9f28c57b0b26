"""The answer to "why?" about a run, a node or a unit."""

from __future__ import annotations

from agi_node.errors import AgiError
from agilab.store.store import Store
from agilab.views.history import find_unit, state_of
from agilab.views.node_story import explain_node
from agilab.views.outline import read_outline
from agilab.views.run_story import explain_run
from agilab.views.story import Explanation, Scene
from agilab.views.unit_story import explain_unit


def explain(store: Store, name: str, unit: str | None = None) -> Explanation:
    """Explain a run, or one unit or node of it; names as `Store.run` and `find_unit` take them.

    Raises AGI-RUN-001 to -003 for what is not there, or is there several times.
    """
    run = store.run(name)
    scene = Scene(store, run, read_outline(store, run), state_of(store, run))
    if unit is None:
        return explain_run(scene)
    try:
        found = find_unit(store, run.run_id, unit)
    except AgiError:
        # A node that has no units yet, or that never had any, or that has many.
        if unit not in scene.outline.nodes:
            raise
        return explain_node(scene, scene.outline.nodes[unit])
    return explain_unit(scene, found)
