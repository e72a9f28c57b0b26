"""What a report is asked about: the apps that are here, with what each said of itself."""

from __future__ import annotations

from collections.abc import Sequence

from agilab.evidence.report import KnownApp, Scope
from agilab.projects.discover import find_app, list_apps
from agilab.projects.installed import look_at
from agilab.store.workspace import Workspace


def scope_of(workspace: Workspace, names: Sequence[str] = ()) -> Scope:
    """All apps, or those that are named. Raises AGI-APP-101 for a name that no app has."""
    apps = [find_app(name, workspace) for name in names] or list_apps(workspace)
    return Scope(
        workspace,
        tuple(
            KnownApp(
                app.name,
                "built in" if app.built_in else "remembered",
                look_at(app, workspace).description if app.reference else {"partial": None},
            )
            for app in apps
        ),
    )
