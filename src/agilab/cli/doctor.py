"""`agilab doctor`: is this machine fit to run apps?"""

from __future__ import annotations

import rich_click

from agilab.cli.commands import SETTINGS, examples, json_option


@rich_click.command(
    "doctor",
    context_settings=SETTINGS,
    epilog=examples(
        ("agilab doctor", "everything at once"),
        ("agilab env doctor flight", "one app's, byte for byte"),
    ),
)
@json_option
def doctor(as_json: bool) -> int:
    """Check this machine and this workspace.

    Looks at Python, uv, the disk, the environments, the database and the tracking store. Exit code 1 if
    something will not work.
    """
    from agilab.cli.findings import show_findings
    from agilab.projects.doctor import examine
    from agilab.store.workspace import Workspace

    return show_findings(examine(Workspace.default()), as_json=as_json)
