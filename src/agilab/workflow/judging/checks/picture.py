"""Does `pipeline_view.dot`, where somebody drew one, show the stages as they are?"""

from __future__ import annotations

import re
from collections.abc import Iterator

from agi_node.errors import AgiError
from agilab.projects.pipeline_view import read_view
from agilab.workflow.judging.checks.case import Case
from agilab.workflow.judging.findings import Finding, Location

VIEW = "pipeline_view.dot"


def picture(case: Case) -> Iterator[Finding]:
    """A picture that leaves stages out, shows others, or other arrows.

    The picture of an app's own nodes, in whose folder a lab may lie, is none of these.
    """
    path = case.folder / VIEW
    if not path.is_file():
        return
    try:
        view = read_view(path.read_text(encoding="utf-8"), VIEW)
    except (OSError, UnicodeDecodeError) as problem:
        yield case.finding("061", Location(VIEW, 1), None, f"{VIEW} cannot be read", str(problem)[:80])
        return
    except AgiError as problem:
        line = re.search(r"line (\d+)", problem.what)
        at = Location(VIEW, int(line[1]) if line else 1)
        yield case.finding("061", at, None, f"{VIEW} is no directed graph", problem.found or "")
        return
    stages = case.resolved.stages
    if not set(view.nodes) & set(case.number):
        return
    drawn, edges = view.among(stages), set(case.resolved.edges)
    problems = [f"{name} is not in the picture" for name in stages if name not in view.nodes]
    problems += [
        f"it shows {name}, which does not run" for name in case.resolved.left_out if name in view.nodes
    ]
    problems += [f"it shows {one}, which is no stage" for one in view.nodes if one not in case.number]
    problems += [f"{one} -> {other} is not in the picture" for one, other in sorted(_reduced(edges) - drawn)]
    problems += [
        f"it shows {one} -> {other}, which is not so" for one, other in sorted(drawn - _closed(edges))
    ]
    for what in problems:
        yield case.finding("060", Location(VIEW, 1), None, f"{VIEW} shows something else: {what}", what)


def _closed(edges: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """The edges, and every pair that a way along them joins."""
    after: dict[str, set[str]] = {}
    for one, other in edges:
        after.setdefault(one, set()).add(other)
    found: set[tuple[str, str]] = set()
    for start, nearest in after.items():
        waiting, seen = [*nearest], set[str]()
        while waiting:
            at = waiting.pop()
            if at not in seen:
                seen.add(at)
                found.add((start, at))
                waiting += after.get(at, ())
    return found


def _reduced(edges: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """The edges that no longer way stands for: a picture need not show the others."""
    closed = _closed(edges)
    return {
        (one, other)
        for one, other in edges
        if not any(
            (one, middle) in closed and (middle, other) in closed
            for middle in {end for _, end in edges} - {one, other}
        )
    }
