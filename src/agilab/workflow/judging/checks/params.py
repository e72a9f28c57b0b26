"""Params of a lab and lists that its stages write out: what of them reaches no stage, or should not stand there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from agi_node.errors import AgiError
from agilab.workflow.document.hidden import secrets_in
from agilab.workflow.document.params import unbounded
from agilab.workflow.document.resolved import Axis
from agilab.workflow.document.walked import entries
from agilab.workflow.judging.checks.case import Case
from agilab.workflow.judging.findings import Finding


def numbers(case: Case) -> Iterator[Finding]:
    """Params, written lists and arguments that are no finite numbers."""
    for one in unbounded(case.file.lab):
        if one.stage is None or one.stage in case.resolved.stages:
            at = case.place(one.stage, *one.path)
            yield case.finding("063", at, one.stage, one.what, str(one.value)[:80], one.mend)


def keys(case: Case) -> Iterator[Finding]:
    """Items of a list that have one key, where the list stands in the document."""
    for name, one in case.resolved.stages.items():
        for axis in one.foreach:
            if twice := _twice(_items(case, axis), axis.name):
                at = case.place(name, "foreach", axis.name)
                yield case.finding("062", at, name, f"two items of {axis.name} have the same key", twice)


def secrets(case: Case) -> Iterator[Finding]:
    """Secrets among the params of the lab, and among what its apps are given."""
    for path, kind in secrets_in(case.file.lab.lab.params):
        at = case.place(None, "lab", "params", *path)
        what = f"the param {path[0]} holds {kind}"
        yield case.finding("086", at, None, what, f"{path[0]} = (not shown)")
    for name, one in case.resolved.stages.items():
        for path, kind in secrets_in(one.stage.args):
            at = case.place(name, "args", *path)
            yield case.finding("086", at, name, f"{name} holds {kind}", f"{path[0]} = (not shown)")


def idle(case: Case) -> Iterator[Finding]:
    """Params that no stage takes, where there are stages."""
    if not case.resolved.stages:
        return
    for name in case.file.lab.lab.params:
        if name not in case.resolved.params:
            at = case.place(None, "lab", "params", name)
            yield case.finding("069", at, None, f"no stage takes the param {name}")


def _items(case: Case, axis: Axis) -> Any:
    """The items of a list that stands in the document; none of one that a stage makes."""
    if axis.items is not None:
        return list(axis.items)
    if axis.source is not None and axis.source.origin == "param":
        return case.file.lab.lab.params[axis.source.name]
    return []


def _twice(items: Any, name: str) -> str:
    """The first key that two items have, and the items; empty where each has its own, or they cannot be walked."""
    try:
        found = entries(items, name)
    except AgiError:
        return ""
    seen: dict[str, str] = {}
    for one in found:
        if one["key"] in seen:
            return f"{seen[one['key']]} and {one['payload']}: both {one['key']}"[:80]
        seen[one["key"]] = one["payload"]
    return ""
