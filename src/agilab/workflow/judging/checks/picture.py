"""Does `pipeline_view.dot`, where somebody drew one, show the stages as they are?"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from agi_node.errors import AgiError
from agilab.projects.pipeline_view import read_view
from agilab.workflow.document.view import MADE, used
from agilab.workflow.judging.checks.case import Case
from agilab.workflow.judging.findings import Finding, Location

VIEW = "pipeline_view.dot"
SHOWN = 4
"""Differences that a finding names."""


def picture(case: Case) -> Iterator[Finding]:
    """A picture that leaves stages out, shows others, or other arrows.

    The picture of an app's own nodes, in whose folder a lab may lie, is none of these.
    """
    path = case.folder / VIEW
    if not path.is_file():
        return
    try:
        text = path.read_text(encoding="utf-8")
        view = read_view(text, VIEW)
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
    missing = [name for name in stages if name not in view.nodes]
    shown = [
        (f"it shows {name}, which does not run", [name])
        for name in case.resolved.left_out
        if name in view.nodes
    ]
    shown += [(f"it shows {one}, which is no stage", [one]) for one in view.nodes if one not in case.number]
    shown += [
        # that one uses another's text may be shown or not: nothing runs in another order because of it
        (f"it shows {one} -> {other}, which is not so", [one, other])
        for one, other in sorted(drawn - _closed(edges) - set(used(case.resolved)))
    ]
    problems = [what for what, _ in shown]
    problems += (
        [f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} not in the picture"] if missing else []
    )
    problems += [  # of a stage that is not there no edge can be
        f"{one} -> {other} is not in the picture"
        for one, other in sorted(_reduced(edges) - drawn)
        if one not in missing and other not in missing
    ]
    if problems:
        first = min((_line(text, names) for _, names in shown), default=1)
        more = f"; and {len(problems) - SHOWN} more" if len(problems) > SHOWN else ""
        found = "; ".join(problems[:SHOWN]) + more
        what = f"{VIEW} does not show the stages as they are"
        yield case.finding("060", Location(VIEW, first), None, what, found, _anew(case, text))


def _line(text: str, names: list[str]) -> int:
    """The first line that has all of these names, or else the first of them; 1 where none has."""
    patterns = [re.compile(rf"(?<![\w-]){re.escape(name)}(?![\w-])") for name in names]
    lines = text.splitlines()
    for wanted in (patterns, patterns[:1]):
        for number, line in enumerate(lines, 1):
            if all(pattern.search(line) for pattern in wanted):
                return number
    return 1


def _anew(case: Case, text: str) -> str:
    """The command that draws the picture anew, as it is typed from where the lab was named."""
    here = case.folder == Path()
    words = ["agilab", "workflow", "view", *([] if here else [str(case.folder)])]
    words += ["--output", str(case.folder / VIEW), *([] if MADE in text else ["--force"])]
    return f"{shlex.join(words)} draws it anew"


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
