"""The answer of an app: what its `publish` returned, its last word on all items."""

from __future__ import annotations

from typing import Any

from agilab.contracts.subject import kind_of
from agilab.projects.node_tasks import LAST
from agilab.store.rows import RunRow
from agilab.store.store import Store
from agilab.store.transitions import WITH_VALUE


def answer_of(store: Store, run: RunRow) -> Any:
    """What the `publish` of a run returned, as JSON keeps it (`agi_node.canonical.untag` gives the numbers back).

    None where it returned nothing, has not succeeded, or where the app has none; of a lab too, whose stages are told
    apart, and of a flow, whose caller has its values.
    """
    if kind_of(run.app)[0] != "app":
        return None
    # A node that was never expanded has no units: an empty page, not an error.
    published = next(iter(store.units(run.run_id, node=LAST)), None)
    if published is None or published.state not in WITH_VALUE:
        return None
    return store.value(store.result(run.run_id, published.unit_id))
