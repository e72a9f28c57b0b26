"""`agilab workflow …`: a lab's stages, written, judged, drawn and run."""

from __future__ import annotations

import rich_click

from agilab.cli.commands import SETTINGS, Group, examples

PLACES = {
    "new": "agilab.cli.workflow_edit:new",
    "add": "agilab.cli.workflow_edit:add",
    "rm": "agilab.cli.workflow_edit:rm",
    "mv": "agilab.cli.workflow_edit:mv",
    "show": "agilab.cli.workflow_show:show",
    "view": "agilab.cli.workflow_view:view",
    "diff": "agilab.cli.workflow_diff:diff",
    "validate": "agilab.cli.workflow_check:validate",
    "export": "agilab.cli.notebook_export:export",
    "migrate": "agilab.cli.workflow_check:migrate",
    "run": "agilab.cli.workflow_run:run",
    "plan": "agilab.cli.workflow_run:plan",
    "try": "agilab.cli.workflow_run:try_",
    "ask": "agilab.cli.workflow_ask:ask",
}


@rich_click.group(
    cls=Group,
    places=PLACES,
    context_settings=SETTINGS,
    epilog=examples(
        ("agilab workflow new .", "begin: two stages that run"),
        ("agilab workflow validate", "judge them without running them"),
        ("agilab workflow run", "run the stages of this folder's lab_stages.toml"),
        ("agilab workflow plan --cache", "what would run, and why"),
        ("agilab workflow try clean", "one stage on real inputs, without recording it"),
    ),
)
def workflow() -> None:
    """The stages around an app or a study: lab_stages.toml."""
