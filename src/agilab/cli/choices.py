"""Words that the shell can complete: apps, runs, labs, documents. Slow or failing look-ups give nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import click
from click.shell_completion import CompletionItem

SHOWN = 40
"""Runs that are offered; older ones can still be typed."""

Rows = Callable[[click.Context], Iterable[tuple[str, str]]]


class Word(click.ParamType):  # type: ignore[type-arg]  # generic in new versions of click only
    """A text with suggestions; what it means is for the library to say."""

    def __init__(self, name: str, rows: Rows, *, folders: bool = False) -> None:
        self.name = name
        self._rows = rows
        self._folders = folders

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem[Any]]:
        try:
            rows = list(self._rows(ctx))
        except Exception:
            # A shell that completes must never see a traceback, whatever state the workspace is in.
            return []
        begin = [row for row in rows if row[0].startswith(incomplete)]
        # Run ids begin with a date, which nobody remembers: any part of them will do.
        found = begin or [row for row in rows if incomplete in row[0]]
        items = [CompletionItem(word, help=said or None) for word, said in found]
        if self._folders and (not items or "/" in incomplete):
            items.append(CompletionItem(incomplete, type="dir"))
        return items


def _apps(ctx: click.Context) -> Iterable[tuple[str, str]]:
    from agilab.projects.discover import list_apps
    from agilab.store.workspace import Workspace

    return [(app.name, app.description) for app in list_apps(Workspace.default())]


def _runs(ctx: click.Context) -> Iterable[tuple[str, str]]:
    from agilab.store.store import Store
    from agilab.store.workspace import Workspace

    with Store(Workspace.default(), readonly=True) as store:
        rows = [(run.run_id, f"{run.app} {run.state}") for run in store.runs(limit=SHOWN)]
    return [*rows, ("last", "the newest run")]


def _units(ctx: click.Context) -> Iterable[tuple[str, str]]:
    from agilab.store.store import Store
    from agilab.store.workspace import Workspace

    with Store(Workspace.default(), readonly=True) as store:
        run = store.run(str(ctx.params.get("run", "last")))
        return [(unit.unit_id, unit.state) for unit in store.units(run.run_id, limit=1000)]


def _labs(ctx: click.Context) -> Iterable[tuple[str, str]]:
    from agilab.store.workspace import Workspace
    from agilab.workflow.document.known import known_labs

    return [(name, str(path.parent)) for name, path in sorted(known_labs(Workspace.default()).items())]


def _stages(ctx: click.Context) -> Iterable[tuple[str, str]]:
    from agilab.store.workspace import Workspace
    from agilab.workflow.document.locate import find_lab, read_lab_file

    path = find_lab(ctx.params.get("lab"), Workspace.default())
    return [(stage.id, stage.title) for stage in read_lab_file(path).lab.stages]


def _documents(ctx: click.Context) -> Iterable[tuple[str, str]]:
    from agilab.contracts.registry import schema_list

    return [(kind["name"], kind["description"]) for kind in schema_list()]


APP = Word("app", _apps, folders=True)
RUN = Word("run", _runs)
UNIT = Word("unit", _units)
LAB = Word("lab", _labs, folders=True)
STAGE = Word("stage", _stages)
DOCUMENT = Word("document", _documents)
